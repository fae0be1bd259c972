"""Small talk: an LSTM reads the prompt, a second one with attention replies, and D judges prompt and reply together.

First the generator learns to repeat the replies of people (maximum likelihood). Then it speaks for itself: it draws whole
replies, D says how real each is for its prompt, and what D liked becomes likelier (REINFORCE). D is shown real pairs,
generated replies, and real replies to the wrong prompt: a fluent reply to another question will not do.
Data: small talk made here, a fifth of its prompts kept for the test, or --data pairs.tsv. Measured by right replies to
prompts never seen: 97 %, to which D adds nothing here (benchmarks/results/dialogue.md). `tinygan chat RUN` talks.
Li et al. 2017, *Adversarial Learning for Neural Dialogue Generation*; wrong pairs as in Reed et al. 2016, section 4.2.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinygan import ops
from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, Vocabulary, note
from tinygan.data.files import list_some
from tinygan.data.text import count_tokens, is_right, read_pairs, small_talk, tokens, topic_of
from tinygan.files import Range, written_whole
from tinygan.gan.replies import Replies, ReplySettings
from tinygan.networks.attending import AttendingSettings, AttendingWriter, Reader
from tinygan.nn import Linear, Module
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class OwnPairSettings(RunSettings):
    """Pairs of your own."""

    longest: int = setting(100, "Words of a prompt, and of a reply; pairs with longer ones are left out.", 1)


@defaults(learning_rate=3e-3, ema=0.99, beta1=0.9, clip_gradients=5.0)
class Settings(AttendingSettings, ReplySettings):
    """Settings of `dialogue`."""

    data: str = setting(
        "", "A file of your own: on each line a prompt, a tab, a reply; empty: small talk made here.",
        brings=OwnPairSettings,
    )  # fmt: skip


# --- the players -----------------------------------------------------------------------------------------------


class Replier(AttendingWriter):
    """Generator: a reader's states of the prompt, and a writer that attends to them."""

    def __init__(self, words, longest, s, rng):
        self.reader = Reader(words, s, rng)
        super().__init__(Reader(words, s, rng), words, longest, s, rng)

    def read(self, prompts):
        """Return what a reply to prompts (N, S) needs: their states (N, S, H), where they are words, the first (h, c)."""
        states, cell = self.reader(prompts, lengths=(prompts != 0).sum(1))
        return ops.transpose(states, 0, 1), (prompts != 0)[:, None], (states[-1], cell)


class PairJudge(Module):
    """Discriminator: one LSTM reads the prompt, then goes on to read the reply; the verdict is linear in its last state."""

    def __init__(self, words, s, rng):
        self.reader = Reader(words, s, rng)
        self.verdict = Linear(s.hidden, 1, rng=rng)

    def forward(self, prompts, replies):
        """Prompts (N, S) and replies (N, T) -> verdicts (N, 1)."""
        states, cell = self.reader(prompts, lengths=(prompts != 0).sum(1))
        states, _ = self.reader(replies, (states[-1], cell), (replies != 0).sum(1))
        return self.verdict(states[-1])


# --- the game --------------------------------------------------------------------------------------------------


class Dialogue(Replies):
    """The game of Replier against PairJudge. A sample is a prompt and its reply, tokens (S + T).

    vocabulary: of both; asked: prompts that samples reply to.
    """

    at_once = 4096

    def __init__(self, generator, discriminator, read, s, saved, vocabulary, asked):
        super().__init__(generator, discriminator, read, s, saved)
        self.vocabulary, self.asked = vocabulary, asked

    def sample(self, n, seed, *, given=None, **how):
        """Return n prompts, those given or some that training does not show, and replies to them: tokens (n, S + T)."""
        if given is None:
            order = stream(seed, "prompts").permutation(len(self.asked))
            given = np.resize(self.asked[order], (n, self.asked.shape[1]))
        return super().sample(n, seed, given=given, **how)

    def draw(self, n, rng, given, temperature=1.0):
        return np.concatenate([given, self.reply(given, rng, temperature)], 1)

    def made(self, samples):
        """Return the replies of samples."""
        return [samples[:, self.asked.shape[1] :]]

    def lines(self, samples):
        """Return samples as [(prompt, reply)], strings."""
        cut = self.asked.shape[1]
        return list(zip(self.vocabulary.decode(samples[:, :cut]), self.vocabulary.decode(samples[:, cut:])))


SAVED = {"tokens": [str], "longest": [Range(1, 65_536)], "asked": [str]}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train dialogue` plays."""
    train, asked = _pairs(s, saved) if saved is None or not s.data or Path(s.data).exists() else ([], saved["asked"])
    if saved is None:
        vocabulary = Vocabulary([line for pair in train for line in pair], "word")
        longest = [int(vocabulary.encode(lines)[1].max()) for lines in zip(*train)]
        saved = {"tokens": vocabulary.tokens, "longest": longest, "asked": asked}
    vocabulary, longest = Vocabulary.from_tokens(saved["tokens"], "word"), saved["longest"]

    def read(k):
        if not train:
            raise DataError(f"{s.data}: no such file; without it this run can talk, but it cannot be trained")
        return loader.batch(k)

    if train:
        rows = [to_device(vocabulary.encode(lines, n)[0], device) for lines, n in zip(zip(*train), longest)]
        loader = Loader(*rows, batch_size=s.batch_size, seed=s.seed)
    g = Replier(len(vocabulary), longest[1], s, stream(s.seed, "generator")).to(device)
    d = PairJudge(len(vocabulary), s, stream(s.seed, "discriminator")).to(device)
    asked, _ = vocabulary.encode(saved["asked"], longest[0])
    return Dialogue(g, d, read, s, saved, vocabulary, asked)


def _pairs(s, saved):
    """Return the pairs [(prompt, reply)] to train on, and prompts that are not among them: a tenth of a reader's own."""
    if not s.data:
        pairs, asked = [(p, reply) for p, replies in small_talk("train") for reply in replies], small_talk("test")
        note(f"{len(pairs):,} pairs of small talk, made here; {len(asked):,} prompts held out")
        return pairs, [p for p, _ in asked]
    read = [(prompt.lower(), reply.lower()) for prompt, reply in read_pairs(s.data)]
    most = max(s.longest, *(n - 1 for n in saved["longest"])) if saved else s.longest  # older runs left none out
    pairs = [pair for pair in read if max(count_tokens(line, "word") for line in pair) <= most]
    if len(pairs) < len(read):
        longest = max(count_tokens(line, "word") for pair in read for line in pair)
        note(
            f"left out: {len(read) - len(pairs):,} of {len(read):,} pairs that have more than {s.longest} words in prompt or"
            f" reply; --set longest={longest} takes them in"
        )
    prompts = sorted({prompt for prompt, _ in pairs})
    asked = prompts[::10]
    train = [pair for pair in pairs if pair[0] not in set(asked)]
    if len(train) < s.batch_size:
        raise DataError(
            f"{s.data}: pairs: {len(pairs)}, different prompts: {len(prompts)}, of which a tenth is kept from training: too"
            f" few for batches of {s.batch_size}; add pairs{f', or --set batch_size={len(train)}' if train else ''}"
        )
    note(f"{len(pairs):,} pairs of {s.data}, in small letters; {len(pairs) - len(train):,} held out with their prompts")
    return train, asked[:500]


CHATS = True


def example(game):
    """Return a prompt that training did not show."""
    return game.saved["asked"][0]


def respond(game, given, rng):
    """Return a reply to a line of text."""
    words, longest = tokens(given.lower(), "word"), game.asked.shape[1] - 1
    unknown = [word for word in words[:longest] if word not in game.vocabulary.number]
    if unknown:
        note(f"words that this run has never read: {list_some(unknown)}")
    if len(words) > longest:
        note(f"cut to {longest} words, the longest prompt that this run has read")
    rows, _ = game.vocabulary.encode([given.lower()], longest + 1)
    return game.vocabulary.decode(game.reply(rows, rng))[0]


def write(game, samples, path):
    """Write a prompt and its reply on each line, a tab between."""
    with written_whole(path) as temporary:
        temporary.write_text("".join(f"{prompt}\t{reply}\n" for prompt, reply in game.lines(samples)), "utf-8")


FORMATS = {".txt": write}
EVALUATED_SAMPLES = 2000


def evaluate(game, samples):
    """Return how many replies differ; of small talk also the share that is right, by topic, and how evenly it is put.

    evenness: the entropy of which of the three right ways of replying was taken, 1 if all are as likely.
    """
    lines = game.lines(samples)
    scores = {"samples": len(lines), "different_replies": len({reply for _, reply in lines}) / len(lines)}
    if game.settings.data:
        return scores
    right = [is_right(prompt, reply) for prompt, reply in lines]
    scores["right"] = float(np.mean(right))
    topics = np.array([topic_of(prompt) for prompt, _ in lines])
    scores |= {f"right_about_{topic}": float(np.mean(right, where=topics == topic)) for topic in sorted(set(topics))}
    replies = dict(small_talk("test"))
    ways = [replies[prompt].index(reply) for (prompt, reply), ok in zip(lines, right) if ok]
    p = np.bincount(ways, minlength=3) / max(1, len(ways))
    return {**scores, "evenness": float((p * -np.log(p + 1e-12)).sum() / np.log(3))}

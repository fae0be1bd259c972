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
from tinygan.autodiff import no_grad
from tinygan.backend import stream, to_device, to_numpy, xp
from tinygan.data import DataError, Loader, Vocabulary, note
from tinygan.data.text import count_tokens, is_right, read_pairs, small_talk, topic_of
from tinygan.files import Range, written_whole
from tinygan.gan.adversarial import g_and_d
from tinygan.gan.objectives import minimax
from tinygan.gan.players import Batch, Game, read_back
from tinygan.gan.settings import AverageSettings, DuelSettings
from tinygan.losses import cross_entropy
from tinygan.nn import Embedding, Linear, LSTMCell, Module
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class OwnPairSettings(RunSettings):
    """Pairs of your own."""

    longest: int = setting(100, "Words of a prompt, and of a reply; pairs with longer ones are left out.", 1)


@defaults(learning_rate=3e-3, ema=0.99, beta1=0.9, clip_gradients=5.0)
class Settings(AverageSettings, DuelSettings):
    """Settings of `dialogue`."""

    data: str = setting(
        "", "A file of your own: on each line a prompt, a tab, a reply; empty: small talk made here.",
        brings=OwnPairSettings,
    )  # fmt: skip
    imitation: float = setting(0.75, "Share of the steps in which G learns by maximum likelihood alone.", 0.0, 1.0)
    reward_weight: float = setting(
        0.3, "Weight of D's reward in G's gradient, beside the likelihood of real replies.", 0.0
    )
    embedding: int = setting(64, "Size of a word's vector.", 1)
    hidden: int = setting(128, "Size of the LSTMs' states.", 1)


# --- the players -----------------------------------------------------------------------------------------------


class Reader(Module):
    """Words, one after the other, into an LSTM: its states. Rows are tokens (N, T), 0 where a row is over."""

    def __init__(self, words, s, rng):
        self.words = Embedding(words, s.embedding, rng=rng)
        self.cell = LSTMCell(s.embedding, s.hidden, rng=rng)

    def forward(self, rows, state=(None, None), lengths=None):
        """Tokens (N, T) -> hidden states (T, N, H) and the last cell state (N, H); a row that is over keeps its state."""
        c = self.cell
        weights = c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh
        states = ops.lstm(self.words(rows.T), *state, *weights, lengths=lengths)
        return states[:-1], states[-1]


class Replier(Module):
    """Generator: states s of the prompt; h_t of the reply so far; p(word t) = softmax(W tanh(V [h_t, attention(h_t, s)]))."""

    def __init__(self, words, longest, s, rng):
        self.longest = longest
        self.reader, self.writer = Reader(words, s, rng), Reader(words, s, rng)
        self.mix = Linear(2 * s.hidden, s.hidden, rng=rng)
        self.out = Linear(s.hidden, words, rng=rng)

    def read(self, prompts):
        """Return what a reply to prompts (N, S) needs: their states (N, S, H), where they are words, the first (h, c)."""
        states, cell = self.reader(prompts, lengths=(prompts != 0).sum(1))
        return ops.transpose(states, 0, 1), (prompts != 0)[:, None], (states[-1], cell)

    def words(self, hidden, states, present):
        """Return, for hidden states of the reply (N, T, H), scores of the next word (N, T, V)."""
        seen = ops.scaled_dot_product_attention(hidden, states, states, attn_mask=present)
        return self.out(ops.tanh(self.mix(ops.cat([hidden, seen], 2))))

    def forward(self, prompts, replies):
        """log p of each word (N, T) of replies (N, T) to prompts (N, S), 0 after the end."""
        states, present, first = self.read(prompts)
        begin = xp(replies).ones_like(replies[:, :1])  # the writer begins with <end>
        before = xp(replies).concatenate([begin, replies[:, :-1]], 1)
        hidden, _ = self.writer(before, first)
        scores = self.words(ops.transpose(hidden, 0, 1), states, present)  # (N, T, V)
        flat = ops.reshape(scores, (-1, scores.shape[2]))
        return -ops.reshape(cross_entropy(flat, replies.reshape(-1), ignore_index=0, reduction="none"), replies.shape)

    def reply(self, prompts, rng):
        """Return replies (N, longest) to prompts (N, S), drawn word by word; 0 after <end>."""
        with no_grad():
            states, present, state = self.read(prompts)
            word = xp(prompts).ones(len(prompts), prompts.dtype)
            speaking, drawn = word, []  # 1 for rows that are not over yet
            for _ in range(self.longest):
                hidden, cell = self.writer(word[:, None], state)
                state = hidden[0], cell
                scores = self.words(ops.transpose(hidden, 0, 1), states, present)[:, 0]
                word = ops.categorical(scores.data, rng) * speaking
                speaking = speaking * (word != 1)
                drawn.append(word)
        return xp(prompts).stack(drawn, 1)


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


class Dialogue(Game):
    """The game of Replier against PairJudge; its step is imitation, and later imitation and reward.

    A sample is a prompt and its reply, tokens (S + T). vocabulary: of both; asked: prompts that samples reply to.
    """

    takes = ("given",)
    at_once = 4096
    bounds = minimax.bounds

    def __init__(self, generator, discriminator, read, s, saved, vocabulary, asked):
        super().__init__(g_and_d(generator, discriminator, s), s, saved)
        self.G, self.D = self.players["generator"], self.players["discriminator"]
        self.read, self.vocabulary, self.asked = read, vocabulary, asked

    def batch(self, k):
        """Return the replies of a step, and the prompts that they answer."""
        prompts, replies = self.read(k)
        return Batch(replies, (prompts,))

    def step(self, k):
        s, G, D = self.settings, self.G.module, self.D.module
        replies, (prompts,) = self.batch(k)
        d_learns = k >= (s.imitation - 0.1) * s.steps  # D learns a little before its verdicts count
        is_rewarded = k >= s.imitation * s.steps

        loss = -ops.sum(G(prompts, replies)) / (replies != 0).sum()
        row = {"nll": loss.data}
        if d_learns:
            drawn = G.reply(prompts, stream(s.seed, "reply", k))
            wrong = xp(replies).roll(replies, 1, 0)  # real replies to other prompts
            d_loss = pair_loss(D(prompts, replies), D(prompts, drawn), D(prompts, wrong))
            self.D.move(d_loss, k)
            row["d_loss"] = d_loss.data
        if is_rewarded:
            with no_grad():
                reward = ops.sigmoid(D(prompts, drawn)).data[:, 0]
            loss = loss + s.reward_weight * reward_loss(reward, G(prompts, drawn))
            row["reward"] = reward.mean()
        self.G.move(loss, k)
        return read_back({**row, "g_loss": loss.data})

    def sample(self, n, seed, *, given=None, **how):
        """Return n prompts, those given or some that training does not show, and replies to them: tokens (n, S + T)."""
        if given is None:
            order = stream(seed, "prompts").permutation(len(self.asked))
            given = np.resize(self.asked[order], (n, self.asked.shape[1]))
        return super().sample(n, seed, given=given, **how)

    def draw(self, n, rng, given):
        return np.concatenate([given, self.reply(given, rng)], 1)

    def reply(self, prompts, rng):
        """Return replies (N, T) to prompts (N, S), drawn with the averaged weights."""
        writer = self.G.average.module
        return to_numpy(writer.reply(to_device(prompts, writer.out.weight.device), rng))

    def lines(self, samples):
        """Return samples as [(prompt, reply)], strings."""
        cut = self.asked.shape[1]
        return list(zip(self.vocabulary.decode(samples[:, :cut]), self.vocabulary.decode(samples[:, cut:])))


def pair_loss(of_real, of_drawn, of_wrong):
    """Return D's loss: -E log σ(real pairs) - E log(1 - σ(drawn replies)) / 2 - E log(1 - σ(wrong pairs)) / 2."""
    return (
        -ops.mean(ops.logsigmoid(of_real))
        - 0.5 * ops.mean(ops.logsigmoid(-of_drawn))
        - 0.5 * ops.mean(ops.logsigmoid(-of_wrong))
    )


def reward_loss(reward, log_p):
    """Return -E a_n log p(reply n), a_n = (reward_n - mean) / deviation: what D liked becomes likelier.

    reward (N,); log_p (N, T) of each word. Williams 1992.
    """
    advantage = (reward - reward.mean()) / (reward.std() + 1e-6)
    return -ops.mean(advantage * ops.mean(log_p, 1))


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
    rows, _ = game.vocabulary.encode([given.lower()], game.asked.shape[1])
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

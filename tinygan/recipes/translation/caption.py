"""A sentence for a picture: convolutions see, an LSTM writes with attention over places, D judges the two together.

First G learns to say what people said of pictures (maximum likelihood). Then it draws sentences of its own, D says how well
each fits its picture, and what D liked becomes likelier (REINFORCE): the game of `dialogue`, `gan/replies.py`, with players
that see, `networks/describing.py`. With `--set paired=.1` imitation sees the sentences of a tenth of the pictures.
`--set world=` shapes, made here, or sprites (TINYGAN_DATA). Measured by whether a sentence, read back by the grammar, is
true of a picture never seen. By imitation alone (`--set imitation=1`), seed 0, the likeliest of nine sentences: .96 of shapes
after 12,000 steps, 11.7 CPU minutes; .98 of figures after 8,000, 7.7 CPU minutes; of drawn sentences .84 and .94. The game
makes that 20.9 CPU minutes, and adds nothing (benchmarks/results/caption.md).
`tinygan apply RUN picture.png` prints a sentence, with `--out maps.png` it draws where the writer looked for each word.
Xu et al. 2015, *Show, Attend and Tell*; Dai et al. 2017, *Towards Diverse and Natural Image Descriptions*.
"""

from functools import cache, cached_property
from typing import NamedTuple

import numpy as np

from tinygan.autodiff import no_grad
from tinygan.backend import stream, to_device, to_numpy
from tinygan.data import Loader, Vocabulary, centred, find_world, note, words
from tinygan.data.text.vocabulary import END, PAD, UNKNOWN
from tinygan.files import Range, written_whole
from tinygan.gan.players import COLDEST
from tinygan.gan.replies import Replies, ReplySettings
from tinygan.metrics.pictures.claims import caption_scores, openness
from tinygan.networks.describing import SIDE, Captioner, EyeSettings, PictureJudge, trim
from tinygan.plot import save_image
from tinygan.plot.words import attention_maps, captioned
from tinygan.recipes.translation._pictures import read_square
from tinygan.recipes.translation._worlds import Shown, as_floats, choose_world
from tinygan.run.settings import defaults, setting


@defaults(
    steps=12_000, batch_size=32, learning_rate=4e-3, ema=0.99, beta1=0.9, clip_gradients=5.0, imitation=0.9,
    reward_weight=1.0, channels=32, hidden=96,
)  # fmt: skip
class Settings(EyeSettings, ReplySettings):
    """Settings of `caption`."""

    world: str = setting("shapes", "What the pictures show.", choices=("shapes", "sprites"))
    pictures: int = setting(50_000, "Pictures to learn from, each with one sentence.", 2)
    paired: float = setting(1.0, "Share of the pictures whose sentences imitation sees; the others come without.", 0.0, 1.0)

    def __post_init__(self):
        super().__post_init__()
        if (pairs := round(self.paired * self.pictures)) < self.batch_size:
            raise ValueError(
                f"paired={self.paired} of pictures={self.pictures:,}: {pairs} pairs for batches of {self.batch_size};"
                " take more of either, or a smaller batch_size"
            )


# --- the game --------------------------------------------------------------------------------------------------


class Caption(Replies):
    """The game of Captioner against PictureJudge. A sample is the number of a picture in `asked`, and a sentence (1 + T).

    more: step -> further pictures, with sentences or without.
    """

    def __init__(self, generator, discriminator, read, more, s, saved):
        super().__init__(generator, discriminator, read, s, saved)
        self.more, self.vocabulary = more, Vocabulary.from_tokens(saved["tokens"], "word")

    def ask(self, k, asked):
        """Return the pictures that G writes about for itself: any, not those with sentences alone."""
        return self.more(k)

    @cached_property
    def asked(self):
        """What samples are about: scenes that training does not show, and, every second, of combinations kept from it."""
        return Shown.make(find_world(self.saved["world"]), ("unseen", "held_out"), 2000, 0)

    def sample(self, n, seed, *, given=None, **how):
        """Return n rows (1 + T): numbers of pictures of `asked`, those given or the first n, and sentences about them."""
        given = np.arange(n) % len(self.asked.scenes) if given is None else np.asarray(given)
        return super().sample(n, seed, given=given, **how)

    def draw(self, n, rng, given, temperature=1.0):
        rows = np.zeros((n, 1 + self.saved["longest"]), int)
        rows[:, 0], drawn = given, self.reply(as_floats(self.asked.pictures[given]), rng, temperature)
        rows[:, 1 : 1 + drawn.shape[1]] = drawn
        return rows

    def made(self, samples):
        """Return the sentences of samples."""
        return [samples[:, 1:]]

    def say(self, pictures, rng):
        """Return for each picture (N, 3, 32, 32) a sentence, tokens (N, T): the likeliest of SAID.

        The first takes the likeliest word each time. That alone is short-sighted: who begins "a red ring and" may find that
        the red ring came last. The others are drawn at half the temperature.
        """
        writer, said = self.G.average.module, []
        with no_grad():
            pictures = to_device(pictures, writer.out.weight.device)
            for temperature in [COLDEST, *[0.5] * (SAID - 1)]:
                rows = writer.reply(pictures, rng, temperature)
                log_p = to_numpy(writer(pictures, rows).data.sum(1))
                said.append((log_p, np.pad(to_numpy(rows), ((0, 0), (0, self.saved["longest"] - rows.shape[1])))))
        log_p, rows = map(np.stack, zip(*said))
        return trim(rows[log_p.argmax(0), np.arange(len(pictures))])

    def sentences(self, samples):
        """Return the sentences of samples, strings."""
        return self.vocabulary.decode(samples[:, 1:])


SAID = 9  # sentences that are written for each answer: the likeliest one is given
SAVED = {"world": ("shapes", "sprites"), "tokens": [str], "longest": Range(2, 1024)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train caption` plays."""
    if saved is None:
        world = find_world(choose_world(s.world, "described"))
        saved = {"world": world.name, "tokens": [PAD, END, UNKNOWN, *world.words], "longest": world.longest + 1}

    @cache
    def loaders():
        """Return what serves pairs, and what serves any pictures; the first pictures are those with sentences."""
        shown, pairs = Shown.make(find_world(saved["world"]), ["train"], s.pictures, 1), round(s.paired * s.pictures)
        rows, _ = Vocabulary.from_tokens(saved["tokens"], "word").encode(shown.sentences[:pairs], saved["longest"])
        pictures = to_device(shown.pictures, device)
        note(f"{s.pictures:,} pictures of {saved['world']}, {pairs:,} with sentences")
        served = {"batch_size": s.batch_size, "seed": s.seed}
        return Loader(pictures[:pairs], to_device(rows, device), **served), Loader(pictures, **served)

    def read(k):
        pictures, rows = loaders()[0].batch(k)
        return as_floats(pictures), trim(rows)

    words, longest = len(saved["tokens"]), saved["longest"]
    g = Captioner(words, longest, s, stream(s.seed, "generator")).to(device)
    d = PictureJudge(words, s, stream(s.seed, "discriminator")).to(device)
    return Caption(g, d, read, lambda k: as_floats(loaders()[1].batch(k)), s, saved)


# --- a picture of the reader's ------------------------------------------------------------------------------------


class Answer(NamedTuple):
    """A sentence, its words, the picture (3, 32, 32) that it is about, and where the writer looked (words, 8, 8)."""

    sentence: str
    words: list
    picture: np.ndarray
    weights: np.ndarray


def respond(game, path, rng):
    """Return a sentence about the picture in a file, its middle square scaled to 32 x 32: the likeliest of SAID."""
    picture = centred(read_square(path, 3, SIDE))[None]
    row = game.say(picture, rng)
    writer = game.G.average.module
    with no_grad():
        on_device = (to_device(a, writer.out.weight.device) for a in (picture, row))
        weights = writer.looks(*on_device).numpy()[0]
    (words,) = game.vocabulary.token_lists(row)
    if not words:
        note("no word is likelier than none; a run of more steps has more to say")
    return Answer(game.vocabulary.decode(row)[0], words, picture[0], weights[: len(words)])


def example(game):
    """Return something that `respond` takes."""
    return "picture.png"


def write_sentence(answer, path):
    """Write the sentence of an answer."""
    with written_whole(path) as temporary:
        temporary.write_text(f"{answer.sentence}\n", "utf-8")


def draw_maps(answer, path):
    """Draw where the writer looked for each word, over the picture."""
    save_image(attention_maps(answer.picture, answer.words, answer.weights), path)


ANSWERS = {".txt": write_sentence, ".png": draw_maps}


# --- samples and scores -------------------------------------------------------------------------------------------


def draw(game, samples, path):
    """Draw pictures with their sentences, 24 at most."""
    some = samples[:24]
    save_image(captioned(as_floats(game.asked.pictures[some[:, 0]]), game.sentences(some)), path)


def write(game, samples, path):
    """Write on each line a sentence of G's, a tab, and one that is true of the same picture."""
    with written_whole(path) as temporary:
        lines = zip(game.sentences(samples), (game.asked.sentences[i] for i in samples[:, 0]))
        temporary.write_text("".join(f"{ours}\t{real}\n" for ours, real in lines), "utf-8")


FORMATS = {".png": draw, ".txt": write}
EVALUATED_SAMPLES = 2000


def evaluate(game, samples):
    """Return the share of sentences that are true of pictures never seen, and of held-out combinations; words, openness.

    likeliest: of the likeliest sentences of SAID, as `respond` has them.
    """
    world, numbers, sentences = find_world(game.saved["world"]), samples[:, 0], np.array(game.sentences(samples))
    shown, rng = game.asked.pictures[numbers], stream(0, "likeliest")
    blocks = [game.say(as_floats(shown[i : i + 500]), rng) for i in range(0, len(shown), 500)]
    likeliest = np.array([line for rows in blocks for line in game.vocabulary.decode(rows)])
    scenes, real = ([one[i] for i in numbers] for one in (game.asked.scenes, game.asked.sentences))
    scores = {"samples": len(samples)}
    for end, part in (("", numbers % 2 == 0), ("_held_out", numbers % 2 == 1)):
        rows = np.flatnonzero(part)
        if len(rows):
            pictures = as_floats(game.asked.pictures[numbers[rows]])
            found = caption_scores(world, [scenes[i] for i in rows], pictures, sentences[rows])
            scores |= {f"{name}{end}": value for name, value in found.items() if not end or name == "exact"}
            sure = caption_scores(world, [scenes[i] for i in rows], pictures, likeliest[rows])
            scores |= {f"{name}{end}_likeliest": value for name, value in sure.items() if not end or name == "exact"}
    for end, lines in (("", sentences), ("_of_real", real)):
        scores |= {f"words{end}": float(np.mean([len(words(x)) for x in lines])), f"openness{end}": openness(lines)}
    return scores

"""Pictures that are told: an LSTM reads a sentence, G draws what it says, D judges picture and sentence together.

D is also shown real pictures with a wrong sentence, another picture's or one with a single wrong word: GAN-CLS, Reed et al.
2016. In the first quarter of the steps D listens: it learns by right and wrong sentences on real pictures alone. Then G
begins to read as D does. `--set world=shapes` is made here, `world=sprites` reads TINYGAN_DATA/sprites.
`tinygan apply RUN "a green triangle left of a red circle"` draws pictures of one sentence; `tinygan sample` those of
sentences that training does not show. Measured by the share of claims that pictures obey, by sprites also in dB to the figure
that is told (benchmarks/tables/text2image.py).
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from tinygan import ops
from tinygan.autodiff import no_grad
from tinygan.backend import stream, to_device, to_numpy
from tinygan.data import DataError, Vocabulary, find_world, note
from tinygan.data.slips import slips
from tinygan.data.text import END, PAD, UNKNOWN
from tinygan.files import written_whole
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.told import Told, ToldSettings, exchange
from tinygan.metrics import obey, obeyed_shares, psnr
from tinygan.networks.words import WordReader
from tinygan.nn import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    Module,
    ModuleList,
    Parameter,
    Sequential,
)
from tinygan.plot import image_grid, save_image
from tinygan.plot.sentences import captioned
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class TellingSettings(RunSettings):
    """Settings of both networks, which have a reader each."""

    noise: int = setting(16, "Size of z.", 1)
    embedding: int = setting(48, "Size of a word's vector before it is read.", 1)
    hidden: int = setting(64, "Size of the state of the LSTM that reads.", 1)
    channels: int = setting(32, "Channels of the layers at 16x16; at 8x8 twice as many, at 4x4 four times.", 1)
    features: int = setting(192, "Size of what D knows of a picture as a whole.", 1)


@defaults(steps=3000, batch_size=48, gamma=0.5, penalty_every=8, ema=0.995, listening=0.25)
class Settings(TellingSettings, ToldSettings):
    """Settings of `text2image`."""

    world: str = setting("shapes", "What sentences speak of, and pictures show.", choices=("shapes", "sprites"))
    slips: float = setting(0.5, "Share of wrong sentences that differ in one word; the others are another's.", 0.0, 1.0)


# --- the players -----------------------------------------------------------------------------------------------


class Attention(Module):
    """Each of the things that ask looks at all that can be seen, with two heads: softmax(Q Kᵀ / √d) V, and a layer on top."""

    def __init__(self, asking, seen, size, rng):
        self.query, self.key, self.value = (Linear(width, size, rng=rng) for width in (asking, seen, seen))
        self.out = Linear(size, size, rng=rng)

    def forward(self, asking, seen, present=None):
        """Asking (N, Q, A), seen (N, K, B), which of those are there (N, K) -> (N, Q, size)."""
        split = lambda x: ops.transpose(ops.reshape(x, (*x.shape[:2], 2, -1)), 1, 2)  # (N, 2, Q or K, size / 2)
        query, key, value = split(self.query(asking)), split(self.key(seen)), split(self.value(seen))
        mask = None if present is None else present[:, None, None]
        found = ops.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(ops.flatten(ops.transpose(found, 1, 2), 2))


class ToldNorm(Module):
    """Batch norm, then a scale and a shift of each channel, linear in what G is told. De Vries et al. 2017."""

    def __init__(self, channels, told, rng):
        self.norm = BatchNorm2d(channels)
        self.change = Linear(told, 2 * channels, rng=rng)

    def forward(self, x, told):
        """x (N, C, h, w), told (N, T) -> (N, C, h, w)."""
        scale, shift = ops.chunk(self.change(told)[:, :, None, None], 2, 1)
        return self.norm(x) * (1 + scale) + shift


class Painter(Module):
    """Generator: z and the whole sentence make 4x4 places, which grow to 32x32. At 8x8, each place looks at the words."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        told, c = s.noise + 2 * s.hidden, s.channels
        self.small = 4 * c, 4, 4
        self.first = Linear(told, 4 * c * 16, rng=rng)
        self.norms = ModuleList(ToldNorm(channels, told, rng) for channels in (4 * c, 2 * c, c))
        self.ups = ModuleList(ConvTranspose2d(a, b, 4, 2, 1, rng=rng) for a, b in ((4 * c, 2 * c), (2 * c, c), (c, 3)))
        self.position = Parameter(0.1 * rng.standard_normal((1, 64, 2 * c), "float32"))
        self.look = Attention(2 * c, s.hidden, 2 * c, rng)

    def forward(self, z, rows):
        """z (N, noise), tokens (N, T) -> pictures (N, 3, 32, 32)."""
        words, whole, present = self.reader(rows)
        told = ops.cat([z, whole], 1)
        x = ops.reshape(self.first(told), (-1, *self.small))
        x = self.ups[0](ops.relu(self.norms[0](x, told)))  # (N, 2c, 8, 8)
        found = self.look(places(x) + self.position, words, present)  # (N, 64, 2c)
        x = x + ops.reshape(ops.transpose(found, 1, 2), x.shape)
        x = self.ups[1](ops.relu(self.norms[1](x, told)))
        return ops.tanh(self.ups[2](ops.relu(self.norms[2](x, told))))


class Judge(Module):
    """D(x, s) = w·φ(x) + Ws·φ(x) + Σ_t m_t: how real at all, how like the whole sentence, and how far word t holds.

    Each word looks at the 8x8 places of the picture for what it speaks of; m_t is a small network's opinion of both. The
    second term is that of Miyato & Koyama 2018.
    """

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        c = s.channels
        conv = lambda a, b: (Conv2d(a, b, 4, 2, 1, rng=rng), LeakyReLU(0.2))
        # at 4x4 a circle would have to be learned 64 times over, for each place that it may have in a cell of 8 pixels
        self.trunk = Sequential(
            *conv(3, c), *conv(c, 2 * c), Conv2d(2 * c, 2 * c, 3, 1, 1, rng=rng), LeakyReLU(0.2)
        )  # (N, 2c, 8, 8)
        self.features = Sequential(
            *conv(2 * c, 4 * c), Flatten(), Linear(4 * c * 16, s.features, rng=rng), LeakyReLU(0.2)
        )
        self.real = Linear(s.features, 1, rng=rng)
        self.like = Linear(2 * s.hidden, s.features, rng=rng)
        self.position = Parameter(0.1 * rng.standard_normal((1, 64, 2 * c), "float32"))
        self.find = Attention(s.hidden, 2 * c, 2 * c, rng)
        self.holds = Sequential(Linear(s.hidden + 2 * c, 2 * c, rng=rng), LeakyReLU(0.2), Linear(2 * c, 1, rng=rng))

    def look(self, x):
        """Pictures (N, 3, 32, 32) -> their places (N, 64, 2c), features of each as a whole φ (N, features)."""
        x = self.trunk(x)
        return places(x) + self.position, self.features(x)

    def compare(self, seen, rows):
        """What was seen of pictures, tokens (N, T) -> verdicts (N, 1)."""
        at_places, features = seen
        words, whole, present = self.reader(rows)
        like = ops.sum(self.like(whole) * features, 1, True) / features.shape[1] ** 0.5
        holds = self.holds(ops.cat([words, self.find(words, at_places)], 2))  # (N, T, 1)
        return self.real(features) + like + ops.sum(ops.where(present[:, :, None], holds, 0.0), 1)

    def forward(self, x, rows):
        """Pictures (N, 3, 32, 32), tokens (N, T) -> verdicts (N, 1)."""
        return self.compare(self.look(x), rows)


def places(x):
    """Return a map (N, C, h, w) as its places (N, h w, C)."""
    return ops.transpose(ops.flatten(x, 2), 1, 2)


# --- words -----------------------------------------------------------------------------------------------------


class Words:
    """The words of a world as numbers; which words can stand in each other's place and say another thing."""

    def __init__(self, world, known):
        self.world, self.vocabulary = world, Vocabulary.from_tokens([PAD, END, UNKNOWN, *known], "word")

    def encode(self, sentences):
        """Return tokens (N, T), each row closed by <end>; T is that of the longest."""
        return self.vocabulary.encode(sentences)[0]

    def slip(self, rows, rng):
        """Return tokens (N, T) of which one in each row is another, so that the sentence says another thing."""
        table, count = self.others
        row, place = np.arange(len(rows)), (rng.random(rows.shape) * (count[rows] > 0)).argmax(1)
        word = rows[row, place]
        slipped = rows.copy()
        slipped[row, place] = table[word, (rng.random(len(rows)) * count[word]).astype(int)]
        return slipped

    @cached_property
    def others(self):
        """Return (tokens (V, K) that may stand for each token and say another thing, how many they are (V,))."""
        known, number = slips(self.world.name), self.vocabulary.number
        fit = [[number[other] for other in known.get(word, ()) if other in number] for word in self.vocabulary.tokens]
        count = np.array([len(row) for row in fit])
        return np.array([row + [0] * (count.max() - len(row)) for row in fit]), count


# --- the game --------------------------------------------------------------------------------------------------

ASKED = 1000  # sentences that samples are told, and as many of held-out pairs
SAVED = {"world": str, "words": [str]}


@cache
def asked(world_name, part):
    """Return ASKED scenes of a part of a world, and a sentence for each."""
    world, rng = find_world(world_name), stream(0, f"asked, {part}")
    scenes = world.scenes(part, ASKED, rng)
    return scenes, [world.say(scene, rng) for scene in scenes]


class Telling(Told):
    """The game of Painter against Judge. unseen(), held_out(): what training does not show, (scenes, sentences, tokens)."""

    at_once = 500

    def __init__(self, g, d, batch, s, saved, words):
        self.words = words
        self.unseen, self.held_out = (cache(lambda part=part: self.find(part)) for part in ("unseen", "held_out"))
        super().__init__(
            g, d, [Normal(s.noise)], batch, s, saved, asked=lambda: self.unseen()[2], mislead=self.mislead_words
        )

    def find(self, part):
        """Return ASKED scenes of a part of the world, a sentence for each, and their tokens."""
        scenes, sentences = asked(self.words.world.name, part)
        return scenes, sentences, self.words.encode(sentences)

    def mislead_words(self, rows, rng):
        """Return wrong sentences: a share differs in one word, the others are another picture's."""
        rows_here = to_numpy(rows)
        slipped = rng.random((len(rows), 1)) < self.settings.slips
        return to_device(np.where(slipped, self.words.slip(rows_here, rng), exchange(rows_here, rng)), self.device)

    @property
    def device(self):
        return self.G.parameters[0].device

    def tell(self, rows):
        """Return what both players are told: tokens."""
        return (to_device(rows, self.device),)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train text2image` plays."""
    world = open_world(saved["world"] if saved else s.world, fresh=saved is None)
    saved = saved or {"world": world.name, "words": world.words}
    words = Words(world, saved["words"])

    def batch(turn):
        rng = stream(s.seed, "scenes", turn)
        scenes = world.scenes("train", s.batch_size, rng)
        rows = words.encode([world.say(scene, rng) for scene in scenes])
        return Batch(to_device(world.draw(scenes, rng), device), (to_device(rows, device),))

    g = Painter(len(words.vocabulary), s, stream(s.seed, "generator")).to(device)
    d = Judge(len(words.vocabulary), s, stream(s.seed, "discriminator")).to(device)
    return Telling(g, d, batch, s, saved, words)


def open_world(name, fresh):
    """Return the world of this name; for a new run shapes, made here, where its files are missing."""
    try:
        return find_world(name)
    except DataError as error:
        if not fresh:
            raise
        note(f"{error}; this run is told of shapes")
        return find_world("shapes")


# --- what it makes ---------------------------------------------------------------------------------------------


def respond(game, sentence, rng):
    """Return pictures (8, 3, 32, 32) of a sentence; DataError for words that the world does not know."""
    game.words.world.read(sentence)
    rows = game.words.encode([sentence.lower().rstrip(". ")] * 8)
    with no_grad():
        return game.draw(len(rows), rng, given=rows)


def example(game):
    """Return a sentence to try."""
    return game.unseen()[1][0]


def show(pictures, path):
    """Draw pictures of one sentence."""
    save_image(image_grid(pictures, columns=4, value_range=(-1, 1)), path)


ANSWERS = {".png": show}


def draw(game, samples, path):
    """Draw pictures, each with its sentence beside it."""
    save_image(captioned(samples, told(game, len(samples))), path)


def write(game, samples, path):
    """Write the sentences of the pictures, one a line."""
    with written_whole(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in told(game, len(samples))), "utf-8")


def told(game, n):
    """Return the sentences that n samples are told."""
    sentences = game.unseen()[1]
    return [sentences[i % ASKED].replace(" ,", ",") for i in range(n)]


FORMATS = {".png": draw, ".txt": write}
EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Return the share of pictures that obey their sentences, by attribute and whole; then the same of held-out pairs.

    Beside them what real pictures score, and pictures of other sentences: chance. variety: the distance of two pictures
    of one sentence, over that of two real ones. A sentence about sprites leaves nothing open: there, PSNR to the figure.
    """
    world, turn = game.words.world, np.arange(len(samples)) % ASKED
    scores = {"samples": len(samples)}
    for prefix, part in {"obeyed": game.unseen, "obeyed_held_out": game.held_out}.items():
        scenes, sentences, rows = part()
        scenes, sentences, rows = [scenes[i] for i in turn], [sentences[i] for i in turn], rows[turn]
        pictures = samples if part is game.unseen else game.sample(len(turn), 0, given=rows)
        real, again = (world.draw(scenes, stream(0, "real", k)) for k in range(2))
        judged = {f"{prefix}_{{}}": pictures, f"{prefix}_{{}}_of_real": real}
        if part is game.unseen:
            judged["by_chance_{}"] = np.roll(pictures, 1, 0)
        for name, shown in judged.items():
            shares = obeyed_shares(obey(world, shown, sentences))
            scores |= {name.format(attribute): share for attribute, share in shares.items()}
        if world.name == "sprites":
            scores[f"{prefix}_psnr"] = float(psnr(pictures, real, (-1, 1)).mean())
        elif part is game.unseen:
            other = game.sample(len(turn), 1, given=rows)
            scores["variety"] = float(distance(pictures, other).mean() / distance(real, again).mean())
    return scores


def distance(a, b):
    """Return the distance of each picture of `a` from that of `b`, (N,)."""
    return np.sqrt(np.square(a - b).sum((1, 2, 3)))

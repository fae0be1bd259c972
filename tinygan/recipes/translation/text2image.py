"""Pictures that are told: an LSTM reads a sentence, G draws what it says, D judges picture and sentence together.

`tinygan apply RUN "a green triangle left of a red circle"` draws pictures of one sentence.
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
    hidden: int = setting(64, "Size of the states of each LSTM; one reads forwards, one backwards.", 1)
    channels: int = setting(48, "Channels of the layers at 16x16; at 8x8 twice as many, at 4x4 three times.", 1)
    features: int = setting(192, "Size of what D knows of a picture as a whole.", 1)


@defaults(steps=4000, batch_size=48, gamma=0.5, penalty_every=8, ema=0.995)
class Settings(TellingSettings, ToldSettings):
    """Settings of `text2image`."""

    world: str = setting("shapes", "What sentences speak of, and pictures show.", choices=("shapes", "sprites"))
    slips: float = setting(0.5, "Share of wrong sentences that differ in one word; the others are another's.", 0.0, 1.0)


# --- the players -----------------------------------------------------------------------------------------------


class Attention(Module):
    """Queries (N, Q, A) look at things (N, K, B), with several heads: (N, Q, heads · B / heads)."""

    def __init__(self, asking, seen, size, heads, rng):
        self.heads, self.size = heads, size
        self.query = Linear(asking, size, rng=rng)
        self.key = Linear(seen, size, rng=rng)
        self.value = Linear(seen, size, rng=rng)

    def forward(self, asking, seen, mask=None):
        split = lambda x: ops.transpose(
            ops.reshape(x, (*x.shape[:2], self.heads, -1)), 1, 2
        )  # (N, heads, Q, size / heads)
        found = ops.scaled_dot_product_attention(
            split(self.query(asking)), split(self.key(seen)), split(self.value(seen)), attn_mask=mask
        )
        return ops.flatten(ops.transpose(found, 1, 2), 2)


def places(x):
    """Return a map (N, C, h, w) as places (N, h w, C)."""
    return ops.transpose(ops.flatten(x, 2), 1, 2)


class Told2d(Module):
    """Batch norm whose scale and shift of each channel are linear in what was told (N, size)."""

    def __init__(self, channels, size, rng):
        self.norm = BatchNorm2d(channels)
        self.told = Linear(size, 2 * channels, rng=rng)

    def forward(self, x, told):
        scale, shift = ops.chunk(self.told(told), 2, 1)
        return self.norm(x) * (1 + scale[:, :, None, None]) + shift[:, :, None, None]


class Painter(Module):
    """Generator."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        told, c = 2 * s.hidden + s.noise, s.channels
        self.small = 4 * c, 4, 4
        self.first = Linear(told, 4 * c * 16, rng=rng)
        self.norms = ModuleList(Told2d(k * c, told, rng) for k in (4, 2, 1))
        self.ups = ModuleList(ConvTranspose2d(a, b, 4, 2, 1, rng=rng) for a, b in ((4 * c, 2 * c), (2 * c, c), (c, 3)))
        self.attend = Attention(2 * c, s.hidden, 2 * c, 2, rng)
        self.where = Parameter(0.1 * rng.standard_normal((1, 2 * c, 8, 8)).astype("float32"))
        self.gain = Linear(2 * c, 2 * c, rng=rng)

    def forward(self, z, rows):
        """z (N, noise), tokens (N, T) -> pictures (N, 3, 32, 32)."""
        words, whole, present = self.reader(rows)
        told = ops.cat([z, whole], 1)
        x = ops.reshape(self.first(told), (-1, *self.small))
        for k, (norm, up) in enumerate(zip(self.norms, self.ups)):
            x = up(ops.relu(norm(x, told)))
            if k == 0:
                found = self.gain(self.attend(places(x + self.where), words, present[:, None, None]))
                x = x + ops.reshape(ops.transpose(found, 1, 2), x.shape)
        return ops.tanh(x)


class Judge(Module):
    """Discriminator."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        c, word = s.channels, s.hidden
        conv = lambda a, b: (Conv2d(a, b, 4, 2, 1, rng=rng), LeakyReLU(0.2))
        self.trunk = Sequential(*conv(3, c), *conv(c, 2 * c), *conv(2 * c, 3 * c))
        self.whole = Linear(3 * c * 16, s.features, rng=rng)
        self.real = Linear(s.features, 1, rng=rng)
        self.project = Linear(2 * word, s.features, rng=rng)
        self.where = Parameter(0.1 * rng.standard_normal((1, 3 * c, 4, 4)).astype("float32"))
        self.attend = Attention(word, 3 * c, 128, 2, rng)
        self.mix = Linear(128 + word, 128, rng=rng)
        self.holds = Linear(128, 1, rng=rng)

    def look(self, x):
        x = self.trunk(x)
        return places(x + self.where), ops.leaky_relu(self.whole(ops.flatten(x, 1)), 0.2)

    def compare(self, seen, rows):
        map, features = seen
        words, whole, present = self.reader(rows)
        found = self.mix(ops.cat([words, self.attend(words, map)], 2))
        holds = ops.where(present[:, :, None], self.holds(ops.leaky_relu(found, 0.2)), 0.0)
        match = ops.sum(self.project(whole) * features, 1, True) / features.shape[1] ** 0.5
        return self.real(features) + match + ops.sum(holds, 1)

    def forward(self, x, rows):
        return self.compare(self.look(x), rows)


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
    return [sentences[i % ASKED] for i in range(n)]


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

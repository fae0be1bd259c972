"""Players of `text2image`, who are told a sentence: generators that draw it, and judges of a picture and a sentence.

A picture of one thing that fills it, as a figure, is drawn at once and judged as a whole: `FigurePainter`, `FigureJudge`.
A scene of several things is painted stroke by stroke, and judged word by word: `ScenePainter`, `SceneJudge`. Each player
has an LSTM that reads, a `WordReader`. Sentences are rows of tokens (N, T), 0 after the end; pictures are (N, 3, 32, 32) in
[-1, 1].
"""

from dataclasses import dataclass

import numpy as np

from tinygan import ops
from tinygan.autodiff import raw
from tinygan.backend import xp
from tinygan.networks.words import WordReader
from tinygan.nn import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    LSTMCell,
    Module,
    Parameter,
    ReLU,
    Sequential,
    Tanh,
    Unflatten,
)
from tinygan.run.settings import RunSettings, setting


@dataclass
class TellingSettings(RunSettings):
    """Sizes of both players."""

    noise: int = setting(16, "Size of z, of a scene of the part of it that each stroke gets.", 1)
    embedding: int = setting(48, "Size of a word's vector before it is read.", 1)
    hidden: int = setting(64, "Size of the state of the LSTM that reads.", 1)
    channels: int = setting(32, "Channels of the layers at 16x16; at 8x8 and 4x4 there are more.", 1)
    features: int = setting(192, "Size of what D knows of a picture as a whole.", 1)


@dataclass
class SceneSettings(RunSettings):
    """How scenes are painted."""

    strokes: int = setting(3, "Strokes of a picture.", 1)
    painting: int = setting(96, "Size of the state of the LSTM that paints.", 1)


def halve(a, b, rng):
    """Return layers that halve the side of a map."""
    return Conv2d(a, b, 4, 2, 1, rng=rng), LeakyReLU(0.2)


def double(a, b, rng):
    """Return layers that double the side of a map."""
    return BatchNorm2d(a), ReLU(), ConvTranspose2d(a, b, 4, 2, 1, rng=rng)


# --- figures -----------------------------------------------------------------------------------------------------


class FigurePainter(Module):
    """Generator: z and the whole sentence make 4x4 places of many channels, which transposed convolutions double."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        self.size = s.noise
        a, b, c = widths(s.channels)
        first = Linear(s.noise + 2 * s.hidden, 16 * c, rng=rng)
        grow = *double(c, b, rng), *double(b, a, rng), *double(a, 3, rng)
        self.draw = Sequential(first, Unflatten(1, (c, 4, 4)), *grow, Tanh())

    def forward(self, z, rows):
        """z (N, size), tokens (N, T) -> pictures (N, 3, 32, 32)."""
        return self.draw(ops.cat([z, self.reader(rows).whole], 1))


class FigureJudge(Module):
    """D(x, s) = w·φ(x) + Ws·φ(x): how real the picture is at all, and how like the sentence. Miyato & Koyama 2018."""

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        a, b, c = widths(s.channels)
        self.look = Sequential(
            *halve(3, a, rng), *halve(a, b, rng), *halve(b, c, rng),
            Flatten(), Linear(16 * c, s.features, rng=rng), LeakyReLU(0.2),
        )  # fmt: skip
        self.real = Linear(s.features, 1, rng=rng)
        self.like = Linear(2 * s.hidden, s.features, rng=rng)

    def compare(self, features, rows):
        """Features of pictures (N, features), tokens (N, T) -> verdicts (N, 1)."""
        wanted = self.like(self.reader(rows).whole) / features.shape[1] ** 0.5
        return self.real(features) + ops.sum(wanted * features, 1, True)

    def forward(self, x, rows):
        """Pictures (N, 3, 32, 32), tokens (N, T) -> verdicts (N, 1)."""
        return self.compare(self.look(x), rows)


def widths(channels):
    """Return the channels at 16x16, 8x8 and 4x4, as of a prototype with 48, 96 and 160."""
    return channels, 2 * channels, 10 * channels // 3


# --- scenes ------------------------------------------------------------------------------------------------------


PATCH = 16  # side of a stroke
OFFSETS = np.arange(PATCH, dtype=np.float32) - (PATCH - 1) / 2  # of its lines from its middle
SPOT = 3 - (OFFSETS[:, None] ** 2 + OFFSETS**2) / 5
CLEAR = 8.0  # sigmoid(-CLEAR) is the opacity beside a stroke, almost 0


class ScenePainter(Module):
    """Generator: an LSTM paints stroke by stroke, and before each it draws noise and looks for the words that come next.

    A stroke has a place, one colour c, and an opacity α = sigmoid(f); it turns the canvas x to (1 - α) x + α c. f is 16x16
    pixels, which begin as a round spot. It is moved to its place before the sigmoid, so edges stay sharp between two pixels,
    as those of a font do that is stored as distances (Green 2007, *Improved Alpha-Tested Magnification*). The LSTM is told
    where its last stroke lies. As DRAW (Gregor et al. 2015) writes, with the attention of Mansimov et al. 2016, *Generating
    Images from Captions with Attention*. Whatever the place, a circle is learned once.
    """

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        self.strokes, self.noise, self.size = s.strokes, s.noise, s.strokes * s.noise
        known = s.noise + s.hidden + s.painting
        self.begin = Linear(2 * s.hidden, s.painting, rng=rng)
        self.cell = LSTMCell(s.noise + s.hidden + 2, s.painting, rng=rng)
        self.look = Linear(s.painting, s.hidden, rng=rng)
        self.plan = Sequential(Linear(known, 2 * known, rng=rng), ReLU())
        self.place, self.colour, self.shown = (Linear(2 * known, n, rng=rng) for n in (2, 3, 1))
        first = Linear(2 * known, 64 * 16, rng=rng)
        self.form = Sequential(first, Unflatten(1, (64, 4, 4)), *double(64, 32, rng), *double(32, 1, rng))
        self.ground = Parameter(np.full((1, 3, 1, 1), -1.0, np.float32))

    def forward(self, z, rows):
        """z (N, size), tokens (N, T) -> pictures (N, 3, 32, 32)."""
        words, whole, present = self.reader(rows)
        h = ops.tanh(self.begin(whole))
        c, found, at = 0 * h, 0 * words[:, 0], 0 * h[:, :2]
        plans, places = [], []
        for k in range(self.strokes):
            chance = z[:, k * self.noise : (k + 1) * self.noise]
            h, c = self.cell(ops.cat([chance, found, at], 1), (h, c))
            asking = 2 * self.look(h)[:, None]
            found = ops.scaled_dot_product_attention(asking, words, words, attn_mask=present[:, None])[:, 0]
            plan = self.plan(ops.cat([h, found, chance], 1))
            at = ops.tanh(3 * self.place(plan))
            plans.append(plan)
            places.append(at)
        canvas = ops.tanh(self.ground)
        strokes = self.paint(ops.cat(plans, 0), ops.cat(places, 0))
        for colour, opacity in zip(*(ops.chunk(part, self.strokes, 0) for part in strokes)):
            canvas = (1 - opacity) * canvas + opacity * colour
        return canvas

    def paint(self, plans, places):
        """M strokes: plans (M, K), (y, x) in [-1, 1] (M, 2) -> their colours (M, 3, 1, 1), opacities (M, 1, 32, 32)."""
        form = self.form(plans) + xp(raw(plans)).asarray(SPOT) + CLEAR
        y, x = ops.chunk(16 + 16 * places, 2, 1)
        opacity = ops.sigmoid(ops.matmul(ops.matmul(spread(y), form), ops.transpose(spread(x), 2, 3)) - CLEAR)
        shown = ops.sigmoid(self.shown(plans) + 2)  # a stroke too many can be left out
        return ops.tanh(2 * self.colour(plans))[:, :, None, None], shown[:, :, None, None] * opacity


def spread(centre, side=32):
    """Return how much of each line of a stroke falls on each line of a picture: centres (M, T) -> (M, T, side, PATCH)."""
    lines = xp(raw(centre)).arange(side, dtype=np.float32)[:, None] + 0.5
    return ops.relu(1 - ops.abs(lines - xp(raw(centre)).asarray(OFFSETS) - centre[:, :, None, None]))


class Attention(Module):
    """Each of the things that ask looks at all that can be seen, with two heads: softmax(Q Kᵀ / √d) V, and a layer on top."""

    def __init__(self, asking, seen, size, rng):
        self.query, self.key, self.value = (Linear(width, size, rng=rng) for width in (asking, seen, seen))
        self.out = Linear(size, size, rng=rng)

    def forward(self, asking, seen, present=None):
        """Asking (N, Q, A), seen (N, K, B), which of these are there (N, K) or None for all -> (N, Q, size)."""
        split = lambda x: ops.transpose(ops.reshape(x, (*x.shape[:2], 2, -1)), 1, 2)  # (N, 2, Q or K, size / 2)
        query, key, value = split(self.query(asking)), split(self.key(seen)), split(self.value(seen))
        mask = None if present is None else present[:, None, None]
        found = ops.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.out(ops.flatten(ops.transpose(found, 1, 2), 2))


WHERE = np.stack(np.mgrid[-1:1:8j, -1:1:8j], -1).reshape(1, 64, 2).astype(np.float32)  # (y, x) of D's places


class SceneJudge(Module):
    """D(x, s) = w·φ(x) + Ws·φ(x) + Σ_t m_t: how real at all, how like the whole sentence, and how far word t holds.

    Each word looks at the 8x8 places of the picture for what it speaks of, and then at what the other words have found: only
    two words together know what is left of what. m_t is a small network's opinion of all this. The second term is that of
    Miyato & Koyama 2018.
    """

    def __init__(self, tokens, s, rng):
        self.reader = WordReader(tokens, s.embedding, s.hidden, rng=rng)
        c = s.channels
        # at 4x4 a circle would have to be learned 64 times over, for each place that it may have in a cell of 8 pixels
        self.trunk = Sequential(
            *halve(3, c, rng), *halve(c, 2 * c, rng), Conv2d(2 * c, 2 * c, 3, 1, 1, rng=rng), LeakyReLU(0.2)
        )  # (N, 2c, 8, 8)
        self.features = Sequential(
            *halve(2 * c, 4 * c, rng), Flatten(), Linear(4 * c * 16, s.features, rng=rng), LeakyReLU(0.2)
        )
        self.real = Linear(s.features, 1, rng=rng)
        self.like = Linear(2 * s.hidden, s.features, rng=rng)
        self.position = Parameter(0.1 * rng.standard_normal((1, 64, 2 * c), "float32"))
        self.find = Attention(s.hidden, 2 * c + 2, 2 * c, rng)
        self.relate = Attention(s.hidden + 2 * c, s.hidden + 2 * c, 2 * c, rng)
        self.holds = Sequential(
            Linear(s.hidden + 4 * c, 4 * c, rng=rng), LeakyReLU(0.2),
            Linear(4 * c, 2 * c, rng=rng), LeakyReLU(0.2), Linear(2 * c, 1, rng=rng),
        )  # fmt: skip

    def look(self, x):
        """Pictures (N, 3, 32, 32) -> their places (N, 64, 2c + 2), features of each as a whole φ (N, features)."""
        x = self.trunk(x)
        where = np.repeat(WHERE, len(x), 0)
        return ops.cat([places(x) + self.position, xp(raw(x)).asarray(where)], 2), self.features(x)

    def compare(self, seen, rows):
        """What was seen of pictures, tokens (N, T) -> verdicts (N, 1)."""
        at_places, features = seen
        words, whole, present = self.reader(rows)
        like = ops.sum(self.like(whole) * features, 1, True) / features.shape[1] ** 0.5
        found = ops.cat([words, self.find(words, at_places)], 2)
        holds = self.holds(ops.cat([found, self.relate(found, found, present)], 2))  # (N, T, 1)
        return self.real(features) + like + ops.sum(ops.where(present[:, :, None], holds, 0.0), 1)

    def forward(self, x, rows):
        """Pictures (N, 3, 32, 32), tokens (N, T) -> verdicts (N, 1)."""
        return self.compare(self.look(x), rows)


def places(x):
    """Return a map (N, C, h, w) as its places (N, h w, C)."""
    return ops.transpose(ops.flatten(x, 2), 1, 2)

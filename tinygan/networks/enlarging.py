"""The players of super-resolution: G makes a picture four times as large, D judges patches of it. `superres` trains them.

G works at the small size, and its last layers give each pixel the sixteen that take its place (pixel shuffle, Shi et al.
2016). They are added to the bicubic enlargement.
"""

from dataclasses import dataclass

from tinygan import ops
from tinygan.nn import Conv2d, LeakyReLU, Module, ModuleList, Sequential
from tinygan.run.settings import RunSettings, setting

SCALE = 4


@dataclass
class EnlargerSettings(RunSettings):
    """Sizes of both players."""

    channels: int = setting(48, "Channels of G.", 1)
    blocks: int = setting(4, "Residual blocks of G, two convolutions each.", 1)
    d_channels: int = setting(32, "Channels of D's first layer; the second has twice, the third four times as many.", 1)


class Block(Module):
    """x + W₂ relu(W₁ x), convolutions 3x3. Without batch norm: it blurs the range of values, Lim et al. 2017."""

    def __init__(self, channels, rng):
        self.first = Conv2d(channels, channels, 3, padding=1, rng=rng)
        self.second = Conv2d(channels, channels, 3, padding=1, rng=rng)

    def forward(self, x):
        """(N, channels, h, w) -> the same shape."""
        return x + self.second(ops.relu(self.first(x)))


GRAIN = 10  # so that noise matters after a hundred steps, though Adam moves each weight by no more than its rate


class Enlarger(Module):
    """Generator: luminance (N, 1, h, w), and noise (N, 16, h, w) in the game -> (N, 1, 4h, 4w).

    At first it is bicubic, as its last layers begin at 0. `grain` says how strong the noise is at each place: what the
    small picture cannot tell, as grass or the grain of a film, is drawn.
    """

    def __init__(self, s, rng):
        self.read = Conv2d(1, s.channels, 3, padding=1, rng=rng)
        self.body = Sequential(*(Block(s.channels, rng) for _ in range(s.blocks)))
        self.write = Conv2d(s.channels, SCALE**2, 3, padding=1, rng=rng)
        self.grain = Conv2d(s.channels, SCALE**2, 1, rng=rng)
        for p in self.write.parameters() + self.grain.parameters():
            p.data *= 0
        self.reach = 2 * s.blocks + 2  # pixels that a result depends on, in every direction; the bicubic's are 2

    def forward(self, x, noise=None):
        """Return the large pictures; without noise the mean of all that may be there."""
        features = self.body(self.read(x))
        made = self.write(features) if noise is None else self.write(features) + GRAIN * self.grain(features) * noise
        return enlarge(x) + ops.pixel_shuffle(made, SCALE)


def draw_noise(small, rng):
    """Return noise for small pictures (N, 1, h, w): (N, 16, h, w), a number for each pixel of the large ones."""
    return rng.standard_normal((len(small), SCALE**2, *small.shape[2:]), dtype="float32")


def enlarge(x):
    """Return pictures (N, C, h, w) four times as large, bicubic."""
    return ops.interpolate(x, size=(SCALE * x.shape[2], SCALE * x.shape[3]), mode="bicubic", antialias=True)


class PatchJudge(Module):
    """Discriminator: a picture and the enlargement, side by side -> a verdict for each patch, (N, 1, h / 8, w / 8)."""

    def __init__(self, s, rng):
        c = s.d_channels
        widths = [(2, c), (c, 2 * c), (2 * c, 4 * c)]
        self.layers = ModuleList(Sequential(Conv2d(a, b, 4, 2, 1, rng=rng), LeakyReLU(0.2)) for a, b in widths)
        self.verdict = Conv2d(4 * c, 1, 3, padding=1, rng=rng)

    def features(self, x, small):
        """Return what each layer makes of pictures x (N, 1, 4h, 4w) and small ones (N, 1, h, w)."""
        x = ops.cat([x, enlarge(small)], 1)
        return [x := layer(x) for layer in self.layers]

    def forward(self, x, small):
        """Return the verdicts: real, or made."""
        return self.verdict(self.features(x, small)[-1])

"""Pictures made of pictures: a U-net, and a judge of patches. What both are for: `gan/translation.py`.

The U-net halves a picture's sides and doubles them again, and each size on the way up is given what the way down had at
that size: places stay where they are. Ronneberger et al. 2015; Isola et al. 2017 (pix2pix), whose judge sees one patch at a
time: verdicts are a map, and each is of the surroundings of a place alone.
"""

from dataclasses import dataclass

from tinygan.nn import Conv2d, ConvTranspose2d, LeakyReLU, Module, ModuleList, Sequential
from tinygan.ops import cat, leaky_relu
from tinygan.run.settings import RunSettings, setting


@dataclass
class UNetSettings(RunSettings):
    """Settings of both networks."""

    g_channels: int = setting(
        16, "Channels of G's largest layer; each smaller one has twice as many, 4 times at most.", 1
    )
    halvings: int = setting(3, "How often G halves the sides.", 1, 8)
    d_channels: int = setting(24, "Channels of D's first layer; the next ones have twice as many.", 1)

    def refuse_sides(self, height: int, width: int) -> None:
        """Raise ValueError unless the sides of pictures can be halved so often."""
        if height % 2**self.halvings or width % 2**self.halvings:
            fits = max(k for k in range(self.halvings) if not (height % 2**k or width % 2**k))
            remedy = f"take halvings={fits} or less" if fits else "choose another size of the pictures, such as size=32"
            raise ValueError(f"halvings={self.halvings}: pictures of {height}x{width} cannot be halved so often; {remedy}")


class UNet(Module):
    """Pictures (N, before, h, w) -> (N, after, h, w), any numbers; both sides are multiples of 2^halvings."""

    def __init__(self, before, after, s, rng):
        widths = [s.g_channels * min(4, 2**k) for k in range(s.halvings + 1)]
        self.first = Conv2d(before, widths[0], 3, 1, 1, rng=rng)
        self.down = ModuleList(Conv2d(a, b, 4, 2, 1, rng=rng) for a, b in zip(widths, widths[1:]))
        up, here = [], widths[-1]
        for width in widths[-2::-1]:
            up.append(ConvTranspose2d(here, width, 4, 2, 1, rng=rng))
            here = 2 * width  # beside it lies what the way down had at this size
        self.up = ModuleList(up)
        self.last = Conv2d(here, after, 3, 1, 1, rng=rng)

    def forward(self, x):
        """Halve, double, and look back at each size."""
        x = leaky_relu(self.first(x), 0.2)
        passed = []
        for layer in self.down:
            passed.append(x)
            x = leaky_relu(layer(x), 0.2)  # (N, C, h/2, w/2), (N, 2C, h/4, w/4) ...
        for layer in self.up:
            x = cat([leaky_relu(layer(x), 0.2), passed.pop()], 1)
        return self.last(x)


class PatchJudge(Module):
    """Discriminator: a picture and what it was made of, side by side -> verdicts (N, 1, h/4, w/4), each of 18x18 pixels."""

    def __init__(self, channels, s, rng):
        wide = 2 * s.d_channels
        self.patches = Sequential(
            Conv2d(channels, s.d_channels, 4, 2, 1, rng=rng), LeakyReLU(0.2),
            Conv2d(s.d_channels, wide, 4, 2, 1, rng=rng), LeakyReLU(0.2),
        )  # fmt: skip
        self.verdict = Conv2d(wide, 1, 3, 1, 1, rng=rng)

    def features(self, x, source):
        """Return what the verdicts are made of: (N, 2C, h/4, w/4)."""
        return self.patches(cat([x, source], 1))

    def forward(self, x, source):
        """Return the verdicts: real, or made."""
        return self.verdict(self.features(x, source))

"""Pictures drawn at once: a generator of transposed convolutions, a discriminator of convolutions, their settings.

The generator makes a small picture of many channels of z, and doubles its sides until it has the size. The discriminator
halves them again. Radford et al. 2016 (DCGAN), without their batch norm in D.
"""

from dataclasses import dataclass

from tinygan.nn import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    Unflatten,
)
from tinygan.run.settings import RunSettings, setting


@dataclass
class PainterSettings(RunSettings):
    """Settings of both networks."""

    noise: int = setting(64, "Size of z.", 1)
    g_channels: int = setting(
        32, "Channels of G's largest hidden layer; each smaller one has twice as many, 4 times at most.", 1
    )
    d_channels: int = setting(
        24, "Channels of D's largest hidden layer; each smaller one has twice as many, 4 times at most.", 1
    )
    features: int = setting(128, "Outputs of the last layer of D's trunk.", 1)


def doublings(height, width):
    """Return how often a side is doubled from G's smallest layer on: as long as both are even and more than 7."""
    times = 0
    while height % 2 == width % 2 == 0 and min(height, width) > 7:
        height, width, times = height // 2, width // 2, times + 1
    return times


def widths(channels, times):
    """Return the channels of the hidden layers, from the largest in size to the smallest."""
    return [channels * min(4, 2**k) for k in range(times)]


def painter(inputs, shape, s, rng):
    """Return the generator: z (N, inputs) -> pictures (N, *shape)."""
    channels, height, width = shape
    times = doublings(height, width)
    first, *others = reversed(widths(s.g_channels, times))
    small = first, height // 2**times, width // 2**times
    layers = [Linear(inputs, small[0] * small[1] * small[2], rng=rng), Unflatten(1, small)]
    for after in others:
        layers += [BatchNorm2d(first), ReLU(), ConvTranspose2d(first, after, 4, 2, 1, rng=rng)]
        first = after
    layers += [BatchNorm2d(first), ReLU(), ConvTranspose2d(first, channels, 4, 2, 1, rng=rng), Tanh()]
    return Sequential(*layers)


def trunk(shape, s, rng):
    """Return what D's heads stand on: pictures (N, *shape) -> features (N, s.features)."""
    channels, height, width = shape
    times, layers = doublings(height, width), []
    for after in widths(s.d_channels, times):
        layers += [Conv2d(channels, after, 4, 2, 1, rng=rng), LeakyReLU(0.2)]
        channels = after
    size = channels * (height // 2**times) * (width // 2**times)
    return Sequential(*layers, Flatten(), Linear(size, s.features, rng=rng), LeakyReLU(0.2))

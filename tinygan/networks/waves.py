"""Players that make and judge sound as it is, sample by sample: WaveGAN.

A picture is doubled by 5x5 windows; a sound needs longer ones, for the ear hears periods of a hundred samples. So windows
have 25 samples, and each layer makes the sound four times as long. What is drawn so has a hum at the rate of each layer,
always at the same phase, by which D would know it: `PhaseShuffle` moves what D's layers see by a sample or two. Donahue,
McAuley & Puckette 2019, *Adversarial Audio Synthesis*.
"""

from dataclasses import dataclass

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.nn import (
    BatchNorm1d,
    Conv1d,
    ConvTranspose1d,
    Flatten,
    LeakyReLU,
    Linear,
    Module,
    ReLU,
    Sequential,
    Tanh,
    Unflatten,
)
from tinygan.ops import pad
from tinygan.run.settings import RunSettings, setting

LAYERS = 5
STEP = 4**LAYERS  # a sound has a multiple of so many samples
GAIN = 8.0  # a word's root mean square is .1; first weights are drawn for inputs of about 1
WINDOW = {"kernel_size": 25, "stride": 4, "padding": 11}


@dataclass
class WaveSettings(RunSettings):
    """Settings of both networks."""

    noise: int = setting(64, "Size of z.", 1)
    channels: int = setting(12, "Channels of the layer next to the sound; each further one has twice as many.", 1)
    shuffle: int = setting(2, "D's layers see what is before them moved by so many samples at most. 0: not moved.", 0, 100)


class PhaseShuffle(Module):
    """In training, (N, C, T) moved by -n to n samples, by chance from `rng`; what moves in is a reflection."""

    def __init__(self, n: int, rng: np.random.Generator) -> None:
        self.n, self.rng = n, rng

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T) -> (N, C, T)."""
        n = min(self.n, x.shape[2] - 1)
        if not (self.training and n):
            return x
        start = int(self.rng.integers(0, 2 * n + 1))
        return pad(x, (n, n), "reflect")[:, :, start : start + x.shape[2]]

    def extra_repr(self) -> str:
        return f"{self.n}"


class Louder(Module):
    """(N, T) times GAIN."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, T) -> (N, T)."""
        return x * GAIN


def wave_painter(length: int, s: WaveSettings, rng: np.random.Generator) -> Sequential:
    """Return the generator: z (N, noise) -> sounds (N, length) in [-1, 1]; length is a multiple of STEP."""
    widths = [s.channels * 2**k for k in reversed(range(LAYERS))]  # 16, 8, 4, 2, 1 times as many
    layers: list[Module] = [Linear(s.noise, widths[0] * length // STEP, rng=rng), Unflatten(1, (widths[0], length // STEP))]
    for before, after in zip(widths, [*widths[1:], 1]):
        layers += [BatchNorm1d(before), ReLU(), ConvTranspose1d(before, after, **WINDOW, output_padding=1, rng=rng)]
    return Sequential(*layers, Tanh(), Flatten())


def wave_judge(length: int, s: WaveSettings, rng: np.random.Generator) -> Sequential:
    """Return the discriminator: sounds (N, length) -> verdicts (N, 1)."""
    layers: list[Module] = [Louder(), Unflatten(1, (1, length))]
    before = 1
    for k in range(LAYERS):
        after = s.channels * 2**k
        layers += [Conv1d(before, after, **WINDOW, rng=rng), LeakyReLU(0.2)]
        layers += [PhaseShuffle(s.shuffle, rng)] * (k < LAYERS - 1)
        before = after
    return Sequential(*layers, Flatten(), Linear(before * length // STEP, 1, rng=rng))

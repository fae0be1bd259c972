"""Two multilayer perceptrons for points of the plane, and the settings that they read."""

from dataclasses import dataclass

import numpy as np

from tinygan.backend import stream
from tinygan.gan.augment import MinibatchStd
from tinygan.gan.latent import SPACES, SparseCode
from tinygan.nn import LeakyReLU, Linear, Module, Sequential, init
from tinygan.ops import cat, cos, sin
from tinygan.run.settings import RunSettings, setting


@dataclass
class CodeSettings(RunSettings):
    """G's first layer, if a code stands beside z."""

    noise_share: float = setting(0.1, "Size of G's first weights for z; those for the code have size 1.", 0.0)


@dataclass
class FrequencySettings(RunSettings):
    """How D sees a point, if it sees waves of it."""

    finest: float = setting(100.0, "Highest frequency of the waves, in radians per unit of D's input.", 1.0)
    wave_size: float = setting(0.2, "Factor on the waves.", 0.0)
    point_size: float = setting(40.0, "Factor on the point itself beside its waves.", 0.0)


@dataclass
class PerceptronSettings(RunSettings):
    """Settings of both perceptrons."""

    latent: str = setting("normal", "Where z is drawn from.", choices=tuple(SPACES))
    noise: int = setting(8, "Size of z.", 1)
    codes: int = setting(
        0, "Classes of a code beside z. With it G need not cross from one mode to the next. 0: no code.", 0,
        brings=CodeSettings,
    )  # fmt: skip
    reach: float = setting(1.0, "How far out the points lie: G's output is multiplied by it, D's input divided.", 0.0)
    steepness: float = setting(1.0, "Factor on D's first weights: a steeper D sees finer differences.", 0.0)
    frequencies: int = setting(
        0, "Waves of a point that D sees beside it: it then tells how wide a mode is. 0: the point alone.", 0,
        brings=FrequencySettings,
    )  # fmt: skip
    hidden: int = setting(128, "Width of the hidden layers of both players.", 1)
    layers: int = setting(3, "Hidden layers of each player.", 1)
    leak: float = setting(0.2, "Slope of the hidden units below 0; 0 is ReLU.", 0.0, 1.0)
    spread_of: int = setting(0, "Tell D the spread of groups of so many samples. 0: do not.", 0)
    sparsity: float = setting(
        0.0, "Weight in G's loss of E |h|, h the features of its last hidden layer: few are active then. 0: none.", 0.0
    )

    def __post_init__(self):
        super().__post_init__()
        if self.spread_of == 1:
            raise ValueError("spread_of=1: one sample has no spread; take 2 or more, or 0")
        if self.reach < 1e-6:  # D's input is divided by it
            raise ValueError(f"reach={self.reach}: all points would lie at 0; take how far out the real ones lie")


class Times(Module):
    """x -> factor x: points of any size are brought to about 1, for which networks are made."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        """An array or Tensor of any shape -> the same shape."""
        return x * self.factor


class FourierFeatures(Module):
    """x -> [p x, w sin(x B), w cos(x B)]: B is drawn once and never trained. Tancik et al. 2020, eq. 5.

    A perceptron of x alone bends where its hidden units do, and has few bends within a narrow mode: it cannot say that the
    mode is drawn too narrow. The columns of B are normal, of sizes from 1 to `finest`, evenly by their logarithm.
    """

    def __init__(self, inputs, s, rng):
        self.point_size, self.wave_size = s.point_size, s.wave_size
        sizes = np.exp(rng.uniform(0, np.log(s.finest), s.frequencies))
        self.register_buffer("frequencies", (rng.standard_normal((inputs, s.frequencies)) * sizes).astype("f4"))

    def forward(self, x):
        """x (N, inputs) -> (N, inputs + 2 frequencies)."""
        angles = x @ self.frequencies
        return cat([self.point_size * x, self.wave_size * sin(angles), self.wave_size * cos(angles)], 1)


def hidden_layers(inputs, s, rng):
    """Return s.layers times Linear and LeakyReLU: (N, inputs) -> (N, hidden)."""
    sizes = [inputs] + [s.hidden] * s.layers
    return [layer for a, b in zip(sizes, sizes[1:]) for layer in (Linear(a, b, rng=rng), LeakyReLU(s.leak))]


def point_generator(s):
    """Return the generator: z, and the code if there is one, (N, noise + codes) -> points (N, 2)."""
    rng = stream(s.seed, "generator")
    features = [SparseCode()] if s.sparsity else []
    g = Sequential(*hidden_layers(s.noise + s.codes, s, rng), *features, Linear(s.hidden, 2, rng=rng), Times(s.reach))
    if s.codes:
        weight = init.uniform_(g[0].weight, -1, 1, rng).data
        weight[:, : s.noise] *= s.noise_share
    return g


def point_discriminator(s):
    """Return the discriminator: points (N, 2), in packs (N, 2 packing) -> verdicts (N, 1)."""
    rng = stream(s.seed, "discriminator")
    spread = [MinibatchStd(s.spread_of)] if s.spread_of else []
    inputs = 2 * s.packing
    waves = [FourierFeatures(inputs, s, rng)] if s.frequencies else []
    trunk = hidden_layers(inputs + 2 * s.frequencies, s, rng)
    trunk[0].weight.data *= s.steepness
    trunk[0].bias.data *= s.steepness
    if s.frequencies:
        trunk[0].bias.data *= s.point_size  # hidden units bend all over the plane then, not near 0 alone
    return Sequential(Times(1 / s.reach), *waves, *trunk, *spread, Linear(s.hidden + len(spread), 1, rng=rng))

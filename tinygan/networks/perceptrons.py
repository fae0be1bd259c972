"""Two multilayer perceptrons for points of the plane, and the settings that they read."""

from dataclasses import dataclass

from tinygan.backend import stream
from tinygan.gan.augment import MinibatchStd
from tinygan.gan.latent import SPACES, SparseCode
from tinygan.nn import LeakyReLU, Linear, Module, Sequential, init
from tinygan.run.settings import RunSettings, setting


@dataclass
class CodeSettings(RunSettings):
    """G's first layer, if a code stands beside z."""

    noise_share: float = setting(0.1, "Size of G's first weights for z; those for the code have size 1.", 0.0)


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
    trunk = hidden_layers(2 * s.packing, s, rng)
    trunk[0].weight.data *= s.steepness
    trunk[0].bias.data *= s.steepness
    return Sequential(Times(1 / s.reach), *trunk, *spread, Linear(s.hidden + len(spread), 1, rng=rng))

"""A generator of pictures that is built in several ways, and its judge: what each part adds is measured by `shapes`.

build       plain: z is made a small picture of many channels, which is doubled; encoder-decoder: z is first sketched
            at full size, the sketch is halved down and doubled up again, with what was there at each size
doubling    transposed convolutions, or each pixel repeated and then a convolution
attention   every place of the 8x8 layer may look at every other (SAGAN)
path        z moves on from size to size, along the path of a GRU
sparsity    few features of the smallest layer are active
"""

from dataclasses import dataclass

from tinygan.autodiff import no_grad
from tinygan.gan.latent import SPACES, Categorical, Joined, LatentPath, Normal, SparseCode
from tinygan.networks.dcgan import PainterSettings
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
    Upsample,
)
from tinygan.ops import cat, flatten, leaky_relu, matmul, relu, reshape, softmax, tanh, transpose, unsqueeze
from tinygan.run.settings import RunSettings, setting

SMALLEST = 4  # side of the smallest layer of 32x32 pictures


@dataclass
class PathSettings(RunSettings):
    """How z moves."""

    step_noise: int = setting(8, "Size of the noise that moves z on at each size of layer.", 1)


@dataclass
class SparsitySettings(RunSettings):
    """How few features are active."""

    sparsity: float = setting(
        0.5, "Weight in G's loss of E |h| / √E h², h the features of the smallest layer; 1 if all are equal.", 0.0
    )


@dataclass
class BuildSettings(PainterSettings):
    """How G and D are built."""

    build: str = setting("plain", "What G does with z.", choices=("plain", "encoder-decoder"))
    doubling: str = setting("transposed", "How G doubles a side.", choices=("transposed", "nearest"))
    attention: str = setting("none", "Who attends to distant places, in the 8x8 layer.", choices=("none", "g", "both"))
    latent: str = setting(
        "normal", "Where z is drawn from; categorical: codes of four classes each.", choices=(*SPACES, "categorical")
    )
    path: str = setting("none", "Whether z moves on from layer to layer.", choices={"none": None, "gru": PathSettings})
    features_are: str = setting(
        "free", "How the features of G's smallest layer are.", choices={"free": None, "sparse": SparsitySettings}
    )

    def __post_init__(self):
        super().__post_init__()
        if self.latent == "categorical" and self.noise % CLASSES:
            raise ValueError(f"noise={self.noise} with latent=categorical: expected a multiple of {CLASSES}")


CLASSES = 4  # of each categorical code


def latent_space(s):
    """Return where z is drawn from."""
    if s.latent == "categorical":
        return Joined(*[Categorical(CLASSES)] * (s.noise // CLASSES))
    return SPACES[s.latent](s.noise)


class SelfAttention(Module):
    """x + γ W v softmax(q kᵀ / √d)ᵀ over the places of a picture's features; γ begins at 0.

    Zhang et al. 2019 (SAGAN), eq. 2 and 3, whose scores are not divided by √d.
    """

    def __init__(self, channels, rng):
        inner = max(1, channels // 8)
        self.query, self.key = (Conv2d(channels, inner, 1, rng=rng) for _ in range(2))
        self.value = Conv2d(channels, max(1, channels // 2), 1, rng=rng)
        self.out = Conv2d(max(1, channels // 2), channels, 1, rng=rng)
        self.scale = Parameter(self.out.weight.data[:1, 0, 0, 0] * 0)
        self.scale_of_scores = inner**-0.5

    def maps(self, x):
        """Features (N, C, h, w) -> what each place looks at: (N, h·w, h·w), each row sums to 1."""
        query, key = (flatten(layer(x), 2) for layer in (self.query, self.key))  # (N, d, h·w)
        return softmax(matmul(transpose(query, 1, 2), key) * self.scale_of_scores, -1)

    def forward(self, x):
        """Features (N, C, h, w) -> (N, C, h, w)."""
        value = flatten(self.value(x), 2)  # (N, C/2, h·w)
        seen = matmul(value, transpose(self.maps(x), 1, 2))
        return x + self.scale * self.out(reshape(seen, (*seen.shape[:2], *x.shape[2:])))


class Painter(Module):
    """Generator: z (N, noise), and with a path its noise (4, N, step_noise) -> pictures (N, 3, 32, 32)."""

    def __init__(self, s, rng):
        c = s.g_channels
        widths = [4 * c, 2 * c, c, 3]  # at 4, 8, 16 and 32 pixels
        self.s = s
        if s.build == "plain":
            self.first = Linear(s.noise, widths[0] * SMALLEST**2, rng=rng)
            passed = [0, 0, 0]
        else:
            self.first = Linear(s.noise, 32 * 32, rng=rng)
            self.down = ModuleList(Conv2d(a, b, 4, 2, 1, rng=rng) for a, b in zip([1, c, 2 * c], [c, 2 * c, 4 * c]))
            passed = [0, 2 * c, c]  # what the way down had, beside 4, 8 and 16 pixels
        self.norms = ModuleList(BatchNorm2d(width) for width in widths[:3])
        self.up = ModuleList(
            self._double(width + more, after, s, rng) for width, more, after in zip(widths, passed, widths[1:])
        )
        self.attention = SelfAttention(2 * c, rng) if s.attention != "none" else None
        self.sparse = SparseCode() if s.features_are == "sparse" else None
        if s.path == "gru":
            self.path = LatentPath(s.noise, s.step_noise, s.noise, rng=rng)
            self.steer = ModuleList(Linear(s.noise, width, rng=rng) for width in widths[:3])

    def _double(self, before, after, s, rng):
        if s.doubling == "transposed":
            return ConvTranspose2d(before, after, 4, 2, 1, rng=rng)
        return Sequential(Upsample(scale_factor=2), Conv2d(before, after, 3, 1, 1, rng=rng))

    def forward(self, z, noise=None):
        """Return pictures in [-1, 1]."""
        return self._paint(z, noise)[0]

    def attend(self, z, noise=None):
        """Return what each of the 8x8 places looks at: (N, 64, 64). Only with attention."""
        assert self.attention is not None
        with no_grad():
            return self.attention.maps(self._paint(z, noise)[1])

    def _paint(self, z, noise):
        """Return pictures, and the features of 8x8 places that attention is given."""
        passed = {}  # what the way down had: 1 at 8 pixels, 2 at 16; at 4 it is itself what goes up
        if self.s.build == "plain":
            x = reshape(self.first(z), (len(z), -1, SMALLEST, SMALLEST))
        else:
            x = reshape(self.first(z), (len(z), 1, 32, 32))
            for k, layer in zip((2, 1, 0), self.down):
                x = passed[k] = leaky_relu(layer(x), 0.2)
            del passed[0]
        points = self.path(z, transpose(noise, 0, 1)) if self.s.path == "gru" else None  # (N, 3, noise)
        for k, (norm, double) in enumerate(zip(self.norms, self.up)):
            x = norm(x)
            if points is not None:
                x = x + unsqueeze(unsqueeze(self.steer[k](points[:, k]), 2), 3)
            x = self.sparse(x) if self.sparse is not None and k == 0 else relu(x)
            if k == 1:
                places = x  # (N, 2C, 8, 8)
                x = x if self.attention is None else self.attention(x)
            x = double(cat([x, passed[k]], 1) if k in passed else x)
        return tanh(x), places

    def spaces(self):
        """Return where z, and the noise of its path, are drawn from."""
        return [latent_space(self.s), *([Normal(self.s.step_noise, steps=3)] if self.s.path == "gru" else [])]


def painter_judge(s, rng):
    """Return the discriminator: pictures (N, 3, 32, 32) -> verdicts (N, 1)."""
    c = s.d_channels
    layers = [Conv2d(3, c, 4, 2, 1, rng=rng), LeakyReLU(0.2)]
    layers += [Conv2d(c, 2 * c, 4, 2, 1, rng=rng), LeakyReLU(0.2)]
    layers += [SelfAttention(2 * c, rng)] if s.attention == "both" else []
    layers += [Conv2d(2 * c, 4 * c, 4, 2, 1, rng=rng), LeakyReLU(0.2)]
    layers += [
        Flatten(),
        Linear(4 * c * SMALLEST**2, s.features, rng=rng),
        LeakyReLU(0.2),
        Linear(s.features, 1, rng=rng),
    ]
    return Sequential(*layers)

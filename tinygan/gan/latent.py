"""Where z comes from: spaces to draw it from, layers that make more of it, and the way from one draw to another.

A space has `size`, how many numbers a point has, and `sample(rng, n)`, n points as a float32 array (n, size). `Joined` puts
spaces side by side, as InfoGAN's codes are beside its noise; `Mixture` draws each point from one of several.

>>> import numpy as np
>>> codes = Joined(Normal(62), Categorical(10), Uniform(2))
>>> z = codes.sample(np.random.default_rng(0), 5)
>>> z.shape, [part.shape for part in codes.split(z)]
((5, 74), [(5, 62), (5, 10), (5, 2)])
"""

import math

import numpy as np

from tinygan.nn import GRU, Linear, Module
from tinygan.ops import cat, expand, relu, tanh, unsqueeze


class Normal:
    """N(0, 1) in every direction."""

    def __init__(self, size):
        self.size = _checked_size("Normal", size)

    def sample(self, rng, n):
        """(n, size), float32."""
        return rng.standard_normal((n, self.size), dtype="float32")


class Uniform:
    """Uniform on a box: every number between low and high, -1 and 1 by default."""

    def __init__(self, size, low=-1.0, high=1.0):
        self.size, self.low, self.high = _checked_size("Uniform", size), low, high
        if not low < high:
            raise ValueError(f"Uniform: from {low} to {high}: expected low < high")

    def sample(self, rng, n):
        """(n, size), float32."""
        share = rng.random((n, self.size), dtype="float32")
        return np.float32(self.low) + share * np.float32(self.high - self.low)


class Sphere:
    """Uniform on the sphere of `radius` about 0: a normal vector, whose direction is uniform, brought to that length.

    With radius √size it is nearly N(0, 1), whose points are all about that far from 0. Karras et al. 2018, section A.1.
    """

    def __init__(self, size, radius=1.0):
        self.size, self.radius = _checked_size("Sphere", size), radius
        if not radius > 0:
            raise ValueError(f"Sphere: radius {radius}: expected more than 0")

    def sample(self, rng, n):
        """(n, size), float32."""
        z = rng.standard_normal((n, self.size))
        return (z * (self.radius / np.linalg.norm(z, axis=1, keepdims=True))).astype("float32")


class Categorical:
    """One of `size` classes as a one-hot vector; with `draws`, how often each class came up in so many: multinomial.

    probabilities: (size,), all equal by default. InfoGAN's discrete code, Chen et al. 2016, section 7.2.
    """

    def __init__(self, size, probabilities=None, draws=1):
        self.size, self.draws = _checked_size("Categorical", size), draws
        self.probabilities = _checked_probabilities("Categorical", probabilities, size)
        if draws < 1:
            raise ValueError(f"Categorical: draws {draws}: expected at least 1")

    def sample(self, rng, n):
        """(n, size), float32; every row sums to `draws`."""
        return rng.multinomial(self.draws, self.probabilities, n).astype("float32")


class Joined:
    """Spaces side by side: a point is a point of each, end to end."""

    def __init__(self, *spaces):
        if not spaces:
            raise ValueError("Joined: no spaces given")
        self.spaces, self.size = spaces, sum(space.size for space in spaces)

    def sample(self, rng, n):
        """(n, size), float32."""
        return np.concatenate([space.sample(rng, n) for space in self.spaces], 1)

    def split(self, z):
        """z (n, size) as one piece (n, space.size) for each space; arrays and Tensors alike."""
        ends = np.cumsum([space.size for space in self.spaces]).tolist()
        return [z[:, end - space.size : end] for space, end in zip(self.spaces, ends)]


class Mixture:
    """Each point from one of several spaces of one size, chosen with `probabilities`, all equal by default.

    `centres` (spaces, size), if given, are added: Mixture([Normal(2)] * 8, centres=points) has a cloud about each point.
    """

    def __init__(self, spaces, probabilities=None, centres=None):
        self.spaces = list(spaces)
        sizes = {space.size for space in self.spaces}
        if len(sizes) != 1:
            raise ValueError(
                f"Mixture: spaces of sizes {sorted(sizes)}: expected one size; to put them side by side, Joined"
            )
        (self.size,) = sizes
        self.probabilities = _checked_probabilities("Mixture", probabilities, len(self.spaces))
        shape = len(self.spaces), self.size
        self.centres = np.zeros(shape, "float32") if centres is None else np.asarray(centres, "float32")
        if self.centres.shape != shape:
            raise ValueError(f"Mixture: centres {self.centres.shape}: expected a point for each space, {shape}")

    def sample(self, rng, n):
        """(n, size), float32."""
        chosen = rng.choice(len(self.spaces), n, p=self.probabilities)
        of_each = np.stack([space.sample(rng, n) for space in self.spaces])  # (spaces, n, size)
        return of_each[chosen, np.arange(n)] + self.centres[chosen]


SPACES = {"normal": Normal, "uniform": Uniform, "sphere": Sphere, "categorical": Categorical}  # all take a size


def _checked_size(name, size):
    if size < 1:
        raise ValueError(f"{name}: size {size}: a point needs at least 1 number")
    return size


def _checked_probabilities(name, probabilities, count):
    p = np.full(count, 1 / count) if probabilities is None else np.asarray(probabilities, np.float64)
    if p.shape != (count,) or not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
        raise ValueError(f"{name}: probabilities {p.tolist()}: expected {count}, none negative, that sum to 1")
    return p / p.sum()


# --- with weights of their own ---------------------------------------------------------------------------------


class SparseCode(Module):
    """relu(x), of which the setting `sparsity` draws all but a few units to 0: what is active names what a sample has.

    A layer of G that keeps what it last gave. G's loss gains sparsity · E |h|. Olshausen & Field 1996, eq. 2.
    """

    last = None

    def forward(self, x):
        """(N, ...) -> (N, ...), none negative."""
        self.last = relu(x)
        return self.last


def sparse_code(generator):
    """What the layer SparseCode of a generator last gave."""
    return next(m for m in generator.modules() if isinstance(m, SparseCode)).last


class LatentPath(Module):
    """A GRU that unrolls a point z into a path: h_t = GRU([ε_t, z], h_{t-1}), h_0 = tanh(W z), t = 1..T.

    z says what is seen, the path how it moves: one point a frame for a generator of frames. ε_t is noise, drawn anew at
    every step. Tulyakov et al. 2018 (MoCoGAN), section 3.1, whose R_M has ε_t alone.
    """

    def __init__(self, size, noise, path, *, rng=None):
        self.begin = Linear(size, path, rng=rng)
        self.gru = GRU(noise + size, path, batch_first=True, rng=rng)

    def forward(self, z, noise):
        """z (N, size), noise ε (N, T, noise) -> the path (N, T, path)."""
        along = expand(unsqueeze(z, 1), (-1, noise.shape[1], -1))
        return self.gru(cat([noise, along], 2), unsqueeze(tanh(self.begin(z)), 0))[0]


# --- nearer to the middle --------------------------------------------------------------------------------------


class Truncated:
    """A random generator whose normal numbers lie within ± truncation: those beyond are drawn again, all else is as it was.

    The truncation trick: train without, sample with, and trade diversity for quality. Brock et al. 2019, section 3.1.
    """

    def __init__(self, rng, truncation):
        if not truncation >= 0.01:  # at .01, 1 number in 125 is kept
            raise ValueError(f"truncation {truncation}: expected .01 or more")
        self.rng, self.truncation = rng, truncation

    def standard_normal(self, size=None, dtype=np.float64):
        """As numpy's."""
        z = np.asarray(self.rng.standard_normal(size, dtype=dtype))
        while (far := np.abs(z) > self.truncation).any():
            z[far] = self.rng.standard_normal(int(far.sum()), dtype=dtype)
        return z

    def __getattr__(self, name):
        return getattr(self.rng, name)


def shrunk(z, psi, centre=0.0):
    """centre + psi (z - centre): nearer to the centre, which is more typical, for psi < 1. Karras et al. 2019, section B."""
    return centre + psi * (z - centre)


# --- on the way ------------------------------------------------------------------------------------------------


class Between:
    """The chance on the way from one random generator to another: what is drawn from it lies between what both would draw.

    A recipe's `fake` has no other source of chance than the generator it is given, so samples drawn with this one at t =
    0..1 go from those of `start` to those of `end`, whatever the recipe draws. Normal numbers are cos(tπ/2) a + sin(tπ/2)
    b, which is normal again for every t: each sample on the way is as likely as the ends. Uniform ones go in a line. What
    cannot lie between, classes and places, is drawn from `fixed`, the same all the way.
    """

    def __init__(self, start, end, t, fixed):
        self.start, self.end, self.t, self.fixed = start, end, t, fixed

    def standard_normal(self, *args, **options):
        """As numpy's."""
        a, b = (rng.standard_normal(*args, **options) for rng in (self.start, self.end))
        return math.cos(self.t * math.pi / 2) * a + math.sin(self.t * math.pi / 2) * b

    def random(self, *args, **options):
        """As numpy's."""
        return self._line(*(rng.random(*args, **options) for rng in (self.start, self.end)))

    def uniform(self, low=0.0, high=1.0, size=None):
        """As numpy's."""
        return self._line(*(rng.uniform(low, high, size) for rng in (self.start, self.end)))

    def normal(self, loc=0.0, scale=1.0, size=None):
        """As numpy's."""
        return loc + scale * self.standard_normal(size)

    def _line(self, a, b):
        return (1 - self.t) * a + self.t * b

    def __getattr__(self, name):
        return getattr(self.fixed, name)

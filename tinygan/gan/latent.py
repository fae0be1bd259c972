"""Where z comes from: spaces to draw it from, the way from one z to another, layers that make more of it.

A space has `size`, how many numbers a point has, and `sample(rng, n)`, n points as a float32 array (n, size).
`between(a, b, t, fixed)` gives the points on the way from a to b; what cannot lie between, as a class cannot, is taken
from `fixed`. `Joined` puts spaces side by side, as InfoGAN's codes stand beside its noise. `Mixture` draws each point
from one of several spaces.

>>> import numpy as np
>>> codes = Joined(Normal(62), Categorical(10), Uniform(2))
>>> z = codes.sample(np.random.default_rng(0), 5)
>>> z.shape, [part.shape for part in codes.split(z)]
((5, 74), [(5, 62), (5, 10), (5, 2)])
"""

import math
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.nn import GRU, Linear, Module
from tinygan.ops import cat, expand, relu, tanh, unsqueeze


class Space:
    """A distribution of points. A subclass has `size` and `sample`."""

    size: int
    steps = 0  # points are (steps, n, size) if it is not 0: drawn anew at every step
    letter = "z"  # what a drawing calls its points
    walks = False  # whether a point can be moved by a little
    truncates = False  # whether `sample` takes a truncation

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return n points, (n, size), float32."""
        raise NotImplementedError

    def between(self, a: np.ndarray, b: np.ndarray, t: float, fixed: np.ndarray) -> np.ndarray:
        """Return the points at t = 0..1 on the way from a to b, both (n, size): here `fixed`, there is no way between."""
        return fixed

    def take(self, points: Any, rows: np.ndarray) -> np.ndarray:
        """Return some of n points, a copy."""
        return points[:, rows] if self.steps else points[rows]

    def parts(self) -> dict[str, Any]:
        """Return {name: index of an array of points} of what is drawn independently: here the points of each step."""
        if self.steps:
            return {f"{self.letter}_{t + 1}": t for t in range(self.steps)} if self.size else {}
        return {self.letter: ...} if self.size else {}

    def free(self) -> np.ndarray:
        """Return which numbers of a point can be moved by a little, (size,) bools; none that is drawn at every step."""
        return np.full(self.size, self.walks and not self.steps)

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the points of the space that are nearest to z (n, size)."""
        return z


class Normal(Space):
    """N(0, 1) in every direction. With `steps`, z_t is drawn anew at every step: points are (steps, n, size)."""

    walks = True

    def __init__(self, size: int, steps: int = 0):
        self.size, self.steps = _checked_size("Normal", size, least=0), steps
        self.truncates = size > 0

    def sample(self, rng: np.random.Generator, n: int, truncation: float | None = None) -> np.ndarray:
        """Return (n, size) or (steps, n, size), float32; truncation: numbers beyond ± it are drawn again.

        The truncation trick: train without, sample with, and trade diversity for quality. Brock et al. 2019, section 3.1.
        """
        shape = (self.steps, n, self.size) if self.steps else (n, self.size)
        z = rng.standard_normal(shape, dtype="float32")
        if truncation is not None:
            if not truncation >= 0.01:  # at .01, 1 number in 125 is kept
                raise ValueError(f"truncation {truncation}: expected .01 or more")
            while (far := np.abs(z) > truncation).any():
                z[far] = rng.standard_normal(int(far.sum()), dtype="float32")
        return z

    def between(self, a: np.ndarray, b: np.ndarray, t: float, fixed: np.ndarray) -> np.ndarray:
        """Return cos(tπ/2) a + sin(tπ/2) b, which is N(0, 1) for every t: each point is as likely as the ends."""
        return math.cos(t * math.pi / 2) * a + math.sin(t * math.pi / 2) * b


class Uniform(Space):
    """Uniform on a box: every number between low and high, -1 and 1 by default."""

    letter, walks = "u", True

    def __init__(self, size: int, low: float = -1.0, high: float = 1.0):
        self.size, self.low, self.high = _checked_size("Uniform", size), low, high
        if not low < high:
            raise ValueError(f"Uniform: from {low} to {high}: expected low < high")

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return (n, size), float32."""
        return rng.uniform(self.low, self.high, (n, self.size)).astype("float32")

    def between(self, a: np.ndarray, b: np.ndarray, t: float, fixed: np.ndarray) -> np.ndarray:
        """Return (1 - t) a + t b."""
        return (1 - t) * a + t * b

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the points of the box that are nearest to z (n, size)."""
        return z.clip(self.low, self.high)


class Sphere(Space):
    """Uniform on the sphere of `radius` about 0: a normal vector, whose direction is uniform, brought to that length.

    With radius √size it is nearly N(0, 1), whose points are all about that far from 0. Karras et al. 2018, section A.1.
    """

    walks = True

    def __init__(self, size: int, radius: float = 1.0):
        self.size, self.radius = _checked_size("Sphere", size), radius
        if not radius > 0:
            raise ValueError(f"Sphere: radius {radius}: expected more than 0")

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return (n, size), float32."""
        z = rng.standard_normal((n, self.size))
        return (z * (self.radius / np.linalg.norm(z, axis=1, keepdims=True))).astype("float32")

    def between(self, a: np.ndarray, b: np.ndarray, t: float, fixed: np.ndarray) -> np.ndarray:
        """Return the points on the great arcs from a to b."""
        return slerp(a, b, t)

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the points of the sphere that are nearest to z (n, size)."""
        return z * (self.radius / np.maximum(np.linalg.norm(z, axis=1, keepdims=True), 1e-12)).astype(z.dtype)


class Categorical(Space):
    """One of `size` classes as a one-hot vector; with `draws`, how often each class came up in so many: multinomial.

    probabilities: (size,), all equal by default. InfoGAN's discrete code, Chen et al. 2016, section 7.2.
    """

    letter = "code"

    def __init__(self, size: int, probabilities: Any = None, draws: int = 1):
        self.size, self.draws = _checked_size("Categorical", size), draws
        self.probabilities = _checked_probabilities("Categorical", probabilities, size)
        if draws < 1:
            raise ValueError(f"Categorical: draws {draws}: expected at least 1")

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return (n, size), float32; every row sums to `draws`."""
        return rng.multinomial(self.draws, self.probabilities, n).astype("float32")


class Tokens(Space):
    """One of `count` whole numbers at every step: (steps, n)."""

    def __init__(self, count: int, steps: int):
        self.size, self.count, self.steps = 1, count, steps

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return (steps, n), integers below `count`."""
        return rng.integers(self.count, size=(self.steps, n))


class Joined(Space):
    """Spaces side by side: a point is a point of each, end to end."""

    def __init__(self, *spaces: Space):
        if not spaces:
            raise ValueError("Joined: no spaces given")
        self.spaces, self.size = spaces, sum(space.size for space in spaces)
        self.truncates = any(space.truncates for space in spaces)

    def sample(self, rng: np.random.Generator, n: int, truncation: float | None = None) -> np.ndarray:
        """Return (n, size), float32; truncation: of the normal spaces among them."""
        return np.concatenate(draw_each(self.spaces, rng, n, truncation), 1)

    def split(self, z: Any) -> list:
        """Return z (n, size) as one piece (n, space.size) for each space; arrays and Tensors alike."""
        ends = np.cumsum([space.size for space in self.spaces]).tolist()
        return [z[:, end - space.size : end] for space, end in zip(self.spaces, ends)]

    def between(self, a: np.ndarray, b: np.ndarray, t: float, fixed: np.ndarray) -> np.ndarray:
        """Return what lies between in each of the spaces."""
        parts = zip(self.spaces, *(self.split(z) for z in (a, b, fixed)))
        return np.concatenate([space.between(p, q, t, r) for space, p, q, r in parts], 1)

    def parts(self) -> dict[str, Any]:
        """Return {name: index of an array of points} of each space; a name that comes again has its number."""
        parts: dict[str, Any] = {}
        end = 0
        for space in self.spaces:
            end += space.size
            name = space.letter if space.letter not in parts else f"{space.letter} {len(parts) + 1}"
            parts[name] = slice(None), slice(end - space.size, end)
        return parts

    def free(self) -> np.ndarray:
        """Return which numbers of a point can be moved by a little, (size,) bools."""
        return np.concatenate([space.free() for space in self.spaces])

    def nearest(self, z: np.ndarray) -> np.ndarray:
        """Return the points that are nearest to z (n, size) in each of the spaces."""
        return np.concatenate([space.nearest(part) for space, part in zip(self.spaces, self.split(z))], 1)


class Mixture(Space):
    """Each point from one of several spaces of one size, chosen with `probabilities`, all equal by default.

    `centres` (spaces, size), if given, are added: Mixture([Normal(2)] * 8, centres=points) has a cloud about each point.
    """

    def __init__(self, spaces: Any, probabilities: Any = None, centres: Any = None):
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

    def sample(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """Return (n, size), float32."""
        chosen = rng.choice(len(self.spaces), n, p=self.probabilities)
        of_each = np.stack([space.sample(rng, n) for space in self.spaces])  # (spaces, n, size)
        return of_each[chosen, np.arange(n)] + self.centres[chosen]


SPACES = {"normal": Normal, "uniform": Uniform, "sphere": Sphere}  # by name, as the setting `latent` takes them


def draw_each(spaces: Any, rng: np.random.Generator, n: int, truncation: float | None = None) -> tuple:
    """Return n points of each of several spaces; truncation: of those that have one."""
    given = {} if truncation is None else {"truncation": truncation}
    return tuple(space.sample(rng, n, **(given if space.truncates else {})) for space in spaces)


def take_each(spaces: Any, z: Any, rows: np.ndarray) -> list:
    """Return some of the n points of each of several spaces, copies."""
    return [space.take(points, rows) for space, points in zip(spaces, z)]


def slerp(start: np.ndarray, end: np.ndarray, t: float) -> np.ndarray:
    """Return the point at t in [0, 1] of the great arc from start (..., Z) to end; its length changes evenly.

    sin((1 - t) Ω) / sin Ω a + sin(t Ω) / sin Ω b for points a, b of length 1 with the angle Ω between them. Normal noise of
    many dimensions lies near a sphere. On a straight line half-way, its length is 1/√2 of what the generator was trained
    on. Opposite points have no shortest arc: the line is taken. Shoemake 1985; for latent spaces White 2016, section 2.1.
    """
    lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (start, end)]
    a, b = (x / np.maximum(length, 1e-30) for x, length in zip((start, end), lengths))
    # the half angle from chord and sum: arccos loses half of the digits of small angles
    chord, total = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a - b, a + b))
    angle = 2 * np.arctan2(chord, total)
    flat = np.sin(angle) < 1e-6  # sin(t Ω) / sin Ω is t there, to 12 digits
    safe = np.where(flat, 1, np.sin(angle))
    weights = [np.where(flat, share, np.sin(share * angle) / safe) for share in (1 - t, t)]
    return ((weights[0] * a + weights[1] * b) * ((1 - t) * lengths[0] + t * lengths[1])).astype(
        np.result_type(start, end)
    )


def _checked_size(name, size, least=1):
    if size < least:
        raise ValueError(f"{name}: size {size}: a point needs at least {least} number{'s' * (least != 1)}")
    return size


def _checked_probabilities(name, probabilities, count):
    p = np.full(count, 1 / count) if probabilities is None else np.asarray(probabilities, np.float64)
    if p.shape != (count,) or not (p >= 0).all() or abs(p.sum() - 1) > 1e-6:
        raise ValueError(f"{name}: probabilities {p.tolist()}: expected {count}, none negative, that sum to 1")
    return p / p.sum()


# --- with weights of their own ---------------------------------------------------------------------------------


class SparseCode(Module):
    """relu(x), a layer of G that keeps what it last gave, h. G's loss gains sparsity · E |h|: few units are
    active. Olshausen & Field 1996, eq. 2.
    """

    last: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, ...), none negative."""
        self.last = relu(x)
        return self.last


def sparse_code(generator: Module) -> Tensor:
    """Return what the layer SparseCode of a generator last gave."""
    return next(m for m in generator.modules() if isinstance(m, SparseCode)).last


class LatentPath(Module):
    """A GRU that unrolls a point z into a path: h_t = GRU([ε_t, z], h_{t-1}), h_0 = tanh(W z), t = 1..T.

    z says what is seen, the path how it moves: one point a frame for a generator of frames. ε_t is noise, drawn anew at
    every step. Tulyakov et al. 2018 (MoCoGAN), section 3.1, whose R_M has ε_t alone.
    """

    def __init__(self, size: int, noise: int, path: int, *, rng: Any = None):
        self.begin = Linear(size, path, rng=rng)
        self.gru = GRU(noise + size, path, batch_first=True, rng=rng)

    def forward(self, z: Tensor, noise: Tensor) -> Tensor:
        """z (N, size), noise ε (N, T, noise) -> the path (N, T, path)."""
        along = expand(unsqueeze(z, 1), (-1, noise.shape[1], -1))
        return self.gru(cat([noise, along], 2), unsqueeze(tanh(self.begin(z)), 0))[0]

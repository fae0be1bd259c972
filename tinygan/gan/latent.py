"""Where z comes from: spaces to draw it from, and ways to go from one point of a space to another.

A space has `size`, how many numbers a point has, and `sample(rng, n)`, n points as a float32 array (n, size). `Joined` puts
spaces side by side, as InfoGAN's codes are beside its noise; `Mixture` draws each point from one of several.

>>> import numpy as np
>>> codes = Joined(Normal(62), Categorical(10), Uniform(2))
>>> z = codes.sample(np.random.default_rng(0), 5)
>>> z.shape, [part.shape for part in codes.split(z)]
((5, 74), [(5, 62), (5, 10), (5, 2)])
"""

import numpy as np


class Normal:
    """N(0, 1) in every direction; with `truncation`, numbers beyond ± truncation are drawn again.

    The truncation trick: train without, sample with, and trade diversity for quality. Brock et al. 2019, section 3.1.
    """

    def __init__(self, size, truncation=None):
        self.size = _checked_size("Normal", size)
        if truncation is not None and not truncation >= 0.01:  # at .01, 1 number in 125 is kept
            raise ValueError(f"Normal: truncation {truncation}: expected .01 or more, or None")
        self.truncation = truncation

    def sample(self, rng, n):
        """(n, size), float32."""
        z = rng.standard_normal((n, self.size), dtype="float32")
        if self.truncation is not None:
            while (far := np.abs(z) > self.truncation).any():
                z[far] = rng.standard_normal(int(far.sum()), dtype="float32")
        return z


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


# --- from point to point ---------------------------------------------------------------------------------------


def lerp(a, b, t):
    """(1 - t) a + t b: the straight line from a (..., size) at t = 0 to b at t = 1; t broadcasts, (T, 1) gives T points.

    Between two normal points it passes nearer to 0 than any sample lies: halfway, at 1/√2 of the usual length.
    """
    return (1 - t) * a + t * b


def slerp(a, b, t):
    """sin((1 - t) Ω) / sin Ω a + sin(t Ω) / sin Ω b, Ω the angle between a and b (..., size): along a great circle.

    On a sphere it stays there, at constant speed. ValueError for opposite points, between which no arc is the shortest.
    Shoemake 1985; for latent spaces White 2016, section 2.1.
    """
    a, b, t = (np.asarray(x) for x in (a, b, t))
    unit = lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True).clip(1e-12)
    # the half angle from chord and sum: arccos loses half of the digits of small angles
    chord, total = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (unit(a) - unit(b), unit(a) + unit(b)))
    if (total < 1e-6).any():
        raise ValueError("slerp: opposite points have no shortest arc between them; take a third point on the way")
    angle = 2 * np.arctan2(chord, total)
    near = angle < 1e-6  # sin(t Ω) / sin Ω is t there, to 12 digits
    safe = np.where(near, 1.0, angle)
    weights = [np.where(near, share, np.sin(share * safe) / np.sin(safe)) for share in (1 - t, t)]
    return (weights[0] * a + weights[1] * b).astype(np.result_type(a, b))


def shrunk(z, psi, centre=0.0):
    """centre + psi (z - centre): nearer to the centre, which is more typical, for psi < 1. Karras et al. 2019, section B."""
    return centre + psi * (z - centre)


def walk(points, frames, step=slerp):
    """A closed walk through points (K, size), `frames` of them from each to the next -> (K · frames, size)."""
    points = np.asarray(points)
    t = (np.arange(frames) / frames)[:, None]
    return np.concatenate([step(a, b, t) for a, b in zip(points, np.roll(points, -1, 0))]).astype(points.dtype)

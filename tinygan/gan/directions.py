"""The directions of the latent space that matter most: principal components of G's first features, walked (GANSpace).

Härkönen et al. 2020, *GANSpace: Discovering Interpretable GAN Controls*, section 2. The first features y are what G's first
linear layer makes of z. Their principal components say along what they vary most; a regression says which z goes with each.
For a linear G these are the right singular vectors of its weights. `shares.py` says which latent decides how much.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygan.autodiff import no_grad, raw
from tinygan.backend import Array, stream, to_numpy
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import draw_each, take_each
from tinygan.nn import Linear

POINTS, WALKERS = 2048, 16  # z whose features are looked at; samples that walks may begin at


class Directions(NamedTuple):
    """Directions of z, (K, Z), each as long as a standard deviation of its component; the components' shares of variance."""

    steps: Array
    shares: Array


def find_directions(z: Array, features: Array, count: int) -> Directions:
    """Return the first `count` directions of z (N, Z), by the principal components of features (N, F).

    c = V (y - mean), the components of y; u = argmin Σ |z - mean - c u|²; a step is σ(c) u. GANSpace, eq. 2 and 3.
    """
    z, y = z - z.mean(0), features - features.mean(0)
    count, wide = min(count, z.shape[1]), y.shape[1] > len(y)
    variances, vectors = np.linalg.eigh((y @ y.T if wide else y.T @ y) / len(y))  # the smaller; both have these variances
    order = np.argsort(-variances, kind="stable")[:count]
    c = vectors[:, order] if wide else y @ vectors[:, order]
    c = c / np.maximum(np.sqrt((c * c).mean(0)), 1e-12)  # of deviation 1: E c z is then σ(c) u, as they do not correlate
    steps = c.T @ z / len(z)
    largest = np.abs(steps).argmax(1)[:, None]  # of the two signs, that by which the largest number grows
    steps = steps * np.sign(np.take_along_axis(steps, largest, 1))
    return Directions(steps, variances[order] / max(variances.sum(), 1e-12))


def find_features(game: FromNoise, z: Sequence, given: tuple) -> Array:
    """Return what the averaged G's first linear layer that z reaches gives, (N, F); of a G without one, the samples."""
    found: list[Array] = []

    def keep(module: Any, arguments: tuple, output: Any) -> None:
        if not found and differs(array := to_numpy(raw(output))):  # what only reads `given` is the same in all rows
            found.append(array)

    hooks = [m.register_forward_hook(keep) for m in game.G.average.module.modules() if isinstance(m, Linear)]
    try:
        with no_grad():
            samples = game.paint(z, given)
    finally:
        for hook in hooks:
            hook.remove()
    features = found[0] if found and len(found[0]) == len(samples) else samples
    return features.reshape(len(samples), -1).astype(np.float64)


def differs(rows: Array) -> bool:
    """Return whether rows differ by more than rounding: BLAS sums the last rows of a product in another order (1e-6)."""
    return np.ptp(rows, axis=0).max(initial=0) > 1e-4 * np.abs(rows).max(initial=0)


class Walks:
    """Walks of a game along its principal directions, from any of its samples.

    What cannot be walked stays as it is: a class, noise that is drawn anew at every step, what G is told.
    """

    def __init__(self, game: FromNoise, count: int, seed: int = 0):
        rng = stream(seed, "directions")
        self.game, self.z = game, draw_each(game.spaces, rng, POINTS)
        self.given = game.ask(WALKERS, rng)
        self.free = [space.free() for space in game.spaces]
        of_first, told = self.take(np.zeros(POINTS, int))
        alike = [np.where(free, a, b) if free.any() else b for free, a, b in zip(self.free, self.z, of_first)]
        features = []
        for k in range(0, POINTS, game.at_once):
            rows = np.arange(k, min(POINTS, k + game.at_once))
            features.append(find_features(game, take_each(game.spaces, alike, rows), game.take(told, rows)))
        walked = np.concatenate([a[:, free] for free, a in zip(self.free, self.z) if free.any()], 1)
        self.directions = find_directions(walked.astype(np.float64), np.concatenate(features), count)

    def take(self, rows: Array) -> tuple[list, tuple]:
        """Return these rows of z and of what G is told."""
        return take_each(self.game.spaces, self.z, rows), self.game.take(self.given, rows)

    def along(self, direction: int, row: int, amounts: Any) -> Array:
        """Return samples at `amounts` of a direction, in standard deviations, from the row-th of WALKERS samples on."""
        amounts = np.asarray(amounts, np.float32)
        z, given = self.take(np.full(len(amounts), row))
        steps, start = self.directions.steps[direction].astype(np.float32), 0
        for k, free in enumerate(self.free):
            if free.any():
                z[k][:, free] += amounts[:, None] * steps[start : start + free.sum()]
                z[k] = self.game.spaces[k].nearest(z[k])
                start += free.sum()
        with no_grad():
            return self.game.paint(z, given)


def can_walk(game: Any) -> bool:
    """Return whether a game draws a z that can be walked."""
    return isinstance(game, FromNoise) and any(space.free().any() for space in game.spaces)

"""Which latent decides how much of a sample: shares of variance, by first-order Sobol indices.

S_i = Var(E[y | x_i]) / Var(y) is what x_i decides alone, whatever the others are: z, the noise z_t of step t, a class. What
is missing to 1 they decide only together. Fix one, vary the others: samples y and y_i that have x_i alone in common have
Cov(y, y_i) = Var(E[y | x_i]) (Sobol 1993). Variances are summed over all numbers of a sample, or of one step of it (Gamboa
et al. 2014). For a linear G, y = Σ W_i x_i with x_i ~ N(0, I), S_i is |W_i|² / Σ |W_j|².
"""

from typing import NamedTuple

import numpy as np

from tinygan.autodiff import no_grad
from tinygan.backend import Array, stream
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import draw_each, take_each

PAIRS = 512  # pairs of samples for each share


class Shares(NamedTuple):
    """What each input decides alone: its name, its share of a whole sample, its shares of each step (inputs, steps).

    of_steps is None where samples are not made step by step.
    """

    names: list[str]
    whole: Array
    of_steps: Array | None


class Covariance:
    """Sums over pairs of samples that have one input in common; mean and variance are of both (Janon et al. 2014, eq. 6)."""

    def __init__(self) -> None:
        self.n, self.mean, self.product, self.square = 0, 0.0, 0.0, 0.0

    def add(self, y: Array, other: Array) -> None:
        """Add pairs of samples, (N, ...) each."""
        y, other = y.astype(np.float64), other.astype(np.float64)
        self.n += len(y)
        self.mean = self.mean + (y + other).sum(0) / 2
        self.product = self.product + (y * other).sum(0)
        self.square = self.square + (y * y + other * other).sum(0) / 2

    def share(self, axis: tuple[int, ...] | None = None) -> Array:
        """Return covariance / variance, both summed over these axes of a sample; 0 where nothing varies."""
        squared_mean = (self.mean / self.n) ** 2
        covariance, variance = (np.sum(a / self.n - squared_mean, axis) for a in (self.product, self.square))
        return np.where(variance > 1e-12, covariance / np.maximum(variance, 1e-12), 0.0)


def find_shares(game: FromNoise, pairs: int = PAIRS, seed: int = 0) -> Shares:
    """Return the share of every latent of a game, and of what G is told if it is told something."""
    draws = []
    for which in ("one", "another"):
        rng = stream(seed, "shares", 0 if which == "one" else 1)
        z, given = draw_each(game.spaces, rng, pairs), game.ask(pairs, rng)
        draws.append((z, game.take(given, rng.permutation(pairs))))  # classes come in turn
    (z, given), (other_z, other_given) = draws
    inputs = [(name, k, place) for k, space in enumerate(game.spaces) for name, place in space.parts().items()]
    names = [name for name, _, _ in inputs] + ["told"] * bool(given)
    names = [name if name not in names[:i] else f"{name} {i + 1}" for i, name in enumerate(names)]
    sums = [Covariance() for _ in names]
    for start in range(0, pairs, game.at_once):
        rows = np.arange(start, min(pairs, start + game.at_once))
        a, told = take_each(game.spaces, z, rows), game.take(given, rows)
        b, other_told = take_each(game.spaces, other_z, rows), game.take(other_given, rows)
        with no_grad():
            y = game.paint(a, told)
            for total, (_, k, place) in zip(sums, inputs):
                mixed = [points.copy() for points in b]
                mixed[k][place] = a[k][place]
                total.add(y, game.paint(mixed, other_told))
            if given:
                sums[-1].add(y, game.paint(b, told))
    whole = np.array([total.share() for total in sums])
    shape, steps = y.shape[1:], max(space.steps for space in game.spaces)
    if steps not in shape:
        return Shares(names, whole, None)
    others = tuple(axis for axis in range(len(shape)) if axis != shape.index(steps))
    return Shares(names, whole, np.array([total.share(others) for total in sums]))

"""Which latent decides how much of a sample: shares of variance, by first-order Sobol indices.

S_i = Var(E[y | x_i]) / Var(y) is what x_i decides alone, whatever the others are: z, the noise z_t of step t, a class. What
is missing to 1 they decide only together. Fix one, vary the others: samples y and y_i have x_i alone in common, y' and y_i
all else. Then E y (y_i - y') = Var(E[y | x_i]) (Sobol et al. 2007), without error where x_i decides nothing; and
Var(y) - E (y - y_i)² / 2 is the same (Jansen 1999), without error where it decides all. Below one half the first is taken,
above it the second. Variances are summed over all numbers of a sample, or of one step of it (Gamboa et al. 2014). For a
linear G, y = Σ W_i x_i with x_i ~ N(0, I), S_i is |W_i|² / Σ |W_j|².
"""

from typing import Any, NamedTuple

import numpy as np

from tinygan.autodiff import no_grad
from tinygan.backend import Array, stream
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import draw_each, take_each

PAIRS = 512  # samples for each share; of a wave's step it is wrong by about .04 then, of a picture by less


class Shares(NamedTuple):
    """What each input decides alone: its name, its share of a whole sample, its shares of each step (inputs, steps).

    of_steps is None where samples are not made step by step.
    """

    names: list[str]
    whole: Array
    of_steps: Array | None


class Share:
    """The share of one input: sums over samples y, y_i that have it alone in common, and y' that has all else of y_i."""

    def __init__(self) -> None:
        self.n: int = 0
        self.sums: Any = 0.0

    def add(self, y: Array, y_i: Array, other: Array) -> None:
        """Add samples y, y_i and y', (N, ...) each."""
        y, y_i, other = (a.astype(np.float64) for a in (y, y_i, other))
        self.n += len(y)
        terms = y * (y_i - other), (y - y_i) ** 2 / 2, (y * y + other * other) / 2, (y + other) / 2
        self.sums = self.sums + np.stack([term.sum(0) for term in terms])

    def of(self, axis: tuple[int, ...] | None = None) -> Array:
        """Return the share, variances summed over these axes of a sample; 0 where nothing varies."""
        sobol, jansen, square, mean = self.sums / self.n
        variance = np.maximum((square - mean**2).sum(axis), 1e-12)
        small = sobol.sum(axis) / variance
        return np.where(small < 0.5, small, np.where(variance > 1e-12, 1 - jansen.sum(axis) / variance, 0))


def find_shares(game: FromNoise, pairs: int, seed: int = 0) -> Shares:
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
    sums = [Share() for _ in names]
    for start in range(0, pairs, game.at_once):
        rows = np.arange(start, min(pairs, start + game.at_once))
        a, told = take_each(game.spaces, z, rows), game.take(given, rows)
        b, other_told = take_each(game.spaces, other_z, rows), game.take(other_given, rows)
        with no_grad():
            y, other = game.paint(a, told), game.paint(b, other_told)
            for total, (_, k, place) in zip(sums, inputs):
                mixed = [points.copy() for points in b]
                mixed[k][place] = a[k][place]
                total.add(y, game.paint(mixed, other_told), other)
            if given:
                sums[-1].add(y, game.paint(b, told), other)
    whole = np.array([total.of() for total in sums])
    shape, steps = y.shape[1:], max(space.steps for space in game.spaces)
    if steps not in shape:
        return Shares(names, whole, None)
    others = tuple(axis for axis in range(len(shape)) if axis != shape.index(steps))
    return Shares(names, whole, np.array([total.of(others) for total in sums]))

"""Repetition: does a generator copy its training set, or draw the same sample again and again?

No distance between distributions sees copies; they score best. A fresh sample is as near to the training set as to a
held-out set of the same size, a copy is nearer to the training set: `copied_share`. A collapsed generator draws samples
that lie close together: `diversity`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, stream, to_numpy
from tinygan.metrics.points.bags import checked_bags, distance_blocks


class Neighbours(NamedTuple):
    """For each of N samples its K nearest training samples, nearest first: row numbers (N, K), distances (N, K)."""

    rows: Array
    distances: Array


def nearest_training(samples: ArrayLike, training: ArrayLike, k: int = 1) -> Neighbours:
    """Return the `k` nearest of `training` (M, ...) to each of `samples` (N, ...), by the distance |x - y|.

    Pictures are compared pixel by pixel; pass features for another comparison. Rows of equal distance come in order.
    """
    samples, training = _flat("nearest_training", samples, training, least=1)
    if not 1 <= k <= len(training):
        raise ValueError(f"nearest_training: k {k}: expected 1 to {len(training)}, the size of the training set")
    rows, distances = [], []
    for _, squares in distance_blocks(samples, training):
        nearest = np.argsort(squares, 1, kind="stable")[:, :k] if k > 1 else squares.argmin(1)[:, None]
        rows.append(nearest)
        distances.append(np.sqrt(np.take_along_axis(squares, nearest, 1)))
    return Neighbours(np.concatenate(rows), np.concatenate(distances))


def copied_share(samples: ArrayLike, training: ArrayLike, held_out: ArrayLike, seed: int = 0) -> float:
    """Return the share of samples nearer to a training sample than to any held-out sample; a tie counts half.

    1/2 means that the generator learned the distribution, 1 that it learned its training set by heart. The error is
    about 1/√N for N samples, and at least 1/√M for M held-out ones. `seed` thins the larger of the two sets to the
    smaller's size.
    """
    samples, training, held_out = _flat("copied_share", samples, training, held_out, least=1)
    n = min(len(training), len(held_out))
    near, far = (
        nearest_training(samples, x[stream(seed, "copies", i).permutation(len(x))[:n]]).distances[:, 0]
        for i, x in enumerate((training, held_out))
    )
    return float(np.mean(near < far) + np.mean(near == far) / 2)


class Diversity(NamedTuple):
    """Mean distances between samples: among generated ones, among real ones, and the first over the second."""

    generated: float
    real: float
    ratio: float


def diversity(generated: ArrayLike, real: ArrayLike) -> Diversity:
    """Return the mean |xᵢ - xⱼ|, i ≠ j, of pictures or points (N, ...), that of real ones (M, ...), and their ratio.

    The ratio is about 1 for a good generator and 0 for one that draws the same picture for every z. Two modes far apart
    score high too: look also at `precision_recall` or the shares of classes.
    """
    arrays = [np.asarray(to_numpy(x)) for x in (generated, real)]
    bags = checked_bags("diversity", *map(_rows, arrays), least=2)
    among_generated, among_real = map(_mean_distance, bags)
    if not among_real:
        raise ValueError("diversity: all real samples are equal, so no ratio to them exists")
    return Diversity(among_generated, among_real, among_generated / among_real)


def _mean_distance(points: Array) -> float:
    """Return the mean of |xᵢ - xⱼ|, i ≠ j, of points (N, D)."""
    n, total = len(points), 0.0
    for start, squares in distance_blocks(points, points):
        rows = np.arange(len(squares))
        squares[rows, start + rows] = 0  # the root of a rounding error of 1e-15 would be 3e-8
        total += np.sqrt(squares).sum()
    return float(total / (n * (n - 1)))


def _flat(name: str, *arrays: ArrayLike, least: int) -> list[Array]:
    sets = [to_numpy(x) for x in arrays]
    if any(x.ndim < 2 or x.shape[1:] != sets[0].shape[1:] for x in sets):
        raise ValueError(f"{name}: {' and '.join(str(x.shape) for x in sets)}: expected the same shape of a sample")
    return checked_bags(name, *map(_rows, sets), least=least)


def _rows(x: Array) -> Array:
    """Return samples (N, ...) as rows (N, D), N = 0 included."""
    return x.reshape(len(x), math.prod(x.shape[1:]))

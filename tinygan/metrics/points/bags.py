"""Shared by all distances between bags of points: checks of the arguments, and distances in blocks that fit memory.

A bag is a matrix (N, D): a row is a point, or the features of a picture. All numbers are float64, since a small
distance is a difference of large squares.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, to_numpy
from tinygan.progress import track

BLOCK = 2_000_000  # distances held at once: 16 MB; all of 10,000 x 10,000 would be 800 MB


def checked_bags(name: str, *arrays: ArrayLike, least: int = 1) -> list[Array]:
    """Return the arrays as float64 matrices (N, D), (M, D), ...; ValueError if one is not such a matrix, or not finite."""
    bags = [np.asarray(to_numpy(x), np.float64) for x in arrays]
    shapes = " and ".join(str(x.shape) for x in bags)
    if any(x.ndim != 2 or not x.shape[1] or x.shape[1] != bags[0].shape[1] for x in bags):
        raise ValueError(
            f"{name}: {shapes}: expected (N, D) and (M, D), one row a sample, D the same; flatten pictures?"
        )
    if any(len(x) < least for x in bags):
        raise ValueError(f"{name}: {shapes}: at least {least} rows are needed in each")
    if not all(np.isfinite(x).all() for x in bags):
        raise ValueError(f"{name}: nan or infinity among the values; did training diverge?")
    return bags


def squared_distances(a: Array, b: Array) -> Array:
    """Return |aᵢ - bⱼ|² for the rows of a (N, D) and b (M, D): (N, M), exactly 0 or a little above for equal rows.

    |a|² + |b|² - 2 a·b needs one matrix product instead of N M D differences. Its rounding error is 1e-16 of |a|² +
    |b|², so both bags are moved to the origin first.
    """
    centre = b.mean(0)
    a, b = a - centre, b - centre
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)
    return np.maximum(squares, 0, out=squares)


def distance_blocks(a: Array, b: Array) -> Iterator[tuple[int, Array]]:
    """Yield (first row, squared_distances of the next rows of a to all of b), BLOCK numbers at a time."""
    rows = max(1, BLOCK // len(b))
    for start in track(range(0, len(a), rows), "comparing samples"):
        yield start, squared_distances(a[start : start + rows], b)

"""What the distances between bags of points share: their checks, and distances in blocks that fit memory.

A bag is a matrix (N, D), one row a point or the features of a picture. All is float64: a small distance is a difference
of large squares.
"""

import numpy as np

from tinygan.backend import to_numpy

BLOCK = 2_000_000  # distances held at once: 16 MB; all of 10,000 x 10,000 would be 800 MB


def checked_bags(name, *bags, least=1):
    """The bags as float64 matrices (N, D), (M, D), ... after all that can be wrong with them was checked."""
    bags = [np.asarray(to_numpy(x), np.float64) for x in bags]
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


def squared_distances(a, b):
    """|aᵢ - bⱼ|² for the rows of a (N, D) and b (M, D) -> (N, M), exactly 0 or a little above for equal rows.

    By |a|² + |b|² - 2 a·b: one matrix product instead of N M D differences. Its rounding error is 1e-16 of |a|² + |b|²,
    so bags far from the origin are moved there first.
    """
    centre = b.mean(0)
    a, b = a - centre, b - centre
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * (a @ b.T)
    return np.maximum(squares, 0, out=squares)


def distance_blocks(a, b):
    """(first row, squared_distances of some rows of a to all of b), for all rows of a, BLOCK numbers at a time."""
    rows = max(1, BLOCK // len(b))
    for start in range(0, len(a), rows):
        yield start, squared_distances(a[start : start + rows], b)

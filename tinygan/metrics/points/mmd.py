"""Maximum mean discrepancy, MMD² = E k(a, a') + E k(b, b') - 2 E k(a, b): do two bags of points differ anywhere?

`squared_mmd` takes Gaussian kernels, `kernel_distance` the cubic one of KID. Both are unbiased: two bags of one
distribution average 0, and half of the values are negative. Read a value beside real points against real points
(`squared_mmd_floor`), beside its standard error, or as the share of shuffles that reach it (`squared_mmd_test`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, stream
from tinygan.metrics.points.bags import checked_bags, squared_distances

SCALES = (0.5, 1.0, 2.0)  # multiples of the median distance between points


def median_distance(points: ArrayLike) -> float:
    """Return the median of |xᵢ - xⱼ|, i < j, of points (N, D): the width of MMD's middle kernel."""
    (points,) = checked_bags("median_distance", points, least=2)
    squares = squared_distances(points, points)[np.triu_indices(len(points), 1)]
    median = float(np.median(np.sqrt(squares)))
    if not median:
        raise ValueError("median_distance: more than half of the points are equal: no width follows from them")
    return median


def squared_mmd(
    real: ArrayLike, generated: ArrayLike, width: float | None = None, scales: Sequence[float] = SCALES
) -> float:
    """Return MMD² = E k(a, a') + E k(b, b') - 2 E k(a, b), a ≠ a', of points (N, D) and (M, D), without bias.

    k(x, y) = Σ exp(-|x - y|² / 2(s·width)²) over the `scales` s; `width` is the median distance of the real points
    unless given. Flatten sequences and pictures first. ValueError for fewer than two rows. Gretton et al. 2012, eq. 3.
    """
    real, generated = checked_bags("squared_mmd", real, generated, least=2)
    width = _checked_width("squared_mmd", real, width)
    aa, bb, ab = (_kernel(x, y, width, scales) for x, y in ((real, real), (generated, generated), (real, generated)))
    return float(_discrepancy(aa, bb, ab))


def squared_mmd_floor(
    real: ArrayLike,
    n: int,
    percentile: float = 95,
    repeats: int = 100,
    width: float | None = None,
    scales: Sequence[float] = SCALES,
    seed: int = 0,
) -> float:
    """Return the `percentile` of MMD² between n and n other real points, over `repeats` draws from (N, D), N >= 2n.

    A perfect model scores below it in `percentile` of 100 cases, with n samples against n real points.
    """
    (real,) = checked_bags("squared_mmd_floor", real, least=max(2, 2 * n))
    width = _checked_width("squared_mmd_floor", real[: 2 * n], width)
    values = []
    for k in range(repeats):
        drawn = real[stream(seed, "mmd floor", k).permutation(len(real))[: 2 * n]]
        values.append(squared_mmd(drawn[:n], drawn[n:], width, scales))
    return float(np.percentile(values, percentile))


class PermutationTest(NamedTuple):
    """MMD², its percentile among shuffles of the two bags, and the p-value: small when the bags differ."""

    squared_mmd: float
    percentile: float
    p_value: float


def squared_mmd_test(
    real: ArrayLike,
    generated: ArrayLike,
    repeats: int = 200,
    width: float | None = None,
    scales: Sequence[float] = SCALES,
    seed: int = 0,
) -> PermutationTest:
    """Compare MMD² of points (N, D) and (M, D) with MMD² after each of `repeats` random exchanges between the bags.

    If both bags come from one distribution, an exchange changes nothing, and p_value = (1 + |{shuffled >= observed}|) /
    (1 + repeats) is uniform. Memory: one (N + M)² matrix. Gretton et al. 2012, section 5.
    """
    real, generated = checked_bags("squared_mmd_test", real, generated, least=2)
    width = _checked_width("squared_mmd_test", real, width)
    both = np.concatenate([real, generated])
    n, m = len(real), len(generated)
    kernel = _kernel(both, both, width, scales)
    rng = stream(seed, "mmd permutation")
    first = np.zeros((n + m, repeats + 1))  # column r: which points are in the first bag; column 0: the bags as given
    first[:n, 0] = 1
    for r in range(1, repeats + 1):
        first[rng.permutation(n + m)[:n], r] = 1
    np.fill_diagonal(kernel, 0)
    to_first = kernel @ first  # (N + M, repeats + 1): one product for all shuffles
    within, all_pairs = (first * to_first).sum(0), kernel.sum()
    across = to_first.sum(0) - within
    rest = all_pairs - within - 2 * across
    values = within / (n * (n - 1)) + rest / (m * (m - 1)) - 2 * across / (n * m)
    # a shuffle that gives the same bags again counts as reaching the value: 1e-12 is far above rounding
    reached = (values[1:] >= values[0] - 1e-12).sum()
    return PermutationTest(float(values[0]), float(100 * (1 - reached / repeats)), float((1 + reached) / (1 + repeats)))


class KernelDistance(NamedTuple):
    """An unbiased estimate, negative half of the time if the truth is 0, and its standard error."""

    mean: float
    standard_error: float


def kernel_distance(features_a: ArrayLike, features_b: ArrayLike, blocks: int = 10, seed: int = 0) -> KernelDistance:
    """Return the kernel distance (KID), MMD² with k(x, y) = (x·y/D + 1)³, of features (N, D) and (M, D), and its error.

    The rows are shuffled by `seed` and cut into `blocks` parts that share no row, so the estimates of the parts are
    independent: their mean and its standard error are returned. ValueError unless every block has two rows of each bag.
    Binkowski et al. 2018, eq. 4.
    """
    a, b = checked_bags("kernel_distance", features_a, features_b, least=2)
    if blocks < 2 or min(len(a), len(b)) < 2 * blocks:
        raise ValueError(
            f"kernel_distance: {len(a)} and {len(b)} rows in {blocks} blocks: take at least 2 blocks of at least 2 rows"
        )
    rng = stream(seed, "kernel distance")
    parts_a, parts_b = (np.array_split(rng.permutation(x), blocks) for x in (a, b))
    cubic = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3
    estimates = [_discrepancy(cubic(x, x), cubic(y, y), cubic(x, y)) for x, y in zip(parts_a, parts_b)]
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates, ddof=1) / math.sqrt(blocks)))


def _kernel(a: Array, b: Array, width: float, scales: Sequence[float]) -> Array:
    squares = squared_distances(a, b)
    return sum(np.exp(squares * (-0.5 / (s * width) ** 2)) for s in scales)  # type: ignore[return-value]


def _discrepancy(aa: Array, bb: Array, ab: Array) -> float:
    """Return MMD² from the kernel's values within the first bag, within the second, and across."""
    return _mean_of_pairs(aa) + _mean_of_pairs(bb) - 2 * ab.mean()


def _mean_of_pairs(kernel: Array) -> float:
    """Return the mean of k(xᵢ, xⱼ), i ≠ j: a point with itself says nothing about a pair drawn at random."""
    n = len(kernel)
    return (kernel.sum() - kernel.trace()) / (n * (n - 1))


def _checked_width(name: str, real: Array, width: float | None) -> float:
    width = median_distance(real) if width is None else width
    if not width > 0:
        raise ValueError(f"{name}: width {width}: expected the width of a kernel, above 0")
    return width

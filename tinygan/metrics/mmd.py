"""Maximum mean discrepancy: do two bags of points differ anywhere, in any way that a sum of Gaussians can see?

Unbiased, so two bags of one distribution average 0 and half of the values are negative: a value means something only
beside what real against real scores (`squared_mmd_floor`), or as the share of shuffles that reach it (`squared_mmd_test`).
"""

from typing import NamedTuple

import numpy as np

from tinygan.backend import stream
from tinygan.metrics.bags import checked_bags, squared_distances

SCALES = (0.5, 1.0, 2.0)  # of the median distance between points


def median_distance(points):
    """The median of |xᵢ - xⱼ|, i < j, of points (N, D): the width of MMD's middle kernel."""
    (points,) = checked_bags("median_distance", points, least=2)
    squares = squared_distances(points, points)[np.triu_indices(len(points), 1)]
    median = float(np.median(np.sqrt(squares)))
    if not median:
        raise ValueError("median_distance: more than half of the points are equal: no width follows from them")
    return median


def squared_mmd(real, generated, width=None, scales=SCALES):
    """MMD² = E k(a, a') + E k(b, b') - 2 E k(a, b), a ≠ a', of points (N, D) and (M, D): unbiased, a float.

    k(x, y) = Σ exp(-|x - y|² / 2(s·width)²) over the `scales` s; `width` is the median distance of the real points unless
    given. Sequences and pictures are flattened first. Gretton et al. 2012, eq. 3; ValueError for fewer than two rows.
    """
    real, generated = checked_bags("squared_mmd", real, generated, least=2)
    width = _checked_width("squared_mmd", real, width)
    aa, bb, ab = (_kernel(x, y, width, scales) for x, y in ((real, real), (generated, generated), (real, generated)))
    return float(_mean_of_pairs(aa) + _mean_of_pairs(bb) - 2 * ab.mean())


def squared_mmd_floor(real, n, percentile=95, repeats=100, width=None, scales=SCALES, seed=0):
    """The `percentile` of MMD² between n real points and n other real points, over `repeats` draws from (N, D), N >= 2n.

    What a perfect model of as many samples stays below in 95 of 100 cases.
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


def squared_mmd_test(real, generated, repeats=200, width=None, scales=SCALES, seed=0):
    """MMD² of points (N, D) and (M, D), among the MMD² of `repeats` random exchanges of points between the bags.

    If both come from one distribution, exchanges change nothing: p_value = (1 + |{shuffled >= found}|) / (1 + repeats) is
    then uniform. Holds one (N + M)² matrix. Gretton et al. 2012, section 5. -> PermutationTest.
    """
    real, generated = checked_bags("squared_mmd_test", real, generated, least=2)
    width = _checked_width("squared_mmd_test", real, width)
    both = np.concatenate([real, generated])
    n, m = len(real), len(generated)
    kernel = _kernel(both, both, width, scales)
    rng = stream(seed, "mmd permutation")
    first = np.zeros((n + m, repeats + 1))  # column r: which points are in the first bag; column 0: as they came
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


def _kernel(a, b, width, scales):
    squares = squared_distances(a, b)
    return sum(np.exp(squares * (-0.5 / (s * width) ** 2)) for s in scales)


def _mean_of_pairs(kernel):
    """The mean of k(xᵢ, xⱼ), i ≠ j: a point with itself says nothing about a pair drawn at random."""
    n = len(kernel)
    return (kernel.sum() - kernel.trace()) / (n * (n - 1))


def _checked_width(name, real, width):
    width = median_distance(real) if width is None else width
    if not width > 0:
        raise ValueError(f"{name}: width {width}: expected the width of a kernel, above 0")
    return width

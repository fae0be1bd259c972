"""Fidelity and diversity, apart: are generated points realistic, and are all real points covered?

A set of points stands for the region that its balls cover. A ball lies about each point and reaches to its k-th nearest
neighbour in the same set. Precision is the share of generated points in the real region, recall the share of real
points in the generated region. One generated outlier has a huge ball, so density and coverage use the real balls alone:
density counts the real balls about a generated point, coverage is the share of real balls with a generated point in
them.

The points are features, such as `Classifier.features` of pictures, or the data itself in two dimensions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array
from tinygan.metrics.points.bags import checked_bags, distance_blocks


def precision_recall(real: ArrayLike, generated: ArrayLike, k: int = 3) -> dict[str, float]:
    """Return {"precision", "recall"}, each in [0, 1], of features (N, D) and (M, D), N and M above k.

    Precision: the share of generated points that lie in the ball of some real point; recall: the roles swapped. Real
    points against real points score less than 1, so print that beside it. Kynkäänniemi et al. 2019, eq. 1 and 2.
    """
    real, generated = _checked("precision_recall", real, generated, k)
    real_radii, generated_radii = _squared_radii(real, k), _squared_radii(generated, k)
    precise = np.zeros(len(generated), bool)
    recalled = np.empty(len(real), bool)
    for start, squares in distance_blocks(real, generated):
        rows = slice(start, start + len(squares))
        precise |= (squares <= real_radii[rows, None]).any(0)
        recalled[rows] = (squares <= generated_radii).any(1)
    return {"precision": float(precise.mean()), "recall": float(recalled.mean())}


def density_coverage(real: ArrayLike, generated: ArrayLike, k: int = 5) -> dict[str, float]:
    """Return {"density", "coverage", "coverage_perfect"} of features (N, D) and (M, D), N above k.

    Density: 1/(kM) Σⱼ |{i : generated j is in real ball i}|, about 1 for points anywhere within the data, 0 for points
    outside. Coverage: the share of real balls with a generated point in them; a perfect model's mean is
    coverage_perfect = 1 - (N-1)···(N-k) / ((N+M-1)···(N+M-k)), about 1 - 2⁻ᵏ for N = M. Naeem et al. 2020, eq. 4 to 7.
    """
    real, generated = _checked("density_coverage", real, generated, k)
    radii = _squared_radii(real, k)
    n, m = len(real), len(generated)
    inside = covered = 0
    for start, squares in distance_blocks(real, generated):
        in_ball = squares <= radii[start : start + len(squares), None]
        inside += in_ball.sum()
        covered += in_ball.any(1).sum()
    # a ball is empty if the k nearest of the N + M - 1 other points are all among the N - 1 real ones
    empty = np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    return {
        "density": float(inside / (k * m)),
        "coverage": float(covered / n),
        "coverage_perfect": float(1 - empty),
    }


def _squared_radii(points: Array, k: int) -> Array:
    """Return the squared distance of every point (N, D) to the k-th nearest of the others: (N,)."""
    radii = np.empty(len(points))
    for start, squares in distance_blocks(points, points):
        rows = np.arange(len(squares))
        squares[rows, start + rows] = -1  # the point itself comes first, even if its distance 0 is rounded up
        radii[start : start + len(squares)] = np.partition(squares, k, 1)[:, k]
    return radii


def _checked(name: str, real: ArrayLike, generated: ArrayLike, k: int) -> list[Array]:
    if k < 1:
        raise ValueError(f"{name}: k {k}: at least the first neighbour is needed")
    return checked_bags(name, real, generated, least=k + 1)

"""Precision, recall, density and coverage against their definitions, point by point."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.backend import stream
from tinygan.metrics import (
    density_coverage,
    precision_recall,
)
from tinygan.metrics.points import bags


def by_loops(real, generated, k_manifold, k_balls):
    """Both definitions, point by point."""

    def radii(points, k):
        return [sorted(np.linalg.norm(p - q) for q in np.delete(points, i, 0))[k - 1] for i, p in enumerate(points)]

    def share(points, centres, radius):
        return np.mean([any(np.linalg.norm(p - c) <= r for c, r in zip(centres, radius)) for p in points])

    balls = radii(real, k_balls)
    held = np.array([[np.linalg.norm(g - c) <= r for g in generated] for c, r in zip(real, balls)])
    return {
        "precision": share(generated, real, radii(real, k_manifold)),
        "recall": share(real, generated, radii(generated, k_manifold)),
        "density": held.sum() / (k_balls * len(generated)),
        "coverage": held.any(1).mean(),
    }


@settings(max_examples=25, deadline=None)
@given(st.integers(7, 25), st.integers(7, 25), st.integers(1, 4), st.integers(1, 6), st.integers(0, 10**6))
def test_precision_recall_density_coverage_point_by_point(n, m, d, k, seed):
    rng = np.random.default_rng(seed)
    real, generated = rng.standard_normal((n, d)), rng.standard_normal((m, d)) * 1.5 + 0.3
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bags, "BLOCK", int(rng.integers(1, 200)))  # blocks of one row to all rows
        found = precision_recall(real, generated, k) | density_coverage(real, generated, 3)
    del found["coverage_perfect"]
    assert found == pytest.approx(by_loops(real, generated, k, 3))


def test_coverage_of_a_perfect_model():
    """Mean coverage in its closed form, mean density 1, for bags of different sizes."""
    scores = []
    for k in range(300):
        rng = stream(0, "coverage", k)
        scores.append(density_coverage(rng.standard_normal((40, 2)), rng.standard_normal((60, 2)), k=3))
    for name, expected in (("coverage", scores[0]["coverage_perfect"]), ("density", 1)):
        values = [s[name] for s in scores]
        assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / math.sqrt(300))
    points = stream(0, "many").standard_normal((2000, 2))
    assert density_coverage(points[:1000], points[1000:])["coverage_perfect"] == pytest.approx(1 - 2**-5, abs=1e-3)


def test_fidelity_and_diversity_are_told_apart():
    rng = stream(0, "apart")
    real, again = rng.standard_normal((2, 1000, 2))
    truncated, wide = again * 0.3, again * 3
    good, narrow, spread = (precision_recall(real, g) | density_coverage(real, g) for g in (again, truncated, wide))
    assert min(good["precision"], good["recall"], good["coverage"]) > 0.9 and good["density"] == pytest.approx(
        1, abs=0.1
    )
    assert narrow["precision"] > 0.97 and narrow["recall"] < 0.6 and narrow["coverage"] < 0.5
    assert spread["precision"] < 0.6 and spread["recall"] > 0.9 and spread["density"] < 0.5


def test_an_outlier_raises_recall_but_not_coverage():
    """Naeem et al.'s example: far points have balls that swallow the data between them."""
    rng = stream(0, "outlier")
    real, generated = rng.standard_normal((200, 2)), rng.standard_normal((200, 2)) * 0.05
    outliers = np.concatenate([generated, [[60.0, 0], [-60, 0], [0, 60], [0, -60]]])
    assert precision_recall(real, outliers)["recall"] > 0.9 > 0.1 > precision_recall(real, generated)["recall"]
    assert density_coverage(real, outliers)["coverage"] == density_coverage(real, generated)["coverage"]


def test_copies_of_the_real_points_are_precise_far_from_the_origin_too():
    real = 1e4 + stream(0, "copies").standard_normal((50, 3))
    assert precision_recall(real, real) == {"precision": 1, "recall": 1}
    assert density_coverage(real, real)["coverage"] == 1


@pytest.mark.parametrize("n, m, k", [(3, 2, 1), (4, 3, 2), (4, 4, 3)])
def test_coverage_perfect_is_the_mean_over_all_ways_to_deal_the_points(n, m, k):
    points, coverages = np.random.default_rng(0).standard_normal((n + m, 2)), []
    for real in itertools.combinations(range(n + m), n):
        scores = density_coverage(points[list(real)], np.delete(points, real, 0), k)
        coverages.append(scores["coverage"])
    assert scores["coverage_perfect"] == pytest.approx(np.mean(coverages))


def test_a_ball_has_its_edge():
    """Integers, whose distances are exact: a point at the radius of a ball lies in it."""
    real, generated = np.array([[0.0], [2], [4]]), np.array([[6.0], [8], [10]])
    assert precision_recall(real, generated, k=1) == {"precision": 1 / 3, "recall": 1 / 3}
    scores = density_coverage(real, generated, k=1)
    assert (scores["density"], scores["coverage"]) == (1 / 3, 1 / 3)
    assert precision_recall(real, generated, k=2) == {"precision": 2 / 3, "recall": 2 / 3}


def test_the_fewest_rows_that_are_enough():
    few, many = np.arange(4.0)[:, None], np.arange(9.0)[:, None]
    assert precision_recall(few, many)["precision"] > 0 and density_coverage(few, many, k=3)["coverage"] == 1
    for a, b in ((few[:3], many), (many, few[:3])):
        with pytest.raises(ValueError, match="at least 4 rows"):
            precision_recall(a, b)

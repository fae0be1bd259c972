"""The Frechet distance against closed forms and a second implementation."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.metrics import (
    frechet_distance,
    kernel_distance,
)


def with_moments(mean, covariance, n=200, seed=0):
    """n points whose sample mean and covariance are exactly these."""
    d = len(mean)
    x = np.random.default_rng(seed).standard_normal((n, d))
    x -= x.mean(0)
    x = np.linalg.solve(np.linalg.cholesky(np.cov(x.T).reshape(d, d)), x.T).T
    values, vectors = np.linalg.eigh(np.asarray(covariance, float))
    return x @ (vectors * np.sqrt(values.clip(0))).T + mean


def by_sqrtm(a, b):
    """The formula as published, by SciPy's matrix square root."""
    s1, s2 = np.cov(a.T), np.cov(b.T)
    difference = a.mean(0) - b.mean(0)
    return difference @ difference + np.trace(s1 + s2 - 2 * np.real(scipy.linalg.sqrtm(s1 @ s2)))


ROTATION = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
GAUSSIANS = {  # two Gaussians by mean and covariance, and their distance
    "equal": (([1, 2], np.eye(2)), ([1, 2], np.eye(2)), 0),
    "means": (([0, 0], np.eye(2)), ([3, 4], np.eye(2)), 25),
    "spreads": (([0], [[4]]), ([0], [[9]]), (2 - 3) ** 2),
    "commuting": (([0, 0], np.diag([1, 4])), ([1, 0], np.diag([9, 16])), 1 + (1 - 3) ** 2 + (2 - 4) ** 2),
    "turned together": (
        ([0, 0], ROTATION @ np.diag([1, 4]) @ ROTATION.T),
        ([0, 0], ROTATION @ np.diag([9, 1]) @ ROTATION.T),
        (1 - 3) ** 2 + (2 - 1) ** 2,
    ),
    "on lines": (([0, 0], np.diag([4, 0])), ([0, 0], np.diag([0, 9])), 4 + 9),
    "on one line": (([0, 0], np.diag([4, 0])), ([0, 0], np.diag([9, 0])), (2 - 3) ** 2),
    "a point": (([0, 0], np.zeros((2, 2))), ([1, 1], np.diag([2, 3])), 2 + 5),
}


@pytest.mark.parametrize("case", GAUSSIANS.values(), ids=GAUSSIANS)
def test_frechet_distance_of_gaussians(case):
    a, b, expected = case
    assert frechet_distance(with_moments(*a), with_moments(*b, n=77, seed=1)) == pytest.approx(expected, abs=1e-12)


def test_frechet_distance_of_correlated_pairs_by_hand():
    # tr (S₁S₂)^½ of 2x2 matrices = √(tr S₁S₂ + 2 √det S₁S₂)
    s1, s2 = np.array([[2, 1], [1, 3]]), np.array([[5, -2], [-2, 1]])
    product = s1 @ s2
    expected = np.trace(s1 + s2) - 2 * np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    assert frechet_distance(with_moments([0, 0], s1), with_moments([0, 0], s2)) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 40), st.integers(0, 40), st.integers(0, 10**6))
def test_frechet_distance_is_the_published_formula(d, extra_a, extra_b, seed):
    rng = np.random.default_rng(seed)
    mix = lambda: rng.standard_normal((d, d))
    a = rng.standard_normal((d + 2 + extra_a, d)) @ mix() + rng.standard_normal(d)
    b = rng.standard_normal((d + 2 + extra_b, d)) @ mix()
    if d == 1:
        expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    else:
        expected = by_sqrtm(a, b)
    # sqrtm is the less exact of the two where covariances are nearly singular
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5, abs=1e-5 * (a.var() + b.var()))


@pytest.mark.parametrize("rows", [(3, 3), (3, 40), (40, 3), (10, 12)])
def test_frechet_distance_with_fewer_rows_than_features(rows):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((n, 30)) for n in rows)
    # in the space that the rows span the covariances have full rank: turn all into it, where nothing is lost
    basis = np.linalg.svd(np.concatenate([a, b]), full_matrices=False)[2]
    inside = frechet_distance(a @ basis.T, b @ basis.T)
    assert np.isfinite(inside) and frechet_distance(a, b) == pytest.approx(inside, rel=1e-10)
    s1, s2 = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(s1)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T  # a second way: tr (S₁S₂)^½ = tr (√S₁ S₂ √S₁)^½
    cross = np.sqrt(np.linalg.eigvalsh(root @ s2 @ root).clip(0)).sum()
    difference = a.mean(0) - b.mean(0)
    expected = difference @ difference + np.trace(s1) + np.trace(s2) - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_is_symmetric_and_does_not_see_order_or_rotation():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((50, 6)) ** 3, rng.standard_normal((70, 6)) + 1
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    d = frechet_distance(a, b)
    assert frechet_distance(b, a) == pytest.approx(d, rel=1e-12)
    assert frechet_distance(a[::-1], b @ np.eye(6)) == pytest.approx(d, rel=1e-12)
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(d, rel=1e-12)
    assert 0 <= frechet_distance(a, a[::-1]) < 1e-12
    shifted = a + 1e6  # float32 or squares of the data would leave nothing of a distance on such an offset
    assert frechet_distance(shifted, b + 1e6) == pytest.approx(d, rel=1e-8)


def test_frechet_distance_of_samples_falls_towards_the_truth():
    """Biased upwards, as the head of frechet.py says; the bias halves as the samples double."""
    mean = lambda n: np.mean(
        [frechet_distance(*np.random.default_rng([n, k]).standard_normal((2, n, 8))) for k in range(40)]
    )
    small, large = mean(100), mean(200)
    assert small > large > 0 and small / large == pytest.approx(2, rel=0.15)


GOOD = np.ones((4, 3))
WRONG_FEATURES = {
    "one row": (GOOD[:1], GOOD, "at least 2 rows"),
    "other features": (GOOD, np.ones((4, 2)), "D the same"),
    "pictures": (np.ones((4, 1, 2, 2)), GOOD, "expected .N, D."),
    "no features": (np.ones((4, 0)), np.ones((4, 0)), "expected .N, D."),
    "nan": (GOOD, GOOD * np.nan, "nan or infinity"),
}


@pytest.mark.parametrize("a, b, named", WRONG_FEATURES.values(), ids=WRONG_FEATURES)
@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_wrong_features_are_refused(distance, a, b, named):
    with pytest.raises(ValueError, match=f"^{distance.__name__}: .*{named}"):
        distance(a, b)

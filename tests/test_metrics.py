"""Distances between features, and the inception score, against closed forms and second implementations."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.backend import stream
from tinygan.metrics import (
    class_shares,
    frechet_distance,
    inception_score,
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


# --- Frechet distance --------------------------------------------------------------------------------------------

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


# --- kernel distance ---------------------------------------------------------------------------------------------


def kernel_distance_by_loops(a, b):
    k = lambda x, y: (float(x @ y) / len(x) + 1) ** 3
    within = lambda s: np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j])
    return within(a) + within(b) - 2 * np.mean([k(x, y) for x in a for y in b])


def test_kernel_distance_is_the_mean_over_blocks():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((23, 5)), rng.standard_normal((17, 5)) + 0.5
    shuffle = stream(4, "kernel distance")
    blocks = [np.array_split(shuffle.permutation(x), 3) for x in (a, b)]
    each = [kernel_distance_by_loops(x, y) for x, y in zip(*blocks)]
    found = kernel_distance(a, b, blocks=3, seed=4)
    assert found.mean == pytest.approx(np.mean(each), rel=1e-12)
    assert found.standard_error == pytest.approx(np.std(each, ddof=1) / np.sqrt(3), rel=1e-12)


def test_kernel_distance_is_unbiased_and_its_error_honest():
    found = []
    for k in range(300):
        a, b = np.random.default_rng(k).standard_normal((2, 40, 4))
        found.append(kernel_distance(a, b, blocks=4, seed=k))
    means, errors = np.array(found).T
    assert abs(means.mean()) < 3 * means.std() / np.sqrt(300)  # the truth is 0
    assert (means < 0).mean() > 0.3
    assert np.sqrt((errors**2).mean()) == pytest.approx(means.std(), rel=0.15)


def test_kernel_distance_of_moved_normals_in_closed_form():
    # one feature, k(x, y) = (xy + 1)³, moments 1, 0, 1, 0 of a and 1, m, 1 + m², 3m + m³ of b: Σ binomial(3, i) (Δ moment i)²
    m = 0.5
    truth = 3 * m**2 + 3 * (m**2) ** 2 + (3 * m + m**3) ** 2
    rng = np.random.default_rng(1)
    found = kernel_distance(rng.standard_normal((10_000, 1)), rng.standard_normal((10_000, 1)) + m, blocks=40)
    assert abs(found.mean - truth) < 4 * found.standard_error < 0.3 * truth


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


@pytest.mark.parametrize("blocks", [1, 3])
def test_kernel_distance_refuses_blocks_without_pairs(blocks):
    with pytest.raises(ValueError, match="at least 2 blocks of at least 2 rows"):
        kernel_distance(GOOD, GOOD, blocks=blocks)


# --- inception score ---------------------------------------------------------------------------------------------

SCORES = {  # probabilities, score
    "sure and even": (np.eye(10), 10),
    "sure of one class": (np.eye(10)[[3, 3, 3]], 1),
    "knows nothing": (np.full((7, 10), 0.1), 1),
    "half of the classes": (np.eye(10)[[0, 2, 4, 6, 8]], 5),
    # p(y) is even; every row is .8 or .2: exp(ln 2 - H(.8))
    "sure to 80 %": (np.array([[0.8, 0.2], [0.2, 0.8]]), 2 * 0.8**0.8 * 0.2**0.2),
}


@pytest.mark.parametrize("probabilities, expected", SCORES.values(), ids=SCORES)
def test_inception_score(probabilities, expected):
    assert inception_score(probabilities) == pytest.approx(expected, rel=1e-12)
    assert inception_score(probabilities.astype(np.float32)) == pytest.approx(expected, rel=1e-6)


def test_inception_score_of_parts():
    rows = np.eye(4)[[0, 1, 2, 3, 0, 0, 1, 1]]
    assert inception_score(rows, splits=2) == pytest.approx((4 + 2) / 2)


@pytest.mark.parametrize(
    "probabilities, splits, named",
    [
        (np.eye(3), 4, "in 4 parts"),
        (np.eye(3), 0, "in 0 parts"),
        (np.ones(3) / 3, 1, "expected .N, C."),
        (np.eye(3) * 5, 1, "softmax"),
        (np.array([[2.0, -1.0]]), 1, "softmax"),
    ],
)
def test_inception_score_refuses(probabilities, splits, named):
    with pytest.raises(ValueError, match=named):
        inception_score(probabilities, splits)


def test_class_shares_count_the_likeliest_class():
    assert class_shares(np.eye(4)[[0, 0, 2, 3]]) == [0.5, 0, 0.25, 0.25]


# --- what is imported ---------------------------------------------------------------------------------------------


def test_metrics_know_nothing_of_gans_and_import_nothing_heavy():
    code = "import sys, tinygan.metrics; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"scipy", "pooch", "matplotlib", "PIL", "safetensors", "tinygan.gan", "tinygan.recipes"} & set(loaded)

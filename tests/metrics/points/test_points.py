"""Metrics of bags of points: modes, precision and recall, MMD, Wasserstein distances. Each against a closed form, a
brute-force version, or a number that was published."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.backend import stream
from tinygan.metrics import (
    bags,
    class_scores,
    density_coverage,
    feature_scores,
    frechet_distance,
    grid_centres,
    kernel_distance,
    median_distance,
    mode_scores,
    precision_recall,
    ring_centres,
    sliced_wasserstein,
    squared_mmd,
    squared_mmd_floor,
    squared_mmd_test,
    wasserstein_1d,
)

# --- modes covered -----------------------------------------------------------------------------------------------

TOYS = {  # centres, sigma, mean reverse KL of a perfect model: PacGAN's two toys
    "ring": (ring_centres(), 0.01, 0.0014),
    "grid": (grid_centres(), 0.05, 0.0048),
}


def drawn(centres, sigma, n, rng):
    return centres[rng.integers(0, len(centres), n)] + sigma * rng.standard_normal((n, centres.shape[1]))


@pytest.mark.parametrize("centres, sigma, divergence", TOYS.values(), ids=TOYS)
def test_ceilings_of_a_perfect_model(centres, sigma, divergence):
    """Means of 60 bags of 2,500 perfect samples: all modes, 98.9 %, and the published divergence that is left."""
    scores = [mode_scores(drawn(centres, sigma, 2500, stream(0, "toys", k)), centres, sigma) for k in range(60)]
    assert {s["modes"] for s in scores} == {len(centres)}
    assert np.mean([s["high_quality"] for s in scores]) == pytest.approx(0.989, abs=0.001)
    error = np.std([s["reverse_kl"] for s in scores]) / math.sqrt(60)
    assert np.mean([s["reverse_kl"] for s in scores]) == pytest.approx(divergence, abs=4 * error)
    assert scores[0]["high_quality_perfect"] == pytest.approx(0.989, abs=2e-4)
    assert np.mean([s["spread"] for s in scores]) == pytest.approx(1, abs=2e-3)
    assert scores[0]["reverse_kl_perfect"] == pytest.approx(divergence, abs=1e-4)


def test_centres():
    np.testing.assert_allclose(ring_centres(4, 2), [[2, 0], [0, 2], [-2, 0], [0, -2]], atol=1e-15)
    assert {tuple(c) for c in grid_centres()} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


def test_mode_scores_by_hand():
    centres = np.array([[0.0, 0], [10, 0], [0, 10]])
    samples = [[0.0, 2.9], [2.99, 0], [0, -1], [10, 3.1], [10, 2], [50, 50], [5, 5], [0.1, 0.1]]
    s = mode_scores(np.array(samples), centres, 1)  # 4 on the first, 1 on the second, none on the third, 3 astray
    assert (s["samples"], s["modes"], s["high_quality"]) == (8, 2, 5 / 8)
    assert s["reverse_kl"] == pytest.approx(0.8 * math.log(0.8 * 3) + 0.2 * math.log(0.2 * 3))


COLLAPSES = {  # the points, modes, reverse KL
    "on one mode": (lambda c: np.tile(c[:1], (100, 1)), 1, math.log(25)),
    "on half of them, evenly": (lambda c: np.repeat(c[:5], 20, 0), 5, math.log(5)),
    "on all, evenly": (lambda c: np.repeat(c, 4, 0), 25, 0),
    "on none": (lambda c: np.tile(c[:1] + 1, (100, 1)), 0, math.log(25)),
}


@pytest.mark.parametrize("points, modes, divergence", COLLAPSES.values(), ids=COLLAPSES)
def test_collapse_shows(points, modes, divergence):
    s = mode_scores(points(grid_centres()), grid_centres(), 0.05)
    assert s["modes"] == modes and s["reverse_kl"] == pytest.approx(divergence, abs=1e-12)


def test_samples_between_the_modes_are_of_low_quality_and_narrow_modes_of_too_high():
    rng, (centres, sigma, _) = stream(0, "between"), TOYS["ring"]
    wide, narrow = (mode_scores(drawn(centres, sigma * f, 2500, rng), centres, sigma) for f in (2, 0.5))
    assert wide["high_quality"] == pytest.approx(1 - math.exp(-9 / 8), abs=0.03)
    assert narrow["high_quality"] > narrow["high_quality_perfect"] + 0.01
    assert narrow["spread"] == pytest.approx(0.5 / np.sqrt(1 - 4.5 * np.exp(-4.5) / (1 - np.exp(-4.5))), abs=0.01)
    assert mode_scores(centres, centres, sigma)["spread"] == 0


def test_class_scores():
    s = class_scores(np.array([0, 0, 1, 3]), 4)
    assert s["modes"] == 3 and s["reverse_kl"] == pytest.approx(0.5 * math.log(2) + 0)
    perfect = [class_scores(stream(0, "classes", k).integers(0, 50, 200), 50) for k in range(300)]
    error = np.std([s["reverse_kl"] for s in perfect]) / math.sqrt(300)
    assert perfect[0]["reverse_kl_perfect"] == pytest.approx(np.mean([s["reverse_kl"] for s in perfect]), abs=4 * error)
    # stacked MNIST: 25,600 perfect samples of 1000 classes, (K - 1) / 2N and a little more
    assert class_scores(np.zeros(25_600, int), 1000)["reverse_kl_perfect"] == pytest.approx(999 / 51_200, rel=0.01)
    assert class_scores(np.zeros(10, int), 1) == {"samples": 10, "modes": 1, "reverse_kl": 0, "reverse_kl_perfect": 0}


WRONG = {
    "flat": (lambda: mode_scores(np.zeros(4), ring_centres(), 0.1), "expected .N, D. and .M, D."),
    "3-D": (lambda: mode_scores(np.zeros((4, 3)), ring_centres(), 0.1), "D the same"),
    "none": (lambda: mode_scores(np.zeros((0, 2)), ring_centres(), 0.1), "at least 1 rows"),
    "nan": (lambda: mode_scores(np.full((4, 2), np.nan), ring_centres(), 0.1), "did training diverge"),
    "sigma": (lambda: mode_scores(np.zeros((4, 2)), ring_centres(), 0), "above 0"),
    "logits": (lambda: class_scores(np.zeros((4, 10)), 10), "argmax first"),
    "class 10": (lambda: class_scores(np.array([10]), 10), "expected 0 to 9"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_points_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()


# --- precision, recall, density, coverage ------------------------------------------------------------------------


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


def test_blocks_fit_memory():
    """10,000 x 10,000 distances are 800 MB; no block is larger than 16 MB."""
    points = np.zeros((10_000, 2))
    largest = max(squares.nbytes for _, squares in zip(range(3), (s for _, s in bags.distance_blocks(points, points))))
    assert largest <= 16e6


# --- maximum mean discrepancy ------------------------------------------------------------------------------------


def mmd_by_loops(a, b, width):
    kernel = lambda x, y: sum(math.exp(-((x - y) ** 2).sum() / (2 * (s * width) ** 2)) for s in (0.5, 1, 2))
    within = lambda x: np.mean([kernel(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j])
    return within(a) + within(b) - 2 * np.mean([kernel(x, y) for x in a for y in b])


@pytest.mark.parametrize("n, m, d", [(2, 2, 1), (9, 14, 3), (20, 5, 2)])
def test_mmd_pair_by_pair(n, m, d):
    rng = np.random.default_rng(n)
    a, b = rng.standard_normal((n, d)), rng.standard_normal((m, d)) + 0.5
    width = np.median([np.linalg.norm(a[i] - a[j]) for i in range(n) for j in range(i)])
    assert median_distance(a) == pytest.approx(width)
    assert squared_mmd(a, b) == pytest.approx(mmd_by_loops(a, b, width), abs=1e-12)
    assert squared_mmd_test(a, b, repeats=5).squared_mmd == pytest.approx(squared_mmd(a, b), abs=1e-12)


def test_mmd_of_normals_in_closed_form():
    # one kernel of width w on the line: E k of N(m, s²) differences is w/√(w²+2s²) exp(-m²/2(w²+2s²)), with s = 1
    w, m = 0.8, 0.7
    expected = 2 * w / math.sqrt(w * w + 2) * (1 - math.exp(-(m**2) / (2 * (w * w + 2))))
    values = []
    for k in range(100):
        rng = stream(0, "normals", k)
        values.append(
            squared_mmd(rng.standard_normal((200, 1)), rng.standard_normal((200, 1)) + m, width=w, scales=[1])
        )
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / 10)
    equal = [squared_mmd(*stream(0, "same", k).standard_normal((2, 100, 1)), width=w) for k in range(200)]
    assert abs(np.mean(equal)) < 4 * np.std(equal) / math.sqrt(200) and min(equal) < 0  # unbiased


def test_permutations_by_hand_and_their_p_values():
    # {0, 1} against {10}: of the exchanges, those that give {0, 1} again reach the value; {0, 10} and {1, 10} are below
    a, b = np.array([[0.0], [1], [0.5]]), np.array([[10.0], [11], [10.5]])
    test = squared_mmd_test(a, b, repeats=400)
    assert test.p_value == pytest.approx(2 / 20, abs=0.06)  # of 20 ways to choose 3 of 6, itself and its mirror image
    same, other = [], []
    for k in range(60):
        rng = stream(0, "tests", k)
        x, y = rng.standard_normal((2, 40, 2))
        same.append(squared_mmd_test(x, y, repeats=60, seed=k).p_value)
        other.append(squared_mmd_test(x, y + 1, repeats=60, seed=k).p_value)
    assert 0.35 < np.mean(same) < 0.65 and np.mean(np.array(same) < 0.1) < 0.25  # uniform
    assert np.median(other) < 0.02
    assert squared_mmd_test(x, y + 1, repeats=60).percentile == 100


def sines(n, rng, length=30):
    """RCGAN's sine waves: frequency U(1, 5), amplitude U(.1, .9), phase U(-π, π)."""
    frequency, amplitude, phase = rng.uniform([1, 0.1, -np.pi], [5, 0.9, np.pi], (n, 3)).T[..., None]
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(length) / length + phase)


def test_mmd_of_sines_has_the_floor_that_was_measured():
    """n = 1000: the 95th percentile of real against real is .0008; white noise of the same variance scores .029."""
    real = sines(4000, stream(0, "sines"))
    assert squared_mmd_floor(real, 1000, repeats=20) == pytest.approx(
        0.0008, abs=0.0007
    )  # 20 draws: a rough percentile
    noise = stream(0, "noise").standard_normal((1000, 30)) * real.std()
    assert squared_mmd(real[:1000], noise) == pytest.approx(0.029, rel=0.15)


# --- Wasserstein distances ---------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 10**6))
def test_wasserstein_1d_is_scipys(n, m, seed):
    rng = np.random.default_rng(seed)
    a, b = np.round(rng.standard_normal(n), 1), rng.standard_normal(m) * 2 + 1  # rounded: some are equal
    expected = scipy.stats.wasserstein_distance(a, b)
    assert wasserstein_1d(a, b) == pytest.approx(expected, abs=1e-12)
    assert wasserstein_1d(b, a) == pytest.approx(expected, abs=1e-12)


def test_wasserstein_1d_is_the_cheapest_of_all_plans():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 6))
    cheapest = min(np.abs(a - b[list(order)]).mean() for order in itertools.permutations(range(6)))
    assert wasserstein_1d(a, b) == pytest.approx(cheapest)
    assert wasserstein_1d([0, 1, 3], [5, 6, 8]) == 5 and wasserstein_1d([0], [1, 2, 6]) == 3


@pytest.mark.parametrize("d", [1, 2, 3, 50])
def test_sliced_wasserstein_of_a_shift_in_closed_form(d):
    a = np.random.default_rng(d).standard_normal((100, d))
    shift = np.arange(1.0, d + 1)
    expected = np.linalg.norm(shift) * math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.sqrt(math.pi)
    assert sliced_wasserstein(a, a + shift, directions=10_000) == pytest.approx(expected, rel=0.03)
    assert sliced_wasserstein(a, a[::-1]) == 0


def test_sliced_wasserstein_direction_by_direction_for_bags_of_two_sizes():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((31, 3)), rng.standard_normal((47, 3)) + 1
    theta = stream(0, "directions").standard_normal((3, 100))
    theta /= np.linalg.norm(theta, axis=0)
    expected = np.mean([scipy.stats.wasserstein_distance(a @ t, b @ t) for t in theta.T])
    assert sliced_wasserstein(a, b, directions=100) == pytest.approx(expected, rel=1e-12)


# --- all at once -------------------------------------------------------------------------------------------------


def test_feature_scores_are_the_single_ones_beside_the_same_of_held_out_points():
    rng = stream(0, "features")
    generated, real, held_out = (
        rng.standard_normal((90, 3)) + 1,
        rng.standard_normal((200, 3)),
        rng.standard_normal((80, 3)),
    )
    s = feature_scores(generated, real, held_out)
    floor = {name: s[f"real_{name}"] for name in s if name != "samples" and not name.startswith("real_")}
    assert s["samples"] == 80 and len(s) == 1 + 2 * 7
    same = feature_scores(held_out, real, held_out)
    assert {name: same[f"real_{name}"] for name in floor} == pytest.approx(floor)
    in_its_order = held_out[stream(0, "features", 2).permutation(80)]
    in_real_order = real[stream(0, "features", 1).permutation(200)]
    assert floor["frechet_distance"] == pytest.approx(frechet_distance(held_out, real))
    assert floor["kernel_distance"] == pytest.approx(kernel_distance(in_its_order, in_real_order).mean)
    assert floor["recall"] == precision_recall(real, held_out)["recall"]
    assert floor["coverage"] == density_coverage(real, held_out)["coverage"]
    for name in ("frechet_distance", "kernel_distance", "sliced_wasserstein"):
        assert s[name] > 3 * abs(floor[name])
    for name in ("precision", "recall", "density", "coverage"):
        assert s[name] < floor[name] - 0.1, name


WRONG_BAGS = {
    "few features": (lambda: feature_scores(*np.zeros((3, 19, 2))), "feature_scores: .*at least 20 rows"),
    "few for k": (lambda: precision_recall(np.zeros((3, 2)), np.zeros((9, 2))), "precision_recall: .*at least 4 rows"),
    "k": (lambda: density_coverage(np.zeros((9, 2)), np.zeros((9, 2)), k=0), "at least the first neighbour"),
    "pictures": (
        lambda: squared_mmd(np.zeros((9, 1, 8, 8)), np.zeros((9, 1, 8, 8))),
        "squared_mmd: .*flatten pictures",
    ),
    "all equal": (lambda: squared_mmd(np.zeros((9, 2)), np.ones((9, 2))), "no width follows"),
    "width": (lambda: squared_mmd(np.ones((9, 2)), np.ones((9, 2)), width=0), "squared_mmd: width 0"),
    "few for a floor": (lambda: squared_mmd_floor(np.zeros((9, 2)), 5), "at least 10 rows"),
    "plane": (lambda: wasserstein_1d(np.zeros((9, 2)), np.zeros(9)), "see sliced_wasserstein"),
    "line": (lambda: sliced_wasserstein(np.zeros(9), np.zeros(9)), "sliced_wasserstein: .*expected .N, D."),
    "no directions": (lambda: sliced_wasserstein(np.zeros((9, 2)), np.zeros((9, 2)), 0), "at least one"),
}


@pytest.mark.parametrize("call, named", WRONG_BAGS.values(), ids=WRONG_BAGS)
def test_wrong_bags_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

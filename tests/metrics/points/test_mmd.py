"""MMD and the kernel distance against closed forms, loops over pairs and published figures."""

import math

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.metrics import (
    kernel_distance,
    median_distance,
    squared_mmd,
    squared_mmd_floor,
    squared_mmd_test,
)

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


@pytest.mark.parametrize("blocks", [1, 3])
def test_kernel_distance_refuses_blocks_without_pairs(blocks):
    with pytest.raises(ValueError, match="at least 2 blocks of at least 2 rows"):
        kernel_distance(np.ones((4, 3)), np.ones((4, 3)), blocks=blocks)


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


def test_permutations_one_by_one():
    """Every exchange of points by hand; those that give the same bags again reach the value, whatever rounding says."""
    rng = np.random.default_rng(0)
    for n, m in ((4, 6), (6, 4), (3, 3)):
        a, b = rng.standard_normal((n, 2)), rng.standard_normal((m, 2)) + 0.5
        test, shuffle = squared_mmd_test(a, b, repeats=50, width=1.0, seed=3), stream(3, "mmd permutation")
        value, both, reached = squared_mmd(a, b, width=1.0), np.concatenate([a, b]), 0
        for _ in range(50):
            first = np.zeros(n + m, bool)
            first[shuffle.permutation(n + m)[:n]] = True
            reached += squared_mmd(both[first], both[~first], width=1.0) > value - 1e-9
        assert reached > 0
        assert test == pytest.approx((value, 100 * (1 - reached / 50), (1 + reached) / 51), rel=1e-9)


def test_floor_draw_by_draw():
    real, values = np.random.default_rng(0).standard_normal((31, 2)), []
    for k in range(9):
        drawn = real[stream(5, "mmd floor", k).permutation(31)]
        values.append(squared_mmd(drawn[:10], drawn[10:20], median_distance(real[:20])))
    assert squared_mmd_floor(real, 10, percentile=80, repeats=9, seed=5) == pytest.approx(np.percentile(values, 80))
    assert squared_mmd_floor(real[:4], 2, repeats=2) is not None  # the fewest rows that are enough


@pytest.mark.parametrize(
    "distance", [squared_mmd, lambda a, b: kernel_distance(a, b, blocks=2).mean], ids=["mmd", "kid"]
)
def test_a_discrepancy_grows_with_each_difference(distance):
    """A shift, another spread, a missing half: each more of it scores more, in both orders."""
    a, b = np.random.default_rng(0).standard_normal((2, 400, 2))
    for worse in (
        lambda t: b + t,
        lambda t: b * (1 + t),
        lambda t: np.where(np.arange(400)[:, None] < 200 * t, abs(b), b),
    ):
        none, some, much = (distance(a, worse(t)) for t in (0, 0.5, 1))
        assert abs(none) < some < much
        assert distance(worse(1), a) > some


def test_the_fewest_rows_that_are_enough():
    a, b = np.random.default_rng(0).standard_normal((2, 4, 1))
    assert np.isfinite(kernel_distance(a, b, blocks=2)).all() and np.isfinite(squared_mmd(a[:2], b[:2]))


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

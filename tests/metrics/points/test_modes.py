"""Modes covered, against closed forms and published figures."""

import itertools
import math

import numpy as np
import pytest
import scipy.integrate

from tinygan.backend import stream
from tinygan.metrics import (
    class_scores,
    grid_centres,
    mode_scores,
    ring_centres,
)

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


def test_spread_of_one_sample_by_hand():
    """A perfect model's mean square radius within 3 sigma, in units of sigma²: ∫ r³ e^(-r²/2) dr / ∫ r e^(-r²/2) dr."""
    (above, _), (below, _) = (scipy.integrate.quad(lambda r, p=p: r**p * math.exp(-(r**2) / 2), 0, 3) for p in (3, 1))
    for radius in (0.5, 1, 2.9):
        s = mode_scores([[10 + 0.1 * radius, 0], [90, 90]], [[0, 0], [10, 0]], 0.1)
        assert s["spread"] == pytest.approx(radius / math.sqrt(above / below))
        assert (s["modes"], s["high_quality"]) == (1, 0.5)
    assert mode_scores([[3.0, 0]], [[0, 0]], 1)["high_quality"] == 1  # 3 sigma is near enough
    assert mode_scores([[90.0, 0]], [[0, 0]], 1)["spread"] == 0  # no sample near any centre


def test_mean_divergence_of_few_draws_by_hand():
    perfect = lambda n, modes: class_scores(np.zeros(n, int), modes)["reverse_kl_perfect"]
    assert perfect(1, 4) == pytest.approx(math.log(4))
    assert perfect(2, 2) == pytest.approx(math.log(2) / 2)  # both draws on one mode, half of the time
    draws = itertools.product(range(3), repeat=4)
    assert perfect(4, 3) == pytest.approx(np.mean([class_scores(d, 3)["reverse_kl"] for d in draws]))


WRONG = {
    "one class below 0": (lambda: class_scores(np.array([-1, 3]), 4), "classes -1 to 3: expected 0 to 3"),
    "one class too high": (lambda: class_scores(np.array([0, 4]), 4), "classes 0 to 4: expected 0 to 3"),
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

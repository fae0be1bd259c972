"""Points in the plane: they lie where the formulas say."""

import numpy as np
import pytest

from tinygan.data.points import SWISS_ROLL_SIGMA, gaussians, swiss_roll
from tinygan.metrics import grid_centres, mode_scores, ring_centres
from tinygan.recipes.points.swissroll import share_near_the_curve


@pytest.mark.parametrize("centres, sigma", [(ring_centres(), 0.01), (grid_centres(), 0.05)], ids=["ring", "grid"])
def test_gaussians_score_as_a_perfect_model_does(centres, sigma):
    points = gaussians(centres, sigma, 20_000)
    assert points.shape == (20_000, 2) and points.dtype == np.float32
    scores = mode_scores(points, centres, sigma)
    assert scores["modes"] == len(centres)
    assert scores["high_quality"] == pytest.approx(1 - np.exp(-4.5), abs=0.003)
    assert scores["reverse_kl"] < 0.002
    nearest = np.linalg.norm(points[:, None] - centres, axis=2).argmin(1)
    np.testing.assert_allclose((points - centres[nearest]).std(0), sigma, rtol=0.03)


def test_swiss_roll_lies_about_its_spiral():
    curve = swiss_roll(5000, sigma=0) * 7.5
    radius = np.linalg.norm(curve, axis=1)  # t itself, and the angle is t again
    np.testing.assert_allclose(curve, radius[:, None] * np.c_[np.cos(radius), np.sin(radius)], atol=1e-4)
    assert radius.min() >= 1.5 * np.pi - 1e-5 and radius.max() <= 4.5 * np.pi + 1e-5
    assert radius.mean() == pytest.approx(3 * np.pi, rel=0.01)
    noise = swiss_roll(5000) - swiss_roll(5000, sigma=0)
    assert noise.std() == pytest.approx(SWISS_ROLL_SIGMA, rel=0.03)
    assert share_near_the_curve(swiss_roll(2000)) > 0.985


@pytest.mark.parametrize("make", [lambda seed: gaussians([[0, 0]], 1, 9, seed), lambda seed: swiss_roll(9, seed=seed)])
def test_points_are_a_function_of_the_seed(make):
    np.testing.assert_array_equal(make(3), make(3))
    assert (make(3) != make(4)).any()


def test_the_published_spread_is_the_default_and_none_is_allowed():
    assert SWISS_ROLL_SIGMA == pytest.approx(1 / 30)  # scikit-learn's noise .25, scaled with the points by 1/7.5
    np.testing.assert_array_equal(swiss_roll(9), swiss_roll(9, sigma=SWISS_ROLL_SIGMA))
    assert {tuple(p) for p in gaussians([[1, 2], [3, 4]], 0, 50)} == {(1, 2), (3, 4)}


def test_impossible_data_are_refused():
    with pytest.raises(ValueError, match=r"expected \(K, D\)"):
        gaussians(np.zeros(3), 0.1, 5)
    with pytest.raises(ValueError, match="0 or more"):
        swiss_roll(5, sigma=-1)

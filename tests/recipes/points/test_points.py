"""Points in the plane: the data are what they say, and the recipes learn from them, draw and score."""

import time

import numpy as np
import pytest
from tinygan.gan.training import training_step
from tinygan.recipes.swissroll import share_near_the_curve

from tinygan import recipes
from tinygan.data.toys import SWISS_ROLL_SIGMA, gaussians, swiss_roll
from tinygan.metrics import grid_centres, mode_scores, ring_centres, sliced_wasserstein

NAMES = ["ring", "grid", "swissroll"]


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


def test_impossible_data_are_refused():
    with pytest.raises(ValueError, match=r"expected \(K, D\)"):
        gaussians(np.zeros(3), 0.1, 5)
    with pytest.raises(ValueError, match="0 or more"):
        swiss_roll(5, sigma=-1)


# --- recipes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_recipe_trains_draws_and_scores(name, tmp_path):
    begun, recipe = time.perf_counter(), recipes.load(name)
    game = recipe.make_game(recipe.Settings(steps=3, hidden=16, batch_size=32))
    rows = [training_step(game, step) for step in range(3)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    samples = game.sample(300, 0)
    assert samples.shape == (300, 2) and samples.dtype == np.float32
    recipe.draw(game, samples, tmp_path / "points.png")
    assert (tmp_path / "points.png").read_bytes().startswith(b"\x89PNG")
    scores = recipe.evaluate(game, samples)
    assert all(np.isfinite(value) for value in scores.values())
    assert recipe.EVALUATED_SAMPLES == 2500
    assert time.perf_counter() - begun < 20


@pytest.mark.parametrize(
    "settings",
    [
        {"packing": 2},
        {"spread_of": 4},
        {"latent": "sphere"},
        {"latent": "uniform", "noise": 2},
        {"layers": 1},
        {"sparsity": 0.1},
    ],
    ids=str,
)
def test_settings_of_points(settings):
    ring = recipes.load("ring")
    game = ring.make_game(ring.Settings(steps=3, hidden=8, batch_size=16, **settings))
    assert all(np.isfinite(value) for value in training_step(game, 0).values())


def test_spread_of_one_is_refused():
    with pytest.raises(ValueError, match="no spread"):
        recipes.load("ring").Settings(spread_of=1)


def test_a_short_game_on_the_swiss_roll_comes_nearer_to_it():
    roll = recipes.load("swissroll")
    game = roll.make_game(roll.Settings(steps=300, hidden=32, batch_size=128, ema=0.98))
    real = swiss_roll(1000, seed=1)
    before = sliced_wasserstein(game.sample(1000, 0), real)
    for step in range(300):
        training_step(game, step)
    assert sliced_wasserstein(game.sample(1000, 0), real) < before / 2

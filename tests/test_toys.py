"""The recipes on points: they learn, draw and score."""

import time

import numpy as np
import pytest

from tinygan import recipes
from tinygan.data.points import swiss_roll
from tinygan.gan.training import training_step
from tinygan.metrics import sliced_wasserstein

NAMES = ["ring", "grid", "swissroll"]


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

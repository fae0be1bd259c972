"""Recipes of points: they train, draw and score; a short game comes nearer; few features are active when they cost."""

import time

import numpy as np
import pytest
from small_runs import hold, small_game

from tinygan import recipes
from tinygan.backend import stream
from tinygan.gan.latent import draw_each, sparse_code
from tinygan.metrics import sliced_wasserstein

NAMES = ["ring", "grid", "swissroll"]


@pytest.mark.parametrize("name", NAMES)
def test_recipe_trains_draws_and_scores(name, tmp_path):
    begun, recipe = time.perf_counter(), recipes.load(name)
    game = small_game(name, steps=3)
    rows = [game.step(step) for step in range(3)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    samples = game.sample(300, 0)
    assert samples.shape == (300, 2) and samples.dtype == np.float32
    recipe.draw(game, samples, tmp_path / "points.png")
    assert (tmp_path / "points.png").read_bytes().startswith(b"\x89PNG")
    scores = recipe.evaluate(game, samples)
    assert all(np.isfinite(value) for value in scores.values())
    assert recipe.EVALUATED_SAMPLES == 2500
    assert set(recipe.WATCHED) <= set(scores)
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
        {"codes": 0},
    ],
    ids=str,
)
def test_settings_of_points(settings, tmp_path):
    game = small_game("ring", steps=3, **settings)
    assert all(np.isfinite(value) for value in game.step(0).values())
    assert game.sample(5, 0).shape == (5, 2)
    recipes.load("ring").draw(game, game.sample(50, 0), tmp_path / "x.png")  # in packs D cannot be drawn
    assert (tmp_path / "x.png").stat().st_size > 100


def test_spread_of_one_is_refused():
    with pytest.raises(ValueError, match="no spread"):
        recipes.load("ring").Settings(spread_of=1)
    with pytest.raises(ValueError, match="noise_share=0.1: .* with codes .* it would"):
        recipes.load("ring").Settings(codes=0, noise_share=0.1)


def test_z_is_drawn_where_the_settings_say_with_a_code_beside_it():
    game = small_game("ring", latent="sphere", noise=3, codes=5)
    (z,) = draw_each(game.spaces, np.random.default_rng(0), 400)
    np.testing.assert_allclose(np.linalg.norm(z[:, :3], axis=1), 1, atol=1e-5)
    assert z.shape == (400, 8) and (z[:, 3:].sum(1) == 1).all() and (z[:, 3:].sum(0) > 50).all()


@pytest.mark.parametrize("name", NAMES)
def test_real_batches_are_points_of_the_data(name):
    recipe = recipes.load(name)
    scores = recipe.evaluate(None, small_game(name, batch_size=2000).batch(0).x)
    if name == "swissroll":
        assert scores["near_the_curve"] > 0.97 and scores["sliced_wasserstein"] < 0.1
    else:
        assert scores["modes"] == len(recipe.CENTRES) and scores["high_quality"] > 0.97


def test_a_short_game_on_the_swiss_roll_comes_nearer_to_it():
    roll = recipes.load("swissroll")
    game = small_game("swissroll", steps=300, hidden=32, batch_size=128, ema=0.98)
    real = roll.swiss_roll(1000, seed=1)
    before = sliced_wasserstein(game.sample(1000, 0), real)
    for step in range(300):
        game.step(step)
    assert sliced_wasserstein(game.sample(1000, 0), real) < before / 2
    near = roll.share_near_the_curve(roll.swiss_roll(2000))
    assert near > 0.985 > 0.5 > roll.share_near_the_curve(np.random.default_rng(0).uniform(-2, 2, (2000, 2)))


# --- sparse features ---------------------------------------------------------------------------------------------


def active(game):
    """E |h| of G's last hidden layer, of the same z in every call."""
    game.G.module(*game.to_tensors(draw_each(game.spaces, np.random.default_rng(0), 200)))
    return float(np.abs(sparse_code(game.G.module).data).mean())


@pytest.mark.parametrize("sparsity", [1e-9, 1e4], ids=["free", "dear"])
def test_a_step_of_g_makes_features_sparser_where_they_cost(sparsity):
    """1e4 outweighs every verdict: E |h| falls; what is logged is the share of features that are not 0."""
    game = small_game("ring", sparsity=sparsity, learning_rate=3e-3)
    hold(game.D)
    before = active(game)
    game.fake(game.G.module, 32, (), stream(0, "noise", 0))  # what the first step draws
    share = float((sparse_code(game.G.module).data > 0).mean())
    rows = [game.step(k) for k in range(5)]
    assert (active(game) < 0.9 * before) == (sparsity > 1)
    assert rows[0]["active_share"] == share and 0.2 < share < 0.8


def test_without_sparsity_nothing_is_added():
    game = small_game("ring")
    assert game.g_extra() == (0.0, {}) and "active_share" not in game.step(0)

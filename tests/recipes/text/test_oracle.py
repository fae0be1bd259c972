"""SeqGAN's experiment: its controls, its judge, and what is set at first."""

import numpy as np
import pytest
from small_runs import WAYS, small_game

from tinygan import recipes
from tinygan.text.oracle import Oracle


@pytest.fixture(autouse=True)
def no_data(tmp_path, monkeypatch):
    """No data folder: an oracle that is drawn has to do."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nothing"))


def game_of(way, **settings):
    return small_game("oracle", way=way, **{"steps": 8, **settings})


@pytest.mark.parametrize("settings", [{"reward": "constant"}, {"baseline": "none", "rollouts": 2}], ids=str)
def test_controls_of_policy_gradient(settings):
    game = game_of("policy", pretrain=2, d_pretrain=1, **settings)
    rows = [game.step(step) for step in range(4)]
    assert "reward" not in rows[2] and ("reward" in rows[3]) == ("reward" not in settings)
    assert rows[3]["g_entropy"] == pytest.approx(np.log(20), abs=0.3)
    if "reward" in settings:
        assert rows[3]["g_loss"] == pytest.approx(rows[3]["g_entropy"])  # the loss of its own sentences: they sharpen


def test_a_judge_that_learns_its_sentences_by_heart_is_right():
    settings = {"vocabulary": 200, "d_dropout": 0.0, "n_critic": 8, "d_rate": 1.0, "learning_rate": 0.01, "rollouts": 2}
    game = game_of("policy", **settings, pretrain=1, d_pretrain=30, steps=40)
    right = [game.step(step)["d_right"] for step in range(1, 31)]
    assert abs(right[0] - 0.5) < 0.2 and right[-1] > 0.9


@pytest.mark.parametrize("way", ["mle", "policy", "infill", "vae"])
def test_the_spread_of_the_oracles_first_words(way):
    wide, narrow = (game_of(way, **WAYS[way], spread=spread, vocabulary=500) for spread in (1.0, 0.1))
    assert np.std(wide.G.module.embedding.weight.data) == pytest.approx(1, abs=0.05)
    for module in (narrow.G.module, narrow.G.average.module):
        np.testing.assert_allclose(module.embedding.weight.data, 0.1 * wide.G.module.embedding.weight.data, rtol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
def test_weight_decay_shrinks_what_no_sentence_moves(decay):
    game = game_of("mle", weight_decay=decay, vocabulary=2000, dropout=0.0)
    unseen = np.setdiff1d(np.arange(1, 2000), game.loader.arrays[0])
    before = game.G.module.embedding.weight.data[unseen].copy()
    game.step(0)
    after = game.G.module.embedding.weight.data[unseen]
    assert (np.abs(after) < np.abs(before)).mean() > 0.98 if decay else (after == before).all()


def test_held_out_sentences_are_drawn_once_and_are_not_those_to_learn_from():
    oracle = Oracle.draw(0, 50)
    held_out = recipes.load("oracle").sentences(oracle, 30, 4, 1)
    assert held_out is recipes.load("oracle").sentences(oracle, 30, 4, 1)
    assert (held_out != recipes.load("oracle").sentences(oracle, 30, 4, 0)).any()


def test_scores_are_those_of_the_oracle_and_of_the_writer():
    """The oracle's own held-out sentences, scored as if the game had written them: both figures are theirs."""
    recipe, game = recipes.load("oracle"), game_of("mle", dropout=0.0, ema=0.9)
    game.step(0)
    oracle = recipe.oracle_of(20)
    held_out, learned = recipe.sentences(oracle, 10_000, 4, 1), recipe.sentences(oracle, 64, 4, 0)
    scores = recipe.evaluate(game, held_out)
    assert scores["nll_oracle"] == scores["nll_oracle_of_real"] == pytest.approx(oracle.nll(held_out).mean())
    assert scores["nll_test"] == pytest.approx(game.G.average.module.nll(held_out))
    assert scores["sum"] == pytest.approx(scores["nll_oracle"] + scores["nll_test"])
    assert scores["new_2"] == scores["new_2_of_real"] > 0
    copies = recipe.evaluate(game, learned)
    assert copies["new_2"] == copies["new_3"] == 0 and copies["nll_oracle"] != scores["nll_oracle"]
    assert (game.loader.arrays[0] == learned).all()


def test_sentences_are_written_as_rows_of_numbers(tmp_path):
    recipes.load("oracle").write(None, np.array([[3, 0, 12], [1, 2, 3]]), tmp_path / "rows.txt")
    assert (tmp_path / "rows.txt").read_text() == "3 0 12\n1 2 3\n"

"""Recipes of text: every way of learning resumes bit for bit, reads a file of one's own, refuses what it would not heed."""

import json

import numpy as np
import pytest

from tinygan import recipes
from tinygan.cli import main
from tinygan.data import DataError, small_text
from tinygan.metrics import Oracle

TINY = {"steps": 8, "pretrain": 2, "d_pretrain": 1, "batch_size": 8, "hidden": 8, "embedding": 4, "rollouts": 2}
WAYS = ("mle", "policy", "gumbel", "infill", "vae")


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """No data folder: what is made here has to do."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nothing"))


def game_of(name, way, **settings):
    recipe = recipes.load(name)
    smaller = {"sentences": 64, "tokens": 4, "vocabulary": 20} if name == "oracle" else {}
    return recipe.make_game(recipe.Settings(way=way, **{**TINY, **smaller, **settings}))


def state(game):
    return {f"{part}.{k}": np.array(a) for part, owner in game.parts().items() for k, a in owner.state_dict().items()}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["names", "captions", "oracle"])
def test_every_way_learns_and_resumes_bit_for_bit(name, way, no_data):
    recipe = recipes.load(name)
    unbroken = game_of(name, way)
    for step in range(5):
        rows = unbroken.step(step)
    middle = state(unbroken)
    for step in range(5, 8):
        rows = unbroken.step(step)
    assert all(np.isfinite(v) for v in rows.values()) and any(
        np.abs(state(unbroken)[k] - middle[k]).max() for k in middle
    )
    resumed = game_of(name, way)
    for part, owner in resumed.parts().items():
        owner.load_state_dict({k.removeprefix(part + "."): a for k, a in middle.items() if k.startswith(part + ".")})
    for step in range(5, 8):
        again = resumed.step(step)
    assert again == rows
    for k, a in state(unbroken).items():
        np.testing.assert_array_equal(state(resumed)[k], a)
    samples = unbroken.sample(12, 0)
    assert samples.shape[0] == 12 and samples.dtype.kind == "i"
    np.testing.assert_array_equal(samples, resumed.sample(12, 0))
    if way in ("mle", "gumbel"):
        assert all(np.isfinite(v) for v in recipe.evaluate(unbroken, samples).values())


@pytest.mark.parametrize("settings", [{"reward": "constant"}, {"baseline": "none"}])
def test_controls_of_policy_gradient(settings, no_data):
    game = game_of("oracle", "policy", **settings)
    rows = [game.step(step) for step in range(4)]
    assert "reward" not in rows[2] and ("reward" in rows[3]) == ("reward" not in settings)
    assert rows[3]["g_entropy"] == pytest.approx(np.log(20), abs=0.3)
    if "reward" in settings:
        assert rows[3]["g_loss"] == pytest.approx(rows[3]["g_entropy"])  # the loss of its own sentences: they sharpen


def test_a_judge_that_learns_its_sentences_by_heart_is_right(no_data):
    settings = {"vocabulary": 200, "d_dropout": 0.0, "n_critic": 8, "d_rate": 1.0, "learning_rate": 0.01}
    game = game_of("oracle", "policy", **settings, pretrain=1, d_pretrain=30, steps=40)
    right = [game.step(step)["d_right"] for step in range(1, 31)]
    assert abs(right[0] - 0.5) < 0.2 and right[-1] > 0.9


def test_imitation_learns(no_data):
    game = game_of("names", "mle", steps=150, hidden=24, mle_rate=0.02)
    losses = [game.step(step)["g_nll"] for step in range(150)]
    assert np.mean(losses[:5]) > 2.9 and np.mean(losses[-20:]) < 2.3


@pytest.mark.parametrize("way", ["mle", "policy"])
def test_the_spread_of_the_oracles_first_words(way, no_data):
    wide, narrow = (game_of("oracle", way, spread=spread, vocabulary=500) for spread in (1.0, 0.1))
    assert np.std(wide.generator.embedding.weight.data) == pytest.approx(1, abs=0.05)
    for module in (narrow.generator, narrow.average.module):
        np.testing.assert_allclose(module.embedding.weight.data, 0.1 * wide.generator.embedding.weight.data, rtol=1e-6)


@pytest.mark.parametrize("decay", [0.0, 1e-3])
def test_weight_decay_shrinks_what_no_sentence_moves(decay, no_data):
    game = game_of("oracle", "mle", weight_decay=decay, vocabulary=2000, dropout=0.0)
    unseen = np.setdiff1d(np.arange(1, 2000), game.loader.arrays[0])
    before = game.generator.embedding.weight.data[unseen].copy()
    game.step(0)
    after = game.generator.embedding.weight.data[unseen]
    assert (np.abs(after) < np.abs(before)).mean() > 0.98 if decay else (after == before).all()


def test_held_out_sentences_are_drawn_once_and_are_not_those_to_learn_from():
    oracle = Oracle.drawn(0, 50)
    held_out = recipes.load("oracle").sentences(oracle, 30, 4, 1)
    assert held_out is recipes.load("oracle").sentences(oracle, 30, 4, 1)
    assert (held_out != recipes.load("oracle").sentences(oracle, 30, 4, 0)).any()


def test_a_file_of_ones_own_and_sampling_without_it(tmp_path, capsys):
    """Chinese verses among the lines: every character is a token, and comes back as it was."""
    path, run = tmp_path / "lines.txt", tmp_path / "run"
    path.write_text("\n".join(small_text()), encoding="utf-8")
    options = [word for k, v in TINY.items() if k != "steps" for word in ("--set", f"{k}={v}")]
    assert main(["train", "names", "--steps", "4", "--data", str(path), "--out", str(run), *options]) == 0
    kept = json.loads((run / "config.json").read_text())["kept"]
    assert {"月", "光", "q"} & set(kept["tokens"]) and kept["level"] == "char" and kept["length"] == 40
    assert len((run / "samples" / "step-000004.txt").read_text(encoding="utf-8").splitlines()) == 100
    assert main(["evaluate", str(run), "-n", "50"]) == 0
    path.unlink()
    assert main(["sample", str(run), "-n", "7", "--out", str(tmp_path / "new.txt")]) == 0
    assert len((tmp_path / "new.txt").read_text(encoding="utf-8").split("\n")) == 8
    different = []
    for temperature in ("1e-5", "1"):
        assert main(["sample", str(run), "--temperature", temperature, "--out", str(tmp_path / "t.txt")]) == 0
        different.append(len(set((tmp_path / "t.txt").read_text(encoding="utf-8").splitlines())))
    assert different[0] < 10 < 90 < different[1]
    assert main(["sample", str(run), "--temperature", "0"]) == 2
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 2
    assert "no such file" in capsys.readouterr().err


def test_words_of_ones_own(tmp_path):
    path = tmp_path / "lines.txt"
    path.write_text("\n".join(small_text()), encoding="utf-8")
    game = game_of("captions", "gumbel", data=str(path), rarest=2, longest=8)
    for step in range(4):
        game.step(step)
    written = {t for line in game.vocabulary.token_lists(game.sample(100, 0)) for t in line}
    assert written <= set(game.vocabulary.tokens[3:]) and "the" in game.vocabulary.tokens and "�" not in written


@pytest.mark.parametrize(
    "way, setting, value",
    [
        ("gumbel", "instance_noise", 0.1),
        ("gumbel", "augment", "color"),
        ("policy", "smoothing", 0.1),
        ("policy", "objective", "hinge"),
        ("infill", "n_critic", 2),
        ("mle", "clip_weights", 0.01),
    ],
)
def test_what_a_step_would_not_heed_is_refused(way, setting, value):
    with pytest.raises(ValueError, match=f"^{setting}={value!r}: the training step of this recipe has no such thing"):
        recipes.load("names").Settings(way=way, **{setting: value})


def test_refusals(tmp_path, no_data):
    with pytest.raises(ValueError, match="none is left for way=policy"):
        game_of("names", "policy", steps=2)
    with pytest.raises(ValueError, match="pretrain=2, d_pretrain=6 of steps=8: none is left for way=infill"):
        game_of("names", "infill", d_pretrain=6)
    path = tmp_path / "few.txt"
    path.write_text("one\ntwo\n")
    with pytest.raises(DataError, match=r"lines: 2, expected 20 or more"):
        game_of("names", "mle", data=str(path))

"""Sine waves: every way plays, classes are heard by both players, waves are what they say."""

import numpy as np
import pytest
from small_runs import SMALL, set_words, small_game

from tinygan import Tensor, recipes
from tinygan.cli import main
from tinygan.gan.latent import draw_each
from tinygan.recipes.series import sines

WAYS = {
    "cnn judge": {"channels": 2},
    "lstm judge, gru": {"judge": "lstm", "judge_hidden": 3, "verdict": "every", "cell": "gru", "layers": 2},
    "gru judge, tokens": {"judge": "gru", "judge_hidden": 3, "verdict": "pooled", "tokens": 5, "feedback": 1},
    "bands": {"channels": 2, "bands": 3},
    "bands, lstm judge": {"bands": 2, "judge": "lstm", "judge_hidden": 3},
}


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_every_way_plays(settings):
    game = small_game("sines", steps=3, **settings)
    losses = [game.step(step) for step in range(2)]
    assert all(np.isfinite(list(row.values())).all() for row in losses)
    samples = game.sample(5, 0)
    assert samples.shape == (5, *game.batch(0).x.shape[1:]) == (5, 30, 2)
    assert (samples == game.sample(5, 0)).all() and (samples != game.sample(5, 1)).any()


@pytest.mark.parametrize("settings", [{"channels": 2}, {"judge": "gru", "judge_hidden": 3}], ids=str)
def test_the_band_is_heard_by_both_players(settings):
    game, n = small_game("sines", bands=3, **settings), 6
    x, (one_hot,) = game.batch(0)
    assert (one_hot.numpy() == np.eye(3)[np.arange(len(one_hot)) % 3]).all()
    told = [Tensor(np.eye(3, dtype="f")[np.full(n, k)]) for k in range(3)]
    noise = game.to_tensors(draw_each(game.spaces, np.random.default_rng(0), n))
    first, second = (game.G.module(*noise, k).numpy() for k in told[:2])
    assert (np.abs(first - second).max((1, 2)) > 1e-4).all()
    seen = Tensor(np.tile(x[:1], (n, 1, 1)))
    first, second = (game.D.module(seen, k).numpy() for k in told[:2])
    assert (np.abs(first - second) > 1e-6).all()


def test_samples_of_a_class(tmp_path, capsys):
    run = tmp_path / "run"
    words = set_words({**SMALL["sines"], "steps": 1, "bands": 3})
    assert main(["train", "sines", *words, "--out", str(run)]) == 0
    for more in ("-n 6", "-n 2 --class 1", "-n 2 --class 3"):
        found = main(["sample", str(run), *more.split(), "--out", str(tmp_path / f"{more[-1]}.npy")])
        assert found == (2 if more[-1] == "3" else 0)
    assert "classes are 0 to 2" in capsys.readouterr().err
    assert (np.load(tmp_path / "1.npy") == np.load(tmp_path / "6.npy")[1::3]).all()


def test_waves_are_in_their_bands():
    waves = sines.by_band(300, 600, 4)
    assert [len(x) for x in waves] == [75] * 4
    for k, x in enumerate(waves):
        peaks = np.abs(np.fft.rfft(x[:, :, 0] * np.hanning(600), axis=1)).argmax(1)  # cycles in 600 steps
        assert (peaks >= k + 1).all() and (peaks <= k + 2).all()


def test_a_batch_has_the_bands_in_turn():
    game = small_game("sines", bands=2, batch_size=40, length=600)
    x = game.batch(0).x[:, :, 0]
    peaks = np.abs(np.fft.rfft(x * np.hanning(600), axis=1)).argmax(1)
    assert (peaks[::2] <= 3).all() and (peaks[1::2] >= 3).all() and peaks.min() < 3 < peaks.max()


def test_train_and_sample(tmp_path):
    run = tmp_path / "run"
    words = set_words({**SMALL["sines"], "steps": 1, "length": 8})
    assert main(["train", "sines", *words, "--out", str(run)]) == 0
    assert (run / "samples" / "step-000001.png").is_file()
    for suffix in sines.FORMATS:
        assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / f"x{suffix}")]) == 0
    assert np.load(tmp_path / "x.npy").shape == (2, 8, 1)


def test_a_tone_stands_beside_itself_at_one_loudness():
    tone = np.sin(np.arange(12.0))[None, :, None].astype("f")
    soft, loud = sines.beside_even(0.15 * tone), sines.beside_even(0.9 * tone)
    assert (loud[:, :, 0] == 0.9 * tone[:, :, 0]).all()
    np.testing.assert_allclose(soft[:, :, 1], loud[:, :, 1], rtol=0.05)
    np.testing.assert_allclose(loud[:, :, 1], (tone / np.sqrt(np.square(tone).mean()))[:, :, 0], rtol=0.01)
    assert np.square(loud[:, :, 1]).mean() == pytest.approx(1, abs=0.01)
    assert not sines.beside_even(0 * tone).any()


def test_impossible_settings_are_refused(capsys):
    for words, named in (
        (["noise=0", "step_noise=0"], "without noise there is one sequence"),
        (["packing=2"], "unknown setting 'packing'"),
    ):
        assert main(["train", "sines", *(w for word in words for w in ("--set", word))]) == 2
        assert named in capsys.readouterr().err
    assert recipes.load("sines") is sines

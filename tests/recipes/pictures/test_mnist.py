"""The recipe `mnist`: its files are not needed to sample, its packs; pictures of one's own: refusals, a run, scores."""

import numpy as np
import pytest
from data_files import folder_of, saved
from small_runs import SMALL, set_words, small_game, train_and_go_on

from tinygan import recipes
from tinygan.cli import main
from tinygan.data import DataError
from tinygan.recipes.pictures import mnist


@pytest.mark.parametrize("more", [{}, {"packing": 2, "augment": "translation"}], ids=["plain", "packed"])
def test_mnist_is_sampled_without_its_files(more, tmp_path, monkeypatch, capsys):
    out = tmp_path / "run"
    assert main(["train", "mnist", "--steps", "1", "--out", str(out), *set_words({**SMALL["mnist"], **more})]) == 0
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setattr("tinygan.data.files._download", lambda *_: pytest.fail("nothing is to be downloaded"))
    assert main(["sample", str(out), "-n", "4"]) == 0


def test_pictures_are_brought_to_minus_1_to_1_and_d_sees_packs():
    game = small_game("mnist", packing=2)
    x = game.batch(0).x
    assert x.shape == (20, 1, 28, 28) and x.min() == -1 and x.max() == 1
    assert game.D.module.parameters()[0].shape[1] == 2
    assert game.saved == {"shape": [1, 28, 28], "checksum": 0}


def test_wgan_gp_is_mnist_with_another_objective_and_penalty():
    s, plain = recipes.load("wgan-gp").Settings(), mnist.Settings()
    assert (s.objective, s.penalty, s.gamma, s.penalty_every) == ("wasserstein", "wgan-gp", 1.0, 4)
    different = {name for name in vars(s) if name in vars(plain) and getattr(s, name) != getattr(plain, name)}
    assert different == {"objective", "penalty", "gamma"}


# --- pictures of one's own: what does not fit --------------------------------------------------------------------

SQUARES = np.random.default_rng(0).integers(0, 256, (50, 16, 16), dtype=np.uint8)
UNFIT = {
    "sides": (saved(SQUARES[:, :15]), [], "pictures of 15x16: both sides must be multiples of 4.*--set size=32"),
    "small": (saved(SQUARES[:, :4, :4]), [], "pictures of 4x4"),
    "few": (saved(SQUARES[:30]), ["--set", "batch_size=4"], "30 pictures, 27 to train on: at least 40"),
    "a large batch": (saved(SQUARES), [], "45 to train on.*--set batch_size=16"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_pictures_that_the_networks_cannot_take(case, tmp_path, capsys):
    write, settings, says = UNFIT[case]
    write(tmp_path / "it")
    out = tmp_path / "run"
    assert main(["train", "mnist", "--data", str(tmp_path / "it"), "--out", str(out), *settings]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and not out.exists()
    with pytest.raises(DataError, match=says):
        raise DataError(printed)


# --- a run on pictures of one's own ------------------------------------------------------------------------------

TINY = {"batch_size": 8, "g_channels": 3, "d_channels": 3, "features": 8, "noise": 4}


def test_a_run_on_a_folder(tmp_path, capsys):
    data, out = tmp_path / "pictures", tmp_path / "run"
    folder_of(np.stack([SQUARES, SQUARES // 2, SQUARES // 3], 3))(data)
    last = train_and_go_on(out, "mnist", TINY, data=data)
    capsys.readouterr()
    assert main(["evaluate", str(out), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    for name in ("pictures", "real data", "sliced wasserstein", "diversity", "copied share"):
        assert name in printed

    last.unlink()
    (data / "0.png").write_bytes((data / "2.png").read_bytes())
    assert main(["train", "--resume", "--out", str(out)]) == 2
    assert "not the pictures that this run began with" in capsys.readouterr().err

    data.rename(tmp_path / "elsewhere")
    assert main(["sample", str(out), "-n", "4", "--out", str(tmp_path / "x.npy")]) == 0  # needs no data
    assert np.load(tmp_path / "x.npy").shape == (4, 3, 16, 16)
    assert main(["evaluate", str(out)]) == 2
    assert "no such file or folder" in capsys.readouterr().err


def test_scores_of_copies_and_of_noise():
    """Held-out pictures score as the floor says, copies are known, grey pictures are far away and all alike."""
    training, held_out = SQUARES[:25, None] / 127.5 - 1, SQUARES[25:, None] / 127.5 - 1
    score = lambda samples: mnist.own_scores(samples, training, held_out)
    real, copies, alike = score(held_out), score(training), score(0.01 * training)
    assert real["sliced_wasserstein"] == real["sliced_wasserstein_of_real"]
    assert real["diversity"] == real["diversity_of_real"]
    assert copies["copied_share"] == 1 and real["copied_share"] == 0
    assert alike["sliced_wasserstein"] > 2 * real["sliced_wasserstein"] and alike["diversity"] < 0.02

"""Every recipe of pictures: it trains, goes on to the same bytes, draws, is sampled by class, and is scored."""

import numpy as np
import pytest
from small_runs import SMALL, train_and_go_on

from tinygan import recipes
from tinygan.cli import main

NAMES = ("mnist", "mnist-rows", "wgan-gp", "cgan", "infogan", "stacked-mnist")


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_from_training_to_scores(name, tmp_path, capsys):
    out = tmp_path / "run"
    train_and_go_on(out, name, SMALL[name], steps=3)
    assert (out / "samples" / "step-000003.png").stat().st_size > 100

    for n in ("7", "120"):
        assert main(["sample", str(out), "-n", n, "--out", str(tmp_path / f"{n}.png")]) == 0
    assert main(["sample", str(out), "-n", "3", "--out", str(tmp_path / "x.npy")]) == 0
    x = np.load(tmp_path / "x.npy")
    assert x.shape == (3, 3 if name == "stacked-mnist" else 1, 28, 28) and np.abs(x).max() <= 1

    of_class = main(["sample", str(out), "-n", "30", "--class", "7", "--out", str(tmp_path / "7.npy")])
    assert of_class == (0 if name in ("cgan", "infogan") else 2)
    if of_class == 0:  # every tenth of what is drawn without it
        assert main(["sample", str(out), "-n", "300", "--out", str(tmp_path / "all.npy")]) == 0
        np.testing.assert_array_equal(np.load(tmp_path / "7.npy"), np.load(tmp_path / "all.npy")[7::10])
        assert main(["sample", str(out), "--class", "10"]) == 2
    assert ("classes are 0 to 9" if of_class == 0 else "has no classes") in capsys.readouterr().err

    assert main(["evaluate", str(out), "-n", "40"]) == 0
    assert recipes.load(name).EVALUATED_SAMPLES >= 10_000
    printed = capsys.readouterr().out
    expected = {"cgan": "synthetic to real", "infogan": "code is class", "stacked-mnist": "modes"}
    assert expected.get(name, "frechet distance") in printed

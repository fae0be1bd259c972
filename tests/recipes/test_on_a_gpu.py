"""Every recipe on a GPU: it trains as on the CPU, is sampled, plotted and scored."""

import json

import pytest
from small_runs import SMALL, WAYS, little_data, set_words

from tinygan import commands, recipes
from tinygan.cli import main
from tinygan.gan import pictures
from tinygan.metrics.pictures import classifier, emblems
from tinygan.plot import points
from tinygan.recipes.series import stock
from tinygan.recipes.video import video_edit
from tinygan.run.folder import Run

CASES = {name: (name, SMALL[name]) for name in recipes.names()}
CASES |= {f"names, {way}": ("names", {**SMALL["names"], "way": way, **more}) for way, more in WAYS.items()}
CASES["captions"] = "captions", {**SMALL["captions"], **WAYS["gumbel"]}
del CASES["names"]


@pytest.fixture(scope="module", autouse=True)
def little(tmp_path_factory):
    """A few made samples of every kind, and judges that hardly learn."""
    with little_data(tmp_path_factory.mktemp("data")), pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        for name, (data, settings) in classifier._TRAINING.items():
            patch.setitem(classifier._TRAINING, name, (data, {**settings, "steps": 2}))
        patch.setattr(classifier, "_loaded", {})
        patch.setattr(commands, "_draw_curves", lambda run: ["curves.png"])  # of the log, which no device touches
        few = {
            stock: ["JUDGE_STEPS", "LEARNER_STEPS"],
            pictures: ["MOST_PICTURES", "FRAMES", "PAIRS"],
            points: ["SURFACE", "ARROWS"],
            emblems: ["STEPS"],
            video_edit: ["MOST_LONGER"],
        }
        for module, names in few.items():
            for name in names:
                patch.setattr(module, name, 2)
        yield


@pytest.mark.parametrize("case", CASES)
def test_a_recipe_from_training_to_scores(case, tmp_path, monkeypatch, capsys):
    name, settings = CASES[case]
    recipe, out = recipes.load(name), str(tmp_path / "run")
    settings = {"steps": 4, **settings}
    assert main(["train", name, "--out", out, "--device", "cuda", *set_words(settings)]) == 0, capsys.readouterr().err
    on_cpu = recipe.make_game(recipe.Settings(**settings), "cpu")
    expected = [on_cpu.step(k) for k in range(4)]
    for row in Run.open(out).rows():
        on_cpu = expected[row["step"] - 1]
        assert {key: row[key] for key in on_cpu} == pytest.approx(on_cpu, rel=1e-3, abs=1e-4)

    assert main(["sample", out, "-n", "3", "--device", "cuda"]) == 0
    assert main(["plot", out, "--device", "cuda"]) == 0
    monkeypatch.setenv("TINYGAN_DEVICE", "cuda")
    assert main(["evaluate", out, "-n", "40"]) == 0, capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "scores.json").read_text())

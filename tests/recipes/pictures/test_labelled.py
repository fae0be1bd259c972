"""`cgan` on a folder for each class, on few pictures, and from another run's networks; its scores by classes."""

import json

import numpy as np
import pytest
from PIL import Image
from small_runs import SMALL, hold, set_words, small_game, train_and_go_on

from tinygan.cli import main
from tinygan.data import gather_notes
from tinygan.metrics import train_network
from tinygan.recipes.pictures import _labelled, cgan
from tinygan.recipes.pictures._labelled import Labelled, class_scores, read_labelled

SETTINGS = {**SMALL["cgan"], "batch_size": 6}
COUNTS = {"hats": 30, "shoes": 8, "two words": 12}
rng = np.random.default_rng(0)


def folder_of_classes(folder, counts=COUNTS, shape=(8, 12), same=None):
    """A folder a class; every picture of a class has its own shade in its first pixel."""
    for k, (name, count) in enumerate(counts.items()):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(0, 256, shape, dtype=np.uint8) if same is None else np.full(shape, same[k], np.uint8)
            pixels[0, 0] = 30 * k + 50
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.parametrize("shape", [(8, 12), (8, 8, 3)], ids=["grey", "colour"])
def test_a_run_on_a_folder_a_class(shape, tmp_path, capsys):
    data, out = folder_of_classes(tmp_path / "data", shape=shape), tmp_path / "run"
    last = train_and_go_on(out, "cgan", SETTINGS, data=data)
    assert "50 pictures, 8x" in capsys.readouterr().out
    saved = json.loads((out / "config.json").read_text())["saved"]
    channels = shape[2] if len(shape) == 3 else 1
    assert saved["names"] == [*COUNTS] and saved["shape"] == [channels, 8, shape[1]] and saved["checksum"] > 0

    capsys.readouterr()
    assert main(["evaluate", str(out), "-n", "30"]) == 0
    printed = capsys.readouterr().out
    for name in ("sliced wasserstein", "synthetic to real", "real to synthetic"):
        assert name in printed

    (data / "hats" / "0.png").rename(data / "shoes" / "other.png")
    last.unlink()
    assert main(["train", "--resume", "--out", str(out)]) == 2
    assert "not the pictures that this run began with" in capsys.readouterr().err
    data.rename(tmp_path / "elsewhere")
    for name in ("two words", "2"):  # needs no data
        assert main(["sample", str(out), "-n", "3", "--class", name, "--out", str(tmp_path / f"{name}.npy")]) == 0
    assert main(["sample", str(out), "-n", "9", "--out", str(tmp_path / "all.npy")]) == 0
    x = np.load(tmp_path / "all.npy")
    assert x.shape == (9, channels, 8, shape[1])
    np.testing.assert_array_equal(np.load(tmp_path / "two words.npy"), x[2::3])
    np.testing.assert_array_equal(np.load(tmp_path / "2.npy"), x[2::3])
    capsys.readouterr()
    for wrong, says in (("shoos", "did you mean shoes?"), ("3", "classes are 0 to 2"), ("-1", "classes are 0 to 2")):
        assert main(["sample", str(out), f"--class={wrong}"]) == 2
        assert says in capsys.readouterr().err


def test_a_class_that_is_named_by_a_number_is_meant_by_its_name(tmp_path):
    out = tmp_path / "run"
    words = ["train", "cgan", "--steps", "1", "--set", "classes=7+3", "--out", str(out), *set_words(SMALL["cgan"])]
    assert main(words) == 0
    for name, path in (("7", "a.npy"), ("0", "b.npy")):
        assert main(["sample", str(out), "-n", "3", "--class", name, "--out", str(tmp_path / path)]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"))


def test_a_tenth_of_each_class_is_held_out_and_said(tmp_path):
    data = folder_of_classes(tmp_path / "data")
    s = cgan.Settings(data=str(data))
    with gather_notes() as notes:
        train, test = read_labelled(s), read_labelled(s, "test")
    assert np.bincount(train.labels).tolist() == [27, 7, 11] and np.bincount(test.labels).tolist() == [3, 1, 1]
    assert "read: 50 of 50 picture files in data" in notes
    both = np.concatenate([train.images, test.images])
    assert len({x.tobytes() for x in both}) == 50 and -1 <= both.min() < both.max() <= 1
    for part in (train, test):
        shades = np.rint((part.images[:, 0, 0, 0] + 1) / 2 * 255)
        np.testing.assert_array_equal(shades, 30 * part.labels + 50)


def test_few_pictures_of_each_class_are_drawn_by_the_seed():
    def read(**settings):
        return read_labelled(cgan.Settings(**settings))

    images, labels, names = read(per_class=3, classes="4+2")
    assert names == ["4", "2"] and labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose((images[:, 0, 0, 0] + 1) / 2 * 255, [100] * 3 + [50] * 3, atol=1e-3)
    assert len({x.tobytes() for x in images}) == 6
    np.testing.assert_array_equal(images, read(per_class=3, classes="4+2").images)
    assert (images != read(per_class=3, classes="4+2", seed=1).images).any()
    assert len(read_labelled(cgan.Settings(per_class=3), "test").images) == 200  # what is held out stays whole


def test_a_class_with_few_pictures_is_shown_as_often_as_the_others(tmp_path):
    data = folder_of_classes(tmp_path / "data", {"few": 7, "many": 60})
    game = small_game("cgan", data=str(data), batch_size=20)
    seen = {0: set(), 1: set()}
    for turn in range(6):
        x, (labels,) = game.batch(turn)
        np.testing.assert_array_equal(labels.data, np.arange(20) % 2)
        for picture, label in zip(x, labels.data):
            seen[label].add(picture.tobytes())
            assert round((picture[0, 0, 0] + 1) / 2 * 255) == 50 + 30 * label
    assert len(seen[0]) == 6 and 45 < len(seen[1]) <= 54  # a tenth of either is held out


REFUSED = {
    "few": ({"a": 5, "b": 4}, {}, "4 pictures of b: at least 5 of each class are needed"),
    "classes": ({str(k): 5 for k in range(7)}, {}, "7 classes, and batch_size=6.*--set batch_size=7"),
    "one class": ({"a": 50}, {}, "one class, a: expected a folder of pictures for each of two or more"),
    "unknown": ({"a": 9, "b": 9}, {"classes": "a+c"}, "classes=a.c: no class 'c': expected some of a, b, joined by"),
    "one of them": ({"a": 9, "b": 9}, {"classes": "a"}, "classes=a: expected two or more classes"),
    "twice": ({"a": 9, "b": 9}, {"classes": "a+a"}, "expected two or more classes, each once"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_classes_that_do_not_fit(case, tmp_path, capsys):
    counts, settings, says = REFUSED[case]
    data, out = folder_of_classes(tmp_path / "data", counts), tmp_path / "run"
    words = set_words({**SETTINGS, **settings})
    assert main(["train", "cgan", "--data", str(data), "--out", str(out), *words]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and not out.exists()
    with pytest.raises(ValueError, match=says):
        raise ValueError(printed)


def test_pictures_of_a_size_that_the_networks_cannot_make(tmp_path, capsys):
    data = folder_of_classes(tmp_path / "data", shape=(9, 12))
    assert main(["train", "cgan", "--data", str(data), "--out", str(tmp_path / "run"), *set_words(SETTINGS)]) == 2
    assert "pictures of 9x12: both sides must be multiples of 4" in capsys.readouterr().err


SPOILED = {
    "no names": ({"shape": [1, 28, 28], "checksum": 0}, "expected an entry 'names'"),
    "names of numbers": ({"names": [0, 1], "shape": [1, 28, 28], "checksum": 0}, r"names\[0\]: expected text"),
    "more names": ({"names": ["a"] * 500_000, "shape": [1, 28, 28], "checksum": 0}, "networks are larger"),
    "a shape of nothing": ({"names": ["a", "b"], "shape": [], "checksum": 0}, "damaged|expected"),
}


@pytest.mark.parametrize("case", SPOILED)
def test_what_a_strangers_run_saves_is_checked(case, tmp_path, capsys):
    out = tmp_path / "run"
    assert main(["train", "cgan", "--steps", "1", "--out", str(out), *set_words(SMALL["cgan"])]) == 0
    saved, says = SPOILED[case]
    config = json.loads((out / "config.json").read_text())
    (out / "config.json").write_text(json.dumps({**config, "saved": saved}))
    capsys.readouterr()
    assert main(["sample", str(out)]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    with pytest.raises(ValueError, match=says):
        raise ValueError(printed)


def test_a_run_from_before_it_saved_its_classes_is_one_of_ten_digits(tmp_path):
    out = tmp_path / "run"
    assert main(["train", "cgan", "--steps", "1", "--out", str(out), *set_words(SMALL["cgan"])]) == 0
    config = json.loads((out / "config.json").read_text())
    del config["saved"], config["settings"]["per_class"], config["settings"]["start"]
    (out / "config.json").write_text(json.dumps(config))
    assert main(["sample", str(out), "-n", "10"]) == 0


# --- another run's networks ----------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path):
    """A run of cgan of three steps on two digits."""
    words = ["train", "cgan", "--steps", "3", "--set", "classes=0+1", *set_words(SMALL["cgan"])]
    assert main([*words, "--out", str(tmp_path / "first")]) == 0
    return tmp_path / "first"


def test_a_run_begins_with_the_networks_of_another(run, tmp_path, capsys):
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps({**config, "rewinds": [{"pace": 0.5}]}))
    game = small_game("cgan", classes="5+6", start=str(run))
    fresh = small_game("cgan", classes="5+6")
    opened = small_game("cgan", classes="0+1")
    cgan.Run.open(run).load(opened)
    for name, part in game.parts().items():
        for key, value in part.state_dict().items():
            np.testing.assert_array_equal(value, opened.parts()[name].state_dict()[key], err_msg=f"{name}.{key}")
    assert (game.G.parameters[0].numpy() != fresh.G.parameters[0].numpy()).any()
    assert game.G.schedule.base_lr == game.G.base_lr == fresh.G.base_lr  # its pace is its own

    out = tmp_path / "second"
    words = ["train", "cgan", "--steps", "2", "--set", "classes=5+6", "--set", f"start={run}", *set_words(SMALL["cgan"])]
    assert main([*words, "--out", str(out)]) == 0
    whole = (out / "checkpoints" / "step-2.safetensors").read_bytes()
    (out / "checkpoints" / "step-2.safetensors").unlink()
    run.rename(tmp_path / "gone")  # from its first checkpoint on, a run does not need it
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert (out / "checkpoints" / "step-2.safetensors").read_bytes() == whole


def test_a_run_that_ended_before_its_first_checkpoint_begins_with_them_again(run, tmp_path, monkeypatch, capsys):
    words = ["train", "cgan", "--steps", "2", "--set", "classes=5+6", "--set", f"start={run}", *set_words(SMALL["cgan"])]
    assert main([*words, "--out", str(tmp_path / "whole")]) == 0
    killed = tmp_path / "killed"
    with monkeypatch.context() as patch:
        patch.setattr(cgan.ClassGame, "step", lambda game, k: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main([*words, "--out", str(killed)])
    assert not [*(killed / "checkpoints").iterdir()]
    assert main(["train", "--resume", "--out", str(killed)]) == 0
    whole, resumed = (path / "checkpoints" / "step-2.safetensors" for path in (tmp_path / "whole", killed))
    assert resumed.read_bytes() == whole.read_bytes()

    for path in (killed / "checkpoints").iterdir():
        path.unlink()
    run.rename(tmp_path / "gone")
    capsys.readouterr()
    assert main(["train", "--resume", "--out", str(killed)]) == 2
    assert f"{run} holds no run" in capsys.readouterr().err


def test_a_run_that_does_not_fit_is_no_start(run, tmp_path, capsys):
    def refused(says, start=run, **settings):
        words = set_words({**SMALL["cgan"], "classes": "5+6", "start": start, **settings})
        capsys.readouterr()  # what trainings before it said
        assert main(["train", "cgan", "--steps", "2", "--out", str(tmp_path / "x"), *words]) == 2
        printed = capsys.readouterr().err
        assert says in printed and printed.count("\n") == 1 and not (tmp_path / "x").exists()

    refused("not of the sizes that these classes and settings make", classes="5+6+7")
    refused("not of the sizes that these classes and settings make", noise=5)
    refused("holds no run", start=tmp_path / "nowhere")
    assert main(["train", "ring", "--steps", "1", "--out", str(tmp_path / "ring"), *set_words(SMALL["ring"])]) == 0
    refused("a run of ring, not of cgan", start=tmp_path / "ring")
    for path in (run / "checkpoints").glob("*.safetensors"):
        path.write_bytes(b"x" * 100)
    refused("has no other checkpoint that is good", start=run)


# --- scores --------------------------------------------------------------------------------------------------------


def shades(n, swapped=False):
    """Pictures of two classes, dark and light, in turn, in colour."""
    labels = np.arange(n) % 2
    images = rng.normal(0, 0.1, (n, 3, 8, 8)).astype("f") + (labels[:, None, None, None] - 0.5).astype("f")
    return images, 1 - labels if swapped else labels


def test_scores_by_classifiers_that_learn_from_these_pictures():
    real, held_out = Labelled(*shades(40), ["a", "b"]), Labelled(*shades(20), ["a", "b"])
    good = class_scores(*shades(30), real, held_out, steps=40)
    assert good == {"synthetic_to_real": 1.0, "real_to_synthetic": 1.0, "real_to_real": 1.0}
    swapped = class_scores(*shades(30, swapped=True), real, held_out, steps=40)
    assert swapped == {"synthetic_to_real": 0.0, "real_to_synthetic": 0.0, "real_to_real": 1.0}


def test_scores_of_a_game_of_some_digits(monkeypatch):
    monkeypatch.setattr(_labelled, "train_network", lambda *a, **how: train_network(*a, **{**how, "steps": 2}))
    game = small_game("cgan", classes="3+8")
    scores = cgan.evaluate(game, game.sample(40, 0))
    assert scores["samples"] == 40 and "frechet_distance" not in scores and 0 <= scores["real_to_real"] <= 1


@pytest.mark.parametrize("fit, wanted, scored", [(2000, 60_000, 2000), (500, 60_000, 1000), (2000, 100, 100)])
def test_as_many_are_scored_as_the_recipe_wants_fewer_if_they_are_large(tmp_path, monkeypatch, fit, wanted, scored):
    asked = []
    monkeypatch.setattr("tinygan.commands.MOST_EVALUATED", fit * 8 * 12 * 4)
    monkeypatch.setattr(cgan, "EVALUATED_SAMPLES", wanted)
    monkeypatch.setattr(cgan, "evaluate", lambda game, samples: asked.append(len(samples)) or {"samples": len(samples)})
    data, out = folder_of_classes(tmp_path / "data"), tmp_path / "run"
    assert main(["train", "cgan", "--data", str(data), "--steps", "1", "--out", str(out), *set_words(SETTINGS)]) == 0
    assert main(["evaluate", str(out)]) == 0
    assert asked == [scored]


def test_players_of_a_folder_learn_the_classes_apart(tmp_path):
    """A D that is told the class: a step makes its verdict on real pictures of their class rise above those of the other."""
    data = folder_of_classes(tmp_path / "data", {"dark": 20, "light": 20}, same=(20, 230))
    settings = {"penalty": "none", "objective": "non-saturating", "learning_rate": 5e-3, "batch_size": 8}
    game = small_game("cgan", data=str(data), **settings)
    hold(game.G)
    x, (told,) = game.batch(0)

    def lead():
        right, wrong = (game.D.module(x, labels).numpy().mean() for labels in (told.data, 1 - told.data))
        return right - wrong

    before = lead()
    for k in range(4):
        game.step(k)
    assert lead() > before

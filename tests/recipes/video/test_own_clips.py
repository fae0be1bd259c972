"""`video` on clips of a reader's own: trained, sampled, scored, asked, gone on with; and on a machine that lacks them."""

import json
import shutil

import numpy as np
import pytest
from small_runs import SMALL, set_words, small_game, train_and_go_on

from tinygan import commands
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, gather_notes, read_clip
from tinygan.gan import pictures
from tinygan.metrics import video as metrics
from tinygan.metrics.pictures import classifier
from tinygan.plot import gif


def write_clips(folder, classes=("down", "up"), count=6):
    """Clips of a bar that moves, of 12 frames, 32x32, of these classes."""
    for which, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for k in range(count):
            frames = np.full((12, 32, 32, 3), 20 * k, np.uint8)
            for t in range(12):
                frames[t, (2 * t + k) % 32 if which else (31 - 2 * t - k) % 32] = (255, 200, 10 * k)
            gif(frames, folder / name / f"{k}.gif")
    return folder


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(classifier, "_loaded", {})
    return write_clips(tmp_path / "own")


def test_both_players_are_told_the_class_and_a_batch_repeats(own):
    with gather_notes() as notes:
        game = small_game("video", data=str(own))
    assert any(line.startswith("12 clips in 2 classes, down, up") for line in notes)
    assert game.saved["world"] == "own" and game.saved["names"] == ["down", "up"]
    real = game.batch(3)
    assert real.x.shape == (4, 8, 3, 32, 32) and real.given[0].shape == (4, 2)
    np.testing.assert_array_equal(real.x, game.batch(3).x)
    goes_up = [np.argmax(x[1, 0].mean(1)) - np.argmax(x[0, 0].mean(1)) > 0 for x in game.batch(0).x]
    assert len(goes_up) == 4
    samples = game.sample(5, 0)
    other = game.sample(5, 0, given=1 - game.unseen()[1][:5])
    assert samples.shape == (5, 8, 3, 32, 32) and (samples != other).any((1, 2, 3, 4)).all()


def test_every_weight_learns(own):
    game = small_game("video", data=str(own), objective="non-saturating")
    named = lambda: {f"{k} {name}": p.numpy() for k, p in game.players.items() for name, p in p.module.named_parameters()}
    before = {name: p.copy() for name, p in named().items()}
    for k in range(3):
        assert all(np.isfinite(value) for value in game.step(k).values())
    assert not [name for name, p in named().items() if (p == before[name]).all()]


def test_from_training_to_scores_and_on_a_machine_that_lacks_the_clips(own, tmp_path, capsys, monkeypatch):
    for name in ("MOST_PICTURES", "FRAMES", "PAIRS"):
        monkeypatch.setattr(pictures, name, 2)
    monkeypatch.setattr(commands, "_draw_curves", lambda run: ["curves.png"])
    run, drawn = tmp_path / "run", tmp_path / "drawn.gif"
    train_and_go_on(run, "video", SMALL["video"], data=own)
    said = (run / "data.txt").read_text()
    assert "read: 12 of 12 clips in own" in said and "12 clips in 2 classes, down, up" in said
    capsys.readouterr()
    assert main(["evaluate", str(run), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    assert "told longer class" in printed and "frechet ratio" in printed and "copied share" in printed
    scores = json.loads((run / "scores.json").read_text())
    assert scores["clips"] == 12 and scores["samples"] == 20

    shutil.move(own, tmp_path / "elsewhere")
    assert main(["sample", str(run), "-n", "3", "--out", str(drawn)]) == 0 and len(read_clip(drawn)) == 8
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "drawn.png")]) == 0
    assert main(["apply", str(run), "Up", "--out", str(drawn)]) == 0 and len(read_clip(drawn)) == 32
    assert main(["plot", str(run)]) == 0
    capsys.readouterr()
    for line in (["apply", str(run), "left", "--out", str(drawn)], ["evaluate", str(run), "-n", "20"],
                 ["train", "--resume", "--out", str(run), "--steps", "6"]):  # fmt: skip
        assert main(line) == 2
        fault = capsys.readouterr().err
        assert ("expected the name of a class: down, up" if line[0] == "apply" else "own: no such folder") in fault
    write_clips(own, count=7)
    assert main(["train", "--resume", "--out", str(run), "--steps", "6"]) == 2
    assert "not the clips that this run began with" in capsys.readouterr().err


def test_clips_of_one_label_have_no_scores_of_classes(own, tmp_path):
    game = small_game("video", data=str(own / "up"))
    scores = metrics.own_clip_scores(game.world, game.sample(6, 0), game.unseen()[0], game.longer)
    assert game.saved["names"] == ["clip"] and not (tmp_path / "cache").exists()
    assert {"flicker_clips", "flicker_longer_clips", "diversity", "copied_share", "sliced_wasserstein"} < scores.keys()
    assert not [name for name in scores if "class" in name or "frechet" in name]
    assert game.step(0)


def test_real_clips_score_as_real_ones_and_the_same_clip_again_and_again_does_not(own, monkeypatch):
    monkeypatch.setattr(metrics, "READER", {"steps": 40, "batch_size": 12})
    world = small_game("video", data=str(own)).world
    classes = world.scenes("unseen", 80, stream(0, "asked"))
    real = world.draw(classes, 8, stream(1, "clips"))
    longer = lambda rows, seed: np.tile(real[: len(rows)], (1, 4, 1, 1, 1))
    scores = metrics.own_clip_scores(world, real, classes, longer)
    assert scores["told_class"] > 0.95 and scores["told_longer_class"] > 0.95 and 0.3 < scores["by_chance_class"] < 0.7
    assert scores["flicker_clips"] == pytest.approx(1, abs=0.15) and scores["diversity"] == pytest.approx(1, abs=0.15)
    assert scores["frechet_distance"] == pytest.approx(scores["frechet_floor"], rel=0.5)
    still = np.repeat(np.repeat(real[:1, :1], 8, 1), 80, 0)
    worse = metrics.own_clip_scores(world, still, classes, longer)
    assert worse["flicker_clips"] == 0 and worse["diversity"] == 0 and worse["told_class"] < 0.7
    assert worse["frechet_ratio"] > 3 * scores["frechet_ratio"]
    assert worse["sliced_wasserstein"] > 2 * scores["sliced_wasserstein"]


REFUSED = {
    "both": ({"world": "sprites"}, "world=sprites and --data .*: leave one of them out"),
    "longer than all": ({"frames": 13}, "none of 12 clips can be read; down/0.gif and 11 more: fewer than 13 frames"),
}


@pytest.mark.parametrize("settings, fault", REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused(settings, fault, own):
    with pytest.raises(ValueError, match=fault):
        small_game("video", data=str(own), **settings)


@pytest.mark.parametrize("change", [{"world": "digits", "source": "digits"}, {"names": []}, {"names": 3}, {"checksum": -1}])
def test_a_strangers_run_that_contradicts_itself_is_refused(change, own, tmp_path, capsys):
    out = str(tmp_path / "run")
    assert main(["train", "video", "--data", str(own), "--out", out, "--steps", "1", *set_words(SMALL["video"])]) == 0
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    saved = {**config["saved"], **change}
    if "world" in change:
        saved = change
    path.write_text(json.dumps({**config, "saved": saved}))
    assert main(["sample", out, "-n", "2", "--out", str(tmp_path / "x.gif")]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("tinygan: ")


def test_a_run_of_digits_still_opens_as_it_did():
    game = small_game("video")
    assert set(game.saved) == {"world", "source"}
    with pytest.raises(DataError, match="a digit and a path"):
        game.world.read("up")

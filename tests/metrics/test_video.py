"""Scores of clips: real clips score what they should, and each score falls where it should."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.sprites import Figure
from tinygan.data.video.digits import ALL, DigitClips
from tinygan.data.video.figures import FigureClips
from tinygan.metrics import video
from tinygan.metrics.pictures import classifier, heads

FIGURE = Figure("man", "green", "long", "pink", "brown shirt", "silver greaves", "golden boots", "walk", "left", 3)
LOOKS = FIGURE._asdict().keys() - {"action", "direction", "step"}


@pytest.fixture
def little_cache(tmp_path, monkeypatch):
    """An empty cache; networks learn for two steps."""
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(classifier, "_loaded", {})
    for settings in (video.READER, video.DIGITS):
        monkeypatch.setitem(settings, "steps", 2)


class Fixed:
    """Heads that read a picture's upper left pixels: the number of each attribute's value, 0 to 1 as 0 to 16."""

    def read(self, pictures):
        places = np.rint(pictures[:, 0, 0, : len(heads.HEADS)] * 16).astype(int)
        return {name: np.eye(len(values))[places[:, k]] for k, (name, values) in enumerate(heads.HEADS.items())}


@pytest.fixture
def fixed(monkeypatch):
    monkeypatch.setattr(heads, "sprite_heads", Fixed)
    monkeypatch.setattr(video, "sprite_heads", Fixed)


def showing(figures, frames):
    """Clips in which `Fixed` reads these figures, (N, frames, 3, 32, 32)."""
    clips = np.zeros((len(figures), frames, 3, 32, 32), np.float32)
    for n, figure in enumerate(figures):
        for t in range(frames):
            claims = [figure._replace(step=(figure.step + t - 1) % 8 + 1)]
            clips[n, t, 0, 0, : len(heads.HEADS)] = heads.targets(claims)[0] / 16
    return clips


def test_figures_as_asked_score_one(fixed):
    figures = [FIGURE, FIGURE._replace(action="cast", direction="up", step=1), FIGURE._replace(action="slash", step=8)]
    scores = video.figure_scores(showing(figures, 8), figures)
    assert set(scores) == LOOKS | {"action", "direction", "whole", "identity"}
    assert set(scores.values()) == {1.0}


def test_an_attribute_that_is_wrong_lowers_its_score_and_the_whole_alone(fixed):
    asked, made = [FIGURE] * 4, [FIGURE] * 3 + [FIGURE._replace(top="red shirt")]
    scores = video.figure_scores(showing(made, 8), asked)
    assert scores["top"] == scores["whole"] == 0.75 and scores["identity"] == 1.0
    assert all(scores[name] == 1 for name in LOOKS - {"top"})
    turned = [FIGURE] * 3 + [FIGURE._replace(direction="right")]
    scores = video.figure_scores(showing(turned, 8), asked)
    assert scores["direction"] == scores["whole"] == 0.75 and scores["action"] == 1.0


def test_a_figure_that_changes_in_one_frame_loses_identity(fixed):
    clips = showing([FIGURE], 8)
    clips[0, 4] = showing([FIGURE._replace(colour="red")], 1)[0, 0]
    assert video.identity(clips) == pytest.approx(1 - 1 / (7 * 7))
    scores = video.figure_scores(clips, [FIGURE])
    assert scores["colour"] == 7 / 8 and scores["whole"] == 1.0


def test_the_motion_is_read_of_most_frames(fixed):
    clips = showing([FIGURE], 8)
    clips[0, 2] = showing([FIGURE._replace(action="cast", direction="up")], 1)[0, 0]
    assert [list(found) for found in video.read_motion(clips)] == [["walk"], ["left"]]


# --- digits --------------------------------------------------------------------------------------------------------


def test_digits_and_paths_are_read_apart(monkeypatch, tmp_path):
    world = DigitClips()
    clips = world.draw(ALL, 8, stream(0, "clips"))
    digit = [move.digit for move in ALL]

    class Knows:
        def judge(self, x):
            assert x.shape == (480, 1, 28, 28)
            return None, np.eye(10)[np.repeat(digit, 8)]

    monkeypatch.setattr(video, "digit_reader", lambda source: Knows())
    paths = [move.path for move in ALL]
    right = video.digit_scores(clips, np.array(digit), paths, world.source)
    assert right == {"digit": 1.0, "path": 1.0, "whole": 1.0, "identity": 1.0}
    others = video.digit_scores(clips, np.roll(digit, 6), paths, world.source)
    assert others["digit"] == 0.0 and others["path"] == 1.0 and others["whole"] == 0.0
    lost = video.digit_scores(clips, np.array(digit), np.roll(paths, 1), world.source)
    assert lost["path"] == 0.0 and lost["digit"] == 1.0


def test_what_is_read_lies_in_the_middle_wherever_the_digit_is():
    world = DigitClips()
    frames = video._about_middle(world.draw(ALL[:6], 8, stream(0, "clips"))).reshape(6, 8, 28, 28)
    ink = frames + 1
    grid = np.arange(28)
    for axis in (2, 3):
        middle = (ink.sum(5 - axis) @ grid) / ink.sum((2, 3))
        np.testing.assert_allclose(middle, 13.5, atol=0.5)
    apart = np.abs(frames - frames[:, :1]).mean((2, 3))
    assert apart.max() < 0.15 and np.abs(frames[0] - frames[3]).mean() > 0  # one digit's frames are alike


def test_the_reader_of_digits_learns(little_cache, monkeypatch):
    monkeypatch.setitem(video.DIGITS, "steps", 60)
    world = DigitClips()
    clips = world.draw(ALL, 8, stream(0, "clips"))
    scores = video.digit_scores(clips, np.array([m.digit for m in ALL]), [m.path for m in ALL], world.source)
    assert scores["digit"] > 0.5 and scores["path"] == 1.0


# --- flicker, distances --------------------------------------------------------------------------------------------


def test_flicker_is_the_reals_unless_frames_tremble():
    world = DigitClips()
    real = 0.9 * world.draw(ALL[:10], 8, stream(0, "clips"))  # what trembles stays in [-1, 1]
    assert video.flicker(real, real) == 1.0 and video.still(real, real) == pytest.approx(0, abs=0.01)
    assert video.flicker(real[:, :1].repeat(8, 1), real) == 0.0 and video.clip_psnr(real, real) >= 100
    trembling = real + 0.1 * np.where(np.arange(8) % 2, 1, -1)[:, None, None, None].astype(np.float32)
    assert video.flicker(trembling, real) > 1.2 and video.still(trembling, real) == pytest.approx(0.2 * 127.5, rel=1e-3)
    assert video.clip_psnr(trembling, real) == pytest.approx(10 * np.log10(4 / 0.01), rel=1e-3)
    with pytest.raises(ValueError, match="expected the same shape"):
        video.flicker(real, real[:5])


@pytest.mark.parametrize("kind", ["digits", "sprites"])
def test_clips_are_compared_by_a_reader_that_is_trained_once(kind, little_cache, sheets, monkeypatch):
    if kind == "sprites":
        monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    world = DigitClips() if kind == "digits" else FigureClips()
    rng = stream(0, "scenes")
    draw = lambda: world.draw(world.scenes("train", 60, rng), 8, rng)
    real, others = draw(), draw()
    scores = video.clip_distance(world, others, real, others)
    assert scores["frechet_distance"] == scores["frechet_floor"] > 0 and scores["frechet_ratio"] == 1.0
    assert video.clip_distance(world, 0 * real, real, others)["frechet_ratio"] > 2
    monkeypatch.setattr(video, "train_clip_reader", None)  # it is not trained again
    video.clip_distance(world, real, real, others)
    reader = video.clip_reader(world)
    assert reader.counts == video.count_labels(world) and reader.judge(real).shape == (60, 128)


def test_clips_of_the_same_scenes_are_not_nearer_than_the_floor(little_cache, sheets, monkeypatch):
    # Real clips of the scenes that were asked: compared with themselves they would be at distance 0, below any floor.
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    world = FigureClips()
    scenes = world.scenes("unseen", 40, stream(0, "scenes"))
    scores = video.scores_beside_real(world, world.draw(scenes, 8), scenes)
    assert scores["frechet_distance"] == scores["frechet_floor"] > 0


def test_the_reader_of_clips_learns_what_moves_where():
    world = DigitClips()
    reader = video.train_clip_reader(world, steps=60, batch_size=32)
    scenes = world.scenes("train", 200, stream(5, "scenes"))
    accuracy = reader.accuracy(world.draw(scenes, 8, stream(5, "clips")), world.rows(scenes))
    assert accuracy[1] > 0.4  # of six paths

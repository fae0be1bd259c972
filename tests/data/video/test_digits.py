"""Moving digits: a clip shows the path that it is drawn of, and a checker that can say no."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import DataError, gather_notes
from tinygan.data.video.digits import (
    ALL,
    PATHS,
    PERIOD,
    DigitClips,
    Move,
    centres,
    is_held_out,
    read_glyphs,
    read_path,
)


@pytest.fixture(scope="module")
def world():
    return DigitClips()


@pytest.mark.parametrize("frames", [8, 32])
def test_the_path_of_a_clip_is_read_back(world, frames):
    clips = world.draw(ALL, frames, stream(0, "clips"))
    assert clips.shape == (60, frames, 1, 24, 24) and clips.dtype == np.float32
    assert -1 <= clips.min() and clips.max() <= 1
    assert read_path(clips) == [move.path for move in ALL]


def test_other_motions_are_no_path(world):
    clips = world.draw(ALL[:30], 16, stream(0, "clips"))
    still = np.repeat(clips[:, :1], 16, 1)
    fast = clips[:, ::2]
    shuffled = clips[:, [3, 0, 6, 1, 4, 7, 2, 5]]
    dark = 0 * clips - 1
    for other in (still, fast, shuffled, dark):
        assert read_path(other) == [None] * 30
    backward = read_path(clips[:, ::-1])
    turned = {"clockwise": "anticlockwise", "anticlockwise": "clockwise"}
    assert backward == [turned.get(move.path, move.path) for move in ALL[:30]]


def test_a_clip_that_leaves_its_path_later_keeps_to_none(world):
    rng = stream(0, "clips")
    a, b = (world.draw([Move(3, path)], 16, rng) for path in ("clockwise", "up and down"))
    assert read_path(a) == ["clockwise"] and read_path(np.concatenate([a, b], 1)) == [None]


def test_a_motion_begins_anew_after_its_period(world):
    clips = world.draw([Move(4, path) for path in PATHS], 2 * PERIOD, stream(0, "clips"))
    np.testing.assert_allclose(clips[:, :PERIOD], clips[:, PERIOD:], atol=1e-4)


def test_the_digit_stays_as_it_is(world):
    """A digit is moved, not redrawn: its ink is the same in each frame."""
    clips = world.draw(ALL[:10], 8, stream(0, "clips"))
    ink = (clips + 1).sum((2, 3, 4))
    np.testing.assert_allclose(ink, np.repeat(ink[:, :1], 8, 1), rtol=1e-3)
    assert np.isfinite(centres(clips)).all()


def test_held_out_pairs_are_of_all_digits_and_paths_and_never_shown(world):
    held = [move for move in ALL if is_held_out(move)]
    assert len(held) == 10 and {move.digit for move in held} == set(range(10)) and len({m.path for m in held}) >= 3
    shown = world.scenes("train", 500, stream(0, "scenes")) + world.scenes("unseen", 500, stream(1, "scenes"))
    assert not set(shown) & set(held) and len(set(shown)) == 50
    assert set(world.scenes("held_out", 200, stream(2, "scenes"))) == set(held)
    with pytest.raises(ValueError, match="expected one of train, unseen, held_out"):
        world.scenes("test", 1, stream(0, "scenes"))


def test_other_pictures_of_digits_move_in_tests(world):
    train, test = (read_glyphs(world.source, to_learn)[7] for to_learn in (True, False))
    assert not {x.tobytes() for x in train} & {x.tobytes() for x in test}


def test_sentences_are_read_back(world):
    rng = stream(0, "say")
    for move in ALL:
        assert world.read(world.say(move, rng)) == move
    assert world.read("An EIGHT goes anticlockwise.") == Move(8, "anticlockwise")


@pytest.mark.parametrize(
    "sentence", ["", "a dog moves clockwise", "a 7", "7 and 8 clockwise", "a 7 goes clockwise, up and down"]
)
def test_sentences_without_one_digit_and_one_path_are_refused(world, sentence):
    with pytest.raises(DataError, match='expected a digit and a path .* such as "a seven moves clockwise"'):
        world.read(sentence)


def test_without_mnist_the_digits_that_come_with_tinygan_move(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    with gather_notes() as notes:
        world = DigitClips()
        clips = world.draw(ALL, 8, stream(0, "clips"))
    assert world.source == "digits" and "the digits that come with tinygan move, not MNIST's: mnist/train" in notes[0]
    assert read_path(clips) == [move.path for move in ALL]

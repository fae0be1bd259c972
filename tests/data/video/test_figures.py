"""Clips of figures and edits of them: what a sentence asks for is read back, and all else stays."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import DataError
from tinygan.data.sprites import LOOKS, VALUES, Figure, Sprites, is_held_out, is_shown
from tinygan.data.text import words
from tinygan.data.video.figures import EDITED, LONGEST, WORDS, change, draw_clips, edit, read_edit, say_edit

FIGURE = Figure("woman", "green", "long", "pink", "blue shirt", "red trousers", "silver boots", "walk", "up", 1)


@pytest.fixture
def world(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    return Sprites()


def test_a_clip_goes_on_from_its_first_step_round_and_round(world):
    figures = [f._replace(step=k) for k, f in zip((1, 6), world.scenes("train", 2, stream(0, "scenes")))]
    clips = draw_clips(world, figures, 20)
    assert clips.shape == (2, 20, 3, 32, 32)
    for clip, figure in zip(clips, figures):
        steps = [(figure.step + t - 1) % 8 + 1 for t in range(20)]
        np.testing.assert_array_equal(clip, world.draw([figure._replace(step=k) for k in steps]))
        np.testing.assert_array_equal(clip[:8], clip[8:16])
        assert all((clip[t] != clip[t + 1]).any() for t in range(7))


def test_every_edit_that_is_said_is_read_back_and_changes_one_thing():
    rng, said = stream(0, "say"), set()
    for name in EDITED:
        for value in VALUES[name]:
            for sex in VALUES["sex"]:
                for _ in range(8):
                    figure = FIGURE._replace(sex=sex)
                    sentence = say_edit(figure, name, value, rng)
                    asked = read_edit(sentence)
                    assert asked == Figure(**{name: value}), sentence
                    after = change(figure, asked)
                    assert getattr(after, name) == value and after._replace(**{name: getattr(figure, name)}) == figure
                    said.add(sentence)
    known = {word for sentence in said for word in words(sentence)}
    assert known <= set(WORDS) and max(len(words(sentence)) for sentence in said) <= LONGEST
    assert {"make the hair blue", "give her golden boots", "turn him to the left", "let her cast a spell"} <= said


def test_edits_lead_to_figures_of_their_part(world):
    rng = stream(0, "edits")
    for part in ("train", "held_out", "unseen"):
        changed = set()
        for figure in world.scenes("train", 60, rng):
            sentence, after = edit(figure, rng, part)
            assert change(figure, read_edit(sentence)) == after != figure
            changed |= {name for name in EDITED if getattr(figure, name) != getattr(after, name)}
            if part != "unseen":
                assert is_shown(after) == (part == "train")
        assert changed == (set(EDITED) if part != "held_out" else {"colour", "top"})
    assert all(name in (*LOOKS, "action", "direction") for name in EDITED)


def test_an_edit_is_found_wherever_a_figure_comes_from(world):
    """Of a figure whose hair and top are held out, another colour or top is not: a choice between these two had no end."""
    rng = stream(0, "edits")
    for part in ("train", "held_out", "unseen"):
        for figure in world.scenes("held_out", 30, rng):
            after = edit(figure, rng, part)[1]
            pair = (VALUES["colour"].index(after.colour), VALUES["top"].index(after.top))
            assert is_held_out(*pair) == (part == "held_out")


@pytest.mark.parametrize("sentence, asked", [
    ("“Give her a blue mohawk!”", Figure(hair="mohawk", colour="blue")),
    ("Give her a blue mohawk.", Figure(hair="mohawk", colour="blue")),
    ("make the shirt red", Figure(top="red shirt")),
    ("make them dark", Figure(skin="dark")),
    ("let him walk to the left", Figure(action="walk", direction="left")),
    ("give him long green hair and black shoes", Figure(hair="long", colour="green", feet="black shoes")),
])  # fmt: skip
def test_readers_may_say_it_in_other_words(sentence, asked):
    assert read_edit(sentence) == asked


@pytest.mark.parametrize("sentence, says", [
    ("", "expected an edit that begins with"), ("golden boots", "expected an edit that begins with"),
    ("give her", "what shall change"), ("make the hair bleu", "did you mean blue"),
    ("give him a green shirt", "expected one of"),
    ("make her a man", "what shall change"),
    ("turn him to step 3", "neither man and woman nor the step"),
])  # fmt: skip
def test_what_is_no_edit_is_refused(sentence, says):
    with pytest.raises(DataError, match=says):
        read_edit(sentence)

"""Moving shapes: things go straight and bounce, edits change what they say and nothing else, clips are read back."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import DataError
from tinygan.data.shapes import COLOURS, HELD_OUT
from tinygan.data.text import words
from tinygan.data.video.scenes import (
    LONGEST,
    SPEED,
    WORDS,
    Edit,
    Film,
    Mover,
    apply,
    draw_films,
    edit,
    find_places,
    make_films,
    read_edit,
    read_film,
    say_edit,
)

FILM = Film((Mover("red", "circle", "small", 8, 8, 1, 0), Mover("blue", "square", "large", 22, 22, 0, 1)), "night")


def test_things_go_straight_bounce_and_stay_inside():
    for film in make_films("train", 50, stream(0, "films")):
        for thing in film.things:
            at = find_places(thing, 64)
            assert at[0] == pytest.approx((thing.x, thing.y)) and 3.5 < at.min() and at.max() < 28.5
            steps = np.linalg.norm(np.diff(at, axis=0), axis=1)
            assert steps.max() <= SPEED + 1e-9 and (steps > SPEED - 1e-6).mean() > 0.7


def test_what_is_in_front_hides_what_is_behind():
    things = FILM.things[1]._replace(x=16, y=16), FILM.things[0]._replace(x=16, y=16)
    a, b = draw_films([Film(things, "night"), Film(things[::-1], "night")], 1)[:, 0, :, 16, 16]
    assert a.argmax() == 0 and b.argmax() == 2  # red in front; blue in front


def test_a_clip_is_read_back_by_day_and_night():
    for part in ("train", "held_out"):
        films = make_films(part, 100, stream(0, part))
        assert {film.ground for film in films} == {"day", "night"}
        clips = draw_films(films, 8)
        assert clips.shape == (100, 8, 3, 32, 32) and clips.dtype == np.float32 and abs(clips).max() <= 1
        for clip, film in zip(clips, films):
            assert read_film(clip, film) == ([thing.colour for thing in film.things], film.ground)
            pairs = [(thing.colour, thing.shape) in HELD_OUT for thing in film.things]
            assert pairs[0] == (part == "held_out") and not any(pairs[1:])


def test_what_is_not_as_asked_is_seen():
    asked = Edit("recolour", "red", "circle", "green")
    before, after = draw_films([FILM, apply(FILM, asked)], 8)
    assert read_film(before, FILM)[0] == ["red", "blue"] and read_film(after, FILM)[0] == ["green", "blue"]
    gone = draw_films([apply(FILM, Edit("remove", "blue", "square"))], 8)[0]
    assert read_film(gone, FILM) == (["red", None], "night")
    magenta = 0 * gone + np.array([1, -1, 1])[:, None, None]
    assert read_film(magenta, FILM) == ([None, None], None)


def test_every_edit_is_said_read_back_and_changes_what_it_says():
    rng, kinds, known = stream(0, "edits"), set(), set()
    for film in make_films("train", 300, rng):
        sentence, after = edit(film, rng)
        asked = read_edit(sentence)
        assert apply(film, asked) == after != film
        kinds.add(asked.kind)
        known |= {*words(sentence)}
        assert len(words(sentence)) <= LONGEST and len({t[:2] for t in after.things}) == len(after.things)
        assert not any((thing.colour, thing.shape) in HELD_OUT for thing in after.things)
        before, now = draw_films([film, after], 4)
        if asked.kind == "turn":
            assert (before != now).mean() > 0.5 and read_film(now, film)[0] == [thing.colour for thing in film.things]
        else:
            assert 0 < (before != now).mean() < 0.3
    assert kinds == {"recolour", "remove", "turn"} and known <= set(WORDS)
    assert {"turn", "day", "night", "into", "paint", "away", *COLOURS} <= known


def test_sentences_are_those_of_edits():
    rng = stream(0, "say")
    for asked in (Edit("recolour", "red", "cross", "cyan"), Edit("remove", "white", "ring"), Edit("turn", to="day")):
        assert {read_edit(say_edit(asked, rng)) for _ in range(20)} == {asked}
    assert read_edit("Make it night.") == read_edit("(make it: night!)") == Edit("turn", to="night")


@pytest.mark.parametrize("sentence", [
    "", "make", "make the red circle", "the red circle blue", "remove the circle red", "turn day to day", "paint it night",
    "make the red circle pink", "remove the red circle blue",
])  # fmt: skip
def test_what_is_no_edit_is_refused(sentence):
    with pytest.raises(DataError, match='An edit is such as|expected an edit such as "make the red circle blue"'):
        read_edit(sentence)


def test_an_edit_of_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no green ring"):
        apply(FILM, Edit("remove", "green", "ring"))

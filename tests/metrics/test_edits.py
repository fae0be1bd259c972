"""Scores of edited clips: true clips score one, and each score falls where it should."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.sprites import VALUES
from tinygan.data.video import scenes
from tinygan.data.video.edits import Edited, FilmEdits, find_edits
from tinygan.metrics import edits, video
from tinygan.metrics.pictures import heads

RED, BLUE = (scenes.Mover(colour, "circle", "large", x, 16.0, 0.0, 0.5) for colour, x in (("red", 8.0), ("blue", 24.0)))
FILM = scenes.Film((RED, BLUE), "day")
SENTENCES = ["make the red circle green", "remove the red circle", "turn day to night"]
EDITS = [Edited(FILM, line, scenes.apply(FILM, scenes.read_edit(line))) for line in SENTENCES]
WORLD = FilmEdits()


def clips_of(*films):
    return scenes.draw_films(films, 4)


def score(*films):
    return edits.edit_scores(WORLD, clips_of(*films), EDITS)


def test_true_clips_score_one():
    scores = score(*(e.after for e in EDITS))
    assert scores["right"] == scores["stays"] == 1.0 and scores["outside"] == scores["inside"] == pytest.approx(100)
    assert {"right_recolour", "right_remove", "right_turn"} <= scores.keys()


def test_no_edit_is_never_right_and_leaves_all_as_it_was():
    scores = score(FILM, FILM, FILM)
    assert scores["right"] == 0.0 and scores["stays"] == 1.0 and scores["outside"] > 60 and scores["inside"] < 15


@pytest.mark.parametrize("k, kind", [(0, "recolour"), (1, "remove"), (2, "turn")])
def test_another_edit_is_wrong_and_of_its_kind(k, kind):
    made = [e.after for e in EDITS]
    made[k] = FILM
    scores = score(*made)
    assert scores["right"] == pytest.approx(2 / 3) and scores[f"right_{kind}"] == 0.0 and scores["stays"] == 1.0


def test_what_else_changes_does_not_stay():
    made = [e.after for e in EDITS]
    made[0] = scenes.apply(made[0], scenes.read_edit("make the blue circle green"))
    scores = score(*made)
    assert scores["right"] == 1.0 and scores["stays"] == pytest.approx(1 - 1 / 6) and scores["outside"] < 25
    made[0] = EDITS[0].after._replace(ground="night")
    assert score(*made)["stays"] == pytest.approx(1 - 1 / 6)


def test_a_thing_that_becomes_a_smear_is_not_removed():
    """Its colour is none of the eight, and the reader finds nothing."""
    clips = clips_of(*(e.after for e in EDITS))
    clips[1, :, :, 10:24, 3:13] = -1.0
    assert scenes.read_film(clips[1], FILM)[0][0] is None
    assert edits.edit_scores(WORLD, clips, EDITS)["right_remove"] == 0.0


def test_parts_have_decibels_of_their_own():
    before, true = clips_of(FILM), clips_of(EDITS[0].after)
    inside = edits.changed(before, true)[:, :, None]
    parts = edits.psnr_of_parts(true + 0.2 * inside, before, true)
    assert parts["outside"] == pytest.approx(100) and parts["inside"] == pytest.approx(20, abs=0.1)
    parts = edits.psnr_of_parts(true + 0.02 * ~inside, before, true)
    assert parts["outside"] == pytest.approx(40, abs=0.1) and parts["inside"] == pytest.approx(100)


def test_a_swap_of_colours_recolours_what_has_a_colour_of_its_own():
    lines = ["make the red circle green", "make the red square green"]
    alike = scenes.Film((RED, BLUE._replace(colour="red", shape="square")), "day")
    pairs = [(FILM, lines[0]), (alike, lines[1])]
    asked = [Edited(film, line, scenes.apply(film, scenes.read_edit(line))) for film, line in pairs]
    before, true = (clips_of(*(getattr(e, when) for e in asked)) for when in ("before", "after"))
    swapped = edits.swap_palette(before, true)
    _, right, stays = edits.read_film_edits(swapped, true, asked, edits.changed(before, true))
    assert right.tolist()[0] and stays[:2].all() and not (right[1] and stays[2:].all())


def test_figures_are_read_by_attribute(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))

    class Fixed:
        """Heads that read the number of each attribute's value in the upper left pixels, 0 to 1 as 0 to 16."""

        def read(self, pictures):
            places = np.rint(pictures[:, 0, 0, : len(heads.HEADS)] * 16).astype(int)
            return {name: np.eye(len(values))[places[:, k]] for k, (name, values) in enumerate(heads.HEADS.items())}

    monkeypatch.setattr(heads, "sprite_heads", Fixed)
    monkeypatch.setattr(video, "sprite_heads", Fixed)
    world = find_edits("sprites")
    asked = world.edits("train", 12, stream(0, "edits"))

    def showing(figures):
        clips = np.zeros((len(figures), 8, 3, 32, 32), np.float32)
        for n, figure in enumerate(figures):
            for t in range(8):
                claims = [figure._replace(step=(figure.step + t - 1) % 8 + 1)]
                clips[n, t, 0, 0, : len(heads.HEADS)] = heads.targets(claims)[0] / 16
        return clips

    read = lambda clips: edits.read_figure_edits(clips, clips, asked, None)
    kinds, right, stays = read(showing([e.after for e in asked]))
    assert (right == 1).all() and (stays == 1).all() and stays.shape == (12 * 8,)
    for kind, e in zip(kinds, asked):
        assert getattr(e.before, kind) != getattr(e.after, kind)
    _, right, stays = read(showing([e.before for e in asked]))
    assert (right[kinds != "action"] == 0).all() and (stays == 1).all()
    other = lambda e: [value for value in VALUES["sex"] if value != e.after.sex][0]
    _, right, stays = read(showing([e.after._replace(sex=other(e)) for e in asked]))
    assert (right == 1).all() and stays.mean() == pytest.approx(7 / 8)

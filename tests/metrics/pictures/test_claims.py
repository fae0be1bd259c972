"""Claims of sentences about pictures: true ones, one false one at a time, and sentences that cannot be read."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import DataError, find_world
from tinygan.metrics.pictures.claims import caption_scores, openness, true_claims


def shown(name, n=200, part="unseen"):
    """Scenes of a world, and pictures of them."""
    try:
        world = find_world(name)
    except DataError as error:
        pytest.skip(str(error))
    scenes = world.scenes(part, n, stream(0, "scenes"))
    return world, scenes, world.draw(scenes, stream(0, "pictures"))


def said(world, scenes):
    rng = stream(0, "sentences")
    return [world.say(scene if world.name == "shapes" else scene._replace(step=None), rng) for scene in scenes]


@pytest.mark.parametrize("name", ["shapes", "sprites"])
def test_what_the_world_says_is_true_and_what_it_says_of_other_pictures_is_not(name):
    world, scenes, pictures = shown(name)
    lines = said(world, scenes)
    assert {*caption_scores(world, scenes, pictures, lines).values()} == {1.0}
    others = caption_scores(world, scenes, pictures, lines[1:] + lines[:1])
    assert others["exact"] < 0.05 and others["readable"] == 1.0 and 0.02 < others["true_colour"] < 0.6


def test_one_false_word_is_found_where_it_is():
    world, _, _ = shown("shapes", 1)
    lines = ["a small red circle left of a large blue square"] * 6
    lines[1:] = [
        "a small red ring left of a large blue square", "a small red circle left of a large cyan square",
        "a large red circle left of a large blue square", "a small red circle right of a large blue square",
        "a small red circle",
    ]  # fmt: skip
    scenes = [world.read(lines[0])] * 6
    pictures = world.draw(scenes, stream(0, "pictures"))
    verdicts = true_claims(world, scenes, pictures, lines)
    assert verdicts["whole"].tolist() == [True] + [False] * 5
    for name, false in {"shape": 1, "colour": 2, "size": 3, "relation": 4, "number": 5}.items():
        assert np.flatnonzero(verdicts[name] == False).tolist() == [false]  # noqa: E712  of a masked array
    assert verdicts["relation"].mask.tolist() == [False] * 5 + [True]


def test_a_sentence_that_cannot_be_read_is_not_exact():
    world, scenes, pictures = shown("shapes", 4)
    lines = said(world, scenes)
    lines[2] = "red of of a"
    verdicts = true_claims(world, scenes, pictures, lines)
    assert verdicts["whole"].tolist() == verdicts["readable"].tolist() == [True, True, False, True]
    assert verdicts["shape"].mask.tolist() == [False, False, True, False]
    nothing = caption_scores(world, scenes, pictures, ["of"] * 4)
    assert nothing == {"exact": 0.0, "readable": 0.0}


def test_of_figures_either_claim_is_true_where_none_can_tell_and_all_has_to_be_said():
    world, scenes, _ = shown("sprites", 1)
    scenes = [scenes[0]._replace(action="cast", direction="left", step=step, sex="man") for step in (1, 4)]
    pictures = world.draw(scenes)
    slashing = [world.say(scene._replace(action="slash", step=None), stream(0, "say")) for scene in scenes]
    assert true_claims(world, scenes, pictures, slashing)["action"].tolist() == [True, False]
    assert true_claims(world, scenes, pictures, slashing)["whole"].tolist() == [True, False]
    part = true_claims(world, scenes, pictures, ["a man casts a spell to the left"] * 2)
    assert part["whole"].tolist() == [False, False] and part["sex"].tolist() == [True, True] and part["hair"].mask.all()


def test_variety():
    """Words that never differ: 0; two words as likely after each: log 2 where there is a choice."""
    assert openness(["a b c"] * 5) == 0.0
    assert openness(["a", "b"]) == pytest.approx(np.log(2) / 2)  # the first word is open, what follows it is not
    assert openness(["a b", "a c"] * 3) < openness(["a b", "a c", "b c", "c b"])

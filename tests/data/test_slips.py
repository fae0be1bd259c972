"""Slips: each is a sentence that says another thing; synonyms are none."""

import pytest

from tinygan.backend import stream
from tinygan.data import DataError, find_world
from tinygan.data.slips import slips


def test_words_of_one_kind_stand_for_each_other():
    found = slips("shapes")
    assert set(found["red"]) == {"blue", "cyan", "green", "orange", "purple", "violet", "white", "yellow"}
    assert {"circle", "ring", "triangle"} <= set(found["square"])
    assert set(found["tiny"]) == {"big", "huge", "large"}  # small and little mean the same
    assert "below" in found["above"] and "over" not in found["above"]
    assert not found["of"] and not found["is"]


@pytest.mark.parametrize("name", ["shapes", "sprites"])
def test_nearly_every_slip_is_a_sentence_that_claims_another_thing(name):
    try:
        world, rng = find_world(name), stream(3, "test")
    except DataError as error:
        pytest.skip(str(error))
    found, differ, tried = slips(name), 0, 0
    assert list(found) == list(world.words)
    for scene in world.scenes("train", 60, rng):
        said = world.say(scene, rng).replace(" ,", ",").replace(",", " ,").split()
        for place, word in enumerate(said):
            if found[word]:
                other = found[word][int(rng.integers(len(found[word])))]
                tried += 1
                try:
                    differ += world.read(" ".join([*said[:place], other, *said[place + 1 :]])) != scene
                except DataError:  # "right" for "left" of "left of", say: no sentence any more
                    differ += 1
    assert tried > 200 and differ > 0.98 * tried

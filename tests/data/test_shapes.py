"""The world of shapes: scenes, their pictures, and sentences that are read back."""

import itertools

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import DataError, find_world
from tinygan.data.shapes import HELD_OUT, SHAPES, Relation, Scene, Shapes, Thing
from tinygan.data.shapes.scenes import PAIRS, canonical, slip
from tinygan.metrics import obey

WORLD = Shapes()
PARTS = ("train", "unseen", "held_out")


@pytest.mark.parametrize("part", PARTS)
def test_what_is_said_is_read_back(part):
    rng = stream(0, part)
    for scene in WORLD.scenes(part, 3000, rng):
        sentence = WORLD.say(scene, rng)
        assert WORLD.read(sentence) == scene, sentence
        assert len(sentence.split()) <= WORLD.longest
        assert set(sentence.split()) <= set(WORLD.words)


def test_every_word_is_said_and_sentences_differ():
    rng = stream(0, "words")
    sentences = [WORLD.say(scene, rng) for scene in WORLD.scenes("train", 3000, rng)]
    assert {word for sentence in sentences for word in sentence.split()} == set(WORLD.words)
    assert len(set(sentences)) > 2700
    assert max(len(sentence.split()) for sentence in sentences) > WORLD.longest - 8
    scene = WORLD.read("a small red circle above a large blue square")
    assert len({WORLD.say(scene, rng) for _ in range(200)}) > 60


def test_parts_share_no_scene_and_no_held_out_pair():
    scenes = {part: WORLD.scenes(part, 3000, stream(1, part)) for part in PARTS}
    pairs = {part: {(t.colour, t.shape) for s in scenes[part] for t in s.things if t.colour} for part in PARTS}
    assert pairs["train"] == pairs["unseen"] == set(PAIRS) - set(HELD_OUT)
    assert all({(t.colour, t.shape) for t in s.things} & set(HELD_OUT) for s in scenes["held_out"])
    assert set(HELD_OUT) < pairs["held_out"]
    assert not set(scenes["train"]) & set(scenes["unseen"])
    for part in PARTS:
        assert {len(scene.things) for scene in scenes[part]} == {1, 2, 3}
    for part in range(2):  # each colour and each shape is shown with others
        assert {pair[part] for pair in pairs["train"]} == {pair[part] for pair in PAIRS}


def test_a_colour_that_is_not_told_is_none_of_a_held_out_pair():
    from tinygan.metrics.pictures.seeing import see

    scene = WORLD.read("a triangle")
    colours = {spots[0].colour for spots in see(WORLD.draw([scene] * 500, stream(0, "free")))}
    assert len(colours) == 7 and "yellow" not in colours


class Impatient:
    """A stream of chance that ends: a loop which waits for a draw that cannot come fails."""

    def __init__(self, seed):
        self.rng, self.left = stream(seed, "impatient"), 10_000

    def __getattr__(self, name):
        self.left -= 1
        assert self.left, "10,000 draws, and no end"
        return getattr(self.rng, name)


def test_a_slip_is_found_whatever_a_scene_leaves_untold():
    things = [Thing(size, None, "ring", place) for size in (None, "small") for place in (None, "centre")]
    for trio in itertools.combinations_with_replacement(things, 3):
        slipped = slip(Scene(trio, ()), Impatient(1))
        assert sum(a != b for a, b in zip(trio, slipped.things)) == 1
    for part in ("train", "unseen", "held_out"):
        for scene in WORLD.scenes(part, 500, stream(4, part)):
            assert slip(scene, Impatient(2)) != scene


def test_a_slip_tells_one_thing_otherwise_and_no_picture_of_the_scene_obeys_it():
    rng, kinds = stream(3, "slips"), []
    scenes = WORLD.scenes("train", 600, rng)
    slipped = [WORLD.slip(scene, rng) for scene in scenes]
    for scene, other in zip(scenes, slipped):
        told = lambda s: [(i, *c) for i, thing in enumerate(s.things) for c in thing._asdict().items()] + [*s.relations]
        (was,), (now,) = (set(told(a)) - set(told(b)) for a, b in ((scene, other), (other, scene)))
        kinds.append("relation" if isinstance(now, Relation) else now[1])
        assert was[2] and now[2] if len(now) == 3 and not isinstance(now, Relation) else was == (now[2], now[1], now[0])
        pairs = [(thing.colour, thing.shape) for thing in other.things]
        assert len(set(pairs)) == len(pairs) and not set(pairs) & set(HELD_OUT)
        assert WORLD.read(WORLD.say(other, rng)) == canonical(*other) != canonical(*scene)
    pictures = WORLD.draw(scenes, rng)
    assert obey(WORLD, pictures, [WORLD.say(other, rng) for other in slipped])["whole"].mean() < 0.01
    share = {kind: kinds.count(kind) / len(kinds) for kind in kinds}
    assert len(share) == 5 and min(share.values()) > 0.1 and share["relation"] > 0.17


def test_scenes_and_pictures_are_a_function_of_rng():
    one, other = (WORLD.scenes("train", 50, stream(3, "s")) for _ in range(2))
    assert one == other
    first, second = (WORLD.draw(one, stream(3, "d")) for _ in range(2))
    assert first.dtype == np.float32 and first.shape == (50, 3, 32, 32)
    assert np.abs(first).max() <= 1 and (first == second).all()
    assert (first != WORLD.draw(one, stream(4, "d"))).any()


READINGS = {
    "a green triangle left of a red circle": (
        [(None, "green", "triangle"), (None, "red", "circle")],
        [(0, "left of", 1)],
    ),
    "a red circle to the right of a green triangle": (
        [(None, "red", "circle"), (None, "green", "triangle")],
        [(1, "left of", 0)],
    ),
    "above a BIG blue square is a tiny disc.": (
        [("large", "blue", "square"), ("small", None, "circle")],
        [(1, "above", 0)],
    ),
    "red plus, ring, and violet square from bottom to top": (
        [(None, "red", "cross"), (None, None, "ring"), (None, "purple", "square")],
        [(1, "above", 0), (2, "above", 1)],
    ),
    "a white ring and a cyan ring are under an orange cross": (
        [(None, "white", "ring"), (None, "cyan", "ring"), (None, "orange", "cross")],
        [(2, "above", 0), (2, "above", 1)],
    ),
}


@pytest.mark.parametrize("sentence", READINGS)
def test_reading(sentence):
    things, relations = READINGS[sentence]
    assert WORLD.read(sentence) == canonical([Thing(*t, None) for t in things], relations)


TWO_KINDS = (
    "a ring left of a red square above a circle",
    "a ring left of a red square below a circle",
    "a red square over a ring to the right of a circle",
    "a large cross in the upper left above a small cross",
)


@pytest.mark.parametrize("sentence", TWO_KINDS)
def test_what_no_scene_of_ours_tells_is_said_too(sentence):
    scene, rng = WORLD.read(sentence), stream(0, "said")
    assert {WORLD.read(WORLD.say(scene, rng)) for _ in range(50)} == {scene}
    assert WORLD.draw([scene] * 5, rng).shape == (5, 3, 32, 32)


def test_marks_are_no_words():
    assert WORLD.read('"A red circle (above) a blue square!"...') == WORLD.read("a red circle above a blue square")


def test_places_are_read():
    said = ("a red circle on the left", "on the left there is a red circle", "at the left edge, a red circle")
    for sentence in said:
        assert WORLD.read(sentence) == Scene((Thing(None, "red", "circle", "left"),), ())
    beside = WORLD.read("a red circle on the left of a ring")
    assert beside == WORLD.read("a red circle left of a ring") != WORLD.read("a red circle on the right of a ring")
    corner = WORLD.read("a red circle at the bottom left corner")
    assert corner == WORLD.read("a red circle in the lower left") != WORLD.read("a red circle at the top left corner")


REFUSED = {
    "a grene circle": "'grene': did you mean green",
    "a yelow cirlce": "did you mean yellow",
    "an elephant": "circle, square, triangle, cross, ring",
    "a red": "expected a shape at its end, as in",
    "a red circle above": "expected a shape at its end, as in",
    "": "expected a shape",
    "a big tiny red circle": "expected a shape before 'tiny'",
    "a red circle left": "'left' is not understood",
    "a red circle that is blue": "not told before",
    "a \ufffd circle": "\ufffd",  # an unknown word that a network has written
    "a red circle a blue square": "expected the sentence to end here before 'a'",
    "a ring, a ring, a ring and a ring": "at most 3",
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_not_understood_is_refused(sentence):
    with pytest.raises(DataError, match=REFUSED[sentence]):
        WORLD.read(sentence)


def test_a_contradiction_is_refused_and_a_crowd_is_drawn():
    with pytest.raises(DataError, match="no room"):
        WORLD.draw([WORLD.read("a red ring at the top below a blue ring at the bottom")], stream(0, "d"))
    crowd = WORLD.read("a large red ring, a large blue disc and a large cyan square")
    assert WORLD.draw([crowd] * 50, stream(0, "d")).shape == (50, 3, 32, 32)


def test_equal_scenes_are_equal_however_they_are_given():
    a, b = Thing("small", "red", "circle", None), Thing("large", "blue", "ring", None)
    assert canonical([a, b], [(0, "above", 1)]) == canonical([b, a], [(1, "above", 0)])
    assert canonical([a, b], [(0, "above", 1)]) != canonical([a, b], [(1, "above", 0)])
    assert canonical([a, a], [(0, "above", 1)]) == canonical([a, a], [(1, "above", 0)])
    assert canonical([a, b], [(0, "above", 1)]).relations == (Relation(1, "above", 0),)


def test_doors():
    assert find_world("shapes").name == "shapes"
    with pytest.raises(ValueError, match="no world 'shape'"):
        find_world("shape")
    with pytest.raises(ValueError, match="part 'test'"):
        WORLD.scenes("test", 1, stream(0, "x"))
    with pytest.raises(TypeError, match="a sentence is a string"):
        WORLD.read(["a red circle"])
    assert [pair[1] for pair in HELD_OUT] == list(SHAPES)

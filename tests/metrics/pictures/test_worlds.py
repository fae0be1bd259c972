"""The checker of the world of shapes: it believes real pictures, sees each thing changed, bears softness, refuses blots."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage

from tinygan.backend import stream
from tinygan.data.shapes import COLOURS, SHAPES, Shapes
from tinygan.data.shapes.drawing import GROUND, PALETTE, cover
from tinygan.metrics import obey, obeyed_shares
from tinygan.metrics.pictures.seeing import see

WORLD = Shapes()
ATTRIBUTES = ("shape", "colour", "size", "place", "relation", "number")
GRID = np.arange(32) + 0.5


def say(scenes, rng):
    return [WORLD.say(scene, rng) for scene in scenes]


@pytest.mark.parametrize("part", ["train", "unseen", "held_out"])
def test_real_pictures_obey(part):
    rng = stream(0, part)
    scenes = WORLD.scenes(part, 1500, rng)
    verdicts = obey(WORLD, WORLD.draw(scenes, rng), say(scenes, rng))
    assert obeyed_shares(verdicts) == dict.fromkeys((*ATTRIBUTES, "whole"), 1.0)


@pytest.fixture
def change(monkeypatch):
    """What the table of the checker changes of a scene: change(scene, attribute, rng)."""
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "benchmarks" / "tables")
    return importlib.import_module("checker").change


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_scene_with_one_attribute_changed_fails_on_exactly_that(attribute, change):
    rng = stream(0, f"change {attribute}")
    told = [s for s in WORLD.scenes("train", 1500, rng) if all(t.size and t.colour for t in s.things)]
    pairs = [(scene, changed) for scene in told if (changed := change(scene, attribute, rng))]
    assert len(pairs) > 150
    pictures = WORLD.draw([changed for _, changed in pairs], rng)
    shares = obeyed_shares(obey(WORLD, pictures, say([scene for scene, _ in pairs], rng)))
    assert shares == {name: float(name not in (attribute, "whole")) for name in shares}
    assert len(shares) == 7 - (attribute in ("place", "relation"))


def test_a_missing_thing_fails_and_the_other_is_still_believed():
    pictures = WORLD.draw([WORLD.read("a large red circle on the left")] * 3, stream(0, "one"))
    sentences = ["a red circle", "a large red circle and a small blue ring", "a small red circle on the left"]
    verdicts = obey(WORLD, pictures, sentences)
    assert verdicts["whole"].tolist() == [True, False, False]
    assert verdicts["number"].tolist() == [True, False, True]
    assert verdicts["size"].tolist() == [None, False, False]  # None: the sentence tells no size
    assert verdicts["place"].tolist() == [None, None, True]
    assert "relation" not in obeyed_shares(verdicts)


def blur(x, sigma):
    return scipy.ndimage.gaussian_filter(x, (0, 0, sigma, sigma), mode="nearest")


def dim(x, rng):
    return (x - x[:, :, :1, :1]) * 0.8 + x[:, :, :1, :1]


# name: (what is done to pictures, the least and largest share of sentences that they obey)
SOFT = {
    "blurred by .7": (lambda x, rng: blur(x, 0.7), 0.999, 1),
    "blurred by 1": (lambda x, rng: blur(x, 1), 0.97, 1),
    "noise of .1": (lambda x, rng: x + 0.1 * rng.standard_normal(x.shape), 0.995, 1),
    "blur and noise": (lambda x, rng: blur(x, 0.7) + 0.1 * rng.standard_normal(x.shape), 0.99, 1),
    "a fifth darker": (dim, 0.999, 1),
    "colours shifted by .1": (lambda x, rng: x + 0.1 * rng.standard_normal((len(x), 3, 1, 1)), 0.99, 1),
    "blurred by 2": (lambda x, rng: blur(x, 2), 0, 0.05),
    "noise of .5": (lambda x, rng: x + 0.5 * rng.standard_normal(x.shape), 0, 0.05),
    "another's picture": (lambda x, rng: np.roll(x, 1, 0), 0, 0.02),
    "red and blue exchanged": (lambda x, rng: x[:, ::-1], 0, 0.3),
    "upside down": (lambda x, rng: x[:, :, ::-1], 0, 0.5),
    "nothing": (lambda x, rng: np.broadcast_to(x[:, :, :1, :1], x.shape), 0, 0),
}


@pytest.mark.parametrize("name", SOFT)
def test_slight_softness_is_borne(name):
    spoil, least, most = SOFT[name]
    rng = stream(0, "soft")
    scenes = WORLD.scenes("train", 500, rng)
    pictures = spoil(WORLD.draw(scenes, rng), rng)
    assert least <= obey(WORLD, pictures, say(scenes, rng))["whole"].mean() <= most


def paint(alpha, colour):
    """Pictures (8, 3, 32, 32) of a covered share (32, 32) or (8, 32, 32) in the eight colours."""
    alpha = np.broadcast_to(alpha, (8, 32, 32))[:, None]
    return (GROUND[:, None, None] + alpha * (colour - GROUND)[:, :, None, None]) * 2 - 1


def shape(kind):
    return cover(kind, GRID - 16, GRID[:, None] - 16, 4.8)


def ellipse(width, height):
    return np.clip(0.5 + (1 - np.hypot((GRID - 16) / width, (GRID[:, None] - 16) / height)) * height, 0, 1)


BLOTS = {
    "a soft blot": np.exp(-((GRID - 16) ** 2 + (GRID[:, None] - 16) ** 2) / (2 * 2.5**2)),
    "an ellipse": ellipse(7, 3.3),
    "a bar": np.clip(5.9 - abs(GRID - 16), 0, 1) * np.clip(3.5 - abs(GRID[:, None] - 16), 0, 1),
    "a diamond": np.clip(0.5 + (6 - abs(GRID - 16) - abs(GRID[:, None] - 16)) / 1.41, 0, 1),
    "a triangle upside down": cover(2, GRID - 16, 16 - GRID[:, None], 4.8),
    "half a circle, half a square": (shape(0) + shape(1)) / 2,
}


@pytest.mark.parametrize("name", BLOTS)
def test_blots_are_no_shape(name):
    assert [spot.shape for spots in see(paint(BLOTS[name], PALETTE)) for spot in spots] == [None] * 8


def test_true_shapes_and_colours_are_seen():
    for kind, name in enumerate(SHAPES):
        spots = [spot for spots in see(paint(shape(kind), PALETTE)) for spot in spots]
        assert [spot.shape for spot in spots] == [name] * 8
        assert [spot.colour for spot in spots] == list(COLOURS)


def test_a_thing_of_two_colours_or_of_none_has_no_colour():
    left, right = paint(shape(0), PALETTE), paint(shape(0), np.roll(PALETTE, 3, 0))
    halves = np.where(GRID < 16, left, right)
    grey = paint(shape(0), 0.25 * PALETTE.mean(0) + 0.75 * GROUND + 0 * PALETTE)
    assert [spot.colour for spots in see(halves) for spot in spots] == [None] * 8
    assert not any(spot.colour for spots in see(grey) for spot in spots)


def test_noise_obeys_nothing_and_other_pictures_are_refused():
    rng = stream(0, "noise")
    for noise in (rng.uniform(-1, 1, (20, 3, 32, 32)), np.ones((20, 3, 32, 32)), -np.ones((20, 3, 32, 32))):
        assert not obey(WORLD, noise, ["a large red circle"] * 20)["whole"].any()
    with pytest.raises(ValueError, match="2 pictures and 1 sentences"):
        obey(WORLD, np.zeros((2, 3, 32, 32)), ["a red circle"])
    with pytest.raises(ValueError, match="expected \\(N, 3, 32, 32\\)"):
        obey(WORLD, np.zeros((1, 3, 28, 28)), ["a red circle"])

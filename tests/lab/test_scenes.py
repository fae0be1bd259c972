"""Scenes of the lab: where their points lie, and what counts as found."""

import numpy as np
import pytest

from tinygan.lab.scenes import PIECE, SCENES, SIDE, SIGMA, make_scene
from tinygan.metrics import mode_scores, ring_centres

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", SCENES)
def test_real_points_find_all_places_and_stay_on_the_plane(name):
    scene = make_scene(SCENES[name])
    points = scene.sample(4000, np.random.default_rng(1))
    found, near = scene.found(points)
    assert points.dtype == np.float32 and np.abs(points).max() < SIDE
    assert found == scene.places and near > 0.97


@pytest.mark.parametrize("name, places", [("ring", 8), ("grid", 25), ("two", 2)])
def test_dots_are_places(name, places):
    assert make_scene(SCENES[name]).places == places


def test_dots_are_counted_as_the_metrics_count_modes():
    scene, centres = make_scene(SCENES["ring"]), ring_centres()
    samples = np.concatenate([centres[:5].repeat(100, 0) + SIGMA * RNG.standard_normal((500, 2)), np.zeros((500, 2))])
    scores = mode_scores(samples, centres, SIGMA)
    assert scene.found(samples) == (scores["modes"], scores["high_quality"]) and scores["modes"] == 5


def test_one_sample_in_a_thousand_finds_no_place():
    samples = np.concatenate([np.tile([[1.0, 0.0]], (999, 1)), [[0.0, 1.0]]])
    assert make_scene(SCENES["ring"]).found(samples)[0] == 1


def test_a_line_is_cut_into_pieces_of_equal_length():
    scene = make_scene([[[-1, 0], [1, 0]]])
    lengths = np.bincount(scene.place) * 2 / len(scene.place)
    assert scene.places == round(2 / PIECE) and np.abs(lengths - PIECE).max() < 0.03
    assert scene.found(scene.sample(1000, RNG) * [0.5, 1])[0] == pytest.approx(scene.places / 2, abs=1)


def test_a_line_gets_points_by_its_length():
    scene = make_scene([[[-1, 0], [0, 0]], [[0.5, 1], [0.5, -1]]])
    points = scene.sample(3000, np.random.default_rng(2))
    assert (points[:, 0] > 0.25).mean() == pytest.approx(2 / 3, abs=0.04)


@pytest.mark.parametrize(
    "paths", [[], "x", [[]], [[[0, 0], [0]]], [[["a", "b"]]], [[[0, float("nan")]]], [[[0, 2]]], [[[0, 0]]] * 101, [3], {}]
)
def test_what_is_no_drawing_is_refused(paths):
    with pytest.raises(ValueError, match="drawn|drawing|line"):
        make_scene(paths)

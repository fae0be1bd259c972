"""Emblems: pictures of a known kind, a function of the seed alone."""

import numpy as np

from tinygan.data.pictures.emblems import _BACK, EMBLEMS, emblems


def test_emblems_are_pictures_of_every_kind():
    pictures, kinds = emblems(1200)
    assert pictures.shape == (1200, 3, 32, 32) and pictures.dtype == np.float32 and np.abs(pictures).max() <= 1
    assert np.bincount(kinds, minlength=len(EMBLEMS)).min() > 100 and kinds.max() < len(EMBLEMS)
    again, _ = emblems(1200)
    np.testing.assert_array_equal(pictures, again)
    assert (emblems(50, seed=1)[0] != pictures[:50]).any()
    assert emblems(0)[0].shape == (0, 3, 32, 32)


def test_half_of_them_lie_over_another_shape():
    pictures, _ = emblems(800)
    backs = (2 * _BACK - 1).astype("f")
    over = np.array([max((abs(x - c[:, None, None]) < 1e-6).all(0).sum() for c in backs) > 10 for x in pictures])
    assert 0.4 < over.mean() < 0.6
    front = (pictures.max(1) > 0.6).sum((1, 2))
    assert front.min() > 40 and front.max() < 450


def test_a_ring_has_a_hole_and_a_heart_has_none():
    pictures, kinds = emblems(800)
    middle = pictures.max(1)[:, 13:19, 13:19].min((1, 2))
    assert (middle[kinds == EMBLEMS.index("ring")] < 0.5).all()
    assert (middle[kinds == EMBLEMS.index("heart")] > 0.5).mean() > 0.8

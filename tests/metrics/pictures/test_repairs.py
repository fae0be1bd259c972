"""Repairs for which nothing is learned: the mean, heat that flows into a hole, smoothing."""

import numpy as np

from tinygan.backend import stream
from tinygan.metrics.pictures.repairs import diffuse, fill_mean, smooth


def test_the_mean_is_of_what_is_whole():
    x = stream(0, "x").uniform(-1, 1, (2, 3, 6, 6)).astype(np.float32)
    mask = np.zeros((2, 1, 6, 6), np.float32)
    mask[0, 0, :3] = 1
    mask[1] = 1
    filled = fill_mean(x, mask)
    np.testing.assert_allclose(filled[0, :, 1, 2], x[0, :, 3:].mean((1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(filled[0, :, 3:], x[0, :, 3:])
    np.testing.assert_array_equal(filled[1], x[1])


def test_a_slope_is_found_again():
    """The harmonic function through the border of a plane is the plane."""
    plane = np.add.outer(np.linspace(-0.5, 0.5, 16), np.linspace(0, 0.4, 16)).astype(np.float32)[None, None]
    mask = np.zeros_like(plane)
    mask[..., 5:11, 4:12] = 1
    damaged = np.where(mask > 0, 0.9, plane).astype(np.float32)
    repaired = diffuse(damaged, mask)
    np.testing.assert_allclose(repaired, plane, atol=2e-3)
    np.testing.assert_array_equal(repaired[mask == 0], plane[mask == 0])


def test_a_picture_of_which_nothing_is_whole_is_smoothed():
    noisy = (0.3 * stream(0, "x").standard_normal((3, 1, 16, 16))).astype(np.float32)
    mask = np.ones_like(noisy)
    mask[1, 0, :8] = 0
    repaired = diffuse(noisy, mask)
    np.testing.assert_array_equal(repaired[[0, 2]], smooth(noisy)[[0, 2]])
    assert repaired[0].std() < 0.65 * noisy[0].std()
    np.testing.assert_array_equal(repaired[1, 0, :8], noisy[1, 0, :8])
    assert diffuse(noisy[:0], mask[:0]).shape == (0, 1, 16, 16)

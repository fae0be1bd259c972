"""The distribution of gradients: closed forms, and blur makes it worse."""

import numpy as np
import pytest
import scipy.ndimage

from tinygan.backend import stream
from tinygan.metrics.pictures.edges import chequered, gradient_distance, gradient_floor, gradient_magnitudes

X = scipy.ndimage.gaussian_filter(stream(0, "x").random((3, 1, 40, 40)), (0, 0, 1, 1))
X = (X - X.min()) / (X.max() - X.min())


def test_a_slope_has_one_magnitude():
    y, x = np.mgrid[:6, :7]
    slope = (3 * x + 4 * y)[None, None] / 255
    np.testing.assert_allclose(gradient_magnitudes(slope, (0, 1)), np.full((1, 5, 6), 5.0))
    np.testing.assert_allclose(gradient_magnitudes(2 * slope - 1, (-1, 1)), np.full((1, 5, 6), 5.0))


def test_the_distance_of_two_slopes_is_their_difference_and_places_do_not_matter():
    y, x = np.mgrid[:6, :7]
    a, b = (3 * x + 4 * y)[None, None] / 255, (5 * x + 12 * y)[None, None] / 255
    np.testing.assert_allclose(gradient_distance(a, b, (0, 1)), [8])
    np.testing.assert_allclose(gradient_distance(X, X, (0, 1)), 0)
    np.testing.assert_allclose(gradient_distance(X.transpose(0, 1, 3, 2), X, (0, 1)), 0, atol=1e-9)


def test_blur_and_noise_are_far_and_the_more_the_farther():
    blurred = [gradient_distance(scipy.ndimage.gaussian_filter(X, (0, 0, s, s)), X, (0, 1)).mean() for s in (0.5, 1, 2)]
    noise = stream(0, "noise").standard_normal(X.shape)
    noisy = [gradient_distance(X + s * noise, X, (0, 1)).mean() for s in (0.02, 0.1, 0.3)]
    assert blurred == sorted(blurred) and noisy == sorted(noisy)
    floor = gradient_floor(X, (0, 1))
    assert floor.shape == (3,) and 0 < floor.mean() < min(blurred[0], noisy[0]) / 2


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 3, 40, 40\): expected \(N, 1, h, w\)"):
        gradient_magnitudes(np.zeros((3, 3, 40, 40)), (0, 1))
    with pytest.raises(ValueError, match="3 pictures and 2 references"):
        gradient_distance(X, X[:2], (0, 1))


def test_a_chessboard_of_single_pixels_is_found_whatever_it_is_laid_over():
    board = 1 - 2 * (np.indices((20, 27)).sum(0) % 2)
    slope = np.indices((20, 27))[0] / 255
    shifted = np.roll(board, 1, 0)  # a square that begins with the other colour is as chequered
    pictures = np.stack([0 * slope, slope, slope + board * 3 / 255, slope + shifted * 3 / 255])[:, None]
    np.testing.assert_allclose(chequered(pictures, (0, 1)), [0, 0, 3, 3], atol=1e-9)
    np.testing.assert_allclose(chequered(2 * pictures - 1, (-1, 1)), [0, 0, 3, 3], atol=1e-9)
    with pytest.raises(ValueError, match=r"\(1, 1, 7, 9\): expected \(N, 1, h, w\) of at least 8x8 pixels"):
        chequered(np.zeros((1, 1, 7, 9)), (0, 1))

"""slerp: the great arc between latent points, at constant speed."""

import numpy as np
import pytest

from tinygan.gan.latent import slerp

RNG = np.random.default_rng(0)


def test_slerp_is_the_great_arc():
    a, b = np.array([[1.0, 0], [2, 0], [1, 1]]), np.array([[0.0, 1], [0, 4], [1, 1]])
    half = slerp(a, b, 0.5)
    np.testing.assert_allclose(half, [[0.5**0.5, 0.5**0.5], [3 * 0.5**0.5, 3 * 0.5**0.5], [1, 1]])
    np.testing.assert_allclose(slerp(a, b, 0), a, atol=1e-12)
    np.testing.assert_allclose(slerp(a, b, 1), b, atol=1e-12)
    third = slerp(a, b, 1 / 3)[0]
    np.testing.assert_allclose(third, [np.cos(np.pi / 6), np.sin(np.pi / 6)])
    assert np.isfinite(slerp(a, -a, 0.5)).all() and np.isfinite(slerp(a * 0, b, 0.5)).all()
    z, w = RNG.standard_normal((2, 5, 100))
    lengths = np.linalg.norm(slerp(z, w, 0.5), axis=1)
    np.testing.assert_allclose(lengths, (np.linalg.norm(z, axis=1) + np.linalg.norm(w, axis=1)) / 2)


T = np.linspace(0, 1, 9)[:, None]


@pytest.mark.parametrize("angle", [1e-9, 1e-4, 0.3, np.pi / 2, 3.0])
def test_slerp_goes_round_the_circle_at_constant_speed(angle):
    a, b = np.array([1.0, 0.0]), np.array([np.cos(angle), np.sin(angle)])
    expected = np.c_[np.cos(T * angle), np.sin(T * angle)]
    np.testing.assert_allclose(slerp(a, b, T), expected, atol=1e-12)

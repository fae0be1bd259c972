"""Strips between latent points, walks, and samples above their nearest training pictures."""

import numpy as np
import pytest

from tinygan.autodiff import Tensor
from tinygan.data import digits
from tinygan.plot import (
    gif,
    image_grid,
    interpolation_strip,
    latent_walk,
    neighbour_strip,
    slerp,
)

RNG = np.random.default_rng(0)
IMAGES = digits()[0] * 2 - 1


def square(z):
    """A 'generator' that paints its two latent numbers: (N, 2) -> (N, 1, 2, 2)."""
    return np.clip(np.stack([z[:, 0], z[:, 1], z[:, 0], z[:, 1]], 1).reshape(-1, 1, 2, 2), -1, 1)


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


def test_interpolation_strip_has_a_row_a_pair():
    start, end = np.array([[-1.0, -1], [1, 1]], np.float32), np.array([[1.0, 1], [1, 1]], np.float32)
    line = lambda a, b, t: a + t * (b - a)
    strip = interpolation_strip(square, start, end, steps=5, between=line, scale=4)
    rows = np.concatenate([start[0] + t * (end[0] - start[0]) for t in np.linspace(0, 1, 5)] + [start[1]] * 5)
    np.testing.assert_array_equal(strip, image_grid(square(rows.reshape(10, 2).astype(np.float32)), 5, 4))


def test_draw_gets_the_type_of_its_latents_and_may_return_a_tensor():
    types = []

    def draw(z):
        types.append(z.dtype)
        return Tensor(square(z))

    z = RNG.standard_normal((3, 2)).astype(np.float32)
    interpolation_strip(draw, z, z[::-1], steps=3)
    list(latent_walk(draw, np.stack([z, z + 1]), 2))
    assert set(types) == {np.dtype("float32")}


def test_a_walk_comes_home_without_a_jump(tmp_path):
    stops = RNG.standard_normal((3, 4, 2))
    frames = list(latent_walk(square, stops, frames_per_leg=20, columns=2))
    assert len(frames) == 60
    for k in range(3):
        np.testing.assert_array_equal(frames[20 * k], image_grid(square(stops[k]), 2))
    steps = [np.abs(a.astype(int) - b).max() for a, b in zip(frames, frames[1:] + frames[:1])]
    assert max(steps) < 60  # of 255
    gif(frames, tmp_path / "walk.gif", 0.05)


def test_neighbour_strip_has_the_samples_above_their_neighbours():
    generated, rows = IMAGES[:4], np.array([[4, 5], [6, 7], [8, 9], [10, 11]])
    strip = neighbour_strip(generated, IMAGES[rows], scale=6)
    top = image_grid(generated, 4, 6)
    below = image_grid(IMAGES[[4, 6, 8, 10, 5, 7, 9, 11]], 4, 6)
    np.testing.assert_array_equal(strip[26 : 26 + len(top), 4 : 4 + top.shape[1]], top)
    start = 2 * 26 + len(top)
    np.testing.assert_array_equal(strip[start : start + len(below), 4 : 4 + top.shape[1]], below)
    assert neighbour_strip(np.zeros((1, 3, 4, 4)), np.zeros((1, 1, 3, 4, 4))).shape[2] == 3


Z = np.zeros((2, 3))
WRONG = {
    "integers": (lambda: interpolation_strip(square, Z.astype(int), Z.astype(int)), "floating point"),
    "two shapes": (lambda: interpolation_strip(square, Z, Z[:1]), "expected .N, Z. twice"),
    "one step": (lambda: interpolation_strip(square, Z, Z, steps=1), "at least 2"),
    "no pictures": (lambda: interpolation_strip(lambda z: z, Z, Z), "draw made .18, 3. of latent points .18, 3."),
    "one stop": (lambda: latent_walk(square, Z[None]), "1 stops"),
    "a path": (lambda: latent_walk(square, Z), "expected .K, N, Z."),
    "no K": (lambda: neighbour_strip(IMAGES[:3], IMAGES[:3]), "expected .N, 1 or 3, h, w. and .N, K"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_latents_and_pictures_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

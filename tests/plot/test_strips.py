"""Strips between latent points, walks, and samples above their nearest training pictures."""

import numpy as np
import pytest

from tinygan.autodiff import Tensor
from tinygan.data import digits
from tinygan.plot import (
    image_grid,
    interpolation_strip,
    neighbour_strip,
)

RNG = np.random.default_rng(0)
IMAGES = digits()[0] * 2 - 1
line = lambda a, b, t: a + t * (b - a)


def square(z):
    """A 'generator' that paints its two latent numbers: (N, 2) -> (N, 1, 2, 2)."""
    return np.clip(np.stack([z[:, 0], z[:, 1], z[:, 0], z[:, 1]], 1).reshape(-1, 1, 2, 2), -1, 1)


def test_interpolation_strip_has_a_row_a_pair():
    start, end = np.array([[-1.0, -1], [1, 1]], np.float32), np.array([[1.0, 1], [1, 1]], np.float32)
    strip = interpolation_strip(square, start, end, steps=5, between=line, scale=4)
    rows = np.concatenate([start[0] + t * (end[0] - start[0]) for t in np.linspace(0, 1, 5)] + [start[1]] * 5)
    np.testing.assert_array_equal(strip, image_grid(square(rows.reshape(10, 2).astype(np.float32)), 5, 4))


def test_draw_gets_the_type_of_its_latents_and_may_return_a_tensor():
    types = []

    def draw(z):
        types.append(z.dtype)
        return Tensor(square(z))

    z = RNG.standard_normal((3, 2)).astype(np.float32)
    interpolation_strip(draw, z, z[::-1], line, steps=3)
    assert set(types) == {np.dtype("float32")}


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
    "integers": (lambda: interpolation_strip(square, Z.astype(int), Z.astype(int), line), "floating point"),
    "two shapes": (lambda: interpolation_strip(square, Z, Z[:1], line), "expected .N, Z. twice"),
    "one step": (lambda: interpolation_strip(square, Z, Z, line, steps=1), "at least 2"),
    "no pictures": (lambda: interpolation_strip(lambda z: z, Z, Z, line), "draw made .18, 3. of latent points .18, 3."),
    "no K": (lambda: neighbour_strip(IMAGES[:3], IMAGES[:3]), "expected .N, 1 or 3, h, w. and .N, K"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_latents_and_pictures_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

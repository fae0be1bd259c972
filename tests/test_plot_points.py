"""Pictures of points and of latent spaces: what is drawn where, checked on functions whose answer is known."""

import numpy as np
import pytest
from PIL import Image

from tinygan.autodiff import Tensor
from tinygan.data import digits
from tinygan.metrics import copied_share, nearest_training
from tinygan.plot import (
    gif,
    image_grid,
    interpolation_strip,
    latent_walk,
    neighbour_strip,
    point_picture,
    slerp,
)
from tinygan.plot.points import gradients

RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((500, 2)) * 0.1 + [1, 0]
FAKE = RNG.standard_normal((500, 2)) * 0.1 - [1, 0]
VERMILION, INK = (0xD5, 0x5E, 0x00), (0x33, 0x33, 0x33)


# --- points ------------------------------------------------------------------------------------------------------


def centre_of(picture, colour, within=60):
    """The mean column of the pixels of about that colour, inside the axes."""
    near = (np.abs(picture[30:-90, 60:-20].astype(int) - colour).max(2) < within).nonzero()[1]
    assert len(near) > 50
    return 60 + near.mean()


def test_points_are_where_they_belong():
    picture = point_picture(REAL, FAKE, limits=(-2, 2, -1, 1))
    assert picture.dtype == np.uint8 and picture.shape[1:] == (500, 3)
    assert centre_of(picture, VERMILION) < 230 and centre_of(picture, INK) > 270


def leans_right(x):
    return x[:, :1] * 3 + 5.0


def test_surface_is_blue_where_real_is_and_white_between():
    picture = point_picture(REAL, FAKE, leans_right, limits=(-2, 2, -2, 2)).astype(int)
    rows = slice(60, 120)  # above the points
    tint = picture[rows, :, 2] - picture[rows, :, 0]  # blue less red
    assert np.median(tint[:, 60:120]) < -30 and np.median(tint[:, 360:420]) > 30
    assert abs(np.median(tint[:, 255:262])) < 15  # the middle, though D(x) is 5 there


@pytest.mark.parametrize("shape", [(-1, 1), (-1,)])
def test_gradients_of_a_paraboloid(shape):
    points = RNG.standard_normal((7, 2))
    slope = gradients(lambda x: (x * x).sum(1).reshape(*shape), points)
    np.testing.assert_allclose(slope, 2 * points, rtol=1e-5)


SURFACES = {
    "constant": lambda x: x[:, 0] * 0.0,
    "steep": lambda x: (x[:, 0] * 10).exp(),
    "a step": lambda x: (x[:, 0] * 1e4).tanh(),
}


@pytest.mark.parametrize("discriminator", SURFACES.values(), ids=SURFACES)
def test_any_surface_can_be_drawn(discriminator):
    assert point_picture(REAL, FAKE, discriminator).std() > 5
    assert point_picture(REAL[:1], FAKE[:1], discriminator, title="one of each").ndim == 3


def test_frames_with_given_limits_have_one_size(tmp_path):
    frames = [point_picture(REAL * k, FAKE * k, leans_right, (-3, 3, -3, 3), f"step {k}") for k in (1, 2)]
    gif(frames, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 2


def test_points_of_another_shape_are_refused():
    with pytest.raises(ValueError, match="point_picture: points .5, 3.: expected .N, 2."):
        point_picture(np.zeros((5, 3)), FAKE)


# --- between latent points ---------------------------------------------------------------------------------------


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


# --- has it memorised? -------------------------------------------------------------------------------------------

IMAGES = digits()[0] * 2 - 1


def test_nearest_training_picture_by_picture():
    samples, training = IMAGES[:20] + 0.1 * RNG.standard_normal((20, 1, 8, 8)), IMAGES[10:90]
    found = nearest_training(samples, training, k=3)
    for sample, rows, distances in zip(samples, found.rows, found.distances):
        lengths = [np.linalg.norm(sample - t) for t in training]
        assert rows.tolist() == np.argsort(lengths)[:3].tolist()
        np.testing.assert_allclose(distances, np.sort(lengths)[:3], rtol=1e-9)
    np.testing.assert_array_equal(found.rows[:, :1], nearest_training(samples, training).rows)


def test_copied_share_tells_copies_from_fresh_pictures():
    fresh, training, held_out = IMAGES[:599], IMAGES[599:1198], IMAGES[1198:]
    assert copied_share(fresh, training, held_out) == pytest.approx(0.5, abs=0.08)
    blurred = training[:200] + 0.2 * RNG.standard_normal((200, 1, 8, 8))
    assert copied_share(training[:200], training, held_out) == 1 and copied_share(blurred, training, held_out) > 0.97
    half = np.concatenate([fresh[:200], training[:200]])
    assert copied_share(half, training, held_out) == pytest.approx(0.75, abs=0.06)
    assert copied_share(fresh, training, training) > 0.45 and copied_share(fresh, training[:5], held_out) > 0.2


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
    "another size": (lambda: nearest_training(IMAGES, IMAGES[:, :, 1:]), "the same shape of a sample"),
    "k": (lambda: nearest_training(IMAGES, IMAGES[:3], 4), "k 4: expected 1 to 3"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_latents_and_pictures_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

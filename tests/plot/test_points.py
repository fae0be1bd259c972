"""Points in the plane and the discriminator's surface."""

import numpy as np
import pytest
from PIL import Image

from tinygan.plot import (
    gif,
    point_picture,
)
from tinygan.plot.points import gradients

RNG = np.random.default_rng(0)
REAL = RNG.standard_normal((500, 2)) * 0.1 + [1, 0]
FAKE = RNG.standard_normal((500, 2)) * 0.1 - [1, 0]
VERMILION, INK = (0xD5, 0x5E, 0x00), (0x33, 0x33, 0x33)


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

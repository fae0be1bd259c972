"""Grids of pictures, PNG and GIF files, pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tinygan import Tensor
from tinygan.data import digits
from tinygan.plot import curves, gif, image_grid, save_image
from tinygan.plot.pictures import MATTE

# --- grids -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 11), st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5),
    st.integers(1, 6), st.integers(1, 4), st.integers(0, 3), st.integers(0, 1000),
)  # fmt: skip
def test_every_pixel_of_a_grid(n, channels, height, width, columns, scale, border, seed):
    images = np.random.default_rng(seed).uniform(-1, 1, (n, channels, height, width))
    grid = image_grid(images, columns, scale, border, (-1, 1))
    across = min(columns, n)
    down = -(-n // across)
    expected = np.full(
        (border + down * (height * scale + border), border + across * (width * scale + border), channels), MATTE
    )
    for k in range(n):
        top = border + k // across * (height * scale + border)
        left = border + k % across * (width * scale + border)
        for i in range(height * scale):
            for j in range(width * scale):
                expected[top + i, left + j] = np.rint(
                    (images[k, :, i // scale, j // scale].astype(np.float32) + 1) * 127.5
                )
    assert grid.dtype == np.uint8
    np.testing.assert_array_equal(grid, expected if channels == 3 else expected[..., 0])


DEFAULTS = {  # images -> size of the grid
    "100 digits": ((100, 1, 8, 8), (10 * 66 + 2, 10 * 66 + 2)),
    "100 of MNIST": ((100, 1, 28, 28), (10 * 86 + 2, 10 * 86 + 2)),
    "one": ((1, 1, 8, 8), (68, 68)),
    "two in a row": ((2, 3, 64, 64), (68, 2 * 66 + 2, 3)),
    "large ones stay": ((4, 3, 256, 200), (2 * 258 + 2, 2 * 202 + 2, 3)),
}


@pytest.mark.parametrize("shape, size", DEFAULTS.values(), ids=DEFAULTS)
def test_default_grid(shape, size):
    assert image_grid(np.zeros(shape, np.float32), value_range=(-1, 1)).shape == size


def test_values_beyond_the_range_are_cut():
    grid = image_grid(np.array([-np.inf, -7, -1, 0, 1, 7, np.inf, np.nan]).reshape(8, 1, 1, 1), 8, 1, 0, (-1, 1))
    assert grid.tolist() == [[0, 0, 0, 128, 255, 255, 255, 0]]


def test_grid_does_not_look_like_its_pictures():
    assert 40 < MATTE < 215 and image_grid(np.zeros((5, 1, 8, 8)), value_range=(0, 1))[-20, -20] == MATTE  # an empty cell


@pytest.mark.parametrize(
    "shape, options, named",
    [
        ((5, 8, 8), {}, "expected .N, 1 or 3, height, width."),
        ((5, 2, 8, 8), {}, "expected .N, 1 or 3, height, width."),
        ((0, 1, 8, 8), {}, "N at least 1"),
        ((5, 1, 8, 8), {"columns": 0}, "columns 0"),
        ((5, 1, 8, 8), {"scale": 0}, "scale 0"),
        ((5, 1, 8, 8), {"border": -1}, "border -1"),
    ],
)
def test_grid_refuses(shape, options, named):
    with pytest.raises(ValueError, match=f"^image_grid: .*{named}"):
        image_grid(np.zeros(shape), **options)


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(10, 20), (10, 20, 3)])
def test_saved_picture_is_the_array(tmp_path, shape):
    array = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    save_image(array, tmp_path / "a.png")
    save_image(array[::-1], str(tmp_path / "a.png"))  # replaced, and not contiguous
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), array[::-1])
    assert [p.name for p in tmp_path.iterdir()] == ["a.png"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.png"
    save_image(np.zeros((4, 4), np.uint8), path)
    before = path.read_bytes()
    with pytest.MonkeyPatch.context() as patch:

        def fails(self, file, *args, **kwargs):
            file.write_bytes(b"half a pic")
            raise OSError("disk full")

        patch.setattr(Image.Image, "save", fails)
        with pytest.raises(OSError, match="disk full"):
            save_image(np.ones((4, 4), np.uint8), path)
        with pytest.raises(OSError, match="disk full"):
            gif([np.ones((4, 4), np.uint8)], path)
        with pytest.raises(OSError, match="disk full"):
            curves([{"step": 1, "d_loss": 1.0}], path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)], ids=["float", "rgba", "flat"]
)
def test_pictures_are_bytes(tmp_path, array):
    with pytest.raises(ValueError, match="save_image: .*expected uint8"):
        save_image(array, tmp_path / "a.png")


def test_gif_has_its_frames_and_times(tmp_path):
    images, _ = digits()
    frames = [image_grid(images[k : k + 9] * 2 - 1) for k in range(0, 45, 9)]
    gif(frames, tmp_path / "a.gif", 0.25)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 5 and animation.info["loop"] == 0
        for k, frame in enumerate(frames):
            animation.seek(k)
            assert animation.info["duration"] == 250
            np.testing.assert_array_equal(np.asarray(animation.convert("L")), frame)
    assert (tmp_path / "a.gif").stat().st_size < 60_000


@pytest.mark.parametrize(
    "frames, seconds",
    [([], 0.1), ([np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)], 0.1), ([np.zeros((4, 4), np.uint8)], 0)],
    ids=["none", "two sizes", "no time"],
)
def test_gif_refuses(tmp_path, frames, seconds):
    with pytest.raises(ValueError, match="^gif: .*at least one frame, all of the same size, and a time above 0"):
        gif(frames, tmp_path / "a.gif", seconds)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "images, white",
    [
        (np.array([0, 128, 255], np.uint8), [0, 128, 255]),
        (np.array([-1.0, 0, 1], np.float32), [0, 128, 255]),
        (Tensor(np.array([-1.0, 0, 1], np.float32)), [0, 128, 255]),
    ],
    ids=["bytes", "tanh", "a Tensor"],
)
def test_pictures_show_their_range(images, white):
    assert image_grid(images.reshape(1, 1, 1, 3), 1, 1, 0).tolist() == [white]


@pytest.mark.parametrize("values", [[0.0, 0.5, 1.0], [0.0, 128.0, 255.0], [-3.0, 0.0, 3.0]])
def test_a_range_that_may_mean_several_things_is_asked_for(values):
    images = np.array(values, np.float32).reshape(1, 1, 1, 3)
    with pytest.raises(ValueError, match=r"pass value_range=\(0, 1\) if 0 is black"):
        image_grid(images)
    assert image_grid(images, 1, 1, 0, (values[0], values[2])).tolist() == [[0, 128, 255]]

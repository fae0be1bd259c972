"""Pictures: every pixel of a grid is where it belongs, files are whole or absent, Matplotlib's own state is untouched."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tinygan.data import digits
from tinygan.nn import Linear, Sequential
from tinygan.plot import curves, gif, image_grid, layer_curves, layer_norms, save_image
from tinygan.plot.history import _smooth
from tinygan.plot.pictures import MATTE

# --- grids -------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 11), st.sampled_from([1, 3]), st.integers(1, 5), st.integers(1, 5),
    st.integers(1, 6), st.integers(1, 4), st.integers(0, 3), st.integers(0, 1000),
)  # fmt: skip
def test_every_pixel_of_a_grid(n, channels, height, width, columns, scale, border, seed):
    images = np.random.default_rng(seed).uniform(-1, 1, (n, channels, height, width))
    grid = image_grid(images, columns, scale, border)
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
    assert image_grid(np.zeros(shape, np.float32)).shape == size


def test_values_beyond_the_range_are_cut():
    grid = image_grid(np.array([-np.inf, -7, -1, 0, 1, 7, np.inf, np.nan]).reshape(8, 1, 1, 1), 8, 1, 0)
    assert grid.tolist() == [[0, 0, 0, 128, 255, 255, 255, 0]]


def test_grid_does_not_look_like_its_pictures():
    assert 40 < MATTE < 215 and image_grid(np.zeros((5, 1, 8, 8)))[-20, -20] == MATTE  # an empty cell


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


# --- curves ------------------------------------------------------------------------------------------------------


def log(n, *names, every=20, seed=0):
    """A log as training writes it, of n rows."""
    rng = np.random.default_rng(seed)
    return [
        {"step": every * (k + 1), **{name: float(np.exp(rng.standard_normal())) for name in names}} for k in range(n)
    ]


LOGS = {  # rows, panels across and down
    "a run": (log(200, "d_loss", "g_loss", "penalty", "seconds"), (2, 1)),
    "losses": (log(200, "d_loss", "g_loss"), (1, 1)),
    "one row": (log(1, "d_loss", "g_loss"), (1, 1)),
    "long": (log(20_000, "d_loss", "g_loss", "penalty"), (2, 1)),
    "all sorts": (
        log(300, "d_loss", "g_loss", "penalty", "d_gradient_norm", "g_gradient_norm", "frechet_distance"),
        (2, 2),
    ),
    "constant": ([{"step": k, "d_loss": 0.0} for k in range(30)], (1, 1)),
    "some missing": (
        log(50, "d_loss") + log(3, "score", every=300) + [{"step": 9, "d_loss": float("nan"), "note": "hm"}],
        (2, 1),
    ),
    "over decades": ([{"step": k, "penalty": 10.0 ** (-k / 10)} for k in range(60)], (1, 1)),
    "seven panels": (log(20, *"abcdefh"), (3, 3)),
    "a diverging run": ([{"step": k, "d_loss": 1e4**k if k < 10 else float("inf")} for k in range(12)], (1, 1)),
}


@pytest.mark.parametrize("rows, panels", LOGS.values(), ids=LOGS)
def test_curves(tmp_path, rows, panels):
    curves(rows, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size < 64_000
    picture = np.asarray(Image.open(tmp_path / "curves.png").convert("RGB"))
    assert picture.shape == (280 * panels[1], 450 * panels[0], 3)
    assert (picture[[0, -1]] > 250).mean() > 0.9 and (picture < 128).any()


def colours(tmp_path, rows):
    """The colours of many pixels."""
    curves(rows, tmp_path / "curves.png")
    found, counts = np.unique(
        np.asarray(Image.open(tmp_path / "curves.png").convert("RGB")).reshape(-1, 3), axis=0, return_counts=True
    )
    return found[counts > 100].astype(int)


def near(found, red, green, blue):
    return (np.abs(found - (red, green, blue)).max(1) < 12).any()


def test_a_player_has_its_own_colour(tmp_path):
    blue, vermilion = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)
    d = colours(tmp_path, [{"step": k, "d_loss": k / 10} for k in range(9)])
    g = colours(tmp_path, [{"step": k, "g_loss": k / 10} for k in range(9)])
    assert near(d, *blue) and not near(d, *vermilion)
    assert near(g, *vermilion) and not near(g, *blue)


@pytest.mark.parametrize("rows", [[], [{"step": 1}], [{"d_loss": 1.0}], [{"step": 1, "d_loss": float("nan")}]])
def test_curves_of_nothing_are_refused(tmp_path, rows):
    with pytest.raises(ValueError, match="no row of the log"):
        curves(rows, tmp_path / "curves.png")
    assert not list(tmp_path.iterdir())


def test_smooth_keeps_a_constant_and_the_mean_of_noise():
    np.testing.assert_allclose(_smooth(np.full(100, 3.0)), 3, rtol=1e-12)
    noise = np.random.default_rng(0).standard_normal(1000)
    assert _smooth(noise).shape == (1000,) and _smooth(noise).std() < 0.15
    assert abs(_smooth(noise).mean()) < 0.1
    slope = _smooth(np.arange(500.0))
    np.testing.assert_allclose(slope[50:-50], np.arange(50, 450), rtol=1e-12)
    assert (np.diff(slope) > 0).all()


# --- gradients, layer by layer -----------------------------------------------------------------------------------


def layer_log(n, **layers):
    """A log of n rows with gradient norms of the named layers of each player, of which the first's are smallest."""
    rng = np.random.default_rng(0)
    return [
        {"step": 20 * (k + 1), "d_loss": 1.0}
        | {
            f"{player}_gradient_norm/{name}": float(10.0**depth * np.exp(0.2 * rng.standard_normal()))
            for player, names in layers.items()
            for depth, name in enumerate(names)
        }
        for k in range(n)
    ]


def test_layer_norms_put_weight_and_bias_together():
    net = Sequential(Linear(3, 4, rng=0), Linear(4, 2, bias=False, rng=1))
    grads = [np.random.default_rng(k).standard_normal(p.shape) for k, p in enumerate(net.parameters())]
    found = layer_norms("g", net, grads)
    assert list(found) == ["g_gradient_norm/0", "g_gradient_norm/1"]
    assert found["g_gradient_norm/0"] == pytest.approx(np.hypot(np.linalg.norm(grads[0]), np.linalg.norm(grads[1])))
    assert found["g_gradient_norm/1"] == pytest.approx(np.linalg.norm(grads[2]))
    whole = np.linalg.norm(list(found.values()))
    assert whole == pytest.approx(np.sqrt(sum((g * g).sum() for g in grads)))
    with pytest.raises(ValueError, match="2 gradients for 3 parameters"):
        layer_norms("g", net, grads[:2])


@pytest.mark.parametrize(
    "rows, panels",
    [
        (layer_log(200, d=["conv1", "conv2", "fc"], g=["fc", "up1", "up2"]), 2),
        (layer_log(1, g=["fc"]), 1),
        (layer_log(30, d=[f"blocks.{k}" for k in range(14)]), 1),
        (layer_log(3000, d=["0"]) + [{"step": 7, "d_gradient_norm/0": float("nan")}], 1),
        ([{"step": k, "d_gradient_norm/dead": 0.0, "d_gradient_norm/fc": 1.0} for k in range(5)], 1),
    ],
    ids=["two players", "one row", "deep", "long", "a dead layer"],
)
def test_layer_curves(tmp_path, rows, panels):
    layer_curves(rows, tmp_path / "layers.png")
    picture = np.asarray(Image.open(tmp_path / "layers.png").convert("RGB"))
    assert picture.shape == (340, 620 * panels, 3) and (picture < 128).any()
    assert (tmp_path / "layers.png").stat().st_size < 64_000


def test_the_first_layer_is_pale_and_the_last_dark(tmp_path):
    layer_curves(layer_log(200, d=["first", "last"]), tmp_path / "layers.png")
    picture = np.asarray(Image.open(tmp_path / "layers.png").convert("RGB")).astype(int)[:, 100:400]
    row_of = lambda colour: (np.abs(picture - colour).max(2) < 8).nonzero()[0].mean()
    dark, pale = np.array([0x00, 0x72, 0xB2]), 255 + 0.4 * (np.array([0x00, 0x72, 0xB2]) - 255)
    assert row_of(dark) + 50 < row_of(pale)  # the last one's gradients are ten times as large: higher up


def test_curves_leave_layers_to_layer_curves(tmp_path):
    rows = layer_log(20, d=["conv1", "fc"])
    curves(rows, tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.size == (450, 280)  # the loss alone
    with pytest.raises(ValueError, match="layer_curves: no row of the log"):
        layer_curves(log(5, "d_loss"), tmp_path / "layers.png")


def test_matplotlib_is_left_as_it_was(tmp_path):
    """No import until a curve is drawn, and then neither pyplot nor a backend, so that a notebook's own is untouched."""
    code = f"""if True:
        import sys
        import numpy as np
        import tinygan.plot as plot
        assert not {{"matplotlib", "PIL"}} & set(sys.modules)
        plot.save_image(plot.image_grid(np.zeros((4, 1, 8, 8))), {str(tmp_path / "a.png")!r})
        assert "matplotlib" not in sys.modules
        plot.curves([{{"step": 1, "d_loss": 1.0}}], {str(tmp_path / "c.png")!r})
        assert "matplotlib.pyplot" not in sys.modules
    """
    subprocess.run([sys.executable, "-c", code], check=True)

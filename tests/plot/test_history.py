"""Curves of a log, and gradient norms layer by layer."""

import numpy as np
import pytest
from PIL import Image

from tinygan.plot import curves, layer_curves
from tinygan.plot.history import _smooth

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
    """A log of n rows with gradient norms of the named layers of each player. The first layer has the smallest."""
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
    height = 380 if len(rows[0]) > 10 else 340  # every name has a line of its own
    assert picture.shape == (height, 620 * panels, 3) and (picture < 128).any()
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

"""Pictures drawn at once: players fit any side that is a multiple of 4, and are as wide as the settings say."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.networks.dcgan import PainterSettings, doublings, painter, trunk, widths
from tinygan.nn import ConvTranspose2d, Flatten

SMALL = {"g_channels": 2, "d_channels": 2, "features": 8, "noise": 4}


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 12, 20), (1, 64, 64), (3, 36, 28)], ids=str)
def test_players_fit_any_side_that_is_a_multiple_of_4(shape):
    s = PainterSettings(**SMALL)
    x = painter(4, shape, s, 0)(Tensor(np.ones((2, 4), "float32")))
    assert x.shape == (2, *shape)
    assert trunk(shape, s, 0)(x).shape == (2, 8)


def test_sides_are_doubled_from_7_or_less_and_channels_halved():
    assert [doublings(*sides) for sides in ((8, 8), (28, 28), (32, 32), (12, 20), (64, 64), (36, 28))] == [1, 2, 3, 1, 4, 2]
    assert widths(3, 4) == [3, 6, 12, 12]
    g = painter(4, (1, 64, 64), PainterSettings(g_channels=3), 0)
    assert [p.shape[:2] for p in g.parameters() if p.ndim == 4] == [(12, 12), (12, 6), (6, 3), (3, 1)]
    d = trunk((1, 64, 64), PainterSettings(d_channels=3, features=5), 0)
    assert [p.shape[:2] for p in d.parameters() if p.ndim == 4] == [(3, 1), (6, 3), (12, 6), (12, 12)]
    assert d.parameters()[-2].shape == (5, 12 * 4 * 4)


def test_pictures_are_between_minus_1_and_1_and_hang_on_z():
    g = painter(4, (1, 8, 8), PainterSettings(g_channels=2), 0)
    x = g(Tensor(100 * np.random.default_rng(0).standard_normal((20, 4)).astype("f"))).numpy()
    assert np.abs(x).max() <= 1 and x.max() > 0.5 and x.min() < -0.5 and (x[0] != x[1]).mean() > 0.9


def test_the_trunk_is_convolutions_with_leaky_units():
    """Layer by layer: each answer below 0 counts a fifth, those of the last layer too."""
    d = trunk((1, 8, 8), PainterSettings(d_channels=3, features=5), 0)
    x = np.random.default_rng(0).standard_normal((4, 1, 8, 8)).astype("f")
    expected = Tensor(x)
    for layer in d:
        if list(layer.parameters()):
            y = layer(expected).numpy()
            expected = Tensor(np.where(y > 0, y, 0.2 * y))
        elif isinstance(layer, Flatten):
            expected = layer(expected)
    np.testing.assert_allclose(d(Tensor(x)).numpy(), expected.numpy(), atol=1e-6)
    assert expected.shape == (4, 5)


def test_the_painter_normalises_before_every_layer_but_the_first():
    """Batch norm, no answer below 0, a transposed convolution that doubles the sides; at last tanh."""
    g = painter(4, (2, 16, 16), PainterSettings(g_channels=3), 0)
    x = np.random.default_rng(0).standard_normal((6, 4)).astype("f")
    first, shape, *others = g
    y = shape(first(Tensor(x)))
    convolutions = [layer for layer in others if isinstance(layer, ConvTranspose2d)]
    assert len(convolutions) == 2 and y.shape == (6, 6, 4, 4)
    for k, convolution in enumerate(convolutions):
        y = y.numpy()
        y = (y - y.mean((0, 2, 3), keepdims=True)) / np.sqrt(y.var((0, 2, 3), keepdims=True) + 1e-5)
        y = convolution(Tensor(np.maximum(y, 0)))
        assert y.shape[2] == 8 * 2**k
    np.testing.assert_allclose(g.train()(Tensor(x)).numpy(), np.tanh(y.numpy()), atol=1e-4)

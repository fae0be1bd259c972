"""Translators: shapes, what is drawn over, and that they do not end in black."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.networks.translators import DrawSettings, Over, TranslatorSettings, translator
from tinygan.run.settings import defaults


@defaults(channels=4, blocks=1)
class Settings(DrawSettings, TranslatorSettings):
    """Settings of a small translator."""


def pictures(*shape):
    return np.random.default_rng(0).uniform(-1, 1, (2, *shape)).astype("float32")


@pytest.mark.parametrize("draws", ["anew", "over"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 12, 20)], ids=str)
def test_a_picture_becomes_one_of_the_same_shape_and_range(shape, draws):
    y = translator(shape, Settings(draws=draws), 0)(Tensor(pictures(*shape))).data
    assert y.shape == (2, *shape) and np.abs(y).max() <= 1


@pytest.mark.parametrize("mask, stays", [(30.0, 1.0), (0.0, 0.5), (-30.0, 0.0)])
def test_where_the_mask_is_large_the_picture_stays(mask, stays):
    x = pictures(3, 4, 4)
    made = np.concatenate([np.full((2, 1, 4, 4), mask), np.full((2, 3, 4, 4), 0.3)], 1).astype("float32")
    y = Over(lambda x: Tensor(made))(x).data
    np.testing.assert_allclose(y, stays * x + (1 - stays) * np.tanh(0.3), rtol=1e-5)


def test_every_parameter_of_a_translator_is_reached():
    for draws in ("anew", "over"):
        net = translator((3, 8, 8), Settings(draws=draws), 0)
        (net(Tensor(pictures(3, 8, 8))) ** 2).sum().backward()
        assert all(p.grad is not None for p in net.parameters())

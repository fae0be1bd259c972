"""Stacks of three digits: a thousand modes, and the protocol's tiny players."""

import numpy as np
import pytest
from small_runs import small_game

from tinygan import Tensor
from tinygan.gan.augment import pack
from tinygan.recipes.pictures import stacked_mnist


def test_stacked_players_are_the_protocols():
    """Metz et al. 2017: G of 64, 32, 16, 8 channels on 4x4, 7x7, 14x14, 28x28; D of a quarter of 8, 16, 32 filters.

    D looks at two samples at once: 6 channels.
    """
    s = stacked_mnist.Settings()
    g, d = stacked_mnist.painter(s, 0), stacked_mnist.judge(s, 0)
    assert [p.shape[1] for p in g.parameters() if p.ndim == 4] == [32, 16, 8, 8]
    assert [p.shape[:2] for p in d.parameters() if p.ndim == 4] == [(2, 6), (4, 2), (8, 4)]
    assert d(pack(g(Tensor(np.ones((4, 256), "float32"))), 2)).shape == (2, 1)


def test_stacks_are_three_digits_and_a_thousand_modes(monkeypatch):
    """Real batches are scored by a classifier that reads the class in the first pixel."""
    game = small_game("stacked-mnist", batch_size=4000, packing=1)
    x = game.batch(3).x
    assert x.shape == (4000, 3, 28, 28)
    digits = np.rint((x[:, :, 0, 0] + 1) / 2 * 255 / 25).astype(int)

    class Reader:
        def judge(self, images):
            return None, np.eye(10)[np.rint((images[:, 0, 0, 0] + 1) / 2 * 255 / 25).astype(int)]

    monkeypatch.setattr(stacked_mnist, "digit_classifier", lambda name: Reader())
    scores = stacked_mnist.evaluate(game, x)
    assert scores["modes"] == len({tuple(d) for d in digits.tolist()}) and scores["modes"] > 900
    one = stacked_mnist.evaluate(game, x[:1].repeat(50, 0))
    assert one["modes"] == 1 and one["reverse_kl"] == pytest.approx(np.log(1000))

"""Sequence metrics: the self-tests of sines and white noise, and purities that are known."""

import numpy as np
import pytest

from tinygan.data import sines
from tinygan.metrics import sequence_scores, tone_purity


def test_sines_and_white_noise_score_as_they_should():
    """White noise of the right variance is .029 from sines, real from real about .001, and only the purity is far apart."""
    real = sines(14000)
    noise = np.random.default_rng(0).standard_normal(real.shape) * real.std()
    scores = sequence_scores(real, noise, repeats=40)
    assert scores.squared_mmd == pytest.approx(0.029, abs=0.003)
    # .0012 from 250 pairs of fresh draws; of 40 draws from one set the 95th percentile is the third largest, and uncertain
    assert 0.0005 < scores.floor < 0.002
    assert scores.real_purity == pytest.approx(0.991, abs=0.001)
    assert scores.purity == pytest.approx(0.386, abs=0.01)
    fresh = sequence_scores(real, sines(1000, seed=1), repeats=2)
    assert fresh.squared_mmd < 0.0015 and fresh.purity == pytest.approx(0.991, abs=0.003)


def test_purity_of_known_waves():
    t = np.arange(64)
    tone, other = np.sin(2 * np.pi * 5 * t / 64), np.sin(2 * np.pi * 20 * t / 64)
    purity = tone_purity(np.stack([tone, tone + other, np.ones(64), np.zeros(64)]))
    assert purity == pytest.approx([1, 0.5, 1, 0], abs=0.01)
    both = np.stack([tone, tone + other], 1)[None]
    assert tone_purity(both) == pytest.approx([0.75], abs=0.01)
    assert tone_purity(both * 1e-3) == pytest.approx(tone_purity(both))


@pytest.mark.parametrize(
    "call",
    [
        lambda: tone_purity(np.zeros(8)),
        lambda: tone_purity(np.zeros((2, 3))),
        lambda: tone_purity(np.full((2, 8), np.nan)),
        lambda: sequence_scores(np.zeros((30, 8)), np.zeros((20, 8)), n=20),
        lambda: sequence_scores(np.zeros((40, 8)), np.zeros((20, 9)), n=20),
        lambda: sequence_scores(np.zeros((40, 8)), np.zeros((0, 8)), n=20),
    ],
)
def test_refusals(call):
    with pytest.raises(ValueError, match="tone_purity|sequence_scores") as caught:
        call()
    assert "\n" not in str(caught.value)

"""Sequence metrics: the self-tests of sines and white noise, purities that are known, scores by networks."""

import numpy as np
import pytest

from tinygan.data import sines
from tinygan.metrics import (
    discriminative_score,
    predictive_score,
    sequence_class_scores,
    sequence_scores,
    tone_purity,
)  # fmt: skip


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


def test_more_noise_is_less_pure_and_farther_away():
    real = sines(400, 24)
    noise = np.random.default_rng(0).standard_normal(real.shape)
    scores = [sequence_scores(real, real[:200] + t * noise[:200], n=200, repeats=3) for t in (0, 0.1, 0.5)]
    assert scores[0].purity > scores[1].purity > scores[2].purity
    assert scores[0].squared_mmd < scores[1].squared_mmd < scores[2].squared_mmd
    assert len({s.floor for s in scores}) == len({s.real_purity for s in scores}) == 1


def test_a_gru_tells_apart_what_differs_and_nothing_else():
    real = (sines(600, 12) + 1) / 2
    flat = np.broadcast_to(real[:, :1], real.shape)
    assert discriminative_score(real, flat, hidden=16, steps=800) > 0.35
    assert discriminative_score(real[:300], real[300:], hidden=16, steps=400) < 0.14  # of 120 asked: .046 is a spread


def test_a_gru_predicts_what_it_was_taught():
    """The last column is the first, a step later: who learns from that is right, who learns from a constant is not."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 2, (400, 7)).astype(np.float32)
    real = np.stack([levels[:, 1:], levels[:, :-1]], 2)
    assert predictive_score(real, real, hidden=16, steps=600) < 0.06
    assert predictive_score(real, np.full_like(real, 0.5), hidden=16, steps=600) == pytest.approx(0.5, abs=0.05)


def test_a_gru_reads_classes_and_mixed_ones_teach_it_nothing():
    labels = np.arange(600) % 3
    levels = labels[:, None, None] / 2 + 0.2 * np.random.default_rng(0).standard_normal((600, 5, 2))
    right = sequence_class_scores(levels, labels, levels[:300], labels[:300], hidden=8, steps=250)
    assert min(right.values()) > 0.9
    mixed = sequence_class_scores(levels, labels, levels[:300], (labels[:300] + 1) % 3, hidden=8, steps=250)
    assert mixed["synthetic_to_real"] < 0.1 and mixed["real_to_synthetic"] < 0.1
    assert mixed["real_to_real"] == right["real_to_real"]


@pytest.mark.parametrize(
    "call",
    [
        lambda: tone_purity(np.zeros(8)),
        lambda: tone_purity(np.zeros((2, 3))),
        lambda: tone_purity(np.full((2, 8), np.nan)),
        lambda: sequence_scores(np.zeros((30, 8)), np.zeros((20, 8)), n=20),
        lambda: sequence_scores(np.zeros((40, 8)), np.zeros((20, 9)), n=20),
        lambda: sequence_scores(np.zeros((40, 8)), np.zeros((0, 8)), n=20),
        lambda: discriminative_score(np.zeros((40, 8)), np.zeros((9, 8))),
        lambda: discriminative_score(np.zeros((40, 8)), np.zeros((40, 9))),
        lambda: predictive_score(np.zeros((40, 8)), np.zeros((40, 8, 2))),
        lambda: sequence_class_scores(np.zeros((40, 8)), np.zeros(40), np.zeros((9, 7)), np.zeros(9)),
        lambda: sequence_class_scores(np.zeros((40, 8)), np.zeros(39), np.zeros((9, 8)), np.zeros(9)),
    ],
)
def test_refusals(call):
    with pytest.raises(
        ValueError, match="tone_purity|sequence_scores|sequence_class_scores|discriminative_score|predictive_score"
    ) as caught:
        call()
    assert "\n" not in str(caught.value)

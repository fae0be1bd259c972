"""Scores of music against counts by hand."""

import numpy as np
import pytest

from tinygan.data import made_chorales
from tinygan.metrics.sound import histograms, music_scores, total_variation

PIECE = np.array([[60, 48], [60, 48], [-1, 48], [62, 50], [62, -1]])


def test_histograms_count_by_hand():
    found = histograms(PIECE[None])
    assert {k: v for k, v in enumerate(found["pitch_class"].tolist()) if v} == {0: 5, 2: 3}
    assert {k - 12: v for k, v in enumerate(found["interval"].tolist()) if v} == {2: 1}  # 48, 50; a rest ends a line
    assert {k: v for k, v in enumerate(found["harmony"].tolist()) if v} == {0: 3}
    assert found["polyphony"].tolist() == [0, 2, 3]
    assert {k + 1: v for k, v in enumerate(found["held"].tolist()) if v} == {1: 1, 2: 2, 3: 1}
    unison = histograms(np.array([[[60, 60], [60, 55]]]))
    assert unison["polyphony"].tolist() == [0, 1, 1]


def test_scores_of_music():
    assert total_variation([1, 1, 0], [0, 1, 1]) == 0.5
    pieces = np.stack(made_chorales(12, bars=2))
    assert set(music_scores(pieces, pieces[::-1]).values()) == {0.0}
    assert music_scores(pieces, pieces + 1)["interval"] == 0 and music_scores(pieces, pieces + 1)["pitch_class"] > 0.1
    rest = np.full_like(pieces, -1)
    assert set(music_scores(pieces, rest).values()) == {1.0} and set(music_scores(rest, rest).values()) == {0.0}
    with pytest.raises(ValueError, match="expected equally many voices"):
        music_scores(pieces, pieces[:, :, :2])
    with pytest.raises(ValueError, match="expected integers"):
        histograms(pieces / 2)

"""Scores of music against counts by hand."""

import numpy as np
import pytest

from tinygan.data import made_chorales
from tinygan.metrics.sound.music import agreement, histograms, music_scores, part_writing, total_variation

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


def counts(histogram):
    """{bin: count} of the bins that are not empty."""
    return {k: v for k, v in enumerate(histogram.tolist()) if v}


def test_pitch_0_is_a_pitch_and_long_notes_and_leaps_are_counted_at_the_ends():
    piece = np.array([[0] * 20 + [40] * 2 + [7], [0, -1, 0] + [12] * 20]).T[None]  # (1, 23, 2)
    found = histograms(piece)
    assert {name: len(h) for name, h in found.items()} == {
        "pitch_class": 12, "interval": 25, "harmony": 12, "polyphony": 3, "held": 16
    }  # fmt: skip
    assert counts(found["pitch_class"]) == {0: 20 + 2 + 20, 4: 2, 7: 1}
    assert counts(found["interval"]) == {24: 2, 0: 1}  # 0 to 40 and 0 to 12, an octave or more; 40 to 7
    assert counts(found["harmony"]) == {0: 2 + 17, 4: 2, 7: 1}
    assert counts(found["polyphony"]) == {1: 3, 2: 20}
    assert counts(found["held"]) == {15: 2, 1: 1, 0: 3}


def test_histograms_have_all_bins_whatever_sounds():
    sizes = {"pitch_class": 12, "interval": 25, "harmony": 12, "polyphony": 4, "held": 16}
    for pitch in (-1, 0, 127):
        assert {name: len(h) for name, h in histograms(np.full((2, 3, 3), pitch)).items()} == sizes


def test_different_pitches_are_counted_in_any_order_of_the_voices():
    rows = np.array([[[60, 64, 60], [64, 60, 60], [-1, 60, -1], [67, 64, 60], [60, -1, 64], [0, 0, 0], [-1, -1, -1]]])
    assert histograms(rows)["polyphony"].tolist() == [1, 2, 3, 1]
    assert counts(histograms(rows)["harmony"]) == {0: 1 + 1 + 3, 4: 1 + 2 + 1, 8: 1 + 1, 7: 1, 3: 1}


def octave_lower(pieces, voice):
    moved = pieces.copy()
    moved[..., voice] -= 12
    return moved


CHANGES = {  # a change of the pieces, and the scores that it moves
    "transposed by a semitone": (lambda x: x + 1, {"pitch_class"}),
    "an octave higher": (lambda x: x + 12, set()),
    "another order of the voices": (lambda x: x[..., [1, 0, 2, 3]], {"harmony"}),
    "a voice an octave lower": (lambda x: octave_lower(x, 3), {"polyphony"}),
    "backwards": (lambda x: x[:, ::-1], {"interval"}),
    "twice as slow": (lambda x: x.repeat(2, 1), {"held"}),
}


@pytest.mark.parametrize("change, moved", CHANGES.values(), ids=CHANGES)
def test_a_change_moves_its_score_and_no_other(change, moved):
    pieces = np.stack(made_chorales(40, bars=4))
    scores = music_scores(pieces, change(pieces))
    assert {name for name, score in scores.items() if score > 0.01} == moved, scores


def test_a_mixture_lies_between():
    pieces = np.stack(made_chorales(12, bars=2))
    mixed = np.concatenate([pieces, pieces + 1])
    far, near = (music_scores(pieces, other)["pitch_class"] for other in (pieces + 1, mixed))
    assert near == pytest.approx(far / 2)


@pytest.mark.parametrize("p, q", [([1, 2], [1, 2, 3]), ([0, 0], [1, 2]), ([1, 2], [0, 0])], ids=str)
def test_histograms_that_cannot_be_compared_are_refused(p, q):
    with pytest.raises(ValueError, match="expected one shape, and counts above 0"):
        total_variation(p, q)


# --- voices below a melody ---------------------------------------------------------------------------------------

CHORD = [72, 67, 64, 48]  # C


def test_agreement_counts_by_hand():
    real = np.array([[CHORD] * 4 + [[71, 67, 62, 55]] * 4])
    made = real.copy()
    made[0, 1, 1] = 65  # one of 24 notes below, not on a beat
    assert agreement(real, made) == pytest.approx({"same_notes": 23 / 24, "same_chords": 1.0})
    made[0, 4, 2] = 74  # another octave: another note, the same chord
    assert agreement(real, made) == pytest.approx({"same_notes": 22 / 24, "same_chords": 1.0})
    made[0, 4, 2] = 65
    assert agreement(real, made) == pytest.approx({"same_notes": 22 / 24, "same_chords": 0.5})
    made[0, 0, 0] = 60  # the melody itself is given, and its octave makes no other chord
    assert agreement(real, made) == pytest.approx({"same_notes": 22 / 24, "same_chords": 0.5})
    with pytest.raises(ValueError, match="expected one shape"):
        agreement(real, made[:, :4])


@pytest.mark.parametrize(
    "chord, consonant",
    [(CHORD, 1), ([72, 67, 64, 50], 0), ([71, 65, 62, 55], 0), ([72, -1, -1, 70], 0), ([72, -1, 64, 60], 1), ([-1] * 4, 1)],
    ids=str,
)
def test_chords_are_consonant_or_not_on_the_beat(chord, consonant):
    rows = np.array([[chord, *[[72, 71, 70, 69]] * 3]])
    assert part_writing(rows)["consonant"] == consonant


@pytest.mark.parametrize(
    "before, after, parallels",
    [
        ([67, 60], [69, 62], 100),  # fifths
        ([72, 60], [74, 62], 100),  # octaves
        ([60, 60], [62, 62], 100),  # unisons
        ([60, 67], [62, 69], 100),  # fifths of voices that cross
        ([79, 60], [81, 62], 100),  # a fifth beyond an octave
        ([64, 60], [65, 61], 0),  # thirds
        ([67, 60], [72, 65 - 12], 0),  # a fifth becomes another, by contrary motion
        ([67, 60], [67, 62], 0),  # one voice moves
        ([67, -1], [69, 62], 0),  # one voice begins
    ],
    ids=str,
)
def test_parallels_are_counted_where_two_voices_move(before, after, parallels):
    assert part_writing(np.array([[before, before, after, after]]))["parallels"] == parallels


def test_parallels_are_of_100_times_that_two_voices_move():
    rows = np.array([[[67, 60], [69, 62], [71, 60], [70, 61], [72, 60]]])  # fifths once, of four times
    assert part_writing(rows)["parallels"] == 25
    with pytest.raises(ValueError, match="expected integers"):
        part_writing(rows / 2)

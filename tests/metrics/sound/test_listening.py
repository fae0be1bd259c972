"""Level, silence, pitch and colour of sounds against what is known of them."""

import math

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.formants import VOICES
from tinygan.data.spectra import HOP, log_spectrogram, sound_of
from tinygan.data.speech import RATE, SLOT, made_recordings
from tinygan.metrics.sound import listening

TIME = np.arange(SLOT) / RATE


def voice(f, harmonics=5):
    """A tone with harmonics, f Hz or a frequency for each sample."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f, SLOT)) / RATE
    return 0.1 * sum(np.sin(k * phase + k) / k for k in range(1, harmonics + 1))


def test_levels_by_hand():
    loud = np.ones(SLOT)
    half = 0.1 * np.sin(2 * np.pi * 100 * TIME) * (TIME < TIME[SLOT // 2])
    found = listening.levels(np.stack([loud, half]))
    of_half = 10 * math.log10(0.005 / 2)
    assert found == {
        "level": pytest.approx(of_half / 2, abs=0.1), "peak": pytest.approx(0.55, abs=1e-3), "clipped": 0.5, "silent": 0.25
    }  # fmt: skip
    silence = listening.levels(np.zeros((2, SLOT)))
    assert silence == {"level": -120.0, "peak": 0.0, "clipped": 0.0, "silent": 1.0}


@pytest.mark.parametrize("f", [70, 99.5, 155.3, 233, 380])
def test_pitch_of_a_voice(f):
    found = listening.pitch(voice(f)[None], RATE)
    assert found.shape == (1, 1 + (SLOT - 320) // HOP)
    np.testing.assert_allclose(found, f, rtol=0.003)


def test_pitch_without_its_own_frequency_and_gliding():
    missing = voice(150) - 0.1 * np.sin(2 * np.pi * np.cumsum(np.full(SLOT, 150)) / RATE + 1)
    np.testing.assert_allclose(listening.pitch(missing[None], RATE), 150, rtol=0.01)
    glide = 120 * 2 ** (TIME / TIME[-1])  # an octave
    found = listening.pitch(voice(glide)[None], RATE)[0]
    np.testing.assert_allclose(found, glide[160::HOP][: len(found)], rtol=0.02)


def test_noise_and_silence_have_no_pitch():
    noise = 0.1 * stream(0, "noise").standard_normal((3, SLOT))
    assert np.isfinite(listening.pitch(noise, RATE)).mean() < 0.01
    assert not np.isfinite(listening.pitch(np.zeros((1, SLOT)), RATE)).any()
    nothing = listening.pitch_statistics(np.zeros((1, SLOT)), RATE)
    assert nothing["voiced"] == 0 and math.isnan(nothing["pitch"]) and math.isnan(nothing["pitch_spread"])


def test_statistics_of_pitch():
    sounds = np.stack([voice(100), voice(200), np.concatenate([voice(100)[: SLOT // 2], 0 * TIME[SLOT // 2 :]])])
    found = listening.pitch_statistics(sounds, RATE)
    assert found["pitch"] == pytest.approx(100, rel=0.01) and found["pitch_spread"] < 0.1
    assert found["voiced"] == pytest.approx(2.5 / 3, abs=0.03)
    spread = listening.pitch_statistics(voice(120 * 2 ** (TIME / TIME[-1]))[None], RATE)["pitch_spread"]
    assert spread == pytest.approx(12 / math.sqrt(12), rel=0.1), "an octave, evenly"


@pytest.mark.parametrize("rate", [1000, 16_000, 22_050, 48_000])
def test_sounds_of_any_rate_have_levels_and_pitch(rate):
    """A tone of 62 Hz: of 40 ms, and of 10 ms, there are other numbers of samples at another rate."""
    x = 0.5 * np.sin(2 * np.pi * 62 * np.arange(rate) / rate)[None]
    x[:, rate // 2 :] = 0
    found = listening.sound_scores(x, x, rate)
    assert found["pitch"] == pytest.approx(62, rel=0.02) and found["silent"] == pytest.approx(0.5, abs=0.02)


def test_the_synthesiser_speaks_at_the_pitch_of_its_voices():
    spoken = made_recordings("takes")
    for k, name in enumerate(spoken.names[:-1]):
        found = listening.pitch_statistics(spoken.sounds[spoken.speakers == k], RATE)["pitch"]
        assert found == pytest.approx(VOICES[name][0], rel=0.05), name


def test_scores_stand_beside_those_of_real_sounds():
    found = listening.sound_scores(voice(100)[None], voice(200)[None], RATE)
    assert found["pitch"] == pytest.approx(100, rel=0.01) and found["pitch_of_real"] == pytest.approx(200, rel=0.01)
    assert {name for name in found if not name.endswith("_of_real")} == {
        "level", "peak", "clipped", "silent", "pitch", "pitch_spread", "voiced"
    }  # fmt: skip


# --- colour ------------------------------------------------------------------------------------------------------


def test_cepstra_tell_colour_and_not_loudness():
    x = voice(120)
    found = listening.mel_cepstra(x, RATE)
    assert found.shape == (SLOT // HOP, listening.CEPSTRA)
    np.testing.assert_allclose(listening.mel_cepstra(0.3 * x, RATE), found, atol=1e-3)
    noise = stream(0, "noise").standard_normal(SLOT)
    bright = np.diff(noise, prepend=0)  # 6 dB more each octave
    assert (listening.mel_cepstra(noise, RATE)[:, 0] > listening.mel_cepstra(bright, RATE)[:, 0] + 1).all()


def test_the_distance_is_that_of_the_best_path():
    a = stream(0, "cepstra").standard_normal((4, 9, 3))
    lengths = np.array([9, 9, 6, 1])
    same = listening.mel_cepstral_distance(a, a, lengths, lengths)
    np.testing.assert_allclose(same, 0, atol=1e-6)
    slow = listening.mel_cepstral_distance(a, a.repeat(2, 1), lengths, 2 * lengths)
    np.testing.assert_allclose(slow, 0, atol=1e-6)
    constant = np.zeros((1, 5, 3)), np.full((1, 7, 3), 2.0)
    expected = 10 / math.log(10) * math.sqrt(12 / listening.BANDS)
    found = listening.mel_cepstral_distance(*constant, np.array([5]), np.array([7]))
    assert found[0] == pytest.approx(expected)

    def best(a, b):  # all paths, by recursion: (sum, steps) of the cheapest sum
        cost = lambda i, j: 10 / math.log(10) * np.linalg.norm(a[i] - b[j]) / math.sqrt(listening.BANDS)
        if not len(a) or not len(b):
            return (0.0, 0) if not len(a) and not len(b) else (math.inf, 0)
        total, steps = min(best(a[:-1], b[:-1]), best(a[:-1], b), best(a, b[:-1]), key=lambda pair: pair[0])
        return total + cost(-1, -1), steps + 1

    b = stream(1, "cepstra").standard_normal((4, 5, 3))
    found = listening.mel_cepstral_distance(a[:, :4], b, np.full(4, 4), np.full(4, 5))
    for k in range(4):
        total, steps = best(a[k, :4], b[k])
        assert found[k] == pytest.approx(total / steps)


def test_copies_are_nearer_than_other_takes_and_those_nearer_than_other_words():
    learned, unheard = made_recordings("train"), made_recordings("takes")
    rows = np.arange(0, 100, 9)
    words, digits, speakers = unheard.sounds[rows], unheard.digits[rows], unheard.speakers[rows]
    honest = listening.nearest_take(words, digits, speakers, learned)
    other = listening.nearest_take(words, (digits + 5) % 10, speakers, learned)
    copied = np.arange(0, 400, 37)
    again = sound_of(log_spectrogram(learned.sounds[copied]), 30)
    copies = listening.nearest_take(again, learned.digits[copied], learned.speakers[copied], learned)
    assert np.median(copies) < 0.5 * np.median(honest) and np.median(honest) < 0.7 * np.median(other)
    nobody = listening.nearest_take(words[:1], digits[:1], np.array([77]), learned)
    assert math.isnan(nobody[0])

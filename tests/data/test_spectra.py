"""Sound and its spectrogram: there and back, against the definition, and what the ear would hear."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data import formants
from tinygan.data.spectra import BINS, HOP, POINTS, SCALE, WINDOW, griffin_lim, istft, log_spectrogram, sound_of, stft

SOUND = stream(0, "sound").standard_normal(20 * HOP).astype(np.float32)


def word():
    """A made word, cut to whole frames."""
    sound = formants.say("three", "tenor", 0)
    return 0.2 * sound[: len(sound) // HOP * HOP] / np.abs(sound).max()


def test_a_frame_is_the_fourier_transform_around_its_place():
    found = stft(SOUND)
    assert found.shape == (POINTS // 2 + 1, 20) and found.dtype == np.complex64
    for m in (0, 7, 19):
        places = np.arange(POINTS) + (2 * m + 1) * HOP // 2 - POINTS // 2
        inside = (places >= 0) & (places < len(SOUND))
        x = np.where(inside, SOUND[np.clip(places, 0, len(SOUND) - 1)], 0) * WINDOW
        for k in (0, 5, 128):
            expected = (x * np.exp(-2j * np.pi * k * np.arange(POINTS) / POINTS)).sum()
            assert found[k, m] == pytest.approx(expected, abs=1e-4)


def test_there_and_back_in_any_shape():
    many = np.stack([SOUND, SOUND[::-1], 0 * SOUND]).reshape(3, 1, -1)
    assert stft(many).shape == (3, 1, POINTS // 2 + 1, 20)
    np.testing.assert_allclose(istft(stft(many)), many, atol=1e-5)
    assert istft(stft(many)).dtype == np.float32
    np.testing.assert_allclose(stft(many)[1, 0], stft(SOUND[::-1]), atol=1e-4)
    assert istft(stft(SOUND[:-1])).shape == (19 * HOP,), "samples after the last whole frame are left out"
    assert stft(SOUND[:10]).shape == (POINTS // 2 + 1, 0)


def test_istft_is_the_nearest_sound():
    """No sound has this transform. The sound that is returned has the nearest one; any other is farther."""
    wanted = stft(SOUND) * np.exp(2j * np.pi * stream(0, "phases").random((POINTS // 2 + 1, 20)))
    wanted[[0, -1]] = 0  # those are real in every transform
    nearest = istft(wanted)

    def distance(x):  # of all POINTS values of a frame; each but the ends stands for two
        squares = np.square(np.abs(stft(x) - wanted))
        return 2 * squares.sum() - squares[[0, -1]].sum()

    others = [nearest + 0.01 * stream(k, "other").standard_normal(len(nearest)) for k in range(5)]
    for other in (*others, 0.98 * nearest, 1.02 * nearest):
        assert distance(nearest) < distance(other)


def test_a_sine_is_a_line_at_its_frequency():
    rate = 8000
    drawn = log_spectrogram(np.sin(2 * np.pi * 1000 * np.arange(40 * HOP) / rate))
    assert drawn.shape == (BINS, 40) and drawn.dtype == np.float32
    assert (drawn[:, 3:-3].argmax(0) == 1000 * POINTS // rate).all()
    np.testing.assert_allclose(drawn[32, 3:-3], np.log(1 + SCALE * POINTS / 4), rtol=1e-4)
    assert (log_spectrogram(np.zeros(40 * HOP)) == 0).all()


def error(strength, sound):
    return np.linalg.norm(np.abs(stft(sound)) - strength) / np.linalg.norm(strength)


def test_griffin_lim_comes_nearer_with_each_dozen_rounds():
    strength = np.abs(stft(word()))
    errors = [error(strength, griffin_lim(strength, rounds)) for rounds in (0, 12, 24, 60)]
    assert errors == sorted(errors, reverse=True) and errors[0] > 0.4 and errors[-1] < 0.06, errors


def test_a_spectrogram_is_heard_as_the_sound_it_was_made_of():
    sound = word()
    made = sound_of(log_spectrogram(sound))
    assert made.shape == sound.shape and made.dtype == np.float32
    np.testing.assert_allclose(made.std(), sound.std(), rtol=0.05)
    assert np.abs(log_spectrogram(made) - log_spectrogram(sound)).mean() < 0.05
    together = sound_of(np.stack([log_spectrogram(sound)] * 2))
    assert together.shape == (2, len(sound))
    np.testing.assert_array_equal(sound_of(log_spectrogram(sound)), made)


def test_what_a_network_draws_beyond_any_sound_is_bounded():
    wild = np.full((BINS, 10), 1e6, np.float32)
    assert np.isfinite(sound_of(wild, 2)).all() and np.isfinite(sound_of(-wild, 2)).all()
    assert not sound_of(-wild, 2).any()

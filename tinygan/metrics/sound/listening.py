"""What tools hear in a sound: how loud it is, where it is silent, its pitch, and how its colour changes.

None of these is learned. `levels` looks at the samples, `pitch` finds the fundamental frequency by autocorrelation,
`mel_cepstra` describes the colour of each 10 ms in 12 numbers, and `mel_cepstral_distance` compares two sounds by them, one
stretched to fit the other: a generator that has learned a recording by heart comes nearer to it than any other take does.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from tinygan.backend import Array
from tinygan.data.spectra import HOP, POINTS, stft
from tinygan.data.speech import RATE, SLOT, Recordings, trim

SILENT = -40  # dB: 10 ms more than so much below the loudest 10 ms of a sound are silence
VOICED = 0.5  # the least autocorrelation, 1 for a periodic frame, at which a frame has a pitch
LOWEST, HIGHEST = 60, 400  # Hz, of a pitch
CEPSTRA, BANDS = 12, 26
_LONG = 0.04  # seconds of a frame in which pitch is looked for: two periods of 60 Hz and more


def levels(sounds: Array, rate: int = RATE) -> dict[str, float]:
    """Return how loud sounds (N, T) in [-1, 1] of a rate in Hz are, means over them.

    level: root mean square, in dB of full scale; peak: the largest |x|; clipped: share of samples at full scale;
    silent: share of 10 ms that are more than 40 dB below the loudest 10 ms of their sound.
    """
    sounds = np.asarray(sounds, np.float64)
    part = min(rate // 100, sounds.shape[1])  # samples in 10 ms
    energy = np.square(sounds[:, : sounds.shape[1] // part * part]).reshape(len(sounds), -1, part).mean(2)
    loudest = energy.max(1, keepdims=True)
    return {
        "level": float(10 * np.log10(np.maximum(energy.mean(1), 1e-12)).mean()),
        "peak": float(np.abs(sounds).max(1).mean()),
        "clipped": float((np.abs(sounds) >= 0.999).mean()),
        "silent": float((energy <= np.maximum(loudest, 1e-12) * 10 ** (SILENT / 10)).mean()),
    }


def sound_scores(made: Array, real: Array, rate: int) -> dict[str, float]:
    """Return `levels` and `pitch_statistics` of made sounds (N, T), and of real ones as level_of_real and so on."""
    scores: dict[str, float] = {}
    for name, sounds in {"{}": made, "{}_of_real": real}.items():
        found = levels(sounds, rate) | pitch_statistics(sounds, rate)
        scores |= {name.format(score): value for score, value in found.items()}
    return scores


# --- pitch -------------------------------------------------------------------------------------------------------


def pitch(sounds: Array, rate: int) -> Array:
    """Return the fundamental frequency of sounds (N, T) in Hz, one each 10 ms: (N, frames); nan where there is none.

    The lag of the highest peak of the autocorrelation of 40 ms, r(τ) = Σ x(t) x(t + τ) over what a window does to it, of
    those between LOWEST and HIGHEST. Boersma 1993, *Accurate short-term analysis of the fundamental frequency*.
    """
    sounds = np.asarray(sounds, np.float64)
    long = int(_LONG * rate)
    sounds = np.pad(sounds, ((0, 0), (0, max(0, long - sounds.shape[1]))))  # a frame at least
    windows = np.lib.stride_tricks.sliding_window_view(sounds, long, 1)[:, :: rate // 100]  # (N, frames, 40 ms)
    window = np.hanning(long + 2)[1:-1]
    correlate = lambda x: np.fft.irfft(np.abs(np.fft.rfft(x, 2 * long)) ** 2)[..., :long]
    own = correlate(window)
    lags = slice(rate // HIGHEST, rate // LOWEST + 1)
    found = np.full(windows.shape[:2], np.nan)
    energy = np.square(windows).mean(2)
    loud = energy > np.maximum(energy.max(1, keepdims=True), 1e-12) * 10 ** (SILENT / 10 + 1)
    for k in range(len(sounds)):
        frames = windows[k] - windows[k].mean(1, keepdims=True)
        r = correlate(frames * window)
        r = r / np.maximum(r[:, :1], 1e-12) / (own / own[0])
        part = r[:, lags]
        # of two peaks nearly as high, that of the shorter lag: two periods look like one
        candidate = (part >= 0.9 * part.max(1, keepdims=True)) & _is_peak(r, lags)
        lag = candidate.argmax(1)
        height = part[np.arange(len(part)), lag]
        voiced = loud[k] & candidate.any(1) & (height >= VOICED)
        found[k, voiced] = rate / (lags.start + lag[voiced] + _vertex(r[voiced], lags.start + lag[voiced]))
    return found


def _is_peak(r: Array, lags: slice) -> Array:
    inside = r[:, lags]
    return (inside >= r[:, lags.start - 1 : lags.stop - 1]) & (inside >= r[:, lags.start + 1 : lags.stop + 1])


def _vertex(r: Array, lag: Array) -> Array:
    """Return where, beside `lag`, the parabola through three values of r has its vertex, -1/2 to 1/2."""
    rows = np.arange(len(r))
    before, at, after = (r[rows, lag + k] for k in (-1, 0, 1))
    return np.clip((before - after) / np.minimum(2 * (before - 2 * at + after), -1e-12), -0.5, 0.5)


def pitch_statistics(sounds: Array, rate: int) -> dict[str, float]:
    """Return of the pitch of sounds (N, T): pitch, its median in Hz; pitch_spread, half tones; voiced, share of frames.

    pitch_spread is the mean over sounds of the standard deviation within a sound.
    """
    f = pitch(sounds, rate)
    voiced = np.isfinite(f)
    within = [12 * np.log2(row[there]).std() for row, there in zip(f, voiced) if there.sum() > 2]
    return {
        "pitch": float(np.median(f[voiced])) if voiced.any() else math.nan,
        "pitch_spread": float(np.mean(within)) if within else math.nan,
        "voiced": float(voiced.mean()) if voiced.size else math.nan,
    }


# --- colour ------------------------------------------------------------------------------------------------------


@cache
def _bands(rate: int) -> Array:
    """Return (BANDS, POINTS/2 + 1): triangles over frequency, equally wide for the ear; mel = 2595 log₁₀(1 + f / 700)."""
    mel = lambda f: 2595 * np.log10(1 + f / 700)
    edges = 700 * (10 ** (np.linspace(mel(60.0), mel(rate / 2), BANDS + 2) / 2595) - 1)
    f = np.fft.rfftfreq(POINTS, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return np.maximum(0, np.minimum((f - low) / (middle - low), (high - f) / (high - middle)))


def mel_cepstra(sounds: Array, rate: int) -> Array:
    """Return the mel cepstra of sounds (..., T): (..., frames, CEPSTRA). Davis & Mermelstein 1980.

    The cosine transform of the logarithm of the energy in mel bands, without its first number, the loudness.
    """
    energy = np.einsum("bk,...km->...mb", _bands(rate), np.abs(stft(sounds)).astype(np.float64) ** 2)
    level = np.log(np.maximum(energy, 1e-5 * np.maximum(energy.max((-2, -1), keepdims=True), 1e-9)))  # noise 50 dB below
    k, b = np.arange(1, CEPSTRA + 1)[:, None], np.arange(BANDS)
    return level @ (np.cos(np.pi * k * (b + 0.5) / BANDS) * math.sqrt(2 / BANDS)).T


def mel_cepstral_distance(a: Array, b: Array, lengths_a: Array, lengths_b: Array) -> Array:
    """Return how far cepstra a (N, T, D) are from b (N, S, D), in dB, (N,). The first `lengths` (N,) frames count.

    The root of the mean square between the two spectra, as smooth as cepstra draw them, in dB: 10/ln 10 |a(t) - b(s)| /
    √BANDS. Its mean along the cheapest path of pairs of frames that goes forward in both by 0 or 1 at a time: dynamic
    time warping, Sakoe & Chiba 1978; Kubichek 1993.
    """
    squares = np.square(a).sum(2)[:, :, None] + np.square(b).sum(2)[:, None] - 2 * a @ b.transpose(0, 2, 1)
    cost = 10 / math.log(10) * np.sqrt(np.maximum(squares, 0) / BANDS)  # (N, T, S)
    n, t, s = cost.shape
    total, steps = np.full((t + 1, s + 1, n), np.inf), np.zeros((t + 1, s + 1, n))  # to here, along the cheapest path
    total[0, 0] = 0
    cost, rows = np.ascontiguousarray(cost.transpose(1, 2, 0)), np.arange(n)
    for i in range(t):
        for j in range(s):
            before = total[[i, i, i + 1], [j, j + 1, j]]  # (3, N)
            best = before.argmin(0)
            total[i + 1, j + 1] = before[best, rows] + cost[i, j]
            steps[i + 1, j + 1] = steps[[i, i, i + 1], [j, j + 1, j]][best, rows] + 1
    return total[lengths_a, lengths_b, rows] / steps[lengths_a, lengths_b, rows]


def words_cepstra(words: Array) -> tuple[Array, Array]:
    """Return the cepstra of words (N, SLOT), without the silence at their ends: (N, frames, CEPSTRA), and lengths (N,)."""
    trimmed = [trim(word) for word in words]
    lengths = np.array([max(1, min(SLOT, len(word)) // HOP) for word in trimmed])
    padded = np.stack([np.pad(word[:SLOT], (0, max(0, SLOT - len(word)))) for word in trimmed])
    return mel_cepstra(padded, RATE), lengths


def nearest_take(words: Array, digits: Array, speakers: Array, learned: Recordings) -> Array:
    """Return how far words (N, SLOT) are from the nearest recording of the same digit and speaker, in dB, (N,).

    Held-out takes have such distances too. Words that are much nearer than they are copies. nan where there is none.
    """
    cepstra, lengths = words_cepstra(words)
    takes, their_lengths = words_cepstra(learned.sounds)
    same = (digits[:, None] == learned.digits) & (speakers[:, None] == learned.speakers)
    pairs = np.argwhere(same)  # (P, 2), by word
    nearest = np.full(len(words), np.inf)
    for start in range(0, len(pairs), 1000):
        i, k = pairs[start : start + 1000].T
        np.minimum.at(nearest, i, mel_cepstral_distance(cepstra[i], takes[k], lengths[i], their_lengths[k]))
    return np.where(np.isfinite(nearest), nearest, np.nan)

"""Sound as a picture: which frequencies it has at which time; and back.

`stft` cuts a sound into frames that overlap, and takes the Fourier transform of each. `log_spectrogram` keeps how strong
each frequency is, as the ear hears it, and forgets the phases: a picture of 128 frequencies by a frame each 10 ms at
8,000 Hz. `griffin_lim` finds phases that fit such a picture, so it makes sound of it. All of it is NumPy.
"""

from __future__ import annotations

import numpy as np

from tinygan.backend import Array, stream

POINTS = 256  # samples of a frame
HOP = 80  # samples from a frame to the next
BINS = POINTS // 2  # frequencies of a spectrogram; the highest, half the rate, is left out
SCALE = 20.0  # strengths under 1/SCALE are drawn in a line, those above by their logarithm
WINDOW = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(POINTS) / POINTS)).astype(np.float32)  # Hann's
PUSH = np.float32(0.99)
_EDGE = (POINTS - HOP) // 2  # of silence before and after, so that T samples give T / HOP frames


def stft(sound: Array) -> Array:
    """Return the short-time Fourier transform of sounds (..., T): (..., POINTS/2 + 1, T // HOP) complex64.

    X(k, m) = Σ_n x(n + m HOP) w(n) exp(-2πi k n / POINTS), w Hann's window. Frame m is around sample (m + 1/2) HOP.
    """
    sound = np.asarray(sound, np.float32)
    frames = sound.shape[-1] // HOP
    padded = np.pad(sound, [(0, 0)] * (sound.ndim - 1) + [(_EDGE, _EDGE + POINTS)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, POINTS, -1)[..., ::HOP, :][..., :frames, :]
    return np.moveaxis(np.fft.rfft(windows * WINDOW), -1, -2).astype(np.complex64)


def istft(transform: Array) -> Array:
    """Return the sounds (..., T) whose transform is nearest to this one, (..., POINTS/2 + 1, frames); T = HOP frames.

    x(n) = Σ_m w(n - m HOP) y_m(n) / Σ_m w(n - m HOP)², y_m the inverse of frame m. Griffin & Lim 1984, eq. 6.
    """
    frames = np.fft.irfft(np.moveaxis(transform, -2, -1), POINTS) * WINDOW  # (..., frames, POINTS)
    sound = _overlap(frames)
    weight = _overlap(np.broadcast_to(WINDOW**2, frames.shape[-2:]))
    inside = slice(_EDGE, _EDGE + HOP * frames.shape[-2])
    return (sound[..., inside] / weight[inside]).astype(np.float32)


def _overlap(frames: Array) -> Array:
    """Return the sum of frames (..., M, POINTS), each HOP samples after the one before: (..., about M HOP + POINTS)."""
    count, parts = frames.shape[-2], -(-POINTS // HOP)
    padded = np.pad(frames, [(0, 0)] * (frames.ndim - 1) + [(0, parts * HOP - POINTS)])
    total = np.zeros((*frames.shape[:-2], count + parts, HOP), np.float64)
    for part in range(parts):  # a HOP of every frame at a time
        total[..., part : part + count, :] += padded[..., part * HOP : (part + 1) * HOP]
    return total.reshape(*frames.shape[:-2], -1)


def log_spectrogram(sound: Array) -> Array:
    """Return log(1 + SCALE |stft|) of sounds (..., T): (..., BINS, T // HOP) float32, 0 in silence, 7 at the loudest."""
    return np.log1p(SCALE * np.abs(stft(sound)[..., :BINS, :]))


def sound_of(spectrogram: Array, rounds: int = 60, seed: int = 0) -> Array:
    """Return sounds (..., T) of log spectrograms (..., BINS, frames), such as a network draws; T = HOP frames."""
    strength = np.expm1(np.clip(spectrogram, 0, 10)) / SCALE  # the loudest sine has 7.2
    silent = np.zeros_like(strength[..., :1, :])
    return griffin_lim(np.concatenate([strength, silent], -2), rounds, seed)


def griffin_lim(strength: Array, rounds: int = 60, seed: int = 0) -> Array:
    """Return sounds (..., T) whose |stft| is near to `strength`, (..., POINTS/2 + 1, frames).

    At first phases are drawn by chance. A round makes a sound with them, and takes the phases of that sound's transform,
    moved on by .99 of what the round changed: after 60 rounds of speech the distance, as a share of the strength's norm,
    is .04; without that .10. Griffin & Lim 1984; Perraudin, Balazs & Søndergaard 2013.
    """
    angle = stream(seed, "phases").random(strength.shape, np.float32) * np.float32(2 * np.pi)
    transform = strength * np.exp(1j * angle)
    before = np.zeros_like(transform)
    for _ in range(rounds):
        now = stft(istft(transform))
        ahead = now + PUSH * (now - before)
        transform = strength * (ahead / np.maximum(np.abs(ahead), 1e-9))
        before = now
    return istft(transform)

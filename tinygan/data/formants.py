"""A small formant synthesiser. It says the words zero to nine in six voices; it stands in for recordings.

A word is a row of sounds: each has a length, the formants of the throat and mouth, how loud the voice is and how loud a
hiss. The voice is a sum of harmonics of its pitch, weighted by the resonances of the formants; the hiss is noise around a
frequency. What one sound has flows into the next. No take is like another: length, pitch and formants differ. Klatt 1980,
*Software for a cascade/parallel formant synthesizer*; formants of vowels from Peterson & Barney 1952.
"""

from typing import NamedTuple

import numpy as np

from tinygan.backend import Array, stream


class Phone(NamedTuple):
    """A sound of speech: milliseconds, three formants in Hz, loudness of the voice and of the hiss, the hiss's Hz."""

    length: float
    first: float
    second: float
    third: float
    voice: float = 1.0
    hiss: float = 0.0
    around: float = 3500.0


PHONES = {
    "IY": Phone(130, 270, 2290, 3010), "IH": Phone(90, 390, 1990, 2550), "EH": Phone(100, 530, 1840, 2480),
    "AH": Phone(130, 640, 1190, 2390), "AA": Phone(120, 730, 1090, 2440), "AO": Phone(120, 570, 840, 2410),
    "OW": Phone(140, 450, 750, 2350), "UW": Phone(180, 300, 870, 2240), "EY": Phone(100, 480, 1950, 2550),
    "N": Phone(90, 250, 1350, 2300, 0.35), "W": Phone(80, 300, 650, 2200, 0.5), "R": Phone(80, 330, 1100, 1500, 0.6),
    "V": Phone(70, 250, 1100, 2200, 0.25, 0.05, 2500), "Z": Phone(90, 250, 1500, 2500, 0.15, 0.3),
    "S": Phone(120, 300, 1600, 2500, 0.0, 0.45), "F": Phone(100, 300, 1000, 2200, 0.0, 0.1, 2500),
    "TH": Phone(90, 300, 1300, 2500, 0.0, 0.08, 3000), "-": Phone(55, 300, 1500, 2500, 0.0),
    "T": Phone(25, 300, 1800, 2600, 0.0, 0.6, 3300), "K": Phone(30, 300, 1900, 2400, 0.0, 0.4, 1900),
}  # fmt: skip
WORDS = {
    "zero": "Z IH R OW", "one": "W AH N", "two": "T UW UW", "three": "TH R IY", "four": "F AO AO R",
    "five": "F AA IY V", "six": "S IH - K S", "seven": "S EH V AH N", "eight": "EY IY - T", "nine": "N AA IY N",
}  # fmt: skip
VOICES = {  # pitch in Hz, and formants as multiples of a man's: a shorter throat has higher ones
    "alto": (185, 1.1), "baritone": (106, 0.95), "bass": (80, 0.88), "mezzo": (240, 1.18), "soprano": (310, 1.26),
    "tenor": (140, 1.02),
}  # fmt: skip
WIDTHS = 60, 90, 130  # Hz, of the formants
FRAME = 40  # samples between two places where the formants are looked up
EDGE = 3  # frames of silence at either end


def say(word: str, voice: str, take: int, rate: int = 8000) -> Array:
    """Return a take of a word in a voice: (T,) float32, as loud as it comes; the same one whenever it is asked for."""
    rng = stream(take, f"{word} said by {voice}")
    pitch, size = VOICES[voice]
    phones = [PHONES[name] for name in WORDS[word].split()]
    tempo = rng.uniform(0.85, 1.2)
    frames = [max(1, round(phone.length * tempo * rng.uniform(0.85, 1.2) * rate / 1000 / FRAME)) for phone in phones]
    values = np.array([phone[1:] for phone in phones])
    values[:, :3] *= size * rng.normal(1, 0.03, (len(phones), 3))
    values = np.pad(np.repeat(values, frames, 0), ((EDGE, EDGE), (0, 0)), mode="edge")  # (frames, 6)
    values[:EDGE, 3:5] = values[-EDGE:, 3:5] = 0  # it begins and ends in silence
    values = np.concatenate([_smooth(values[:, :3], 12), _smooth(values[:, 3:5], 4), values[:, 5:]], 1)
    time = np.linspace(0, 1, len(values))
    tone = pitch * rng.normal(1, 0.05) * (1.08 - rng.uniform(0.1, 0.25) * time)
    tone *= 1 + 0.03 * np.sin(7 * time + rng.uniform(0, 6))
    harmonics = np.arange(1, int(0.95 * rate / 2 / tone.max()) + 1)[:, None]
    strength = values[:, 3] * _resonances(harmonics * tone, values[:, :3].T) / harmonics  # (harmonics, frames)
    phase = (2 * np.pi / rate * np.cumsum(_between(tone), dtype=np.float64)).astype(np.float32)
    sound = np.einsum("kt,kt->t", np.sin(harmonics.astype(np.float32) * phase), _between(strength))
    return (sound + _between(values[:, 4]) * _hiss(values[:, 5], rate, rng)).astype(np.float32)


def _smooth(values: Array, width: int) -> Array:
    """Return values (frames, D) as means over `width` frames, so that one flows into the next."""
    padded = np.pad(values, ((width // 2, (width - 1) // 2), (0, 0)), mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, width, 0).mean(-1)


def _resonances(f: Array, formants: Array) -> Array:
    """Return Π_i 1 / |1 - (f/F_i)² + j f B_i/F_i²| of frequencies f (K, T) and formants F (3, T)."""
    product = np.ones_like(f)
    for centre, width in zip(formants, WIDTHS):
        product *= (1 - (f / centre) ** 2) ** 2 + (f * width / centre**2) ** 2
    return product**-0.5


def _between(values: Array) -> Array:
    """Return values (..., frames) in a line from frame to frame, at each sample: (..., FRAME frames) float32."""
    values = values.astype(np.float32)
    steps = np.diff(values, append=values[..., -1:])
    between = values[..., None] + steps[..., None] * (np.arange(FRAME, dtype=np.float32) / FRAME)
    return between.reshape(*values.shape[:-1], -1)


def _hiss(around: Array, rate: int, rng: np.random.Generator) -> Array:
    """Return noise (T,) whose frequencies lie around those of the frames, within some 600 Hz."""
    noise = np.zeros(len(around) * FRAME)
    f = np.fft.rfftfreq(len(noise), 1 / rate)
    for centre in np.unique(around):
        shape = np.exp(-(((f - centre) / 600) ** 2) / 2)
        made = np.fft.irfft(shape * np.fft.rfft(rng.standard_normal(len(noise))), len(noise))
        noise += np.repeat(around == centre, FRAME) * made / made.std()
    return noise

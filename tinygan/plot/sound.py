"""Music as sound: a piece (T, voices) of MIDI pitches becomes notes, a sound wave, or a MIDI file.

A row is a sixteenth note, -1 is silence, and a pitch that repeats in the next row is held. The standard library and
NumPy suffice. Pieces come from `tinygan.data.sound`; `tinygan.data.waves` writes sound as a WAV file.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array
from tinygan.files import written_whole

ROW = 0.16  # seconds per sixteenth: 94 quarters a minute, a walking pace
RATE = 22_050  # samples per second


class Note(NamedTuple):
    """One note: its voice, MIDI pitch, first row and its length in rows."""

    voice: int
    pitch: int
    start: int
    length: int


def notes(piece: ArrayLike) -> list[Note]:
    """Return all notes of a piece (T, voices), voice by voice; a pitch in successive rows is one note.

    >>> notes(np.array([[60], [60], [-1], [62]]))
    [Note(voice=0, pitch=60, start=0, length=2), Note(voice=0, pitch=62, start=3, length=1)]
    """
    piece = np.asarray(piece)
    if piece.ndim != 2 or piece.dtype.kind not in "iu" or (piece.size and not -1 <= piece.min() <= piece.max() <= 127):
        raise ValueError(
            f"notes: a piece is integers (T, voices) from -1, silence, to 127, got {piece.dtype} {piece.shape}"
        )
    all_notes = []
    for voice, pitches in enumerate(piece.T.tolist()):
        edges = [t for t in range(len(pitches)) if t == 0 or pitches[t] != pitches[t - 1]] + [len(pitches)]
        all_notes += [Note(voice, pitches[a], a, b - a) for a, b in zip(edges, edges[1:]) if pitches[a] >= 0]
    return all_notes


# --- sound -----------------------------------------------------------------------------------------------------


def render(piece: Array, row: float = ROW, rate: int = RATE) -> Array:
    """Return the sound of a piece (T, voices): float32 in [-1, 1], `row` seconds per row and one second to die away.

    A note is a sum of harmonics sin(2π k f t) / k² below half the rate. Its envelope rises from 0 and falls to 0 in
    smooth curves, so that nothing clicks.
    """
    sound = np.zeros(int((len(piece) * row + 1) * rate), np.float32)
    for note in notes(piece):
        tone = _tone(440 * 2 ** ((note.pitch - 69) / 12), note.length * row, rate)
        start = round(note.start * row * rate)
        sound[start : start + len(tone)] += tone[: len(sound) - start]
    loudest = np.abs(sound).max(initial=0)
    return sound * np.float32(0.8 / loudest) if loudest else sound


ATTACK, RELEASE = 0.02, 0.12  # seconds


def _tone(frequency: float, seconds: float, rate: int) -> Array:
    """Return one note: it rises in 20 ms, fades slowly while it is held, and ends 120 ms after its release."""
    t = np.arange(int((seconds + RELEASE) * rate)) / rate
    harmonics = [k for k in range(1, 9) if k * frequency < rate / 2]
    tone = sum(np.sin(2 * np.pi * k * frequency * t) / k**2 for k in harmonics)
    rise = np.clip(t / ATTACK, 0, 1)
    fall = np.clip((seconds + RELEASE - t) / RELEASE, 0, 1)
    smooth = lambda share: 0.5 - 0.5 * np.cos(np.pi * share)
    return (tone * np.exp(-0.8 * t) * smooth(rise) * smooth(fall)).astype(np.float32)


# --- files -----------------------------------------------------------------------------------------------------


TICKS = 120  # per sixteenth: 480 per quarter, as in most programs
ORGAN = 19  # General MIDI's number of a church organ, counted from 0


def write_midi(piece: Array, path: str | Path, row: float = ROW) -> None:
    """Write a piece (T, voices) as a standard MIDI file: a track and a channel for each voice, the sound of an organ.

    The MIDI Association: Standard MIDI Files 1.0, format 1.
    """
    by_voice: list[list[tuple[int, int, int]]] = [[] for _ in range(np.shape(piece)[1])]
    for note in notes(piece):
        by_voice[note.voice] += [(note.start, 1, note.pitch), (note.start + note.length, 0, note.pitch)]
    microseconds = round(4e6 * row)  # per quarter
    tracks = [_track([(0, b"\xff\x51\x03" + microseconds.to_bytes(3, "big"))])]
    for voice, events in enumerate(by_voice):
        channel = voice % 9  # channel 9 is for drums
        messages = [(0, bytes([0xC0 | channel, ORGAN]))]
        for t, on, pitch in sorted(events):  # at equal times the end of a note comes before a beginning
            messages.append((t * TICKS, bytes([(0x90 if on else 0x80) | channel, pitch, 80 if on else 0])))
        tracks.append(_track(messages))
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), 4 * TICKS)
    with written_whole(path) as temporary:
        temporary.write_bytes(header + b"".join(tracks))


def _track(messages: list[tuple[int, bytes]]) -> bytes:
    """Return a track chunk of (tick, message), in order of time."""
    content, before = b"", 0
    for tick, message in [*messages, (messages[-1][0], b"\xff\x2f\x00")]:
        content += _variable(tick - before) + message
        before = tick
    return b"MTrk" + struct.pack(">I", len(content)) + content


def _variable(number: int) -> bytes:
    """Return a number in groups of seven bits; all bytes but the last have the highest bit set."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.insert(0, 0x80 | number & 0x7F)
    return bytes(groups)

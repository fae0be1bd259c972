"""Music to be heard: a piece (T, voices) of MIDI pitches, -1 for silence, as notes, as sound, as a MIDI or a WAV file.

Rows are sixteenth notes, and a pitch that comes again in the next row is held. Nothing but the standard library and NumPy
is needed; `music.py` has where pieces come from.
"""

import io
import struct
import wave
from typing import NamedTuple

import numpy as np

from tinygan.files import written_whole

ROW = 0.16  # seconds of a sixteenth: 94 quarters a minute, a walking pace
RATE = 22_050  # samples a second


class Note(NamedTuple):
    """One note: its voice, MIDI pitch, first row and how many rows it is held."""

    voice: int
    pitch: int
    start: int
    length: int


def notes(piece):
    """All notes of a piece (T, voices), voice by voice, a pitch in successive rows being one note.

    >>> notes(np.array([[60], [60], [-1], [62]]))
    [Note(voice=0, pitch=60, start=0, length=2), Note(voice=0, pitch=62, start=3, length=1)]
    """
    piece = np.asarray(piece)
    if piece.ndim != 2 or piece.dtype.kind not in "iu" or (piece.size and not -1 <= piece.min() <= piece.max() <= 127):
        raise ValueError(
            f"notes: a piece is integers (T, voices) from -1, silence, to 127, got {piece.dtype} {piece.shape}"
        )
    found = []
    for voice, pitches in enumerate(piece.T.tolist()):
        edges = [t for t in range(len(pitches)) if t == 0 or pitches[t] != pitches[t - 1]] + [len(pitches)]
        found += [Note(voice, pitches[a], a, b - a) for a, b in zip(edges, edges[1:]) if pitches[a] >= 0]
    return found


# --- sound -----------------------------------------------------------------------------------------------------


def sounded(piece, row=ROW, rate=RATE):
    """The sound of a piece (T, voices): float32 in [-1, 1], `row` seconds a row and a second to die away.

    Every note is a sum of harmonics sin(2π k f t) / k², those below half the rate, under an envelope that begins and ends
    at 0 in smooth curves: nothing clicks.
    """
    sound = np.zeros(int((len(piece) * row + 1) * rate), np.float32)
    for note in notes(piece):
        tone = _tone(440 * 2 ** ((note.pitch - 69) / 12), note.length * row, rate)
        start = round(note.start * row * rate)
        sound[start : start + len(tone)] += tone[: len(sound) - start]
    loudest = np.abs(sound).max(initial=0)
    return sound * np.float32(0.8 / loudest) if loudest else sound


ATTACK, RELEASE = 0.02, 0.12  # seconds


def _tone(frequency, seconds, rate):
    """One note: loud in 20 ms, slowly softer while it is held, gone 120 ms after its end."""
    t = np.arange(int((seconds + RELEASE) * rate)) / rate
    harmonics = [k for k in range(1, 9) if k * frequency < rate / 2]
    tone = sum(np.sin(2 * np.pi * k * frequency * t) / k**2 for k in harmonics)
    rise = np.clip(t / ATTACK, 0, 1)
    fall = np.clip((seconds + RELEASE - t) / RELEASE, 0, 1)
    smooth = lambda share: 0.5 - 0.5 * np.cos(np.pi * share)
    return (tone * np.exp(-0.8 * t) * smooth(rise) * smooth(fall)).astype(np.float32)


# --- files -----------------------------------------------------------------------------------------------------


def write_wav(sound, path, rate=RATE):
    """Write sound in [-1, 1], (samples,), as a WAV file of one channel, 16 bits a sample."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", None))
        file.writeframes(np.rint(np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    with written_whole(path) as temporary:
        temporary.write_bytes(content.getvalue())


TICKS = 120  # of a sixteenth: 480 a quarter, which most programs use
ORGAN = 19  # General MIDI's number of a church organ, from 0


def write_midi(piece, path, row=ROW):
    """Write a piece (T, voices) as a standard MIDI file: a track a voice, each on a channel of its own, an organ's sound.

    The MIDI Association: Standard MIDI Files 1.0, format 1.
    """
    by_voice = [[] for _ in range(np.shape(piece)[1])]
    for note in notes(piece):
        by_voice[note.voice] += [(note.start, 1, note.pitch), (note.start + note.length, 0, note.pitch)]
    microseconds = round(4e6 * row)  # of a quarter
    tracks = [_track([(0, b"\xff\x51\x03" + microseconds.to_bytes(3, "big"))])]
    for voice, events in enumerate(by_voice):
        channel = voice % 9  # 9 is the drums'
        messages = [(0, bytes([0xC0 | channel, ORGAN]))]
        for t, on, pitch in sorted(events):  # where one note ends and another begins, the end comes first
            messages.append((t * TICKS, bytes([(0x90 if on else 0x80) | channel, pitch, 80 if on else 0])))
        tracks.append(_track(messages))
    header = b"MThd" + struct.pack(">IHHH", 6, 1, len(tracks), 4 * TICKS)
    with written_whole(path) as temporary:
        temporary.write_bytes(header + b"".join(tracks))


def _track(messages):
    """A track chunk of (tick, message), in order of time."""
    content, before = b"", 0
    for tick, message in [*messages, (messages[-1][0], b"\xff\x2f\x00")]:
        content += _variable(tick - before) + message
        before = tick
    return b"MTrk" + struct.pack(">I", len(content)) + content


def _variable(number):
    """A number in groups of seven bits, all bytes but the last with the highest bit set."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.insert(0, 0x80 | number & 0x7F)
    return bytes(groups)

"""Melodies from MIDI files, on the grid of sixteenth notes that `sound.py` has: what a recipe of music is given.

mido reads the file. Here its notes become one voice: the highest that sounds, at its nearest sixteenth, without rests.
`tinygan.plot.sound` writes MIDI files.
"""

import io
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array

from .files import DataError, note, open_file
from .sound import SILENCE

MOST_BYTES = 1 << 18  # a melody has some 10 bytes a note
MOST_ROWS = 4096  # sixteenths: 256 bars
DRUMS = 9  # the channel, counted from 0
SLOWEST, FASTEST, USUAL = 2_000_000, 120_000, 640_000  # microseconds a quarter: 30, 500 and 94 a minute


class Melody(NamedTuple):
    """Pitches (T,) int64 of sixteenth notes, from a beat on, and the seconds that one lasts.

    A melody with an upbeat begins with silence, -1, of one to three rows. It has no other silence.
    """

    pitches: Array
    row: float


class _Tone(NamedTuple):
    """A note: when it begins and ends, in sixteenths, and its pitch."""

    start: float
    end: float
    pitch: int


def read_melody(path: str | Path) -> Melody:
    """Return the melody of a MIDI file. What was left out, moved or held is said with `note`.

    The highest note is taken wherever several sound. Notes begin and end at the nearest sixteenth, and last at least one.
    A rest is filled by the note before it. DataError: the file has no melody, or is not a MIDI file.
    """
    path = Path(path)
    file = _open(path)
    if file.type == 2 or file.ticks_per_beat <= 0:
        kind = "several songs" if file.type == 2 else "time in seconds"
        raise DataError(f"{path}: a MIDI file of {kind}; expected one song, in beats: save it as format 0 or 1")
    notes = _find_notes(file, path)
    beat = file.ticks_per_beat
    first = min(start for start, *_ in notes) // beat * beat  # whole numbers: a spoiled file's may be beyond all floats
    if 4 * (max(end for _, end, _ in notes) - first) > MOST_ROWS * beat:
        raise DataError(f"{path}: lasts longer than {MOST_ROWS:,} sixteenth notes, the most that are read; cut it")
    if first:
        note(f"{path.name}: left out the silence before the beat in which it begins")
    tones = [_Tone(4 * (start - first) / beat, 4 * (end - first) / beat, pitch) for start, end, pitch in notes]
    return Melody(_sing(tones, path), _find_tempo(file, path) / 4e6)


def _open(path: Path) -> Any:
    """Return mido's MidiFile; DataError for what mido refuses."""
    try:
        import mido
    except ImportError:
        raise DataError(f"{path}: mido, which reads MIDI files, is not installed; pip install mido") from None
    with open_file(path, MOST_BYTES) as opened:
        content = opened.read(MOST_BYTES)
    if content[:4] != b"MThd":
        raise DataError(f"{path}: not a MIDI file, which begins with MThd; save it as MIDI, .mid")
    if re.search(rb"[\x80-\xff]{300}", content):  # a number has at most 4; mido's time for a longer one grows as its square
        raise DataError(f"{path}: a spoiled MIDI file (a number without end); save it again")
    try:
        return mido.MidiFile(file=io.BytesIO(content))
    except EOFError:
        raise DataError(f"{path}: ends before its notes do; copy or save it again") from None
    except Exception as error:  # mido raises what it meets: OSError, ValueError, IndexError, errors of its own
        raise DataError(f"{path}: a spoiled MIDI file ({str(error)[:100] or type(error).__name__}); save it again") from None


def _find_notes(file: Any, path: Path) -> list[tuple[int, int, int]]:
    """Return (first tick, last tick, pitch) of all notes of a file but those of drums; DataError if there is none."""
    notes, drums, endless = [], 0, 0
    for track in file.tracks:
        tick, begun = 0, dict[tuple[int, int], int]()
        for message in track:
            tick += message.time
            if message.type not in ("note_on", "note_off"):
                continue
            if message.channel == DRUMS:
                drums += message.type == "note_on" and message.velocity > 0
                continue
            key = message.channel, message.note
            if key in begun:  # a note that begins again has ended
                notes.append((begun.pop(key), tick, message.note))
            if message.type == "note_on" and message.velocity > 0:
                begun[key] = tick
        endless += len(begun)
        notes += [(start, tick, pitch) for (_, pitch), start in begun.items()]
    if not notes:
        raise DataError(f"{path}: holds no notes{f' but {drums:,} of drums' if drums else ''}; expected a melody")
    if drums:
        note(f"{path.name}: left out {drums:,} notes of drums")
    if endless:
        note(f"{path.name}: {endless:,} notes never end; they are held to the end of their track")
    return notes


def _sing(tones: list[_Tone], path: Path) -> Array:
    """Return the pitches (T,) of the highest tone in each row, and say what became of the others."""
    nearest = lambda time: int(np.floor(time + 0.5))
    spans = [(nearest(t.start), max(nearest(t.end), nearest(t.start) + 1)) for t in tones]
    highest = np.full(max(end for _, end in spans), -1)  # which note, in each row
    for k in sorted(range(len(tones)), key=lambda k: (tones[k].pitch, tones[k].start)):
        highest[slice(*spans[k])] = k
    begins = np.flatnonzero(highest >= 0)[0]
    rests = int(np.sum((highest[begins:-1] >= 0) & (highest[begins + 1 :] < 0)))
    for t in range(begins, len(highest)):
        highest[t] = highest[t - 1] if highest[t] < 0 else highest[t]
    heard = np.unique(highest[begins:])
    pitches = np.append(np.array([tone.pitch for tone in tones]), SILENCE)[highest]
    off = [abs(tones[k].start - round(tones[k].start)) for k in heard]
    changes = highest[1:] != highest[:-1]
    again = int(np.sum(changes & (pitches[1:] == pitches[:-1])))
    said = {
        f"left out {len(tones) - len(heard):,} of {len(tones):,} notes, below a higher one": len(tones) > len(heard),
        f"moved {np.sum(np.array(off) > 0.01):,} of {len(heard):,} notes to the nearest sixteenth, by up to"
        f" {max(off):.2f} of one": max(off) > 0.01,
        f"filled {rests:,} rests with the note before": rests,
        f"held {again:,} notes that repeat the one before: the grid does not tell them apart": again,
    }
    for sentence, is_so in said.items():
        if is_so:
            note(f"{path.name}: {sentence}")
    return pitches[begins // 4 * 4 :]


def _find_tempo(file: Any, path: Path) -> int:
    """Return the microseconds of a quarter note, the first of a file, and say what of its time is not followed."""
    everything = [message for track in file.tracks for message in track]
    tempi = [message.tempo for message in everything if message.type == "set_tempo"] or [500_000]  # the standard's
    metres = {f"{m.numerator}/{m.denominator}" for m in everything if m.type == "time_signature" and m.denominator > 4}
    if metres:
        note(f"{path.name}: its metre is {', '.join(sorted(metres))}; the beat that is counted is a quarter note")
    if not FASTEST <= tempi[0] <= SLOWEST:
        note(f"{path.name}: {6e7 / max(tempi[0], 1):.4g} quarters a minute; {6e7 / USUAL:.0f} instead")
        return USUAL
    if len(set(tempi)) > 1:
        note(f"{path.name}: its tempo changes; the first is kept, {6e7 / tempi[0]:.0f} quarters a minute")
    return int(tempi[0])


def fit(melody: Array, sung: Array) -> Array:
    """Return a melody (T,) in pitches that a voice has sung, those of `sung`, and say how it was moved.

    It is moved by octaves as a whole; then each note that is still outside.
    """
    sung = sung[sung != SILENCE]
    octaves = sorted(range(-120, 121, 12), key=lambda shift: (-np.isin(melody + shift, sung).sum(), abs(shift)))
    moved = melody + octaves[0]
    if octaves[0]:
        way = "up" if octaves[0] > 0 else "down"
        note(f"moved the melody {way} by {abs(octaves[0])} half tones, to where it can be sung")
    outside = ~np.isin(moved, sung)
    if outside.any():
        away = moved[outside, None] - sung  # a tone an octave off is taken before a nearer one of another name
        moved[outside] = sung[(np.abs(away) + 128 * (away % 12 != 0)).argmin(1)]
        note(f"moved {outside.sum()} of {len(moved)} sixteenths: the voice that was learned sings none so high or so low")
    return moved

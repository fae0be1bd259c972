"""Melodies: the highest voice of a MIDI file on the grid of sixteenths; what is left out is said, what is spoiled refused."""

import struct
import sys
import time

import numpy as np
import pytest

from tinygan.data import DataError, gather_notes, made_chorales
from tinygan.data.midi import MOST_BYTES, MOST_ROWS, fit, read_melody
from tinygan.plot.sound import write_midi

mido = pytest.importorskip("mido")
TICKS = 480  # a quarter


def number(n):
    """A whole number as MIDI writes lengths of time."""
    groups = [n & 0x7F]
    while n := n >> 7:
        groups.insert(0, 0x80 | n & 0x7F)
    return bytes(groups)


def midi(*tracks, kind=1, ticks=TICKS, count=None):
    """The bytes of a MIDI file; a track is a list of (ticks since the last message, its bytes)."""
    chunks = b""
    for messages in tracks:
        content = b"".join(number(wait) + message for wait, message in [*messages, (0, b"\xff\x2f\0")])
        chunks += b"MTrk" + struct.pack(">I", len(content)) + content
    return b"MThd" + struct.pack(">IHHh", 6, kind, len(tracks) if count is None else count, ticks) + chunks


def sung(*tones, channel=0):
    """Messages of tones (start, end, pitch), in sixteenths."""
    events = [(start, bytes([0x90 | channel, pitch, 64])) for start, _, pitch in tones]
    events += [(end, bytes([0x80 | channel, pitch, 0])) for _, end, pitch in tones]
    events.sort(key=lambda event: (event[0], event[1][0]))  # at equal times the end of a note comes before a beginning
    ticks = [round(when * TICKS / 4) for when, _ in events]
    return [(b - a, message) for a, b, (_, message) in zip([0, *ticks], ticks, events)]


def read(tmp_path, content):
    """The melody of these bytes, and what was said."""
    (tmp_path / "a.mid").write_bytes(content)
    with gather_notes() as notes:
        melody = read_melody(tmp_path / "a.mid")
    return melody, [note.removeprefix("a.mid: ") for note in notes]


SCALE = (0, 4, 60), (4, 6, 62), (6, 8, 64), (8, 16, 65)
ROWS = [60] * 4 + [62] * 2 + [64] * 2 + [65] * 8


def test_what_is_written_is_read(tmp_path):
    piece = made_chorales(1, bars=2)[0]
    write_midi(piece, tmp_path / "x.mid", 0.25)
    melody = read_melody(tmp_path / "x.mid")
    assert (melody.pitches == piece[:, 0]).all() and melody.row == 0.25 and melody.pitches.dtype == np.int64


def test_a_plain_melody_needs_no_words(tmp_path):
    melody, said = read(tmp_path, midi(sung(*SCALE), kind=0))
    assert melody.pitches.tolist() == ROWS and melody.row == 0.125 and not said


def test_two_tempi_and_another_metre(tmp_path):
    tempo = lambda n: b"\xff\x51\3" + n.to_bytes(3, "big")
    first = [(0, tempo(1_000_000)), (0, b"\xff\x58\4\6\3\x18\x08"), (480, tempo(500_000))]
    melody, said = read(tmp_path, midi(first, sung(*SCALE)))
    assert melody.row == 0.25 and melody.pitches.tolist() == ROWS
    assert said == [
        "its metre is 6/8; the beat that is counted is a quarter note",
        "its tempo changes; the first is kept, 60 quarters a minute",
    ]
    for slow in (0, 3_000_000):
        melody, said = read(tmp_path, midi([(0, tempo(slow))], sung(*SCALE)))
        assert melody.row == 0.16 and "94 instead" in said[0]


CHANGED = {
    "an upbeat": ([(6, 8, 60), (8, 12, 62)], [-1, -1, 60, 60] + [62] * 4, ["left out the silence before"]),
    "a chord": ([*SCALE, (0, 8, 50), (8, 12, 67)], [*ROWS[:8], *[67] * 4, *[65] * 4], ["left out 1 of 6 notes, below"]),
    "off the grid": ([(0.3, 4.2, 60), (3.8, 8, 62)], [60] * 4 + [62] * 4, ["moved 2 of 2 notes", "by up to 0.30 of one"]),
    "a beat, nearly": ([(3.7, 8, 60)], [60] * 4, ["moved 1 of 1 notes"]),
    "shorter than the grid": ([(0, 4, 60), (4, 4.2, 62)], [60] * 4 + [62], []),
    "rests": ([(0, 2, 60), (4, 6, 62), (7, 8, 60)], [60] * 4 + [62] * 3 + [60], ["filled 2 rests"]),
    "the same tone again": ([(0, 2, 60), (2, 4, 60)], [60] * 4, ["held 1 notes that repeat"]),
}


@pytest.mark.parametrize("tones, rows, words", CHANGED.values(), ids=CHANGED)
def test_what_is_changed_is_said(tmp_path, tones, rows, words):
    melody, said = read(tmp_path, midi(sung(*tones)))
    assert melody.pitches.tolist() == rows
    assert all(any(word in sentence for sentence in said) for word in words) and len(said) <= max(1, len(words))
    assert bool(said) == bool(words)


def test_drums_are_left_out_and_endless_notes_held(tmp_path):
    endless = [(0, b"\x90\x30\x40"), (1920, b"\x90\x31\0")]
    melody, said = read(tmp_path, midi(sung(*SCALE), sung((0, 20, 90), channel=9), endless))
    assert melody.pitches.tolist() == ROWS
    assert "left out 1 notes of drums" in said and any("1 notes never end" in sentence for sentence in said)


def test_a_note_that_begins_again_has_ended(tmp_path):
    melody, said = read(tmp_path, midi([(0, b"\x90\x3c\x40"), (480, b"\x90\x3c\x40"), (480, b"\x90\x3c\0")]))
    assert melody.pitches.tolist() == [60] * 8 and "held 1 notes" in said[0]


GOOD = midi(sung(*SCALE))
REFUSED = {
    "empty": (b"", "not a MIDI file"),
    "another file": (b"RIFF" + bytes(40), "not a MIDI file"),
    "truncated in its header": (GOOD[:10], "ends before its notes do"),
    "truncated in its track": (GOOD[:-9], "ends before its notes do"),
    "more tracks than it has": (midi(sung(*SCALE), count=2), "ends before its notes do"),
    "no tracks": (midi(), "holds no notes; expected a melody"),
    "no notes": (midi([(0, b"\xff\x51\3\7\xa1\x20")]), "holds no notes; expected a melody"),
    "drums alone": (midi(sung(*SCALE, channel=9)), "holds no notes but 4 of drums"),
    "several songs": (midi(sung(*SCALE), kind=2), "of several songs; expected one song"),
    "time in seconds": (midi(sung(*SCALE), ticks=-6360), "of time in seconds; expected one song, in beats"),
    "no ticks": (midi(sung(*SCALE), ticks=0), "of time in seconds"),
    "a number too large": (midi([(0, b"\x90\x3c\xff")]), "a spoiled MIDI file"),
    "a chunk of another name": (GOOD.replace(b"MTrk", b"XTrk"), "a spoiled MIDI file"),
    "an unknown key": (midi([(0, b"\xff\x59\2\x40\x09"), *sung(*SCALE)]), "a spoiled MIDI file"),
    "too long": (midi(sung((0, MOST_ROWS + 9, 60))), f"lasts longer than {MOST_ROWS:,} sixteenth notes"),
    "as long as numbers go": (midi([(0, b"\x90\x3c\x40"), (2**2000, b"\x80\x3c\0")]), "the most that are read; cut it"),
    "too large": (GOOD + bytes(MOST_BYTES), "larger than"),
}


@pytest.mark.parametrize("content, words", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_said_in_a_sentence(tmp_path, content, words):
    with pytest.raises(DataError) as caught:
        read(tmp_path, content)
    message = str(caught.value)
    assert "a.mid" in message and words in message and "\n" not in message and len(message) < 400


def test_a_number_without_end_is_soon_refused(tmp_path):
    content = GOOD[:14] + b"MTrk" + struct.pack(">I", MOST_BYTES) + b"\x81" * (MOST_BYTES - 30)
    begun = time.process_time()
    with pytest.raises(DataError, match="a number without end"):
        read(tmp_path, content)
    assert time.process_time() - begun < 1


def test_spoiled_files_are_refused_or_read(tmp_path):
    """Bytes of a good file changed at random: a melody or a DataError, never another error."""
    rng, refused = np.random.default_rng(0), 0
    for _ in range(100):
        content = np.frombuffer(GOOD, np.uint8).copy()
        content[rng.integers(8, len(content), 3)] = rng.integers(0, 256, 3)
        try:
            melody, _ = read(tmp_path, content.tobytes())
            assert len(melody.pitches) <= MOST_ROWS + 4 and melody.pitches.max() <= 127
        except DataError:
            refused += 1
    assert 20 < refused < 95


def test_a_missing_file_and_a_missing_reader(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="no such file"):
        read_melody(tmp_path / "none.mid")
    with pytest.raises(DataError, match="is not a regular file"):
        read_melody(tmp_path)
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(DataError, match="pip install mido"):
        read_melody(tmp_path / "none.mid")


SUNG = np.array([-1, *range(60, 82)])
FITTED = {
    "sung as it is": ([60, 81, 70], [60, 81, 70], []),
    "a bass": ([40, 45, 47], [64, 69, 71], ["moved the melody up by 24 half tones"]),
    "a whistle": ([100, 103], [76, 79], ["moved the melody down by 24"]),
    "one note too high": ([62, 64, 65, 83, 67], [62, 64, 65, 71, 67], ["moved 1 of 5 sixteenths"]),
    "from end to end": ([0, 127, 60, 62], [60, 79, 60, 62], ["moved 2 of 4 sixteenths"]),
}


@pytest.mark.parametrize("melody, fitted, words", FITTED.values(), ids=FITTED)
def test_a_melody_is_moved_to_where_it_is_sung(melody, fitted, words):
    with gather_notes() as said:
        assert fit(np.array(melody), SUNG).tolist() == fitted
    assert len(said) == len(words) and all(word in sentence for word, sentence in zip(words, said))


def test_a_tone_that_is_sung_in_no_octave_becomes_the_nearest():
    assert fit(np.array([61, 61, 66]), np.array([-1, 60, 64])).tolist() == [60, 60, 64]

"""Pieces of music become notes, sound, WAV and MIDI files."""

import wave

import numpy as np
import pytest

from tinygan.data.waves import write_wave
from tinygan.plot.sound import RATE, Note, notes, render, write_midi

PIECE = np.array([[60, 48], [60, 48], [-1, 48], [62, 50], [62, -1]])
NOTES = [Note(0, 60, 0, 2), Note(0, 62, 3, 2), Note(1, 48, 0, 3), Note(1, 50, 3, 1)]


def test_notes_are_held_until_the_pitch_changes():
    assert notes(PIECE) == NOTES
    for wrong in (PIECE.astype(float), PIECE[0], PIECE + 100):
        with pytest.raises(ValueError, match="a piece is integers"):
            notes(wrong)


def test_a_tone_sounds_at_its_pitch_and_nothing_clicks(tmp_path):
    sound = render(np.full((8, 1), 69))  # the A of 440 Hz
    energy = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert frequency[energy.argmax()] == pytest.approx(440, abs=1)
    assert energy[frequency > 9 * 440].sum() < 1e-6 * energy.sum()  # a click has all frequencies
    assert np.abs(sound).max() == pytest.approx(0.8) and sound[0] == 0 and not sound[-RATE // 2 :].any()
    chord = render(PIECE)
    high = np.fft.rfftfreq(len(chord), 1 / RATE) > 4000
    energy = np.abs(np.fft.rfft(chord)) ** 2
    assert energy[high].sum() < 1e-6 * energy.sum()
    assert not render(np.full((4, 2), -1)).any()

    write_wave(tmp_path / "x.wav", chord, RATE)
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getparams()[:4] == (1, 2, RATE, len(chord))
        read = np.frombuffer(file.readframes(len(chord)), "<i2")
    np.testing.assert_allclose(read / 32767, chord, atol=2e-5)


def test_a_midi_file_says_the_notes(tmp_path):
    """Read by the few lines of the standard that it needs; mido reads it too, where it is installed."""
    write_midi(PIECE, tmp_path / "x.mid", row=0.125)
    content = (tmp_path / "x.mid").read_bytes()
    assert content[:14] == b"MThd\0\0\0\6\0\1\0\3" + (480).to_bytes(2, "big")
    assert b"\xff\x51\x03" + (500_000).to_bytes(3, "big") in content
    mido = pytest.importorskip("mido")
    file, found = mido.MidiFile(tmp_path / "x.mid"), []
    for voice, track in enumerate(file.tracks[1:]):
        tick, sounding = 0, {}
        for message in track:
            tick += message.time
            if message.type == "note_on":
                sounding[message.note] = tick
            elif message.type == "note_off":
                start = sounding.pop(message.note)
                found.append(Note(voice, message.note, start // 120, (tick - start) // 120))
        assert not sounding
    assert found == NOTES and file.length == pytest.approx(5 * 0.125)

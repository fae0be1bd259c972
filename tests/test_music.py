"""Music: the chorales' file, read whole or refused in a sentence; crops; made pieces; sound; what is counted."""

import json
import wave

import numpy as np
import pytest

from tinygan.data import DataError, chorales, crops, made_chorales, read_chorales
from tinygan.data.sound import RATE, Note, notes, sounded, write_midi, write_wav
from tinygan.metrics.music import histograms, music_scores, total_variation

GOOD = {"train": [[[60, 55, 52, 48], [60, None, -1, 48.0]]], "valid": [[[1, 2, 3, 4]]], "test": [[[1, 2, 3, 127]]]}


def read(tmp_path, content):
    path = tmp_path / "music.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_chorales(path)


def test_what_is_read(tmp_path):
    found = read(tmp_path, GOOD)
    assert found["train"][0].tolist() == [[60, 55, 52, 48], [60, -1, -1, 48]]
    assert found["train"][0].dtype == np.int64 and found["test"][0].shape == (1, 4)


HOSTILE = {
    "empty": (b"", "not JSON"),
    "truncated": (json.dumps(GOOD).encode()[:-5], "not JSON"),
    "deep": (b"[" * 200_000, "not JSON"),
    "long number": (b'{"train": [[[' + b"1" * 5000 + b"]]]}", "too many digits|not JSON"),
    "not UTF-8": (b"\xff\xfe", "not UTF-8"),
    "a list": ([1, 2], "train, valid and test"),
    "other keys": ({"train": [[[1]]]}, "train, valid and test"),
    "no pieces": (GOOD | {"test": []}, "test is not a list of pieces"),
    "a number for a piece": (GOOD | {"test": [3]}, "piece 0 of test is not a list"),
    "an empty piece": (GOOD | {"test": [[]]}, "piece 0 of test is not a list"),
    "an empty first piece": (GOOD | {"train": [[]]}, "piece 0 of train is not a list"),
    "rows without voices": ({k: [[[]]] for k in GOOD}, "piece 0 of train is not a list"),
    "three voices": (GOOD | {"valid": [[[1, 2, 3, 4], [1, 2, 3]]]}, "row 1 is not a list of 4"),
    "a word": (GOOD | {"valid": [[[1, 2, 3, "c"]]]}, "row 0: c is not a pitch"),
    "a truth": (GOOD | {"valid": [[[1, 2, 3, True]]]}, "True is not a pitch"),
    "between keys": (GOOD | {"valid": [[[1, 2, 3, 60.5]]]}, "60.5 is not a pitch"),
    "too high": (GOOD | {"valid": [[[1, 2, 3, 128]]]}, "128 is not a pitch"),
    "nan": (GOOD | {"valid": [[[1, 2, 3, float("nan")]]]}, "nan is not a pitch"),
    "infinity": (GOOD | {"valid": [[[1, 2, 3, float("inf")]]]}, "inf is not a pitch"),
    "a list for a pitch": (GOOD | {"valid": [[[1, 2, 3, []]]]}, "is not a pitch"),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(tmp_path, case):
    with pytest.raises(DataError, match=case[1]) as caught:
        read(tmp_path, case[0])
    message = str(caught.value)
    assert "music.json" in message and "\n" not in message and len(message) < 500


def test_a_missing_file_and_an_unknown_split(tmp_path):
    with pytest.raises(DataError, match="Jsb16thSeparated.json: not found"):
        chorales(folder=tmp_path)
    with pytest.raises(ValueError, match="unknown split 'all'"):
        chorales("all")


def test_crops():
    pieces = [np.arange(20).reshape(5, 4), np.zeros((1, 4), int), np.ones((3, 4), int)]
    found = crops(pieces, 2)
    assert found.shape == (3, 2, 4) and found[1].tolist() == pieces[0][2:4].tolist()
    assert crops(pieces, 2, 1).shape == (6, 2, 4)
    with pytest.raises(DataError, match="no piece has 6 rows, the longest has 5"):
        crops(pieces, 6)
    with pytest.raises(ValueError, match="expected 1 or more"):
        crops(pieces, 0)


def test_the_chorales():
    try:
        train, valid, test = (chorales(split) for split in ("train", "valid", "test"))
    except DataError as error:
        pytest.skip(str(error))
    assert (len(train), len(valid), len(test)) == (229, 76, 77)
    pitches = np.concatenate(train + valid + test)
    assert pitches.shape[1] == 4 and pitches.min() == -1 and 80 <= pitches.max() <= 84
    assert (pitches[:, 0] >= pitches[:, 3]).mean() > 0.98  # the soprano sings above the bass


# --- made pieces -----------------------------------------------------------------------------------------------


def test_made_chorales_are_chords_of_a_key():
    pieces = made_chorales(20, bars=4)
    assert all(piece.shape == (64, 4) and piece.min() >= 36 and piece.max() <= 81 for piece in pieces)
    assert all((piece == again).all() for piece, again in zip(pieces, made_chorales(20, bars=4)))
    for piece in pieces:
        tonic = piece[-1, 3] % 12
        assert set((piece % 12 - tonic).ravel() % 12) <= {0, 2, 4, 5, 7, 9, 11}  # nothing outside the scale
        assert set((piece[-1] % 12 - tonic) % 12) <= {0, 4, 7}


# --- sound -----------------------------------------------------------------------------------------------------

PIECE = np.array([[60, 48], [60, 48], [-1, 48], [62, 50], [62, -1]])
NOTES = [Note(0, 60, 0, 2), Note(0, 62, 3, 2), Note(1, 48, 0, 3), Note(1, 50, 3, 1)]


def test_notes_are_held_until_the_pitch_changes():
    assert notes(PIECE) == NOTES
    for wrong in (PIECE.astype(float), PIECE[0], PIECE + 100):
        with pytest.raises(ValueError, match="a piece is integers"):
            notes(wrong)


def test_a_tone_sounds_at_its_pitch_and_nothing_clicks(tmp_path):
    sound = sounded(np.full((8, 1), 69))  # the A of 440 Hz
    energy = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert frequency[energy.argmax()] == pytest.approx(440, abs=1)
    assert energy[frequency > 9 * 440].sum() < 1e-6 * energy.sum()  # a click has all frequencies
    assert np.abs(sound).max() == pytest.approx(0.8) and sound[0] == 0 and not sound[-RATE // 2 :].any()
    chord = sounded(PIECE)
    high = np.fft.rfftfreq(len(chord), 1 / RATE) > 4000
    energy = np.abs(np.fft.rfft(chord)) ** 2
    assert energy[high].sum() < 1e-6 * energy.sum()
    assert not sounded(np.full((4, 2), -1)).any()

    write_wav(chord, tmp_path / "x.wav")
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


# --- what is counted -------------------------------------------------------------------------------------------


def test_histograms_count_by_hand():
    found = histograms(PIECE[None])
    assert {k: v for k, v in enumerate(found["pitch_class"].tolist()) if v} == {0: 5, 2: 3}
    assert {k - 12: v for k, v in enumerate(found["interval"].tolist()) if v} == {2: 1}  # 48, 50; a rest ends a line
    assert {k: v for k, v in enumerate(found["harmony"].tolist()) if v} == {0: 3}
    assert found["polyphony"].tolist() == [0, 2, 3]
    assert {k + 1: v for k, v in enumerate(found["held"].tolist()) if v} == {1: 1, 2: 2, 3: 1}
    unison = histograms(np.array([[[60, 60], [60, 55]]]))
    assert unison["polyphony"].tolist() == [0, 1, 1]


def test_scores_of_music():
    assert total_variation([1, 1, 0], [0, 1, 1]) == 0.5
    pieces = np.stack(made_chorales(12, bars=2))
    assert set(music_scores(pieces, pieces[::-1]).values()) == {0.0}
    assert music_scores(pieces, pieces + 1)["interval"] == 0 and music_scores(pieces, pieces + 1)["pitch_class"] > 0.1
    rest = np.full_like(pieces, -1)
    assert set(music_scores(pieces, rest).values()) == {1.0} and set(music_scores(rest, rest).values()) == {0.0}
    with pytest.raises(ValueError, match="not as many voices"):
        music_scores(pieces, pieces[:, :, :2])
    with pytest.raises(ValueError, match="expected integers"):
        histograms(pieces / 2)

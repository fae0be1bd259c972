"""Chorales: their file, read whole or refused in a sentence; crops; made pieces."""

import json

import numpy as np
import pytest

from tinygan.data import DataError, chorales, crops, made_chorales, read_chorales

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

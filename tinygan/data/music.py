"""Music as a table: four voices on a grid of sixteenth notes. Bach's chorales from the JSON file of J. S. B. Chorales.

A piece is an array (T, 4), a row a sixteenth, soprano to bass, each a MIDI pitch (60 is middle C) or -1 for silence. A
held note is its pitch again in the next row: the file does not tell it from a repeated one.
"""

import json
import operator

import numpy as np

from .files import DataError, find_file
from .text import read_text

SILENCE = -1


def chorales(split="train", folder=None):
    """Bach's four-part chorales: 229 to train on ("train"), 76 ("valid") or 77 ("test"), a list of arrays (T, 4) int64.

    Jsb16thSeparated.json is looked for in `folder`, else in $TINYGAN_DATA/music. Raises DataError.
    Boulanger-Lewandowski et al. 2012; in four voices by Huang et al. 2017.
    """
    if split not in ("train", "valid", "test"):
        raise ValueError(f"unknown split {split!r}: expected 'train', 'valid' or 'test'")
    file = "Jsb16thSeparated.json"
    return read_chorales(find_file(file, folder=folder) if folder else find_file(f"music/{file}"))[split]


def read_chorales(path, max_bytes=1 << 26):
    """{split: list of pieces (T, voices) int64} of a JSON file {split: [[[pitch, ...], ...], ...]}; null is silence.

    Raises DataError unless it is that, all rows have as many voices, and pitches are whole and in -1..127.
    """
    try:
        found = json.loads(read_text(path, max_bytes))
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "nested too deep"
        raise DataError(f"{path}: not JSON ({where}); download it again") from None
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: holds a number of too many digits; download it again") from None
    if not isinstance(found, dict) or set(found) != {"train", "valid", "test"}:
        raise DataError(f"{path}: expected an object with the lists train, valid and test; another file?")
    voices, splits = None, {}
    for split, pieces in found.items():
        if not isinstance(pieces, list) or not pieces:
            raise DataError(f"{path}: {split} is not a list of pieces")
        splits[split] = []
        for k, rows in enumerate(pieces):
            voices = voices or _voices(rows)
            splits[split].append(_piece(rows, voices, f"{path}: piece {k} of {split}"))
    return splits


def _voices(rows):
    return len(rows[0]) if isinstance(rows, list) and rows and isinstance(rows[0], list) else None


def _piece(rows, voices, where):
    if not isinstance(rows, list) or not rows or not voices:
        raise DataError(f"{where} is not a list of rows of pitches")
    for t, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != voices:
            raise DataError(f"{where}: row {t} is not a list of {voices} pitches")
        for pitch in row:
            whole = isinstance(pitch, int | float) and not isinstance(pitch, bool) and pitch == pitch // 1
            if pitch is not None and not (whole and -1 <= pitch <= 127):
                raise DataError(f"{where}: row {t}: {str(pitch)[:20]} is not a pitch: expected -1, for silence, to 127")
    return np.array([[SILENCE if p is None else int(p) for p in row] for row in rows], np.int64)


def crops(pieces, length, stride=None):
    """All runs of `length` rows of the pieces (T, voices), `stride` apart: (N, length, voices).

    By default one after the other, without overlap. Pieces that are shorter give none; DataError if all are.
    """
    length = operator.index(length)
    stride = length if stride is None else operator.index(stride)
    if length < 1 or stride < 1:
        raise ValueError(f"crops: length {length}, stride {stride}: expected 1 or more")
    found = [piece[start : start + length] for piece in pieces for start in range(0, len(piece) - length + 1, stride)]
    if not found:
        longest = max(map(len, pieces), default=0)
        raise DataError(f"no piece has {length} rows, the longest has {longest}; take shorter crops")
    return np.stack(found)

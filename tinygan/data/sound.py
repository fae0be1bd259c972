"""Music as a table: four voices on a grid of sixteenth notes, from Bach's chorales or made here.

A piece is an array (T, 4): a row is a sixteenth note, the columns are soprano to bass, and a number is a MIDI pitch (60
is middle C) or -1 for silence. A held note repeats its pitch in the next row; the data do not tell it from a repeated
note. `tinygan.plot.sound` turns a piece into sound, `tinygan.metrics.sound` compares pieces.
"""

import json
import operator
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinygan.backend import Array, stream

from .files import DataError, check_split, find_file, read_text

SILENCE = -1


def chorales(split: str = "train", folder: str | Path | None = None) -> list[Array]:
    """Return Bach's four-part chorales, 229 ("train"), 76 ("valid") or 77 ("test"): a list of arrays (T, 4) int64.

    Jsb16thSeparated.json comes from `folder`, else from $TINYGAN_DATA/music; DataError if it is missing.
    Boulanger-Lewandowski et al. 2012; in four voices by Huang et al. 2017.
    """
    check_split(split, ("train", "valid", "test"))
    file = "Jsb16thSeparated.json"
    return read_chorales(find_file(file, folder=folder) if folder else find_file(f"music/{file}"))[split]


def read_chorales(path: str | Path, max_bytes: int = 1 << 26) -> dict[str, list[Array]]:
    """Return {split: pieces (T, voices) int64} of a JSON file {split: [[[pitch, ...], ...], ...]}; null is silence.

    DataError for any other content, for rows with different numbers of voices, and for a pitch that is not an integer
    from -1 to 127.
    """
    try:
        content = json.loads(read_text(path, max_bytes))
    except (json.JSONDecodeError, RecursionError) as error:
        where = f"line {error.lineno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "nested too deep"
        raise DataError(f"{path}: not JSON ({where}); download it again") from None
    except ValueError as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: holds a number of too many digits; download it again") from None
    if not isinstance(content, dict) or set(content) != {"train", "valid", "test"}:
        raise DataError(f"{path}: expected an object with the lists train, valid and test; another file?")
    voices: int | None = None
    splits: dict[str, list[Array]] = {}
    for split, pieces in content.items():
        if not isinstance(pieces, list) or not pieces:
            raise DataError(f"{path}: {split} is not a list of pieces")
        splits[split] = []
        for k, rows in enumerate(pieces):
            voices = voices or _count_voices(rows)
            splits[split].append(_piece(rows, voices, f"{path}: piece {k} of {split}"))
    return splits


def _count_voices(rows: object) -> int | None:
    return len(rows[0]) if isinstance(rows, list) and rows and isinstance(rows[0], list) else None


def _piece(rows: object, voices: int | None, where: str) -> Array:
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


def crops(pieces: Sequence[Array], length: int, stride: int | None = None) -> Array:
    """Return all runs of `length` rows of the pieces (T, voices), `stride` apart: (N, length, voices).

    By default stride = length: crops follow each other without overlap. A shorter piece gives no crop; DataError if all
    pieces are shorter.
    """
    length = operator.index(length)
    stride = length if stride is None else operator.index(stride)
    if length < 1 or stride < 1:
        raise ValueError(f"crops: length {length}, stride {stride}: expected 1 or more")
    runs = [piece[start : start + length] for piece in pieces for start in range(0, len(piece) - length + 1, stride)]
    if not runs:
        longest = max(map(len, pieces), default=0)
        raise DataError(f"no piece has {length} rows, the longest has {longest}; take shorter crops")
    return np.stack(runs)


# --- made here, without a file ---------------------------------------------------------------------------------

# A chord is its step in the scale, from 0; after each chord, those that textbook harmony allows next
_NEXT = {0: (0, 3, 4, 5, 1), 1: (4,), 3: (4, 1, 0), 4: (0, 0, 5), 5: (3, 1)}
_SCALE = np.array([0, 2, 4, 5, 7, 9, 11])
_RANGES = ((60, 79), (55, 72), (48, 67), (40, 60))  # soprano to bass


def made_chorales(n: int = 200, bars: int = 8, seed: int = 0) -> list[Array]:
    """Return n invented pieces in four voices, arrays (16 bars, 4): chords of a major key that lead to its tonic.

    A chord lasts a quarter. The bass sings its root; each other voice sings the tone of the chord nearest to its last
    one. Some voices pass through the step of the scale between two tones in an eighth.
    """
    return [_made_chorale(stream(seed, "made chorales", k), 4 * bars) for k in range(n)]


def _made_chorale(rng: np.random.Generator, quarters: int) -> Array:
    key = rng.integers(-5, 7)
    chords = [0]
    while len(chords) < quarters - 2:
        chords.append(int(rng.choice(_NEXT[chords[-1]])))
    chords += [4, 0]
    last = [72, 64, 55, 48]
    tones = np.empty((quarters, 4), np.int64)
    for t, chord in enumerate(chords):
        classes = (_SCALE[(chord + np.array([0, 2, 4])) % 7] + key) % 12
        for voice, (low, high) in enumerate(_RANGES):
            wanted = classes[:1] if voice == 3 else classes
            reachable = [p for p in range(low, high + 1) if p % 12 in wanted]
            distances = [
                abs(p - last[voice]) + 0.9 * rng.random() for p in reachable
            ]  # of two near tones either may win
            last[voice] = reachable[distances.index(min(distances))]
        tones[t] = last
    piece = tones.repeat(4, 0)  # (16 bars, 4)
    scale = set(((_SCALE + key) % 12).tolist())
    for t, voice in zip(*np.nonzero(rng.random((quarters - 1, 4)) < 0.3)):
        between = range(*sorted(tones[t : t + 2, voice].tolist()))[1:]
        passing = [p for p in between if p % 12 in scale]
        if len(passing) == 1:
            piece[4 * t + 2 : 4 * t + 4, voice] = passing[0]
    return piece

"""Moving digits: a handwritten digit goes along one of six paths, round and round, on a dark ground of 24x24.

The digits are MNIST's, halved to 12x12, or those that come with tinygan. Which picture of a digit moves, where its path
lies and where on it the clip begins is left to chance; `read_path` finds the path again, from the centre of mass of every
frame. Srivastava et al. 2015 let two digits bounce; here each clip has a name.
"""

import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tinygan.backend import Array
from tinygan.ops import interpolate

from ..files import DataError, find_file, note
from ..pictures.datasets import digits, mnist
from ..speech import WORDS

SIDE, GLYPH = 24, 12  # of a frame, and of a digit
REACH, PERIOD = 5.0, 16  # pixels from the middle of a path to its ends; frames until it begins again
WANDER = 0.9  # pixels that the middle of a path is off the middle of the frame, at most
PATHS: dict[str, Callable] = {  # (x, y) at angle a, y downward: how it is said
    "left and right": lambda a: (np.cos(a), 0 * a),
    "up and down": lambda a: (0 * a, np.cos(a)),
    "on a rising line": lambda a: (np.cos(a), -np.cos(a)),
    "on a falling line": lambda a: (np.cos(a), np.cos(a)),
    "clockwise": lambda a: (np.cos(a), np.sin(a)),
    "anticlockwise": lambda a: (np.cos(a), -np.sin(a)),
}
PARTS = ("train", "unseen", "held_out")


class Move(NamedTuple):
    """A digit, 0 to 9, and the name of its path."""

    digit: int
    path: str


def is_held_out(move: Move) -> bool:
    """Return whether no generator sees this digit on this path: ten of the sixty pairs."""
    return list(PATHS).index(move.path) == (5 * move.digit + 2) % len(PATHS)


ALL = [Move(digit, path) for digit in range(10) for path in PATHS]


class DigitClips:
    """The world of moving digits. Parts: "train", "unseen" (pictures of digits that training lacks), "held_out" (pairs)."""

    name, shape = "digits", (1, SIDE, SIDE)
    shown, motion, steps = {"digit": 10}, {"path": len(PATHS)}, 0

    def __init__(self, source: str = "") -> None:
        """source: whose digits move, "mnist" or "digits", those that come with tinygan; "": MNIST's if it is at hand."""
        self.source = source or ("mnist" if _has_mnist() else "digits")
        self.saved = {"world": self.name, "source": self.source}  # by a run

    def scenes(self, part: str, n: int, rng: np.random.Generator) -> list[Move]:
        """Return n moves of a part of the world; see PARTS."""
        if part not in PARTS:
            raise ValueError(f"DigitClips.scenes: no part {part!r}: expected one of {', '.join(PARTS)}")
        fitting = [move for move in ALL if is_held_out(move) == (part == "held_out")]
        return [fitting[i] for i in rng.integers(len(fitting), size=n)]

    def draw(self, scenes: Sequence[Move], frames: int, rng: np.random.Generator, part: str = "train") -> Array:
        """Return clips (N, frames, 1, 24, 24), float32 in [-1, 1]. What a move leaves open is drawn from rng.

        part: whose pictures of digits move; "train", or those that training lacks.
        """
        of_digit = read_glyphs(self.source, part == "train")
        glyphs = np.stack([of_digit[move.digit][rng.integers(len(of_digit[move.digit]))] for move in scenes])
        begin = rng.uniform(0, PERIOD, len(scenes))[:, None]
        middle = (SIDE - GLYPH) / 2 + rng.uniform(-WANDER, WANDER, (len(scenes), 1, 2))
        at = np.stack([track(move.path, begin[k] + np.arange(frames)) for k, move in enumerate(scenes)])
        at = (at + middle).astype(np.float32)  # (N, frames, 2): x, y of the digit's upper left corner
        across, down = (_spread(at[..., k]) for k in range(2))  # (N, frames, 24, 12)
        ink = down @ glyphs[:, None] @ across.swapaxes(2, 3)
        return 2 * ink[:, :, None] - 1

    def rows(self, scenes: Sequence[Move]) -> Array:
        """Return the labels of moves, (N, 2): the digit and the number of the path."""
        return np.array([[move.digit, list(PATHS).index(move.path)] for move in scenes]).reshape(-1, 2)

    def say(self, move: Move, rng: np.random.Generator) -> str:
        """Return a sentence about a move."""
        digit = (str(move.digit), WORDS[move.digit])[rng.integers(2)]
        return f"{'an' if move.digit == 8 else 'a'} {digit} {('moves', 'goes')[rng.integers(2)]} {move.path}"

    def read(self, sentence: str) -> Move:
        """Return the move that a sentence tells. DataError if it does not say which digit and which path."""
        text = " ".join(re.findall(r"[a-z]+|[0-9]", sentence.lower()))
        digits = {k for k, word in enumerate(WORDS) if re.search(rf"\b({k}|{word})\b", text)}
        paths = [path for path in PATHS if re.search(rf"\b{path}\b", text)]
        if len(digits) != 1 or len(paths) != 1:
            known = ", ".join(PATHS)
            raise DataError(f'{sentence!r}: expected a digit and a path ({known}), such as "a seven moves clockwise"')
        return Move(digits.pop(), paths[0])


def track(path: str, frame: Array) -> Array:
    """Return where a path is at these frames (T,), pixels from its middle: (T, 2), x and y."""
    return REACH * np.stack(PATHS[path](2 * np.pi / PERIOD * np.asarray(frame)), -1)


def _spread(at: Array) -> Array:
    """Return how much of each line of a digit that begins at line `at` (N, T) falls on each of a frame: (N, T, 24, 12)."""
    lines = np.arange(SIDE, dtype=np.float32)[:, None] - np.arange(GLYPH, dtype=np.float32)
    return np.maximum(0, 1 - abs(lines - at[..., None, None]))


# --- pictures of digits --------------------------------------------------------------------------------------------


def _has_mnist() -> bool:
    """Return whether MNIST is in TINYGAN_DATA; it is not downloaded."""
    try:
        for part in ("train", "t10k"):
            find_file(f"mnist/{part}-images-idx3-ubyte.gz")
    except DataError as error:
        note(f"the digits that come with tinygan move, not MNIST's: {error}")
        return False
    return True


def read_glyphs(source: str, to_learn: bool) -> list[Array]:
    """Return for each digit pictures of it, (n, 12, 12) in [0, 1], to learn from or others; source: "mnist" or "digits"."""
    return _read_glyphs(source, to_learn, os.environ.get("TINYGAN_DATA"))


@lru_cache(4)
def _read_glyphs(source: str, to_learn: bool, folder: str | None) -> list[Array]:
    read = mnist if source == "mnist" else digits
    images, labels = read("train" if to_learn else "test")
    if source == "mnist":  # a digit lies in the middle 20x20
        small = images[:20_000, 0, 2:26, 2:26].reshape(-1, GLYPH, 2, GLYPH, 2).mean((2, 4))
    else:
        small = np.clip(interpolate(images, size=(GLYPH, GLYPH), mode="bicubic"), 0, 1)[:, 0]
    return [small[labels[: len(small)] == digit].astype(np.float32) for digit in range(10)]


# --- which path a clip shows ---------------------------------------------------------------------------------------

WINDOW = PERIOD // 2  # frames that are looked at together
NEAR = 1.0  # pixels: the largest root mean square distance of a window from a path
_STARTS = 64  # places where a window may begin on a path


def centres(clips: Array) -> Array:
    """Return the centre of mass of each frame of clips (N, T, 1, 24, 24): (N, T, 2), x and y in pixels; nan if it is dark."""
    ink = np.clip((np.asarray(clips, np.float64)[:, :, 0] + 1) / 2 - 0.1, 0, 1)
    mass, grid = ink.sum((2, 3)), np.arange(ink.shape[-1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([(ink.sum(2) @ grid) / mass, (ink.sum(3) @ grid) / mass], -1)


def read_path(clips: Array) -> list[str | None]:
    """Return the path that each clip (N, T, 1, 24, 24) shows in all its windows of 8 frames, None if it keeps to none.

    A window shows the path that it is nearest to, if it is near: within a pixel, root mean square, at the right speed.
    """
    at = centres(clips)
    frames = at.shape[1]
    if frames < WINDOW:
        raise ValueError(f"read_path: clips of {frames} frames: a path is read of {WINDOW} or more")
    seen = [_read_window(at[:, k : k + WINDOW]) for k in range(0, frames - WINDOW + 1, WINDOW // 2)]
    return [found[0] if len({*found}) == 1 else None for found in zip(*seen)]


def _read_window(at: Array) -> list[str | None]:
    """Return the path of tracks (N, 8, 2), None where none is near."""
    begin = PERIOD * np.arange(_STARTS) / _STARTS
    paths = np.stack([track(path, begin[:, None] + np.arange(WINDOW)) for path in PATHS])  # (paths, starts, 8, 2)
    paths = paths - paths.mean(2, keepdims=True)
    moved = at - at.mean(1, keepdims=True)
    far = np.square(moved[:, None, None] - paths).sum(4).mean(3).min(2)  # (N, paths): nearest start
    best = far.argmin(1)
    return [list(PATHS)[k] if row[k] <= NEAR**2 else None for k, row in zip(best, far)]

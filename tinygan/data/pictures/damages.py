"""Pictures that are damaged on purpose: holes, text laid over them, noise and more. `restore` repairs them.

    damage(pictures, "holes", rng) -> (damaged pictures, mask)

Pictures are arrays (N, C, h, w) of values from -1 to 1; a mask (N, 1, h, w) is 1 where a picture was damaged. What a hole
held is gone: it is grey, 0. `KINDS` are those that `restore` learns to repair, `OTHERS` those that it never saw.
"""

from collections.abc import Callable

import numpy as np

from tinygan.backend import Array

KINDS = ("holes", "text", "noise")
OTHERS = ("scratches", "dots", "half")
DEVIATION = 0.3  # of the noise; black and white are 2 apart


def damage(pictures: Array, kind: str, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return (damaged pictures, float32 in [-1, 1], mask) of pictures; each is damaged in its own way."""
    if kind not in _DAMAGES:
        raise ValueError(f"damage: kind {kind!r}: expected {', '.join(_DAMAGES)}")
    n, channels, height, width = pictures.shape
    if min(height, width) < 8:
        raise ValueError(f"damage: pictures of {height}x{width}: expected sides of at least 8")
    cover, value = _DAMAGES[kind](n, channels, height, width, rng)  # (N, 1, h, w) from 0 to 1; what is laid over
    if kind == "noise":
        damaged = pictures + value
    else:
        damaged = pictures * (1 - cover) + value * cover
    return damaged.clip(-1, 1).astype(np.float32), (cover > 0).astype(np.float32)


def _holes(n: int, channels: int, height: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """One to three grey rectangles, with sides from a fifth to two fifths of the picture's."""
    cover = np.zeros((n, 1, height, width), np.float32)
    for mask in cover:
        for _ in range(rng.integers(1, 4)):
            h, w = (int(rng.integers(side // 5, 2 * side // 5 + 1)) for side in (height, width))
            top, left = rng.integers(0, (height - h + 1, width - w + 1))
            mask[:, top : top + h, left : left + w] = 1
    return cover, np.float32(0)  # type: ignore[return-value]


def _text(n: int, channels: int, height: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Lines of letters, 5 pixels high, in one colour, light or dark; a little of the picture shines through."""
    cover = np.zeros((n, 1, height, width), np.float32)
    for mask in cover:
        opacity, top = rng.uniform(0.6, 0.95), int(rng.integers(0, 6))
        while top + 5 <= height:
            line = np.concatenate([_LETTERS[k] for k in rng.integers(0, len(_LETTERS), width // 4 + 1)], 1)
            mask[:, top : top + 5] = opacity * line[:, :width]
            top += int(rng.integers(8, 12))
    colour = np.where(rng.random((n, 1, 1, 1)) < 0.5, -1, 1) * rng.uniform(0.6, 1, (n, channels, 1, 1))
    return cover, colour.astype(np.float32)


def _noise(n: int, channels: int, height: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Normal noise on every value."""
    noise = DEVIATION * rng.standard_normal((n, channels, height, width), np.float32)
    return np.ones((n, 1, height, width), np.float32), noise


def _scratches(n: int, channels: int, height: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Four to six white lines from side to side, a pixel wide."""
    cover = np.zeros((n, 1, height, width), np.float32)
    x = np.arange(width)
    for mask in cover:
        for a, b in rng.uniform(0, height - 1, (rng.integers(4, 7), 2)):
            y = np.rint(a + (b - a) * x / (width - 1)).astype(int)
            mask[0, y, x] = 1
    return cover, np.float32(1)  # type: ignore[return-value]


def _dots(n: int, channels: int, height: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """A fifth of the pixels are black or white: salt and pepper."""
    cover = rng.random((n, 1, height, width)) < 0.2
    return cover.astype(np.float32), np.where(rng.random(cover.shape) < 0.5, -1, 1).astype(np.float32)


def _half(n: int, channels: int, height: int, width: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """The left or the right half is missing."""
    cover = np.zeros((n, 1, height, width), np.float32)
    for mask, left in zip(cover, rng.random(n) < 0.5):
        mask[..., : width // 2 if left else None] = 1
        mask[..., : 0 if left else width // 2] = 0
    return cover, np.float32(0)  # type: ignore[return-value]


_DAMAGES: dict[str, Callable] = {
    "holes": _holes, "text": _text, "noise": _noise, "scratches": _scratches, "dots": _dots, "half": _half,
}  # fmt: skip

# Letters of 3x5 pixels and a free column: a digit a row, from the top; 4, 2 and 1 are its left, middle and right pixel.
_ROWS = (
    "25755 65656 34443 65556 74647 74644 34553 55755 72227 11152 55655 44447 57755 65555 25552 65644 25563 65655 34216"
    " 72222 55557 55552 55775 55255 55222 71247 00000"
).split()
_LETTERS = np.array([[[int(row) >> bit & 1 for bit in (2, 1, 0)] + [0] for row in rows] for rows in _ROWS], np.float32)

"""What all readers of pictures share: how much is read, what is white, transparent pixels, the middle square and its size."""

import math
from pathlib import Path

import numpy as np

from tinygan.backend import Array
from tinygan.ops import interpolate

from ..files import DataError, note

MOST_BYTES = 4 << 30  # of all pictures as float32
FEW_BYTES, RATIO = 1 << 28, 500  # a small file may unpack to the one, a larger one to so many times its size


def spread_out(images: Array, brightest: int, white: int) -> None:
    """Make pictures of whole numbers 0 and 1 black and white, in place; say so, and where others are dark."""
    if brightest == 1:
        images *= white
        note(f"pictures of the numbers 0 and 1 alone: 1 was taken as white, not as 1 of {white:,}")
    elif 1 < brightest <= white / 4:
        bits = brightest.bit_length()
        note(
            f"the brightest number is {brightest:,}, and {white:,} is white, so pictures are dark; if {2**bits - 1:,} should"
            f" be white, of {bits} bits, multiply by {white / (2**bits - 1):.4g} and save them again"
        )


def without_alpha(images: Array) -> Array:
    """Lay red, green, blue and alpha (N, 4, h, w) on white paper: (N, 3, h, w). Other images are returned unchanged."""
    if images.shape[1] != 4:
        return images
    alpha = images[:, 3:]
    return images[:, :3] * alpha + (1 - alpha)


def middle_square(height: int, width: int) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of the middle square."""
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return left, top, left + side, top + side


def fit(images: Array, size: int) -> Array:
    """Scale the middle squares of images (N, C, h, w) to size x size; size 0 returns the images unchanged."""
    if not size:
        return images
    left, top, right, bottom = middle_square(*images.shape[2:])
    square = images[:, :, top:bottom, left:right]
    return np.clip(interpolate(square, size=(size, size), mode="bicubic", antialias=True), 0, 1).astype(np.float32)


def check_bytes(path: Path, n: int, shape: tuple[int, ...], size: int, file_bytes: int) -> None:
    """Raise DataError for more pictures (C, h, w) than are read, in all or from files of so many bytes."""
    needed = 4 * n * (shape[0] * size**2 if size else math.prod(shape))
    most = min(MOST_BYTES, max(FEW_BYTES, RATIO * file_bytes))
    if needed > most:
        raise DataError(
            f"{path}: {n:,} pictures of {size or shape[1]}x{size or shape[2]} take {needed / 2**30:.2f} GB, more than the"
            f" {most / 2**30:.2f} that are read from {file_bytes:,} bytes; --set size=32 makes them 32x32"
        )

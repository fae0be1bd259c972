"""Samples as one picture, and pictures as files: grids, PNG, GIF.

A picture is a uint8 array (H, W) or (H, W, 3). Functions that draw return a picture; `save_image` and `gif` write
files.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.autodiff import TensorLike, raw
from tinygan.backend import Array, to_numpy
from tinygan.files import written_whole

MATTE = 72  # grey between pictures: it differs from the black and the white of MNIST


def image_grid(
    images: TensorLike,
    columns: int | None = None,
    scale: int | None = None,
    border: int = 2,
    value_range: tuple[float, float] | None = None,
) -> Array:
    """Put pictures (N, 1 or 3, h, w) side by side and return one picture (H, W) or (H, W, 3), uint8.

    Every pixel becomes a square of `scale` pixels; `border` pixels lie between the pictures and around them. By default
    the grid is about square and a picture at least 64 pixels high. value_range: the values of black and white; what lies
    beyond is clipped, nan is black. Without it, bytes are 0 to 255, numbers with some below 0 are -1 to 1, and ValueError
    asks for the range of others.
    """
    images = to_numpy(raw(images))
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        remedy = "; those without channels as images[:, None]" if images.ndim == 3 else ""
        raise ValueError(f"image_grid: images {images.shape}: expected (N, 1 or 3, height, width), N at least 1{remedy}")
    n, channels, height, width = images.shape
    columns = math.ceil(math.sqrt(n)) if columns is None else columns
    scale = max(1, math.ceil(64 / max(height, width))) if scale is None else scale
    if columns < 1 or scale < 1 or border < 0:
        raise ValueError(f"image_grid: columns {columns}, scale {scale}, border {border}: at least 1, 1 and 0")
    black, white = _see_range(images) if value_range is None else value_range
    columns = min(columns, n)
    rows = -(-n // columns)
    cells = np.full((rows * columns, height * scale + border, width * scale + border, channels), MATTE, np.uint8)
    values = np.nan_to_num(images.astype(np.float32), nan=black).clip(black, white)
    pixels = np.rint((values - black) * (255 / (white - black))).astype(np.uint8).transpose(0, 2, 3, 1)  # (N, h, w, channels)
    cells[:n, border:, border:] = pixels.repeat(scale, 1).repeat(scale, 2)
    grid = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    grid = grid.reshape(rows * cells.shape[1], columns * cells.shape[2], channels)
    grid = np.pad(grid, ((0, border), (0, border), (0, 0)), constant_values=MATTE)
    return grid[..., 0] if channels == 1 else grid


def _see_range(images: Array) -> tuple[float, float]:
    """Return the values of black and white of pictures that show them; ValueError for pictures that do not."""
    if images.dtype == np.uint8:
        return 0.0, 255.0
    low, high = np.nanmin(images), np.nanmax(images)
    if -1.001 <= low < 0 and high <= 1.001:
        return -1.0, 1.0
    raise ValueError(
        f"image_grid: values from {low:.3g} to {high:.3g} may mean several things: pass value_range=(0, 1) if 0 is black and"
        " 1 is white, (-1, 1) if -1 is black, (0, 255) for bytes"
    )


def save_image(array: Array, path: str | Path) -> None:
    """Write a picture (H, W) or (H, W, 3), uint8, to `path`; the ending, such as .png, is the format."""
    with written_whole(path) as temporary:
        _to_pillow(array, "save_image").save(temporary, optimize=True)


def gif(frames: Iterable[Array], path: str | Path, seconds_per_frame: float = 0.1) -> None:
    """Write pictures of equal size, (H, W) or (H, W, 3), uint8, as an animation that repeats for ever."""
    pictures = [_to_pillow(frame, "gif") for frame in frames]
    if not pictures or len({p.size for p in pictures}) > 1 or seconds_per_frame <= 0:
        sizes = sorted({f"{p.width}x{p.height}" for p in pictures})
        raise ValueError(
            f"gif: {len(pictures)} frames of {' and '.join(sizes) or 'no size'}, {seconds_per_frame} s each: expected"
            " at least one frame, all of the same size, and a time above 0"
        )
    milliseconds = max(20, 10 * round(100 * seconds_per_frame))  # GIF counts in 10 ms, and viewers slow down below 20
    with written_whole(path) as temporary:
        pictures[0].save(
            temporary, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, optimize=True
        )


def _to_pillow(array: Array, name: str) -> Any:
    from PIL import Image

    array = to_numpy(raw(array))
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"{name}: {array.dtype} {array.shape}: expected uint8 (H, W) or (H, W, 3); see image_grid")
    return Image.fromarray(np.ascontiguousarray(array))

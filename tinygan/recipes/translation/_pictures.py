"""A picture in, a picture out: how recipes read the picture of a file, answer to it, and draw samples."""

import numpy as np

from tinygan.data import DataError, note, read_picture
from tinygan.data.pictures.fitting import fit
from tinygan.plot import image_grid, save_image

MOST_PIXELS = 1 << 20  # of a picture that a network sees in its own size


def read_as(path, channels, most=None):
    """Return the picture in a file, (channels, h, w) in [0, 1]: grey, or in colour. DataError for more than `most` pixels."""
    picture = read_picture(path)
    height, width = picture.shape[1:]
    if most is not None and height * width > most:
        raise DataError(f"{path}: {height}x{width} pixels, more than the {most:,} that are taken; make it smaller")
    grey = picture.mean(0, keepdims=True) if channels == 1 else picture
    return np.repeat(grey, channels // len(grey), 0)


def read_square(path, channels, side):
    """Return the picture in a file, (channels, side, side) in [0, 1]: its middle square is scaled, which is said."""
    picture = read_as(path, channels)
    height, width = picture.shape[1:]
    if (height, width) != (side, side):
        note(f"{path} is {width}x{height}; its middle square is scaled to {side}x{side}, what this run sees")
    return fit(picture[None], side)[0]


def translate_any_size(game, source, rng):
    """Return what the averaged U-net makes of one source (C, h, w): its sides are padded to what the U-net takes."""
    multiple, (height, width) = 2**game.settings.halvings, source.shape[1:]
    padded = np.pad(source, ((0, 0), (0, -height % multiple), (0, -width % multiple)), "edge")
    return game.translate(padded[None], rng)[0, :, :height, :width]


def write_picture(answer, path):
    """Write a picture (1 or 3, h, w) in [-1, 1]."""
    save_image(image_grid(answer[None], scale=1, border=0, value_range=(-1, 1)), path)


def draw_rows(rows, path):
    """Draw rows of n pictures each, (n, 1 or 3, h, w) in [-1, 1]: what is in a column belongs together."""
    wide = [np.broadcast_to(x, (len(x), 3, *x.shape[2:])) for x in rows]
    save_image(image_grid(np.concatenate(wide), columns=len(rows[0]), value_range=(-1, 1)), path)

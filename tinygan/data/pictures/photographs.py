"""Photographs, whole and in any size: those of super-resolution by name, a reader's own, and dead leaves made here.

A photograph is an array (3, height, width), float32 in [0, 1]. Its luminance Y and its two colour differences Cb and Cr are
those of ITU-R BT.601, as in MATLAB: black has Y = 16/255, white 235/255.
"""

import math
from pathlib import Path

import numpy as np

from tinygan.backend import Array, stream
from tinygan.ops import interpolate

from ..files import DataError, find_file, list_some, note
from .own import list_pictures
from .picture_file import read_picture

COUNTS = {"set5": 5, "set14": 14, "bsd100": 100}
MOST_VALUES = 1 << 28  # of all pictures of a reader's own: 1 GB
_FROM_RGB = np.array([[65.481, 128.553, 24.966], [-37.797, -74.203, 112], [112, -93.786, -18.214]]) / 255
_OFFSET = np.array([16, 128, 128]) / 255


def photographs(name: str) -> list[Array]:
    """Return the photographs of "set5", "set14" or "bsd100", from $TINYGAN_DATA. DataError if they are not there."""
    if name not in COUNTS:
        raise ValueError(f"photographs: {name!r}: expected {', '.join(COUNTS)}")
    paths = [find_file(f"{name}/img_{k + 1:03d}_SRF_4_HR.png") for k in range(COUNTS[name])]
    note(f"{len(paths)} photographs of {name} in {paths[0].parent}")
    return [_in_colour(read_picture(path)) for path in paths]


def own_photographs(folder: str | Path, smallest: int) -> list[Array]:
    """Return the photographs in a reader's folder, in order of their names; what cannot be read or used is said.

    smallest: pixels that both sides must have.
    """
    folder, pictures, left_out, too_small = Path(folder), [], [], []
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of photographs")
    values = 0
    for path in list_pictures(folder):
        try:
            picture = _in_colour(read_picture(path))
        except DataError as error:
            left_out.append(str(error).removeprefix(f"{folder}/"))
            continue
        if min(picture.shape[1:]) < smallest:
            too_small.append(path.name)
            continue
        values += picture.size
        if values > MOST_VALUES:
            raise DataError(
                f"{folder}: more than the {MOST_VALUES // 3:,} pixels that are read; make photographs smaller, or take fewer"
            )
        pictures.append(picture)
    if left_out:
        note(f"left out: {len(left_out):,} files that cannot be read: {list_some(left_out, 3)}")
    if too_small:
        note(f"left out: {len(too_small):,} with a side under {smallest} pixels: {list_some(too_small)}")
    if len(pictures) < 2:
        raise DataError(
            f"{folder}: {len(pictures)} photographs that can be used: at least 2 are needed, one to hold out"
        )
    note(f"{len(pictures):,} photographs of {folder}")
    return pictures


def _in_colour(picture: Array) -> Array:
    return np.repeat(picture, 3, 0) if len(picture) == 1 else picture


# --- luminance and colour --------------------------------------------------------------------------------------------


def to_ycbcr(picture: Array) -> Array:
    """Return Y, Cb and Cr (3, h, w) of red, green and blue (3, h, w) in [0, 1]. ITU-R BT.601."""
    mixed = np.tensordot(_FROM_RGB, picture, 1) + _OFFSET[:, None, None]
    return mixed.astype(np.float32)


def to_rgb(ycbcr: Array) -> Array:
    """Return red, green and blue (3, h, w), within [0, 1], of Y, Cb and Cr."""
    mixed = np.tensordot(np.linalg.inv(_FROM_RGB), ycbcr - _OFFSET[:, None, None], 1)
    return mixed.clip(0, 1).astype(np.float32)


# --- dead leaves ---------------------------------------------------------------------------------------------------------


def dead_leaves(n: int, size: int, seed: int = 0) -> list[Array]:
    """Return n pictures (3, size, size) of discs and rectangles that lie over one another, as leaves do on the ground.

    A radius r has the density 1 / r³, so a picture looks alike from near and from far. A leaf has a colour, a slope of
    brightness, and a texture: noise of the spectrum 1 / f, or stripes. They share the statistics of edges with photographs.
    Lee, Mumford & Huang 2001. They are painted at twice the size, so that edges are as smooth as a lens draws them.
    """
    return [_paint(2 * size, stream(seed, "dead leaves", k)) for k in range(n)]


SMALLEST, LARGEST = 8.0, 0.6  # radii: pixels, and share of the side


def _paint(side: int, rng: np.random.Generator) -> Array:
    """Return one picture (3, side / 2, side / 2)."""
    picture = np.full((3, side, side), 0.5, np.float32)
    bare, noise = np.ones((side, side), bool), _noise(2 * side, rng)
    left = side * side
    while left > 2e-3 * side * side:  # the uppermost leaf first: what lies under it is never painted
        low, high = SMALLEST**-2, (LARGEST * side) ** -2
        radius = (low + rng.random() * (high - low)) ** -0.5  # density 1 / r³ between the two
        y, x = rng.uniform(-0.1 * side, 1.1 * side, 2)
        a, b = max(0, int(y - radius)), max(0, int(x - radius))
        rows, columns = np.ogrid[a : min(side, int(y + radius) + 1), b : min(side, int(x + radius) + 1)]
        place = np.s_[a : a + rows.size, b : b + columns.size]
        leaf = _outline(rows - y, columns - x, radius, rng) & bare[place]
        if new := int(leaf.sum()):
            left -= new
            picture[(slice(None), *place)][:, leaf] = _texture(rows - y, columns - x, radius, noise, rng)[:, leaf]
            bare[place] &= ~leaf
    small = interpolate(picture[None], size=(side // 2, side // 2), mode="bicubic", antialias=True)[0]
    return np.asarray(small).clip(0, 1).astype(np.float32)


def _outline(dy: Array, dx: Array, radius: float, rng: np.random.Generator) -> Array:
    """Return where places (dy, dx) from the middle are within a leaf: an ellipse, or in one case of three a rectangle."""
    angle, narrow = rng.uniform(0, math.pi), rng.uniform(1, 3)
    along, across = math.cos(angle) * dx + math.sin(angle) * dy, narrow * (math.cos(angle) * dy - math.sin(angle) * dx)
    if rng.random() < 1 / 3:
        return np.maximum(np.abs(along), np.abs(across)) < radius / math.sqrt(2)
    return along**2 + across**2 < radius**2


def _texture(dy: Array, dx: Array, radius: float, noise: Array, rng: np.random.Generator) -> Array:
    """Return colours (3, h, w) at places (dy, dx) from the middle of a leaf."""
    grey, colour = rng.normal(0.45, 0.17), rng.normal(0, 0.08, (3, 1, 1))
    slope, contrast = rng.normal(0, 0.1, 2) / radius, rng.exponential(0.04)
    if rng.random() < 0.2:
        angle, wave = rng.uniform(0, math.pi), math.exp(rng.uniform(math.log(6), math.log(60)))
        pattern = np.sin(2 * math.pi / wave * (math.cos(angle) * dy + math.sin(angle) * dx) + rng.uniform(0, 6.3))
        pattern = np.tanh(rng.uniform(0.5, 4) * pattern)
    else:
        a, b = rng.integers(0, noise.shape[0] - dy.size + 1), rng.integers(0, noise.shape[1] - dx.size + 1)
        pattern = noise[a : a + dy.size, b : b + dx.size]
    return (grey + colour + slope[0] * dy + slope[1] * dx + contrast * pattern).clip(0, 1)


def _noise(side: int, rng: np.random.Generator) -> Array:
    """Return noise (side, side) of the spectrum 1 / f, mean 0, deviation 1."""
    f = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side))
    f[0, 0] = np.inf
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((side, side))) / f, (side, side))
    return noise / noise.std()

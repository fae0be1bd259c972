"""What a picture of the world of shapes shows: things with shape, colour, size and place, found by its pixels alone.

A connected bright spot is a thing. Its colour is the nearest of the eight by direction from the ground. Its mass (how
much of the ground it covers) gives its radius for each of the five shapes, and the shape that then fits best is its
shape. Blur keeps the mass, so a soft picture is read as a sharp one is. A spot that fits nothing well has the shape None;
a spot of several colours has the colour None.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinygan.backend import Array
from tinygan.data.shapes import COLOURS, PLACES, SHAPES, SIZES
from tinygan.data.shapes.drawing import AREAS, BORDERS, GROUND, PALETTE, RADII, SIDE, cover

_LIGHTS = PALETTE - GROUND  # (8, 3): what a colour adds to the ground
_LENGTHS = np.linalg.norm(_LIGHTS, axis=1)
_LEAST = 0.4  # a pixel covered less than this belongs to no spot
_MOST_SPOTS = 8  # that are looked at in a picture, the largest
_SPECK = 6.0  # pixels of mass: a smaller spot is noise; the smallest thing has 18
_PATCH = 17
_FIT = 0.06  # the largest squared error of a shape, as a share of the spot's mass
_CLEAR = 0.8  # the largest share that the best shape's error has of the second best's: a blot is near to several
_PURITY = 0.75  # the least share of a spot's mass that has its colour
_ANGLE = 0.98  # the least cosine to the colour; orange and yellow are 16 degrees apart (.96)
_BRIGHT = (0.5, 1.3)  # of a colour's own light
_GROUND_ERROR = 0.1  # a generated ground may be off by so much; that of a picture is its median


class Spot(NamedTuple):
    """What is seen of one thing; None where it is none of those known."""

    size: str | None
    colour: str | None
    shape: str | None
    place: str
    x: float
    y: float


def see(pictures: Array, batch_size: int = 500) -> list[list[Spot]]:
    """Return the things of each picture (N, 3, 32, 32) in [-1, 1], the largest first."""
    if pictures.ndim != 4 or pictures.shape[1:] != (3, SIDE, SIDE):
        raise ValueError(f"see: pictures {pictures.shape}: expected (N, 3, {SIDE}, {SIDE})")
    return [
        spots for start in range(0, len(pictures), batch_size) for spots in _see(pictures[start : start + batch_size])
    ]


def _see(pictures: Array) -> list[list[Spot]]:
    value = (np.asarray(pictures, np.float64).transpose(0, 2, 3, 1) + 1) / 2  # (N, 32, 32, 3)
    ground = np.clip(np.median(value, (1, 2)), GROUND - _GROUND_ERROR, GROUND + _GROUND_ERROR)
    light = value - ground[:, None, None]
    cover_by = light @ (_LIGHTS / (_LENGTHS**2)[:, None]).T  # (N, 32, 32, 8): how much of each colour a pixel would be
    cosine = cover_by * _LENGTHS / np.maximum(np.linalg.norm(light, axis=-1, keepdims=True), 1e-9)
    nearest = cosine.argmax(-1)  # (N, 32, 32)
    covered = np.take_along_axis(cover_by, nearest[..., None], -1)[..., 0]
    label = _components(covered > _LEAST)  # (N, 32, 32), 0 for the ground
    found: list[list[Spot]] = [[] for _ in range(len(pictures))]
    counts = _counts(label)
    most = np.sort(counts, 1)[:, -_MOST_SPOTS:].min(1, keepdims=True)
    picture, which = np.nonzero(counts >= np.maximum(most, 3))
    if not len(picture):
        return found
    own = label[picture] == which[:, None, None]  # (M, 32, 32)
    free = label[picture] == 0
    beside = _widen(own)  # the soft edge; one pixel further where no other spot has its own soft edge
    near = own | (free & (beside | (_widen(beside) & ~_widen(~own & ~free))))
    colour, true_colour = _colours(light[picture], nearest[picture], covered[picture], own)
    alpha = np.take_along_axis(cover_by[picture], colour[:, None, None, None], -1)[..., 0]
    alpha = np.where(near, np.clip(alpha, 0, 1.2), 0)
    mass = alpha.sum((1, 2))
    grid = np.arange(SIDE) + 0.5
    x = (alpha.sum(1) @ grid) / mass
    y = (alpha.sum(2) @ grid) / mass
    shape, radius, fits = _fit(alpha, mass, x, y)
    middle = np.sqrt(RADII[0] * RADII[1])
    sized = (radius > 0.75 * RADII[0]) & (radius < 1.25 * RADII[1])
    column, row = np.searchsorted(BORDERS, x), np.searchsorted(BORDERS, y)
    for m in np.argsort(-mass):
        if mass[m] >= _SPECK:
            found[picture[m]].append(
                Spot(
                    SIZES[int(radius[m] > middle)] if sized[m] else None,
                    list(COLOURS)[colour[m]] if true_colour[m] else None,
                    SHAPES[shape[m]] if fits[m] else None,
                    PLACES[3 * row[m] + column[m]],
                    float(x[m]),
                    float(y[m]),
                )
            )
    return found


def _components(mask: Array) -> Array:
    """Return labels of the connected parts (eight neighbours) of masks (N, h, w): 0 outside, then 1, 2, ... anew in each.

    Each pixel takes the largest number around it until none changes.
    """
    n, h, w = mask.shape
    number = np.where(mask, np.arange(1, h * w + 1).reshape(h, w), 0)
    active = np.arange(n)
    while len(active):
        before = number[active]
        after = np.where(mask[active], _largest_around(before), 0)
        number[active] = after
        active = active[(after != before).any((1, 2))]
    roots = np.zeros((n, h * w + 1), int)
    at = np.arange(n)[:, None, None]
    roots[at, number] = 1
    roots[:, 0] = 0
    return np.where(number > 0, roots.cumsum(1)[at, number], 0)


def _largest_around(x: Array) -> Array:
    """Return the maximum over 3x3 neighbours of x (N, h, w)."""
    for axis in (1, 2):
        padded = np.pad(x, [(0, 0)] + [(1, 1) if axis == a else (0, 0) for a in (1, 2)])
        size = x.shape[axis]
        x = np.maximum.reduce([np.take(padded, np.arange(s, s + size), axis) for s in range(3)])
    return x


def _widen(mask: Array) -> Array:
    return _largest_around(mask.astype(np.int8)) > 0


def _counts(label: Array) -> Array:
    """Return how many pixels each label of each picture has (N, labels); those of label 0 do not count."""
    n, most = len(label), int(label.max()) + 1
    counts = np.bincount((label + np.arange(n)[:, None, None] * most).ravel(), minlength=n * most).reshape(n, most)
    counts[:, 0] = 0
    return counts


def _colours(light: Array, nearest: Array, covered: Array, own: Array) -> tuple[Array, Array]:
    """Return (the colour of each spot (M,), whether it truly is that colour): near enough, and all of the spot."""
    weight = np.where(own, np.clip(covered, 0, 1), 0)
    inner = np.where(own & (covered > 0.7), 1.0, 0.0)
    inner = np.where(inner.sum((1, 2), keepdims=True) > 3, inner, weight)
    mean = np.einsum("mhwc,mhw->mc", light, inner) / inner.sum((1, 2))[:, None]  # (M, 3)
    cosine = mean @ (_LIGHTS / _LENGTHS[:, None]).T / np.maximum(np.linalg.norm(mean, axis=1), 1e-9)[:, None]
    colour = cosine.argmax(1)
    bright = (mean * _LIGHTS[colour]).sum(1) / _LENGTHS[colour] ** 2
    purity = np.where(nearest == colour[:, None, None], weight, 0).sum((1, 2)) / weight.sum((1, 2))
    true = (cosine.max(1) > _ANGLE) & (purity > _PURITY) & (bright > _BRIGHT[0]) & (bright < _BRIGHT[1])
    return colour, true


def _fit(alpha: Array, mass: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Return the best shape of each spot (M,), its radius, and whether it fits."""
    around = np.arange(_PATCH) - _PATCH // 2
    left, top = np.floor(x).astype(int)[:, None] + around, np.floor(y).astype(int)[:, None] + around
    margin = _PATCH
    padded = np.pad(alpha, ((0, 0), (margin, margin), (margin, margin)))
    patch = padded[np.arange(len(x))[:, None, None], (top + margin)[:, :, None], (left + margin)[:, None, :]]
    dx = left[:, None, :] + 0.5 - x[:, None, None]
    dy = top[:, :, None] + 0.5 - y[:, None, None]
    error, radius = np.empty((len(SHAPES), len(x))), np.empty((len(SHAPES), len(x)))
    for shape in range(len(SHAPES)):
        error[shape], radius[shape] = _error(patch, mass, shape, dx, dy)
    best, second = np.sort(error, axis=0)[:2]
    shape, rows = error.argmin(0), np.arange(len(x))
    return shape, radius[shape, rows], (best < _FIT) & (best < _CLEAR * second)


def _error(patch: Array, mass: Array, shape: int, dx: Array, dy: Array) -> tuple[Array, Array]:
    """Return (squared error / mass, radius) of spots (M, h, w) taken for a shape, sharp or soft, bright or dim."""
    bright = np.ones_like(mass)
    errors, radii = [], []
    for _ in range(2):
        radius = np.sqrt(mass / (bright * AREAS[shape]))
        sharp = cover(shape, dx, dy, radius[:, None, None])
        for template in (sharp, _blur(sharp)):
            errors.append(((patch - bright[:, None, None] * template) ** 2).sum((1, 2)) / mass)
            radii.append(radius)
        bright = np.clip((patch * sharp).sum((1, 2)) / (sharp**2).sum((1, 2)), 0.7, 1.2)
    best, rows = np.argmin(errors, axis=0), np.arange(len(mass))
    return np.stack(errors)[best, rows], np.stack(radii)[best, rows]


def _blur(x: Array) -> Array:
    """Return x (M, h, w) blurred by (1, 2, 1) / 4 along both axes; the edges are empty."""
    for _ in range(2):
        x = x.transpose(0, 2, 1)
        wide = np.pad(x, ((0, 0), (0, 0), (1, 1)))
        x = (wide[..., :-2] + 2 * wide[..., 1:-1] + wide[..., 2:]) / 4
    return x

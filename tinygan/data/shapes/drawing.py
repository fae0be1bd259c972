"""From scenes to pixels: where things go, and how each shape covers the pixels around its centre.

Coordinates are in pixels from the upper left corner of the picture, (x, y), and a shape's centre is its centre of mass.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinygan.backend import Array

from ..files import DataError
from .scenes import COLOURS, KINDS, MOST, PLACES, SHAPES, SHOWN, SIZES, Scene

SIDE = 32
GROUND = np.array([0.09, 0.10, 0.14])
PALETTE = np.array(list(COLOURS.values()))
RADII = np.array([3.1, 4.8])  # of a small and a large thing: a circle's radius; other shapes have about its area
# the area of a shape of radius 1
AREAS = np.array([math.pi, 4 * 0.9**2, 1.1 * 1.725, 8 * 1.05 * 0.35 - 4 * 0.35**2, math.pi * (1.1**2 - 0.5**2)])
REACH = 1.1  # of a shape of radius 1, sideways and up and down
BORDERS = (10.875, 21.125)  # between the places
_CENTRES = np.array([5.75, 16.0, 26.25])
_SWAY = 3.5  # how far from the middle of its place a thing may stand: 1.6 pixels remain to the border
_GAP = 1.5  # between the boxes around two things
_PATCH = 15  # pixels, odd: a shape's surroundings
_TRIES, _ROUNDS = 64, 1000


def cover(shape: int, x: Array, y: Array, radius: Array | float) -> Array:
    """Return how much a shape about (0, 0) covers the pixels at (x, y), 0 to 1: the distance to its edge, cut."""
    ax, ay = abs(x), abs(y)
    if shape == 0:  # circle
        depth = radius - np.hypot(x, y)
    elif shape == 1:  # square
        depth = 0.9 * radius - np.maximum(ax, ay)
    elif shape == 2:  # triangle with corners (0, -1.15), (1.1, .575), (-1.1, .575)
        side = math.hypot(1.1, 1.725)
        depth = np.minimum(0.575 * radius - y, (1.1 * (y + 1.15 * radius) - 1.725 * ax) / side)
    elif shape == 3:  # cross
        long, thin = 1.05 * radius, 0.35 * radius
        depth = np.maximum(np.minimum(long - ax, thin - ay), np.minimum(thin - ax, long - ay))
    else:  # ring
        distance = np.hypot(x, y)
        depth = np.minimum(1.1 * radius - distance, distance - 0.5 * radius)
    return np.clip(depth + 0.5, 0, 1)


def draw(scenes: Sequence[Scene], rng: np.random.Generator) -> Array:
    """Return pictures (N, 3, 32, 32) float32 in [-1, 1]; sizes, colours and places that are not told come from rng."""
    n = len(scenes)
    exists = np.zeros((n, MOST), bool)
    shape, colour, size = np.zeros((n, MOST), int), np.zeros((n, MOST), int), np.full((n, MOST), -1)
    free_colours = rng.random((n, MOST)).tolist()
    for i, scene in enumerate(scenes):
        for k, thing in enumerate(scene.things):
            exists[i, k] = True
            shape[i, k] = SHAPES.index(thing.shape)
            if thing.size is not None:
                size[i, k] = SIZES.index(thing.size)
            told = thing.colour or _any_colour(thing.shape, free_colours[i][k])
            colour[i, k] = _COLOUR_NUMBER[told]
    x, y, radius = _place(scenes, exists, size, rng)
    margin = _PATCH
    canvas = np.empty((n, SIDE + 2 * margin, SIDE + 2 * margin, 3), np.float32)
    canvas[:] = GROUND
    around = np.arange(_PATCH)
    for kind in range(len(SHAPES)):
        picture, k = np.nonzero(exists & (shape == kind))
        if not len(picture):
            continue
        left = np.floor(x[picture, k]).astype(int)[:, None] - _PATCH // 2 + around  # (M, patch)
        top = np.floor(y[picture, k]).astype(int)[:, None] - _PATCH // 2 + around
        dx = left[:, None, :] + 0.5 - x[picture, k][:, None, None]
        dy = top[:, :, None] + 0.5 - y[picture, k][:, None, None]
        alpha = cover(kind, dx, dy, radius[picture, k][:, None, None])[..., None]  # (M, patch, patch, 1)
        added = alpha * (PALETTE[colour[picture, k]] - GROUND)[:, None, None]
        at = (picture[:, None, None], (top + margin)[:, :, None], (left + margin)[:, None, :])
        np.add.at(canvas, at, added.astype(np.float32))
    inside = canvas[:, margin:-margin, margin:-margin]
    return np.ascontiguousarray(inside.transpose(0, 3, 1, 2)) * 2 - 1


_COLOUR_NUMBER = {name: i for i, name in enumerate(COLOURS)}
_SHOWN_COLOURS = {shape: [colour for colour, other in SHOWN if other == shape] for shape in SHAPES}


def _any_colour(shape: str, chance: float) -> str:
    """Return a colour for a shape whose colour is not told; a held-out pair is never drawn by chance."""
    colours = _SHOWN_COLOURS[shape]
    return colours[int(chance * len(colours))]


def _place(scenes: Sequence[Scene], exists: Array, size: Array, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """Return centres x, y and radii (N, 3): places and relations hold, and boxes around the things keep apart.

    Many positions, with sizes where `size` is -1, are tried at once for each scene; the first good one is taken.
    """
    n = len(scenes)
    cell = np.full((n, MOST), -1)
    first, second = np.zeros((n, 2), int), np.zeros((n, 2), int)
    axis = np.full((n, 2), -1)  # 0: left of, 1: above, -1: no relation
    for i, scene in enumerate(scenes):
        for k, thing in enumerate(scene.things):
            if thing.place is not None:
                cell[i, k] = PLACES.index(thing.place)
        for k, relation in enumerate(scene.relations):
            first[i, k], second[i, k], axis[i, k] = relation.first, relation.second, KINDS.index(relation.kind)
    centre, radius = np.zeros((n, MOST, 2)), np.zeros((n, MOST))
    pending = np.arange(n)
    for _ in range(_ROUNDS):
        if not len(pending):
            return centre[..., 0], centre[..., 1], radius
        tried = rng.integers(len(PLACES), size=(len(pending), _TRIES, MOST))
        told = cell[pending][:, None]
        tried = np.where(told >= 0, told, tried)
        middle = _CENTRES[np.stack([tried % 3, tried // 3], -1)]  # (P, tries, 3, 2)
        told_size = size[pending][:, None]
        reach = REACH * RADII[np.where(told_size >= 0, told_size, rng.integers(len(SIZES), size=tried.shape))]
        edge = reach[..., None] + 0.5
        low, high = np.maximum(middle - _SWAY, edge), np.minimum(middle + _SWAY, SIDE - edge)
        at = low + (high - low) * rng.random(low.shape)
        good = np.ones(at.shape[:2], bool)
        for i in range(MOST):
            for j in range(i):
                apart = abs(at[:, :, i] - at[:, :, j]).max(-1)
                both = exists[pending, i] & exists[pending, j]
                good &= (apart >= reach[:, :, i] + reach[:, :, j] + _GAP) | ~both[:, None]
        rows = np.arange(len(pending))
        for k in range(2):
            step = at[rows, :, second[pending, k]] - at[rows, :, first[pending, k]]  # (P, tries, 2)
            along = np.take_along_axis(step, np.maximum(axis[pending, k], 0)[:, None, None], -1)[..., 0]
            across = abs(step.sum(-1) - along)
            holds = (along >= 6) & (along >= 0.8 * across)
            good &= holds | (axis[pending, k] < 0)[:, None]
        done = good.any(1)
        first_good = rows[done], good.argmax(1)[done]
        centre[pending[done]], radius[pending[done]] = at[first_good], reach[first_good] / REACH
        pending = pending[~done]
    raise DataError(f"no room for this scene in {SIDE}x{SIDE} pixels, or it contradicts itself: {scenes[pending[0]]}")

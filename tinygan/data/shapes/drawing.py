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
_ROUNDS = 150


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
    picture, which = np.nonzero(exists)
    x, y, radius = x[exists], y[exists], radius[exists]  # (M,), a number for each thing
    around = np.arange(_PATCH) - _PATCH // 2
    left = np.floor(x).astype(int)[:, None, None] + around  # (M, 1, patch)
    top = np.floor(y).astype(int)[:, None, None] + around[:, None]  # (M, patch, 1)
    dx, dy = left + 0.5 - x[:, None, None], top + 0.5 - y[:, None, None]
    alpha = np.empty((len(x), _PATCH, _PATCH))
    for kind in range(len(SHAPES)):
        of = shape[exists] == kind
        alpha[of] = cover(kind, dx[of], dy[of], radius[of, None, None])
    added = (alpha[..., None] * (PALETTE - GROUND)[colour[exists], None, None]).astype(np.float32)
    for k in range(MOST):  # a picture has one thing of each number, so no pixel is added to twice at once
        of = which == k
        canvas[picture[of, None, None], top[of] + margin, left[of] + margin] += added[of]
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
    order = np.tile(np.arange(MOST), (n, 1))  # things in the order of the first relation's axis
    for i, scene in enumerate(scenes):
        for k, thing in enumerate(scene.things):
            if thing.place is not None:
                cell[i, k] = PLACES.index(thing.place)
        for k, relation in enumerate(scene.relations):
            first[i, k], second[i, k], axis[i, k] = relation.first, relation.second, KINDS.index(relation.kind)
        if scene.relations:
            order[i, : len(scene.things)] = _sorted_by_relations(scene)
    centre, radius = np.zeros((n, MOST, 2)), np.zeros((n, MOST))
    pending = np.arange(n)
    for _ in range(_ROUNDS):
        if not len(pending):
            break
        tries = int(np.clip(2048 // len(pending), 16, 512))
        tried = rng.integers(3, size=(len(pending), tries, MOST, 2))  # column and row
        for a in range(2):
            related = np.nonzero(axis[pending, 0] == a)[0]
            by_order = np.sort(tried[related, ..., a], -1)
            tried[related, ..., a] = np.take_along_axis(by_order, order[pending[related]].argsort(1)[:, None], -1)
        tried = 3 * tried[..., 1] + tried[..., 0]
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
    if not len(pending):
        return centre[..., 0], centre[..., 1], radius
    raise DataError(f"no room for this scene in {SIDE}x{SIDE} pixels, or it contradicts itself: {scenes[pending[0]]}")


def _sorted_by_relations(scene: Scene) -> list[int]:
    """Return the numbers of the things, each after those that relations put before it."""
    level = [0] * len(scene.things)
    for _ in level:
        for first, _, second in scene.relations:
            level[second] = max(level[second], level[first] + 1)
    return sorted(range(len(level)), key=level.__getitem__)

"""Emblems, made here: a star, ring, crescent, heart or letter in colour, over a disc or square in every other picture.

They are harder to draw than the shapes of `tinygan.data.shapes`: turned, with holes, thin strokes and corners, one shape
half hidden by another. The kind of the front shape is the picture's class.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from tinygan.backend import Array, stream

EMBLEMS = ("star", "ring", "crescent", "heart", "A", "H", "K", "Z")
SIDE = 32
_GROUND = np.array([0.09, 0.10, 0.14])
_FRONT = np.array(
    [[0.93, 0.25, 0.22], [0.98, 0.62, 0.15], [0.97, 0.90, 0.30], [0.35, 0.82, 0.40], [0.35, 0.85, 0.92], [0.96, 0.96, 0.96]]
)
_BACK = np.array([[0.20, 0.28, 0.70], [0.45, 0.20, 0.58], [0.12, 0.38, 0.38]])
_STROKES = {  # of a letter between -1 and 1: from (x, y) to (x, y)
    "A": [(-0.7, 0.9, 0, -0.9), (0, -0.9, 0.7, 0.9), (-0.42, 0.25, 0.42, 0.25)],
    "H": [(-0.6, -0.9, -0.6, 0.9), (0.6, -0.9, 0.6, 0.9), (-0.6, 0, 0.6, 0)],
    "K": [(-0.55, -0.9, -0.55, 0.9), (-0.55, 0.1, 0.6, -0.9), (-0.2, -0.2, 0.65, 0.9)],
    "Z": [(-0.65, -0.8, 0.65, -0.8), (0.65, -0.8, -0.65, 0.8), (-0.65, 0.8, 0.65, 0.8)],
}
_STROKE = 0.17  # half of a stroke's width
_SWING = {"star": math.pi, "ring": 0.0, "crescent": math.pi}  # how far a shape is turned, at most; others a little
_CHUNK = 500  # pictures drawn at once, for memory


def _star(x: Array, y: Array) -> Array:
    """Return the depth in a star with five points of radius 1 and inner corners of radius .45."""
    fifth = 2 * math.pi / 5
    angle = np.abs((np.arctan2(x, -y) + fifth / 2) % fifth - fifth / 2)
    along, across = np.hypot(x, y) * np.cos(angle), np.hypot(x, y) * np.sin(angle)
    inner = 0.45 * math.cos(fifth / 2), 0.45 * math.sin(fifth / 2)
    length = math.hypot(1 - inner[0], inner[1])
    return ((1 - along) * inner[1] - across * (1 - inner[0])) / length


def _heart(x: Array, y: Array) -> Array:
    """Return the depth in a square on its corner with half a disc on each upper side."""
    d, ax = 0.75, abs(x)
    lower = y - 0.05
    return np.maximum((d - ax - abs(lower)) / math.sqrt(2), d / math.sqrt(2) - np.hypot(ax - d / 2, lower + d / 2))


def _letter(name: str) -> Callable[[Array, Array], Array]:
    def depth(x: Array, y: Array) -> Array:
        distances = []
        for x0, y0, x1, y1 in _STROKES[name]:
            dx, dy = x1 - x0, y1 - y0
            t = np.clip(((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy), 0, 1)
            distances.append(np.hypot(x - x0 - t * dx, y - y0 - t * dy))
        return _STROKE - np.minimum.reduce(distances)

    return depth


# how deep a point lies in a shape of radius 1 about (0, 0), negative outside
_DEPTHS: dict[str, Callable[[Array, Array], Array]] = {
    "star": _star,
    "ring": lambda x, y: np.minimum(0.95 - np.hypot(x, y), np.hypot(x, y) - 0.55),
    "crescent": lambda x, y: np.minimum(1 - np.hypot(x, y), np.hypot(x - 0.45, y) - 0.75),
    "heart": _heart,
    **{name: _letter(name) for name in _STROKES},
}


def emblems(n: int, seed: int = 0) -> tuple[Array, Array]:
    """Return (n pictures (n, 3, 32, 32) float32 in [-1, 1], their classes (n,), numbers of EMBLEMS)."""
    rng = stream(seed, "emblems")
    kinds = rng.integers(len(EMBLEMS), size=n)
    parts = [_draw(kinds[start : start + _CHUNK], rng) for start in range(0, n, _CHUNK)]
    return np.concatenate([np.empty((0, 3, SIDE, SIDE), np.float32), *parts]), kinds


def _draw(kinds: Array, rng: np.random.Generator) -> Array:
    """Return a picture of each kind (M,)."""
    m = len(kinds)
    turn = rng.uniform(0, 2 * math.pi, m)  # where the back shape lies
    away = rng.uniform(4, 7, m)
    x, y = _grid(16 + away * np.cos(turn), 16 + away * np.sin(turn), rng.uniform(0, math.pi, m))
    radius = rng.uniform(8, 11, (m, 1, 1))
    disc, square = radius - np.hypot(x, y), 0.85 * radius - np.maximum(abs(x), abs(y))
    depth = np.where(rng.random((m, 1, 1)) < 0.5, disc, square)
    depth = np.where(rng.random((m, 1, 1)) < 0.5, depth, -1)  # in half of the pictures there is none
    canvas = np.broadcast_to(_GROUND[:, None, None], (m, 3, SIDE, SIDE))
    canvas = _lay(canvas, depth, _BACK[rng.integers(len(_BACK), size=m)])
    swing = np.array([_SWING.get(name, 0.3) for name in EMBLEMS])[kinds]
    x, y = _grid(rng.uniform(14.5, 17.5, m), rng.uniform(14.5, 17.5, m), swing * rng.uniform(-1, 1, m))
    radius = rng.uniform(9.5, 12, m)[:, None, None]
    depth = np.empty_like(x)
    for kind, name in enumerate(EMBLEMS):
        of = kinds == kind
        depth[of] = radius[of] * _DEPTHS[name](x[of] / radius[of], y[of] / radius[of])
    canvas = _lay(canvas, depth, _FRONT[rng.integers(len(_FRONT), size=m)])
    return (2 * canvas - 1).astype(np.float32)


def _grid(x: Array, y: Array, angle: Array) -> tuple[Array, Array]:
    """Return where the pixels lie seen from centres (M,), turned by angles (M,): x and y, (M, 32, 32)."""
    pixels = np.arange(SIDE) + 0.5
    dx, dy = pixels - x[:, None, None], pixels[:, None] - y[:, None, None]
    cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    return cos * dx + sin * dy, cos * dy - sin * dx


def _lay(canvas: Array, depth: Array, colour: Array) -> Array:
    """Return pictures (M, 3, 32, 32) with a shape laid over them: depth (M, 32, 32) in pixels, colour (M, 3)."""
    alpha = np.clip(depth + 0.5, 0, 1)[:, None]
    return (1 - alpha) * canvas + alpha * colour[:, :, None, None]

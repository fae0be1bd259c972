"""What there is to learn in the plane: dots and lines, chosen or drawn, with normal noise about them.

Everything lies within [-1.5, 1.5]². A scene is a list of paths: a path of one point is a dot, a path of more is a line. Its
places are what a generator may find or forget: a dot is one, and a line is cut into pieces of about PIECE.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array
from tinygan.metrics import grid_centres, ring_centres

SIDE = 1.5  # the plane is [-SIDE, SIDE]²
SIGMA = 0.04
PIECE = 0.25  # length of a piece of a line
STEP = 0.02  # between the points that a line is made of
DOT = 0.4  # a dot has as many points as a line of this length
MOST_PATHS, MOST_CORNERS = 100, 2000


class Scene(NamedTuple):
    """Points (K, 2) on the paths, the share of the samples that each has, and the place (K,) to which each belongs."""

    points: Array
    shares: Array
    place: Array

    @property
    def places(self) -> int:
        """How many places there are."""
        return int(self.place[-1]) + 1

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return n samples (n, 2) float32."""
        chosen = self.points[rng.choice(len(self.points), n, p=self.shares)]
        return (chosen + SIGMA * rng.standard_normal((n, 2))).astype("float32")

    def found(self, samples: Array) -> tuple[int, float]:
        """Return how many places samples (N, 2) find, and the share of the samples that lies within 3 sigma of the paths.

        A place is found if it has a quarter of its share of the samples, and one sample at least.
        """
        squares = (samples**2).sum(1)[:, None] - 2 * samples @ self.points.T + (self.points**2).sum(1)  # (N, K)
        near = squares.min(1) <= (3 * SIGMA) ** 2
        counts = np.bincount(self.place[squares.argmin(1)[near]], minlength=self.places)
        expected = np.bincount(self.place, self.shares) * len(samples)
        return int((counts >= np.maximum(1, expected / 4)).sum()), float(near.mean())


def make_scene(paths: Sequence) -> Scene:
    """Return the scene of these paths, each a list of (x, y). ValueError if they are not that, or there is nothing."""
    place = 0
    points: list[Any] = []
    lengths: list[Any] = []
    places: list[Any] = []
    for path in _checked(paths):
        if len(path) == 1:
            points.append(path)
            lengths.append([DOT])
            places.append([place])
            place += 1
            continue
        fine = _resample(path)
        pieces = max(1, round(STEP * len(fine) / PIECE))
        points.append(fine)
        lengths.append([STEP] * len(fine))
        places.append(place + np.arange(len(fine)) * pieces // len(fine))
        place += pieces
    shares = np.concatenate(lengths)
    return Scene(np.concatenate(points), shares / shares.sum(), np.concatenate(places))


def _checked(paths: Sequence) -> list[Array]:
    """Return the paths as arrays (corners, 2)."""
    if not isinstance(paths, (list, tuple)) or not paths:
        raise ValueError("nothing is drawn yet")
    if len(paths) > MOST_PATHS or any(not isinstance(path, (list, tuple)) for path in paths):
        raise ValueError(f"a drawing is a list of at most {MOST_PATHS} lines, each a list of points [x, y]")
    arrays = []
    for path in paths:
        try:
            array = np.array(path, np.float64)
        except (TypeError, ValueError):
            array = np.empty(0)
        if array.ndim != 2 or array.shape[1] != 2 or len(array) > MOST_CORNERS or not (np.abs(array) <= SIDE).all():
            raise ValueError(f"a line is 1 to {MOST_CORNERS} points [x, y], each number between -{SIDE} and {SIDE}")
        arrays.append(array)
    return arrays


def _resample(path: Array) -> Array:
    """Return points STEP apart along a line through its corners (K, 2), the first and the last corner among them."""
    steps = np.hypot(*np.diff(path, axis=0).T)
    along = np.concatenate([[0], np.cumsum(steps)])
    at = np.linspace(0, along[-1], max(2, round(along[-1] / STEP) + 1))
    return np.stack([np.interp(at, along, axis) for axis in path.T], 1)


# --- those to choose from ----------------------------------------------------------------------------------------


def _dots(centres: Array) -> list[list]:
    return [[point] for point in centres.tolist()]


def _curve(x: Callable, y: Callable, start: float, end: float) -> list:
    t = np.linspace(start, end, 200)
    return np.stack([x(t), y(t)], 1).tolist()


SCENES: dict[str, list] = {
    "ring": _dots(ring_centres(8)),
    "grid": _dots(grid_centres(5, 0.5)),
    "swissroll": [_curve(lambda t: t * np.cos(t) / 13, lambda t: t * np.sin(t) / 13, 1.5 * math.pi, 4.5 * math.pi)],
    "moons": [
        _curve(lambda t: 0.75 * np.cos(t) - 0.35, lambda t: 0.75 * np.sin(t) - 0.15, 0, math.pi),
        _curve(lambda t: 0.35 - 0.75 * np.cos(t), lambda t: 0.15 - 0.75 * np.sin(t), 0, math.pi),
    ],
    "line": [[[-1.0, -0.6], [1.0, 0.6]]],
    "circle": [_curve(np.cos, np.sin, 0, 2 * math.pi)],
    "two": _dots(np.array([[-0.7, 0.0], [0.7, 0.0]])),
}
DRAWN = "drawn"


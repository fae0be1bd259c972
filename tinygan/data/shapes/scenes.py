"""What a scene is: things with a size, colour, shape and place, and relations between them; and who may see which.

A `Scene` tells what a sentence can tell; None leaves a thing open. Its things and relations stand in one order however
they were given (`canonical`), so equal scenes are equal tuples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

SHAPES = ("circle", "square", "triangle", "cross", "ring")
SIZES = ("small", "large")
# red, green, blue from 0 to 1. No two share a hue, so an edge that fades into the ground keeps its colour's name.
COLOURS = {
    "red": (0.90, 0.16, 0.16),
    "orange": (0.98, 0.55, 0.10),
    "yellow": (0.97, 0.90, 0.25),
    "green": (0.20, 0.75, 0.25),
    "cyan": (0.25, 0.85, 0.92),
    "blue": (0.20, 0.35, 0.95),
    "purple": (0.68, 0.25, 0.85),
    "white": (0.96, 0.96, 0.96),
}
# the cells of a 3x3 grid, row by row
PLACES = ("upper left", "top", "upper right", "left", "middle", "right", "lower left", "bottom", "lower right")
KINDS = ("left of", "above")  # "right of" and "below" are these, the other way round
# kept from every generator: for each shape one colour that it shows with other shapes
HELD_OUT = (("purple", "circle"), ("green", "square"), ("yellow", "triangle"), ("red", "cross"), ("blue", "ring"))
VALUES = {"size": SIZES, "colour": tuple(COLOURS), "shape": SHAPES, "place": PLACES}
PARTS = ("train", "unseen", "held_out")
MOST = 3  # things of a scene

PAIRS = [(colour, shape) for shape in SHAPES for colour in COLOURS]
SHOWN = [pair for pair in PAIRS if pair not in HELD_OUT]


class Thing(NamedTuple):
    size: str | None
    colour: str | None
    shape: str
    place: str | None


class Relation(NamedTuple):
    """Thing number `first` is `kind` ("left of" or "above") thing number `second`."""

    first: int
    kind: str
    second: int


class Scene(NamedTuple):
    things: tuple[Thing, ...]
    relations: tuple[Relation, ...]


def canonical(things: Sequence[Thing], relations: Sequence[Relation | tuple[int, str, int]]) -> Scene:
    """Return the scene with its things sorted, and its relations following them."""

    def arranged(order: tuple[int, ...]) -> Scene:
        position = {old: new for new, old in enumerate(order)}
        moved = sorted(Relation(position[i], kind, position[j]) for i, kind, j in relations)
        return Scene(tuple(things[i] for i in order), tuple(moved))

    def key(scene: Scene) -> tuple:
        return tuple(tuple(part or "" for part in thing) for thing in scene.things), scene.relations

    return min(map(arranged, permutations(range(len(things)))), key=key)


def make_scenes(part: str, n: int, rng: np.random.Generator) -> list[Scene]:
    """Return n scenes of a part: "train", "unseen" (a tenth of all scenes with shown pairs), or "held_out"."""
    if part not in PARTS:
        raise ValueError(f"scenes: part {part!r}: expected {', '.join(map(repr, PARTS))}")
    found: list[Scene] = []
    while len(found) < n:
        scene = _make_scene(rng, part == "held_out")
        if part == "held_out" or _is_unseen(scene) == (part == "unseen"):
            found.append(scene)
    return found


def slip(scene: Scene, rng: np.random.Generator) -> Scene:
    """Return the scene with one claim told otherwise: another shape, colour, size or place, or a relation turned round.

    Half of the slips are about where things lie, if that is told: it is the hardest to see. The new pair
    of colour and shape is not held out; no other thing has it, and no other thing has the new place.
    """
    told = [(name, i) for i, thing in enumerate(scene.things) for name in VALUES if getattr(thing, name)]
    where = [claim for claim in told if claim[0] == "place"]
    where += [("relation", i) for i in range(len(scene.relations))]
    while True:
        fit = where if where and rng.random() < 0.5 else told
        name, i = fit[int(rng.integers(len(fit)))]
        things, relations = list(scene.things), list(scene.relations)
        if name == "relation":
            relations[i] = relations[i]._replace(first=relations[i].second, second=relations[i].first)
            return Scene(scene.things, tuple(relations))
        others = [value for value in VALUES[name] if value != getattr(things[i], name)]
        things[i] = things[i]._replace(**{name: others[int(rng.integers(len(others)))]})
        pair, rest = (things[i].colour, things[i].shape), things[:i] + things[i + 1 :]
        alike = name in ("colour", "shape") and pair in [(t.colour, t.shape) for t in rest]
        placed_alike = name == "place" and things[i].place in [t.place for t in rest]
        if not alike and not placed_alike and pair not in HELD_OUT:
            return Scene(tuple(things), scene.relations)


def _is_unseen(scene: Scene) -> bool:
    """Return whether training must not show the scene: a tenth of them, by a hash of what is told."""
    return hashlib.blake2b(repr(scene).encode(), digest_size=1).digest()[0] < 26


def _make_scene(rng: np.random.Generator, held_out: bool) -> Scene:
    """Return a scene of one to three things with different (colour, shape), one of them held out if so wished."""
    chance = rng.random(12).tolist()
    count = 1 + (chance[0] > 0.3) + (chance[0] > 0.7)
    pairs = [SHOWN[i] for i in rng.choice(len(SHOWN), count, replace=False)]
    if held_out:
        pairs[int(rng.integers(count))] = HELD_OUT[int(rng.integers(len(HELD_OUT)))]
    relations, placed = _relate(count, chance[1], KINDS[chance[2] > 0.5])
    places = [PLACES[i] for i in rng.choice(9, count, replace=False)] if placed else [None] * count
    things: list[Thing] = []
    for i, (colour, shape) in enumerate(pairs):
        size = None if chance[3 + i] < 0.2 else SIZES[chance[3 + i] < 0.6]
        told = None if chance[6 + i] < 0.05 and (colour, shape) not in HELD_OUT else colour
        if count == MOST and (relations or placed) and any(t.size == "large" for t in things) and size == "large":
            size = "small"  # two large things and a third in a row have hardly any room
        things.append(Thing(size, told, shape, places[i]))
    return canonical(things, relations)


def _relate(count: int, chance: float, kind: str) -> tuple[list[tuple[int, str, int]], bool]:
    """Return (relations, whether the things have places instead) for so many things."""
    if count == 1:
        return [], chance < 0.6
    if count == 2:
        return ([(0, kind, 1)] if chance < 0.6 else []), chance > 0.8
    if chance < 0.3:  # a row or a column
        return [(0, kind, 1), (1, kind, 2)], False
    if chance < 0.45:  # two above one
        return [(0, kind, 2), (1, kind, 2)], False
    if chance < 0.6:  # one above two
        return [(0, kind, 1), (0, kind, 2)], False
    return [], chance > 0.8

"""Do pictures do what sentences tell? Every claim of a sentence is checked on the picture's pixels.

`obey` is for every world of `tinygan.data.find_world`. The world of shapes has an exact checker (`seeing.py`),
that of sprites a trained one (`heads.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import Any

import numpy as np

from tinygan.backend import Array, to_numpy
from tinygan.data.shapes import Scene
from tinygan.metrics.pictures.heads import agree
from tinygan.metrics.pictures.seeing import Spot, see

Verdicts = dict[str, np.ma.MaskedArray]

# What a claim weighs when the things told are looked for among those seen. A place or relation that fails is believed
# before a size, colour or shape.
_WEIGHTS = {"shape": 1.0, "colour": 1.0, "size": 0.95, "place": 0.9, "relation": 0.85}
_MOST_SEEN = 6  # spots among which the things told are looked for, the largest
_STEP = 2.0  # pixels: what is "left of" or "above" is at least so far, and half as far as it is off sideways


def obey(world: Any, pictures: Array, sentences: Sequence[str]) -> Verdicts:
    """Return for each attribute whether each picture has it as its sentence tells: masked arrays of bool (N,).

    An entry is masked where the sentence tells nothing about the attribute. `whole` is true where all that is told
    holds. Shapes have shape, colour, size, place, relation and number (of things); sprites those of `data.sprites.Figure`,
    but for the step. A mean is the share that obeys:

        obey(world, pictures, sentences)["colour"].mean()
    """
    pictures = np.asarray(to_numpy(pictures))
    if len(pictures) != len(sentences):
        raise ValueError(f"obey: {len(pictures)} pictures and {len(sentences)} sentences: expected as many")
    claims = [world.read(sentence) for sentence in sentences]
    if world.name == "shapes":
        return _collect([_judge(*both) for both in zip(claims, see(pictures), strict=True)], (*_WEIGHTS, "number"))
    if world.name == "sprites":
        return agree(pictures, claims)
    raise ValueError(f"obey: there is no checker of the world {world.name!r}")


def obeyed_shares(verdicts: Verdicts) -> dict[str, float]:
    """Return the share of pictures that obey, for each attribute that some sentence tells."""
    return {name: float(held.mean()) for name, held in verdicts.items() if held.count()}


def _collect(judged: Sequence[dict[str, bool]], attributes: Sequence[str]) -> Verdicts:
    """Return verdicts on pictures, one dict each, as one masked array an attribute, and `whole`."""
    verdicts = {
        name: np.ma.MaskedArray([one.get(name, False) for one in judged], [name not in one for one in judged], bool)
        for name in attributes
    }
    return verdicts | {"whole": np.ma.MaskedArray([all(one.values()) for one in judged], False, bool)}


def _judge(scene: Scene, spots: Sequence[Spot]) -> dict[str, bool]:
    """Return for each attribute that the scene tells whether it holds of all things, by the best matching of the two."""
    spots = spots[:_MOST_SEEN]
    seen: list[Spot | None] = [*spots, *[None] * (len(scene.things) - len(spots))]
    best, most = {}, -1.0
    for chosen in permutations(seen, len(scene.things)):
        held = _compare(scene, chosen)
        score = sum(_WEIGHTS[name] * sum(each) for name, each in held.items())
        if score > most:
            best, most = held, score
    return {name: all(each) for name, each in best.items()} | {"number": len(spots) == len(scene.things)}


def _compare(scene: Scene, chosen: Sequence[Spot | None]) -> dict[str, list[bool]]:
    """Return for each attribute that is told, claim by claim, whether the things seen (None: missing) have it."""
    held: dict[str, list[bool]] = {}
    for thing, spot in zip(scene.things, chosen):
        for name in ("shape", "colour", "size", "place"):
            if (told := getattr(thing, name)) is not None:
                held.setdefault(name, []).append(spot is not None and getattr(spot, name) == told)
    for relation in scene.relations:
        first, second = chosen[relation.first], chosen[relation.second]
        held.setdefault("relation", []).append(
            first is not None and second is not None and _is_related(first, second, relation.kind)
        )
    return held


def _is_related(first: Spot, second: Spot, kind: str) -> bool:
    right, down = second.x - first.x, second.y - first.y
    along, across = (right, down) if kind == "left of" else (down, right)
    return along >= max(_STEP, 0.5 * abs(across))

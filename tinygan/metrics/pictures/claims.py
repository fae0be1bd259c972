"""Sentences about pictures: is what they claim true, and how varied are they?

A sentence is read back by the grammar of its world (`tinygan.data.find_world`); each of its claims is held against the
picture. Many sentences are right for one picture, so none is compared with another sentence. `worlds.py` asks the reverse,
whether a picture obeys its sentence.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.backend import Array
from tinygan.data import DataError, words
from tinygan.metrics.pictures.worlds import obey

Verdicts = dict[str, np.ma.MaskedArray]


def caption_scores(world: Any, scenes: Sequence[Any], pictures: Array, sentences: Sequence[str]) -> dict[str, float]:
    """Return the share of sentences that are `exact`, and that the grammar can read, and of each attribute's true claims."""
    verdicts = true_claims(world, scenes, pictures, sentences)
    scores = {"exact": float(verdicts.pop("whole").mean()), "readable": float(verdicts.pop("readable").mean())}
    return scores | {f"true_{name}": float(held.mean()) for name, held in verdicts.items() if held.count()}


def true_claims(world: Any, scenes: Sequence[Any], pictures: Array, sentences: Sequence[str]) -> Verdicts:
    """Return for each attribute whether a sentence's claims about it are true of its picture: masked arrays of bool (N,).

    Masked where a sentence tells nothing about the attribute, or cannot be read. `readable` says whether it can, `whole`
    whether all is true besides: of shapes that the number of things is right, too, of sprites that nothing is left out.
    """
    claims = [_understand(world, sentence) for sentence in sentences]
    rows = [i for i, claim in enumerate(claims) if claim is not None]
    verdicts = {name: np.ma.MaskedArray(np.zeros(len(sentences), bool)) for name in ("readable", "whole")}
    verdicts["readable"][rows] = True
    if not rows:
        return verdicts
    if world.name == "shapes":  # a scene leaves open what its picture shows: that is read from the pixels
        judged = obey(world, pictures[rows], [sentences[i] for i in rows])
    else:
        judged = _draw_again(world, [scenes[i] for i in rows], [claims[i] for i in rows])
    verdicts["whole"][rows] = judged.pop("whole").filled(False)
    for name, held in judged.items():
        verdicts[name] = np.ma.masked_all(len(sentences), bool)
        verdicts[name][rows] = held
    return verdicts


def _draw_again(world: Any, scenes: Sequence[Any], claims: Sequence[Any]) -> Verdicts:
    """Return verdicts on claims about figures: true where the figure that has what is claimed is the same picture.

    A figure begins to slash as it begins to cast a spell, but for a few pixels: at step 1 either is true.
    """
    plain, begins = world.draw(scenes), {"cast", "slash"}
    claims = [
        claim._replace(action=scene.action) if scene.step == 1 and {claim.action, scene.action} == begins else claim
        for scene, claim in zip(scenes, claims)
    ]

    def is_same(names: Sequence[str]) -> Array:
        """Return whether figures with these attributes as claimed, where they are claimed, look the same."""
        told = [{name: getattr(claim, name) for name in names if getattr(claim, name) is not None} for claim in claims]
        again = world.draw([scene._replace(**values) for scene, values in zip(scenes, told)])
        return (again == plain).all((1, 2, 3))

    names = [name for name in scenes[0]._fields if name != "step"]
    silent = {name: np.array([getattr(claim, name) is None for claim in claims]) for name in names}
    verdicts = {name: np.ma.MaskedArray(is_same([name]), silent[name]) for name in names}
    verdicts["whole"] = np.ma.MaskedArray(is_same(names) & ~np.any([*silent.values()], 0))
    return verdicts


def _understand(world: Any, sentence: str) -> Any:
    """Return what a sentence claims, None if it cannot be read."""
    try:
        return world.read(sentence)
    except DataError:
        return None


def openness(sentences: Sequence[str]) -> float:
    """Return how open each next word is, in nats: the entropy of words by the word before them."""
    pairs: Counter = Counter()
    for sentence in sentences:
        line = words(sentence)
        pairs.update(zip(["", *line], [*line, ""]))
    before: Counter = Counter()
    for (first, _), count in pairs.items():
        before[first] += count
    counts = np.array([*pairs.values()], float)
    p = counts / [before[first] for first, _ in pairs]
    return float(-(counts * np.log(p)).sum() / counts.sum())

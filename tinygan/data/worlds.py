"""Worlds by name: pictures whose every property can be told in a sentence, and read back from the picture.

A world has a name, `words` and `longest` (of its sentences), and four methods: `scenes(part, n, rng)`, `draw(scenes, rng)`,
`say(scene, rng)` and `read(sentence)`. `tinygan.metrics.obey` says whether pictures do what sentences tell.
"""

from __future__ import annotations

from .shapes import Shapes

_WORLDS = {"shapes": Shapes}


def find_world(name: str) -> Shapes:
    """Return the world called `name`: "shapes"."""
    if name not in _WORLDS:
        raise ValueError(f"no world {name!r}: expected {' or '.join(map(repr, _WORLDS))}")
    return _WORLDS[name]()

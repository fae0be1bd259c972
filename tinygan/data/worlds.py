"""Worlds by name: pictures whose every property can be told in a sentence, and read back from the picture.

A world has a name, `words` and `longest` (of its sentences), and four methods: `scenes(part, n, rng)`, `draw(scenes, rng)`,
`say(scene, rng)` and `read(sentence)`. `tinygan.metrics.obey` says whether pictures do what sentences tell.
"""

from __future__ import annotations

from .shapes import Shapes
from .sprites import Sprites

_WORLDS: dict[str, type[Shapes] | type[Sprites]] = {"shapes": Shapes, "sprites": Sprites}


def find_world(name: str) -> Shapes | Sprites:
    """Return the world called `name`: "shapes" or "sprites". DataError if the sheets of sprites are missing or unfit."""
    if name not in _WORLDS:
        raise ValueError(f"no world {name!r}: expected {' or '.join(map(repr, _WORLDS))}")
    return _WORLDS[name]()

"""The world of shapes: pictures of one to three coloured objects, 32x32, and sentences about them.

    scenes.py     what a scene is; scenes to learn from, to be tested on, and kept back
    drawing.py    from scenes to pixels
    grammar.py    from scenes to sentences, and back

`Shapes` is the whole world under the protocol that recipes use: scenes, draw, say, slip, read. What a picture shows is read
from its pixels by `tinygan.metrics.obey`.
"""

import numpy as np

from tinygan.backend import Array

from .drawing import draw
from .grammar import LONGEST, WORDS, read, say
from .scenes import COLOURS, HELD_OUT, PLACES, SHAPES, SIZES, Relation, Scene, Thing, make_scenes, slip

__all__ = ["COLOURS", "HELD_OUT", "PLACES", "SHAPES", "SIZES", "Relation", "Scene", "Shapes", "Thing"]


class Shapes:
    """Scenes of coloured shapes. What a scene leaves open (None) is drawn by chance.

    >>> scene = Shapes().read("a small red circle above a large blue square")
    >>> scene.things[0]
    Thing(size='large', colour='blue', shape='square', place=None)
    >>> scene.relations  # of thing 1 and thing 0
    (Relation(first=1, kind='above', second=0),)
    """

    name = "shapes"
    words = WORDS
    longest = LONGEST

    def scenes(self, part: str, n: int, rng: np.random.Generator) -> list[Scene]:
        """Return n scenes of a part: "train", "unseen" (other scenes of the same pairs of colour and shape), "held_out".

        Each scene of "held_out" has a pair of colour and shape that neither of the other parts has.
        """
        return make_scenes(part, n, rng)

    def draw(self, scenes: list[Scene], rng: np.random.Generator) -> Array:
        """Return pictures (N, 3, 32, 32) float32 in [-1, 1]. DataError if no picture can obey a scene."""
        return draw(scenes, rng)

    def say(self, scene: Scene, rng: np.random.Generator) -> str:
        """Return a sentence about the scene, one of many; `read` of it is the scene."""
        return say(scene, rng)

    def slip(self, scene: Scene, rng: np.random.Generator) -> Scene:
        """Return the scene with one claim told otherwise."""
        return slip(scene, rng)

    def read(self, sentence: str) -> Scene:
        """Return the scene that a sentence tells, None where it tells nothing. DataError if it is not understood."""
        return read(sentence)

"""Slips of the tongue: which word of a world's sentences can stand for which, so that another thing is said.

A judge of pictures and sentences learns most from sentences that are nearly right. The world itself is asked: a word is
put where another stands, and `read` says whether that is a sentence, and whether it claims something else. "tiny" for
"small" is no slip.
"""

from collections import Counter
from functools import cache
from typing import Any

from tinygan.backend import stream

from .files import DataError
from .text.vocabulary import words
from .worlds import find_world

SENTENCES, TRIES = 300, 2  # that are looked through, and how often one word takes the place of another


@cache
def slips(world_name: str) -> dict[str, list[str]]:
    """Return {word: words that may stand there, and say another thing}, for all words of a world, in alphabetical order."""
    world: Any = find_world(world_name)
    rng = stream(0, "slips")
    tried: Counter = Counter()
    found: dict[str, set[str]] = {word: set() for word in world.words}
    for scene in world.scenes("train", SENTENCES, rng):
        sentence = world.say(scene, rng)
        said = words(sentence)
        for place, word in enumerate(said):
            for other in found:
                tried[word, other] += 1
                if tried[word, other] <= TRIES:
                    try:
                        if world.read(" ".join([*said[:place], other, *said[place + 1 :]])) != world.read(sentence):
                            found[word].add(other)
                    except DataError:
                        pass
    return {word: sorted(others) for word, others in found.items()}

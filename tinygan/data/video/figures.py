"""Clips of the figures of `data/sprites.py`, and edits of them: "give her golden boots", and what she then looks like.

A clip begins at the step that its figure says and goes on, round and round: step 8 is followed by step 1. An edit is told
by a sentence; `read_edit` says what it asks for, as a `Figure` with None where nothing changes. So the right answer to
every edit of every figure is known, pixel by pixel.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.backend import Array

from ..files import DataError
from ..sprites import EXAMPLE as FULL
from ..sprites import LOOKS, SIDE, VALUES, Figure, Sprites, indices, is_held_out, is_shown, read
from ..text.vocabulary import plain_words

STEPS = len(VALUES["step"])
EDITED = ("skin", "hair", "colour", "top", "legs", "feet", "action", "direction")  # what an edit may change


class FigureClips:
    """The world of figures that act. Parts are those of `Sprites`."""

    name, source, shape = "sprites", "", (3, SIDE, SIDE)
    saved = {"world": "sprites", "source": ""}  # by a run
    shown = {name: len(VALUES[name]) for name in LOOKS}
    motion, steps = {"pose": len(VALUES["action"]) * len(VALUES["direction"])}, STEPS

    def __init__(self) -> None:
        self.sprites = Sprites()

    def scenes(self, part: str, n: int, rng: np.random.Generator) -> list[Figure]:
        """Return n figures of a part, each in a pose and at the step with which its clip begins."""
        return self.sprites.scenes(part, n, rng)

    def draw(self, scenes: Sequence[Figure], frames: int, rng: Any = None, part: str = "train") -> Array:
        """Return clips (N, frames, 3, 32, 32), float32 in [-1, 1]. A figure says all; nothing is left to chance."""
        return draw_clips(self.sprites, scenes, frames)

    def rows(self, scenes: Sequence[Figure]) -> Array:
        """Return the labels of figures, (N, 9): looks, pose (action and direction), step."""
        *looks, action, direction, step = indices(scenes).T
        return np.stack([*looks, len(VALUES["direction"]) * action + direction, step], 1)

    def say(self, scene: Figure, rng: np.random.Generator) -> str:
        """Return a sentence that says all of a figure but the step."""
        return self.sprites.say(scene._replace(step=None), rng)

    def read(self, sentence: str) -> Figure:
        """Return what a sentence claims; the step is 1 if it says none. DataError if it leaves something open."""
        figure = self.sprites.read(sentence)
        missing = [name for name, value in figure._asdict().items() if value is None and name != "step"]
        if missing:
            raise DataError(f"{sentence!r} does not say the figure's {', '.join(missing)}; say all, as in \"{FULL}\"")
        return figure._replace(step=figure.step or 1)


def draw_clips(world: Sprites, figures: Sequence[Figure], frames: int) -> Array:
    """Return clips (N, frames, 3, 32, 32), float32 in [-1, 1], of figures that say their first step."""
    shown = [figure._replace(step=(figure.step + k - 1) % STEPS + 1) for figure in figures for k in range(frames)]  # type: ignore[operator]
    pictures = world.draw(shown)
    return pictures.reshape(len(figures), frames, *pictures.shape[1:])


# --- edits ---------------------------------------------------------------------------------------------------------

_WHO = {"man": ("him", "his"), "woman": ("her", "her")}
_ACT = {"walk": "walk", "cast": "cast a spell", "slash": "slash"}
_WHERE = {"left": "to the left", "right": "to the right", "up": "up", "down": "down"}
_ASK: dict[str, tuple[str, ...]] = {  # ways to ask for a value; of hair, those that leave hair's colour or style open
    "skin": ("make the skin {v}", "make {their} skin {v}", "make {them} {v}"),
    "colour": ("make the hair {v}", "make {their} hair {v}", "give {them} {v} hair", "dye the hair {v}"),
    "top": ("give {them} {a v}", "put {a v} on {them}", "let {them} wear {a v}"),
    "legs": ("give {them} {a v}", "put {a v} on {them}", "let {them} wear {a v}"),
    "feet": ("give {them} {a v}", "put {a v} on {them}", "let {them} wear {a v}"),
    "action": ("let {them} {v}", "make {them} {v}"),
    "direction": ("turn {them} {v}", "let {them} look {v}"),
}
_STYLES = ("long", "round", "short")  # adjectives of hair; other styles are nouns


def say_edit(figure: Figure, name: str, value: str, rng: np.random.Generator) -> str:
    """Return a sentence that asks for `value` of the attribute `name` of a figure, one of several."""
    them, their = _WHO[figure.sex or "man"]
    ways, shown = _ASK.get(name, ()), value
    if name == "hair" and value in _STYLES:
        ways = ("make the hair {v}", "make {their} hair {v}", "give {them} {v} hair")
    elif name == "hair":
        ways = ("give {them} a {v}", "let {them} wear a {v}")
    elif name in ("action", "direction"):
        shown = {**_ACT, **_WHERE}[value]
    article = f"a {value}" if value.endswith("shirt") else value
    way = ways[rng.integers(len(ways))].replace("{a v}", article)
    return way.format(v=shown, them=them, their=their)


def edit(figure: Figure, rng: np.random.Generator, part: str = "train") -> tuple[str, Figure]:
    """Return (a sentence that asks for another value of one attribute, the figure after it).

    part: "train" leads to figures that training may show, "held_out" to hair and top that are never shown together;
    "unseen" to any other. ValueError if no edit of the figure leads there.
    """

    def leads_there(after: Figure) -> bool:
        colour, top = (VALUES[of].index(getattr(after, of)) for of in ("colour", "top"))
        return is_held_out(colour, top) == (part == "held_out") and (part != "train" or is_shown(after))

    fit: dict[str, list[Figure]] = {}  # by what is changed
    for name in EDITED:
        others = [figure._replace(**{name: value}) for value in VALUES[name] if value != getattr(figure, name)]
        if led := [after for after in others if leads_there(after)]:
            fit[name] = led
    if not fit:
        raise ValueError(f"edit: no edit of {figure} leads to {part!r}")
    name = list(fit)[rng.integers(len(fit))]
    after = fit[name][rng.integers(len(fit[name]))]
    return say_edit(figure, name, getattr(after, name), rng), after


def change(figure: Figure, asked: Figure) -> Figure:
    """Return a figure after an edit, what `read_edit` returned."""
    return figure._replace(**{name: value for name, value in asked._asdict().items() if value is not None})


_OPENINGS = "make give put turn let dye".split()
_FILLERS = "him her his them their the it man woman on wear look".split()
_CHANGED = "hair skin shirt mail plate greaves trousers boots shoes mohawk fringe ponytail".split()
_VERBS = {"walk": "walks", "cast": "casts", "slash": "slashes"}
EXAMPLE = "give her golden boots"


def read_edit(sentence: str) -> Figure:
    """Return what a sentence asks for: a Figure, None where nothing is to change. DataError for what it is not.

    >>> read_edit("make the hair blue").colour
    'blue'
    >>> read_edit("turn him to the left").direction
    'left'
    """
    line = plain_words(sentence)
    if not line or line[0] not in _OPENINGS:
        known = ", ".join(_OPENINGS)
        raise DataError(f'{sentence!r}: expected an edit that begins with one of {known}, such as "{EXAMPLE}"')
    opening, *rest = line
    rest = [_VERBS.get(word, word) for word in rest if word not in _FILLERS]
    if opening in ("make", "dye") and len(rest) == 2 and rest[0] in _CHANGED:
        rest = rest[::-1]  # "make the hair blue"
    elif opening == "make" and len(rest) == 1 and rest[0] in VALUES["skin"]:
        rest = [*rest, "skin"]  # "make him green"
    if not {*rest} - {"a", "an", "to"}:
        raise DataError(f'{sentence!r}: what shall change? An edit is such as "{EXAMPLE}"')
    try:
        asked = read(" ".join(rest))
    except DataError as error:
        fault = str(error).partition(" A sentence is such as")[0]
        raise DataError(f'{fault} An edit is such as "{EXAMPLE}"') from None
    if asked.sex or asked.step:
        raise DataError(f'{sentence!r}: neither man and woman nor the step can be changed. An edit is such as "{EXAMPLE}"')
    return asked


def _all_words() -> list[str]:
    said = [way for ways in _ASK.values() for way in ways] + [*_ACT.values(), *_WHERE.values(), "a an"]
    known = {word for way in said for word in way.split() if "{" not in word and word != "v}"}
    looks = {word for name in LOOKS[1:] for value in VALUES[name] for word in value.split()}
    return sorted(known | looks | {*_FILLERS, *_OPENINGS, "hair", "skin"})


WORDS = _all_words()  # of the sentences of `say_edit`
LONGEST = 7  # "let her look to the left", "put a brown shirt on him"

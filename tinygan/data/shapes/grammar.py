"""From scenes to sentences and back: a small grammar with many ways to say the same.

    sentence  = [opening] groups | place [","] verb thing | relation group verb group
    groups    = group ["from left to right" ...] | group relation group [relation group]
    group     = thing {("," | "and") thing}
    thing     = [article] [size] [colour] shape ["that is" size or colour] [place]

A relation holds between every thing of the group before it and every thing of the group after it.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from ..files import DataError
from ..text.vocabulary import plain_words
from .scenes import COLOURS, MOST, SHAPES, SIZES, Relation, Scene, Thing, canonical

_SIZE_WORDS = {"small": ("small", "little", "tiny"), "large": ("large", "big", "huge")}
_COLOUR_WORDS = {colour: (colour,) for colour in COLOURS} | {"purple": ("purple", "violet")}
_SHAPE_WORDS = {shape: (shape,) for shape in SHAPES} | {"circle": ("circle", "disc"), "cross": ("cross", "plus")}
_PLACE_WORDS = {
    "upper left": ("in the upper left", "in the top left corner", "at the top left"),
    "top": ("at the top", "at the upper edge"),
    "upper right": ("in the upper right", "in the top right corner", "at the top right"),
    "left": ("on the left", "at the left edge"),
    "middle": ("in the middle", "in the centre", "in the center"),
    "right": ("on the right", "at the right edge"),
    "lower left": ("in the lower left", "in the bottom left corner", "at the bottom left"),
    "bottom": ("at the bottom", "at the lower edge"),
    "lower right": ("in the lower right", "in the bottom right corner", "at the bottom right"),
}
# (kind, whether the thing before it is the first of the relation)
_RELATION_WORDS = {
    ("left of", True): ("left of", "to the left of"),
    ("left of", False): ("right of", "to the right of"),
    ("above", True): ("above", "over"),
    ("above", False): ("below", "under"),
}
_ORDER_WORDS = {
    ("left of", True): ("from left to right",),
    ("left of", False): ("from right to left",),
    ("above", True): ("from top to bottom",),
    ("above", False): ("from bottom to top",),
}
_OPENINGS = ("there is", "a picture of", "draw")
_VERBS = ("is", "sits", "there is", "are", "there are")
_ARTICLES = ("a", "an", "the")
_EXAMPLE = "a small red circle above a large blue square"


def _phrases() -> dict[tuple[str, ...], tuple]:
    """Return the words of every phrase that is understood: what sort of symbol it is, and what it means."""
    tables: list[tuple[str, dict]] = [
        ("size", _SIZE_WORDS), ("colour", _COLOUR_WORDS), ("shape", _SHAPE_WORDS),
        ("place", _PLACE_WORDS), ("relation", _RELATION_WORDS), ("order", _ORDER_WORDS),
    ]  # fmt: skip
    known = {tuple(p.split()): (sort, meaning) for sort, t in tables for meaning, many in t.items() for p in many}
    for side in ("left", "right"):  # understood, never said
        known[("on", "the", side, "of")] = ("relation", ("left of", side == "left"))
        for height, words in (("upper", ("upper", "top")), ("lower", ("lower", "bottom"))):
            for corner in ((before, "the", word, side) for before in ("in", "at") for word in words):
                known[corner] = known[(*corner, "corner")] = ("place", f"{height} {side}")
    known |= {tuple(p.split()): ("opening", p) for p in _OPENINGS}
    known |= {tuple(p.split()): ("verb", p) for p in _VERBS}
    known |= {(a,): ("article", a) for a in _ARTICLES}
    return known | {
        ("that", "is"): ("that is", ""),
        ("and",): ("and", ""),
        (",",): ("and", ""),
        (",", "and"): ("and", ""),
    }


_PHRASES = _phrases()
WORDS = sorted({word for phrase in _PHRASES for word in phrase})
# of the words of a sentence: "a picture of"; three things with "that is" and a place of five words; ",", "and"
LONGEST = 3 + 3 * (1 + 2 + 3 + 5) + 2


# --- saying -----------------------------------------------------------------------------------------------------


def say(scene: Scene, rng: np.random.Generator) -> str:
    """Return a sentence about a scene; which of the many is drawn from rng."""
    things = list(scene.things)
    order = [int(i) for i in rng.permutation(len(things))]
    opening = f"{_pick(_OPENINGS, rng)} " if rng.random() < 0.25 else ""
    if not scene.relations:
        if len(things) == 1 and things[0].place and rng.random() < 0.25:
            bare = _say_thing(things[0]._replace(place=None), rng)
            return f"{_pick(_PLACE_WORDS[things[0].place], rng)} {_pick((', there is', 'there is', 'is'), rng)} {bare}"
        return opening + _say_group([things[i] for i in order], rng)
    kind = scene.relations[0].kind
    if {r.kind for r in scene.relations} != {kind}:
        return opening + _say_two_kinds(scene, rng)
    befores = {r.first for r in scene.relations}
    afters = {r.second for r in scene.relations}
    if befores & afters or (len(things) == 2 and rng.random() < 0.1):  # in a row; each is before the next
        row = [next(iter(befores - afters))]
        while len(row) < len(things):
            row.append(next(r.second for r in scene.relations if r.first == row[-1]))
        forward = bool(rng.random() < 0.5)
        group = [things[i] for i in (row if forward else row[::-1])]
        if rng.random() < 0.5:
            return f"{opening}{_say_group(group, rng)} {_pick(_ORDER_WORDS[kind, forward], rng)}"
        said = _say_thing(group[0], rng)
        for thing in group[1:]:
            said += f" {_pick(_RELATION_WORDS[kind, forward], rng)} {_say_thing(thing, rng)}"
        return opening + said
    forward = bool(rng.random() < 0.5)
    subject = [things[i] for i in order if i in (befores if forward else afters)]
    other = [things[i] for i in order if i in (afters if forward else befores)]
    relation = _pick(_RELATION_WORDS[kind, forward], rng)
    if rng.random() < 0.15:
        verb = _pick(_VERBS[3:] if len(subject) > 1 else _VERBS[:3], rng)
        return f"{relation} {_say_group(other, rng)} {verb} {_say_group(subject, rng)}"
    verb = f" {'are' if len(subject) > 1 else _pick(_VERBS[:2], rng)}" if not opening and rng.random() < 0.3 else ""
    return f"{opening}{_say_group(subject, rng)}{verb} {relation} {_say_group(other, rng)}"


def _say_two_kinds(scene: Scene, rng: np.random.Generator) -> str:
    """Say three things of which one is left or right of a second, and that above or below the third."""
    one, other = ({r.first, r.second} for r in scene.relations)
    (start,), (middle,), (end,) = one - other, one & other, other - one
    said = _say_thing(scene.things[start], rng)
    for relation, before, after in zip(scene.relations, (start, middle), (middle, end)):
        words = _RELATION_WORDS[relation.kind, relation.first == before]
        said += f" {_pick(words, rng)} {_say_thing(scene.things[after], rng)}"
    return said


def _say_thing(thing: Thing, rng: np.random.Generator) -> str:
    size = _pick(_SIZE_WORDS[thing.size], rng) if thing.size else ""
    colour = _pick(_COLOUR_WORDS[thing.colour], rng) if thing.colour else ""
    words = [size, colour, _pick(_SHAPE_WORDS[thing.shape], rng)]
    if size and rng.random() < 0.1:
        words = [*words[1:], "that is", size]
    words = [w for w in words if w]
    article = "an" if words[0][0] in "aeiou" else "a"
    place = [_pick(_PLACE_WORDS[thing.place], rng)] if thing.place else []
    return " ".join([article, *words, *place])


def _say_group(things: Sequence[Thing], rng: np.random.Generator) -> str:
    said = [_say_thing(thing, rng) for thing in things]
    return " and ".join([*[" , ".join(said[:-1])][: len(said) > 1], said[-1]])


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


# --- reading ----------------------------------------------------------------------------------------------------


def read(sentence: str) -> Scene:
    """Return the scene that a sentence tells. DataError for a word or an order of words that it does not know."""
    if not isinstance(sentence, str):
        raise TypeError(f"read: a sentence is a string, got a {type(sentence).__name__}")
    words = plain_words(sentence)
    for word in words:
        if word not in WORDS:
            raise DataError(_unknown(word))
    symbols = _symbols(words)
    things, relations = _Reader(symbols, sentence).scene()
    return canonical(things, relations)


def _unknown(word: str) -> str:
    near = difflib.get_close_matches(word, WORDS, 3, 0.6)
    if near:
        return f"{word!r}: did you mean {' or '.join(near)}?"
    return (
        f"{word!r} is not a word of the world of shapes, which knows the shapes {', '.join(SHAPES)}; the colours"
        f" {', '.join(COLOURS)}; {' and '.join(SIZES)}; places and relations: {_EXAMPLE!r}"
    )


def _symbols(words: list[str]) -> list[tuple]:
    """Return (sort, meaning, words) of the longest phrases, from left to right."""
    symbols, at = [], 0
    while at < len(words):
        for length in range(5, 0, -1):
            phrase = tuple(words[at : at + length])
            if phrase in _PHRASES and len(phrase) == length:
                symbols.append((*_PHRASES[phrase], " ".join(phrase)))
                break
        else:
            raise DataError(f"'{' '.join(words[at : at + 4])}' is not understood: expected as in {_EXAMPLE!r}")
        at += len(phrase)
    return symbols


class _Reader:
    """Read symbols from left to right into things and relations."""

    def __init__(self, symbols: list[tuple], sentence: str) -> None:
        self.symbols, self.sentence, self.at = symbols, sentence, 0
        self.things: list[Thing] = []
        self.relations: list[tuple[int, str, int]] = []

    def scene(self) -> tuple[list[Thing], list]:
        if self.sort() in ("opening", "verb"):  # "there is" is both
            self.at += 1
        if self.sort() == "place":
            place = self.take()[1]
            while self.sort() in ("and", "verb", "opening"):
                self.at += 1
            thing = self.things[self.group()[0]]
            if thing.place:
                self.refuse("one place for each thing")
            self.things[0] = thing._replace(place=place)
        elif self.sort() == "relation":
            relation = self.take()[1]
            other = self.group()
            self.expect("verb", "opening")
            self.relate(self.group(), relation, other)
        else:
            before = self.group()
            if self.sort() == "order":
                relation = self.take()[1]
                for i in before[1:]:
                    self.relate([i - 1], relation, [i])
            while self.sort() in ("verb", "relation"):
                if self.sort() == "verb":
                    self.at += 1
                relation = self.expect("relation")[1]
                after = self.group()
                self.relate(before, relation, after)
                before = after
        if self.at < len(self.symbols):
            self.refuse("the sentence to end here")
        if len(self.things) > MOST:
            raise DataError(f"{len(self.things)} things are told; a scene has at most {MOST}")
        return self.things, self.relations

    def group(self) -> list[int]:
        """Read things joined by commas and "and"; return their numbers."""
        numbers = [self.thing()]
        while self.sort() == "and":
            self.at += 1
            numbers.append(self.thing())
        return numbers

    def thing(self) -> int:
        told: dict[str, str | None] = {"size": None, "colour": None, "shape": None, "place": None}
        if self.sort() == "article":
            self.at += 1
        while (sort := self.sort()) in ("size", "colour") and told[sort] is None:
            told[sort] = self.take()[1]
        told["shape"] = self.expect("shape")[1]
        if self.sort() == "that is":
            self.at += 1
            sort = self.sort()
            if sort not in ("size", "colour") or told[sort] is not None:
                self.refuse("a size or a colour that was not told before")
            told[sort] = self.take()[1]
        if self.sort() == "place":
            told["place"] = self.take()[1]
        self.things.append(Thing(**told))  # type: ignore[arg-type]
        return len(self.things) - 1

    def relate(self, before: list[int], relation: tuple[str, bool], after: list[int]) -> None:
        kind, forward = relation
        self.relations += [Relation(*((i, kind, j) if forward else (j, kind, i))) for i in before for j in after]

    def sort(self) -> str:
        return self.symbols[self.at][0] if self.at < len(self.symbols) else "end"

    def take(self) -> tuple:
        self.at += 1
        return self.symbols[self.at - 1]

    def expect(self, *sorts: str) -> tuple:
        if self.sort() not in sorts:
            self.refuse(f"{'an' if sorts[0][0] in 'aeiou' else 'a'} {sorts[0]}")
        return self.take()

    def refuse(self, expected: str) -> None:
        where = f"before {self.symbols[self.at][2]!r}" if self.at < len(self.symbols) else "at its end"
        raise DataError(f"{self.sentence!r}: expected {expected} {where}, as in {_EXAMPLE!r}")

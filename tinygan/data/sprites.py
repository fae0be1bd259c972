"""Figures of the Liberated Pixel Cup, put together of layers: 92,160 of them, 12 poses of 8 steps, sentences for all.

A sheet is one layer: a body, feet, legs, a top or hair, in every pose. `Sprites` reads the sheets from the folder
`sprites` of TINYGAN_DATA, lays them over one another, says what a picture shows ("a green man with long pink hair in a
brown shirt, silver greaves and golden boots walks to the left") and reads such sentences. `metrics/pictures/heads.py`
looks at a picture and tells what it shows. The art is CC BY-SA 3.0 or GPL 3.0; AUTHORS.txt beside it names its authors.
Li & Mandt 2018 made videos of it.
"""

import difflib
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array, stream

from .files import DataError, find_file, list_some, open_file
from .text.vocabulary import plain_words, words


class Figure(NamedTuple):
    """A figure in a pose, or what a sentence claims of one; None where nothing is said. `step` counts from 1 to 8."""

    sex: str | None = None
    skin: str | None = None
    hair: str | None = None
    colour: str | None = None  # of the hair
    top: str | None = None
    legs: str | None = None
    feet: str | None = None
    action: str | None = None
    direction: str | None = None
    step: int | None = None


VALUES: dict[str, tuple] = {  # what each attribute may be; action and direction in the order of the sheets' rows
    "sex": ("man", "woman"),
    "skin": ("dark", "green", "grey", "light", "tanned"),
    "hair": ("fringe", "long", "mohawk", "ponytail", "round", "short"),
    "colour": ("black", "blond", "blue", "brown", "green", "pink", "red", "white"),
    "top": (
        "brown leather", "silver mail", "golden plate", "silver plate",
        "blue shirt", "brown shirt", "red shirt", "white shirt",
    ),
    "legs": ("golden greaves", "silver greaves", "blue trousers", "pink trousers", "red trousers", "white trousers"),
    "feet": ("golden boots", "silver boots", "black shoes", "brown shoes"),
    "action": ("walk", "cast", "slash"),
    "direction": ("up", "left", "down", "right"),
    "step": (1, 2, 3, 4, 5, 6, 7, 8),
}  # fmt: skip
LOOKS = tuple(VALUES)[:7]  # the attributes of the figure; the others are its pose and step
COUNTS = tuple(len(VALUES[name]) for name in LOOKS)
SLOTS = {"body": ("skin",), "feet": ("feet",), "legs": ("legs",), "top": ("top",), "hair": ("hair", "colour")}
PARTS = ("train", "unseen", "held_out", "heads")
BACKGROUND = (0.82, 0.86, 0.90)  # a pale blue: neither black outlines nor white hair are lost on it
SIDE, SHEET = 32, (256, 384)  # of a picture, and (width, height) of a sheet, in pixels
MOST_BYTES = 1 << 20  # of a sheet's file; those of the Liberated Pixel Cup have 30,000 at most


class Sprites:
    """The world of figures. DataError if a sheet is missing or unfit.

    Parts: "held_out" has the pairs of hair colour and top that no generator sees together; "unseen" has whole figures
    that no generator sees, of pairs that it does; "train" is what generators learn from. "heads" is an eighth of all
    figures, for the checkers alone: no other part shows them.
    """

    name = "sprites"

    def __init__(self) -> None:
        self.layers = {slot: _read_sheets(slot, paths) for slot, paths in _find_sheets().items()}
        self.words = sorted([*_KINDS, *map(str, VALUES["step"])])
        self.longest = max(len(words(line)) for line in _longest_lines())

    def scenes(self, part: str, n: int, rng: np.random.Generator) -> list[Figure]:
        """Return n figures of a part of the world, each in a pose and step; see PARTS."""
        if part not in PARTS:
            raise ValueError(f"Sprites.scenes: no part {part!r}: expected one of {', '.join(PARTS)}")
        numbers = rng.choice(_parts()[part], n)
        places = np.stack([*np.unravel_index(numbers, COUNTS), *rng.integers(0, [[3], [4], [8]], (3, n))], 1)
        return [Figure(*(values[i] for values, i in zip(VALUES.values(), row))) for row in places.tolist()]

    def draw(self, scenes: Sequence[Figure], rng: np.random.Generator | None = None) -> Array:
        """Return pictures (N, 3, 32, 32), float32 in [-1, 1]. `rng` draws the step of scenes that do not say theirs."""
        picture = np.empty((len(scenes), 3, SIDE, SIDE), np.float32)
        picture[:] = 255 * np.array(BACKGROUND, np.float32)[:, None, None]
        for layer in self._layers_of(scenes, rng):
            alpha = layer[:, 3:] * np.float32(1 / 255)
            picture += alpha * (layer[:, :3] - picture)
        return picture / np.float32(127.5) - 1

    def regions(self, scenes: Sequence[Figure]) -> Array:
        """Return what each pixel shows, (N, 32, 32): 0 background, 1 body, 2 feet, 3 legs, 4 top, 5 hair."""
        shown = np.zeros((len(scenes), SIDE, SIDE), np.int8)
        for k, layer in enumerate(self._layers_of(scenes), 1):
            shown[layer[:, 3] > 127] = k
        return shown

    def _layers_of(self, scenes: Sequence[Figure], rng: np.random.Generator | None = None) -> Iterator[Array]:
        """Yield the layers of scenes from below: (N, 4, 32, 32) bytes; red, green, blue, alpha."""
        if any(None in scene[:9] for scene in scenes) or rng is None and any(scene.step is None for scene in scenes):
            raise ValueError("Sprites: a scene says all of a figure; its step may be left to a stream of chance")
        steps = [int(rng.integers(1, 9)) if scene.step is None and rng else scene.step for scene in scenes]
        places = indices([scene._replace(step=k) for scene, k in zip(scenes, steps)])  # (N, 10)
        place = dict(zip(VALUES, places.T))
        picture = (place["action"] * 4 + place["direction"]) * 8 + place["step"]  # of a sheet's 96
        for slot, attributes in SLOTS.items():
            yield self.layers[slot][(place["sex"], *(place[name] for name in attributes), picture)]

    def say(self, scene: Figure, rng: np.random.Generator) -> str:
        """Return a sentence that says all of a scene, one of many; its step too if the scene has one."""
        return say(scene, rng)

    def slip(self, scene: Figure, rng: np.random.Generator) -> Figure:
        """Return the scene with one claim told otherwise. A figure that training may show stays one."""
        told = [name for name, value in scene._asdict().items() if value is not None]
        while True:
            name = told[int(rng.integers(len(told)))]
            others = [value for value in VALUES[name] if value != getattr(scene, name)]
            slipped = scene._replace(**{name: others[int(rng.integers(len(others)))]})
            if name not in LOOKS or None in scene[: len(LOOKS)] or is_shown(slipped) or not is_shown(scene):
                return slipped

    def read(self, sentence: str) -> Figure:
        """Return what a sentence claims. DataError for words that it does not know, and where they make no sense."""
        return read(sentence)


# --- which figures, which sheets ---------------------------------------------------------------------------------


@cache
def _parts() -> dict[str, Array]:
    """Return {part: numbers of its figures}. Eighths are drawn once for all; a hair colour and a top make a held-out pair."""
    number = np.arange(math.prod(COUNTS))
    colour, top = (np.unravel_index(number, COUNTS)[LOOKS.index(name)] for name in ("colour", "top"))
    held_out = is_held_out(colour, top)
    eighth = stream(0, "eighths of the sprites").integers(0, 8, len(number))
    return {
        "train": number[~held_out & (eighth > 1)],
        "unseen": number[~held_out & (eighth == 1)],
        "held_out": number[held_out & (eighth > 0)],
        "heads": number[eighth == 0],
    }


def is_held_out(colour: Any, top: Any) -> Any:
    """Return whether a hair colour and a top, places in VALUES, are kept apart: eight pairs, each colour and top once."""
    return (3 * colour + 1) % 8 == top


@cache
def _shown() -> set[int]:
    return set(_parts()["train"].tolist())


def is_shown(scene: Figure) -> bool:
    """Return whether training may show a figure; the scene says all that it wears and is."""
    number = 0
    for values, of, value in zip(VALUES.values(), _PLACES, scene[: len(LOOKS)]):
        number = number * len(values) + of[value]
    return number in _shown()


def indices(scenes: Sequence[Figure]) -> Array:
    """Return (N, 10) int64: of each scene, the places of its attributes in VALUES; -1 where nothing is said."""
    return np.array([[-1 if v is None else of[v] for of, v in zip(_PLACES, scene)] for scene in scenes]).reshape(-1, 10)


_PLACES = [{value: i for i, value in enumerate(values)} for values in VALUES.values()]


def _sheet(slot: str, sex: str, *values: str) -> str:
    """Return the name of a sheet: ("top", "man", "golden plate") is top-male-plate-gold.png."""
    pieces = [piece for value in values for piece in reversed(value.replace("golden", "gold").split())]
    return "-".join([slot, {"man": "male", "woman": "female"}[sex], *pieces]) + ".png"


def _find_sheets() -> dict[str, tuple[Path, ...]]:
    """Return {slot: the files of its sheets}, in the order of their attributes' values; DataError names missing ones."""
    found: dict[str, tuple[Path, ...]] = {}
    missing: list[str] = []
    for slot, attributes in SLOTS.items():
        for values in itertools.product(*(VALUES[name] for name in ("sex", *attributes))):
            name = _sheet(slot, *values)
            try:
                found[slot] = (*found.get(slot, ()), find_file(f"sprites/{name}"))
            except DataError:
                missing.append(name)
    if missing and not found:
        raise DataError(
            f"all 142 sheets of sprites are missing, sprites/{missing[0]} and on; they do not come with tinygan:"
            " its README says under Data where they are from"
        )
    if missing:
        raise DataError(
            f"{len(missing)} of the 142 sheets of sprites are missing: {list_some(missing, 3)}; put them into the folder"
            " sprites of the folder that TINYGAN_DATA names"
        )
    return found


@lru_cache(8)  # the sheets of a folder: 56 MB, read in half a second
def _read_sheets(slot: str, paths: tuple[Path, ...]) -> Array:
    """Return the layers of a slot: (sex, value, ..., 96 pictures, 4, 32, 32), bytes."""
    sides = [len(VALUES[name]) for name in ("sex", *SLOTS[slot])]
    return np.stack([_read_sheet(path) for path in paths]).reshape(*sides, -1, 4, SIDE, SIDE)


def _read_sheet(path: Path) -> Array:
    """Return the pictures of a sheet: (96, 4, 32, 32) bytes, red, green, blue, alpha; action by direction by step."""
    from PIL import Image

    with open_file(path, MOST_BYTES) as file:
        try:
            picture = Image.open(file, formats=("PNG",))
            size, mode = picture.size, picture.mode
            values = np.asarray(picture) if (size, mode) == (SHEET, "RGBA") else None  # its header is read, no more
        except Exception as error:  # Pillow's decoders raise what they happen to meet
            reason = " ".join(str(error).split()).replace(f" {str(path)!r}", "")[:200] or type(error).__name__
            raise DataError(f"{path}: cannot be read as a sheet of sprites ({reason}); copy it again") from None
    if values is None:
        expected = f"{SHEET[0]}x{SHEET[1]} pixels in RGBA"
        raise DataError(
            f"{path}: {size[0]}x{size[1]} pixels in {mode}: a sheet of sprites has {expected}; copy it again"
        )
    rows, columns = SHEET[1] // SIDE, SHEET[0] // SIDE
    cells = values.reshape(rows, SIDE, columns, SIDE, 4).transpose(0, 2, 4, 1, 3)
    return np.ascontiguousarray(cells).reshape(-1, 4, SIDE, SIDE)


# --- sentences -----------------------------------------------------------------------------------------------------

_MADE_OF = {"mohawk": "a {colour} mohawk", "fringe": "a {colour} fringe", "ponytail": "a {colour} ponytail"}
_VERBS = {"walk": ("walks", "walking"), "cast": ("casts a spell", "casting a spell"), "slash": ("slashes", "slashing")}
_WHERE = {"left": "to the left", "right": "to the right", "up": "up", "down": "down"}


def _hair(f: Figure) -> str:
    return _MADE_OF.get(f.hair or "", "{hair} {colour} hair").format(hair=f.hair, colour=f.colour)


def _clothes(f: Figure, rng: np.random.Generator) -> str:
    clothes = [f"a {f.top}" if "shirt" in f.top else f.top, f.legs, f.feet]  # type: ignore[operator]
    first, second, third = (clothes[i] for i in rng.permutation(3))
    return f"{first}, {second} and {third}"


def _acts(f: Figure, *, ing: bool) -> str:
    return f"{_VERBS[f.action or ''][ing]} {_WHERE[f.direction or '']}"


_SAY = (
    lambda f, rng: f"a {f.skin} {f.sex} with {_hair(f)} in {_clothes(f, rng)} {_acts(f, ing=False)}",
    lambda f, rng: f"a {f.skin} {f.sex} in {_clothes(f, rng)}, with {_hair(f)}, {_acts(f, ing=False)}",
    lambda f, rng: f"{_acts(f, ing=True)}, a {f.skin} {f.sex} with {_hair(f)} wears {_clothes(f, rng)}",
    lambda f, rng: f"a {f.sex} with {f.skin} skin and {_hair(f)}, wearing {_clothes(f, rng)}, is {_acts(f, ing=True)}",
    lambda f, rng: f"a {f.skin} {f.sex} who wears {_clothes(f, rng)} and has {_hair(f)} is {_acts(f, ing=True)}",
)


def say(scene: Figure, rng: np.random.Generator) -> str:
    """Return a sentence that says all of a scene, one of many; its step too if the scene has one."""
    return _SAY[rng.integers(len(_SAY))](scene, rng) + (f", step {scene.step}" if scene.step else "")


def _longest_lines() -> list[str]:
    f = Figure("man", "green", "long", "pink", "blue shirt", "blue trousers", "black shoes", "cast", "left")
    return [way(f, stream(0, "longest")) + ", step 1" for way in _SAY]


_same = lambda *values: {value: value for value in values}
_NOUNS: dict[str, dict[str, dict[str, str]]] = {  # noun: {attribute: {adjective before the noun: its value}}
    "man": {"skin": _same(*VALUES["skin"])},
    "woman": {"skin": _same(*VALUES["skin"])},
    "skin": {"skin": _same(*VALUES["skin"])},
    "hair": {"hair": _same("long", "round", "short"), "colour": _same(*VALUES["colour"])},
    **{style: {"colour": _same(*VALUES["colour"])} for style in _MADE_OF},
}
for _name in ("top", "legs", "feet"):
    for _value in VALUES[_name]:
        _adjective, _noun = _value.split()
        _NOUNS.setdefault(_noun, {}).setdefault(_name, {})[_adjective] = _value
_KINDS = {
    **{adjective: "adjective" for of in _NOUNS.values() for known in of.values() for adjective in known},
    **dict.fromkeys(_NOUNS, "noun"),
    **{phrase.split()[0]: "verb" for phrases in _VERBS.values() for phrase in phrases},
    **dict.fromkeys(VALUES["direction"], "direction"),
    **dict.fromkeys("a the with in and is to who has wears wearing spell ,".split(), "glue"),
    "step": "step",
}
_ACTION_OF = {phrase.split()[0]: action for action, phrases in _VERBS.items() for phrase in phrases}
EXAMPLE = "a green man with long pink hair in a brown shirt, silver greaves and golden boots walks to the left, step 3"


def read(sentence: str) -> Figure:
    """Return what a sentence claims of a figure. DataError for unknown words, and where known ones make no sense.

    >>> read("a tanned woman with a blue mohawk slashes").action
    'slash'
    >>> read("a green shirt")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tinygan.data.files.DataError: 'green shirt': expected one of blue, brown, red, white before 'shirt'. ...
    """
    claims: dict[str, str | int] = {}

    def refuse(fault: str) -> DataError:
        return DataError(f'{fault} A sentence is such as "{EXAMPLE}"')

    def claim(name: str, value: str | int) -> None:
        if claims.setdefault(name, value) != value:
            of = "hair's colour" if name == "colour" else name
            raise refuse(f"{sentence!r} says of the {of} both {claims[name]} and {value}.")

    line = plain_words(sentence)
    unknown = [word for k, word in enumerate(line) if word not in _KINDS and not (k and line[k - 1] == "step")]
    if unknown:
        near = " or ".join(difflib.get_close_matches(unknown[0], _KINDS, 3, 0.6))
        raise refuse(f"{unknown[0]!r}: " + (f"did you mean {near}?" if near else "a word that sprites do not know."))
    adjectives: list[str] = []
    rest = iter(line)
    for word in rest:
        kind = _KINDS[word]
        if kind == "adjective":
            adjectives.append(word)
            continue
        if kind == "noun":
            for name, value in _describe(word, adjectives, refuse).items():
                claim(name, value)
            adjectives = []
        if adjectives:
            raise refuse(f"{adjectives[-1]!r} before {word!r}: {adjectives[-1]} what?")
        if kind == "verb":
            claim("action", _ACTION_OF[word])
        elif kind == "direction":
            claim("direction", word)
        elif kind == "step":
            number = next(rest, "")
            if number not in map(str, VALUES["step"]):
                raise refuse(f"'{f'step {number}'.strip()}': expected step 1 to step 8.")
            claim("step", int(number))
    if adjectives:
        raise refuse(f"{adjectives[-1]!r} at the end: {adjectives[-1]} what?")
    if not claims:
        raise refuse(f"{sentence!r} says nothing of a figure.")
    return Figure(**claims)  # type: ignore[arg-type]


def _describe(noun: str, adjectives: list[str], refuse: Callable[[str], DataError]) -> dict[str, str]:
    """Return what a noun with the adjectives before it claims: ("hair", ["long", "pink"]) of hair and its colour."""
    claimed = {name: noun for name in ("sex", "hair") if noun in VALUES[name]}
    expected = " and ".join(f"one of {', '.join(of)}" for of in _NOUNS[noun].values())
    for adjective in adjectives:
        told = {name: of[adjective] for name, of in _NOUNS[noun].items() if adjective in of and name not in claimed}
        if not told:
            raise refuse(f"'{' '.join([*adjectives, noun])}': expected {expected} before {noun!r}.")
        claimed |= told
    if not claimed:
        raise refuse(f"{noun!r} alone: expected {expected} before it.")
    return claimed

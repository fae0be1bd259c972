"""Moving shapes and edits of them: recolour a thing, remove it, turn day to night; 32x32, exact.

Two or three things of the world of `data/shapes` go straight on and bounce off the edges, on a dark or a light ground.
What is in front hides what is behind. An edit is told by a sentence that names a thing by its colour and shape; `apply`
returns the film after it, so the right answer is known, pixel by pixel. `read_film` finds the colour of each thing and the
ground in the pixels of a clip that was made of a known film.
"""

import difflib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tinygan.backend import Array

from ..files import DataError
from ..shapes import COLOURS, HELD_OUT, SHAPES, SIZES
from ..shapes.drawing import PALETTE, RADII, REACH, SIDE, cover
from ..text.vocabulary import plain_words

GROUNDS = {"night": np.array([0.09, 0.10, 0.14]), "day": np.array([0.55, 0.62, 0.66])}  # neither hides a colour
SPEED = 1.4  # pixels a frame
PARTS = ("train", "held_out")


class Mover(NamedTuple):
    """A thing: where it begins and how far it goes in a frame, in pixels."""

    colour: str
    shape: str
    size: str
    x: float
    y: float
    right: float
    down: float


class Film(NamedTuple):
    """Things, the first one at the back, and the ground, "day" or "night"."""

    things: tuple[Mover, ...]
    ground: str


class Edit(NamedTuple):
    """What a sentence asks for: "recolour" (a thing, `to` a colour), "remove" (a thing), "turn" (`to` day or night)."""

    kind: str
    colour: str | None = None
    shape: str | None = None
    to: str | None = None


def make_films(part: str, n: int, rng: np.random.Generator) -> list[Film]:
    """Return n films without held-out pairs of colour and shape; of part "held_out", the first thing is such a pair."""
    if part not in PARTS:
        raise ValueError(f"make_films: no part {part!r}: expected one of {', '.join(PARTS)}")
    shown = [(colour, shape) for colour in COLOURS for shape in SHAPES if (colour, shape) not in HELD_OUT]
    films = []
    for _ in range(n):
        pairs = [shown[i] for i in rng.choice(len(shown), rng.integers(2, 4), replace=False)]
        if part == "held_out":
            pairs[0] = HELD_OUT[rng.integers(len(HELD_OUT))]
        sizes = [SIZES[rng.integers(2)] for _ in pairs]
        places = _place([_edge(size) for size in sizes], rng)
        angles = rng.uniform(0, 2 * np.pi, len(pairs))
        things = [
            Mover(colour, shape, size, x, y, SPEED * np.cos(angle), SPEED * np.sin(angle))
            for (colour, shape), size, (x, y), angle in zip(pairs, sizes, places, angles)
        ]
        films.append(Film(tuple(things), ("day", "night")[rng.integers(2)]))
    return films


def _place(edges: list[float], rng: np.random.Generator) -> Array:
    """Return where things begin, (things, 2): nothing hides another in the first frame."""
    edge = np.array(edges)
    while True:
        places = rng.uniform(edge[:, None], SIDE - edge[:, None], (len(edge), 2))
        apart = abs(places[:, None] - places).max(-1) > edge[:, None] + edge
        if (apart | np.eye(len(edge), dtype=bool)).all():
            return places


def _edge(size: str) -> float:
    return REACH * RADII[SIZES.index(size)] + 0.5


def find_places(thing: Mover, frames: int) -> Array:
    """Return where the middle of a thing is in each frame, (frames, 2): x, y. It bounces off the edges."""
    edge = _edge(thing.size)
    free = SIDE - 2 * edge
    start, step = np.array([thing.x, thing.y]) - edge, np.array([thing.right, thing.down])
    went = (start + step * np.arange(frames)[:, None]) % (2 * free)
    return edge + free - abs(free - went)


def _covers(film: Film, frames: int) -> Array:
    """Return how much each thing covers each pixel, (things, frames, 32, 32), 0 to 1, whatever is in front of it."""
    grid = np.arange(SIDE) + 0.5
    alphas = []
    for thing in film.things:
        at = find_places(thing, frames)
        dx, dy = grid - at[:, 0, None, None], grid[:, None] - at[:, 1, None, None]
        alphas.append(cover(SHAPES.index(thing.shape), dx, dy, RADII[SIZES.index(thing.size)]))
    return np.stack(alphas) if alphas else np.zeros((0, frames, SIDE, SIDE))


def draw_films(films: Sequence[Film], frames: int) -> Array:
    """Return clips (N, frames, 3, 32, 32), float32 in [-1, 1]."""
    clips = np.empty((len(films), frames, 3, SIDE, SIDE), np.float32)
    for clip, film in zip(clips, films):
        clip[:] = GROUNDS[film.ground][:, None, None]
        for thing, alpha in zip(film.things, _covers(film, frames)):
            colour = PALETTE[list(COLOURS).index(thing.colour)][:, None, None]
            clip += alpha[:, None] * (colour - clip)
    return 2 * clips - 1


# --- edits ---------------------------------------------------------------------------------------------------------

_RECOLOUR = ("make the {colour} {shape} {to}", "paint the {colour} {shape} {to}", "turn the {colour} {shape} {to}")
_REMOVE = ("remove the {colour} {shape}", "take away the {colour} {shape}", "take the {colour} {shape} away")
_TURN = ("turn {of} to {to}", "turn {of} into {to}", "make it {to}")
_OTHER = {"day": "night", "night": "day"}
WORDS = sorted({word for way in (*_RECOLOUR, *_REMOVE, *_TURN) for word in way.split() if "{" not in word}
               | {*COLOURS, *SHAPES, *GROUNDS})  # fmt: skip
LONGEST = 5  # "make the red circle blue"
EXAMPLE = "make the red circle blue"


def say_edit(asked: Edit, rng: np.random.Generator) -> str:
    """Return a sentence that asks for an edit, one of several."""
    ways = {"recolour": _RECOLOUR, "remove": _REMOVE, "turn": _TURN}[asked.kind]
    return ways[rng.integers(len(ways))].format(**asked._asdict(), of=_OTHER.get(asked.to or ""))


def edit(film: Film, rng: np.random.Generator) -> tuple[str, Film]:
    """Return (a sentence that asks for an edit of a film, the film after it). No two things are then alike."""
    things = {(thing.colour, thing.shape) for thing in film.things}
    while True:
        kind = ("recolour", "remove", "turn")[rng.choice(3, p=[0.5, 0.25, 0.25])]
        if kind == "turn":
            asked = Edit("turn", to=_OTHER[film.ground])
        else:
            thing = film.things[rng.integers(len(film.things))]
            asked = Edit(kind, thing.colour, thing.shape)
        if kind == "recolour":
            asked = asked._replace(to=list(COLOURS)[rng.integers(len(COLOURS))])
            pair = (asked.to, asked.shape)
            if pair in things or pair in HELD_OUT:
                continue
        return say_edit(asked, rng), apply(film, asked)


def apply(film: Film, asked: Edit) -> Film:
    """Return a film after an edit. ValueError if it has no such thing."""
    if asked.kind == "turn":
        return film._replace(ground=asked.to or film.ground)
    pair = asked.colour, asked.shape
    found = [thing for thing in film.things if (thing.colour, thing.shape) == pair]
    if not found:
        raise ValueError(f"apply: the film has no {asked.colour} {asked.shape}")
    if asked.kind == "remove":
        return film._replace(things=tuple(thing for thing in film.things if thing not in found))
    colour = asked.to or found[0].colour
    return film._replace(
        things=tuple(thing._replace(colour=colour) if thing in found else thing for thing in film.things)
    )


def read_edit(sentence: str) -> Edit:
    """Return what a sentence asks for. DataError for any other sentence.

    >>> read_edit("make the red circle blue")
    Edit(kind='recolour', colour='red', shape='circle', to='blue')
    >>> read_edit("turn day to night").to
    'night'
    """
    line = plain_words(sentence)
    unknown = [word for word in line if word not in WORDS]
    if unknown:
        near = " or ".join(difflib.get_close_matches(unknown[0], WORDS, 3, 0.6))
        fault = f"did you mean {near}?" if near else "a word that edits of shapes do not know."
        raise DataError(f'{unknown[0]!r}: {fault} An edit is such as "{EXAMPLE}"')
    said = [word for word in line if word in COLOURS or word in SHAPES or word in GROUNDS]
    kinds = ["colour" if word in COLOURS else "shape" if word in SHAPES else "ground" for word in said]
    removes = line[:1] in (["remove"], ["take"])
    if kinds in (["ground"], ["ground", "ground"]) and line[0] in ("turn", "make") and len({*said}) == len(said):
        return Edit("turn", to=said[-1])
    if kinds == ["colour", "shape"] and removes:
        return Edit("remove", *said)
    if kinds == ["colour", "shape", "colour"] and line[0] in ("make", "paint", "turn"):
        return Edit("recolour", *said)
    raise DataError(f'{sentence!r}: expected an edit such as "{EXAMPLE}", "remove the red circle" or "turn day to night"')


# --- what a clip shows -----------------------------------------------------------------------------------------------

_CORE = 0.99  # a pixel that a thing covers so much, with nothing in front, shows its colour
_FAR = 0.25  # a colour is at most so far from what is seen, of a way from black to white of 1.7


def read_film(clip: Array, film: Film) -> tuple[list[str | None], str | None]:
    """Return what a clip (T, 3, 32, 32) shows where a film has its things: (a colour or None each, the ground or None).

    Where only the ground is seen in its place, a thing is gone: None, as for a colour that is none of the eight.
    """
    seen = (np.asarray(clip, np.float64).transpose(0, 2, 3, 1) + 1) / 2  # (T, 32, 32, 3)
    alphas = _covers(film, len(seen))
    names = [*COLOURS, *GROUNDS]
    known = np.concatenate([PALETTE, [*GROUNDS.values()]])

    def name(mask: Array) -> str | None:
        if not mask.any():
            return None
        far = np.linalg.norm(known - np.median(seen[mask], 0), axis=1)
        return names[far.argmin()] if far.min() <= _FAR else None

    shown = []
    for k, alpha in enumerate(alphas):
        in_front = alphas[k + 1 :].max(0, initial=0)
        colour = name((alpha > _CORE) & (in_front < 1 - _CORE))
        shown.append(None if colour in GROUNDS else colour)
    ground = name(alphas.max(0, initial=0) < 1 - _CORE)
    return shown, ground if ground in GROUNDS else None

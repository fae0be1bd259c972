"""Worlds of edits: what a clip was, a sentence that asks for a change, and what the clip then is.

`find_edits` returns a world by its name: "scenes", moving shapes that are made here, or "sprites", figures whose sheets lie
in TINYGAN_DATA. Both tell the right answer to every edit, pixel by pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array

from ..sprites import Sprites
from . import figures, scenes


class Edited(NamedTuple):
    """What is before, a Film or a Figure; the sentence; what is after."""

    before: Any
    sentence: str
    after: Any


class FilmEdits:
    """Edits of moving shapes. "held_out": of things whose colour and shape are never seen together; "unseen": of others."""

    name, words = "scenes", scenes.WORDS

    def edits(self, part: str, n: int, rng: np.random.Generator) -> list[Edited]:
        """Return n edits of a part: "train", "unseen" or "held_out".

        To learn from, half of the films have two things of one colour, where by chance a fifth has: otherwise the
        colour alone mostly tells which is meant, and shapes are learned late.
        """
        if part == "train":
            alike = lambda film: len({thing.colour for thing in film.things}) < len(film.things)
            films = sorted(scenes.make_films("train", 3 * n, rng), key=alike, reverse=True)[:n]
        else:
            films = scenes.make_films("held_out" if part == "held_out" else "train", n, rng)
        return [self._edit(film, rng, part == "held_out") for film in films]

    def _edit(self, film: scenes.Film, rng: np.random.Generator, of_held_out: bool) -> Edited:
        while True:
            sentence, after = scenes.edit(film, rng)
            asked = scenes.read_edit(sentence)
            if not of_held_out or (asked.colour, asked.shape) in scenes.HELD_OUT:
                return Edited(film, sentence, after)

    def edit_again(self, edited: Edited, rng: np.random.Generator) -> Edited:
        """Return another edit of the same film, which leads elsewhere."""
        while True:
            sentence, after = scenes.edit(edited.before, rng)
            if after != edited.after:
                return Edited(edited.before, sentence, after)

    def draw(self, films: Sequence[scenes.Film], frames: int) -> Array:
        """Return clips (N, frames, 3, 32, 32), float32 in [-1, 1]."""
        return scenes.draw_films(films, frames)

    def read(self, sentence: str) -> None:
        """Raise DataError if a sentence is not an edit. The error names the nearest known word."""
        scenes.read_edit(sentence)


class FigureEdits:
    """Edits of figures that act. "unseen": of figures that training does not show; "held_out": to hair and top kept apart."""

    name, words = "sprites", figures.WORDS

    def __init__(self) -> None:
        self.sprites = Sprites()

    def edits(self, part: str, n: int, rng: np.random.Generator) -> list[Edited]:
        """Return n edits of a part: "train", "unseen" or "held_out"."""
        found: list[Edited] = []
        while len(found) < n:
            for figure in self.sprites.scenes("train" if part == "train" else "unseen", n - len(found), rng):
                try:
                    found.append(Edited(figure, *figures.edit(figure, rng, part)))
                except ValueError:  # of some, no edit leads there
                    continue
        return found

    def edit_again(self, edited: Edited, rng: np.random.Generator) -> Edited:
        """Return another edit of the same figure, which leads elsewhere."""
        while True:
            sentence, after = figures.edit(edited.before, rng)
            if after != edited.after:
                return Edited(edited.before, sentence, after)

    def draw(self, shown: Sequence[figures.Figure], frames: int) -> Array:
        """Return clips (N, frames, 3, 32, 32), float32 in [-1, 1]."""
        return figures.draw_clips(self.sprites, shown, frames)

    def read(self, sentence: str) -> None:
        """Raise DataError if a sentence is not an edit. The error names the nearest known word."""
        figures.read_edit(sentence)


def find_edits(name: str) -> FilmEdits | FigureEdits:
    """Return the world of this name; DataError if the sheets of sprites are missing."""
    return FigureEdits() if name == "sprites" else FilmEdits()

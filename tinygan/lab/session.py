"""What the front end asks, and the answers: `Session.answer(message)` returns JSON and named arrays.

    {"do": "show", "tab": "plane"}                                what there is, nothing changed
    {"do": "play", "tab": "plane", "ms": 25}                      train for so many milliseconds, a step at least
    {"do": "move", "tab": "plane", "player": "d"}                 one move of "d" or "g", or a whole "step"
    {"do": "set", "tab": "plane", "values": {"gamma": 0.1}}       change settings; networks of the same size go on
    {"do": "restart", "tab": "plane"}                             new networks
    {"do": "preset", "tab": "plane", "name": "collapse"}          settings that show something; the cure keeps the networks
    {"do": "draw", "tab": "plane", "paths": [[[0.1, 0.2]]]}       dots and lines to learn

What cannot be done leaves everything as it was; the answer then has "error", a sentence.
"""

from __future__ import annotations

import json
import math
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np

from tinygan.backend import Array
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.penalties import PENALTIES
from tinygan.lab.moves import Moves
from tinygan.lab.plane import CURE, PRESETS, Plane
from tinygan.lab.scenes import DRAWN, SCENES, SIDE
from tinygan.lab.writing import Writing

FOLDER = Path(__file__).parent
TABS = {"plane": Plane, "digits": Writing}
MOST_MS = 200
CHOICES = {"objective": [*OBJECTIVES], "penalty": [*PENALTIES], "scene": [*SCENES, DRAWN], "preset": [*PRESETS]}


def words() -> dict:
    """Return the words of the front end: {"en": {key: text}, "zh": {key: text}}."""
    return json.loads((FOLDER / "words.json").read_text("utf-8"))


def facts() -> dict:
    """Return what the front end is told once: choices, and the side of the plane."""
    return {"choices": CHOICES, "side": SIDE}


class Session:
    """The games of both tabs, made when they are first asked for."""

    def __init__(self) -> None:
        self.games: dict[str, Moves] = {}

    def answer(self, message: Any) -> tuple[dict, dict[str, Array]]:
        """Do what a message asks, and return what there is to see then."""
        if not isinstance(message, dict) or message.get("tab") not in TABS:
            raise ValueError(f"a message is a dict with a tab, one of {', '.join(TABS)}")
        tab, error = message["tab"], ""
        if tab not in self.games:
            self.games[tab] = TABS[tab]({})
        begun, before = time.perf_counter(), self.games[tab].k
        try:
            self._do(tab, message)
        except (ValueError, TypeError) as problem:
            error = str(problem)
        game = self.games[tab]
        seconds = time.perf_counter() - begun
        with np.errstate(over="ignore", invalid="ignore"):  # of a game that has stopped
            numbers, arrays = game.show()
        header = {
            "tab": tab, "settings": game.chosen(), "stopped": game.stopped, "error": error, "steps": game.k - before,
            "seconds": seconds, **{name: _plain(value) for name, value in numbers.items()},
        }  # fmt: skip
        if isinstance(game, Plane):
            header["drawing"] = game.drawing
        return header, arrays

    def _do(self, tab: str, message: dict) -> None:
        game, do = self.games[tab], message.get("do")
        if do == "play":
            ends = time.perf_counter() + min(MOST_MS, _number(message, "ms")) / 1000
            game.step()
            while time.perf_counter() < ends and not game.stopped:
                game.step()
        elif do == "move":
            moves = {"d": lambda: game.move("d"), "g": lambda: game.move("g"), "step": game.step}
            _one_of(message, "player", moves)()
        elif do == "set":
            values = message.get("values")
            if not isinstance(values, dict):
                raise ValueError("set: values are a dict")
            self.games[tab] = self._change(game, values)
        elif do == "restart":
            self.games[tab] = self._make(game, game.chosen())
        elif do == "preset":
            new = self._make(game, _one_of(message, "name", PRESETS))
            if message["name"] == CURE:
                new.go_on_from(game)
            self.games[tab] = new
        elif do == "draw" and isinstance(game, Plane):
            if game.scene_name != DRAWN:
                raise ValueError("draw: choose the distribution `drawn` first")
            game.draw(message.get("paths") or [])
        elif do != "show":
            raise ValueError(f"do={do!r} is not known here")

    def _change(self, game: Moves, values: dict) -> Moves:
        """Return the game with other settings. A setting that the new choice does not read is left out."""
        for name in values.keys() - {*game.SETTINGS, "scene"}:
            raise ValueError(f"{name}: no such setting here")
        kind = type(game.settings).root
        kept = game.chosen()
        scene = {name: values.get(name, kept.get(name)) for name in ("scene",) if name in kept}
        asked = {name: value for name, value in {**kept, **values}.items() if name != "scene"}
        read = {*kind.choose(asked).__dataclass_fields__}
        left = {name: value for name, value in asked.items() if name in read or name in values}
        new = self._make(game, {**left, **scene})
        new.go_on_from(game)
        return new

    def _make(self, game: Moves, values: dict) -> Moves:
        return Plane(values, game.drawing) if isinstance(game, Plane) else Writing(values)


def _plain(value: Any) -> Any:
    """Return a number as JSON has it: None for one that is not finite."""
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _number(message: dict, name: str) -> float:
    value = message.get(name)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError(f"{message.get('do')}: {name} is a number, 0 or more")
    return value


def _one_of(message: dict, name: str, known: dict) -> Any:
    """Return known[message[name]]."""
    if not isinstance(message.get(name), str) or message[name] not in known:
        raise ValueError(f"{name}={message.get(name)!r}: expected one of {', '.join(known)}")
    return known[message[name]]


def split(header: dict, arrays: dict[str, Array]) -> tuple[dict, bytes]:
    """Return the header with the names and shapes of the arrays, and their float32 numbers, one array after the other."""
    shapes = [[name, list(array.shape)] for name, array in arrays.items()]
    numbers = (np.ascontiguousarray(array, "<f4").tobytes() for array in arrays.values())
    return {**header, "arrays": shapes}, b"".join(numbers)


def pack(header: dict, block: bytes) -> bytes:
    """Return one block of bytes: the length of the JSON, the JSON, padded to whole float32 numbers, the block."""
    text = json.dumps(header, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    return struct.pack("<I", len(text)) + text + block

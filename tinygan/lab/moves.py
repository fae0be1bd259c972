"""A game that is played move by move: D's turn, G's move, a whole step. Both tabs of the lab are one of these."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from tinygan.backend import Array
from tinygan.gan.adversarial import FromNoise
from tinygan.lab.history import History


class Moves:
    """A game, how many moves were made, the last losses and their history. A subclass says in `show` what is shown.

    SETTINGS: the names that may be set and are shown. NETWORKS: those of them that decide what the networks look like.
    """

    SETTINGS: tuple[str, ...] = ()
    NETWORKS: tuple[str, ...] = ()

    def __init__(self, game: FromNoise, settings: Any, history: History):
        self.game, self.settings, self.history = game, settings, history
        self.k, self.turn = 0, 0  # G's moves, D's turns
        self.row = {"d_loss": math.nan, "g_loss": math.nan}
        self.stopped = ""  # why it cannot go on

    def chosen(self) -> dict[str, Any]:
        """Return the settings that are shown; those that this choice does not read are absent."""
        values = asdict(self.settings)
        return {name: values[name] for name in self.SETTINGS if name in values}

    def move(self, player: str) -> None:
        """Do one move of "d" or "g". G moves on the samples of D's last turn."""
        if self.stopped:
            return
        turn = self.turn if player == "d" else max(0, self.turn - 1)
        try:
            with np.errstate(over="ignore", invalid="ignore"):  # it is said once, below
                real, fake = self.game.sample_turn(turn)
                if player == "d":
                    row = self.game.move_d(real, fake, self.k, turn).row
                    self.turn += 1
                else:
                    row = self.game.move_g(real, fake, self.k, turn)[0]
                    self.k += 1
            for name, value in row.items():
                if not np.isfinite(value):
                    raise FloatingPointError(f"{name} became {value}")
        except FloatingPointError as error:
            self.stopped = f"{error}, at step {self.k + 1}"
            return
        self.row |= {name: float(value) for name, value in row.items() if name in self.row}

    def step(self) -> None:
        """Do a whole step: D's n_critic turns, then G's move."""
        for _ in range(self.settings.n_critic):
            self.move("d")
        self.move("g")

    def go_on_from(self, before: Moves) -> bool:
        """Take up the networks, the moves made and the history of a game whose networks have the same sizes.

        Returns False, and takes up nothing, if they have not, or if that game is no longer finite. Adam begins anew.
        """
        if before.stopped or any(getattr(self.settings, n) != getattr(before.settings, n) for n in self.NETWORKS):
            return False
        for mine, other in zip(self.game.players.values(), before.game.players.values()):
            mine.module.load_state_dict(other.module.state_dict())
            for name, average in mine.averages.items():
                average.load_state_dict(other.averages[name].state_dict())
        self.k, self.turn, self.row, self.history = before.k, before.turn, before.row, before.history
        return True

    def numbers(self) -> dict[str, Any]:
        """Return how many moves were made, and the last losses."""
        return {"k": self.k, "turn": self.turn, **self.row}

    def show(self) -> tuple[dict, dict[str, Array]]:
        """Return numbers, and arrays float32, of the moment."""
        raise NotImplementedError

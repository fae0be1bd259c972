"""The game of two sides that nobody has paired, and its four players: CycleGAN, Zhu et al. 2017.

`a_to_b` (G in the paper) turns a sample of side a into one of side b, `b_to_a` (F) one of b into one of a. `judge_b`
tells real samples of b from G's, `judge_a` those of a from F's. That alone would let G draw any sample of b, whatever it
was given. So the way back must lead home: F(G(a)) = a and G(F(b)) = b. And what is of the side already must stay as it
is: G(b) = b and F(a) = a. Read `players.py` first, which has Player and Game.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import Array, to_device
from tinygan.gan.adversarial import g_and_d
from tinygan.gan.objectives import least_squares
from tinygan.gan.players import Batch, Game, read_back
from tinygan.gan.settings import AverageSettings, DuelSettings
from tinygan.losses import l1_loss
from tinygan.nn import Module
from tinygan.run.settings import setting


@dataclass
class CycleSettings(AverageSettings, DuelSettings):
    """What the four players want."""

    cycle: float = setting(10.0, "Weight of the way there and back in G's and F's loss, λ in the paper.", 0.0)
    identity: float = setting(5.0, "Weight of what is of the side already staying as it is; .5 λ in the paper.", 0.0)


class Cycle(Game):
    """G: a -> b and F: b -> a against D_b and D_a, all by least squares. Zhu et al. 2017, eq. 1 to 3 and section 5.2.

    batch: turn -> Batch of real samples of b, and as `given` as many of a that have nothing to do with them.
    held_out: () -> (samples of a, samples of b) that training does not show, which are translated when samples are drawn.
    A sample is six: one of a, its translation, that one's way back; one of b, its translation, that one's way back.
    """

    bounds = least_squares.bounds

    def __init__(
        self,
        translators: tuple[Module, Module],
        judges: tuple[Module, Module],
        batch: Callable[[int], Batch],
        held_out: Callable[[], tuple[Array, Array]],
        settings: Any,
        saved: dict | None = None,
    ):
        to_b, to_a = translators
        judge_a, judge_b = judges
        players = [*g_and_d(to_b, judge_b, settings), *g_and_d(to_a, judge_a, settings)]
        for player, name in zip(players, ("a_to_b", "judge_b", "b_to_a", "judge_a")):
            player.name = name
        super().__init__(players, settings, saved)
        self.to_b, self.judge_b, self.to_a, self.judge_a = players
        self.read, self.held_out = batch, held_out

    def batch(self, turn: int) -> Batch:
        """Return real samples of b, and beside them samples of a."""
        return self.read(turn)

    def step(self, k: int) -> dict[str, float]:
        """Train all four players once; return losses."""
        s = self.settings
        G, F, D_a, D_b = (player.module for player in (self.to_b, self.to_a, self.judge_a, self.judge_b))
        b, (a,) = self.batch(k)
        a, b = Tensor(a), Tensor(b)
        fake_b, fake_a = G(a), F(b)

        # each D's gradient, each D's step; they do not reach into G and F
        a_loss = least_squares.discriminator(D_a(a), D_a(fake_a.data))
        b_loss = least_squares.discriminator(D_b(b), D_b(fake_b.data))
        self.judge_a.move(a_loss, k)
        self.judge_b.move(b_loss, k)

        # what G and F want together, its gradient, and both steps
        adversarial = least_squares.generator(None, D_b(fake_b)) + least_squares.generator(None, D_a(fake_a))
        cycle = l1_loss(F(fake_b), a) + l1_loss(G(fake_a), b)
        identity = l1_loss(F(a), a) + l1_loss(G(b), b)
        loss = adversarial + s.cycle * cycle + s.identity * identity
        grads = grad(loss, [*self.to_b.parameters, *self.to_a.parameters])
        self.to_b.follow(grads[: len(self.to_b.parameters)], k)
        self.to_a.follow(grads[len(self.to_b.parameters) :], k)
        return read_back({
            "d_loss": (a_loss.data + b_loss.data) / 2, "g_loss": loss.data, "cycle": cycle.data, "identity": identity.data,
        })  # fmt: skip

    def translate(self, x: np.ndarray, to: str) -> np.ndarray:
        """Return samples x (n, ...) of one side as samples of side `to`, "a" or "b", by the averaged weights."""
        player = {"a": self.to_a, "b": self.to_b}[to]
        with no_grad():
            return player.average.module(Tensor(to_device(x, player.parameters[0].device))).numpy()

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:  # type: ignore[override]  # it takes nothing more
        """Return n samples (n, 6, ...), numpy."""
        a, b = (x[np.resize(rng.permutation(len(x)), n)] for x in self.held_out())
        in_b, in_a = self.translate(a, "b"), self.translate(b, "a")
        return np.stack([a, in_b, self.translate(in_b, "a"), b, in_a, self.translate(in_a, "b")], 1)

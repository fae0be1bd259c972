"""The game of two sides that nobody has paired, and its four players: CycleGAN, Zhu et al. 2017.

`a_to_b` (G in the paper) turns a sample of side a into one of side b, `b_to_a` (F) one of b into one of a. `judge_b`
tells real samples of b from G's, `judge_a` those of a from F's. That alone would let G draw any sample of b, whatever it
was given. So the way back must lead home: F(G(a)) = a and G(F(b)) = b. And what is of the side already must stay as it
is: G(b) = b and F(a) = a. On either side a translator and a judge play a duel: read `adversarial.py` first.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import Array, to_device
from tinygan.gan.adversarial import Duel
from tinygan.gan.players import Batch, Game, read_back
from tinygan.gan.settings import AverageSettings, DuelSettings, ObjectiveSettings, SlopeSettings
from tinygan.losses import l1_loss
from tinygan.nn import Module
from tinygan.run.settings import defaults, setting


@defaults(objective="least-squares", penalty="none")
class CycleSettings(SlopeSettings, ObjectiveSettings, AverageSettings, DuelSettings):
    """What the four players want."""

    cycle: float = setting(10.0, "Weight of the way there and back in the translators' loss, λ in the paper.", 0.0)
    identity: float = setting(
        5.0, "Weight, in their loss, of leaving alone what is of the other side already; .5 λ in the paper.", 0.0
    )


class Cycle(Game):
    """G: a -> b and F: b -> a against D_b and D_a. Zhu et al. 2017, eq. 1 to 3 and section 5.2.

    batch: turn -> Batch of real samples of b, and as `given` as many of a that have nothing to do with them.
    held_out: () -> (samples of a, samples of b) that training does not show, which are translated when samples are drawn.
    A sample is six: one of a, its translation, that one's way back; one of b, its translation, that one's way back.
    """

    def __init__(
        self,
        translators: tuple[Module, Module],
        judges: tuple[Module, Module],
        batch: Callable[[int], Batch],
        held_out: Callable[[], tuple[Array, Array]],
        settings: Any,
        saved: dict | None = None,
    ):
        (to_b, to_a), (judge_a, judge_b) = translators, judges
        self.in_b, self.in_a = Duel(to_b, judge_b, batch, settings), Duel(to_a, judge_a, batch, settings)
        self.to_b, self.judge_b, self.to_a, self.judge_a = self.in_b.G, self.in_b.D, self.in_a.G, self.in_a.D
        for name, player in {
            "a_to_b": self.to_b, "b_to_a": self.to_a, "judge_a": self.judge_a, "judge_b": self.judge_b,
        }.items():  # fmt: skip
            player.name = name
        super().__init__([self.to_b, self.to_a, self.judge_a, self.judge_b], settings, saved)
        self.read, self.held_out, self.bounds = batch, held_out, self.in_b.bounds

    def batch(self, turn: int) -> Batch:
        """Return real samples of b, and beside them samples of a."""
        return self.read(turn)

    def step(self, k: int) -> dict[str, float]:
        """Train all four players once; return losses."""
        s, G, F = self.settings, self.to_b.module, self.to_a.module
        b, (a,) = self.batch(k)
        fake_b, fake_a = G(Tensor(a)), F(Tensor(b))

        # each D's gradient, each D's step
        of_a = self.in_a.move_d(Batch(a), Batch(fake_a), k, k)
        of_b = self.in_b.move_d(Batch(b), Batch(fake_b), k, k)

        # what G and F want together, its gradient, and both steps
        adversarial = self.fool(self.in_b, b, fake_b) + self.fool(self.in_a, a, fake_a)
        cycle = l1_loss(F(fake_b), Tensor(a)) + l1_loss(G(fake_a), Tensor(b))
        identity = l1_loss(F(Tensor(a)), Tensor(a)) + l1_loss(G(Tensor(b)), Tensor(b))
        loss = adversarial + s.cycle * cycle + s.identity * identity
        grads = grad(loss, [*self.to_b.parameters, *self.to_a.parameters])
        self.to_b.follow(grads[: len(self.to_b.parameters)], k)
        self.to_a.follow(grads[len(self.to_b.parameters) :], k)
        both = {name: (of_a.row[name] + of_b.row[name]) / 2 for name in of_a.row}  # d_loss, penalty
        return read_back({**both, "g_loss": loss.data, "cycle": cycle.data, "identity": identity.data})

    def fool(self, duel: Duel, real: Array, fake: Tensor) -> Tensor:
        """Return the translator's loss by the verdicts of its judge on what it made."""
        D = duel.D.module
        return duel.objective.generator(D(Tensor(real)) if duel.objective.compares else None, D(fake))

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

    def made(self, samples: np.ndarray) -> list[np.ndarray]:
        """Return the translations into b, and those into a, of sources that differ."""
        few = min(map(len, self.held_out()))
        return [samples[:few, 1], samples[:few, 4]]

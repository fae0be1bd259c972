"""The game of one generator and one discriminator, and its training step: the algorithm box of Goodfellow et al. 2014.

`Adversarial.step` is that box, on one screen: sample, D's gradient, D's step, sample, G's gradient, G's step. What varies
is passed in: networks, data, latent spaces, and by the settings the objective, the penalty, what D is shown. A subclass
changes a line of it: `fake` (what is generated may depend on what came with the real batch), `judge` (what D is told, and
what more it reads), `g_extra` (what else G wants). `players.py` has Player and Game; read it first.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, no_grad, raw
from tinygan.backend import stream
from tinygan.gan.augment import augmented, blurred, packed
from tinygan.gan.latent import Space, draw_each
from tinygan.gan.objectives import OBJECTIVES, smoothed
from tinygan.gan.penalties import PENALTIES, clip_weights
from tinygan.gan.players import Batch, Game, Player
from tinygan.gan.settings import (
    AugmentSettings,
    GammaSettings,
    NoiseSettings,
    PackSettings,
    SlopeSettings,
    SmoothSettings,
)
from tinygan.nn import Module
from tinygan.optim import EMA, Adam

NORMS_EVERY = 100  # steps; a row of the log then has the norm of every layer's gradient


class Adversarial(Game):
    """One G and one D.

    spaces: where z is drawn from; G gets a point of each as an argument of its own. batch: turn -> Batch of real samples,
    arrays; a function of the turn alone. D returns verdicts (N,) or (N, 1). ValueError for settings that do not fit the
    networks or the samples.
    """

    def __init__(
        self,
        generator: Module,
        discriminator: Module,
        spaces: Sequence[Space],
        batch: Callable[[int], Batch],
        settings: Any,
        saved: dict | None = None,
    ):
        super().__init__(duel(generator, discriminator, settings), settings, saved)
        self.spaces, self.read = tuple(spaces), batch
        self.take_up(settings)
        if any(space.truncates for space in self.spaces):
            self.takes = (*self.takes, "truncation")
        self.refuse_misfits()

    def take_up(self, settings: Any) -> None:
        """Keep what the step reads of the settings; a group that they do not have is neutral."""
        self.G, self.D = self.players["generator"], self.players["discriminator"]
        has = lambda group, name, neutral: getattr(settings, name) if isinstance(settings, group) else neutral
        self.objective = OBJECTIVES[settings.objective]
        self.bounds = self.objective.bounds
        self.objective = smoothed(self.objective, has(SmoothSettings, "smoothing", 0.0))
        self.penalty = PENALTIES[has(GammaSettings, "penalty", "none")]
        self.clip_weights = has(SlopeSettings, "clip_weights", 0.0)
        self.instance_noise = has(NoiseSettings, "instance_noise", 0.0)
        self.augment = has(AugmentSettings, "augment", "")
        self.packing = has(PackSettings, "packing", 1)

    # --- the algorithm box -------------------------------------------------------------------------------------------

    def step(self, k: int) -> dict[str, float]:
        """Train both players once, D n_critic times; return losses, penalty and so on."""
        s, G, D, row = self.settings, self.G, self.D, {}
        for turn in range(k * s.n_critic, (k + 1) * s.n_critic):  # D's turns, counted over the whole run
            # sample
            real = self.batch(turn)
            fake = self.fake(G.module, len(real.x), real.given, stream(s.seed, "noise", turn))
            real, fake = self.show(real, turn, "real"), self.show(fake, turn, "fake")

            # D's gradient, D's step
            d_row, d_grads = self.move_d(real, fake, k, turn)
            row |= d_row

        # G's gradient, G's step, on the samples of D's last turn
        of_real = self.judge(D.module, Tensor(real.x), real.given)[0] if self.objective.compares else None
        of_fake, aside = self.judge(D.module, fake.x, fake.given)
        extra, g_row = self.g_extra()
        g_loss = self.objective.generator(of_real, of_fake) + aside + extra
        g_grads = G.move(g_loss, k)
        if (k + 1) % NORMS_EVERY == 0:
            row |= {**D.layer_norms(d_grads), **G.layer_norms(g_grads)}
        return {**row, **g_row, "g_loss": g_loss.item()}

    def move_d(self, real: Batch, fake: Batch, k: int, turn: int) -> tuple[dict[str, float], tuple]:
        """D's turn on these samples at step k; return what is worth logging, and D's gradient."""
        s, D = self.settings, self.D.module
        penalised = self.penalty is not None and s.is_penalised(turn)
        x_real = Tensor(real.x, requires_grad=penalised)
        x_fake = Tensor(fake.x.data, requires_grad=penalised)  # D's step does not reach into G
        of_real, aside_real = self.judge(D, x_real, real.given)
        of_fake, aside_fake = self.judge(D, x_fake, tuple(map(raw, fake.given)))
        d_loss, penalty, row = self.objective.discriminator(of_real, of_fake) + aside_real + aside_fake, 0.0, {}
        if penalised:
            # a point made from a real sample is judged with what D is told about that one
            judge = lambda x: self.judge(D, x, real.given)[0]
            rng = stream(s.seed, "penalty", turn)
            penalty = self.penalty.value(judge, x_real, of_real, x_fake, of_fake, rng) * s.weight(k)
            row["penalty"] = float(penalty)
        grads = self.D.move(d_loss + penalty, k)
        if self.clip_weights:
            clip_weights(self.D.parameters, self.clip_weights)
        return {**row, "d_loss": d_loss.item()}, grads

    # --- what a subclass may change ------------------------------------------------------------------------------------

    def batch(self, turn: int) -> Batch:
        """Return the real samples of a turn, and what D is told beside them."""
        return self.read(turn)

    def fake(self, G: Module, n: int, given: tuple, rng: np.random.Generator) -> Batch:
        """Return n generated samples, Tensors, and what D is told beside them; given: what came with the real batch."""
        return self.generate(G, draw_each(self.spaces, rng, n), given)

    def generate(self, G: Module, z: Sequence, given: tuple) -> Batch:
        """Return what G makes of z, a point of each space, and of `given`; D is told `given` too."""
        return Batch(G(*self.tensors(z), *given), given)

    def judge(self, D: Module, x: Tensor, given: tuple) -> tuple[Tensor, Any]:
        """Return D's verdicts on x (N, ...), and what the loss of either player gains by what more D reads in x."""
        return D(x, *given), 0.0

    def g_extra(self) -> tuple[Any, dict[str, float]]:
        """Return what G's loss gains beside the objective, and what of it is worth logging."""
        return 0.0, {}

    def told(self, given: Any) -> tuple:
        """Return what the players are told of `given` (n, ...), with which `sample` was asked."""
        return self.tensors([given])

    def answered(self, n: int, rng: np.random.Generator) -> tuple:
        """Return what n samples answer to where nobody gives it."""
        return ()

    # --- samples -------------------------------------------------------------------------------------------------------

    def draw(self, n: int, rng: np.random.Generator, *, truncation: float | None = None, given: Any = None) -> np.ndarray:
        """Return n samples, numpy."""
        z = draw_each(self.spaces, rng, n, truncation)
        return self.paint(z, self.answered(n, rng) if given is None else self.told(given))

    def walk(self, n: int, seed: int, times: Any, stops: int = 4) -> Iterator[np.ndarray]:
        """Yield n samples at each of `times` on a closed walk through the latent spaces: arrays (n, ...).

        At a whole number, counted modulo `stops`, they are n independent ones. In between they change evenly from those
        to the next. What cannot lie between stays the same.
        """
        rng = stream(seed, "walk, fixed")
        fixed = draw_each(self.spaces, rng, n)
        given = self.answered(n, rng)
        for time in times:
            k, t = divmod(time, 1)
            a, b = (draw_each(self.spaces, stream(seed, "walk", int(k + i) % stops), n) for i in (0, 1))
            with no_grad():
                yield self.paint([s.between(*ends, t, f) for s, *ends, f in zip(self.spaces, a, b, fixed)], given)

    def paint(self, z: Sequence, given: tuple) -> np.ndarray:
        """Return what the averaged G makes of z and `given`, numpy."""
        return self.generate(self.G.average.module, z, given).x.numpy()

    def tensors(self, arrays: Sequence) -> tuple:
        """Return Tensors of these arrays, on G's device."""
        device = self.G.parameters[0].device
        return tuple(Tensor(a, device=device) for a in arrays)

    # --- what D is shown -----------------------------------------------------------------------------------------------

    def show(self, batch: Batch, turn: int, kind: str) -> Batch:
        """Return samples as D sees them in this turn: changed, packed, under instance noise; kind: "real" or "fake"."""
        s, x = self.settings, batch.x
        x = augmented(x, self.augment, stream(s.seed, f"augment, {kind}", turn)) if self.augment else x
        amount = self.instance_noise * (1 - turn / (s.steps * s.n_critic))
        return Batch(blurred(packed(x, self.packing), amount, stream(s.seed, f"instance noise, {kind}", turn)), batch.given)

    def refuse_misfits(self) -> None:
        """Raise ValueError for settings that do not fit the players and the samples, before anything is trained."""
        layers = self.D.module.modules()
        penalised = self.penalty is not None and self.settings.gamma > 0
        if self.settings.objective == "wasserstein" and not (
            penalised or self.clip_weights or any(hasattr(layer, "_spectral") for layer in layers)
        ):
            raise ValueError(
                "objective=wasserstein with a D whose slope nothing holds: its loss falls for ever as D grows. Take"
                " penalty=wgan-gp with gamma=10, or clip_weights=.01, or a D under nn.spectral_norm"
            )
        if self.packing > 1 or self.augment:
            with no_grad():  # generated samples have the shape of real ones, and need no data
                rng = stream(0, "misfits")
                x = self.generate(self.G.average.module, draw_each(self.spaces, rng, 1), self.answered(1, rng))
            if self.packing > 1 and x.given:
                raise ValueError(f"packing={self.packing}: D is told more than the samples, and that cannot be packed")
            augmented(x.x, self.augment, stream(0, "augment"))


def duel(generator: Module, discriminator: Module, s: Any) -> tuple[Player, Player]:
    """Return the two players of these networks, each with Adam, as RateSettings and AverageSettings say."""
    betas = s.beta1, s.beta2
    return (
        Player(
            "generator", generator, Adam(generator.parameters(), lr=s.learning_rate, betas=betas), s.share_left,
            averages={"average": EMA(generator, s.ema)}, clip=s.clip_gradients,
        ),
        Player(
            "discriminator", discriminator,
            Adam(discriminator.parameters(), lr=s.learning_rate * s.d_rate, betas=betas), s.share_left,
            clip=s.clip_gradients,
        ),
    )  # fmt: skip

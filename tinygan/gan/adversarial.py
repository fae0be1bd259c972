"""The game of one generator and one discriminator, and its training step: the algorithm box of Goodfellow et al. 2014.

`Adversarial.step` is that box, on one screen: sample, D's gradient, D's step, sample, G's gradient, G's step. What varies
is passed in: networks, data, and by the settings the objective, the penalty, what D is shown. A subclass changes a line
of it: `fake` (what is generated may depend on what came with the real batch), `judge` (what D is told, and what more it
reads), `g_extra` (what else G wants). `Duel` is for games whose G learns in another way. `FromNoise` is the usual game: G
makes samples of z, and interpolation and truncation act on z. Read `players.py` first, which has Player and Game.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, no_grad, raw
from tinygan.backend import Array, stream, to_device
from tinygan.gan.augment import augment, blur, pack
from tinygan.gan.latent import Space, draw_each
from tinygan.gan.objectives import OBJECTIVES, smooth
from tinygan.gan.penalties import PENALTIES, clip_weights
from tinygan.gan.players import Batch, Game, Player, read_back
from tinygan.gan.settings import (
    AugmentSettings,
    ClipSettings,
    GammaSettings,
    NoiseSettings,
    PackSettings,
    SlopeSettings,
    SmoothSettings,
)
from tinygan.nn import Module
from tinygan.nn.spectral import SpectralNorm
from tinygan.optim import EMA, Adam

NORMS_EVERY = 100  # steps; a row of the log then has the norm of every layer's gradient


class Turn(NamedTuple):
    """What D's turn leaves: what is worth logging, not yet read from the device; D's gradient; its verdicts, arrays."""

    row: dict[str, Any]
    grads: tuple
    of_real: Array
    of_fake: Array


class Duel(Game):
    """One G and one D, and D's turn. A subclass says in `step` how G learns.

    batch: turn -> Batch of real samples, arrays; a function of the turn alone. D returns verdicts (N,) or (N, 1).
    ValueError for an objective that nothing keeps from growing without end.
    """

    def __init__(
        self,
        generator: Module,
        discriminator: Module,
        batch: Callable[[int], Batch],
        settings: Any,
        saved: dict | None = None,
    ):
        super().__init__(g_and_d(generator, discriminator, settings), settings, saved)
        self.read = batch
        self.take_up(settings)

    def take_up(self, settings: Any) -> None:
        """Keep what a turn reads of the settings. A group that they do not have is neutral."""
        has = lambda group, name, neutral: getattr(settings, name) if isinstance(settings, group) else neutral
        self.G, self.D = self.players["generator"], self.players["discriminator"]
        objective = OBJECTIVES[settings.objective]
        self.objective, self.bounds = smooth(objective, has(SmoothSettings, "smoothing", 0.0)), objective.bounds
        self.penalty = PENALTIES[has(GammaSettings, "penalty", "none")]
        self.clip_weights = has(ClipSettings, "clip_weights", 0.0)
        penalised = self.penalty is not None and settings.gamma > 0
        normalised = any(isinstance(layer, SpectralNorm) for layer in self.D.module.modules())
        if settings.objective == "wasserstein" and not (penalised or self.clip_weights or normalised):
            remedies = ["penalty=wgan-gp with gamma=10"] * isinstance(settings, SlopeSettings)
            remedies += ["clip_weights=.01"] * isinstance(settings, ClipSettings)
            raise ValueError(
                "objective=wasserstein with a D whose slope nothing holds: its loss falls for ever as D grows. Take"
                f" {', or '.join([*remedies, 'a D under nn.spectral_norm, or another objective'])}"
            )

    def batch(self, turn: int) -> Batch:
        """Return the real samples of a turn, and what D is told beside them."""
        return self.read(turn)

    def judge(self, D: Module, x: Tensor, given: tuple) -> tuple[Tensor, Any]:
        """Return D's verdicts on x (N, ...), and what the loss of either player gains by what more D reads in x."""
        return D(x, *given), 0.0

    def judge_real(self, D: Module, x: Tensor, real: Batch, turn: int) -> tuple[Tensor, Any]:
        """Return `judge` of the real samples of D's turn. A subclass may add to D's loss what else D is shown of them."""
        return self.judge(D, x, real.given)

    def move_d(self, real: Batch, fake: Batch, k: int, turn: int) -> Turn:
        """Do D's turn on these samples, at step k: D's gradient, D's step."""
        s, D = self.settings, self.D.module
        penalised = self.penalty is not None and s.is_penalised(turn)
        x_real = Tensor(real.x, requires_grad=penalised)
        x_fake = Tensor(fake.x.data, requires_grad=penalised)  # D's step does not reach into G
        of_real, aside_real = self.judge_real(D, x_real, real, turn)
        of_fake, aside_fake = self.judge(D, x_fake, tuple(map(raw, fake.given)))
        d_loss, penalty, row = self.objective.discriminator(of_real, of_fake) + aside_real + aside_fake, 0.0, {}
        if penalised and self.penalty is not None:
            # a point made from a real sample is judged with what D is told about that one
            judge = lambda x: self.judge(D, x, real.given)[0]
            rng = stream(s.seed, "penalty", turn)
            penalty = self.penalty.value(judge, x_real, of_real, x_fake, of_fake, rng) * s.weight(k)
            row["penalty"] = raw(penalty)
        grads = self.D.move(d_loss + penalty, k)
        if self.clip_weights:
            clip_weights(self.D.parameters, self.clip_weights)
        return Turn({**row, "d_loss": d_loss.data}, grads, of_real.data, of_fake.data)


class Adversarial(Duel):
    """The game of Goodfellow et al. 2014: G learns by the slope of D's verdicts. A subclass says in `fake` what it makes."""

    @property
    def device(self) -> str:
        """Where the weights are."""
        return self.G.parameters[0].device

    def take_up(self, settings: Any) -> None:
        """Keep what the step reads of the settings. A group that they do not have is neutral."""
        super().take_up(settings)
        self.instance_noise = settings.instance_noise if isinstance(settings, NoiseSettings) else 0.0
        self.augment = settings.augment if isinstance(settings, AugmentSettings) else ""
        self.packing = settings.packing if isinstance(settings, PackSettings) else 1

    def step(self, k: int) -> dict[str, float]:
        """Train both players once, D n_critic times; return losses, penalty and so on."""
        s = self.settings
        row: dict[str, Any] = {}
        for turn in range(k * s.n_critic, (k + 1) * s.n_critic):  # D's turns, counted over the whole run
            # sample
            real, fake = self.sample_turn(turn)

            # D's gradient, D's step
            d_row, d_grads, *_ = self.move_d(real, fake, k, turn)
            row |= d_row

        # G's gradient, G's step, on the samples of D's last turn
        g_row, g_grads = self.move_g(real, fake, k, turn)
        if (k + 1) % NORMS_EVERY == 0:
            row |= {f"d_gradient_norm/{layer}": norm for layer, norm in self.D.layer_norms(d_grads).items()}
            row |= {f"g_gradient_norm/{layer}": norm for layer, norm in self.G.layer_norms(g_grads).items()}
        return read_back({**row, **g_row})

    def sample_turn(self, turn: int) -> tuple[Batch, Batch]:
        """Return the real and the generated samples of a turn, as D sees them."""
        real = self.batch(turn)
        fake = self.fake(self.G.module, len(real.x), real.given, stream(self.settings.seed, "noise", turn))
        return self.show(real, turn, "real"), self.show(fake, turn, "fake")

    def move_g(self, real: Batch, fake: Batch, k: int, turn: int) -> tuple[dict[str, Any], tuple]:
        """Do G's move on the samples of this turn, at step k; return what is worth logging, and G's gradient."""
        D = self.D.module
        of_real = self.judge(D, Tensor(real.x), real.given)[0] if self.objective.compares else None
        of_fake, aside = self.judge_made(D, fake, turn)
        extra, row = self.g_extra()
        loss = self.objective.generator(of_real, of_fake) + aside + extra
        return {**row, "g_loss": loss.data}, self.G.move(loss, k)

    def fake(self, G: Module, n: int, given: tuple, rng: np.random.Generator) -> Batch:
        """Return n generated samples, Tensors, and what D is told beside them; given: what came with the real batch."""
        raise NotImplementedError

    def g_extra(self) -> tuple[Any, dict[str, float]]:
        """Return what G's loss gains beside the objective, and what of it is worth logging."""
        return 0.0, {}

    def judge_made(self, D: Module, fake: Batch, turn: int) -> tuple[Tensor, Any]:
        """Return `judge` of the samples of G's turn. A subclass may add to G's loss what more it wants of them."""
        return self.judge(D, fake.x, fake.given)

    def show(self, batch: Batch, turn: int, kind: str) -> Batch:
        """Return samples as D sees them in this turn: changed, packed, under instance noise; kind: "real" or "fake"."""
        s, x = self.settings, batch.x
        x = augment(x, self.augment, stream(s.seed, f"augment, {kind}", turn)) if self.augment else x
        amount = self.instance_noise * (1 - turn / (s.steps * s.n_critic))
        return Batch(blur(pack(x, self.packing), amount, stream(s.seed, f"instance noise, {kind}", turn)), batch.given)


class FromNoise(Adversarial):
    """G makes samples of z, a point of each of `spaces`; G gets each point as an argument of its own.

    A subclass may say in `generate` what else G makes them of. ValueError for settings that do not fit the networks or
    the samples.
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
        super().__init__(generator, discriminator, batch, settings, saved)
        self.spaces = tuple(spaces)
        if any(space.truncates for space in self.spaces):
            self.takes = (*self.takes, "truncation")
        self.refuse_misfits()

    def fake(self, G: Module, n: int, given: tuple, rng: np.random.Generator) -> Batch:
        """Return n generated samples, and what D is told beside them; given: what came with the real batch."""
        return self.generate(G, draw_each(self.spaces, rng, n), given)

    def generate(self, G: Module, z: Sequence, given: tuple) -> Batch:
        """Return what G makes of z, a point of each space, and of `given`; D is told `given` too."""
        return Batch(G(*self.to_tensors(z), *given), given)

    def ask(self, n: int, rng: np.random.Generator) -> tuple:
        """Return what n samples answer to where nobody gives it."""
        return ()

    def take(self, given: tuple, rows: np.ndarray) -> tuple:
        """Return what some of the samples answer to, of what n of them do."""
        return tuple(Tensor(raw(g)[to_device(rows, self.device)]) for g in given)

    def tell(self, given: Any) -> tuple:
        """Return what the players are told of `given` (n, ...), with which `sample` was asked."""
        return self.to_tensors([given])

    def to_tensors(self, arrays: Sequence) -> tuple:
        """Return Tensors of these arrays, on G's device."""
        return tuple(Tensor(a, device=self.device) for a in arrays)

    # --- samples -------------------------------------------------------------------------------------------------------

    def draw(  # type: ignore[override]  # it takes what `takes` names
        self, n: int, rng: np.random.Generator, *, truncation: float | None = None, given: Any = None
    ) -> np.ndarray:
        """Return n samples, numpy."""
        z = draw_each(self.spaces, rng, n, truncation)
        return self.paint(z, self.ask(n, rng) if given is None else self.tell(given))

    def walk(self, n: int, seed: int, times: Any, stops: int = 4) -> Iterator[np.ndarray]:
        """Yield n samples at each of `times` on a closed walk through the latent spaces: arrays (n, ...).

        At a whole number, counted modulo `stops`, they are n independent ones. In between they change evenly from those
        to the next. What cannot lie between stays the same.
        """
        rng = stream(seed, "walk, fixed")
        fixed = draw_each(self.spaces, rng, n)
        given = self.ask(n, rng)
        for time in times:
            k, t = divmod(time, 1)
            a, b = (draw_each(self.spaces, stream(seed, "walk", int(k + i) % stops), n) for i in (0, 1))
            with no_grad():
                points = zip(self.spaces, a, b, fixed)
                samples = self.paint([space.between(start, end, t, f) for space, start, end, f in points], given)
            yield samples

    def paint(self, z: Sequence, given: tuple) -> np.ndarray:
        """Return what the averaged G makes of z and `given`, numpy."""
        return self.generate(self.G.average.module, z, given).x.numpy()

    def refuse_misfits(self) -> None:
        """Raise ValueError for settings that do not fit the samples, before anything is trained."""
        if self.packing == 1 and not self.augment:
            return
        with no_grad():  # generated samples have the shape of real ones, and need no data
            rng = stream(0, "misfits")
            x, given = self.generate(self.G.average.module, draw_each(self.spaces, rng, 1), self.ask(1, rng))
        if self.packing > 1 and given:
            raise ValueError(f"packing={self.packing}: D is told more than the samples, and that cannot be packed")
        augment(x, self.augment, stream(0, "augment"))


def g_and_d(generator: Module, discriminator: Module, s: Any) -> tuple[Player, Player]:
    """Return the players of these networks, each with Adam, as DuelSettings and AverageSettings say."""
    adam = lambda module, rate: Adam(module.parameters(), lr=rate, betas=(s.beta1, s.beta2))
    average = EMA(generator, s.ema)
    return (
        Player(
            "generator", generator, adam(generator, s.learning_rate), s.share_left,
            averages={"average": average}, clip=s.clip_gradients,
        ),
        Player(
            "discriminator", discriminator, adam(discriminator, s.learning_rate * s.d_rate), s.share_left,
            clip=s.clip_gradients,
        ),
    )  # fmt: skip

"""Groups of settings that the players of a game read. A recipe inherits those that its training step reads.

`run/settings.py` says how groups are put together.
"""

from dataclasses import dataclass

from tinygan.gan.augment import CHANGES
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.penalties import PENALTIES
from tinygan.optim import share_left
from tinygan.optim.schedules import SHAPES
from tinygan.run.settings import RunSettings, setting


@dataclass
class AdamSettings(RunSettings):
    """How a gradient becomes a step."""

    beta1: float = setting(0.0, "Adam's decay of the mean gradient. 0: the gradient of this step alone.", 0.0, 1.0)
    beta2: float = setting(0.99, "Adam's decay of the mean squared gradient.", 0.0, 1.0)
    clip_gradients: float = setting(
        0.0, "Scale a player's gradient, all weights together, down to this norm if it is larger. 0: never.", 0.0
    )


@dataclass
class FallSettings(RunSettings):
    """When the learning rate falls."""

    decay_from: float = setting(0.5, "Share of the steps after which the learning rate falls.", 0.0, 1.0)


@dataclass
class RateSettings(AdamSettings):
    """How fast the players learn."""

    learning_rate: float = setting(1e-3, "Adam's learning rate, before it falls.", 0.0)
    warmup: int = setting(0, "Steps in which the learning rate first rises in a line from 0.", 0)
    schedule: str = setting(
        "linear", "How the learning rate falls: to 0, or to 1 % if exponential.",
        choices={shape: None if shape == "constant" else FallSettings for shape in SHAPES},
    )  # fmt: skip

    def share_left(self, k: int) -> float:
        """Return the share of the learning rate at step k."""
        decay_from = self.decay_from if isinstance(self, FallSettings) else 1.0
        return share_left(k, self.steps, shape=self.schedule, decay_from=decay_from, warmup=self.warmup)


@dataclass
class DuelSettings(RateSettings):
    """How fast D learns beside G."""

    d_rate: float = setting(1.0, "D's learning rate as a multiple of learning_rate.", 0.0)

    def __post_init__(self):
        super().__post_init__()
        if self.d_rate == 0:
            raise ValueError("d_rate=0.0: D would never learn, and G would learn nothing from it; 1 is G's own rate")


@dataclass
class AverageSettings(RunSettings):
    """The average that samples are drawn with."""

    ema: float = setting(0.998, "Decay of the moving average of G's weights.", 0.0, 1.0)


@dataclass
class TurnSettings(RunSettings):
    """How often D moves."""

    n_critic: int = setting(1, "D's turns in a training step, each with new samples. WGAN takes 5.", 1)


@dataclass
class SmoothSettings(RunSettings):
    """D's target for real samples."""

    smoothing: float = setting(0.0, "Lower D's target for real samples from 1 by this; .1 is usual.", 0.0, 0.5)


@dataclass
class ObjectiveSettings(RunSettings):
    """What the players want."""

    objective: str = setting(
        "relativistic", "The losses of both players.",
        choices={name: SmoothSettings if objective.targets else None for name, objective in OBJECTIVES.items()},
    )  # fmt: skip


@dataclass
class PaceSettings(RunSettings):
    """How often D's slope is penalised, and how much less in the end."""

    gamma_end: float = setting(
        0.0, "gamma at the last step; it falls by the same factor in every step. 0: gamma stays.", 0.0
    )
    penalty_every: int = setting(1, "Penalise in every N-th turn of D only, with N times the weight.", 1)


@dataclass
class GammaSettings(RunSettings):
    """The penalty on D's slope."""

    gamma: float = setting(
        1.0,
        "Weight of the penalty: gamma/2 E |slope of D|² for r1, r2 and both; gamma E (|slope of D| - 1)² for wgan-gp and"
        " dragan, where 10 is usual. 0: no penalty.",
        0.0, brings=PaceSettings,
    )  # fmt: skip

    def is_penalised(self, turn: int) -> bool:
        """Return whether D's loss has its penalty in this turn. Karras et al. 2020, appendix B: lazy regularisation."""
        return isinstance(self, PaceSettings) and turn % self.penalty_every == 0

    def weight(self, k: int) -> float:
        """Return the penalty's weight at step k: gamma, on its way to gamma_end, times penalty_every; 0 without gamma."""
        if not isinstance(self, PaceSettings):
            return 0.0
        gamma = self.gamma * (self.gamma_end / self.gamma) ** (k / self.steps) if self.gamma_end else self.gamma
        return gamma * self.penalty_every


@dataclass
class ClipSettings(RunSettings):
    """A bound on D's weights."""

    clip_weights: float = setting(0.0, "Keep D's weights within plus and minus this; WGAN's is .01. 0: free.", 0.0)


@dataclass
class SlopeSettings(ClipSettings):
    """What holds D's slope."""

    penalty: str = setting(
        "r1+r2", "Where D's slope is penalised.",
        choices={name: None if penalty is None else GammaSettings for name, penalty in PENALTIES.items()},
    )  # fmt: skip

    def __post_init__(self):
        super().__post_init__()
        penalty = PENALTIES[self.penalty]
        if penalty is None or penalty.target == 0:
            return
        if isinstance(self, GammaSettings) and self.gamma == 0:
            raise ValueError(f"penalty={self.penalty} with gamma=0.0 penalises nothing: give it a weight, 10 is usual")
        if self.clip_weights > 0:
            raise ValueError(
                f"penalty={self.penalty} pulls D's slope to 1 and clip_weights={self.clip_weights} forbids it: leave one"
                " of them out"
            )


@dataclass
class NoiseSettings(RunSettings):
    """Noise on what D sees."""

    instance_noise: float = setting(
        0.0, "Standard deviation of noise on all that D sees, at first; it falls in a line to 0.", 0.0
    )


@dataclass
class AugmentSettings(RunSettings):
    """Changes of the pictures that D sees."""

    augment: str = setting(
        "", f"Show D changed pictures, real and generated; DiffAugment. Some of {', '.join(CHANGES)}, joined by +."
    )


@dataclass
class PackSettings(RunSettings):
    """Packs of samples that D judges at once."""

    packing: int = setting(1, "Samples that D judges at once, joined along channels or features; PacGAN.", 1)

    def divisors(self) -> dict:
        """Return the settings that the batch is divided by, {name: number}."""
        return {**super().divisors(), "packing": self.packing}


@dataclass
class AdversarialSettings(
    NoiseSettings, SlopeSettings, ObjectiveSettings, TurnSettings, AverageSettings, DuelSettings
):
    """What one G and one D read, whatever their samples are."""

"""The game of pairs: a source is given, G makes of it what shall look like its target. A picture in, a picture out.

The first part of the steps is the pixel phase: G alone learns to come near the target, pixel by pixel. Then follows the
game: D sees source and target, or source and what G made of it, and G's loss is D's verdict, the distance in pixels, and the
distance in features. Verdicts may be a map (N, 1, h, w), one for each patch. The recipes `superres`, `restore` and `pix2pix`
stand on it. Isola et al. 2017 (pix2pix); Ledig et al. 2017 (SRGAN), whose content loss is the distance in features.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, no_grad, raw
from tinygan.backend import Array, stream, to_device
from tinygan.gan.adversarial import Adversarial
from tinygan.gan.latent import Space, draw_each
from tinygan.gan.players import Batch, read_back
from tinygan.gan.settings import AdversarialSettings, FallSettings
from tinygan.losses import l1_loss, mse_loss
from tinygan.nn import Module
from tinygan.ops import mean, stack
from tinygan.optim import share_left
from tinygan.run.settings import defaults, setting

PIXEL_LOSSES = {"l1": l1_loss, "mse": mse_loss}


@defaults(objective="non-saturating", penalty="none")
class TranslationSettings(AdversarialSettings):
    """What a game of pairs reads. The learning rate begins anew, and falls again, in the second phase."""

    pixel_phase: float = setting(
        0.5, "Share of the steps in which G learns by the pixel loss alone, without D.", 0.0, 1.0, phase=True
    )
    pixel_loss: str = setting("l1", "Distance of two pictures: mean of |d| or of d².", choices=tuple(PIXEL_LOSSES))
    pixel_weight: float = setting(1.0, "Weight of the pixel loss in G's loss, beside D's verdict.", 0.0)
    content_weight: float = setting(
        0.0, "Weight, in G's loss, of the distance to the target in features, by default D's.", 0.0
    )
    game_rate: float = setting(1.0, "Learning rate of the phase with D as a multiple of learning_rate.", 0.0)
    game_ema: float = setting(
        0.0, "Decay of the moving average of G's weights in the phase with D. 0: as ema.", 0.0, 1.0
    )

    @property
    def pixel_steps(self) -> int:
        """Steps of the pixel phase."""
        return round(self.pixel_phase * self.steps)

    def share_left(self, k: int) -> float:
        """Return the share of the learning rate at step k: it rises and falls once in each phase."""
        first = self.pixel_steps
        begun, length, rate = (0, first, 1.0) if k < first else (first, self.steps - first, self.game_rate)
        decay_from = self.decay_from if isinstance(self, FallSettings) else 1.0
        shape, warmup = self.schedule, self.warmup
        return rate * share_left(k - begun, max(1, length), shape=shape, decay_from=decay_from, warmup=warmup)


class Translation(Adversarial):
    """A game of pairs. G(source), or G(source, *z) with a point z of each of `spaces`; D(x, source).

    batch: turn -> Batch(target, (source,)). asked: () -> sources (M, ...) that training does not show; samples answer to
    them in turn, so sample i is of source i modulo M. features: x -> a Tensor, or a list of them, in which the content loss
    compares; without it D's own are taken, and D has `features(x, source)`.
    """

    takes = ("given",)

    def __init__(
        self,
        generator: Module,
        discriminator: Module,
        batch: Callable[[int], Batch],
        settings: Any,
        asked: Callable[[], Array],
        saved: dict | None = None,
        *,
        spaces: Sequence[Space] = (),
        features: Callable | None = None,
    ):
        super().__init__(generator, discriminator, batch, settings, saved)
        self.asked, self.spaces, self.features = asked, tuple(spaces), features
        self.pixel_loss = PIXEL_LOSSES[settings.pixel_loss]
        self.shown: dict[str, Batch] = {}
        if settings.content_weight and features is None and not hasattr(discriminator, "features"):
            raise ValueError(
                f"content_weight={settings.content_weight}: {type(discriminator).__name__} has no features(x, source) in"
                " which pictures could be compared; give the game `features`, or leave the weight at 0"
            )

    def step(self, k: int) -> dict[str, float]:
        """Train G by pixels in the first phase, both players in the second; return losses and so on."""
        is_game = k >= self.settings.pixel_steps
        # of 1,200 steps of the game, an average of .9995 would still be half what the pixel phase left
        self.G.average.decay = (is_game and self.settings.game_ema) or self.settings.ema
        return super().step(k) if is_game else self.pixel_step(k)

    def pixel_step(self, k: int) -> dict[str, float]:
        """Take G's step towards the targets, pixel by pixel, on the pairs that D would see in this step."""
        target, given = self.batch(k * self.settings.n_critic)
        made = self.make(self.G.module, given, stream(self.settings.seed, "noise", k * self.settings.n_critic))
        loss = self.distance(made, target, given)
        self.G.move(loss, k)
        return read_back({"pixel_loss": loss.data})

    def make(self, G: Module, given: tuple, rng: np.random.Generator) -> Tensor:
        """Return what G makes of the sources."""
        (source,) = given
        z = draw_each(self.spaces, rng, len(source))
        return G(Tensor(source), *(Tensor(point, device=self.device) for point in z))

    def distance(self, made: Tensor, target: Array, given: tuple) -> Tensor:
        """Return how far what G made is from the targets, pixel by pixel. A subclass may weigh pixels by what was given."""
        return self.pixel_loss(made, Tensor(target))

    # --- the phase with D ----------------------------------------------------------------------------------------------

    def fake(self, G: Module, n: int, given: tuple, rng: np.random.Generator) -> Batch:
        """Return what G makes of the sources of the real batch, and those."""
        return Batch(self.make(G, given, rng), given)

    def show(self, batch: Batch, turn: int, kind: str) -> Batch:
        """Return pairs as D sees them, and keep them as they are: G's loss compares them."""
        self.shown[kind] = batch
        return super().show(batch, turn, kind)

    def g_extra(self) -> tuple[Any, dict[str, float]]:
        """Return the distance of what G made, in D's last turn, to the targets: in pixels and in features."""
        s, (target, given), made = self.settings, self.shown.pop("real"), self.shown.pop("fake").x
        pixels = self.distance(made, target, given)
        extra: Any = s.pixel_weight * pixels
        row: dict[str, Any] = {"pixel_loss": pixels.data}
        if s.content_weight:
            content = self.content(made, target, given)
            extra = extra + s.content_weight * content
            row["content_loss"] = content.data
        return extra, row

    def content(self, made: Tensor, target: Array, given: tuple) -> Tensor:
        """Return the mean |φ(made) - φ(target)| over the features φ, of which each layer counts as much."""
        judge: Any = self.D.module
        features = self.features or (lambda x: judge.features(x, *given))
        with no_grad():
            wanted = _listed(features(Tensor(target)))
        found = _listed(features(made))
        distances = [l1_loss(a, Tensor(raw(b))) for a, b in zip(found, wanted, strict=True)]
        return mean(stack(distances))

    # --- samples -------------------------------------------------------------------------------------------------------

    def sample(self, n: int, seed: int, *, given: Any = None, **how: Any) -> np.ndarray:
        """Return n samples, numpy, made of the sources `given`, or of those that training does not show, in turn."""
        if given is None and n > 0:
            asked = self.asked()
            given = asked[np.arange(n) % len(asked)]
        return super().sample(n, seed, given=given, **how)

    def made(self, samples: np.ndarray) -> list[np.ndarray]:
        """Return samples of sources that differ: where a reader has few, they come again, and so do samples."""
        return [samples[: self.sources]]

    @cached_property
    def sources(self) -> int:
        """How many sources samples are made of in turn."""
        return len(self.asked())

    def draw(self, n: int, rng: np.random.Generator, *, given: Any) -> np.ndarray:  # type: ignore[override]
        """Return what is made of n sources, numpy."""
        return self.translate(given, rng)

    def translate(self, source: Array, rng: np.random.Generator) -> np.ndarray:
        """Return what the averaged G makes of sources (N, ...), numpy."""
        with no_grad():
            return self.make(self.G.average.module, (to_device(source, self.device),), rng).numpy()


def _listed(features: Any) -> list:
    return list(features) if isinstance(features, list | tuple) else [features]

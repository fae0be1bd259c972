"""The game whose G makes samples of noise: what is drawn from latent spaces becomes pictures, points, sequences.

Interpolation and truncation act on z. `adversarial.py` has the training step, `latent.py` the spaces; read them first.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import stream
from tinygan.gan.adversarial import Adversarial
from tinygan.gan.augment import augment
from tinygan.gan.latent import Space, draw_each
from tinygan.gan.players import Batch
from tinygan.nn import Module


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
        return Batch(G(*self.tensors(z), *given), given)

    def answered(self, n: int, rng: np.random.Generator) -> tuple:
        """Return what n samples answer to where nobody gives it."""
        return ()

    def told(self, given: Any) -> tuple:
        """Return what the players are told of `given` (n, ...), with which `sample` was asked."""
        return self.tensors([given])

    def tensors(self, arrays: Sequence) -> tuple:
        """Return Tensors of these arrays, on G's device."""
        device = self.G.parameters[0].device
        return tuple(Tensor(a, device=device) for a in arrays)

    # --- samples -------------------------------------------------------------------------------------------------------

    def draw(  # type: ignore[override]  # it takes what `takes` names
        self, n: int, rng: np.random.Generator, *, truncation: float | None = None, given: Any = None
    ) -> np.ndarray:
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
                points = zip(self.spaces, a, b, fixed)
                yield self.paint([space.between(start, end, t, f) for space, start, end, f in points], given)

    def paint(self, z: Sequence, given: tuple) -> np.ndarray:
        """Return what the averaged G makes of z and `given`, numpy."""
        return self.generate(self.G.average.module, z, given).x.numpy()

    def refuse_misfits(self) -> None:
        """Raise ValueError for settings that do not fit the samples, before anything is trained."""
        if self.packing == 1 and not self.augment:
            return
        with no_grad():  # generated samples have the shape of real ones, and need no data
            rng = stream(0, "misfits")
            x, given = self.generate(self.G.average.module, draw_each(self.spaces, rng, 1), self.answered(1, rng))
        if self.packing > 1 and given:
            raise ValueError(f"packing={self.packing}: D is told more than the samples, and that cannot be packed")
        augment(x, self.augment, stream(0, "augment"))

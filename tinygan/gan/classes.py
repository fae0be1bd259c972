"""Games of classes: every batch, real or generated, has the classes in turn: 0, 1, ... K - 1, 0, 1, and so on.

A relativistic D then compares samples of one class, and no batch lacks one. A hundred samples of ten classes are a table
with a class a column: `tinygan sample RUN --class 7` takes every tenth. The recipe `cgan` has classes of pictures, `sines`
and `stock` of sequences.
"""

from typing import Any

import numpy as np

from tinygan.backend import Array, xp
from tinygan.data import Loader
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.players import Batch


class ClassGame(FromNoise):
    """A game whose samples, as drawn, have the classes in turn; `classes` 0: it has none.

    Both players are told the classes: as numbers, or with `one_hot` as vectors of one 1.
    """

    def __init__(self, *arguments: Any, classes: int, one_hot: bool = False):
        self.classes, self.one_hot = classes, one_hot
        self.takes = ("of_class", "given") if classes else ()
        super().__init__(*arguments)

    def batch(self, turn: int) -> Batch:
        """Return the real samples of a turn, which have the classes in turn, and their classes."""
        x = self.read(turn).x
        return Batch(x, self.ask(len(x)))

    def tell(self, given: Any) -> tuple:
        """Return what both players are told of the classes `given`, (n,) whole numbers; ValueError for others."""
        if not self.classes:
            return ()
        given = np.asarray(given)
        if given.dtype.kind not in "iu" or given.ndim != 1 or not ((given >= 0) & (given < self.classes)).all():
            wanted = f"a whole number from 0 to {self.classes - 1} for each sample"
            raise ValueError(f"given: expected {wanted}, got {given.tolist()!r:.100}")
        return self.to_tensors([np.eye(self.classes, dtype="float32")[given] if self.one_hot else given])

    def ask(self, n: int, rng: np.random.Generator | None = None) -> tuple:
        """Return what the players are told of n samples: the classes in turn."""
        return self.tell(in_turn(n, self.classes or 1))


def in_turn(n: int, classes: int) -> np.ndarray:
    """Return the classes of n samples, (n,)."""
    return np.arange(n) % classes


class ClassLoader:
    """Batches that have the classes in turn, of the samples of each class: arrays (N_k, ...)."""

    def __init__(self, of_class: list, batch_size: int, seed: int):
        self.batch_size, of_each = batch_size, -(-batch_size // len(of_class))
        fewest = min(map(len, of_class))
        if fewest < of_each:
            remedy = f"take batch_size={fewest * len(of_class)} or less" if fewest else "take fewer classes"
            raise ValueError(
                f"batch_size={batch_size}: {len(of_class)} classes in turn need {of_each} samples of each, and one has"
                f" {fewest}; {remedy}"
            )
        self.loaders = [Loader(x, batch_size=of_each, seed=seed) for x in of_class]

    def batch(self, step: int) -> Array:
        """Return the batch (batch_size, ...) of training step `step`."""
        batches = [loader.batch(step) for loader in self.loaders]
        rows = xp(batches[0]).stack(batches, 1)  # (of each, classes, ...)
        return rows.reshape(-1, *rows.shape[2:])[: self.batch_size]

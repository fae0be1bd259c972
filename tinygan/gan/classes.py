"""Games of classes: every batch, real or generated, has the classes in turn: 0, 1, ... K - 1, 0, 1, and so on.

A relativistic D then compares samples of one class, no batch lacks one, and a hundred samples of ten classes are a table
with a class a column: `tinygan sample RUN --class 7` takes every tenth. `recipes/cgan.py` has classes of pictures,
`recipes/sines.py` and `recipes/stock.py` of sequences.
"""

from dataclasses import dataclass

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.backend import xp
from tinygan.data import Loader
from tinygan.gan.training import Game


@dataclass
class ClassGame(Game):
    """A game whose samples, as drawn, have the classes in turn."""

    classes: int = 0  # 0: it has none, and is a Game as any other

    @property
    def at_once(self):
        """Samples are drawn so many at a time: each time begins with class 0."""
        return max(1, 256 // max(1, self.classes)) * max(1, self.classes)


def in_turn(n, classes):
    """The classes of n samples: (n,)."""
    return np.arange(n) % classes


def one_hot_in_turn(n, classes, device="cpu"):
    """The same as vectors of one 1: a Tensor (n, classes)."""
    return Tensor(np.eye(classes, dtype="float32")[in_turn(n, classes)], device=device)


class ClassLoader:
    """Batches that have the classes in turn, of the samples of each class: arrays (N_k, ...)."""

    def __init__(self, of_class, batch_size, seed):
        self.batch_size, of_each = batch_size, -(-batch_size // len(of_class))
        self.loaders = [Loader(x, batch_size=of_each, seed=seed) for x in of_class]

    def batch(self, step):
        """The batch (batch_size, ...) of training step `step`."""
        batches = [loader.batch(step) for loader in self.loaders]
        rows = xp(batches[0]).stack(batches, 1)  # (of each, classes, ...)
        return rows.reshape(-1, *rows.shape[2:])[: self.batch_size]

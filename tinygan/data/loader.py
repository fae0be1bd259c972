"""Batches: `Loader` shuffles arrays anew in every epoch and computes the batch of any training step without state."""

import operator
from collections.abc import Iterator
from typing import Any

from tinygan.backend import Array, stream, xp
from tinygan.remedies import watch
from tinygan.tensors import Tensor


@watch
class Loader:
    """Serve batches of rows of one or more arrays of equal length: an array, or a tuple if there are several arrays.

    `loader.batch(step)` is a function of (seed, step) alone, so a run resumed at step k sees what the unbroken run
    would have seen. `for batch in loader` is one epoch, the next loop the next epoch. `loader.epoch` counts the epochs
    begun; set it to continue elsewhere. Without `drop_last` an epoch ends with a smaller batch of the remaining rows.

    >>> import numpy as np
    >>> loader = Loader(np.arange(10), batch_size=4, shuffle=False)
    >>> len(loader), loader.batch(1), loader.batch(2)
    (2, array([4, 5, 6, 7]), array([0, 1, 2, 3]))
    """

    def __init__(
        self, *arrays: Array, batch_size: int, seed: int = 0, shuffle: bool = True, drop_last: bool = True
    ) -> None:
        if not arrays:
            raise ValueError("Loader: no arrays given")
        for array in arrays:
            if isinstance(array, Tensor):
                raise TypeError("Loader: a Tensor; pass its array, tensor.data. Batches are arrays, and layers take them")
            if not getattr(array, "shape", ()):
                raise TypeError(
                    f"Loader: {type(array).__name__} has no rows; expected an array of 1 dimension or more"
                    + (", as np.asarray makes of a list" if isinstance(array, list | tuple) else "")
                )
        lengths = [len(array) for array in arrays]
        if len(set(lengths)) > 1:
            raise ValueError(f"Loader: arrays have {lengths} rows; all must have the same number")
        self.length, self.batch_size = lengths[0], operator.index(batch_size)
        if self.batch_size < 1 or self.length < 1:
            raise ValueError(f"Loader: batch_size {self.batch_size} from {self.length} rows; both must be at least 1")
        if drop_last and self.batch_size > self.length:
            raise ValueError(
                f"Loader: batch_size {self.batch_size} exceeds the {self.length} rows, so every epoch would be empty; take"
                f" batch_size={self.length} or less"
            )
        self.arrays, self.seed, self.shuffle, self.drop_last = arrays, seed, shuffle, drop_last
        self.epoch = 0
        self._order: tuple[int | None, Any] = None, None  # (epoch, its row numbers): an epoch is shuffled once

    def __repr__(self) -> str:
        return f"Loader({self.length:,} rows in batches of {self.batch_size}, seed {self.seed}, epoch {self.epoch})"

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.length // self.batch_size if self.drop_last else -(-self.length // self.batch_size)

    def __iter__(self) -> Iterator:
        epoch = self.epoch
        self.epoch += 1
        return (self.batch(step) for step in range(epoch * len(self), (epoch + 1) * len(self)))

    def batch(self, step: int) -> Any:
        """Return the batch of training step `step` = 0, 1, ..., counted over all epochs."""
        step = operator.index(step)
        if step < 0:
            raise ValueError(f"Loader: step {step} is negative; steps are counted from 0")
        epoch, position = divmod(step, len(self))
        start = position * self.batch_size
        rows: Any = slice(start, start + self.batch_size)
        if self.shuffle:
            rows = self._permutation(epoch)[rows]
        batch = tuple(_take(array, rows) for array in self.arrays)
        return batch if len(batch) > 1 else batch[0]

    def _permutation(self, epoch: int) -> Array:
        last_epoch, order = self._order
        if last_epoch != epoch:
            order = stream(self.seed, "loader", epoch).permutation(self.length)
            self._order = epoch, order
        return order


def _take(array: Array, rows: Any) -> Array:
    """Return a copy of the rows, on the array's own device: writing to a batch must not write to the data."""
    return array[rows].copy() if isinstance(rows, slice) else array[xp(array).asarray(rows)]

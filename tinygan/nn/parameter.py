"""Parameter: a Tensor that is trained."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import library_of


class Parameter(Tensor):
    """A Tensor that is trained: an attribute of a Module that `parameters()` finds and `state_dict()` keeps."""

    __slots__ = ()
    trains = True

    def __init__(self, data: Any, requires_grad: bool = True, device: str | None = None):
        super().__init__(raw(data), requires_grad, device)

    def __reduce__(self) -> tuple:
        """Let pickle and copy leave out `number`, which orders the Tensors of this process alone."""
        return type(self), (self.data, self.requires_grad), (None, {"grad": self.grad})

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


_room: ContextVar[list[int] | None] = ContextVar("room", default=None)


class TooLarge(Exception):
    """Layers would have more numbers than `at_most` allows."""


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Let the layers that are made in this block have so many numbers in all; TooLarge before memory is taken."""
    token = _room.set([numbers])
    try:
        yield
    finally:
        _room.reset(token)


def zeros_parameter(*shape: int, device: str | None = None, dtype: Any = np.float32) -> Parameter:
    """Return a Parameter of zeros, for a layer to fill in its `reset_parameters`."""
    room = _room.get()
    if room is not None:
        room[0] -= math.prod(shape)
        if room[0] < 0:
            raise TooLarge("there are fewer numbers than these layers would have")
    return Parameter(library_of(device).zeros(shape, checked_dtype(dtype)))


def checked_dtype(dtype: Any) -> np.dtype:
    """Return a type that parameters may have; raise TypeError for any other."""
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise TypeError(f"parameters are float32 or float64, not {np.dtype(dtype)}: float16 would overflow in sums")
    return np.dtype(dtype)

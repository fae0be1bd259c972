"""Copies, other types and other devices: clone, and Tensor's `to`, float, long, cpu, ... Gradients come back as they were.

A copy made for its values alone (integers, truth values) has no history.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, cast, op, raw
from tinygan.backend import device_of, to_device

__all__ = ["clone"]


@op(lambda g, y, x: g)
def clone(input: TensorLike) -> Tensor:
    """Return a copy with its history: gradients flow through it. `detach()` leaves the history out."""
    return input.copy()  # type: ignore[union-attr]  # an array's


@op(lambda g, y, x, device: move(g, device=device_of(raw(x))))
def move(input: TensorLike, device: str) -> Tensor:
    """Return input on a device, "cpu" or "cuda"."""
    return to_device(input, device)


def astype(tensor: Tensor, dtype: Any) -> Tensor:
    """Return the Tensor with elements of another type; integers and truth values have no gradient."""
    dtype = np.dtype(dtype)
    if dtype == tensor.dtype:
        return tensor
    if dtype.kind == "f":
        return cast(tensor, dtype=dtype)
    return Tensor(tensor.data.astype(dtype))


def to(tensor: Tensor, *targets: Any, device: str | None = None, dtype: Any = None) -> Tensor:
    """Return the Tensor on a device, or of another type, or both: t.to("cuda"), t.to("float64"), t.to(other)."""
    for target in targets:
        if isinstance(target, Tensor):
            device, dtype = target.device, target.dtype
        elif isinstance(target, str) and target.partition(":")[0] in ("cpu", "cuda"):
            device = target
        elif target is not None:
            dtype = target
    if device is not None and device != tensor.device:
        tensor = move(tensor, device=device)
    return tensor if dtype is None else astype(tensor, dtype)


# --- Tensor's methods of one word ------------------------------------------------------------------------------


def float(tensor: Tensor) -> Tensor:
    """Return the Tensor as float32."""
    return astype(tensor, np.float32)


def double(tensor: Tensor) -> Tensor:
    """Return the Tensor as float64."""
    return astype(tensor, np.float64)


def long(tensor: Tensor) -> Tensor:
    """Return the Tensor as int64, cut towards 0, without a history: labels and indices."""
    return astype(tensor, np.int64)


def int(tensor: Tensor) -> Tensor:
    """Return the Tensor as int32, cut towards 0, without a history."""
    return astype(tensor, np.int32)


def bool(tensor: Tensor) -> Tensor:
    """Return where the Tensor is not 0, without a history."""
    return astype(tensor, np.bool_)


def cpu(tensor: Tensor) -> Tensor:
    """Return the Tensor on the CPU."""
    return to(tensor, device="cpu")


def cuda(tensor: Tensor) -> Tensor:
    """Return the Tensor on the GPU. Raises RuntimeError, which says what is missing, where there is none."""
    return to(tensor, device="cuda")


def contiguous(tensor: Tensor) -> Tensor:
    """Return the Tensor itself: `view` and `reshape` take every order in memory."""
    return tensor

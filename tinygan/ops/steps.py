"""Functions whose slope is 0 or that have none: rounding, remainders, comparisons, logic.

Rounding has gradient 0, as in PyTorch; a comparison gives truth values, which have no gradient and no history.
"""

import builtins
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias, TypeVar

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, op, raw
from tinygan.backend import xp
from tinygan.ops.elementwise import _zeros, div
from tinygan.ops.reduce import _axes

__all__ = [
    "all", "any", "bitwise_and", "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "eq", "floor", "floor_divide", "ge",
    "gt", "isfinite", "isinf", "isnan", "le", "lt", "ne", "remainder", "round",
]  # fmt: skip

Dims: TypeAlias = int | tuple[int, ...] | None
F = TypeVar("F", bound=Callable[..., Any])

# --- rounding --------------------------------------------------------------------------------------------------


@op(lambda g, y, x: _zeros(g))
def floor(input: TensorLike) -> Tensor:
    """Return the largest integer that is not larger, as a number of the same type; the gradient is 0."""
    return xp(input).floor(input).astype(input.dtype)


@op(lambda g, y, x: _zeros(g))
def ceil(input: TensorLike) -> Tensor:
    """Return the smallest integer that is not smaller, as a number of the same type; the gradient is 0."""
    return xp(input).ceil(input).astype(input.dtype)


@op(lambda g, y, x, decimals=0: _zeros(g))
def round(input: TensorLike, decimals: int = 0) -> Tensor:
    """Return input rounded to so many decimals, halves to even; the gradient is 0."""
    return xp(input).round(input, decimals)


@op(lambda g, y, a, b: g, lambda g, y, a, b: -(g * (raw(a) // raw(b))), broadcasts=True)
def remainder(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input % other = input - ⌊input / other⌋ other, which has the sign of other.

    Of 1 and 0.1 that is 0.1, nearly: ⌊input / other⌋ is 9, although the rounded quotient is 10.
    """
    return input % other


# --- without a gradient ----------------------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Return the array of a Tensor, and a NumPy scalar as a Python number: a float32 Tensor is compared in float32."""
    return value.item() if isinstance(value, np.generic) else raw(value)


def _without_gradient(function: F) -> F:
    """Make a function of arrays one of Tensors too: its result has no history."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if not builtins.any(isinstance(a, Tensor) for a in (*args, *options.values())):
            return function(*args, **options)
        return Tensor(function(*map(_plain, args), **{name: _plain(value) for name, value in options.items()}))

    return call  # type: ignore[return-value]


def floor_divide(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input // other = ⌊input / other⌋, without a gradient."""
    y = div(input, other, "floor")
    return Tensor(raw(y)) if isinstance(y, Tensor) else y


@_without_gradient
def eq(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return where input == other."""
    return input == other


@_without_gradient
def ne(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return where input != other."""
    return input != other


@_without_gradient
def lt(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return where input < other."""
    return input < other


@_without_gradient
def le(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return where input <= other."""
    return input <= other


@_without_gradient
def gt(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return where input > other."""
    return input > other


@_without_gradient
def ge(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return where input >= other."""
    return input >= other


@_without_gradient
def isnan(input: TensorLike) -> Tensor:
    """Return where input is not a number."""
    return xp(input).isnan(input)


@_without_gradient
def isinf(input: TensorLike) -> Tensor:
    """Return where input is infinite."""
    return xp(input).isinf(input)


@_without_gradient
def isfinite(input: TensorLike) -> Tensor:
    """Return where input is neither infinite nor nan."""
    return xp(input).isfinite(input)


@_without_gradient
def all(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether all elements along `dim` hold (are not 0)."""
    return xp(input).all(input, _axes(dim), keepdims=keepdim)


@_without_gradient
def any(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether some element along `dim` holds (is not 0)."""
    return xp(input).any(input, _axes(dim), keepdims=keepdim)


@_without_gradient
def bitwise_and(input: TensorLike, other: TensorLike | int) -> Tensor:
    """Return input & other of truth values (both) or integers (bit by bit)."""
    return input & other  # type: ignore[operator]


@_without_gradient
def bitwise_or(input: TensorLike, other: TensorLike | int) -> Tensor:
    """Return input | other of truth values (one or both) or integers (bit by bit)."""
    return input | other  # type: ignore[operator]


@_without_gradient
def bitwise_xor(input: TensorLike, other: TensorLike | int) -> Tensor:
    """Return input ^ other of truth values (one, not both) or integers (bit by bit)."""
    return input ^ other  # type: ignore[operator]


@_without_gradient
def bitwise_not(input: TensorLike) -> Tensor:
    """Return ~input: where truth values do not hold; of integers, every bit turned."""
    return ~input  # type: ignore[operator]

"""Functions that make many elements one: sums, means, extremes, and softmax, which divides by a sum.

`dim` is None (all), a number or a tuple; `keepdim` leaves a 1 in its place, as in PyTorch.
"""

import builtins
import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, broadcast_to, op, raw
from tinygan.backend import xp
from tinygan.ops.elementwise import exp, maximum, minimum, pow, square, where
from tinygan.ops.shapes import flatten, flip, gather, movedim, normal_dim, reshape, squeeze, unsqueeze

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumsum", "log_softmax", "logsumexp", "max", "mean", "min", "prod",
    "softmax", "std", "sum", "var",
]  # fmt: skip


Dims: TypeAlias = int | tuple[int, ...] | None  # the dimensions to reduce


def _kept_shape(shape, dim):
    """Return `shape` with a 1 for each reduced dimension."""
    dims = range(len(shape)) if dim is None else (dim,) if isinstance(dim, int) else dim
    reduced = {d % len(shape) for d in dims} if shape else set()
    return tuple(1 if d in reduced else n for d, n in enumerate(shape))


def _keep(g, x, dim):
    """Return g, or y, with the reduced dimensions back as 1, so that it broadcasts against x."""
    return reshape(g, shape=_kept_shape(x.shape, dim))


def _spread(g, x, dim):
    """Return g for each of the elements that were reduced to one."""
    return broadcast_to(g if dim is None else _keep(g, x, dim), shape=x.shape)  # a single g broadcasts as it is


def _count(x, dim):
    if dim is None:
        return math.prod(x.shape)
    return math.prod(x.shape) // builtins.max(1, math.prod(_kept_shape(x.shape, dim)))


@op(lambda g, y, x, dim=None, keepdim=False: _spread(g, x, dim))
def sum(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the sum over `dim`."""
    return input.sum(dim, keepdims=keepdim)  # type: ignore[call-arg]  # an array's


@op(lambda g, y, x, dim=None, keepdim=False: _spread(g / _count(x, dim), x, dim))
def mean(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the mean over `dim`."""
    total = input.sum(dim, keepdims=keepdim)  # type: ignore[call-arg]  # an array's
    return total / _count(input, dim)  # np.mean takes 3 us more per call


def var(input: TensorLike, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """Return Σ (x - mean)² / (n - correction) over `dim`; correction 1 is the unbiased estimate."""
    centred = input - mean(input, dim, True)
    return sum(square(centred), dim, keepdim) / builtins.max(0, _count(input, dim) - correction)


def std(input: TensorLike, dim: Dims = None, correction: int = 1, keepdim: bool = False) -> Tensor:
    """Return the square root of `var`."""
    return pow(var(input, dim, correction, keepdim), 0.5)


@op(lambda g, y, x: unsqueeze(g, -1) * _product_of_others(x))
def _prod_last(x):
    return x.prod(-1)


_prod_last.shown = "prod"


def _product_of_others(x):
    # y / x would be 0/0 at a zero. n products of n - 1 factors are right there, and so are their own gradients.
    eye = xp(raw(x)).eye(x.shape[-1], dtype=bool)
    return _prod_last(where(eye, 1.0, unsqueeze(x, -2)))


def prod(input: TensorLike, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the product over `dim`, differentiable at zeros as well; takes n² memory in its gradient."""
    if dim is None:
        result = _prod_last(flatten(input))
        return reshape(result, (1,) * input.ndim) if keepdim else result
    result = _prod_last(movedim(input, dim, -1))
    return unsqueeze(result, dim if dim >= 0 else dim + input.ndim) if keepdim else result


def _tied(x, y, dim):
    """Return 1/k for each of the k elements that attain the extreme y."""
    attains = (raw(x) == raw(_keep(y, x, dim))).astype(x.dtype)
    return attains / attains.sum(dim, keepdims=True)


def _extreme_vjp(g, y, x, dim=None, keepdim=False):
    return _keep(g, x, dim) * _tied(x, y, dim)


@op(_extreme_vjp)
def amax(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the largest element over `dim`; ties share the gradient equally."""
    return xp(input).amax(input, dim, keepdims=keepdim)


@op(_extreme_vjp)
def amin(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the smallest element over `dim`; ties share the gradient equally."""
    return xp(input).amin(input, dim, keepdims=keepdim)


def argmax(input: TensorLike, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the number of the (first) largest element along `dim`, or in the flattened array: integers."""
    result = raw(input).argmax(dim, keepdims=keepdim)
    return Tensor(result) if isinstance(input, Tensor) else result


def argmin(input: TensorLike, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the number of the (first) smallest element along `dim`, or in the flattened array: integers."""
    return argmax(-input, dim, keepdim)


class Extreme(NamedTuple):
    """The result of max, min, sort and topk along a dim."""

    values: Any
    indices: Any


def _extreme(whole, of_two, place, input, dim, keepdim):
    if dim is None:
        return whole(input)
    if not isinstance(dim, int):  # max(a, b)
        return of_two(input, dim)
    dim = normal_dim(dim, input.ndim, "max")
    indices = place(input, dim, keepdim=True)
    values = gather(input, dim, indices)
    return Extreme(values, indices) if keepdim else Extreme(squeeze(values, dim), squeeze(indices, dim))


def max(input: TensorLike, dim: int | TensorLike | None = None, keepdim: bool = False) -> Any:
    """Return the largest element; with a dim, (values, indices), where the first of equals gets the gradient; or of two."""
    return _extreme(amax, maximum, argmax, input, dim, keepdim)


def min(input: TensorLike, dim: int | TensorLike | None = None, keepdim: bool = False) -> Any:
    """Return the smallest element; with a dim, (values, indices), where the first of equals gets the gradient; or of two."""
    return _extreme(amin, minimum, argmin, input, dim, keepdim)


@op(lambda g, y, x, dim: flip(cumsum(flip(g, dims=dim), dim=dim), dims=dim))
def cumsum(input: TensorLike, dim: int) -> Tensor:
    """Return running sums along `dim`."""
    return input.cumsum(dim)


def _finite(a):
    return where(xp(raw(a)).isfinite(raw(a)), a, 0.0)


@op(lambda g, y, x, dim, keepdim=False: _keep(g, x, dim) * exp(x - _finite(_keep(y, x, dim))))
def logsumexp(input: TensorLike, dim: Dims, keepdim: bool = False) -> Tensor:
    """Return log Σ e^x over `dim`, exact however large x is."""
    top = _finite(xp(input).amax(input, dim, keepdims=True))
    total = xp(input).exp(input - top).sum(dim, keepdims=True)
    with np.errstate(divide="ignore"):  # log 0 = -inf where every element is -inf
        result = xp(input).log(total) + top
    return result if keepdim else xp(input).squeeze(result, dim)


def _exp_shifted(x, dim):
    e = x - xp(x).amax(x, dim, keepdims=True)  # the largest becomes 0: e^x cannot overflow
    return xp(x).exp(e, out=e)


@op(lambda g, y, x, dim: y * (g - sum(g * y, dim, True)))
def softmax(input: TensorLike, dim: int) -> Tensor:
    """Return e^x / Σ e^x along `dim`."""
    e = _exp_shifted(input, dim)
    e /= e.sum(dim, keepdims=True)
    return e


@op(lambda g, y, x, dim: g - exp(y) * sum(g, dim, True))
def log_softmax(input: TensorLike, dim: int) -> Tensor:
    """Return x - log Σ e^x along `dim`: the logarithm of softmax, finite where softmax is 0 in float32."""
    shifted = input - xp(input).amax(input, dim, keepdims=True)
    shifted -= xp(input).log(xp(input).exp(shifted).sum(dim, keepdims=True))
    return shifted

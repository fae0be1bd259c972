"""Functions that make many elements one: sums, means, extremes, and softmax, which divides by a sum.

`dim` is None (all), a number or a tuple; `keepdim` leaves a 1 in its place; `dtype` is the type that input is made first,
all as in PyTorch.
"""

import builtins
import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, broadcast_to, cast, op, raw
from tinygan.backend import xp
from tinygan.ops.elementwise import _zeros, abs, exp, expm1, floating, maximum, minimum, pow, square, where
from tinygan.ops.shapes import WHOLE, flatten, flip, gather, movedim, normal_dim, reshape, squeeze, unsqueeze

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumsum", "log_softmax", "logsumexp", "max", "mean", "min", "norm", "prod",
    "softmax", "std", "sum", "var",
]  # fmt: skip


Dims: TypeAlias = int | tuple[int, ...] | None  # the dimensions to reduce


def _kept_shape(shape, dim):
    """Return `shape` with a 1 for each reduced dimension."""
    dims = range(len(shape)) if dim is None else (dim,) if isinstance(dim, WHOLE) else dim
    reduced = {d % len(shape) for d in dims} if shape else set()
    return tuple(1 if d in reduced else n for d, n in enumerate(shape))


def _keep(g, x, dim):
    """Return g, or y, with the reduced dimensions back as 1, so that it broadcasts against x."""
    return reshape(g, shape=_kept_shape(x.shape, dim))


def _spread(g, x, dim):
    """Return g for each of the elements that were reduced to one."""
    return broadcast_to(g if dim is None else _keep(g, x, dim), shape=x.shape)  # a single g broadcasts as it is


def _axes(dim):
    """Return `dim` as NumPy takes it, which refuses lists."""
    return tuple(dim) if type(dim) is list else dim


def _count(x, dim):
    if dim is None or not x.shape:
        return math.prod(x.shape)
    return x.shape[dim] if isinstance(dim, WHOLE) else math.prod(x.shape[d] for d in dim)


def _in_type_of(g, x):
    """Return the gradient g in the type of x, which had become another."""
    return g if g.dtype == x.dtype else cast(g, dtype=x.dtype)


@op(lambda g, y, x, dim=None, keepdim=False, dtype=None: _spread(_in_type_of(g, x), x, dim))
def sum(input: TensorLike, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return the sum over `dim`."""
    return input.sum(_axes(dim), dtype=dtype, keepdims=keepdim)  # type: ignore[call-arg]  # an array's


@op(lambda g, y, x, dim=None, keepdim=False, dtype=None: _spread(_in_type_of(g, x) / (_count(x, dim) or 1), x, dim))
def mean(input: TensorLike, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return the mean over `dim`; nan of no elements."""
    total = input.sum(_axes(dim), dtype=dtype, keepdims=keepdim)  # type: ignore[call-arg]  # an array's
    return total / (_count(input, dim) or math.nan)  # np.mean takes 3 us more per call


def var(
    input: TensorLike, dim: Dims | bool = None, correction: float | None = 1, keepdim: bool = False,
    unbiased: bool | None = None,
) -> Tensor:  # fmt: skip
    """Return Σ (x - mean)² / (n - correction) over `dim`; correction 1 is the unbiased estimate.

    unbiased: PyTorch's older way of saying correction 1 or 0; `var(x, False)` says it of all elements.
    """
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    correction = (1 if correction is None else correction) if unbiased is None else int(unbiased)
    centred, free = input - mean(input, dim, True), builtins.max(0, _count(input, dim) - correction)
    total = sum(square(centred), dim, keepdim)
    if free:
        return total / free
    return total * where(raw(total) > 0, math.inf, math.nan).astype(total.dtype)  # one value has no variance


def std(
    input: TensorLike, dim: Dims | bool = None, correction: float | None = 1, keepdim: bool = False,
    unbiased: bool | None = None,
) -> Tensor:  # fmt: skip
    """Return the square root of `var`; the gradient is 0 where all values are equal."""
    return _root(var(input, dim, correction, keepdim, unbiased))


@op(lambda g, y, x: where(raw(y) == 0, 0.0, g * 0.5 / where(raw(y) == 0, 1.0, y)))
def _root(x):
    """Return √x, with gradient 0 at 0 where that of `sqrt` is infinite: of a length or a deviation, the least slope."""
    return xp(x).sqrt(x)


_root.shown = "sqrt"


def norm(input: TensorLike, p: float | str = 2, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the length (Σ |x|ᵖ)^(1/p) of input as a vector, or of the vectors along `dim`; the gradient at 0 is 0.

    p may be inf or -inf, the largest or smallest |x|, and 0, the number of elements that are not 0. "fro" is 2.
    """
    if isinstance(p, str):
        if p != "fro":
            raise ValueError(f"norm: p is a number or 'fro', not {p!r}: np.linalg.norm(x.data, {p!r}) has the value alone")
        p = 2
    dim = _axes(dim)
    if p == math.inf:
        return amax(abs(input), dim, keepdim)
    if p == -math.inf:
        return amin(abs(input), dim, keepdim)
    return _norm(input, p=p, dim=dim, keepdim=keepdim)


def _norm_vjp(g, y, x, p, dim, keepdim):
    """Return g sgn(x) (|x| / y)^(p-1), 0 where x or the whole norm is 0."""
    if p == 0:
        return _zeros(x)
    y = _keep(y, x, dim)
    if p == 2:  # x / y has a slope at x = 0 as well
        return x * where(raw(y) == 0, 0.0, _keep(g, x, dim) / where(raw(y) == 0, 1.0, y))
    some = (raw(x) != 0) & (raw(y) != 0)
    share = where(some, abs(x) / where(raw(y) == 0, 1.0, y), 1.0)
    return where(some, _keep(g, x, dim) * (xp(raw(x)).sign(raw(x)) * pow(share, p - 1)), 0.0)


@op(_norm_vjp)
def _norm(x, p, dim, keepdim):
    x = floating(x)
    if p == 0:
        return (x != 0).sum(dim, keepdims=keepdim, dtype=x.dtype)
    if p == 1:
        return xp(x).abs(x).sum(dim, keepdims=keepdim)
    if p == 2:
        return xp(x).sqrt((x * x).sum(dim, keepdims=keepdim))
    with np.errstate(divide="ignore"):  # 0^p of a negative p is infinite, and infinity^(1/p) is 0
        return (xp(x).abs(x) ** p).sum(dim, keepdims=keepdim) ** (1 / p)


@op(lambda g, y, x: unsqueeze(g, -1) * _product_of_others(x))
def _prod_last(x):
    return x.prod(-1)


_prod_last.shown = "prod"


def _product_of_others(x):
    # y / x would be 0/0 at a zero. n products of n - 1 factors are right there, and so are their own gradients.
    eye = xp(raw(x)).eye(x.shape[-1], dtype=bool)
    return _prod_last(where(eye, 1.0, unsqueeze(x, -2)))


def prod(input: TensorLike, dim: int | None = None, keepdim: bool = False, dtype: Any = None) -> Tensor:
    """Return the product over `dim`, differentiable at zeros as well; takes n² memory in its gradient."""
    input = input if dtype is None else cast(input, dtype=dtype)
    if dim is None or input.ndim == 0:
        normal_dim(dim or 0, input.ndim, "prod")
        result = _prod_last(flatten(input))
        return reshape(result, (1,) * input.ndim) if keepdim else result
    result = _prod_last(movedim(input, dim, -1))
    return unsqueeze(result, dim if dim >= 0 else dim + input.ndim) if keepdim else result


def _tied(x, y, dim):
    """Return (whether each element attains the extreme y, how many do); nan attains nan."""
    x, y = raw(x), raw(_keep(y, x, dim))
    attains = (x == y) | ((x != x) & (y != y))
    return attains, attains.sum(_axes(dim), keepdims=True, dtype=x.dtype)


def _extreme_vjp(g, y, x, dim=None, keepdim=False):
    attains, count = _tied(x, y, dim)
    return where(attains, _keep(g, x, dim) / count, 0.0)


def _some(name, x, dim):
    """Raise ValueError if there is nothing to take an extreme of."""
    if not _count(x, dim):
        over = "it has no elements" if dim is None else f"it has no elements along dim {dim}"
        raise ValueError(f"{name}: no element of input {tuple(x.shape)} is the extreme one: {over}")


@op(_extreme_vjp)
def amax(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the largest element over `dim`; ties share the gradient equally."""
    _some("amax", input, dim)
    return xp(input).amax(input, _axes(dim), keepdims=keepdim)


@op(_extreme_vjp)
def amin(input: TensorLike, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return the smallest element over `dim`; ties share the gradient equally."""
    _some("amin", input, dim)
    return xp(input).amin(input, _axes(dim), keepdims=keepdim)


def argmax(input: TensorLike, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the number of the (first) largest element along `dim`, or in the flattened array: integers."""
    return _place("argmax", input, dim, keepdim)


def _place(name, input, dim, keepdim):
    _some(name, input, dim)
    result = getattr(raw(input), name)(dim, keepdims=keepdim)
    return Tensor(result) if isinstance(input, Tensor) else result


def argmin(input: TensorLike, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the number of the (first) smallest element along `dim`, or in the flattened array: integers."""
    return _place("argmin", input, dim, keepdim)


class Extreme(NamedTuple):
    """The result of max, min, sort and topk along a dim."""

    values: Any
    indices: Any


def _extreme(whole, of_two, place, input, dim, keepdim):
    if dim is None:
        return whole(input)
    if not isinstance(dim, WHOLE):  # max(a, b)
        return of_two(input, dim)
    dim = normal_dim(dim, input.ndim, "max")
    indices = place(input, dim, keepdim=True)
    if input.ndim == 0:
        return Extreme(input, indices)
    values = gather(input, dim, indices)
    return Extreme(values, indices) if keepdim else Extreme(squeeze(values, dim), squeeze(indices, dim))


def max(input: TensorLike, dim: int | TensorLike | None = None, keepdim: bool = False) -> Any:
    """Return the largest element; with a dim, (values, indices), where the first of equals gets the gradient; or of two."""
    return _extreme(amax, maximum, argmax, input, dim, keepdim)


def min(input: TensorLike, dim: int | TensorLike | None = None, keepdim: bool = False) -> Any:
    """Return the smallest element; with a dim, (values, indices), where the first of equals gets the gradient; or of two."""
    return _extreme(amin, minimum, argmin, input, dim, keepdim)


def _cumsum_vjp(g, y, x, dim, dtype=None):
    g = _in_type_of(g, x)
    return flip(cumsum(flip(g, dims=dim), dim=dim), dims=dim) if x.ndim else g


@op(_cumsum_vjp)
def cumsum(input: TensorLike, dim: int, dtype: Any = None) -> Tensor:
    """Return running sums along `dim`."""
    return input.cumsum(dim, dtype=dtype).reshape(input.shape)


def _finite(a):
    return where(xp(raw(a)).isfinite(raw(a)), a, 0.0)


def _log_total(shifted, dim):
    """Return log Σ e^shifted along `dim`, where the largest is 0: log1p of the sum of all but one such, which may be tiny."""
    library = xp(shifted)
    largest = shifted == 0
    e = library.exp(shifted) - largest
    return library.log1p(e.sum(dim, keepdims=True) + (largest.sum(dim, keepdims=True, dtype=e.dtype) - 1))


def _largest(x, dim):
    """Return the largest along `dim`, kept as 1; 0 of no elements."""
    return xp(x).amax(x, dim, keepdims=True) if math.prod(x.shape) else xp(x).zeros(_kept_shape(x.shape, dim), x.dtype)


def _own_dims(x, dim):
    """Return `dim`, or no dimension for an array without any, which PyTorch lets one name 0 or -1."""
    if x.ndim or dim is None:
        return _axes(dim)
    for d in (dim,) if isinstance(dim, WHOLE) else dim:
        normal_dim(d, 0, "a reduction")
    return ()


def _logsumexp_vjp(g, y, x, dim, keepdim=False):
    """Return g e^(x - y). Infinite elements have all of g, in equal parts; where all are -inf, there is none."""
    y = _keep(y, x, dim)
    finite, endless = raw(y) != math.inf, raw(x) == math.inf
    count = endless.sum(_own_dims(x, dim), keepdims=True, dtype=x.dtype)
    parts = where(endless, 1 / where(finite, 1.0, count), 0.0)
    return _keep(g, x, dim) * where(finite, exp(where(finite, x - _finite(y), 0.0)), parts)


@op(_logsumexp_vjp)
def logsumexp(input: TensorLike, dim: Dims, keepdim: bool = False) -> Tensor:
    """Return log Σ e^x over `dim`, exact however large x is."""
    x, dim = floating(input), _own_dims(input, dim)
    top = _finite(_largest(x, dim))
    with np.errstate(divide="ignore", over="ignore"):  # log 0 = -inf where every element is -inf; e^inf
        result = _log_total(x - top, dim) + top
    return result if keepdim else xp(x).squeeze(result, dim)


def _shifted(input, dim, dtype):
    """Return (input as `dtype` less its largest along `dim`, a new array, so that e^ of it cannot overflow; dim)."""
    x, dim = floating(input, dtype), _own_dims(input, dim)
    return xp(x).asarray(x - _largest(x, dim)), dim


def _softmax_vjp(g, y, x, dim, dtype=None):
    """Return y (g - Σ g y). Softmax does not see a constant, so g counts from where y is largest: less cancels."""
    if x.ndim and math.prod(x.shape):
        g = g - gather(g, dim, raw(y).argmax(dim, keepdims=True))
    return _in_type_of(y * (g - sum(g * y, _own_dims(x, dim), True)), x)


@op(_softmax_vjp)
def softmax(input: TensorLike, dim: int, dtype: Any = None) -> Tensor:
    """Return e^x / Σ e^x along `dim`."""
    e, dim = _shifted(input, dim, dtype)
    xp(e).exp(e, out=e)
    e /= e.sum(dim, keepdims=True)
    return e


def _log_softmax_vjp(g, y, x, dim, dtype=None):
    """Return g - e^y Σ g, as g (1 - e^y) - e^y (Σ g - g): where e^y is nearly 1, its difference to 1 is -expm1(y)."""
    others = sum(g, _own_dims(x, dim), True) - g
    return _in_type_of(-(g * expm1(y)) - exp(y) * others, x)


@op(_log_softmax_vjp)
def log_softmax(input: TensorLike, dim: int, dtype: Any = None) -> Tensor:
    """Return x - log Σ e^x along `dim`: the logarithm of softmax, finite where softmax is 0 in float32."""
    shifted, dim = _shifted(input, dim, dtype)
    if math.prod(shifted.shape):
        shifted -= _log_total(shifted, dim)
    return shifted

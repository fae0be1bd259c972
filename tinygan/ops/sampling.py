"""Functions of whole numbers and of chance: embedding, one_hot, dropout, gumbel_softmax, drawing tokens.

`rng` is a numpy.random.Generator, for example `tinygan.backend.stream(seed, "dropout", step)`, or a seed for one; without
it the numbers come from the generator that `tinygan.manual_seed` sets.
Noise is drawn on the CPU and moved to the input's device, so that every device sees the same.
Whether numbers are in their range is not asked on a GPU: it would have to be waited for.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, op, raw
from tinygan.backend import Array, is_numpy, xp
from tinygan.ops.elementwise import floating, where
from tinygan.ops.kernels import sampling as kernels
from tinygan.ops.linalg import matmul, mT
from tinygan.ops.reduce import softmax
from tinygan.ops.shapes import reshape
from tinygan.seeding import Seed, generator

__all__ = [
    "categorical", "dropout", "embedding", "gumbel_softmax", "multinomial", "one_hot",
]  # fmt: skip


def _noise(draw, like):
    """Return numbers drawn by draw(shape, dtype), of the type and on the device of the array `like`."""
    return xp(like).asarray(draw(like.shape, dtype=like.dtype))


# --- whole numbers ---------------------------------------------------------------------------------------------


@op(lambda g, y, x, indices, num, skip: _take_rows(g, indices=indices, skip=skip), kernel=kernels.add_rows)
def _add_rows(x: TensorLike, indices: Array, num: int, skip: int | None) -> Tensor:
    """Return the table (num, D) whose row k is the sum of the rows of x (..., D) with index k; row `skip` stays 0."""
    hot = indices.reshape(-1, 1) == xp(indices).arange(num)  # (rows, num)
    if skip is not None:
        hot = hot & (hot[:, [skip]] == 0)
    return matmul(mT(hot.astype(x.dtype)), reshape(x, (hot.shape[0], x.shape[-1])))


_add_rows.shown = "embedding"


@op(lambda g, y, w, indices, skip: _add_rows(g, indices=indices, num=w.shape[0], skip=skip))
def _take_rows(w, indices, skip):
    """Return the rows of w (V, D) at `indices`; row `skip` gets no gradient."""
    return w.take(indices, axis=0)


_take_rows.shown = "embedding"


def embedding(input: TensorLike, weight: TensorLike, padding_idx: int | None = None) -> Tensor:
    """Return weight[input]: integers (...) and a table (V, D) -> (..., D); row `padding_idx` gets no gradient."""
    indices = raw(input)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"embedding: indices must be integers, got {indices.dtype}: t.long() or array.astype('int64')")
    if is_numpy(indices) and indices.size and (int(indices.min()) < 0 or int(indices.max()) >= weight.shape[0]):
        low, high = int(indices.min()), int(indices.max())
        raise IndexError(f"embedding: indices from {low} to {high}, the table has rows 0 to {weight.shape[0] - 1}")
    skip = None if padding_idx is None else padding_idx % weight.shape[0]
    return _take_rows(weight, indices=indices, skip=skip)


def one_hot(tensor: TensorLike, num_classes: int = -1) -> Tensor:
    """Return, for integers (...), integers (..., num_classes) with a single 1; -1 means the largest + 1."""
    indices = raw(tensor)
    if indices.dtype.kind not in "iu":
        raise TypeError(f"one_hot: indices must be integers, got {indices.dtype}: t.long() or array.astype('int64')")
    if num_classes == -1:
        if not indices.size:
            raise ValueError(f"one_hot: num_classes is needed where there are no indices: they have shape {indices.shape}")
        num_classes = int(indices.max()) + 1
    if is_numpy(indices) and indices.size and (int(indices.min()) < 0 or int(indices.max()) >= num_classes):
        raise ValueError(
            f"one_hot: values from {int(indices.min())} to {int(indices.max())} do not fit {num_classes} classes"
        )
    hot = (indices[..., None] == xp(indices).arange(num_classes)).astype(np.int64)
    return Tensor(hot) if isinstance(tensor, Tensor) else hot


# --- chance ----------------------------------------------------------------------------------------------------


def dropout(
    input: TensorLike, p: float = 0.5, training: bool = True, rng: Seed = None
) -> Tensor:
    """Return input with each element 0 with probability p, otherwise divided by 1 - p. Srivastava et al. 2014."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout: p is a probability, got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return where(xp(raw(input)).zeros(input.shape, bool), input, 0.0)
    data = raw(input)
    keep = xp(data).asarray(generator(rng).random(data.shape, dtype=np.float32) >= p)
    return where(keep, input * (1 / (1 - p)), 0.0)


def _gumbel_noise(shape, dtype, rng):
    tiny = np.finfo(dtype).tiny
    return -np.log(rng.standard_exponential(shape, dtype=dtype) + tiny)  # -log of an exponential is Gumbel


def gumbel_softmax(
    logits: TensorLike, tau: float = 1.0, hard: bool = False, dim: int = -1, rng: Seed = None
) -> Tensor:
    """Return softmax((logits + Gumbel noise) / tau): a differentiable draw of a category. Jang et al. 2017, eq. 2.

    hard: the value is one-hot, and the gradient that of the soft draw (straight through).
    """
    if tau <= 0:
        raise ValueError(f"gumbel_softmax: the temperature tau must be positive, got {tau}")
    rng, logits = generator(rng), floating(logits)
    noise = _noise(lambda shape, dtype: _gumbel_noise(shape, dtype, rng), raw(logits))
    soft = softmax((logits + noise) * (1 / tau), dim)
    if not hard:
        return soft
    data = raw(soft)
    best = data.argmax(dim, keepdims=True)
    places = xp(data).arange(data.shape[dim]).reshape([-1 if d == dim % data.ndim else 1 for d in range(data.ndim)])
    return soft + ((places == best).astype(data.dtype) - data)  # the difference is a constant


@op(kernel=kernels.draw)
def _draw(logits: Array, u: Array) -> Array:
    """Return the first category whose cumulative probability exceeds u: logits (..., V), u (...) in [0, 1) -> integers."""
    ends = softmax(logits, -1).cumsum(-1)  # (..., V)
    categories = (ends <= u[..., None] * ends[..., -1:]).sum(-1)
    return xp(logits).minimum(categories, logits.shape[-1] - 1)


def categorical(logits: TensorLike, rng: Seed = None) -> Any:
    """Draw one category for each row: logits (..., V) -> integers (...), with probabilities softmax(logits).

    Raises ValueError for a row without probabilities: one with nan or inf, or of -inf alone.
    """
    x = floating(raw(logits))
    u = generator(rng).random(math.prod(x.shape[:-1]), dtype=np.float32)
    categories = _draw(x, u=xp(x).asarray(u).astype(x.dtype).reshape(x.shape[:-1]))
    return Tensor(categories) if isinstance(logits, Tensor) else categories


def multinomial(input: TensorLike, num_samples: int, replacement: bool = False, *, rng: Seed = None) -> Any:
    """Draw num_samples categories for each row: probabilities or other weights (..., V) -> integers (..., num_samples).

    Without replacement a category comes once at most. Every category draws a time from an exponential distribution,
    divided by its weight; the earliest win. Of logits, `categorical` draws.
    """
    if not isinstance(num_samples, int | np.integer):
        raise TypeError(f"multinomial: num_samples is an integer, got {num_samples!r}; of logits: categorical(logits, rng)")
    x = raw(input)
    if is_numpy(x):
        _refuse_weights(x, 1 if replacement else num_samples)
    shape = (*x.shape[:-1], num_samples, x.shape[-1]) if replacement else x.shape
    times = xp(x).asarray(generator(rng).standard_exponential(shape))
    with np.errstate(divide="ignore"):
        times = times / (x[..., None, :] if replacement else x)  # weight 0: never
    drawn = times.argmin(-1) if replacement else times.argsort(-1)[..., :num_samples]
    return Tensor(drawn) if isinstance(input, Tensor) else drawn


def _refuse_weights(weights, num_samples):
    """Raise ValueError if not every row (..., V) has finite weights of 0 or more, `num_samples` of them above 0."""
    if not np.isfinite(weights).all() or weights.min(initial=0) < 0:
        raise ValueError(
            "multinomial: weights must be finite and 0 or more; of logits draw with softmax(logits, -1), or with"
            " categorical(logits)"
        )
    least = (weights > 0).sum(-1).min(initial=num_samples)
    if least < num_samples:
        raise ValueError(
            f"multinomial: {num_samples} different categories of a row with {least} weights above 0; draw fewer, or with"
            " replacement=True"
        )

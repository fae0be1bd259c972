"""Losses with PyTorch's names, arguments and meaning: cross-entropies, squared and absolute error, KL divergence.

`reduction` is "mean", "sum" or "none". Whether classes and probabilities are in their range is not asked on a GPU: it would
have to be waited for. The objectives of GANs are made from these in `gan/objectives.py`.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from tinygan import autodiff, remedies
from tinygan.autodiff import Tensor, TensorLike, fused, op, raw
from tinygan.backend import Array, is_numpy, xp
from tinygan.ops import (
    abs,
    clamp,
    exp,
    gather,
    linear,
    log,
    log_softmax,
    logsigmoid,
    mean,
    reshape,
    square,
    squeeze,
    sum,
    where,
)
from tinygan.ops.kernels import linear_loss as kernels


def _reduce(loss: TensorLike, reduction: str) -> Tensor:
    """Return the mean or the sum of loss, or loss itself."""
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")


def _check_same_shape(name: str, input: TensorLike, target: TensorLike) -> None:
    """Raise ValueError unless the shapes of input and target are equal."""
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: input {tuple(input.shape)} and target {tuple(target.shape)} must have the same shape"
        )


def _difference(name: str, input: TensorLike, target: TensorLike) -> Tensor:
    """Return input - target; warn if they have to be broadcast."""
    given, wanted = tuple(input.shape), tuple(target.shape)
    if given != wanted:
        try:
            np.broadcast_shapes(given, wanted)
        except ValueError:
            raise ValueError(f"{name}: input {given} and target {wanted} must have the same shape") from None
        remedies.warn(
            f"{name}: input {given} and target {wanted} are broadcast against each other, which is seldom what is meant:"
            " reshape one of them"
        )
    return input - target


# --- regression ------------------------------------------------------------------------------------------------


def mse_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Return (input - target)²."""
    return _reduce(square(_difference("mse_loss", input, target)), reduction)


def l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean") -> Tensor:
    """Return |input - target|."""
    return _reduce(abs(_difference("l1_loss", input, target)), reduction)


def smooth_l1_loss(input: TensorLike, target: TensorLike, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """Return d²/(2 beta) where d = |input - target| < beta, d - beta/2 elsewhere. Girshick 2015, eq. 3."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    difference = _difference("smooth_l1_loss", input, target)
    distance = abs(difference)
    if beta == 0:
        return _reduce(distance, reduction)
    near = raw(distance) < beta
    parabola = square(where(near, difference, 0.0)) * (0.5 / beta)  # infinity² would make the slope nan
    return _reduce(where(near, parabola, distance - 0.5 * beta), reduction)


# --- two classes -----------------------------------------------------------------------------------------------


def binary_cross_entropy(
    input: TensorLike, target: TensorLike, weight: TensorLike | None = None, reduction: str = "mean"
) -> Tensor:
    """Return -(t log p + (1 - t) log(1 - p)) for probabilities p = input; logarithms are cut at -100, as in PyTorch."""
    _check_same_shape("binary_cross_entropy", input, target)
    if is_numpy(raw(input)) and raw(input).size and not (0 <= raw(input).min() and raw(input).max() <= 1):
        raise ValueError(
            "binary_cross_entropy: input must be probabilities in [0, 1]; use ..._with_logits for other numbers"
        )
    loss = -(target * _log_cut(input) + (1 - target) * _log_of_rest_cut(input))
    return _reduce(loss if weight is None else loss * weight, reduction)


@op(lambda g, y, x: g / clamp(x, 1e-12))
def _log_cut(x):
    with np.errstate(divide="ignore"):  # log 0 is meant to be cut
        return xp(x).maximum(xp(x).log(x), -100)


_log_cut.shown = "log"


@op(lambda g, y, x: -(g / clamp(1 - x, 1e-12)))
def _log_of_rest_cut(x):
    """Return log(1 - x), cut at -100; log1p has the digits of a small x."""
    with np.errstate(divide="ignore"):
        return xp(x).maximum(xp(x).log1p(-x), -100)


_log_of_rest_cut.shown = "log1p"


def binary_cross_entropy_with_logits(
    input: TensorLike, target: TensorLike, weight: TensorLike | None = None, reduction: str = "mean",
    pos_weight: TensorLike | None = None,
) -> Tensor:  # fmt: skip
    """Return -(t log σ(x) + (1 - t) log(1 - σ(x))) for logits x, finite for every x. pos_weight multiplies the first term."""
    _check_same_shape("binary_cross_entropy_with_logits", input, target)
    positive = target if pos_weight is None else target * pos_weight
    loss = -(positive * logsigmoid(input) + (1 - target) * logsigmoid(-input))  # 1 - σ(x) = σ(-x)
    return _reduce(loss if weight is None else loss * weight, reduction)


# --- many classes ----------------------------------------------------------------------------------------------


def nll_loss(
    input: TensorLike, target: TensorLike, weight: TensorLike | None = None, ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:  # fmt: skip
    """Return -input[n, target[n]] for log-probabilities (N, C, ...) and classes (N, ...); "mean" divides by Σ weights."""
    picked, weights = _pick(input, raw(target), weight, ignore_index, "nll_loss")
    return _reduce_weighted(-picked, weights, reduction)


def _pick(input, target, weight, ignore_index, name):
    """Return (input at the target class, weight of each target). Classes are dimension 1, or 0 for a single sample."""
    dim = 0 if input.ndim == 1 else 1
    classes, weights = _check_classes(input.shape, target, weight, ignore_index, name, input.dtype)
    return squeeze(gather(input, dim, xp(classes).expand_dims(classes, dim)), dim), weights


def _check_classes(shape, target, weight, ignore_index, name, dtype):
    """Return (classes, the weight of each) of a target that fits logits of `shape`; both are 0 where it is to be ignored."""
    dim = 0 if len(shape) == 1 else 1
    expected = tuple(n for d, n in enumerate(shape) if d != dim)
    if tuple(target.shape) != expected:
        if tuple(target.shape) == tuple(shape):
            raise TypeError(f"{name}: probabilities of the input's shape must be floating point: target.float()")
        raise ValueError(f"{name}: input {tuple(shape)} needs a target of shape {expected}, got {tuple(target.shape)}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: classes must be integers, got {target.dtype}: target.long() or array.astype('int64')")
    used = target != ignore_index
    classes = xp(target).where(used, target, 0)
    if is_numpy(classes) and classes.size and (int(classes.min()) < 0 or int(classes.max()) >= shape[dim]):
        raise IndexError(f"{name}: classes from {int(classes.min())} to {int(classes.max())}, input has {shape[dim]}")
    weights = used if weight is None else xp(target).where(used, raw(weight)[classes], 0)
    return classes, weights.astype(dtype)


def _reduce_weighted(loss, weights, reduction):
    """Return `_reduce` of loss * weights, but for the mean, which divides by Σ weights; no weight times inf is 0."""
    loss = where(weights == 0, 0.0, loss) * weights
    return _divided(sum(loss), weights) if reduction == "mean" else _reduce(loss, reduction)


def _divided(total, weights):
    """Return total / Σ weights, nan where all targets are ignored: with a gradient of 0 to the input, as in PyTorch."""
    count = weights.sum()
    return where(count == 0, 0.0, total) / xp(weights).where(count == 0, math.nan, count)


def cross_entropy(
    input: TensorLike, target: TensorLike, weight: TensorLike | None = None, ignore_index: int = -100,
    reduction: str = "mean", label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return -log softmax(input)[target] for logits (N, C, ...) and classes (N, ...), or probabilities of input's shape.

    label_smoothing s: the target becomes (1 - s) one-hot + s/C (Szegedy et al. 2016, section 7).
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is in [0, 1], got {label_smoothing}")
    dim = 0 if input.ndim == 1 else 1
    logs, classes = log_softmax(input, dim), input.shape[dim]
    across = [-1 if d == dim else 1 for d in range(input.ndim)]
    per_class = 1.0 if weight is None else raw(weight).reshape(across).astype(input.dtype)
    if raw(target).dtype.kind == "f":
        if target.ndim == input.ndim - 1:
            raise TypeError(
                f"cross_entropy: classes must be integers, got {target.dtype}: target.long() or array.astype('int64')."
                f" Probabilities would have the input's shape, {tuple(input.shape)}"
            )
        _check_same_shape("cross_entropy", input, target)
        smooth = target * (1 - label_smoothing) + label_smoothing / classes
        ruled_out = (raw(smooth) == 0) & (raw(logs) == -math.inf)  # 0 log 0 = 0
        loss = -sum(where(ruled_out, 0.0, logs) * smooth * per_class, dim)
        return _reduce(loss, reduction)
    picked, weights = _pick(logs, raw(target), weight, ignore_index, "cross_entropy")
    if label_smoothing == 0:
        return _reduce_weighted(-picked, weights, reduction)
    loss = -picked * weights * (1 - label_smoothing) - sum(logs * per_class, dim) * (label_smoothing / classes)
    loss = where(raw(target) != ignore_index, loss, 0.0)
    return _divided(sum(loss), weights) if reduction == "mean" else _reduce(loss, reduction)


# --- many classes, straight from a linear layer ----------------------------------------------------------------


@fused(kernels.run, kernels.backward, arity=3)
def _linear_loss(
    input: TensorLike, linear_weight: TensorLike, linear_bias: TensorLike | None,
    target: Array, weights: Array, wanted: tuple[bool, ...],
) -> Tensor:  # fmt: skip
    """Return Σ over n of weights[n] * -log softmax(input @ linear_weightᵀ + linear_bias)[n, target[n]].

    wanted: for which of the three a gradient is needed; the kernel computes these together with the loss.
    """
    logs = log_softmax(linear(input, linear_weight, linear_bias), 1)  # (N, C)
    picked = squeeze(gather(logs, 1, target[:, None]), 1)
    return -sum(where(weights == 0, 0.0, picked) * weights)


_linear_loss.shown = "linear_cross_entropy"


def linear_cross_entropy(
    input: TensorLike, linear_weight: TensorLike, target: TensorLike, *, linear_bias: TensorLike | None = None,
    weight: TensorLike | None = None, reduction: str = "mean", ignore_index: int = -100, label_smoothing: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return cross_entropy(linear(input, linear_weight, linear_bias), target) without ever holding all logits.

    input (N, in) or (in,), linear_weight (C, in), linear_bias (C,), target classes (N,) or (). Soft targets,
    label_smoothing, reduction "none" and a weight (C, ..., in) go through the logits all the same. Raises as `linear` and
    `cross_entropy` do.
    """
    through_logits = raw(target).dtype.kind == "f" or label_smoothing != 0 or reduction not in ("mean", "sum")
    if through_logits or input.ndim != 2 or linear_weight.ndim != 2 or input.shape[1] != linear_weight.shape[1]:
        rows, bias = reshape(linear_weight, (-1, linear_weight.shape[-1])), linear_bias
        logits = linear(input, rows, bias if bias is None else reshape(bias, (-1,)))
        logits = reshape(logits, input.shape[:-1] + linear_weight.shape[:-1])
        return cross_entropy(logits, target, weight, ignore_index, reduction, label_smoothing)
    logits_shape = (input.shape[0], linear_weight.shape[0])
    name = "linear_cross_entropy"
    classes, weights = _check_classes(logits_shape, raw(target), weight, ignore_index, name, input.dtype)
    args = (input, linear_weight, linear_bias)
    record = autodiff.is_grad_enabled()
    wanted = tuple(record and isinstance(a, Tensor) and a.requires_grad for a in args)
    loss = _linear_loss(*args, target=classes, weights=weights, wanted=wanted)
    return _divided(loss, weights) if reduction == "mean" else loss


# --- two distributions -----------------------------------------------------------------------------------------


def kl_div(input: TensorLike, target: TensorLike, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """Return target (log target - input) for log-probabilities `input`; "batchmean" divides the sum by the batch size.

    Where target is 0, so are the loss and its gradients: 0 log 0 = 0, and log 0 of the input too. Where it is negative, nan.
    """
    target = target if raw(target).dtype.kind == "f" else raw(target).astype(input.dtype)
    ruled_out = raw(target) == (-math.inf if log_target else 0)
    target, input = where(ruled_out, 0.0 if log_target else 1.0, target), where(ruled_out, 0.0, input)
    if log_target:
        loss = exp(target) * (target - input)
    else:
        loss = target * (log(where(raw(target) < 0, math.nan, target)) - input)
    loss = where(ruled_out, 0.0, loss)
    if reduction == "batchmean":
        return sum(loss) / (loss.shape[0] or math.nan) if loss.ndim else loss
    return _reduce(loss, reduction)


remedies.watch_functions(globals(), __name__)


if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)

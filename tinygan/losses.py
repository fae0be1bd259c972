"""Losses with PyTorch's names, arguments and meaning: cross-entropies, squared and absolute error, KL divergence.

`reduction` is "mean", "sum" or "none". The objectives of GANs are made from these in `gan/objectives.py`.
"""

import warnings

import numpy as np

from tinygan.autodiff import op, raw
from tinygan.backend import xp
from tinygan.ops import (
    abs,
    clamp,
    exp,
    gather,
    log,
    log_softmax,
    logsigmoid,
    mean,
    square,
    squeeze,
    sum,
    where,
)


def _reduce(loss, reduction):
    if reduction == "mean":
        return mean(loss)
    if reduction == "sum":
        return sum(loss)
    if reduction == "none":
        return loss
    raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")


def _same_shape(name, input, target):
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: input {tuple(input.shape)} and target {tuple(target.shape)} must have the same shape"
        )


def _difference(name, input, target):
    if tuple(input.shape) != tuple(target.shape):
        warnings.warn(
            f"{name}: input {tuple(input.shape)} and target {tuple(target.shape)} are broadcast against each other,"
            " which is seldom what is meant: reshape one of them",
            stacklevel=3,
        )
    return input - target


# --- regression ------------------------------------------------------------------------------------------------


def mse_loss(input, target, reduction="mean"):
    """(input - target)²."""
    return _reduce(square(_difference("mse_loss", input, target)), reduction)


def l1_loss(input, target, reduction="mean"):
    """|input - target|."""
    return _reduce(abs(_difference("l1_loss", input, target)), reduction)


def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """d²/(2 beta) where d = |input - target| < beta, d - beta/2 elsewhere. Girshick 2015, eq. 3."""
    if beta < 0:
        raise ValueError(f"smooth_l1_loss: beta must not be negative, got {beta}")
    distance = abs(_difference("smooth_l1_loss", input, target))
    if beta == 0:
        return _reduce(distance, reduction)
    return _reduce(where(raw(distance) < beta, square(distance) * (0.5 / beta), distance - 0.5 * beta), reduction)


# --- two classes -----------------------------------------------------------------------------------------------


def binary_cross_entropy(input, target, weight=None, reduction="mean"):
    """-(t log p + (1 - t) log(1 - p)) for probabilities p = input; logarithms are cut at -100, as in PyTorch."""
    _same_shape("binary_cross_entropy", input, target)
    if raw(input).size and not (0 <= raw(input).min() and raw(input).max() <= 1):
        raise ValueError(
            "binary_cross_entropy: input must be probabilities in [0, 1]; use ..._with_logits for other numbers"
        )
    loss = -(target * _log_cut(input) + (1 - target) * _log_cut(1 - input))
    return _reduce(loss if weight is None else loss * weight, reduction)


@op(lambda g, y, x: g / clamp(x, 1e-12))
def _log_cut(x):
    with np.errstate(divide="ignore"):  # log 0 is meant to be cut
        return xp(x).maximum(xp(x).log(x), -100)


def binary_cross_entropy_with_logits(input, target, weight=None, reduction="mean", pos_weight=None):
    """-(t log σ(x) + (1 - t) log(1 - σ(x))) for logits x; finite for every x. pos_weight multiplies the first term."""
    _same_shape("binary_cross_entropy_with_logits", input, target)
    positive = target if pos_weight is None else target * pos_weight
    # -log σ(x) = -logsigmoid(x), -log(1 - σ(x)) = x - logsigmoid(x)
    loss = (1 - target) * input - (positive + (1 - target)) * logsigmoid(input)
    return _reduce(loss if weight is None else loss * weight, reduction)


# --- many classes ----------------------------------------------------------------------------------------------


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """-input[n, target[n]] for log-probabilities (N, C, ...) and classes (N, ...); "mean" divides by Σ weights."""
    picked, weights = _picked(input, raw(target), weight, ignore_index, "nll_loss")
    return _weighted(-picked, weights, reduction)


def _picked(input, target, weight, ignore_index, name):
    """(input at the target class, weight of each target): the classes are dimension 1, or 0 for a single sample."""
    dim = 0 if input.ndim == 1 else 1
    expected = tuple(n for d, n in enumerate(input.shape) if d != dim)
    if tuple(target.shape) != expected:
        raise ValueError(
            f"{name}: input {tuple(input.shape)} needs a target of shape {expected}, got {tuple(target.shape)}"
        )
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: classes must be integers, got {target.dtype}")
    used = target != ignore_index
    classes = target * used
    if classes.size and (int(classes.min()) < 0 or int(classes.max()) >= input.shape[dim]):
        raise IndexError(
            f"{name}: classes from {int(classes.min())} to {int(classes.max())}, input has {input.shape[dim]}"
        )
    weights = used.astype(input.dtype) if weight is None else raw(weight)[classes] * used
    return squeeze(gather(input, dim, xp(classes).expand_dims(classes, dim)), dim), weights


def _weighted(loss, weights, reduction):
    loss = loss * weights
    return sum(loss) / weights.sum() if reduction == "mean" else _reduce(loss, reduction)


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """-log softmax(input)[target] for logits (N, C, ...) and classes (N, ...), or probabilities of input's shape.

    label_smoothing s: the target becomes (1 - s) one-hot + s/C (Szegedy et al. 2016, section 7).
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"cross_entropy: label_smoothing is in [0, 1], got {label_smoothing}")
    dim = 0 if input.ndim == 1 else 1
    logs, classes = log_softmax(input, dim), input.shape[dim]
    per_class = 1.0 if weight is None else raw(weight).reshape([-1 if d == dim else 1 for d in range(input.ndim)])
    if raw(target).dtype.kind == "f":
        _same_shape("cross_entropy", input, target)
        wanted = target * (1 - label_smoothing) + label_smoothing / classes
        loss = -sum(logs * wanted * per_class, dim)
        return sum(loss) / max(1, raw(loss).size) if reduction == "mean" else _reduce(loss, reduction)
    picked, weights = _picked(logs, raw(target), weight, ignore_index, "cross_entropy")
    if label_smoothing == 0:
        return _weighted(-picked, weights, reduction)
    used = (raw(target) != ignore_index).astype(input.dtype)
    loss = -picked * weights * (1 - label_smoothing) - sum(logs * per_class, dim) * used * (label_smoothing / classes)
    return sum(loss) / weights.sum() if reduction == "mean" else _reduce(loss, reduction)


def kl_div(input, target, reduction="mean", log_target=False):
    """target (log target - input) for log-probabilities `input`; "batchmean" divides the sum by the batch size."""
    if log_target:
        loss = exp(target) * (target - input)
    else:
        positive = raw(target) > 0  # 0 log 0 = 0
        loss = where(positive, target * log(where(positive, target, 1.0)), 0.0) - target * input
    if reduction == "batchmean":
        return sum(loss) / input.shape[0]
    return _reduce(loss, reduction)

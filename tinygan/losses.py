"""Losses with PyTorch's names, arguments and meaning: cross-entropies, squared and absolute error, KL divergence.

`reduction` is "mean", "sum" or "none". The objectives of GANs are made from these in `gan/objectives.py`.
"""

import math
import warnings

import numpy as np

from tinygan import autodiff
from tinygan.autodiff import Fused, Tensor, op, raw
from tinygan.backend import is_numpy, split_batch, xp
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
    square,
    squeeze,
    sum,
    where,
)
from tinygan.ops.reduce import fits_exp


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
    classes, weights = _checked_classes(input.shape, target, weight, ignore_index, name, input.dtype)
    return squeeze(gather(input, dim, xp(classes).expand_dims(classes, dim)), dim), weights


def _checked_classes(shape, target, weight, ignore_index, name, dtype):
    """(classes, with 0 for those to ignore; weight of each, 0 for those) of a target that fits logits of `shape`."""
    dim = 0 if len(shape) == 1 else 1
    expected = tuple(n for d, n in enumerate(shape) if d != dim)
    if tuple(target.shape) != expected:
        raise ValueError(f"{name}: input {tuple(shape)} needs a target of shape {expected}, got {tuple(target.shape)}")
    if target.dtype.kind not in "iu":
        raise TypeError(f"{name}: classes must be integers, got {target.dtype}")
    used = target != ignore_index
    classes = target * used
    if classes.size and (int(classes.min()) < 0 or int(classes.max()) >= shape[dim]):
        raise IndexError(f"{name}: classes from {int(classes.min())} to {int(classes.max())}, input has {shape[dim]}")
    return classes, used.astype(dtype) if weight is None else raw(weight)[classes] * used


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


# --- many classes, straight from a linear layer ----------------------------------------------------------------


def _linear_loss(input, linear_weight, linear_bias, target, weights, wanted):
    """Σ over n of weights[n] * -log softmax(input @ linear_weightᵀ + linear_bias)[n, target[n]]; the plain way."""
    logs = log_softmax(linear(input, linear_weight, linear_bias), 1)  # (N, C)
    return -sum(squeeze(gather(logs, 1, target[:, None]), 1) * weights)


BLOCK = 320_000  # logits held at once on the CPU: 64 rows of 5000, 1.3 MB. Twice as many take 8 % longer


def _columns(classes, work):
    """How many classes a product takes at once, where each takes `work` multiplications.

    OpenBLAS multiplies small matrices straight from the arrays where a processor has AVX-512 (see `ops.recurrent`): 1280 x
    32 by 5000 in parts of 228 takes 16 ms with all gradients, 18.6 whole. Elsewhere 2 % more; fewer than 100 gain nothing.
    """
    most = 500_000 // work
    return -(-classes // -(-classes // most)) if 100 <= most < classes else max(1, classes)


def _linear_loss_run(x, w, b, target, weights, wanted):
    """The loss, and with it the gradients that are `wanted`: those of the logits are at hand, and need not be stored."""
    library, dtype = xp(x), xp(x).result_type(x, w)
    classes, size = w.shape
    # a column of ones: the products then add the bias and sum its gradient, 1 ms less of 20
    read = library.concatenate((x, library.ones((len(x), 1), x.dtype)), axis=1)
    # 64 rows at least: dw is added to once a block, which at 64,000 classes took a third of the time
    rows = max(64, (BLOCK if is_numpy(x) else 128 * BLOCK) // max(1, classes))
    columns = _columns(classes, rows * (size + 1)) if is_numpy(x) else classes
    parts = -(-classes // columns)
    w_parts = library.zeros((parts, columns, size + 1), dtype)  # [w, b] of each part's classes; at the end zeros
    w_and_b = w_parts.reshape(-1, size + 1)[:classes]
    w_and_b[:, :size] = w
    w_and_b[:, size] = 0 if b is None else b
    w_t, w_parts = w_parts.swapaxes(1, 2).copy(), w_parts[:, :, :size]
    dx = library.empty(x.shape, dtype) if wanted[0] else None

    def some_rows(start, stop):
        held = library.empty((min(rows, stop - start), parts * columns), dtype)
        ones, loss = library.ones(parts * columns, dtype), library.zeros((), dtype)
        dw = library.zeros((parts, columns, size + 1), dtype) if wanted[1] or wanted[2] else None
        for a in range(start, stop, rows):
            block = slice(a, min(a + rows, stop))
            x_n, t_n, e = read[block], target[block], held[: block.stop - a]
            e_parts = e.reshape(len(e), parts, columns).swapaxes(0, 1)  # (parts, rows, columns)
            at_target = library.arange(len(e)), t_n
            library.matmul(x_n, w_t, out=e_parts)
            e[:, classes:] = -math.inf  # no classes
            top = library.amax(e, 1, keepdims=True)
            if not fits_exp(top):
                e -= top
            picked = e[at_target]
            library.exp(e, out=e)
            total = e @ ones  # a third of the time of e.sum(1)
            loss += weights[block] @ (library.log(total) - picked)
            # dloss/dlogits = scale (e - total [at the target]), scale = weight / total: scaling x or dx is cheaper
            e[at_target] -= total
            scale = (weights[block] / total)[:, None]
            if dx is not None:
                library.multiply((e_parts @ w_parts).sum(0), scale, out=dx[block])
            if dw is not None:
                dw += e_parts.swapaxes(1, 2) @ (x_n * scale)
        return loss, dw

    pieces = split_batch(some_rows, x, work=3 * x.size * classes)
    loss, dw = (None if found[0] is None else _total(found) for found in zip(*pieces))
    dw = None if dw is None else dw.reshape(-1, size + 1)[:classes]
    return loss, [dx, dw[:, :size] if wanted[1] else None, dw[:, size] if wanted[2] else None]


def _total(parts):
    """The parts added up."""
    first, *others = parts
    for part in others:
        first = first + part
    return first


def _linear_loss_backward(g, y, saved, need, *args, **const):
    return [g * gradient if n else None for gradient, n in zip(saved, need)]


_fused_linear_loss = Fused(_linear_loss_run, _linear_loss_backward, _linear_loss, arity=3)


def linear_cross_entropy(input, linear_weight, target, *, linear_bias=None, weight=None, reduction="mean",
                         ignore_index=-100, label_smoothing=0.0):  # fmt: skip
    """cross_entropy(linear(input, linear_weight, linear_bias), target), of which the logits are never held all at once.

    input (N, in) or (in,), linear_weight (C, in), linear_bias (C,), target classes (N,) or (). A block of logits is
    turned into its loss and its gradients while it is in the cache: on 1280 x 5000 half the time, and 3 MB in the place
    of 80. Soft targets, label_smoothing and reduction "none" take the plain way. PyTorch's weight of several dimensions
    is not supported. Raises as `linear` and `cross_entropy` do.
    """
    plain = raw(target).dtype.kind == "f" or label_smoothing != 0 or reduction not in ("mean", "sum")
    if plain or input.ndim != 2 or linear_weight.ndim != 2 or input.shape[1] != linear_weight.shape[1]:
        logits = linear(input, linear_weight, linear_bias)
        return cross_entropy(logits, target, weight, ignore_index, reduction, label_smoothing)
    logits_shape = (input.shape[0], linear_weight.shape[0])
    name = "linear_cross_entropy"
    classes, weights = _checked_classes(logits_shape, raw(target), weight, ignore_index, name, input.dtype)
    args = (input, linear_weight, linear_bias)
    record = autodiff.is_grad_enabled()
    wanted = tuple(record and isinstance(a, Tensor) and a.requires_grad for a in args)
    loss = _fused_linear_loss(*args, target=classes, weights=weights, wanted=wanted)
    return loss / weights.sum() if reduction == "mean" else loss


# --- two distributions -----------------------------------------------------------------------------------------


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

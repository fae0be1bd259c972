"""Clipping of gradients: `.grad` of parameters, after `backward()`, or the gradients that `grad` returned."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, xp


def is_finite(array: Array) -> bool:
    """Return whether no element is infinite or nan."""
    return bool(np.isfinite(array).all())


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> Any:
    """Scale the `.grad` of all parameters by one factor, so that their common norm is at most max_norm; return the norm.

    It stands between `loss.backward()` and `optimizer.step()`. The norm returned is that before the scaling. Parameters
    without a `.grad` do not count. norm_type is any power above 0, or math.inf for the largest element. Raises as
    `clip_gradients`, which takes the gradients that `grad` returned.
    """
    owners = _with_grad("clip_grad_norm", parameters, "clip_gradients(grads, max_norm)")
    clipped, norm = _clip_norm("clip_grad_norm", [p.grad for p in owners], max_norm, norm_type)
    for p, g in zip(owners, clipped):
        p.grad = g
    return norm


def clip_gradients(
    grads: Sequence[Array | Tensor], max_norm: float, norm_type: float = 2.0
) -> tuple[tuple[Array, ...], Any]:
    """Return (grads, norm): all gradients times one factor, so that their common norm is at most max_norm.

    The norm returned is that before the scaling. Nothing changes in place. norm_type is any power above 0, or math.inf for
    the largest element. Raises ValueError for a negative max_norm, FloatingPointError for a norm that is not finite; a GPU
    is not asked.
    """
    for g in grads:
        if isinstance(g, Tensor) and g.op is None and g.requires_grad:
            raise TypeError(
                "clip_gradients takes the gradients that grad(loss, params) returned, got a parameter of shape"
                f" {g.shape}: clip_grad_norm(parameters, max_norm) clips their .grad"
            )
    return _clip_norm("clip_gradients", [raw(g) for g in grads], max_norm, norm_type)


def clip_grad_value(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Clip every element of the `.grad` of all parameters to [-clip_value, clip_value]."""
    if not clip_value >= 0:
        raise ValueError(f"clip_grad_value: clip_value must not be negative, got {clip_value}")
    for p in _with_grad("clip_grad_value", parameters, "[g.clip(-value, value) for g in grads]"):
        p.grad = p.grad.clip(-clip_value, clip_value)


def _with_grad(owner: str, parameters: Any, of_gradients: str) -> list[Any]:
    """Return the parameters that have a `.grad`; TypeError for what is no parameter."""
    if hasattr(parameters, "parameters") or callable(parameters):
        raise TypeError(f"{owner} takes parameters, got a {type(parameters).__name__}: pass module.parameters()")
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for p in parameters:
        if not isinstance(p, Tensor) or p.op is not None or (type(p) is Tensor and not p.requires_grad):
            raise TypeError(
                f"{owner} clips the .grad of parameters, got a {type(p).__name__} that is none; to clip the gradients that"
                f" grad(loss, params) returned, write {of_gradients}"
            )
    return [p for p in parameters if p.grad is not None]


def _clip_norm(owner: str, arrays: list[Array], max_norm: float, norm_type: float) -> tuple[tuple[Array, ...], Any]:
    if not max_norm >= 0:
        raise ValueError(f"{owner}: max_norm must not be negative, or gradients would turn round; got {max_norm}")
    if not norm_type > 0:
        raise ValueError(f"{owner}: norm_type is a power above 0 or math.inf, got {norm_type}")
    if not arrays:
        return (), 0.0
    library, norm = xp(arrays[0]), _norm(arrays, norm_type)
    if library is np and not np.isfinite(norm):
        bad = ", ".join(f"{i} {g.shape}" for i, g in enumerate(arrays) if not is_finite(g))
        if bad:
            raise FloatingPointError(f"{owner}: gradient {bad} is not finite; nothing was clipped")
        norm = _norm([g.astype(np.float64) for g in arrays], norm_type)  # squares of 1e20 are beyond float32
    factor = library.minimum(max_norm / (norm + 1e-6), 1.0)
    return tuple((g * factor).astype(g.dtype, copy=False) for g in arrays), norm


def _norm(arrays: list[Array], norm_type: float) -> Any:
    """Return (Σ |g|ⁿ)^(1/n) of all elements, n = norm_type."""
    library = xp(arrays[0])
    if norm_type == math.inf:
        return max((library.abs(g).max() for g in arrays if g.size), default=0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        powers = [(g * g if norm_type == 2 else library.abs(g) ** norm_type).sum() for g in arrays]
        return sum(powers) ** (1 / norm_type)

"""Normalisation: mean 0 and variance 1 over the batch, a sample, a group of channels or a row; vectors of length 1.

`batch_norm`, `instance_norm` and `group_norm` differ only in which elements share a mean, so one op serves them,
`normalize_channels`. `layer_norm` normalises rows. Their bodies here are the textbook forms, a few lines each. Training runs
the kernels of `kernels/norm.py`, which compute the same and the gradients by hand.
"""

import math

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, broadcast_to, cast, fused, raw
from tinygan.backend import Array, xp
from tinygan.ops.elementwise import clamp, rsqrt, square
from tinygan.ops.kernels import norm as kernels
from tinygan.ops.reduce import mean, norm, sum
from tinygan.ops.shapes import WHOLE, normal_dim, normal_dims, reshape

__all__ = ["batch_norm", "cosine_similarity", "group_norm", "instance_norm", "layer_norm", "normalize"]


# --- channels: batch, instance and group normalisation ---------------------------------------------------------


@fused(kernels.normalize_channels, kernels.normalize_channels_backward, arity=3)
def normalize_channels(
    input: TensorLike, weight: TensorLike | None, bias: TensorLike | None,
    groups: int, per_sample: bool, eps: float, running: tuple | None = None,
) -> Tensor:  # fmt: skip
    """Return (x - mean) / √(variance + eps) * weight + bias for input (N, C, ...), weight and bias (C,) or None.

    The mean and the variance are over `groups` groups of neighbouring channels, all positions, and all samples, or each
    sample by itself. running: (running_mean, running_var, momentum); the kernel moves them towards this batch's statistics.
    """
    x = reshape(input, (input.shape[0], groups, input.shape[1] // groups, -1))  # (N, groups, C / groups, positions)
    dims = (2, 3) if per_sample else (0, 2, 3)
    centred = _centred(x, dims)
    normal = centred * rsqrt(mean(square(centred), dims, keepdim=True) + eps)
    return _affine(reshape(normal, input.shape), weight, bias)


normalize_channels.shown = "norm"  # of batch_norm, group_norm and instance_norm


def _centred(x: TensorLike, dims: tuple[int, ...]) -> Tensor:
    """Return x - mean(x). Twice: in float32 the mean of equal numbers is not quite that number."""
    centred = x - mean(x, dims, keepdim=True)
    return centred - mean(centred, dims, keepdim=True)


def _affine(x: TensorLike, weight: TensorLike | None, bias: TensorLike | None) -> Tensor:
    """Return x * weight + bias for each channel of x (N, C, ...); either may be None."""
    column = (-1,) + (1,) * (x.ndim - 2)
    x = x if weight is None else x * reshape(weight, column)
    return x if bias is None else x + reshape(bias, column)


def batch_norm(
    input: TensorLike, running_mean: Array | None, running_var: Array | None, weight: TensorLike | None = None,
    bias: TensorLike | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel of input (N, C, ...) to mean 0 and variance 1, then multiply by weight (C,) and add bias (C,).

    y = (x - E[x]) / √(Var[x] + eps) weight + bias. In training the statistics are the batch's, and the arrays running_mean
    and running_var (None: not kept) move towards them by `momentum`, in place; otherwise those two are used. Raises
    ValueError for one value per channel in training: its variance is 0. Ioffe & Szegedy 2015.
    """
    settings = training, momentum, eps
    return batch_norm_by(normalize_channels, input, running_mean, running_var, weight, bias, *settings)


def batch_norm_by(op, input, running_mean, running_var, weight, bias, training, momentum, eps) -> Tensor:
    """Check the arguments of `batch_norm`; in training return op(input, weight, bias, ...)."""
    if tuple(input.shape) == (0,):  # PyTorch's result: of nothing, nothing
        return input
    _check_channels("batch_norm", input, weight, bias, running_mean, running_var)
    if 0 in input.shape:
        return _affine(input, weight, bias)
    if not training:
        return _with_statistics("batch_norm", input, running_mean, running_var, weight, bias, eps)
    if math.prod(input.shape) <= input.shape[1]:
        raise ValueError(
            f"batch_norm: input {input.shape} has one value for each channel, so no variance to divide by: train on larger"
            " batches, or pass training=False (module.eval())"
        )
    running = _running("batch_norm", running_mean, running_var, momentum)
    return op(input, weight, bias, groups=input.shape[1], per_sample=False, eps=eps, running=running)


def instance_norm(
    input: TensorLike, running_mean: Array | None = None, running_var: Array | None = None,
    weight: TensorLike | None = None, bias: TensorLike | None = None, use_input_stats: bool = True,
    momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each channel of each sample of input (N, C, ...), then multiply by weight (C,) and add bias (C,).

    The running statistics are as in batch_norm, used when not `use_input_stats`. Raises ValueError for one value per
    channel and sample. Ulyanov et al. 2016.
    """
    _check_channels("instance_norm", input, weight, bias, running_mean, running_var)
    if 0 in input.shape:
        return _affine(input, weight, bias)
    if not use_input_stats:
        return _with_statistics("instance_norm", input, running_mean, running_var, weight, bias, eps)
    if math.prod(input.shape[2:]) <= 1:
        raise ValueError(
            f"instance_norm: input {input.shape} has one value for each channel of a sample, so no variance to divide by:"
            " it needs (N, C, ...) with more than one position"
        )
    running = _running("instance_norm", running_mean, running_var, momentum)
    return normalize_channels(input, weight, bias, groups=input.shape[1], per_sample=True, eps=eps, running=running)


def group_norm(
    input: TensorLike, num_groups: int, weight: TensorLike | None = None, bias: TensorLike | None = None,
    eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each of `num_groups` groups of channels of each sample of input (N, C, ...), then apply weight and bias.

    weight and bias are (C,) or None. Raises ValueError unless num_groups divides C. Wu & He 2018.
    """
    _check_channels("group_norm", input, weight, bias)
    if num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: the {input.shape[1]} channels of input {input.shape} do not fall into {num_groups} groups"
        )
    if 0 in input.shape:
        return _affine(input, weight, bias)
    return normalize_channels(input, weight, bias, groups=num_groups, per_sample=True, eps=eps)


def _running(name: str, mean: Array | None, var: Array | None, momentum: float) -> tuple | None:
    """Return the running statistics as the kernel takes them; raise ValueError if there is one without the other."""
    if (mean is None) != (var is None):
        raise ValueError(f"{name}: give running_mean and running_var, or neither")
    return None if mean is None else (raw(mean), raw(var), momentum)


def _check_floating(name: str, input: TensorLike) -> None:
    """Raise TypeError unless input holds numbers with a fraction."""
    if input.dtype.kind != "f":
        raise TypeError(f"{name}: {input.dtype} cannot have mean 0 and variance 1: use input.astype('float32')")


def _check_channels(name: str, input: TensorLike, *vectors: TensorLike | None) -> None:
    """Raise ValueError unless input is (N, C, ...) and each vector (C,) or None; TypeError for integers."""
    _check_floating(name, input)
    if input.ndim < 2:
        raise ValueError(f"{name}: input has shape {input.shape}, it must be (N, C, ...)")
    for vector in vectors:
        if vector is not None and vector.shape != input.shape[1:2]:
            raise ValueError(
                f"{name}: input {input.shape} has {input.shape[1]} channels (its second size), but weight, bias or a"
                f" running statistic has shape {vector.shape}; it must be {input.shape[1:2]}"
            )


def _with_statistics(name, input, mean, var, weight, bias, eps):
    """Return input normalised by given statistics (C,)."""
    if mean is None or var is None:
        raise ValueError(
            f"{name}: running_mean and running_var are needed where the input's own statistics are not used"
        )
    mean, var = raw(mean).copy(), raw(var)  # a copy: training goes on to change the buffer, the graph keeps these numbers
    rstd = 1 / xp(var).sqrt(var + eps)
    scale = rstd if weight is None else weight * rstd
    shift = scale * -mean if bias is None else bias - scale * mean
    return _affine(input, scale, shift)


# --- rows: layer normalisation ---------------------------------------------------------------------------------


@fused(kernels.layer_norm, kernels.layer_norm_backward, arity=3)
def _layer_norm(
    input: TensorLike, weight: TensorLike | None, bias: TensorLike | None, ndim: int, eps: float
) -> Tensor:
    """Return `layer_norm`; `ndim` of the last dimensions are normalised together."""
    dims = tuple(range(-ndim, 0))
    centred = _centred(input, dims)
    normal = centred * rsqrt(mean(square(centred), dims, keepdim=True) + eps)
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias


def layer_norm(
    input: TensorLike, normalized_shape: int | tuple[int, ...], weight: TensorLike | None = None,
    bias: TensorLike | None = None, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """Normalise each sample's last dimensions, of sizes `normalized_shape`, together, then apply weight and bias.

    y = (x - E[x]) / √(Var[x] + eps) weight + bias; weight and bias have normalized_shape, or are None. Ba et al. 2016.
    """
    _check_floating("layer_norm", input)
    shape = (normalized_shape,) if isinstance(normalized_shape, WHOLE) else tuple(normalized_shape)
    if not shape or input.shape[max(0, input.ndim - len(shape)) :] != shape:
        raise ValueError(f"layer_norm: input {input.shape} must end with normalized_shape {shape}")
    for name, vector in (("weight", weight), ("bias", bias)):
        if vector is not None and vector.shape != shape:
            raise ValueError(f"layer_norm: {name} has shape {vector.shape}, it must be normalized_shape {shape}")
    if 0 in input.shape:
        y = input if weight is None else input * weight
        return y if bias is None else y + bias
    return _layer_norm(input, weight, bias, ndim=len(shape), eps=eps)


# --- vectors ---------------------------------------------------------------------------------------------------


def normalize(input: TensorLike, p: float = 2.0, dim: int | tuple[int, ...] = 1, eps: float = 1e-12) -> Tensor:
    """Return input / max(‖input‖ₚ, eps), the norm along `dim`: vectors of length 1."""
    _check_floating("normalize", input)
    dims = normal_dims(dim, input.ndim, "normalize") if input.ndim else None
    return input / clamp(norm(input, p, dims, keepdim=True), min=eps)


def cosine_similarity(x1: TensorLike, x2: TensorLike, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1·x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`, the cosine of the angle between; x1 and x2 broadcast."""
    _check_floating("cosine_similarity", x2 if x2.dtype.kind == "f" else x1)
    x1, x2 = (x if x.dtype.kind == "f" else cast(x, dtype=other.dtype) for x, other in ((x1, x2), (x2, x1)))
    try:
        shape = np.broadcast_shapes(x1.shape, x2.shape)  # a vector's length is that of all its repetitions
    except ValueError:
        raise ValueError(f"cosine_similarity: shapes {x1.shape} and {x2.shape} do not broadcast") from None
    dim = normal_dim(dim, len(shape), "cosine_similarity")
    x1, x2 = (x if x.shape == shape else broadcast_to(x, shape=shape) for x in (x1, x2))
    return sum(_of_length_1(x1, dim, eps) * _of_length_1(x2, dim, eps), dim)


def _of_length_1(x: TensorLike, dim: int, eps: float) -> Tensor:
    """Return x / max(‖x‖, eps). Below eps too its slope is that of x / ‖x‖, as in PyTorch's cosine, unlike `normalize`."""
    length = norm(x, 2, dim, keepdim=True)
    return x / (length + (eps - raw(length)).clip(0))

"""Normalisation: mean 0 and variance 1 over the batch, a sample, a group of channels or a row; vectors of length 1.

`batch_norm`, `instance_norm` and `group_norm` differ only in which elements share a mean, so one fast path serves them,
`normalize_channels`; `layer_norm` has its own. Read their textbook forms, made of ops, first: each is a few lines, and the
gradients that the fast paths compute by hand are held equal to theirs.

Images are N C H W in shape and channels-last in memory: then a channel is a column of a matrix (rows, C), and a sum over
each column is a product with a row of ones, 5 times faster than sum(0). The output is channels-last as well.
"""

import math

from tinygan.autodiff import Fused, raw
from tinygan.backend import is_numpy, xp
from tinygan.ops.elementwise import abs, clamp, pow, rsqrt, sqrt, square
from tinygan.ops.reduce import amax, mean, sum
from tinygan.ops.shape import reshape

__all__ = ["batch_norm", "cosine_similarity", "group_norm", "instance_norm", "layer_norm", "normalize"]

# Elements that are worked on at a time: half a megabyte, which the cache holds. Measured on 64 x 64 x 14 x 14: 1.26 ms
# forward, 1.54 with blocks of an eighth of that.
BLOCK = 1 << 17


# --- channels: batch, instance and group normalisation ---------------------------------------------------------


def normalize_channels(input, weight, bias, groups, per_sample, eps, running=None):
    """(x - mean) / √(variance + eps) * weight + bias for input (N, C, ...), weight and bias (C,) or None.

    The mean and the variance are over `groups` groups of neighbouring channels, all positions, and all samples, or each
    sample by itself. running: (running_mean, running_var, momentum), to be moved towards this batch's statistics.
    """
    x = reshape(input, (input.shape[0], groups, input.shape[1] // groups, -1))  # (N, groups, C / groups, positions)
    dims = (2, 3) if per_sample else (0, 2, 3)
    centred = x - mean(x, dims, keepdim=True)
    normal = centred * rsqrt(mean(square(centred), dims, keepdim=True) + eps)
    return _affine(reshape(normal, input.shape), weight, bias)


def _affine(x, weight, bias):
    """x * weight + bias for each channel of x (N, C, ...); either may be None."""
    column = (-1,) + (1,) * (x.ndim - 2)
    x = x if weight is None else x * reshape(weight, column)
    return x if bias is None else x + reshape(bias, column)


def _rows(x, per_sample):
    """(N, C, ...) -> (samples, rows, C): each sample by itself, or the whole batch as one. A view of channels-last memory."""
    library = xp(x)
    x = library.ascontiguousarray(library.moveaxis(x, 1, -1))
    return x.reshape(len(x) if per_sample else 1, -1, x.shape[-1])


def _unrows(rows, shape):
    """The inverse of _rows: (N, C, ...), channels-last in memory."""
    return xp(rows).moveaxis(rows.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def _blocks(x):
    """The parts of x (samples, rows, C) to work on one after another: (slice of samples, slice of rows)."""
    samples, rows, channels = x.shape
    everything = slice(None)
    if not is_numpy(x) or x.size <= BLOCK:
        return [(everything, everything)]
    if samples > 1:
        step = max(1, BLOCK // (rows * channels))
        return [(slice(i, i + step), everything) for i in range(0, samples, step)]
    step = max(1, BLOCK // channels)
    return [(everything, slice(i, i + step)) for i in range(0, rows, step)]


def _column_sums(x):
    """(samples, rows, C) -> (samples, C)."""
    return xp(x).ones(x.shape[1], x.dtype) @ x


def _over_groups(sums, groups):
    """Each channel's sum (samples, C) replaced by the mean over the channels of its group."""
    samples, channels = sums.shape
    if groups == channels:
        return sums
    means = sums.reshape(samples, groups, -1).sum(2, keepdims=True) / (channels // groups)
    return xp(sums).broadcast_to(means, (samples, groups, channels // groups)).reshape(samples, channels)


def _channels_run(input, weight, bias, groups, per_sample, eps, running=None):
    library, x = xp(input), _rows(input, per_sample)
    blocks, rows = _blocks(x), x.shape[1]
    mean = _over_groups(_column_sums(x), groups) / rows  # (samples, C)
    var = library.zeros_like(mean)
    for at in blocks:
        centred = x[at] - mean[at[0], None]  # two passes: the mean of squares less the squared mean cancels in float32
        centred *= centred
        var[at[0]] += _column_sums(centred)
    var = _over_groups(var, groups) / rows
    if running is not None:
        _move(running, mean, var, rows)
    rstd = 1 / library.sqrt(var + eps)
    scale = rstd if weight is None else rstd * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    y = library.empty_like(x)
    for at in blocks:
        part = library.multiply(x[at], scale[at[0], None], out=y[at])
        part += shift[at[0], None]
    return _unrows(y, input.shape), (x, mean, rstd)


def _channels_backward(g, y, saved, need, input, weight, bias, groups, per_sample, eps, running=None):
    (x, mean, rstd), library, g = saved, xp(input), _rows(g, per_sample)
    blocks, rows = _blocks(x), x.shape[1]
    d_bias, d_weight = library.zeros_like(mean), library.zeros_like(mean)  # of each sample
    for at in blocks:
        along = x[at] - mean[at[0], None]
        along *= g[at]
        d_weight[at[0]] += _column_sums(along)
        d_bias[at[0]] += _column_sums(g[at])
    d_weight *= rstd  # Σ g x̂ with x̂ = (x - mean) / std
    dx = None
    if need[0]:  # dx = (w g - mean(w g) - x̂ mean(w g x̂)) / std, gathered into a g + b x + c
        w = 1 if weight is None else weight
        a = rstd * w
        b = -rstd * rstd * _over_groups(w * d_weight, groups) / rows
        c = -b * mean - rstd * _over_groups(w * d_bias, groups) / rows
        dx = library.empty_like(x)
        for at in blocks:
            part = library.multiply(g[at], a[at[0], None], out=dx[at])
            part += x[at] * b[at[0], None]
            part += c[at[0], None]
        dx = _unrows(dx, input.shape)
    return [gradient if needed else None for needed, gradient in zip(need, (dx, d_weight.sum(0), d_bias.sum(0)))]


def _move(running, mean, var, count):
    """Running statistics moved towards those of this batch: running <- (1 - momentum) running + momentum new, in place."""
    running_mean, running_var, momentum = running
    for average, new in ((running_mean, mean), (running_var, var * (count / max(count - 1, 1)))):  # unbiased variance
        average *= 1 - momentum
        average += (momentum / len(new)) * new.sum(0)


normalize_channels = Fused(_channels_run, _channels_backward, normalize_channels, arity=3)


def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    """Each channel of input (N, C, ...) to mean 0 and variance 1, then times weight (C,) plus bias (C,).

    y = (x - E[x]) / √(Var[x] + eps) weight + bias. In training the statistics are the batch's, and the arrays running_mean
    and running_var (None: not kept) move towards them by `momentum`, in place; otherwise those two are used. Raises
    ValueError for one value per channel in training: its variance is 0. Ioffe & Szegedy 2015.
    """
    _check_channels("batch_norm", input, weight, bias, running_mean, running_var)
    if not training:
        return _with_statistics("batch_norm", input, running_mean, running_var, weight, bias, eps)
    if math.prod(input.shape) <= input.shape[1]:
        raise ValueError(
            f"batch_norm: input {input.shape} has one value for each channel, so no variance to divide by: train on larger"
            " batches, or pass training=False (module.eval())"
        )
    running = None if running_mean is None else (raw(running_mean), raw(running_var), momentum)
    return normalize_channels(input, weight, bias, groups=input.shape[1], per_sample=False, eps=eps, running=running)


def instance_norm(
    input, running_mean=None, running_var=None, weight=None, bias=None, use_input_stats=True, momentum=0.1, eps=1e-5
):
    """Each channel of each sample of input (N, C, ...) to mean 0 and variance 1, then times weight (C,) plus bias (C,).

    The running statistics are as in batch_norm, used when not `use_input_stats`. Raises ValueError for one value per
    channel and sample. Ulyanov et al. 2016.
    """
    _check_channels("instance_norm", input, weight, bias, running_mean, running_var)
    if not use_input_stats:
        return _with_statistics("instance_norm", input, running_mean, running_var, weight, bias, eps)
    if math.prod(input.shape[2:]) <= 1:
        raise ValueError(
            f"instance_norm: input {input.shape} has one value for each channel of a sample, so no variance to divide by:"
            " it needs (N, C, ...) with more than one position"
        )
    running = None if running_mean is None else (raw(running_mean), raw(running_var), momentum)
    return normalize_channels(input, weight, bias, groups=input.shape[1], per_sample=True, eps=eps, running=running)


def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Each of `num_groups` groups of channels of each sample of input (N, C, ...) to mean 0 and variance 1, then affine.

    weight and bias are (C,) or None. Raises ValueError unless num_groups divides C. Wu & He 2018.
    """
    _check_channels("group_norm", input, weight, bias)
    if num_groups < 1 or input.shape[1] % num_groups:
        raise ValueError(
            f"group_norm: the {input.shape[1]} channels of input {input.shape} make no {num_groups} groups"
        )
    return normalize_channels(input, weight, bias, groups=num_groups, per_sample=True, eps=eps)


def _check_channels(name, input, *vectors):
    if input.ndim < 2:
        raise ValueError(f"{name}: input has shape {input.shape}, it must be (N, C, ...)")
    for vector in vectors:
        if vector is not None and vector.shape != input.shape[1:2]:
            raise ValueError(
                f"{name}: input {input.shape} has {input.shape[1]} channels (its second size), but weight, bias or a"
                f" running statistic has shape {vector.shape}; it must be {input.shape[1:2]}"
            )


def _with_statistics(name, input, mean, var, weight, bias, eps):
    """Normalised by given statistics (C,)."""
    if mean is None or var is None:
        raise ValueError(
            f"{name}: running_mean and running_var are needed where the input's own statistics are not used"
        )
    mean, var = (
        raw(mean).copy(),
        raw(var),
    )  # a copy: training goes on to change the buffer, the graph keeps these numbers
    rstd = 1 / xp(var).sqrt(var + eps)
    scale = rstd if weight is None else weight * rstd
    shift = scale * -mean if bias is None else bias - scale * mean
    return _affine(input, scale, shift)


# --- rows: layer normalisation ---------------------------------------------------------------------------------


def _layer_norm(input, weight, bias, ndim, eps):
    """See layer_norm; `ndim` is how many of the last dimensions are normalised together."""
    dims = tuple(range(-ndim, 0))
    centred = input - mean(input, dims, keepdim=True)
    normal = centred * rsqrt(mean(square(centred), dims, keepdim=True) + eps)
    normal = normal if weight is None else normal * weight
    return normal if bias is None else normal + bias


def _layer_run(input, weight, bias, ndim, eps):
    library, size = xp(input), math.prod(input.shape[input.ndim - ndim :])
    x = input.reshape(-1, size)
    ones = library.ones((size, 1), x.dtype)
    normal = x - x @ ones / size
    rstd = 1 / library.sqrt((normal * normal) @ ones / size + eps)  # (rows, 1)
    normal *= rstd
    y = normal.copy() if weight is None else normal * weight.reshape(size)
    if bias is not None:
        y += bias.reshape(size)
    return y.reshape(input.shape), (normal, rstd)


def _layer_backward(g, y, saved, need, input, weight, bias, ndim, eps):
    (normal, rstd), library = saved, xp(input)
    (rows, size), shape = normal.shape, input.shape[input.ndim - ndim :]
    g = g.reshape(rows, size)
    column, row = library.ones((size, 1), g.dtype), library.ones(rows, g.dtype)
    dx = d_weight = d_bias = None
    if need[1]:
        d_weight = (row @ (g * normal)).reshape(shape)
    if need[2]:
        d_bias = (row @ g).reshape(shape)
    if need[0]:  # dx = (w g - mean(w g) - x̂ mean(w g x̂)) / std
        g = g if weight is None else g * weight.reshape(size)
        dx = normal * ((g * normal) @ column / -size)
        dx += g
        dx -= g @ column / size
        dx *= rstd
        dx = dx.reshape(input.shape)
    return [dx, d_weight, d_bias]


_layer_norm = Fused(_layer_run, _layer_backward, _layer_norm, arity=3)


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Each sample's last dimensions, of sizes `normalized_shape`, together to mean 0 and variance 1, then affine.

    y = (x - E[x]) / √(Var[x] + eps) weight + bias; weight and bias have normalized_shape, or are None. Ba et al. 2016.
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or input.shape[max(0, input.ndim - len(shape)) :] != shape:
        raise ValueError(f"layer_norm: input {input.shape} must end with normalized_shape {shape}")
    for what, vector in (("weight", weight), ("bias", bias)):
        if vector is not None and vector.shape != shape:
            raise ValueError(f"layer_norm: {what} has shape {vector.shape}, it must be normalized_shape {shape}")
    return _layer_norm(input, weight, bias, ndim=len(shape), eps=eps)


# --- vectors ---------------------------------------------------------------------------------------------------


def _norm(x, p, dim, eps):
    """max(‖x‖ₚ, eps) along `dim`, which stays as 1. The root is taken of what is clamped: at x = 0 its slope is finite."""
    if p == math.inf:
        return clamp(amax(abs(x), dim, keepdim=True), min=eps)
    if p == 2:
        return sqrt(clamp(sum(square(x), dim, keepdim=True), min=eps * eps))
    if p == 1:
        return clamp(sum(abs(x), dim, keepdim=True), min=eps)
    smallest = max(eps**p, float(xp(raw(x)).finfo(x.dtype).tiny))
    return pow(clamp(sum(pow(abs(x), p), dim, keepdim=True), min=smallest), 1 / p)


def normalize(input, p=2.0, dim=1, eps=1e-12):
    """input / max(‖input‖ₚ, eps), the norm along `dim`: vectors of length 1."""
    return input / _norm(input, p, dim, eps)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """x1·x2 / (max(‖x1‖, eps) max(‖x2‖, eps)) along `dim`, the cosine of the angle between; x1 and x2 broadcast."""
    ndim = max(x1.ndim, x2.ndim)
    dim = dim % ndim - ndim  # counted from the back it means the same in both
    x1, x2 = (reshape(x, (1,) * (ndim - x.ndim) + tuple(x.shape)) for x in (x1, x2))
    return sum(x1 / _norm(x1, 2, dim, eps) * (x2 / _norm(x2, 2, dim, eps)), dim)

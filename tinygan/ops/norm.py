"""Normalisation: mean 0 and variance 1 over the batch, a sample, a group of channels or a row; vectors of length 1.

`batch_norm`, `instance_norm` and `group_norm` differ only in which elements share a mean, so one fast path serves them,
`normalize_channels`; `layer_norm` has its own. Read their textbook forms, made of ops, first: each is a few lines, and the
gradients that the fast paths compute by hand are held equal to theirs.

Images are N C H W in shape and channels-last in memory: then a channel is a column of a matrix (rows, C), and a sum over
each column is a product with a row of ones, 5 times faster than sum(0). The output is channels-last as well.
"""

import math

from tinygan.autodiff import Fused, raw
from tinygan.backend import is_numpy, split_batch, xp
from tinygan.ops.elementwise import abs, clamp, gate, leaky_relu, pow, rectify, rsqrt, sqrt, square
from tinygan.ops.reduce import amax, mean, sum
from tinygan.ops.shape import reshape

__all__ = ["batch_norm", "cosine_similarity", "group_norm", "instance_norm", "layer_norm", "normalize"]

# Elements that are worked on at a time: a quarter of a megabyte, which the cache holds with what is computed from it.
BLOCK = 1 << 16
ROW = 2048  # and this many in a row, see _matrix


# --- channels: batch, instance and group normalisation ---------------------------------------------------------


def normalize_channels(input, weight, bias, groups, per_sample, eps, running=None, slope=None):
    """(x - mean) / √(variance + eps) * weight + bias for input (N, C, ...), weight and bias (C,) or None.

    The mean and the variance are over `groups` groups of neighbouring channels, all positions, and all samples, or each
    sample by itself. running: (running_mean, running_var, momentum), to be moved towards this batch's statistics. slope:
    leaky ReLU comes last.
    """
    x = reshape(input, (input.shape[0], groups, input.shape[1] // groups, -1))  # (N, groups, C / groups, positions)
    dims = (2, 3) if per_sample else (0, 2, 3)
    centred = x - mean(x, dims, keepdim=True)
    normal = centred * rsqrt(mean(square(centred), dims, keepdim=True) + eps)
    y = _affine(reshape(normal, input.shape), weight, bias)
    return y if slope is None else leaky_relu(y, slope)


def _affine(x, weight, bias):
    """x * weight + bias for each channel of x (N, C, ...); either may be None."""
    column = (-1,) + (1,) * (x.ndim - 2)
    x = x if weight is None else x * reshape(weight, column)
    return x if bias is None else x + reshape(bias, column)


# The fast path works on x as a matrix for each sample, (samples, rows, width), `samples` being 1 if all of the batch share
# their statistics. A row holds the channels of k neighbouring positions, width = k C: NumPy is slow at combining a vector
# with short rows. A row of 2048 times one vector plus another takes 0.30 ms for 64 channels of 64 x 14 x 14, rows of 512
# take 0.44 (`prime_malloc` has NumPy take 2048 elements at a time). Statistics and coefficients are (samples, C).


def _matrix(x, per_sample):
    """(N, C, ...) -> (samples, rows, width), a view if the memory is channels-last."""
    library, channels = xp(x), x.shape[1]
    positions = math.prod(x.shape[2:]) * (1 if per_sample else len(x))
    x = library.ascontiguousarray(library.moveaxis(x, 1, -1))
    wanted = ROW // channels if x.size > BLOCK // 4 else 1  # for a small x the vectors would cost more than they save
    k = math.gcd(positions, 1 << max(0, wanted.bit_length() - 1))  # a power of two that divides them
    return x.reshape(len(x) if per_sample else 1, positions // k, k * channels)


def _image(matrix, shape):
    """The inverse of _matrix: (N, C, ...), channels-last in memory."""
    return xp(matrix).moveaxis(matrix.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def _blocks(x):
    """Parts of x (samples, rows, width) to work on one after another, some samples or, of a single one, some rows."""
    samples, rows, width = x.shape
    everything = slice(None)
    if not is_numpy(x) or x.size <= BLOCK:
        return [(everything, everything)]
    if samples > 1:
        step = max(1, BLOCK // (rows * width))
        return [(slice(i, i + step), everything) for i in range(0, samples, step)]
    step = max(1, BLOCK // width)
    return [(everything, slice(i, i + step)) for i in range(0, rows, step)]


def _each_block(x, function):
    """[function(block, scratch) for every block of x], shared by the cores if x is large; scratch has a block's shape."""
    blocks = _blocks(x)

    def some_blocks(start, stop):
        # One scratch array for all blocks stays in the cache: a variance takes 0.28 ms, with a new array each time 0.39.
        scratch, results = xp(x).empty_like(x[blocks[start]]), []
        for at in blocks[start:stop]:
            samples, rows, _ = x[at].shape
            results.append(function(at, scratch[:samples, :rows]))
        return results

    return [result for part in split_batch(some_blocks, blocks, work=100 * x.size) for result in part]


def _channel_sums(x, g, channels, prepare=None):
    """(Σ g, Σ g x), each (samples, C): over the rows of x and g (samples, rows, width), after prepare(block)."""

    def sums(at, _):
        if prepare is not None:
            prepare(at)
        rows = g[at]
        # a product with ones takes a quarter of rows.sum(1), and einsum writes no g x down, which would take as long
        return library.ones(rows.shape[1], x.dtype) @ rows, library.einsum("srw,srw->sw", rows, x[at])

    library, totals = xp(x), xp(x).zeros((2, len(x), x.shape[2]), x.dtype)
    for at, found in zip(_blocks(x), _each_block(x, sums)):  # in the order of the blocks: threads change no bit of it
        for total, part in zip(totals, found):
            total[at[0]] += part
    return totals.reshape(2, len(x), x.shape[2] // channels, channels).sum(2)


def _along_rows(v, width):
    """(samples, C) -> (samples, 1, width), to be combined with the rows of x."""
    samples, channels = v.shape
    return v[:, None].repeat(width // channels, 1).reshape(samples, 1, width)


def _over_groups(sums, groups):
    """Each channel's sum (samples, C) replaced by the mean over the channels of its group."""
    samples, channels = sums.shape
    if groups == channels:
        return sums
    apart = (samples, groups, channels // groups)
    means = sums.reshape(apart).sum(2, keepdims=True) / apart[2]
    return xp(sums).broadcast_to(means, apart).reshape(samples, channels)


def _channels_run(input, weight, bias, groups, per_sample, eps, running=None, slope=None):
    library, x, channels = xp(input), _matrix(input, per_sample), input.shape[1]
    mean, var = _moments(x, channels, groups)
    moved_by = 0
    # mean(x²) - mean² cancels: to 2e-5 of y in float32 if the mean is 4 deviations. If it is more, move x to 0 first.
    if not is_numpy(x) or (mean * mean > 16 * var).any():
        moved_by, x = mean, x - _along_rows(mean, x.shape[2])
        mean, var = _moments(x, channels, groups)
    if running is not None:
        _move(running, mean + moved_by, var, x.shape[1] * x.shape[2] // channels)
    rstd = 1 / library.sqrt(var + eps)
    scale = rstd if weight is None else rstd * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    scale, shift = _along_rows(scale, x.shape[2]), _along_rows(shift, x.shape[2])
    y = library.empty_like(x)

    def scaled(at, scratch):
        part = library.multiply(x[at], scale[at[0]], out=y[at])
        part += shift[at[0]]
        if slope is not None:
            rectify(part, slope, scratch)

    _each_block(x, scaled)
    return _image(y, input.shape), (x, mean, rstd)


def _moments(x, channels, groups):
    """Mean and variance (samples, C) of x (samples, rows, width), each of them over a group of channels."""
    count = x.shape[1] * x.shape[2] // channels
    mean, square = (_over_groups(sums, groups) / count for sums in _channel_sums(x, x, channels))
    return mean, square - mean * mean


def _channels_backward(g, y, saved, need, input, weight, bias, groups, per_sample, eps, running=None, slope=None):
    (x, mean, rstd), library, g, channels = saved, xp(input), _matrix(g, per_sample), input.shape[1]
    width, y = x.shape[2], _matrix(y, per_sample)
    dx = library.empty_like(x)
    # The gradient before leaky ReLU waits in dx; each block of it is read once more as dx is written there.
    before = g if slope is None else dx

    prepare = None if slope is None else lambda at: gate(dx[at], g[at], y[at], slope)
    d_bias, d_weight = _channel_sums(x, before, channels, prepare)
    d_weight = (d_weight - mean * d_bias) * rstd  # Σ g x̂ with x̂ = (x - mean) / std, for each sample
    if need[0]:  # dx = (w g - mean(w g) - x̂ mean(w g x̂)) / std, gathered into a g + b x + c
        count, w = x.shape[1] * width // channels, 1 if weight is None else weight
        a = rstd * w
        b = -rstd * rstd * _over_groups(w * d_weight, groups) / count
        c = -b * mean - rstd * _over_groups(w * d_bias, groups) / count
        a, b, c = (_along_rows(v, width) for v in (a, b, c))

        def gathered(at, scratch):
            part = library.multiply(before[at], a[at[0]], out=dx[at])
            part += library.multiply(x[at], b[at[0]], out=scratch)
            part += c[at[0]]

        _each_block(x, gathered)
    gradients = _image(dx, input.shape), d_weight.sum(0), d_bias.sum(0)
    return [gradient if needed else None for needed, gradient in zip(need, gradients, strict=True)]


def _move(running, mean, var, count):
    """Running statistics moved towards those of this batch: running <- (1 - momentum) running + momentum new, in place."""
    running_mean, running_var, momentum = running
    for average, new in ((running_mean, mean), (running_var, var * (count / max(count - 1, 1)))):  # unbiased variance
        average *= 1 - momentum
        average += (momentum / len(new)) * new.sum(0)


normalize_channels = Fused(_channels_run, _channels_backward, normalize_channels, arity=3)


def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5,
    negative_slope=None,
):  # fmt: skip
    """Each channel of input (N, C, ...) to mean 0 and variance 1, then times weight (C,) plus bias (C,).

    y = (x - E[x]) / √(Var[x] + eps) weight + bias. In training the statistics are the batch's, and the arrays running_mean
    and running_var (None: not kept) move towards them by `momentum`, in place; otherwise those two are used.
    negative_slope: leaky ReLU comes last, within the same pass over memory (0: ReLU). Raises ValueError for one value per
    channel in training: its variance is 0. Ioffe & Szegedy 2015.
    """
    _check_channels("batch_norm", input, weight, bias, running_mean, running_var)
    if not training:
        y = _with_statistics("batch_norm", input, running_mean, running_var, weight, bias, eps)
        return y if negative_slope is None else leaky_relu(y, negative_slope)
    if math.prod(input.shape) <= input.shape[1]:
        raise ValueError(
            f"batch_norm: input {input.shape} has one value for each channel, so no variance to divide by: train on larger"
            " batches, or pass training=False (module.eval())"
        )
    running = None if running_mean is None else (raw(running_mean), raw(running_var), momentum)
    return normalize_channels(
        input, weight, bias, groups=input.shape[1], per_sample=False, eps=eps, running=running, slope=negative_slope
    )


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


def _row_blocks(x):
    """Slices of the rows of x (rows, size) to work on one after another."""
    step = max(1, BLOCK // 2 // x.shape[1]) if is_numpy(x) else len(x)
    return [slice(i, i + step) for i in range(0, len(x), step)]


def _layer_run(input, weight, bias, ndim, eps):
    library, size = xp(input), math.prod(input.shape[input.ndim - ndim :])
    x = input.reshape(-1, size)
    ones, y = library.ones((size, 1), x.dtype), library.empty_like(x)
    mean = x @ ones / size  # (rows, 1)
    rstd = library.empty_like(mean)
    for at in _row_blocks(x):
        part = library.subtract(x[at], mean[at], out=y[at])
        rstd[at] = 1 / library.sqrt((part * part) @ ones / size + eps)
        part *= rstd[at]
        if weight is not None:
            part *= weight.reshape(size)
        if bias is not None:
            part += bias.reshape(size)
    return y.reshape(input.shape), (x, mean, rstd)


def _layer_backward(g, y, saved, need, input, weight, bias, ndim, eps):
    (x, mean, rstd), library, shape = saved, xp(input), input.shape[input.ndim - ndim :]
    size, g = x.shape[1], g.reshape(x.shape)
    d_weight, d_bias = library.zeros((2, size), x.dtype)
    dx = library.empty_like(x) if need[0] else None
    column = library.ones((size, 1), x.dtype)
    for at in _row_blocks(x):
        g_part = g[at]
        row = library.ones(len(g_part), x.dtype)
        normal = x[at] - mean[at]
        normal *= rstd[at]
        along = g_part * normal
        d_weight += row @ along
        d_bias += row @ g_part
        if need[0]:  # dx = (w g - mean(w g) - x̂ mean(w g x̂)) / std
            if weight is not None:
                g_part = g_part * weight.reshape(size)
                along *= weight.reshape(size)
            normal *= along @ column / size
            part = library.subtract(g_part, normal, out=dx[at])
            part -= g_part @ column / size
            part *= rstd[at]
    gradients = (dx if dx is None else dx.reshape(input.shape), d_weight.reshape(shape), d_bias.reshape(shape))
    return [gradient if needed else None for needed, gradient in zip(need, gradients, strict=True)]


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

"""Normalisation in blocks, with gradients by hand: for the textbook forms, see `ops/normalisation.py`.

Images are N C H W in shape and channels-last in memory. A channel is then a column of a matrix (rows, C), and a sum over
each column is a product with a row of ones, 5 times faster than sum(0). Results are channels-last as well.

The kernels for channels see x as a matrix for each sample, (samples, rows, width); `samples` is 1 if the whole batch shares
its statistics. NumPy is slow at combining a vector with short rows, so a row holds the channels of k neighbouring positions,
width = k C: rows of 2048 take two thirds of the time of rows of 512. Statistics and coefficients are (samples, C).
"""

import math
from typing import Any

import numpy as np

from tinygan.backend import is_numpy, xp
from tinygan.ops.kernels import cuda
from tinygan.ops.kernels.elementwise import gate, rectify
from tinygan.threads import split_batch

# Elements in a block: a quarter of a megabyte, which the cache holds with what is computed from it.
BLOCK = 1 << 16
ROW = 2048  # elements in a row; `prime_malloc` has NumPy take as many at a time

# --- channels: batch, instance and group normalisation ---------------------------------------------------------


def _matrix(x, per_sample):
    """Return x (N, C, ...) as (samples, rows, width): a view if the memory is channels-last."""
    library, channels = xp(x), x.shape[1]
    positions = math.prod(x.shape[2:]) * (1 if per_sample else len(x))
    x = library.ascontiguousarray(library.moveaxis(x, 1, -1))
    long = is_numpy(x) and x.size > BLOCK // 4  # for a small x the vectors would cost more than they save
    most = ROW // channels if long else 1
    k = math.gcd(positions, 1 << max(0, most.bit_length() - 1))  # a power of two that divides the positions
    return x.reshape(len(x) if per_sample else 1, positions // k, k * channels)


def _image(matrix, shape):
    """Return the inverse of _matrix: (N, C, ...), channels-last in memory."""
    return xp(matrix).moveaxis(matrix.reshape(shape[0], *shape[2:], shape[1]), -1, 1)


def _blocks(x):
    """Return the blocks of x (samples, rows, width) as slices: some samples each or, of a single one, some rows."""
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
    """Return [function(block, scratch), ...] for all blocks of x; scratch has a block's shape. Threads share a large x."""
    blocks = _blocks(x)

    def some_blocks(start, stop):
        # one scratch array for all blocks: it stays in the cache
        scratch, results = xp(x).empty_like(x[blocks[start]]), []
        for at in blocks[start:stop]:
            samples, rows, _ = x[at].shape
            results.append(function(at, scratch[:samples, :rows]))
        return results

    return [result for part in split_batch(some_blocks, blocks, work=100 * x.size) for result in part]


def _channel_sums(x, g, channels, prepare=None):
    """Return (Σ g, Σ g x), each (samples, C), over the rows of x and g (samples, rows, width), after prepare(block)."""
    if not is_numpy(x):
        if prepare is not None:
            prepare(slice(None))
        return g.sum(1), (g * x).sum(1)

    def sums(at, _):
        if prepare is not None:
            prepare(at)
        rows = g[at]
        # a product with ones takes a quarter of rows.sum(1), and einsum writes no g x down, which would take as long
        return library.ones(rows.shape[1], x.dtype) @ rows, library.einsum("srw,srw->sw", rows, x[at])

    library, totals = xp(x), xp(x).zeros((2, len(x), x.shape[2]), x.dtype)
    for at, parts in zip(_blocks(x), _each_block(x, sums)):  # in the order of the blocks: threads change no bit of it
        for total, part in zip(totals, parts):
            total[at[0]] += part
    return totals.reshape(2, len(x), x.shape[2] // channels, channels).sum(2)


def _along_rows(v, width):
    """Return v (samples, C) as (samples, 1, width), to be combined with the rows of x."""
    samples, channels = v.shape
    if width == channels:
        return v[:, None]
    return v[:, None].repeat(width // channels, 1).reshape(samples, 1, width)


def _over_groups(sums, groups):
    """Return sums (samples, C) with each channel's replaced by the mean over the channels of its group."""
    samples, channels = sums.shape
    if groups == channels:
        return sums
    grouped = (samples, groups, channels // groups)
    means = sums.reshape(grouped).sum(2, keepdims=True) / grouped[2]
    return xp(sums).broadcast_to(means, grouped).reshape(samples, channels)


def normalize_channels(input, weight, bias, groups, per_sample, eps, running=None, slope=None):
    """Return (y, saved) of `ops.normalisation.normalize_channels`, and leaky ReLU of it if `slope` is given.

    running: (running_mean, running_var, momentum), which move towards this batch's statistics, in place.
    """
    library, x, channels = xp(input), _matrix(input, per_sample), input.shape[1]
    if library is not np:
        return _normalize_on_gpu(x, input.shape, weight, bias, groups, eps, running, slope)
    mean, var = _moments(x, channels, groups)
    shift_of_x = 0
    # mean(x²) - mean² cancels: to 2e-5 of y in float32 if the mean is 4 deviations. If it is more, centre x first.
    if (mean * mean > 16 * var).any():
        shift_of_x, x = mean, x - _along_rows(mean, x.shape[2])
        mean, var = _moments(x, channels, groups)
    if running is not None:
        _update(running, mean + shift_of_x, var, x.shape[1] * x.shape[2] // channels)
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


def _normalize_on_gpu(x, shape, weight, bias, groups, eps, running, slope):
    """Return what normalize_channels does, of x (samples, rows, C), in few launches; x is always centred first."""
    library, count = xp(x), x.shape[1]
    mean = _over_groups(x.mean(1), groups)
    x = x - mean[:, None]
    var = _over_groups((x * x).mean(1), groups)
    if running is not None:
        _update(running, mean, var, count)
    rstd, scale, y = library.empty_like(var), library.empty_like(var), library.empty_like(x)
    cuda.launch("deviation", var, 1 if weight is None else weight, eps, rstd, scale)
    cuda.launch("scale", x, scale[:, None], 0 if bias is None else bias, 1 if slope is None else slope, y)
    return _image(y, shape), (x, None, rstd)


def _moments(x, channels, groups):
    """Return the mean and variance (samples, C) of x (samples, rows, width), each over a group of channels."""
    count = x.shape[1] * x.shape[2] // channels
    mean, square = (_over_groups(sums, groups) / count for sums in _channel_sums(x, x, channels))
    return mean, square - mean * mean


def normalize_channels_backward(
    g, y, saved, need, input, weight, bias, groups, per_sample, eps, running=None, slope=None
):  # fmt: skip
    """Return the gradients to (input, weight, bias), from sums over g and g x and one pass that writes dx."""
    (x, mean, rstd), library, g, channels = saved, xp(input), _matrix(g, per_sample), input.shape[1]
    width, y = x.shape[2], _matrix(y, per_sample)
    dx = library.empty_like(x)
    # With a slope, the gradient to what leaky ReLU was taken of waits in dx; each block is read again as dx is written.
    d_normal = g if slope is None else dx

    prepare = None if slope is None else lambda at: gate(dx[at], g[at], y[at], slope)
    d_bias, d_weight = _channel_sums(x, d_normal, channels, prepare)
    d_weight = (d_weight if mean is None else d_weight - mean * d_bias) * rstd  # Σ g x̂, x̂ = (x - mean) / std, per sample
    if need[0]:  # dx = (w g - mean(w g) - x̂ mean(w g x̂)) / std, gathered into a g + b x + c
        count, w = x.shape[1] * width // channels, 1 if weight is None else weight
        a = rstd * w
        b = -rstd * rstd * _over_groups(w * d_weight, groups) / count
        c = (0 if mean is None else -b * mean) - rstd * _over_groups(w * d_bias, groups) / count
        a, b, c = (_along_rows(v, width) for v in (a, b, c))

        def gathered(at, scratch):
            if not is_numpy(dx):
                cuda.launch("combine", d_normal, x, a, b, c, dx)
                return
            part = library.multiply(d_normal[at], a[at[0]], out=dx[at])
            part += library.multiply(x[at], b[at[0]], out=scratch)
            part += c[at[0]]

        _each_block(x, gathered)
    gradients = _image(dx, input.shape), d_weight.sum(0), d_bias.sum(0)
    return [gradient if needed else None for needed, gradient in zip(need, gradients, strict=True)]


def _update(running, mean, var, count):
    """Move the running statistics towards those of this batch: running <- (1 - momentum) running + momentum new."""
    running_mean, running_var, momentum = running
    for average, new in ((running_mean, mean), (running_var, var * (count / max(count - 1, 1)))):  # unbiased variance
        if not is_numpy(average):
            cuda.launch("move", new[0] if len(new) == 1 else new.mean(0), momentum, average)
            continue
        average *= 1 - momentum
        average += (momentum / len(new)) * new.sum(0)


# --- rows: layer normalisation ---------------------------------------------------------------------------------


def _row_blocks(x):
    """Return the blocks of x (rows, size) as slices of rows."""
    step = max(1, BLOCK // 2 // x.shape[1]) if is_numpy(x) else len(x)
    return [slice(i, i + step) for i in range(0, len(x), step)]


def layer_norm(input, weight, bias, ndim, eps):
    """Return (y, saved) of `ops.normalisation._layer_norm`."""
    library, size = xp(input), math.prod(input.shape[input.ndim - ndim :])
    x = input.reshape(-1, size)
    ones, y = library.ones((size, 1), x.dtype), library.empty_like(x)
    mean = x @ ones / size  # (rows, 1)
    rstd = library.empty_like(mean)
    for at in _row_blocks(x):
        part = library.subtract(x[at], mean[at], out=y[at])
        var = (part * part) @ ones / size
        # The mean of equal numbers is not quite that number: of 1,000 times 1000.1 all would be .33, in float32. So as above.
        if not is_numpy(x) or (mean[at] * mean[at] > 16 * var).any():
            rest = part @ ones / size
            part -= rest
            mean[at] += rest
            var = (part * part) @ ones / size
        rstd[at] = 1 / library.sqrt(var + eps)
        part *= rstd[at]
        if weight is not None:
            part *= weight.reshape(size)
        if bias is not None:
            part += bias.reshape(size)
    return y.reshape(input.shape), (x, mean, rstd)


def layer_norm_backward(g, y, saved, need, input, weight, bias, ndim, eps):
    """Return the gradients to (input, weight, bias), block by block."""
    (x, mean, rstd), library, shape = saved, xp(input), input.shape[input.ndim - ndim :]
    size, g = x.shape[1], g.reshape(x.shape)
    d_weight, d_bias = library.zeros((2, size), x.dtype)
    dx: Any = library.empty_like(x) if need[0] else None
    column = library.ones((size, 1), x.dtype)
    for at in _row_blocks(x):
        g_part = g[at]
        row = library.ones(len(g_part), x.dtype)
        normal = x[at] - mean[at]
        normal *= rstd[at]
        g_normal = g_part * normal
        d_weight += row @ g_normal
        d_bias += row @ g_part
        if need[0]:  # dx = (w g - mean(w g) - x̂ mean(w g x̂)) / std
            if weight is not None:
                g_part = g_part * weight.reshape(size)
                g_normal *= weight.reshape(size)
            normal *= g_normal @ column / size
            part = library.subtract(g_part, normal, out=dx[at])
            part -= g_part @ column / size
            part *= rstd[at]
    gradients = (dx if dx is None else dx.reshape(input.shape), d_weight.reshape(shape), d_bias.reshape(shape))
    return [gradient if needed else None for needed, gradient in zip(need, gradients, strict=True)]

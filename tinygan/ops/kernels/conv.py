"""Convolution and its relatives as products of matrices: for the textbook forms, see `ops/convolution.py`.

Each of the three goes over the samples in blocks that stay in the cache with all that is made of them, and splits large
batches over threads. A block's windows are copied to a matrix (`columns_of`), which one product combines with the weights.
Where most of a border window is padding, the windows go in parts, so that products with zeros are spared (`parts_of`).
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

from tinygan.backend import Array, is_numpy, xp
from tinygan.ops.kernels import cuda
from tinygan.ops.kernels.linear import matmul_by_group
from tinygan.ops.kernels.windows import (
    axes_to_last,
    block_shape,
    by_group,
    channels_last,
    channels_second,
    columns_of,
    offsets_are_first,
    orders,
    padded_space,
    parts_of,
    strided_windows,
)
from tinygan.threads import split_batch

if TYPE_CHECKING:
    from tinygan.ops.windows import Geometry

# Rows of windows from which on it pays to transpose the weights (O, K), which takes as long as 70 rows do: a sum of
# products (K, O) is 7 % faster to make, a product with weights (K, O) 4 %.
TURN_SUM, TURN_WEIGHTS = 1024, 2048


# --- conv ------------------------------------------------------------------------------------------------------


def conv(x: Array, w: Array, b: Array | None, size: tuple, geometry: "Geometry", slope: float | None = None) -> Array:
    """Return `ops.convolution.conv`, and leaky ReLU of it if `slope` is given: windows times weights, a block at a time."""
    library, dtype = xp(x), xp(x).result_type(x, w)
    x, w = x.transpose(axes_to_last(x.ndim)).astype(dtype, copy=False), channels_last(w, dtype)
    weights = w.reshape(geometry.groups, len(w) // geometry.groups, -1).swapaxes(1, 2)  # (G, K, O/G)
    if len(x) * math.prod(size) >= TURN_WEIGHTS:
        weights = library.ascontiguousarray(weights)
    weights = weights.reshape(geometry.groups, *w.shape[1:], -1)
    return channels_second(_windows_times_weights(x, weights, b, size, geometry, slope))


def _windows_times_weights(x, weights, b, size, geometry, slope):
    """Return conv of channels-last x with weights (G, *kernel, C/G, O/G), channels-last."""
    library, groups, outputs = xp(x), geometry.groups, geometry.groups * weights.shape[-1]
    x, parts = _in_parts(x, size, weights.shape[1:-2], geometry, weights.size)
    y = library.empty((len(x), *size, outputs), x.dtype)

    def some_samples(start, stop):
        for block, columns, matrix in _factors(x, weights, parts, geometry, start, stop):
            sums = target = y[block]
            if not target.flags.c_contiguous:
                sums = library.empty(target.shape, y.dtype)
            matmul_by_group(columns, matrix, out=by_group(sums, groups))  # (G, M, K) @ (G, K, O/G)
            _finish(target, sums, b, slope)

    split_batch(some_samples, y, work=y.size * (weights[0].size // weights.shape[-1]))
    return y


def _in_parts(x, *sizes):
    """Return x and its parts. If there are several, x is contiguous: they are read where they lie."""
    parts = parts_of(x, *sizes)
    return (x if len(parts) == 1 else xp(x).ascontiguousarray(x)), parts


def _factors(x, weights, parts, geometry, start, stop):
    """Yield (block, columns, matrix): conv's y[block] is columns @ matrix, one product for each group."""
    groups, each = len(weights), weights.shape[-1]
    for part in parts:
        matrix = weights[(slice(None), *part.offsets)].reshape(groups, -1, each)
        for block, columns in columns_of(x, groups * each, part, geometry, start, stop):
            yield block, columns, matrix


def _finish(target, sums, b, slope):
    """Set target to sums + b, and to leaky ReLU of that; b and slope may be None. It may change `sums`."""
    library = xp(sums)
    if slope is not None and not is_numpy(sums):
        cuda.launch("add_and_rectify", 0 if b is None else b, slope, sums)
        b = slope = None
    if b is not None:
        sums = library.add(sums, b, out=target if slope is None else sums)
    if slope is not None:
        library.maximum(sums, sums * slope if slope else 0, out=target)
    elif b is None and sums is not target:
        target[...] = sums


# --- conv_transpose ----------------------------------------------------------------------------------------------


def conv_transpose(
    g: Array, w: Array, b: Array | None, size: tuple, geometry: "Geometry", slope: float | None = None
) -> Array:
    """Return `ops.convolution.conv_transpose`, and leaky ReLU of it if `slope` is given.

    Where every pixel lies under equally many windows it is a convolution of g; otherwise products are added to windows.
    """
    library, kernel, dtype = xp(g), w.shape[2:], xp(g).result_type(g, w)
    g, w = channels_last(g, dtype), channels_last(w, dtype)
    axes = list(zip(kernel, geometry.stride, geometry.dilation, geometry.padding))
    if all(k % s == 0 and (s == 1 or d == 1) and p // s <= d * (k // s - 1) for k, s, d, p in axes):
        x = _as_convolution(g, w, b, size, geometry, slope)
        if x is not None:
            return channels_second(x)
    channels, count = w.shape[-1] * geometry.groups, g.shape[1:-1]
    neighbours = min(geometry.stride[-1], kernel[-1]) if geometry.dilation[-1] == 1 else 1
    by_rows = offsets_are_first(count, kernel, w.shape[-1])
    weights: Any = w.reshape(geometry.groups, len(w) // geometry.groups, -1)
    if by_rows:
        add_to: Callable = _add_channel_to_windows
    elif is_numpy(g):
        add_to = _add_to_windows
        weights = _weights_by_offset(w.reshape(geometry.groups, len(w) // geometry.groups, *kernel, -1), neighbours)
    else:
        add_to = partial(_add_all_to_windows, offsets=_offsets(kernel, neighbours))
    x = library.empty((len(g), *size, channels), dtype)
    padded, inside = padded_space(size, count, kernel, geometry)
    elements = math.prod(padded) * channels + math.prod(count) * (g.shape[-1] + neighbours * channels)
    if not by_rows:  # blocks of a quarter: the sums too are read and written in the cache
        elements *= 4

    def some_samples(start, stop):
        samples, _ = block_shape(g, stop - start, 1, elements, w.size)
        image = library.empty((samples, *padded, channels), dtype)
        windows = strided_windows(image, count, kernel, geometry)  # (N, *count, *kernel, G, C/G)
        windows = windows.transpose(orders(len(count))[0])  # (G, N, *count, *kernel, C/G)
        for i in range(start, stop, samples):
            part = g[i : min(i + samples, stop)]
            image[...] = 0
            add_to(windows[:, : len(part)], part, weights)
            _finish(x[i : i + len(part)], image[: len(part)][inside], b, slope)

    split_batch(some_samples, x, work=g.size * w[0].size)
    return channels_second(x)


def _as_convolution(g, w, b, size, geometry, slope):
    """Return conv_transpose, channels-last, as a convolution whose image is g; None if that would be slower.

    Every pixel must lie under equally many windows. Window u of g then gives `stride` pixels on each axis, its phases, from
    stride * u on. Phase f sees the offsets f, f + stride, ... of the kernel, in reverse.
    """
    library, groups, stride, axes = xp(g), geometry.groups, geometry.stride, len(size)
    taps = tuple(k // s for k, s in zip(w.shape[1:-1], stride))
    crop = [p % s for p, s in zip(geometry.padding, stride)]
    count = tuple((c + n - 1) // s + 1 for c, n, s in zip(crop, size, stride))
    padding = tuple(d * (t - 1) - p // s for d, t, p, s in zip(geometry.dilation, taps, geometry.padding, stride))
    of_g = geometry._replace(stride=(1,) * axes, padding=padding)
    if max(stride) == 1:
        return _windows_times_weights(g, _reversed_weights(w, taps, geometry), b, size, of_g, slope)
    g, parts = _in_parts(g, count, taps, of_g, w.size)
    slower = len(parts) == 1 or len(g) * math.prod(count) < TURN_WEIGHTS  # zeros would cost more than adding
    if slower and is_numpy(g):  # on a GPU each addition would be launches
        return None
    weights = _reversed_weights(w, taps, geometry)
    x = library.empty((len(g), *size, groups * w.shape[-1]), g.dtype)
    in_place = (n for axis in range(2, 2 + axes) for n in (axis, axis + axes))
    order = 1, *in_place, 0, 2 + 2 * axes  # (G, N, *u, *phases, C/G) -> (N, u, phase, u, phase, ..., G, C/G)

    def some_samples(start, stop):
        for (samples, *places), columns, matrix in _factors(g, weights, parts, of_g, start, stop):
            shape = [samples.stop - samples.start, *(u.stop - u.start for u in places)]
            phases = matmul_by_group(columns, matrix).reshape(groups, *shape, *stride, -1).transpose(order)
            image = phases.reshape(shape[0], *(n * s for n, s in zip(shape[1:], stride)), x.shape[-1])
            first = [s * u.start - c for s, u, c in zip(stride, places, crop)]
            pixels = [slice(max(0, f), min(n, f + m)) for f, n, m in zip(first, size, image.shape[1:])]
            inside = [slice(p.start - f, p.stop - f) for p, f in zip(pixels, first)]
            _finish(x[(samples, *pixels)], image[(slice(None), *inside)], b, slope)

    split_batch(some_samples, x, work=g.size * w[0].size)
    return x


def _reversed_weights(w, taps, geometry):
    """Return the weights (G, *taps, O/G, phases * C/G) from outputs to inputs, of channels-last w: the taps reversed."""
    axes = range(2, 2 + 2 * len(taps), 2)
    split = [n for pair in zip(taps, geometry.stride) for n in pair]
    w = w.reshape(geometry.groups, len(w) // geometry.groups, *split, -1)  # (G, O/G, taps, phases, taps, phases, ..., C/G)
    w = xp(w).flip(w, tuple(axes)).transpose(0, *axes, 1, *(a + 1 for a in axes), w.ndim - 1)
    return w.reshape(geometry.groups, *taps, w.shape[1 + len(taps)], -1)


def _weights_by_offset(w, neighbours):
    """Return [(offsets, weights (G, O/G, neighbours * C/G)), ...] of w (G, O/G, *kernel, C/G)."""
    groups, outputs, *kernel, _ = w.shape
    every = _offsets(kernel, neighbours)
    return [(k, w[(slice(None), slice(None), *k)].reshape(groups, outputs, -1)) for k in every]


def _offsets(kernel, neighbours):
    """Return the offsets of a kernel as keys, `neighbours` in a row at a time.

    Windows are a stride apart, so these do not overlap in any two of them: one product, one sum.
    """
    starts = product(*(range(n) for n in kernel[:-1]), range(0, kernel[-1], neighbours))
    return [(*lead, slice(j, j + neighbours)) for *lead, j in starts]


def _add_to_windows(windows, g, weights_by_offset):
    """windows[:, n, t, k, c] += Σ g[n, t, o] w[o, k, c] over o; windows (G, N, *count, *kernel, C/G), g (N, *count, O)."""
    rows, positions = by_group(g, len(windows)), (slice(None),) * g.ndim  # rows (G, M, O/G)
    for k, weights in weights_by_offset:
        target = windows[positions + k]
        target += matmul_by_group(rows, weights).reshape(target.shape)  # (G, M, neighbours * C/G)


def _add_all_to_windows(windows, g, weights, offsets):
    """The same with weights (G, O/G, K C/G) and one product for all offsets: on a GPU it is large enough, and one launch."""
    products = matmul_by_group(by_group(g, len(windows)), weights).reshape(windows.shape)
    for k in offsets:
        key = (slice(None),) * g.ndim + k
        windows[key] += products[key]


def _add_channel_to_windows(windows, g, weights):
    """The same for one channel in a group, weights (G, O/G, K): one product for all offsets, and sums along rows of g."""
    products = matmul_by_group(by_group(g, len(windows)), weights)  # (G, M, K)
    for k, part in zip(product(*map(range, windows.shape[g.ndim : -1])), products.transpose(2, 0, 1)):
        target = windows[(slice(None),) * g.ndim + k]
        target += part.reshape(target.shape)


# --- conv_weight -----------------------------------------------------------------------------------------------


def conv_weight(x: Array, g: Array, size: tuple, geometry: "Geometry") -> Array:
    """Return `ops.convolution.conv_weight`: a sum over blocks of products of windows and g."""
    library, dtype = xp(x), xp(x).result_type(x, g)
    x, g = x.transpose(axes_to_last(x.ndim)).astype(dtype, copy=False), channels_last(g, dtype)
    groups, outputs, per_group, count = geometry.groups, g.shape[-1], x.shape[-1] // geometry.groups, g.shape[1:-1]
    turn = len(g) * math.prod(count) >= TURN_SUM and is_numpy(x)
    kernel, each, weights = (*size, per_group), outputs // groups, outputs * math.prod(size) * per_group
    x, parts = _in_parts(x, count, size, geometry, weights)

    def some_samples(start, stop):
        total = library.zeros((groups, *kernel, each) if turn else (groups, each, *kernel), dtype)
        for part in parts:
            target = total[(slice(None), *part.offsets) if turn else (slice(None), slice(None), *part.offsets)]
            for block, columns in columns_of(x, outputs, part, geometry, start, stop):
                rows = by_group(g[block], groups)  # (G, M, O/G); columns are (G, M, K)
                factors = (columns.swapaxes(1, 2), rows) if turn else (rows.swapaxes(1, 2), columns)
                sums = matmul_by_group(*factors)
                target += sums.reshape(target.shape)
        return total

    total, *others = split_batch(some_samples, g, work=len(g) * math.prod(count) * weights)
    for part in others:
        total += part
    if turn:
        total = library.ascontiguousarray(total.reshape(groups, -1, each).swapaxes(1, 2))
    return channels_second(total.reshape(outputs, *kernel))


def channel_sum(x: Array) -> Array:
    """Return `ops.convolution.channel_sum`: a product with ones takes a quarter of the time of a sum."""
    rows = channels_last(x).reshape(-1, x.shape[1])
    if not is_numpy(x):
        return rows.sum(0)
    return xp(x).ones(len(rows), x.dtype) @ rows

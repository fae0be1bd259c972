"""Convolution in any number of dimensions, and its two relatives, each the gradient of the others.

`conv`, `conv_transpose` and `conv_weight` are linear in each of two arguments, and the gradient of any one is made of
the other two, so they can be differentiated as often as one likes. All the geometry is in one picture: window t of an
image, at offset k of the kernel, looks at pixel stride * t + dilation * k - padding. `windows_of` is that picture as a
view of memory, and the three ops read it or add to it:

    conv            Σ over channels and offsets:  y[n, t, o]  = Σ windows[n, t, k, c] * w[o, k, c]
    conv_weight     Σ over images and windows:    w[o, k, c]  = Σ windows[n, t, k, c] * y[n, t, o]
    conv_transpose  adds to the windows:          windows[n, t, k, c] += Σ y[n, t, o] * w[o, k, c]

Arrays are N C H W in shape but channels-last in memory: a window row is then one run of memory, and products of windows
and weights come out where they belong. Below, `moved` arrays have their channels last. Public functions are at the end.
"""

import math
from functools import cache
from itertools import product
from numbers import Integral
from typing import NamedTuple

from tinygan.autodiff import Op, broadcast_to, op, raw
from tinygan.backend import is_numpy, split_batch, xp
from tinygan.ops.elementwise import gated, rectify
from tinygan.ops.shape import reshape

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]

BLOCK = 1 << 19  # elements worked on at a time: 2 MB stay in the cache (measured best of 2^18 ... 2^21)
TIMES_WEIGHTS = 2  # or this many times the weights if that is more: every block reads them all anew
GPU_BLOCK = 1 << 27  # a GPU wants few large steps; half a gigabyte leaves room on a small one


class Geometry(NamedTuple):
    """Where windows lie: one number per spatial axis, and how many groups the channels fall into."""

    stride: tuple
    padding: tuple  # zeros in front; behind, as many as the windows ask for
    dilation: tuple
    groups: int


# --- layouts: calls of NumPy that work out an order of axes take 3 us, a transposition 0.2 -----------------------


@cache
def _axes_to_last(ndim):
    return (0, *range(2, ndim), 1)


@cache
def _axes_to_second(ndim):
    return (0, ndim - 1, *range(1, ndim - 1))


def last(x, dtype=None):
    """x (N, C, ...) as a contiguous moved array (N, ..., C): no copy if that is its order in memory."""
    return xp(x).ascontiguousarray(x.transpose(_axes_to_last(x.ndim)), dtype=dtype)


def second(moved):
    """View (N, C, ...) of a moved array (N, ..., C)."""
    return moved.transpose(_axes_to_second(moved.ndim))


# --- the windows of an image ------------------------------------------------------------------------------------


def windows_of(image, size, kernel, how):
    """View (N, *size, *kernel, G, C/G) of a padded image (N, *space, C): [n, t, k] is image[n, stride t + dilation k]."""
    batch, *axes, channel = image.strides
    per_group = image.shape[-1] // how.groups
    shape = (len(image), *size, *kernel, how.groups, per_group)
    steps = [s * n for s, n in zip(axes, how.stride)] + [s * n for s, n in zip(axes, how.dilation)]
    return xp(image).lib.stride_tricks.as_strided(image, shape, (batch, *steps, channel * per_group, channel))


@cache
def padded_space(space, size, kernel, how):
    """(sizes of the padded image that all windows fit into, where in it the image lies); arguments are tuples."""
    reach = [(t - 1) * s + (k - 1) * d + 1 for t, k, s, d in zip(size, kernel, how.stride, how.dilation)]
    padded = tuple(max(r, p + n) for r, p, n in zip(reach, how.padding, space))
    return padded, (slice(None), *(slice(p, p + n) for p, n in zip(how.padding, space)))


def _block_shape(x, samples, rows, elements, weights):
    """(samples, rows) of a block of about BLOCK elements, if a sample has `elements`: several samples or a part of one."""
    block = max(BLOCK, TIMES_WEIGHTS * weights) if is_numpy(x) else GPU_BLOCK
    if samples * elements <= block:
        return max(1, samples), rows
    return max(1, block // elements), max(1, min(rows, block * rows // elements))


@cache
def _orders(axes):
    """Windows (N, *size, *kernel, G, C/G) as one matrix per group: the axes if positions come first, if offsets do."""
    positions, offsets, group = range(axes + 1), (*range(axes + 1, 2 * axes + 1), 2 * axes + 2), 2 * axes + 1
    return (group, *positions, *offsets), (group, *offsets, *positions)


def _offsets_first(size, kernel, per_group):
    """Whether a row of windows is a longer run than a row of the kernel: copies are faster (4x4 over 14x14: by half)."""
    return per_group == 1 and size[-1] >= 2 * kernel[-1]


def _columns(x, outputs, size, kernel, how, start, stop):
    """Yield (block, columns) for samples start ... stop of moved x: the windows under y[block] as a matrix (G, M, K).

    block: slices of samples and of rows of y, so small that the `outputs` channels of y[block] stay in the cache as well.
    """
    library, (_, *space, channels) = xp(x), x.shape
    per_group = channels // how.groups
    window = math.prod(kernel) * per_group
    elements = math.prod(size) * max(window * how.groups, 4 * outputs)
    samples, rows = _block_shape(x, stop - start, size[0], elements, window * outputs)
    padded, inside = padded_space(tuple(space), size, kernel, how)
    bare = padded == tuple(space) and x.flags.c_contiguous
    image = x[start:stop] if bare else library.zeros((samples, *padded, channels), x.dtype)  # its border stays 0
    windows = windows_of(image, size, kernel, how)  # once: among large products this call takes not 2 us but 40
    buffer = library.empty(samples * rows * math.prod(size[1:]) * window * how.groups, x.dtype)
    offsets_first = _offsets_first(size, kernel, per_group)
    order = _orders(len(size))[offsets_first]
    for i in range(start, stop, samples):
        count = min(samples, stop - i)
        if bare:
            part = windows[i - start : i - start + count]
        else:
            image[:count][inside] = x[i : i + count]
            part = windows[:count]
        for r in range(0, size[0], rows):
            columns = part[:, r : r + rows].transpose(order)
            if not columns.flags.c_contiguous:  # a 1x1 kernel's windows are a matrix already
                copy = buffer[: columns.size].reshape(columns.shape)
                copy[...] = columns
                columns = copy
            block = slice(i, i + count), slice(r, r + rows)
            if offsets_first:
                yield block, columns.reshape(how.groups, window, -1).swapaxes(1, 2)
            else:
                yield block, columns.reshape(how.groups, -1, window)


def _by_group(moved, groups):
    """View (G, M, C/G) of contiguous moved (..., C): one matrix per group of channels, one row per position."""
    return moved.reshape(math.prod(moved.shape[:-1]), groups, -1).swapaxes(0, 1)


# --- the triangle ----------------------------------------------------------------------------------------------


class ImageOp(Op):
    """An op that gives an image, and may end with leaky ReLU, max(y, slope y), while a block of it is in the cache.

    Its gradient is taken back through that, and put channels-last in memory, once, not by each of its vjps.
    """

    def pullback(self, g, y, useful, record):
        slope = y.const.get("slope")
        if slope is not None:
            g = gated(g, raw(y), slope=slope)  # lies as y does
        return super().pullback(g if record else second(last(g)), y, useful, record)


def image_op(*vjps):
    """`op`, for an op that gives an image."""
    return lambda forward: ImageOp(forward, *vjps)


@image_op(
    lambda g, y, x, w, b, size, how, slope=None: conv_transpose(g, w, None, size=x.shape[2:], how=how),
    lambda g, y, x, w, b, size, how, slope=None: conv_weight(x, g, size=w.shape[2:], how=how),
    lambda g, y, x, w, b, size, how, slope=None: channel_sum(g),
)
def conv(x, w, b, size, how, slope=None):
    """y[n, o, t] = b[o] + Σ x[n, c, stride t + dilation k - padding] w[o, c, k] over c, k; t below `size`, 0 outside x.

    x (N, C, *space), w (O, C/groups, *kernel), b (O,) or None -> y (N, O, *size). slope: then leaky ReLU.
    """
    library, kernel, dtype = xp(x), w.shape[2:], xp(x).result_type(x, w)
    x, w = x.transpose(_axes_to_last(x.ndim)).astype(dtype, copy=False), last(w, dtype)
    weights = w.reshape(how.groups, len(w) // how.groups, -1).swapaxes(1, 2)  # (G, K, O/G)
    y = library.empty((len(x), *size, len(w)), dtype)

    def some_samples(start, stop):
        for block, columns in _columns(x, len(w), size, kernel, how, start, stop):
            library.matmul(columns, weights, out=_by_group(y[block], how.groups))  # (G, M, K) @ (G, K, O/G)
            if b is not None:
                y[block] += b
            if slope is not None:
                rectify(y[block], slope)

    split_batch(some_samples, y, work=y.size * weights.shape[1])
    return second(y)


@image_op(
    lambda d, y, g, w, b, size, how, slope=None: conv(d, w, None, size=g.shape[2:], how=how),
    lambda d, y, g, w, b, size, how, slope=None: conv_weight(d, g, size=w.shape[2:], how=how),
    lambda d, y, g, w, b, size, how, slope=None: channel_sum(d),
)
def conv_transpose(g, w, b, size, how, slope=None):
    """conv's gradient for x: pixel stride t + dilation k - padding gets Σ g[n, o, t] w[o, c, k] over o, t, k; and b[c].

    g (N, O, *windows), w (O, C/groups, *kernel), b (C,) or None -> x (N, C, *size). slope: then leaky ReLU.
    """
    library, kernel, dtype = xp(g), w.shape[2:], xp(g).result_type(g, w)
    reach = tuple(d * (k - 1) for k, d in zip(kernel, how.dilation))
    if max(how.stride) == 1 and all(p <= r for p, r in zip(how.padding, reach)):
        # Every pixel sees a window of g, through the kernel turned round: measured 1.3 to 4 times faster than adding.
        behind = how._replace(padding=tuple(r - p for p, r in zip(how.padding, reach)))
        return conv(g, _turned(w, how.groups), b, size=size, how=behind, slope=slope)
    g, w = last(g, dtype), last(w, dtype)
    channels, count = w.shape[-1] * how.groups, g.shape[1:-1]
    together = min(how.stride[-1], kernel[-1]) if how.dilation[-1] == 1 else 1
    by_rows = _offsets_first(count, kernel, w.shape[-1])
    if by_rows:
        add_to, parts = _add_rows_to_windows, w.reshape(how.groups, len(w) // how.groups, -1)
    else:
        add_to = _add_to_windows
        parts = _weights_by_offset(w.reshape(how.groups, len(w) // how.groups, *kernel, -1), together)
    x = library.empty((len(g), *size, channels), dtype)
    padded, inside = padded_space(size, count, kernel, how)
    elements = math.prod(padded) * channels + math.prod(count) * (g.shape[-1] + together * channels)
    if not by_rows:  # blocks of a quarter: sums are read and written in the cache, 24.3 ms, not 26.4
        elements *= 4

    def some_samples(start, stop):
        samples, _ = _block_shape(g, stop - start, 1, elements, w.size)
        image = library.empty((samples, *padded, channels), dtype)
        windows = windows_of(image, count, kernel, how)  # (N, *count, *kernel, G, C/G)
        windows = windows.transpose(_orders(len(count))[0])  # (G, N, *count, *kernel, C/G)
        for i in range(start, stop, samples):
            part = g[i : min(i + samples, stop)]
            image[...] = 0
            add_to(windows[:, : len(part)], part, parts)
            pixels = image[: len(part)][inside]
            if b is None:
                x[i : i + len(part)] = pixels
            else:
                library.add(pixels, b, out=x[i : i + len(part)])
            if slope is not None:
                rectify(x[i : i + len(part)], slope)

    split_batch(some_samples, x, work=g.size * w[0].size)
    return second(x)


def _turned(w, groups):
    """The weights (C, O/G, *kernel) that lead back from outputs to inputs: channels exchanged, every axis reversed."""
    outputs, per_group, *kernel = w.shape
    w = w.reshape(groups, outputs // groups, per_group, *kernel).swapaxes(1, 2)
    return xp(w).flip(w.reshape(-1, outputs // groups, *kernel), tuple(range(2, 2 + len(kernel))))


def _weights_by_offset(w, together):
    """[(where in the kernel, weights (G, O/G, together * C/G)), ...] of w (G, O/G, *kernel, C/G).

    Windows are a stride apart, so `together` neighbouring offsets k of all of them do not overlap: one product, one sum.
    """
    groups, outputs, *kernel, _ = w.shape
    places = product(*(range(n) for n in kernel[:-1]), range(0, kernel[-1], together))
    places = [(*lead, slice(j, j + together)) for *lead, j in places]
    return [(k, w[(slice(None), slice(None), *k)].reshape(groups, outputs, -1)) for k in places]


def _add_to_windows(windows, g, parts):
    """windows[:, n, t, k, c] += Σ g[n, t, o] w[o, k, c] over o; windows (G, N, *count, *kernel, C/G), g (N, *count, O)."""
    rows, before = _by_group(g, len(windows)), (slice(None),) * g.ndim  # rows (G, M, O/G)
    for k, weights in parts:
        there = windows[before + k]
        there += (rows @ weights).reshape(there.shape)  # (G, M, together * C/G)


def _add_rows_to_windows(windows, g, weights):
    """The same for one channel in a group, weights (G, O/G, K): one product for all offsets, and sums along rows of g."""
    found = _by_group(g, len(windows)) @ weights  # (G, M, K)
    for k, part in zip(product(*map(range, windows.shape[g.ndim : -1])), found.transpose(2, 0, 1)):
        there = windows[(slice(None),) * g.ndim + k]
        there += part.reshape(there.shape)


@op(
    lambda d, y, x, g, size, how: conv_transpose(g, d, None, size=x.shape[2:], how=how),
    lambda d, y, x, g, size, how: conv(x, d, None, size=g.shape[2:], how=how),
)
def conv_weight(x, g, size, how):
    """conv's gradient for w: Σ g[n, o, t] x[n, c, stride t + dilation k - padding] over n, t.

    x (N, C, *space), g (N, O, *windows) -> w (O, C/groups, *size).
    """
    library, dtype = xp(x), xp(x).result_type(x, g)
    x, g = x.transpose(_axes_to_last(x.ndim)).astype(dtype, copy=False), last(g, dtype)
    outputs, per_group = g.shape[-1], x.shape[-1] // how.groups
    shape = (how.groups, outputs // how.groups, math.prod(size) * per_group)  # (G, O/G, K)
    # A sum (G, K, O/G) is 7 % faster; to turn it round in the end takes as long as 70 rows of windows, 7 % of 1,000.
    turn = math.prod(g.shape[:-1]) >= 1024

    def some_samples(start, stop):
        total = library.zeros((shape[0], shape[2], shape[1]) if turn else shape, dtype)
        for block, columns in _columns(x, outputs, g.shape[1:-1], size, how, start, stop):
            rows = _by_group(g[block], how.groups)  # (G, M, O/G); columns are (G, M, K)
            total += columns.swapaxes(1, 2) @ rows if turn else rows.swapaxes(1, 2) @ columns
        return total

    total, *others = split_batch(some_samples, g, work=g.size * shape[2])
    for part in others:
        total += part
    total = library.ascontiguousarray(total.swapaxes(1, 2)) if turn else total
    return second(total.reshape(outputs, *size, per_group))


@op(lambda g, y, x: broadcast_to(reshape(g, (1, -1) + (1,) * (x.ndim - 2)), shape=x.shape))
def channel_sum(x):
    """Σ over all axes but the channels, (N, C, ...) -> (C,): as a product with ones, 4 times faster than a sum."""
    rows = last(x).reshape(-1, x.shape[1])
    return xp(x).ones(len(rows), x.dtype) @ rows


# --- public functions ------------------------------------------------------------------------------------------


def per_axis(value, axes, name, least):
    """`value` as a tuple of `axes` integers: one number stands for all of them. ValueError if one is below `least`."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    if len(values) != axes or any(not isinstance(v, Integral) or v < least for v in values):
        raise ValueError(f"{name} must be an integer >= {least} or a tuple of {axes} of them, not {value!r}")
    return values


def _check(name, input, weight, bias, channels, outputs, groups):
    """Errors at the door, common to both directions; the weight implies so many `channels` in and `outputs` out."""
    sizes = f"{name}: input {tuple(input.shape)}, weight {tuple(weight.shape)}, groups {groups}"
    axes = weight.ndim - 2
    if input.ndim != axes + 2:
        raise ValueError(f"{sizes}: the input must have {axes + 2} dimensions (N, C, ...), {axes + 1} without a batch")
    if not isinstance(groups, Integral) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"{sizes}: groups must be a positive integer that divides the weight's first size")
    if input.shape[1] != channels:
        raise ValueError(f"{sizes}: the input has {input.shape[1]} channels, the weight and groups ask for {channels}")
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise ValueError(f"{sizes}: bias must have shape ({outputs},), one number per output channel, not {bias.shape}")


def _convolve(axes, input, weight, bias, stride, padding, dilation, groups, slope):
    name = f"conv{axes}d"
    if weight.ndim != axes + 2:
        raise ValueError(f"{name}: weight {tuple(weight.shape)} must have {axes + 2} sizes (out, in/groups, *kernel)")
    if input.ndim == axes + 1:
        y = _convolve(axes, reshape(input, (1, *input.shape)), weight, bias, stride, padding, dilation, groups, slope)
        return reshape(y, y.shape[1:])
    _check(name, input, weight, bias, weight.shape[1] * groups, weight.shape[0], groups)
    stride, dilation = per_axis(stride, axes, f"{name}: stride", 1), per_axis(dilation, axes, f"{name}: dilation", 1)
    space, wide = input.shape[2:], [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation)]
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(f"{name}: padding 'same' needs stride 1, not {stride}; give the padding as numbers")
        padding, size = tuple((w - 1) // 2 for w in wide), tuple(space)
    else:
        padding = per_axis(0 if padding == "valid" else padding, axes, f"{name}: padding", 0)
        size = tuple((n + 2 * p - w) // s + 1 for n, p, w, s in zip(space, padding, wide, stride))
    if min(size) < 1:
        raise ValueError(
            f"{name}: a kernel that spans {tuple(wide)} is larger than the input {tuple(space)} padded by {padding}:"
            " pad more, or use a smaller kernel or dilation"
        )
    return conv(input, weight, bias, size=size, how=Geometry(stride, padding, dilation, groups), slope=slope)


def _convolve_transposed(axes, input, weight, bias, stride, padding, output_padding, groups, dilation, slope):
    name = f"conv_transpose{axes}d"
    if weight.ndim != axes + 2:
        raise ValueError(f"{name}: weight {tuple(weight.shape)} must have {axes + 2} sizes (in, out/groups, *kernel)")
    if input.ndim == axes + 1:
        batch = reshape(input, (1, *input.shape))
        y = _convolve_transposed(axes, batch, weight, bias, stride, padding, output_padding, groups, dilation, slope)
        return reshape(y, y.shape[1:])
    _check(name, input, weight, bias, weight.shape[0], weight.shape[1] * groups, groups)
    stride, dilation = per_axis(stride, axes, f"{name}: stride", 1), per_axis(dilation, axes, f"{name}: dilation", 1)
    padding = per_axis(padding, axes, f"{name}: padding", 0)
    extra = per_axis(output_padding, axes, f"{name}: output_padding", 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise ValueError(f"{name}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}")
    wide = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation)]
    axis_sizes = zip(input.shape[2:], stride, padding, wide, extra)
    size = tuple((n - 1) * s - 2 * p + w + e for n, s, p, w, e in axis_sizes)
    if min(size) < 1:
        raise ValueError(f"{name}: padding {padding} leaves size {size} of input {tuple(input.shape)}: pad less")
    return conv_transpose(input, weight, bias, size=size, how=Geometry(stride, padding, dilation, groups), slope=slope)


def conv1d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, negative_slope=None):
    """`conv2d` with one spatial axis: (N, C, L) with weight (O, C/groups, K) -> (N, O, OL)."""
    return _convolve(1, input, weight, bias, stride, padding, dilation, groups, negative_slope)


def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, negative_slope=None):
    """y[n, o, t] = bias[o] + Σ input[n, c, stride t + dilation k - padding] weight[o, c, k] over c and k = (kh, kw).

    input (N, C, H, W) or (C, H, W), weight (O, C/groups, KH, KW), bias (O,) -> (N, O, OH, OW) with
    OH = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1. stride, padding, dilation: a number or one per axis;
    padding also "valid" (none) or "same" (output as large as the input). negative_slope: leaky ReLU comes last, within
    the same pass over memory (0: ReLU). ValueError if shapes do not fit.
    """
    return _convolve(2, input, weight, bias, stride, padding, dilation, groups, negative_slope)


def conv3d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1, negative_slope=None):
    """`conv2d` with three spatial axes: (N, C, D, H, W) with weight (O, C/groups, KD, KH, KW) -> (N, O, OD, OH, OW)."""
    return _convolve(3, input, weight, bias, stride, padding, dilation, groups, negative_slope)


def conv_transpose1d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, negative_slope=None
):
    """`conv_transpose2d` with one spatial axis: (N, C, L) with weight (C, O/groups, K) -> (N, O, OL)."""
    return _convolve_transposed(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation, negative_slope
    )


def conv_transpose2d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, negative_slope=None
):
    """Every pixel adds its multiple of the kernel to the output: conv2d's gradient for its input, used to enlarge.

    input (N, C, H, W) or (C, H, W), weight (C, O/groups, KH, KW), bias (O,) -> (N, O, OH, OW) with
    OH = (H - 1) stride - 2 padding + dilation (KH - 1) + 1 + output_padding. negative_slope: as in conv2d. ValueError if
    shapes do not fit.
    """
    return _convolve_transposed(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation, negative_slope
    )


def conv_transpose3d(
    input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1, negative_slope=None
):
    """`conv_transpose2d` with three spatial axes: (N, C, D, H, W), weight (C, O/groups, KD, KH, KW) -> (N, O, ...)."""
    return _convolve_transposed(
        3, input, weight, bias, stride, padding, output_padding, groups, dilation, negative_slope
    )

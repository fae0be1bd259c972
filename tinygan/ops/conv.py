"""Convolution in any number of dimensions, and its two relatives, each the gradient of the others.

`conv`, `conv_transpose` and `conv_weight` are linear in each of two arguments, and the gradient of any one is made of
the other two, so they can be differentiated as often as one likes. All the geometry is in one picture, in `windows.py`:
window t of an image, at offset k of the kernel, looks at pixel stride * t + dilation * k - padding. The three ops read
these windows or add to them:

    conv            Σ over channels and offsets:  y[n, t, o]  = Σ windows[n, t, k, c] * w[o, k, c]
    conv_weight     Σ over images and windows:    w[o, k, c]  = Σ windows[n, t, k, c] * y[n, t, o]
    conv_transpose  adds to the windows:          windows[n, t, k, c] += Σ y[n, t, o] * w[o, k, c]

Arrays are N C H W in shape but channels-last in memory: a window row is then one run of memory, and products of windows
and weights come out where they belong. Below, `moved` arrays have their channels last. Public functions are at the end.
"""

import math
from itertools import product
from numbers import Integral

from tinygan.autodiff import Op, broadcast_to, op, raw
from tinygan.backend import split_batch, xp
from tinygan.ops.elementwise import gated
from tinygan.ops.shape import reshape
from tinygan.ops.windows import (
    Geometry,
    axes_to_last,
    block_shape,
    by_group,
    columns_of,
    last,
    offsets_are_first,
    orders,
    padded_space,
    parts_of,
    second,
    windows_of,
)

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]

# Rows of windows that pay for turning the weights (O, K) round, which takes as long as 70 of them: a sum of products (K, O)
# is 7 % faster to make, a product with weights (K, O) 4 %.
TURN_SUM, TURN_WEIGHTS = 1024, 2048


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
    library, dtype = xp(x), xp(x).result_type(x, w)
    x, w = x.transpose(axes_to_last(x.ndim)).astype(dtype, copy=False), last(w, dtype)
    weights = w.reshape(how.groups, len(w) // how.groups, -1).swapaxes(1, 2)  # (G, K, O/G)
    if len(x) * math.prod(size) >= TURN_WEIGHTS:
        weights = library.ascontiguousarray(weights)
    return second(_products(x, weights.reshape(how.groups, *w.shape[1:], -1), b, size, how, slope))


def _products(x, weights, b, size, how, slope):
    """conv of moved x with weights (G, *kernel, C/G, O/G): moved."""
    library, groups, outputs = xp(x), how.groups, how.groups * weights.shape[-1]
    x, parts = _in_parts(x, size, weights.shape[1:-2], how, weights.size)
    y = library.empty((len(x), *size, outputs), x.dtype)

    def some_samples(start, stop):
        for block, columns, matrix in _factors(x, weights, parts, how, start, stop):
            found = there = y[block]
            if not there.flags.c_contiguous:
                found = library.empty(there.shape, y.dtype)
            library.matmul(columns, matrix, out=by_group(found, groups))  # (G, M, K) @ (G, K, O/G)
            _finish(there, found, b, slope)

    split_batch(some_samples, y, work=y.size * (weights[0].size // weights.shape[-1]))
    return y


def _in_parts(x, *sizes):
    """x and its parts; contiguous if they are several, which are read where they lie."""
    parts = parts_of(x, *sizes)
    return (x if len(parts) == 1 else xp(x).ascontiguousarray(x)), parts


def _factors(x, weights, parts, how, start, stop):
    """Yield (block, columns, matrix): conv's y[block] is columns @ matrix, one for each group."""
    groups, each = len(weights), weights.shape[-1]
    for part in parts:
        matrix = weights[(slice(None), *part.offsets)].reshape(groups, -1, each)
        for block, columns in columns_of(x, groups * each, part, how, start, stop):
            yield block, columns, matrix


def _finish(there, found, b, slope):
    """there = leaky ReLU(found + b), by the last of its passes over `found`; b and slope may be None."""
    library = xp(found)
    if b is not None:
        found = library.add(found, b, out=there if slope is None else found)
    if slope is not None:
        library.maximum(found, found * slope if slope else 0, out=there)
    elif b is None and found is not there:
        there[...] = found


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
    g, w = last(g, dtype), last(w, dtype)
    axes = list(zip(kernel, how.stride, how.dilation, how.padding))
    if all(k % s == 0 and (s == 1 or d == 1) and p // s <= d * (k // s - 1) for k, s, d, p in axes):
        x = _sum_of_windows(g, w, b, size, how, slope)
        if x is not None:
            return second(x)
    channels, count = w.shape[-1] * how.groups, g.shape[1:-1]
    together = min(how.stride[-1], kernel[-1]) if how.dilation[-1] == 1 else 1
    by_rows = offsets_are_first(count, kernel, w.shape[-1])
    if by_rows:
        add_to, weights = _add_rows_to_windows, w.reshape(how.groups, len(w) // how.groups, -1)
    else:
        add_to = _add_to_windows
        weights = _weights_by_offset(w.reshape(how.groups, len(w) // how.groups, *kernel, -1), together)
    x = library.empty((len(g), *size, channels), dtype)
    padded, inside = padded_space(size, count, kernel, how)
    elements = math.prod(padded) * channels + math.prod(count) * (g.shape[-1] + together * channels)
    if not by_rows:  # blocks of a quarter: sums are read and written in the cache, 24.3 ms, not 26.4
        elements *= 4

    def some_samples(start, stop):
        samples, _ = block_shape(g, stop - start, 1, elements, w.size)
        image = library.empty((samples, *padded, channels), dtype)
        windows = windows_of(image, count, kernel, how)  # (N, *count, *kernel, G, C/G)
        windows = windows.transpose(orders(len(count))[0])  # (G, N, *count, *kernel, C/G)
        for i in range(start, stop, samples):
            part = g[i : min(i + samples, stop)]
            image[...] = 0
            add_to(windows[:, : len(part)], part, weights)
            _finish(x[i : i + len(part)], image[: len(part)][inside], b, slope)

    split_batch(some_samples, x, work=g.size * w[0].size)
    return second(x)


def _sum_of_windows(g, w, b, size, how, slope):
    """conv_transpose, moved, where every pixel is a sum over equally many t: that is conv, of which g is the image.

    Its window u gives `stride` pixels on each axis, the phases, from stride * u on, through every stride-th offset of the
    kernel, turned round. 1.3 to 4 times faster than adding for stride 1, by 5 % for more; None if it would be slower.
    """
    library, groups, stride, axes = xp(g), how.groups, how.stride, len(size)
    taps = tuple(k // s for k, s in zip(w.shape[1:-1], stride))
    crop = [p % s for p, s in zip(how.padding, stride)]
    count = tuple((c + n - 1) // s + 1 for c, n, s in zip(crop, size, stride))
    padding = tuple(d * (t - 1) - p // s for d, t, p, s in zip(how.dilation, taps, how.padding, stride))
    windows = Geometry((1,) * axes, padding, how.dilation, groups)
    if max(stride) == 1:
        return _products(g, _turned(w, taps, how), b, size, windows, slope)
    g, parts = _in_parts(g, count, taps, windows, w.size)
    if len(parts) == 1 or len(g) * math.prod(count) < TURN_WEIGHTS:  # zeros would cost more than adding
        return None
    weights = _turned(w, taps, how)
    x = library.empty((len(g), *size, groups * w.shape[-1]), g.dtype)
    in_place = (n for axis in range(2, 2 + axes) for n in (axis, axis + axes))
    order = 1, *in_place, 0, 2 + 2 * axes  # (G, N, *u, *phases, C/G) -> (N, u, phase, u, phase, ..., G, C/G)

    def some_samples(start, stop):
        for (samples, *here), columns, matrix in _factors(g, weights, parts, windows, start, stop):
            shape = [samples.stop - samples.start, *(u.stop - u.start for u in here)]
            found = (columns @ matrix).reshape(groups, *shape, *stride, -1).transpose(order)
            image = found.reshape(shape[0], *(n * s for n, s in zip(shape[1:], stride)), x.shape[-1])
            first = [s * u.start - c for s, u, c in zip(stride, here, crop)]
            pixels = [slice(max(0, f), min(n, f + m)) for f, n, m in zip(first, size, image.shape[1:])]
            inside = [slice(p.start - f, p.stop - f) for p, f in zip(pixels, first)]
            _finish(x[(samples, *pixels)], image[(slice(None), *inside)], b, slope)

    split_batch(some_samples, x, work=g.size * w[0].size)
    return x


def _turned(w, taps, how):
    """Weights (G, *taps, O/G, phases * C/G) that lead from outputs to inputs, of moved w: every axis of taps reversed."""
    axes = range(2, 2 + 2 * len(taps), 2)
    split = [n for pair in zip(taps, how.stride) for n in pair]
    w = w.reshape(how.groups, len(w) // how.groups, *split, -1)  # (G, O/G, taps, phases, taps, phases, ..., C/G)
    w = xp(w).flip(w, tuple(axes)).transpose(0, *axes, 1, *(a + 1 for a in axes), w.ndim - 1)
    return w.reshape(how.groups, *taps, w.shape[1 + len(taps)], -1)


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
    rows, before = by_group(g, len(windows)), (slice(None),) * g.ndim  # rows (G, M, O/G)
    for k, weights in parts:
        there = windows[before + k]
        there += (rows @ weights).reshape(there.shape)  # (G, M, together * C/G)


def _add_rows_to_windows(windows, g, weights):
    """The same for one channel in a group, weights (G, O/G, K): one product for all offsets, and sums along rows of g."""
    found = by_group(g, len(windows)) @ weights  # (G, M, K)
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
    x, g = x.transpose(axes_to_last(x.ndim)).astype(dtype, copy=False), last(g, dtype)
    groups, outputs, per_group, count = how.groups, g.shape[-1], x.shape[-1] // how.groups, g.shape[1:-1]
    turn = len(g) * math.prod(count) >= TURN_SUM
    kernel, each, weights = (*size, per_group), outputs // groups, outputs * math.prod(size) * per_group
    x, parts = _in_parts(x, count, size, how, weights)

    def some_samples(start, stop):
        total = library.zeros((groups, *kernel, each) if turn else (groups, each, *kernel), dtype)
        for part in parts:
            there = total[(slice(None), *part.offsets) if turn else (slice(None), slice(None), *part.offsets)]
            for block, columns in columns_of(x, outputs, part, how, start, stop):
                rows = by_group(g[block], groups)  # (G, M, O/G); columns are (G, M, K)
                found = columns.swapaxes(1, 2) @ rows if turn else rows.swapaxes(1, 2) @ columns
                there += found.reshape(there.shape)
        return total

    total, *others = split_batch(some_samples, g, work=len(g) * math.prod(count) * weights)
    for part in others:
        total += part
    if turn:
        total = library.ascontiguousarray(total.reshape(groups, -1, each).swapaxes(1, 2))
    return second(total.reshape(outputs, *kernel))


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

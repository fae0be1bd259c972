"""Pooling: each window of an image becomes its largest element or its mean. Windows are those of `conv.py`; read it first.

Sums and choices over windows are taken one kernel offset at a time, for all windows of a few samples at once: a few large
additions in the cache and no loop over pixels. Arrays are N C H W in shape, channels-last in memory; `moved` arrays have
their channels last.
"""

import math
from functools import cache
from itertools import product, repeat

import numpy as np

from tinygan.autodiff import Fused, op, raw
from tinygan.backend import is_numpy, split_batch, xp
from tinygan.ops.conv import per_axis
from tinygan.ops.shape import reshape
from tinygan.ops.windows import Geometry, last, padded_space, second, windows_of

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool2d"]

BLOCK = 1 << 17  # elements of the largest array that are worked on at a time (measured best of 2^16 ... 2^18)


def _by_samples(fill, size, *arrays, dtype=None):
    """The array (N, C, *size) that fill(y, *arrays), all of them moved, fills a few samples at a time."""
    first = arrays[0]
    y = xp(first).empty((len(first), *size, first.shape[1]), dtype or first.dtype)
    largest = max(a.size for a in (y, *arrays))
    few = max(1, BLOCK * len(y) // max(1, largest)) if is_numpy(y) else len(y)

    def some_samples(start, stop):
        for i in range(start, stop, few):
            at = slice(i, min(i + few, stop))
            fill(y[at], *(last(a[at]) for a in arrays))

    split_batch(some_samples, y, work=100 * largest)
    return second(y)


def _by_offset(image, size, kernel, how):
    """For each kernel offset, the view (N, *size, C) of what all windows of a padded moved image hold there."""
    windows = windows_of(image, size, kernel, how)  # (N, *size, *kernel, 1, C)
    before = (slice(None),) * (1 + len(size))
    return [windows[(*before, *k, 0)] for k in product(*map(range, kernel))]


def _seen(x, size, kernel, how, fill):
    """`_by_offset` of moved x (N, *space, C), with `fill` around it as far as windows reach."""
    padded, inside = padded_space(x.shape[1:-1], size, kernel, how)
    if padded != x.shape[1:-1]:
        image = xp(x).full((len(x), *padded, x.shape[-1]), fill, x.dtype)
        image[inside] = x
        x = image
    return _by_offset(x, size, kernel, how)


def _add_up(x, parts, count, kernel, how):
    """Fill moved x with the sums of `parts`, one for each kernel offset, each added to all windows (N, *count, C) there."""
    padded, inside = padded_space(x.shape[1:-1], count, kernel, how)
    tiles = how.stride == kernel and padded == tuple(t * k for t, k in zip(count, kernel))  # each pixel is written once
    if tiles and padded == x.shape[1:-1]:
        image = x
    else:
        image = (xp(x).empty if tiles else xp(x).zeros)((len(x), *padded, x.shape[-1]), x.dtype)
    for elements, part in zip(_by_offset(image, count, kernel, how), parts):
        if tiles:
            elements[...] = part
        else:
            elements += part
    if image is not x:
        x[...] = image[inside]


# --- sums over windows -----------------------------------------------------------------------------------------


@op(lambda g, y, x, size, kernel, how: spread(g, size=x.shape[2:], kernel=kernel, how=how))
def window_sum(x, size, kernel, how):
    """The sum of every window: x (N, C, *space) -> (N, C, *size)."""

    def fill(y, x):
        y[...] = 0
        for elements in _seen(x, size, kernel, how, 0):
            y += elements

    return _by_samples(fill, size, x)


@op(lambda d, y, g, size, kernel, how: window_sum(d, size=g.shape[2:], kernel=kernel, how=how))
def spread(g, size, kernel, how):
    """window_sum's gradient: every pixel of window t gets g[n, c, t]; g (N, C, *windows) -> (N, C, *size)."""
    return _by_samples(lambda x, g: _add_up(x, repeat(g), g.shape[1:-1], kernel, how), size, g)


# --- the largest of a window -----------------------------------------------------------------------------------


def _with_winners(x, size, kernel, how):
    """(the largest element of every window, the number of the kernel offset where it stands, the first of equals)."""
    number = "uint8" if math.prod(kernel) <= 256 else "int32"
    winner = second(xp(x).zeros((len(x), *size, x.shape[1]), number))

    def fill(y, x, winner):
        first, *others = _seen(x, size, kernel, how, -math.inf)
        y[...] = first
        for k, elements in enumerate(others, 1):
            larger = (elements > y).astype(number)
            larger *= k
            xp(x).maximum(winner, larger, out=winner)  # of several numbers the last, k grows
            xp(x).maximum(y, elements, out=y)

    return _by_samples(fill, size, x, winner), winner


@op(lambda g, y, x, size, kernel, how: put(
    g, _with_winners(raw(x), size, kernel, how)[1], size=x.shape[2:], kernel=kernel, how=how
))  # fmt: skip
def _largest(x, size, kernel, how):
    return _with_winners(x, size, kernel, how)[0]


def window_max(x, size, kernel, how):
    """The largest element of every window: x (N, C, *space) -> (N, C, *size)."""
    return _largest(x, size=size, kernel=kernel, how=how)


@op(
    lambda d, y, g, winner, size, kernel, how: pick(d, winner, size=g.shape[2:], kernel=kernel, how=how),
    None,
)
def put(g, winner, size, kernel, how):
    """window_max's gradient: the winner of window t gets g[n, c, t]; g (N, C, *windows) -> (N, C, *size)."""

    def parts(g, winner):
        part = xp(g).empty_like(g)
        for k in range(math.prod(kernel)):
            part[...] = winner == k
            part *= g
            yield part

    def fill(x, g, winner):
        _add_up(x, parts(g, winner), g.shape[1:-1], kernel, how)

    return _by_samples(fill, size, g, winner)


@op(
    lambda g, y, x, winner, size, kernel, how: put(g, winner, size=x.shape[2:], kernel=kernel, how=how),
    None,
)
def pick(x, winner, size, kernel, how):
    """The element of every window that `winner` names: x (N, C, *space) -> (N, C, *size)."""

    def fill(y, x, winner):
        y[...] = 0
        for k, elements in enumerate(_seen(x, size, kernel, how, 0)):
            y += elements * (winner == k)

    return _by_samples(fill, size, x, winner)


def _max_backward(g, y, winner, need, x, size, kernel, how):
    return [put(g, winner, size=x.shape[2:], kernel=kernel, how=how)]


window_max = Fused(_with_winners, _max_backward, window_max, arity=1)


# --- public functions ------------------------------------------------------------------------------------------


def _geometry(name, axes, input, kernel_size, stride, padding, dilation, ceil_mode):
    """(number of windows per axis, kernel, Geometry), or a ValueError that says what does not fit."""
    kernel = per_axis(kernel_size, axes, f"{name}: kernel_size", 1)
    stride = kernel if stride is None or stride == () else per_axis(stride, axes, f"{name}: stride", 1)
    padding = per_axis(padding, axes, f"{name}: padding", 0)
    dilation = per_axis(dilation, axes, f"{name}: dilation", 1)
    shape, size = tuple(input.shape), []
    if len(shape) != axes + 2:
        raise ValueError(
            f"{name}: input {shape} must have {axes + 2} dimensions (N, C, ...), {axes + 1} without a batch"
        )
    for n, k, s, p, d in zip(shape[2:], kernel, stride, padding, dilation):
        if 2 * p > k:
            raise ValueError(
                f"{name}: padding {padding} must be at most half of the kernel {kernel}: a window of nothing"
            )
        count = (n + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        size.append(count - 1 if ceil_mode and (count - 1) * s >= n + p else count)  # the last must begin inside
    if min(size) < 1:
        raise ValueError(f"{name}: kernel {kernel} is larger than input {shape} padded by {padding}: use a smaller one")
    return tuple(size), kernel, Geometry(stride, padding, dilation, 1)


def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
    """The largest element of every window, the gradient going to the first of equals.

    input (N, C, H, W) or (C, H, W) -> (N, C, OH, OW), OH = (H + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1,
    rounded down, or up with ceil_mode; stride is kernel_size if not given. Padding never wins.
    """
    if input.ndim == 3:
        y = max_pool2d(reshape(input, (1, *input.shape)), kernel_size, stride, padding, dilation, ceil_mode)
        return reshape(y, y.shape[1:])
    size, kernel, how = _geometry("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)
    return window_max(input, size=size, kernel=kernel, how=how)


@cache
def _mean_factors(space, size, kernel, stride, padding, count_include_pad):
    """1 / (number of elements) of every window (*size); one number if all agree. Windows may reach beyond the padding."""
    counts = []
    for n, t, k, s, p in zip(space, size, kernel, stride, padding):
        start = np.arange(t) * s - p
        low, high = (-p, n + p) if count_include_pad else (0, n)
        counts.append(np.minimum(start + k, high) - np.maximum(start, low))
    factors = 1.0 / math.prod(np.ix_(*counts))
    return float(factors.flat[0]) if (factors == factors.flat[0]).all() else factors


def _average(name, axes, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor):
    if input.ndim == axes + 1:
        batch = reshape(input, (1, *input.shape))
        y = _average(name, axes, batch, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)
        return reshape(y, y.shape[1:])
    size, kernel, how = _geometry(name, axes, input, kernel_size, stride, padding, 1, ceil_mode)
    total = window_sum(input, size=size, kernel=kernel, how=how)
    if divisor is not None:
        return total * (1 / divisor)
    factors = _mean_factors(tuple(input.shape[2:]), size, kernel, how.stride, how.padding, count_include_pad)
    return total * (factors if isinstance(factors, float) else xp(raw(input)).asarray(factors.astype(input.dtype)))


def avg_pool1d(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of every window: (N, C, L) or (C, L) -> (N, C, OL). See `avg_pool2d`."""
    return _average("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
):
    """The mean of every window; padding counts as zeros, or not at all with count_include_pad=False.

    input (N, C, H, W) or (C, H, W) -> (N, C, OH, OW), OH = (H + 2 padding - kernel_size) / stride + 1, rounded down, or
    up with ceil_mode; stride is kernel_size if not given. divisor_override: divide the sum by this number instead.
    """
    return _average(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )

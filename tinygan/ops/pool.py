"""Pooling: each window of an image becomes its largest element or its mean. Windows are those of `conv.py`; read it first.

Sums and choices over windows are taken one kernel offset at a time, for all windows at once: a few large additions and
no loop over pixels. Arrays are N C H W in shape, channels-last in memory; `moved` arrays have their channels last.
"""

import math
from functools import cache
from itertools import product

import numpy as np

from tinygan.autodiff import op, raw
from tinygan.backend import xp
from tinygan.ops.conv import Geometry, last, padded_space, per_axis, windows_of
from tinygan.ops.shape import reshape

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool2d"]


def _by_offset(image, size, kernel, how):
    """For each kernel offset, the view (N, *size, C) of what all windows of a padded image hold there."""
    windows = windows_of(image, size, kernel, how)  # (N, *size, *kernel, 1, C)
    before = (slice(None),) * (1 + len(size))
    return [windows[(*before, *k, 0)] for k in product(*map(range, kernel))]


def _padded(x, size, kernel, how, fill):
    """x (N, C, *space) moved, with `fill` around it as far as windows reach."""
    moved = xp(x).moveaxis(x, 1, -1)
    padded, inside = padded_space(x.shape[2:], size, kernel, how)
    if padded == x.shape[2:]:
        return moved
    image = xp(x).full((len(x), *padded, x.shape[1]), fill, x.dtype)
    image[inside] = moved
    return image


def _added_up(part, g, size, kernel, how):
    """The image (N, C, *size) in which part(k), moved like g (N, C, *windows), was added to all windows at offset k."""
    padded, inside = padded_space(size, g.shape[2:], kernel, how)
    tiles = how.stride == kernel and padded == tuple(t * k for t, k in zip(g.shape[2:], kernel))
    new = xp(g).empty if tiles else xp(g).zeros  # tiles fill the image, and each pixel is written once
    image = new((len(g), *padded, g.shape[1]), g.dtype)
    for k, elements in enumerate(_by_offset(image, g.shape[2:], kernel, how)):
        if tiles:
            elements[...] = part(k)
        else:
            elements += part(k)
    return xp(g).moveaxis(image[inside], -1, 1)


# --- sums over windows -----------------------------------------------------------------------------------------


@op(lambda g, y, x, size, kernel, how: spread(g, size=x.shape[2:], kernel=kernel, how=how))
def window_sum(x, size, kernel, how):
    """The sum of every window: x (N, C, *space) -> (N, C, *size)."""
    first, *others = _by_offset(_padded(x, size, kernel, how, fill=0), size, kernel, how)
    total = first.copy()
    for elements in others:
        total += elements
    return xp(x).moveaxis(total, -1, 1)


@op(lambda d, y, g, size, kernel, how: window_sum(d, size=g.shape[2:], kernel=kernel, how=how))
def spread(g, size, kernel, how):
    """window_sum's gradient: every pixel of window t gets g[n, c, t]; g (N, C, *windows) -> (N, C, *size)."""
    moved = last(g)
    return _added_up(lambda k: moved, g, size, kernel, how)


# --- the largest of a window -----------------------------------------------------------------------------------


def _to_winners(g, y, x, size, kernel, how):
    return put(g, winners(raw(x), raw(y), size, kernel, how), size=x.shape[2:], kernel=kernel, how=how)


@op(_to_winners)
def window_max(x, size, kernel, how):
    """The largest element of every window: x (N, C, *space) -> (N, C, *size)."""
    first, *others = _by_offset(_padded(x, size, kernel, how, fill=-math.inf), size, kernel, how)
    largest = first.copy()
    for elements in others:
        xp(x).maximum(largest, elements, out=largest)
    return xp(x).moveaxis(largest, -1, 1)


def winners(x, largest, size, kernel, how):
    """The number of the kernel offset that holds the `largest` of every window, the first of equals: moved array."""
    *offsets, _ = _by_offset(_padded(x, size, kernel, how, fill=-math.inf), size, kernel, how)
    largest, number = last(largest), "uint8" if len(offsets) < 256 else "int32"
    winner, found = xp(x).zeros(largest.shape, number), xp(x).zeros(largest.shape, bool)
    for elements in offsets:
        found |= elements == largest
        winner += (~found).view("uint8")  # a step further wherever it has not been found
    return winner


@op(
    lambda d, y, g, winner, size, kernel, how: pick(d, winner, size=g.shape[2:], kernel=kernel, how=how),
    None,
)
def put(g, winner, size, kernel, how):
    """window_max's gradient: the winner of window t gets g[n, c, t]; g (N, C, *windows) -> (N, C, *size)."""
    moved = last(g)
    return _added_up(lambda k: moved * (winner == k).astype(g.dtype), g, size, kernel, how)


@op(
    lambda g, y, x, winner, size, kernel, how: put(g, winner, size=x.shape[2:], kernel=kernel, how=how),
    None,
)
def pick(x, winner, size, kernel, how):
    """The element of every window that `winner` names: x (N, C, *space) -> (N, C, *size)."""
    picked = xp(x).zeros(winner.shape, x.dtype)
    for k, elements in enumerate(_by_offset(_padded(x, size, kernel, how, fill=0), size, kernel, how)):
        picked += elements * (winner == k)
    return xp(x).moveaxis(picked, -1, 1)


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

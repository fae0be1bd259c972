"""Pooling: each window of an image becomes its largest element or its mean. `windows.py` says what windows are.

A sum over windows and its gradient, `spread`, are linear. So are `pick`, which takes one element of each window, and its
gradient `put`; the largest element is the one that `pick` takes where the winner stands. The bodies below are the textbook
forms; training runs the kernels of `kernels/pool.py`.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, fused, op, raw
from tinygan.backend import Array, xp
from tinygan.ops.elementwise import where
from tinygan.ops.kernels import pool as kernels
from tinygan.ops.reduce import max, sum
from tinygan.ops.shapes import flatten, gather, reshape, squeeze, unsqueeze
from tinygan.ops.windows import Geometry, PerAxis, add_windows, of_whole_numbers, per_axis, windows_of

__all__ = ["avg_pool1d", "avg_pool2d", "max_pool2d"]


def _flat_windows(x: TensorLike, size: tuple, kernel: tuple, geometry: Geometry, outside: float = 0.0) -> Tensor:
    """Return the windows of x (N, C, *space) with their elements along one axis: (N, C, *size, elements)."""
    return flatten(windows_of(x, size, kernel, geometry, outside), 2 + len(size))


# --- sums over windows -----------------------------------------------------------------------------------------


@op(
    lambda g, y, x, size, kernel, geometry: spread(g, size=x.shape[2:], kernel=kernel, geometry=geometry),
    kernel=kernels.window_sum,
)
def window_sum(x: TensorLike, size: tuple, kernel: tuple, geometry: Geometry) -> Tensor:
    """Return the sum of every window: x (N, C, *space) -> (N, C, *size)."""
    return sum(_flat_windows(x, size, kernel, geometry), -1)


window_sum.shown = "avg_pool"


@op(
    lambda d, y, g, size, kernel, geometry: window_sum(d, size=g.shape[2:], kernel=kernel, geometry=geometry),
    kernel=kernels.spread,
)
def spread(g: TensorLike, size: tuple, kernel: tuple, geometry: Geometry) -> Tensor:
    """Return window_sum's gradient: every pixel of window t gets g[n, c, t]; g (N, C, *windows) -> (N, C, *size)."""
    everywhere = xp(raw(g)).ones(kernel, g.dtype)
    windows = reshape(g, (*g.shape, *[1] * len(kernel))) * everywhere  # (N, C, *windows, *kernel)
    return add_windows(windows, size, geometry)


spread.shown = "interpolate"


# --- the largest of a window -----------------------------------------------------------------------------------


def _put_at_winners(g, y, x, size, kernel, geometry):
    _, winner = kernels.window_max(raw(x), size, kernel, geometry)
    return put(g, winner, size=x.shape[2:], kernel=kernel, geometry=geometry)


@op(_put_at_winners, kernel=lambda *args, **const: kernels.window_max(*args, **const)[0])
def _largest(x: TensorLike, size: tuple, kernel: tuple, geometry: Geometry) -> Tensor:
    """Return `window_max`. Its gradient finds the winners again; that of `window_max` has them from the way forward."""
    return max(_flat_windows(x, size, kernel, geometry, outside=-math.inf), -1).values


_largest.shown = "max_pool2d"


def _max_backward(g, y, winner, need, x, size, kernel, geometry):
    return [put(g, winner, size=x.shape[2:], kernel=kernel, geometry=geometry)]


@fused(kernels.window_max, _max_backward, arity=1)
def window_max(x: TensorLike, size: tuple, kernel: tuple, geometry: Geometry) -> Tensor:
    """Return the largest element of every window: x (N, C, *space) -> (N, C, *size). First gradients reuse the winners."""
    return _largest(x, size=size, kernel=kernel, geometry=geometry)


window_max.shown = "max_pool2d"


@op(
    lambda d, y, g, winner, size, kernel, geometry: pick(
        d, winner, size=g.shape[2:], kernel=kernel, geometry=geometry
    ),
    None,
    kernel=kernels.put,
)
def put(g: TensorLike, winner: Array, size: tuple, kernel: tuple, geometry: Geometry) -> Tensor:
    """Return window_max's gradient: the winner of window t gets g[n, c, t]; g (N, C, *windows) -> (N, C, *size)."""
    offsets = xp(winner).arange(math.prod(kernel))
    windows = where(winner[..., None] == offsets, unsqueeze(g, -1), 0.0)  # (N, C, *windows, elements)
    return add_windows(reshape(windows, (*g.shape, *kernel)), size, geometry)


@op(
    lambda g, y, x, winner, size, kernel, geometry: put(
        g, winner, size=x.shape[2:], kernel=kernel, geometry=geometry
    ),
    None,
    kernel=kernels.pick,
)
def pick(x: TensorLike, winner: Array, size: tuple, kernel: tuple, geometry: Geometry) -> Tensor:
    """Return the element of every window that `winner` names: x (N, C, *space) -> (N, C, *size)."""
    return squeeze(gather(_flat_windows(x, size, kernel, geometry), -1, winner[..., None]), -1)


# --- public functions ------------------------------------------------------------------------------------------


def _geometry(name, axes, input, kernel_size, stride, padding, dilation, ceil_mode) -> tuple[tuple, tuple, Geometry]:
    """Return (number of windows per axis, kernel, Geometry); raise ValueError if sizes do not fit."""
    kernel = per_axis(kernel_size, axes, f"{name}: kernel_size", 1)
    stride = kernel if stride is None or stride == () else per_axis(stride, axes, f"{name}: stride", 1)
    padding = per_axis(padding, axes, f"{name}: padding", 0)
    dilation = per_axis(dilation, axes, f"{name}: dilation", 1)
    shape, size = tuple(input.shape), []
    if len(shape) != axes + 2:
        raise ValueError(
            f"{name}: input {shape} must have {axes + 2} dimensions (N, C, ...), {axes + 1} without a batch"
        )
    if shape[1] == 0:
        raise ValueError(f"{name}: input {shape} has no channels; only the batch may be empty")
    for n, k, s, p, d in zip(shape[2:], kernel, stride, padding, dilation):
        if 2 * p > k:
            raise ValueError(
                f"{name}: padding {padding} must be at most half of the kernel {kernel}, or a window would see no pixel"
            )
        count = (n + 2 * p - d * (k - 1) - 1 + (s - 1 if ceil_mode else 0)) // s + 1
        size.append(count - 1 if ceil_mode and (count - 1) * s >= n + p else count)  # the last must begin inside
    if min(size) < 1:
        raise ValueError(f"{name}: kernel {kernel} is larger than input {shape} padded by {padding}: use a smaller one")
    return tuple(size), kernel, Geometry(stride, padding, dilation, 1)


def max_pool2d(
    input: TensorLike, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False,
) -> Any:  # fmt: skip
    """Return the largest element of every window; its gradient goes to the first of equals. The last nan wins.

    input (N, C, H, W) or (C, H, W) -> (N, C, OH, OW), OH = (H + 2 padding - dilation (kernel_size - 1) - 1) / stride + 1,
    rounded down, or up with ceil_mode; stride is kernel_size if not given. Padding never wins. return_indices: return
    (values, indices), integers that count the pixels of a picture row by row.
    """
    if input.ndim == 3:
        batch = reshape(input, (1, *input.shape))
        y = max_pool2d(batch, kernel_size, stride, padding, dilation, ceil_mode, return_indices)
        return tuple(reshape(part, part.shape[1:]) for part in y) if return_indices else reshape(y, y.shape[1:])
    size, kernel, geometry = _geometry("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode)
    if not return_indices:
        return window_max(input, size=size, kernel=kernel, geometry=geometry)
    _, winner = kernels.window_max(raw(input), size, kernel, geometry)
    indices = _numbers_of_pixels(winner, input.shape[3], kernel, geometry)
    values = pick(input, winner, size=size, kernel=kernel, geometry=geometry)
    return values, Tensor(indices) if isinstance(input, Tensor) else indices


def _numbers_of_pixels(winner: Array, width: int, kernel: tuple, geometry: Geometry) -> Array:
    """Return the number of the pixel, counted row by row, at offset winner[n, c, t] of every window t."""
    offsets = xp(winner).divmod(winner.astype("int64"), kernel[1])
    rows, columns = (
        s * xp(winner).arange(t).reshape(shape) + d * k - p
        for k, t, shape, s, p, d in zip(offsets, winner.shape[2:], ((-1, 1), (-1,)), *geometry[:3])
    )
    return rows * width + columns


@cache
def _mean_factors(space, size, kernel, stride, padding, count_include_pad):
    """Return 1 / (number of elements) of every window (*size), one number if all agree. A window may end past the padding."""
    counts = []
    for n, t, k, s, p in zip(space, size, kernel, stride, padding):
        start = np.arange(t) * s - p
        low, high = (-p, n + p) if count_include_pad else (0, n)
        counts.append(np.minimum(start + k, high) - np.maximum(start, low))
    factors: Any = 1.0 / math.prod(np.ix_(*counts))
    return float(factors.flat[0]) if (factors == factors.flat[0]).all() else factors


def _average(name, axes, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor):
    if input.dtype.kind != "f":
        settings = kernel_size, stride, padding, ceil_mode, count_include_pad, divisor
        return of_whole_numbers(lambda x: _average(name, axes, x, *settings), input, name)
    if input.ndim == axes + 1:
        batch = reshape(input, (1, *input.shape))
        y = _average(name, axes, batch, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor)
        return reshape(y, y.shape[1:])
    size, kernel, geometry = _geometry(name, axes, input, kernel_size, stride, padding, 1, ceil_mode)
    total = window_sum(input, size=size, kernel=kernel, geometry=geometry)
    if divisor == 0:
        raise ValueError(f"{name}: divisor_override must not be 0")
    if divisor is not None:
        return total * (1 / divisor)
    factors = _mean_factors(tuple(input.shape[2:]), size, kernel, geometry.stride, geometry.padding, count_include_pad)
    return total * (factors if isinstance(factors, float) else xp(raw(input)).asarray(factors.astype(input.dtype)))


def avg_pool1d(
    input: TensorLike, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    ceil_mode: bool = False, count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """Return the mean of every window: (N, C, L) or (C, L) -> (N, C, OL). See `avg_pool2d`."""
    return _average("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: TensorLike, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """Return the mean of every window; padding counts as zeros, or not at all with count_include_pad=False.

    input (N, C, H, W) or (C, H, W) -> (N, C, OH, OW), OH = (H + 2 padding - kernel_size) / stride + 1, rounded down, or
    up with ceil_mode; stride is kernel_size if not given. divisor_override: divide the sum by this number instead.
    """
    return _average(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )

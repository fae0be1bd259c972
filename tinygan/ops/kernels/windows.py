"""Windows in memory: where convolution and pooling read an image, and their rows as matrices to multiply.

`ops/windows.py` has the picture: window t, at offset k of the kernel, looks at pixel stride * t + dilation * k - padding.
`strided_windows` is that picture as a view of memory, without a copy. `columns_of` copies it to matrices, block after
block, for each of the `parts_of` an image.

Arrays of ops are N C H W in shape, but the channels come last in memory: a row of a window is then one run of memory, and a
product of windows and weights writes its result where it belongs. "Channels-last" below is said of arrays whose shape
too is (N, *space, C).
"""

import math
from collections.abc import Iterator
from functools import cache
from itertools import groupby, product
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygan import threads
from tinygan.autodiff import Op
from tinygan.backend import Array, is_numpy, xp

if TYPE_CHECKING:
    from tinygan.ops.windows import Geometry

BLOCK = 1 << 19  # elements in a block: 2 MB stay in the cache (measured best of 2^18 ... 2^21)
TIMES_WEIGHTS = 2  # a block has at least so many times the weights, since it reads all of them
GPU_BLOCK = 1 << 27  # a GPU wants few large steps; half a gigabyte leaves room on a small one
PART = 32  # rows of windows: to begin another part costs as much as products with so many rows
PART_OF_WEIGHTS = 1 << 15  # with fewer weights, no part pays


# --- the order of axes in memory ---------------------------------------------------------------------------------
# Orders are remembered: a call of NumPy that works one out takes 3 us, a transposition 0.2.


@cache
def axes_to_last(ndim: int) -> tuple[int, ...]:
    """Return the order of axes that leads from (N, C, *space) to (N, *space, C)."""
    return (0, *range(2, ndim), 1)


@cache
def _axes_to_second(ndim: int) -> tuple[int, ...]:
    return (0, ndim - 1, *range(1, ndim - 1))


def channels_last(x: Array, dtype: Any = None) -> Array:
    """Return x (N, C, *space) as a contiguous array (N, *space, C): no copy if that is its order in memory."""
    return xp(x).ascontiguousarray(x.transpose(axes_to_last(x.ndim)), dtype=dtype)


def channels_second(x_last: Array) -> Array:
    """Return the view (N, C, *space) of an array (N, *space, C)."""
    return x_last.transpose(_axes_to_second(x_last.ndim))


class ImageOp(Op):
    """An op that gives an image. It puts the gradient of that image channels-last once; else each of its vjps would."""

    def pullback(self, g, y, useful, record):
        return super().pullback(g if record else channels_second(channels_last(g)), y, useful, record)


# --- the windows of an image ------------------------------------------------------------------------------------


def strided_windows(image: Array, size: tuple, kernel: tuple, geometry: "Geometry", corner: tuple | None = None) -> Array:
    """Return the view (N, *size, *kernel, G, C/G) of a padded image (N, *space, C), from pixel `corner` on.

    Its element [n, t, k] is image[n, corner + stride t + dilation k].
    """
    corner = (0,) * len(size) if corner is None else corner
    batch, *axes, channel = image.strides
    per_group = image.shape[-1] // geometry.groups
    shape = (len(image), *size, *kernel, geometry.groups, per_group)
    steps = [s * n for s, n in zip(axes, geometry.stride)] + [s * n for s, n in zip(axes, geometry.dilation)]
    strides = (batch, *steps, channel * per_group, channel)
    if is_numpy(image) and image.flags.c_contiguous:  # as_strided is Python code: among large products it takes 40 us
        return np.ndarray(shape, image.dtype, image, sum(c * n for c, n in zip(corner, axes)), strides)
    return xp(image).lib.stride_tricks.as_strided(
        image[(slice(None), *(slice(c, None) for c in corner))], shape, strides
    )


@cache
def padded_space(space: tuple, size: tuple, kernel: tuple, geometry: "Geometry") -> tuple:
    """Return (sizes of the padded image that all windows fit into, the slices of it that hold the image)."""
    reach = [(t - 1) * s + (k - 1) * d + 1 for t, k, s, d in zip(size, kernel, geometry.stride, geometry.dilation)]
    padded = tuple(max(r, p + n) for r, p, n in zip(reach, geometry.padding, space))
    return padded, (slice(None), *(slice(p, p + n) for p, n in zip(geometry.padding, space)))


def block_shape(x: Array, samples: int, rows: int, elements: int, weights: int) -> tuple[int, int]:
    """Return (samples, rows) of a block of about BLOCK elements: several samples of `elements` each, or rows of one."""
    block = max(BLOCK, TIMES_WEIGHTS * weights) if is_numpy(x) else GPU_BLOCK
    if samples * elements <= block:
        return max(1, samples), rows
    return max(1, block // elements), max(1, min(rows, block * rows // elements))


@cache
def orders(axes: int) -> tuple:
    """Return the orders of axes that make one matrix per group of windows (N, *size, *kernel, G, C/G).

    In the first the positions t are the rows and the offsets k the columns, in the second it is the other way round.
    """
    positions, offsets, group = range(axes + 1), (*range(axes + 1, 2 * axes + 1), 2 * axes + 2), 2 * axes + 1
    return (group, *positions, *offsets), (group, *offsets, *positions)


def offsets_are_first(size: tuple, kernel: tuple, per_group: int) -> bool:
    """Return whether a row of windows is a longer run of memory than a row of the kernel, and so the faster one to copy."""
    return per_group == 1 and size[-1] >= 2 * kernel[-1]


class Part(NamedTuple):
    """Windows that see the same offsets of the kernel, both as slices along every axis."""

    windows: tuple
    offsets: tuple
    corner: tuple  # the first pixel that they look at
    inside: bool  # whether all that they look at lies in the image


def parts_of(x: Array, size: tuple, kernel: tuple, geometry: "Geometry", weights: int) -> list[Part]:
    """Return the windows of channels-last x in 3 x 3 parts if that spares the products enough zeros, else in one.

    Windows at the border look at zeros: of 7 x 7 windows of 4 x 4 with padding 1, at every seventh offset. weights: their
    number. Each part reads its own again, so a part must spare more than that costs.
    """
    worth = is_numpy(x) and weights >= PART_OF_WEIGHTS
    samples = math.ceil(len(x) / threads.thread_count()) if worth else 0  # each thread has its share
    return _parts_of(samples, x.shape[1:-1], size, kernel, geometry)


@cache
def _parts_of(samples, space, size, kernel, geometry):
    axes: list[list[tuple]] = []
    seen: float = 1
    for n, count, offsets, s, p, d in zip(space, size, kernel, geometry.stride, geometry.padding, geometry.dilation):
        ends = [(max(0, -((s * t - p) // d)), min(offsets, (n - 1 + p - s * t) // d + 1)) for t in range(count)]
        runs = [(k, list(ts)) for k, ts in groupby(range(count), ends.__getitem__)]
        axes.append([(slice(ts[0], ts[-1] + 1), slice(*k)) for k, ts in runs])
        seen *= sum(b - a if a < b else math.inf for a, b in ends)  # if a window sees nothing, all stay in one part
    spared = samples * (math.prod(size) - seen / math.prod(kernel))
    if not spared > max(PART * math.prod(map(len, axes)), samples * math.prod(size) / 10):  # nor if it is nan
        axes = [[(slice(0, count), slice(0, offsets))] for count, offsets in zip(size, kernel)]
    parts = []
    for part in product(*axes):
        along = list(zip(part, space, geometry.stride, geometry.padding, geometry.dilation))
        first = [s * t.start + d * k.start - p for (t, k), _, s, p, d in along]
        inside = all(s * (t.stop - 1) + d * (k.stop - 1) - p < n for (t, k), n, s, p, d in along) and min(first) >= 0
        at, offsets = zip(*part)
        parts.append(Part(at, offsets, tuple(first), inside))
    return parts


def columns_of(x: Array, outputs: int, part: Part, geometry: "Geometry", start: int, stop: int) -> Iterator[tuple]:
    """Yield (block, columns) for samples start ... stop of channels-last x: a part's windows under y[block] as (G, M, K).

    M counts positions and K offsets with their channels. block: slices of y (N, *size, outputs), few enough to stay in
    the cache with the columns.
    """
    library, (_, *space, channels) = xp(x), x.shape
    size, kernel = (tuple([s.stop - s.start for s in slices]) for slices in part[:2])
    per_group = channels // geometry.groups
    window = math.prod(kernel) * per_group
    elements = math.prod(size) * max(window * geometry.groups, 4 * outputs)
    samples, rows = block_shape(x, stop - start, size[0], elements, window * outputs)
    in_place = part.inside and x.flags.c_contiguous
    if in_place:
        windows = strided_windows(x[start:stop], size, kernel, geometry, part.corner)
    else:  # the only part: a padded copy
        padded, inside = padded_space(tuple(space), size, kernel, geometry)
        image = library.zeros((samples, *padded, channels), x.dtype)  # its border stays 0
        windows = strided_windows(image, size, kernel, geometry)
    buffer = library.empty(samples * rows * math.prod(size[1:]) * window * geometry.groups, x.dtype)
    offsets_first = offsets_are_first(size, kernel, per_group)
    order = orders(len(size))[offsets_first]
    for i in range(start, stop, samples):
        count = min(samples, stop - i)
        if in_place:
            of_samples = windows[i - start : i - start + count]
        else:
            image[:count][inside] = x[i : i + count]
            of_samples = windows[:count]
        for r in range(0, size[0], rows):
            matrix = of_samples[:, r : r + rows].transpose(order)
            if not matrix.flags.c_contiguous:  # a 1x1 kernel's windows are a matrix already
                copy = buffer[: matrix.size].reshape(matrix.shape)
                copy[...] = matrix
                matrix = copy
            first, end = part.windows[0].start + r, part.windows[0].stop
            block = slice(i, i + count), slice(first, min(first + rows, end)), *part.windows[1:]
            if offsets_first:
                yield block, matrix.reshape(geometry.groups, window, -1).swapaxes(1, 2)
            else:
                yield block, matrix.reshape(geometry.groups, -1, window)


def by_group(x_last: Array, groups: int) -> Array:
    """Return the view (G, M, C/G) of a contiguous array (..., C): one matrix per group of channels, one row per position."""
    return x_last.reshape(math.prod(x_last.shape[:-1]), groups, -1).swapaxes(0, 1)

"""The windows at which convolution and pooling look at an image, and their rows as matrices to multiply.

Window t of an image, at offset k of the kernel, looks at pixel stride * t + dilation * k - padding. `windows_of` is that
picture as a view of memory. `columns_of` copies it to matrices, block after block, for each of the `parts_of` an image.

Arrays are N C H W in shape but channels-last in memory: a window row is then one run of memory, and products of windows
and weights come out where they belong. `moved` arrays have their channels last in shape as well.
"""

import math
from functools import cache
from itertools import groupby, product
from typing import NamedTuple

import numpy as np

from tinygan.backend import is_numpy, threads, xp

BLOCK = 1 << 19  # elements worked on at a time: 2 MB stay in the cache (measured best of 2^18 ... 2^21)
TIMES_WEIGHTS = 2  # or this many times the weights if that is more: every block reads them all anew
GPU_BLOCK = 1 << 27  # a GPU wants few large steps; half a gigabyte leaves room on a small one
PART = 32  # rows of windows: products with so many more take as long as to begin with another part
PART_OF_WEIGHTS = 1 << 15  # fewer weights make no part worth its while


class Geometry(NamedTuple):
    """Where windows lie: one number per spatial axis, and how many groups the channels fall into."""

    stride: tuple
    padding: tuple  # zeros in front; behind, as many as the windows ask for
    dilation: tuple
    groups: int


# --- layouts: calls of NumPy that work out an order of axes take 3 us, a transposition 0.2 -----------------------


@cache
def axes_to_last(ndim):
    return (0, *range(2, ndim), 1)


@cache
def _axes_to_second(ndim):
    return (0, ndim - 1, *range(1, ndim - 1))


def last(x, dtype=None):
    """x (N, C, ...) as a contiguous moved array (N, ..., C): no copy if that is its order in memory."""
    return xp(x).ascontiguousarray(x.transpose(axes_to_last(x.ndim)), dtype=dtype)


def second(moved):
    """View (N, C, ...) of a moved array (N, ..., C)."""
    return moved.transpose(_axes_to_second(moved.ndim))


# --- the windows of an image ------------------------------------------------------------------------------------


def windows_of(image, size, kernel, how):
    """View (N, *size, *kernel, G, C/G) of a padded image (N, *space, C): [n, t, k] is image[n, stride t + dilation k]."""
    return _windows_at(image, [0] * len(size), size, kernel, how)


def _windows_at(image, corner, size, kernel, how):
    """The same from pixel `corner` on."""
    batch, *axes, channel = image.strides
    per_group = image.shape[-1] // how.groups
    shape = (len(image), *size, *kernel, how.groups, per_group)
    steps = [s * n for s, n in zip(axes, how.stride)] + [s * n for s, n in zip(axes, how.dilation)]
    strides = (batch, *steps, channel * per_group, channel)
    if (
        is_numpy(image) and image.flags.c_contiguous
    ):  # as_strided is Python: among large products it takes not 2 us but 40
        return np.ndarray(shape, image.dtype, image, sum(c * n for c, n in zip(corner, axes)), strides)
    return xp(image).lib.stride_tricks.as_strided(
        image[(slice(None), *(slice(c, None) for c in corner))], shape, strides
    )


@cache
def padded_space(space, size, kernel, how):
    """(sizes of the padded image that all windows fit into, where in it the image lies); arguments are tuples."""
    reach = [(t - 1) * s + (k - 1) * d + 1 for t, k, s, d in zip(size, kernel, how.stride, how.dilation)]
    padded = tuple(max(r, p + n) for r, p, n in zip(reach, how.padding, space))
    return padded, (slice(None), *(slice(p, p + n) for p, n in zip(how.padding, space)))


def block_shape(x, samples, rows, elements, weights):
    """(samples, rows) of a block of about BLOCK elements, if a sample has `elements`: several samples or a part of one."""
    block = max(BLOCK, TIMES_WEIGHTS * weights) if is_numpy(x) else GPU_BLOCK
    if samples * elements <= block:
        return max(1, samples), rows
    return max(1, block // elements), max(1, min(rows, block * rows // elements))


@cache
def orders(axes):
    """Windows (N, *size, *kernel, G, C/G) as one matrix per group: the axes if positions come first, if offsets do."""
    positions, offsets, group = range(axes + 1), (*range(axes + 1, 2 * axes + 1), 2 * axes + 2), 2 * axes + 1
    return (group, *positions, *offsets), (group, *offsets, *positions)


def offsets_are_first(size, kernel, per_group):
    """Whether a row of windows is a longer run than a row of the kernel: copies are faster (4x4 over 14x14: by half)."""
    return per_group == 1 and size[-1] >= 2 * kernel[-1]


class Part(NamedTuple):
    """Windows that see the same offsets of the kernel, both as slices along every axis."""

    windows: tuple
    offsets: tuple
    corner: tuple  # the first pixel that they look at
    inside: bool  # whether they look at no zeros around the image


def parts_of(x, size, kernel, how, weights):
    """[Part, ...]: the windows of moved x in 3 x 3 parts if that spares the products enough zeros, else in one.

    Windows at the border look at zeros: of 7 x 7 windows of 4 x 4 with padding 1, at every seventh offset. weights: how
    many there are; each part reads its own anew.
    """
    worth = is_numpy(x) and weights >= PART_OF_WEIGHTS
    samples = math.ceil(len(x) / threads()) if worth else 0  # each thread has its share
    return _parts_of(samples, x.shape[1:-1], size, kernel, how)


@cache
def _parts_of(samples, space, size, kernel, how):
    axes, seen = [], 1
    for n, count, offsets, s, p, d in zip(space, size, kernel, how.stride, how.padding, how.dilation):
        ends = [(max(0, -((s * t - p) // d)), min(offsets, (n - 1 + p - s * t) // d + 1)) for t in range(count)]
        runs = [(k, list(ts)) for k, ts in groupby(range(count), ends.__getitem__)]
        axes.append([(slice(ts[0], ts[-1] + 1), slice(*k)) for k, ts in runs])
        seen *= sum(b - a if a < b else math.inf for a, b in ends)  # a window that sees nothing: all in one part
    spared = samples * (math.prod(size) - seen / math.prod(kernel))
    if not spared > max(PART * math.prod(map(len, axes)), samples * math.prod(size) / 10):  # nor if it is nan
        axes = [[(slice(0, count), slice(0, offsets))] for count, offsets in zip(size, kernel)]
    parts = []
    for part in product(*axes):
        along = list(zip(part, space, how.stride, how.padding, how.dilation))
        first = [s * t.start + d * k.start - p for (t, k), _, s, p, d in along]
        inside = all(s * (t.stop - 1) + d * (k.stop - 1) - p < n for (t, k), n, s, p, d in along) and min(first) >= 0
        parts.append(Part(*zip(*part), first, inside))
    return parts


def columns_of(x, outputs, part, how, start, stop):
    """Yield (block, columns) for samples start ... stop of moved x: the windows under y[block] as a matrix (G, M, K).

    These are a part's windows and offsets. block: slices of y (N, *size, outputs), small enough to stay in the cache too.
    """
    library, (_, *space, channels) = xp(x), x.shape
    size, kernel = (tuple([s.stop - s.start for s in slices]) for slices in part[:2])
    per_group = channels // how.groups
    window = math.prod(kernel) * per_group
    elements = math.prod(size) * max(window * how.groups, 4 * outputs)
    samples, rows = block_shape(x, stop - start, size[0], elements, window * outputs)
    bare = part.inside and x.flags.c_contiguous
    if bare:
        windows = _windows_at(x[start:stop], part.corner, size, kernel, how)
    else:  # the only part
        padded, inside = padded_space(tuple(space), size, kernel, how)
        image = library.zeros((samples, *padded, channels), x.dtype)  # its border stays 0
        windows = windows_of(image, size, kernel, how)
    buffer = library.empty(samples * rows * math.prod(size[1:]) * window * how.groups, x.dtype)
    offsets_first = offsets_are_first(size, kernel, per_group)
    order = orders(len(size))[offsets_first]
    for i in range(start, stop, samples):
        count = min(samples, stop - i)
        if bare:
            looks = windows[i - start : i - start + count]
        else:
            image[:count][inside] = x[i : i + count]
            looks = windows[:count]
        for r in range(0, size[0], rows):
            matrix = looks[:, r : r + rows].transpose(order)
            if not matrix.flags.c_contiguous:  # a 1x1 kernel's windows are a matrix already
                copy = buffer[: matrix.size].reshape(matrix.shape)
                copy[...] = matrix
                matrix = copy
            first, end = part.windows[0].start + r, part.windows[0].stop
            block = slice(i, i + count), slice(first, min(first + rows, end)), *part.windows[1:]
            if offsets_first:
                yield block, matrix.reshape(how.groups, window, -1).swapaxes(1, 2)
            else:
                yield block, matrix.reshape(how.groups, -1, window)


def by_group(moved, groups):
    """View (G, M, C/G) of contiguous moved (..., C): one matrix per group of channels, one row per position."""
    return moved.reshape(math.prod(moved.shape[:-1]), groups, -1).swapaxes(0, 1)

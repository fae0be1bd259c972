"""Pooling by kernel offsets: for the textbook forms, see `ops/pool.py`.

Sums and choices over windows are taken one kernel offset at a time, for all windows of a few samples at once: a few large
additions in the cache, and no loop over pixels. "Channels-last" is said of arrays (N, *space, C).
"""

import math
from collections.abc import Callable, Iterable
from itertools import product, repeat
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygan.backend import Array, is_numpy, xp
from tinygan.ops.kernels.windows import channels_last, channels_second, padded_space, strided_windows
from tinygan.threads import split_batch

if TYPE_CHECKING:
    from tinygan.ops.windows import Geometry

BLOCK = 1 << 17  # elements in a block of the largest array (measured best of 2^16 ... 2^18)


def _by_samples(fill: Callable, size: tuple, *arrays: Array) -> Array:
    """Return the array y (N, C, *size) that fill(y, *arrays), all channels-last, fills a few samples at a time."""
    first = arrays[0]
    y = xp(first).empty((len(first), *size, first.shape[1]), first.dtype)
    largest = max(a.size for a in (y, *arrays))
    few = max(1, BLOCK * len(y) // max(1, largest)) if is_numpy(y) else len(y)

    def some_samples(start, stop):
        for i in range(start, stop, few):
            at = slice(i, min(i + few, stop))
            fill(y[at], *(channels_last(a[at]) for a in arrays))

    split_batch(some_samples, y, work=100 * largest)
    return channels_second(y)


def _by_offset(image: Array, size: tuple, kernel: tuple, geometry: "Geometry") -> list[Array]:
    """Return for each kernel offset the view (N, *size, C) of what all windows of a padded channels-last image see there."""
    windows = strided_windows(image, size, kernel, geometry)  # (N, *size, *kernel, 1, C)
    positions = (slice(None),) * (1 + len(size))
    keys: list[Any] = [(*positions, *k, 0) for k in product(*map(range, kernel))]
    return [windows[key] for key in keys]


def _pad_by_offset(x: Array, size: tuple, kernel: tuple, geometry: "Geometry", outside: float) -> list[Array]:
    """Return `_by_offset` of channels-last x, with `outside` around it as far as windows reach."""
    padded, inside = padded_space(x.shape[1:-1], size, kernel, geometry)
    if padded != x.shape[1:-1]:
        image = xp(x).full((len(x), *padded, x.shape[-1]), outside, x.dtype)
        image[inside] = x
        x = image
    return _by_offset(x, size, kernel, geometry)


def _add_up(x: Array, parts: Iterable[Array], count: tuple, kernel: tuple, geometry: "Geometry") -> None:
    """Fill channels-last x: add each of `parts` (N, *count, C), one for each kernel offset, to all windows there."""
    padded, inside = padded_space(x.shape[1:-1], count, kernel, geometry)
    tiles = geometry.stride == kernel and padded == tuple(t * k for t, k in zip(count, kernel))  # each pixel is written once
    if tiles and padded == x.shape[1:-1]:
        image = x
    else:
        image = (xp(x).empty if tiles else xp(x).zeros)((len(x), *padded, x.shape[-1]), x.dtype)
    for elements, part in zip(_by_offset(image, count, kernel, geometry), parts):
        if tiles:
            elements[...] = part
        else:
            elements += part
    if image is not x:
        x[...] = image[inside]


# --- sums over windows -----------------------------------------------------------------------------------------


def window_sum(x: Array, size: tuple, kernel: tuple, geometry: "Geometry") -> Array:
    """Return `ops.pool.window_sum`."""

    def fill(y, x):
        y[...] = 0
        for elements in _pad_by_offset(x, size, kernel, geometry, 0):
            y += elements

    return _by_samples(fill, size, x)


def spread(g: Array, size: tuple, kernel: tuple, geometry: "Geometry") -> Array:
    """Return `ops.pool.spread`."""
    return _by_samples(lambda x, g: _add_up(x, repeat(g), g.shape[1:-1], kernel, geometry), size, g)


# --- the largest of a window -----------------------------------------------------------------------------------


def window_max(x: Array, size: tuple, kernel: tuple, geometry: "Geometry") -> tuple[Array, Array]:
    """Return (`ops.pool.window_max`, winner): the number of the kernel offset where it stands, the first of equals."""
    number = "uint8" if math.prod(kernel) <= 256 else "int32"
    winner = channels_second(xp(x).zeros((len(x), *size, x.shape[1]), number))

    least = -math.inf if x.dtype.kind == "f" else int(xp(x).iinfo(x.dtype).min)

    def fill(y, x, winner):
        first, *others = _pad_by_offset(x, size, kernel, geometry, least)
        y[...] = first
        for k, elements in enumerate(others, 1):
            larger = (elements > y).astype(number)
            larger *= k
            xp(x).maximum(winner, larger, out=winner)  # of several numbers the last, since k grows
            xp(x).maximum(y, elements, out=y)
        if not (is_numpy(y) and y.min() > least):  # a nan is larger than nothing, and padding is as large as `least`
            inside = _pad_by_offset(xp(x).ones((1, *x.shape[1:-1], 1), x.dtype), size, kernel, geometry, 0)
            _find_odd_winners(y, [first, *others], inside, winner)

    return _by_samples(fill, size, x, winner), winner


def _find_odd_winners(y: Array, parts: list[Array], inside: list[Array], winner: Array) -> None:
    """Set winner as `window_max` does where a window holds nan, of which the last wins, or nothing larger than padding."""
    for k in reversed(range(len(parts))):
        winner[...] = xp(y).where(inside[k] > 0, k, winner)  # the first pixel inside the image, unless another is larger
    y[...] = -math.inf if y.dtype.kind == "f" else xp(y).iinfo(y.dtype).min
    for k, elements in enumerate(parts):
        winner[...] = xp(y).where((elements > y) | (elements != elements), k, winner)
        xp(y).maximum(y, elements, out=y)


def _select(x: Array, chosen: Array, finite: bool) -> Array:
    """Return x where chosen, else 0. A product takes a tenth of the time of where, but 0 times infinity is nan."""
    return x * chosen if finite else xp(x).where(chosen, x, 0)


def _is_finite(x: Array) -> bool:
    """Return whether products of x with 0 are known to be 0. On a GPU the answer would have to be waited for: False."""
    return is_numpy(x) and math.isfinite(np.vdot(x, x))


def put(g: Array, winner: Array, size: tuple, kernel: tuple, geometry: "Geometry") -> Array:
    """Return `ops.pool.put`."""

    def parts(g, winner):
        finite = _is_finite(g)
        for k in range(math.prod(kernel)):
            yield _select(g, winner == k, finite)

    def fill(x, g, winner):
        _add_up(x, parts(g, winner), g.shape[1:-1], kernel, geometry)

    return _by_samples(fill, size, g, winner)


def pick(x: Array, winner: Array, size: tuple, kernel: tuple, geometry: "Geometry") -> Array:
    """Return `ops.pool.pick`."""

    def fill(y, x, winner):
        y[...] = 0
        finite = _is_finite(x)
        for k, elements in enumerate(_pad_by_offset(x, size, kernel, geometry, 0)):
            y += _select(elements, winner == k, finite)

    return _by_samples(fill, size, x, winner)

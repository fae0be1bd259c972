"""The windows through which convolution and pooling look at an image: one picture, and its adjoint.

Window t of an image, at offset k of the kernel, looks at pixel stride * t + dilation * k - padding; in two dimensions t, k
and the pixel are pairs. `windows_of` copies out what all windows see. `add_windows` goes back: it adds every element of every
window to its pixel. Each is the gradient of the other. `kernels/windows.py` reads the same windows without copying the image.
"""

from collections.abc import Callable
from numbers import Integral
from typing import Any, NamedTuple, TypeAlias

from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.backend import xp
from tinygan.ops.shapes import _unindex, pad

PerAxis: TypeAlias = int | tuple[int, ...]  # a setting of public functions: one number for all axes, or one for each


class Geometry(NamedTuple):
    """Where windows lie: one number per spatial axis, and the number of groups that the channels fall into."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]  # zeros in front; behind, as many as the windows ask for
    dilation: tuple[int, ...]
    groups: int


def windows_of(x: TensorLike, size: tuple, kernel: tuple, geometry: Geometry, outside: float = 0.0) -> Tensor:
    """Return the windows of images x (N, C, *space): (N, C, *size, *kernel). Beyond the image they see `outside`."""
    padded, widths = _padding(x.shape[2:], size, kernel, geometry)
    image = pad(x, [n for before_and_after in reversed(widths) for n in before_and_after], value=outside)
    return image[_pixels(image, size, kernel, geometry)]


def add_windows(windows: TensorLike, space: tuple, geometry: Geometry) -> Tensor:
    """Return images (N, C, *space) in which every pixel is the sum of all elements of windows that look at it."""
    axes = len(space)
    size, kernel = windows.shape[2 : 2 + axes], windows.shape[2 + axes :]
    padded, widths = _padding(space, size, kernel, geometry)
    key = _pixels(windows, size, kernel, geometry)
    image = _unindex(windows, key=key, shape=(*windows.shape[:2], *padded))
    return image[(..., *(slice(before, before + n) for (before, _), n in zip(widths, space)))]


def _padding(space: tuple, size: tuple, kernel: tuple, geometry: Geometry) -> tuple[list, list]:
    """Return the sizes of the padded image, and for each axis how many pixels come (before, after) the image."""
    padded, widths = [], []
    for n, t, k, s, p, d in zip(space, size, kernel, *geometry[:3]):
        padded.append(max(p + n, s * (t - 1) + d * (k - 1) + 1))
        widths.append((p, padded[-1] - p - n))
    return padded, widths


def _pixels(x: TensorLike, size: tuple, kernel: tuple, geometry: Geometry) -> tuple:
    """Return the key that picks the windows out of a padded image: for each axis the pixels stride t + dilation k."""
    arange, axes, key = xp(raw(x)).arange, len(size), []
    for axis, (s, d) in enumerate(zip(geometry.stride, geometry.dilation)):
        pixels = s * arange(size[axis])[:, None] + d * arange(kernel[axis])  # (t, k)
        shape = [1] * (2 * axes)
        shape[axis], shape[axes + axis] = pixels.shape
        key.append(pixels.reshape(shape))
    return (slice(None), slice(None), *key)


def of_whole_numbers(function: Callable, input: TensorLike, name: str) -> Tensor:
    """Return function(input), means of pictures. Means of integers are taken of floats, then rounded, halves up."""
    x = raw(input)
    if x.dtype.kind == "f":
        return function(input)
    if x.dtype.kind not in "iu":
        raise TypeError(f"{name}: {x.dtype} has no means; make it numbers: input.astype('float32')")
    means = function(x.astype("float32" if x.dtype.itemsize <= 2 else "float64"))
    limits = xp(x).iinfo(x.dtype)
    rounded = xp(x).floor(means + 0.5).clip(limits.min, limits.max).astype(x.dtype)  # bicubic means go beyond
    return Tensor(rounded) if isinstance(input, Tensor) else rounded


def per_axis(value: Any, axes: int, name: str, least: int) -> tuple[int, ...]:
    """Return `value` as a tuple of `axes` integers: one number stands for all. ValueError if one is below `least`."""
    values = tuple(value) if isinstance(value, tuple | list) else (value,)
    values = values * axes if len(values) == 1 else values
    if len(values) != axes or any(not isinstance(v, Integral) or v < least for v in values):
        raise ValueError(f"{name} must be an integer >= {least} or a tuple of {axes} of them, not {value!r}")
    return values

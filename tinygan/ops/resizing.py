"""Images made larger and smaller: interpolation, adaptive pooling, and pixels exchanged for channels.

Every kind of interpolation is linear in the pixels and works on one axis at a time, so it is one small matrix per axis,
(new size, old size), whose rows say how a new pixel is mixed from the old ones; gradients are products with its
transpose. Nearest-neighbour enlargement by a whole number, the step of many generators, goes another, faster way: it is
`pool.spread` of windows that lie side by side.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, op, raw
from tinygan.backend import Array, is_numpy, xp
from tinygan.ops.pool import spread
from tinygan.ops.shapes import WHOLE, movedim, permute, reshape
from tinygan.ops.windows import Geometry, PerAxis, of_whole_numbers, per_axis

__all__ = ["adaptive_avg_pool2d", "interpolate", "pixel_shuffle", "pixel_unshuffle"]

# --- how a new pixel is mixed from old ones: matrices (new, old) -----------------------------------------------


def _triangle(t):
    """Return, for bilinear interpolation, the weight of a pixel at distance t."""
    return np.maximum(0, 1 - np.abs(t))


def _cubic(t, a):
    """Return, for cubic convolution, the weight of a pixel at distance t. Keys 1981, eq. 15 (there a = -1/2)."""
    t = np.abs(t)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


def _step(old, new, scale, align_corners):
    """Return how many old pixels lie between a new one and the next."""
    if align_corners:
        return (old - 1) / (new - 1) if new > 1 else 0.0
    return 1 / scale if scale else old / new


def _matrix(new, old, pixels, weights):
    """Return the matrix whose row i has weights[i, j] at column pixels[i, j], added up where columns repeat."""
    matrix = np.zeros((new, old))
    np.add.at(matrix, (np.arange(new)[:, None], pixels), weights)
    return matrix


def _nearest(old, new, scale, exact):
    # PyTorch finds the pixel in float32, which decides where a position falls on the border of two
    step = np.float32(1 / scale) if scale else np.float32(old) / np.float32(new)
    pixels = np.floor((np.arange(new, dtype=np.float32) + np.float32(0.5 if exact else 0)) * step).astype(int)
    return _matrix(new, old, np.minimum(pixels, old - 1)[:, None], 1.0)


def _smooth(old, new, scale, align_corners, weight, reach):
    """Return the matrix that mixes the 2 * reach pixels around each position; beyond the edge the last pixel repeats."""
    half = 0 if align_corners else 0.5  # from the corner of a pixel to its centre
    position = (np.arange(new) + half) * _step(old, new, scale, align_corners) - half
    pixels = np.floor(position).astype(int)[:, None] + np.arange(1 - reach, 1 + reach)
    return _matrix(new, old, pixels.clip(0, old - 1), weight(position[:, None] - pixels))


def _antialiased(old, new, step, weight, reach):
    """Return the matrix whose filter, when shrinking, is as wide as a new pixel, so that every old pixel counts."""
    position = (np.arange(new) + 0.5) * step - 0.5
    distance = (np.arange(old) - position[:, None]) / max(step, 1.0)
    weights = np.where(np.abs(distance) < reach, weight(distance), 0.0)
    return weights / weights.sum(1, keepdims=True)


def _area(old, new):
    """Return the matrix of adaptive pooling: row i is the mean of pixels floor(i old / new) to ceil((i + 1) old / new)."""
    i, pixel = np.arange(new)[:, None], np.arange(old)
    inside = (pixel >= i * old // new) & (pixel < -(-(i + 1) * old // new))
    return inside / inside.sum(1, keepdims=True)


@lru_cache(maxsize=64)
def mixing_matrix(mode, old, new, scale=None, align_corners=False, antialias=False):
    """Return the matrix (new, old) of one axis. scale: new / old if the caller gave it (PyTorch's rule); None: from sizes."""
    if mode == "area":
        return _area(old, new)
    if mode.startswith("nearest"):
        return _nearest(old, new, scale, exact=mode == "nearest-exact")
    if antialias:
        weight, reach = (lambda t: _cubic(t, -0.5), 2) if mode == "bicubic" else (_triangle, 1)
        return _antialiased(old, new, _step(old, new, scale, align_corners), weight, reach)
    weight, reach = (lambda t: _cubic(t, -0.75), 2) if mode == "bicubic" else (_triangle, 1)
    return _smooth(old, new, scale, align_corners, weight, reach)


@op(lambda g, y, rows, matrix: _product(g, matrix=matrix.T))
def _product(rows: TensorLike, matrix: Array) -> Tensor:
    """Return matrix @ rows: (new, old) @ (..., old, K). A pixel that is not finite reaches those that look at it alone."""
    with np.errstate(invalid="ignore"):
        y = matrix @ rows
    if y.dtype.kind != "f" or (is_numpy(y) and math.isfinite(np.vdot(y, y))):
        return y
    library, numbers = xp(rows), rows.dtype
    seen = lambda weights, pixels: weights.astype(numbers) @ pixels.astype(numbers) > 0
    with np.errstate(invalid="ignore"):  # infinity minus infinity is nan
        y = matrix @ library.where(library.isfinite(rows), rows, 0)
        for value, pixels in (math.inf, rows == math.inf), (-math.inf, rows == -math.inf), (math.nan, rows != rows):
            y = library.where(seen(matrix > 0, pixels), y + value, y)
            y = library.where(seen(matrix < 0, pixels), y - value, y)
    return y


_product.shown = "interpolate"


def _mix(input, matrices):
    """Return (N, C, ...) with each spatial axis mixed by its matrix (new, old)."""
    library, x_last = xp(raw(input)), movedim(input, 1, -1)  # (N, *space, C)
    for axis, matrix in enumerate(matrices, 1):
        before, after = x_last.shape[:axis], x_last.shape[axis + 1 :]
        rows = reshape(x_last, (math.prod(before), x_last.shape[axis], math.prod(after)))
        mixed = _product(rows, matrix=library.asarray(matrix.astype(input.dtype)))  # (new, old) @ (..., old, ...)
        x_last = reshape(mixed, (*before, len(matrix), *after))
    return movedim(x_last, -1, 1)


# --- public functions ------------------------------------------------------------------------------------------

_MODES = {"nearest": (1, 2, 3), "nearest-exact": (1, 2, 3), "area": (1, 2, 3)} | {
    "linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)
}  # fmt: skip


def interpolate(
    input: TensorLike, size: PerAxis | None = None, scale_factor: float | tuple[float, ...] | None = None,
    mode: str = "nearest", align_corners: bool | None = None, recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Tensor:  # fmt: skip
    """Return input (N, C, *space) enlarged or shrunk to `size`, or by `scale_factor` (a number or one per axis).

    mode: "nearest", "nearest-exact", "linear" (N, C, L), "bilinear" and "bicubic" (N, C, H, W; a = -3/4), "trilinear",
    "area". align_corners: corner pixels stay where they are, instead of the corners of the image. antialias (bilinear,
    bicubic): when shrinking, widen the filter, as MATLAB's and Pillow's resize do (bicubic a = -1/2).
    recompute_scale_factor: scale_factor only gives the size, rounded down. Integers are rounded, halves up.
    """
    if not mode.startswith("nearest") and input.dtype.kind != "f":
        settings = size, scale_factor, mode, align_corners, recompute_scale_factor, antialias
        return of_whole_numbers(lambda x: interpolate(x, *settings), input, "interpolate")
    sizes = f"interpolate: input {tuple(input.shape)}"
    axes = input.ndim - 2
    if mode not in _MODES:
        raise ValueError(f"interpolate: mode {mode!r} is not one of {', '.join(_MODES)}")
    if axes not in _MODES[mode]:
        raise ValueError(f"{sizes}: mode {mode!r} needs {' or '.join(str(a + 2) for a in _MODES[mode])} dimensions")
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{sizes}: give either size or scale_factor")
    if align_corners is not None and mode in ("nearest", "nearest-exact", "area"):
        raise ValueError(f"interpolate: align_corners has no meaning in mode {mode!r}; leave it out")
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(f"interpolate: antialias is for modes bilinear and bicubic, not {mode!r}")
    space = tuple(input.shape[2:])
    scales: tuple[Any, ...] = (None,) * axes
    if size is None:
        scales = (scale_factor,) * axes if isinstance(scale_factor, float | np.number | int) else tuple(scale_factor or ())
        if len(scales) != axes:
            raise ValueError(f"{sizes}: scale_factor must be a number or one for each of {axes} axes, not {scales}")
        size = tuple(math.floor(n * s) for n, s in zip(space, scales))
        if recompute_scale_factor:
            scales = (None,) * axes
    size = per_axis(size, axes, f"{sizes}: the new size", 1)
    if min(space) < 1:
        raise ValueError(f"{sizes}: there are no pixels to interpolate")
    times = tuple(new // old for old, new in zip(space, size))
    if mode.startswith("nearest") and all(
        new == old * t and scale in (None, t) for old, new, t, scale in zip(space, size, times, scales)
    ):  # every pixel becomes a block of equal ones
        blocks = Geometry(stride=times, padding=(0,) * axes, dilation=(1,) * axes, groups=1)
        return spread(input, size=size, kernel=times, geometry=blocks)
    matrices = [
        mixing_matrix(mode, old, new, scale, bool(align_corners), antialias)
        for old, new, scale in zip(space, size, scales)
    ]
    return _mix(input, matrices)


def adaptive_avg_pool2d(input: TensorLike, output_size: int | None | tuple[int | None, ...]) -> Tensor:
    """Return the means of as many nearly equal rectangles as `output_size` says: (N, C, H, W) or (C, H, W) -> (N, C, OH, OW).

    output_size: (OH, OW), or one number for both; None leaves an axis as it is. Row i is the mean of the pixels from
    floor(i H / OH) to ceil((i + 1) H / OH). Integers are rounded, halves up.
    """
    if input.dtype.kind != "f":
        return of_whole_numbers(lambda x: adaptive_avg_pool2d(x, output_size), input, "adaptive_avg_pool2d")
    if input.ndim == 3:
        y = adaptive_avg_pool2d(reshape(input, (1, *input.shape)), output_size)
        return reshape(y, y.shape[1:])
    if input.ndim != 4 or 0 in input.shape[2:]:
        raise ValueError(
            f"adaptive_avg_pool2d: input {tuple(input.shape)} must have dimensions (N, C, H, W) or (C, H, W), and pixels"
        )
    sizes = (output_size, output_size) if output_size is None or isinstance(output_size, WHOLE) else tuple(output_size)
    if len(sizes) != 2:
        raise ValueError(f"adaptive_avg_pool2d: output_size is a number or (height, width), not {output_size}")
    size = tuple(old if new is None else new for new, old in zip(sizes, input.shape[2:]))
    size = per_axis(size, 2, f"adaptive_avg_pool2d of {tuple(input.shape)}: output_size", 1)
    return _mix(input, [mixing_matrix("area", old, new) for old, new in zip(input.shape[2:], size)])


def _check_shuffled(name: str, input: TensorLike, factor: int) -> tuple[int, ...]:
    """Return the shape of input; raise ValueError unless it is (..., C, H, W) and the factor positive."""
    if input.ndim < 3 or factor < 1:
        raise ValueError(f"{name}: input {tuple(input.shape)} must be (..., C, H, W), and the factor {factor} positive")
    return input.shape


def pixel_shuffle(input: TensorLike, upscale_factor: int) -> Tensor:
    """Make r x r pixels of r² channels: (..., C r², H, W) -> (..., C, H r, W r). Shi et al. 2016, eq. 4."""
    *lead, channels, height, width = _check_shuffled("pixel_shuffle", input, upscale_factor)
    r = upscale_factor
    if channels % (r * r):
        raise ValueError(
            f"pixel_shuffle: {channels} channels of input {tuple(input.shape)} are not a multiple of r² = {r * r}"
        )
    # by way of (N, H, W, C): the copy that brings pixels together then leaves them channels-last in memory
    x_last = movedim(reshape(input, (math.prod(lead), channels, height, width)), 1, -1)
    blocks = reshape(x_last, (x_last.shape[0], height, width, channels // (r * r), r, r))
    image = reshape(permute(blocks, (0, 1, 4, 2, 5, 3)), (x_last.shape[0], height * r, width * r, channels // (r * r)))
    image = movedim(image, -1, 1)
    return image if len(lead) == 1 else reshape(image, (*lead, *image.shape[1:]))


def pixel_unshuffle(input: TensorLike, downscale_factor: int) -> Tensor:
    """Make r² channels of r x r pixels: (..., C, H r, W r) -> (..., C r², H, W), the inverse of `pixel_shuffle`."""
    *lead, channels, height, width = _check_shuffled("pixel_unshuffle", input, downscale_factor)
    r = downscale_factor
    if height % r or width % r:
        raise ValueError(f"pixel_unshuffle: height and width of input {tuple(input.shape)} must be multiples of {r}")
    x_last = movedim(reshape(input, (math.prod(lead), channels, height, width)), 1, -1)
    blocks = reshape(x_last, (x_last.shape[0], height // r, r, width // r, r, channels))
    image = reshape(permute(blocks, (0, 1, 3, 5, 2, 4)), (x_last.shape[0], height // r, width // r, channels * r * r))
    image = movedim(image, -1, 1)
    return image if len(lead) == 1 else reshape(image, (*lead, *image.shape[1:]))

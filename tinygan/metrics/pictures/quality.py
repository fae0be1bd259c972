"""How near a picture is to a given one, pair by pair, as in super-resolution: PSNR and SSIM.

A high PSNR does not mean a sharp picture: the mean of all plausible pictures scores best. Pictures are arrays (N, 1 or
3, height, width) of values from black to white, `value_range`: (0, 1), (-1, 1) or (0, 255). It has no default, since a wrong
guess is a wrong score: .4 beside .5 scores 20 dB in [0, 1] and 26 in [-1, 1].
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, to_numpy
from tinygan.ops import interpolate

_LUMINANCE = np.array([65.481, 128.553, 24.966]) / 255  # of red, green and blue in [0, 1]: ITU-R BT.601, as in MATLAB


def psnr(
    images: ArrayLike,
    references: ArrayLike,
    value_range: tuple[float, float],
    luminance: bool = False,
    border: int = 0,
) -> Array:
    """Return 10 log₁₀(1 / mean squared error) in dB for each of the pictures (N, 1 or 3, h, w), scaled to [0, 1].

    luminance: compare the Y of BT.601 instead of red, green and blue. border: cut so many pixels from every side. The
    protocol of super-resolution is luminance=True and border=scale. Equal pictures score inf.
    """
    x, y = _prepare("psnr", images, references, value_range, luminance, border, 1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(np.square(x - y).mean((1, 2, 3)))


def ssim(
    images: ArrayLike,
    references: ArrayLike,
    value_range: tuple[float, float],
    luminance: bool = False,
    border: int = 0,
) -> Array:
    """Return the structural similarity of each of the pictures (N, 1 or 3, h, w) to its reference: 1 if equal.

    The mean over places and channels of (2μₓμᵧ + C₁)(2σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂)), C₁ = .01², C₂ =
    .03²: moments of values in [0, 1] under a Gaussian window 11 x 11 of sigma 1.5, at every place where it fits. Wang
    et al. 2004.
    """
    x, y = _prepare("ssim", images, references, value_range, luminance, border, len(_WINDOW))
    c1, c2 = 0.01**2, 0.03**2
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return similarity.mean((1, 2, 3))


_WINDOW = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_WINDOW /= _WINDOW.sum()


def _windowed(x: Array) -> Array:
    """Return the Gaussian mean of x (N, C, h, w) about every place where the window fits: (N, C, h - 10, w - 10)."""
    for axis in (2, 3):  # the square window is a product of two lines: 22 multiplications a pixel, not 121
        x = np.lib.stride_tricks.sliding_window_view(x, len(_WINDOW), axis) @ _WINDOW
    return x


def bicubic(images: ArrayLike, size: tuple[int, int]) -> Array:
    """Resize pictures (N, C, h, w) to `size`, (height, width), as MATLAB's imresize: the baseline of super-resolution.

    The kernel is the cubic with a = -1/2 of Keys 1981, widened for a smaller size so that nothing aliases.
    """
    resized: Any = interpolate(np.asarray(to_numpy(images)), size=size, mode="bicubic", antialias=True)
    return resized


def _prepare(
    name: str,
    images: ArrayLike,
    references: ArrayLike,
    value_range: tuple[float, float],
    luminance: bool,
    border: int,
    least: int,
) -> list[Array]:
    """Return both batches as float64 in [0, 1], as luminance on request, without the border; ValueError if unfit."""
    images, references = (np.asarray(to_numpy(x), np.float64) for x in (images, references))
    if images.ndim != 4 or images.shape != references.shape or 0 in images.shape or images.shape[1] not in (1, 3):
        raise ValueError(
            f"{name}: pictures {images.shape} and references {references.shape}: expected both (N, 1 or 3, h, w)"
        )
    height, width = images.shape[2:]
    if border < 0 or min(height, width) - 2 * border < least:
        raise ValueError(
            f"{name}: {height}x{width} less a border of {border}: at least {least}x{least} pixels must remain"
        )
    low, high = value_range
    if not low < high:
        raise ValueError(f"{name}: value_range {value_range}: expected (black, white), such as (-1, 1)")
    for x in (images, references):
        if not (x.min() >= low and x.max() <= high):
            raise ValueError(
                f"{name}: values from {x.min():.4g} to {x.max():.4g}: expected {low} to {high}, as value_range says; give"
                " the range of these pictures, (0, 1), (-1, 1) or (0, 255), or x.clip(black, white) what was computed"
            )
    prepared = []
    for x in (images, references):
        x = (x[:, :, border : height - border, border : width - border] - low) / (high - low)
        if luminance and x.shape[1] == 3:
            x = 16 / 255 + np.tensordot(x, _LUMINANCE, (1, 0))[:, None]
        prepared.append(x)
    return prepared

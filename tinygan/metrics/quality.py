"""How near a picture is to the one it should be (PSNR, SSIM), and how far a batch's pictures are from each other.

PSNR and SSIM compare pictures pair by pair, as in super-resolution; a high PSNR is no proof of sharpness, since the mean
of all plausible pictures scores best. Diversity needs no pairs: a generator that draws one picture for every z has 0.
Pictures are arrays (N, 1 or 3, height, width) of values from black to white, `value_range`.
"""

from typing import NamedTuple

import numpy as np

from tinygan.backend import to_numpy
from tinygan.metrics.bags import checked_bags, distance_blocks
from tinygan.ops import interpolate

_LUMINANCE = np.array([65.481, 128.553, 24.966]) / 255  # of red, green and blue in [0, 1]: ITU-R BT.601, as MATLAB's


def psnr(images, references, value_range=(-1, 1), luminance=False, border=0):
    """10 log₁₀(1 / mean squared error) in dB of pictures (N, 1 or 3, h, w), white 1, to their references -> (N,).

    Super-resolution's protocol is luminance=True (the Y of BT.601 instead of red, green and blue) and border=scale, the
    pixels shaved from every side. inf for equal pictures.
    """
    x, y = _prepared("psnr", images, references, value_range, luminance, border, 1)
    with np.errstate(divide="ignore"):
        return -10 * np.log10(np.square(x - y).mean((1, 2, 3)))


def ssim(images, references, value_range=(-1, 1), luminance=False, border=0):
    """Structural similarity of pictures (N, 1 or 3, h, w) to their references -> (N,): 1 if equal, mean over channels.

    The mean over all places of (2μₓμᵧ + C₁)(2σₓᵧ + C₂) / ((μₓ² + μᵧ² + C₁)(σₓ² + σᵧ² + C₂)), moments of values in [0, 1]
    under a Gaussian window 11 x 11 of sigma 1.5 that lies wholly inside, C₁ = .01², C₂ = .03². Wang et al. 2004.
    """
    x, y = _prepared("ssim", images, references, value_range, luminance, border, len(_WINDOW))
    c1, c2 = 0.01**2, 0.03**2
    mean_x, mean_y = _windowed(x), _windowed(y)
    var_x, var_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    return similarity.mean((1, 2, 3))


_WINDOW = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
_WINDOW /= _WINDOW.sum()


def _windowed(x):
    """The Gaussian mean of x (N, C, h, w) about every place where the window fits -> (N, C, h - 10, w - 10)."""
    for axis in (2, 3):  # the square window is a product of two lines: 22 multiplications a pixel, not 121
        x = np.lib.stride_tricks.sliding_window_view(x, len(_WINDOW), axis) @ _WINDOW
    return x


def bicubic(images, size):
    """Pictures (N, C, h, w) resized to `size`, (height, width), as MATLAB's imresize does: the baseline of E7's tables.

    Keys' cubic with a = -1/2, widened when shrinking so that nothing aliases. Keys 1981.
    """
    return interpolate(np.asarray(to_numpy(images)), size=size, mode="bicubic", antialias=True)


class Diversity(NamedTuple):
    """Mean distances between pictures: among generated ones, among real ones, and the first over the second."""

    generated: float
    real: float
    ratio: float


def diversity(generated, real):
    """Mean |xᵢ - xⱼ|, i ≠ j, of pictures or points (N, ...), beside that of real ones (M, ...) -> Diversity.

    The ratio is about 1 for a good generator and 0 for one that draws the same picture for every z. Two modes far apart
    also score high: look at `precision_recall` or the classes' shares too.
    """
    bags = [np.asarray(to_numpy(x)).reshape(len(x), -1) for x in (generated, real)]
    generated, real = (_mean_distance(x) for x in checked_bags("diversity", *bags, least=2))
    if not real:
        raise ValueError("diversity: all real samples are equal: there is nothing to compare with")
    return Diversity(generated, real, generated / real)


def _mean_distance(points):
    """The mean of |xᵢ - xⱼ|, i ≠ j, of points (N, D)."""
    n, total = len(points), 0.0
    for start, squares in distance_blocks(points, points):
        rows = np.arange(len(squares))
        squares[rows, start + rows] = 0  # the root of a rounding error of 1e-15 would be 3e-8
        total += np.sqrt(squares).sum()
    return float(total / (n * (n - 1)))


def _prepared(name, images, references, value_range, luminance, border, least):
    """Both batches as float64 in [0, 1], in luminance if asked for, shaved; after all that can be wrong was checked."""
    images, references = (np.asarray(to_numpy(x), np.float64) for x in (images, references))
    if images.ndim != 4 or images.shape != references.shape or 0 in images.shape or images.shape[1] not in (1, 3):
        raise ValueError(
            f"{name}: pictures {images.shape} and references {references.shape}: expected both (N, 1 or 3, h, w)"
        )
    height, width = images.shape[2:]
    if border < 0 or min(height, width) - 2 * border < least:
        raise ValueError(
            f"{name}: {height}x{width} less a border of {border}: at least {least}x{least} pixels must stay"
        )
    low, high = value_range
    if not low < high:
        raise ValueError(f"{name}: value_range {value_range}: expected (black, white), such as (-1, 1)")
    prepared = []
    for x in (images, references):
        x = (x[:, :, border : height - border, border : width - border] - low) / (high - low)
        if luminance and x.shape[1] == 3:
            x = 16 / 255 + np.tensordot(x, _LUMINANCE, (1, 0))[:, None]
        prepared.append(x)
    return prepared

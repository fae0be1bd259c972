"""How sharp pictures are, beside real ones: the distribution of their gradients.

A picture that is the mean of all plausible ones has a high PSNR and too few steep places. Here a picture is not compared
with the real one place by place: only how many places of it are how steep. So a wrong but sharp texture scores well, and a
blurred one badly. Print it beside PSNR, never alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, to_numpy
from tinygan.metrics.points import wasserstein_1d


def gradient_magnitudes(images: ArrayLike, value_range: tuple[float, float]) -> Array:
    """Return |∇x| of pictures (N, 1, h, w) -> (N, h - 1, w - 1), from each pixel to the next ones, in 255ths of white."""
    x = np.asarray(to_numpy(images), np.float64)
    if x.ndim != 4 or x.shape[1] != 1 or min(x.shape[2:]) < 2:
        raise ValueError(f"gradient_magnitudes: pictures {x.shape}: expected (N, 1, h, w) of at least 2x2 pixels")
    low, high = value_range
    x = x[:, 0] * (255 / (high - low))
    return np.hypot(x[:, 1:, :-1] - x[:, :-1, :-1], x[:, :-1, 1:] - x[:, :-1, :-1])


def gradient_distance(images: ArrayLike, references: ArrayLike, value_range: tuple[float, float]) -> Array:
    """Return Wasserstein's distance of the gradients of each picture from those of its reference (N, 1, h, w), in 255ths.

    W₁ = ∫ |F⁻¹(t) - G⁻¹(t)| dt, F and G being the distributions of |∇x| over the places of the two. It is 0 if they are
    equal. `gradient_floor` is what chance does.
    """
    of_images, of_references = (gradient_magnitudes(x, value_range) for x in (images, references))
    if len(of_images) != len(of_references):
        raise ValueError(f"gradient_distance: {len(of_images)} pictures and {len(of_references)} references")
    return np.array([wasserstein_1d(a.ravel(), b.ravel()) for a, b in zip(of_images, of_references)])


def gradient_floor(references: ArrayLike, value_range: tuple[float, float]) -> Array:
    """Return the distance between the gradients at even and at odd places of each picture: (N,), as `gradient_distance`."""
    places = gradient_magnitudes(references, value_range)
    odd = np.indices(places.shape[1:]).sum(0) % 2 == 1  # as on a chessboard
    return np.array([wasserstein_1d(x[odd], x[~odd]) for x in places])

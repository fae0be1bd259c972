"""How sharp pictures are, beside real ones: the distribution of their gradients.

A picture that is the mean of all plausible ones has a high PSNR and too few steep places. Here a picture is not compared
with the real one place by place: only how many places of it are how steep. So a wrong but sharp texture scores well, a
blurred one badly, and a fine chessboard laid over a blurred one well again. Print it beside PSNR and `chequered`, never
alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, to_numpy
from tinygan.metrics.points import wasserstein_1d

from .quality import bicubic, psnr


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


SQUARE = 8  # pixels of a side, of the squares that chequers are looked for in


def chequered(images: ArrayLike, value_range: tuple[float, float]) -> Array:
    """Return how strongly each picture (N, 1, h, w) is laid over with a chessboard of single pixels, (N,), in 255ths.

    The mean over squares of 8x8 pixels of |Σ ±x| / 64, + and - as on a chessboard. Steep places that are made of such a
    pattern pass for real ones in `gradient_distance`.
    """
    x = np.asarray(to_numpy(images), np.float64)
    if x.ndim != 4 or x.shape[1] != 1 or min(x.shape[2:]) < SQUARE:
        raise ValueError(f"chequered: pictures {x.shape}: expected (N, 1, h, w) of at least {SQUARE}x{SQUARE} pixels")
    rows, columns = (n // SQUARE for n in x.shape[2:])
    low, high = value_range
    squares = x[:, 0, : rows * SQUARE, : columns * SQUARE] * (255 / (high - low))
    squares = squares.reshape(len(x), rows, SQUARE, columns, SQUARE)
    sign = 1 - 2 * (np.indices((SQUARE, SQUARE)).sum(0) % 2)
    return np.abs(np.einsum("nrycx,yx->nrc", squares, sign) / SQUARE**2).mean((1, 2))


def enlargement_scores(
    made: Sequence[Array],
    small: Sequence[Array],
    large: Sequence[Array],
    value_range: tuple[float, float],
    scale: int,
    name: str = "",
) -> dict[str, float]:
    """Return mean PSNR and `gradient_distance` of enlarged pictures, beside those of bicubic interpolation of `small`.

    And how `chequered` they are, beside the real ones.

    All have one channel and may differ in size. `scale` pixels are cut from every side for PSNR. name: of these pictures,
    which each score's name gains.
    """
    rows = []
    for x, s, y in zip(made, small, large):
        x, s, y = (a.reshape(1, 1, *a.shape[-2:]) for a in (x, s, y))
        both = [a.clip(*value_range) for a in (x, bicubic(s, y.shape[2:]))]
        near = [psnr(a, y, value_range, border=scale)[0] for a in both]
        far = [gradient_distance(a, y, value_range)[0] for a in both]
        boards = [chequered(a, value_range)[0] for a in (x, y)]
        rows.append([*near, *far, gradient_floor(y, value_range)[0], *boards])
    names = (
        "psnr{}", "psnr_of_bicubic{}", "gradients{}", "gradients_of_bicubic{}", "gradients{}_of_real",
        "chequered{}", "chequered{}_of_real",
    )  # fmt: skip
    return {text.format(name): float(value) for text, value in zip(names, np.mean(rows, 0))}

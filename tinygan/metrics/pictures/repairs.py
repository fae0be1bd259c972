"""Repairs that nothing was learned for: what a network that repairs pictures is compared with.

Pictures are arrays (N, C, h, w) of values from -1 to 1, masks (N, 1, h, w) are 1 where a picture is damaged, as
`data/pictures/damages.py` makes them. Each repair is told the mask, and leaves alone what is whole.
"""

import numpy as np

from tinygan.backend import Array


def fill_mean(pictures: Array, mask: Array) -> Array:
    """Return pictures with each channel's mean of what is whole where they are damaged; unchanged if nothing is whole."""
    whole = 1 - mask
    count = whole.sum((2, 3), keepdims=True)
    mean = (pictures * whole).sum((2, 3), keepdims=True) / np.maximum(count, 1)
    return np.where((mask > 0) & (count > 0), mean, pictures).astype(np.float32)


def diffuse(pictures: Array, mask: Array, steps: int = 300) -> Array:
    """Return pictures whose damaged pixels have the mean of their four neighbours: heat that flows in from the border.

    Where nothing is whole, the picture is smoothed instead, as long as a denoised picture gains by it.
    """
    x, hole = fill_mean(pictures, mask), mask > 0
    nothing = mask.all((1, 2, 3))
    some, rest = ~nothing, nothing
    if some.any():
        y, inside = x[some], hole[some]
        for _ in range(steps):
            y = np.where(inside, _around(y), y)
        x[some] = y
    x[rest] = smooth(pictures[rest])
    return x


def smooth(pictures: Array, weight: float = 0.5) -> Array:
    """Return pictures in which each pixel is `weight` times itself plus 1 - weight times the mean of its four neighbours."""
    return (weight * pictures + (1 - weight) * _around(pictures)).astype(np.float32)


def _around(x: Array) -> Array:
    """Return the mean of the four neighbours of each pixel; the border's pixels are their own outer neighbours."""
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), "edge")
    return np.float32(0.25) * (p[..., :-2, 1:-1] + p[..., 2:, 1:-1] + p[..., 1:-1, :-2] + p[..., 1:-1, 2:])

"""Pairs of a small picture and the same one `scale` times as large, for super-resolution: whole, and crops of them."""

from collections.abc import Sequence

import numpy as np

from tinygan.backend import Array
from tinygan.ops import interpolate

from ..files import fingerprint


class Enlargements:
    """Pictures (h, w) in [0, 1] in two sizes, both in [-1, 1]: `large`, cut to multiples of `scale`, and `small`.

    The small ones are the large ones, shrunk by bicubic interpolation with antialiasing and rounded to 256 levels, as
    they would lie in a file.
    """

    def __init__(self, pictures: Sequence[Array], scale: int):
        self.scale = scale
        self.large = [_to_signed(x[: len(x) // scale * scale, : x.shape[1] // scale * scale]) for x in pictures]
        self.small = [shrink(x, scale) for x in self.large]

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.large)

    def checksum(self) -> int:
        """Return a number that other pictures do not have."""
        return fingerprint(*self.large)

    def crops(self, n: int, side: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Return n crops: large (n, 1, scale side, scale side), small (n, 1, side, side); turned and mirrored by chance.

        Every place of all pictures is as likely. A small crop is a part of the whole small picture, so its edges are right.
        """
        areas = np.array([x.size for x in self.small], float)
        large, small = (np.empty((n, 1, k * side, k * side), np.float32) for k in (self.scale, 1))
        for row, which in enumerate(rng.choice(len(areas), n, p=areas / areas.sum())):
            height, width = self.small[which].shape
            top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
            turns, mirrored = int(rng.integers(4)), rng.integers(2)
            for to, pictures, k in (large, self.large, self.scale), (small, self.small, 1):
                x = pictures[which][k * top : k * (top + side), k * left : k * (left + side)]
                to[row, 0] = np.rot90(x[:, ::-1] if mirrored else x, turns)
        return large, small

    def middles(self, side: int) -> tuple[Array, Array]:
        """Return the middle crop of every picture, as `crops` does."""
        large, small = [], []
        for x, y in zip(self.small, self.large):
            (top, left), k = ((n - side) // 2 for n in x.shape), self.scale
            small.append(x[top : top + side, left : left + side])
            large.append(y[k * top : k * (top + side), k * left : k * (left + side)])
        return np.stack(large)[:, None], np.stack(small)[:, None]


def shrink(x: Array, scale: int) -> Array:
    """Return a picture (h, w) in [-1, 1], `scale` times smaller, as 256 levels allow."""
    size = x.shape[0] // scale, x.shape[1] // scale
    small = np.asarray(interpolate(x[None, None], size=size, mode="bicubic", antialias=True))[0, 0]
    return _to_signed(np.rint(127.5 * (small.clip(-1, 1) + 1)) / 255)


def _to_signed(x: Array) -> Array:
    return (2 * x - 1).astype(np.float32)

"""What D is shown instead of single, clean samples, so that it sees a collapsed G and is not certain too early.

`pack` shows it several samples at once, `MinibatchStd` tells it how different the samples of a batch are, `blur` adds
noise, `augment` moves, dims and covers pictures. Each is differentiable: G learns through it.
"""

from collections.abc import Callable

import numpy as np

from tinygan.autodiff import TensorLike, raw
from tinygan.backend import xp
from tinygan.nn import Module
from tinygan.ops import cat, expand, matmul, mean, reshape, sqrt, square, transpose, where


def pack(x: TensorLike, packing: int) -> TensorLike:
    """Return samples (N, C, ...) as packs (N / packing, packing · C, ...): D judges each pack, real or generated, as one.

    A G that draws few different samples gives itself away. D must take packing times the channels or features. ValueError
    unless packing divides N. PacGAN, Lin et al. 2018, section 3.
    """
    if packing == 1:
        return x
    n, channels, *rest = x.shape
    if n % packing:
        raise ValueError(f"packing={packing} does not divide {n} samples: every pack needs as many")
    return reshape(x, (n // packing, packing * channels, *rest))


def blur(x: TensorLike, amount: float, rng: np.random.Generator) -> TensorLike:
    """Return x + amount · N(0, 1): real and generated samples overlap, so D cannot tell them apart with certainty.

    Sønderby et al. 2017, section 3.3, who let the amount fall to 0 over training.
    """
    if amount == 0:
        return x
    noise = rng.standard_normal(x.shape, dtype="float32")
    return x + xp(raw(x)).asarray(amount * noise, dtype=x.dtype)


class MinibatchStd(Module):
    """(N, C, ...) -> (N, C + 1, ...): one more channel that says how much the samples of a group differ.

    Its value is the standard deviation of each feature over the group, averaged over features, the same for the whole
    group. Groups are made of samples far apart in the batch, `group` of them, fewer where that does not divide N.
    Verdicts on the samples of a group depend on one another. Karras et al. 2018, section 3.
    """

    def __init__(self, group: int = 4):
        if group < 2:
            raise ValueError(f"MinibatchStd: group {group}: one sample has no spread; take 2 or more")
        self.group = group

    def forward(self, x: TensorLike) -> TensorLike:
        """(N, C, ...) -> (N, C + 1, ...)."""
        n, _, *rest = x.shape
        group = max(size for size in range(1, min(self.group, n) + 1) if n % size == 0)
        y = reshape(x, (group, n // group, -1))  # (G, N / G, features)
        spread = sqrt(mean(square(y - mean(y, 0, True)), 0) + 1e-8)  # 1e-8: the slope of √ at 0 is infinite
        spread = reshape(mean(spread, 1), (1, n // group, *[1] * (len(rest) + 1)))
        channel = reshape(expand(spread, (group, n // group, 1, *rest)), (n, 1, *rest))
        return cat([x, channel], 1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


# --- pictures --------------------------------------------------------------------------------------------------


def augment(x: TensorLike, policy: str, rng: np.random.Generator) -> TensorLike:
    """Return pictures (N, C, H, W) after the changes that `policy` names, joined by +: "translation+cutout", say.

    Each picture is changed in its own way, real and generated ones by the same policy. D has more to learn from few
    pictures. G would learn to draw the changes if only real ones were changed. ValueError for other shapes and names.
    Zhao et al. 2020, DiffAugment, whose strengths these are.
    """
    if not policy:
        return x
    if x.ndim != 4:
        raise ValueError(f"augment={policy}: samples {tuple(x.shape)}: expected pictures (N, C, H, W)")
    for name in policy.split("+"):
        if name not in CHANGES:
            raise ValueError(f"augment={policy}: expected some of {', '.join(CHANGES)}, joined by +")
        x = CHANGES[name](x, rng)
    return x


def _beside(x, array):
    """Return an array of the CPU, on the device and of the type of x."""
    return xp(raw(x)).asarray(array, dtype=x.dtype)


def _brightness(x, rng):
    """Return x + b, b uniform on ±.5, one a picture."""
    return x + _beside(x, rng.random((len(x), 1, 1, 1)) - 0.5)


def _contrast(x, rng):
    """Return m + c (x - m), m the mean of the picture, c uniform on [.5, 1.5)."""
    m = mean(x, (1, 2, 3), True)
    return (x - m) * _beside(x, rng.random((len(x), 1, 1, 1)) + 0.5) + m


def _translation(x, rng):
    """Move each picture by up to an eighth of its height and width, 0 beyond: R x Cᵀ, R and C identities moved aside."""

    def shifts(size):
        most = (size + 4) // 8
        by = rng.integers(-most, most + 1, len(x))
        places = np.arange(size)
        return _beside(x, places[:, None] == places + by[:, None, None])[:, None]  # (N, 1, size, size)

    rows, columns = shifts(x.shape[2]), shifts(x.shape[3])
    return matmul(matmul(rows, x), transpose(columns, 2, 3))


def _cutout(x, rng):
    """Set a rectangle of half the height and width to 0; its middle may be anywhere, so some of it may lie outside."""

    def cover(size):
        first = rng.integers(0, size + 1 - size % 2, (len(x), 1)) - size // 4
        places = np.arange(size)
        return (places >= first) & (places < first + size // 2)  # (N, size)

    rows, columns = cover(x.shape[2]), cover(x.shape[3])
    return where(xp(raw(x)).asarray(rows[:, None, :, None] & columns[:, None, None, :]), 0.0, x)


CHANGES: dict[str, Callable] = {
    "brightness": _brightness, "contrast": _contrast, "translation": _translation, "cutout": _cutout,
}  # fmt: skip

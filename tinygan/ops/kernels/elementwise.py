"""ReLU and leaky ReLU in place, in blocks that stay in the cache: for the textbook forms, see `ops/elementwise.py`."""

import numpy as np

from tinygan.backend import Array, is_numpy, xp
from tinygan.ops.kernels import cuda
from tinygan.threads import in_blocks


def squash(negated: Array) -> None:
    """Change -a to σ(a) = 1 / (1 + e^-a), in place; exact on both tails, as `ops.sigmoid`.

    The caller is decorated with `may_overflow`: 1 / (1 + inf) is 0. Entering that costs 2 us, as long as two small gates.
    """
    library = xp(negated)
    if library is not np:
        cuda.launch("squash", negated)
        return
    library.exp(negated, out=negated)
    negated += 1
    library.divide(1, negated, out=negated)


may_overflow = np.errstate(over="ignore")


def rectify(x: Array, slope: float, scratch: Array | None = None) -> None:
    """Change x to max(x, slope x), leaky ReLU for 0 <= slope <= 1, in place."""
    if slope and not is_numpy(x):
        cuda.launch("rectify", slope, x)
        return
    xp(x).maximum(x, xp(x).multiply(x, slope, out=scratch) if slope else 0, out=x)


def gate(target: Array, g: Array, x: Array, slope: float) -> None:
    """Set target to g where x > 0, to slope * g elsewhere; with slope 0, to 0 where x <= 0, even if g is infinite there."""
    if not is_numpy(target):
        cuda.launch("gate", g, x, slope, target) if slope else cuda.launch("gate_off", g, x, target)
    elif slope:  # np.where takes seven times as long as these four lines
        target[...] = x > 0
        target *= 1 - slope
        target += slope
        target *= g
    else:  # a mask of bits, all ones or all zeros
        off = (x <= 0).view("i1")
        off -= 1
        bits = target.view(f"i{target.itemsize}")
        bits[...] = off
        bits &= g.astype(target.dtype, copy=False).view(bits.dtype)


def gated(g: Array, x: Array, slope: float) -> Array:
    """Return `ops.elementwise.gated`. The result lies in memory as x does: channels-last, where g may come from a flatten."""
    target = xp(g).empty_like(x, g.dtype)
    in_blocks(lambda target, g, x: gate(target, g, x, slope), target, g, x)
    return target


def tanh_slope(x: Array) -> Array:
    """Return `ops.elementwise._tanh_slope`."""
    library = xp(x)

    def slope(y, x):
        library.abs(x, out=y)
        y *= -2
        library.exp(y, out=y)
        below = y + 1
        below *= below
        y *= 4
        y /= below

    y = library.empty_like(x)
    in_blocks(slope, y, x)
    return y


def relu(input: Array) -> Array:
    """Return `ops.relu`. NumPy takes twice as long for the larger of an array and one number as for that of two arrays."""
    if not is_numpy(input):
        return xp(input).maximum(input, 0)
    y = xp(input).zeros_like(input)
    return xp(input).maximum(input, y, out=y)


def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """Return `ops.leaky_relu`: the larger of x and slope x, if the slope is from 0 to 1."""
    if not 0 <= negative_slope <= 1 or not is_numpy(input):
        return gated(input, input, negative_slope)

    def larger(y, x):
        xp(x).multiply(x, negative_slope, out=y)
        xp(x).maximum(x, y, out=y)

    y = xp(input).empty_like(input)
    in_blocks(larger, y, input)
    return y

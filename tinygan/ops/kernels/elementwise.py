"""ReLU and leaky ReLU in place, in blocks that stay in the cache: for the textbook forms, see `ops/elementwise.py`."""

from tinygan.backend import Array, xp
from tinygan.threads import in_blocks


def rectify(x: Array, slope: float, scratch: Array | None = None) -> None:
    """Change x to max(x, slope x), leaky ReLU for 0 <= slope <= 1, in place."""
    xp(x).maximum(x, xp(x).multiply(x, slope, out=scratch) if slope else 0, out=x)


def gate(target: Array, g: Array, x: Array, slope: float) -> None:
    """Set target to g where x > 0, to slope * g elsewhere."""
    target[...] = x > 0  # np.where takes seven times as long as these four lines
    if slope:
        target *= 1 - slope
        target += slope
    target *= g


def gated(g: Array, x: Array, slope: float) -> Array:
    """Return `ops.elementwise.gated`. The result lies in memory as x does: channels-last, where g may come from a flatten."""
    target = xp(g).empty_like(x, g.dtype)
    in_blocks(lambda target, g, x: gate(target, g, x, slope), target, g, x)
    return target


def relu(input: Array) -> Array:
    """Return `ops.relu`. NumPy takes twice as long for the larger of an array and one number as for that of two arrays."""
    y = xp(input).zeros_like(input)
    return xp(input).maximum(input, y, out=y)


def leaky_relu(input: Array, negative_slope: float = 0.01) -> Array:
    """Return `ops.leaky_relu`: the larger of x and slope x, if the slope is from 0 to 1."""
    if not 0 <= negative_slope <= 1:
        return gated(input, input, negative_slope)

    def larger(y, x):
        xp(x).multiply(x, negative_slope, out=y)
        xp(x).maximum(x, y, out=y)

    y = xp(input).empty_like(input)
    in_blocks(larger, y, input)
    return y

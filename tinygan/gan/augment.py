"""What D is shown instead of single, clean samples, so that it sees a collapsed G and is not certain too early.

`packed` shows it several samples at once, `MinibatchStd` tells it how different the samples of a batch are, `blurred` adds
noise. Each is differentiable, for G learns through it.
"""

from tinygan.autodiff import raw
from tinygan.backend import xp
from tinygan.nn import Module
from tinygan.ops import cat, expand, mean, reshape, sqrt, square


def packed(x, packing):
    """Samples (N, C, ...) as packs (N / packing, packing · C, ...): D judges each pack, real or generated, as one.

    A G that draws few different samples gives itself away. D must take packing times the channels or features. ValueError
    unless packing divides N. PacGAN, Lin et al. 2018, section 3.
    """
    if packing == 1:
        return x
    n, channels, *rest = x.shape
    if n % packing:
        raise ValueError(f"packing={packing} does not divide {n} samples: every pack needs as many")
    return reshape(x, (n // packing, packing * channels, *rest))


def blurred(x, amount, rng):
    """x + amount · N(0, 1): real and generated samples overlap, so D cannot tell them apart with certainty.

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

    def __init__(self, group=4):
        if group < 2:
            raise ValueError(f"MinibatchStd: group {group}: one sample has no spread; take 2 or more")
        self.group = group

    def forward(self, x):
        """(N, C, ...) -> (N, C + 1, ...)."""
        n, _, *rest = x.shape
        group = max(size for size in range(1, min(self.group, n) + 1) if n % size == 0)
        y = reshape(x, (group, n // group, -1))  # (G, N / G, features)
        spread = sqrt(mean(square(y - mean(y, 0, True)), 0) + 1e-8)  # 1e-8: the slope of √ at 0 is infinite
        spread = reshape(mean(spread, 1), (1, n // group, *[1] * (len(rest) + 1)))
        channel = reshape(expand(spread, (group, n // group, 1, *rest)), (n, 1, *rest))
        return cat([x, channel], 1)

    def extra_repr(self):
        return f"group={self.group}"

"""Penalties on D's slope: a gradient of a gradient, which is why every op of tinygan can be differentiated twice.

All of them are built on `squared_slopes`: how steep D is at each sample.
"""

from tinygan.autodiff import Tensor, grad
from tinygan.ops import mean, sqrt, square, sum


def squared_slopes(verdicts, samples):
    """|∇D(x)|² for each sample: verdicts (N,) or (N, 1) computed from samples (N, ...) -> (N,), itself differentiable.

    Raises ValueError if the verdicts were not computed from these samples with a history: the penalty would be 0.
    """
    if not (isinstance(samples, Tensor) and samples.requires_grad):
        raise ValueError(
            "a slope penalty needs samples = Tensor(array, requires_grad=True), given to D before this call"
        )
    if not (isinstance(verdicts, Tensor) and verdicts.requires_grad):
        raise ValueError("a slope penalty needs verdicts with a history: D(samples), not under no_grad, not detached")
    (slope,) = grad(sum(verdicts), samples, create_graph=True)  # samples do not interact: row n is ∇D(x_n)
    if not slope.requires_grad and slope.data.size and not slope.data.any():
        raise ValueError(
            "a slope penalty needs verdicts that were computed from these samples; their slope is 0 everywhere"
        )
    return sum(square(slope), tuple(range(1, slope.ndim)))


def zero_centred(verdicts, samples):
    """E |∇D(x)|²: R1 on real samples, R2 on generated; add gamma / 2 of it. Mescheder et al. 2018, eq. 9 and 10."""
    return mean(squared_slopes(verdicts, samples))


def one_centred(verdicts, samples):
    """E (|∇D(x̂)| - 1)², x̂ between real and generated samples, usually times 10. Gulrajani et al. 2017, eq. 3."""
    return mean(square(sqrt(squared_slopes(verdicts, samples) + 1e-12) - 1))  # 1e-12: the slope of √ at 0 is infinite

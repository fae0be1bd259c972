"""Penalties on D's slope: a gradient of a gradient, which is why every op of tinygan can be differentiated twice.

All of them are built on `squared_slopes`: how steep D is at each sample. They differ in where D's slope is taken, and in
what it is pulled to, 0 or 1. `PENALTIES` has them by name, as the setting `penalty` takes them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, grad
from tinygan.backend import Array, xp
from tinygan.ops import mean, sqrt, square, sum


def squared_slopes(verdicts: Tensor, samples: Tensor) -> Tensor:
    """Return |∇D(x)|² for each sample: verdicts (N,) or (N, 1) computed from samples (N, ...) -> (N,), itself differentiable.

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


def zero_centred(verdicts: Tensor, samples: Tensor) -> Tensor:
    """Return E |∇D(x)|²: R1 on real samples, R2 on generated; add gamma / 2 of it. Mescheder et al. 2018, eq. 9 and 10."""
    return mean(squared_slopes(verdicts, samples))


def one_centred(verdicts: Tensor, samples: Tensor) -> Tensor:
    """Return E (|∇D(x̂)| - 1)², x̂ between real and generated samples, usually times 10. Gulrajani et al. 2017, eq. 3."""
    return mean(square(sqrt(squared_slopes(verdicts, samples) + 1e-12) - 1))  # 1e-12: the slope of √ at 0 is infinite


# --- where the slope is taken ----------------------------------------------------------------------------------


def between(x_real: Tensor, x_fake: Tensor, rng: np.random.Generator) -> Tensor:
    """Return x̂ = ε x_real + (1 - ε) x_fake, ε uniform on [0, 1), one a sample: a leaf whose gradient can be asked for."""
    if x_real.shape != x_fake.shape:
        raise ValueError(
            f"wgan-gp: samples {x_real.shape} and {x_fake.shape}: each real one is mixed with a generated one, so there"
            " must be as many of one shape"
        )
    share = _like(rng.random((len(x_real), *[1] * (x_real.ndim - 1)), dtype="float32"), x_real)
    return Tensor(share * x_real.data + (1 - share) * x_fake.data, requires_grad=True)


def around(x_real: Tensor, rng: np.random.Generator) -> Tensor:
    """Return x_real + c δ, δ standard normal, c half the standard deviation of all values of the batch: a leaf, as above.

    The paper leaves c open; half a standard deviation is what public implementations take.
    """
    noise = _like(rng.standard_normal(x_real.shape, dtype="float32"), x_real)
    return Tensor(x_real.data + 0.5 * x_real.data.std() * noise, requires_grad=True)


def _like(noise: Array, like: Tensor) -> Array:
    """Return noise from a generator of the CPU, on the device and of the type of a Tensor."""
    return xp(like.data).asarray(noise, dtype=like.dtype)


# --- by name ---------------------------------------------------------------------------------------------------


class Penalty(NamedTuple):
    """What is added to D's loss, before its weight gamma: value(judge, x_real, real, x_fake, fake, rng), a scalar.

    x_real and x_fake are leaves that require a gradient, real and fake D's verdicts on them; judge(x) gives others.
    """

    value: Callable
    source: str
    target: float = 0.0  # the slope that D is pulled to


PENALTIES: dict[str, Penalty | None] = {
    "none": None,
    "r1": Penalty(
        lambda judge, x_real, real, x_fake, fake, rng: 0.5 * zero_centred(real, x_real),
        "E |∇D|² / 2 on real samples. Mescheder et al. 2018, eq. 9",
    ),
    "r2": Penalty(
        lambda judge, x_real, real, x_fake, fake, rng: 0.5 * zero_centred(fake, x_fake),
        "E |∇D|² / 2 on generated samples. Mescheder et al. 2018, eq. 10",
    ),
    "r1+r2": Penalty(
        lambda judge, x_real, real, x_fake, fake, rng: 0.5 * (zero_centred(real, x_real) + zero_centred(fake, x_fake)),
        "both, which the relativistic objective needs to converge. Huang et al. 2024, section 2",
    ),
    "wgan-gp": Penalty(
        lambda judge, x_real, real, x_fake, fake, rng: one_centred(judge(x := between(x_real, x_fake, rng)), x),
        "E (|∇D| - 1)² between real and generated samples. Gulrajani et al. 2017, eq. 3",
        target=1.0,
    ),
    "dragan": Penalty(
        lambda judge, x_real, real, x_fake, fake, rng: one_centred(judge(x := around(x_real, rng)), x),
        "E (|∇D| - 1)² around real samples. Kodali et al. 2017, algorithm 1",
        target=1.0,
    ),
}


def clip_weights(parameters: Sequence[Tensor], bound: float) -> None:
    """Keep every weight within [-bound, bound], WGAN's way to hold D's slope. Arjovsky et al. 2017, algorithm 1."""
    for p in parameters:
        p.data = p.data.clip(-bound, bound)

"""What the two players want: each objective is a loss for D and one for G, written in D's verdicts.

A verdict is D's output before any sigmoid: a number per sample, large for "real". σ is the sigmoid, so log σ(v) is
`logsigmoid(v)`. `real` and `fake` are verdicts (N,) or (N, 1) on real and generated samples. `penalties.py` is next.
"""

from collections.abc import Callable
from typing import NamedTuple

from tinygan.ops import logsigmoid, mean, relu, square


class Objective(NamedTuple):
    """The losses of both players as functions of (real, fake), to be minimised, and where they come from."""

    discriminator: Callable
    generator: Callable
    source: str
    compares: bool = False  # whether G's loss needs the verdicts on real samples too


minimax = Objective(
    lambda real, fake: -mean(logsigmoid(real)) - mean(logsigmoid(-fake)),
    lambda real, fake: mean(logsigmoid(-fake)),
    "min over G, max over D of E log σ(real) + E log(1 - σ(fake)). Goodfellow et al. 2014, eq. 1",
)
non_saturating = Objective(
    minimax.discriminator,
    lambda real, fake: -mean(logsigmoid(fake)),
    "G maximises E log σ(fake) instead, which has a slope where D wins. Goodfellow et al. 2014, section 3",
)
least_squares = Objective(
    lambda real, fake: 0.5 * mean(square(real - 1)) + 0.5 * mean(square(fake)),
    lambda real, fake: 0.5 * mean(square(fake - 1)),
    "D regresses real to 1 and fake to 0, G fake to 1. Mao et al. 2017, eq. 9",
)
hinge = Objective(
    lambda real, fake: mean(relu(1 - real)) + mean(relu(1 + fake)),
    lambda real, fake: -mean(fake),
    "D stops caring once real > 1 and fake < -1. Lim & Ye 2017; Miyato et al. 2018, eq. 16",
)
wasserstein = Objective(
    lambda real, fake: mean(fake) - mean(real),
    lambda real, fake: -mean(fake),
    "D's advantage E real - E fake; with slopes of at most 1 an earth mover's distance. Arjovsky et al. 2017, eq. 2",
)
relativistic = Objective(
    lambda real, fake: -mean(logsigmoid(real - fake)),
    lambda real, fake: -mean(logsigmoid(fake - real)),
    "which of a pair is real? G sees the real one too. Jolicoeur-Martineau 2019, eq. 7; Huang et al. 2024, eq. 2",
    compares=True,
)

OBJECTIVES = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "least-squares": least_squares,
    "hinge": hinge,
    "wasserstein": wasserstein,
    "relativistic": relativistic,
}

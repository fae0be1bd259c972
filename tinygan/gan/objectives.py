"""What the two players want: each objective is a loss for D and one for G, written in D's verdicts.

A verdict is D's output before any sigmoid: a number per sample, large for "real". σ is the sigmoid, so log σ(v) is
`logsigmoid(v)`. `real` and `fake` are verdicts (N,) or (N, 1) on real and generated samples. `penalties.py` is next.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from tinygan.ops import exp, logsigmoid, mean, relu, square

LOG_2 = math.log(2)


class Objective(NamedTuple):
    """The losses of both players as functions of (real, fake), to be minimised, and where they come from."""

    discriminator: Callable
    generator: Callable
    source: str
    compares: bool = False  # whether G's loss needs the verdicts on real samples too
    targets: bool = False  # whether D pulls real verdicts to a target, which `smooth` can lower
    bounds: tuple[float, float] | None = None  # D's loss when it cannot tell (all verdicts even), when it is always right


minimax = Objective(
    lambda real, fake: -mean(logsigmoid(real)) - mean(logsigmoid(-fake)),
    lambda real, fake: mean(logsigmoid(-fake)),
    "min over G, max over D of E log σ(real) + E log(1 - σ(fake)). Goodfellow et al. 2014, eq. 1",
    targets=True,
    bounds=(2 * LOG_2, 0.0),
)
non_saturating = Objective(
    minimax.discriminator,
    lambda real, fake: -mean(logsigmoid(fake)),
    "G maximises E log σ(fake) instead, which has a slope where D wins. Goodfellow et al. 2014, section 3",
    targets=True,
    bounds=(2 * LOG_2, 0.0),
)
least_squares = Objective(
    lambda real, fake: 0.5 * mean(square(real - 1)) + 0.5 * mean(square(fake)),
    lambda real, fake: 0.5 * mean(square(fake - 1)),
    "D regresses real to 1 and fake to 0, G fake to 1. Mao et al. 2017, eq. 9",
    targets=True,
    bounds=(0.25, 0.0),
)
hinge = Objective(
    lambda real, fake: mean(relu(1 - real)) + mean(relu(1 + fake)),
    lambda real, fake: -mean(fake),
    "D stops caring once real > 1 and fake < -1. Lim & Ye 2017; Miyato et al. 2018, eq. 16",
    bounds=(2.0, 0.0),
)
wasserstein = Objective(
    lambda real, fake: mean(fake) - mean(real),
    lambda real, fake: -mean(fake),
    "D's advantage E real - E fake; with slopes of at most 1 an earth mover's distance. Arjovsky et al. 2017, eq. 2",
)

# --- relativistic: real against generated ----------------------------------------------------------------------


def _need_both(a, b):
    """Raise TypeError if G's loss was asked for without the verdicts on real samples, as other objectives allow."""
    if a is None or b is None:
        raise TypeError(
            "a relativistic objective compares: G's loss needs the verdicts on real samples too, generator(D(real),"
            " D(fake)), and got None (Objective.compares says which objectives do)"
        )


def _margin(a, b):
    """Return how much more real a_n is than b_n; ValueError if the batches cannot be paired."""
    _need_both(a, b)
    if a.shape != b.shape:
        raise ValueError(
            f"relativistic: verdicts {a.shape} and {b.shape}: every real sample is paired with a generated one, so there"
            " must be as many; draw equal batches, or take the objective relativistic-average"
        )
    return a - b


relativistic = Objective(
    lambda real, fake: -mean(logsigmoid(_margin(real, fake))),
    lambda real, fake: -mean(logsigmoid(_margin(fake, real))),
    "which of a pair is real? G sees the real one too. Jolicoeur-Martineau 2019, eq. 7; Huang et al. 2024, eq. 2",
    compares=True,
    bounds=(LOG_2, 0.0),
)


def _above_average(a, b):
    """Return -E log σ(a - E b) - E log(1 - σ(b - E a)): every a wants to exceed the average b, no b the average a."""
    _need_both(a, b)
    return -mean(logsigmoid(a - mean(b))) - mean(logsigmoid(mean(a) - b))


relativistic_average = Objective(
    _above_average,
    lambda real, fake: _above_average(fake, real),
    "is this one more real than the others are on average? Jolicoeur-Martineau 2019, RaSGAN",
    compares=True,
    bounds=(2 * LOG_2, 0.0),
)


# --- f-GAN: any divergence E_Q f(P/Q) --------------------------------------------------------------------------


def _f_gan(output, conjugate, divergence, bounds=None):
    """Return two objectives for one divergence: the game as in eq. 6, and with the G of section 3.2.

    D's output is T = g(v): g makes v a number that f's conjugate f* takes. `output` is v -> g(v) and `conjugate`
    v -> f*(g(v)). For the best D, E T(real) - E f*(T(fake)) is the divergence of P, the real samples, from Q, the
    generated ones. Nowozin et al. 2016, tables 1 and 2.
    """
    discriminator = lambda real, fake: mean(conjugate(fake)) - mean(output(real))
    source = f"D estimates {divergence}, G lowers "
    plain = Objective(
        discriminator, lambda real, fake: -mean(conjugate(fake)), source + "it. Nowozin et al. 2016, eq. 6", bounds=bounds
    )
    return plain, plain._replace(
        generator=lambda real, fake: -mean(output(fake)),
        source=source + "-E T(fake), which has a slope where D wins. Nowozin et al. 2016, section 3.2",
    )


f_kl, f_kl_steep = _f_gan(lambda v: v, lambda v: exp(v - 1), "KL(P|Q) = E_P log(P/Q)")
f_reverse_kl, f_reverse_kl_steep = _f_gan(lambda v: -exp(-v), lambda v: v - 1, "KL(Q|P) = E_Q log(Q/P)")
f_js, f_js_steep = _f_gan(
    lambda v: LOG_2 + logsigmoid(v), lambda v: -LOG_2 - logsigmoid(-v), "KL(P|M) + KL(Q|M), M = (P + Q) / 2",
    bounds=(0.0, -2 * LOG_2),
)
f_pearson, f_pearson_steep = _f_gan(lambda v: v, lambda v: square(v) / 4 + v, "Pearson's E_Q (P/Q - 1)²")


# --- all of them by name ---------------------------------------------------------------------------------------

OBJECTIVES = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "least-squares": least_squares,
    "hinge": hinge,
    "wasserstein": wasserstein,
    "relativistic": relativistic,
    "relativistic-average": relativistic_average,
    "f-kl": f_kl,
    "f-kl-steep": f_kl_steep,
    "f-reverse-kl": f_reverse_kl,
    "f-reverse-kl-steep": f_reverse_kl_steep,
    "f-js": f_js,
    "f-js-steep": f_js_steep,
    "f-pearson": f_pearson,
    "f-pearson-steep": f_pearson_steep,
}


def smooth(objective: Objective, amount: float) -> Objective:
    """Return the objective with D's target for real samples lowered from 1 to 1 - amount, so that D is never certain.

    -(1 - a) log σ(v) - a log(1 - σ(v)) = -log σ(v) + a v, and (v - (1 - a))² / 2 = (v - 1)² / 2 + a v + a constant: both
    gain a v. Only for objectives with `targets`. Salimans et al. 2016, section 3.4.
    """
    if not amount:
        return objective
    if not objective.targets:
        raise ValueError(f"smoothing={amount}: this objective has no target for real samples that could be lowered")
    return objective._replace(
        discriminator=lambda real, fake: objective.discriminator(real, fake) + amount * mean(real)
    )

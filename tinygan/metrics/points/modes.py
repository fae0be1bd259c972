"""How many modes a generator covers, for data made of known modes: Gaussians in the plane, or classes.

A sample within 3 sigma of the nearest centre is of high quality. A mode is covered if such a sample falls on it. The
reverse KL divergence measures evenness: 0 if every mode gets its share.

A perfect model of Gaussians in the plane scores 1 - e^(-9/2) = 98.9 % high quality, and a divergence of about (modes -
1) / 2N for N samples, since random draws are never quite even: .0014 for the ring and .0048 for the grid with 2,500
samples. A share above 98.9 % means that the modes are too narrow; `spread` is their width as a share of the right one.
Conventions of VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, to_numpy
from tinygan.metrics.points.bags import checked_bags, distance_blocks

WITHIN = 3  # sigmas


def ring_centres(modes: int = 8, radius: float = 1.0) -> Array:
    """Return (modes, 2) points evenly on a circle, the first on the right: PacGAN's ring, with sigma .01."""
    angle = 2 * np.pi * np.arange(modes) / modes
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def grid_centres(side: int = 5, spacing: float = 2.0) -> Array:
    """Return (side², 2) points of a square grid about the origin: PacGAN's grid, {-4, -2, 0, 2, 4}², with sigma .05."""
    line = spacing * (np.arange(side) - (side - 1) / 2)
    return np.stack(np.meshgrid(line, line, indexing="ij"), -1).reshape(-1, 2)


def mode_scores(samples: ArrayLike, centres: ArrayLike, sigma: float) -> dict[str, float]:
    """Score points (N, D) against Gaussians of spread `sigma` about centres (K, D).

    modes                 how many of the K are covered
    high_quality          the share of samples within 3 sigma of a centre
    reverse_kl            `count_scores` of the high-quality samples

    For points in the plane also:

    spread                the root mean square distance of the high-quality samples from their centres, over that of a
                          perfect model: 1 for a perfect model, 0 for one that draws the centres
    high_quality_perfect  what a perfect model scores
    reverse_kl_perfect    what a perfect model scores on average

    ValueError for other shapes, or values that are not finite.
    """
    if not sigma > 0:
        raise ValueError(f"mode_scores: sigma {sigma}: a spread above 0 is needed")
    samples, centres = checked_bags("mode_scores", samples, centres)
    counts, total = np.zeros(len(centres), np.int64), 0.0
    for _, squares in distance_blocks(samples, centres):
        nearest, near = squares.argmin(1), squares.min(1) <= (WITHIN * sigma) ** 2
        counts += np.bincount(nearest[near], minlength=len(centres))
        total += squares.min(1)[near].sum()
    share = 1 - math.exp(-(WITHIN**2) / 2)  # of a Gaussian in the plane: its squared radius is exponential
    scores: dict[str, float] = {"samples": len(samples), **count_scores(counts)}
    scores["high_quality"] = float(counts.sum() / len(samples))
    if samples.shape[1] == 2:
        expected = 2 * sigma**2 * (1 - WITHIN**2 / 2 * (1 - share) / share)  # E r², r within 3 sigma
        scores["spread"] = math.sqrt(total / max(1, counts.sum()) / expected)
        scores["high_quality_perfect"] = share
        scores["reverse_kl_perfect"] = _mean_divergence(len(centres), max(1, round(share * len(samples))))
    return scores


def class_scores(classes: ArrayLike, modes: int) -> dict[str, float]:
    """Return `count_scores` of samples by the class (N,) that a classifier reads in each; stacked MNIST has 1000."""
    classes = np.asarray(to_numpy(classes))
    if classes.ndim != 1 or classes.dtype.kind not in "iu" or not len(classes):
        raise ValueError(
            f"class_scores: classes {classes.dtype} {classes.shape}: expected integers (N,); argmax first?"
        )
    if classes.min() < 0 or classes.max() >= modes:
        raise ValueError(f"class_scores: classes {classes.min()} to {classes.max()}: expected 0 to {modes - 1}")
    scores = count_scores(np.bincount(classes, minlength=modes))
    return {"samples": len(classes), **scores, "reverse_kl_perfect": _mean_divergence(modes, len(classes))}


def count_scores(counts: ArrayLike) -> dict[str, float]:
    """Return modes, how many of the counts (K,) are above 0, and reverse_kl, Σ p log(p K) in nats.

    p is the counts over their sum. The divergence is 0 for even counts. Its largest value is log K, for a single mode;
    no samples at all score log K too.
    """
    counts = np.asarray(counts)
    covered = counts[counts > 0]
    p = covered / covered.sum() if len(covered) else np.ones(1)
    return {"modes": len(covered), "reverse_kl": max(0.0, float((p * np.log(p * len(counts))).sum()))}


def _mean_divergence(modes: int, n: int) -> float:
    """Return the mean reverse KL of n draws from K even modes: E Σ p log(p K), each count binomial(n, 1/K)."""
    if modes == 1:
        return 0.0
    k, q = np.arange(1, n + 1), 1 / modes
    log_factorial = np.concatenate([[0], np.cumsum(np.log(k))])
    log_choices = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
    log_probability = log_choices + k * np.log(q) + (n - k) * np.log1p(-q)
    return float(modes * (np.exp(log_probability) * (k / n) * np.log(k / n * modes)).sum())

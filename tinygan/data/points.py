"""Points in the plane, drawn here from known distributions, so that what a GAN learned can be counted.

Each function takes (n, seed) and returns n points (n, 2) float32. `gaussians` draws about any centres; those of
PacGAN's ring and grid come from `ring_centres` and `grid_centres` of `tinygan.metrics`, which also counts with them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, stream


def gaussians(centres: ArrayLike, sigma: float, n: int, seed: int = 0) -> Array:
    """Return n points about `centres` (K, D), each centre equally likely, with spread `sigma` in every direction."""
    centres = np.asarray(centres, np.float64)
    if centres.ndim != 2 or not len(centres) or not sigma >= 0:
        raise ValueError(f"gaussians: centres {centres.shape}, sigma {sigma}: expected (K, D), K > 0, and sigma >= 0")
    rng = stream(seed, "gaussians")
    chosen = centres[rng.integers(len(centres), size=n)]
    return (chosen + sigma * rng.standard_normal(chosen.shape)).astype("float32")


SWISS_ROLL_SIGMA = 0.25 / 7.5


def swiss_roll(n: int, sigma: float = SWISS_ROLL_SIGMA, seed: int = 0) -> Array:
    """Return n points (t cos t, t sin t) / 7.5 + sigma · N(0, 1), t uniform from 1.5 π to 4.5 π: 1.5 turns of a spiral.

    This is the roll of Gulrajani et al. 2017, figure 1, seen from the side: scikit-learn's with noise .25.
    """
    if not sigma >= 0:
        raise ValueError(f"swiss_roll: sigma {sigma}: expected 0 or more")
    rng = stream(seed, "swiss roll")
    t = math.pi * rng.uniform(1.5, 4.5, (n, 1))
    points = t * np.concatenate([np.cos(t), np.sin(t)], 1) / 7.5
    return (points + sigma * rng.standard_normal((n, 2))).astype("float32")

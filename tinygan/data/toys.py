"""Made data: points in the plane whose distribution is known, so that what a GAN found can be counted.

Each is a function of (n, seed) and returns n points (n, 2) float32. The centres of PacGAN's ring and grid are made by
`ring_centres` and `grid_centres` of `tinygan.metrics`, which counts with them; `gaussians` draws about any centres.
"""

import math

import numpy as np

from tinygan.backend import stream


def gaussians(centres, sigma, n, seed=0):
    """n points about `centres` (K, D), each centre as likely as the others, with spread `sigma` in every direction."""
    centres = np.asarray(centres, np.float64)
    if centres.ndim != 2 or not len(centres) or not sigma >= 0:
        raise ValueError(f"gaussians: centres {centres.shape}, sigma {sigma}: expected (K, D), K > 0, and sigma >= 0")
    rng = stream(seed, "gaussians")
    chosen = centres[rng.integers(len(centres), size=n)]
    return (chosen + sigma * rng.standard_normal(chosen.shape)).astype("float32")


SWISS_ROLL_SIGMA = 0.25 / 7.5


def swiss_roll(n, sigma=SWISS_ROLL_SIGMA, seed=0):
    """(t cos t, t sin t) / 7.5 + sigma · N(0, 1), t uniform from 1.5 π to 4.5 π: one and a half turns of a spiral.

    Seen from the side, the roll of Gulrajani et al. 2017, figure 1, which is scikit-learn's with noise .25.
    """
    if not sigma >= 0:
        raise ValueError(f"swiss_roll: sigma {sigma}: expected 0 or more")
    rng = stream(seed, "swiss roll")
    t = math.pi * rng.uniform(1.5, 4.5, (n, 1))
    points = t * np.concatenate([np.cos(t), np.sin(t)], 1) / 7.5
    return (points + sigma * rng.standard_normal((n, 2))).astype("float32")

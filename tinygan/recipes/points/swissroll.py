"""A spiral in the plane: the players of `ring` on a distribution without modes, one long curve with noise about it.

Measured by the sliced Wasserstein distance to real points and the share of points near the curve, each beside what real
points score. The paper it comes from, Gulrajani et al. 2017, figure 1, plays it as WGAN-GP:

    tinygan train swissroll --set objective=wasserstein --set penalty=wgan-gp --set gamma=.1 --set n_critic=5
        --set learning_rate=1e-4 --set beta1=.5 --set beta2=.9 --set hidden=512
"""

import numpy as np

from tinygan.data.points import SWISS_ROLL_SIGMA, swiss_roll
from tinygan.metrics import sliced_wasserstein
from tinygan.recipes.points._points import PointSettings, draw_points, point_game
from tinygan.run.settings import defaults


@defaults(steps=10_000, gamma=0.02)
class Settings(PointSettings):
    """Settings of `swissroll`."""


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train swissroll` plays."""
    return point_game(swiss_roll(100_000), s, device)


def draw(game, samples, path):
    """Draw real and generated points over D's surface."""
    draw_points(game, swiss_roll(2000), samples, path)


EVALUATED_SAMPLES, WATCHED = 2500, ("sliced_wasserstein", "near_the_curve")


def evaluate(game, samples):
    """Return the distance to real points and the share within 3 sigma of the curve, beside those of real points."""
    real, others = swiss_roll(len(samples), seed="scores"), swiss_roll(len(samples), seed="floor")
    return {
        "samples": len(samples),
        "sliced_wasserstein": sliced_wasserstein(samples, real),
        "sliced_wasserstein_of_real": sliced_wasserstein(others, real),
        "near_the_curve": share_near_the_curve(samples),
        "near_the_curve_of_real": share_near_the_curve(real),
    }


def share_near_the_curve(points):
    """Return the share of points (N, 2) within 3 sigma of the noiseless spiral, itself taken as 2,000 points."""
    x, y = swiss_roll(2000, sigma=0).T
    squares = np.square(points[:, :1] - x) + np.square(points[:, 1:] - y)  # (N, 2000)
    return float((squares.min(1) <= (3 * SWISS_ROLL_SIGMA) ** 2).mean())

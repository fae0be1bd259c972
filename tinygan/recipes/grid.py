"""Twenty-five Gaussians on a square grid: the players of `ring`, wider. Measured by modes found, share near one, evenness.

Data: 100,000 points, sigma .05 about {-4, -2, 0, 2, 4}², as in VEEGAN and PacGAN; scores on 2,500 samples.
"""

from dataclasses import dataclass

from tinygan.data.toys import gaussians
from tinygan.gan.training import setting
from tinygan.metrics import grid_centres, mode_scores
from tinygan.recipes.ring import PointSettings, draw_points, point_game

CENTRES, SIGMA = grid_centres(), 0.05


@dataclass
class Settings(PointSettings):
    """Settings of `grid`."""

    gamma: float = setting(0.02, "Weight of the penalty; see `penalty`.", 0.0)
    hidden: int = setting(256, "Width of the hidden layers of both players.", 1)


def make_game(s, device="cpu"):
    """The game that `tinygan train grid` plays."""
    return point_game(gaussians(CENTRES, SIGMA, 100_000), s, device)


def draw(game, samples, path):
    """Real and generated points over D's surface."""
    draw_points(game, gaussians(CENTRES, SIGMA, 2000), samples, path)


EVALUATED_SAMPLES, WATCHED = 2500, ("modes", "high_quality", "reverse_kl")


def evaluate(game, samples):
    """Modes found, share of points within 3 sigma of one, reverse KL, each beside what a perfect model scores."""
    return mode_scores(samples, CENTRES, SIGMA)

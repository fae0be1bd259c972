"""MNIST, 28x28, written row by row: the players of `digits`, larger. Measured by a classifier of our own.

Data: MNIST in IDX files, from TINYGAN_DATA/mnist or downloaded. `--set row_latent=path`: each row is told the next point of
a path, which a GRU unrolls from z, in the place of noise of its own.
Seed 0, 5,000 steps, 4.1 CPU minutes: Frechet distance 27.2 where real pictures score 3.7.
"""

from dataclasses import dataclass

from tinygan.data import centred, mnist
from tinygan.gan.training import setting
from tinygan.metrics import evaluate_images
from tinygan.recipes.digits import RowSettings, draw, row_game

__all__ = ["EVALUATED_SAMPLES", "Settings", "draw", "evaluate", "make_game"]


@dataclass
class Settings(RowSettings):
    """Settings of `mnist-rows`."""

    steps: int = setting(5000, "Training steps; each moves both players once.", 1)
    learning_rate: float = setting(2e-3, "Adam's learning rate in the first half of training.", 0.0)
    gamma: float = setting(0.5, "Weight of the penalty; see `penalty`.", 0.0)
    noise: int = setting(32, "Size of z, drawn once a picture.", 1)
    row_noise: int = setting(8, "Size of z_t, drawn anew for every row.", 0)
    hidden: int = setting(160, "Size of the LSTM's state.", 1)


def make_game(s, device="cpu"):
    """The game that `tinygan train mnist-rows` plays."""
    images, _ = mnist("train")
    return row_game(centred(images), [(32, 4, 2), (64, 4, 2)], s, device)


EVALUATED_SAMPLES = 10_000


def evaluate(game, samples):
    """Scores of samples (N, 1, 28, 28) by the classifier of real digits."""
    return evaluate_images(samples, "mnist")

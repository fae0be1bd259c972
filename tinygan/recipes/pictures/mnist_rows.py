"""MNIST, 28x28, written row by row: the players of `digits`, larger. Measured by a classifier of our own.

Data: MNIST in IDX files, from TINYGAN_DATA/mnist or downloaded. With `--set row_latent=path` a GRU unrolls z into a path,
and each row is told the next point of it instead of noise of its own.
Seed 0, 12,000 steps, 16 CPU minutes: Frechet distance 7.3 where real pictures score 3.4 (benchmarks/results/e3.md).
"""

from tinygan.data import centred, mnist
from tinygan.metrics import evaluate_images
from tinygan.recipes.pictures.digits import FORMATS, WrittenSettings, draw, row_game
from tinygan.run.settings import defaults

__all__ = ["EVALUATED_SAMPLES", "FORMATS", "Settings", "draw", "evaluate", "make_game"]


@defaults(steps=12_000, learning_rate=2e-3, gamma=0.5, penalty_every=8, noise=32, row_noise=8, hidden=160)
class Settings(WrittenSettings):
    """Settings of `mnist-rows`."""


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train mnist-rows` plays."""
    images, _ = mnist("train")
    return row_game(centred(images), [(32, 4, 2), (64, 4, 2)], s, device)


EVALUATED_SAMPLES = 10_000


def evaluate(game, samples):
    """Return scores of samples (N, 1, 28, 28) by the classifier of real digits."""
    return evaluate_images(samples, "mnist")

"""Three MNIST digits in three channels, a thousand modes: does a G find them all, if D is far too small to remember them?

The networks are the tiny ones of Metz et al. 2017 for this test, a D of a quarter of its filters, with which a
plain DCGAN finds 31 modes and PacGAN, judging four samples at once, 667 (Lin et al. 2018, table 3). Data: digits stacked at
random, without end. Measured on 25,600 samples by a classifier that reads each channel: how many of the thousand three-digit
numbers occur, and the KL divergence of how often they do from evenly.
Seed 0, 15,000 steps, 12 CPU minutes: 929 modes, KL .73, but half blots, half digits: the classifier is sure to .76, of real
ones to .99. D has 611 weights: it teaches on if it is quick (its rate .006) and G slow (.00015), and sees samples in twos.
"""

from dataclasses import dataclass

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.backend import stream, to_device
from tinygan.data import mnist
from tinygan.gan import training
from tinygan.gan.training import Game, setting
from tinygan.metrics import class_scores, digit_classifier
from tinygan.nn import (
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    Tanh,
    Unflatten,
)
from tinygan.plot import image_grid, save_image


@dataclass
class Settings(training.Settings):
    """Settings of `stacked-mnist`."""

    packs = True

    steps: int = setting(15_000, "Training steps; each moves both players once.", 1)
    batch_size: int = setting(64, "Samples of each kind, real and generated, in a step.", 1)
    learning_rate: float = setting(1.5e-4, "Adam's learning rate, before it falls.", 0.0)
    d_rate: float = setting(
        40.0, "D's learning rate as a multiple of learning_rate: so small a D has to be quick.", 0.0
    )
    decay_from: float = setting(0.6, "Share of the steps after which the learning rate falls.", 0.0, 1.0)
    ema: float = setting(0.9995, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    gamma: float = setting(0.05, "Weight of the penalty; see `penalty`.", 0.0)
    penalty_every: int = setting(4, "R1 and R2 are taken every so many steps, as many times as strong.", 1)
    packing: int = setting(2, "D judges so many samples at once, joined along channels; PacGAN.", 1)
    noise: int = setting(256, "Size of z.", 1)
    d_share: float = setting(0.25, "D's filters as a share of G's.", 0.0)


# --- the players, as small as in Metz et al. 2017, table 4: a G of 64, 32, 16 and 8 channels, a D of a quarter of them -----


def painter(s, rng):
    """Generator: z (N, noise) -> 64 channels of 4x4 -> 32 of 7x7 -> 16 of 14x14 -> 8 of 28x28 -> pictures of 3."""

    def up(inputs, outputs, kernel_size):
        return ConvTranspose2d(inputs, outputs, kernel_size, 2, 1, rng=rng), BatchNorm2d(outputs), ReLU()

    return Sequential(
        Linear(s.noise, 64 * 4 * 4, rng=rng), Unflatten(1, (64, 4, 4)), BatchNorm2d(64), ReLU(),
        *up(64, 32, 3), *up(32, 16, 4), *up(16, 8, 4),
        Conv2d(8, 3, 3, 1, 1, rng=rng), Tanh(),
    )  # fmt: skip


def judge(s, rng):
    """Discriminator: pictures (N, 3 · packing, 28, 28) -> verdicts (N, 1), by convolutions to 14x14, 7x7 and 4x4."""
    a, b, c = (max(1, round(n * s.d_share)) for n in (8, 16, 32))

    def down(inputs, outputs):
        return Conv2d(inputs, outputs, 3, 2, 1, rng=rng), LeakyReLU(0.2)

    return Sequential(
        *down(3 * s.packing, a), *down(a, b), *down(b, c), Flatten(), Linear(c * 4 * 4, 1, rng=rng)
    )  # fmt: skip


# --- the game --------------------------------------------------------------------------------------------------


def make_game(s, device="cpu"):
    """The game that `tinygan train stacked-mnist` plays."""
    images, _ = mnist("train")
    images = to_device(images[:, 0] * 2 - 1, device)
    g = painter(s, stream(s.seed, "generator")).to(device)
    d = judge(s, stream(s.seed, "discriminator")).to(device)

    def real(turn):
        rows = stream(s.seed, "stacks", turn).integers(0, len(images), (s.batch_size, 3))
        return (images[to_device(rows, device)],)

    def fake(generator, rng, n):
        return (generator(Tensor(rng.standard_normal((n, s.noise), dtype="float32"), device=device)),)

    return Game(g, d, real, fake, s)


def draw(game, samples, path):
    """A grid of pictures; its colours are the three digits on top of each other."""
    save_image(image_grid(samples), path)


EVALUATED_SAMPLES = 25_600


def evaluate(game, samples):
    """Modes found of the thousand and KL to uniform, of samples (N, 3, 28, 28) read channel by channel."""
    classifier = digit_classifier("mnist")
    probabilities = np.stack([classifier.judge(samples[:, k : k + 1])[1] for k in range(3)])  # (3, N, 10)
    hundreds, tens, ones = probabilities.argmax(2)
    scores = class_scores(100 * hundreds + 10 * tens + ones, 1000)
    return {**scores, "mean_confidence": float(probabilities.max(2).mean())}

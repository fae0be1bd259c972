"""Three MNIST digits in three channels, a thousand modes: does a G find them all, if D is far too small to remember them?

The networks are the tiny ones of Metz et al. 2017 for this test, a D of a quarter of its filters, with which a
plain DCGAN finds 31 modes and PacGAN, judging four samples at once, 667 (Lin et al. 2018, table 3). Data: digits stacked at
random, without end. Measured on 25,600 samples by a classifier that reads each channel: how many of the thousand three-digit
numbers occur, and the KL divergence of how often they do from evenly.
Seed 0, 15,000 steps, 12 CPU minutes: 929 modes, KL .73, but half blots, half digits: the classifier is sure to .76, of real
ones to .99. D has 611 weights: it teaches on if it is quick (its rate .006) and G slow (.00015), and sees samples in twos.
"""

import numpy as np

from tinygan import nn
from tinygan.backend import stream, to_device
from tinygan.data import mnist
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, AugmentSettings, PackSettings
from tinygan.metrics import class_scores, digit_classifier
from tinygan.metrics.pictures.images import judge_real
from tinygan.plot import image_grid, save_image
from tinygan.run.settings import defaults, setting


@defaults(
    steps=15_000, learning_rate=1.5e-4, d_rate=40.0, decay_from=0.6, ema=0.9995, gamma=0.05, penalty_every=4, packing=2
)
class Settings(PackSettings, AugmentSettings, AdversarialSettings):
    """Settings of `stacked-mnist`. So small a D has to be quick: d_rate is 40."""

    noise: int = setting(256, "Size of z.", 1)
    d_share: float = setting(0.25, "D's filters as a share of G's.", 0.0)


# --- the players, as small as in Metz et al. 2017, table 4: a G of 64, 32, 16 and 8 channels, a D of a quarter of them -----


def painter(s, rng):
    """Return the generator: z (N, noise) -> 64 channels of 4x4 -> 32 of 7x7 -> 16 of 14x14 -> 8 of 28x28 -> pictures of 3."""

    def up(inputs, outputs, kernel_size):
        return nn.ConvTranspose2d(inputs, outputs, kernel_size, 2, 1, rng=rng), nn.BatchNorm2d(outputs), nn.ReLU()

    return nn.Sequential(
        nn.Linear(s.noise, 64 * 4 * 4, rng=rng), nn.Unflatten(1, (64, 4, 4)), nn.BatchNorm2d(64), nn.ReLU(),
        *up(64, 32, 3), *up(32, 16, 4), *up(16, 8, 4),
        nn.Conv2d(8, 3, 3, 1, 1, rng=rng), nn.Tanh(),
    )  # fmt: skip


def judge(s, rng):
    """Return the discriminator: pictures (N, 3 · packing, 28, 28) -> verdicts (N, 1), by way of 14x14, 7x7, 4x4."""
    a, b, c = (max(1, round(n * s.d_share)) for n in (8, 16, 32))

    def down(inputs, outputs):
        return nn.Conv2d(inputs, outputs, 3, 2, 1, rng=rng), nn.LeakyReLU(0.2)

    return nn.Sequential(
        *down(3 * s.packing, a), *down(a, b), *down(b, c), nn.Flatten(), nn.Linear(c * 4 * 4, 1, rng=rng)
    )  # fmt: skip


# --- the game --------------------------------------------------------------------------------------------------


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train stacked-mnist` plays."""
    images, _ = mnist("train")
    images = to_device(images[:, 0] * 2 - 1, device)
    g = painter(s, stream(s.seed, "generator")).to(device)
    d = judge(s, stream(s.seed, "discriminator")).to(device)

    def batch(turn):
        rows = stream(s.seed, "stacks", turn).integers(0, len(images), (s.batch_size, 3))
        return Batch(images[to_device(rows, device)])

    return FromNoise(g, d, [Normal(s.noise)], batch, s)


def draw(game, samples, path):
    """Draw a grid of pictures; its colours are the three digits on top of each other."""
    save_image(image_grid(samples, value_range=(-1, 1)), path)


EVALUATED_SAMPLES = 25_600


def evaluate(game, samples):
    """Return modes found of the thousand and KL to uniform, of samples (N, 3, 28, 28) read channel by channel."""
    classifier = digit_classifier("mnist")
    probabilities = np.stack([classifier.judge(samples[:, k : k + 1])[1] for k in range(3)])  # (3, N, 10)
    hundreds, tens, ones = probabilities.argmax(2)
    scores = class_scores(100 * hundreds + 10 * tens + ones, 1000)
    of_real = judge_real(classifier, "mnist", "test")[1]
    confidences = {"mean_confidence": probabilities.max(2), "real_mean_confidence": of_real.max(1)}
    return {**scores, **{name: float(values.mean()) for name, values in confidences.items()}}

"""MNIST, 28x28, drawn at once by transposed convolutions (DCGAN); or pictures of your own: --data FOLDER_OR_FILE.

The generator makes a small picture of many channels of z, and doubles its sides until it has the size; the discriminator
halves them again. Radford et al. 2016, with the relativistic objective, R1 and R2 (Huang et al. 2024) where they have batch
norm in D. Data: MNIST in IDX files, from TINYGAN_DATA/mnist or downloaded. Measured by a classifier of our own.
Seed 0, 4,000 steps, 3.4 CPU minutes: Frechet distance 13.1 where real pictures score 3.7 (benchmarks/results/e3.md).

Pictures of your own: 40 or more, grey or in colour, both sides multiples of 4 and at least 8; --set size=32 makes them so. A
tenth, 1,000 at most, is held out and never trained on: scores are distances pixel by pixel, each beside what those score.
"""

import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, centred, mnist, read_pictures
from tinygan.gan import training
from tinygan.gan.latent import Normal
from tinygan.gan.training import Game, setting
from tinygan.metrics import copied_share, diversity, evaluate_images, sliced_wasserstein
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
class PictureSettings(training.Settings):
    """Settings of pictures that are drawn at once."""

    packs = True

    steps: int = setting(2000, "Training steps; each moves both players once.", 1)
    learning_rate: float = setting(2e-3, "Adam's learning rate in the first half of training.", 0.0)
    gamma: float = setting(0.5, "Weight of the penalty; see `penalty`.", 0.0)
    ema: float = setting(0.996, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    penalty_every: int = setting(4, "R1 and R2 are taken every so many steps, as many times as strong.", 1)
    noise: int = setting(64, "Size of z.", 1)
    g_channels: int = setting(
        32, "Channels of G's largest hidden layer; each smaller one has twice as many, 4 times at most.", 1
    )
    d_channels: int = setting(
        24, "Channels of D's largest hidden layer; each smaller one has twice as many, 4 times at most.", 1
    )
    features: int = setting(128, "Outputs of the last layer of D's trunk.", 1)


# --- the players -----------------------------------------------------------------------------------------------


def doublings(height, width):
    """How often a side is doubled on the way from G's smallest layer: as long as both are even and more than 7."""
    times = 0
    while height % 2 == width % 2 == 0 and min(height, width) > 7:
        height, width, times = height // 2, width // 2, times + 1
    return times


def widths(channels, times):
    """Channels of the hidden layers, from the largest in size to the smallest."""
    return [channels * min(4, 2**k) for k in range(times)]


def painter(inputs, shape, s, rng):
    """Generator: z (N, inputs) -> pictures (N, *shape)."""
    channels, height, width = shape
    times = doublings(height, width)
    first, *others = reversed(widths(s.g_channels, times))
    small = first, height // 2**times, width // 2**times
    layers = [Linear(inputs, small[0] * small[1] * small[2], rng=rng), Unflatten(1, small)]
    for after in others:
        layers += [BatchNorm2d(first), ReLU(), ConvTranspose2d(first, after, 4, 2, 1, rng=rng)]
        first = after
    layers += [BatchNorm2d(first), ReLU(), ConvTranspose2d(first, channels, 4, 2, 1, rng=rng), Tanh()]
    return Sequential(*layers)


def trunk(shape, s, rng):
    """What D's heads stand on: pictures (N, *shape) -> features (N, s.features)."""
    channels, height, width = shape
    times, layers = doublings(height, width), []
    for after in widths(s.d_channels, times):
        layers += [Conv2d(channels, after, 4, 2, 1, rng=rng), LeakyReLU(0.2)]
        channels = after
    size = channels * (height // 2**times) * (width // 2**times)
    return Sequential(*layers, Flatten(), Linear(size, s.features, rng=rng), LeakyReLU(0.2))


def picture_game(images, shape, s, device):
    """The game on images(), an array (N, *shape) in [-1, 1], which is asked for when the first batch is."""
    g = painter(s.noise, shape, s, stream(s.seed, "generator")).to(device)
    rng = stream(s.seed, "discriminator")
    d = Sequential(trunk((shape[0] * s.packing, *shape[1:]), s, rng), Linear(s.features, 1, rng=rng)).to(device)
    loader = cache(lambda: Loader(to_device(images(), device), batch_size=s.batch_size, seed=s.seed))

    space = Normal(s.noise)

    def fake(generator, rng, n):
        return (generator(Tensor(space.sample(rng, n), device=device)),)

    return Game(g, d, lambda turn: (loader().batch(turn),), fake, s)


# --- MNIST, or a reader's own ------------------------------------------------------------------------------------


@dataclass
class Settings(PictureSettings):
    """Settings of `mnist`."""

    steps: int = setting(4000, "Training steps; each moves both players once.", 1)
    ema: float = setting(0.998, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    data: str = setting(
        "", "Pictures of your own: a folder of PNG or JPEG files, a .npy, .npz or IDX file. Empty: MNIST."
    )
    size: int = setting(
        0, "Side to which the middle squares of pictures of your own are scaled; 0: they stay as they are.", 0
    )


def make_game(s, device="cpu", kept=None):
    """The game that `tinygan train mnist` plays; with `kept`, pictures are read when they are needed, to train on."""
    images = cache(lambda: own_pictures(s, kept)[0] if s.data else centred(mnist("train")[0]))
    shape = tuple(kept["shape"]) if kept else images().shape[1:]
    game = picture_game(images, shape, s, device)
    game.kept = kept or {"shape": list(shape), "checksum": zlib.crc32(images()) if s.data else 0}
    return game


def own_pictures(s, kept=None):
    """(pictures to train on, held-out ones) in [-1, 1]; DataError if they do not fit, or are not those of `kept`."""
    images = read_pictures(s.data, s.size) * 2 - 1
    n, channels, height, width = images.shape
    if height % 4 or width % 4 or min(height, width) < 8:
        raise DataError(
            f"{s.data}: pictures of {height}x{width}: both sides must be multiples of 4, and at least 8, as the networks"
            " halve and double them; --set size=32 makes them 32x32"
        )
    order = stream(0, "held out").permutation(n)
    held_out, rows = order[: min(n // 10, 1000)], np.sort(order[min(n // 10, 1000) :])
    if len(rows) < s.batch_size or n < 40:
        raise DataError(
            f"{s.data}: {n} pictures, of which {len(rows)} are trained on: at least 40 are needed, and batch_size="
            f"{s.batch_size} of the latter; add pictures" + ", or --set batch_size=16" * (n >= 40)
        )
    images, held_out = images[rows], images[held_out]
    if kept and kept["checksum"] != zlib.crc32(images):
        raise DataError(f"{s.data}: not the pictures that this run began with; put them back, or begin a new run")
    return images, held_out


def draw(game, samples, path):
    """A grid of pictures."""
    save_image(image_grid(samples), path)


EVALUATED_SAMPLES = 10_000


def evaluate(game, samples):
    """Scores of samples (N, C, height, width): by the classifier of real digits, or what can be said of any pictures."""
    s = game.settings
    return own_scores(samples, *own_pictures(s, game.kept)) if s.data else evaluate_images(samples, "mnist")


def own_scores(samples, training, held_out):
    """Distances pixel by pixel, each beside what the held-out pictures score in the place of generated ones."""
    flat = lambda x: x.reshape(len(x), -1)
    n = len(held_out)
    return {
        "samples": len(samples),
        "pictures": len(training) + n,
        "sliced_wasserstein": sliced_wasserstein(flat(samples[:n]), flat(training)),
        "sliced_wasserstein_of_real": sliced_wasserstein(flat(held_out), flat(training)),
        "diversity": diversity(samples, training).ratio,
        "diversity_of_real": diversity(held_out, training).ratio,
        "copied_share": copied_share(samples, training, held_out),  # 1/2 if nothing was learned by heart
    }

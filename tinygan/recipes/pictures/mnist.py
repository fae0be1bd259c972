"""MNIST, 28x28, drawn at once by transposed convolutions (DCGAN); or pictures of your own: --data FOLDER_OR_FILE.

Radford et al. 2016, without their batch norm in D; the relativistic objective, R1 and R2 (Huang et al. 2024) steady D
instead. The networks are in `networks/dcgan.py`. Data: MNIST in IDX files, from TINYGAN_DATA/mnist or downloaded. Measured
by a classifier of our own.
Seed 0, 11,000 steps, 11 CPU minutes: Frechet distance 7.9 where real pictures score 3.4 (benchmarks/results/e3.md).

Pictures of your own: 40 or more, grey or in colour, both sides multiples of 4 and at least 8; --set size=32 makes them so. A
tenth, 1,000 at most, is held out and never trained on. Scores are distances pixel by pixel, beside those of held-out ones.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, centred, mnist, note, read_pictures
from tinygan.data.files import fingerprint, refuse_others
from tinygan.files import Range
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, AugmentSettings, PackSettings
from tinygan.metrics import copied_share, diversity, evaluate_images, sliced_wasserstein
from tinygan.networks.dcgan import PainterSettings, painter, trunk
from tinygan.nn import Linear, Sequential
from tinygan.plot import image_grid, save_image
from tinygan.run.settings import RunSettings, defaults, setting


@defaults(steps=2000, learning_rate=2e-3, gamma=0.5, ema=0.996, penalty_every=4)
class PictureSettings(PainterSettings, AugmentSettings, AdversarialSettings):
    """Settings of pictures that are drawn at once."""


@dataclass
class OwnPictureSettings(RunSettings):
    """Pictures of your own."""

    size: int = setting(0, "Scale the middle squares of the pictures to this side. 0: leave them as they are.", 0, 4096)


@defaults(steps=11_000, ema=0.999)
class Settings(PackSettings, PictureSettings):
    """Settings of `mnist`."""

    data: str = setting(
        "", "Pictures of your own: a folder of PNG, JPEG, WebP, TIFF, BMP or GIF files, a .npy or IDX file. Empty: MNIST.",
        brings=OwnPictureSettings,
    )  # fmt: skip


SAVED = {"shape": [Range(1, 4096)], "checksum": Range(0, 2**32)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train mnist` plays; with `saved`, pictures are read when they are needed, to train on."""
    images = cache(lambda: own_pictures(s, saved)[0] if s.data else centred(mnist("train")[0]))
    if saved is None:
        saved = {"shape": list(images().shape[1:]), "checksum": fingerprint(images()) if s.data else 0}
    shape = tuple(saved["shape"])
    g = painter(s.noise, shape, s, stream(s.seed, "generator")).to(device)
    rng = stream(s.seed, "discriminator")
    d = Sequential(trunk((shape[0] * s.packing, *shape[1:]), s, rng), Linear(s.features, 1, rng=rng)).to(device)
    loader = cache(lambda: Loader(to_device(images(), device), batch_size=s.batch_size, seed=s.seed))
    return FromNoise(g, d, [Normal(s.noise)], lambda turn: Batch(loader().batch(turn)), s, saved)


def own_pictures(s, saved=None):
    """Return (pictures to train on, held-out ones) in [-1, 1]; DataError if they do not fit, or are not those of `saved`."""
    images = centred(read_pictures(s.data, s.size))
    n, channels, height, width = images.shape
    check_sides(s.data, height, width)
    order = stream(0, "held out").permutation(n)
    held_out, rows = order[: min(n // 10, 1000)], np.sort(order[min(n // 10, 1000) :])
    if len(rows) < s.batch_size or n < 40:
        raise DataError(
            f"{s.data}: {n} pictures, {len(rows)} to train on: at least 40 are needed, and a batch of"
            f" {s.batch_size} to train on; add pictures" + ", or --set batch_size=16" * (n >= 40)
        )
    images, held_out = images[rows], images[held_out]
    if saved:
        refuse_others(s.data, fingerprint(images), saved["checksum"])
    colours = "grey" if channels == 1 else "in colour"
    note(f"{n:,} pictures, {height}x{width}, {colours}, of {s.data}; {len(held_out)} held out")
    return images, held_out


def check_sides(folder, height, width):
    """Raise DataError for pictures of a size that the networks cannot make."""
    if height % 4 or width % 4 or min(height, width) < 8:
        raise DataError(
            f"{folder}: pictures of {height}x{width}: both sides must be multiples of 4, and at least 8, as the networks"
            " halve and double them; --set size=32 makes them 32x32"
        )


def draw(game, samples, path):
    """Draw a grid of pictures."""
    save_image(image_grid(samples, value_range=(-1, 1)), path)


EVALUATED_SAMPLES = 10_000


def evaluate(game, samples):
    """Return scores of samples (N, C, height, width) by the classifier of real digits, or those of `own_scores`."""
    s = game.settings
    return own_scores(samples, *own_pictures(s, game.saved)) if s.data else evaluate_images(samples, "mnist")


def own_scores(samples, training, held_out):
    """Return distances pixel by pixel, each beside what the held-out pictures score."""
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
        "copied_share_error": max(len(samples) ** -0.5, min(n, len(training)) ** -0.5),
    }

"""Handwritten digits, 8x8, written row by row: an LSTM generator against a convolutional discriminator.

The generator holds a pen. z sets its state. Then, row after row, the LSTM reads the row it wrote last and fresh noise, and
writes the next. The discriminator sees the whole picture at once. Both networks are in `networks/rows.py`.
Data: 1,797 digits that come with tinygan. Measured by a classifier of our own: Frechet distance in its features,
confidence, the share of each digit.
"""

from dataclasses import dataclass

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import stream, to_device
from tinygan.data import Loader, digits
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import draw_each
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, AugmentSettings
from tinygan.metrics import evaluate_images
from tinygan.networks.rows import PictureJudge, RowSettings, RowWriter
from tinygan.plot import gif, image_grid, save_image
from tinygan.run.settings import defaults


@defaults(steps=3600, learning_rate=3e-3, gamma=0.7, ema=0.999, penalty_every=4)
class WrittenSettings(RowSettings, AugmentSettings, AdversarialSettings):
    """Settings of pictures that are written row by row."""


class RowGame(FromNoise):
    """The game of RowWriter against PictureJudge; with `context` D is told the states that a picture was written with."""

    def batch(self, turn):
        real = super().batch(turn)
        if not self.settings.context:
            return real
        writer = self.G.module
        z = draw_each(self.spaces, stream(self.settings.seed, "context", turn), len(real.x))
        with no_grad():
            return Batch(real.x, (writer.read(Tensor(real.x), *self.to_tensors(z)),))

    def generate(self, G, z, given):
        picture, states = G(*self.to_tensors(z))
        return Batch(picture, (states,) if self.settings.context else ())


def row_game(images, layers, s, device):
    """Return the game on images (N, 1, height, width) in [-1, 1]; layers: D's convolutions, see PictureJudge."""
    height, width = images.shape[2:]
    writer = RowWriter(height, width, s, stream(s.seed, "generator")).to(device)
    judge = PictureJudge(height, width, layers, s, stream(s.seed, "discriminator")).to(device)
    loader = Loader(to_device(images, device), batch_size=s.batch_size, seed=s.seed)
    return RowGame(writer, judge, writer.spaces(), lambda turn: Batch(loader.batch(turn)), s)


@dataclass
class Settings(WrittenSettings):
    """Settings of `digits`."""


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train digits` plays."""
    images, _ = digits()
    return row_game(images * 2 - 1, [(64, 4, 2), (64, 3, 2)], s, device)


def draw(game, samples, path):
    """Draw a grid of pictures."""
    save_image(image_grid(samples, value_range=(-1, 1)), path)


PEN = np.array([1.0, 0.1, -0.9], "float32").reshape(1, 3, 1, 1)  # orange, in [-1, 1]
REST = 12  # frames for which the finished pictures stay


def animate(game, samples, path):
    """Draw pictures (N, 1, height, width) while they are written, a row a frame; the newest row is orange."""
    height, frames = samples.shape[2], []
    for row in range(height):
        page = np.where(np.arange(height)[:, None] <= row, samples, -1).repeat(3, 1)
        ink = (page[:, :, row : row + 1] + 1) / 2
        page[:, :, row : row + 1] = -0.5 + ink * (PEN + 0.5)
        frames.append(image_grid(page, columns=10, value_range=(-1, 1)))
    whole = image_grid(samples.repeat(3, 1), columns=10, value_range=(-1, 1))
    gif([whole] * REST + frames, path)  # where nothing moves, the first frame is what is seen


FORMATS = {".png": draw, ".gif": animate}
EVALUATED_SAMPLES = 2000


def evaluate(game, samples):
    """Return scores of samples (N, 1, 8, 8) by the classifier of real digits."""
    return evaluate_images(samples, "digits")

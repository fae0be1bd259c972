"""Emblems, 32x32 in colour, drawn without being told: stars, rings, crescents, hearts and letters, half of them over another.

The networks are in `networks/painters.py`, and the settings say which of their parts are built: an encoder before the
decoder, transposed convolutions or repeated pixels, self-attention, a path for z, other latent spaces, sparse features.
Data: 4,000 emblems, made here. Measured by a classifier of our own, which knows the eight emblems and spoilt pictures: how
many are legible, how often each is drawn, Frechet distance, variety.
Three seeds, 2,000 steps, 2.6 CPU minutes: .87 of the samples are legible, of real emblems .997; .72 without the encoder.
What each part adds: benchmarks/results/shapes.md.
"""

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import Loader, note
from tinygan.data.pictures.emblems import emblems
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import draw_each, sparse_code
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, AugmentSettings
from tinygan.metrics.pictures.emblems import emblem_scores
from tinygan.networks.painters import BuildSettings, Painter, SparsitySettings, painter_judge
from tinygan.ops import abs, mean, sqrt
from tinygan.plot import image_grid, save_image
from tinygan.run.settings import defaults, setting


@defaults(
    steps=4000, batch_size=32, g_channels=24, d_channels=20, build="encoder-decoder", learning_rate=2e-3, gamma=0.5,
    ema=0.998, penalty_every=4,
)  # fmt: skip
class Settings(BuildSettings, AugmentSettings, AdversarialSettings):
    """Settings of `shapes`."""

    pictures: int = setting(4000, "Emblems to learn from.", 1, 100_000)


class EmblemGame(FromNoise):
    """The game on pictures; with features_are=sparse G also wants few active features in its smallest layer."""

    def g_extra(self):
        """Return sparsity · E |h| / √E h² (Hoyer 2004). E |h| alone would only shrink h: the layer after it is normalised."""
        if not isinstance(self.settings, SparsitySettings):
            return 0.0, {}
        h = sparse_code(self.G.module)
        concentration = mean(abs(h)) / sqrt(mean(h * h) + 1e-8)
        return self.settings.sparsity * concentration, {"active_share": float((h.data > 0).mean())}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train shapes` plays."""
    images, _ = emblems(s.pictures)
    note(f"{s.pictures:,} emblems, drawn here")
    g = Painter(s, stream(s.seed, "generator")).to(device)
    d = painter_judge(s, stream(s.seed, "discriminator")).to(device)
    loader = Loader(to_device(images, device), batch_size=s.batch_size, seed=s.seed)
    return EmblemGame(g, d, g.spaces(), lambda turn: Batch(loader.batch(turn)), s)


def draw(game, samples, path):
    """Draw a grid of pictures; with attention, what places look at stands on the right."""
    grid = image_grid(samples, scale=2, value_range=(-1, 1))
    if game.settings.attention != "none":
        maps = image_grid(attention_maps(game, 6), columns=4, scale=2, value_range=(-1, 1))
        height = max(len(grid), len(maps))
        pad = lambda x: np.pad(x, ((0, height - len(x)), (0, 0), (0, 0)), constant_values=255)
        grid = np.concatenate([pad(grid), pad(maps)], 1)
    save_image(grid, path)


def attention_maps(game, n):
    """Return pictures (4 n, 3, 32, 32): a sample with three of its places marked, and what each of the three looks at.

    The places are the brightest, and two more that look at something else.
    """
    z = draw_each(game.spaces, stream(game.settings.seed, "maps"), n)
    pictures = game.paint(z, ())
    maps = game.G.average.module.attend(*game.to_tensors(z)).numpy()  # (n, 64, 64)
    shown = []
    for picture, look in zip(pictures, maps):
        places = [int(picture.max(0).reshape(8, 4, 8, 4).mean((1, 3)).argmax())]
        for _ in range(2):  # the place whose map is least like those that are shown already
            places.append(int((look @ look[places].T).max(1).argmin()))
        shown.append(mark(picture, places))
        for place in places:
            light = (look[place] / look[place].max()).reshape(8, 8).repeat(4, 0).repeat(4, 1)
            shown.append(mark((picture + 1) * light - 1, [place]))  # bright where it looks
    return np.stack(shown)


def mark(picture, places):
    """Return a picture with a magenta dot at each of these places of 8x8."""
    picture = picture.copy()
    for row, column in (divmod(place, 8) for place in places):
        picture[:, 4 * row + 1 : 4 * row + 3, 4 * column + 1 : 4 * column + 3] = [[[1]], [[-1]], [[1]]]
    return picture


EVALUATED_SAMPLES = 2000


def evaluate(game, samples):
    """Return scores of samples (N, 3, 32, 32) by the classifier of emblems."""
    return emblem_scores(samples)

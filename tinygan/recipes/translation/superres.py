"""Photographs four times as large: a small residual network, first pixel by pixel, then against a judge of patches.

G reads the small picture's luminance; its layers work at the small size, and the last one gives each pixel the sixteen that
take its place: `networks/enlarging.py`. They are added to the bicubic enlargement. In the pixel phase G learns the mean of
all pictures that would fit, which is soft. Then D, who sees the enlargement beside a real picture or G's, judges patches.
In this game some pairs show dead leaves, made here: photographs have few faces that are flat and sharp.
G draws grain, and its loss is D's cross-entropy, the pixel loss, the distance in D's features (Ledig et al. 2017, SRGAN),
and KL(real | made) between the distributions of gradients, and of chequers, which would pass for gradients. Colour is
enlarged by bicubic interpolation.
Data: BSD100 from TINYGAN_DATA, scored on Set5 and Set14; --data FOLDER of photographs; else dead leaves, made here.
Measured by PSNR, and by Wasserstein's distance between the gradients of made and real pictures (benchmarks/results/e7.md).
Seed 0, 45,000 steps of the pixel phase, 33.5 CPU minutes: Set5 30.92 dB, Set14 27.86, where bicubic has 28.43 and 26.10. Then
the game costs .99 and .69 dB, and takes 35 and 33 % off the distance of gradients, in 2 minutes.
`tinygan apply RUN photo.jpg --out large.png` enlarges a photo.
"""

from functools import cache

import numpy as np

from tinygan import Tensor, ops
from tinygan.autodiff import no_grad, raw
from tinygan.backend import stream, to_device, xp
from tinygan.data import DataError, read_picture
from tinygan.data.pictures.photographs import COUNTS, to_rgb, to_ycbcr
from tinygan.files import Range
from tinygan.gan.players import Batch
from tinygan.gan.translation import Translation, TranslationSettings
from tinygan.metrics.pictures.edges import enlargement_scores
from tinygan.networks.enlarging import SCALE, Enlarger, EnlargerSettings, PatchJudge, draw_noise, enlarge
from tinygan.networks.tiles import by_tiles
from tinygan.plot import image_grid, save_image
from tinygan.recipes.translation._photographs import made_leaves, read
from tinygan.run.settings import defaults, setting

RANGE = (-1, 1)


@defaults(
    steps=5250, batch_size=4, learning_rate=1e-3, beta1=0.9, schedule="cosine", decay_from=0.0, warmup=100, ema=0.998,
    pixel_phase=0.9524, game_rate=0.49, game_ema=0.99, pixel_loss="mse", pixel_weight=400.0, content_weight=1.0,
)  # fmt: skip
class Settings(EnlargerSettings, TranslationSettings):
    """Settings of `superres`."""

    data: str = setting(
        "",
        "A folder of photographs of your own, of any size; a tenth is held out. Empty: BSD100, or dead leaves made here.",
    )
    photographs: str = setting(
        "real", "What to train on without `data`: BSD100 if it is there, or what is made here.", choices=("real", "made")
    )
    crop: int = setting(24, "Side of the small pictures that are trained on.", 4, 256)
    gradient_weight: float = setting(
        8.0, "Weight of KL(real | made) of the distributions of gradients in G's loss.", 0.0
    )
    chequer_weight: float = setting(0.2, "The same for how strongly squares of 8x8 pixels show a chessboard.", 0.0)
    game_batch_size: int = setting(16, "Pairs in a step of the game; batch_size is that of the pixel phase.", 1, 4096)
    leaves: int = setting(
        3, "Of these pairs, how many show dead leaves, flat and sharp; from photographs alone G lays grain on flat faces.",
        0, 4096,
    )  # fmt: skip


# --- the game --------------------------------------------------------------------------------------------------


class SuperResolution(Translation):
    """The game of Enlarger against PatchJudge; G is drawn to the real distribution of gradients too.

    held_out: () -> Enlargements that training does not show; samples are made of their middles.
    """

    def __init__(self, G, D, batch, s, held_out, saved):
        super().__init__(G, D, batch, s, lambda: held_out().middles(s.crop)[1], saved)
        self.held_out = held_out

    def fake(self, G, n, given, rng):
        (small,) = given  # in the pixel phase, where only the mean counts, G gets no noise
        return Batch(G(Tensor(small), Tensor(draw_noise(small, rng), device=self.device)), given)

    def translate(self, source, rng):
        return self.paint(source, draw_noise(source, rng))

    def paint(self, small, noise):
        """Return what the averaged G makes of small pictures (N, 1, h, w) and noise (N, 16, h, w), numpy."""
        with no_grad():
            return self.G.average.module(*(Tensor(x, device=self.device) for x in (small, noise))).numpy()

    def g_extra(self):
        real, made = self.shown["real"].x, self.shown["fake"].x
        extra, row = super().g_extra()
        for name, of in ("gradient", gradients), ("chequer", chequers):
            if weight := getattr(self.settings, f"{name}_weight"):
                kl = divergence(of(made), of(real))
                extra, row = extra + weight * kl, {**row, f"{name}_kl": kl.data}
        return extra, row


BINS = range(13)  # centres, of 3.3 log(1 + d / 10), d in 255ths: steep places get as many as flat ones; 11.9 is the end


def divergence(made, real):
    """Return the mean of KL(p | q) = Σ p log(p / q) over maps (N, 1, h, w): shares p of the real values, q of the made ones.

    A value counts for the two centres that it lies between, for the nearer one more: so q has a slope.
    """
    p, q = (ops.clamp(shares(x), 1e-4, 1.0) for x in (real, made))
    return ops.mean(ops.sum(p * (ops.log(p) - ops.log(q)), 1))


def shares(d):
    """Return the shares of values d (N, 1, h, w), in units of half of white, at each of BINS: (N, 13)."""
    place = 3.3 * ops.log(1 + 12.75 * d)
    return ops.stack([ops.mean(ops.relu(1 - ops.abs(place - b)), (1, 2, 3)) for b in BINS], 1)


def gradients(x):
    """Return |∇x| of pictures (N, 1, h, w) in [-1, 1], from each pixel to the next ones."""
    down, right = x[:, :, 1:, :-1] - x[:, :, :-1, :-1], x[:, :, :-1, 1:] - x[:, :, :-1, :-1]
    return ops.sqrt(down * down + right * right + 1e-8)


def chequers(x):
    """Return 16 |Σ ±x| / 64 over squares of 8x8 pixels, every fourth, of pictures (N, 1, h, w), ± as on a chessboard.

    Without it G makes steep places out of nothing: a chequered pattern laid over everything has the right gradients. The 16
    makes so little count in BINS.
    """
    sign = 1 - 2 * (np.indices(x.shape[2:]).sum(0) % 2)
    d = 16 * ops.avg_pool2d(x * xp(raw(x)).asarray(sign, np.float32), 8, 4)
    return ops.sqrt(d * d + 1e-8)


SAVED = {"checksum": Range(0, 2**32)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train superres` plays; with `saved`, pictures are read when they are needed."""
    train, held_out = (cache(lambda part=part: read(s, part, saved)) for part in (0, 1))
    if saved is None:
        saved = {"checksum": train().checksum()}

    if s.leaves > s.game_batch_size:
        raise ValueError(f"leaves={s.leaves}: a step of the game has {s.game_batch_size} pairs; take as many or fewer")
    leaves = cache(lambda: made_leaves(SCALE * s.crop))

    def batch(turn):
        rng = stream(s.seed, "crops", turn)
        if turn < s.pixel_steps * s.n_critic:
            large, small = train().crops(s.batch_size, s.crop, rng)
        else:
            large, small = train().crops(s.game_batch_size - s.leaves, s.crop, rng)
            if s.leaves:
                sharp = leaves().crops(s.leaves, s.crop, rng)
                large, small = np.concatenate([large, sharp[0]]), np.concatenate([small, sharp[1]])
        return Batch(to_device(large, device), (to_device(small, device),))

    g = Enlarger(s, stream(s.seed, "generator")).to(device)
    d = PatchJudge(s, stream(s.seed, "discriminator")).to(device)
    return SuperResolution(g, d, batch, s, held_out, saved)


# --- what it is used for ---------------------------------------------------------------------------------------

TILE = 96  # pixels of a side of the small picture: 12 MB for each layer of 48 channels
MOST_PIXELS = 1 << 26  # of an enlarged picture: 200 MB in colour, 270 MB of noise


def respond(game, given, rng):
    """Return the picture in the file `given`, four times as large: bytes (4h, 4w) if it is grey, else (4h, 4w, 3)."""
    picture = read_picture(given)
    channels, height, width = picture.shape
    if SCALE**2 * height * width > MOST_PIXELS:
        raise DataError(
            f"{given}: {height}x{width}: enlarged it would have more than {MOST_PIXELS:,} pixels; cut it, or make it smaller"
        )
    large = enlarge_picture(game, picture, rng)
    return large[0] if channels == 1 else large.transpose(1, 2, 0)


def enlarge_picture(game, picture, rng):
    """Return a whole picture (1 or 3, h, w) in [0, 1] four times as large, in bytes, made tile by tile."""
    channels, height, width = picture.shape
    large = np.empty((channels, SCALE * height, SCALE * width), np.uint8)
    both = np.concatenate([picture, draw_noise(picture[None], rng)[0]])
    by_tiles(lambda x: enlarge_colours(game, *np.split(x, [channels])), both, large, TILE, game.G.module.reach)
    return large


def enlarge_colours(game, picture, noise):
    """Return a tile as `enlarge_picture` does: luminance by G, colours bicubic."""
    ycbcr = to_ycbcr(np.broadcast_to(picture, (3, *picture.shape[1:])))
    large = enlarge(ycbcr[None])[0]
    large[0] = (game.paint(2 * ycbcr[None, :1] - 1, noise[None])[0, 0] + 1) / 2
    return np.rint(255 * to_rgb(large))[: len(picture)].astype(np.uint8)


ANSWERS = {".png": save_image}


def example(game):
    """Return what a reader could give."""
    return "photo.jpg"


def draw(game, samples, path):
    """Draw rows of three: the bicubic enlargement, what G made, the real picture."""
    large, small = game.held_out().middles(game.settings.crop)
    n = min(len(samples), len(large), 12)
    rows = np.stack([enlarge(small[:n]), samples[:n], large[:n]], 1).clip(*RANGE)
    save_image(image_grid(rows.reshape(-1, *large.shape[1:]), 6, 1, value_range=RANGE), path)


EVALUATED_SAMPLES = 64  # crops; of Set5 and Set14 whole pictures are scored as well


def evaluate(game, samples):
    """Return scores of samples, and of whole pictures of Set5 and Set14 if those are held out; bicubic's beside them."""
    held_out = game.held_out()
    large, small = held_out.middles(game.settings.crop)
    asked = np.arange(len(samples)) % len(large)
    scores = {"samples": len(samples), **enlargement_scores(samples, small[asked], large[asked], RANGE, SCALE)}
    if not game.settings.data and len(held_out) == COUNTS["set5"] + COUNTS["set14"]:
        for name, part in ("set5", slice(5)), ("set14", slice(5, None)):
            made = [enlarge_whole(game, x) for x in held_out.small[part]]
            scores |= enlargement_scores(made, held_out.small[part], held_out.large[part], RANGE, SCALE, f"_{name}")
    return scores


def enlarge_whole(game, small):
    """Return a whole luminance (h, w), four times as large, made by tiles."""
    large = np.empty((1, *(SCALE * n for n in small.shape)), np.float32)
    both = np.concatenate([small[None], draw_noise(small[None, None], stream(0, "noise"))[0]])
    by_tiles(lambda x: game.paint(x[None, :1], x[None, 1:])[0], both, large, TILE, game.G.module.reach)
    return large[0]

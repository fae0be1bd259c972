"""Photographs four times as large: a small residual network, first pixel by pixel, then against a judge of patches.

G reads the small picture's luminance; its layers work at the small size, and the last one gives each pixel the sixteen that
take its place (pixel shuffle, Shi et al. 2016). They are added to the bicubic enlargement. In the pixel phase G learns
the mean of all pictures that would fit, which is soft. Then D, who sees the enlargement beside a real picture or G's,
judges patches. G draws grain, and its loss is D's cross-entropy, the pixel loss, the distance in D's features (Ledig et
al. 2017, SRGAN), and KL(real | made) between the distributions of gradients. Colour is enlarged by bicubic interpolation.
Data: BSD100 from TINYGAN_DATA, scored on Set5 and Set14; --data FOLDER of photographs; else dead leaves, made here.
Measured by PSNR, and by Wasserstein's distance between the gradients of made and real pictures (benchmarks/results/e7.md).
Seed 0, 18,000 steps of the pixel phase, 12.4 CPU minutes: Set5 30.61 dB, Set14 27.66, where bicubic has 28.43 and 26.10.
`tinygan apply RUN photo.jpg --out large.png` enlarges a photo.
"""

from functools import cache

import numpy as np

from tinygan import Tensor, ops
from tinygan.autodiff import no_grad
from tinygan.backend import stream, to_device
from tinygan.data import DataError, note, read_picture
from tinygan.data.pictures.enlargements import Enlargements
from tinygan.data.pictures.photographs import dead_leaves, own_photographs, photographs, to_rgb, to_ycbcr
from tinygan.files import Range
from tinygan.gan.players import Batch
from tinygan.gan.translation import Translation, TranslationSettings
from tinygan.metrics import psnr
from tinygan.metrics.pictures.edges import gradient_distance, gradient_floor
from tinygan.networks.tiles import by_tiles
from tinygan.nn import Conv2d, LeakyReLU, Module, ModuleList, Sequential
from tinygan.plot import image_grid, save_image
from tinygan.run.settings import defaults, setting

SCALE = 4
MADE, HELD_OUT, SIDE = 24, 4, 192  # dead leaves: pictures to train on, held-out ones, pixels of a side
RANGE = (-1, 1)


@defaults(
    steps=3750, batch_size=4, learning_rate=2e-3, beta1=0.9, schedule="cosine", decay_from=0.0, warmup=100, ema=0.998,
    pixel_phase=0.8, game_rate=0.2, game_ema=0.985, pixel_loss="mse", pixel_weight=400.0, content_weight=1.0,
)  # fmt: skip
class Settings(TranslationSettings):
    """Settings of `superres`."""

    data: str = setting(
        "",
        "A folder of photographs of your own, of any size; a tenth is held out. Empty: BSD100, or dead leaves made here.",
    )
    photographs: str = setting(
        "real",
        "What to train on without `data`: BSD100 if it is there, or what is made here.",
        choices=("real", "made"),
    )
    crop: int = setting(24, "Side of the small pictures that are trained on.", 4, 256)
    channels: int = setting(48, "Channels of G.", 1)
    blocks: int = setting(4, "Residual blocks of G, two convolutions each.", 1)
    d_channels: int = setting(32, "Channels of D's first layer; the second has twice, the third four times as many.", 1)
    gradient_weight: float = setting(
        2.2, "Weight of KL(real | made) of the distributions of gradients in G's loss.", 0.0
    )


# --- the players -----------------------------------------------------------------------------------------------


class Block(Module):
    """x + W₂ relu(W₁ x), convolutions 3x3. Without batch norm: it blurs the range of values, Lim et al. 2017."""

    def __init__(self, channels, rng):
        self.first = Conv2d(channels, channels, 3, padding=1, rng=rng)
        self.second = Conv2d(channels, channels, 3, padding=1, rng=rng)

    def forward(self, x):
        return x + self.second(ops.relu(self.first(x)))


GRAIN = 10  # so that noise matters after a hundred steps, though Adam moves each weight by no more than its rate


class Enlarger(Module):
    """Generator: luminance (N, 1, h, w), and noise (N, 16, h, w) in the game -> (N, 1, 4h, 4w).

    At first it is bicubic, as its last layers begin at 0. `grain` says how strong the noise is at each place: what the
    small picture cannot tell, as grass or the grain of a film, is drawn.
    """

    def __init__(self, s, rng):
        self.read = Conv2d(1, s.channels, 3, padding=1, rng=rng)
        self.body = Sequential(*(Block(s.channels, rng) for _ in range(s.blocks)))
        self.write = Conv2d(s.channels, SCALE**2, 3, padding=1, rng=rng)
        self.grain = Conv2d(s.channels, SCALE**2, 1, rng=rng)
        for p in self.write.parameters() + self.grain.parameters():
            p.data *= 0
        self.reach = 2 * s.blocks + 2  # pixels that a result depends on, in every direction; the bicubic's are 2

    def forward(self, x, noise=None):
        features = self.body(self.read(x))
        made = self.write(features) if noise is None else self.write(features) + GRAIN * self.grain(features) * noise
        return enlarge(x) + ops.pixel_shuffle(made, SCALE)


def enlarge(x):
    """Return pictures (N, C, h, w) four times as large, bicubic."""
    return ops.interpolate(x, size=(SCALE * x.shape[2], SCALE * x.shape[3]), mode="bicubic", antialias=True)


class PatchJudge(Module):
    """Discriminator: a picture and the enlargement, side by side -> a verdict for each patch, (N, 1, h / 8, w / 8)."""

    def __init__(self, s, rng):
        c = s.d_channels
        widths = [(2, c), (c, 2 * c), (2 * c, 4 * c)]
        self.layers = ModuleList(Sequential(Conv2d(a, b, 4, 2, 1, rng=rng), LeakyReLU(0.2)) for a, b in widths)
        self.verdict = Conv2d(4 * c, 1, 3, padding=1, rng=rng)

    def features(self, x, small):
        """Return what each layer makes of pictures x (N, 1, 4h, 4w) and small ones (N, 1, h, w)."""
        x = ops.cat([x, enlarge(small)], 1)
        return [x := layer(x) for layer in self.layers]

    def forward(self, x, small):
        return self.verdict(self.features(x, small)[-1])


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
        target, made, weight = self.shown["real"].x, self.shown["fake"].x, self.settings.gradient_weight
        extra, row = super().g_extra()
        if not weight:
            return extra, row
        divergence = gradient_divergence(made, target)
        return extra + weight * divergence, {**row, "gradient_kl": divergence.data}


def draw_noise(small, rng):
    """Return noise for small pictures (N, 1, h, w): (N, 16, h, w), a number for each pixel of the large ones."""
    return rng.standard_normal((len(small), SCALE**2, *small.shape[2:]), dtype="float32")


BINS = range(13)  # centres, of 3.3 log(1 + |∇x| / 10), |∇x| in 255ths: steep places get as many as flat ones; 11.9 is the end


def gradient_divergence(made, real):
    """Return the mean of KL(p | q) = Σ p log(p / q) over pictures (N, 1, h, w): shares p of real gradients, q of made ones.

    A gradient counts for the two centres that it lies between, for the nearer one more: so q has a slope.
    """
    p, q = (ops.clamp(steepness(x), 1e-4, 1.0) for x in (real, made))
    return ops.mean(ops.sum(p * (ops.log(p) - ops.log(q)), 1))


def steepness(x):
    """Return the shares of gradients at each of BINS, (N, 13), of pictures (N, 1, h, w) in [-1, 1]."""
    down, right = x[:, :, 1:, :-1] - x[:, :, :-1, :-1], x[:, :, :-1, 1:] - x[:, :, :-1, :-1]
    place = 3.3 * ops.log(1 + 12.75 * ops.sqrt(down * down + right * right + 1e-8))
    return ops.stack([ops.mean(ops.relu(1 - ops.abs(place - b)), (1, 2, 3)) for b in BINS], 1)


SAVED = {"checksum": Range(0, 2**32)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train superres` plays; with `saved`, pictures are read when they are needed."""
    train, held_out = (cache(lambda part=part: read(s, part, saved)) for part in (0, 1))
    if saved is None:
        saved = {"checksum": train().checksum()}

    def batch(turn):
        large, small = train().crops(s.batch_size, s.crop, stream(s.seed, "crops", turn))
        return Batch(to_device(large, device), (to_device(small, device),))

    g = Enlarger(s, stream(s.seed, "generator")).to(device)
    d = PatchJudge(s, stream(s.seed, "discriminator")).to(device)
    return SuperResolution(g, d, batch, s, held_out, saved)


def read(s, part, saved=None):
    """Return Enlargements to train on (part 0) or held-out ones (1); DataError if they are not those of `saved`."""
    if s.data:
        pictures = own_photographs(s.data, SCALE * s.crop)
        order, few = stream(0, "held out").permutation(len(pictures)), -(-len(pictures) // 10)
        chosen = [pictures[k] for k in (np.sort(order[few:]), order[:few])[part]]
        note(f"{few} of them held out")
    else:
        chosen = real_or_made(s, part)
    pairs = Enlargements([to_ycbcr(x)[0] for x in chosen], SCALE)
    if s.crop > (least := min(min(x.shape) for x in pairs.small)):
        raise ValueError(f"crop={s.crop}: the smallest picture, shrunk, has a side of {least}; take crop={least} or less")
    if part == 0 and saved and saved["checksum"] != pairs.checksum():
        raise DataError(
            f"{s.data or 'superres'}: not the pictures that this run began with; put them back, or begin a new run"
        )
    return pairs


def real_or_made(s, part):
    """Return photographs to train on (part 0: BSD100) or held-out ones (1: Set5, Set14), or else dead leaves."""
    if part == 1 or s.photographs == "real":
        try:
            return photographs("bsd100") if part == 0 else [*photographs("set5"), *photographs("set14")]
        except DataError:
            pass
    note(f"{MADE} pictures of dead leaves, made here, which stand in for photographs; --data FOLDER takes yours")
    return dead_leaves(MADE, SIDE) if part == 0 else dead_leaves(HELD_OUT, SIDE, seed=1)


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
    scores = {"samples": len(samples), **score(samples, small[asked], large[asked])}
    if not game.settings.data and len(held_out) > HELD_OUT:
        for name, part in ("set5", slice(5)), ("set14", slice(5, None)):
            made = [enlarge_whole(game, x) for x in held_out.small[part]]
            scores |= score(made, held_out.small[part], held_out.large[part], f"_{name}")
    return scores


def score(made, small, large, name=""):
    """Return the mean PSNR of pictures, and Wasserstein's distance of their gradients from the real ones', by name."""
    rows = []
    for x, s, y in zip(made, small, large):
        x, s, y = (a.reshape(1, 1, *a.shape[-2:]) for a in (x, s, y))
        both = [a.clip(*RANGE) for a in (x, enlarge(s))]
        near = [psnr(a, y, RANGE, border=SCALE)[0] for a in both]
        rows.append([*near, *(gradient_distance(a, y, RANGE)[0] for a in both), gradient_floor(y, RANGE)[0]])
    names = "psnr{}", "psnr_of_bicubic{}", "gradients{}", "gradients_of_bicubic{}", "gradients{}_of_real"
    return {text.format(name): float(value) for text, value in zip(names, np.mean(rows, 0))}


def enlarge_whole(game, small):
    """Return a whole luminance (h, w), four times as large, made by tiles."""
    large = np.empty((1, *(SCALE * n for n in small.shape)), np.float32)
    both = np.concatenate([small[None], draw_noise(small[None, None], stream(0, "noise"))[0]])
    by_tiles(lambda x: game.paint(x[None, :1], x[None, 1:])[0], both, large, TILE, game.G.module.reach)
    return large[0]

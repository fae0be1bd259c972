"""Two kinds of pictures that nobody has paired, each turned into the other: CycleGAN, Zhu et al. 2017.

`--set sides=digits`: plain digits (a) and outlined ones (b), of MNIST or of the digits that come with tinygan. `sprites`:
figures in shirts and figures in armour. `--data FOLDER`: pictures of your own in its folders a and b, 40 or more in each.
`tinygan apply RUN picture.png` makes of a picture of a one of b; `tinygan apply RUN b:picture.png` goes the other way.
A sample is a source, its translation, the way back; then the same from the other side.
Digits are measured by a classifier of twenty classes, ten plain and ten outlined: is the result of the other style, and is
it the same digit? The true outline is known too, and seen by nobody. Sprites are measured by the heads that read figures.
"""

import math
import zlib
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan import nn
from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, centred, note
from tinygan.data.pictures import read_picture, read_sides
from tinygan.data.pictures.fitting import fit
from tinygan.data.pictures.outlines import find_handwriting, outlined, plain_and_outlined
from tinygan.data.sprites import VALUES, Sprites
from tinygan.files import Range
from tinygan.gan.cycle import Cycle, CycleSettings
from tinygan.gan.players import Batch
from tinygan.metrics import digit_classifier, psnr, sliced_wasserstein
from tinygan.metrics.pictures.heads import sprite_heads
from tinygan.plot import image_grid, save_image
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class OwnSidesSettings(RunSettings):
    """Pictures of your own."""

    size: int = setting(64, "Scale the middle squares of the pictures to this side, a multiple of 4.", 8, 512)

    def __post_init__(self):
        super().__post_init__()
        if self.size % 4:
            raise ValueError(f"size={self.size}: expected a multiple of 4, as the networks halve pictures twice")


@defaults(steps=3000, batch_size=16, learning_rate=1e-3, beta1=0.5, ema=0.995)
class Settings(CycleSettings):
    """Settings of `cycle`."""

    sides: str = setting("digits", "Which kinds of pictures, if none are of your own.", choices=("digits", "sprites"))
    data: str = setting("", "A folder of your own with pictures in a and b. Empty: `sides`.", brings=OwnSidesSettings)
    channels: int = setting(32, "Channels within G and F, whose layers see pictures of half the height and width.", 1)
    blocks: int = setting(3, "Residual blocks of G and F.", 1)
    d_channels: int = setting(24, "Channels of the judges' first layer; the second has twice as many.", 1)

    def __post_init__(self):
        super().__post_init__()
        if self.data and self.sides != "digits":
            raise ValueError(f"sides={self.sides} and --data {self.data}: leave one of them out")


# --- the players -----------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """x + conv(relu(conv(relu(x)))). He et al. 2016."""

    def __init__(self, channels, rng):
        conv = lambda: nn.Conv2d(channels, channels, 3, padding=1, rng=rng)
        self.change = nn.Sequential(nn.ReLU(), conv(), nn.ReLU(), conv())

    def forward(self, x):
        """(N, channels, h, w) -> the same shape."""
        return x + self.change(x)


def translator(colours, s, rng):
    """Return G or F: pictures (N, colours, h, w) -> pictures of the same shape, by way of h/2 x w/2."""
    return nn.Sequential(
        nn.Conv2d(colours, s.channels, 4, 2, 1, rng=rng),
        *(Residual(s.channels, rng) for _ in range(s.blocks)), nn.ReLU(),
        nn.ConvTranspose2d(s.channels, colours, 4, 2, 1, rng=rng), nn.Tanh(),
    )  # fmt: skip


def judge(colours, s, rng):
    """Return D_a or D_b: pictures (N, colours, h, w) -> verdicts (N, 1, h/4, w/4), each of them on 18x18 pixels."""
    n = s.d_channels
    return nn.Sequential(
        nn.Conv2d(colours, n, 4, 2, 1, rng=rng), nn.LeakyReLU(0.2),
        nn.Conv2d(n, 2 * n, 4, 2, 1, rng=rng), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * n, 1, 3, padding=1, rng=rng),
    )  # fmt: skip


# --- the two sides: (a, b) to train on, and (a, b) held out, in [-1, 1] --------------------------------------------


def read_digits(s, source):
    """Return plain and outlined digits; the test part is held out."""
    if source == "digits":
        note("there is no folder mnist in TINYGAN_DATA: the digits are those that come with tinygan, enlarged")
    return [[centred(x) for x in plain_and_outlined(source, split)[::2]] for split in ("train", "test")]


SHIRTS, ARMOUR = ([k for k, top in enumerate(VALUES["top"]) if ("shirt" in top) == wanted] for wanted in (True, False))
FIGURES = {"train": 8000, "unseen": 1000}  # of each side


def read_sprites(s, source):
    """Return figures in shirts and figures in armour; whole figures are held out."""
    world, parts = Sprites(), []
    for part, n in FIGURES.items():
        rng = stream(0, f"sides, {part}")
        scenes = world.scenes(part, 3 * n, rng)
        sides = [[x for x in scenes if ("shirt" in x.top) == wanted][:n] for wanted in (True, False)]
        parts.append([world.draw(side, rng) for side in sides])
    return parts


def read_own(s, source):
    """Return the pictures of a reader's folders a and b; a tenth of each, 1,000 at most, is held out."""
    *sides, paired = read_sides(s.data, s.size)
    if paired:
        note("this recipe makes no use of pairs; pix2pix does")
    colours = max(x.shape[1] for x in sides)
    train, held_out = [], []
    for name, x in zip("ab", sides):
        order, n = stream(0, f"held out of {name}").permutation(len(x)), min(len(x) // 10, 1000)
        if len(x) < 40 or len(x) - n < s.batch_size:
            raise DataError(
                f"{s.data}: {len(x)} pictures in {name}, {len(x) - n} to train on: at least 40 are needed, and a batch of"
                f" {s.batch_size} of the latter; add pictures" + ", or --set batch_size=4" * (len(x) >= 40)
            )
        x = centred(np.repeat(x, colours // x.shape[1], 1))  # where the one side is grey
        train.append(x[order[n:]])
        held_out.append(x[order[:n]])
    return train, held_out


READERS = {"mnist": read_digits, "digits": read_digits, "sprites": read_sprites, "own": read_own}


def find_source(s):
    """Return a key of READERS: where the pictures come from. Without the folder of sprites it is digits, as a note says."""
    if s.data:
        return "own"
    if s.sides == "sprites":
        try:
            Sprites()
            return "sprites"
        except DataError as error:
            note(f"{error}; digits are taken instead")
    return find_handwriting()


# --- the game --------------------------------------------------------------------------------------------------

SAVED = {"source": tuple(READERS), "colours": Range(1, 3), "size": Range(8, 512), "checksum": Range(0, 2**32)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train cycle` plays; with `saved`, pictures are read when they are needed."""
    source = saved["source"] if saved else find_source(s)
    sides = cache(lambda: READERS[source](s, source))
    checksum = lambda: zlib.crc32(sides()[0][1], zlib.crc32(sides()[0][0])) if s.data else 0
    if saved is None:
        _, colours, size, _ = sides()[0][0].shape
        saved = {"source": source, "colours": colours, "size": size, "checksum": checksum()}
    networks = {"a_to_b": translator, "b_to_a": translator, "judge_a": judge, "judge_b": judge}
    to_b, to_a, *judges = (make(saved["colours"], s, stream(s.seed, name)).to(device) for name, make in networks.items())

    @cache
    def loaders():
        if saved["checksum"] != checksum():
            raise DataError(f"{s.data}: not the pictures that this run began with; put them back, or begin a new run")
        load = lambda x, seed: Loader(to_device(x, device), batch_size=s.batch_size, seed=seed)
        a, b = sides()[0]
        return load(a, 2 * s.seed), load(b, 2 * s.seed + 1)  # with one seed, pairs in a file would come as pairs

    def batch(turn):
        of_a, of_b = loaders()
        return Batch(of_b.batch(turn), (of_a.batch(turn),))

    return Cycle((to_b, to_a), judges, batch, lambda: sides()[1], s, saved)


# --- a reader's picture ------------------------------------------------------------------------------------------


def respond(game, given, rng):
    """Return a picture (C, size, size) of b, made of the one in a file; of a, if "b:" stands before the file's name."""
    to, path = ("a", given[2:]) if given.startswith("b:") else ("b", given)
    x, colours = read_picture(path), game.saved["colours"]
    if colours == 1:
        x = x.mean(0, keepdims=True)
    x = fit(np.repeat(x, colours // len(x), 0)[None], game.saved["size"])
    return game.translate(centred(x), to)[0]


ANSWERS = {".png": lambda answer, path: save_image(image_grid(answer[None], scale=1, border=0, value_range=(-1, 1)), path)}


def example(game):
    """Return what `tinygan apply` may be given."""
    return "picture.png"


def draw(game, samples, path):
    """Draw samples (N, 6, C, h, w), two or more in a row: source, translation, way back; and from the other side."""
    across = max(1, round(math.sqrt(len(samples) / 6)))
    save_image(image_grid(samples.reshape(-1, *samples.shape[2:]), 6 * across, value_range=(-1, 1)), path)


# --- what it is measured by --------------------------------------------------------------------------------------

EVALUATED_SAMPLES = 2000


def evaluate(game, samples):
    """Return scores of samples (N, 6, C, h, w): of the ways back, in dB, and of the results on either side."""
    a, in_b, back_in_a, b, in_a, back_in_b = np.swapaxes(samples, 0, 1)
    scores = {"samples": len(samples)}
    for source, result, back, real, to, home in ((a, in_b, back_in_a, b, "b", "a"), (b, in_a, back_in_b, a, "a", "b")):
        scores[f"way_back_in_{home}"] = float(psnr(back, source, (-1, 1)).mean())
        scores |= {f"{name}_in_{to}": value for name, value in measure(game, source, result, real, to).items()}
    return scores


def measure(game, source, result, real, to):
    """Return what of the sources is kept, and how much of side `to` the results are; real: pictures of that side."""
    side, data = "ab".index(to), game.saved["source"]
    if data == "own":
        flat = lambda x: x.reshape(len(x), -1)
        distances = {"distance": result, "distance_before": source}
        return {name: sliced_wasserstein(flat(x), flat(real)) for name, x in distances.items()}
    if data == "sprites":
        return measure_sprites(source, result, side)
    return measure_digits(digit_classifier(f"{data}-in-two-styles"), source, result, side)


def measure_digits(classifier, source, result, to):
    """Return shares of results that are the digit of their source, and of the style `to`; dB to the true outlines."""
    of_source, of_result = (classifier.judge(x)[1].reshape(-1, 2, 10) for x in (source, result))  # (N, style, digit)
    plain, outlines = ((x + 1) / 2 for x in ((source, result) if to else (result, source)))
    return {
        "kept": float((of_source[:, 1 - to].argmax(1) == of_result[:, to].argmax(1)).mean()),
        "style": float((of_result[:, to].sum(1) > 0.5).mean()),
        "outline": float(psnr(outlined(plain), outlines, (0, 1)).mean()),
    }


def measure_sprites(source, result, to):
    """Return shares of results: what is kept but the top, mean and worst attribute; whether the top is of side `to`."""
    of_source, of_result = ({name: p.argmax(1) for name, p in sprite_heads().read(x).items()} for x in (source, result))
    kept = [float((of_source[name] == of_result[name]).mean()) for name in of_source if name != "top"]
    style = float(np.isin(of_result["top"], (SHIRTS, ARMOUR)[to]).mean())
    return {"kept": float(np.mean(kept)), "least_kept": min(kept), "style": style}

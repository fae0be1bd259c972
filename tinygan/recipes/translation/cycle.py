"""Two kinds of pictures that nobody has paired, each turned into the other: CycleGAN, Zhu et al. 2017.

`--set sides=digits`: plain digits (a) and outlined ones (b), of MNIST or of the digits that come with tinygan. `sprites`:
figures in shirts and figures in armour. `--data FOLDER`: pictures of your own in its folders a and b, 40 or more in each;
--set draws=over where most of a picture stays. `tinygan apply RUN picture.png` turns a picture of a into one of b;
`tinygan apply RUN b:picture.png` goes the other way. A sample is a source, its translation, the way back; then the same
from the other side. The networks are small: `networks/translators.py`.
Digits are measured by a classifier of twenty classes, ten plain and ten outlined: is the result of the other style, and is
it the same digit? Sprites by the heads that read figures: is the top of the other kind, and all else as it was?
Digits, seed 0, 1,000 steps, 2.3 CPU minutes: all are of the other style, .982 of the outlines and .992 of the plain ones
show the same digit (true outlines: .984). See benchmarks/results/cycle.md, also for what was tried. Sprites with
`--set cycle=2`, 3.2 CPU minutes: .952 and .944 wear what the other side wears, .997 and .975 of all else is kept.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, centred, note
from tinygan.data.files import fingerprint, refuse_changed, refuse_others
from tinygan.data.sides import SIDES, find_handwriting, own_sides
from tinygan.data.sprites import Sprites
from tinygan.files import Range
from tinygan.gan.cycle import Cycle, CycleSettings
from tinygan.gan.players import Batch
from tinygan.metrics import digit_classifier, psnr, sliced_wasserstein
from tinygan.metrics.pictures.sides import digit_measures, sprite_measures
from tinygan.networks.dcgan import trunk
from tinygan.networks.translators import DrawSettings, OverSettings, TranslatorSettings, translator
from tinygan.nn import Linear, Sequential
from tinygan.plot import image_grid, save_image
from tinygan.recipes.translation._pictures import read_square, write_picture
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class OwnSidesSettings(RunSettings):
    """Pictures of your own."""

    size: int = setting(64, "Scale the middle squares of the pictures to this side, a multiple of 4.", 8, 512)

    def __post_init__(self):
        super().__post_init__()
        if self.size % 4:
            raise ValueError(f"size={self.size}: expected a multiple of 4, as the networks halve pictures twice")


@defaults(
    steps=1000, batch_size=16, learning_rate=2e-3, ema=0.99, objective="relativistic", penalty="r1+r2", gamma=0.5,
    penalty_every=4, cycle=5.0, identity=0.1,
)  # fmt: skip
class Settings(TranslatorSettings, CycleSettings):
    """Settings of `cycle`."""

    sides: str = setting(
        "digits", "Which kinds of pictures, if none are of your own.",
        choices={"digits": DrawSettings, "sprites": OverSettings},
    )  # fmt: skip
    data: str = setting("", "A folder of your own with pictures in a and b. Empty: `sides`.", brings=OwnSidesSettings)
    d_channels: int = setting(24, "Channels of the judges' largest layer; smaller ones have up to 4 times as many.", 1)
    features: int = setting(128, "Outputs of the last layer of a judge's trunk.", 1)

    def __post_init__(self):
        super().__post_init__()
        if self.data and self.sides != "digits":
            raise ValueError(f"sides={self.sides} and --data {self.data}: leave one of them out")


# --- the players -----------------------------------------------------------------------------------------------


def judge(shape, s, rng):
    """Return D_a or D_b: pictures (N, *shape) -> verdicts (N, 1)."""
    return Sequential(trunk(shape, s, rng), Linear(s.features, 1, rng=rng))


# --- the game --------------------------------------------------------------------------------------------------


def find_source(s):
    """Return where the pictures come from: "own" or a key of SIDES. Without the folder of sprites it is that of digits."""
    if s.data:
        return "own"
    if s.sides == "sprites":
        try:
            Sprites()
            return "sprites"
        except DataError as error:
            note(f"{error}; digits are taken instead")
    return find_handwriting()


SAVED = {
    "source": (*SIDES, "own"), "colours": Range(1, 3), "size": Range(8, 512), "checksum": Range(0, 2**32),
}  # fmt: skip


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train cycle` plays; with `saved`, pictures are read when they are needed."""
    source = saved["source"] if saved else find_source(s)
    refuse_changed("" if source == "own" else source, s.data)
    sides = cache(lambda: own_sides(s.data, s.size, s.batch_size) if source == "own" else SIDES[source]())
    checksum = lambda: fingerprint(*sides()[0]) if s.data else 0
    if saved is None:
        _, colours, size, _ = sides()[0][0].shape
        saved = {"source": source, "colours": colours, "size": size, "checksum": checksum()}
    networks = {"a_to_b": translator, "b_to_a": translator, "judge_a": judge, "judge_b": judge}
    shape = saved["colours"], saved["size"], saved["size"]
    to_b, to_a, *judges = (make(shape, s, stream(s.seed, name)).to(device) for name, make in networks.items())

    @cache
    def loaders():
        refuse_others(s.data, checksum(), saved["checksum"])
        return [Loader(to_device(x, device), batch_size=s.batch_size, seed=s.seed) for x in sides()[0]]

    def batch(turn):
        of_a, of_b = loaders()
        return Batch(of_b.batch(turn), (of_a.batch(turn),))

    return Cycle((to_b, to_a), judges, batch, lambda: sides()[1], s, saved)


# --- a reader's picture ------------------------------------------------------------------------------------------


def respond(game, given, rng):
    """Return a picture (C, size, size) of b, made of the one in a file; of a, if "b:" stands before the file's name."""
    to, path = ("a", given[2:]) if given.startswith("b:") else ("b", given)
    x = read_square(path, game.saved["colours"], game.saved["size"])
    return game.translate(centred(x)[None], to)[0]


ANSWERS = {".png": write_picture}


def example(game):
    """Return what `tinygan apply` may be given."""
    return "picture.png"


def draw(game, samples, path):
    """Draw samples (N, 6, C, h, w), two or more in a row: source, translation, way back; and from the other side."""
    across = max(1, round(math.sqrt(len(samples) / 6)))
    scale = 1 if len(samples) > 36 else None
    save_image(image_grid(samples.reshape(-1, *samples.shape[2:]), 6 * across, scale, value_range=(-1, 1)), path)


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
        return sprite_measures(source, result, side)
    return digit_measures(digit_classifier(f"{data}-in-two-styles"), source, result, side)

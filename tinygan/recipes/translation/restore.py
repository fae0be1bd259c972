"""Damaged pictures are repaired: holes are filled, text laid over them is taken away, noise is cleaned.

G, a U-net, reads the damaged picture and, with `--set mask=told`, where it is damaged; what is whole then stays as it is.
First it learns pixel by pixel, then also by a judge of patches. `--set pictures=` sprites (shapes without their
sheets), digits (MNIST, or the embedded ones enlarged), photographs (BSD100, tested on Set14; or dead leaves made here);
or pictures of your own, --data FOLDER. `tinygan apply RUN photo.png` repairs a file; if the run is told masks, the mask is
the file photo.mask.png, white where the photo is damaged.
Measured in decibels to the true pictures, beside no repair, the mean of what is whole, and diffusion; also for kinds of
damage that it never learned (scratches, dots, half a picture); and whether sprites and digits can be read again.
Seed 0, 5,000 steps, 3.5 CPU minutes, sprites: holes 26.3 dB, text 30.5, noise 27.6, where diffusion has 22.5, 26.4, 20.7;
scratches, dots, half a picture, never learned: 22.8, 20.2, 22.8; it has 27.8, 26.8, 15.4 (benchmarks/results/restore.md).
Pathak et al. 2016, *Context Encoders*.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import DataError, centred, note
from tinygan.data.files import refuse_changed, refuse_others
from tinygan.data.pictures.damages import KINDS, OTHERS, damage
from tinygan.files import Range
from tinygan.gan.players import Batch
from tinygan.gan.translation import Translation, TranslationSettings
from tinygan.metrics.pictures.repairs import diffuse, fill_mean
from tinygan.networks.unet import PatchJudge, UNet, UNetSettings
from tinygan.nn import Module
from tinygan.recipes.translation._pictures import MOST_PIXELS, draw_rows, read_as, translate_any_size, write_picture
from tinygan.recipes.translation._repaired import choose, find_pictures, own_pictures
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class OwnPictureSettings(RunSettings):
    """Pictures of your own."""

    size: int = setting(
        32, "Scale the middle squares of the pictures to this side. 0: leave them as they are.", 0, 4096
    )


@defaults(
    steps=5000, batch_size=16, learning_rate=3e-3, beta1=0.5, schedule="cosine", decay_from=0.0, warmup=100, ema=0.995,
    pixel_phase=0.8, pixel_weight=50.0, game_rate=0.3,
)  # fmt: skip
class Settings(UNetSettings, TranslationSettings):
    """Settings of `restore`."""

    data: str = setting(
        "", "Pictures of your own: a folder of files, a .npy, .npz or IDX file; a tenth is held out. Empty: `pictures`.",
        brings=OwnPictureSettings,
    )  # fmt: skip
    pictures: str = setting(
        "sprites",
        "What is repaired where there are no pictures of your own.",
        choices=("sprites", "digits", "photographs"),
    )
    mask: str = setting("told", "Whether G is told where a picture is damaged.", choices=("told", "guessed"))


# --- the game ------------------------------------------------------------------------------------------------------


class Repairer(Module):
    """Generator: (1 - m) x + m f(x, m) of a damaged picture x and its mask m; x + f(x) if it has to guess where.

    Told the mask, f answers anew for x: a correction of x would trust what lies on pixels that are known to be damaged, and
    dots and scratches, which it never learned, would stay.
    """

    def __init__(self, channels, told, s, rng):
        self.channels, self.told = channels, told
        self.answer = UNet(channels + told, channels, s, rng)
        for parameter in self.answer.last.parameters():
            parameter.data[:] = 0  # at first it fills with grey, or changes nothing

    def forward(self, source):
        """Sources (N, C + 1 if told else C, h, w) -> pictures (N, C, h, w)."""
        damaged, answer = source[:, : self.channels], self.answer(source)
        if not self.told:
            return damaged + answer
        mask = source[:, self.channels :]
        return (1 - mask) * damaged + mask * answer


SAVED = {
    "pictures": ("", "sprites", "shapes", "mnist", "digits", "photographs", "leaves"),
    "channels": Range(1, 3), "checksum": Range(0, 2**32),
}  # fmt: skip


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train restore` plays."""
    if saved is None:
        saved = {"pictures": "" if s.data else choose(s.pictures)}
        found = pictures_of(s, saved)
        s.refuse_sides(*found.test.shape[2:])
        saved |= {"channels": found.test.shape[1], "checksum": found.checksum}
    refuse_changed(saved["pictures"], s.data)
    told, channels = s.mask == "told", saved["channels"]
    g = Repairer(channels, told, s, stream(s.seed, "generator")).to(device)
    d = PatchJudge(2 * channels + told, s, stream(s.seed, "discriminator")).to(device)
    found = cache(lambda: pictures_of(s, saved))

    def batch(turn):
        rng = stream(s.seed, "pictures", turn)
        target = found().batch(s.batch_size, rng)
        parts = np.array_split(target, len(KINDS))
        source = np.concatenate([join(*damage(x, kind, rng), told) for x, kind in zip(parts, KINDS) if len(x)])
        return Batch(to_device(target, device), (to_device(source, device),))

    return Translation(g, d, batch, s, lambda: asked_of(s, saved)[1], saved)


def join(damaged, mask, told):
    """Return what G reads: damaged pictures (N, C, h, w), and their masks (N, 1, h, w) as one more channel if told."""
    return np.concatenate([damaged, mask], 1) if told else damaged


def pictures_of(s, saved):
    """Return the pictures that a run repairs; DataError if they are no longer those it began with."""
    found = own_pictures(s.data, s.size, s.batch_size) if s.data else find_pictures(saved["pictures"])
    if "channels" in saved:  # the run has begun
        began = saved["checksum"], saved["channels"]
        refuse_others(s.data or saved["pictures"], (found.checksum, found.test.shape[1]), began)
    return found


def damaged_by(kind, pictures):
    """Return (damaged pictures, masks): always the same damage for the same pictures."""
    return damage(pictures, kind, stream(0, f"test of {kind}"))


def asked_of(s, saved):
    """Return (pictures, sources) that training does not show; the kinds of damage in turn, of OTHERS too."""
    test, kinds = pictures_of(s, saved).test, KINDS + OTHERS
    sources = np.stack([join(*damaged_by(kind, test), s.mask == "told") for kind in kinds])  # (kinds, N, C, h, w)
    of = np.arange(len(test))
    return test, sources[of % len(kinds), of]


def draw(game, samples, path):
    """Draw rows of damaged pictures, the repaired ones, and the true ones; each column a kind of damage."""
    true, sources = asked_of(game.settings, game.saved)
    n = min(len(samples), 12, len(true))
    draw_rows([x[:n, : true.shape[1]] for x in (sources, samples, true)], path)


EVALUATED_SAMPLES = 500


def evaluate(game, samples):
    """Return dB to the true pictures, of the mean error of all, by kind of damage; beside repairs that learn nothing.

    read: the share of pictures in which a figure (all of it) or a digit is read as in the true one. Pictures are repaired
    anew for each kind.
    """
    s, scores = game.settings, {"samples": len(samples)}
    found = pictures_of(s, game.saved)
    true = found.test[: len(samples)]
    if found.read:
        scores["read_of_real"] = float(found.read(true).mean())
    for kind in KINDS + OTHERS:
        damaged, mask = damaged_by(kind, true)
        shown = {
            "repaired": game.sample(len(true), 0, given=join(damaged, mask, s.mask == "told")).clip(-1, 1),
            "unrepaired": damaged, "mean_filled": fill_mean(damaged, mask), "diffused": diffuse(damaged, mask),
        }  # fmt: skip
        for name, pictures in shown.items():
            scores[f"{name}_{kind}"] = float(-10 * np.log10(np.square(pictures - true).mean() / 4 + 1e-12))
            if found.read:
                scores[f"read_{name}_{kind}"] = float(found.read(pictures).mean())
    return scores


# --- a picture of your own -----------------------------------------------------------------------------------------


def example(game):
    """Return what `tinygan apply` may be given."""
    return "photo.png"


def respond(game, path, rng):
    """Return the repaired picture of a file, (C, h, w) in [-1, 1]; its mask is white where the picture is damaged."""
    s, channels = game.settings, game.saved["channels"]
    picture = centred(read_as(path, channels, MOST_PIXELS))
    height, width = picture.shape[1:]
    mask = np.ones((1, height, width), np.float32)
    if s.mask == "told":
        beside = Path(path).with_suffix(".mask.png")
        if not beside.exists():
            raise DataError(
                f"{beside}: no such file; this run is told where a picture is damaged: draw a mask there, white where it is,"
                " black elsewhere, or use a run of --set mask=guessed"
            )
        mask = (centred(read_as(beside, 1)) > 0).astype(np.float32)
        if not mask.any():
            note(f"{beside}: nothing is white, so nothing is repaired")
        if mask.shape[1:] != picture.shape[1:]:
            raise DataError(f"{beside}: {mask.shape[1]}x{mask.shape[2]} pixels, but {path} has {height}x{width}")
    return translate_any_size(game, join(picture[None], mask[None], s.mask == "told")[0], rng).clip(-1, 1)


ANSWERS = {".png": write_picture}

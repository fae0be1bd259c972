"""An outline becomes a figure in colour: pix2pix, a U-net told to come near the target and to please a judge of patches.

G reads a drawing, the outlines of hair, body and clothes in coloured pencil (`--set pencil=black`: in black, so that the
colours are G's to choose), and paints the figure. The first part of the steps is L1 alone; then D, who sees drawing and
picture side by side, judges patch by patch. Data: the world of sprites, whose sheets lie in TINYGAN_DATA, or shapes; or
pairs of your own, --data FOLDER with pictures of the same names in a/ and b/. `tinygan apply RUN drawing.png` paints.
Measured on drawings never seen: does the network that reads figures read what was drawn; and decibels to the true figure.
Seed 0, 9,000 steps, 7.6 CPU minutes: 29.3 dB; skin .93, legs .91, the others .99 or more (benchmarks/results/pix2pix.md).
Isola et al. 2017, *Image-to-Image Translation with Conditional Adversarial Networks*.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tinygan.backend import stream, to_device
from tinygan.data import DataError, Loader, centred, find_world, note, read_sides
from tinygan.data.files import fingerprint, refuse_changed, refuse_others
from tinygan.data.sprites import SIDE
from tinygan.files import Range
from tinygan.gan.players import Batch
from tinygan.gan.translation import Translation, TranslationSettings
from tinygan.metrics import obey, obeyed_shares, psnr
from tinygan.metrics.pictures.heads import read_figures
from tinygan.networks.unet import PatchJudge, UNet, UNetSettings
from tinygan.nn import Sequential, Tanh
from tinygan.recipes.translation._drawings import ASKED, asked_of, draw_pairs
from tinygan.recipes.translation._pictures import MOST_PIXELS, draw_rows, read_as, translate_any_size, write_picture
from tinygan.recipes.translation._worlds import choose_world
from tinygan.run.settings import RunSettings, defaults, setting


@dataclass
class OwnPairSettings(RunSettings):
    """Pairs of your own."""

    size: int = setting(0, "Scale the middle squares of the pictures to this side. 0: leave them as they are.", 0, 4096)


@dataclass
class WorldSettings(RunSettings):
    """Drawings that are made here."""

    world: str = setting(
        "sprites", "What is drawn; without the sheets of sprites, shapes.", choices=("sprites", "shapes")
    )
    pencil: str = setting(
        "coloured", "Of the drawings: coloured outlines, or black ones.", choices=("coloured", "black")
    )


@defaults(
    steps=9000, batch_size=16, learning_rate=3e-3, beta1=0.5, ema=0.99, pixel_phase=0.6, pixel_weight=30.0, game_rate=0.3,
)  # fmt: skip
class Settings(UNetSettings, WorldSettings, TranslationSettings):
    """Settings of `pix2pix`."""

    data: str = setting(
        "", "A folder with pairs of your own: pictures of the same names in a/ and b/. Empty: drawings made here.",
        brings=OwnPairSettings,
    )  # fmt: skip


# --- the game ------------------------------------------------------------------------------------------------------


def own_pairs(s, saved=None):
    """Return (a, b, how many of their last rows are held out) of a reader's own, in [-1, 1]; DataError if they do not fit."""
    a, b, paired = read_sides(s.data, s.size)
    if not paired:
        raise DataError(
            f"{s.data}: a/ and b/ are not paired, as fewer than half of their files have a partner: give a picture in a and"
            " its partner in b the same name; cycle needs no pairs"
        )
    multiple = 2 ** max(s.halvings, 2)
    if a.shape[2:] != b.shape[2:] or a.shape[2] % multiple or a.shape[3] % multiple:
        sides = " and ".join(f"{x.shape[2]}x{x.shape[3]}" for x in (a, b))
        raise DataError(
            f"{s.data}: pictures of {sides}: expected one size, multiples of {multiple}; --set size=32 makes it"
        )
    order = stream(0, "held out").permutation(len(a))
    held_out = min(len(a) // 10, ASKED)
    if held_out < 1 or len(a) - held_out < s.batch_size:
        raise DataError(f"{s.data}: {len(a)} pairs: a tenth is held out, and a batch has {s.batch_size}; add pairs")
    a, b = (centred(x[order]) for x in (a, b))
    if saved:
        refuse_others(s.data, fingerprint(a, b), saved["checksum"])
    return a, b, held_out


SAVED = {"world": ("", "sprites", "shapes"), "before": Range(1, 3), "after": Range(1, 3), "checksum": Range(0, 2**32)}


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train pix2pix` plays."""
    own = cache(lambda: own_pairs(s, saved))
    if saved is None and s.data:
        a, b, held_out = own()
        note(f"{len(a):,} pairs of {s.data}; {held_out} held out")
        saved = {"world": "", "before": a.shape[1], "after": b.shape[1], "checksum": fingerprint(a, b)}
    saved = saved or {"world": choose_world(s.world, "drawn"), "before": 3, "after": 3, "checksum": 0}
    refuse_changed(saved["world"], s.data)
    if not s.data:
        s.refuse_sides(SIDE, SIDE)
    before, after = saved["before"], saved["after"]
    g = Sequential(UNet(before, after, s, stream(s.seed, "generator")), Tanh()).to(device)
    d = PatchJudge(before + after, s, stream(s.seed, "discriminator")).to(device)
    loader = cache(lambda: Loader(*(x[: -own()[2]] for x in own()[:2]), batch_size=s.batch_size, seed=s.seed))

    def batch(turn):
        if s.data:
            source, target = loader().batch(turn)
        else:
            rng, world = stream(s.seed, "scenes", turn), find_world(saved["world"])
            source, target = draw_pairs(world, world.scenes("train", s.batch_size, rng), rng, s.pencil)
        return Batch(to_device(target, device), (to_device(source, device),))

    return Translation(g, d, batch, s, lambda: held_out_pairs(s, saved)[0], saved)


def held_out_pairs(s, saved):
    """Return (drawings, pictures) that training does not show."""
    if not s.data:
        return asked_of(saved["world"], s.pencil)[1:]
    a, b, held_out = own_pairs(s, saved)
    return a[-held_out:], b[-held_out:]


def draw(game, samples, path):
    """Draw rows of drawings, what was made of them, and the true pictures."""
    rows = [x[np.arange(len(samples)) % len(x)] for x in held_out_pairs(game.settings, game.saved)]
    draw_rows([x[:12] for x in (rows[0], samples, rows[1])], path)


EVALUATED_SAMPLES = 2 * ASKED


def evaluate(game, samples):
    """Return PSNR to the true pictures, and which attributes are as drawn; held-out combinations apart.

    as_read_psnr: to the figure that the network reads in a sample, in its pose: is it a figure at all?
    """
    s = game.settings
    _, pictures = held_out_pairs(s, game.saved)
    asked = np.arange(len(samples)) % len(pictures)
    scores = {"samples": len(samples), "as_drawn_psnr": float(psnr(samples, pictures[asked], (-1, 1)).mean())}
    if s.data:
        return scores
    world = find_world(game.saved["world"])
    scenes = [asked_of(world.name, s.pencil)[0][i] for i in asked]
    sentences = [world.say(scene, stream(0, "sentence", i)) for i, scene in enumerate(scenes)]
    for prefix, rows in {"obeyed": asked < ASKED, "obeyed_held_out": asked >= ASKED}.items():
        said = [sentence for sentence, chosen in zip(sentences, rows) if chosen]
        for kind, shown in {"": samples, "_of_real": pictures[asked]}.items():
            shares = obeyed_shares(obey(world, shown[rows], said)) if said else {}
            scores |= {f"{prefix}_{name}{kind}": share for name, share in shares.items()}
    if world.name == "sprites":
        read = world.draw([f._replace(**dict(zip(POSE, scene[7:]))) for f, scene in zip(read_figures(samples), scenes)])
        scores["as_read_psnr"] = float(-10 * np.log10(np.square(samples - read).mean() / 4))
    return scores


POSE = ("action", "direction", "step")


# --- a drawing of your own -------------------------------------------------------------------------------------------


def example(game):
    """Return what `tinygan apply` may be given."""
    return "drawing.png"


def respond(game, path, rng):
    """Return what is made of a drawing in a file, (C, h, w) in [-1, 1]."""
    return translate_any_size(game, centred(read_as(path, game.saved["before"], MOST_PIXELS)), rng)


ANSWERS = {".png": write_picture}

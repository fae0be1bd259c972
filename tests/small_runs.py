"""What tests of recipes share: settings so small that a step takes milliseconds, little data, words of the command line."""

import gzip
import itertools
import struct
from contextlib import contextmanager

import numpy as np
import pytest

from tinygan import recipes
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import made_chorales, made_names, made_prices, speech
from tinygan.plot import save_image
from tinygan.recipes.sound import _pieces
from tinygan.recipes.translation import _drawings, _photographs, _repaired

SMALL = {
    "ring": {"hidden": 16, "batch_size": 32},
    "grid": {"hidden": 16, "batch_size": 32},
    "swissroll": {"hidden": 16, "batch_size": 32},
    "mnist": {"batch_size": 20, "g_channels": 2, "d_channels": 2, "features": 8, "noise": 4},
    "mnist-rows": {"batch_size": 8, "hidden": 6, "noise": 3, "row_noise": 2, "features": 7, "row_latent": "path"},
    "digits": {"batch_size": 8, "hidden": 6, "noise": 3, "row_noise": 2, "features": 7},
    "stacked-mnist": {"batch_size": 8, "noise": 4, "packing": 2},
    "shapes": {"batch_size": 8, "g_channels": 2, "d_channels": 2, "features": 8, "noise": 4, "attention": "both",
               "pictures": 40},
    "sines": {"batch_size": 4, "hidden": 4, "noise": 2, "step_noise": 2},
    "stock": {"batch_size": 4, "hidden": 4, "noise": 2, "step_noise": 2},
    "chorales": {"batch_size": 4, "hidden": 4, "width": 3, "channels": 2, "pretrain": 2, "length": 8},
    "speech": {"batch_size": 4, "noise": 3, "embedding": 4, "hidden": 6, "channels": 1, "d_channels": 1, "features": 5},
    "wave": {"batch_size": 4, "channels": 1, "noise": 3},
    "names": {"batch_size": 8, "hidden": 8, "embedding": 4},
    "captions": {"batch_size": 8, "hidden": 8, "embedding": 4},
    "oracle": {"batch_size": 8, "hidden": 8, "embedding": 4, "sentences": 64, "tokens": 4, "vocabulary": 20},
    "pix2pix": {"batch_size": 4, "g_channels": 2, "d_channels": 2},
    "restore": {"batch_size": 4, "g_channels": 2, "d_channels": 2},
    "dialogue": {"batch_size": 8, "hidden": 10, "embedding": 6},
    "caption": {"batch_size": 8, "hidden": 10, "embedding": 6, "channels": 2, "pictures": 64},
    "superres": {
        "batch_size": 4, "crop": 8, "channels": 4, "blocks": 1, "d_channels": 2, "pixel_phase": 0.4,
        "game_batch_size": 3, "leaves": 0,
    },  # fmt: skip
    "text2image": {"batch_size": 4, "noise": 2, "embedding": 4, "hidden": 6, "channels": 2, "features": 4},
}
SMALL["video"] = {"batch_size": 4, "noise": 2, "step_noise": 1, "motion": 6, "embedding": 4, "channels": 6, "features": 4}
SMALL["video-edit"] = {"batch_size": 4, "embedding": 4, "hidden": 6, "channels": 2, "state": 6, "d_channels": 2}
SMALL["cycle"] = {"batch_size": 4, "channels": 2, "blocks": 1, "d_channels": 2, "features": 4}
SMALL |= dict.fromkeys(["wgan-gp", "cgan", "infogan"], SMALL["mnist"])

WAYS = {  # text: what each way has beside SMALL
    "mle": {},
    "policy": {"pretrain": 2, "d_pretrain": 1, "rollouts": 2},
    "gumbel": {"pretrain": 2},
    "infill": {"pretrain": 2, "d_pretrain": 1},
    "vae": {},
}


def small_game(name, **settings):
    """The game of a recipe, small, with settings of its own."""
    recipe = recipes.load(name)
    return recipe.make_game(recipe.Settings(**{"steps": 4, **SMALL[name], **settings}))


@contextmanager
def little_data(folder):
    """Let TINYGAN_DATA be a folder of a few made samples of every kind; pictures and lines as a reader would bring them."""
    with pytest.MonkeyPatch.context() as patch:
        (folder / "mnist").mkdir()
        for part in ("train", "t10k"):
            images = stream(0, part).integers(0, 256, (60, 28, 28), dtype=np.uint8)
            for kind, array in (("images-idx3", images), ("labels-idx1", (np.arange(60) % 10).astype(np.uint8))):
                content = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()
                (folder / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(content))
        np.save(folder / "pictures.npy", images[:, :8, :8])
        for k, image in enumerate(images[:20, :8, :8]):
            (folder / "classes" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
            save_image(image, folder / "classes" / "ab"[k % 2] / f"{k}.png")
        (folder / "lines.txt").write_text("".join(f"{name}.\n" for name in made_names(60, seed=0)))
        patch.setenv("TINYGAN_DATA", str(folder))
        patch.setattr(speech, "MADE_TAKES", 2)
        patch.setattr(recipes.load("speech"), "ROUNDS", 2)
        speech._make.cache_clear()
        stock = recipes.load("stock")
        patch.setattr(stock, "made_prices", lambda: made_prices(60))
        patch.setattr(_pieces, "made_chorales", lambda n, seed=0: made_chorales(6, 3, seed=seed))
        for name, few in {"MADE": 3, "HELD_OUT": 2, "SIDE": 40}.items():
            patch.setattr(_photographs, name, few)
        for known in (stock.table, _pieces.pieces, _drawings.asked_of, _repaired.find_pictures):
            known.cache_clear()
        yield folder
    for known in (stock.table, _pieces.pieces, _drawings.asked_of, _repaired.find_pictures, speech._make):
        known.cache_clear()


def set_words(settings):
    """Settings as words of the command line."""
    return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]


def train_and_go_on(out, recipe, settings, steps=4, **more):
    """Train by the command line; go on from the checkpoint before the last, to the same bytes. Return the last one's path.

    more: options of `tinygan train`, such as data.
    """
    options = [word for name, value in {"steps": steps, "out": out, **more}.items() for word in (f"--{name}", str(value))]
    assert main(["train", recipe, *options, *set_words(settings)]) == 0
    last = out / "checkpoints" / f"step-{steps}.safetensors"
    whole = last.read_bytes()
    last.unlink()
    assert main(["train", "--resume", "--out", str(out)]) == 0
    assert last.read_bytes() == whole
    return last


def check_gain(game, player, steps):
    """Let one player of a game of pairs learn, the other not.

    D's verdicts on real pairs rise above those on made ones. G's steps raise the verdicts on what it makes.
    """
    hold(game.D if player == "generator" else game.G)
    target, (source,) = game.batch(0)

    def verdicts():
        made = game.G.module(source).data
        return game.D.module(target, source).data.mean(), game.D.module(made, source).data.mean()

    before = verdicts()
    for _ in range(steps):
        game.step(0)
    after = verdicts()
    if player == "generator":
        assert after[0] == before[0] and after[1] > before[1]
    else:
        assert after[0] - after[1] > before[0] - before[1]


def hold(*players):
    """Let these players learn nothing, whatever they are told."""
    for player in players:
        player.schedule.base_lr = 0.0


def make_sheets(folder):
    """Write the 142 sheets of sprites into a folder, each of one colour of its own, with the lower half clear."""
    from PIL import Image

    from tinygan.data import sprites

    names = [
        sprites._sheet(slot, *values)
        for slot, attributes in sprites.SLOTS.items()
        for values in itertools.product(*(sprites.VALUES[name] for name in ("sex", *attributes)))
    ]
    for k, name in enumerate(names):
        sheet = np.zeros((12, 32, 8, 32, 4), np.uint8)
        sheet[:, :20] = (*stream(k, "sheet").integers(0, 256, 3), 255 if name.startswith("body") else 60)
        sheet[..., 0] += np.arange(8, dtype=np.uint8)[:, None]  # every step differs
        Image.fromarray(sheet.reshape(384, 256, 4)).save(folder / name, compress_level=1)
    return folder

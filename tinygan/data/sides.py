"""Two kinds of pictures that nobody paired: digits plain and outlined, figures in shirts and in armour, a reader's folders.

`SIDES` and `own_sides` return ((a, b) to train on, (a, b) held out): pictures of the one kind and of the other in [-1, 1].
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from tinygan.backend import Array, stream
from tinygan.ops import interpolate

from .files import DataError, note
from .pictures import centred, digits, mnist, read_sides
from .sprites import VALUES, Sprites

Sides: TypeAlias = tuple[Array, Array]

# --- digits ------------------------------------------------------------------------------------------------------

WIDER = 2  # pixels on every side


def outlined(images: Array) -> Array:
    """Return the outlines of pictures (N, C, h, w) in [0, 1]: the largest of 5x5 pixels, less the one in the middle."""
    wide = images
    for axis in (2, 3):
        beyond = [(WIDER, WIDER) if k == axis else (0, 0) for k in range(4)]
        wide = np.lib.stride_tricks.sliding_window_view(np.pad(wide, beyond), 2 * WIDER + 1, axis).max(-1)
    return wide - images


def enlarged(images: Array) -> Array:
    """Return digits (N, 1, 8, 8) about as large and as sharp as MNIST's: (N, 1, 28, 28) in [0, 1]."""
    images = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    return np.clip(2.5 * interpolate(images, (28, 28), mode="bicubic") - 0.75, 0, 1)


def find_handwriting() -> str:
    """Return "mnist" where $TINYGAN_DATA/mnist is, otherwise "digits", the ones that come with tinygan."""
    folder = os.environ.get("TINYGAN_DATA")
    return "mnist" if folder and Path(folder, "mnist").is_dir() else "digits"


def plain_and_outlined(source: str, split: str) -> tuple[Array, Array, Array, Array]:
    """Return plain digits (N, 1, 28, 28) in [0, 1], their labels, the outlines of as many other digits, their labels.

    source: "mnist" or "digits". split: "train" or "test".
    """
    images, labels = mnist(split) if source == "mnist" else digits(split)
    if source == "digits":
        images = enlarged(images)
    half = len(images) // 2
    return images[:half], labels[:half], outlined(images[half : 2 * half]), labels[half : 2 * half]


def digit_sides(source: str) -> tuple[Sides, Sides]:
    """Return plain and outlined digits of "mnist" or "digits"; the test part is held out."""
    if source == "digits":
        note("the digits that come with tinygan are taken, enlarged, as there is no folder mnist in TINYGAN_DATA")
    train, test = ([centred(x) for x in plain_and_outlined(source, part)[::2]] for part in ("train", "test"))
    return (train[0], train[1]), (test[0], test[1])


# --- figures -----------------------------------------------------------------------------------------------------

SHIRTS, ARMOUR = ([k for k, top in enumerate(VALUES["top"]) if ("shirt" in top) == wanted] for wanted in (True, False))
FIGURES = 8000, 1000  # of each side: to train on, held out


def sprite_sides() -> tuple[Sides, Sides]:
    """Return figures in shirts and figures in armour; whole figures are held out."""
    world = Sprites()

    def dress(part: str, n: int) -> Sides:
        rng = stream(0, f"sides, {part}")
        scenes = world.scenes(part, 3 * n, rng)
        a, b = ([x for x in scenes if ("shirt" in str(x.top)) == wanted][:n] for wanted in (True, False))
        return world.draw(a, rng), world.draw(b, rng)

    note("{:,} figures in shirts and as many in armour; {:,} of each held out".format(*FIGURES))
    return dress("train", FIGURES[0]), dress("unseen", FIGURES[1])


SIDES: dict[str, Callable[[], tuple[Sides, Sides]]] = {
    "mnist": partial(digit_sides, "mnist"), "digits": partial(digit_sides, "digits"), "sprites": sprite_sides,
}  # fmt: skip

# --- a reader's own ----------------------------------------------------------------------------------------------


def own_sides(folder: str, size: int, batch_size: int) -> tuple[Sides, Sides]:
    """Return the pictures of a reader's folders a and b, size x size; a tenth of each, 1,000 at most, is held out."""
    *sides, paired = read_sides(folder, size)
    if paired:
        note("this training makes no use of pairs; pix2pix does")
    colours = max(x.shape[1] for x in sides)
    train, held_out = [], []
    for name, x in zip("ab", sides):
        order, n = stream(0, f"held out of {name}").permutation(len(x)), min(len(x) // 10, 1000)
        if len(x) < 40 or len(x) - n < batch_size:
            raise DataError(
                f"{folder}: {len(x)} pictures in {name}, {len(x) - n} to train on: at least 40 are needed, and a batch of"
                f" {batch_size} to train on; add pictures" + ", or --set batch_size=4" * (len(x) >= 40)
            )
        x = centred(np.repeat(x, colours // x.shape[1], 1))  # where the one side is grey
        train.append(x[order[n:]])
        held_out.append(x[order[:n]])
    note(f"held out: {len(held_out[0])} of a, {len(held_out[1])} of b")
    return (train[0], train[1]), (held_out[0], held_out[1])

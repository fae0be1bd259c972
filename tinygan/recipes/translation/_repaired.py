"""What `restore` learns to repair, and is tested on: figures, digits, photographs, what is made here, a reader's own."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from tinygan.backend import Array, stream
from tinygan.data import DataError, centred, digits, find_world, mnist, note, read_pictures
from tinygan.data.files import fingerprint
from tinygan.data.pictures.photographs import dead_leaves, photographs
from tinygan.metrics import digit_classifier, obey
from tinygan.recipes.translation._worlds import READ

SIDE = 32
TESTED = 500  # pictures to test on


class Pictures(NamedTuple):
    """Pictures (N, C, h, w) in [-1, 1]."""

    batch: Callable[[int, np.random.Generator], Array]  # (n, rng) -> n pictures to learn from
    test: Array  # pictures that are not learned from
    read: Callable[[Array], Array] | None = None  # the first of the test's, repaired -> which can be read as before
    checksum: int = 0  # of all pictures of a reader's own


def choose(name: str) -> str:
    """Return "sprites", "mnist" or "photographs", or what is made here in their place: "shapes", "digits", "leaves"."""
    wanted = {"digits": "mnist"}.get(name, name)
    try:
        find_pictures(wanted)
    except DataError as error:
        instead = {"sprites": "shapes", "mnist": "digits", "photographs": "leaves"}[wanted]
        note(f"{error}; {instead} are repaired instead")
        return instead
    if wanted == "sprites":
        note(READ[wanted])
    return wanted


@cache
def find_pictures(name: str) -> Pictures:
    """Return the pictures of this name, one that `choose` returns."""
    rng = stream(0, "pictures to repair")
    if name in ("sprites", "shapes"):
        world: Any = find_world(name)
        scenes = world.scenes("held_out", TESTED, rng)
        sentences = [world.say(scene, rng) for scene in scenes]
        batch = lambda n, rng: world.draw(world.scenes("train", n, rng), rng)
        obeys = lambda x: np.asarray(obey(world, x, sentences[: len(x)])["whole"])
        return Pictures(batch, world.draw(scenes, rng), obeys)
    if name in ("mnist", "digits"):
        (train, _), (test, labels) = (
            (mnist("train"), mnist("test")) if name == "mnist" else (digits("train"), digits("test"))
        )
        grow, shrink = (_pad, _cut) if name == "mnist" else (_enlarge, _reduce)
        read = lambda x: digit_classifier(name).judge(shrink(x))[1].argmax(1) == labels[: len(x)]
        return Pictures(partial(_choose_rows, grow(centred(train))), grow(centred(test[:TESTED])), read)
    if name == "photographs":
        train, test = photographs("bsd100"), photographs("set14")
    else:
        train, test = dead_leaves(12, 96), dead_leaves(4, 96, seed=1)
    return Pictures(partial(crop, train), crop(test, TESTED, rng))


def own_pictures(path: str, size: int, batch_size: int) -> Pictures:
    """Return a reader's own pictures, a tenth of them held out; DataError if they do not fit."""
    images = centred(read_pictures(path, size))
    height, width = images.shape[2:]
    held_out = min(len(images) // 10, TESTED)
    if min(height, width) < 16 or held_out < 1 or len(images) - held_out < batch_size:
        raise DataError(
            f"{path}: {len(images)} pictures of {height}x{width}: expected sides of at least 16, and {batch_size} pictures"
            " beside the tenth that is held out; add pictures, or --set size=32 --set batch_size=8"
        )
    note(f"{held_out} of them held out")
    images = images[stream(0, "held out").permutation(len(images))]
    return Pictures(partial(_choose_rows, images[held_out:]), images[:held_out], checksum=fingerprint(images))


def crop(photos: list[Array], n: int, rng: np.random.Generator) -> Array:
    """Return n crops (n, 3, 32, 32) in [-1, 1], from anywhere in any of the photographs (3, h, w) in [0, 1]."""
    cut = np.empty((n, 3, SIDE, SIDE), np.float32)
    for x in cut:
        photo = photos[rng.integers(len(photos))]
        top, left = rng.integers(0, np.array(photo.shape[1:]) - SIDE + 1)
        x[:] = photo[:, top : top + SIDE, left : left + SIDE]
    return centred(cut)


def _choose_rows(rows: Array, n: int, rng: np.random.Generator) -> Array:
    return rows[rng.integers(0, len(rows), n)]


def _pad(x: Array) -> Array:
    """28x28 -> 32x32."""
    return np.pad(x, ((0, 0), (0, 0), (2, 2), (2, 2)), constant_values=-1)


def _cut(x: Array) -> Array:
    """32x32 -> 28x28."""
    return x[:, :, 2:-2, 2:-2]


def _enlarge(x: Array) -> Array:
    """8x8 -> 32x32: a pixel becomes 4x4."""
    return x.repeat(4, 2).repeat(4, 3)


def _reduce(x: Array) -> Array:
    """32x32 -> 8x8."""
    return x.reshape(len(x), 1, 8, 4, 8, 4).mean((3, 5))

"""Pictures with classes, which `cgan` learns from: MNIST, or a reader's folder that has a folder for each class.

A tenth of a reader's pictures of each class is held out. Of MNIST the test part is. A classifier that learns from the one
reads the other: its accuracy says how much its verdict on generated pictures is worth.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import Array, stream
from tinygan.data import DataError, centred, mnist, note, read_classes
from tinygan.data.files import fingerprint, list_some
from tinygan.metrics import train_network
from tinygan.networks.dcgan import PainterSettings, trunk
from tinygan.nn import Linear, Module, Sequential
from tinygan.recipes.pictures.mnist import OwnPictureSettings, check_sides
from tinygan.run.settings import RunSettings, setting

DIGITS = [*"0123456789"]


@dataclass
class LabelledSettings(RunSettings):
    """Which pictures of which classes."""

    data: str = setting(
        "", "Pictures of your own: a folder that has a folder for each class. Empty: MNIST.", brings=OwnPictureSettings
    )
    classes: str = setting("", "Learn these classes alone, by name, joined by +: 0+1, say. Empty: all.")
    per_class: int = setting(0, "Learn from so many real pictures of each class, drawn by the seed. 0: from all.", 0)


class Labelled(NamedTuple):
    """Pictures (N, C, height, width) in [-1, 1], labels (N,), and the names that labels count."""

    images: Array
    labels: Array
    names: list[str]


def read_labelled(s, part: str = "train") -> Labelled:
    """Return the pictures to learn from, or those that are held out, part "test". DataError if they do not fit."""
    if s.data:
        images, labels, names = read_classes(s.data, s.size)
        check_sides(s.data, *images.shape[2:])
        if len(names) > s.batch_size:
            fault = f"{len(names):,} classes, and batch_size={s.batch_size}: a batch has one of each at least"
            raise DataError(f"{s.data}: {fault}; --set batch_size={len(names)}")
        rows = _split(s.data, labels, names)[part == "test"]
        note(f"{len(images):,} pictures, {images.shape[2]}x{images.shape[3]}, in {len(names):,} classes; a tenth is held out")
        images, labels = images[rows], labels[rows]
    else:
        (images, labels), names = mnist(part), DIGITS
    wanted = s.classes.split("+") if s.classes else names
    if unknown := [name for name in wanted if name not in names]:
        raise ValueError(f"classes={s.classes}: no class {unknown[0]!r}: expected some of {list_some(names)}, joined by +")
    if len({*wanted}) < max(2, len(wanted)):
        raise ValueError(f"classes={s.classes}: expected two or more classes, each once")
    rows = [np.flatnonzero(labels == names.index(name)) for name in wanted]
    if s.per_class and part == "train":
        rows = [stream(s.seed, "few", k).permutation(those)[: s.per_class] for k, those in enumerate(rows)]
        note(f"learns from few: {list_some(f'{len(those):,} of {name}' for name, those in zip(wanted, rows))}")
    if len(wanted) == len(names) and not s.per_class:
        return Labelled(centred(images), labels, names)
    labels = np.repeat(np.arange(len(wanted)), [*map(len, rows)])
    return Labelled(centred(images[np.concatenate(rows)]), labels, wanted)


def _split(folder: str, labels: Array, names: list[str]) -> tuple[Array, Array]:
    """Return the rows to learn from, and a tenth of each class, held out: 1 at least, and 1,000 in all at most."""
    held_out = np.zeros(len(labels), bool)
    for label, name in enumerate(names):
        rows = np.flatnonzero(labels == label)
        if len(rows) < 5:
            raise DataError(f"{folder}: {len(rows)} pictures of {name}: at least 5 of each class are needed; add some")
        count = max(1, min(len(rows) // 10, 1000 // len(names)))
        held_out[stream(0, "held out", label).permutation(rows)[:count]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def apart(labelled: Labelled, batch_size: int) -> list[Array]:
    """Return the pictures of each class; those of a class that a batch needs more of than there are come several times."""
    needed = -(-batch_size // len(labelled.names))
    of_class = [labelled.images[labelled.labels == k] for k in range(len(labelled.names))]
    return [np.concatenate([x] * -(-needed // len(x))) if 0 < len(x) < needed else x for x in of_class]


def checksum(labelled: Labelled, s) -> int:
    """Return a number that tells whether a reader's pictures and their classes are those that a run began with."""
    return fingerprint(labelled.images, labelled.labels) if s.data else 0


# --- scores ------------------------------------------------------------------------------------------------------


def class_scores(images: Array, labels: Array, real: Labelled, held_out: Labelled, steps: int = 600) -> dict[str, float]:
    """Return the accuracies of `metrics.synthetic_scores`, by classifiers that learn from these pictures alone."""
    from_real = learn(real.images, real.labels, len(real.names), steps)
    from_generated = learn(images, labels, len(real.names), steps)
    return {
        "synthetic_to_real": accuracy(from_generated, held_out.images, held_out.labels),
        "real_to_synthetic": accuracy(from_real, images, labels),
        "real_to_real": accuracy(from_real, held_out.images, held_out.labels),
    }


def learn(images: Array, labels: Array, classes: int, steps: int) -> Module:
    """Return a classifier of pictures (N, C, height, width): D's trunk and a linear layer, trained on them."""
    rng, s = stream(0, "classifier"), PainterSettings()
    network = Sequential(trunk(images.shape[1:], s, rng), Linear(s.features, classes, rng=rng))
    return train_network(network, images, labels, steps=steps)


@no_grad()
def accuracy(network: Module, images: Array, labels: Array) -> float:
    """Return the share of pictures that a classifier reads as labelled."""
    right = [network(Tensor(images[i : i + 500])).data.argmax(1) == labels[i : i + 500] for i in range(0, len(images), 500)]
    return float(np.concatenate(right).mean())

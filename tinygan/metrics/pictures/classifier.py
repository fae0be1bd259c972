"""A small CNN that reads handwritten digits and scores generated ones; it is trained here, once, on real digits.

Its probabilities tell how legible a picture is and how often each digit is drawn. Frechet and kernel distances compare
its penultimate features. `digit_classifier("digits")` trains it on first use, in seconds, and stores the weights in the
cache folder. `images.py` is the caller.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import Array, stream
from tinygan.data import Loader, centred, digits, mnist
from tinygan.data.sides import plain_and_outlined
from tinygan.files import written_whole
from tinygan.losses import cross_entropy
from tinygan.nn import Conv2d, Linear, Module
from tinygan.ops import flatten, leaky_relu, softmax
from tinygan.optim import Adam, CosineAnnealingLR, WarmupLR
from tinygan.progress import Pulse, track
from tinygan.seeding import generator
from tinygan.threads import prime_malloc

# Part of the file's name in the cache. Raise it with every change of this file that changes the weights.
VERSION = 1

# picture size: two convolutions (channels, kernel_size, stride), and the number of features
_LAYERS: dict[int, tuple[list[tuple[int, int, int]], int]] = {
    8: ([(16, 3, 1), (32, 4, 2)], 64),
    28: ([(16, 4, 2), (48, 4, 2)], 128),
}



def _in_two_styles(source: str) -> Callable:
    """Return a data set of plain digits, labels 0 to 9, and outlined ones, labels 10 to 19."""

    def read(split: str) -> tuple[Array, Array]:
        plain, plain_labels, outlined, outlined_labels = plain_and_outlined(source, split)
        return np.concatenate([plain, outlined]), np.concatenate([plain_labels, outlined_labels + 10])

    return read


# name: data set, settings of train_classifier
_TRAINING: dict[str, tuple[Callable, dict]] = {
    "digits": (digits, {"steps": 1200, "batch_size": 64}),
    "mnist": (mnist, {"steps": 2400}),
    "digits-in-two-styles": (_in_two_styles("digits"), {"steps": 1200, "batch_size": 64, "classes": 20}),
    "mnist-in-two-styles": (_in_two_styles("mnist"), {"steps": 2400, "classes": 20}),
}


AnyModule = TypeVar("AnyModule", bound=Module)


class Classifier(Module):
    """Two convolutions and two linear layers for pictures (N, 1, size, size) in [-1, 1], size 8 or 28."""

    def __init__(self, size: int, classes: int = 10, *, rng: np.random.Generator | int | None = None) -> None:
        if size not in _LAYERS:
            raise ValueError(f"Classifier: pictures of {size}x{size}: it reads 8x8 and 28x28")
        made: dict = {"rng": generator(rng), "device": "cpu"}  # every device has the same scores
        (first, second), features = _LAYERS[size]
        self.size = size
        self.conv1 = Conv2d(1, *first, padding=1, **made)
        self.conv2 = Conv2d(first[0], *second, padding=1, **made)
        self.fc1 = Linear(second[0] * (size // first[2] // second[2]) ** 2, features, **made)
        self.fc2 = Linear(features, classes, **made)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate layer: (N, 64) for pictures of 8x8, (N, 128) for 28x28."""
        x = leaky_relu(self.conv1(x), 0.1)
        x = leaky_relu(self.conv2(x), 0.1)
        return leaky_relu(self.fc1(flatten(x, 1)), 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes)."""
        return self.fc2(self.features(x))

    @no_grad()
    def judge(self, images: Array, batch_size: int = 500) -> tuple[Array, Array]:
        """Return arrays (features, probabilities) of numpy images, float32, computed in batches without a graph."""
        if images.shape[1:] != (1, self.size, self.size):
            raise ValueError(f"Classifier: images {images.shape}: this one reads (N, 1, {self.size}, {self.size})")
        features: list[Array] = []
        probabilities: list[Array] = []
        for start in range(0, len(images), batch_size):
            f = self.features(Tensor(images[start : start + batch_size].astype(np.float32)))
            features.append(f.data)
            probabilities.append(softmax(self.fc2(f), 1).data)
        return np.concatenate(features), np.concatenate(probabilities)

    def accuracy(self, images: Array, labels: Array) -> float:
        """Return the share of images (N, 1, size, size) that it reads as labelled."""
        return float((self.judge(images)[1].argmax(1) == labels).mean())


def train_classifier(
    images: Array,
    labels: Array,
    *,
    steps: int,
    batch_size: int = 96,
    learning_rate: float = 3e-3,
    seed: int = 0,
    classes: int = 10,
) -> Classifier:
    """Train a Classifier on images (N, 1, size, size) in [-1, 1] with labels (N,): a function of the arguments alone.

    The optimiser is Adam with a warm-up and then a cosine schedule. Every step moves each picture by up to a pixel up
    or down and sideways.
    """
    classifier = Classifier(images.shape[-1], classes, rng=stream(seed, "classifier"))
    return train_network(
        classifier, images, labels, steps=steps, batch_size=batch_size, learning_rate=learning_rate, seed=seed
    )


def train_network(
    network: AnyModule,
    images: Array,
    labels: Array,
    *,
    steps: int,
    batch_size: int = 96,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> AnyModule:
    """Train a network that returns logits (N, classes) on images (N, C, height, width), as `train_classifier`; return it."""
    loader = Loader(images, labels, batch_size=min(batch_size, len(images)), seed=seed)

    def loss(step: int) -> Tensor:
        x, digit = loader.batch(step)
        return cross_entropy(network(Tensor(_move(x, stream(seed, "moves", step)))), digit)

    return descend(network, loss, steps, learning_rate, "a classifier")


def descend(
    network: AnyModule, loss: Callable[[int], Tensor], steps: int, learning_rate: float, what: str
) -> AnyModule:
    """Take `steps` steps of Adam on loss(step), the rate rising for a tenth of them, then falling by a cosine; return it.

    what: is trained, as the progress bar says.
    """
    prime_malloc()
    parameters = network.parameters()
    optimizer = Adam(parameters, lr=learning_rate)
    warmup = max(1, steps // 10)
    schedule = WarmupLR(optimizer, warmup, after=CosineAnnealingLR(optimizer, steps - warmup))
    for step in track(range(steps), f"training {what}"):
        optimizer.lr = schedule(step)
        optimizer.step(grad(loss(step), parameters))
    return network


def _move(x: Array, rng: np.random.Generator) -> Array:
    """Move every picture of x (N, C, height, width) by -1, 0 or 1 pixels up and sideways; the free edge becomes -1."""
    height, width = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (2, 3))  # (N, C, 3, 3, height, width)
    down, right = rng.integers(0, 3, (2, len(x)))
    return windows[np.arange(len(x)), :, down, right]


# --- trained once, then read from the cache --------------------------------------------------------------------

M = TypeVar("M", bound=Module)

# path in the cache: network; a process reads or trains each once, even if the cache cannot be written
_loaded: dict[Path, Any] = {}


def digit_classifier(name: str) -> Classifier:
    """Return the classifier of "digits" (8x8; reads 98 % of the held-out digits) or "mnist" (28x28; reads 99 %).

    Those of "digits-in-two-styles" and "mnist-in-two-styles" (28x28) have twenty classes: ten plain digits, ten outlined.
    The first call trains it on the training part with a fixed seed and stores it in `cache_folder()`.
    """
    if not isinstance(name, str):
        raise TypeError(f"digit_classifier: name is 'digits' or 'mnist', got a {type(name).__name__}")
    if name not in _TRAINING:
        raise ValueError(f"no classifier of {name!r}: expected {' or '.join(map(repr, _TRAINING))}")
    make = lambda: Classifier(8 if name == "digits" else 28, _TRAINING[name][1].get("classes", 10), rng=0)
    train = lambda: train_classifier(*real_images(name, "train"), **_TRAINING[name][1])
    return train_once(f"classifier-{name}-{VERSION}", make, train, "the classifier that scores pictures")


def train_once(name: str, make: Callable[[], M], train: Callable[[], M], what: str) -> M:
    """Return `train()`, which is called once: its weights are stored in the cache under `name`, and read into `make()`.

    what: whose training it is, as users are told while it lasts.
    """
    path = cache_folder() / f"{name}.safetensors"
    if path not in _loaded:
        _loaded[path] = _read(path, make()) or _train_and_store(path, train, what)
    return _loaded[path]


def cache_folder() -> Path:
    """Return the folder of stored weights: TINYGAN_CACHE, or else the user's own cache folder. It may not exist yet."""
    folder = os.environ.get("TINYGAN_CACHE")
    if not folder:
        import pooch

        folder = pooch.os_cache("tinygan")
    return Path(folder)


def training_settings(name: str) -> dict:
    """Return the arguments of `train_classifier` that train the classifier `name`."""
    return dict(_TRAINING[name][1])


def real_images(name: str, split: str) -> tuple[Array, Array]:
    """Return (images in [-1, 1], labels) of a part, "train" or "test", of the data that the classifier `name` reads."""
    images, labels = _TRAINING[name][0](split)
    return centred(images), labels


def _read(path: Path, network: M) -> M | None:
    """Return the network with the weights in a file of the cache, None if the file is missing or damaged."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        network.load_state_dict(load(path.read_bytes()))
    except (OSError, SafetensorError, ValueError):  # absent or damaged: the caller trains again and replaces it
        return None
    return network


def _train_and_store(path: Path, train: Callable[[], M], what: str) -> M:
    from safetensors.numpy import save

    def say(sentence: str) -> None:
        print(sentence, file=sys.stderr, flush=True)

    with Pulse(say, lambda: f"{what} is made, once"):
        network = train()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.write_bytes(save(network.state_dict()))
    except OSError as error:
        say(f"{what} could not be stored in {path.parent} ({error.strerror}), so it will be trained again")
    return network

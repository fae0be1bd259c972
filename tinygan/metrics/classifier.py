"""The judge of pictures: a small CNN that reads handwritten digits, trained here, once, on real ones.

Its probabilities say how sure it is of a picture and which digits are drawn how often; its penultimate features are the
space in which Frechet and kernel distances are measured. `digit_classifier("digits")` trains it on first use, in
seconds, and keeps the weights in the cache folder; `images.py` is what asks.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import stream
from tinygan.data import Loader, centred, digits, mnist
from tinygan.files import written_whole
from tinygan.losses import cross_entropy
from tinygan.nn import Conv2d, Linear, Module
from tinygan.ops import flatten, leaky_relu, softmax
from tinygan.optim import Adam, CosineAnnealingLR, WarmupLR
from tinygan.threads import prime_malloc

# Part of the name of the file in the cache: raise it with every change to what is below that changes the weights.
VERSION = 1

# picture size: convolutions (channels, kernel_size, stride), and the number of features
_LAYERS = {8: ([(16, 3, 1), (32, 4, 2)], 64), 28: ([(16, 4, 2), (48, 4, 2)], 128)}

# name: data set, settings of train_classifier
_TRAINING = {"digits": (digits, {"steps": 1200, "batch_size": 64}), "mnist": (mnist, {"steps": 2400})}


class Classifier(Module):
    """Two convolutions and two linear layers for pictures (N, 1, size, size) in [-1, 1], size 8 or 28."""

    def __init__(self, size, classes=10, *, rng=None):
        if size not in _LAYERS:
            raise ValueError(f"Classifier: pictures of {size}x{size}: it is made for 8x8 and 28x28")
        rng = np.random.default_rng(rng)
        (first, second), features = _LAYERS[size]
        self.size = size
        self.conv1 = Conv2d(1, *first, padding=1, rng=rng)
        self.conv2 = Conv2d(first[0], *second, padding=1, rng=rng)
        self.fc1 = Linear(second[0] * (size // first[2] // second[2]) ** 2, features, rng=rng)
        self.fc2 = Linear(features, classes, rng=rng)

    def features(self, x):
        """The penultimate layer: (N, 64) for pictures of 8x8, (N, 128) for 28x28."""
        x = leaky_relu(self.conv1(x), 0.1)
        x = leaky_relu(self.conv2(x), 0.1)
        return leaky_relu(self.fc1(flatten(x, 1)), 0.1)

    def forward(self, x):
        """Logits (N, classes)."""
        return self.fc2(self.features(x))

    @no_grad()
    def judge(self, images, batch_size=500):
        """Arrays (features, probabilities) of numpy images, float32; computed in batches, nothing recorded."""
        if images.shape[1:] != (1, self.size, self.size):
            raise ValueError(f"Classifier: images {images.shape}: this one reads (N, 1, {self.size}, {self.size})")
        features, probabilities = [], []
        for start in range(0, len(images), batch_size):
            f = self.features(Tensor(images[start : start + batch_size].astype(np.float32)))
            features.append(f.data)
            probabilities.append(softmax(self.fc2(f), 1).data)
        return np.concatenate(features), np.concatenate(probabilities)

    def accuracy(self, images, labels):
        """The share of images (N, 1, size, size) that it reads as labelled."""
        return float((self.judge(images)[1].argmax(1) == labels).mean())


def train_classifier(images, labels, *, steps, batch_size=96, learning_rate=3e-3, seed=0, say=None):
    """A Classifier of images (N, 1, size, size) in [-1, 1] with labels (N,): a function of the arguments alone.

    Adam, cosine schedule after a warm-up; every picture is moved by up to a pixel each way, anew in each step. `say`
    gets one sentence, after two seconds, if more than a few are left.
    """
    prime_malloc()
    classifier = Classifier(images.shape[-1], rng=stream(seed, "classifier"))
    parameters = classifier.parameters()
    optimizer = Adam(parameters, lr=learning_rate)
    warmup = steps // 10
    schedule = WarmupLR(optimizer, warmup, after=CosineAnnealingLR(optimizer, steps - warmup))
    loader = Loader(images, labels, batch_size=min(batch_size, len(images)), seed=seed)
    begun = time.monotonic()
    for step in range(steps):
        optimizer.lr = schedule(step)
        x, wanted = loader.batch(step)
        loss = cross_entropy(classifier(Tensor(_moved(x, stream(seed, "moves", step)))), wanted)
        optimizer.step(grad(loss, parameters))
        passed = time.monotonic() - begun
        if say and passed > 2:
            left = passed / (step + 1) * (steps - step - 1)
            if left > 5:
                say(f"training the classifier that scores pictures, once: about {left:.0f} s")
            say = None
    return classifier


def _moved(x, rng):
    """Every picture of x (N, 1, height, width) moved by -1, 0 or 1 pixels up and sideways, -1 (paper) moving in."""
    height, width = x.shape[2:]
    padded = np.pad(x[:, 0], ((0, 0), (1, 1), (1, 1)), constant_values=-1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), (1, 2))  # (N, 3, 3, height, width)
    down, right = rng.integers(0, 3, (2, len(x)))
    return windows[np.arange(len(x)), down, right][:, None]


# --- trained once, then read from the cache --------------------------------------------------------------------

_loaded = {}  # path in the cache -> classifier: read or trained once a process, even where nothing can be written


def digit_classifier(name):
    """The classifier of "digits" (8x8; right on 98 % of the held-out digits) or "mnist" (28x28; on 99 %).

    Trained on the training part with a fixed seed when first asked for, then kept in `cache_folder()`.
    """
    if name not in _TRAINING:
        raise ValueError(f"no classifier of {name!r}: expected {' or '.join(map(repr, _TRAINING))}")
    path = cache_folder() / f"classifier-{name}-{VERSION}.safetensors"
    if path not in _loaded:
        _loaded[path] = _read(path, name) or _train_and_keep(path, name)
    return _loaded[path]


def cache_folder():
    """Where weights are kept: the folder TINYGAN_CACHE, or else the user's own cache folder. It may not exist yet."""
    folder = os.environ.get("TINYGAN_CACHE")
    if not folder:
        import pooch

        folder = pooch.os_cache("tinygan")
    return Path(folder)


def training_settings(name):
    """The arguments of `train_classifier` with which the classifier `name` is trained."""
    return dict(_TRAINING[name][1])


def real_images(name, split):
    """(images in [-1, 1], labels) of a part, "train" or "test", of the data that the classifier `name` reads."""
    images, labels = _TRAINING[name][0](split)
    return centred(images), labels


def _read(path, name):
    """The classifier in a file of the cache, None if there is none or it cannot be used."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    classifier = Classifier(8 if name == "digits" else 28, rng=0)
    try:
        classifier.load_state_dict(load(path.read_bytes()))
    except (OSError, SafetensorError, ValueError):  # absent or damaged: it is trained again, and replaced
        return None
    return classifier


def _train_and_keep(path, name):
    from safetensors.numpy import save

    def say(sentence):
        print(sentence, file=sys.stderr, flush=True)

    classifier = train_classifier(*real_images(name, "train"), **_TRAINING[name][1], say=say)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.write_bytes(save(classifier.state_dict()))
    except OSError as error:
        say(f"the classifier could not be kept in {path.parent} ({error.strerror}), so it will be trained again")
    return classifier

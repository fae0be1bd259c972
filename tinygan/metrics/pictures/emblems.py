"""Scores of generated emblems: how many are legible, which ones, how varied, how far from real ones.

A small CNN, trained here once, reads which of the eight emblems a picture shows, or that it shows none: it also learned
from pictures that were spoilt, melted or put together of several. Without those it would read any blot as something.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import Array, stream
from tinygan.data.pictures.emblems import EMBLEMS, emblems
from tinygan.losses import cross_entropy
from tinygan.nn import Conv2d, Linear, Module
from tinygan.ops import flatten, leaky_relu, softmax
from tinygan.optim import Adam, CosineAnnealingLR
from tinygan.progress import track
from tinygan.threads import prime_malloc

from ..points.copies import diversity
from ..points.frechet import frechet_distance
from .classifier import train_once

VERSION = 1  # of the file in the cache. Raise it with every change of this file that changes the weights
STEPS = 500  # of its training
REAL = 2000  # real pictures that generated ones are compared with
PAIRED = 500  # pictures whose distances to each other are measured, pixel by pixel
NONE = len(EMBLEMS)  # the class of pictures that show no emblem


class EmblemReader(Module):
    """Two convolutions and two linear layers: pictures (N, 3, 32, 32) -> logits (N, 9), the last of no emblem."""

    def __init__(self, rng: np.random.Generator | int | None = None) -> None:
        made: dict = {"rng": rng, "device": "cpu"}  # every device has the same scores
        self.conv1 = Conv2d(3, 24, 4, 2, 1, **made)
        self.conv2 = Conv2d(24, 48, 4, 2, 1, **made)
        self.fc1 = Linear(48 * 8 * 8, 96, **made)
        self.fc2 = Linear(96, NONE + 1, **made)

    def features(self, x: Tensor) -> Tensor:
        """Return the penultimate layer, (N, 96)."""
        x = leaky_relu(self.conv2(leaky_relu(self.conv1(x), 0.1)), 0.1)
        return leaky_relu(self.fc1(flatten(x, 1)), 0.1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 9)."""
        return self.fc2(self.features(x))

    @no_grad()
    def judge(self, pictures: Array) -> tuple[Array, Array]:
        """Return arrays (features (N, 96), probabilities (N, 9)) of pictures, without a graph."""
        if pictures.shape[1:] != (3, 32, 32):
            raise ValueError(f"EmblemReader: pictures {pictures.shape}: expected (N, 3, 32, 32)")
        parts = [self.features(Tensor(pictures[k : k + 500].astype(np.float32))) for k in range(0, len(pictures), 500)]
        return np.concatenate([f.data for f in parts]), np.concatenate([softmax(self.fc2(f), 1).data for f in parts])


def melt(pictures: Array, pixels: float, rng: np.random.Generator) -> Array:
    """Return pictures (N, C, h, w) whose pixels come from up to so many pixels away, neighbours from near each other."""
    n, _, height, width = pictures.shape
    corners = rng.uniform(-pixels, pixels, (n, 2, 5, 5))
    weights = np.maximum(0, 1 - abs(np.linspace(0, 4, height)[:, None] - np.arange(5)))  # (h, 5): between two corners
    shift = weights @ corners @ weights.T  # (N, 2, h, w)
    row = np.clip(np.rint(np.arange(height)[:, None] + shift[:, 0]), 0, height - 1).astype(int)
    column = np.clip(np.rint(np.arange(width) + shift[:, 1]), 0, width - 1).astype(int)
    return pictures[np.arange(n)[:, None, None], :, row, column].transpose(0, 3, 1, 2)


def spoil(pictures: Array, rng: np.random.Generator) -> Array:
    """Return pictures (N, C, h, w), each melted, mixed with another, or put together of quarters of several."""
    others = [rng.permutation(len(pictures)) for _ in range(4)]
    quarters, half = pictures.copy(), pictures.shape[2] // 2
    for other, (top, left) in zip(others, ((0, 0), (0, half), (half, 0), (half, half))):
        quarters[:, :, top : top + half, left : left + half] = pictures[other][
            :, :, top : top + half, left : left + half
        ]
    mixed = (pictures + pictures[others[0]]) / 2
    which = rng.integers(4, size=(len(pictures), 1, 1, 1))
    return np.where(which == 0, quarters, np.where(which == 1, mixed, melt(pictures, 8, rng)))


def train_reader(steps: int, batch_size: int = 64, learning_rate: float = 2e-3, seed: int = 0) -> EmblemReader:
    """Train a reader on emblems of its own, slightly melted and under a little noise; a third of them is spoilt."""
    prime_malloc()
    reader = EmblemReader(stream(seed, "reader"))
    parameters = reader.parameters()
    optimizer = Adam(parameters, lr=learning_rate)
    schedule = CosineAnnealingLR(optimizer, steps)
    pictures, kinds = emblems(4000, seed=1)
    for step in track(range(steps), "training what reads emblems"):
        optimizer.lr = schedule(step)
        rng = stream(seed, "emblems to read", step)
        rows = rng.integers(len(pictures), size=batch_size)
        x, spoilt = pictures[rows], batch_size // 3
        right = np.where(np.arange(batch_size) < spoilt, NONE, kinds[rows])
        x = np.concatenate([spoil(x[:spoilt], rng), melt(x[spoilt:], 1, rng)])
        noise = rng.uniform(0, 0.2, (batch_size, 1, 1, 1)) * rng.standard_normal(x.shape)
        loss = cross_entropy(reader(Tensor((x + noise).astype(np.float32))), right)
        optimizer.step(grad(loss, parameters))
    return reader


def emblem_reader() -> EmblemReader:
    """Return what reads emblems. The first call trains it, in a quarter of a minute, and stores it in the cache."""
    train = lambda: train_reader(STEPS)
    return train_once(f"emblems-{VERSION}", lambda: EmblemReader(0), train, "the network that reads emblems")


@cache
def _real() -> tuple[Array, Array]:
    """Return 2 · REAL real emblems that nobody learned from, and their kinds."""
    return emblems(2 * REAL, seed=2)


def emblem_scores(pictures: Array) -> dict:
    """Score pictures (N, 3, 32, 32) in [-1, 1]: numbers by name, each beside what real emblems score.

    legible: share that the reader takes for an emblem. class_shares: of each emblem among the legible.
    frechet_distance: in the reader's features, to 2,000 real pictures; frechet_floor: that of other real pictures, as
    many. diversity: the mean distance between two pictures over that between two real ones.
    """
    if len(pictures) < 20 or not np.isfinite(pictures).all():
        raise ValueError(f"emblem_scores: {len(pictures)} pictures: expected 20 or more, all finite")
    reader, real = emblem_reader(), _real()[0]
    n = min(len(pictures), REAL)
    features, probabilities = reader.judge(pictures)
    of_real, real_probabilities = reader.judge(real)
    kinds, real_kinds = probabilities.argmax(1), real_probabilities.argmax(1)
    counts = np.bincount(kinds, minlength=NONE + 1)[:NONE]
    distance = frechet_distance(features[:n], of_real[REAL:])
    floor = frechet_distance(of_real[:n], of_real[REAL:])
    return {
        "samples": len(pictures),
        "legible": float((kinds != NONE).mean()),
        "legible_of_real": float((real_kinds != NONE).mean()),
        "frechet_distance": distance,
        "frechet_floor": floor,
        "frechet_ratio": distance / floor,
        "smallest_class_share": float(counts.min() / max(1, counts.sum())),
        "class_shares": (counts / max(1, counts.sum())).tolist(),
        "diversity": diversity(pictures[:PAIRED], real[-PAIRED:]).ratio,
        "diversity_of_real": diversity(real[:PAIRED], real[-PAIRED:]).ratio,
        "classifier_accuracy": float((real_kinds == _real()[1]).mean()),
    }

"""Scores of waves and other sequences of numbers: MMD, purity of tones, and three scores by small recurrent networks.

MMD alone hardly sees white noise: noise of the right variance is .029 from RCGAN's sines with 1,000 of each, real sines
from real sines have mean 0, spread .0007 and 95th percentile .0012 (of 250 pairs of fresh draws). Print it beside the
purity: .991 for real sines, .39 for white noise.

Two networks are TimeGAN's (Yoon et al. 2019, section 5): a GRU learns to tell real from generated sequences, and
another learns from generated sequences to predict real ones. The third reads the class of a sequence: RCGAN's
train-on-synthetic, test-on-real.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import Array, stream, to_numpy
from tinygan.losses import binary_cross_entropy_with_logits, cross_entropy, l1_loss
from tinygan.metrics.points.mmd import median_distance, squared_mmd, squared_mmd_floor
from tinygan.nn import GRU, Linear, Module
from tinygan.ops import sigmoid
from tinygan.optim import Adam
from tinygan.progress import track
from tinygan.threads import prime_malloc


class SequenceScores(NamedTuple):
    """MMD² of generated against real sequences, its floor (95th percentile of real against real), and mean purities."""

    squared_mmd: float
    floor: float
    purity: float
    real_purity: float


def tone_purity(sequences: ArrayLike) -> Array:
    """Return the share of energy in the strongest frequency and its two neighbours: (N, T) or (N, T, F) -> (N,).

    Energies are |rfft(w x)|² with Hann's window w, which holds a tone between two frequencies within three. A pure tone
    has 1, a constant too (frequency 0), a column of zeros 0. Columns are averaged.
    """
    x = _checked("tone_purity", sequences, least_steps=4)
    energy = np.abs(np.fft.rfft(x * np.hanning(x.shape[1])[:, None], axis=1)) ** 2  # (N, T // 2 + 1, F)
    peak = energy.argmax(1)[:, None]  # (N, 1, F)
    near = np.abs(np.arange(energy.shape[1])[:, None] - peak) <= 1
    total = energy.sum(1)
    share = (energy * near).sum(1) / np.where(total > 0, total, 1)
    return share.mean(1)


def sequence_scores(
    real: ArrayLike, generated: ArrayLike, n: int = 1000, repeats: int = 100, seed: int = 0
) -> SequenceScores:
    """Return MMD² and purity of generated sequences (N, T[, F]) beside what real ones (M, T[, F]) score.

    MMD² takes n drawn rows of each; M >= 2n and N >= n. The figures at the head of this file are for n = 1000. The
    kernels' width is the median distance of the drawn real sequences, for the value and for the floor.
    """
    x, y = _checked("sequence_scores", real), _checked("sequence_scores", generated)
    if x.shape[1:] != y.shape[1:] or len(x) < 2 * n or len(y) < n:
        raise ValueError(
            f"sequence_scores: real {x.shape}, generated {y.shape}: expected the same steps and columns, and at least "
            f"{2 * n} and {n} sequences"
        )
    drawn = lambda s, name: s[stream(seed, name).permutation(len(s))[:n]].reshape(n, -1)
    some = drawn(x, "real sequences")
    width = median_distance(some)
    return SequenceScores(
        squared_mmd(some, drawn(y, "generated sequences"), width),
        squared_mmd_floor(x.reshape(len(x), -1), n, repeats=repeats, width=width, seed=seed),
        float(tone_purity(y).mean()),
        float(tone_purity(x).mean()),
    )


# --- by networks trained on the sequences ----------------------------------------------------------------------


class _Reader(Module):
    """A GRU over sequences (N, T, F) and a linear layer on each of its states: (N, T, outputs)."""

    def __init__(self, features: int, hidden: int, rng: np.random.Generator, outputs: int = 1) -> None:
        made: dict = {"rng": rng, "device": "cpu"}  # every device has the same scores
        self.rnn = GRU(features, hidden, batch_first=True, **made)
        self.out = Linear(hidden, outputs, **made)

    def forward(self, x: Array) -> Tensor:
        return self.out(self.rnn(Tensor(x))[0])

    @no_grad()
    def read(self, x: Array) -> Array:
        """Return the outputs as an array, computed in batches without a graph."""
        return np.concatenate([self(x[start : start + 500]).numpy() for start in range(0, len(x), 500)])


def discriminative_score(
    real: ArrayLike,
    generated: ArrayLike,
    hidden: int = 3,
    steps: int = 2000,
    batch_size: int = 128,
    seed: int = 0,
) -> float:
    """Return |accuracy - 1/2| of a GRU trained to tell real (N, T, F) from generated (M, T, F) sequences: 0 to .5.

    The GRU sees equally many of both in random order: it learns from four fifths, by Adam at 1e-3, and is tested on the
    rest. Scale both so that real sequences are in [0, 1]. TimeGAN's GRU has hidden = F // 2, 3 for stock, and is easily
    fooled: also try 32. The floor is the score of two halves of the real sequences. Yoon et al. 2019, section 5.
    """
    x, y = (_checked("discriminative_score", s).astype(np.float32) for s in (real, generated))
    n = min(len(x), len(y))
    if x.shape[1:] != y.shape[1:] or n < 10:
        raise ValueError(
            f"discriminative_score: real {x.shape}, generated {y.shape}: expected the same steps and columns, and at"
            " least 10 sequences of each"
        )
    x, y = (s[stream(seed, name).permutation(len(s))[:n]] for s, name in ((x, "real"), (y, "generated")))
    cut = n * 4 // 5
    training, test = (np.concatenate([x[part], y[part]]) for part in (slice(cut), slice(cut, n)))
    is_real = np.repeat(np.array([1, 0], np.float32), cut)[:, None]
    judge = _Reader(x.shape[2], hidden, stream(seed, "discriminative"))

    def loss(rows: Array) -> Tensor:
        return binary_cross_entropy_with_logits(judge(training[rows])[:, -1], is_real[rows])

    _train(judge, loss, len(training), steps, batch_size, seed)
    judged_real = judge.read(test)[:, -1, 0] > 0
    return abs(float((judged_real == (np.arange(len(test)) < n - cut)).mean()) - 0.5)


def predictive_score(
    real: ArrayLike,
    generated: ArrayLike,
    hidden: int | None = None,
    steps: int = 5000,
    batch_size: int = 128,
    seed: int = 0,
) -> float:
    """Return the mean absolute error on real (N, T, F) of a GRU that learned to predict generated (M, T, F) sequences.

    The GRU reads all columns but the last (a single column if F is 1) up to step t and predicts the last column at t +
    1, by a sigmoid: scale both so that real sequences are in [0, 1]. hidden: F // 2 unless given. The floor is the
    score of a GRU that learned from the real sequences. Yoon et al. 2019, section 5.
    """
    x, y = (_checked("predictive_score", s, 2).astype(np.float32) for s in (real, generated))
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(f"predictive_score: real {x.shape}, generated {y.shape}: expected the same steps and columns")
    features = x.shape[2]
    read = slice(max(1, features - 1))  # the columns that the GRU reads
    learner = _Reader(max(1, features - 1), hidden or max(1, features // 2), stream(seed, "predictive"))

    def loss(rows: Array) -> Tensor:
        return l1_loss(sigmoid(learner(y[rows, :-1, read])), Tensor(y[rows, 1:, -1:]))

    _train(learner, loss, len(y), steps, batch_size, seed)
    return float(np.abs(sigmoid(learner.read(x[:, :-1, read])) - x[:, 1:, -1:]).mean())


def sequence_class_scores(
    real: ArrayLike,
    labels: ArrayLike,
    generated: ArrayLike,
    generated_labels: ArrayLike,
    *,
    hidden: int = 32,
    steps: int = 3000,
    batch_size: int = 128,
    seed: int = 0,
) -> dict[str, float]:
    """Return accuracies of GRUs that read the class of real (N, T, F) and generated (M, T, F) sequences.

    synthetic_to_real     trained on generated, tested on a fifth of the real sequences
    real_to_synthetic     trained on the other four fifths, tested on generated
    real_to_real          trained on four fifths, tested on a fifth: the ceiling of the first

    labels are (N,), generated_labels (M,). A class that is missing or mixed up lowers the first score, a sequence of
    another class than its label the second. Esteban et al. 2017, section 4.
    """
    x, y = (_checked("sequence_class_scores", s).astype(np.float32) for s in (real, generated))
    labels, y_labels = (np.asarray(to_numpy(k)) for k in (labels, generated_labels))
    if x.shape[1:] != y.shape[1:] or labels.shape != x.shape[:1] or y_labels.shape != y.shape[:1] or len(x) < 10:
        raise ValueError(
            f"sequence_class_scores: real {x.shape} with labels {labels.shape}, generated {y.shape} with"
            f" {y_labels.shape}: expected the same steps and columns, a label a sequence, and at least 10 real ones"
        )
    order = stream(seed, "real classes").permutation(len(x))
    training, test = order[len(x) // 5 :], order[: len(x) // 5]

    def train_reader(sequences: Array, classes: Array) -> _Reader:
        network = _Reader(x.shape[2], hidden, stream(seed, "classes"), int(max(labels.max(), y_labels.max())) + 1)
        loss = lambda rows: cross_entropy(network(sequences[rows])[:, -1], classes[rows])
        _train(network, loss, len(sequences), steps, batch_size, seed)
        return network

    def accuracy(network: _Reader, sequences: Array, classes: Array) -> float:
        return float((network.read(sequences)[:, -1].argmax(1) == classes).mean())

    from_real, from_generated = train_reader(x[training], labels[training]), train_reader(y, y_labels)
    return {
        "synthetic_to_real": accuracy(from_generated, x[test], labels[test]),
        "real_to_synthetic": accuracy(from_real, y, y_labels),
        "real_to_real": accuracy(from_real, x[test], labels[test]),
    }


def _train(network: Module, loss: Callable[[Array], Tensor], n: int, steps: int, batch_size: int, seed: int) -> None:
    """Train a network by Adam on loss(row numbers), with rows drawn from n."""
    prime_malloc()
    parameters = network.parameters()
    optimizer = Adam(parameters)
    for step in track(range(steps), "training a recurrent network that judges"):
        rows = stream(seed, "rows", step).integers(n, size=batch_size)
        optimizer.step(grad(loss(rows), parameters))


def _checked(name: str, sequences: ArrayLike, least_steps: int = 1) -> Array:
    """Return sequences as float64 (N, T, F); ValueError for another shape or values that are not finite."""
    x = np.asarray(to_numpy(sequences), np.float64)
    if x.ndim not in (2, 3) or not x.size or x.shape[1] < least_steps:
        raise ValueError(f"{name}: sequences {x.shape}: expected (N, T) or (N, T, F), T at least {least_steps}")
    if not np.isfinite(x).all():
        raise ValueError(f"{name}: nan or infinity among the values; did training diverge?")
    return x.reshape(*x.shape[:2], -1)

"""What is measured on waves and other sequences of numbers: MMD, purity of tones, and two scores by networks of our own.

White noise of the right variance is near the sines of RCGAN for MMD: .029 for 1,000 of each, where real against real has
mean 0, spread .0007 and 95th percentile .0012 (250 pairs of fresh draws; one estimate from 30 pairs was .0006, so take
many). Print it with the purity, which real sines have at .991 and white noise at .39.

The networks are TimeGAN's (Yoon et al. 2019, section 5): a GRU trained afterwards to tell real from generated, and one
trained on generated sequences to predict real ones. Of sequences of classes a third reads the class: RCGAN's
train-on-synthetic, test-on-real.
"""

from typing import NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, grad, no_grad
from tinygan.backend import stream, to_numpy
from tinygan.losses import binary_cross_entropy_with_logits, cross_entropy, l1_loss
from tinygan.metrics.mmd import median_distance, squared_mmd, squared_mmd_floor
from tinygan.nn import GRU, Linear, Module
from tinygan.ops import sigmoid
from tinygan.optim import Adam
from tinygan.threads import prime_malloc


class SequenceScores(NamedTuple):
    """MMD² of generated against real sequences, the floor (95th percentile of real against real), and mean purities."""

    squared_mmd: float
    floor: float
    purity: float
    real_purity: float


def tone_purity(sequences):
    """The share of a sequence's energy in its strongest frequency and the two beside it: (N, T) or (N, T, F) -> (N,).

    |rfft(w x)|², w Hann's window, which keeps a tone between two frequencies within three. 1 for a pure tone; columns
    are averaged; 0 for a column of zeros. A constant is a pure tone of frequency 0.
    """
    x = _checked("tone_purity", sequences, least_steps=4)
    energy = np.abs(np.fft.rfft(x * np.hanning(x.shape[1])[:, None], axis=1)) ** 2  # (N, T // 2 + 1, F)
    peak = energy.argmax(1)[:, None]  # (N, 1, F)
    near = np.abs(np.arange(energy.shape[1])[:, None] - peak) <= 1
    total = energy.sum(1)
    share = (energy * near).sum(1) / np.where(total > 0, total, 1)
    return share.mean(1)


def sequence_scores(real, generated, n=1000, repeats=100, seed=0):
    """MMD² and purity of generated sequences (N, T[, F]) beside what real ones (M, T[, F]) score -> SequenceScores.

    n rows of each are drawn for MMD², as many as the figures of RCGAN's sines are given for; M >= 2n and N >= n. The
    width of its kernels is the median distance of the real ones drawn, for the value and the floor alike.
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


# --- by networks that are trained afterwards -------------------------------------------------------------------


class _Reader(Module):
    """A GRU over sequences (N, T, F), and numbers from each of its states: (N, T, outputs)."""

    def __init__(self, features, hidden, rng, outputs=1):
        self.rnn = GRU(features, hidden, batch_first=True, rng=rng)
        self.out = Linear(hidden, outputs, rng=rng)

    def forward(self, x):
        return self.out(self.rnn(Tensor(x))[0])

    @no_grad()
    def read(self, x):
        """Arrays for arrays, in batches."""
        return np.concatenate([self(x[start : start + 500]).numpy() for start in range(0, len(x), 500)])


def discriminative_score(real, generated, hidden=3, steps=2000, batch_size=128, seed=0):
    """|accuracy - 1/2| of a GRU that was trained to tell real (N, T, F) from generated (M, T, F) sequences: 0 to .5.

    As many of each, in random order; it learns from the first four fifths, by Adam at 1e-3, and is asked about the rest.
    Scale both so that real ones are in [0, 1]. TimeGAN's GRU has hidden = F // 2, 3 for stock, and is easily fooled: give
    32 as well. What two halves of the real sequences score is the floor. Yoon et al. 2019, section 5.
    """
    x, y = (_checked("discriminative_score", s).astype(np.float32) for s in (real, generated))
    n = min(len(x), len(y))
    if x.shape[1:] != y.shape[1:] or n < 10:
        raise ValueError(
            f"discriminative_score: real {x.shape}, generated {y.shape}: expected the same steps and columns, and at least"
            " 10 sequences of each"
        )
    x, y = (s[stream(seed, name).permutation(len(s))[:n]] for s, name in ((x, "real"), (y, "generated")))
    cut = n * 4 // 5
    learned, asked = (np.concatenate([x[part], y[part]]) for part in (slice(cut), slice(cut, n)))
    is_real = np.repeat(np.float32([1, 0]), cut)[:, None]
    judge = _Reader(x.shape[2], hidden, stream(seed, "discriminative"))

    def loss(rows):
        return binary_cross_entropy_with_logits(judge(learned[rows])[:, -1], is_real[rows])

    _train(judge, loss, len(learned), steps, batch_size, seed)
    says_real = judge.read(asked)[:, -1, 0] > 0
    return abs(float((says_real == (np.arange(len(asked)) < n - cut)).mean()) - 0.5)


def predictive_score(real, generated, hidden=None, steps=5000, batch_size=128, seed=0):
    """Mean absolute error on real (N, T, F) of a GRU that learned from generated (M, T, F) to predict the next step.

    It reads all columns but the last up to step t, all there is if that is one, and says the last column at t + 1, by a
    sigmoid: scale both so that real ones are in [0, 1]. hidden: F // 2 unless given. What it scores when it learns from
    the real ones is the floor. Yoon et al. 2019, section 5.
    """
    x, y = (_checked("predictive_score", s, 2).astype(np.float32) for s in (real, generated))
    if x.shape[1:] != y.shape[1:]:
        raise ValueError(f"predictive_score: real {x.shape}, generated {y.shape}: expected the same steps and columns")
    features = x.shape[2]
    known = slice(max(1, features - 1))
    learner = _Reader(max(1, features - 1), hidden or max(1, features // 2), stream(seed, "predictive"))

    def loss(rows):
        return l1_loss(sigmoid(learner(y[rows, :-1, known])), Tensor(y[rows, 1:, -1:]))

    _train(learner, loss, len(y), steps, batch_size, seed)
    return float(np.abs(1 / (1 + np.exp(-learner.read(x[:, :-1, known]))) - x[:, 1:, -1:]).mean())


def sequence_class_scores(
    real, labels, generated, generated_labels, *, hidden=32, steps=3000, batch_size=128, seed=0
):  # fmt: skip
    """Accuracies of GRUs that read the class of real (N, T, F) and generated (M, T, F) sequences, labels (N,), (M,): a dict.

    synthetic_to_real: learned from generated, asked about a fifth of the real ones; real_to_synthetic: learned from the
    other four fifths, asked about generated; real_to_real: the ceiling of the first. A class that was missing or mixed up
    lowers the first, a sample that is not of its class the second. Esteban et al. 2017, section 4.
    """
    x, y = (_checked("sequence_class_scores", s).astype(np.float32) for s in (real, generated))
    labels, y_labels = (np.asarray(to_numpy(k)) for k in (labels, generated_labels))
    if x.shape[1:] != y.shape[1:] or labels.shape != x.shape[:1] or y_labels.shape != y.shape[:1] or len(x) < 10:
        raise ValueError(
            f"sequence_class_scores: real {x.shape} with labels {labels.shape}, generated {y.shape} with {y_labels.shape}:"
            " expected the same steps and columns, a label a sequence, and at least 10 real ones"
        )
    order = stream(seed, "real classes").permutation(len(x))
    learned, asked = order[len(x) // 5 :], order[: len(x) // 5]

    def reader(sequences, classes):
        network = _Reader(x.shape[2], hidden, stream(seed, "classes"), int(max(labels.max(), y_labels.max())) + 1)
        loss = lambda rows: cross_entropy(network(sequences[rows])[:, -1], classes[rows])
        _train(network, loss, len(sequences), steps, batch_size, seed)
        return lambda s, its: float((network.read(s)[:, -1].argmax(1) == its).mean())

    of_real, of_generated = reader(x[learned], labels[learned]), reader(y, y_labels)
    return {
        "synthetic_to_real": of_generated(x[asked], labels[asked]),
        "real_to_synthetic": of_real(y, y_labels),
        "real_to_real": of_real(x[asked], labels[asked]),
    }


def _train(network, loss, n, steps, batch_size, seed):
    """Adam on loss(row numbers), drawn from n."""
    prime_malloc()
    parameters = network.parameters()
    optimizer = Adam(parameters)
    for step in range(steps):
        rows = stream(seed, "rows", step).integers(n, size=batch_size)
        optimizer.step(grad(loss(rows), parameters))


def _checked(name, sequences, least_steps=1):
    """Sequences as float64 (N, T, F), after all that can be wrong with them was checked."""
    x = np.asarray(to_numpy(sequences), np.float64)
    if x.ndim not in (2, 3) or not x.size or x.shape[1] < least_steps:
        raise ValueError(f"{name}: sequences {x.shape}: expected (N, T) or (N, T, F), T at least {least_steps}")
    if not np.isfinite(x).all():
        raise ValueError(f"{name}: nan or infinity among the values; did training diverge?")
    return x.reshape(*x.shape[:2], -1)

"""What is measured on waves and other sequences of numbers: MMD on whole sequences, and how pure their tones are.

White noise of the right variance is near the sines of RCGAN for MMD: .029 for 1,000 of each, where real against real has
mean 0, spread .0007 and 95th percentile .0012 (250 pairs of fresh draws; one estimate from 30 pairs was .0006, so take
many). Print it with the purity, which real sines have at .991 and white noise at .39.
"""

from typing import NamedTuple

import numpy as np

from tinygan.backend import stream, to_numpy
from tinygan.metrics.mmd import median_distance, squared_mmd, squared_mmd_floor


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


def _checked(name, sequences, least_steps=1):
    """Sequences as float64 (N, T, F), after all that can be wrong with them was checked."""
    x = np.asarray(to_numpy(sequences), np.float64)
    if x.ndim not in (2, 3) or not x.size or x.shape[1] < least_steps:
        raise ValueError(f"{name}: sequences {x.shape}: expected (N, T) or (N, T, F), T at least {least_steps}")
    if not np.isfinite(x).all():
        raise ValueError(f"{name}: nan or infinity among the values; did training diverge?")
    return x.reshape(*x.shape[:2], -1)

"""Does a generator draw its training pictures again? No distance between distributions sees it: copies score best.

A fresh picture is as near to the training set as to as many held-out pictures; a copy is nearer to the former.
"""

from typing import NamedTuple

import numpy as np

from tinygan.backend import stream, to_numpy
from tinygan.metrics.bags import checked_bags, distance_blocks


class Neighbours(NamedTuple):
    """For each of N samples its K nearest training samples, nearest first: row numbers (N, K), distances (N, K)."""

    rows: np.ndarray
    distances: np.ndarray


def nearest_training(samples, training, k=1):
    """The `k` nearest of `training` (M, ...) to each of `samples` (N, ...), by |x - y| over all but the first axis.

    Pictures are compared pixel by pixel; hand in features to compare otherwise. Rows of equal distance come in order.
    """
    samples, training = _flat("nearest_training", samples, training, least=1)
    if not 1 <= k <= len(training):
        raise ValueError(f"nearest_training: k {k}: expected 1 to {len(training)}, the size of the training set")
    rows, distances = [], []
    for _, squares in distance_blocks(samples, training):
        nearest = np.argsort(squares, 1, kind="stable")[:, :k] if k > 1 else squares.argmin(1)[:, None]
        rows.append(nearest)
        distances.append(np.sqrt(np.take_along_axis(squares, nearest, 1)))
    return Neighbours(np.concatenate(rows), np.concatenate(distances))


def copied_share(samples, training, held_out, seed=0):
    """The share of samples that lie nearer to a training sample than to any of as many held-out ones; ties count half.

    1/2 for a generator that learned the distribution, towards 1 for one that learned its training set by heart; known to
    about 1/√N for N samples, and not better than 1/√M for M held-out ones. The larger set is thinned by `seed`.
    """
    samples, training, held_out = _flat("copied_share", samples, training, held_out, least=1)
    n = min(len(training), len(held_out))
    near, far = (
        nearest_training(samples, x[stream(seed, "copies", i).permutation(len(x))[:n]]).distances[:, 0]
        for i, x in enumerate((training, held_out))
    )
    return float(np.mean(near < far) + np.mean(near == far) / 2)


def _flat(name, *sets, least):
    sets = [to_numpy(x) for x in sets]
    if any(x.ndim < 2 or x.shape[1:] != sets[0].shape[1:] for x in sets):
        raise ValueError(f"{name}: {' and '.join(str(x.shape) for x in sets)}: expected the same shape of a sample")
    return checked_bags(name, *(x.reshape(len(x), -1) for x in sets), least=least)

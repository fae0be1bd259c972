"""Shared by the distances: blocks that fit memory, and arguments that are refused."""

import numpy as np
import pytest

from tinygan.metrics import (
    density_coverage,
    feature_scores,
    precision_recall,
    sliced_wasserstein,
    squared_mmd,
    squared_mmd_floor,
    wasserstein_1d,
)
from tinygan.metrics.points import bags


def test_blocks_fit_memory():
    """10,000 x 10,000 distances are 800 MB; no block is larger than 16 MB."""
    points = np.zeros((10_000, 2))
    largest = max(squares.nbytes for _, squares in zip(range(3), (s for _, s in bags.distance_blocks(points, points))))
    assert largest <= 16e6


WRONG_BAGS = {
    "few features": (lambda: feature_scores(*np.zeros((3, 19, 2))), "feature_scores: .*at least 20 rows"),
    "few for k": (lambda: precision_recall(np.zeros((3, 2)), np.zeros((9, 2))), "precision_recall: .*at least 4 rows"),
    "k": (lambda: density_coverage(np.zeros((9, 2)), np.zeros((9, 2)), k=0), "at least the first neighbour"),
    "pictures": (
        lambda: squared_mmd(np.zeros((9, 1, 8, 8)), np.zeros((9, 1, 8, 8))),
        "squared_mmd: .*flatten pictures",
    ),
    "all equal": (lambda: squared_mmd(np.zeros((9, 2)), np.ones((9, 2))), "no width follows"),
    "width": (lambda: squared_mmd(np.ones((9, 2)), np.ones((9, 2)), width=0), "squared_mmd: width 0"),
    "few for a floor": (lambda: squared_mmd_floor(np.zeros((9, 2)), 5), "at least 10 rows"),
    "plane": (lambda: wasserstein_1d(np.zeros((9, 2)), np.zeros(9)), "see sliced_wasserstein"),
    "line": (lambda: sliced_wasserstein(np.zeros(9), np.zeros(9)), "sliced_wasserstein: .*expected .N, D."),
    "no directions": (lambda: sliced_wasserstein(np.zeros((9, 2)), np.zeros((9, 2)), 0), "at least one"),
}


@pytest.mark.parametrize("call, named", WRONG_BAGS.values(), ids=WRONG_BAGS)
def test_wrong_bags_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

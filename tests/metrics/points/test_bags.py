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


def test_squared_distances_pair_by_pair():
    a, b = np.random.default_rng(0).standard_normal((2, 7, 3)) + [[[1.0]], [[2.0]]]
    expected = ((a[:, None] - b[:5]) ** 2).sum(2)
    np.testing.assert_allclose(bags.squared_distances(a, b[:5]), expected, rtol=1e-12)
    # the rounding error is 1e-16 of the squares of the numbers: far from the origin it would be 1e-2
    far = bags.squared_distances(a + 1e7, b[:5] + 1e7)
    np.testing.assert_allclose(far, expected, rtol=1e-6)
    assert far.min() >= 0 and 0 <= np.diag(bags.squared_distances(a, a)).max() < 1e-12


@pytest.mark.parametrize("block", [1, 5, 12, 1000])
def test_blocks_are_all_rows_in_order(monkeypatch, block):
    a, b = np.random.default_rng(0).standard_normal((2, 7, 3))
    monkeypatch.setattr(bags, "BLOCK", block)
    blocks = list(bags.distance_blocks(a, b[:5]))
    assert [start for start, _ in blocks] == list(range(0, 7, max(1, block // 5)))
    np.testing.assert_allclose(np.concatenate([squares for _, squares in blocks]), bags.squared_distances(a, b[:5]))


def test_bags_are_float64_and_may_have_the_fewest_rows_that_are_needed():
    one, two = bags.checked_bags("f", [[1, 2]], np.ones((3, 2), np.float32), least=1)
    assert one.dtype == two.dtype == np.float64 and one.tolist() == [[1, 2]]
    assert len(bags.checked_bags("f", np.ones((2, 1)), least=2)[0]) == 2
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="f: nan or infinity among the values"):
            bags.checked_bags("f", np.ones((2, 2)), [[1.0, 1], [1, bad]])


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

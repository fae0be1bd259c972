"""Wasserstein distances against SciPy, all plans and closed forms."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.backend import stream
from tinygan.metrics import (
    sliced_wasserstein,
    wasserstein_1d,
)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 10**6))
def test_wasserstein_1d_is_scipys(n, m, seed):
    rng = np.random.default_rng(seed)
    a, b = np.round(rng.standard_normal(n), 1), rng.standard_normal(m) * 2 + 1  # rounded: some are equal
    expected = scipy.stats.wasserstein_distance(a, b)
    assert wasserstein_1d(a, b) == pytest.approx(expected, abs=1e-12)
    assert wasserstein_1d(b, a) == pytest.approx(expected, abs=1e-12)


def test_wasserstein_1d_is_the_cheapest_of_all_plans():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 6))
    cheapest = min(np.abs(a - b[list(order)]).mean() for order in itertools.permutations(range(6)))
    assert wasserstein_1d(a, b) == pytest.approx(cheapest)
    assert wasserstein_1d([0, 1, 3], [5, 6, 8]) == 5 and wasserstein_1d([0], [1, 2, 6]) == 3


@pytest.mark.parametrize("d", [1, 2, 3, 50])
def test_sliced_wasserstein_of_a_shift_in_closed_form(d):
    a = np.random.default_rng(d).standard_normal((100, d))
    shift = np.arange(1.0, d + 1)
    expected = np.linalg.norm(shift) * math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.sqrt(math.pi)
    assert sliced_wasserstein(a, a + shift, directions=10_000) == pytest.approx(expected, rel=0.03)
    assert sliced_wasserstein(a, a[::-1]) == 0


def test_sliced_wasserstein_direction_by_direction_for_bags_of_two_sizes():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((31, 3)), rng.standard_normal((47, 3)) + 1
    theta = stream(0, "directions").standard_normal((3, 100))
    theta /= np.linalg.norm(theta, axis=0)
    expected = np.mean([scipy.stats.wasserstein_distance(a @ t, b @ t) for t in theta.T])
    assert sliced_wasserstein(a, b, directions=100) == pytest.approx(expected, rel=1e-12)

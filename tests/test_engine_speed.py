"""The price of a node in the graph. Figures that matter are measured by the benchmarks; this catches a slip by a factor."""

import time

import numpy as np

from tinygan import Tensor, grad


def test_a_node_is_cheap():
    """A chain of 4x4 products, forward and backward. Target 3.5 us a node; the bound leaves room for a busy machine."""
    x = Tensor(np.full((4, 4), 1.0, np.float32), requires_grad=True)
    g, times = np.ones((4, 4), np.float32), []
    for _ in range(30):
        start = time.perf_counter()
        y = x
        for _ in range(100):
            y = y * x
        grad(y, x, g)
        times.append((time.perf_counter() - start) / 100)
    assert min(times) < 20e-6

"""Batches split over threads: the pieces, their order, and what fails in one."""

import numpy as np
import pytest
from strict import strict

from tinygan import threads


def test_split_batch(use_threads):
    use_threads(3)
    batch = np.zeros(8)
    assert threads.split_batch(lambda start, stop: (start, stop), batch, work=1e9) == [(0, 2), (2, 5), (5, 8)]
    assert threads.split_batch(lambda start, stop: (start, stop), batch, work=10) == [(0, 8)]
    assert threads.split_batch(lambda start, stop: (start, stop), batch[:2], work=1e9) == [(0, 1), (1, 2)]
    assert threads.split_batch(lambda start, stop: (start, stop), batch[:0], work=1e9) == [(0, 0)]
    assert threads.split_batch(lambda start, stop: (start, stop), strict(batch), work=1e9) == [(0, 8)]
    with pytest.raises(ZeroDivisionError):  # from a worker
        threads.split_batch(lambda start, stop: 1 / start, batch, work=1e9)

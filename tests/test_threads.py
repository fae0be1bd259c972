"""Batches split over threads: the pieces, their order, and what fails in one."""

import numpy as np
import pytest
from gpu import on_gpu

from tinygan import threads


def test_split_batch(use_threads):
    use_threads(3)
    batch = np.zeros(8)
    assert threads.split_batch(lambda start, stop: (start, stop), batch, work=1e9) == [(0, 2), (2, 5), (5, 8)]
    assert threads.split_batch(lambda start, stop: (start, stop), batch, work=10) == [(0, 8)]
    assert threads.split_batch(lambda start, stop: (start, stop), batch[:2], work=1e9) == [(0, 1), (1, 2)]
    assert threads.split_batch(lambda start, stop: (start, stop), batch[:0], work=1e9) == [(0, 0)]
    assert threads.split_batch(lambda start, stop: (start, stop), on_gpu(batch), work=1e9) == [(0, 8)]
    with pytest.raises(ZeroDivisionError):  # from a worker
        threads.split_batch(lambda start, stop: 1 / start, batch, work=1e9)


def test_in_blocks():
    """Blocks of at most BLOCK elements, which cover arrays that lie alike; others are one block."""
    x = np.arange(3 * threads.BLOCK, dtype=float).reshape(3, -1).T  # not contiguous as it is, its transpose is
    y, sizes = np.zeros_like(x), []

    def double(target, source):
        sizes.append(target.size)
        np.multiply(source, 2, out=target)

    threads.in_blocks(double, y, x)
    assert sizes == [threads.BLOCK] * 3 and (y == 2 * x).all()
    for other in (np.ascontiguousarray(x), np.repeat(x, 2, axis=1)[:, ::2]):
        sizes.clear()
        threads.in_blocks(double, y, other)
        assert sizes == [x.size]

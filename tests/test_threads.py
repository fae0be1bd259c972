"""Batches split over threads: the pieces, their order, and what fails in one."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest
from gpu import on_gpu
from threadpoolctl import threadpool_info, threadpool_limits

from tinygan import Tensor, grad, threads


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


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def test_threads_share_cores_until_the_last_has_left(monkeypatch):
    """Two trainings at once, the first to begin ends first: once BLAS kept to one thread ever after."""
    monkeypatch.setenv("TINYGAN_THREADS", "3")
    monkeypatch.setattr(threads, "_threads", 7)
    with threadpool_limits(2, user_api="blas"):
        usual = blas_threads()
        first, second = threads.share_cores(), threads.share_cores()
        for block in (first, second):
            block.__enter__()
            assert threads.thread_count() == 3 and set(blas_threads()) == {1}
        first.__exit__(None, None, None)
        assert threads.thread_count() == 3 and set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert threads.thread_count() == 7 and blas_threads() == usual


# --- memory ----------------------------------------------------------------------------------------------------------


def gradient_of(layers, size):
    """Take the gradient of a chain of products of `size` float32 numbers."""
    x = Tensor(np.ones(size, np.float32), requires_grad=True)
    y = x[:1] * 1
    for _ in range(layers):
        y = y * x
    grad(y, x, y)


@pytest.mark.parametrize(("size", "large"), [(1000, False), ((1 << 15) - 1, False), (1 << 15, True)])
def test_the_first_large_gradient_primes_malloc(size, large, monkeypatch):
    monkeypatch.setattr(threads, "primed", False)
    calls = []
    monkeypatch.setattr(np, "setbufsize", calls.append)
    monkeypatch.delenv("TINYGAN_PRIME_MALLOC", raising=False)
    gradient_of(20, size)
    gradient_of(20, size)
    assert (calls == [2048], threads.primed) == (large, large)


def test_what_lies_between_small_inputs_and_a_small_output_is_looked_at(monkeypatch):
    monkeypatch.setattr(threads, "primed", False)
    x = Tensor(np.ones((1, 1), np.float32), requires_grad=True)
    grad((x * np.ones((64, 64, 32), np.float32)).sum(), x)  # as with a convolution's few weights and many pixels
    assert threads.primed


def test_an_environment_variable_leaves_malloc_as_it_is(monkeypatch):
    monkeypatch.setattr(np, "setbufsize", lambda size: pytest.fail("it was changed"))
    monkeypatch.setenv("TINYGAN_PRIME_MALLOC", "0")
    threads.prime_malloc()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these settings")
@pytest.mark.parametrize("primed", ["0", "1"])
def test_a_loop_of_ones_own_causes_no_page_faults(primed):
    """Arrays of 1 MB: 256 pages each, a dozen of them in a step."""
    script = """
import resource, numpy as np
from tinygan import Tensor, grad, nn, optim
net = nn.Sequential(nn.Linear(64, 512), nn.Tanh(), nn.Linear(512, 512), nn.Tanh(), nn.Linear(512, 1))
optimizer, x = optim.Adam(net.parameters()), Tensor(np.ones((512, 64), np.float32))
def step():
    optimizer.step(grad((net(x) ** 2).mean(), net.parameters()))
for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")} | {"TINYGAN_PRIME_MALLOC": primed}
    faults = int(subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True).stdout)
    assert faults < 300 if primed == "1" else faults > 3000

"""The least a step could take: nothing but its matrix products, on this NumPy's BLAS.

What is measured is multiplication and not memory: outputs are written where they were written before, matrices of one
shape are the same matrix, so that small ones stay in the cache, and long products go in pieces of at most 4096 rows.
"""

from functools import cache

import numpy as np
from workloads import WORKLOADS

VERSION = np.__version__
ROWS = 4096


def pieces(size):
    """Into how many equal pieces of at most ROWS it falls."""
    return -(-size // ROWS)


def build(name, device):
    """(step, networks, chance): step() computes the products of a step of the workload."""
    if device != "cpu":
        raise ImportError("the bare products are measured on the CPU only")
    rng = np.random.default_rng(0)
    matrix = cache(lambda rows, columns: rng.standard_normal((rows, columns), dtype=np.float32))
    output = cache(lambda rows, columns: np.empty((rows, columns), np.float32))
    calls = []
    for count, m, k, n in WORKLOADS[name].products:
        if m > ROWS:
            times, m = count * pieces(m), m // pieces(m)
        elif k > ROWS and m < k:
            times, k = count * pieces(k), k // pieces(k)
        else:
            times = count
        calls.append((times, matrix(m, k), matrix(k, n), output(m, n)))

    def step():
        for times, a, b, out in calls:
            multiply = np.multiply if a.shape[1] == 1 else np.matmul  # BLAS is slow at a column times a row
            for _ in range(times):
                multiply(a, b, out=out)

    return step, {}, None


def start_timing(chance, device):
    """Nothing to do."""


def set_threads(threads):
    """Told by the environment."""


def synchronize(device):
    """Nothing to wait for."""


def device_memory(device):
    """Nothing held."""
    return 0

"""The least a step could take: nothing but its matrix products, on this NumPy's BLAS.

Outputs are written into memory that is already there. Long products go in pieces of at most 4096 rows, so that what is
measured is multiplication and not memory.
"""

import numpy as np
from workloads import WORKLOADS

VERSION = np.__version__
ROWS = 4096


def build(name, device):
    """(step, networks, chance): step() computes the products of a step of the workload."""
    if device != "cpu":
        raise ImportError("the bare products are measured on the CPU only")
    rng = np.random.default_rng(0)
    calls = []
    for count, m, k, n in WORKLOADS[name].products:
        times, m = (count * m // ROWS, ROWS) if m > ROWS else (count, m)
        times, k = (times * k // ROWS, ROWS) if k > ROWS and m * n < k * n else (times, k)
        a, b = rng.standard_normal((m, k), dtype=np.float32), rng.standard_normal((k, n), dtype=np.float32)
        calls.append((times, a, b, np.empty((m, n), np.float32)))

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

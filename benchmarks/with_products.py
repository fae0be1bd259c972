"""The least a step could take: nothing but its matrix products, on this NumPy's BLAS.

What is measured is multiplication and not memory: outputs are written where they were written before, and long products go
in pieces; `tinygan.profile.products` has them.
"""

from collections import Counter

import numpy as np
from workloads import WORKLOADS

from tinygan.profile.products import product_call

VERSION = np.__version__


def build(name, device):
    """(step, networks, chance): step() computes the products of a step of the workload."""
    if device != "cpu":
        raise ImportError("the bare products are measured on the CPU only")
    counts = Counter()
    for count, *sizes in WORKLOADS[name].products:
        counts[tuple(sizes)] += count
    calls = [(count, *product_call(*sizes)) for sizes, count in counts.items()]

    def step():
        for count, pieces, multiply in calls:
            for _ in range(count * pieces):
                multiply()

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

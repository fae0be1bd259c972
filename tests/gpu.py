"""Arrays as a GPU has them: of the stand-in for CuPy (stand_in/cupy), or with TINYGAN_TEST_DEVICE=cuda of CuPy itself."""

import os

import numpy as np
from cupy import ndarray as GpuArray

from tinygan.backend import device_of, to_device

REAL = os.environ.get("TINYGAN_TEST_DEVICE") == "cuda"

__all__ = ["REAL", "GpuArray", "moved", "on_gpu"]


def on_gpu(value):
    """A numpy array on the GPU, in the same order in memory; anything else unchanged."""
    return to_device(value, "cuda") if isinstance(value, np.ndarray) else value


def moved(module, make):
    """The module on the device of what `make` makes."""
    return module.to(device_of(make(np.zeros(1))))

"""Which array library an array belongs to, where arrays live, and where random numbers come from.

Everything above this file is written once: it asks `xp(array)` for the array's own library and calls NumPy's names on
it. This is the only file that imports CuPy. Read `autodiff.py` next.
"""

from __future__ import annotations

import hashlib
import math
import os
import sys
from collections.abc import Callable, Sequence
from functools import cache
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray  # or cupy.ndarray, which has the same methods

_libraries = {np.ndarray: np, float: np, int: np, bool: np, list: np, tuple: np}


def xp(array: Any) -> Any:
    """Return the library that `array` belongs to: numpy, or cupy for an array on the GPU."""
    try:
        return _libraries[type(array)]
    except KeyError:
        return _find_library(type(array))


def _find_library(array_type: type) -> Any:
    library: Any
    if issubclass(array_type, (np.ndarray, np.generic)):
        library = np
    elif array_type.__module__.partition(".")[0] == "cupy":
        library = sys.modules["cupy"]  # an array of this type exists, so its module is loaded
    else:
        raise TypeError(
            f"{array_type.__name__} is not an array; expected numpy.ndarray, cupy.ndarray or tinygan.Tensor"
        )
    _libraries[array_type] = library
    return library


def is_numpy(array: Any) -> bool:
    """Return whether the CPU's own tricks (threads, blocks that fit the cache, strided views) apply to `array`."""
    return type(array) is np.ndarray or xp(array) is np  # the first is asked 20 times a step: without a call


# --- devices ---------------------------------------------------------------------------------------------------


def cuda_problem() -> str | None:
    """Return None if a GPU can be used, otherwise a sentence that says what is missing and what to do about it."""
    try:
        import cupy
    except ImportError:
        return "CuPy is not installed; on a machine with an NVIDIA GPU run: pip install 'tinygan[cuda13]' (or cuda12)"
    except Exception as error:  # a broken installation raises whatever its libraries raise
        return f"CuPy is installed but does not load: {error}"
    try:
        if cupy.is_available():
            return None
        return "CuPy is installed but finds no GPU; `nvidia-smi` should list one, with a driver at least as new as CUDA"
    except Exception as error:
        return f"CuPy is installed but the CUDA driver does not answer: {error}"


def default_device() -> str:
    """Return the device named by the environment variable TINYGAN_DEVICE, "cpu" if it is not set."""
    return os.environ.get("TINYGAN_DEVICE", "cpu")


def library_of(device: str | None = None) -> Any:
    """Return the array library of a device, "cpu" or "cuda"; None is `default_device()`. Raise RuntimeError without a GPU."""
    device = default_device() if device is None else device
    if device == "cpu":
        return np
    if device == "cuda":
        problem = cuda_problem()
        if problem:
            raise RuntimeError(f"device 'cuda' cannot be used: {problem}. `tinygan doctor` says more.")
        import cupy

        return cupy
    raise ValueError(f"unknown device {device!r}: expected 'cpu' or 'cuda'")


def device_of(array: Any) -> str:
    """Return the name of the device that `array` lives on, "cpu" or "cuda"."""
    return "cpu" if is_numpy(array) else "cuda"


def to_device(array: Any, device: str | None = None) -> Any:
    """Return `array` on `device`, copied only if it has to move."""
    library = library_of(device)
    if xp(array) is library:
        return array
    return to_numpy(array) if library is np else _copy_in_order(library.asarray, np.asarray(array))


def to_numpy(array: Any) -> np.ndarray:
    """Return `array` as a numpy.ndarray, copied from the GPU if it lives there."""
    return _copy_in_order(lambda a: a.get(), array) if hasattr(array, "get") else np.asarray(array)


def _copy_in_order(copy: Callable, array: Array) -> Any:
    """Return copy(array), which lies in memory as `array` does: CuPy's own copies from and to a GPU lie row by row."""
    order = _memory_order(array)
    return copy(array) if order is None else copy(array.transpose(order)).transpose(np.argsort(order).tolist())


# --- special functions ----------------------------------------------------------------------------------------


def erf(x: Any) -> Any:
    """Return the error function, which NumPy lacks: Taylor's series to order 6 about the nearest of a table of points.

    erf⁽ⁿ⁾(a) = 2/√π (-1)ⁿ⁻¹ Hₙ₋₁(a) e^(-a²) with Hermite's polynomials H; steps of 1/64 leave an error below 1e-15.
    """
    if xp(x) is not np:
        return _cuda_special("erf", x)
    steps = 64
    x = np.clip(_as_floating(x), -6, 6)  # beyond 6, erf is 1 to the last bit
    nearest = np.rint(x * steps)
    a = nearest / steps
    d = x - a
    series = np.zeros_like(d)
    for n in range(6, 0, -1):
        hermite = np.polynomial.hermite.hermval(a, np.array([0] * (n - 1) + [1], d.dtype))  # of a list: float64
        series = d * (series + (-1) ** (n - 1) / math.factorial(n) * hermite)
    table = _erf_table(steps).astype(d.dtype)
    places = np.nan_to_num(nearest).astype(np.intp) + 6 * steps  # of nan any: d is nan as well
    return table[places] + (2 / math.sqrt(math.pi)) * np.exp(-a * a) * series


@cache
def _erf_table(steps):
    return np.array([math.erf(k / steps) for k in range(-6 * steps, 6 * steps + 1)])


def erfc(x: Any) -> Any:
    """Return 1 - erf(x) with its relative accuracy: t e^(p(t) - x²) for x >= 0, where t = 2 / (2 + x) and p a polynomial."""
    if xp(x) is not np:
        return _cuda_special("erfc", x)
    x = _as_floating(x)
    size = np.abs(x).astype(np.float64)
    t = 2 / (2 + size)
    u = np.maximum(t, _T_LEAST) * _T_SCALE - _T_SHIFT
    tail = t * np.exp(np.polynomial.chebyshev.chebval(u, _erfc_series()) - size * size)
    return np.where(x < 0, 2 - tail, tail).astype(x.dtype)


_T_LEAST = 2 / 28.5  # of x = 26.5, where erfc is 4e-307
_T_SCALE, _T_SHIFT = 2 / (1 - _T_LEAST), (1 + _T_LEAST) / (1 - _T_LEAST)  # to [-1, 1]


@cache
def _erfc_series():
    """Return p in Chebyshev's polynomials: it meets log(erfc(x) / t) + x² at 27 points, and is off by 1e-15 (1 + x²)."""

    def log_ratio(u):
        t = (u + _T_SHIFT) / _T_SCALE
        return [math.log(math.erfc(x) / t_x) + x * x for x, t_x in zip(2 / t - 2, t)]

    return np.polynomial.chebyshev.chebinterpolate(lambda u: np.array(log_ratio(u)), 26)


def _as_floating(x):
    x = np.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def _cuda_special(name, x):
    from cupyx.scipy import special

    return getattr(special, name)(x)


# --- random numbers --------------------------------------------------------------------------------------------


def stream(seed: Any, name: str, step: int = 0) -> np.random.Generator:
    """Return a random generator that depends on (seed, name, step) and nothing else.

    The counter-based generator Philox is keyed by the three, so step k of a resumed run draws what the unbroken run
    would have drawn, and a checkpoint carries no generator state. Streams with different names are independent.

    >>> stream(0, "noise", 7).standard_normal() == stream(0, "noise", 7).standard_normal()
    True
    """
    digest = hashlib.blake2b(f"{seed}/{name}/{step}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


# --- many arrays as one -----------------------------------------------------------------------------------------


class Layout:
    """How arrays lie end to end in one flat array: each in the order that it has in memory.

    A convolution's channels-last weight stays channels-last. Its gradient comes in that order too, and is copied without
    transposing it.
    """

    def __init__(self, arrays: Sequence[Array]):
        self.shapes = [a.shape for a in arrays]
        self.bounds = list(pairwise([0, *accumulate(a.size for a in arrays)]))
        self.orders = [_memory_order(a) for a in arrays]

    def join(self, arrays: Sequence[Array]) -> Array:
        """Return arrays of these shapes as a new flat array."""
        flats = [a.ravel() if order is None else a.transpose(order).ravel() for a, order in zip(arrays, self.orders)]
        return xp(arrays[0]).concatenate(flats)

    def split(self, flat: Array) -> list[Array]:
        """Return views of a flat array, one of each shape."""
        views = []
        for (a, b), shape, order in zip(self.bounds, self.shapes, self.orders):
            if order is None:
                views.append(flat[a:b].reshape(shape))
            else:
                views.append(flat[a:b].reshape([shape[d] for d in order]).transpose(np.argsort(order).tolist()))
        return views


def _memory_order(array: Array) -> list[int] | None:
    """Return the axes from the one with the largest stride to the one with the smallest; None if that is 0, 1, 2, ..."""
    order = None if array.flags.c_contiguous else sorted(range(array.ndim), key=lambda d: -array.strides[d])
    return None if order == list(range(array.ndim)) else order

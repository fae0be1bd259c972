"""Which array library an array belongs to, where arrays live, and where random numbers come from.

Everything above this file is written once: it asks `xp(array)` for the array's own library and calls NumPy's names on
it. This is the only file that imports CuPy. Read `autodiff.py` next.
"""

import ctypes
import hashlib
import math
import os
import sys
from contextlib import contextmanager
from functools import cache, partial
from itertools import accumulate, pairwise
from typing import TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray  # or cupy.ndarray, which has the same methods

_libraries = {np.ndarray: np, float: np, int: np, bool: np, list: np, tuple: np}


def register_array_type(array_type, library):
    """Say that arrays of `array_type` are handled by `library`, a module or object with NumPy's function names."""
    _libraries[array_type] = library


def xp(array):
    """The library that `array` belongs to: numpy, or cupy for an array on the GPU."""
    try:
        return _libraries[type(array)]
    except KeyError:
        return _find_library(type(array))


def _find_library(array_type):
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


def is_numpy(array):
    """Whether the CPU's own tricks (threads, blocks that fit the cache, strided views) apply to `array`."""
    return xp(array) is np


# --- devices ---------------------------------------------------------------------------------------------------


def cuda_problem():
    """None if a GPU can be used, otherwise one sentence that says what is missing and what to do about it."""
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


def default_device():
    """The device named by the environment variable TINYGAN_DEVICE, "cpu" if it is not set."""
    return os.environ.get("TINYGAN_DEVICE", "cpu")


def library_of(device=None):
    """The array library of a device, "cpu" or "cuda"; None means `default_device()`. RuntimeError without a GPU."""
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


def device_of(array):
    """The name of the device that `array` lives on, "cpu" or "cuda"."""
    return "cpu" if is_numpy(array) else "cuda"


def to_device(array, device=None):
    """`array` on `device`, copied only if it has to move."""
    library = library_of(device)
    if xp(array) is library:
        return array
    return to_numpy(array) if library is np else library.asarray(array)


def to_numpy(array):
    """`array` as a numpy.ndarray, copied from the GPU if it lives there."""
    return array.get() if hasattr(array, "get") else np.asarray(array)


# --- special functions ----------------------------------------------------------------------------------------


def erf(x):
    """The error function, which NumPy lacks: Taylor's series to order 6 about the nearest of a table of points.

    erf⁽ⁿ⁾(a) = 2/√π (-1)ⁿ⁻¹ Hₙ₋₁(a) e^(-a²) with Hermite's polynomials H; steps of 1/64 leave an error below 1e-15.
    """
    library = xp(x)
    if library is not np:
        return library.erf(x) if hasattr(library, "erf") else _cuda_erf(x)
    steps = 64
    nearest = np.rint(np.clip(x, -6, 6) * steps)  # beyond 6, erf is 1 to the last bit
    a = nearest / steps
    d = np.clip(x, -6, 6) - a
    series = np.zeros_like(d)
    for n in range(6, 0, -1):
        hermite = np.polynomial.hermite.hermval(a, np.array([0] * (n - 1) + [1], d.dtype))  # of a list: float64
        series = d * (series + (-1) ** (n - 1) / math.factorial(n) * hermite)
    table = _erf_table(steps).astype(d.dtype)
    return table[nearest.astype(np.intp) + 6 * steps] + (2 / math.sqrt(math.pi)) * np.exp(-a * a) * series


@cache
def _erf_table(steps):
    return np.array([math.erf(k / steps) for k in range(-6 * steps, 6 * steps + 1)])


def _cuda_erf(x):
    from cupyx.scipy.special import erf as cuda_erf

    return cuda_erf(x)


# --- random numbers --------------------------------------------------------------------------------------------


def stream(seed, name, step=0):
    """A random generator that depends on (seed, name, step) and nothing else.

    The counter-based generator Philox is keyed by the three, so step k of a resumed run draws what the unbroken run
    would have drawn, and a checkpoint carries no generator state. Streams with different names are independent.

    >>> stream(0, "noise", 7).standard_normal() == stream(0, "noise", 7).standard_normal()
    True
    """
    digest = hashlib.blake2b(f"{seed}/{name}/{step}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


# --- several cores ---------------------------------------------------------------------------------------------

# Multiplications, 0.7 ms: smaller operations lose more by taking turns at the lock (digits: 19.6 against 13.6 ms a step)
WORTH_SPLITTING = 1 << 26
BLOCK = 1 << 15  # elements: three or four arrays of 128 KB fit the cache of a core
_threads = None  # how many share a large operation; None: not yet asked


def split_batch(function, array, work):
    """[function(start, stop), ...] over pieces of range(len(array)), at once if `work` multiplications pay for it.

    NumPy lets go of Python's lock in products and copies, so two threads with half a batch each beat BLAS's own, which
    share every product (measured: convolution 64 -> 128, 2.0 ms against 2.3), and do not spin when another program needs
    the core. Pieces depend on sizes alone, never on which thread is first: results are reproducible.
    """
    pieces = min(threads(), len(array)) if work >= WORTH_SPLITTING and is_numpy(array) else 1
    ends = [len(array) * i // pieces for i in range(pieces + 1)] if pieces > 1 else [0, len(array)]
    return at_once([partial(function, start, stop) for start, stop in pairwise(ends)])


def at_once(calls):
    """[call() for call in calls], the last on this thread and each other one on its own."""
    *others, last = calls
    futures = [_pool().submit(call) for call in others]
    result = last()
    return [*(future.result() for future in futures), result]


def in_blocks(function, *arrays):
    """Call function(*blocks) on matching blocks of `arrays`, of which it fills or changes some, each element by itself.

    What one operation of a chain writes the next then finds in the cache (leaky ReLU of 800,000 elements: 0.32 ms, on whole
    arrays 0.56), and threads share large arrays. Arrays that lie differently in memory, or on a GPU, are one block.
    """
    first = arrays[0]
    if first.size <= 2 * BLOCK or not is_numpy(first):
        return function(*arrays)
    alike = all(a.shape == first.shape and a.strides == first.strides for a in arrays)
    if not alike or not np.may_share_memory(first.ravel("K"), first):  # if it has gaps in memory, ravel makes a copy
        return function(*arrays)
    flat = [a.ravel("K") for a in arrays]

    def some_blocks(start, stop):
        for i in range(start, stop, BLOCK):
            function(*(a[i : min(i + BLOCK, stop)] for a in flat))

    split_batch(some_blocks, flat[0], work=100 * first.size)  # an element takes as long as 100 multiplications


def threads():
    """How many threads share a large operation: TINYGAN_THREADS, else one per core, at most 4, if BLAS uses only one."""
    global _threads
    if _threads is None:
        limits = [os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")]
        _threads = _wanted_threads() if next((n for n in limits if n), None) == "1" else 1
    return _threads


def core_count():
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _wanted_threads(processes=1):
    return int(os.environ.get("TINYGAN_THREADS", min(4, max(1, core_count() // processes))))


@contextmanager
def share_cores(processes=1):
    """While it is entered, BLAS keeps to one thread and `split_batch` splits large operations over the cores, or over this
    process's share of them if there are several processes.
    """
    global _threads
    from threadpoolctl import threadpool_limits

    before = threads()
    with threadpool_limits(1, user_api="blas"):
        _threads = _wanted_threads(processes)
        try:
            yield
        finally:
            _threads = before


@cache
def _pool():
    from concurrent.futures import ThreadPoolExecutor

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has the pool but not its threads
    return ThreadPoolExecutor(thread_name_prefix="tinygan", initializer=np.setbufsize, initargs=(np.getbufsize(),))


# --- memory ----------------------------------------------------------------------------------------------------


class Layout:
    """How arrays lie end to end in one flat array: each in the order that it has in memory.

    A convolution's channels-last weight stays channels-last, and its gradient, which comes in that order, is copied without
    transposing it (131,000 numbers: 13 us against 65).
    """

    def __init__(self, arrays):
        self.shapes = [a.shape for a in arrays]
        self.bounds = list(pairwise([0, *accumulate(a.size for a in arrays)]))
        self.orders = [_memory_order(a) for a in arrays]

    def join(self, arrays):
        """Arrays of these shapes as a new flat array."""
        flats = [a.ravel() if order is None else a.transpose(order).ravel() for a, order in zip(arrays, self.orders)]
        return xp(arrays[0]).concatenate(flats)

    def split(self, flat):
        """Views of a flat array, one of each shape."""
        views = []
        for (a, b), shape, order in zip(self.bounds, self.shapes, self.orders):
            if order is None:
                views.append(flat[a:b].reshape(shape))
            else:
                views.append(flat[a:b].reshape([shape[d] for d in order]).transpose(np.argsort(order).tolist()))
        return views


def _memory_order(array):
    """The axes from the one with the largest stride to the one with the smallest; None if that is 0, 1, 2, ..."""
    order = None if array.flags.c_contiguous else sorted(range(array.ndim), key=lambda d: -array.strides[d])
    return None if order == list(range(array.ndim)) else order


def prime_malloc():
    """Make glibc keep freed blocks for the next step instead of handing them back to the kernel; and NumPy use small buffers.

    Blocks of up to 32 MB, the most it allows, come from the heap, and the heap keeps up to 1 GB of free memory. Training
    then recycles its arrays: on an MLP GAN 509 page faults a step before and 0 after, 2.3 ms a step before and 1.4 after.
    (Freeing a block of 32 MB would raise both limits without a call to C, but keep 64 MB only: an LSTM GAN whose step
    takes 110 MB still had 8300 page faults, 24 ms, a step.) Other allocators have no such settings. Called by the training
    loop, never at import.

    NumPy 2.4 copies the rows of an array that is not contiguous to a buffer and back if two of them fit into it: 8192
    elements, so that three buffers do not fit the L1 cache. With 2048, a sum over rows of 900 takes 99 us, not 301.
    """
    np.setbufsize(2048)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl or macOS; a static Python; Windows
        return
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
    mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD

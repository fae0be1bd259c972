"""How work is split over the cores of the CPU, and how its memory is kept for the next step.

NumPy lets go of Python's lock inside products and copies, so threads that take a part of the batch each run at once.
`split_batch` is that; `in_blocks` takes an array in pieces that fit the cache; kernels in `ops/kernels/` are the callers.
`share_cores` is called by the training loop, `prime_malloc` by it and by the first large gradient: nothing here changes a
setting at import.
"""

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tinygan.backend import Array, is_numpy

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

T = TypeVar("T")

# Multiplications, 0.7 ms of them. Smaller operations lose more by waiting for Python's lock than they gain.
WORTH_SPLITTING = 1 << 26
BLOCK = 1 << 15  # elements: three or four arrays of 128 KB fit the cache of a core
_threads: int | None = None  # how many share a large operation; None: not yet asked


def split_batch(function: Callable[[int, int], T], array: Array | Sequence, work: float) -> list[T]:
    """Return [function(start, stop), ...] over pieces of range(len(array)): several if `work` multiplications pay for it.

    Each piece runs on a thread of its own. Two threads with half a batch each beat BLAS's own threads, which share every
    product, and they do not spin while another program needs the core. The pieces depend on sizes alone, never on which
    thread is first, so results are reproducible.
    """
    pieces = min(thread_count(), len(array)) if work >= WORTH_SPLITTING and is_numpy(array) else 1
    ends = [len(array) * i // pieces for i in range(pieces + 1)] if pieces > 1 else [0, len(array)]
    return at_once([partial(function, start, stop) for start, stop in pairwise(ends)])


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return [call() for call in calls]; the last runs on this thread, each other one on its own."""
    *others, last = calls
    futures = [_pool().submit(call) for call in others]
    result = last()
    return [*(future.result() for future in futures), result]


def in_blocks(function: Callable[..., Any], *arrays: Array) -> None:
    """Call function(*blocks) on matching blocks of `arrays`; the function works on each element by itself, in place.

    In a chain of operations, each then finds in the cache what the one before wrote, and threads share large arrays.
    Arrays that lie differently in memory, or on a GPU, are one block.
    """
    first = arrays[0]
    if first.size <= 2 * BLOCK or not is_numpy(first):
        function(*arrays)
        return
    alike = all(a.shape == first.shape and a.strides == first.strides for a in arrays)
    if not alike or not np.may_share_memory(first.ravel("K"), first):  # if it has gaps in memory, ravel makes a copy
        function(*arrays)
        return
    flat = [a.ravel("K") for a in arrays]

    def some_blocks(start, stop):
        for i in range(start, stop, BLOCK):
            function(*(a[i : min(i + BLOCK, stop)] for a in flat))

    split_batch(some_blocks, flat[0], work=100 * first.size)  # an element takes as long as 100 multiplications


def thread_count() -> int:
    """Return how many threads share a large operation.

    The environment variable TINYGAN_THREADS sets it; otherwise one per core, at most 4. It is 1 while BLAS has threads.
    """
    global _threads
    if _threads is None:
        limits = [os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")]
        _threads = _wanted_threads() if next((n for n in limits if n), None) == "1" else 1
    return _threads


def core_count() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _wanted_threads(processes: int = 1) -> int:
    return int(os.environ.get("TINYGAN_THREADS", min(4, max(1, core_count() // processes))))


@contextmanager
def share_cores(processes: int = 1) -> Iterator[None]:
    """Inside `with share_cores():` BLAS keeps to one thread, and `split_batch` splits large operations over the cores.

    processes: how many processes train together; each takes its share of the cores. Threads of Python may be inside at the
    same time: the last to leave gives BLAS its threads back.
    """
    global _threads, _before
    from threadpoolctl import threadpool_limits

    wanted = _wanted_threads(processes)
    with _changing:
        if not _sharing:
            _before = thread_count(), threadpool_limits(1, user_api="blas")
        _sharing.append(wanted)
        _threads = wanted
    try:
        yield
    finally:
        with _changing:
            _sharing.remove(wanted)
            if _sharing:
                _threads = _sharing[-1]
            else:
                _threads, limits = _before
                limits.restore_original_limits()


_sharing: list[int] = []  # how many threads each block of `share_cores` wants that is entered now
_before: Any = None  # how many there were before the first, and what gives BLAS its own back
_changing = Lock()


@cache
def _pool() -> "ThreadPoolExecutor":
    from concurrent.futures import ThreadPoolExecutor

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_pool.cache_clear)  # a forked process has the pool but not its threads
    return ThreadPoolExecutor(thread_name_prefix="tinygan", initializer=np.setbufsize, initargs=(np.getbufsize(),))


# --- memory ----------------------------------------------------------------------------------------------------


LARGE = 1 << 17  # bytes: from here on glibc takes a block from the kernel, and gives it back as soon as it is freed
primed = False  # whether prime_malloc was called


def prime_malloc() -> None:
    """Make glibc keep freed blocks for the next step instead of returning them to the kernel; give NumPy small buffers.

    Blocks of up to 32 MB, the most that glibc allows, come from the heap, and the heap keeps up to 1 GB of free memory.
    Training then recycles its arrays, and a step causes no page faults: with an MLP GAN 509 per step before, 0 after. Other
    allocators have no such settings. The training loop and the first large gradient call this; importing does not. The
    environment variable TINYGAN_PRIME_MALLOC=0 leaves everything as it is.

    NumPy 2.4 copies the rows of a strided array to a buffer if two of them fit into it. Its usual buffers have 8192
    elements, and three of those do not fit the L1 cache; three of 2048 do.
    """
    global primed
    primed = True
    if os.environ.get("TINYGAN_PRIME_MALLOC") == "0":
        return
    np.setbufsize(2048)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl or macOS; a static Python; Windows
        return
    mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
    mallopt(-1, 1 << 30)  # M_TRIM_THRESHOLD


def prime_if_large(arrays: Iterable[Array]) -> None:
    """Call `prime_malloc` if one of these arrays is large."""
    if any(a.size * a.dtype.itemsize >= LARGE for a in arrays):
        prime_malloc()

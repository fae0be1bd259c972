"""`tinygan doctor`: one line each for what is installed, what is missing and how fast this machine is, with a remedy.

`report` prints; the functions below it find out. No function here changes anything.
"""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import time
from pathlib import Path
from typing import TextIO

import numpy as np

import tinygan
from tinygan.backend import cuda_problem, default_device
from tinygan.threads import core_count

NEEDED = {
    "matplotlib": "pictures and curves",
    "tqdm": "the progress bar",
    "safetensors": "checkpoints",
    "pooch": "downloads",
}
OPTIONAL = {
    "cupy": "the GPU: pip install 'tinygan[cuda13]' (or cuda12)",
    "jupyterlab": "the lessons: pip install 'tinygan[lessons]'",
    "mpi4py": "several machines: pip install 'tinygan[mpi]'",
}
SLOW = 20  # GFLOP/s: one core with AVX2 reaches 80 to 250, a BLAS without a kernel for its processor 2 to 10


def report(stream: TextIO) -> int:
    """Print the facts that a bug report needs; return 0 if training can run here, otherwise 1."""
    problems: list[str] = []
    hints: list[str] = []

    def line(name: str, value: str) -> None:
        print(f"{name:14} {value}".rstrip(), file=stream)

    line("tinygan", tinygan.__version__)
    line("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    line("cores", cores())
    if np.lib.NumpyVersion(np.__version__) < "2.0.0":
        problems.append("NumPy 2.0 or newer is needed: pip install --upgrade numpy")
    line("numpy", np.__version__)
    line("BLAS", blas())
    speed = matmul_speed()
    line("speed", f"{speed:.0f} GFLOP/s (products of 1024x1024 float32 matrices)")
    if speed < SLOW:
        hints.append(f"{speed:.0f} GFLOP/s is slow: a busy machine, or a NumPy without OpenBLAS, MKL or Accelerate")
    hints += environment_hints()
    print(file=stream)

    for name, purpose in (NEEDED | OPTIONAL).items():
        version, fault = installed(name, load=name in NEEDED)
        line(name, version or f"{fault} ({'for ' if name in NEEDED else ''}{purpose})")
        if fault and name in NEEDED:
            problems.append(f"{name} {fault}, and training needs it for {purpose}: pip install --upgrade {name}")
    print(file=stream)

    line("data", describe_data())
    line("cache", describe_cache())
    problem = cuda_problem()
    line("GPU", problem or gpu_name())
    source = "from TINYGAN_DEVICE" if "TINYGAN_DEVICE" in os.environ else "TINYGAN_DEVICE is not set"
    line("device", f"{default_device()} ({source})")
    if default_device() not in ("cpu", "cuda"):
        problems.append(f"TINYGAN_DEVICE={default_device()} is not a device: set it to cpu or cuda, or unset it")
    elif default_device() == "cuda" and problem:
        problems.append("TINYGAN_DEVICE asks for a GPU that cannot be used: set it to cpu, or unset it")

    print(file=stream)
    for title, sentences in (("hint", hints), ("problem", problems)):
        for sentence in sentences:
            line(title, sentence)
    print("training cannot run yet" if problems else "training can run: tinygan train digits", file=stream)
    return 1 if problems else 0


# --- the processor and NumPy -----------------------------------------------------------------------------------


def cores() -> str:
    """Return how many cores this process may use, and how many the machine has if that differs."""
    usable, total = core_count(), os.cpu_count() or 1
    return str(usable) if usable == total else f"{usable} of {total}"


def blas() -> str:
    """Return the name and version of NumPy's BLAS, and its kernel and threads if they are known."""
    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    name = " ".join(str(built.get(key)) for key in ("name", "version") if built.get(key)) or "unknown"
    kernel, threads = _kernel_and_threads()
    if not kernel:
        return f"{name}, kernel unknown (pip install threadpoolctl to see it)"
    return f"{name}, kernel {kernel}, {threads} thread{'s' * (threads != 1)}"


def _kernel_and_threads() -> tuple[str | None, int | None]:
    """Return (kernel, threads) of the loaded BLAS, None for what is unknown."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return _ask_openblas()
    pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    # PyTorch and SciPy load a BLAS of their own; NumPy's is the one in NumPy's folder
    pools.sort(key=lambda pool: "numpy" not in pool.get("filepath", ""))
    return (pools[0].get("architecture"), pools[0].get("num_threads")) if pools else (None, None)


def _ask_openblas() -> tuple[str | None, int | None]:
    """Ask the OpenBLAS in NumPy's wheel the same, by its own functions, whose names have prefixes and suffixes."""
    for path in Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*"):
        try:
            library = ctypes.CDLL(str(path))  # it is loaded already: this returns it
        except OSError:
            continue
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            kernel = getattr(library, f"{prefix}openblas_get_corename{suffix}", None)
            threads = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
            if kernel and threads:
                kernel.restype = ctypes.c_char_p
                return kernel().decode(), threads()
    return None, None


def matmul_speed(seconds: float = 1.0, size: int = 1024) -> float:
    """Return the GFLOP/s of float32 matrix products: the best of those that fit into the time."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, size, size), dtype=np.float32)
    out, best = np.empty_like(a), float("inf")
    end = time.perf_counter() + seconds
    while True:
        begun = time.perf_counter()
        np.matmul(a, b, out=out)
        now = time.perf_counter()
        best = min(best, now - begun)
        if now > end:
            return 2 * size**3 / best / 1e9


def environment_hints() -> list[str]:
    """Return a sentence for each variable of the environment that slows training down."""
    hints = []
    pinned = os.environ.get("OPENBLAS_CORETYPE")
    if pinned:
        hints.append(
            f"OPENBLAS_CORETYPE={pinned} pins the BLAS kernel; one for an older processor may be half as fast: unset it"
        )
    threads = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    if threads and threads.isdecimal() and int(threads) > (os.cpu_count() or 1):
        hints.append(
            f"{threads} BLAS threads are set for {os.cpu_count()} cores: threads without a core slow the others down"
        )
    return hints


# --- packages, data, GPU ---------------------------------------------------------------------------------------


def installed(name: str, load: bool) -> tuple[str | None, str | None]:
    """Return (version, None) of a package, or (None, its fault); with `load` the package is also imported."""
    if importlib.util.find_spec(name) is None:
        return None, "is missing"
    try:
        module = importlib.import_module(name) if load else None
    except Exception as error:  # a broken installation raises whatever its libraries raise
        return None, f"does not load: {_first_line(error)}"
    distribution = importlib.metadata.packages_distributions().get(name, [name])[0]  # cupy comes as cupy-cuda13x
    try:
        return importlib.metadata.version(distribution), None
    except importlib.metadata.PackageNotFoundError:
        return getattr(module, "__version__", "of unknown version"), None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def describe_data() -> str:
    """Return what lies in the folder TINYGAN_DATA."""
    folder = os.environ.get("TINYGAN_DATA")
    if not folder:
        return (
            "the digits are built in, MNIST and its kin are downloaded, other recipes make their data"
            " (TINYGAN_DATA is not set; README says what may lie there)"
        )
    if not Path(folder).is_dir():
        return f"TINYGAN_DATA={folder} is not a folder; the digits are built in"
    data_sets = sorted(p.name for p in Path(folder).iterdir() if p.is_dir())
    return f"{folder}: {', '.join(data_sets) or 'no data sets'}"


def describe_cache() -> str:
    """Return the cache folder and what lies in it."""
    try:
        from tinygan.metrics import cache_folder
    except ImportError as error:
        return f"unknown: {_first_line(error)}"
    folder = cache_folder()
    files = sorted(p.name for p in folder.glob("*") if not p.name.startswith(".")) if folder.is_dir() else []
    writable = next(p for p in (folder, *folder.parents) if p.exists())
    state = ", ".join(files) or "empty"
    return f"{folder}: {state}" + ("" if os.access(writable, os.W_OK) else " (cannot be written)")


def gpu_name() -> str:
    """Return the name and memory of the GPU that CuPy uses."""
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    name = properties["name"]
    name = name.decode() if isinstance(name, bytes) else name
    return f"{name}, {properties['totalGlobalMem'] / 2**30:.0f} GiB, CUDA {cupy.cuda.runtime.runtimeGetVersion()}"

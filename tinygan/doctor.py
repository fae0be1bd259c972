"""`tinygan doctor`: what is installed, what is missing, how fast this machine is, each in a line with its remedy.

`report` prints; the functions above it find out. Nothing here changes anything.
"""

import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import platform
import time
from pathlib import Path

import numpy as np

import tinygan
from tinygan.backend import cuda_problem, default_device

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
SLOW = 20  # GFLOP/s: one core with AVX2 has 80 to 250, a BLAS without a kernel for its processor 2 to 10


def report(stream):
    """Print what a reader of a bug report would ask for. Returns 0 if training can run here, otherwise 1."""
    problems, hints = [], []

    def line(name, value):
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

    line("data", data_found())
    line("cache", cache_found())
    problem = cuda_problem()
    line("GPU", problem or gpu_name())
    source = "from TINYGAN_DEVICE" if "TINYGAN_DEVICE" in os.environ else "TINYGAN_DEVICE is not set"
    line("device", f"{default_device()} ({source})")
    if default_device() not in ("cpu", "cuda"):
        problems.append(f"TINYGAN_DEVICE={default_device()} is no device: set it to cpu or cuda, or unset it")
    elif default_device() == "cuda" and problem:
        problems.append("TINYGAN_DEVICE asks for a GPU that cannot be used: set it to cpu, or unset it")

    print(file=stream)
    for title, sentences in (("hint", hints), ("problem", problems)):
        for sentence in sentences:
            line(title, sentence)
    print("training cannot run yet" if problems else "training can run: tinygan train digits", file=stream)
    return 1 if problems else 0


# --- the processor and NumPy -----------------------------------------------------------------------------------


def cores():
    """How many cores this process may use, and how many there are if that differs."""
    there = os.cpu_count()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else there
    return str(usable) if usable == there else f"{usable} of {there}"


def blas():
    """NumPy's BLAS: its name and version, and kernel and threads if they can be found out."""
    built = np.show_config(mode="dicts").get("Build Dependencies", {}).get("blas", {})
    name = " ".join(str(built.get(key)) for key in ("name", "version") if built.get(key)) or "unknown"
    kernel, threads = _kernel_and_threads()
    if not kernel:
        return f"{name}, kernel unknown (pip install threadpoolctl to see it)"
    return f"{name}, kernel {kernel}, {threads} thread{'s' * (threads != 1)}"


def _kernel_and_threads():
    """(kernel, threads) of the BLAS that is loaded, None for what is not known."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return _ask_openblas()
    pools = [pool for pool in threadpool_info() if pool.get("user_api") == "blas"]
    # PyTorch and SciPy bring a BLAS too, once they are loaded; NumPy's own lies beside it
    pools.sort(key=lambda pool: "numpy" not in pool.get("filepath", ""))
    return (pools[0].get("architecture"), pools[0].get("num_threads")) if pools else (None, None)


def _ask_openblas():
    """The same from the OpenBLAS in NumPy's wheel, by its own functions, whose names carry prefixes and suffixes."""
    for path in Path(np.__file__).parent.parent.glob("numpy.libs/*openblas*"):
        try:
            library = ctypes.CDLL(str(path))  # it is loaded already: this finds it
        except OSError:
            continue
        for prefix, suffix in (("scipy_", "64_"), ("scipy_", ""), ("", "64_"), ("", "")):
            kernel = getattr(library, f"{prefix}openblas_get_corename{suffix}", None)
            threads = getattr(library, f"{prefix}openblas_get_num_threads{suffix}", None)
            if kernel and threads:
                kernel.restype = ctypes.c_char_p
                return kernel().decode(), threads()
    return None, None


def matmul_speed(seconds=1.0, size=1024):
    """GFLOP/s of float32 matrix products: the best of those that fit into the time."""
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


def environment_hints():
    """What the environment does to the speed, a sentence each."""
    hints = []
    pinned = os.environ.get("OPENBLAS_CORETYPE")
    if pinned:
        hints.append(
            f"OPENBLAS_CORETYPE={pinned} pins the BLAS kernel; an older one than the processor's own may be half as"
            " fast: unset it"
        )
    threads = os.environ.get("OPENBLAS_NUM_THREADS") or os.environ.get("OMP_NUM_THREADS")
    if threads and threads.isdecimal() and int(threads) > (os.cpu_count() or 1):
        hints.append(
            f"{threads} BLAS threads are asked for on {os.cpu_count()} cores: waiting ones slow the others down"
        )
    return hints


# --- packages, data, GPU ---------------------------------------------------------------------------------------


def installed(name, load):
    """(version, None) of a package, or (None, what is wrong with it); `load` says whether to try if it imports."""
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


def _first_line(error):
    return str(error).strip().partition("\n")[0] or type(error).__name__


def data_found():
    """What lies in the folder TINYGAN_DATA."""
    folder = os.environ.get("TINYGAN_DATA")
    if not folder:
        return "the digits are built in; others are downloaded (TINYGAN_DATA is not set)"
    if not Path(folder).is_dir():
        return f"TINYGAN_DATA={folder} is not a folder; the digits are built in"
    found = sorted(p.name for p in Path(folder).iterdir() if p.is_dir())
    return f"{folder}: {', '.join(found) or 'no data sets'}"


def cache_found():
    """The cache folder and what lies in it."""
    try:
        from tinygan.metrics import cache_folder
    except ImportError as error:
        return f"unknown: {_first_line(error)}"
    folder = cache_folder()
    files = sorted(p.name for p in folder.glob("*") if not p.name.startswith(".")) if folder.is_dir() else []
    writable = next(p for p in (folder, *folder.parents) if p.exists())
    state = ", ".join(files) or "empty"
    return f"{folder}: {state}" + ("" if os.access(writable, os.W_OK) else " (cannot be written)")


def gpu_name():
    """The name and memory of the GPU that CuPy uses."""
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    name = properties["name"]
    name = name.decode() if isinstance(name, bytes) else name
    return f"{name}, {properties['totalGlobalMem'] / 2**30:.0f} GiB, CUDA {cupy.cuda.runtime.runtimeGetVersion()}"

"""One side of a comparison in a process of its own, so that threads, BLAS and malloc can differ from side to side.

    python worker.py SIDE WORKLOAD DEVICE THREADS     (started by speed.py)

It reads requests as lines of JSON and answers each with a line: {"do": "compare", "weights": file} gives the losses of
two steps, {"do": "time", "steps": n} what n steps took, {"do": "end"} its memory. Linux tells it how busy the rest of
the machine was meanwhile; elsewhere that is unknown and taken as quiet.
"""

import importlib
import json
import multiprocessing
import os
import sys
import time

import numpy as np

SIDES = {
    "torch-best": ("torch", {"best": True}),
    "tinygan-readme": ("tinygan", {"readme": True}),
    "torch-tf32": ("torch", {"best": True, "tf32": True}),
    "tinygan-blas": ("tinygan", {}),
    "tinygan-processes": ("tinygan", {"processes": 2}),
}


def busy_seconds():
    """Seconds that all processors have spent working since the machine was started, or None."""
    try:
        with open("/proc/stat") as f:
            ticks = [int(n) for n in f.readline().split()[1:9]]
    except OSError:
        return None
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    """Seconds that this process and those that it started have spent working."""
    t = os.times()
    return t.user + t.system + sum(_seconds_of(process.pid) for process in multiprocessing.active_children())


def _seconds_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            user, system = f.read().rpartition(")")[2].split()[11:13]
    except OSError:
        return 0.0
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def memory_mb():
    """(now, at most so far) of physical memory, in MB, with the processes that were started."""
    try:
        pids = ["self", *(process.pid for process in multiprocessing.active_children())]
        return tuple(map(sum, zip(*map(_memory_of, pids))))
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = peak / 2**20 if sys.platform == "darwin" else peak / 1024
        return peak, peak


def _memory_of(pid):
    with open(f"/proc/{pid}/status") as f:
        lines = dict(line.split(":", 1) for line in f)
    return [int(lines[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM")]


def blas_kernel():
    """What NumPy's OpenBLAS calls the kernels that it chose for this processor, "unknown" if it is another BLAS."""
    import ctypes
    from pathlib import Path

    package = Path(np.__file__).parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        loaded = ctypes.CDLL(str(library))
        for name in ("scipy_openblas_get_corename64_", "openblas_get_corename64_", "openblas_get_corename"):
            if hasattr(loaded, name):
                function = getattr(loaded, name)
                function.restype = ctypes.c_char_p
                return function().decode()
    return "unknown"


def timed(step, steps, synchronize):
    """{"wall", "cpu"}: seconds a step, after one step untimed; "foreign": the share of the time others worked."""
    step()
    synchronize()
    busy, own = busy_seconds(), own_seconds()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(steps):
        step()
    synchronize()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    foreign = 0.0 if busy is None else (busy_seconds() - busy) - (own_seconds() - own)
    return {"wall": wall / steps, "cpu": cpu / steps, "foreign": max(0.0, foreign - 0.011) / wall}


def main():
    """Serve requests until the end."""
    side, name, device, threads = sys.argv[1:5]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not come between the answers
    module, options = SIDES.get(side, (side, {}))
    try:
        library = importlib.import_module(f"with_{module}")
        library.set_threads(int(threads))
        imported, _ = memory_mb()
        step, networks, chance = library.build(name, device, **options)
        answer = {"ready": True, "version": library.VERSION}
    except ImportError as error:
        answer = {"ready": False, "why": str(error)}
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        request = json.loads(line) if line else {"do": "end"}
        if request["do"] == "save":
            np.savez(request["weights"], **library.state(networks))
            answer = {"kernel": blas_kernel(), "numpy": np.__version__}
        elif request["do"] == "compare":
            with np.load(request["weights"]) as weights:
                library.load(networks, dict(weights))
            answer = {"losses": [loss.item() for _ in range(2) for loss in step()]}
        elif request["do"] == "start":
            library.start_timing(chance, device)
            answer = {}
        elif request["do"] == "time":
            answer = timed(step, request["steps"], lambda: library.synchronize(device))
        else:
            now, peak = memory_mb()
            answer = {"peak": peak, "grown": peak - imported, "device": library.device_memory(device) / 2**20}
            print(json.dumps(answer), file=answers, flush=True)
            return


if __name__ == "__main__":
    main()

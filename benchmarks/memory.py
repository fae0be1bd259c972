"""What a training step holds when it holds most, and why: every array is found and named, and their sum is checked.

    python benchmarks/memory.py              W2 and W3a: writes results/memory.json and memory.md
    python benchmarks/memory.py --only W6    another workload, printed

A first step tells at which op the peak is. In the next, just before that op, everything that is alive is looked through:
weights, an optimiser's averages, the graph with what its ops keep, gradients that wait. What the op itself then takes is
the peak less that. Bytes are those that Python and NumPy asked for (tracemalloc); the process's own growth is beside it.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import with_tinygan
from speed import machine
from worker import memory_mb
from workloads import WORKLOADS

from tinygan import Tensor
from tinygan.nn.module import Parameter
from tinygan.optim.optimizers import Optimizer
from tinygan.profile import REST, Scales, watched

HERE = Path(__file__).parent


class PeakFinder(Scales):
    """Which lap of a step has the peak."""

    laps = peak_lap = 0

    def lap(self, place, calls=0):
        before = self.peak
        super().lap(place, calls)
        self.laps += 1
        if self.peak > before:
            self.peak_lap = self.laps


class Stocktaker(Scales):
    """Calls `look` before the lap with a number begins."""

    laps = 0

    def __init__(self, before_lap, look):
        super().__init__()
        self.before_lap, self.look = before_lap, look

    def lap(self, place, calls=0):
        super().lap(place, calls)
        self.laps += 1
        if self.laps == self.before_lap - 1:
            self.look()


def memory_of(array):
    """The array that owns an array's memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def arrays_in(value):
    """All arrays in nested tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list):
        for v in value:
            yield from arrays_in(v)
    elif isinstance(value, dict):
        yield from arrays_in(list(value.values()))


def stock(born):
    """{(kind, what): (bytes, arrays)} of all that are alive; what has two reasons to be is booked under the first."""
    objects = gc.get_objects()
    tensors = [o for o in objects if isinstance(o, Tensor)]
    computed = [t for t in tensors if t.op is not None]
    claims = [("weights", "", t.data) for t in tensors if isinstance(t, Parameter)]
    for optimizer in (o for o in objects if isinstance(o, Optimizer)):
        claims += [("Adam's averages", "", array) for array in optimizer.state.values()]
    claims += [("samples and noise", "", t.data) for t in tensors if t.op is None]
    named = lambda t: ": ".join(born.get(t.number, ("?", t.op.__name__))[:2])
    claims += [("results of ops, for the way back", named(t), t.data) for t in sorted(computed, key=lambda t: t.number)]
    claims += [("kept by fused ops", named(t), a) for t in computed for a in arrays_in(t.saved)]
    claims += [("arguments that are no Tensors", named(t), a) for t in computed for a in arrays_in((t.arrays, t.const))]
    for d in (o for o in objects if isinstance(o, dict) and o and all(isinstance(key, Tensor) for key in o)):
        for t, g in d.items():
            if isinstance(g, np.ndarray):
                kind = "gradients of weights" if isinstance(t, Parameter) else "gradients on the way"
                claims.append((kind, "" if t.op is None else named(t), g))
    frame = sys._getframe()
    while frame:  # such as the gradient that was taken out of `grad`'s dict, to be given to the op
        code = frame.f_code
        if "tinygan" in code.co_filename:
            for name, value in list(frame.f_locals.items()):
                claims += [("variables of running functions", f"{code.co_name}: {name}", a) for a in arrays_in(value)]
        frame = frame.f_back
    found, seen = {}, set()
    for kind, what, array in claims:
        array = memory_of(array)
        if id(array) not in seen:
            seen.add(id(array))
            size, count = found.get((kind, what), (0, 0))
            found[kind, what] = size + array.nbytes, count + 1
    return found


def at_peak(name):
    """({(kind, what): (bytes, arrays)}, the place of the peak, its bytes): what a step of the workload holds at its peak."""
    tracemalloc.start()
    step, networks, _ = with_tinygan.build(name, "cpu")
    found = {}
    for _ in range(2):
        step()

    def play(scales):
        with watched(networks, scales) as watch:
            scales.begin()
            scales.watch = watch
            step()
            scales.lap(REST)

    def look():
        found["now"] = tracemalloc.get_traced_memory()[0]
        found["stock"] = stock(taker.watch.born)

    finder = PeakFinder()
    play(finder)
    peak = finder.start + finder.peak
    taker = Stocktaker(finder.peak_lap, look)
    play(taker)
    tracemalloc.stop()
    rows, now = found["stock"], found["now"]
    rows["everything else that Python holds", ""] = now - sum(size for size, _ in rows.values()), 0
    rows["the op at the peak, results and scratch", ": ".join(finder.peak_place)] = peak - now, 0
    return rows, finder.peak_place, peak


WHY = {
    "weights": "one flat array for each player",
    "Adam's averages": "of g and of g², as long as the weights",
    "samples and noise": "leaves that are no weights",
    "results of ops, for the way back": "the graph: an op's vjp is given what it computed and what from",
    "kept by fused ops": "what backward would otherwise compute again",
    "arguments that are no Tensors": "targets, masks",
    "gradients of weights": "wait for the optimiser",
    "gradients on the way": "wait for the op that made the Tensor",
    "variables of running functions": "the gradient that the op at the peak is given",
    "the op at the peak, results and scratch": "columns of windows, blocks, the gradients that it is about to hand on",
    "everything else that Python holds": "Tensors, modules, code",
}


def in_own_process(function, name):
    """What function(name), of this file, returns in a process where nothing else was done."""
    code = f"import json, memory; print(json.dumps(memory.{function}({name!r})))"
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)]), "OPENBLAS_NUM_THREADS": "1"}
    env["TINYGAN_THREADS"] = "1"
    return json.loads(subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, check=True).stdout)


def grown(name):
    """MB of physical memory by which the process grows at most in ten steps."""
    before, _ = memory_mb()
    step, *_ = with_tinygan.build(name, "cpu")
    for _ in range(10):
        step()
    return round(memory_mb()[1] - before, 1)


def measured(name):
    """All figures of a workload at its peak, in MB."""
    rows, place, peak = at_peak(name)
    mb = lambda b: round(b / 1e6, 3)
    kinds = {}
    for (kind, what), (size, count) in rows.items():
        kinds.setdefault(kind, {})[f"{what}, {count} of them" if what and count > 1 else what] = mb(size)
    return {"workload": name, "title": WORKLOADS[name].title, "peak_place": place, "peak_mb": mb(peak), "kinds": kinds}


def table(m):
    """A workload as a Markdown section."""
    place = " ".join(part for part in m["peak_place"] if part)
    lines = [
        f"## {m['workload']}: {m['title']}",
        "",
        f"Most is held during {place}: {m['peak_mb']:.1f} MB. The process grows by {m['grown_mb']:.0f} MB.",
        "",
        "| MB | share | what | why |",
        "|---|---|---|---|",
    ]
    for kind, parts in sorted(m["kinds"].items(), key=lambda item: -sum(item[1].values())):
        size = sum(parts.values())
        lines.append(f"| **{size:.2f}** | {size / m['peak_mb']:.0%} | **{kind}** | {WHY[kind]} |")
        named = {what: mb for what, mb in parts.items() if what and mb >= 0.01 * m["peak_mb"]}
        lines += [f"| {mb:.2f} | {mb / m['peak_mb']:.0%} | {what} | |" for what, mb in named.items()]
    total = sum(mb for parts in m["kinds"].values() for mb in parts.values())
    return [*lines, f"| **{total:.2f}** | {total / m['peak_mb']:.0%} | **the sum** | measured: {m['peak_mb']:.2f} |"]


def markdown(report):
    """The whole report."""
    about = report["machine"]
    lines = [
        "# Memory",
        "",
        f"Written by `{about['command']}`; [README.md](../README.md) says how it is measured. One thread.",
        "",
        f"{about['date']}, {about['processor']}, {about['system']}. Python {about['python']}, NumPy {np.__version__}. Commit"
        f" {about['commit']}.",
    ]
    for m in report["workloads"]:
        lines += ["", *table(m)]
    return "\n".join(lines) + "\n"


def main(argv=None):
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description="What a training step holds at its peak, and why.")
    parser.add_argument("--only", choices=WORKLOADS, help="this workload; printed and not written")
    parser.add_argument("--out", type=Path, help="write PATH.json and PATH.md (default: results/memory)")
    a = parser.parse_args(argv)
    names = [a.only] if a.only else ["W2", "W3a"]
    workloads = [in_own_process("measured", name) | {"grown_mb": in_own_process("grown", name)} for name in names]
    report = {"machine": machine(), "workloads": workloads}
    print(markdown(report))
    out = a.out or (None if a.only else HERE / "results" / "memory")
    if out:
        out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        out.with_suffix(".md").write_text(markdown(report))


if __name__ == "__main__":
    main()

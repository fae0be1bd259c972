"""What a node of the graph costs: forward and backward of a chain of 1000 multiplications of 4x4 matrices, by library.

    python benchmarks/node_overhead.py [--length 1000] [--seconds 2]

With arrays this small, time is bookkeeping. "raw NumPy" is what there is to do: a product forward, one backward. Each
library has a process of its own and they take turns; processor time, the least of many chains and the median.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np


def raw_numpy(x, c, length):
    """Forward and backward by hand."""

    def chain():
        y = x
        for _ in range(length):
            y = y * c
        g = np.ones_like(y)
        for _ in range(length):
            g = g * c
        return g

    return chain


def tinygan(x, c, length):
    """Tensor and grad."""
    from tinygan import Tensor, grad, ops

    x, c = Tensor(x, requires_grad=True), Tensor(c)

    def chain():
        y = x
        for _ in range(length):
            y = y * c
        return grad(ops.sum(y), x)[0]

    return chain


def torch(x, c, length):
    """PyTorch eager."""
    import torch

    torch.set_num_threads(1)
    x, c = torch.tensor(x, requires_grad=True), torch.tensor(c)

    def chain():
        y = x
        for _ in range(length):
            y = y * c
        return torch.autograd.grad(y.sum(), x)[0]

    return chain


def autograd(x, c, length):
    """autograd.grad."""
    import autograd.numpy as anp
    from autograd import grad

    def total(x):
        for _ in range(length):
            x = x * c
        return anp.sum(x)

    gradient = grad(total)
    return lambda: gradient(x)


def dezero(x, c, length):
    """DeZero's Variable and backward."""
    vars(np)["int"] = int  # DeZero 0.0.13 names np.int when imported, which NumPy 2 no longer has
    import dezero.functions as F
    from dezero import Variable

    x, c = Variable(x), Variable(c)

    def chain():
        y = x
        for _ in range(length):
            y = y * c
        x.cleargrad()
        F.sum(y).backward()
        return x.grad.data

    return chain


LIBRARIES = {f.__name__: f for f in (raw_numpy, tinygan, torch, autograd, dezero)}


def serve(name, length):
    """In the process of a library: for each line read, time one chain and print its microseconds a node."""
    x, c = np.full((4, 4), 1.0, np.float32), np.full((4, 4), 1.001, np.float32)
    try:
        chain = LIBRARIES[name](x, c, length)
    except ImportError:
        print("null", flush=True)
        return
    slope = np.asarray(chain())
    assert np.allclose(slope, np.float32(1.001) ** length, rtol=1e-3), slope
    for _ in range(3):
        chain()
    print("0", flush=True)
    for _ in sys.stdin:
        start = time.process_time()
        chain()
        print(json.dumps((time.process_time() - start) / length * 1e6), flush=True)


def main(argv=None):
    """Measure all libraries that are installed and print a table."""
    parser = argparse.ArgumentParser(description="The cost of a node of the graph, by library.")
    parser.add_argument("--length", type=int, default=1000, help="multiplications in the chain")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long they take turns")
    parser.add_argument("--serve", choices=LIBRARIES, help=argparse.SUPPRESS)
    a = parser.parse_args(argv)
    if a.serve:
        return serve(a.serve, a.length)
    here = Path(__file__)
    env = os.environ | {"PYTHONPATH": str(here.parents[1]), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    processes = {}
    for name in LIBRARIES:
        command = [sys.executable, str(here), "--serve", name, "--length", str(a.length)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
        if json.loads(process.stdout.readline()) is None:
            print(f"{name} is not installed and left out")
        else:
            processes[name] = process
    times = {name: [] for name in processes}
    end = time.perf_counter() + a.seconds
    while time.perf_counter() < end or len(times["tinygan"]) < 3:
        for name, process in processes.items():
            process.stdin.write("\n")
            process.stdin.flush()
            times[name].append(json.loads(process.stdout.readline()))
    for process in processes.values():
        process.stdin.close()
        process.stdout.close()
        process.wait()
    least = min(times["tinygan"])
    print(f"{'':12}{'least us':>10}{'median us':>11}{'tinygan / it':>14}    a node, forward and backward, 4x4 multiply")
    for name, found in times.items():
        print(f"{name:12}{min(found):10.2f}{statistics.median(found):11.2f}{least / min(found):14.2f}")


if __name__ == "__main__":
    main()

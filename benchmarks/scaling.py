"""How time and memory grow: with batch, length, width, image size, number of parameters, and with the length of the graph.

    python benchmarks/scaling.py              three minutes: writes results/scaling.json, scaling.md and scaling.png
    python benchmarks/scaling.py --only tape  some of the curves, printed

A curve is a small program at growing sizes n. Its exponent is the slope of log time over log n by least squares, over the
upper half of the sizes, where what is done once no longer counts. Beside it stands the exponent of the arithmetic, fitted
in the same way to a count by hand. More than that is a surprise: a tape that is searched, a copy of all for a part.

Time is processor time, the least of several runs, so that other programs disturb it little. Memory is the most that
Python and NumPy hold at once during one run, beyond what they held before it.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from speed import machine
from threadpoolctl import threadpool_limits
from worker import memory_mb

from tinygan import Tensor, grad, nn, ops
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.losses import linear_cross_entropy
from tinygan.optim import Adam
from tinygan.threads import prime_malloc

HERE = Path(__file__).parent
SURPRISE = 0.4  # exponents this far above the arithmetic's are marked: arrays that outgrow the caches account for .35


class Curve(NamedTuple):
    """A program, make(n)(), and what is expected of it; `work` and `held` need be right but for a constant factor."""

    name: str
    grows: str  # what n is
    sizes: list
    make: Callable
    work: Callable  # n -> operations
    held: Callable  # n -> numbers in memory


def doubled(first, count):
    """[first, 2 first, 4 first, ...]."""
    return [first << k for k in range(count)]


def normal(*shape):
    """The same normal numbers each time."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def forward_and_backward(network, *shape):
    """A program: the output for normal numbers of this shape, and the gradients of all parameters and of the input."""
    x, parameters = Tensor(normal(*shape), requires_grad=True), network.parameters()
    first = lambda y: y[0] if isinstance(y, tuple) else y
    g = normal(*first(network(x)).shape)

    def run():
        y = first(network(x))
        grad(y, [x, *parameters], g)

    return run


# --- the programs ------------------------------------------------------------------------------------------------


def linear(batch=256, width=256):
    """A linear layer."""
    return forward_and_backward(nn.Linear(width, width, rng=0), batch, width)


def convolution(batch=16, channels=16, side=32):
    """A convolution of kernel 3."""
    return forward_and_backward(nn.Conv2d(channels, channels, 3, padding=1, rng=0), batch, channels, side, side)


def lstm(batch=32, steps=32, hidden=64):
    """An LSTM over a sequence of 8 values a step."""
    return forward_and_backward(nn.LSTM(8, hidden, rng=0), steps, batch, 8)


def attention(length):
    """Every one of `length` places looks at every other."""
    q = Tensor(normal(4, length, 16), requires_grad=True)
    g = normal(4, length, 16)
    return lambda: grad(ops.scaled_dot_product_attention(q, q, q), q, g)


def players(hidden, layers=2):
    """A GAN on points, of perceptrons, with a penalty."""
    rng = np.random.default_rng(0)
    sizes = [hidden] * layers
    stack = lambda inputs, outputs: nn.Sequential(
        *(part for a, b in zip([inputs, *sizes], sizes) for part in (nn.Linear(a, b, rng=rng), nn.LeakyReLU(0.2))),
        nn.Linear(hidden, outputs, rng=rng),
    )
    return stack(8, 2), stack(2, 1)


def gan_step(batch=64, hidden=64, layers=2):
    """A training step of a GAN with R1 and R2."""
    g, d = players(hidden, layers)
    points = normal(batch, 2)
    game = FromNoise(g, d, [Normal(8)], lambda turn: Batch(points), AdversarialSettings(batch_size=batch))
    return lambda: game.step(0)


def adam(tensors=8, size=4096):
    """A step of Adam on so many tensors of one size."""
    parameters = [Tensor(normal(size), requires_grad=True) for _ in range(tensors)]
    optimizer, grads = Adam(parameters), [normal(size)] * tensors
    return lambda: optimizer.step(grads)


def words(vocabulary):
    """A linear layer to so many words and its cross-entropy, 64 times."""
    x, w = (Tensor(normal(n, 32), requires_grad=True) for n in (64, vocabulary))
    target = np.arange(64) % vocabulary
    return lambda: grad(linear_cross_entropy(x, w, target), [x, w])


# --- the graph itself: arrays so small that only bookkeeping is left ------------------------------------------------


def chain(n):
    """x times a constant, n times over."""
    x, c = Tensor(normal(4, 4), requires_grad=True), np.ones((4, 4), np.float32)
    g = normal(4, 4)

    def run():
        y = x
        for _ in range(n):
            y = y * c
        grad(y, x, g)

    return run


def chain_twice(n):
    """A chain of tanh, its gradient, and the gradient of that."""
    x = Tensor(normal(4, 4), requires_grad=True)

    def run():
        y = x
        for _ in range(n):
            y = ops.tanh(y)
        (slope,) = grad(ops.sum(y), x, create_graph=True)
        grad(ops.sum(slope * slope), x)

    return run


def fan_out(n):
    """x used n times: n gradients meet in it."""
    x = Tensor(normal(64), requires_grad=True)
    g = normal(64)

    def run():
        y = x * 1.0
        for _ in range(n):
            y = y + x
        grad(y, x, g)

    return run


def slices(n):
    """A sequence (n, 64) taken apart step by step, and the steps added up."""
    x = Tensor(normal(n, 64), requires_grad=True)
    g = normal(64)

    def run():
        y = x[0]
        for t in range(1, n):
            y = y + x[t]
        grad(y, x, g)

    return run


def joined(join, n):
    """n steps (1, 64) put together in the end, by `stack` or `cat`."""
    x = Tensor(normal(1, 64), requires_grad=True)
    g = normal(n, 1, 64).reshape(join([x.data] * n).shape)
    return lambda: grad(join([x * 1.0 for _ in range(n)]), x, g)


def joined_each_time(n):
    """n steps (64,), each joined at once to all before: a copy of all each time, as anyone would expect."""
    x = Tensor(normal(1, 64), requires_grad=True)
    g = normal(n, 64)

    def run():
        y = x * 1.0
        for _ in range(n - 1):
            y = ops.cat([y, x * 1.0])
        grad(y, x, g)

    return run


def cells(n):
    """An LSTM cell called n times by hand, on a sequence (n, 16, 8)."""
    cell, x = nn.LSTMCell(8, 16, rng=0), Tensor(normal(n, 16, 8), requires_grad=True)
    g = normal(16, 16)

    def run():
        state = None
        for t in range(n):
            state = cell(x[t], state)
        grad(state[0], [x, *cell.parameters()], g)

    return run


SAME, SQUARE = lambda n: n, lambda n: n * n
CURVES = [
    Curve("linear layer", "batch", doubled(128, 7), lambda n: linear(batch=n), SAME, lambda n: n + 256),
    Curve("linear layer", "width", doubled(64, 6), lambda n: linear(width=n), SQUARE, lambda n: n * n + 512 * n),
    Curve("convolution", "batch", doubled(2, 6), lambda n: convolution(batch=n), SAME, SAME),
    Curve("convolution", "side of the image", doubled(8, 5), lambda n: convolution(side=n), SQUARE, SQUARE),
    Curve("convolution", "channels", doubled(4, 6), lambda n: convolution(channels=n), SQUARE, lambda n: n + n * n / 900),
    Curve("LSTM", "batch", doubled(8, 7), lambda n: lstm(batch=n), SAME, SAME),
    Curve("LSTM", "length", doubled(8, 7), lambda n: lstm(steps=n), SAME, SAME),
    Curve("LSTM", "hidden", doubled(16, 6), lambda n: lstm(hidden=n), lambda n: n * (n + 9), lambda n: n + n * n / 600),
    Curve("LSTM cell by hand", "length", doubled(16, 7), cells, SAME, SAME),
    Curve("attention", "length", doubled(128, 5), attention, SQUARE, SQUARE),
    Curve("GAN step, R1 + R2", "batch", doubled(64, 7), lambda n: gan_step(batch=n), SAME, SAME),
    Curve("GAN step, R1 + R2", "width", doubled(64, 5), lambda n: gan_step(hidden=n), SQUARE, SQUARE),
    Curve("GAN step, R1 + R2", "layers", doubled(1, 6), lambda n: gan_step(layers=n), lambda n: n + 1, lambda n: n + 1),
    Curve("cross-entropy of words", "vocabulary", doubled(1000, 7), words, SAME, SAME),
    Curve("Adam", "numbers in a tensor", doubled(1 << 16, 7), lambda n: adam(tensors=1, size=n), SAME, SAME),
    Curve("Adam", "tensors of 256", doubled(8, 7), lambda n: adam(tensors=n, size=256), SAME, SAME),
    Curve("tape: a chain", "nodes", [1000, 3000, 10_000, 30_000, 100_000], chain, SAME, SAME),
    Curve("tape: gradient of a gradient", "nodes", doubled(250, 6), chain_twice, SAME, SAME),
    Curve("tape: one tensor, many uses", "uses", doubled(250, 6), fan_out, SAME, SAME),
    Curve("tape: slices x[t]", "length", doubled(64, 6), slices, SAME, SAME),
    Curve("tape: stack", "tensors", doubled(128, 6), lambda n: joined(ops.stack, n), SAME, SAME),
    Curve("tape: cat", "tensors", doubled(128, 6), lambda n: joined(ops.cat, n), SAME, SAME),
    Curve("tape: cat in a loop", "length", doubled(32, 6), joined_each_time, SQUARE, SQUARE),
]  # fmt: skip


# --- measuring ---------------------------------------------------------------------------------------------------


def exponent(sizes, values):
    """The slope of log values over log sizes by least squares, over the upper half of the sizes, at least three."""
    upper = min(len(sizes), max(3, (len(sizes) + 1) // 2))
    return float(np.polyfit(np.log(sizes[-upper:]), np.log(values[-upper:]), 1)[0])


def seconds_of(run, budget):
    """The least processor time of several runs."""
    run()
    found, end = [], time.process_time() + budget
    while len(found) < 3 or time.process_time() < end:
        begun = time.process_time()
        for _ in range(calls := 1 if not found or found[-1] > 2e-3 else math.ceil(4e-3 / max(found[-1], 1e-6))):
            run()
        found.append((time.process_time() - begun) / calls)
    return min(found)


def bytes_of(run):
    """The most that a run holds at once."""
    tracemalloc.start()
    try:
        run()  # its own arrays of last time are gone, and gradients that are kept were made under tracemalloc's eyes
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def measure(curve, budget):
    """A curve's figures as a dict."""
    seconds, held = [], []
    for n in curve.sizes:
        run = curve.make(n)
        seconds.append(seconds_of(run, budget))
        held.append(bytes_of(run))
    fitted = lambda values: round(exponent(curve.sizes, values), 2)
    expected = lambda count: fitted([count(n) for n in curve.sizes])
    return {
        "name": curve.name, "grows": curve.grows, "sizes": curve.sizes,
        "ms": [round(s * 1e3, 4) for s in seconds], "mb": [round(b / 1e6, 4) for b in held],
        "time": {"expected": expected(curve.work), "found": fitted(seconds)},
        "memory": {"expected": expected(curve.held), "found": fitted(held)},
    }  # fmt: skip


def steady_memory(steps=(1000, 10_000)):
    """Physical memory, in MB, of a process of its own after so many steps of a small GAN."""
    code = f"import scaling; scaling.play({list(steps)})"
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parent), str(HERE)])}
    return json.loads(subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, check=True).stdout)


def play(marks):
    """Print [[steps, MB], ...] while a small GAN is trained."""
    prime_malloc()
    step, found = gan_step(batch=64, hidden=32), []
    for done in range(1, marks[-1] + 1):
        step()
        if done in marks:
            found.append([done, round(memory_mb()[0], 2)])
    print(json.dumps(found))


# --- the report --------------------------------------------------------------------------------------------------


def surprising(figures):
    """Whether time or memory grows faster than the arithmetic."""
    return any(figures[what]["found"] > figures[what]["expected"] + SURPRISE for what in ("time", "memory"))


def table(curves):
    """The curves as a Markdown table."""
    lines = [
        "| | grows with | from | to | time: expected | found | memory: expected | found | at the end, ms | MB | |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for c in curves:
        numbers = [f"{c[what][which]:.2f}" for what in ("time", "memory") for which in ("expected", "found")]
        cells = [c["name"], c["grows"], f"{c['sizes'][0]:,}", f"{c['sizes'][-1]:,}", *numbers]
        cells += [f"{c['ms'][-1]:.3g}", f"{c['mb'][-1]:.3g}", "surprise" if surprising(c) else ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def markdown(report):
    """The whole report."""
    about, steady = report["machine"], report["steady"]
    lines = [
        "# Scaling",
        "",
        f"Written by `{about['command']}`; [README.md](../README.md) says how it is measured. One thread.",
        "",
        f"{about['date']}, {about['processor']}, {about['system']}. Python {about['python']}, NumPy {np.__version__}. Commit"
        f" {about['commit']}.",
        "",
        *table(report["curves"]),
        "",
        "expected: the exponent of the arithmetic over the same sizes; found: least squares on log n, log time, upper half.",
        "",
        "![Time over size, each with the line of its expected exponent](scaling.png)",
    ]
    chains = [c for c in report["curves"] if c["name"] == "tape: a chain"]
    for c in chains:
        lines += ["", f"A graph of {c['sizes'][-1]:,} nodes, forward and backward: {c['ms'][-1] / 1e3:.2f} s,"
                  f" {c['mb'][-1]:.0f} MB, under Python's usual recursion limit."]  # fmt: skip
    if steady:
        marks = ", ".join(f"{mb:.1f} MB after {steps:,} steps" for steps, mb in steady)
        lines += ["", f"A small GAN in training, physical memory of its process: {marks}."]
    return "\n".join(lines) + "\n"


def picture(curves, path):
    """Small multiples: time over size, with a line of the expected exponent through the last point."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from PIL import Image

    columns = 4
    figure, axes = plt.subplots(
        math.ceil(len(curves) / columns), columns, figsize=(10, 1.75 * len(curves) / columns + 1)
    )
    for ax in axes.flat[len(curves) :]:
        ax.axis("off")
    for ax, c in zip(axes.flat, curves):
        n, ms = np.array(c["sizes"]), np.array(c["ms"])
        ax.loglog(n, ms[-1] * (n / n[-1]) ** c["time"]["expected"], color="0.7", lw=1)
        ax.loglog(n, ms, "o-", ms=3, lw=1, color="#b3341f" if surprising(c) else "#1f5fb3")
        ax.set_title(
            f"{c['name']}, {c['grows']}\nexpected {c['time']['expected']:.2f}, found {c['time']['found']:.2f}",
            fontsize=7,
        )
        ax.tick_params(labelsize=6, which="both")
        ax.minorticks_off()
    figure.supylabel("ms, processor time", fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=70)
    plt.close(figure)
    with Image.open(path) as drawn:  # 16 colours are enough, in a quarter of the bytes
        drawn.convert("RGB").quantize(16).save(path, optimize=True)


def main(argv=None):
    """Measure the curves that the command line asks for."""
    parser = argparse.ArgumentParser(description="How time and memory grow.")
    parser.add_argument("--only", help="curves whose name begins so, such as tape; printed and not written")
    parser.add_argument("--seconds", type=float, default=0.3, help="processor time for each point (default .3)")
    parser.add_argument("--out", type=Path, help="write PATH.json, PATH.md and PATH.png (default: results/scaling)")
    a = parser.parse_args(argv)
    curves = [c for c in CURVES if c.name.startswith(a.only or "")]
    if not curves:
        parser.error(
            f"--only {a.only}: no curve begins so; there are {', '.join(dict.fromkeys(c.name for c in CURVES))}"
        )
    prime_malloc()
    os.environ["TINYGAN_THREADS"] = "1"  # processor time is that of all threads together
    report = {"machine": machine(), "curves": [], "steady": None}
    with threadpool_limits(1, user_api="blas"):
        for curve in curves:
            report["curves"].append(measure(curve, a.seconds))
            print(*table(report["curves"])[-1:], flush=True)
    if not a.only:
        report["steady"] = steady_memory()
        print(report["steady"])
    out = a.out or (None if a.only else HERE / "results" / "scaling")
    if out:
        out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        out.with_suffix(".md").write_text(markdown(report))
        picture(report["curves"], out.with_suffix(".png"))


if __name__ == "__main__":
    main()

"""Where the time and the memory of a training step go: by op and by layer, on the way forward and on the way back.

    python -m tinygan.profile digits
    python -m tinygan.profile mnist-rows --steps 4 --set hidden=320

    found = profile(game, steps=16)       # the same in a notebook: found.rows, print(found)

A command of its own and not a flag of `train`: what is measured is the training step alone, without the pictures, the
checkpoints and the folder of a run.

The engine knows nothing of this file. While `watched(game, meter)` is entered, `__call__` and `pullback` of the ops and a
few methods of layers and game are wrapped; afterwards they are what they were. A wrapper reads a meter, of time or of
memory, when an op begins and when it ends. Every moment is booked under one place, so the rows add up to the step.

Three ways are told apart: forward; backward, which computes gradients; and second, which computes gradients of
gradients, as a penalty on D's slope asks for. What an op causes on any of them, through however many other ops, is booked
under that op and its layer.
"""

import argparse
import sys
import time
import tracemalloc
from collections import Counter
from contextlib import contextmanager
from math import prod
from typing import NamedTuple

from tinygan.autodiff import Op, Tensor
from tinygan.nn import Module, fuse
from tinygan.optim import EMA
from tinygan.optim.optimizers import Optimizer
from tinygan.products import backward_products, forward_products, product_seconds
from tinygan.threads import prime_malloc, share_cores, thread_count


class Place(NamedTuple):
    """What a moment is booked under."""

    layer: str  # the path of a Module, such as discriminator.cnn1.0; "loss" for ops called outside of all Modules
    op: str
    way: str  # forward, backward, second; "" for what is none of them


BETWEEN = "between ops"
WAYS = ("forward", "backward", "second")
DATA, NOISE, TAPE, OPTIMISER, AVERAGE, REST, PROFILER = (
    Place(name, name, "") for name in ("data", "noise", "tape", "optimiser", "average", "rest", "profiler")
)
MEANINGS = {
    BETWEEN: "a layer's own Python: checks, shapes",
    DATA.op: "real samples",
    NOISE.op: "what G is given",
    TAPE.op: "the traversal of `grad`, and the sums of gradients that meet",
    OPTIMISER.op: "its step, gradients to new weights",
    AVERAGE.op: "the moving average of G's weights",
    REST.op: "the training step's own Python",
    PROFILER.op: "reading the clock",
}


class Row(NamedTuple):
    """A place and what it takes in a training step, on average."""

    layer: str
    op: str
    way: str
    calls: float
    seconds: float
    kept: float  # bytes more in memory after the calls than before: on the way forward, what the way back will need
    peak: float  # bytes, the most that one call needed at once: its results and what it works with
    flop: float  # multiplications and additions in matrix products
    product_seconds: float  # what these products take alone, on one thread


class Profile(NamedTuple):
    """What `profile` found; print it to read it."""

    rows: list  # of Row, by layer in the order of the step; their seconds add up to those of a step
    plain_seconds: float  # a step without the profiler
    peak: float  # bytes, the most that a step needs at once beyond what is there between steps
    peak_place: Place  # and where that is
    threads: int  # that shared large operations, as in training

    def __str__(self):
        return report(self)


# --- wrapping what is watched --------------------------------------------------------------------------------------


class _Watch:
    """Wrappers of functions, which call meter.lap(place): book what passed since the last lap under that place."""

    def __init__(self, game, meter):
        self.meter = meter
        self.idle = REST  # where time goes that is no op's: to a layer, or to one of the places above
        self.inside = False  # an op is running: the ops that it calls are its own affair
        self.cause = None  # (layer, op, order) while the gradients of a node are computed: they are one order higher
        self.born = {}  # number of a node -> (layer, op, order), order 0 on the way forward
        players = [(name, value) for name, value in vars(game).items() if isinstance(value, Module)]
        self.layers = {
            m: Place(f"{name}.{path}".rstrip("."), BETWEEN, "forward")
            for name, player in players
            for path, m in player.named_modules()
        }

    def op_call(self, original):
        """Op.__call__: a row of its own; within another op's gradient that one's."""

        def call(op, *args, **const):
            if self.inside:
                return original(op, *args, **const)
            cause = self.cause
            if cause is None:
                self.meter.lap(self.idle)
                cause = "loss" if self.idle is REST else self.idle.layer, _name(op), 0
            self.inside = True
            try:
                y = original(op, *args, **const)
            finally:
                self.inside = False
                if self.cause is None:
                    self.meter.lap(_place(cause), 1)
            if isinstance(y, Tensor) and y.op is not None:
                self.born[y.number] = cause
            self.meter.multiplied(_place(cause), lambda: forward_products(op, y, args, const))
            return y

        return call

    def op_pullback(self, original):
        """Op.pullback: a row of its own. The time before it was the tape's."""

        def pullback(op, g, y, useful, record):
            if self.cause is not None:  # within one: a Fused op's recorded way back through its reference
                return original(op, g, y, useful, record)
            layer, name, order = self.born.get(y.number, ("loss", _name(op), 0))
            self.meter.lap(TAPE)
            self.cause = layer, name, order + 1
            try:
                return original(op, g, y, useful, record)
            finally:
                place, self.cause = _place(self.cause), None
                self.meter.lap(place, 1)
                if not record:
                    self.meter.multiplied(place, lambda: backward_products(op, y, useful))

        return pullback

    def within(self, original, place_of):
        """A function that is no op: what passes in it and in no op is booked under place_of(its first argument)."""

        def call(*args, **kwargs):
            place = place_of(args[0])
            if self.inside or self.cause is not None or place is None:
                return original(*args, **kwargs)
            self.meter.lap(self.idle)
            before, self.idle = self.idle, place
            try:
                return original(*args, **kwargs)
            finally:
                self.meter.lap(place)
                self.idle = before

        return call


def _name(op):
    """What an op is called by those who use it."""
    return {"_add_product": "linear", "<lambda>": "stack"}.get(op.__name__, op.__name__.strip("_"))


def _place(cause):
    layer, op, order = cause
    return Place(layer, op, WAYS[min(order, 2)])


def _family(base):
    """A class and all that inherit from it, each once."""
    return list(dict.fromkeys([base, *(c for heir in base.__subclasses__() for c in _family(heir))]))


@contextmanager
def watched(game, meter):
    """While it is entered, `meter` is told what the ops, layers and parts of `game` do."""
    watch = _Watch(game, meter)
    wrappers = [(c, "__call__", watch.op_call) for c in _family(Op)]
    wrappers += [(c, "pullback", watch.op_pullback) for c in _family(Op)]
    wrappers += [(c, "__call__", lambda f: watch.within(f, watch.layers.get)) for c in _family(Module)]
    wrappers += [(fuse, "run_both", lambda f: watch.within(f, watch.layers.get))]
    wrappers += [(c, "step", lambda f: watch.within(f, lambda _: OPTIMISER)) for c in _family(Optimizer)]
    wrappers += [(EMA, "update", lambda f: watch.within(f, lambda _: AVERAGE))]
    wrappers += [(game, "real", lambda f: watch.within(f, lambda _: DATA))]
    wrappers += [(game, "fake", lambda f: watch.within(f, lambda _: NOISE))]
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in wrappers if name in vars(owner)]
    try:
        for owner, name, wrap in wrappers:
            if name in vars(owner):
                setattr(owner, name, wrap(vars(owner)[name]))
        yield watch
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)


# --- the meters ---------------------------------------------------------------------------------------------------


class Clock:
    """Seconds and calls of each place."""

    def __init__(self):
        self.seconds, self.calls = Counter(), Counter()

    def begin(self):
        self.last = time.perf_counter()

    def lap(self, place, calls=0):
        now = time.perf_counter()
        self.seconds[place] += now - self.last
        self.calls[place] += calls
        self.last = time.perf_counter()
        self.seconds[PROFILER] += self.last - now

    def multiplied(self, place, products):
        pass


class Scales:
    """Bytes of each place, of arrays and all else that Python allocates, and its matrix products."""

    def __init__(self):
        self.kept, self.peaks, self.products = Counter(), Counter(), {}
        self.peak, self.peak_place = 0, REST

    def begin(self):
        tracemalloc.reset_peak()
        self.start = self.last = tracemalloc.get_traced_memory()[0]

    def lap(self, place, calls=0):
        now, peak = tracemalloc.get_traced_memory()
        self.kept[place] += now - self.last
        self.peaks[place] = max(self.peaks[place], peak - self.last)
        if peak - self.start > self.peak:
            self.peak, self.peak_place = peak - self.start, place
        tracemalloc.reset_peak()
        self.last = tracemalloc.get_traced_memory()[0]

    def multiplied(self, place, products):
        for count, m, k, n in products():
            self.products.setdefault(place, Counter())[m, k, n] += count


# --- the measurement -----------------------------------------------------------------------------------------------


def profile(game, steps=16, warm=4):
    """Where the time and the memory of a training step of `game` go: a Profile, averages over so many steps.

    The game is trained by it: `warm` steps first, then `steps` for each of three things, the time without a profiler, the
    time with it, and memory and products, which would disturb the clock. Seconds are those of a clock on the wall, so
    nothing else should be running. CPU only: on a GPU ops are under way long after they were called.
    """
    prime_malloc()
    numbers = iter(range(sys.maxsize))
    play = lambda: game.step(next(numbers) % game.settings.steps)
    with share_cores():
        shared_by = thread_count()
        for _ in range(warm):
            play()
        begun = time.perf_counter()
        for _ in range(steps):
            play()
        plain = (time.perf_counter() - begun) / steps
        clock = measure(game, Clock(), play, steps)
    tracemalloc.start()
    try:
        with share_cores():
            play()  # what is there between steps is new in each: let it be known
            scales = measure(game, Scales(), play, steps)
    finally:
        tracemalloc.stop()
    with share_cores():
        alone = {p: product_seconds(*p) for p in {p for found in scales.products.values() for p in found}}
    rows = [
        Row(
            *place, clock.calls[place] / steps, seconds / steps, scales.kept[place] / steps, scales.peaks[place],
            sum(2 * prod(p) * count for p, count in found.items()) / steps,
            sum(alone[p] * count for p, count in found.items()) / steps,
        )
        for place, seconds in clock.seconds.items()
        for found in [scales.products.get(place, {})]
    ]  # fmt: skip
    return Profile(rows, plain, scales.peak, scales.peak_place, shared_by)


def measure(game, meter, play, steps):
    """The meter, after `steps` calls of play(), in which the ops, layers and parts of `game` were watched."""
    with watched(game, meter) as watch:
        meter.begin()
        for _ in range(steps):
            play()
            watch.born.clear()
        meter.lap(REST)
    return meter


# --- how it prints --------------------------------------------------------------------------------------------------


def report(found):
    """The tables of a Profile, as text."""
    total = sum(row.seconds for row in found.rows)
    alone, flop = sum(row.product_seconds for row in found.rows), sum(row.flop for row in found.rows)
    lines = [
        f"A training step takes {found.plain_seconds * 1e3:.2f} ms, under the profiler {total * 1e3:.2f}.",
        f"Its matrix products are {flop / 1e9:.3g} GFLOP; alone they take {alone * 1e3:.2f} ms on one thread,"
        f" {alone / found.plain_seconds:.0%} of the step. Threads in training: {found.threads}.",
        f"At most it needs {found.peak / 1e6:.1f} MB beyond what there is between steps: {_where(found.peak_place)}.",
    ]
    for title, key in (("op", lambda row: row.op), ("layer", lambda row: row.layer)):
        lines += ["", *_table(title, found.rows, key, total)]
    shown = [f"{op}: {meaning}" for op, meaning in MEANINGS.items() if any(row.op == op for row in found.rows)]
    return "\n".join([*lines, "", *NOTES, *shown])


NOTES = [
    "second: gradients of gradients, for a penalty on D's slope. products: what the matrix products take alone.",
    "MB kept: by the way forward, for the way back. MB at once: the most that one call needed, results and scratch.",
]


def _where(place):
    return " ".join(part for part in (place.layer, place.op if place.op != place.layer else "", place.way) if part)


def _table(title, rows, key, total):
    """Rows with equal keys in one line; for ops the longest first, for layers in the order of the step."""
    groups = {}
    for row in sorted(rows, key=lambda row: not row.way):  # those that are no op's or layer's come last
        groups.setdefault(key(row), []).append(row)
    if title == "op":
        groups = dict(sorted(groups.items(), key=lambda item: -sum(row.seconds for row in item[1])))
    width = max(len(name) for name in [*groups, "total"])
    head = f"{title:{width}}{'calls':>8}{'forward':>9}{'backward':>10}{'second':>9}{'ms':>9}{'share':>7}"
    head += f"{'MFLOP':>9}{'products':>10}{'MB kept':>9}{'at once':>9}"
    return [head, "-" * len(head), *(_line(name, group, width, total) for name, group in groups.items()),
            "-" * len(head), _line("total", rows, width, total)]  # fmt: skip


def _line(name, rows, width, total):
    sums = {way: sum(row.seconds for row in rows if row.way == way) * 1e3 for way in WAYS}
    seconds = sum(row.seconds for row in rows)
    cells = f"{name:{width}}{_shown(sum(row.calls for row in rows), 8, 1)}"
    cells += _shown(sums["forward"], 9) + _shown(sums["backward"], 10) + _shown(sums["second"], 9)
    cells += f"{seconds * 1e3:9.3f}{seconds / total:7.1%}"
    cells += _shown(sum(row.flop for row in rows) / 1e6, 9, 1) + _shown(sum(r.product_seconds for r in rows) * 1e3, 10)
    kept = sum(row.kept for row in rows if row.way == "forward" and row.op != BETWEEN)
    return cells + _shown(kept / 1e6, 9, 2) + _shown(max(row.peak for row in rows) / 1e6, 9, 2)


def _shown(value, width, digits=3):
    """A number, or a dot where it would be all zeros."""
    text = f"{value:.{digits}f}"
    return f"{text if float(text) else '.':>{width}}"


def main(arguments=None):
    """python -m tinygan.profile RECIPE; returns the exit code."""
    from tinygan.cli import exit_code

    parser = argparse.ArgumentParser(
        prog="python -m tinygan.profile", description="Where the time and memory of a recipe's training step go."
    )
    parser.add_argument("recipe", metavar="RECIPE", help="a name that `tinygan list` prints")
    parser.add_argument("--steps", type=int, default=16, dest="measured", help="training steps to measure (default 16)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as for train")
    parser.add_argument("--data", metavar="PATH", help="data of your own, as for train")
    parser.set_defaults(command=_command, steps=None, seed=None)
    return exit_code(parser.parse_args(arguments))


def _command(options):
    from tinygan.commands import UsageError, make_game, recipe_named, settings_asked

    if options.measured < 1:
        raise UsageError(f"--steps {options.measured}: must be at least 1")
    recipe = recipe_named(options.recipe)
    print(profile(make_game(recipe, settings_asked(recipe, options).shares()[0], "cpu"), options.measured))


if __name__ == "__main__":
    sys.exit(main())

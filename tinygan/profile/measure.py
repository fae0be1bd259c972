"""The measurement: a clock and scales that listen to `watch.py`, and `profile`, which runs a game under them."""

import sys
import time
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple, TypeVar

from tinygan.profile.products import Product, product_seconds
from tinygan.profile.report import report
from tinygan.profile.watch import PROFILER, REST, Place, watched
from tinygan.threads import prime_malloc, share_cores, thread_count


class Row(NamedTuple):
    """A place and its cost in a training step, on average."""

    layer: str
    op: str
    way: str
    calls: float
    seconds: float
    kept: float  # bytes that the calls added to the memory: on the way forward, for use on the way back
    peak: float  # bytes, the most that one call needed at once: results and scratch
    flop: float  # multiplications and additions in matrix products
    product_seconds: float  # the time of these products alone, on one thread


class Profile(NamedTuple):
    """The result of `profile`; print it to read it."""

    rows: list[Row]  # by layer in the order of the step; their seconds add up to those of a step
    plain_seconds: float  # a step without the profiler
    peak: float  # bytes, the most that a step needs at once beyond the memory held between steps
    peak_place: Place  # the place of that peak
    threads: int  # how many shared large operations, as in training

    def __str__(self) -> str:
        return report(self)


# --- the meters ---------------------------------------------------------------------------------------------------


class Clock:
    """Measure seconds and calls of each place."""

    def __init__(self) -> None:
        self.seconds: defaultdict[Place, float] = defaultdict(float)
        self.calls: Counter[Place] = Counter()

    def begin(self) -> None:
        self.last = time.perf_counter()

    def lap(self, place: Place, calls: int = 0) -> None:
        now = time.perf_counter()
        self.seconds[place] += now - self.last
        self.calls[place] += calls
        self.last = time.perf_counter()
        self.seconds[PROFILER] += self.last - now

    def multiplied(self, place: Place, products: Callable[[], list[Product]]) -> None:
        pass


class Scales:
    """Measure bytes of each place, for arrays and all other Python objects, and count its matrix products."""

    def __init__(self) -> None:
        self.kept: Counter[Place] = Counter()
        self.peaks: Counter[Place] = Counter()
        self.products: dict[Place, Counter[tuple[int, int, int]]] = {}  # (m, k, n): how many
        self.peak, self.peak_place = 0.0, REST

    def begin(self) -> None:
        tracemalloc.reset_peak()
        self.start = self.last = tracemalloc.get_traced_memory()[0]

    def lap(self, place: Place, calls: int = 0) -> None:
        now, peak = tracemalloc.get_traced_memory()
        self.kept[place] += now - self.last
        self.peaks[place] = max(self.peaks[place], peak - self.last)
        if peak - self.start > self.peak:
            self.peak, self.peak_place = peak - self.start, place
        tracemalloc.reset_peak()
        self.last = tracemalloc.get_traced_memory()[0]

    def multiplied(self, place: Place, products: Callable[[], list[Product]]) -> None:
        for count, m, k, n in products():
            self.products.setdefault(place, Counter())[m, k, n] += count


# --- the measurement ----------------------------------------------------------------------------------------------

AnyMeter = TypeVar("AnyMeter", "Clock", "Scales")


def profile(game: Any, steps: int = 16, warm: int = 4) -> Profile:
    """Measure where the time and the memory of a training step of `game` go: averages over `steps` steps.

    The measurement trains the game: `warm` steps first, then `steps` steps each for the time without a profiler, the
    time with it, and memory and products, which would disturb the clock. Seconds are wall-clock time, so nothing else
    should run on the machine. CPU only: a GPU still computes ops long after they were called.
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
            play()  # a step replaces what is held between steps: from now on tracemalloc knows all of it
            scales = measure(game, Scales(), play, steps)
    finally:
        tracemalloc.stop()
    with share_cores():
        alone = {p: product_seconds(*p) for p in {p for products in scales.products.values() for p in products}}
    rows = []
    for place, seconds in clock.seconds.items():
        products = scales.products.get(place, Counter())
        flop = sum(2 * prod(p) * count for p, count in products.items())
        product_time = sum(alone[p] * count for p, count in products.items())
        rows.append(
            Row(
                *place, clock.calls[place] / steps, seconds / steps, scales.kept[place] / steps, scales.peaks[place],
                flop / steps, product_time / steps,
            )
        )  # fmt: skip
    return Profile(rows, plain, scales.peak, scales.peak_place, shared_by)


def measure(game: Any, meter: AnyMeter, play: Callable[[], object], steps: int) -> AnyMeter:
    """Watch the ops, layers and parts of `game` during `steps` calls of play(), and return the meter."""
    # two players may share a network: it has the name of the first
    networks = {player.name: player.module for player in reversed(game.players.values())}
    with watched(networks, meter, game) as watch:
        meter.begin()
        for _ in range(steps):
            play()
            watch.born.clear()
        meter.lap(REST)
    return meter

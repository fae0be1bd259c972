"""The tables of a profile as text: by op, the longest first, and by layer, in the order of the step."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tinygan.profile.watch import AVERAGE, BETWEEN, DATA, NOISE, OPTIMISER, PROFILER, REST, TAPE, WAYS, Place

if TYPE_CHECKING:
    from tinygan.profile.measure import Profile, Row

MEANINGS = {
    BETWEEN: "a layer's own Python: checks, shapes",
    DATA.op: "real samples",
    NOISE.op: "the input of G",
    TAPE.op: "the traversal of `grad`, and the sums of gradients that meet",
    OPTIMISER.op: "its step, from gradients to new weights",
    AVERAGE.op: "the moving average of G's weights",
    REST.op: "the training step's own Python",
    PROFILER.op: "reading the clock",
}


def report(profile: "Profile") -> str:
    """Return the tables of a Profile as text."""
    rows = profile.rows
    total = sum(row.seconds for row in rows)
    alone, flop = sum(row.product_seconds for row in rows), sum(row.flop for row in rows)
    lines = [
        f"A training step takes {profile.plain_seconds * 1e3:.2f} ms, under the profiler {total * 1e3:.2f}.",
        f"Its matrix products are {flop / 1e9:.3g} GFLOP; alone they take {alone * 1e3:.2f} ms on one thread,"
        f" {alone / profile.plain_seconds:.0%} of the step. Threads in training: {profile.threads}.",
        f"At most it needs {profile.peak / 1e6:.1f} MB beyond what is held between steps: {_describe(profile.peak_place)}.",
    ]
    for title, key in (("op", lambda row: row.op), ("layer", lambda row: row.layer)):
        lines += ["", *_table(title, rows, key, total)]
    meanings = [f"{op}: {meaning}" for op, meaning in MEANINGS.items() if any(row.op == op for row in rows)]
    return "\n".join([*lines, "", *NOTES, *meanings])


NOTES = [
    "second: gradients of gradients, for a penalty on D's slope. products: the time of the matrix products alone.",
    "MB kept: on the way forward, for the way back. MB at once: the most that one call needed, results and scratch.",
]


def _describe(place: Place) -> str:
    return " ".join(part for part in (place.layer, place.op if place.op != place.layer else "", place.way) if part)


def _table(title: str, rows: "list[Row]", key: "Callable[[Row], str]", total: float) -> list[str]:
    """Return a line for all rows with equal keys: ops with the longest first, layers in the order of the step."""
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: not row.way):  # the parts of a step that are not ops come last
        groups.setdefault(key(row), []).append(row)
    if title == "op":
        groups = dict(sorted(groups.items(), key=lambda item: -sum(row.seconds for row in item[1])))
    width = max(len(name) for name in [*groups, "total"])
    head = f"{title:{width}}{'calls':>8}{'forward':>9}{'backward':>10}{'second':>9}{'ms':>9}{'share':>7}"
    head += f"{'MFLOP':>9}{'products':>10}{'MB kept':>9}{'at once':>9}"
    return [head, "-" * len(head), *(_line(name, group, width, total) for name, group in groups.items()),
            "-" * len(head), _line("total", rows, width, total)]  # fmt: skip


def _line(name: str, rows: "list[Row]", width: int, total: float) -> str:
    sums = {way: sum(row.seconds for row in rows if row.way == way) * 1e3 for way in WAYS}
    seconds = sum(row.seconds for row in rows)
    cells = f"{name:{width}}{_number(sum(row.calls for row in rows), 8, 1)}"
    cells += _number(sums["forward"], 9) + _number(sums["backward"], 10) + _number(sums["second"], 9)
    cells += f"{seconds * 1e3:9.3f}{seconds / total:7.1%}"
    cells += _number(sum(row.flop for row in rows) / 1e6, 9, 1)
    cells += _number(sum(row.product_seconds for row in rows) * 1e3, 10)
    kept = sum(row.kept for row in rows if row.way == "forward" and row.op != BETWEEN)
    return cells + _number(kept / 1e6, 9, 2) + _number(max(row.peak for row in rows) / 1e6, 9, 2)


def _number(value: float, width: int, digits: int = 3) -> str:
    """Return a number, or a dot if all its digits are zeros."""
    text = f"{value:.{digits}f}"
    return f"{text if float(text) else '.':>{width}}"

"""Tables of numbers: a CSV file is read, its gaps filled, its decimals understood; what was left out is said.

Every column is looked at twice. At first it is found out whether it holds numbers and how they are written, then they are
read: a table takes little more memory than its file.
"""

import csv
import io
import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinygan.backend import Array

from .files import DataError, list_some, read_text

_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "?"}  # in any case; spreadsheets and pandas write these
_TIMES = "date day id index no no. row step t time timestamp year".split()  # names of columns that may only count on
_MOST_COLUMNS = 10_000
_SPREADS = 1e-100, 1e100  # outside, squares of float64 are 0 or inf


class Table(NamedTuple):
    """A table of numbers: names of the F columns, values (rows, F) float64, notes with a sentence for every repair."""

    names: list[str]
    values: Array
    notes: list[str]


def read_csv(path: str | Path, columns: str | Sequence[str] = "", max_bytes: int = 1 << 28) -> Table:
    """Return the numbers of a CSV file as a Table; separators are comma, semicolon or tab, a line of names is optional.

    columns: names or numbers, from 1, of those to read: a list, or a text with commas between. Empty: all that hold
    numbers, but those that only count on, such as years. Decimal commas, thousands marks, percent and currency signs are
    understood where only one reading is possible. A missing value is put on a straight line between its neighbours in the
    column. `notes` says what was left out and how cells were read. DataError for a file that is missing, empty or not
    UTF-8, for a line of another length, for a word or an infinity among numbers, and for a column that is more than half
    missing.
    """
    text = read_text(path, max_bytes)
    delimiter = _delimiter(text)
    rows = lambda: _rows(path, text, delimiter)
    first = next(rows(), (0, []))[1]
    if not first:
        raise DataError(f"{path}: holds no values; expected a CSV file of numbers")
    if len(first) > _MOST_COLUMNS:
        raise DataError(f"{path}: {len(first):,} columns; expected {_MOST_COLUMNS:,} at most, and a row a step")
    # a line of names has a word and no number; pandas leaves the name of its index empty
    header = not any(_number(cell) is not None or _bare(cell) for cell in first) and None in map(_bare, first)
    names: list[str] = []
    for i, name in enumerate(first):
        name = (name if header else "") or f"column {i + 1}"
        names.append(f"{name} ({i + 1})" if name in names else name)
    found = [_Column(name) for name in names]
    body = lambda: itertools.islice(rows(), int(header), None)
    count = 0
    for line, row in body():
        count += 1
        if len(row) != len(names):
            raise DataError(
                f"{path}: line {line} has {len(row)} values where the first has {len(names)}; mend that line, or put"
                " semicolons between values whose decimals follow a comma"
            )
        for column, cell in zip(found, row):
            column.look(line, cell)
    if not count:
        raise DataError(f"{path}: has a line of names and no numbers under it")
    chosen = _choose(path, columns, names)
    notes: list[str] = []
    marks = {column.marks for column in found} - {None}
    usual = marks.pop() if len(marks) == 1 else None  # how the rest of the file writes numbers
    for i in list(chosen):
        if not found[i].numbers:
            notes.append(f"left out: column {_name(names[i])}, which {found[i].instead()}")
            chosen.remove(i)
        else:
            found[i].settle(path, usual, notes)
    if not chosen:
        raise DataError(f"{path}: no column holds numbers; expected a CSV file of numbers")
    values = np.empty((count, len(chosen)))
    for k, (line, row) in enumerate(body()):
        for j, i in enumerate(chosen):
            values[k, j] = found[i].read(path, line, row[i])
    for j, i in enumerate(chosen):
        _fill_gaps(path, names[i], values[:, j], notes)
        fault = find_spread_fault(values[:, j])
        if fault:
            raise DataError(f"{path}: column {_name(names[i])} {fault}")
    if not columns:
        timed = [j for j, i in enumerate(chosen) if _counts_on(names[i], values[:, j])]
        rest = [j for j in range(len(chosen)) if j not in timed]
        for j in timed if rest else ():
            name = _name(names[chosen[j]])
            notes.append(f"left out: column {name}, which only counts on ({values[0, j]:.10g}, {values[1, j]:.10g}, ...); to"
                f" learn it too: --set columns={_say_columns([names[i] for i in chosen], chosen)}")  # fmt: skip
        if rest:
            chosen, values = [chosen[j] for j in rest], np.ascontiguousarray(values[:, rest])
    return Table([names[i] for i in chosen], values, notes)


def _delimiter(text: str) -> str:
    """Return what stands between cells: of tab, semicolon and comma the first that is as often in each of 20 lines."""
    lines = list(itertools.islice((line for line in io.StringIO(text, None) if line.strip()), 20))
    cells = lambda mark: {sum(1 for _ in cell) for cell in csv.reader(lines, delimiter=mark)}
    for mark in "\t;,":
        try:
            if len(counts := cells(mark)) == 1 and counts != {1}:
                return mark
        except csv.Error:
            pass
    return max(",;\t", key=(lines or [""])[0].count)


def _rows(path: str | Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, stripped cells) of every line that is not blank."""
    reader = csv.reader(io.StringIO(text, None), delimiter=delimiter)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield reader.line_num, cells
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num} is not CSV ({error})") from None


def _choose(path: str | Path, columns: str | Sequence[str], names: list[str]) -> list[int]:
    """Return the places of the columns that a reader asks for, all if `columns` is empty."""
    if isinstance(columns, str):
        columns = [word.strip() for word in next(csv.reader([columns.replace("\n", " ")], skipinitialspace=True), [])]
    chosen: list[int] = []
    for word in columns:
        if word in names:
            place = names.index(word)
        elif word.isascii() and word.isdigit() and 1 <= int(word[:9]) <= len(names):
            place = int(word) - 1
        else:
            raise DataError(f"{path}: no column {word[:40]!r}; there are {list_some(names, 12)}")
        if place not in chosen:
            chosen.append(place)
    return chosen or list(range(len(names)))


def _say_columns(names: list[str], places: list[int]) -> str:
    """Return what `columns` must be to choose these: names, or numbers where a name cannot be typed easily."""
    plain = all(re.fullmatch(r"[\w.-]{1,30}", name) and not name.isdigit() for name in names) and len(names) <= 8
    if plain and len(set(names)) == len(names):
        return ",".join(names)
    return ",".join(str(place + 1) for place in places[:8]) + ",..." * (len(places) > 8)


def _name(name: str) -> str:
    return repr(name if len(name) <= 40 else name[:37] + "...")


# --- cells -------------------------------------------------------------------------------------------------------

_PLAIN = re.compile(r"-?\d+((?:\.\d+)?)", re.ASCII)
# marks of thousands stand between three digits; \u00a0, \u2009 and \u202f are spaces
_POINT = re.compile(r"[+-]?([1-9]\d{0,2}([,'’ \u00a0\u2009\u202f]\d{3})+|\d*)(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
_COMMA = re.compile(r"[+-]?([1-9]\d{0,2}([.'’ \u00a0\u2009\u202f]\d{3})+|\d*)(,\d*)?([eE][+-]?\d+)?", re.ASCII)


def _number(cell: str) -> float | None:
    """Return the number in a plain cell, None if it holds another text; nan is a missing value."""
    try:
        value = float(cell) if "_" not in cell else math.nan
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _bare(cell: str) -> str | None:
    """Return a cell without percent and currency signs, "" if it is missing, None if it holds no number in any notation."""
    if cell.lower() in _MISSING or cell.lower() in ("+nan", "-nan"):
        return ""
    bare = "".join(c for c in cell if unicodedata.category(c) != "Sc").replace("\u2212", "-").strip()
    bare = bare.removesuffix("%").strip()
    if bare[:1] in "+-":
        bare = bare[:1] + bare[1:].lstrip()
    digits = any("0" <= c <= "9" for c in bare)
    return bare if digits and (_POINT.fullmatch(bare) or _COMMA.fullmatch(bare)) else None


def _value(bare: str, mark: str) -> float:
    """Return the number in a bare cell whose decimals follow `mark`."""
    thousands = "," if mark == "." else "."
    return float(re.sub(rf"[{thousands}'’ \u00a0\u2009\u202f]", "", bare).replace(",", "."))


class _Column:
    """What the cells of a column are: `look` at all of them, `settle` how they are read, `read` one.

    marks: "." or "," if a cell can be read with that before its decimals and not with the other, ".," if some cells have the
    one and some the other, None if both would do. 1.234 and 1,234 may be fractions or thousands.
    """

    def __init__(self, name: str) -> None:
        self.name, self.numbers, self.mark = name, 0, "."
        self.marks: str | None = None
        self.examples: dict[str, tuple[int, str]] = {}  # what a cell is like: (line, the first such cell)

    def look(self, line: int, cell: str) -> None:
        plain = _PLAIN.fullmatch(cell)
        if plain and (self.marks == "." or len(plain[1]) != 4):  # the most frequent cells
            self.numbers += 1
            if plain[1] and self.marks != ".":
                self._mark(".", line, cell)
            return
        bare = _bare(cell)
        if bare == "":
            return
        if bare is None:
            infinite = _number(cell) is not None  # "inf"
            self.numbers += infinite
            self.examples.setdefault("word", (line, cell))
            return
        self.numbers += 1
        point, comma = _POINT.fullmatch(bare), _COMMA.fullmatch(bare)
        if point and comma:
            if _value(bare, ".") != _value(bare, ","):
                self.examples.setdefault("either", (line, cell))
                if "," in bare:
                    self.examples.setdefault("either,", (line, cell))
        else:
            self._mark("." if point else ",", line, cell)
        if bare != cell or _number(bare) is None:
            self.examples.setdefault("signs", (line, cell))

    def _mark(self, mark: str, line: int, cell: str) -> None:
        self.marks = mark if self.marks in (None, mark) else ".,"
        self.examples.setdefault(mark, (line, cell))

    def instead(self) -> str:
        """Return what the column holds where it holds no numbers."""
        return f"holds no numbers ({self.examples['word'][1][:40]!r})" if "word" in self.examples else "is empty"

    def settle(self, path: str | Path, usual: str | None, notes: list[str]) -> None:
        """Decide how cells are read; DataError if there are several ways, or if one is a word."""
        column, without = f"column {_name(self.name)}", "or leave the column out with --set columns=..."
        if "word" in self.examples:
            line, cell = self.examples["word"]
            raise DataError(
                f"{path}: line {line}, {column}: {cell[:40]!r} is not a number; mend or empty it, {without}"
            )
        if self.marks == ".,":
            (line, cell), (second_line, second) = self.examples["."], self.examples[","]
            raise DataError(
                f"{path}: {column}: {cell[:40]!r} in line {line} has a decimal point, {second[:40]!r} in line {second_line} a"
                f" decimal comma; write both in one way, {without}"
            )
        if "either" in self.examples and self.marks is None:
            if usual in (".", ","):
                self.mark = usual
            elif "either," in self.examples:
                line, cell = self.examples["either,"]
                one, other = (f"{_value(_bare(cell) or '', mark):.10g}" for mark in ".,")
                raise DataError(
                    f"{path}: line {line}, {column}: {cell[:40]!r} may be {one} or {other}; write numbers with a decimal"
                    f" point and without marks of thousands, {without}"
                )
        else:
            self.mark = self.marks or "."
        example = self.examples.get("signs") or (self.mark == "," and self.examples.get("either"))
        if example:
            cell = example[1]
            notes.append(f"{column}: {cell[:40]!r} was read as {_value(_bare(cell) or '', self.mark):.10g}")

    def read(self, path: str | Path, line: int, cell: str) -> float:
        """Return the number in a cell, nan if it is missing."""
        try:
            value = float(cell) if self.mark == "." and "_" not in cell else _value(_bare(cell) or "nan", self.mark)
        except ValueError:
            value = _value(_bare(cell) or "nan", self.mark)
        if math.isinf(value):
            where = f"{path}: line {line}, column {_name(self.name)}"
            raise DataError(f"{where}: {cell[:40]!r} is not a number; mend or empty it")
        return value


def _fill_gaps(path: str | Path, name: str, values: Array, notes: list[str]) -> None:
    """Put the missing values of a column, in place, on straight lines between the known ones."""
    missing = np.isnan(values)
    if missing.sum() * 2 > len(values):
        raise DataError(
            f"{path}: column {_name(name)}: {missing.sum()} of {len(values)} values are missing; remove the column, or leave"
            " it out with --set columns=..."
        )
    if missing.any():
        places = np.arange(len(values))
        values[missing] = np.interp(places[missing], places[~missing], values[~missing])
        share = f"{missing.sum():,} missing values were"
        notes.append(f"column {_name(name)}: {share} put on lines between their neighbours")


def find_spread_fault(values: Array) -> str | None:
    """Return what is wrong with the spread of numbers (rows,) that have to be scaled, None if it is well."""
    low, high = float(values.min()), float(values.max())
    if max(abs(low), abs(high)) > _SPREADS[1] or low != high and high - low < _SPREADS[0]:
        return f"goes from {low:.10g} to {high:.10g}, beyond what can be scaled; write it in another unit"
    return None


def _counts_on(name: str, values: Array) -> bool:
    """Return whether a column is time or the row's number: ten even steps, or that name and never a turn."""
    if len(values) < 10:
        return False
    steps = np.diff(values)
    step = (values[-1] - values[0]) / len(steps)
    even = step != 0 and np.abs(steps - step).max() <= 1e-6 * abs(step) + 4 * np.spacing(np.abs(values).max())
    named = name.strip().lower() in _TIMES and step != 0 and bool((steps * step >= 0).all())
    return bool(even) or named

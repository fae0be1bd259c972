"""The source of an assignment: lessons/assignments/psN_name.py, with solutions and hidden tests in it.

A Python file in jupytext's percent format. `# %% [markdown]` begins text, `# %%` what is given, `# %% task=2.1` what a
student writes and `# %% test=2.1a points=3` a test of it; `seconds=60` in that line allows a slow test more time. The
markers inside the cells are nbgrader's:

    ### BEGIN SOLUTION ... ### END SOLUTION             becomes  # YOUR CODE HERE  and  raise NotImplementedError()
    ### BEGIN HIDDEN TESTS ... ### END HIDDEN TESTS     is left out

so `as_notebook(assignment)` is an nbgrader source notebook, and `release(assignment)` is what nbgrader would hand out.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

HEAD = re.compile(r"^# %%(.*)$", re.M)
SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"
STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


class SourceError(ValueError):
    """The source of an assignment is not as it must be; the message says where."""


@dataclass(frozen=True)
class Cell:
    """A cell of an assignment.

    kind: "markdown", "given", "task" or "test".
    id: 2.1 of a task, 2.1a of a test, else empty.
    points: of a test. seconds: of processor time that a slow test may take; 0 is the grader's own limit.
    """

    kind: str
    id: str
    points: int
    text: str
    seconds: int = 0

    @property
    def task(self) -> str:
        """The task that a test belongs to: 2.1 of 2.1a."""
        return self.id.rstrip("abcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True)
class Assignment:
    """An assignment: its name (ps2), its title and its cells in order."""

    name: str
    title: str
    cells: tuple[Cell, ...]

    @property
    def tests(self) -> list[Cell]:
        """Its tests, in order."""
        return [cell for cell in self.cells if cell.kind == "test"]

    @property
    def out_of(self) -> int:
        """The points of all tests together."""
        return sum(cell.points for cell in self.tests)


def folder_of_assignments() -> Path:
    """Return the folder with the sources of this installation; a wheel carries them in tinygan/notebooks."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "notebooks" / "assignments", package.parent / "lessons" / "assignments"):
        if any(folder.glob("ps*.py")):
            return folder
    raise FileNotFoundError(2, "the assignments are missing from this installation; install tinygan again", str(folder))


def find_sources(folder: str | Path | None = None) -> dict[str, Path]:
    """Return {ps1: its file, ...} of all sources in `folder`, by default the installation's."""
    files = sorted(Path(folder or folder_of_assignments()).glob("ps*_*.py"))
    sources = {path.name.split("_")[0]: path for path in files}
    if len(sources) < len(files):
        raise SourceError(f"two files of one number: {', '.join(path.name for path in files)}")
    return dict(sorted(sources.items(), key=lambda item: (len(item[0]), item[0])))


def read_source(path: str | Path) -> Assignment:
    """Return the Assignment of the file psN_name.py; SourceError where it is not as this module says."""
    path = Path(path)
    named = re.fullmatch(r"(ps[1-9][0-9]*)_\w+\.py", path.name)
    if not named:
        raise SourceError(f"{path.name}: expected a name like ps2_arrays.py")
    try:
        cells = tuple(_read_cells(path.read_text(encoding="utf-8")))
        _check(named[1], cells)
    except SourceError as error:
        raise SourceError(f"{path.name}: {error}") from None
    return Assignment(named[1], cells[0].text.splitlines()[0].lstrip("# "), cells)


def split_cells(text: str) -> list[tuple[str, str, int]]:
    """Return (rest of the line after # %%, text, number of its first line) of each cell of a percent file."""
    heads = list(HEAD.finditer(text))
    begins = [0, *(head.end() + 1 for head in heads)]
    ends = [*(head.start() for head in heads), len(text)]
    names = ["", *(head[1].strip() for head in heads)]
    cells = [(name, text[b:e], text.count("\n", 0, b) + 1) for name, b, e in zip(names, begins, ends)]
    return cells if cells[0][1].strip() else cells[1:]


def _read_cells(text: str) -> Iterator[Cell]:
    for head, body, _ in split_cells(text):
        body = body.strip("\n")
        if head == "[markdown]":
            yield Cell("markdown", "", 0, re.sub(r"^# ?", "", body, flags=re.M))
            continue
        words = dict(word.partition("=")[::2] for word in head.split())
        kind = "task" if "task" in words else "test" if "test" in words else "given"
        number = words.pop(kind, "")
        try:
            points, seconds = int(words.pop("points", 0)), int(words.pop("seconds", 0))
        except ValueError:
            raise SourceError(f"# %% {head}: points and seconds are whole numbers") from None
        if words or (kind == "test") != (points > 0) or (kind != "test" and seconds):
            raise SourceError(f"# %% {head}: expected task=2.1, or test=2.1a points=3, or nothing")
        yield Cell(kind, number, points, body, seconds)


def _check(name: str, cells: tuple[Cell, ...]) -> None:
    """Raise SourceError unless ids are in order and unique, and markers are where they belong."""
    if not cells or cells[0].kind != "markdown" or not cells[0].text.startswith("# "):
        raise SourceError("the first cell is text and begins with # and the title")
    task = ""
    seen: set[str] = set()
    for cell in cells:
        if cell.kind in ("task", "test") and not re.fullmatch(r"\d+\.\d+" + "[a-z]" * (cell.kind == "test"), cell.id):
            raise SourceError(f"{cell.kind}={cell.id}: expected an id like 2.1 for a task, 2.1a for a test")
        if cell.id in seen:
            raise SourceError(f"{cell.id} is there twice")
        if cell.id and not cell.id.startswith(f"{name[2:]}."):
            raise SourceError(f"{cell.id}: ids of {name} begin with {name[2:]}.")
        seen |= {cell.id} - {""}
        task = cell.id if cell.kind == "task" else task
        if cell.kind == "test" and cell.task != task:
            raise SourceError(f"test={cell.id} stands after task {task or 'none'}: a test follows its own task")
        for marker, kind in ((SOLUTION, "task"), (HIDDEN, "test")):
            lines = [line.strip() for line in cell.text.splitlines()]
            found = [line for line in lines if line in (f"### BEGIN {marker}", f"### END {marker}")]
            if found != [f"### BEGIN {marker}", f"### END {marker}"] * (len(found) // 2):
                raise SourceError(f"{cell.id or cell.kind}: each ### BEGIN {marker} needs its ### END {marker}")
            if found and cell.kind != kind:
                raise SourceError(f"{cell.id or cell.kind}: ### BEGIN {marker} belongs in a {kind}")
            if kind == cell.kind == "task" and not found:
                raise SourceError(f"{cell.id}: a task has ### BEGIN SOLUTION ... ### END SOLUTION")
    for cell in cells:
        if cell.kind == "task" and not any(test.task == cell.id for test in cells if test.kind == "test"):
            raise SourceError(f"{cell.id}: a task has at least one test")


def _without(text: str, marker: str, stub: tuple[str, ...] = ()) -> str:
    """Return `text` with every region of `marker` replaced by the lines `stub`, indented as the region was."""

    def instead(region: re.Match) -> str:
        return "".join(f"{region[1]}{line}\n" for line in stub)

    region = rf"^([ \t]*)### BEGIN {marker}[ \t]*\n.*?^[ \t]*### END {marker}[ \t]*(?:\n|\Z)"
    return re.sub(region, instead, text, flags=re.M | re.S).rstrip("\n")


def release(assignment: Assignment) -> Assignment:
    """Return what students get: no solutions, no hidden tests."""
    texts = (_without(_without(cell.text, SOLUTION, STUB), HIDDEN) for cell in assignment.cells)
    return replace(assignment, cells=tuple(replace(cell, text=text) for cell, text in zip(assignment.cells, texts)))


def solved(assignment: Assignment) -> Assignment:
    """Return what a student hands in who solves everything: solutions without their markers, no hidden tests."""
    markers = re.compile(rf"^[ \t]*### (?:BEGIN|END) {SOLUTION}[ \t]*\n?", re.M)
    texts = (_without(markers.sub("", cell.text), HIDDEN) for cell in assignment.cells)
    return replace(assignment, cells=tuple(replace(cell, text=text) for cell, text in zip(assignment.cells, texts)))


def as_notebook(assignment: Assignment) -> dict[str, Any]:
    """Return the notebook's JSON with nbgrader's metadata, schema 3: tasks can be changed, other code is locked."""
    cells = []
    for i, cell in enumerate(assignment.cells):
        lines = cell.text.splitlines(keepends=True)
        entry: dict[str, Any] = {"id": f"cell-{i}", "metadata": {}, "source": lines}
        if cell.kind == "markdown":
            entry["cell_type"] = "markdown"
        else:
            entry.update(cell_type="code", execution_count=None, outputs=[])
            about = {
                "grade": cell.kind == "test", "grade_id": grade_id(assignment, i),
                "locked": cell.kind != "task", "schema_version": 3, "solution": cell.kind == "task", "task": False,
            }  # fmt: skip
            if cell.kind == "test":
                about["points"] = cell.points
                entry["source"] = [f"{test_heading(cell)}\n", *lines]
            entry["metadata"] = {"nbgrader": about}
        cells.append(entry)
    about = {"kernelspec": KERNEL, "language_info": {"file_extension": ".py", "name": "python"}}
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def test_heading(cell: Cell) -> str:
    """Return the first line of a test in a notebook: students find there the test that their feedback names."""
    return f"# Test {cell.id} ({cell.points} point{'s' * (cell.points > 1)})"


def grade_id(assignment: Assignment, i: int) -> str:
    """Return nbgrader's id of cell i: ps2-2-1a of test 2.1a, as nbgrader allows no dots; ps2-given-4 of a given cell."""
    return f"{assignment.name}-{assignment.cells[i].id.replace('.', '-') or f'given-{i}'}"


def as_text(notebook: dict[str, Any]) -> str:
    """Return a notebook as the text of its file."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def as_script(assignment: Assignment) -> str:
    """Return the assignment as a Python file in percent format, for students who hand in a .py file."""
    parts = []
    for i, cell in enumerate(assignment.cells):
        head = {"markdown": "[markdown]", "given": f"given={i}"}.get(cell.kind, f"{cell.kind}={cell.id}")
        points = f" points={cell.points}" * (cell.kind == "test") + f" seconds={cell.seconds}" * (cell.seconds > 0)
        lines = [f"# {line}".rstrip() if cell.kind == "markdown" else line for line in cell.text.split("\n")]
        parts.append("\n".join([f"# %% {head}{points}", *lines, ""]))
    return "\n".join(parts)

"""What students hand in: files are found and read here, and nothing of them is run.

A submission is a notebook (.ipynb), whose tasks are known by nbgrader's ids, or a Python file, whose tasks begin with
`# %% task=2.1`. `find_files` takes one file, a folder of files (STUDENT_ps2.ipynb, STUDENT.py), or nbgrader's
submitted/STUDENT/ps2/ps2.ipynb. What is wrong with a file is a remark of its Submission: no student is left out.

`plan` puts the student's tasks and own cells between our given cells and tests, whatever the student made of those.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tinygan.files import read_bytes
from tinygan.grading.source import Assignment, release, split_cells

MOST_BYTES = 20_000_000  # of a file: notebooks hold pictures
MOST_CELLS = 1000
SUFFIXES = (".ipynb", ".py")
EXPORTED = re.compile(r"^# In\[[ 0-9]*\]:[ \t]*$", re.M)  # begins a cell in what Jupyter exports as a script
MAGIC = re.compile(r"^([ \t]*)get_ipython\(\)\..*$", re.M)  # what %matplotlib inline or !pip install became there
GRADE_ID = re.compile(r"(ps[1-9][0-9]*)-(given-[0-9]+|[0-9]+-[0-9]+[a-z]?)")  # ps2-2-1a, see source.grade_id
NAMED = re.compile(r"(?:^|[_\-. ])(ps[1-9][0-9]*)(?=$|[_\-. ])")


class Piece(NamedTuple):
    """A code cell of a student; id: 2.1 of a task, 2.1a or given-3 where it stands for our cell, empty for an own cell."""

    id: str
    text: str


@dataclass
class Submission:
    """What one student handed in for one assignment; `whole` says that it has no ids, and is run before all tests."""

    student: str
    path: Path
    assignment: str = ""
    pieces: list[Piece] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    readable: bool = True

    @property
    def whole(self) -> bool:
        """Whether no cell has an id."""
        return not any(piece.id for piece in self.pieces)

    def refuse(self, remark: str) -> "Submission":
        """Return the submission with a remark that says why nothing of it can be run."""
        self.remarks.append(remark)
        self.readable, self.pieces = False, []
        return self


class Step(NamedTuple):
    """A cell to run: kind is "given", "task", "own" or "test"."""

    kind: str
    id: str
    text: str
    seconds: int = 0
    points: int = 0


# --- finding -------------------------------------------------------------------------------------------------------


def find_files(target: str | Path, assignment: str | None = None, skip: Path | None = None) -> list[Submission]:
    """Return a Submission, not yet read, for all that was handed in at `target`; `skip` is a folder of ours in it."""
    target = Path(target)
    if not target.is_dir():
        if not target.exists():
            raise FileNotFoundError(2, "there is no such file or folder", str(target))
        return [_named(target)]
    if (target / "submitted").is_dir():
        target = target / "submitted"
    found: list[Submission] = []
    for path in _listed(target):
        if skip is not None and path.resolve() == skip.resolve():
            continue
        found += _of_student(path, assignment) if path.is_dir() and not path.is_symlink() else [_named(path)]
    return found


def _listed(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith(".") and p.name != "__pycache__")


def _named(path: Path) -> Submission:
    """Return the Submission of a file that is named for its student."""
    number = NAMED.search(path.stem)
    student = path.stem[: number.start()] if number else path.stem
    return Submission(student or path.stem, path, number[1] if number else "")


def _of_student(folder: Path, assignment: str | None) -> Iterator[Submission]:
    """Yield what is in a student's folder: its files, or those of the folders ps1, ps2, ... in it."""
    inner = [p for p in _listed(folder) if p.is_dir() and NAMED.fullmatch(p.name)]
    if assignment and folder / assignment in inner:
        inner = [folder / assignment]
    for place in inner or [folder]:
        number = place.name if inner else assignment or ""
        paths = [p for p in _listed(place) if not p.is_dir()]
        for suffix in SUFFIXES:
            chosen = [p for p in paths if p.name == f"{number}{suffix}"] or [p for p in paths if p.suffix == suffix]
            if chosen:
                break
        else:
            yield Submission(folder.name, place, number if inner else "").refuse(_why_nothing(place, paths))
            continue
        others = [p.name for p in paths if p not in chosen and p.suffix in SUFFIXES]
        for path in chosen:
            submission = Submission(folder.name, path, place.name if inner else _named(path).assignment)
            if others:
                submission.remarks.append(f"not looked at: {', '.join(others)}")
            yield submission


def _why_nothing(folder: Path, paths: list[Path]) -> str:
    """Return why a student's folder with these files has nothing to read, and the remedy."""
    why = "neither a notebook nor a .py file in the folder"
    if packed := [p.name for p in paths if p.suffix.lower() == ".zip"]:
        return f"{why}; unpack {', '.join(packed)} there"
    if deeper := [p.name for p in _listed(folder) if p.is_dir()]:
        return f"{why}; folders in it are not looked into, move the files of {', '.join(deeper)} up"
    return why


# --- reading -------------------------------------------------------------------------------------------------------


def read(submission: Submission, assignment: str | None = None) -> Submission:
    """Read the file of a Submission into its pieces and find its assignment, by the ids of its cells, then by its name.

    assignment: the one that is graded, if only one is.
    """
    if not submission.readable:
        submission.assignment = submission.assignment or assignment or ""
        return submission
    by_name = submission.assignment
    submission.assignment = assignment or by_name  # for the row of a file that cannot be read
    path = submission.path
    if path.suffix not in SUFFIXES:
        packed = "; unpack it and grade what is in it" * (path.suffix.lower() == ".zip")
        return submission.refuse(f"{path.name} is neither a notebook nor a .py file{packed}")
    try:
        text = read_bytes(path, MOST_BYTES, follow=False).decode("utf-8-sig")
        cells = list(_notebook(text) if path.suffix == ".ipynb" else _script(text))
    except UnicodeDecodeError:
        return submission.refuse("the file is not UTF-8")
    except OSError as error:
        return submission.refuse(f"it cannot be read: {error.strerror}")
    except (ValueError, RecursionError) as error:
        return submission.refuse(str(error) or "it is nested too deeply")
    if len(cells) > MOST_CELLS:
        return submission.refuse(f"it has {len(cells):,} code cells, and at most {MOST_CELLS:,} are read")
    by_ids = {name for name, _ in cells if name}
    graded = assignment or by_name or (by_ids.pop() if len(by_ids) == 1 else "")
    submission.assignment = graded
    others = sorted((by_ids or {by_name}) - {graded, ""})
    if others:
        return submission.refuse(f"wrong assignment: it is {', '.join(others)}, not {graded or 'one of them'}")
    if not graded:
        return submission.refuse("nothing in it says which assignment it is; --assignment does")
    submission.pieces = [piece for _, piece in cells]
    return submission


def _notebook(text: str) -> Iterator[tuple[str, Piece]]:
    """Yield (assignment, Piece) for each code cell of a notebook."""
    try:
        notebook = json.loads(text)
    except ValueError as error:
        raise ValueError(f"the notebook is not JSON ({error})") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list):
        raise ValueError("the notebook has no cells, or is of a version before 4; save it with a newer Jupyter")
    for cell in cells:
        if not isinstance(cell, dict):
            raise ValueError("the notebook has a cell that is none")
        source = cell.get("source", "")
        if isinstance(source, list):
            source = "".join(line for line in source if isinstance(line, str))
        if cell.get("cell_type") != "code" or not isinstance(source, str):
            continue
        metadata = cell.get("metadata")
        about = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        grade_id = about.get("grade_id") if isinstance(about, dict) else None
        named = GRADE_ID.fullmatch(grade_id) if isinstance(grade_id, str) else None
        yield (named[1] if named else ""), Piece(named[2].replace("-", ".", named[2][0].isdigit()) if named else "", source)


def _script(text: str) -> Iterator[tuple[str, Piece]]:
    """Yield (assignment, Piece) for each code cell of a Python file; without a marker it is one cell."""
    for head, body, _ in split_cells(EXPORTED.sub("# %%", MAGIC.sub(r"\1pass", text))):
        if head.startswith("[markdown]"):
            continue
        marker = re.match(r"(task|test|given)=(\S+)", head)
        if not marker:
            yield "", Piece("", body)
        elif marker[1] == "given":
            yield "", Piece(f"given-{marker[2]}", body)
        else:
            number = re.match(r"[1-9][0-9]*(?=\.)", marker[2])
            yield (f"ps{number[0]}" if number else ""), Piece(marker[2], body)


# --- what is run ---------------------------------------------------------------------------------------------------


def _code(text: str) -> list[str]:
    """Return the lines of a cell that are neither empty nor a comment alone."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def plan(submission: Submission, assignment: Assignment) -> list[Step]:
    """Return the steps of a readable submission, in order; what is missing or there twice becomes a remark."""
    ours = {cell.id or f"given-{i}": cell for i, cell in enumerate(assignment.cells) if cell.kind != "markdown"}
    shown = [cell for cell in release(assignment).cells if cell.kind in ("given", "test")]
    copies = [[], *(_code(cell.text) for cell in shown)]
    steps = {key: Step(cell.kind, cell.id, cell.text, cell.seconds, cell.points) for key, cell in ours.items()}
    tasks: dict[str, Step] = {}
    own: dict[str, list[Step]] = {"": []}  # the student's own cells, by our cell that they stand after
    place = ""
    for piece in submission.pieces:
        kind = ours[piece.id].kind if piece.id in ours else "own"
        if kind == "task":
            if piece.id in tasks:
                submission.remarks.append(f"task {piece.id} is there twice; the last one counts")  # as in nbgrader
            tasks[piece.id] = Step("task", piece.id, piece.text)
        elif kind == "own" and _code(piece.text) not in copies:
            own.setdefault(place, []).append(Step("own", "", piece.text))
        place = piece.id if kind != "own" else place
    if submission.whole:
        submission.remarks.append("no cell has the id of a task: it is run whole, then all tests are")
        order = sorted(ours, key=lambda key: ours[key].kind == "test")
        before = [steps[key] for key in order if ours[key].kind == "given"]
        return [*before, *own[""], *(steps[key] for key in order if ours[key].kind == "test")]
    missing = [key for key, cell in ours.items() if cell.kind == "task" and key not in tasks]
    if missing:
        submission.remarks.append(f"missing: task {', '.join(missing)}")
    planned = own[""]
    for key, cell in ours.items():
        if cell.kind != "task":
            planned.append(steps[key])
        elif key in tasks:
            planned.append(tasks[key])
        planned += own.get(key, [])
    return planned

"""From files to grades: find, read, run, several submissions at once, and count the points.

`grade_all` is what `tinygan grade` does; `grade_one` grades one Submission.
"""

import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tinygan.grading.run import GraderError, Limits, Outcome, Stopped, make_caches, remove, run, say_step
from tinygan.grading.source import Assignment, SourceError, find_sources, read_source
from tinygan.grading.submission import Step, Submission, find_files, plan, read


class Judged(NamedTuple):
    """A cell that was run: a test, or a cell of the student's that failed. `id` is 2.1a of a test, else what it is called."""

    id: str
    points: int
    ok: bool
    message: str
    output: str


@dataclass
class Grade:
    """What one submission gets: points of its tests, the cells of its own that failed, and remarks."""

    student: str
    assignment: str
    path: Path
    out_of: int = 0
    tests: list[Judged] = field(default_factory=list)
    cells: list[Judged] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def points(self) -> int:
        """The points of all tests that passed."""
        return sum(test.points for test in self.tests if test.ok)

    @property
    def lost(self) -> list[tuple[str, int]]:
        """(test, points) of all that did not."""
        return [(test.id, test.points) for test in self.tests if not test.ok]


def grade_one(
    submission: Submission, assignment: Assignment | None, limits: Limits, caches: Path | None = None,
    stop: threading.Event | None = None,
) -> Grade:  # fmt: skip
    """Return the Grade of a Submission that was read; `assignment` is the one it is of."""
    grade = Grade(submission.student, submission.assignment, submission.path, remarks=submission.remarks)
    if assignment is None:
        return grade
    grade.out_of = assignment.out_of
    if not submission.readable:
        grade.tests = [Judged(test.id, test.points, False, "nothing was run", "") for test in assignment.tests]
        return grade
    steps = plan(submission, assignment)
    outcome = run(steps, limits, caches, stop, submission.student)
    _count(grade, steps, outcome)
    return grade


def _count(grade: Grade, steps: list[Step], outcome: Outcome) -> None:
    for step, result in zip(steps, outcome.results):
        if step.kind == "test":
            grade.tests.append(Judged(step.id, step.points, result.ok, result.message, result.output))
            continue
        if step.kind == "given" and not result.ok:
            grade.remarks.append(f"a given cell failed: {result.message}")
        if step.kind != "given" and not (result.ok and not result.output):
            name = "a cell of your own" if step.kind == "own" else say_step(step)
            grade.cells.append(Judged(name, 0, result.ok, result.message, result.output))
    grade.remarks += outcome.remarks


def grade_all(
    target: str | Path, *, assignment: str | None = None, out: Path | None = None, seconds: float = 10, memory: float = 2,
    jobs: int = 1, say: Callable[[Grade], None] = lambda grade: None,
) -> list[Grade]:  # fmt: skip
    """Return the Grades of all that was handed in at `target`, in order; `say` hears of each when those before are there.

    assignment: grade only this one, ps2 or the path of a source of your own. out: a folder of results, which is no student's.
    seconds: of processor time, for a cell. memory: in GB.
    """
    sources = find_sources() if not (assignment or "").endswith(".py") else {}
    if assignment and not sources:
        sources = {Path(assignment).name.split("_")[0]: Path(assignment)}
        assignment = next(iter(sources))
    if assignment and assignment not in sources:
        raise SourceError(f"there is no assignment {assignment}; there are {', '.join(sources)}")
    submissions = [read(found, assignment) for found in find_files(target, assignment, out)]
    known = {s.assignment: read_source(sources[s.assignment]) for s in submissions if s.assignment in sources}
    for submission in submissions:
        if submission.assignment and submission.assignment not in sources:
            submission.refuse(f"there is no assignment {submission.assignment}; there are {', '.join(sources)}")
    _remark_twice(submissions)
    hidden = tuple(str(path.resolve()) for path in sources.values())
    limits = Limits(seconds, memory * 1e9, hidden, _closed(Path(target), out))
    return list(_grade_each(submissions, known, limits, jobs, say))


def _closed(target: Path, out: Path | None) -> tuple[str, ...]:
    """Return the folders that no submission may look into: where the others are, and an nbgrader course around them."""
    folder = target.resolve() if target.is_dir() else target.resolve().parent
    course = next((p for p in (folder, *folder.parents) if (p / "nbgrader_config.py").exists()), folder)
    return (str(course), *([str(out.resolve())] if out else []))


def _remark_twice(submissions: list[Submission]) -> None:
    files: dict[tuple[str, str], list[Submission]] = {}
    for submission in submissions:
        files.setdefault((submission.student, submission.assignment), []).append(submission)
    for same in files.values():
        if len(same) > 1:
            for submission in same:
                submission.remarks.append(f"{len(same)} files of this student: this is {submission.path.name}")


def _grade_each(
    submissions: list[Submission], known: dict[str, Assignment], limits: Limits, jobs: int, say: Callable[[Grade], None]
) -> Iterator[Grade]:
    stop, folder = threading.Event(), Path(tempfile.mkdtemp(prefix="tinygan-grade-"))
    texts = [piece.text for s in submissions for piece in s.pieces] + [c.text for a in known.values() for c in a.cells]
    caches = make_caches(folder) if any("matplotlib" in text for text in texts) else None

    def one(submission: Submission) -> Grade:
        of = known.get(submission.assignment)
        try:
            return grade_one(submission, of, limits, caches, stop)
        except (GraderError, Stopped):
            raise
        except Exception as error:  # one submission more or less: all others are graded, and this is said
            submission.refuse(f"the grader failed at it, look at it yourself ({type(error).__name__}: {error})")
            return grade_one(submission, of, limits)

    pool = ThreadPoolExecutor(jobs)
    try:
        for grade in pool.map(one, submissions):
            say(grade)
            yield grade
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
        remove(folder)

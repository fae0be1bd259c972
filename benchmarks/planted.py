"""The mistakes that every course meets, planted one at a time: the points they lose under `tinygan grade` and nbgrader.

    python benchmarks/planted.py        writes results/planted.md, in about six CPU minutes

Each row must show the same loss three times: what the list in tests/assignments/mistakes says, and what each grader takes.
The other mistakes of those lists are graded by `pytest tests/assignments`. Needs `pip install -e .[test]`.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from assignments.planted import SOURCES, load_common, plant  # noqa: E402
from make_assignments import write_course  # noqa: E402

from tinygan.grading.grade import grade_all  # noqa: E402
from tinygan.grading.source import as_notebook, as_text, read_source, release, solved  # noqa: E402


def lost_points(name, students, folder):
    """Return {student: points lost} twice, by `tinygan grade` and by nbgrader, of {student: assignment as handed in}."""
    list(write_course(folder, {name: SOURCES[name]}))
    for student, version in students.items():
        path = folder / "submitted" / student / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(as_text(as_notebook(version)), encoding="utf-8")
    ours = {grade.student: grade.out_of - grade.points for grade in grade_all(folder, assignment=name, jobs=2)}
    words = [sys.executable, str(ROOT / "tests" / "assignments" / "nbgrade.py"), str(folder), name]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    out_of, theirs = read_source(SOURCES[name]).out_of, json.loads(done.stdout.splitlines()[-1])
    return ours, {student: out_of - int(sum(points.values())) for student, points in theirs.items()}


def main():
    """Grade all, print the table, write it."""
    begun, rows, wrong = time.monotonic(), [], 0
    for name, path in SOURCES.items():
        assignment, mistakes = read_source(path), load_common(name)
        points = {test.id: test.points for test in assignment.tests}
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            students = {"solved": solved(assignment), "blank": release(assignment)}
            students |= {f"mistake{i}": plant(name, [mistake], folder) for i, mistake in enumerate(mistakes)}
            ours, theirs = lost_points(name, students, folder)
        expected = {"solved": (0, ""), "blank": (assignment.out_of, "all")}
        for i, mistake in enumerate(mistakes):
            expected[f"mistake{i}"] = sum(points[test] for test in mistake.lost), ", ".join(mistake.lost)
        for student, (loss, tests) in expected.items():
            what = mistakes[int(student[7:])].name if student.startswith("mistake") else student
            wrong += not loss == ours[student] == theirs[student]
            rows.append(f"| {name} | {what} | {tests} | {loss} | {ours[student]} | {theirs[student]} |")
            print(rows[-1], flush=True)
    lines = [
        "# Planted mistakes", "", "`python benchmarks/planted.py`", "",
        f"{len(rows)} submissions, graded by both in {(time.monotonic() - begun) / 60:.1f} minutes; {wrong} rows differ.", "",
        "| | mistake | tests that must fail | points that must be lost | `tinygan grade` | nbgrader |",
        "|---|---|---|---|---|---|", *rows,
    ]  # fmt: skip
    (ROOT / "benchmarks" / "results" / "planted.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()

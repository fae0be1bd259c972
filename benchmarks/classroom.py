"""A class of 200: right, wrong and hostile submissions, graded by `tinygan grade`. Are all grades what they must be?

    python benchmarks/classroom.py                      200 students; writes results/classroom.md and classroom.json
    python benchmarks/classroom.py --students 40        fewer; printed

Right, blank and planted-wrong submissions are of all assignments, those that misbehave of the first: their function
`gradients` (task 1.4) crashes, ends Python, never returns, forks, asks for 50 GB or writes outside. Every row of grades.csv
is compared with what it must be, the files around with what they were, and no process may be left.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import cycle
from pathlib import Path

from speed import machine

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests")]

from assignments.planted import SOURCES, load, plant  # noqa: E402

from tinygan.grading.source import as_notebook, as_script, as_text, read_source, release, solved  # noqa: E402

HOSTILE = {
    "crash: an exception": "raise ValueError('no idea')",
    "crash: Python itself": "import faulthandler; faulthandler._sigsegv()",
    "sys.exit": "import sys; sys.exit(0)",
    "os._exit(0)": "import os; os._exit(0)",
    "endless loop": "while True: pass",
    "fork bomb": "import os\n    while True: os.fork()",
    "50 GB of memory": "return dict.fromkeys(np.ones(50 * 10**9 // 8))",
    "writes outside": "open(OUTSIDE + '/new', 'w').write('x')",
    "removes what is outside": "import shutil; shutil.rmtree(OUTSIDE)",
}
SHARE = {"right": 6, "a planted mistake": 6, "blank": 2, "hostile": 6}  # of 20


def make_class(folder, outside, students):
    """Write the submissions to `folder`; return {student: (what it is, assignment, points, out of, lost)}."""
    kinds = cycle([kind for kind, share in SHARE.items() for _ in range(share)])
    names, hostile, first = cycle(SOURCES), cycle(HOSTILE), next(iter(SOURCES))
    mistakes = {name: cycle(load(name)) for name in SOURCES}
    expected = {}
    for i, kind in zip(range(students), kinds):
        student, name, lost = f"student{i:03}", next(names), set()
        if kind == "hostile":
            kind, name = next(hostile), first
        assignment = read_source(SOURCES[name])
        version = release(assignment) if kind == "blank" else solved(assignment)
        if kind == "blank":
            lost = {test.id for test in assignment.tests}
        elif kind == "a planted mistake":
            mistake = next(mistakes[name])
            version, lost = plant(name, [mistake], folder.parent), set(mistake.lost)
        text = as_script(version) if i % 3 == 0 else as_text(as_notebook(version))
        if kind in HOSTILE:
            lost = {test.id for test in assignment.tests if test.task == "1.4"}
            body = HOSTILE[kind].replace("OUTSIDE", repr(str(outside)))
            text = as_script(version).replace("    found, waiting = {y}, [y]\n", f"    {body}\n")
            assert body in text, kind
        suffix = ".py" if i % 3 == 0 or kind in HOSTILE else ".ipynb"
        (folder / f"{student}_{name}{suffix}").write_text(text, encoding="utf-8")
        tests = [(test.id, test.points) for test in assignment.tests if test.id in lost]
        points = assignment.out_of - sum(worth for _, worth in tests)
        said = ", ".join(f"{test} {worth}" for test, worth in tests)
        expected[student] = kind, [student, name, str(points), str(assignment.out_of), said, ""]
    (folder.parent / SOURCES[name].name).unlink(missing_ok=True)
    return expected


def contents(folder, but):
    """Return what is in a folder, to be compared: names, sizes, rights, times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if but not in (path, *path.parents):
            about = path.lstat()
            found[str(path)] = about.st_size, about.st_mode, path.is_file() and about.st_mtime_ns
    return found


def left_running():
    """Return the process ids that run a submission."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path.parent.name] * (b"grading/child.py" in path.read_bytes())
        except OSError:
            pass
    return found


def main():
    """Make the class, grade it, compare; return 1 if anything is not as it must be."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--students", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        room, temporary = Path(place, "room"), Path(place, "temporary")
        folder, outside = room / "handed-in", room / "outside"
        for path in (folder, outside / "deeper", temporary):
            path.mkdir(parents=True)
        (outside / "deeper" / "precious").write_text("as it was")
        expected = make_class(folder, outside, options.students)
        before, running, begun = contents(room, room / "grades"), left_running(), time.monotonic()
        words = [sys.executable, "-m", "tinygan", "grade", str(folder), "--out", str(room / "grades")]
        environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(HERE.parent)}
        done = subprocess.run(words, cwd=room, env=environment, capture_output=True, text=True)
        seconds, used = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        if done.returncode:
            raise SystemExit(f"tinygan grade ended with {done.returncode}: {done.stderr}")
        rows = list(csv.reader((room / "grades" / "grades.csv").read_text(encoding="utf-8").splitlines()))[1:]
        wrong = [f"{expected[row[0]][0]}: {row}" for row in rows if row != expected[row[0]][1]]
        wrong += [f"{student} has no row" for student in expected.keys() - {row[0] for row in rows}]
        pages = len(list((room / "grades" / "feedback").iterdir()))
        found = {
            "students": len(rows), "rows wrong": wrong, "feedback pages": pages, "minutes": round(seconds / 60, 2),
            "processor minutes": round((used.ru_utime + used.ru_stime) / 60, 2),
            "largest process, MB": round(used.ru_maxrss / 1024),
            "changed outside": sorted(set(before.items()) ^ set(contents(room, room / "grades").items())),
            "left in the temporary folder": [path.name for path in temporary.iterdir()],
            "left running": sorted(set(left_running()) - set(running)),
        }  # fmt: skip
    kinds = [kind for kind, _ in expected.values()]
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    print(table(found, counts))
    if options.students == parser.get_default("students"):
        about = machine()
        said = f"`{about['command']}` at {about['commit']}, {about['processor']}, {about['cores']} cores, {about['date']}"
        (HERE / "results" / "classroom.md").write_text(f"{said}\n\n{table(found, counts)}\n")
        every = {"machine": about, "submissions": counts, "found": found}
        (HERE / "results" / "classroom.json").write_text(json.dumps(every, indent=1) + "\n")
    trouble = ("rows wrong", "changed outside", "left in the temporary folder", "left running")
    return any(found[name] for name in trouble) or pages != len(expected)


def table(found, counts):
    """Return two Markdown tables: what was found, and what was handed in."""
    lines = ["| | |", "|---|--:|"]
    for name, value in found.items():
        lines.append(f"| {name} | {len(value) if isinstance(value, list) else value} |")
        lines += [f"| | {item} |" for item in (value[:20] if isinstance(value, list) else [])]
    lines += ["", "| handed in | submissions |", "|---|--:|", *(f"| {kind} | {count} |" for kind, count in counts.items())]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

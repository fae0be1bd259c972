"""Every assignment: solved it gets all points, blank none, and each planted mistake loses exactly its tests.

A submission takes a second to grade, so it has several mistakes, at most one in a task: a test speaks of its own task alone,
so the tests that fail tell which mistakes were found. nbgrader takes seconds, and is given the common mistakes alone.
"""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from assignments.planted import ROOT, SOURCES, load, load_common, plant, rounds

from tinygan.grading.grade import grade_one
from tinygan.grading.run import Limits, make_caches
from tinygan.grading.source import as_notebook, as_script, as_text, read_source, release, solved
from tinygan.grading.submission import Submission, read

spec = importlib.util.spec_from_file_location("make_assignments", ROOT / "tools" / "make_assignments.py")
make_assignments = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_assignments)

ROUNDS = [(name, i) for name in SOURCES for i in range(len(rounds(load(name))))]
assignments = pytest.mark.parametrize("name", SOURCES)


@pytest.fixture(scope="module")
def caches(tmp_path_factory):
    """Matplotlib's list of fonts, made once, where an assignment draws."""
    draws = any("matplotlib" in path.read_text(encoding="utf-8") for path in SOURCES.values())
    return make_caches(tmp_path_factory.mktemp("caches")) if draws else None


def graded(path, assignment, text, caches):
    """Return the Grade of a student's file with this text."""
    path.write_text(text, encoding="utf-8")
    submission = read(Submission("anna", path, assignment.name))
    assert submission.readable, submission.remarks
    return grade_one(submission, assignment, Limits(seconds=20), caches)


@assignments
@pytest.mark.parametrize("kind", ["notebook", "script"])
def test_solved_gets_all_points(name, kind, tmp_path, caches):
    """A script is graded as a notebook is, so tests that may take longer (`seconds=`) are run for the notebook alone."""
    assignment = read_source(SOURCES[name])
    if kind == "script":
        assignment = replace(assignment, cells=tuple(cell for cell in assignment.cells if not cell.seconds))
    text = as_text(as_notebook(solved(assignment))) if kind == "notebook" else as_script(solved(assignment))
    grade = graded(tmp_path / f"anna.{'ipynb' if kind == 'notebook' else 'py'}", assignment, text, caches)
    assert [(test.id, test.message) for test in grade.tests if not test.ok] == []
    assert grade.points == grade.out_of and grade.remarks == []
    assert 20 <= grade.out_of <= 30 or kind == "script"


@assignments
def test_blank_gets_none(name, tmp_path, caches):
    assignment = read_source(SOURCES[name])
    grade = graded(tmp_path / "anna.ipynb", assignment, as_text(as_notebook(release(assignment))), caches)
    assert [test.id for test in grade.tests if test.ok] == [] and grade.points == 0
    assert len(grade.tests) == len(assignment.tests)


@assignments
def test_a_mistake_is_of_one_task(name):
    for mistake in load(name):
        assert {test.rstrip("abcdefghijk") for test in mistake.lost} == {mistake.task}, mistake.name


@pytest.mark.parametrize("name, i", ROUNDS, ids=[f"{name}-{i}" for name, i in ROUNDS])
def test_mistakes_lose_their_tests(name, i, tmp_path, caches):
    """A test that may take longer (`seconds=`) is run for the mistakes of its own task; nbgrader runs it always."""
    assignment, group = read_source(SOURCES[name]), rounds(load(name))[i]
    wrong = {mistake.task for mistake in group}
    cells = [cell for cell in assignment.cells if not cell.seconds or cell.task in wrong]
    grade = graded(
        tmp_path / "anna.ipynb",
        type(assignment)(assignment.name, assignment.title, tuple(cells)),
        as_text(as_notebook(plant(name, group, tmp_path))),
        caches,
    )
    expected = {test for mistake in group for test in mistake.lost}
    assert {test for test, _ in grade.lost} == expected, [m.name for m in group] + [
        (t.id, t.message) for t in grade.tests if not t.ok
    ]
    points = sum(cell.points for cell in cells if cell.id in expected)
    assert grade.out_of - grade.points == points > 0
    for test in grade.tests:
        assert test.ok or len(test.message) > 20, f"{test.id} says {test.message!r}"


@assignments
def test_nbgrader_agrees(name, tmp_path):
    """One course: a student who solved it, one who did nothing, and one for every round of common mistakes."""
    assignment, groups = read_source(SOURCES[name]), rounds(load_common(name))
    list(make_assignments.write_course(tmp_path, {name: SOURCES[name]}))
    students = {"solved": solved(assignment), "blank": release(assignment)}
    students |= {f"round-{i}": plant(name, group, tmp_path) for i, group in enumerate(groups)}
    for student, version in students.items():
        folder = tmp_path / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(as_text(as_notebook(version)), encoding="utf-8")
    words = [sys.executable, str(Path(__file__).with_name("nbgrade.py")), str(tmp_path), name]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TINYGAN_THREADS": "1"}
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    scores = json.loads(done.stdout.splitlines()[-1])
    points = {f"{name}-{test.id.replace('.', '-')}": test.points for test in assignment.tests}
    assert scores.keys() == students.keys()
    assert scores["solved"] == points
    assert scores["blank"] == dict.fromkeys(points, 0)
    for i, group in enumerate(groups):
        lost = {f"{name}-{test.replace('.', '-')}" for mistake in group for test in mistake.lost}
        expected = {test: 0 if test in lost else worth for test, worth in points.items()}
        assert scores[f"round-{i}"] == expected, [mistake.name for mistake in group]

    made = json.loads((tmp_path / "release" / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    ours = as_notebook(release(assignment))
    text = lambda notebook: ["".join(cell["source"]) for cell in notebook["cells"]]
    assert text(made) == text(ours), "nbgrader's release is not ours"


@assignments
def test_the_kept_notebook_is_what_its_source_says(name):
    """Run `python tools/make_assignments.py` after every change of an assignment."""
    kept = SOURCES[name].with_suffix(".ipynb").read_text(encoding="utf-8")
    assert kept == make_assignments.student_notebook(SOURCES[name])
    for secret in ("BEGIN SOLUTION", "BEGIN HIDDEN"):
        assert secret not in kept


@assignments
def test_every_task_has_a_mistake(name):
    tasks = {cell.id for cell in read_source(SOURCES[name]).cells if cell.kind == "task"}
    assert {mistake.task for mistake in load(name)} == tasks

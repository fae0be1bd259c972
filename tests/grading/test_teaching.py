"""The lecturer's page keeps its word: its assignment grades, its files are right, its table of points is the sources'."""

import json
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import yaml
from assignments.planted import SOURCES

from tinygan.cli import main
from tinygan.grading.source import as_script, read_source, release, solved

PAGE = (Path(__file__).parents[2] / "docs" / "teaching.md").read_text(encoding="utf-8")


def block(language, beginning):
    """Return the block of the page in which `beginning` occurs."""
    return next(text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.S) if beginning in text)


@pytest.fixture
def handed_in(tmp_path, monkeypatch):
    """A folder with the page's own assignment, and a solved and an empty version of it handed in."""
    monkeypatch.chdir(tmp_path)
    Path("ps9_scale.py").write_text(block("python", "task=9.1"))
    assignment = read_source("ps9_scale.py")
    Path("submitted").mkdir()
    for student, version in {"ada": solved(assignment), "bob": release(assignment)}.items():
        Path("submitted", f"{student}.py").write_text(as_script(version))
    return tmp_path


def test_an_assignment_of_ones_own(handed_in, capsys):
    assert main(["grade", "submitted", "--assignment", "ps9_scale.py", "--out", "graded"]) == 0
    table = Path("graded/grades.csv").read_text().splitlines()
    assert table[0] == "student,assignment,points,out_of,lost,remark"
    assert table[1].startswith("ada,ps9,3,3,,") and table[2].startswith('bob,ps9,0,3,"9.1a 1, 9.1b 2"')
    assert "2 graded" in capsys.readouterr().out


def test_the_students_notebook_of_ones_own_assignment(handed_in, monkeypatch, capsys):
    tool = Path(__file__).parents[2] / "tools" / "make_assignments.py"
    monkeypatch.setattr("sys.argv", ["make_assignments.py", "ps9_scale.py"])
    runpy.run_path(str(tool), run_name="__main__")
    assert capsys.readouterr().out == "ps9_scale.ipynb\n"
    assert "return g * s" not in Path("ps9_scale.ipynb").read_text()
    for file, points in (("ps9_scale.py", 3), ("ps9_scale.ipynb", 0)):
        assert main(["grade", file, "--assignment", "ps9_scale.py", "--out", "graded"]) == 0
        assert f",ps9,{points},3," in Path("graded/grades.csv").read_text()
    monkeypatch.setattr("sys.argv", ["make_assignments.py", "scale.py"])
    with pytest.raises(SystemExit):
        runpy.run_path(str(tool), run_name="__main__")
    assert "expected a name like" in capsys.readouterr().err


def test_ctrl_c_says_that_nothing_was_written(handed_in, monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("tinygan.grading.grade.grade_all", interrupt)
    assert main(["grade", "submitted", "--assignment", "ps9_scale.py", "--out", "graded"]) == 130
    assert capsys.readouterr().err == "tinygan: grade: stopped; nothing was written to graded\n"
    assert not Path("graded").exists()


def test_tests_are_told_whose_file_it_is(handed_in):
    test = '\n# %% test=9.1c points=1\nimport os\nassert os.environ["TINYGAN_STUDENT"] == "ada"\n'
    Path("ps9_scale.py").write_text(Path("ps9_scale.py").read_text() + test)
    assert main(["grade", "submitted/ada.py", "--assignment", "ps9_scale.py", "--out", "graded"]) == 0
    assert ",4,4,," in Path("graded/grades.csv").read_text()
    Path("submitted/ada.py").rename("submitted/eve.py")
    assert main(["grade", "submitted/eve.py", "--assignment", "ps9_scale.py", "--out", "graded"]) == 0
    assert "9.1c 1" in Path("graded/grades.csv").read_text()


def test_results_for_gradescope(handed_in):
    main(["grade", "submitted/ada.py", "--assignment", "ps9_scale.py", "--out", "graded"])
    Path("results").mkdir()
    exec(block("python", "results.json").replace("/autograder/", f"{handed_in}/"), {})
    results = json.loads(Path("results/results.json").read_text())
    assert results["score"] == 3 and results["output_format"] == "html" and "9.1a" in results["output"]


def test_a_task_for_each_student():
    drawn = set()
    for student in ("ada", "bob", "eve", "kim"):
        names = {}
        exec(block("python", "width, stride").replace('"ada"', repr(student)), names)
        drawn.add((names["width"], names["stride"]))
    assert len(drawn) > 1 and all(2 <= size < 6 for pair in drawn for size in pair)


def test_a_test_with_the_fixture(assert_gradients):
    names = {"affine_forward": lambda x, w, b: x @ w + b, "affine_backward": lambda g, x, w, b: (g @ w.T, x.T @ g, g.sum(0))}
    code = block("python", "def test_affine").replace("from layers import", "# ").replace("import numpy as np", "")
    exec(code, names | {"np": np}, names)
    names["test_affine"].__globals__.update(names)
    names["test_affine"](assert_gradients)


def test_the_workflow_is_yaml():
    steps = yaml.safe_load(block("yaml", "jobs:"))["jobs"]["grade"]["steps"]
    assert any("tinygan grade" in step.get("run", "") for step in steps)


def test_the_table_says_what_the_sources_are_worth():
    rows = dict(re.findall(r"^\| `(ps\d)` \|.*\| (\d+) \|$", PAGE, re.M))
    assert rows == {name: str(read_source(path).out_of) for name, path in SOURCES.items()}

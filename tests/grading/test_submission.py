"""Files as students hand them in: whatever is wrong with one is a remark, and no student is left out."""

import csv
import json
import os

import pytest
from grading.tiny import TEXT, grade_text, solution, write_tiny

from tinygan.cli import main
from tinygan.grading.grade import grade_all
from tinygan.grading.source import as_notebook, as_text, read_source, release, solved
from tinygan.grading.submission import MOST_BYTES, find_files, plan, read


@pytest.fixture
def notebook(tmp_path):
    """The JSON of the solved notebook."""
    return as_notebook(solved(read_source(write_tiny(tmp_path))))


def cell(notebook, grade_id):
    """Return the cell of a notebook that has this id of nbgrader's."""
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def test_both_formats_and_no_format_get_the_same(tmp_path, notebook):
    for text, suffix in ((as_text(notebook), ".ipynb"), (solution(tmp_path), ".py")):
        grade = grade_text(tmp_path, text, suffix)
        assert (grade.points, grade.out_of, grade.remarks) == (7, 7, [])
    plain = "def double(x):\n    return 2 * x\n\n\ndef add(a, b):\n    return a - b\n"
    grade = grade_text(tmp_path, plain)
    assert grade.lost == [("9.2a", 4)] and "run whole" in grade.remarks[0]
    grade = grade_text(tmp_path, plain + "raise ValueError('at the end')\n")
    assert grade.lost == [("9.2a", 4)] and "at the end" in grade.cells[0].message
    for entry in notebook["cells"]:
        entry["metadata"] = {}
    grade = grade_text(tmp_path, as_text(notebook), ".ipynb")
    assert grade.points == 7 and "run whole" in grade.remarks[0]


def test_what_a_student_does_to_our_cells_does_not_count(tmp_path, notebook):
    """Tests made empty, a given cell that lies, a test taken away: ours are run."""
    cell(notebook, "ps9-9-1")["source"] = "def double(x):\n    return x"
    cell(notebook, "ps9-9-1a")["source"] = ["assert True"]
    cell(notebook, "ps9-given-1")["source"] = "assert_gradients = print"
    notebook["cells"].remove(cell(notebook, "ps9-9-1b"))
    assert {test for test, _ in grade_text(tmp_path, as_text(notebook), ".ipynb").lost} == {"9.1a", "9.1b"}


def test_own_cells_run_where_they_stand(tmp_path, notebook):
    task = cell(notebook, "ps9-9-1")
    task["source"] = "def double(x):\n    return helper(x)"
    own = {"cell_type": "code", "metadata": {}, "source": "def helper(x):\n    return 2 * x"}
    notebook["cells"].insert(notebook["cells"].index(task), own)
    path = tmp_path / "anna.ipynb"
    path.write_text(as_text(notebook))
    steps = plan(read(find_files(path)[0], "ps9"), read_source(write_tiny(tmp_path)))
    kinds = " ".join(f"{step.kind} {step.id}".strip() for step in steps)
    assert kinds == "given own task 9.1 test 9.1a test 9.1b task 9.2 test 9.2a"
    assert grade_text(tmp_path, as_text(notebook), ".ipynb").lost == []


def test_missing_and_doubled_tasks_are_said(tmp_path, notebook):
    task = cell(notebook, "ps9-9-1")
    notebook["cells"].insert(0, {**task, "source": "def double(x):\n    return 0"})
    grade = grade_text(tmp_path, as_text(notebook), ".ipynb")
    assert grade.lost == [] and grade.remarks == ["task 9.1 is there twice; the last one counts"]
    notebook["cells"] = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") != "ps9-9-1"]
    grade = grade_text(tmp_path, as_text(notebook), ".ipynb")
    assert {t for t, _ in grade.lost} == {"9.1a", "9.1b"} and grade.remarks == ["missing: task 9.1"]


def test_a_notebook_that_jupyter_exported_as_a_script(tmp_path, notebook):
    """A test that fails in it ends no other cell. Our own cells in it are neither run twice nor shown as the student's."""
    cells = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
    text = "#!/usr/bin/env python\n# coding: utf-8\n\n"
    text += "".join(f"# In[{i or ' '}]:\n\n\n{cell}\n\n\n# ## The text that follows\n# \n\n" for i, cell in enumerate(cells))
    magic = "get_ipython().run_line_magic('matplotlib', 'inline')"
    text = text.replace("def double", f"{magic}\n\n\ndef double")
    grade = grade_text(tmp_path, text)
    assert grade.points == 7 and len(grade.remarks) == 1 and "run whole" in grade.remarks[0]
    grade = grade_text(tmp_path, text.replace("return 2 * x", "return 3 * x"))
    assert grade.points == 4 and {test for test, _ in grade.lost} == {"9.1a", "9.1b"} and grade.cells == []


def test_a_test_in_a_notebook_says_its_id_and_points(notebook):
    assert cell(notebook, "ps9-9-1a")["source"][0] == "# Test 9.1a (2 points)\n"
    assert cell(notebook, "ps9-9-1b")["source"][0] == "# Test 9.1b (1 point)\n"


def test_a_folder_without_a_file_to_read_says_what_to_do(tmp_path):
    for name in ("anna/work.zip", "bob/Homework 1/ps1.ipynb", "eve/essay.pdf"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"")
    said = {found.student: found.remarks[0] for found in find_files(tmp_path)}
    assert "unpack work.zip" in said["anna"] and "Homework 1" in said["bob"] and said["eve"].endswith("in the folder")


# A file's bytes, and what is said of it.
BAD = {
    "broken.ipynb": (b'{"cells": [', "is not JSON"),
    "empty.ipynb": (b"", "is not JSON"),
    "list.ipynb": (b"[]", "has no cells"),
    "old.ipynb": (b'{"worksheets": [], "nbformat": 3}', "has no cells"),
    "odd.ipynb": (b'{"cells": [3]}', "a cell that is none"),
    "deep.ipynb": (b"[" * 200_000, ""),
    "latin.py": ("# é".encode("latin-1"), "not UTF-8"),
    "nul.ipynb": (b"\x00\xff\xfe", "not UTF-8"),
    "huge.py": (b"#" * (MOST_BYTES + 1), "at most"),
    "essay.docx": (b"PK", "neither a notebook nor a .py file"),
    "work.zip": (b"PK", "unpack it"),
    "other.py": (b"# %% task=8.1\nx = 1\n", "wrong assignment: it is ps8, not ps9"),
    "named_ps8.py": (b"x = 1\n", "wrong assignment: it is ps8, not ps9"),
    "mixed.py": (b"# %% task=8.1\nx = 1\n# %% task=9.1\nx = 1\n", "wrong assignment"),
    "many.py": (b"# %%\nx = 1\n" * 1001, "at most 1,000"),
}


def test_every_student_has_a_row(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "handed in"
    folder.mkdir()
    source = write_tiny(tmp_path)
    (folder / "anna_ps9.py").write_text(solution(tmp_path), encoding="utf-8-sig")
    (folder / "syntax.py").write_text(solution(tmp_path, double="    return (\n"))
    (folder / "link.py").symlink_to(source)
    (folder / ".DS_Store").write_text("no student")
    for name, (content, _) in BAD.items():
        (folder / name).write_bytes(content)
    assert main(["grade", str(folder), "--assignment", str(source), "--jobs", "2"]) == 0
    printed = capsys.readouterr().out
    with open("grades/grades.csv", newline="", encoding="utf-8") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert sorted(rows) == sorted(["anna", "syntax", "link", "named", *(n.split(".")[0] for n in BAD if n != "named_ps8.py")])
    assert rows["anna"] == {"student": "anna", "assignment": "ps9", "points": "7", "out_of": "7", "lost": "", "remark": ""}
    assert rows["syntax"]["lost"] == "9.1a 2, 9.1b 1" and rows["syntax"]["points"] == "4"
    assert "cannot be read" in rows["link"]["remark"] and rows["link"]["points"] == "0"
    for name, (_, said) in BAD.items():
        row = rows[name.split(".")[0].removesuffix("_ps8")]
        assert said in row["remark"] and row["remark"] and row["points"] == "0" and row["out_of"] == "7", row
    assert len(printed.splitlines()) == len(rows) + 1 and f"{len(rows)} graded in" in printed
    assert len(os.listdir("grades/feedback")) == len(rows)


def test_nbgrader_s_folders(tmp_path):
    source, course = write_tiny(tmp_path), tmp_path / "course"
    text = as_text(as_notebook(solved(read_source(source))))
    for student, name, content in (("anna", "ps9.ipynb", text), ("bob", "mine.ipynb", text), ("carl", "notes.txt", "")):
        place = course / "submitted" / student / "ps9"
        place.mkdir(parents=True)
        (place / name).write_text(content)
    (course / "submitted" / "anna" / "ps9" / "ps9-Copy1.ipynb").write_text("{}")
    (course / "submitted" / "dora").mkdir()
    for target in (course, course / "submitted"):
        grades = grade_all(target, assignment=str(source))
        assert [(grade.student, grade.points) for grade in grades] == [("anna", 7), ("bob", 7), ("carl", 0), ("dora", 0)]
        assert grades[0].remarks == ["not looked at: ps9-Copy1.ipynb"] and "neither" in grades[3].remarks[0]


def test_two_files_of_one_student_both_have_a_row(tmp_path):
    source = write_tiny(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "anna_ps9.py").write_text(solution(tmp_path))
    (tmp_path / "in" / "anna_ps9.ipynb").write_text(as_text(as_notebook(release(read_source(source)))))
    grades = grade_all(tmp_path / "in", assignment=str(source))
    assert [grade.points for grade in grades] == [0, 7]
    assert ["2 files of this student" in " ".join(grade.remarks) for grade in grades] == [True, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no such file or folder"),
        ([".", "--seconds", "0"], "--seconds 0: expected a number above 0"),
        ([".", "--memory", "nan"], "--memory nan: expected a number above 0"),
        ([".", "--jobs", "-1"], "--jobs -1: expected a number above 0"),
        ([".", "--assignment", "ps99"], "there is no assignment ps99; there are ps1"),
        (["empty"], "nothing was handed in at empty"),
        (["ps9_tiny.py", "--assignment", "ps9_tiny.py", "--memory", "0.01"], "did not start"),
    ],
)
def test_what_cannot_be_done_is_said(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_tiny(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["grade", *words]) == 2
    assert said in capsys.readouterr().err


def test_the_assignment_is_found_by_its_tasks(tmp_path):
    """Without --assignment a file of tasks 1.1, 1.2, ... is ps1; one of which nothing is known says so."""
    (tmp_path / "anna.py").write_text("# %% task=1.1\npass\n")
    (tmp_path / "bob.py").write_text("x = 1\n")
    (tmp_path / "carl_ps77.py").write_text("x = 1\n")
    anna, bob, carl = grade_all(tmp_path, seconds=5)
    assert anna.assignment == "ps1" and anna.out_of > 0 and anna.points == 0
    assert bob.assignment == "" and "--assignment" in bob.remarks[0]
    assert carl.out_of == 0 and "there is no assignment ps77" in carl.remarks[0]


def test_the_source_is_checked(tmp_path):
    def said(old, new, name="ps9_tiny.py"):
        (tmp_path / name).write_text(TEXT.replace(old, new, 1))
        with pytest.raises(ValueError) as error:
            read_source(tmp_path / name)
        return str(error.value)

    assert "expected a name like" in said("", "", "tiny.py")
    assert "ids of ps8 begin with 8." in said("", "", "ps8_tiny.py")
    assert "9.1a is there twice" in said("test=9.1b", "test=9.1a")
    assert "expected task=2.1, or test=2.1a points=3" in said(" points=2", "")
    assert "whole numbers" in said("points=2", "points=1.5")
    assert "an id like 2.1 for a task" in said("task=9.1", "task=first")
    assert "a test follows its own task" in said("test=9.2a", "test=9.1c")
    assert "needs its ### END SOLUTION" in said("    ### END SOLUTION\n", "")
    assert "a task has ### BEGIN SOLUTION" in said("    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION", "")
    assert "belongs in a test" in said("import numpy as np\n", "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS\n")
    assert "at least one test" in said("# %% test=9.2a points=4\n", "# %%\n")
    assert "begins with # and the title" in said("# %% [markdown]\n# # Assignment 9 · Small\n# Two tasks.\n", "")


def test_the_release_holds_no_solution(tmp_path):
    text = json.dumps(as_notebook(release(read_source(write_tiny(tmp_path)))))
    assert "secret" not in text and "2 * x\\n" not in text and text.count("raise NotImplementedError()") == 2

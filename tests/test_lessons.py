"""The lessons: each notebook is its source's, runs as a reader would run it, and looks as a reader should see it."""

import importlib.util
import re
import sys
import types
from pathlib import Path

import nbformat
import pytest

from tinygan.cli import main

ROOT = Path(__file__).parent.parent

spec = importlib.util.spec_from_file_location("make_lessons", ROOT / "tools" / "make_lessons.py")
make_lessons = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make_lessons)

SOURCES = make_lessons.sources()
lessons = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def stored(source):
    """The notebook that is kept beside a source."""
    return nbformat.read(source.with_suffix(".ipynb"), as_version=nbformat.NO_CONVERT)


@lessons
def test_notebook_is_what_its_source_says(source):
    """Run `python tools/make_lessons.py NN` after every change of a lesson."""
    of_source, kept = make_lessons.notebook_of(source), stored(source)
    cells = lambda notebook: [(cell.cell_type, cell.source) for cell in notebook.cells]
    assert cells(kept) == cells(of_source), f"python tools/make_lessons.py {source.name[:2]}"


@lessons
def test_kept_outputs_are_whole_small_and_quiet(source):
    kept = stored(source)
    code = [cell for cell in kept.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1)), "not run from top to bottom"
    assert make_lessons.faults(kept) == []
    assert source.with_suffix(".ipynb").stat().st_size <= make_lessons.MOST_IN_A_NOTEBOOK
    assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs), "no picture"


@lessons
def test_says_what_it_is(source):
    number = source.name[:2]
    cells = make_lessons.notebook_of(source).cells
    first, text = cells[0].source, "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert first.startswith(f"# {number} · ")
    for line in ("You will build", "You need", "Time"):
        assert f"\n**{line}:** " in first, line
    assert re.search(r"^\*\*Time:\*\* \d+ minutes", first, re.M)
    for heading in ("## Exercises", "## Sources"):
        assert f"{heading}\n" in text, heading
    assert text.count("<details>") == text.count("</details>") >= 1 and "<summary>Hint</summary>" in text


@lessons
def test_code_fits_on_the_page(source):
    for cell in make_lessons.notebook_of(source).cells:
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= 110, cell.source


@lessons
def test_every_exercise_says_when_it_is_solved(source):
    """By a cell that checks the answer, or by a criterion; a hint hints, and a solution is folded apart."""
    notebook = make_lessons.notebook_of(source)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown").split("## Exercises\n")[1]
    exercises = re.split(r"^\*\*(\d+)\.\*\* ", text.split("\n## ")[0], flags=re.M)[1:]
    numbers = [int(number) for number in exercises[::2]]
    assert numbers == list(range(1, len(numbers) + 1)) and numbers
    checked = make_lessons.solve(notebook)
    for number, exercise in zip(numbers, exercises[1::2]):
        assert number in checked or "**Right if:** " in exercise, f"exercise {number} has no check and no criterion"
        assert "<summary>Hint</summary>\n\n" in exercise and "<summary>Solution</summary>\n\n" in exercise, number


@lessons
def test_runs_quickly_and_quietly_and_its_solutions_are_right(source, capsys):
    notebook = make_lessons.notebook_of(source)
    checked = make_lessons.solve(notebook)
    seconds = make_lessons.run(notebook, fast=True)
    said = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert [number for number in checked if f"exercise {number} is right" not in said] == []
    with capsys.disabled():
        sys.stdout.write(f"\n{source.stem}: {seconds:.1f} s of processor time ")
    make_lessons.tidy(notebook)
    assert make_lessons.faults(notebook) == []
    assert seconds <= make_lessons.MOST_SECONDS


def test_text_is_renewed_and_changed_code_is_refused(tmp_path):
    source = tmp_path / SOURCES[1].name
    text = SOURCES[1].read_text().replace("# **You need:** ", "# **You need:** patience, ", 1)
    source.write_text(re.sub(r"(# exercise 1: )", r"\1patience, ", text))
    source.with_suffix(".ipynb").write_bytes(SOURCES[1].with_suffix(".ipynb").read_bytes())
    make_lessons.renew_text(source)
    renewed, kept = stored(source), stored(SOURCES[1])
    changed = [new.source for old, new in zip(kept.cells, renewed.cells, strict=True) if new != old]
    assert len(changed) == 2 and all("patience" in source for source in changed)
    source.write_text(source.read_text().replace("import", "import this, ", 1))
    with pytest.raises(SystemExit, match="make_lessons.py 01"):
        make_lessons.renew_text(source)


# --- tinygan lessons -------------------------------------------------------------------------------------------


def test_copies_out_once_and_leaves_what_was_changed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tinygan.lessons.find_spec", lambda name: None)  # as if JupyterLab were not installed
    folder = tmp_path / "mine"
    assert main(["lessons", str(folder)]) == 0
    assert "pip install jupyterlab" in capsys.readouterr().out
    assert [path.name for path in sorted(folder.glob("*.*"))] == [path.stem + ".ipynb" for path in SOURCES]
    first, second = sorted(folder.iterdir())[:2]
    first.write_text("mine")
    second.unlink()
    assert main(["lessons", str(folder)]) == 0
    assert f"left as you changed them: {first.name};" in capsys.readouterr().out
    assert first.read_text() == "mine" and second.read_bytes() == (ROOT / "lessons" / second.name).read_bytes()


def test_students_get_the_assignments_without_their_sources(tmp_path):
    from tinygan.lessons import copy_out

    expected = [path.stem + ".ipynb" for path in sorted((ROOT / "lessons" / "assignments").glob("ps*.py"))]
    assert copy_out(tmp_path) == [] and len(expected) >= 8
    copied = sorted((tmp_path / "assignments").iterdir())
    assert [path.name for path in copied] == expected
    copied[0].write_text("solved")
    assert copy_out(tmp_path) == [f"assignments/{expected[0]}"] and copied[0].read_text() == "solved"


def test_opens_the_first_lesson_in_jupyterlab(tmp_path, monkeypatch):
    started = []
    done = types.SimpleNamespace(returncode=0)
    monkeypatch.setattr("tinygan.lessons.find_spec", lambda name: object())
    monkeypatch.setattr("tinygan.lessons.subprocess.run", lambda command, env: started.append(command) or done)
    assert main(["lessons", str(tmp_path)]) == 0
    assert started == [[sys.executable, "-m", "jupyterlab", str(tmp_path / SOURCES[0].with_suffix(".ipynb").name)]]

"""Makes lessons/NN_name.ipynb from lessons/NN_name.py: run from the first cell to the last, with its pictures kept.

    python tools/make_lessons.py 01 07         trains in full and writes the notebooks of lessons 01 and 07
    python tools/make_lessons.py --fast 01     runs it as the tests do, TINYGAN_FAST=1, its exercises solved; writes nothing
    python tools/make_lessons.py --text 01     runs nothing: puts changed text and exercises into a notebook
    python tools/make_lessons.py               all of them, in full

The source is a Python file in jupytext's percent format. What would differ from one run to the next (times, random cell
numbers) is left out of the notebook, and pictures get a palette of 256 colours, which halves them. Needs
`pip install -e '.[test]'`. tests/test_lessons.py uses the functions of this file.
"""

import argparse
import base64
import io
import os
import re
import sys
from pathlib import Path

LESSONS = Path(__file__).resolve().parent.parent / "lessons"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
MOST_IN_A_PICTURE, MOST_IN_A_NOTEBOOK = 60_000, 400_000  # bytes
MOST_SECONDS = 90  # of processor time, in fast mode
BLANK = re.compile(r"^\w+ = None  # exercise (?P<number>\d+): .*$", re.M)  # the line that a reader replaces
SOLUTION = r"<summary>Solution</summary>\n\n```python\n(.*?)\n```"
# The reader's own session, but for progress bars, and one thread: sums come out the same on every number of cores.
ENVIRONMENT = {
    "TINYGAN_PROGRESS": "0", "OPENBLAS_NUM_THREADS": "1", "TINYGAN_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}  # fmt: skip


def sources(wanted=()):
    """The sources of the lessons whose numbers are `wanted`, or of all, in order."""
    found = sorted(LESSONS.glob("[0-9][0-9]_*.py"))
    missing = set(wanted) - {path.name[:2] for path in found}
    if missing:
        sys.exit(f"no lesson {', '.join(sorted(missing))} in {LESSONS}")
    return [path for path in found if not wanted or path.name[:2] in wanted]


def notebook_of(source):
    """The notebook, without outputs, that a source in percent format stands for."""
    import jupytext

    notebook = jupytext.reads(source.read_text(), fmt="py:percent")
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{i}", {}
    return notebook


def solve(notebook):
    """Put folded solutions where readers' answers go. Return the numbers of the exercises that check an answer."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    checked = []
    for cell in notebook.cells:
        blank = BLANK.search(cell.source) if cell.cell_type == "code" else None
        if blank:
            number = blank["number"]
            of_exercise = re.search(rf"^\*\*{number}\.\*\* .*?(?=^\*\*\d+\.\*\* |^## |\Z)", text, re.M | re.S)
            code = re.search(SOLUTION, of_exercise[0] if of_exercise else "", re.S)
            if not code:
                raise ValueError(f"exercise {number} checks an answer, and no folded Solution has code")
            cell.source = cell.source.replace(blank[0], code[1])
            checked.append(int(number))
    return checked


def run(notebook, fast):
    """Run all cells, which get their outputs; returns the seconds of processor time. Raises what a cell raises."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell

    probe = new_code_cell("import time as _time; print(_time.process_time())")
    notebook.cells.append(probe)
    environment = {**os.environ, **ENVIRONMENT, "TINYGAN_FAST": "1" if fast else ""}
    client = NotebookClient(
        notebook, timeout=1800, kernel_name="python3", coalesce_streams=True, resources={"metadata": {"path": str(LESSONS)}},
        extra_arguments=["--log-level=ERROR", "--InlineBackend.figure_formats={'retina'}"],
    )  # fmt: skip
    try:
        client.execute(env=environment)
    finally:
        notebook.cells.pop()
    return float(probe.outputs[0].text)


def tidy(notebook):
    """Take away what changes by itself, and make the pictures small."""
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data = {"image/png": _smaller(output.data["image/png"])}  # and no text beside it


def _smaller(png):
    from PIL import Image

    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    buffer = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        buffer, "PNG", optimize=True
    )
    smallest = min(buffer.getvalue(), base64.b64decode(png), key=len)
    return base64.b64encode(smallest).decode()


def faults(notebook):
    """What a reader should not find in a notebook's outputs: a list of sentences, empty if all is well."""
    found = []
    for i, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            text = output.get("text", "") + "".join(output.get("data", {}).get("text/plain", ""))
            picture = len(base64.b64decode(output.get("data", {}).get("image/png", "")))
            if output.output_type == "error":
                found.append(f"cell {i} raises {output.ename}")
            if output.get("name") == "stderr":
                found.append(f"cell {i} writes to stderr (a warning, a progress bar?): {text[:200]}")
            if re.search(r"\d+%\||it/s|Warning:", text):
                found.append(f"cell {i} leaves a progress bar or a warning: {text[:200]}")
            if re.search(r"0x[0-9a-f]{8}", text):
                found.append(f"cell {i} prints an address, another in every run: {text[:200]}")
            if picture > MOST_IN_A_PICTURE:
                found.append(f"cell {i} has a picture of {picture:,} bytes, more than {MOST_IN_A_PICTURE:,}")
    return found


def written(notebook):
    """The notebook as the text of its file."""
    import nbformat

    return nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n"


def _code_that_runs(notebook):
    """Return the code of each cell, None for text; of an exercise, which does nothing while it is blank, its number."""
    blank = lambda cell: BLANK.search(cell.source)
    return [
        None if cell.cell_type != "code" else blank(cell)["number"] if blank(cell) else cell.source for cell in notebook.cells
    ]


def renew_text(source):
    """Give a notebook the text and the blank exercises of its source; SystemExit if other code differs from its source's."""
    import nbformat

    path, new = source.with_suffix(".ipynb"), notebook_of(source)
    kept = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    if _code_that_runs(kept) != _code_that_runs(new):
        sys.exit(f"{source.name}: code was changed, or cells were added: python tools/make_lessons.py {source.name[:2]}")
    for cell, changed in zip(kept.cells, new.cells):
        cell.source = changed.source
    path.write_text(written(kept))


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description="Run the lessons and write their notebooks.")
    parser.add_argument("numbers", nargs="*", metavar="NN", help="lessons, by number; all if none is given")
    parser.add_argument("--fast", action="store_true", help="shorter training, as in the tests; writes nothing")
    parser.add_argument("--text", action="store_true", help="only puts changed text and blank exercises there")
    options = parser.parse_args()
    if options.text:
        for source in sources(options.numbers):
            renew_text(source)
        return
    bad = False
    for source in sources(options.numbers):
        notebook = notebook_of(source)
        if options.fast:
            solve(notebook)
        seconds = run(notebook, options.fast)
        tidy(notebook)
        text, problems = written(notebook), faults(notebook)
        if len(text.encode()) > MOST_IN_A_NOTEBOOK:
            problems.append(f"the notebook has {len(text):,} bytes, more than {MOST_IN_A_NOTEBOOK:,}")
        if options.fast and seconds > MOST_SECONDS:
            problems.append(f"{seconds:.0f} s of processor time, more than {MOST_SECONDS}")
        print(f"{source.stem:28} {seconds:6.1f} s of processor time, {len(text.encode()) / 1000:4.0f} kB", flush=True)
        for problem in problems:
            print(f"    {problem}", flush=True)
        bad |= bool(problems)
        if not options.fast:
            source.with_suffix(".ipynb").write_text(text)
    return bad


if __name__ == "__main__":
    sys.exit(main())

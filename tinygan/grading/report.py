"""What teacher and student get: grades.csv, and a page of feedback for each submission.

Names and messages come from students. In the table no cell begins as a formula does; on a page everything is escaped, and a
page loads nothing and runs nothing.
"""

import csv
import io
import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from tinygan.files import printable, sentence, written_whole
from tinygan.grading.grade import Grade, Judged

COLUMNS = ("student", "assignment", "points", "out_of", "lost", "remark")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a;
background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-top: 1px solid #ccc; white-space: nowrap }
td:last-child { width: 100% }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: .2rem .5rem; margin: 0; max-height: 20rem;
overflow: auto }
.passed { color: #176117 } .failed { color: #a11212 }
"""


def write_reports(grades: Sequence[Grade], out: str | Path) -> list[Path]:
    """Write OUT/grades.csv and OUT/feedback/STUDENT_psN.html, and return the pages in the order of `grades`."""
    out = Path(out)
    (out / "feedback").mkdir(parents=True, exist_ok=True)
    pages, taken = [], set()
    for grade in grades:
        name = stem = re.sub(r"[^\w.-]+", "_", f"{grade.student[:80]}_{grade.assignment or 'unknown'}").lstrip(".")
        count = 1
        while name.lower() in taken:  # two students, or two files of one
            count += 1
            name = f"{stem}-{count}"
        taken.add(name.lower())
        pages.append(out / "feedback" / f"{name}.html")
        _write(pages[-1], page(grade))
    _write(out / "grades.csv", table(grades))
    return pages


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))


def table(grades: Sequence[Grade]) -> str:
    """Return grades.csv, a line for each submission."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for grade in grades:
        rows.writerow(_harmless(value) for value in row(grade))
    return text.getvalue()


def row(grade: Grade) -> tuple[str, str, int, int, str, str]:
    """Return (student, assignment, points, out of, tests lost, remark)."""
    lost = ", ".join(f"{name} {points}" for name, points in grade.lost)
    remark = sentence("; ".join(grade.remarks))
    return sentence(grade.student), grade.assignment, grade.points, grade.out_of, lost, remark


def _harmless(value: str | int) -> str | int:
    """Return a value that a spreadsheet takes for text: =cmd|... in a student's name is '=cmd|..."""
    dangerous = isinstance(value, str) and value.lstrip()[:1] in ("=", "+", "-", "@", "|", "%")
    return f"'{value}" if dangerous else value


def page(grade: Grade) -> str:
    """Return the page of feedback, one HTML file that needs no other."""
    title = f"{grade.student}: {grade.assignment or 'not known'}"
    parts = [f"<p><strong>{grade.points} of {grade.out_of} points</strong></p>"]
    if grade.remarks:
        items = "".join(f"<li>{_text(remark)}</li>" for remark in grade.remarks)
        parts.append(f"<h2>Remarks</h2><ul>{items}</ul>")
    if grade.tests:
        rows = "".join(_row(test) for test in grade.tests)
        parts.append(f"<h2>Tests</h2><table><tr><th>Test<th>Points<th>Why</tr>{rows}</table>")
    cells = [f"<h3>{_text(cell.id)}</h3>{_details(cell)}" for cell in grade.cells]
    if cells:
        parts.append(f"<h2>Your cells</h2>{''.join(cells)}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{STYLE}</style><h1>{_text(title)}</h1>{''.join(parts)}</html>\n"
    )


def _row(test: Judged) -> str:
    kind, got = ("passed", test.points) if test.ok else ("failed", 0)
    return f'<tr class="{kind}"><td>{_text(test.id)} {kind}<td>{got} of {test.points}<td>{_details(test)}</tr>'


def _details(cell: Judged) -> str:
    message = f"<pre>{_text(cell.message)}</pre>" if cell.message else ""
    output = f"<details><summary>What it printed</summary><pre>{_text(cell.output)}</pre></details>" if cell.output else ""
    return message + output


def _text(text: str) -> str:
    return escape(printable(text))

"""What is written: a table that no spreadsheet obeys, and pages that show text and nothing else."""

import csv
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tinygan.grading.grade import Grade, Judged
from tinygan.grading.report import page, table, write_reports


def grade(student="anna", message="", output="", remarks=()):
    tests = [Judged("9.1a", 2, True, "", ""), Judged("9.1b", 1, False, message, output)]
    return Grade(student, "ps9", Path("x"), 3, tests, [Judged("task 9.1", 0, False, message, output)], list(remarks))


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "=1\n2", "\r=1", "|x", "%x"])
def test_no_cell_is_a_formula(name):
    rows = list(csv.reader(io.StringIO(table([grade(name, remarks=[name])]))))
    assert len(rows) == 2 and rows[1][2:4] == ["2", "3"]
    for cell in rows[1]:
        assert cell.lstrip()[:1] not in ("=", "+", "-", "@", "|", "%"), cell
        assert cell.replace("\t", "").isprintable()


def test_names_keep_their_letters():
    for name in ("Ana Núñez", "王小明", 'O"Brien, Pat'):
        assert list(csv.reader(io.StringIO(table([grade(name)]))))[1] == [name, "ps9", "2", "3", "9.1b 1", ""]


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        assert not any(name.startswith("on") or name in ("src", "href", "style") for name, _ in attributes)

    def handle_data(self, data):
        self.text += data


def test_a_page_shows_what_students_write_and_does_not_run_it():
    evil = '<script>alert("x")</script></pre><img src=x onerror=alert(1)>&amp;\x1b[31m\x00'
    parsed = Tags(page(grade(evil, evil, evil, [evil])))
    assert not {"script", "img"} & set(parsed.tags)
    assert '<script>alert("x")</script></pre><img src=x onerror=alert(1)>&amp;\\x1b[31m\\x00' in parsed.text
    assert "2 of 3 points" in parsed.text and "1 of 1" not in parsed.text and "0 of 1" in parsed.text
    assert not re.search(r"https?://", page(grade()))


def test_every_submission_has_a_page_of_its_own(tmp_path):
    names = ["anna", "anna", "ANNA", "../../etc/passwd", "a/b", "a_b", ".", "", "x" * 300, "王", "a\nb", "\udcff"]
    pages = write_reports([grade(name) for name in names], tmp_path / "out")
    assert len({str(path).lower() for path in pages}) == len(names)
    assert sorted(pages) == sorted((tmp_path / "out" / "feedback").iterdir())
    assert all(path.read_text(encoding="utf-8").startswith("<!doctype html>") for path in pages)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["feedback", "grades.csv"]

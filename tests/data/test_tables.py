"""CSV files as strangers write them: decimals, thousands, units, time; what is left out is said, what is unclear refused."""

import tracemalloc

import numpy as np
import pytest

from tinygan.data import DataError, read_csv
from tinygan.data.tables import find_spread_fault


def table(tmp_path, text, columns=""):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    return read_csv(path, columns)


READ = {  # file: (values of the only column left, a part of the note)
    "decimal commas": ("d;v\nx;1,5\nx;2,25\n", [1.5, 2.25], "'1,5' was read as 1.5"),
    "decimal commas, no names": ("x;1,5\nx;2,25\n", [1.5, 2.25], "'1,5' was read as 1.5"),
    "decimal commas, tabs": ("d\tv\nx\t1,5\nx\t-2\n", [1.5, -2], "'1,5' was read as 1.5"),
    "quoted decimal commas": ('d,v\nx,"1,5"\nx,"2,25"\n', [1.5, 2.25], "'1,5' was read as 1.5"),
    "thousands after decimal commas": ("d;v\nx;1.234,5\nx;1.234.567\n", [1234.5, 1234567], "'1.234,5' was read as 1234.5"),
    "thousands before a point": ('d,v\nx,"1,234.5"\nx,"1,234"\n', [1234.5, 1234], "'1,234.5' was read as 1234.5"),
    "millions": ('d,v\nx,"1,234,567"\nx,"12"\n', [1234567, 12], "was read as 1234567"),
    "spaces in thousands": ("d;v\nx;1 234\nx;12 345,5\n", [1234, 12345.5], "was read as"),
    "narrow spaces in thousands": ("d;v\nx;1\u202f234\nx;12\u00a0345,5\n", [1234, 12345.5], "was read as"),
    "apostrophes in thousands": ("d;v\nx;1'234.5\nx;2\n", [1234.5, 2], "\"1'234.5\" was read as 1234.5"),
    "percent": ("d,v\nx,12%\nx,12.5 %\n", [12, 12.5], "'12%' was read as 12"),
    "currency": ('d,v\nx,"$1,234.50"\nx,-$5\n', [1234.5, -5], "'$1,234.50' was read as 1234.5"),
    "currency behind": ("d;v\nx;1.234,50 \u20ac\nx;5 \u20ac\n", [1234.5, 5], "was read as 1234.5"),
    "a true minus": ("d,v\nx,\u22125.5\nx,3.5\n", [-5.5, 3.5], "was read as -5.5"),
    "a zero before the comma is no thousand": ("d;v\nx;0,125\nx;0,250\n", [0.125, 0.25], "'0,125' was read as 0.125"),
}


@pytest.mark.parametrize("case", READ)
def test_numbers_are_understood_where_one_reading_is_possible(case, tmp_path):
    text, values, says = READ[case]
    found = table(tmp_path, text)
    assert found.values[:, 0].tolist() == values and found.values.shape[1] == 1
    assert any(says in note for note in found.notes) and any(note.startswith("left out: column") for note in found.notes)


def test_thousands_with_three_digits_are_read_as_the_rest_of_the_file_is(tmp_path):
    found = table(tmp_path, "a;b\n1,5;1.234\n2,5;5.678\n")
    assert found.values.tolist() == [[1.5, 1234], [2.5, 5678]] and any("'1.234' was read as 1234" in n for n in found.notes)
    found = table(tmp_path, 'a,b\n1.5,"1,234"\n2.5,"5,678"\n')
    assert found.values.tolist() == [[1.5, 1234], [2.5, 5678]]
    assert table(tmp_path, "a\n1.234\n5.678\n").values[:, 0].tolist() == [1.234, 5.678]  # what every program writes


UNCLEAR = {
    "either": ('d,v\nx,"1,234"\nx,"5,678"\n', "line 2, column 'v': '1,234' may be 1234 or 1.234"),
    "both": ("a;b\n1,5;x\n2.5;x\n", "'2.5' in line 3 has a decimal point, '1,5' in line 2 a decimal comma"),
    "a unit": ("a,b\n1,2\n3 km,4\n", "line 3, column 'a': '3 km' is not a number"),
    "an underscore": ("a\n1_000\n2\n", "'1_000' is not a number"),
    "a comma in a file of commas": ("a\n1,5\n2,5\n", "line 2 has 2 values where the first has 1; .*semicolons"),
    "too large to scale": ("a,b\n1,1e308\n2,-1e308\n3,0\n", "column 'b' goes from -1e\\+308 to 1e\\+308"),
    "too small to scale": ("a,b\n1,0\n2,1e-323\n3,0\n", "column 'b' goes from 0 to 9.88\\d*e-324"),
    "escape sequences": ("a,\x1b[2Jb\n1,2\n1,x\n", r"column '\\x1b\[2Jb'|column '\\\\x1b\[2Jb'"),
    "a long name": ("a," + "b" * 9000 + "\n1,2\n1,x\n", r"column 'b{37}\.\.\.': 'x'"),
    "too many columns": ("," * 20_000 + "1\n", "20,001 columns; expected 10,000 at most"),
    "U+2028 is a character": ("a,b\n1,2\u20283,4\n", "line 2 has 3 values"),
    "infinity": ("a\n1\n-inf\n", "'-inf' is not a number"),
}


@pytest.mark.parametrize("case", UNCLEAR)
def test_what_is_unclear_is_quoted(case, tmp_path):
    text, says = UNCLEAR[case]
    with pytest.raises(DataError, match=says) as error:
        table(tmp_path, text)
    assert str(error.value).isprintable() and len(str(error.value)) < 400


ROWS = 12
TIMES = {
    "years": ("year", range(1990, 1990 + ROWS)),
    "years that fall": ("x", range(1990, 1990 - ROWS, -1)),
    "an index": ("", range(ROWS)),
    "seconds": ("seconds", [f"{k / 10:.1f}" for k in range(ROWS)]),
    "years of several rows": ("Year", [1990 + k // 4 for k in range(ROWS)]),
    "dates as numbers": ("date", [20200125 + k + 69 * (k > 6) for k in range(ROWS)]),
}


@pytest.mark.parametrize("case", TIMES)
def test_time_is_not_learned_as_if_it_were_measured(case, tmp_path):
    name, cells = TIMES[case]
    noise = np.random.default_rng(0).standard_normal(ROWS).round(3)
    text = f"{name},noise\n" + "".join(f"{a},{b}\n" for a, b in zip(cells, noise))
    found = table(tmp_path, text)
    assert found.names == ["noise"] and found.values[:, 0].tolist() == noise.tolist()
    (note,) = found.notes
    assert "which only counts on (" in note
    remedy = note.partition("--set columns=")[2]
    assert len(table(tmp_path, text, remedy).names) == 2  # the remedy does what it says


def test_names_that_come_twice_are_told_apart(tmp_path):
    text = "a,a,column 2\n" + "1,5,2\n4,3,4\n"
    found = table(tmp_path, text)
    assert found.names == ["a", "a (2)", "column 2"]
    assert table(tmp_path, text, tuple(found.names)).values.tolist() == found.values.tolist()


@pytest.mark.parametrize("cells", [[3, 1] * 6, [5] * 12, [0, 1, 2] * 4], ids=["up and down", "constant", "sawtooth"])
def test_what_is_measured_is_kept(cells, tmp_path):
    found = table(tmp_path, "x,y\n" + "".join(f"{a},{k * k}\n" for k, a in enumerate(cells)))
    assert found.names == ["x", "y"] and not found.notes
    assert table(tmp_path, "x\n" + "".join(f"{k}\n" for k in range(20))).names == ["x"]  # there is nothing else


def test_columns_are_chosen_by_name_and_number(tmp_path):
    text = 'd,"a, b",c\nx,1,2\ny,3,word\n'
    assert table(tmp_path, text, "2").values.tolist() == [[1], [3]]  # the word in c is none of its business
    assert table(tmp_path, text, '"a, b"').names == ["a, b"]
    for columns, says in (("4", "no column '4'; there are d, a, b, c"), ("e", "no column 'e'"), ("d", "no column holds")):
        with pytest.raises(DataError, match=says):
            table(tmp_path, text, columns)


def test_a_table_takes_little_more_memory_than_its_file(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,date\n" + "1,22,33x\n" * 200_000)
    tracemalloc.start()
    try:
        read_csv(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 12 * path.stat().st_size


def test_spreads_that_can_be_scaled():
    for good in ([1.0, 1.0], [0.0, 1e-99], [-1e99, 1e99], [1e-300, 1e-300]):
        assert find_spread_fault(np.array(good)) is None
    for bad in ([0, 1e-101], [0, 5e-324], [0, 1e101], [1e200, 1e200]):
        assert find_spread_fault(np.array(bad))

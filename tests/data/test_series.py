"""Series: CSV files good and bad, scaling and its undoing, windows, sines."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tinygan.data import DataError, MinMax, Whitening, made_prices, read_csv, sines, stock, windows


def table(tmp_path, text):
    path = tmp_path / "series.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_csv(path)


@pytest.mark.parametrize(
    "text, names, values",
    [
        ("a,b\n1,2\n3,4\n", ["a", "b"], [[1, 2], [3, 4]]),
        ("1,2\n3,4\n", ["column 1", "column 2"], [[1, 2], [3, 4]]),
        ("a;b\r\n1;2e3\r\n", ["a", "b"], [[1, 2000]]),
        ("a\tb\n -1 \t .5\n\n", ["a", "b"], [[-1, 0.5]]),
        ('\ufeff"a","b, c"\n"1","2"\n', ["a", "b, c"], [[1, 2]]),
        (",x\n0,1\n1,2\n", ["column 1", "x"], [[0, 1], [1, 2]]),
        ("5\n6\n7", ["column 1"], [[5], [6], [7]]),
    ],
)
def test_what_is_read(tmp_path, text, names, values):
    found = table(tmp_path, text)
    assert found.names == names and found.values.tolist() == values and not found.notes


def test_missing_values_are_put_between_their_neighbours(tmp_path):
    found = table(tmp_path, "a,b\n1,\n,NaN\nNA,6\n4,8\n")
    assert found.values[:, 0].tolist() == [1, 2, 3, 4]
    assert found.values[:, 1].tolist() == [6, 6, 6, 8]
    assert len(found.notes) == 2 and "'a': 2 missing values" in found.notes[0]


def test_dates_are_left_out(tmp_path):
    found = table(tmp_path, "date,price\n2020-01-01,3\n2020-01-02,4\n")
    assert found.names == ["price"] and found.values.tolist() == [[3], [4]]
    assert found.notes == ["left out: column 'date', which holds no numbers ('2020-01-01')"]
    assert table(tmp_path, "2020-01-01,3\n2020-01-02,4\n").values.tolist() == [[3], [4]]


HOSTILE = {
    "empty": ("", "holds no values"),
    "blank": ("\n \n", "holds no values"),
    "separators only": (",,\n", "holds no values"),
    "names only": ("a,b\n", "no numbers under it"),
    "words": ("a,b\nx,y\n", "no column holds numbers"),
    "a word among numbers": ("a\n1\n2\ntwo\n", "line 4, column 'a': 'two'"),
    "infinity": ("a\n1\ninf\n", "'inf' is not a number"),
    "too large": ("a\n1\n1e999\n", "is not a number"),
    "ragged": ("a,b\n1,2\n3\n", "line 3 has 1 values where the first has 2"),
    "mostly missing": ("a,b\n1,1\n2,\n3,\n", "column 'b': 2 of 3 values are missing"),
    "latin-1": ("é,b\n1,2".encode("latin-1"), "not UTF-8"),
    "binary": (b"\x89PNG\0\0\r\n", "not UTF-8"),
    "spreadsheet": (b"PK\x03\x04\0\0", "zero bytes"),
    "huge cell": ("a\n" + "1" * 200_000, "not CSV"),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(tmp_path, case):
    with pytest.raises(DataError, match=case[1]) as caught:
        table(tmp_path, case[0])
    message = str(caught.value)
    assert "series.csv" in message and "\n" not in message and len(message) < 500


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(DataError, match="stock_data.csv: not found"):
        stock(folder=tmp_path)


FINITE = st.floats(-1e300, 1e300)


@settings(max_examples=60, deadline=None)
@given(arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 3)), elements=FINITE))
def test_scaling_is_undone(values):
    scaling = MinMax(values, -1, 1)
    scaled = scaling.apply(values)
    assert scaled.dtype == np.float32 and np.abs(scaled).max() <= 1
    spread = values.max(0) / 2 - values.min(0) / 2
    assert np.all(np.abs(scaling.undo(scaled) / 2 - values / 2) <= 1e-6 * spread + 1e-12 * np.abs(values))


def test_a_constant_column_comes_back():
    values = np.array([[1.0, 7.0], [3.0, 7.0], [2.0, 7.0]])
    scaling = MinMax(values)
    assert scaling.apply(values).tolist() == [[0, 0.5], [1, 0.5], [0.5, 0.5]]
    assert scaling.undo(np.array([[0.5, 0.9]])).tolist() == [[2, 7]]


def test_windows():
    values = np.arange(10).reshape(5, 2)
    assert windows(values, 2).tolist() == [values[i : i + 2].tolist() for i in range(4)]
    assert windows(values, 2, 2).tolist() == [values[i : i + 2].tolist() for i in (0, 2)]
    found = windows(values, 5)
    found[:] = 0  # a copy: neighbours share no memory
    assert values[4, 1] == 9
    with pytest.raises(DataError, match="5 rows, too few for windows of 6"):
        windows(values, 6)


@pytest.mark.parametrize(
    "call",
    [
        lambda: MinMax([1.0, 2.0]),
        lambda: MinMax(np.zeros((0, 2))),
        lambda: MinMax([[np.nan]]),
        lambda: MinMax([[1.0]], 1, 1),
        lambda: windows(np.zeros(4), 2),
        lambda: windows(np.zeros((4, 1)), 0),
        lambda: windows(np.zeros((4, 1)), 2, 0),
    ],
)
def test_refusals(call):
    with pytest.raises(ValueError, match="MinMax|windows"):
        call()


def test_sines_are_as_described():
    waves = sines(3000)
    assert waves.shape == (3000, 30, 1) and waves.dtype == np.float32 and np.abs(waves).max() <= 0.9
    assert np.array_equal(waves, sines(3000)) and not np.array_equal(waves, sines(3000, seed=1))
    # E a² / 2 of a ~ U(.1, .9), and no mean on average over phases
    assert (waves**2).mean() == pytest.approx((0.9**3 - 0.1**3) / (3 * 0.8) / 2, rel=0.03)
    assert abs(waves.mean()) < 0.01
    energy = np.abs(np.fft.rfft(sines(3000, 300)[:, :, 0])) ** 2
    assert np.mean((energy.argmax(1) >= 1) & (energy.argmax(1) <= 5)) > 0.99


def test_stock_is_timegans():
    try:
        found, scaling = stock()
    except DataError as error:
        pytest.skip(str(error))
    assert found.shape == (3662, 24, 6) and found.min() == 0 and found.max() == 1
    first = scaling.undo(found[0, 0])
    assert first == pytest.approx([49.676899, 51.693783, 47.669952, 49.845802, 49.845802, 44994500], rel=1e-3)


# --- whitening -------------------------------------------------------------------------------------------------


def test_whitened_rows_have_unit_covariance_and_come_back():
    rng = np.random.default_rng(0)
    level = 1e6 * rng.standard_normal(500).cumsum()
    values = np.stack([level, level + rng.standard_normal(500) * 1e4, rng.standard_normal(500) * 1e-3], 1)
    whitening = Whitening(values)
    w = whitening.apply(values)
    assert w.dtype == np.float32 and w.shape == (500, 3)
    np.testing.assert_allclose(np.cov(w.T, bias=True), np.eye(3), atol=1e-3)
    scale = np.abs(values).max(0)
    np.testing.assert_allclose(whitening.undo(w) / scale, values / scale, rtol=0, atol=1e-5)
    again = Whitening.from_json(whitening.to_json())
    assert (again.apply(values) == w).all() and (again.undo(w) == whitening.undo(w)).all()


def test_constant_columns_and_copies_are_left_out_and_restored():
    rng = np.random.default_rng(1)
    x = rng.standard_normal((100, 1))
    values = np.concatenate([x, np.full((100, 1), 7.0), 3 - 2 * x, np.full((100, 1), 0.0)], 1)
    whitening = Whitening(values)
    assert whitening.apply(values).shape == (100, 1)
    np.testing.assert_allclose(whitening.undo(whitening.apply(values)), values, atol=1e-6)
    assert (whitening.undo([[123.0]])[0, [1, 3]] == [7, 0]).all()
    with pytest.raises(DataError, match="every column is constant"):
        Whitening(np.ones((9, 2)))
    with pytest.raises(ValueError, match="expected finite numbers"):
        Whitening([[1.0, np.inf]])


def test_made_prices_are_possible_ones():
    found = made_prices(500)
    opened, high, low, close, volume = found.values.T
    assert (low <= np.minimum(opened, close)).all() and (high >= np.maximum(opened, close)).all()
    assert (low > 0).all() and (volume > 0).all()
    assert (made_prices(500).values == found.values).all()

"""The table of few real digits: a finished cell is not done again, means have their errors, pictures move as they should."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def augment(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    found = importlib.import_module("augment")
    monkeypatch.setattr(found, "RESULTS", tmp_path)
    return found


def test_a_finished_cell_is_stored_at_once_and_not_done_again(augment, monkeypatch, tmp_path):
    done = []

    def cell(name):
        def run(seed, options):
            done.append((name, seed))
            if len(done) == 3:
                raise KeyboardInterrupt
            return {"accuracy": 0.5 + seed / 10}

        return run

    cells = [(name, cell(name)) for name in ("10 a class, real", "20 a class, real")]
    monkeypatch.setattr(augment, "PARTS", {"classifier": cells})
    monkeypatch.setattr("sys.argv", ["augment.py", "--seeds", "0,1", "--parts", "classifier"])
    with pytest.raises(KeyboardInterrupt):
        augment.main()
    assert len(json.loads((tmp_path / "augment.json").read_text())["cells"]) == 2
    augment.main()
    assert done == [
        ("10 a class, real", 0), ("20 a class, real", 0), ("10 a class, real", 1),  # killed
        ("10 a class, real", 1), ("20 a class, real", 1),
    ]  # fmt: skip
    text = (tmp_path / "augment.md").read_text()
    assert "| real digits | 100 | 200 |" in text and "| real | 0.5500 ± 0.0500 (2) | 0.5500 ± 0.0500 (2) |" in text
    assert (tmp_path / "augment.png").stat().st_size > 1000


def test_an_error_needs_two_seeds(augment):
    assert augment.summary({"0": {"x": 2.0}}, "x") == (2.0, None)
    mean, error = augment.summary({"0": {"x": 1.0}, "1": {"x": 3.0}}, "x")
    assert mean == 2 and error == pytest.approx(1.0)
    cells = {f"gan: {n} a class, {arm}": {"0": {"x": n}} for n in (200, 10) for arm in ("plain", "changed")}
    assert augment.curve(cells, "gan", "plain", "x") == [(10, 10, None), (200, 200, None)]


def test_pictures_move_by_at_most_so_many_pixels(augment):
    x = np.full((300, 1, 9, 9), -1, np.float32)
    x[:, 0, 4, 4] = 1
    moved = augment.moved(x, 2, np.random.default_rng(0))
    assert moved.shape == x.shape and (moved.max((1, 2, 3)) == 1).all()
    places = {tuple(divmod(int(place), 9)) for place in moved.reshape(300, -1).argmax(1)}
    assert places == {(i, j) for i in range(2, 7) for j in range(2, 7)}
    np.testing.assert_array_equal(augment.moved(x, 0, np.random.default_rng(0)), x)


def test_a_classifier_sees_real_and_made_pictures_in_the_share_that_is_said(augment, monkeypatch):
    seen = []

    class Watched(augment.Classifier):
        def forward(self, x):
            seen.append(int((x.data[:, 0, 0, 0] > 0).sum()) / len(x))
            return super().forward(x)

    monkeypatch.setattr(augment, "Classifier", Watched)
    monkeypatch.setattr(augment, "CLASSIFIER_STEPS", 2)
    options = type("Options", (), {"quick": False})
    real, made = ((np.full((100, 1, 28, 28), value, np.float32), np.arange(100) % 10) for value in (-1, 1))
    for share in (0.0, 0.5, 1.0):
        augment.taught(real, made, 0, share, 0, options)
    assert seen == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]

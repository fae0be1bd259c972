"""The table of voices below a soprano."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from tinygan.data import made_chorales


@pytest.fixture
def harmonise(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    return importlib.import_module("harmonise")


def test_the_table_has_the_game_beside_imitation_and_copies(harmonise):
    score = lambda value: dict.fromkeys(harmonise.COLUMNS, value)
    spent = {"steps": 2000, "cpu_minutes": 4.0, "megabytes": 300.0}
    seeds = {str(k): {name: {**score(0.1 * k), **spent} for name in harmonise.ROWS} for k in (1, 2)}
    seeds["1"]["imitation"]["cpu_minutes"] = seeds["2"]["imitation"]["cpu_minutes"] = 2.5
    text = harmonise.table({"seeds": seeds, "copies": {name: score(0.5) for name in harmonise.COPIES}})
    lines = text.splitlines()
    assert any("seed 1, 2: 2,000 steps, 4.0 CPU minutes, 2.5 of them imitation, 300 MB." in line for line in lines)
    row = lambda name, value: f"| {name} | {' | '.join([value] * len(harmonise.COLUMNS))} |"
    assert row("imitation alone", "0.150") in lines and row("Bach", "0.500") in lines


def test_copies_are_scored_beside_the_real_voices(harmonise, monkeypatch):
    """Where training holds the held-out pieces themselves, in another key, the most alike soprano is theirs."""
    pieces = made_chorales(3, bars=4)
    monkeypatch.setattr(harmonise, "chorales", lambda split: [p + 2 * (split == "train") for p in pieces])
    found = harmonise.copies(16)
    assert found["real"]["same_notes"] == 1 and found["nearest"]["same_notes"] > 0.8 > found["random"]["same_notes"]
    assert np.isfinite([value for scores in found.values() for value in scores.values()]).all()

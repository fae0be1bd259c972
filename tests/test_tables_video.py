"""The table of clips that are told."""

import importlib
from pathlib import Path


def test_the_table_has_each_kind_of_clips_beside_real_ones(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    video = importlib.import_module("video")
    row = {"steps": 1200, "cpu_minutes": 2.0, "megabytes": 300.0, "frechet_distance": 3.0, "frechet_floor": 1.5,
           "frechet_ratio": 2.0, "by_chance_digit": 0.1, "by_chance_path": 0.2, "identity_clips_of_real": 0.99}  # fmt: skip
    for k, begin in enumerate(video.KINDS.values()):
        for name in ("digit", "path"):
            row |= {f"{begin}{name}": 0.9 - 0.1 * k, f"{begin}{name}_of_real": 1.0}
        middle = begin.removeprefix("told_")
        row |= {f"identity_{middle}clips": 0.95, f"flicker_{middle}clips": 1.01}
    digits = {"0": row, "1": {**row, "told_digit": 0.8}}
    sprites = {"0": {**row, "inception_score": 8.7, "real_inception_score": 8.9}}
    for name in ("intra_entropy", "inter_entropy"):
        sprites["0"] |= {name: 0.05, f"real_{name}": 0.01}
    text = video.table({"digits": digits, "sprites": sprites})
    lines = text.splitlines()
    assert "## digits (seed 0, 1; 1,200 steps, 2.0 CPU minutes, 300 MB)" in lines
    assert "| unseen | 85.0 | 90.0 |" in lines and "| held-out pairs, four times as long | 60.0 | 60.0 |" in lines
    assert "| unseen | 0.950 | 1.010 |" in lines and "| real clips | 0.990 | |" in lines
    assert "| clips of other labels: chance | 10.0 | 20.0 |" in lines
    assert "Frechet distance 3.00, floor 1.50, ratio 2.00." in lines
    assert any("8.700, 0.050, 0.050; real clips 8.900, 0.010, 0.010." in line for line in lines) and "C-DSVAE" in text

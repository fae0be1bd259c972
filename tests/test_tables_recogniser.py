"""The table of the network that hears digits."""

import importlib
from pathlib import Path


def test_every_row_has_as_many_cells_and_seeds_are_means(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    recogniser = importlib.import_module("recogniser")
    heard = dict.fromkeys(("level", "clipped", "silent", "pitch", "pitch_spread", "voiced"), 0.25)
    others = dict.fromkeys(
        ("nearest_take", "nearest_take_of_copies", "frechet_floor", "frechet_of_griffin_lim", "frechet_of_noise"), 2.0
    )

    def run(said):
        rows = {"held-out takes": {"said": said, "speaker": 0.5}, "held-out speaker": {"said": 0.75}}
        return {"cpu_minutes": 1.0, "memory_mb": 300, "rows": rows, "heard": heard, **others}

    training = {"steps": 700, "batch_size": 32}
    found = {"training": training, "runs": {"real": {"0": run(0.9), "1": run(1.0)}, "made": {"0": run(1.0)}}}
    lines = recogniser.table(found).splitlines()
    assert "| held-out takes | 0.950 | 0.500 | 1.000 | 0.500 |" in lines
    assert "| held-out speaker | 0.750 |  | 0.750 |  |" in lines
    assert "| cepstral distance, copies, dB | 2 | 2 |" in lines and "mean of the seeds" in lines[2]
    counts = [line.count("|") for line in lines if line.startswith("|")]
    assert set(counts) == {4, 6}

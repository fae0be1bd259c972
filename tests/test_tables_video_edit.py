"""The table of clips that are edited."""

import importlib
from pathlib import Path


def test_the_table_has_each_kind_of_clips_and_of_edits(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    video_edit = importlib.import_module("video_edit")
    row = {"steps": 3000, "cpu_minutes": 9.0, "megabytes": 300.0}
    for k, end in enumerate(video_edit.KINDS.values()):
        row |= {f"edit_right{end}": 0.9 - 0.1 * k, f"edit_stays{end}": 0.99, f"edit_flicker{end}": 1.01}
        row |= {f"edit_outside{end}": 35.0, f"edit_inside{end}": 25.0, f"edit_right_recolour{end}": 0.8}
        if "held_out" not in end:
            row[f"edit_right_turn{end}"] = 1.0
    scenes = {"0": row, "1": {**row, "edit_right": 0.7}}
    sprites = {"0": {**row, "edit_right_of_real": 1.0, "edit_stays_of_real": 1.0}}
    lines = video_edit.table({"scenes": scenes, "sprites": sprites}).splitlines()
    assert "## scenes (seed 0, 1; 3,000 steps, 9.0 CPU minutes, 300 MB)" in lines
    assert "| unseen | 80.0 | 99.0 | 35.0 | 25.0 | 1.01 |" in lines
    assert "| held-out pairs, four times as long | 60.0 | 99.0 | 35.0 | 25.0 | 1.01 |" in lines
    assert "| true clips of these | 100.0 | 100.0 | | | |" in lines
    assert "| | recolour | turn |" in lines
    assert "| held-out pairs | 80.0 |  |" in lines and "| unseen, colours swapped | 80.0 | 100.0 |" in lines
    assert "`tinygan train video-edit --set world=sprites --set steps=6000`" in lines

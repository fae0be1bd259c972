"""The tables of pictures, E3 and E4."""

import importlib
from pathlib import Path


def test_tables_have_means_errors_and_what_real_pictures_score(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    e3, e4 = importlib.import_module("e3"), importlib.import_module("e4")
    row = {"steps": 1500, "cpu_minutes": 2.0, "frechet_floor": 3.7, "real_to_real": 0.99}
    found = {"cgan": {"0": {**row, "frechet_distance": 10.0, "synthetic_to_real": 0.98}}}
    found["cgan"]["1"] = {**found["cgan"]["0"], "frechet_distance": 12.0}
    lines = e3.e3_table(found).removesuffix(e3.TRIED).splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert any("| `cgan` | 11.0 ± 1.0 |" in line and "| 0.9800 ± 0.0000 |" in line for line in lines)
    assert any("| real pictures | 3.7 |" in line and "| 0.9900 |" in line for line in lines)

    stacked = {
        "steps": 1500,
        "cpu_minutes": 2.0,
        "modes": 900,
        "reverse_kl": 0.5,
        "reverse_kl_perfect": 0.02,
        "mean_confidence": 0.9,
    }
    lines = e4.e4_table({"stacked-mnist": {"0": stacked}}).splitlines()
    assert (
        "| **`stacked-mnist`** | 900.0 | 0.500 | 0.900 | 1 | 1,500 | 2.0 |" in lines
        and "| a perfect model | 1000 | 0.020 | | | | |" in lines
    )


def test_the_table_of_variants_has_means_errors_and_baselines(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    shapes = importlib.import_module("shapes")
    row = {"steps": 2000, "cpu_minutes": 2.0, "peak_mb": 380.0, "frechet_distance": 30.0, "smallest_class_share": 0.1}
    seeds = {str(k): {**row, "legible": 0.7 + 0.1 * k, "diversity": 1.0} for k in range(3)}
    real = {"legible": 0.997, "frechet_distance": 2.2, "smallest_class_share": 0.11, "diversity": 1.0}
    found = {"variants": {"plain": seeds, "sparse": {"0": seeds["0"]}}, "baselines": {"other real emblems": real}}
    lines = shapes.table(found).splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert "| `plain` | 0.800 ± 0.058 | 30.00 ± 0.00 | 0.100 ± 0.000 | 1.000 ± 0.000 | 3 | 2.0 ± 0.0 | 380 |" in lines
    assert "| `sparse` | 0.700 | 30.00 | 0.100 | 1.000 | 1 | 2.0 | 380 |" in lines
    assert "| other real emblems | 0.997 | 2.20 | 0.110 | 1.000 | | | |" in lines


def test_unpaired_pictures_have_a_row_for_each_way_and_errors_over_seeds(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    cycle = importlib.import_module("cycle")
    scores = {"kept_in_b": 0.98, "style_in_b": 1.0, "outline_in_b": 24.0}
    gram = {f"Gram matrices, weight {weight:g}": {**scores, "seconds_each": 0.5} for weight in cycle.WEIGHTS}
    rows = {"the game": {**scores, "steps": 1000, "cpu_minutes": 2.2, "memory_mb": 504.0}, **gram}
    other = {**rows, "the game": {**rows["the game"], "kept_in_b": 0.96}}
    lines = cycle.table({"sides": {"digits": {"0": rows, "1": other}, "sprites": {"0": rows}}}).splitlines()
    game = [line for line in lines if line.startswith("| the game |")]
    assert game[0].startswith("| the game | 0.970 ± 0.010 | 1.000 ± 0.000 | 24.0 ± 0.0 | 1000")
    assert game[1] == "| the game | 0.980 | 1.000 | 24.0 | 1000 | 2.2 | 504 |"
    assert "## digits, seeds 0, 1" in lines and "## sprites, --set cycle=2, seeds 0" in lines
    assert any("0.50 processor seconds a picture" in line for line in lines)


def test_pictures_that_are_told_stand_beside_real_ones_and_chance(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    text2image = importlib.import_module("text2image")
    scores = {"obeyed_colour": 0.9, "obeyed_whole": 0.5, "obeyed_held_out_colour": 0.8, "obeyed_held_out_whole": 0.4}
    scores |= {f"{name}_of_real": 1.0 for name in scores} | {"by_chance_colour": 0.2, "by_chance_whole": 0.0}
    run = {"samples": 1000, **scores, "variety": 0.7, "steps": 3000, "cpu_minutes": 10.0, "megabytes": 300.0}
    lines = text2image.table({"shapes": {"0": run, "1": {**run, "obeyed_whole": 0.6}}}).splitlines()
    assert "## shapes (seed 0, 1; 3,000 steps, 10.0 CPU minutes, 300 MB)" in lines and "| | colour | whole |" in lines
    assert "| unseen sentences | 90.0 | 55.0 |" in lines and "| real pictures of them | 100.0 | 100.0 |" in lines
    assert "| pictures of other sentences: chance | 20.0 | 0.0 |" in lines and "| held-out pairs | 80.0 | 40.0 |" in lines
    assert "variety, 1 is real pictures': 0.70" in lines and not any("PSNR to the true" in line for line in lines)

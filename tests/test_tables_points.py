"""The tables of points, E1 and E8: the commands write what they say, and their measures are right where they can be known."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygan import recipes

TABLES = Path(__file__).parents[1] / "benchmarks" / "tables"


@pytest.fixture
def on_path(monkeypatch):
    """The modules of benchmarks/tables can be imported, as when they are run as scripts."""
    monkeypatch.syspath_prepend(str(TABLES))


def written(name, folder, *options):
    command = [sys.executable, str(TABLES / f"{name}.py"), *options, "--out", str(folder / name)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / f"{name}.json").read_text()), (folder / f"{name}.md").read_text()


def test_e1_adds_seeds_to_its_table(tmp_path):
    written("e1", tmp_path, "--data", "ring", "--seeds", "0", "--steps", "1")
    found, table = written("e1", tmp_path, "--data", "ring", "--seeds", "1", "--steps", "1")
    assert set(found["rows"]["ring"]) == {"0", "1"}
    assert "| PacGAN2 | 7.9 | 95.6 | 0.07 |" in table and "| 2 | `tinygan train ring`, 1 steps |" in table


def test_the_ceiling_is_a_perfect_models(on_path):
    import e1

    modes, quality, divergence, spread = e1.ceiling(recipes.load("ring"))
    assert modes == 8 and spread == pytest.approx(1, abs=0.003)
    assert quality == pytest.approx(1 - np.exp(-4.5), abs=0.001) and divergence == pytest.approx(0.0014, abs=4e-4)


def test_e8_trains_critics_and_draws_them(tmp_path):
    found, table = written("e8", tmp_path, "--data", "swissroll", "--critic-steps", "2", "--steps", "1")
    assert [row["way"] for row in found["rows"]] == ["clipping", "penalty", "game"]
    assert "| swissroll | 1 |" in table and "benchmarks/tables/e8.py --data swissroll --critic-steps 2" in table
    assert (tmp_path / "e8.png").read_bytes().startswith(b"\x89PNG")


def test_e8_plays_the_papers_game_whatever_the_recipe_has_of_its_own(on_path):
    import e8

    ring, grid, roll = (recipes.load(n).Settings(**e8.PAPER, steps=1) for n in ("ring", "grid", "swissroll"))
    assert vars(ring) == vars(grid) == vars(roll)
    game = recipes.load("grid").make_game(grid)
    assert game.G.parameters[0].shape == (512, 2)  # a latent of 2, and no code beside it


def test_earth_movers_distance_of_points_that_were_moved(on_path):
    import e8

    x = np.random.default_rng(0).standard_normal((50, 2))
    assert e8.earth_mover(x, x[::-1] + [3.0, 4.0]) == pytest.approx(5)

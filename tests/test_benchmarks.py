"""The benchmark runs, and its own check of equal losses can fail. Speeds are not tested here: see benchmarks/."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def on_path(monkeypatch):
    """The modules of benchmarks/ can be imported, as when they are run as scripts."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_speed_writes_its_tables(tmp_path):
    command = [sys.executable, str(BENCHMARKS / "speed.py"), "--only", "W1", "--threads", "1", "--seconds", "0.1"]
    run = subprocess.run([*command, "--out", str(tmp_path / "s")], capture_output=True, text=True, env=os.environ)
    assert run.returncode == 0, run.stderr
    (result,) = json.loads((tmp_path / "s.json").read_text())["results"]
    assert result["sides"]["tinygan"]["ms"] > 0
    assert result["product_share"] > 0
    assert "| W1 |" in (tmp_path / "s.md").read_text()


def test_losses_that_differ_are_refused(on_path):
    import speed

    class Liar:
        def __init__(self, side, losses):
            self.side, self.losses = side, losses

        def ask(self, do, **request):
            return {"losses": self.losses}

    speed.check_equal("W1", [Liar("tinygan", [1.0, 2.0]), Liar("torch", [1.0, 2.00001])])
    with pytest.raises(SystemExit, match="torch's"):
        speed.check_equal("W1", [Liar("tinygan", [1.0, 2.0]), Liar("torch", [1.0, 2.001])])
    with pytest.raises(SystemExit, match="torch's"):
        speed.check_equal("W1", [Liar("tinygan", [1.0, 2.0]), Liar("torch", [1.0, float("nan")])])


@pytest.mark.parametrize(
    ("name", "mflop"),
    [
        # forward G 18.0, D 17.0; back to weights the same, to the inputs of all layers but the first 16.9, 16.8
        ("W1", 18.0 + 2 * (17.0 + 17.0 + 16.8) + 17.0 + 17.0 + 18.0 + 16.9),
        # forward 822 + 25.7 + 0.8 (two convolutions, the verdict): 8 of these, and twice without the first convolution
        ("W5b", 8 * 848.5 + 2 * 822.8),
    ],
)
def test_products_are_counted(on_path, name, mflop):
    from workloads import WORKLOADS

    assert WORKLOADS[name].flops() / 1e6 == pytest.approx(mflop, rel=0.005)

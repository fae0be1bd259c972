"""What a training step costs a GPU beside arithmetic: launches of kernels and waits for the device, counted on the stand-in."""

import sys
from pathlib import Path

import pytest
from gpu import REAL
from small_runs import little_data

from tinygan import recipes

pytestmark = pytest.mark.skipif(REAL, reason="CuPy itself does not count")

MOST = {"W1": 150, "W2": 400, "W3a": 2500}  # launches a step, each about 5 us
WORKLOADS = Path(__file__).parents[1] / "benchmarks"


def spent(step):
    """(launches, waits) of step(), after it was called before: what is made once does not count."""
    from cupy import _meter

    step()
    _meter.reset()
    step()
    return _meter.launches.total(), _meter.waits.total()


@pytest.mark.parametrize("name", MOST)
def test_workloads(name, monkeypatch):
    monkeypatch.syspath_prepend(WORKLOADS)
    import with_tinygan

    step, _, chance = with_tinygan.build(name, "cuda")
    chance.greedy = False
    launches, waits = spent(step)
    assert launches <= MOST[name] and waits == 0


def test_digits():
    game = recipes.load("digits").make_game(recipes.load("digits").Settings(penalty_every=16), "cuda")
    steps = iter(range(1, 10))
    launches, waits = spent(lambda: game.step(next(steps)))
    assert launches <= 400 and waits <= 1

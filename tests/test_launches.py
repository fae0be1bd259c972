"""What a training step costs a GPU beside arithmetic: launches and waits, as the stand-in counts them."""

from pathlib import Path

import pytest
from gpu import REAL

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
    """On average over four steps: in one of them D is penalised, and the slope of its slope is taken."""
    digits = recipes.load("digits")
    game = digits.make_game(digits.Settings(), "cuda")
    launches, waits = spent(lambda: [game.step(k) for k in range(4)])
    assert launches / 4 <= 400 and waits <= 4

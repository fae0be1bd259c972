"""Products are those counted by hand."""

import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tinygan import profile

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.parametrize("name", ["W1", "W2", "W3a", "W3b", "W4a", "W5a", "W5b", "W6"])
def test_products_are_those_counted_by_hand(name, monkeypatch):
    """workloads.py counts the products of these steps without looking at the library."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from with_tinygan import build
    from workloads import WORKLOADS

    step, networks, _ = build(name, "cpu")
    scales = profile.Scales()
    tracemalloc.start()
    players = {name: SimpleNamespace(name=name, module=network) for name, network in networks.items()}
    profile.measure(SimpleNamespace(players=players), scales, step, 1)
    tracemalloc.stop()
    flop = np.sum([2 * np.prod(p) * count for found in scales.products.values() for p, count in found.items()])
    assert flop == pytest.approx(WORKLOADS[name].flops(), rel=0.005)

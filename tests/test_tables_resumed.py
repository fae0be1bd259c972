"""Long training of a table goes on where it was stopped, as if it had not been."""

from pathlib import Path

import numpy as np
import pytest
from small_runs import small_game


@pytest.fixture
def resumed(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks" / "tables")
    import resumed

    return resumed


def test_a_game_in_pieces_is_the_whole_game(resumed, monkeypatch, tmp_path):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setattr(resumed, "EVERY", 2)
    whole = small_game("restore")
    resumed.play(whole, 4, tmp_path / "runs" / "whole.npz")
    stopped = small_game("restore")
    real = stopped.step

    def stop(k):
        if k == 3:
            raise KeyboardInterrupt
        return real(k)

    stopped.step = stop
    with pytest.raises(KeyboardInterrupt):
        resumed.play(stopped, 4, tmp_path / "pieces.npz")
    steps = []
    again = small_game("restore")
    go = again.step
    again.step = lambda k: steps.append(k) or go(k)
    seconds = resumed.play(again, 4, tmp_path / "pieces.npz")
    assert steps == [2, 3] and seconds > 0
    np.testing.assert_array_equal(again.sample(3, 0), whole.sample(3, 0))
    for name, part in again.parts().items():
        state = whole.parts()[name].state_dict()
        assert all(np.array_equal(a, state[k]) for k, a in part.state_dict().items())
    with pytest.raises(SystemExit, match="of step 4, and step 3 is wanted"):
        resumed.play(small_game("restore"), 3, tmp_path / "pieces.npz")

"""Training on several processes: the mean of gradients, the same weights everywhere, runs, and what ends them."""

import multiprocessing
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from process_tasks import bring, bring_other_shapes, fail, gradients, learned
from tiny_runs import SET, contents, digits, draw, one_sentence, tiny_game

from tinygan.cli import main
from tinygan.distributed import DataParallel, ProcessEnded, average_gradients
from tinygan.run.checkpoint import RunError
from tinygan.run.folder import Run
from tinygan.run.loop import train


@pytest.mark.parametrize("size", [2, 3])
def test_the_mean_is_that_of_all_processes(size):
    with DataParallel([partial(bring, rank, 3) for rank in range(1, size)]):
        found = [average_gradients(gradients(0)) for _ in range(3)]
    wanted = [sum(arrays) / np.float32(size) for arrays in zip(*(gradients(rank) for rank in range(size)))]
    for means in found:
        for mean, want, mine in zip(means, wanted, gradients(0), strict=True):
            np.testing.assert_allclose(mean, want, rtol=1e-5, atol=1e-7)
            assert mean.shape == mine.shape and (mine.ndim < 2 or mean.strides == mine.strides)


def test_without_other_processes_gradients_are_what_they_are():
    mine = gradients(0)
    assert average_gradients(mine) is mine
    with DataParallel([]):
        assert average_gradients(mine) is mine


# --- weights ---------------------------------------------------------------------------------------------------


def test_shares_of_a_batch_teach_what_the_whole_batch_teaches():
    with DataParallel([partial(learned, slice(6, 12))]):
        shared = learned(slice(0, 6))
    for found, wanted, alone in zip(shared, learned(slice(None)), learned(slice(0, 6)), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-10)
        assert not np.allclose(found, alone, rtol=1e-3)


# --- runs ------------------------------------------------------------------------------------------------------

WORDS = ["train", "digits", "--steps", "4", *SET]
TWO = [*WORDS, "--set", "processes=2"]


def test_a_run_on_two_processes_repeats_and_resumes_bit_for_bit(tmp_path, capsys):
    for name in "ab":
        assert main([*TWO, "--out", str(tmp_path / name)]) == 0
    whole = contents(tmp_path / "a")
    assert whole == contents(tmp_path / "b")
    assert main([*WORDS, "--out", str(tmp_path / "alone")]) == 0
    assert whole["log"] != contents(tmp_path / "alone")["log"]  # another process's chance is in the mean

    for path in (tmp_path / "b" / "checkpoints").glob("*4*"):
        path.unlink()
    assert main(["train", "--resume", "--out", str(tmp_path / "b")]) == 0
    assert whole == contents(tmp_path / "b")
    assert not multiprocessing.active_children()
    assert main(["sample", str(tmp_path / "a"), "-n", "3"]) == 0


def test_what_ends_a_process_ends_the_run_with_a_sentence(tmp_path, capfd):
    game = tiny_game()
    run = Run.create(tmp_path / "r", "digits", game.settings)
    with pytest.raises(RunError, match="process 2 of 2 ended before this one, with exit code 1") as error:
        train(game, run, draw, progress=False, others=[fail])
    one_sentence(error)
    assert "of no importance" in capfd.readouterr().err
    with pytest.raises(ProcessEnded), DataParallel([os.getpid]):  # it ends at once, without an error
        average_gradients(gradients(0))


def test_processes_that_are_not_in_step_are_told_so():
    with pytest.raises(RuntimeError, match=r"other shapes, .* here \[\(4,\)\]"), DataParallel([bring_other_shapes]):
        average_gradients([np.zeros(4)])
    with pytest.raises(RuntimeError, match="within"), DataParallel([partial(time.sleep, 60)]), DataParallel([]):
        pass


def test_after_a_rewind_all_processes_have_the_halved_rate(tmp_path, monkeypatch):
    few = {"steps": 4, "batch_size": 2}
    game = tiny_game(**few)
    step, failed = game.step, []

    def once_infinite(number):
        row = step(number)
        if number == 2 and not failed:
            failed.append(number)
            row["d_loss"] = float("inf")
        return row

    game.step = once_infinite
    run = Run.create(tmp_path / "r", "digits", game.settings)
    train(game, run, draw, pictures=2, progress=False, on_nan="rewind", others=[partial(tiny_game, **few, seed=5)])
    assert run.pace == 0.5
    halved = tiny_game(**few, learning_rate=game.settings.learning_rate / 2)
    again = Run.create(tmp_path / "again", "digits", halved.settings)
    there, here = (tmp_path / name / "checkpoints" / "step-2.safetensors" for name in ("r", "again"))
    here.write_bytes(there.read_bytes())
    train(
        halved,
        again,
        draw,
        pictures=2,
        progress=False,
        start=again.load(halved),
        others=[partial(tiny_game, **few, seed=5, learning_rate=halved.settings.learning_rate)],
    )
    assert all(np.array_equal(a.data, b.data) for a, b in zip(game.G.parameters, halved.G.parameters, strict=True))


SCRIPT = """
import os, sys
sys.path.insert(0, {tests!r})
from functools import partial
from process_tasks import gradients, say_who
from tinygan.distributed import DataParallel, average_gradients

if __name__ == "__main__":
    with DataParallel([partial(say_who, {told!r})]):
        average_gradients(gradients(0))
        os._exit(9)  # as a kill does: nothing is tidied up
"""


def test_processes_end_when_the_first_is_killed(tmp_path):
    told, script = tmp_path / "pid", tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(Path(__file__).parents[1]), told=str(told)))
    assert subprocess.run([sys.executable, str(script)]).returncode == 9
    pid, end = int(told.read_text()), time.monotonic() + 20
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:
            os.kill(pid, 0)  # asks whether it is there
            time.sleep(0.1)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "processes=3"], "batch_size=64 does not divide evenly by processes=3: take batch_size=66"),
        (["--set", "processes=0"], "must be at least 1"),
    ],
)
def test_shares_that_cannot_be_are_refused(words, says, tmp_path, capsys):
    assert main(["train", "digits", *words, "--out", str(tmp_path / "r")]) == 2
    assert says in capsys.readouterr().err


def test_shares_have_chance_of_their_own():
    shares = digits.Settings(processes=4, seed=3).shares()
    assert [s.batch_size for s in shares] == [16] * 4 and all(s.processes == 1 for s in shares)
    assert shares[0].seed == 3 and len({s.seed for s in shares}) == 4

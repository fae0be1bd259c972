"""What may happen while a run trains: values that are not finite, rewinds, Ctrl-C; and what it prints.

Each is one sentence, and the run that goes on ends at the bytes of the unbroken.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from small_runs import SMALL, set_words
from tiny_runs import SET, contents, digits, draw, one_sentence, tiny_game

from tinygan import recipes
from tinygan.cli import main
from tinygan.run.checkpoint import RunError, load_checkpoint
from tinygan.run.folder import Run
from tinygan.run.loop import train, what_to_try

# --- values that are not finite ----------------------------------------------------------------------------------


def poisoned(game, step=4, above=0.0):
    """The real samples of one step are nan as long as the learning rate is higher than `above`."""
    batch = game.batch

    def poisoned_batch(turn):
        real = batch(turn)
        bad = turn == step and game.G.schedule.base_lr > above
        return real._replace(x=real.x * np.float32("nan")) if bad else real

    game.batch = poisoned_batch
    return game


def test_rewind_goes_on_from_the_last_checkpoint_at_half_the_learning_rate(tmp_path):
    game = poisoned(tiny_game(learning_rate=0.01), above=0.003)
    run = Run.create(tmp_path / "run", "digits", game.settings)
    train(game, run, draw, pictures=2, log_every=1, progress=False, on_nan="rewind")
    config = run.config
    assert config["on_nan"] == "rewind" and config["settings"]["learning_rate"] == 0.01  # what was asked for stays
    assert [(r["to_step"], r["pace"]) for r in config["rewinds"]] == [(3, 0.5), (3, 0.25)]
    assert run.pace == 0.25 and "no longer finite" in config["rewinds"][0]["because"]
    events = [row for row in run.rows() if "event" in row]
    assert [row["step"] for row in run.rows() if "event" not in row] == [1, 2, 3, 4, 5, 6]
    assert [row["step"] for row in events] == [3, 3]
    assert "the discriminator's gradient is no longer finite in cnn1.0.weight" in events[0]["says"]
    assert "at step 5: back to step 3 with 0.5 times the learning rate" in events[0]["says"]

    # killed after the last rewind and resumed, as the command line does it: the same bytes
    again = tiny_game(learning_rate=0.01)
    expected = contents(run.folder)
    (run.folder / "checkpoints" / "step-6.safetensors").unlink()
    start = run.resume(again)
    assert again.G.schedule.base_lr == 0.0025 and again.D.schedule.base_lr == 0.0025
    train(again, run, draw, start=start, pictures=2, log_every=1, progress=False)
    assert start == 3 and contents(run.folder) == expected


def test_rewind_before_the_first_checkpoint_begins_again(tmp_path):
    game = poisoned(tiny_game(learning_rate=0.01), step=1, above=0.005)
    run = Run.create(tmp_path / "run", "digits", game.settings)
    train(game, run, draw, pictures=2, progress=False, on_nan="rewind")
    whole = tiny_game(learning_rate=0.005)
    train(whole, Run.create(tmp_path / "whole", "digits", whole.settings), draw, pictures=2, progress=False)
    a, b = (load_checkpoint(tmp_path / name / "checkpoints" / "step-6.safetensors")[0] for name in ("run", "whole"))
    assert all(a[name].tobytes() == b[name].tobytes() for name in b)


def test_a_stop_before_the_first_checkpoint_promises_none(tmp_path):
    game = poisoned(tiny_game(), step=1)
    run = Run.create(tmp_path / "run", "digits", game.settings)
    with pytest.raises(RunError, match="at step 2: try .*; there is no checkpoint yet") as error:
        train(game, run, draw, pictures=2, progress=False)
    one_sentence(error)


def test_rewinds_come_to_an_end(tmp_path):
    game = poisoned(tiny_game())
    run = Run.create(tmp_path / "run", "digits", game.settings)
    with pytest.raises(RunError, match="at step 5, after 3 rewinds to 0.125 times the learning rate") as error:
        train(game, run, draw, pictures=2, progress=False, on_nan="rewind")
    one_sentence(error)
    assert run.load(tiny_game()) == 3
    game = poisoned(tiny_game())
    with pytest.raises(RunError, match="in a new run; the last checkpoint is kept, and 3 times it was gone back to") as error:
        train(game, run, draw, start=run.resume(game), pictures=2, progress=False, on_nan="stop")
    assert "--on-nan rewind" not in one_sentence(error)  # it would be refused


def test_a_run_that_stopped_may_be_told_to_rewind(tmp_path, capsys, monkeypatch):
    make_game = digits.make_game
    monkeypatch.setattr(
        digits, "make_game", lambda *arguments: poisoned(make_game(*arguments), step=9, above=0.002)
    )
    out = ["--out", str(tmp_path / "run")]
    assert main(["train", "digits", *SET, "--steps", "16", *out]) == 2
    printed = capsys.readouterr().err
    assert "at step 10: try" in printed and "go back to the last checkpoint" in printed and "--on-nan rewind" in printed
    assert main(["train", "--resume", *out, "--on-nan", "rewind"]) == 0
    printed = " ".join(capsys.readouterr().err.split())  # it was broken into lines as wide as the terminal
    assert "at step 10: back to step 8 with 0.5 times the learning rate" in printed
    assert Run.open(tmp_path / "run").config["on_nan"] == "rewind"


# --- beyond the end ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_a_finished_run_goes_on_with_more_steps(tmp_path, capsys, schedule):
    """A schedule is that of all the steps: without one, 20 steps and then 10 more are a run of 30, bit for bit."""
    settings = [*SET, "--set", f"schedule={schedule}"]
    for name, steps in (("run", "20"), ("whole", "30")):
        assert main(["train", "digits", *settings, "--steps", steps, "--out", str(tmp_path / name)]) == 0
    capsys.readouterr()
    assert main(["train", "--resume", "--steps", "30", "--out", str(tmp_path / "run")]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("the run has 30 steps now, not 20; schedules go on as in a run of 30")
    assert "\ngoing on at step 20 of 30\n" in printed
    share = 1 if schedule == "constant" else 0.67  # a third of the steps is left, and the rate falls from halfway on
    assert f"at step 20 the share of the learning rate is generator {share}, discriminator {share}" in printed
    assert Run.open(tmp_path / "run").config["settings"]["steps"] == 30
    a, b = (load_checkpoint(tmp_path / name / "checkpoints" / "step-30.safetensors")[0] for name in ("run", "whole"))
    assert all(a[name].tobytes() == b[name].tobytes() for name in b) == (schedule == "constant")
    for steps in ("30", "7"):
        assert main(["train", "--resume", "--steps", steps, "--out", str(tmp_path / "run")]) == (2 if steps == "7" else 0)
    assert "--steps 7: this run has done 30 steps; give more, or leave --steps out" in capsys.readouterr().err


def test_a_run_beyond_its_end_goes_on_in_its_last_phase(tmp_path, monkeypatch):
    """Of four steps two are of pixels alone. Of ten it would be five: the fifth would begin with that phase again."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    run, small = tmp_path / "run", [*set_words(SMALL["pix2pix"]), "--set", "pixel_phase=0.5", "--set", "world=shapes"]
    assert main(["train", "pix2pix", *small, "--steps", "4", "--out", str(run)]) == 0
    assert main(["train", "--resume", "--steps", "10", "--out", str(run)]) == 0
    rows = {row["step"]: row for row in Run.open(run).rows()}
    assert [step for step in rows if "d_loss" in rows[step]] == [*range(3, 11)]
    assert Run.open(run).config["settings"]["pixel_phase"] == pytest.approx(0.2)  # what is resumed once more reads


# --- what it prints ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", ["a file", "a terminal", "nobody"])
def test_progress(tmp_path, capsys, monkeypatch, to):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: to == "a terminal")
    monkeypatch.setenv("TINYGAN_PROGRESS", "0" if to == "nobody" else "1")
    run, game = Run.create(tmp_path / "run", "digits", tiny_game().settings), tiny_game()
    train(game, run, draw, pictures=2, log_every=1)
    printed, rows = capsys.readouterr().err, run.rows()
    lines = [f"step {r['step']} of 6, TIME left, D={r['d_loss']:.3f}, G={r['g_loss']:.3f}" for r in rows]
    assert len(lines) == 6
    if to == "a terminal":
        assert "\r" in printed and "| 6/6 [" in printed and "step 3 of 6" not in printed
    else:
        said = re.sub(r"\d+ s, about \d+ s", "TIME", printed).splitlines()
        assert said == ([lines[2], lines[5]] if to == "a file" else [])


# --- Ctrl-C ------------------------------------------------------------------------------------------------------

# the program says where it is by drawing; from the second picture on it takes its time
SLOW = """
import sys, time
from tinygan import recipes
from tinygan.cli import main
digits = recipes.load("digits")
draw, drawn = digits.draw, []
def slow(game, samples, path):
    drawn.append(path)
    if len(drawn) == 2:
        print("drawing", flush=True)
        time.sleep(float(sys.argv[1]))
    draw(game, samples, path)
digits.FORMATS[".png"] = slow
sys.exit(main(sys.argv[2:]))
"""


def environment():
    root = str(Path(__file__).resolve().parents[2])
    return {**os.environ, "PYTHONPATH": root, "TINYGAN_PROGRESS": "0", "PYTHONUNBUFFERED": "1"}


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c(tmp_path, presses, capsys):
    arguments = ["train", "digits", *SET, "--steps", "48", "--out"]
    assert main([*arguments, str(tmp_path / "whole")]) == 0
    folder = tmp_path / "a run"
    command = [sys.executable, "-c", SLOW, "2" if presses == 1 else "60", *arguments, str(folder)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # a shell that starts tests in the background lets them ignore Ctrl-C, and what they start too
    listens = lambda: signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, env=environment(), preexec_fn=listens, **pipes) as program:
        while "drawing" not in program.stdout.readline():
            assert program.poll() is None
        before = contents(folder)
        for _ in range(presses):
            time.sleep(0.3)
            program.send_signal(signal.SIGINT)
        _, printed = program.communicate(timeout=30)
    before.pop("lock")
    assert program.returncode == 130
    assert printed.count("\n") == 1 and f"go on with: tinygan train --resume --out '{folder}'\n" in printed
    step = Run.open(folder).load(tiny_game(48))
    if presses == 1:
        assert f"stopped after step {step};" in printed and 12 < step < 48  # 12 was being drawn: asked between steps
    else:
        assert "stopped at once" in printed and contents(folder) == before and step == 6
    assert main(["train", "--resume", "--out", str(folder)]) == 0
    assert f"going on at step {step} of 48" in capsys.readouterr().out
    for part in ("samples/step-000048.png", "checkpoints/step-48.safetensors"):
        assert (folder / part).read_bytes() == (tmp_path / "whole" / part).read_bytes(), part
    assert not (folder / "lock").exists()


def test_remedies_are_settings_that_the_run_has(tmp_path):
    names = recipes.load("names")
    for name, settings, expected in (
        ("digits", tiny_game().settings, ["learning_rate", "gamma"]),
        ("text", names.Settings(way="policy"), ["learning_rate", "mle_rate"]),
        ("imitation", names.Settings(way="mle"), ["mle_rate"]),
    ):
        found = what_to_try(Run.create(tmp_path / name, name, settings))
        assert [remedy.rpartition(" ")[2] for remedy in found] == expected


def test_what_writes_checkpoints_is_missed_before_the_first_step(tmp_path, monkeypatch):
    game = tiny_game()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setattr(game, "step", lambda k: pytest.fail("a step was done"))
    with pytest.raises(ImportError, match="pip install safetensors"):
        train(game, run, draw, pictures=2, log_every=1, progress=False)

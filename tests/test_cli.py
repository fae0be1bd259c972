"""The command line, called as a user would: what it prints, what it leaves, and its exit codes."""

import json
import os
import subprocess
import sys

import pytest

from tinygan.cli import main


def test_train_sample_evaluate_resume(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    assert main(["train", "digits", "--steps", "3", "--seed", "1", "--set", "hidden=8", "--set", "batch_size=16"]) == 0
    printed = capsys.readouterr().out
    run = tmp_path / "runs" / "digits"
    for name in ("config.json", "log.jsonl", "curves.png", "samples/step-000003.png", "checkpoints/step-3.safetensors"):
        assert (run / name).is_file(), name
    assert "samples/step-000003.png" in printed and "tinygan evaluate runs/digits" in printed
    config = json.loads((run / "config.json").read_text())
    assert config["recipe"] == "digits" and config["settings"]["hidden"] == 8 and config["settings"]["seed"] == 1

    assert main(["sample", str(run), "-n", "5", "--out", str(tmp_path / "x.npy")]) == 0
    assert main(["sample", str(run)]) == 0
    assert (run / "samples" / "seed-0.png").is_file()
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert "frechet" in capsys.readouterr().out.lower()
    assert main(["train", "--resume", "--out", str(run)]) == 0

    assert main(["train", "digits", "--steps", "1", "--set", "hidden=8"]) == 0  # a second run gets a folder of its own
    assert (tmp_path / "runs" / "digits-2" / "config.json").is_file()


@pytest.mark.parametrize(
    "arguments, named",
    [
        (["train", "digts"], "did you mean digits?"),
        (["train", "nothing-like-it"], "expected one of"),
        (["train"], "tinygan list"),
        (["train", "digits", "--set", "hiden=3"], "did you mean hidden?"),
        (["train", "digits", "--set", "hidden"], "KEY=VALUE"),
        (["train", "digits", "--set", "hidden=many"], "expected int"),
        (["train", "digits", "--set", "hidden=0"], "at least 1"),
        (["train", "digits", "--steps", "-4"], "at least 1"),
        (["train", "digits", "--device", "cda"], "did you mean cuda?"),
        (["train", "--resume"], "--out"),
        (["train", "--resume", "--out", "x", "--steps", "9"], "leave --set, --steps, --seed and --data out"),
        (["train", "digits", "--resume", "--out", "x"], "is no run"),
        (["sample", "no-such-run"], "is no run"),
        (["evaluate", "no-such-run"], "is no run"),
        (["plot", "no-such-run"], "is no run"),
        (["list", "digts"], "did you mean digits?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_usage_errors_are_one_sentence_and_exit_code_2(arguments, named, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert named in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert list(tmp_path.iterdir()) == []


def test_plot(tmp_path, capsys):
    from PIL import Image

    run = tmp_path / "run"
    tiny = ["--set", "hidden=4", "--set", "features=4", "--set", "batch_size=8"]
    assert main(["train", "digits", "--steps", "4", *tiny, "--out", str(run)]) == 0
    (run / "curves.png").unlink()
    capsys.readouterr()
    assert main(["plot", str(run)]) == 0
    assert capsys.readouterr().out.split() == [str(run / "curves.png"), str(run / "samples.gif")]
    assert (run / "curves.png").is_file()
    with Image.open(run / "samples.gif") as animation, Image.open(run / "samples" / "step-000004.png") as last:
        assert animation.n_frames == 4 and animation.size == last.size

    (run / "samples" / "step-000002.png").write_bytes(b"\x89PNG half")
    assert main(["plot", str(run)]) == 2
    assert "step-000002.png is no picture" in capsys.readouterr().err
    for path in run.glob("samples/*"):
        path.unlink()
    (run / "log.jsonl").write_text('{"step": 4, "d_')
    assert main(["plot", str(run)]) == 2
    assert "nothing to draw yet" in capsys.readouterr().err


def test_list(capsys):
    assert main(["list"]) == 0
    assert "digits" in capsys.readouterr().out
    assert main(["list", "digits"]) == 0
    printed = capsys.readouterr().out
    assert "learning_rate" in printed and "gamma" in printed


def test_doctor(capsys):
    assert main(["doctor"]) == 0
    assert "numpy" in capsys.readouterr().out.lower()


def test_python_dash_m(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tinygan", "train", "digitz"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.returncode == 2 and "did you mean digits?" in done.stderr and "Traceback" not in done.stderr

"""The command line, called as a user would: what it prints, what it leaves, and its exit codes."""

import json
import os
import subprocess
import sys
import types

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

    assert main(["sample", str(run), "-n", "5", "--out", str(tmp_path / "new" / "x.npy")]) == 0
    assert (tmp_path / "new" / "x.npy").is_file()
    assert main(["sample", str(run)]) == 0
    assert (run / "samples" / "seed-0.png").is_file()
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 0
    assert "frechet" in capsys.readouterr().out.lower()
    assert main(["sample", "digits"]) == 2
    assert "did you mean runs/digits?" in capsys.readouterr().err
    assert main(["sample", str(run), "--class", "1"]) == 2
    assert "has no classes" in capsys.readouterr().err
    assert main(["evaluate", str(run), "-n", "1"]) == 2
    assert "tinygan: -n 1: " in (printed := capsys.readouterr().err) and "at least 20" in printed
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
        (["train", "digits", "--set", "hidden=many"], "expected a whole number"),
        (["train", "digits", "--set", "gamma=much"], "expected a number"),
        (["train", "digits", "--data", "x"], "these have: captions, dialogue, "),
        (["train", "digits", "--set", "hidden=0"], "at least 1"),
        (["train", "digits", "--steps", "-4"], "at least 1"),
        (["train", "ring", "--set", "augment=cutout"], "unknown setting 'augment'"),
        (["train", "digits", "--set", "objective=wasserstein", "--set", "gamma=0"], "nothing holds"),
        (["train", "digits", "--device", "gpu"], "expected cpu, or cuda"),
        (["train", "--resume"], "--out"),
        (["train", "--resume", "--out", "x", "--steps", "9"], "leave --set, --steps, --seed and --data out"),
        (["train", "digits", "--resume", "--out", "x"], "holds no run"),
        (["train", "ring", "--out", os.devnull + "/x"], "cannot be made (Not a directory); choose another with --out"),
        (["sample", "no-such-run"], "holds no run"),
        (["evaluate", "no-such-run"], "holds no run"),
        (["plot", "no-such-run"], "holds no run"),
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
    drawn = ["curves.png", "samples.gif", "between.png", "walk.gif", "nearest.png"]
    assert capsys.readouterr().out.split() == [str(run / name) for name in drawn]
    assert all((run / name).is_file() for name in drawn)
    with Image.open(run / "samples.gif") as animation, Image.open(run / "samples" / "step-000004.png") as last:
        assert animation.n_frames == 4 and animation.size == last.size

    (run / "samples" / "step-000002.png").write_bytes(b"\x89PNG half")
    assert main(["plot", str(run)]) == 2
    assert "step-000002.png is not a picture that can be read" in capsys.readouterr().err
    for path in run.glob("samples/*"):
        path.unlink()
    (run / "log.jsonl").write_text('{"step": 4, "d_')
    for path in run.glob("checkpoints/*"):
        path.unlink()
    assert main(["plot", str(run)]) == 2
    assert "nothing to draw yet" in capsys.readouterr().err


def test_points_are_scored_while_they_train_and_truncated_when_sampled(tmp_path, capsys):
    import numpy as np

    run = tmp_path / "run"
    tiny = ["--set", "hidden=4", "--set", "batch_size=8", "--set", "codes=0", "--steps", "100"]
    assert main(["train", "ring", *tiny, "--out", str(run)]) == 0
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {"modes", "high_quality", "reverse_kl", "g_gradient_norm/0"} <= set(rows[-1])
    capsys.readouterr()
    assert main(["plot", str(run)]) == 0
    assert capsys.readouterr().out.split() == [
        str(run / name) for name in ("curves.png", "gradients.png", "samples.gif")
    ]
    spreads = []
    for truncation in ([], ["--truncation", ".5"]):
        assert main(["sample", str(run), "-n", "300", *truncation, "--out", str(tmp_path / "x.npy")]) == 0
        spreads.append(np.load(tmp_path / "x.npy").std(0).mean())
    assert spreads[1] < 0.6 * spreads[0]
    capsys.readouterr()
    assert main(["sample", str(run), "--truncation", "0"]) == 2
    assert "expected .01 or more" in capsys.readouterr().err


class FakeWriter:
    """What tensorboardX's SummaryWriter is called with."""

    calls = []

    def __init__(self, folder, purge_step=None):
        self.calls.append((os.path.basename(folder), purge_step))

    def add_scalar(self, name, value, step):
        self.calls.append((name, value, step))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.calls.append("closed")


def test_tensorboard(tmp_path, capsys, monkeypatch):
    tiny = ["--set", "hidden=4", "--set", "features=4", "--set", "batch_size=8"]
    train = ["train", "digits", "--steps", "4", *tiny, "--tensorboard", "--out", str(tmp_path / "run")]
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    assert main(train) == 2
    assert "pip install tensorboardX" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tensorboardX", types.SimpleNamespace(SummaryWriter=FakeWriter))
    assert main(["train", "--resume", "--tensorboard", "--out", str(tmp_path / "run")]) == 0
    (begun, *scalars, closed), rows = FakeWriter.calls, (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert begun == ("tensorboard", None) and closed == "closed"
    rows = [json.loads(row) for row in rows]
    assert scalars == [(k, v, row["step"]) for row in rows for k, v in row.items() if k not in ("step", "seconds")]
    assert len(rows) == 4


def test_list(capsys):
    assert main(["list"]) == 0
    assert "digits" in capsys.readouterr().out
    assert main(["list", "digits"]) == 0
    printed = capsys.readouterr().out
    assert "learning_rate" in printed and "gamma" in printed
    assert "Where D's slope is penalised. One of none, r1, r2, r1+r2, wgan-gp, dragan." in printed


def test_what_nobody_reads_is_not_an_error():
    with subprocess.Popen(
        [sys.executable, "-m", "tinygan", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as program:
        program.stdout.close()  # as `tinygan list | head` does
        assert program.stderr.read() == "" and program.wait() == 1


def test_doctor(capsys):
    assert main(["doctor"]) == 0
    assert "numpy" in capsys.readouterr().out.lower()


def test_python_dash_m(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tinygan", "train", "digitz"],
        capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()},
    )  # fmt: skip
    assert done.returncode == 2 and "did you mean digits?" in done.stderr and "Traceback" not in done.stderr

"""Folders of strangers: opening, sampling, plotting, evaluating or resuming one ends in success or in one sentence.

And no file outside the folder is touched, no code of it is run, and no more memory is taken than a small multiple of it.
"""

import json
import os
import re
import shutil
import struct
import time
import zlib

import numpy as np
import pytest
from tiny_runs import SET, contents, trained

from tinygan.cli import main
from tinygan.plot import save_image
from tinygan.run.checkpoint import load_checkpoint, save_checkpoint
from tinygan.run.folder import Run

USES = {
    "sample": lambda run: ["sample", run, "-n", "2", "--out", f"{run}/drawn.npy"],
    "evaluate": lambda run: ["evaluate", run, "-n", "20"],
    "plot": lambda run: ["plot", run],
    "resume": lambda run: ["train", "--resume", "--out", run],
}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    folder = trained(tmp_path_factory.mktemp("good") / "run").folder
    for path in (folder / "samples").iterdir():
        save_image(np.zeros((8, 8), np.uint8), path)
    return folder


@pytest.fixture
def place(tmp_path, good, monkeypatch):
    """A folder with a good run, and beside it `outside`, which has files that look as if tinygan might remove them."""
    shutil.copytree(good, tmp_path / "run")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "canary").write_text("of somebody\n")
    for name in (".1.leftover.png", "step-1.safetensors", "step-000001.png"):
        (outside / name).write_text("of somebody\n")
    monkeypatch.setenv("TINYGAN_PROGRESS", "0")
    return tmp_path


def change(place, **values):
    path = place / "run" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def change_settings(place, **values):
    change(place, settings={**json.loads((place / "run" / "config.json").read_text())["settings"], **values})


def newest(place):
    return place / "run" / "checkpoints" / "step-6.safetensors"


def resave(place, change, **metadata):
    """Write both checkpoints again, with a good SHA-256."""
    for step in (3, 6):
        path = place / "run" / "checkpoints" / f"step-{step}.safetensors"
        arrays, found = load_checkpoint(path)
        found = {key: value for key, value in found.items() if key not in ("tinygan", "format")}
        save_checkpoint(path, change(arrays), **{**found, **metadata})


def link(name, target="outside/canary"):
    def plant(place):
        path = place / "run" / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(place / target)

    return plant


def pipe(name):
    def plant(place):
        path = place / "run" / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return plant


def huge(name, size=1 << 40):
    def plant(place):
        with open(place / "run" / name, "r+b") as file:
            file.truncate(size)  # sparse: it takes no room

    return plant


def log_row(**row):
    def plant(place):
        with open(place / "run" / "log.jsonl", "a") as file:
            file.write(json.dumps({"step": 5, **row}) + "\n")

    return plant


def picture(place, width, height, data=b""):
    """Write a picture of samples whose header says this size."""
    chunk = lambda kind, body: (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    )
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    (place / "run" / "samples" / "step-000006.png").write_bytes(content)


def nan_weights(arrays):
    next(a for name, a in arrays.items() if "weight" in name)[:] = np.nan
    return arrays


def same(arrays):
    return arrays


def array_of(name, value):
    return lambda place: resave(place, lambda arrays: {**arrays, name: value})


def deep(place):
    (place / "run" / "config.json").write_text("[" * 100_000)


def deep_value(place):
    change_settings(place, hidden=eval("[" * 50 + "]" * 50))


def lying_header(place):
    header = b'{"w":{"dtype":"F32","shape":[250000000000],"data_offsets":[0,1000000000000]}}'
    newest(place).write_bytes(len(header).to_bytes(8, "little") + header)


ALL, ANSWERED = ("sample", "evaluate", "plot", "resume"), ""  # ANSWERED: in any way, with success too
CASES = {  # name: (how the folder is spoiled, what uses it, what is said; "": success or any sentence)
    "lock, a link": (link("lock"), ["resume"], "lock could not be written .it is a link"),
    "lock, a pipe": (pipe("lock"), ["resume"], "lock could not be written .it is no regular file"),
    "lock, a device": (link("lock", "/dev/zero"), ["resume"], "it is a link"),
    "lock, a second name": (lambda place: os.link(place / "outside/canary", place / "run/lock"), ["resume"], "it is a link"),
    "samples, a link": (link("samples", "outside"), ALL, "samples is a link"),
    "checkpoints, a link": (link("checkpoints", "outside"), ALL, "checkpoints is a link"),
    "tensorboard, a link": (link("tensorboard", "outside"), ALL, "tensorboard is a link"),
    "a link to itself": (link("samples", "run/samples"), ALL, "samples is a link"),
    "config, a link": (link("config.json"), ALL, "config.json cannot be read .it is a link"),
    "config, a pipe": (pipe("config.json"), ALL, "holds no run"),
    "log, a link": (link("log.jsonl"), ["plot", "resume"], "log.jsonl c.* .it is a link"),
    "log, a pipe": (pipe("log.jsonl"), ["plot", "resume"], "log.jsonl c.* .it is no regular file"),
    "log, a second name": (
        lambda place: ((place / "run/log.jsonl").unlink(), os.link(place / "outside/canary", place / "run/log.jsonl")),
        ["plot", "resume"], ANSWERED,
    ),
    "latest, a pipe": (pipe("checkpoints/latest"), ALL, ANSWERED),
    "latest, a link": (link("checkpoints/latest"), ALL, ANSWERED),
    "checkpoint, a link": (link("checkpoints/step-6.safetensors"), ALL, "cannot be read: it is a link"),
    "checkpoint, a pipe": (pipe("checkpoints/step-6.safetensors"), ALL, "cannot be read: it is no regular file"),
    "picture, a pipe": (pipe("samples/step-000006.png"), ["plot"], "it is no regular file"),
    "picture, a link": (link("samples/step-000006.png"), ["plot"], "it is a link"),
    "leftovers, folders and links": (
        lambda place: ((place / "run/.1.folder").mkdir(), link(".1.link")(place), link("samples/.2.x", "outside")(place)),
        ["resume"], ANSWERED,
    ),
    "drawings, links": (
        lambda place: [link(name)(place) for name in ("curves.png", "samples.gif", "scores.json", "drawn.npy")],
        ALL, ANSWERED,
    ),
    "config, sparse": (huge("config.json"), ALL, "at most 8,388,608 are read"),
    "log, sparse": (huge("log.jsonl"), ["plot", "resume"], "at most 268,435,456 are read"),
    "latest, sparse": (huge("checkpoints/latest"), ALL, ANSWERED),
    "checkpoint, sparse": (huge("checkpoints/step-6.safetensors"), ALL, "at most 1,073,741,824 are read"),
    "checkpoint, less sparse": (huge("checkpoints/step-6.safetensors", 1 << 29), ["sample"], "its header promises"),
    "checkpoint, its header promises more": (lying_header, ALL, "its header promises"),
    "picture, sparse": (huge("samples/step-000006.png"), ["plot"], "at most 33,554,432 are read"),
    "picture, a bomb": (lambda place: picture(place, 60_000, 60_000), ["plot"], "pixels are too many|exceeds limit"),
    "picture, of more than it may have": (lambda place: picture(place, 5000, 5000), ["plot"], "pixels are too many"),
    "picture, cut": (lambda place: picture(place, 5, 5, b"x"), ["plot"], "is not a picture"),
    "config, deep": (deep, ALL, "config.json is damaged"),
    "config, a deep value": (deep_value, ALL, "more than 16 deep"),
    "config, an array": (lambda place: (place / "run/config.json").write_text("[]"), ALL, "expected names with values"),
    "config, nan": (lambda place: change_settings(place, learning_rate=float("nan")), ALL, "no number there"),
    "config, of 400 digits": (lambda place: change_settings(place, hidden=int("9" * 400)), ALL, "hidden=9999.*expected"),
    "config, of 5000 digits": (
        lambda place: (place / "run/config.json").write_text('{"recipe": "digits", "settings": {"a": %s}}' % ("9" * 5000)),
        ALL, "config.json is damaged",
    ),
    "hidden 10^9": (lambda place: change_settings(place, hidden=10**9), ALL, "must be at most 1000000"),
    "hidden 10^6": (lambda place: change_settings(place, hidden=10**6), ALL, "networks are larger"),
    "hidden 10^6 without a checkpoint": (
        lambda place: (shutil.rmtree(place / "run/checkpoints"), change_settings(place, hidden=10**6)),
        ["resume"], "networks are larger",
    ),
    "batch_size 10^9": (lambda place: change_settings(place, batch_size=10**9), ALL, "must be at most 65536"),
    "processes 1000": (
        lambda place: change_settings(place, processes=1000, batch_size=1000), ["resume"], "each wants a core of its own",
    ),
    "settings, a list": (lambda place: change(place, settings=[["hidden", 4]]), ALL, "settings: expected names"),
    "settings, of another type": (lambda place: change_settings(place, hidden=True), ALL, "expected a whole number"),
    "settings, unknown": (lambda place: change_settings(place, **{"\x1b[31m": 4}), ALL, r"\\x1b.31m=4"),
    "recipe, a list": (lambda place: change(place, recipe=["digits"]), ALL, "recipe: expected text, not a list"),
    "recipe, of control characters": (lambda place: change(place, recipe="\x1b]0;x"), ALL, r"unknown recipe .\\x1b"),
    "recipe, a module": (lambda place: change(place, recipe="os"), ALL, "unknown recipe 'os'"),
    "kept, a number": (lambda place: change(place, kept=7), ALL, "kept: expected names"),
    "saved, a list": (lambda place: change(place, saved=[1]), ALL, "saved: expected names"),
    "rewinds, a number": (lambda place: change(place, rewinds=3), ALL, "rewinds: expected a list"),
    "rewinds, of numbers": (lambda place: change(place, rewinds=[3]), ALL, r"rewinds\[0\]: expected names"),
    "pace, of 400 digits": (
        lambda place: change(place, rewinds=[{"pace": int("9" * 400)}]), ALL, r"rewinds\[0\].pace: expected a number",
    ),
    "version, true": (lambda place: change(place, version=True), ALL, "version: expected a whole number"),
    "null": (lambda place: change(place, version=None, kept=None, saved=None, rewinds=None, on_nan=None), ALL, ANSWERED),
    "on_nan, a list": (lambda place: change(place, on_nan=["stop"]), ALL, "on_nan: expected one of stop, rewind"),
    "weights, nan": (lambda place: resave(place, nan_weights), ALL, "are not finite"),
    "step of the checkpoint, text": (lambda place: resave(place, same, step="6"), ALL, "is the file misplaced"),
    "step of the checkpoint, true": (lambda place: resave(place, same, step=True), ALL, "is the file misplaced"),
    "step of the checkpoint, below 0": (lambda place: resave(place, same, step=-5), ALL, "is the file misplaced"),
    "step of the optimiser, of a shape": (
        array_of("generator_optimizer.step", np.arange(5)), ALL, "does not fit the networks",
    ),
    "step of the optimiser, below 0": (
        array_of("generator_optimizer.step", np.array(-5)), ALL, "does not fit the networks",
    ),
    "rate of the optimiser, text": (
        array_of("generator_optimizer.lr", np.array(True)), ALL, "does not fit the networks",
    ),
    "an array too many": (array_of("generator.\x1b[2J", np.zeros(3)), ALL, r"generator|\\x1b"),
    "step-²": (
        lambda place: newest(place).rename(newest(place).with_name("step-²³.safetensors")), ALL, ANSWERED,
    ),
    "step-² of a picture": (
        lambda place: shutil.copy(place / "run/samples/step-000006.png", place / "run/samples/step-²³.png"),
        ["plot"], ANSWERED,
    ),
    "log, a step that is text": (log_row(step="7"), ["plot", "resume"], ANSWERED),
    "log, a step of 400 digits": (log_row(step=int("9" * 400)), ["plot", "resume"], ANSWERED),
    "log, a loss that is text": (log_row(d_loss="low"), ["plot", "resume"], ANSWERED),
    "log, a loss that is a list": (log_row(d_loss=[1], penalty={}), ["plot", "resume"], ANSWERED),
    "log, a loss of 400 digits": (log_row(d_loss=int("9" * 400), g_loss=1e308), ["plot", "resume"], ANSWERED),
    "log, a time that is text": (log_row(seconds="long"), ["plot", "resume"], ANSWERED),
    "log, names of control characters": (log_row(**{"\x1b[2J": 1.0, "$\\frac$": 2.0, "x" * 10_000: 1}), ["plot"], ANSWERED),
    "log, thousands of names": (log_row(**{f"score{i}": i for i in range(3000)}), ["plot"], ANSWERED),
    "log, an event that is a list": (log_row(event=["D wins"], says={}), ["plot", "resume"], ANSWERED),
    "log, deep": (
        lambda place: (place / "run/log.jsonl").write_text('{"step": 3, "x": ' + "[" * 60_000 + "\n"),
        ["plot", "resume"], ANSWERED,
    ),
    "log, one long line": (
        lambda place: (place / "run/log.jsonl").write_text("9" * 10_000_000), ["plot", "resume"], ANSWERED,
    ),
}  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links and pipes of Unix")
@pytest.mark.parametrize("name, use", [(name, use) for name, (_, uses, _) in CASES.items() for use in uses])
def test_a_stranger_is_answered(place, capfd, name, use):
    plant, _, says = CASES[name]
    plant(place)
    before = contents(place / "outside")
    code = main(USES[use](str(place / "run")))
    printed = capfd.readouterr()
    assert contents(place / "outside") == before
    assert {path.name for path in place.iterdir()} == {"run", "outside"}
    assert all(c.isprintable() or c == "\n" for c in printed.out + printed.err)
    assert code in (0, 2)
    if code == 2 or says:
        assert printed.err.count("\n") == 1 and printed.err.startswith("tinygan: ") and len(printed.err) < 1100
        assert re.search(says, printed.err), printed.err
    if says and not says.startswith("its header"):
        assert code == 2


def test_a_log_of_many_rows_is_thinned_and_its_end_kept(place):
    rows = [{"step": k, "d_loss": 1.0 / k, "g_loss": 1.0, "seconds": 0.5 * k} for k in range(1, 100_001)]
    for row in rows[4999::5000]:
        row["diversity"] = 0.5
    path = place / "run" / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    run, begun = Run.open(place / "run"), time.process_time()
    found = run.rows()
    assert time.process_time() - begun < 1  # .07 of a core here; a million rows take ten times as long
    steps = [row["step"] for row in found]
    assert len(found) < 10_000 and steps == sorted(steps) and steps[-1000:] == list(range(99_001, 100_001))
    assert [row["step"] for row in found if "diversity" in row] == list(range(5000, 100_001, 5000))  # rare rows stay
    run._cut_log(50_000)
    assert path.read_text() == "".join(json.dumps(row) + "\n" for row in rows[:50_000])


@pytest.mark.parametrize("name", ["samples", "checkpoints", "tensorboard"])
def test_a_run_does_not_begin_in_folders_that_are_elsewhere(place, capsys, name):
    (place / "new").mkdir()
    (place / "new" / name).symlink_to(place / "outside")
    before = contents(place / "outside")
    assert main(["train", "digits", *SET, "--steps", "1", "--out", str(place / "new")]) == 2
    assert f"{name} is a link" in capsys.readouterr().err and contents(place / "outside") == before

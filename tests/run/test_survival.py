"""Runs survive: killed 50 times, at any instant, they end at the bytes of the run that nobody disturbed.

Half of the kills come from outside after a random time, half at a random one of the instants at which a run touches its
files: before a file is opened, with half of its bytes written, before it is flushed, before and after it is renamed, before
an old one is removed. Everything is a real `tinygan train` in a process of its own. To start each in 10 ms they are forked
from one process, this file run as a program, in which everything is loaded already.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TRAIN = ["train", "digits", "--steps", "48"]
for setting in ("hidden=4", "features=4", "noise=2", "row_noise=1", "batch_size=4"):
    TRAIN += ["--set", setting]
ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "TINYGAN_THREADS": "1", "TINYGAN_PROGRESS": "0"}
KILLS = 50


def environment():
    return {**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


# --- the program that forks --------------------------------------------------------------------------------------


def forked(task):
    """The process number of a copy of this process that does `task` and exits with its answer."""
    pid = os.fork()
    if pid == 0:
        os._exit(task() or 0)
    return pid


def train(arguments, quiet=True):
    from tinygan.cli import main

    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return main(arguments)


def die_at(instant, folder):
    """Send this process SIGKILL at the `instant`-th time that it is about to touch, or has touched, a file in `folder`."""
    left = [instant]
    folder = str(folder)

    def tick(path=folder):
        if str(path).startswith(folder):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def seen(event, arguments):
        if event in ("open", "os.rename", "os.remove", "os.truncate"):
            tick(arguments[0])

    write_bytes, fsync, replace = Path.write_bytes, os.fsync, os.replace

    def write_in_halves(path, content):
        half = len(content) // 2
        write_bytes(path, content[:half])
        tick(path)
        return write_bytes(path, content)

    def replace_and_tick(*paths):
        replace(*paths)
        tick()

    sys.addaudithook(seen)
    Path.write_bytes, os.fsync, os.replace = write_in_halves, lambda fd: (tick(), fsync(fd)), replace_and_tick


def kill_and_resume(folder, seed):
    """Kill runs KILLS times; prints how each was, and the folders of the runs that came to their end."""
    import tinygan.recipes.pictures.digits  # noqa: F401
    from tinygan.data import digits
    from tinygan.threads import share_cores

    with share_cores():  # loads what it needs
        digits()
    import PIL.PngImagePlugin  # noqa: F401
    import safetensors.numpy  # noqa: F401
    import tqdm  # noqa: F401

    rng = random.Random(seed)
    began = time.perf_counter()
    os.waitpid(forked(lambda: train([*TRAIN, "--out", f"{folder}/whole"])), 0)
    length = time.perf_counter() - began
    kills, runs, ended = [], 0, []
    while len(kills) < KILLS or not ended:
        out = f"{folder}/run-{runs}"
        runs += 1
        while True:
            begun = os.path.exists(f"{out}/config.json")
            arguments = ["train", "--resume", "--out", out] if begun else [*TRAIN, "--out", out]
            instant = rng.randint(1, 60) if len(kills) % 2 and len(kills) < KILLS else 0

            def task(arguments=arguments, instant=instant, out=out):
                if instant:
                    die_at(instant, out)
                return train(arguments)

            pid = forked(task)
            if not instant and len(kills) < KILLS:
                time.sleep(rng.uniform(0, length / 2))
                os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if os.WIFSIGNALED(status):
                kills.append("instant" if instant else "time")
                continue
            assert status == 0, f"{arguments} ended with status {status}"
            ended.append(out)
            break
    print(json.dumps({"kills": kills, "ended": ended}))


if __name__ == "__main__":
    kill_and_resume(sys.argv[1], int(sys.argv[2]))


# --- tests -------------------------------------------------------------------------------------------------------


def contents(run):
    """All files of a run by name; log lines without the time they took."""
    files = {str(p.relative_to(run)): p.read_bytes() for p in sorted(run.rglob("*")) if p.is_file()}
    rows = [json.loads(line) for line in files.pop("log.jsonl").splitlines()]
    return {**files, "log": [{k: v for k, v in row.items() if k != "seconds"} for row in rows]}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="runs are forked")
def test_fifty_kills_end_at_the_same_bytes(tmp_path):
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path), "0"], capture_output=True, text=True, env=environment()
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert len(found["kills"]) >= KILLS and set(found["kills"]) == {"time", "instant"}
    expected = contents(tmp_path / "whole")
    assert "checkpoints/step-48.safetensors" in expected and "lock" not in expected
    assert len(found["ended"]) >= 2
    for run in found["ended"]:
        run = contents(Path(run))
        assert run.keys() == expected.keys()
        for name in expected:
            assert run[name] == expected[name], name

"""Runs that are killed at random moments and go on: do they end at the bytes of the run that nobody disturbed?

    python benchmarks/kills.py                            60 kills, half of them of two processes that train together
    python benchmarks/kills.py --kills 6 --seed 1         fewer, at other moments; printed

Each is a `tinygan train` of its own, killed by SIGKILL with all that it started, after a random part of the time that an
unbroken run takes, and resumed until it ends. Then all its files are compared: weights, averages, the optimisers' state,
pictures, config.json, and the log without its times. Writes results/kills.md and kills.json.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from speed import machine

HERE = Path(__file__).parent
STEPS = 150
SETTINGS = {"hidden": 6, "features": 6, "noise": 2, "row_noise": 1, "batch_size": 8}
MOST_TRIES = 30  # of one run: every kill may come before its first checkpoint


def train(folder, processes):
    """Start `tinygan train`, or --resume it, and return the process, the leader of a group of its own."""
    words = [sys.executable, "-m", "tinygan", "train", "--out", str(folder)]
    if (folder / "config.json").exists():
        words += ["--resume"]
    else:
        words += ["digits", "--steps", str(STEPS), "--set", f"processes={processes}"]
        words += [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    quiet = {"TINYGAN_PROGRESS": "0", "TINYGAN_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
    return subprocess.Popen(words, env={**os.environ, **quiet}, **pipes)


def whole_run(folder, processes):
    """Train without being disturbed; return the seconds that it took."""
    begun = time.monotonic()
    process = train(folder, processes)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"the unbroken run ended with {process.returncode}: {said.decode()}")
    return time.monotonic() - begun


def killed_run(folder, processes, seconds, rng, kills):
    """Train, killed at most `kills` times at random moments, to the end; return the steps at which it went on."""
    found = []
    for _ in range(MOST_TRIES):
        process = train(folder, processes)
        try:
            if len(found) == kills:
                raise subprocess.TimeoutExpired("", 0)
            _, said = process.communicate(timeout=rng.uniform(0.1, 1.1) * seconds)
        except subprocess.TimeoutExpired:
            if len(found) < kills:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                found.append(last_step(folder))
                continue
            _, said = process.communicate()
        if process.returncode:
            raise SystemExit(f"{folder.name} ended with {process.returncode}: {said.decode()}")
        return found
    raise SystemExit(f"{folder.name} did not end in {MOST_TRIES} tries")


def last_step(folder):
    """Return the step of the newest checkpoint, None where there is none."""
    steps = [int(path.stem[5:]) for path in (folder / "checkpoints").glob("step-*.safetensors")]
    return max(steps, default=None)


def contents(folder):
    """Return {name: bytes} of all files of a run, and its log without times."""
    files = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    rows = [json.loads(line) for line in files.pop("log.jsonl").splitlines()]
    return {**files, "log": [{k: v for k, v in row.items() if k != "seconds"} for row in rows]}


def main():
    """Kill, resume and compare; return 1 if a run ended at other bytes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng, rows = random.Random(options.seed), []
    with tempfile.TemporaryDirectory() as place:
        for processes in (1, 2):
            whole = Path(place, f"whole-{processes}")
            seconds = whole_run(whole, processes)
            expected, done, runs, differ, went_on = contents(whole), 0, 0, [], []
            while done < options.kills // 2:
                folder = Path(place, f"killed-{processes}-{runs}")
                steps = killed_run(folder, processes, seconds, rng, min(3, options.kills // 2 - done))
                found = contents(folder)
                bad = [name for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
                differ += [f"{folder.name}: {', '.join(bad)}"] * bool(bad)
                done, runs, went_on = done + len(steps), runs + 1, went_on + steps
                print(f"processes={processes}: {done} kills in {runs} runs, {len(differ)} differ", flush=True)
            counts = {"processes": processes, "kills": done, "runs": runs, "seconds": seconds}
            rows.append({**counts, "differ": differ, "went_on": went_on})
    print(table(rows))
    if options.kills == parser.get_default("kills"):
        about = machine()
        said = f"`{about['command']}` at {about['commit']}, {about['processor']}, {about['cores']} cores, {about['date']}"
        (HERE / "results" / "kills.md").write_text(f"{said}\n\n{table(rows)}\n")
        (HERE / "results" / "kills.json").write_text(json.dumps({"machine": about, "rows": rows}, indent=1) + "\n")
    return any(row["differ"] for row in rows)


def table(rows):
    """Return a Markdown table: a line for each number of processes."""
    lines = ["| processes | kills | before the first checkpoint | runs | that ended at other bytes |"]
    lines.append("|--:|--:|--:|--:|--:|")
    for row in rows:
        early = row["went_on"].count(None)
        lines.append(f"| {row['processes']} | {row['kills']} | {early} | {row['runs']} | {len(row['differ'])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

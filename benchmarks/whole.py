"""`tinygan train` as whole processes, from the command to the last file: wall clock, processor time, peak memory.

    python benchmarks/whole.py --quick                       60 steps of digits and of mnist-rows, one minute, printed
    python benchmarks/whole.py                               all of their steps: writes results/whole.json and whole.md
    python benchmarks/whole.py --before bc2e17f              beside the library as it was at a commit, taking turns

Each run is a process in a folder of its own, with the threads and the BLAS that a user gets who sets nothing. An earlier
commit is unpacked to a temporary folder; nothing in the repository changes. mnist-rows needs MNIST in TINYGAN_DATA.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

from speed import PINS, machine

HERE = Path(__file__).parent
RECIPES = ("digits", "mnist-rows")
QUICK_STEPS = 60
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "TINYGAN_THREADS")


def environment(root, threads=None):
    """The environment of a run of the library in the folder `root`."""
    env = {k: v for k, v in os.environ.items() if k not in (*PINS, *THREADS)}
    env |= {"PYTHONPATH": str(root), "TINYGAN_PROGRESS": "0", "MPLBACKEND": "Agg"}
    return env if threads is None else env | {"TINYGAN_THREADS": str(threads)}


def unpack(commit, folder):
    """Put the library and the benchmarks of a commit into `folder`; SystemExit if there is no such commit."""
    archive = ["archive", "--format=tar", commit, "tinygan", "benchmarks"]
    done = subprocess.run(["git", "-C", str(HERE.parent), *archive], stdout=subprocess.PIPE)
    if done.returncode:
        raise SystemExit(f"--before {commit}: git does not know it, see above")
    path = Path(folder) / "tinygan.tar"
    path.write_bytes(done.stdout)
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    path.unlink()


def run(root, recipe, steps=None, threads=None, words=()):
    """Train a recipe in a process, with `words` in its command: {"wall", "cpu", "peak_mb", "steps"}.

    SystemExit, with what the process said, if it fails.
    """
    folder = Path(tempfile.mkdtemp(prefix="tinygan-whole-"))
    command = [sys.executable, "-m", "tinygan", "train", recipe, "--out", "run"]
    command += [*words, *(["--steps", str(steps)] if steps else [])]
    try:
        with open(folder / "output", "w+") as output:
            begun = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=folder, env=environment(root, threads), stdout=output, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                output.seek(0)
                raise SystemExit(f"{' '.join(command[1:])} in {root} failed:\n{output.read()}")
        done = json.loads((folder / "run" / "config.json").read_text())["settings"]["steps"]
    finally:
        shutil.rmtree(folder)
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    cpu = usage.ru_utime + usage.ru_stime
    return {"wall": round(wall, 2), "cpu": round(cpu, 2), "peak_mb": round(peak, 1), "steps": done}


def measure(revisions, recipes, steps, repeats, threads):
    """[{"recipe", "revision", "runs"}, ...]: all revisions, a folder and words each, take turns: a slow minute hits all."""
    figures = [{"recipe": recipe, "revision": name, "runs": []} for recipe in recipes for name in revisions]
    for recipe in recipes:
        for _ in range(repeats):
            for f in figures:
                if f["recipe"] == recipe:
                    root, words = revisions[f["revision"]]
                    f["runs"].append(run(root, recipe, steps, threads, words))
                    print(f"{recipe}, {f['revision']}: {f['runs'][-1]}", flush=True)
    return figures


def table(figures):
    """A line for each recipe and revision: the least of its runs."""
    heads = ["", "revision", "steps", "wall, s", "processor, s", "peak, MB", "to the first"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    before = {}
    for f in figures:
        least = {key: min(r[key] for r in f["runs"]) for key in ("wall", "cpu", "peak_mb")}
        steps = f["runs"][0]["steps"]
        first = before.setdefault(f["recipe"], (least, steps))
        same = first[0] is least or first[1] != steps
        ratio = (
            ""
            if same
            else f"{least['wall'] / first[0]['wall']:.2f} wall, {least['cpu'] / first[0]['cpu']:.2f} processor"
        )
        cells = [f["recipe"], f["revision"], f"{steps:,}", f"{least['wall']:.1f}", f"{least['cpu']:.1f}"]
        lines.append("| " + " | ".join([*cells, f"{least['peak_mb']:.0f}", ratio]) + " |")
    return lines


def markdown(report):
    """The whole report."""
    about = report["machine"]
    lines = [
        "# Whole processes",
        "",
        f"Written by `{about['command']}`; [README.md](../README.md) says how it is measured. `tinygan train RECIPE`,",
        f"from the command to the last file, least of {report['repeats']}.",
        "",
        f"{about['date']}, {about['processor']}, {about['cores']} cores, {about['system']}. Python {about['python']}."
        f" Now: commit {about['commit']}.",
        "",
    ]
    return "\n".join([*lines, *table(report["figures"])]) + "\n"


def main(argv=None):
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description="`tinygan train` as whole processes.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STEPS} steps; printed and not written")
    parser.add_argument("--before", metavar="COMMIT", help="compare with the library at this commit")
    parser.add_argument("--recipes", default=",".join(RECIPES), help=f"default: {','.join(RECIPES)}")
    parser.add_argument("--steps", type=int, help="training steps (default: the recipe's own)")
    parser.add_argument("--repeats", type=int, default=1, help="runs of each, the least of which counts (default 1)")
    parser.add_argument("--threads", type=int, help="TINYGAN_THREADS (default: what tinygan takes by itself)")
    parser.add_argument("--out", type=Path, help="write PATH.json and PATH.md (default: results/whole)")
    a = parser.parse_args(argv)
    steps = a.steps or (QUICK_STEPS if a.quick else None)
    with tempfile.TemporaryDirectory(prefix="tinygan-before-") as folder:
        revisions = {}
        if a.before:
            unpack(a.before, folder)
            revisions[a.before] = folder, []
        revisions["now"] = HERE.parent, []
        revisions["now, two processes"] = HERE.parent, ["--set", "processes=2"]
        figures = measure(revisions, a.recipes.split(","), steps, a.repeats, a.threads)
    report = {"machine": machine(), "repeats": a.repeats, "threads": a.threads, "figures": figures}
    print("\n" + markdown(report))
    out = a.out or (None if a.quick else HERE / "results" / "whole")
    if out:
        out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        out.with_suffix(".md").write_text(markdown(report))


if __name__ == "__main__":
    main()

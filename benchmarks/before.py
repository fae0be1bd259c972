"""How long the workloads of speed.py take now, beside an earlier commit: the two take turns, a tenth of a second each.

    python benchmarks/before.py dca496a                       all nine, five minutes: prints a table
    python benchmarks/before.py dca496a --only W1,W2 --out results/before    writes it too

Each side has a process of its own, with its own library and its own benchmarks. Both must compute the same losses for two
steps from the same weights. A ratio is the median over pairs of neighbouring turns: below 1 tinygan is faster now.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from speed import HERE, Side, check_equal, machine
from whole import unpack
from workloads import WORKLOADS

TURN = 0.1  # seconds
QUARTERS = (25, 75)  # percentiles that are printed beside the median


def compare(name, root, threads, seconds):
    """The ratios of neighbouring turns of a workload, now over before, and the milliseconds of both."""
    sides = []
    try:
        sides += [Side("tinygan", name, "cpu", threads, "native", where) for where in (HERE.parent, root)]
        check_equal(name, sides)
        for side in sides:
            side.ask("start")
            side.take_turn()
            side.steps, side.batches = max(1, round(TURN / side.ask("time", steps=1)["wall"])), []
        end, turn = time.perf_counter() + seconds, 0
        while time.perf_counter() < end or turn < 10:
            for side in sides if turn % 2 else reversed(sides):  # neither always comes first
                side.take_turn()
            turn += 1
    finally:
        for side in sides:
            side.process.kill()
            side.process.communicate()
    now, before = ([batch["cpu" if threads == 1 else "wall"] for batch in side.batches] for side in sides)
    ratios = sorted(a / b for a, b in zip(now, before))
    spread = [ratios[len(ratios) * q // 100] for q in QUARTERS]
    return {
        "workload": name, "threads": threads, "turns": turn, "ratio": round(statistics.median(ratios), 4),
        "quarters": [round(r, 4) for r in spread], "least": round(min(now) / min(before), 4),
        "ms_now": round(statistics.median(now) * 1e3, 4), "ms_before": round(statistics.median(before) * 1e3, 4),
    }  # fmt: skip


def table(report):
    """The report as Markdown."""
    about = report["machine"]
    lines = [
        f"# Now beside {report['before']}", "", f"`{about['command']}`", "",
        "| workload | threads | now / before | middle half of the turns | least / least | ms now | ms before | turns |",
        "|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for r in report["results"]:
        low, high = r["quarters"]
        lines.append(
            f"| {r['workload']} | {r['threads']} | {r['ratio']:.3f} | {low:.3f} to {high:.3f} | {r['least']:.3f} |"
            f" {r['ms_now']:.3g} | {r['ms_before']:.3g} | {r['turns']} |"
        )
    about = f"{about['processor']}, {about['cores']} cores, Python {about['python']}, {about['date']}"
    clock = "Milliseconds a step are processor time on one thread, wall-clock time on two."
    return "\n".join([*lines, "", f"{clock} {about}. Commit {report['machine']['commit']}.", ""])


def main():
    """Compare the workloads that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("commit")
    parser.add_argument("--only", default=",".join(WORKLOADS))
    parser.add_argument("--threads", type=int, default=1, choices=(1, 2))
    parser.add_argument("--seconds", type=float, default=30, help="for the turns of a workload")
    parser.add_argument("--out", type=Path, help="write PATH.json and PATH.md")
    options = parser.parse_args()
    report = {"before": options.commit, "machine": machine(), "results": []}
    with tempfile.TemporaryDirectory(prefix="tinygan-before-") as folder:
        unpack(options.commit, folder)
        for name in options.only.split(","):
            report["results"].append(compare(name, folder, options.threads, options.seconds))
            print(table(report), flush=True)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(table(report))


if __name__ == "__main__":
    main()

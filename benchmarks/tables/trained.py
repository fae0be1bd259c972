"""Tables of recipes that are trained by `tinygan train` and scored by `tinygan evaluate`: told pictures, clips, sound.

`score_rows` is what `text2image.py`, `video.py`, `video_edit.py` and `speech.py` do; each says how its table looks.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np

RESULTS = Path(__file__).parents[1] / "results"
QUICK = 20  # steps


def score_rows(text, name, rows, table, *, chosen=None, recipe_of=None, more=lambda row: {}):
    """Score the chosen rows with every seed; after each, write what is known to results/NAME.json and .md.

    text: the script's docstring. rows: {row: settings beside the defaults}; where there are two numbers of steps, a run
    that has ended goes on. table(found) -> Markdown, found: {row: {seed: scores}}. chosen: the usual rows; all, if not said.
    recipe_of: row -> recipe, where it is not `name`. more: row -> what is measured of a row besides.
    """
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("--rows", default=",".join(chosen or rows), help=f"of {', '.join(rows)}")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} steps, to see that it runs")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where runs are, or will be")
    parser.add_argument("--out", type=Path, default=RESULTS / name)
    options = parser.parse_args()
    path = options.out.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {}
    for row in options.rows.split(","):
        recipe = recipe_of(row) if recipe_of else name
        for seed in options.seeds.split(","):
            settings = {**rows[row], "seed": seed, **({"steps": QUICK} if options.quick else {})}
            settings, further = in_pieces(settings)
            found.setdefault(row, {})[seed] = scored(recipe, settings, options.runs / recipe, further) | more(row)
            path.write_text(json.dumps(found, indent=1) + "\n")
            options.out.with_suffix(".md").write_text(table(found))
    print(table(found), end="")


def in_pieces(settings):
    """Return the settings that training begins with, and the numbers of steps that it goes on to."""
    if not isinstance(settings.get("steps"), tuple):
        return settings, []
    first, *further = settings["steps"]
    return {**settings, "steps": first}, further


def heading(row, recipe, seeds, settings):
    """Return lines of Markdown: the row, its seeds, steps, minutes and memory, and the commands that train it."""
    steps, minutes, memory = (mean(list(seeds.values()), key) for key in ("steps", "cpu_minutes", "megabytes"))
    settings, further = in_pieces(settings)
    chosen = "".join(f" --set {key}={value}" for key, value in settings.items())
    commands = [f"tinygan train {recipe}{chosen}", *(f"tinygan train --resume --steps {n} --out RUN" for n in further)]
    of = f"seed {', '.join(seeds)}; {steps:,.0f} steps, {minutes:.1f} CPU minutes, {memory:,.0f} MB"
    return [f"## {row} ({of})", "", ", then ".join(f"`{command}`" for command in commands), ""]


def percent(share):
    """Return a share in percent; nothing for what is not there."""
    return "" if share is None else f"{100 * share:.1f}"



def scored(recipe, settings, runs, further=()):
    """Return the scores of a run, trained to its end if it is not yet, its steps, CPU minutes and most memory.

    further: numbers of steps; a run that has ended goes on to each. Minutes and memory are kept in the run's folder,
    `spent.json`: they are those of all times that it was trained here.
    """
    folder = runs / "-".join(f"{key}{value}" for key, value in settings.items())
    chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    config, path = folder / "config.json", folder / "spent.json"
    used = [tinygan("train", *(["--resume"] if config.exists() else [recipe, *chosen]), "--out", folder)]
    for steps in further:
        if steps > steps_of(config):
            used.append(tinygan("train", "--resume", "--steps", steps, "--out", folder))
    spent = json.loads(path.read_text()) if path.exists() else {"cpu_minutes": 0.0, "megabytes": 0.0}
    spent["cpu_minutes"] += sum(usage.ru_utime + usage.ru_stime for usage in used) / 60
    spent["megabytes"] = max(spent["megabytes"], *(usage.ru_maxrss / 1024 for usage in used))
    path.write_text(json.dumps(spent))
    tinygan("evaluate", folder)
    scores = json.loads((folder / "scores.json").read_text())
    return {**scores, "steps": steps_of(config), **spent, "numpy": np.__version__, "machine": platform.machine()}


def steps_of(config):
    """Return the steps of the run with this config.json."""
    return json.loads(config.read_text())["settings"]["steps"]


def tinygan(*words):
    """Run a command of tinygan's, which prints what it does; return what it used, this command alone."""
    process = subprocess.Popen([sys.executable, "-m", "tinygan", *map(str, words)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"tinygan {words[0]}: failed")
    return usage


def mean(runs, key):
    """Return the mean of a score over seeds, None if it is not there."""
    values = [run[key] for run in runs if key in run]
    return float(np.mean(values)) if values else None

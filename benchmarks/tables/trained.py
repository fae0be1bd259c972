"""What `text2image.py` and `video.py` share: a recipe is trained by `tinygan train`, and scored by `tinygan evaluate`."""

import json
import os
import platform
import resource
import subprocess
import sys

import numpy as np


def scored(recipe, settings, runs, further=()):
    """Return the scores of a run, trained to its end if it is not yet, its steps, CPU minutes and most memory.

    further: numbers of steps; a run that has ended goes on to each. Minutes and memory are kept in the run's folder,
    `spent.json`: they are those of all times that it was trained here.
    """
    folder = runs / "-".join(f"{key}{value}" for key, value in settings.items())
    chosen = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    config, path = folder / "config.json", folder / "spent.json"
    before = os.times()
    tinygan("train", *(["--resume"] if config.exists() else [recipe, *chosen]), "--out", folder)
    for steps in further:
        if steps > steps_of(config):
            tinygan("train", "--resume", "--steps", steps, "--out", folder)
    after = os.times()
    spent = json.loads(path.read_text()) if path.exists() else {"cpu_minutes": 0.0, "megabytes": 0.0}
    spent["cpu_minutes"] += (after.children_user + after.children_system - before.children_user - before.children_system) / 60
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    spent["megabytes"] = max(spent["megabytes"], megabytes)
    path.write_text(json.dumps(spent))
    tinygan("evaluate", folder)
    scores = json.loads((folder / "scores.json").read_text())
    return {**scores, "steps": steps_of(config), **spent, "numpy": np.__version__, "machine": platform.machine()}


def steps_of(config):
    """Return the steps of the run with this config.json."""
    return json.loads(config.read_text())["settings"]["steps"]


def tinygan(*words):
    """Run a command of tinygan's, which prints what it does."""
    subprocess.run([sys.executable, "-m", "tinygan", *map(str, words)], check=True)


def mean(runs, key):
    """Return the mean of a score over seeds, None if it is not there."""
    values = [run[key] for run in runs if key in run]
    return float(np.mean(values)) if values else None

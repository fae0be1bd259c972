"""Make tests/old_runs: runs whose folders were written before parts of a game were named after players.

It needs tinygan as it was at commit dca496a (version 1 of config.json), and writes what that trained:

    PYTHONPATH=OLD python tests/golden/make_old_runs.py tests/old_runs

Each run ended after 6 steps; the checkpoint of its end was then removed, as if it had been killed after step 4. samples.npz
has what the old code drew after step 4, and after step 6. In `ring` the samples of step 3 were nan once: the run was set
back and went on at half the learning rate, which version 1 wrote into its settings.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
from tinygan.gan.loop import train
from tinygan.gan.run import Run

from tinygan import data, recipes
from tinygan.recipes import _text

STEPS, KILLED = 6, 4
RUNS = {
    "ring": {"hidden": 2, "codes": 2, "batch_size": 4},
    "names": {
        "way": "policy", "pretrain": 2, "d_pretrain": 1, "hidden": 2, "embedding": 2, "batch_size": 4, "rollouts": 1,
        "longest": 8,
    },
}  # fmt: skip
FILTERS = ((2, 2), (3, 2))  # of D's convolutions, so that the file is small; the test sets the same


def make(folder, name, settings):
    """Train, draw, remove what a kill after step KILLED would not have left."""
    recipe = recipes.load(name)
    if "data" in recipe.Settings.__dataclass_fields__:
        settings = {**settings, "data": str(folder.parent / "lines.txt")}
    s = recipe.Settings(steps=STEPS, **settings)
    game = recipe.make_game(s)
    shutil.rmtree(folder, ignore_errors=True)
    run = Run.create(folder, name, s, game.kept)
    if name == "ring":
        real, failed = game.real, []

        def fails_once(turn):
            x, *about = real(turn)
            return (x * np.float32("nan") if turn == 3 and not failed and not failed.append(1) else x), *about

        game.real = fails_once
    train(game, run, lambda samples, path: None, pictures=3, log_every=1, progress=False, on_nan="rewind")
    samples = {"end": game.sample(8, 1)}
    (folder / "checkpoints" / f"step-{STEPS}.safetensors").unlink()
    again = recipe.make_game(recipe.Settings(**run.config["settings"]))
    assert run.resume(again) == KILLED
    samples["killed"] = again.sample(8, 1)
    shutil.rmtree(folder / "samples")
    (folder / "log.jsonl").unlink()
    np.savez(folder / "samples.npz", **samples)


if __name__ == "__main__":
    out = Path(sys.argv[1])
    out.mkdir(exist_ok=True)
    (out / "lines.txt").write_text("".join(name + "\n" for name in sorted(set(data.made_names(48, seed=0)))[:40]))
    _text.FILTERS = FILTERS
    for name, settings in RUNS.items():
        make(out / name, name, settings)

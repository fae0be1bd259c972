"""Long training in pieces: `play` goes on where a script was stopped. `pix2pix.py`, `restore.py` and `caption.py` use it.

seconds = play(game, 1800, folder / "coloured-0.npz")
"""

import argparse
import json
import platform
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from tinygan import recipes
from tinygan.run.monitor import say_alike
from tinygan.threads import prime_malloc

RESULTS = Path(__file__).parents[1] / "results"
EVERY = 100  # steps between two states that are stored


def play(game, until, path):
    """Train a game to step `until`, from where the file at `path` is; return the processor seconds of all pieces."""
    step, seconds = 0, 0.0
    if path.exists():
        with np.load(path) as stored:
            step, seconds = int(stored["step"]), float(stored["seconds"])
            if step > until:
                raise SystemExit(f"{path}: of step {step}, and step {until} is wanted: remove it to begin anew")
            for name, part in game.parts().items():
                head = f"{name}: "
                part.load_state_dict({k.removeprefix(head): stored[k] for k in stored if k.startswith(head)})
    begun, rows = time.process_time() - seconds, []
    while step < until:
        rows.append(game.step(step))
        step += 1
        if step % EVERY == 0 or step == until:
            seconds = time.process_time() - begun
            state = {f"{name}: {k}": a for name, part in game.parts().items() for k, a in part.state_dict().items()}
            path.parent.mkdir(parents=True, exist_ok=True)
            np.savez(path.with_suffix(".tmp.npz"), step=step, seconds=seconds, **state)
            path.with_suffix(".tmp.npz").replace(path)
            means = {name: round(float(np.mean([row[name] for row in rows if name in row])), 3) for name in rows[-1]}
            print(f"{path.stem}: step {step}, {seconds:.0f} CPU seconds", means, flush=True)
            rows = []
    return seconds


# --- pixels first, then the judge: pix2pix, restore --------------------------------------------------------------------


def score_phases(text, name, rows, table, shown, draw):
    """What the scripts of `pix2pix` and `restore` do: train and score what is missing of `rows`, then write the table.

    text: the script's docstring. rows: {row: settings}. shown: the entry of `game.saved` that says what pictures there
    were. draw(game, row, until, path) is called after a run is scored; path: of its state.
    """
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rows", default=",".join(rows))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    prime_malloc()
    recipe, path = recipes.load(name), RESULTS / f"{name}.json"
    found = json.loads(path.read_text()) if path.exists() and not options.quick else {"rows": {}}
    found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
    small = {"steps": 60, "g_channels": 4} if options.quick else {}
    runs = Path(tempfile.mkdtemp()) if options.quick else options.runs
    for seed in options.seeds.split(","):
        for row in options.rows.split(","):
            s = recipe.Settings(seed=int(seed), **rows[row], **small)
            run = found["rows"].setdefault(f"{row}, seed {seed}", {})
            game, state = recipe.make_game(s), runs / f"{name}-{row}-{seed}.npz"
            for phase, until in {"L1 alone": s.pixel_steps, "with the judge": s.steps}.items():
                if phase in run or (phase == "with the judge" and s.pixel_steps == s.steps):
                    continue
                seconds = play(game, until, state)
                samples = game.sample(recipe.EVALUATED_SAMPLES, 0)
                scores = recipe.evaluate(game, samples)
                if says := say_alike(game, until, samples):
                    print(f"{row}, {phase}: {says}", flush=True)
                run[phase] = scores | {"steps": until, "cpu_minutes": seconds / 60}
                run |= {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, shown: game.saved[shown]}
                print(f"{row}, {phase}:", run[phase], flush=True)
                if not options.quick:
                    path.write_text(json.dumps(found, indent=1) + "\n")
                    draw(game, row, until, state)
    print(table(found))
    if not options.quick:
        path.with_suffix(".md").write_text(table(found))

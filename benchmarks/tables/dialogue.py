"""What the adversarial phase of `dialogue` changes: right replies to prompts never seen, with it and by imitation alone.

    python benchmarks/tables/dialogue.py [--seeds 0,1] [--steps 4000]

Both rows of a seed are one run until the judge begins to learn, from where imitation goes on alone. Scores are
of one reply, drawn, to each of the unseen prompts, four times over. Writes results/dialogue.json and
results/dialogue.md, in which other seeds stay.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from tinygan import recipes
from tinygan.threads import prime_malloc

dialogue = recipes.load("dialogue")
RESULTS = Path(__file__).parents[1] / "results"
ROWS = {"imitation alone": {"imitation": 1.0}, "with the judge's reward": {}}


def main():
    """Train and score both rows for every seed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--steps", type=int, default=dialogue.Settings().steps)
    options = parser.parse_args()
    prime_malloc()
    path = RESULTS / "dialogue.json"
    found = json.loads(path.read_text()) if path.exists() else {"rows": {name: {} for name in ROWS}}
    found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__, "steps": options.steps}
    for seed in options.seeds.split(","):
        shared = {}
        for name, changes in ROWS.items():
            game, seconds = trained(dialogue.Settings(seed=int(seed), steps=options.steps, **changes), shared)
            scores = dialogue.evaluate(game, game.sample(4 * len(game.asked), 1)) | {"cpu_minutes": seconds / 60}
            print(name, scores, flush=True)
            found["rows"][name][seed] = scores | {"replies": game.lines(game.sample(20, 2))}
            path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text(table(found))


def trained(settings, shared):
    """(The trained game, processor seconds); `shared`: what a seed's first row leaves there for the other to begin with."""
    game, apart = dialogue.make_game(settings), int((dialogue.Settings().imitation - 0.1) * settings.steps)
    if not shared:
        begun = time.process_time()
        for step in range(apart):
            game.step(step)
        shared["seconds"] = time.process_time() - begun
        shared["state"] = {
            part: {k: np.array(a) for k, a in owner.state_dict().items()} for part, owner in game.parts().items()
        }
    for part, owner in game.parts().items():
        owner.load_state_dict(shared["state"][part])
    begun = time.process_time()
    for step in range(apart, settings.steps):
        game.step(step)
    return game, shared["seconds"] + time.process_time() - begun


def table(found):
    """The scores, a row each, the mean over the seeds, what is right for every seed, and what the first seed said."""
    rows = {name: [runs[seed] for seed in sorted(runs)] for name, runs in found["rows"].items()}
    names = [name for name in next(iter(rows.values()))[0] if name not in ("samples", "replies")]
    seeds = ",".join(sorted(next(iter(found["rows"].values()))))
    lines = [
        "# Dialogue", "",
        f"Written by `python benchmarks/tables/dialogue.py --seeds {seeds} --steps {found['steps']}`: mean of the"
        " seeds. Prompts are questions whose words training never saw together.", "",
        f"| | {' | '.join(name.replace('_', ' ') for name in names)} |", f"|---|{'---|' * len(names)}",
    ]  # fmt: skip
    for row, runs in rows.items():
        lines.append(f"| {row} | {' | '.join(f'{np.mean([run[name] for run in runs]):.3f}' for name in names)} |")
    each = [f"{row} " + ", ".join(f"{run['right']:.3f}" for run in runs) for row, runs in rows.items()]
    lines += ["", f"Right, seed by seed: {'; '.join(each)}."]
    for row, (first, *_) in rows.items():
        lines += ["", f"Twenty replies, {row}:", ""]
        right = ["" if dialogue.is_right(prompt, reply) else " (wrong)" for prompt, reply in first["replies"]]
        lines += [f"- {prompt} **{reply}**{note}" for (prompt, reply), note in zip(first["replies"], right)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

"""What the adversarial phase of `dialogue` changes: right replies to prompts never seen, with it and by imitation alone.

    python benchmarks/tables/dialogue.py [--seeds 0,1] [--steps 4000]

Both rows of a seed are the same run until the judge's verdicts begin to count; imitation then goes on alone. Scores are
of one reply, drawn, to each of the unseen prompts, four times over. Writes results/dialogue.json and results/dialogue.md.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from tinygan.backend import prime_malloc
from tinygan.recipes import dialogue

RESULTS = Path(__file__).parents[1] / "results"
ROWS = {"imitation alone": {"imitation": 1.0}, "with the judge's reward": {}}


def main():
    """Train and score both rows for every seed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1")
    parser.add_argument("--steps", type=int, default=dialogue.Settings().steps)
    options = parser.parse_args()
    prime_malloc()
    found = {name: [] for name in ROWS}
    for seed in map(int, options.seeds.split(",")):
        for name, settings in ROWS.items():
            found[name].append(scored(dialogue.Settings(seed=seed, steps=options.steps, **settings)))
            print(name, found[name][-1][0], flush=True)
    about = {"machine": platform.processor() or platform.machine(), "numpy": np.__version__, "steps": options.steps}
    rows = {name: [scores for scores, _ in runs] for name, runs in found.items()}
    (RESULTS / "dialogue.json").write_text(json.dumps(about | {"seeds": options.seeds, "rows": rows}, indent=1) + "\n")
    said = {name: runs[0][1] for name, runs in found.items()}
    (RESULTS / "dialogue.md").write_text(table(rows, said, options))


def scored(settings):
    """(scores of a trained game, twenty of its replies)."""
    begun, game = time.process_time(), dialogue.make_game(settings)
    for step in range(settings.steps):
        game.step(step)
    seconds = time.process_time() - begun
    scores = dialogue.evaluate(game, game.sample(4 * len(game.asked), 1))
    return scores | {"cpu_minutes": seconds / 60}, game.lines(game.sample(20, 2))


def table(rows, said, options):
    """The scores, a row each, the mean over the seeds, and what the first seed said."""
    names = [name for name in next(iter(rows.values()))[0] if name != "samples"]
    lines = [
        "# Dialogue", "",
        f"Written by `python benchmarks/tables/dialogue.py --seeds {options.seeds} --steps {options.steps}`: mean of the"
        " seeds. Prompts are questions whose words training never saw together.", "",
        f"| | {' | '.join(name.replace('_', ' ') for name in names)} |", f"|---|{'---|' * len(names)}",
    ]  # fmt: skip
    for row, runs in rows.items():
        lines.append(f"| {row} | {' | '.join(f'{np.mean([run[name] for run in runs]):.3f}' for name in names)} |")
    for row, replies in said.items():
        lines += ["", f"Twenty replies, {row}:", ""]
        right = ["" if dialogue.is_right(prompt, reply) else " (wrong)" for prompt, reply in replies]
        lines += [f"- {prompt} **{reply}**{note}" for (prompt, reply), note in zip(replies, right)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

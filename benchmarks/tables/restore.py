"""How well `restore` repairs, by kind of damage, beside no repair, the mean of what is whole, and diffusion.

    python benchmarks/tables/restore.py [--seeds 0] [--rows sprites,guessed,digits,photographs] [--runs FOLDER] [--quick]

A run is scored at the end of its pixel phase and at its end. Training goes on where it was stopped, from
what lies in the folder of --runs. What is scored is stored at once in results/restore.json, and not computed again:
delete the file, and --runs, to begin anew. --quick: 60 steps, nothing is stored.
"""

import argparse
import json
import platform
import resource
import tempfile
from pathlib import Path

import numpy as np
from resumed import play

from tinygan import recipes
from tinygan.data.pictures.damages import KINDS, OTHERS
from tinygan.threads import prime_malloc

restore = recipes.load("restore")
RESULTS = Path(__file__).parents[1] / "results"
PICTURE = Path(__file__).parents[2] / "docs" / "restore.png"
ROWS = {
    "sprites": {},
    "guessed": {"mask": "guessed"},
    "digits": {"pictures": "digits"},
    "photographs": {"pictures": "photographs"},
}
REPAIRS = {
    "no repair": "unrepaired", "mean of what is whole": "mean_filled", "diffusion": "diffused",
    "L1 alone": "repaired", "with the judge": "repaired",
}  # fmt: skip


def main():
    """Train and score what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.runs = Path(tempfile.mkdtemp())
    prime_malloc()
    path = RESULTS / "restore.json"
    found = json.loads(path.read_text()) if path.exists() and not options.quick else {"rows": {}}
    found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
    store = lambda: options.quick or path.write_text(json.dumps(found, indent=1) + "\n")
    for seed in options.seeds.split(","):
        for name in options.rows.split(","):
            more = {"steps": 60, "g_channels": 4} if options.quick else {}
            s, row = restore.Settings(seed=int(seed), **ROWS[name], **more), f"{name}, seed {seed}"
            picture = None if options.quick or name != "sprites" else PICTURE
            state = options.runs / f"restore-{name}-{seed}.npz"
            train(s, found["rows"].setdefault(row, {}), state, picture, store)
    found["rows"] = {name: row for name, row in found["rows"].items() if "with the judge" in row}
    print(table(found))
    if not options.quick:
        path.with_suffix(".md").write_text(table(found))


def train(s, row, path, picture, store):
    """Fill `row` with the scores after the pixel phase and at the end, the CPU minutes and the memory."""
    game = restore.make_game(s)
    for name, until in {"L1 alone": s.pixel_steps, "with the judge": s.steps}.items():
        if name not in row:
            seconds = play(game, until, path)
            scores = restore.evaluate(game, game.sample(restore.EVALUATED_SAMPLES, 0))
            row[name] = scores | {"steps": until, "cpu_minutes": seconds / 60}
            row |= {
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
                "pictures": game.saved["pictures"],
            }
            store()
            print(s.pictures, s.mask, name, row[name], flush=True)
            if picture:
                restore.draw(game, game.sample(12, 0), picture)


def table(found):
    """For each run a table: a row a repair, a column a kind of damage."""
    kinds = KINDS + OTHERS
    lines = [
        "# Repairs", "",
        "Written by `python benchmarks/tables/restore.py`: 500 pictures that training does not show (figures with pairs of"
        " hair colour and top that no generator sees, MNIST's test digits, crops of Set14), 32x32. PSNR in dB, of the mean"
        f" error of all pictures; {', '.join(OTHERS)}: kinds of damage that were never learned. In brackets the share"
        " in which all of a figure, or the digit, can be read. \"guessed\": G is not told where a picture is damaged; the"
        " simple repairs always are. Diffusion: each damaged pixel becomes the mean of its neighbours, until all are; noise"
        " is smoothed.", "",
    ]  # fmt: skip
    for row, run in found["rows"].items():
        last = run["with the judge"]
        read = f"; of the true pictures {last['read_of_real']:.3f} can be read" if "read_of_real" in last else ""
        cost = f"{last['steps']:,} steps, {last['cpu_minutes']:.1f} CPU minutes, {run['memory']:.2f} GB"
        lines += [f"## {row} ({run['pictures']})", "", f"{cost}{read}.", ""]
        lines += [f"| | {' | '.join(kinds)} |", f"|---|{'---|' * len(kinds)}"]
        for name, of in REPAIRS.items():
            scores = run.get(name, last)
            cells = []
            for kind in kinds:
                seen = f" ({scores[f'read_{of}_{kind}']:.3f})" if read else ""
                cells.append(f"{scores[f'{of}_{kind}']:.2f}{seen}")
            lines.append(f"| {name} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()

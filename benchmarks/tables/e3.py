"""MNIST, drawn row by row, at once, by class, by code and as WGAN-GP: Frechet distance, and what can be learned from it.

    python benchmarks/tables/e3.py [--recipes mnist,cgan] [--seeds 0,1] [--runs runs/e3] [--set KEY=VALUE ...]

Trains every recipe with every seed by `tinygan train` into RUNS, or goes on with the run that is there, then has it scored
by `tinygan evaluate`, and writes results/e3.json and results/e3.md, in which what was found before stays. Rows of
PyTorch-GAN's scripts are in results/pytorch_gan.json, which with_pytorch_gan.py writes.
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
RECIPES = "mnist-rows", "mnist", "wgan-gp", "infogan", "cgan"
COLUMNS = {  # score: heading, digits, score of real pictures
    "frechet_distance": ("Frechet distance", 1, "frechet_floor"),
    "mean_confidence": ("confidence", 3, "real_mean_confidence"),
    "inception_score": ("inception score", 2, "real_inception_score"),
    "smallest_class_share": ("rarest digit", 3, None),
    "synthetic_to_real": ("synthetic to real", 4, "real_to_real"),
    "real_to_synthetic": ("real to synthetic", 4, None),
    "code_is_class": ("code is class", 3, None),
}

TRIED = """
With the paper's Q, on D's trunk, which learns from generated pictures, `infogan` has code is class .606 and Frechet distance
16.0 after 2,000 steps. Q reads the code after 250 steps, before there are digits, so G has nothing to gain by making it the
digit. What was tried against that, seed 0, code is class in 2,000 samples; noise is normal noise on the pictures that Q
sees, of that deviation, maps are affine maps of up to .3 of them, "code times 2" is its length beside that of z; pictures of
14x14 had layers twice as wide:

| 28x28, 500 steps | | 14x14, 1,500 steps | |
|---|---|---|---|
| as it was | .38 | as it was | .57 |
| noise 1; 2 | .53; .63 | noise 2 | .57 |
| maps | .45 | | |
| maps and noise 1; 2 | .54; .53 | maps and noise 1 | .47 |
| Q by itself, at half the size, maps and noise 1 | .56 | | |
| weight of the information .1 | .48 | | |
| code times 2, z of 16 | .44 | code times 4, z of 16 | .55 |
| code times 2, noise 1 | .50 | code times 4, z of 8, maps and noise 1 | .58 |
| code times 2, z of 16, noise 2 | .50 | code times 4, z of 8, noise 4 | .56 |
| the paper's batch norm in both, objective and rates | no digits yet | z of 8, noise 4 | .51 |

Under noise codes are clusters of pixels, with two codes for 1 by its slant, and one for all that is bold. A Q that sorts
real pictures, of which it has to say the same when they are moved, finds the digits by itself: without any G, in seven
trials of 500 to 800 steps, .79 to .96, mean .88 (three seeds; maps of up to .3 or .45; entropies weighing .1 or .2). Where Q
learned from generated pictures as well, two codes were 1 again (.77 after 750 steps): now it does not, and G follows.

What share of the test digits Q sorts right after 500 steps, without G, in batches of 128:

| maps of up to | seed 0 | 1 | 2 | 3 | 4 |
|---|---|---|---|---|---|
| .3; the game of seed 0 ended with code is class .997, Frechet distance 9.1 | .94 | .83 | .82 | | |
| .45, the one that is kept | .95 | .95 | .92 | .96 | .82 |

Before, in less time: `mnist` after 4,000 steps, 3.4 CPU minutes, 13.1; `mnist-rows` after 5,000 steps, 4.1 minutes, 27.2;
`wgan-gp` in the paper's way (its docstring has the command) after 1,200 steps, 6.1 minutes, 87.9. With the learning rate 2e-4
and 1,500 steps it has Frechet distance 196.1, confidence .792 and inception score 5.29. With one turn of D, the weight 1 and
no momentum, penalised in every turn, at half the learning rate and 9,000 steps, 27.5.

`mnist`, `mnist-rows`, `wgan-gp` and PyTorch-GAN's scripts were trained while the machine did six to ten other things.
Alone, a step of ours takes 58, 79 and 51 ms: 10.7, 15.8 and 9.3 CPU minutes for these runs. (The machine of the other
rows was quicker: 5,000 steps of `mnist-rows` took 4.1 minutes there, 7.5 here, with the code of that time.) They were
read by the classifier as it is trained now, under which real pictures score 3.4; the other rows by one under which
they score 3.7.
"""


def arguments(text, recipes, out):
    """What the command line says; both tables take the same."""
    parser = argparse.ArgumentParser(description=text.split("\n")[0])
    parser.add_argument("--recipes", default=",".join(recipes))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--runs", type=Path, default=Path("runs") / out, help="where runs are, or will be")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting, as for train")
    parser.add_argument("--out", type=Path, default=RESULTS / out)
    return parser.parse_args()


def scored(recipe, seed, runs, settings):
    """The scores of a run, trained to its end if it is not yet: a dict, with the processor's minutes that it took."""
    folder = runs / "-".join([recipe, str(seed), *(item.replace("=", "") for item in settings)])
    before = os.times()
    spent = folder / "cpu_minutes"  # of all times that it was trained, those that were stopped too
    try:
        if (folder / "config.json").exists():
            tinygan("train", "--resume", "--out", folder)
        else:
            chosen = [word for item in settings for word in ("--set", item)]
            tinygan("train", recipe, "--seed", seed, "--out", folder, *chosen)
    finally:
        after = os.times()
        minutes = float(spent.read_text()) if spent.exists() else 0.0
        minutes += (after.children_user + after.children_system - before.children_user - before.children_system) / 60
        if folder.exists():
            spent.write_text(f"{minutes}\n")
    tinygan("evaluate", folder)
    scores = json.loads((folder / "scores.json").read_text())
    steps = json.loads((folder / "config.json").read_text())["settings"]["steps"]
    return {**scores, "steps": steps, "cpu_minutes": minutes}


def tinygan(*words):
    """Run a command of tinygan's, which prints what it does."""
    subprocess.run([sys.executable, "-m", "tinygan", *map(str, words)], check=True)


def with_error(values, digits):
    """The mean as text, and if there are several values ± the standard error of the mean."""
    mean = f"{np.mean(values):.{digits}f}"
    return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1) / len(values) ** 0.5:.{digits}f}"


def play(text, recipes, out, table):
    """Score every recipe with every seed; after each, write what is known."""
    options = arguments(text, recipes, out)
    path = options.out.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {}
    for recipe in options.recipes.split(","):
        for seed in options.seeds.split(","):
            name = " ".join([recipe, *options.set])
            scores = scored(recipe, seed, options.runs, options.set)
            found.setdefault(name, {})[seed] = {**scores, "numpy": np.__version__, "machine": platform.machine()}
            path.write_text(json.dumps(found, indent=1) + "\n")
            options.out.with_suffix(".md").write_text(table(found))
    print(table(found), end="")


def row_of(name, seeds):
    """Return a line of the table: the scores of a recipe's or a script's seeds."""
    rows = list(seeds.values())
    cells = []
    for score, (_, digits, _) in COLUMNS.items():
        values = [row[score] for row in rows if score in row]
        cells.append(with_error(values, digits) if values else "")
    minutes = with_error([row["cpu_minutes"] for row in rows], 1)
    return f"| {name} | {' | '.join(cells)} | {len(rows)} | {rows[0]['steps']:,} | {minutes} |"


def e3_table(found):
    """Return Markdown: a row for each recipe, for each of PyTorch-GAN's scripts, and for real pictures."""
    headings = [heading for heading, _, _ in COLUMNS.values()]
    lines = [
        "# MNIST: 10,000 samples (cgan: 60,000) under a classifier of our own",
        "",
        "`python benchmarks/tables/e3.py`",
        "",
    ]
    lines += [f"| | {' | '.join(headings)} | seeds | steps | CPU minutes |", "|---" * (len(headings) + 4) + "|"]
    real = {}
    for name, seeds in found.items():
        lines.append(row_of(f"`{name}`", seeds))
        newest = list(seeds.values())[-1]
        for score, (_, digits, of_real) in COLUMNS.items():
            if of_real in newest:
                real[score] = f"{newest[of_real]:.{digits}f}"
    others = RESULTS / "pytorch_gan.json"
    for script, seeds in json.loads(others.read_text()).items() if others.exists() else ():
        lines.append(row_of(f"PyTorch-GAN, `{script}`", seeds))
    lines.append(f"| real pictures | {' | '.join(real.get(score, '') for score in COLUMNS)} | | | |")
    reported = ["" if score != "synthetic_to_real" else ".975" for score in COLUMNS]
    lines.append(
        f"| RCGAN, rows of MNIST (Esteban et al. 2017; as reported, unchecked) | {' | '.join(reported)} | | | |"
    )
    return "\n".join(lines) + "\n" + TRIED


if __name__ == "__main__":
    play(__doc__, RECIPES, "e3", e3_table)

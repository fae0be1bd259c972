"""`cycle`: what is kept of a picture, and is it of the other style? Beside no change, a shift of the mean, and Gram matrices.

    python benchmarks/tables/cycle.py [--sides digits,sprites] [--seeds 0] [--rows 4] [--runs runs/cycle] [--quick]

Trains both kinds of pictures, and then without each of the two terms, by `tinygan train` into RUNS, or goes on with the run
that is there; --rows 1: no more than the game. All rows are measured as `tinygan evaluate` does, on the same held-out
pictures. Writes results/cycle.json, .md and, for each kind, .png. --quick: 8 steps, 40 pictures, into RUNS alone.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from tinygan.data.sides import outlined
from tinygan.metrics import digit_classifier
from tinygan.metrics.pictures.heads import sprite_heads
from tinygan.opening import open_trained
from tinygan.ops import leaky_relu
from tinygan.plot import image_grid, save_image
from tinygan.recipes.translation import cycle
from tinygan.recipes.translation._style import restyle
from tinygan.threads import prime_malloc

RESULTS = Path(__file__).parents[1] / "results"
GAMES: dict[str, dict] = {  # row: what was set
    "the game": {},
    "without the way back": {"cycle": 0.0},
    "without identity": {"identity": 0.0},
    "identity as in the paper, half the way back": {"identity": 2.5},
}
OF_SIDES: dict[str, dict] = {"digits": {}, "sprites": {"cycle": 2.0}}  # what was set in all rows
RESTYLED, COLUMNS = 100, 10  # pictures for Gram matrices, pictures that are drawn
WEIGHTS = 30.0, 1000.0  # of the style, in Gram matrices' loss
TRIED = """
## Tried

Digits, seed 0, least squares, no penalty and no norm in the translators, 300 to 400 steps: with the paper's weights
(way back 10, identity 5) nothing changes style (.00, .01); with 2 and .5 every outline becomes black (same digit .13).
Relativistic, R1 + R2 and no norm: both translators end in black. With instance norm, 16 channels and weights 5 and 0,
150 steps: same digit .98 and .95, other style 1.00 and 1.00. Identity .5 instead, 75 steps: .77 and .30, .96 and .76,
where without it 50 steps have .84 and .53, 1.00 and .80: a plain stroke and the line of an outline look alike from
near, and one is to stay while the other is not. A mask that lets the picture stay where it may (draws=over), 200 steps:
.76 and .42, .89 and .81, 5 dB to the true outline where drawing anew has 17: rings are drawn around what stays. A judge
of patches of 18x18 pixels learned more slowly.

Sprites, 150 steps of batch 8, 400 pictures: drawn anew, faces and colours are blurred after 250 steps of 16; drawn
over, way back 5: kept .998 and .994, other top .46 and .24; way back 1, identity 0: .996 and .979, .61 and .61.

A pool of past samples for the judges was not tried: digits keep their class as well as true outlines do without it, and a
run would have to store it.
"""


def train(sides, row, seed, options):
    """(The folder of the run, trained to its end; {"cpu_minutes", "memory_mb"} of all times that it was trained."""
    folder = options.runs / f"{sides}-{[*GAMES].index(row)}-{seed}"
    settings = {"sides": sides, **OF_SIDES[sides], **GAMES[row]}
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    if (folder / "config.json").exists():
        words = ["--resume"]
    else:
        words = ["cycle", "--seed", str(seed), *words, *(["--steps", "8"] if options.quick else [])]
    process = subprocess.Popen([sys.executable, "-m", "tinygan", "train", *words, "--out", str(folder)])
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"training {folder} ended with {process.returncode}")
    path = folder / "cost.json"
    before = json.loads(path.read_text()) if path.exists() else {"cpu_minutes": 0.0, "memory_mb": 0.0}
    cost = {
        "cpu_minutes": before["cpu_minutes"] + (used.ru_utime + used.ru_stime) / 60,
        "memory_mb": max(before["memory_mb"], used.ru_maxrss / 1024),
    }
    path.write_text(json.dumps(cost))
    return folder, cost


def shift(source, real):
    """The sources, brightened or darkened in each colour, so that the mean is that of the real pictures of the other side."""
    change = real.mean((0, 2, 3), keepdims=True) - source.mean((0, 2, 3), keepdims=True)
    return (source + change).clip(-1, 1)


def layers_of(game):
    """Feature maps of our own classifier of these pictures."""
    source = game.saved["source"]
    network = sprite_heads() if source == "sprites" else digit_classifier(f"{source}-in-two-styles")
    convolutions = [layer for name, layer in network.named_children() if name.startswith("conv")]

    def layers(x):
        maps = []
        for layer in convolutions:
            x = leaky_relu(layer(x), 0.1)
            maps.append(x)
        return maps

    return layers


def restyled(game, source, real, weight):
    """Sources restyled by Gram matrices, each after a real picture of the other side; processor seconds for each."""
    begun = time.process_time()
    pictures = restyle(source, real, layers_of(game), weight=weight)
    return pictures, (time.process_time() - begun) / len(source)


def score(game, a, b, in_b, in_a):
    """What `tinygan evaluate` says of translations in_b of a, and in_a of b."""
    scores = {}
    for source, result, real, to in ((a, in_b, b, "b"), (b, in_a, a, "a")):
        scores |= {f"{name}_in_{to}": value for name, value in cycle.measure(game, source, result, real, to).items()}
    return scores


def play(sides, seed, options):
    """({row: scores} of these sides, pictures of the rows to draw)."""
    found, drawn = {}, []
    for row in [*GAMES][: options.rows]:
        folder, cost = train(sides, row, seed, options)
        game, *_ = open_trained(folder, "cpu")
        samples = game.sample(40 if options.quick else cycle.EVALUATED_SAMPLES, seed)
        found[row] = {**cycle.evaluate(game, samples), **cost, "steps": game.settings.steps}
        a, in_b, _, b, in_a, _ = parts = np.swapaxes(samples, 0, 1)
        if row == "the game":
            few = slice(40 if options.quick else RESTYLED)
            shifted = shift(a, b), shift(b, a)
            found["the source, unchanged"] = score(game, a, b, a, b)
            found["the source, its mean shifted"] = score(game, a, b, *shifted)
            for weight in WEIGHTS:
                gram_b, seconds = restyled(game, a[few], b[few], weight)
                gram_a, _ = restyled(game, b[few], a[few], weight)
                scores = score(game, a[few], b[few], gram_b, gram_a)
                found[f"Gram matrices, weight {weight:g}"] = {**scores, "seconds_each": seconds}
            if sides == "digits":
                true = score(game, a, b, outlined((a + 1) / 2) * 2 - 1, b)
                found["true outlines"] = {name: true[name] for name in ("kept_in_b", "style_in_b")}
            drawn = [parts[0], shifted[0], gram_b, *parts[1:3], parts[3], shifted[1], gram_a, *parts[4:]]
    return found, [x[:COLUMNS] for x in drawn]


def table(found):
    """Markdown: for each pair of sides a row for each way of translating."""
    columns = {
        "kept_in_b": "kept, a to b", "least_kept_in_b": "worst attribute", "style_in_b": "style b",
        "outline_in_b": "outline, dB", "kept_in_a": "kept, b to a", "least_kept_in_a": "worst attribute",
        "style_in_a": "style a", "outline_in_a": "outline, dB",
        "way_back_in_a": "way back a, dB", "way_back_in_b": "way back b, dB",
        "steps": "steps", "cpu_minutes": "CPU minutes", "memory_mb": "peak memory, MB",
    }  # fmt: skip
    digits = {"steps": 0, "memory_mb": 0, "cpu_minutes": 1}
    lines = [
        "# Unpaired pictures translated", "",
        f"Written by `python benchmarks/tables/cycle.py`. {cycle.EVALUATED_SAMPLES:,} held-out pictures of either side;"
        f" Gram matrices: {RESTYLED}. One seed unless a cell has an error.", "",
    ]  # fmt: skip
    for sides, seeds in found["sides"].items():
        rows = {row: [scores[row] for scores in seeds.values() if row in scores] for row in next(iter(seeds.values()))}
        shown = {name: text for name, text in columns.items() if any(name in run for runs in rows.values() for run in runs)}
        chosen = "".join(f", --set {name}={value:g}" for name, value in OF_SIDES[sides].items())
        lines += [f"## {sides}{chosen}, seeds {', '.join(seeds)}", ""]
        lines += [f"| | {' | '.join(shown.values())} |", "|---" * (len(shown) + 1) + "|"]
        for row, runs in rows.items():
            cells = []
            for name in shown:
                values = [run[name] for run in runs if name in run]
                near = digits.get(name, 1 if name.startswith(("way", "outline")) else 3)
                error = f" ± {np.std(values, ddof=1) / len(values) ** 0.5:.{near}f}" if len(values) > 1 else ""
                cells.append(f"{np.mean(values):.{near}f}{error}" if values else "")
            lines.append(f"| {row} | {' | '.join(cells)} |")
        each = next(iter(seeds.values()))[f"Gram matrices, weight {WEIGHTS[0]:g}"]["seconds_each"]
        lines += ["", f"Gram matrices take {each:.2f} processor seconds a picture, and begin anew with each.", ""]
    return "\n".join(lines) + TRIED


def main():
    """Train, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sides", default="digits,sprites")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rows", type=int, default=len(GAMES), help="of the games, from the first")
    parser.add_argument("--runs", type=Path, default=Path("runs/cycle"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    prime_malloc()
    options.runs.mkdir(parents=True, exist_ok=True)
    path = (options.runs if options.quick else RESULTS) / "cycle.json"
    found = json.loads(path.read_text()) if path.exists() else {"sides": {}}
    found |= {"numpy": np.__version__, "machine": platform.machine()}
    for sides in options.sides.split(","):
        for seed in options.seeds.split(","):
            scores, drawn = play(sides, int(seed), options)
            known = found["sides"].setdefault(sides, {})
            known[seed] = {**known.get(seed, {}), **scores}
            path.write_text(json.dumps(found, indent=1) + "\n")
            path.with_suffix(".md").write_text(table(found))
            picture = path.with_name(f"cycle-{sides}.png")
            save_image(image_grid(np.concatenate(drawn), COLUMNS, 2, value_range=(-1, 1)), picture)
    print(table(found))


if __name__ == "__main__":
    main()

"""Emblems drawn without being told: what each part of the networks adds. A table of variants.

    python benchmarks/tables/shapes.py [--seeds 0,1,2] [--variants plain,...] [--steps 2000] [--runs runs/shapes] [--quick]

Trains every variant with every seed by `tinygan train shapes`, or goes on with the run that is there, has it scored by
`tinygan evaluate`, and writes results/shapes.json and results/shapes.md after each. What was found before stays and is not
done again; so the script may be stopped at any time and called anew. --quick: 20 steps, to see that it works.
"""

import argparse
import json
import platform
import resource
import signal
import sys
from pathlib import Path

import numpy as np
from e3 import RESULTS, scored, with_error

from tinygan.backend import stream
from tinygan.data.pictures.emblems import emblems
from tinygan.metrics.pictures.emblems import emblem_scores, melt, spoil

PLAIN = {
    "build": "plain", "doubling": "transposed", "attention": "none", "path": "none", "latent": "normal",
    "features_are": "free",
}  # fmt: skip
VARIANTS = {  # name: settings that differ from PLAIN
    "plain": {},
    "encoder-decoder": {"build": "encoder-decoder"},
    "nearest": {"doubling": "nearest"},
    "attention in G": {"attention": "g"},
    "attention in both": {"attention": "both"},
    "path": {"path": "gru"},
    "uniform": {"latent": "uniform"},
    "categorical": {"latent": "categorical"},
    "sparse": {"features_are": "sparse"},
}
COLUMNS = {  # score: heading, digits
    "legible": ("legible", 3),
    "frechet_distance": ("Frechet distance", 2),
    "smallest_class_share": ("rarest emblem", 3),
    "diversity": ("diversity", 3),
}


def baselines():
    """Return scores without a generator: other real emblems, the same ones melted a little and much, spoilt ones."""
    real, rng = emblems(2000, seed=3)[0], stream(0, "baselines")
    pictures = {
        "other real emblems": real,
        "real, melted by 2 pixels": melt(real, 2, rng),
        "real, melted by 4 pixels": melt(real, 4, rng),
        "spoilt: melted by 8, mixed, of quarters": spoil(real, rng),
        "one real emblem, 2,000 times": np.repeat(real[:1], 2000, 0) + 0.01 * rng.standard_normal(real.shape),
    }
    return {name: emblem_scores(x.astype(np.float32)) for name, x in pictures.items()}


def table(found):
    """Return Markdown: a row a variant, means and standard errors over seeds; then the baselines."""
    steps = next(iter(found["variants"]["plain"].values()))["steps"] if "plain" in found["variants"] else 0
    headings = " | ".join(heading for heading, _ in COLUMNS.values())
    lines = [
        f"# Emblems: 2,000 samples after {steps:,} steps, under a classifier of our own",
        "",
        "`python benchmarks/tables/shapes.py --seeds 0,1,2`; ± is the standard error over seeds, and a figure without it is"
        " of one seed. Each variant differs from `plain` in what its name says.",
        "",
        f"| | {headings} | seeds | CPU minutes | peak MB |",
        "|---" * (len(COLUMNS) + 4) + "|",
    ]
    for name, seeds in found["variants"].items():
        rows = list(seeds.values())
        cells = [with_error([row[score] for row in rows], digits) for score, (_, digits) in COLUMNS.items()]
        minutes = with_error([row["cpu_minutes"] for row in rows], 1)
        peak = max(row["peak_mb"] for row in rows)
        lines.append(f"| `{name}` | {' | '.join(cells)} | {len(rows)} | {minutes} | {peak:.0f} |")
    for name, scores in found["baselines"].items():
        cells = [f"{scores[score]:.{digits}f}" for score, (_, digits) in COLUMNS.items()]
        lines.append(f"| {name} | {' | '.join(cells)} | | | |")
    return "\n".join(lines) + "\n" + NOTES


NOTES = """
Of three seeds, an encoder before the decoder adds most: .87 legible instead of .72, and a third off the distance. A path
for z has .79 and a quarter off, for a tenth more time. The other parts are within two standard errors of `plain` in what is
legible, but attention in G or in both makes the samples less varied. A categorical latent is less legible, further off and
less varied: .60, twice the distance. Attention, and sparse features, may want more steps than 2,000; that was not tried.
"""


def main():
    """Train what is not yet trained, score it, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--runs", type=Path, default=Path("runs/shapes"), help="where runs are, or will be")
    parser.add_argument("--out", type=Path, default=RESULTS / "shapes")
    parser.add_argument("--quick", action="store_true", help="20 steps each, to see that it works")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # `scored` then notes what the stopped training has taken
    steps = 20 if options.quick else options.steps
    path = options.out.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {"variants": {}, "baselines": {}}
    found["baselines"] = found["baselines"] or baselines()
    for seed in options.seeds.split(","):
        for name in options.variants.split(","):
            if seed in found["variants"].get(name, {}):
                continue
            settings = {"steps": steps, **PLAIN, **VARIANTS[name]}
            scores = scored("shapes", seed, options.runs / name, [f"{key}={value}" for key, value in settings.items()])
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024  # of all runs so far, in this call
            about = {"peak_mb": peak, "numpy": np.__version__, "machine": platform.machine()}
            found["variants"].setdefault(name, {})[seed] = {**scores, **about}
            found["variants"] = {name: found["variants"][name] for name in VARIANTS if name in found["variants"]}
            path.write_text(json.dumps(found, indent=1) + "\n")
            options.out.with_suffix(".md").write_text(table(found))
    print(table(found), end="")


if __name__ == "__main__":
    main()

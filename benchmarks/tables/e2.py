"""Sines and stock beside the published rows, and chorales beside held-out ones: each row is a recipe, trained and scored.

    python benchmarks/tables/e2.py [--rows sines,stock-lstm,... (all)] [--seeds 0,1,2]

A row is `tinygan train` and `tinygan evaluate` with the settings below; a run that is in --keep and done is not trained or
scored again. Every score stands beside what real data scores ("of real", floor). Stock and chorales need $TINYGAN_DATA/series
and $TINYGAN_DATA/music. Writes results/e2.json and results/e2.md.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from tinygan.cli import main as tinygan
from tinygan.data import find_file

RESULTS = Path(__file__).parents[1] / "results"
LSTM_JUDGE = "judge=lstm penalty_every=8"  # the slope of an LSTM's slope is dear: half of the time even so
ROWS = {  # name: recipe, settings that are not its defaults, what it is
    "sines": ("sines", "", "LSTM against CNN"),
    "sines-lstm": ("sines", LSTM_JUDGE + " steps=2500", "LSTM against LSTM"),
    "sines-bands": ("sines", "bands=4 noise=12", "both told which quarter of the frequencies"),
    "stock": ("stock", "", "LSTM against CNN"),
    "stock-lstm": ("stock", LSTM_JUDGE + " steps=3000", "LSTM against LSTM"),
    "stock-direction": ("stock", "told=direction", "both told whether the price falls or rises"),
    "chorales-imitation": ("chorales", "steps=2500", "an LSTM that imitates"),
    "chorales": ("chorales", "", "the same, then LSTM against CNN"),
}
TABLES = {  # recipe: title, columns (name, score), published rows (name, figures, source)
    "sines": (
        "Sines: MMD² of 1,000 waves, lower is better, and purity of tones",
        (("MMD²", "squared_mmd"), ("floor", "floor"), ("purity", "purity"), ("of real", "real_purity")),
        (("white noise as loud", {"squared_mmd": 0.029, "purity": 0.386}, "what MMD alone would let pass"),),
    ),
    "stock": (
        "Stock: discriminative and predictive score, lower is better",
        (
            ("discriminative, GRU of 3", "discriminative_3"), ("of real", "discriminative_3_of_real"),
            ("GRU of 32", "discriminative_32"), ("of real", "discriminative_32_of_real"),
            ("predictive", "predictive"), ("of real", "predictive_of_real"),
        ),
        (
            (
                "TimeGAN, its authors' code, 10,000 steps", {"discriminative_3": 0.202, "predictive": 0.038},
                "rerun by a reader: github.com/jsyoon0823/TimeGAN, issue 29",
            ),
            (
                "the same, 50,000 steps", {"discriminative_3": 0.126, "predictive": 0.037}, "as above",
            ),
        ),
    ),
    "chorales": (
        "Chorales: total variation to held-out ones, lower is better",
        (
            *((name.replace("_", " "), name) for name in ("pitch_class", "interval", "harmony", "polyphony", "held")),
            ("bars not copied", "not_copied"), ("different", "different"),
        ),
        (),
    ),
}  # fmt: skip
OF_CLASSES = (
    "Sequences of a class: how often a GRU reads it, higher is better",
    (
        ("learned from samples, asked of real", "synthetic_to_real"), ("learned from real, asked of real", "real_to_real"),
        ("learned from real, asked of samples", "real_to_synthetic"), ("goes as asked", "as_asked"),
    ),
)  # fmt: skip


def main():
    """Train and score the rows that are asked for, and write all that are known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--out", type=Path, default=RESULTS / "e2")
    parser.add_argument("--keep", type=Path, default=Path("runs/e2"), help="where the runs are")
    options = parser.parse_args()
    for name in ("series/stock_data.csv", "music/Jsb16thSeparated.json"):
        find_file(name)  # or a sentence that says where it goes
    path = options.out.with_suffix(".json")
    found = json.loads(path.read_text()) if path.exists() else {"rows": {}}
    for seed in options.seeds.split(","):
        for row in options.rows.split(","):
            found["rows"].setdefault(row, {})[seed] = scored(row, seed, options.keep / f"{row}-{seed}")
            found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found, indent=1) + "\n")
            options.out.with_suffix(".md").write_text(table(found))
            print(table(found), flush=True)


def scored(row, seed, run):
    """The scores of a row's run in the folder `run`, which is trained if it is not done."""
    recipe, settings, _ = ROWS[row]
    spent = run / "cpu.json"  # a run that was broken off counts from there on only: remove its folder to begin again
    if not spent.exists():
        begun = time.process_time()
        options = [word for item in settings.split() for word in ("--set", item)]
        again = ["--resume"] if run.exists() else [recipe, "--seed", seed, *options]
        if tinygan(["train", *again, "--out", str(run)]):
            raise SystemExit(f"{row}: not trained")
        spent.write_text(json.dumps({"cpu_minutes": (time.process_time() - begun) / 60}))
    if not (run / "scores.json").exists() and tinygan(["evaluate", str(run)]):
        raise SystemExit(f"{row}: not scored")
    settings = json.loads((run / "config.json").read_text())["settings"]
    scores = json.loads((run / "scores.json").read_text())
    return {**json.loads(spent.read_text()), "settings": settings, "scores": scores}


def table(found):
    """Markdown: for each recipe the published rows, then ours: means over seeds, ± standard errors of two or more."""
    lines = ["# Numbers in a row: sines, stock, chorales", "", "`python benchmarks/tables/e2.py`", ""]
    known = {name: found["rows"][name] for name in ROWS if name in found["rows"]}
    for recipe, (title, columns, published) in TABLES.items():
        lines += _table(title, columns, published, {k: seeds for k, seeds in known.items() if ROWS[k][0] == recipe})
    of_classes = {k: seeds for k, seeds in known.items() if "real_to_real" in seeds[min(seeds)]["scores"]}
    lines += _table(*OF_CLASSES, (), of_classes)
    return "\n".join(lines)


def _table(title, columns, published, rows):
    """Lines of the table of these rows; none if there are no rows."""
    if not rows:
        return []
    names = [name for name, _ in columns]
    lines = [f"## {title}", "", f"| | {' | '.join(names)} | steps | CPU minutes | seeds | |"]
    lines += ["|---" * (len(names) + 5) + "|"]
    for name, figures, source in published:
        lines.append(f"| {name} | {' | '.join(str(figures.get(k, '')) for _, k in columns)} | | | | {source} |")
    for name, seeds in rows.items():
        runs = list(seeds.values())
        mean = lambda key, runs=runs: _mean([run["scores"].get(key, np.nan) for run in runs])
        minutes, steps = np.mean([run["cpu_minutes"] for run in runs]), runs[0]["settings"]["steps"]
        recipe, settings, what = ROWS[name]
        cells = " | ".join(mean(key) for _, key in columns)
        lines.append(
            f"| **{name}** | {cells} | {steps} | {minutes:.1f} | {len(runs)} | {what}; {settings or 'defaults'} |"
        )
        if name == "chorales":
            real = " | ".join(mean(f"{key}_of_real") for _, key in columns)
            lines.append(f"| of real | {real} | | | | training pieces beside held-out ones |")
    return [*lines, ""]


def _mean(values):
    if np.isnan(values).any():
        return ""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else 0
    return f"{np.mean(values):.4f}" + (f" ± {error:.4f}" if error else "")


if __name__ == "__main__":
    main()

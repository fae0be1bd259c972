"""Few real digits: what generated ones add to a classifier, what augmentation does for the GAN, what another run's networks.

    python benchmarks/tables/augment.py [--seeds 0,1,2,3,4] [--parts gan,classifier,transfer] [--quick]

`gan`: the recipe `cgan` learns from 10, 50 and 200 real digits of each class, D shown plain or changed pictures: Frechet
distance to the test set. `classifier`: it learns from 10, 20 or 50 real digits of each class, with and without moves of two
pixels, with and without what the GAN makes that learned from the same few, plain: accuracy on the test set. `transfer`:
`cgan` learns 5 to 9 from 5, 20 and 80 digits of each class, from nothing, or from the networks that have learned 0 to 4 from
all.

A seed draws the few digits as well as the networks. Each finished cell is stored at once in results/augment.json; what is
there is not done again. Trained networks stay in RUNS. Writes results/augment.md and augment.png.
"""

import argparse
import json
import platform
import resource
import shutil
import time
from functools import cache
from pathlib import Path

import numpy as np

from tinygan import Tensor, grad
from tinygan.backend import stream
from tinygan.data import Loader
from tinygan.gan.classes import in_turn
from tinygan.losses import cross_entropy
from tinygan.metrics import Classifier, copied_share, digit_classifier, frechet_distance
from tinygan.optim import Adam, CosineAnnealingLR
from tinygan.recipes.pictures import cgan
from tinygan.recipes.pictures._labelled import read_labelled
from tinygan.run.folder import Run
from tinygan.threads import prime_malloc

RESULTS = Path(__file__).parents[1] / "results"
POLICY = "translation+cutout"
NETWORKS = {"g_channels": 16, "d_channels": 16, "features": 64, "batch_size": 30, "steps": 2000, "ema": 0.995}
LONG = 6000  # steps; a G whose D sees changed pictures learns more slowly
SOURCE = {"classes": "0+1+2+3+4"}
NEW = {"classes": "5+6+7+8+9", "steps": 1000, "ema": 0.99}
FEW = 10, 20, 50  # real digits of each class; a classifier learns from them
GANS = {  # name: settings
    **{f"{n} a class, {'changed' if policy else 'plain'}": {"per_class": n, "augment": policy}
       for n in (10, 50, 200) for policy in ("", POLICY)},
    "20 a class, plain": {"per_class": 20},
    "10 a class, plain, long": {"per_class": 10, "steps": LONG},
    "10 a class, changed, long": {"per_class": 10, "steps": LONG, "augment": POLICY},
}  # fmt: skip
SCORED = 5_000  # generated digits in a Frechet distance
CLASSIFIER_STEPS = 500


def main():
    """Do what is not there yet, seed by seed, and write the table and the curves."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--parts", default="gan,classifier,transfer")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "augment", help="where networks are, or will be")
    parser.add_argument("--quick", action="store_true", help="a few steps, to see that all runs; stores no results")
    options = parser.parse_args()
    prime_malloc()
    path = RESULTS / "augment.json"
    found = json.loads(path.read_text()) if path.exists() and not options.quick else {"cells": {}}
    found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
    for seed in map(int, options.seeds.split(",")):
        for part in options.parts.split(","):
            for name, cell in PARTS[part]:
                if str(seed) in found["cells"].get(f"{part}: {name}", {}):
                    continue
                begun = time.process_time()
                row = cell(seed, options) | {
                    "cpu_minutes": (time.process_time() - begun) / 60,
                    "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                }
                print(f"{part}: {name}, seed {seed}", row, flush=True)
                found["cells"].setdefault(f"{part}: {name}", {})[str(seed)] = row
                if not options.quick:
                    path.write_text(json.dumps(found, indent=1) + "\n")
    if not options.quick:
        path.with_suffix(".md").write_text(table(found["cells"]))
        draw(found["cells"], path.with_suffix(".png"))


# --- the GANs ----------------------------------------------------------------------------------------------------


def trained(name, seed, options, **settings):
    """The game of a run in RUNS, trained to its end, now or before."""
    folder = options.runs / f"{name.replace(', ', '-').replace(' ', '-')}-{seed}"
    s = cgan.Settings(**{**NETWORKS, **settings, "seed": seed, **({"steps": 3} if options.quick else {})})
    game = cgan.make_game(s)
    if (folder / "checkpoints" / f"step-{s.steps}.safetensors").exists():
        Run.open(folder).load(game)
        return game
    shutil.rmtree(folder, ignore_errors=True)
    for k in range(s.steps):
        game.step(k)
    Run.create(folder, "cgan", s, game.saved).save(game, s.steps)
    return game


def scores(game, options):
    """The Frechet distance to the test pictures of the game's classes, the floor, and how often it draws what was asked.

    copied_share: see `tinygan.metrics`; of 1,000 samples.
    """
    n, names = 50 if options.quick else SCORED, game.saved["names"]
    samples = game.sample(n, 1)
    features, probabilities = digit_classifier("mnist").judge(samples)
    asked = np.array([int(name) for name in names])[in_turn(n, len(names))]
    test, train = real_features("+".join(names))
    held_out = read_labelled(game.settings, "test").images
    return {
        "frechet_distance": frechet_distance(features, test),
        "frechet_floor": frechet_distance(train, test),
        "as_asked": float((probabilities.argmax(1) == asked).mean()),
        "copied_share": copied_share(samples[:1000], read_labelled(game.settings).images, held_out),
    }


@cache
def real_features(classes):
    """Features of the test pictures of these classes, and of SCORED training pictures."""
    s = cgan.Settings(classes=classes)
    train, test = read_labelled(s).images, read_labelled(s, "test").images
    rows = stream(0, "floor").permutation(len(train))[:SCORED]
    return tuple(digit_classifier("mnist").judge(x)[0] for x in (test, train[rows]))


def gan(name, settings):
    """A cell: the scores of a GAN that learned from few."""
    return lambda seed, options: scores(trained(name, seed, options, **settings), options)


def transferred(per_class, begins):
    """A cell: the scores of a GAN that learned 5 to 9 from few, from nothing or from a run of 0 to 4."""

    def cell(seed, options):
        more = {}
        if begins:
            trained("source", seed, options, **SOURCE)
            more = {"start": str(options.runs / f"source-{seed}")}
        name = f"{per_class} a class, {'transferred' if begins else 'from nothing'}"
        return scores(trained(name, seed, options, **NEW, per_class=per_class, **more), options)

    return cell


# --- the classifier ----------------------------------------------------------------------------------------------

ARMS = {  # name: (pixels that every picture is moved by at most, share of generated ones in a batch)
    "real": (0, 0.0), "real, moved": (2, 0.0), "generated": (0, 1.0),
    "real and generated": (0, 0.5), "real and generated, moved": (2, 0.5),
}  # fmt: skip


def classified(per_class, arm):
    """A cell: the accuracy on the test set of a classifier that learned from few, in one of the ARMS."""

    def cell(seed, options):
        images, labels, _ = read_labelled(cgan.Settings(per_class=per_class, seed=seed))
        made = images[:0]
        if ARMS[arm][1]:
            name = f"{per_class} a class, plain"
            made = trained(name, seed, options, **GANS[name]).sample(50 if options.quick else SCORED, 2)
        classifier = taught((images, labels), (made, in_turn(len(made), 10)), *ARMS[arm], seed, options)
        return {"accuracy": classifier.accuracy(*test_digits())}

    return cell


@cache
def test_digits():
    images, labels, _ = read_labelled(cgan.Settings(), "test")
    return images, labels


def taught(real, made, pixels, share, seed, options, batch_size=64):
    """A classifier of MNIST's kind that learned from batches of real and made pictures, (images, labels) each."""
    classifier, steps = Classifier(28, rng=stream(seed, "classifier")), 3 if options.quick else CLASSIFIER_STEPS
    adam = Adam(classifier.parameters(), lr=2e-3)
    schedule = CosineAnnealingLR(adam, steps)
    counts = round(batch_size * (1 - share)), round(batch_size * share)
    loaders = [
        Loader(*pair, batch_size=min(count, len(pair[0])), seed=seed) for pair, count in zip((real, made), counts) if count
    ]
    for step in range(steps):
        adam.lr = schedule(step)
        x, y = (np.concatenate(parts) for parts in zip(*(loader.batch(step) for loader in loaders)))
        x = moved(x, pixels, stream(seed, "moves", step))
        adam.step(grad(cross_entropy(classifier(Tensor(x)), y), classifier.parameters()))
    return classifier


def moved(x, pixels, rng):
    """Pictures (N, 1, h, w), each moved by up to so many pixels up or down and sideways."""
    height, width = x.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), (pixels, pixels), (pixels, pixels)), constant_values=-1)
    down, right = rng.integers(0, 2 * pixels + 1, (2, len(x)))
    return np.stack([p[:, i : i + height, j : j + width] for p, i, j in zip(padded, down, right)])


PARTS = {
    "gan": [(name, gan(name, settings)) for name, settings in GANS.items()],
    "classifier": [(f"{n} a class, {arm}", classified(n, arm)) for n in FEW for arm in ARMS],
    "transfer": [
        (f"{n} a class, {'transferred' if begins else 'from nothing'}", transferred(n, begins))
        for n in (5, 20, 80) for begins in (False, True)
    ],
}  # fmt: skip


# --- the table and the curves --------------------------------------------------------------------------------------


def summary(runs, score):
    """(Mean over the seeds, its standard error or None for one seed) of a score."""
    values = [run[score] for run in runs.values()]
    return np.mean(values), np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else None


def curve(cells, part, arm, score):
    """The curve of an arm over the numbers of real digits: (digits a class, means, standard errors)."""
    points = []
    for key, runs in cells.items():
        at, _, rest = key.removeprefix(f"{part}: ").partition(" a class, ")
        if key.startswith(f"{part}: ") and rest == arm:
            points.append((int(at), *summary(runs, score)))
    return sorted(points)


SHOWN = {  # part: (heading, arms, score, digits after the point, classes)
    "classifier": ("Accuracy of a classifier on the 10,000 test digits", list(ARMS), "accuracy", 4, 10),
    "gan": ("Frechet distance of `cgan` to the test digits", ["plain", "changed", "plain, long", "changed, long"],
            "frechet_distance", 1, 10),
    "transfer": (
        "Frechet distance of `cgan` to the test digits 5 to 9", ["from nothing", "transferred"], "frechet_distance", 1, 5,
    ),
}  # fmt: skip


def table(cells):
    """The curves as tables, with standard errors over the seeds."""
    lines = ["# Few real digits", "", *(" ".join(__doc__.split("\n\n")[2].split()).split("\n")), ""]
    lines += [
        "Written by `python benchmarks/tables/augment.py --seeds 0,1,2,3,4`. Mean ± standard error over the seeds. Their"
        " number stands behind it; one seed has no error. `cgan` has"
        f" {', '.join(f'{k}={v}' for k, v in NETWORKS.items())}; steps={NEW['steps']:,} in `transfer`, and {LONG:,} in long"
        f" runs. Changed: {POLICY}. A guess reads .1 of the digits; a classifier that learned from all 60,000 reads .99.", "",
    ]  # fmt: skip
    for part, (heading, arms, score, digits, classes) in SHOWN.items():
        curves = {arm: curve(cells, part, arm, score) for arm in arms}
        if not any(curves.values()):
            continue
        counts = sorted({n for points in curves.values() for n, *_ in points})
        lines += [f"## {heading}", "", f"| real digits | {' | '.join(f'{n * classes}' for n in counts)} |"]
        lines += [f"|---|{'---|' * len(counts)}"]
        for arm, points in curves.items():
            if not points:
                continue
            known = {n: (mean, error) for n, mean, error in points}
            seeds = {n: len(cells[f"{part}: {n} a class, {arm}"]) for n in known}
            shown = [say(*known[n], digits, seeds[n]) if n in known else "" for n in counts]
            lines.append(f"| {arm} | {' | '.join(shown)} |")
        floors = [run["frechet_floor"] for key, runs in cells.items() if key.startswith(part) for run in runs.values()
                  if "frechet_floor" in run]  # fmt: skip
        if floors:
            lines += ["", f"{SCORED:,} real training digits have {np.mean(floors):.1f}."]
            for score, text in (
                ("as_asked", "The digit that was asked for is read in"),
                ("copied_share", "Share nearer to the few than to as many test digits, .5 if nothing was learned by heart"),
            ):
                of_each = [f"{key.partition(': ')[2]} {np.mean([run[score] for run in runs.values()]):.3f}"
                           for key, runs in cells.items() if key.startswith(part)]  # fmt: skip
                lines += ["", f"{text}: {'; '.join(of_each)}."]
        minutes = [run["cpu_minutes"] for key, runs in cells.items() if key.startswith(part) for run in runs.values()]
        lines += ["", f"{np.mean(minutes):.1f} CPU minutes a cell.", ""]
    peak = max(run["peak_megabytes"] for runs in cells.values() for run in runs.values())
    return "\n".join([*lines, f"Peak memory {peak:,.0f} MB.", "", TRIED.strip()]) + "\n"


def say(mean, error, digits, seeds):
    return f"{mean:.{digits}f}" + ("" if error is None else f" ± {error:.{digits}f}") + f" ({seeds})"


def draw(cells, path):
    """Draw the curves with error bars."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.8), layout="constrained")
    for axis, (part, (heading, arms, score, _, classes)) in zip(axes, SHOWN.items()):
        seen: set[int] = set()
        for arm in arms:
            points = curve(cells, part, arm, score)
            if points:
                counts, means, errors = zip(*((n * classes, mean, error or 0.0) for n, mean, error in points))
                axis.errorbar(counts, means, errors, marker="o", capsize=3, label=arm)
                seen |= {*counts}
        axis.set(xscale="log", xlabel="real digits", title=heading.replace("`", ""))
        axis.set_xticks([], minor=True)
        axis.set_xticks(sorted(seen), [str(n) for n in sorted(seen)])
        axis.title.set_fontsize(9)
        if axis.lines:
            axis.legend(fontsize=8)
    figure.savefig(path, dpi=80)


TRIED = """
Tried, seed 0, 20 digits of each class, 500 steps, Frechet distance of 1,000 samples, where 1,000 real ones have 11.1: plain
78, cutout 97, brightness+contrast 103, translation 138, translation+cutout 159. Changed pictures slow G down; the long runs
say whether time makes up for it.
"""

if __name__ == "__main__":
    main()

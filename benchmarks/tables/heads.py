"""How well the network that reads figures reads them: each head, on figures that it never saw, and under noise.

    python benchmarks/tables/heads.py [--figures 10000]

The network is that of the cache, trained first if there is none. Writes results/heads.json and results/heads.md.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from tinygan.backend import stream
from tinygan.data.sprites import VALUES, Sprites
from tinygan.metrics.pictures import heads

RESULTS = Path(__file__).parents[1] / "results"
NOISE = 0.05, 0.1, 0.2  # standard deviations; black and white are 2 apart


def main():
    """Read figures of each part of the world, then noisy ones, then clips."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--figures", type=int, default=10_000)
    n = parser.parse_args().figures
    begun = time.process_time()
    heads.sprite_heads()
    minutes = (time.process_time() - begun) / 60
    world, rows = Sprites(), {}
    for part in ("heads", "train", "unseen", "held_out"):
        rng = stream(1, f"figures, {part}")
        scenes = world.scenes(part, n, rng)
        rows[part] = shares(world.draw(scenes), scenes)
    x = world.draw(scenes)  # of held-out pairs
    for sigma in NOISE:
        rows[f"held_out, noise {sigma}"] = shares(x + sigma * rng.standard_normal(x.shape, np.float32), scenes)
    path = RESULTS / "heads.json"
    before = json.loads(path.read_text()) if path.exists() else {}
    found = {
        "machine": platform.processor() or platform.machine(), "numpy": np.__version__, "figures": n,
        "training": heads.TRAINING, "cpu_minutes": minutes if minutes > 0.2 else before.get("cpu_minutes"),
        "rows": rows, "clips": clips(world, stream(2, "clips")), "alike": alike(world),
    }  # fmt: skip
    path.write_text(json.dumps(found, indent=1) + "\n")
    path.with_suffix(".md").write_text(table(found))
    print(table(found))


def shares(pictures, scenes):
    """The share of figures that each head reads rightly, and of those that all read rightly."""
    return {name: float(held.mean()) for name, held in heads.agree(pictures, scenes).items()}


def clips(world, rng, n=1000):
    """Return the scores of n real clips of the nine classes, and of n clips whose frames come from different clips."""
    directions = np.array(VALUES["direction"])[rng.integers(1, 4, n)]
    figures = [f._replace(direction=str(d)) for f, d in zip(world.scenes("unseen", n, rng), directions)]
    frames = [f._replace(step=k) for f in figures for k in VALUES["step"]]
    real = world.draw(frames).reshape(n, 8, 3, 32, 32)
    mixed = rng.permutation(real.reshape(-1, 3, 32, 32)).reshape(real.shape)
    return {"real clips": heads.nine_classes(real), "frames of any clips": heads.nine_classes(mixed)}


def alike(world):
    """How many of 500 figures look the same in the first step of casting and of slashing, to 4 grey levels of 255."""
    figures = world.scenes("unseen", 500, stream(3, "alike"))
    cast, slash = (world.draw([f._replace(action=action, step=1) for f in figures]) for action in ("cast", "slash"))
    return float((np.sqrt(np.square(cast - slash).mean((1, 2, 3))) < 8 / 255).mean())


def table(found):
    """The shares, a row a part of the world; the clips' scores."""
    names = list(next(iter(found["rows"].values())))
    minutes = found["cpu_minutes"]
    lines = [
        "# The network that reads figures", "",
        f"Written by `python benchmarks/tables/heads.py --figures {found['figures']}`. {found['training']['steps']:,} steps,"
        f" seed 0{f', {minutes:.1f} CPU minutes' if minutes else ''}. Shares of figures read rightly; the network learned"
        " from those of the part `heads` alone, an eighth of all, which no generator sees; `held_out` has pairs of hair"
        " colour and top that no generator sees. whole: all heads are right.", "",
        f"| figures | {' | '.join(names)} |", f"|---|{'---|' * len(names)}",
    ]  # fmt: skip
    for row, values in found["rows"].items():
        lines.append(f"| {row} | {' | '.join(f'{values[name]:.4f}' for name in names)} |")
    lines += [
        "", f"Of {found['alike']:.0%} of figures the first steps of casting and of slashing are the same picture, to 4 grey"
        " levels of 255: one picture cannot tell them apart. The head of actions calls both \"stand\".", "",
        "Clips of 8 frames over nine classes, 3 actions by left, down, right (9 and ln 9 = 2.197 are best, 0 is sure):", "",
        "| | inception score | intra-entropy | inter-entropy |", "|---|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| {name} | {' | '.join(f'{v:.3f}' for v in values.values())} |" for name, values in found["clips"].items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

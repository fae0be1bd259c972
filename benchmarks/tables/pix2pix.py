"""What the judge of patches adds to L1 in `pix2pix`, and what is drawn rightly: drawings of figures, coloured and black.

    python benchmarks/tables/pix2pix.py [--seeds 0] [--rows coloured,black] [--runs FOLDER] [--quick]

A run is scored at the end of its pixel phase, L1 alone, and at its end. Training goes on where it was stopped, from
what lies in the folder of --runs. What is scored is stored at once in results/pix2pix.json, and not computed again:
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
from tinygan.plot import image_grid, save_image
from tinygan.threads import prime_malloc

pix2pix = recipes.load("pix2pix")
RESULTS = Path(__file__).parents[1] / "results"
PICTURE = Path(__file__).parents[2] / "docs" / "pix2pix.png"


def main():
    """Train and score what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--rows", default="coloured,black")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.runs = Path(tempfile.mkdtemp())
    prime_malloc()
    path = RESULTS / "pix2pix.json"
    found = json.loads(path.read_text()) if path.exists() and not options.quick else {"rows": {}}
    found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
    store = lambda: options.quick or path.write_text(json.dumps(found, indent=1) + "\n")
    for seed in options.seeds.split(","):
        for pencil in options.rows.split(","):
            more = {"steps": 60, "g_channels": 4} if options.quick else {}
            s = pix2pix.Settings(seed=int(seed), pencil=pencil, **more)
            row = found["rows"].setdefault(f"{pencil}, seed {seed}", {})
            state = options.runs / f"pix2pix-{pencil}-{seed}.npz"
            train(s, row, state, store)
            if pencil == "coloured" and not options.quick:
                draw_all(s, state)
    found["rows"] = {name: row for name, row in found["rows"].items() if "with the judge" in row}
    print(table(found))
    if not options.quick:
        path.with_suffix(".md").write_text(table(found))


def train(s, row, path, store):
    """Fill `row` with the scores after the pixel phase and at the end, the CPU minutes and the memory."""
    game = pix2pix.make_game(s)
    for name, until in {"L1 alone": s.pixel_steps, "with the judge": s.steps}.items():
        if name not in row:
            seconds = play(game, until, path)
            samples = game.sample(pix2pix.EVALUATED_SAMPLES, 0)
            np.save(path.with_suffix(f".{until}.npy"), samples[:10])
            row[name] = pix2pix.evaluate(game, samples) | {"steps": until, "cpu_minutes": seconds / 60}
            row |= {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, "world": game.saved["world"]}
            store()
            print(s.pencil, name, row[name], flush=True)


def draw_all(s, path):
    """Draw drawings, what L1 alone and both make of them, and the true figures."""
    drawings, pictures = pix2pix.held_out_pairs(s, {"world": "sprites"})
    made = [np.load(path.with_suffix(f".{until}.npy")) for until in (s.pixel_steps, s.steps)]
    rows = np.concatenate([drawings[:10], *made, pictures[:10]])
    save_image(image_grid(rows, columns=10, value_range=(-1, 1)), PICTURE)


def table(found):
    """A row a run and phase: what each head reads of it; beside it the real figures, and decibels."""
    lines = [
        "# pix2pix", "",
        "Written by `python benchmarks/tables/pix2pix.py`. 500 drawings of unseen figures and 500 of pairs of hair colour and"
        " top that no step of training showed; each cell: unseen / held-out pairs, the share of figures that a network that"
        " never saw these figures reads as drawn. PSNR: to the true figure, and to the figure that the network reads, in dB."
        " A black outline does not tell colours: there chance is one over the number of values, and what counts is that the"
        " figure is one (dB as read).", "",
    ]  # fmt: skip
    first = next(iter(found["rows"].values()))["with the judge"]
    names = [
        n.removeprefix("obeyed_")
        for n in first
        if n.startswith("obeyed_") and "held_out" not in n and "of_real" not in n
    ]
    lines += [
        f"| | {' | '.join(names)} | PSNR | dB as read | steps | CPU minutes | GB |",
        f"|---|{'---|' * (len(names) + 5)}",
    ]
    for row, run in found["rows"].items():
        for phase in ("L1 alone", "with the judge"):
            e = run[phase]
            cells = [f"{e[f'obeyed_{n}']:.3f} / {e[f'obeyed_held_out_{n}']:.3f}" for n in names]
            cells += [f"{e['as_drawn_psnr']:.2f}", f"{e.get('as_read_psnr', np.nan):.2f}", f"{e['steps']:,}"]
            lines.append(f"| {row}, {phase} | {' | '.join(cells)} | {e['cpu_minutes']:.1f} | {run['memory']:.2f} |")
    cells = [f"{first[f'obeyed_{n}_of_real']:.3f} / {first[f'obeyed_held_out_{n}_of_real']:.3f}" for n in names]
    lines.append(f"| real figures | {' | '.join(cells)} | | | | | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

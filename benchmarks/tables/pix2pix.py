"""What the judge of patches adds to L1 in `pix2pix`, and what is drawn rightly: drawings of figures, coloured and black.

    python benchmarks/tables/pix2pix.py [--seeds 0] [--rows coloured,black,...] [--runs FOLDER] [--quick]

A run is scored at the end of its pixel phase, L1 alone, and at its end. Training goes on where it was stopped, from
what lies in the folder of --runs. What is scored is stored at once in results/pix2pix.json, and not computed again:
delete the file, and --runs, to begin anew. --quick: 60 steps, nothing is stored.
"""

from pathlib import Path

import numpy as np
from resumed import score_phases

from tinygan import recipes
from tinygan.plot import image_grid, save_image

pix2pix = recipes.load("pix2pix")
PICTURE = Path(__file__).parents[2] / "docs" / "pix2pix.png"
ROWS = {
    "coloured": {"pencil": "coloured"},
    "coloured long": {"pencil": "coloured", "steps": 20000, "schedule": "cosine", "decay_from": 0.0, "warmup": 100},
    "coloured wide": {
        "pencil": "coloured", "g_channels": 32, "steps": 12000, "pixel_phase": 0.8, "learning_rate": 1e-3,
        "schedule": "cosine", "decay_from": 0.0, "warmup": 100,
    },  # at 3e-3 it makes one picture of all drawings
    "coloured without a judge": {"pencil": "coloured", "pixel_phase": 1.0},  # as many steps, of L1 alone
    "black": {"pencil": "black"},
}


def draw(game, row, until, path):
    """Keep what is made of ten drawings; at the end draw them, what L1 alone and both make of them, and the true figures."""
    s = game.settings
    np.save(path.with_suffix(f".{until}.npy"), game.sample(10, 0))
    if row == "coloured" and until == s.steps:
        drawings, pictures = pix2pix.held_out_pairs(s, game.saved)
        made = [np.load(path.with_suffix(f".{step}.npy")) for step in (s.pixel_steps, s.steps)]
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
    first = next(iter(found["rows"].values()))["L1 alone"]
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
            if phase not in run:
                continue
            e = run[phase]
            cells = [f"{e[f'obeyed_{n}']:.3f} / {e[f'obeyed_held_out_{n}']:.3f}" for n in names]
            cells += [f"{e['as_drawn_psnr']:.2f}", f"{e.get('as_read_psnr', np.nan):.2f}", f"{e['steps']:,}"]
            lines.append(f"| {row}, {phase} | {' | '.join(cells)} | {e['cpu_minutes']:.1f} | {run['memory']:.2f} |")
    cells = [f"{first[f'obeyed_{n}_of_real']:.3f} / {first[f'obeyed_held_out_{n}_of_real']:.3f}" for n in names]
    lines.append(f"| real figures | {' | '.join(cells)} | | | | | |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    score_phases(__doc__, "pix2pix", ROWS, table, "world", draw)

"""How well `restore` repairs, by kind of damage, beside no repair, the mean of what is whole, and diffusion.

    python benchmarks/tables/restore.py [--seeds 0] [--rows sprites,guessed,digits,photographs] [--runs FOLDER] [--quick]

A run is scored at the end of its pixel phase and at its end. Training goes on where it was stopped, from
what lies in the folder of --runs. What is scored is stored at once in results/restore.json, and not computed again:
delete the file, and --runs, to begin anew. --quick: 60 steps, nothing is stored.
"""

from pathlib import Path

from resumed import score_phases

from tinygan import recipes
from tinygan.data.pictures.damages import KINDS, OTHERS

restore = recipes.load("restore")
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


def draw(game, row, until, path):
    """Draw figures that were damaged, repaired, and true."""
    if row == "sprites":
        restore.draw(game, game.sample(12, 0), PICTURE)


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
        last = run.get("with the judge", run["L1 alone"])
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
    score_phases(__doc__, "restore", ROWS, table, "pictures", draw)

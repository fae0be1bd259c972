"""Three voices below a soprano of Bach's that training did not show: the game beside imitation alone, copies, and Bach.

    python benchmarks/tables/harmonise.py [--seeds 0,1] [--quick] [--runs runs/harmonise]

Trains `tinygan train chorales --set told=soprano` into RUNS up to the end of imitation, scores it, trains it to its end and
scores it again, on 1,000 sopranos: choices drawn, and the likeliest ones. Writes results/harmonise.json and .md, in which
other seeds stay. It needs $TINYGAN_DATA/music. --quick trains a few steps, to see that it runs.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
from trained import RESULTS, mean, scored

from tinygan.backend import stream
from tinygan.data import chorales, crops, find_file
from tinygan.metrics.sound import agreement, music_scores, part_writing
from tinygan.networks.music import BEAT
from tinygan.opening import open_trained
from tinygan.recipes.sound.chorales import ASKED, Settings

ENDS, QUICK = (1600, 2000), (20, 30)  # steps of imitation, and of all
LIKELIEST = 1e-6  # temperature
COLUMNS = {
    "same_notes": "Bach's notes", "same_chords": "Bach's chords", "consonant": "consonant", "parallels": "parallels",
    "interval": "intervals", "held": "lengths", "harmony": "harmony",
}  # fmt: skip
ROWS = {
    "imitation": "imitation alone", "imitation_likeliest": "imitation alone, likeliest choices",
    "game": "**imitation, then the game**", "game_likeliest": "the same, likeliest choices",
}  # fmt: skip
COPIES = {
    "nearest": "copied: below the most alike soprano of training, in its key",
    "random": "copied: below any soprano of training", "real": "Bach",
}  # fmt: skip
EXPLAINED = """Bach's notes: share of sixteenths of the three voices with his pitch; Bach's chords: share of beats with his
pitch classes; consonant: share of beats without second, tritone, seventh; parallels: fifths and octaves of 100 times that
two voices move on together; intervals, lengths of notes, harmony of the three voices: total variation to all held-out
chorales, lower is better, and in Bach's row that of training chorales."""
TRIED = """Tried: a writer without scores of intervals and of parallels, seed 0, as many steps: Bach's notes .196, after the
game .207; consonant .657, .655; parallels 5.8, 6.2; intervals .051, .034; lengths .048, .078."""


def main():
    """Score every seed; after each, write what is known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "harmonise")
    parser.add_argument("--out", type=Path, default=RESULTS / "harmonise")
    options = parser.parse_args()
    find_file("music/Jsb16thSeparated.json")  # or a sentence that says where it goes
    path = options.out.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {"seeds": {}}
    found["copies"] = copies(Settings().length)
    ends = QUICK if options.quick else ENDS
    for seed in options.seeds.split(","):
        found["seeds"][seed] = train(seed, options.runs, ends)
        path.write_text(json.dumps(found, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(table(found))
    print(table(found), end="")


def train(seed, runs, ends):
    """Return the scores of a run at the end of imitation and at its end, (steps, steps), drawn and likeliest."""
    settings = {"told": "soprano", "seed": seed, "pretrain": ends[0], "steps": ends[0]}
    found = {"imitation": scored("chorales", settings, runs / "imitation")}
    folder = "-".join(f"{key}{value}" for key, value in settings.items())
    if not (runs / "game" / folder).exists():
        shutil.copytree(runs / "imitation" / folder, runs / "game" / folder)
    found["game"] = scored("chorales", settings, runs / "game", [ends[1]])
    for name in list(found):
        game, recipe, _ = open_trained(str(runs / name / folder), "cpu")
        found[f"{name}_likeliest"] = recipe.evaluate(game, game.sample(ASKED, 0, temperature=LIKELIEST))
    return found


def copies(length):
    """Return scores of voices that are copied below held-out sopranos, and of Bach's own."""
    held_out, train = (crops(chorales(split), length, BEAT) for split in ("test", "train"))
    asked = held_out[stream(0, "asked").permutation(len(held_out))[:ASKED]]
    lines = [music[:, :, 0] - music[:, :1, 0] for music in (asked, train)]  # in half tones from their first notes
    nearest = np.array([(lines[1] == line).sum(1).argmax() for line in lines[0]])
    moved = train[nearest] + np.where(train[nearest] < 0, 0, (asked - train[nearest])[:, :1, :1])
    some = train[stream(0, "copied").permutation(len(train))[:ASKED]]
    found = {}
    for name, below in {"nearest": moved, "random": some, "real": asked}.items():
        made = np.concatenate([asked[:, :, :1], below[:, :, 1:]], 2)
        tv = music_scores(held_out[:, :, 1:], (some if name == "real" else made)[:, :, 1:])
        found[name] = {**agreement(asked, made), **part_writing(held_out if name == "real" else made), **tv}
    return found


def table(found):
    """Return Markdown: means over seeds."""
    runs = list(found["seeds"].values())
    steps, minutes, memory = (mean([run["game"] for run in runs], key) for key in ("steps", "cpu_minutes", "megabytes"))
    before = mean([run["imitation"] for run in runs], "cpu_minutes")
    lines = [
        "# Three voices below a soprano", "", "`python benchmarks/tables/harmonise.py`", "",
        f"`tinygan train chorales --set told=soprano --set pretrain={ENDS[0]} --set steps={ENDS[1]}`, seed"
        f" {', '.join(found['seeds'])}: {steps:,.0f} steps, {minutes:.1f} CPU minutes, {before:.1f} of them imitation,"
        f" {memory:,.0f} MB. {ASKED:,} pieces of two bars below sopranos of held-out chorales.", "", EXPLAINED, "",
        f"| | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|",
    ]  # fmt: skip
    cells = lambda rows: " | ".join(f"{mean(rows, key):.3f}" for key in COLUMNS)
    lines += [f"| {text} | {cells([run[name] for run in runs])} |" for name, text in ROWS.items()]
    lines += [f"| {text} | {cells([found['copies'][name]])} |" for name, text in COPIES.items()]
    return "\n".join([*lines, "", TRIED]) + "\n"


if __name__ == "__main__":
    main()

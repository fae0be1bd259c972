"""Sound: texts that are spoken, heard by a network of our own, and spoken digits drawn sample by sample.

    python benchmarks/tables/speech.py [--rows speech,wave] [--seeds 0,1] [--quick] [--runs runs/speech]

Trains by `tinygan train` into RUNS, or goes on with the run that is there, scores it by `tinygan evaluate`, times a step of
`speech` for texts of 1 to 8 words, and writes results/speech.json and .md, in which other rows and seeds stay. --quick trains
20 steps, to see that it runs.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from trained import mean, scored

from tinygan import recipes
from tinygan.threads import prime_malloc

RESULTS = Path(__file__).parents[1] / "results"
ROWS = {"speech": {}, "wave": {}}  # recipe: settings beside the defaults
QUICK = 20  # steps
LENGTHS = 1, 2, 3, 4, 8  # words
TIMED = 100  # steps
LISTENED = {  # score: heading, digits
    "level": ("level, dB", 1), "peak": ("peak", 2), "clipped": ("clipped", 4), "silent": ("silent", 2),
    "pitch": ("pitch, Hz", 0), "pitch_spread": ("its spread, half tones", 2), "voiced": ("with a pitch", 2),
}  # fmt: skip


def main():
    """Score the chosen rows with every seed; after each, write what is known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", default=",".join(ROWS))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--runs", type=Path, default=Path("runs") / "speech")
    parser.add_argument("--out", type=Path, default=RESULTS / "speech")
    options = parser.parse_args()
    prime_malloc()
    path = options.out.with_suffix(".json")
    path.parent.mkdir(parents=True, exist_ok=True)
    found = json.loads(path.read_text()) if path.exists() else {}
    found["milliseconds"] = {int(words): value for words, value in found.get("milliseconds", {}).items()}
    for name in options.rows.split(","):
        for seed in options.seeds.split(","):
            settings = {**ROWS[name], "seed": seed, **({"steps": QUICK} if options.quick else {})}
            found.setdefault(name, {})[seed] = scored(name, settings, options.runs / name)
            path.write_text(json.dumps(found, indent=1) + "\n")
        if name == "speech":
            found["milliseconds"] = milliseconds()
            path.write_text(json.dumps(found, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(table(found))
    print(table(found), end="")


def milliseconds():
    """Return the median processor time of a step by how many words its texts have."""
    recipe = recipes.load("speech")
    game = recipe.make_game(recipe.Settings(listening=0.0, longest=max(LENGTHS)))
    taken = {words: [] for words in range(1, max(LENGTHS) + 1)}
    for step in range(TIMED):
        begun = time.process_time()
        game.step(step)
        taken[game.lesson(step).text.shape[1]].append(time.process_time() - begun)
    return {words: 1000 * float(np.median(seconds)) for words, seconds in taken.items() if seconds}


def table(found):
    """Return Markdown: what is heard of texts of each length, how a step's time grows with it, levels and pitch."""
    lines = ["# Sound", "", "`python benchmarks/tables/speech.py`; shares in %.", ""]
    if "speech" in found:
        runs = list(found["speech"].values())
        lines += [
            *title("speech", found["speech"]), "",
            "Texts whose pairs of words were never heard together, by the five speakers that are learned; what the network of"
            " results/recogniser.md hears out of Griffin-Lim, and in real words of held-out takes. A guess: a tenth of the"
            " words, a fifth of the speakers.", "",
            "| words of a text | words as told | real | whole texts | real | speaker | real | processor ms a step |",
            "|---|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        for words in LENGTHS:
            shares = [
                f"{100 * mean(runs, f'{score}_{words}{of}'):.1f}"
                for score in ("said", "said_whole", "speaker") for of in ("", "_of_real")
            ]  # fmt: skip
            lines.append(f"| {words} | {' | '.join(shares)} | {found['milliseconds'][words]:.0f} |")
        of_real = 100 * mean(runs, "said_of_griffin_lim")
        lines += ["", f"Real single words out of Griffin-Lim: {of_real:.1f}.", "", *near(runs)]
    if "wave" in found:
        runs = list(found["wave"].values())
        lines += [
            *title("wave", found["wave"]), "",
            "600 sounds, drawn sample by sample without being told; the same network says which digit it hears, and how sure"
            " it is.", "",
            f"Mean confidence {mean(runs, 'mean_confidence'):.3f}, real {mean(runs, 'real_mean_confidence'):.3f}; inception"
            f" score {mean(runs, 'inception_score'):.2f}, real {mean(runs, 'real_inception_score'):.2f}, at most 10; the"
            f" rarest digit {100 * mean(runs, 'smallest_class_share'):.1f} % of the sounds.", "", *near(runs),
        ]  # fmt: skip
    return "\n".join(lines) + TRIED


def title(name, seeds):
    """Return the heading of a recipe: its seeds, steps, minutes and memory, and the command."""
    runs = list(seeds.values())
    steps, minutes, memory = (mean(runs, key) for key in ("steps", "cpu_minutes", "megabytes"))
    of = f"seed {', '.join(seeds)}; {steps:,.0f} steps, {minutes:.1f} CPU minutes, {memory:,.0f} MB"
    return [f"## {name} ({of})", "", f"`tinygan train {name}`"]


def near(runs):
    """Return what is known of single words beside real ones: Frechet distance, the nearest learned take, levels, pitch."""
    values = [mean(runs, key) for key in ("frechet_distance", "frechet_floor", "nearest_take", "nearest_take_of_real")]
    names = [name for name in LISTENED if name in runs[0]]
    lines = [
        "Frechet distance {:.2f}, floor {:.2f}. Mel-cepstral distance to the nearest learned take of the same digit and"
        " speaker, median: {:.2f}, of held-out takes {:.2f}.".format(*values), "",
        f"| | {' | '.join(LISTENED[name][0] for name in names)} |", "|---" * (len(names) + 1) + "|",
    ]  # fmt: skip
    for kind, end in {"generated": "", "real": "_of_real"}.items():
        cells = [f"{mean(runs, name + end):.{LISTENED[name][1]}f}" for name in names]
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return [*lines, ""]


TRIED = ""


if __name__ == "__main__":
    main()

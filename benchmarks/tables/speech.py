"""Sound: texts that are spoken, heard by a network of our own, and spoken digits drawn sample by sample.

    python benchmarks/tables/speech.py [--rows speech,wave] [--seeds 0,1] [--quick] [--runs runs]

Trains by `tinygan train` into RUNS, or goes on with the run that is there, scores it by `tinygan evaluate`, times a step of
`speech` for texts of 1 to 8 words, and writes results/speech.json and .md, in which other rows and seeds stay. --quick trains
20 steps, to see that it runs.
"""

import time

import numpy as np
from trained import heading, mean, percent, score_rows

from tinygan import recipes

ROWS = {"speech": {}, "wave": {}}  # recipe: settings beside the defaults
LENGTHS = 1, 2, 3, 4, 8  # words
TIMED = 100  # steps
LISTENED = {  # score: heading, digits
    "level": ("level, dB", 1), "peak": ("peak", 2), "clipped": ("clipped", 4), "silent": ("silent", 2),
    "pitch": ("pitch, Hz", 0), "pitch_spread": ("its spread, half tones", 2), "voiced": ("with a pitch", 2),
}  # fmt: skip


def time_steps(row):
    """Return of `speech` the median processor time of a step whose texts have so many words: {milliseconds_1: ...}."""
    if row != "speech":
        return {}
    recipe = recipes.load("speech")
    game = recipe.make_game(recipe.Settings(listening=0.0, longest=max(LENGTHS)))
    taken = {words: [] for words in range(1, max(LENGTHS) + 1)}
    for step in range(TIMED):
        begun = time.process_time()
        game.step(step)
        taken[game.lesson(step).text.shape[1]].append(time.process_time() - begun)
    return {f"milliseconds_{words}": 1000 * float(np.median(seconds)) for words, seconds in taken.items()}


def table(found):
    """Return Markdown: what is heard of texts of each length, how a step's time grows with it, levels and pitch."""
    lines = ["# Sound", "", "`python benchmarks/tables/speech.py`; shares in %.", ""]
    if "speech" in found:
        runs = list(found["speech"].values())
        lines += [
            *heading("speech", "speech", found["speech"], ROWS["speech"]),
            "Texts whose pairs of words were never heard together, by the five speakers that are learned; what the network of"
            " results/recogniser.md hears out of Griffin-Lim, and in real words of held-out takes. A guess: a tenth of the"
            " words, a fifth of the speakers.", "",
            "| words of a text | words as told | real | whole texts | real | speaker | real | processor ms a step |",
            "|---|---|---|---|---|---|---|---|",
        ]  # fmt: skip
        for words in LENGTHS:
            shares = [
                percent(mean(runs, f"{score}_{words}{of}"))
                for score in ("said", "said_whole", "speaker") for of in ("", "_of_real")
            ]  # fmt: skip
            lines.append(f"| {words} | {' | '.join(shares)} | {mean(runs, f'milliseconds_{words}'):.0f} |")
        of_real = percent(mean(runs, "said_of_griffin_lim"))
        lines += ["", f"Real single words out of Griffin-Lim: {of_real}.", "", *near(runs)]
    if "wave" in found:
        runs = list(found["wave"].values())
        lines += [
            *heading("wave", "wave", found["wave"], ROWS["wave"]),
            "600 sounds, drawn sample by sample without being told; the same network says which digit it hears, and how sure"
            " it is.", "",
            f"Mean confidence {mean(runs, 'mean_confidence'):.3f}, real {mean(runs, 'real_mean_confidence'):.3f}; inception"
            f" score {mean(runs, 'inception_score'):.2f}, real {mean(runs, 'real_inception_score'):.2f}, at most 10; the"
            f" rarest digit {100 * mean(runs, 'smallest_class_share'):.1f} % of the sounds.", "", *near(runs),
        ]  # fmt: skip
    return "\n".join(lines)


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


if __name__ == "__main__":
    score_rows(__doc__, "speech", ROWS, table, recipe_of=lambda row: row, more=time_steps)

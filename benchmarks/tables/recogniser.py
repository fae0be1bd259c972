"""How well the network that hears digits hears them: takes and a speaker that it never heard, and out of Griffin-Lim.

    python benchmarks/tables/recogniser.py [--sources real,made] [--seeds 0] [--quick]

Row by row: the share of words heard rightly, and of their speakers. Then utterances of one to four words whose pairs are
held out, joined of held-out takes. Then what other scores give to real sound: the Frechet distance between real words, and
how near held-out takes and copies come to the takes that were learned. Writes results/recogniser.json and
results/recogniser.md, in which other sources and seeds stay.
"""

import argparse
import json
import math
import platform
import resource
import time
from pathlib import Path

import numpy as np

from tinygan.backend import stream
from tinygan.data.spectra import log_spectrogram, sound_of
from tinygan.data.speech import RATE, SLOT, made_recordings, recordings, texts, utter
from tinygan.metrics.sound import frechet_scores, hear, nearest_take, recogniser, sound_scores
from tinygan.metrics.sound.hearing import TRAINING, train_recogniser

RESULTS = Path(__file__).parents[1] / "results"
SOURCES = {"real": recordings, "made": made_recordings}
NOISE = 0.01, 0.03  # standard deviations; a word's is .1


def main():
    """Train a network for every source and seed, and let it hear."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sources", default="real,made")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--quick", action="store_true", help="learn for two steps, to try the script; nothing is written")
    options = parser.parse_args()
    path = RESULTS / "recogniser.json"
    found = json.loads(path.read_text()) if path.exists() else {"runs": {}}
    found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__, "training": TRAINING}
    for source in options.sources.split(","):
        for seed in options.seeds.split(","):
            before = found["runs"].get(source, {}).get(seed, {})
            run = measure(SOURCES[source], int(seed), 2 if options.quick else TRAINING["steps"])
            if run["cpu_minutes"] < 0.2:  # it was in the cache
                run["cpu_minutes"] = before.get("cpu_minutes", math.nan)
            print(source, seed, json.dumps(run, indent=1), flush=True)
            found["runs"].setdefault(source, {})[seed] = run
            if not options.quick:
                path.write_text(json.dumps(found, indent=1) + "\n")
                path.with_suffix(".md").write_text(table(found))


def measure(read, seed, steps):
    """Train on the part to learn from; return all scores."""
    learned, takes, stranger = (read(part) for part in ("train", "takes", "speaker"))
    begun = time.process_time()
    if seed == 0 and steps == TRAINING["steps"]:
        network = recogniser(learned)  # that of the cache
    else:
        network = train_recogniser(learned, **TRAINING | {"steps": steps}, seed=seed)
    minutes = (time.process_time() - begun) / 60

    def row(sounds, r, known=True):
        return {"words": len(sounds)} | hear(network, sounds, r.digits[:, None], r.speakers if known else None)

    rows = {
        "takes to learn from": row(learned.sounds, learned),
        "held-out takes": row(takes.sounds, takes),
        "held-out takes, after Griffin-Lim": row(sound_of(log_spectrogram(takes.sounds)), takes),
        **{f"held-out takes, noise {s}": row(noisy(takes.sounds, s), takes) for s in NOISE},
        "held-out speaker": row(stranger.sounds, stranger, False),
        "held-out speaker, after Griffin-Lim": row(sound_of(log_spectrogram(stranger.sounds)), stranger, False),
    }
    for length in (1, 2, 3, 4):
        rng = stream(seed, "utterances", length)
        text, speakers = texts("held_out", 60, length, rng), rng.integers(0, len(learned.names) - 1, 60)
        sounds = utter(takes, text, speakers, rng)
        name = f"utterances of {length} word{'s' * (length > 1)}"
        rows[name] = {"words": text.size} | hear(network, sounds, text, speakers)
    of_takes, of_copies = (
        nearest_take(sounds, r.digits, r.speakers, learned)
        for sounds, r in (
            (takes.sounds, takes),
            (sound_of(log_spectrogram(learned.sounds[::4])), learned.where(np.arange(0, len(learned.sounds), 4))),
        )
    )
    others = learned.sounds[stream(seed, "others").permutation(len(learned.sounds))]
    half = len(takes.sounds) // 2
    return {
        "cpu_minutes": minutes, "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, "rows": rows,
        "nearest_take": float(np.median(of_takes)), "nearest_take_of_copies": float(np.median(of_copies)),
        "frechet_floor": frechet_scores(network, others, takes.sounds, others)["frechet_floor"],
        "frechet_of_griffin_lim": frechet_scores(
            network, sound_of(log_spectrogram(others[: 2 * half])), takes.sounds, others
        )["frechet_distance"],
        "frechet_of_noise": frechet_scores(
            network, 0.1 * stream(seed, "noise").standard_normal((2 * half, SLOT)), takes.sounds, others
        )["frechet_distance"],
        "heard": sound_scores(takes.sounds, learned.sounds[::4], RATE),
    }  # fmt: skip


def noisy(sounds, sigma):
    """Return sounds under white noise."""
    return sounds + sigma * stream(0, "noise").standard_normal(sounds.shape).astype(np.float32)


def table(found):
    """The shares, a row each and a column a source, then the other scores."""
    runs = {source: list(by_seed.values()) for source, by_seed in found["runs"].items()}
    mean = lambda source, take: np.mean([take(run) for run in runs[source]])
    seeds = sorted({seed for by_seed in found["runs"].values() for seed in by_seed})
    costs = ", ".join(
        f"{source} {mean(source, lambda run: run['cpu_minutes']):.1f} CPU minutes and"
        f" {max(run['memory_mb'] for run in runs[source]):,} MB" for source in runs
    )  # fmt: skip
    lines = [
        "# The network that hears digits", "",
        f"Written by `python benchmarks/tables/recogniser.py --sources {','.join(runs)} --seeds {','.join(seeds)}`:"
        f" {found['training']['steps']:,} steps of {found['training']['batch_size']} words; {costs};"
        f" {'mean of the seeds' if len(seeds) > 1 else 'one seed'}. real: recordings of ten digits, five speakers and 12"
        " takes to learn from, 3 takes and a sixth speaker held out; generators learn from the same. made: words of our"
        " own synthesiser. Chance: a digit .1, a speaker .2.", "",
        "| | " + " | ".join(f"{source}: digits | speakers" for source in runs) + " |", "|---|" + "---|---|" * len(runs),
    ]  # fmt: skip
    for name in next(iter(runs.values()))[0]["rows"]:
        cells = []
        for source in runs:
            cells.append(f"{mean(source, lambda run, name=name: run['rows'][name]['said']):.3f}")
            speaker = "speaker" in runs[source][0]["rows"][name]
            cells.append(f"{mean(source, lambda run, name=name: run['rows'][name]['speaker']):.3f}" if speaker else "")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += [
        "", "What other scores give to real sound. Cepstral distance: to the nearest take of the same word and speaker that"
        " was learned; a copy is one of these takes out of Griffin-Lim. Frechet distances are to the held-out takes.", "",
        "| | " + " | ".join(runs) + " |", "|---|" + "---|" * len(runs),
    ]  # fmt: skip
    named = {
        "cepstral distance, held-out takes, dB": lambda run: run["nearest_take"],
        "cepstral distance, copies, dB": lambda run: run["nearest_take_of_copies"],
        "Frechet distance, takes to learn from": lambda run: run["frechet_floor"],
        "Frechet distance, these out of Griffin-Lim": lambda run: run["frechet_of_griffin_lim"],
        "Frechet distance, noise": lambda run: run["frechet_of_noise"],
        "level, dB": lambda run: run["heard"]["level"],
        "clipped": lambda run: run["heard"]["clipped"],
        "silent": lambda run: run["heard"]["silent"],
        "median pitch, Hz": lambda run: run["heard"]["pitch"],
        "pitch within a word, half tones": lambda run: run["heard"]["pitch_spread"],
        "voiced": lambda run: run["heard"]["voiced"],
    }
    for name, take in named.items():
        lines.append(f"| {name} | {' | '.join(f'{mean(source, take):.3g}' for source in runs)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

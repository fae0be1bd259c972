"""Clips that are told: what share of clips is as told, and how they stay, flicker and compare with real ones.

    python benchmarks/tables/video.py [--rows digits,sprites] [--seeds 0,1] [--quick] [--runs runs]

Trains by `tinygan train` into RUNS, or goes on with the run that is there, scores it by `tinygan evaluate` on 1,000 clips
of unseen scenes and 1,000 of held-out pairs, on 200 of each that are four times as long, and writes results/video.json and
.md, in which other rows and seeds stay. --quick trains 20 steps, to see that it runs.
"""

from trained import heading, mean, percent, score_rows

ROWS = {  # name: settings beside the defaults
    "digits": {},
    "sprites": {"world": "sprites", "steps": 3000, "ema": 0.99},
}
KINDS = {  # heading: what the names of its scores begin with
    "unseen": "told_",
    "held-out pairs": "told_held_out_",
    "unseen, four times as long": "told_longer_",
    "held-out pairs, four times as long": "told_longer_held_out_",
}
BESIDE = {  # of clips of each kind: score, heading
    "identity": "identity", "flicker": "flicker", "still": "change where nothing moves, 255ths", "as_true": "PSNR, dB",
}  # fmt: skip
PUBLISHED = """Beside the nine classes, as their papers print them (they encode a clip and decode it; these clips are drawn
from noise and labels): S3VAE 8.64, .041, 2.197; R-WAE 8.52, .055, 2.197; C-DSVAE 8.87, .014, 2.197."""


def table(found):
    """Return Markdown: for each world, a row for each kind of clips, each beside real clips."""
    lines = ["# Clips that are told", "", "`python benchmarks/tables/video.py`; shares in %.", ""]
    for name, seeds in found.items():
        runs = list(seeds.values())
        names = [key.removeprefix("by_chance_") for key in runs[0] if key.startswith("by_chance_")]
        lines += heading(name, "video", seeds, ROWS[name])
        lines += [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for kind, begin in KINDS.items():
            lines += [row(kind, [mean(runs, begin + key) for key in names])]
            lines += [row("real clips of these", [mean(runs, f"{begin}{key}_of_real") for key in names])]
        lines += [row("clips of other labels: chance", [mean(runs, f"by_chance_{key}") for key in names]), ""]
        kept = [key for key in BESIDE if f"{key}_clips" in runs[0]]
        lines += [f"| | {' | '.join(BESIDE[key] for key in kept)} |", "|---" * (len(kept) + 1) + "|"]
        for kind, begin in KINDS.items():
            middle = begin.removeprefix("told_")
            values = [mean(runs, f"{key}_{middle}clips") for key in kept]
            lines += [f"| {kind} | {' | '.join(f'{value:.3f}' for value in values)} |"]
            if kind == "unseen":
                lines += [f"| real clips | {mean(runs, 'identity_clips_of_real'):.3f} |" + " |" * (len(kept) - 1)]
        distance = [mean(runs, f"frechet_{key}") for key in ("distance", "floor", "ratio")]
        lines += ["", "Frechet distance {:.2f}, floor {:.2f}, ratio {:.2f}.".format(*distance), ""]
        if "inception_score" in runs[0]:
            made, right = nine_classes(runs, ""), nine_classes(runs, "real_")
            lines += [f"Nine classes, inception score, intra- and inter-entropy: {made}; real clips {right}.", ""]
            lines += [PUBLISHED, ""]
    return "\n".join(lines) + TRIED


def nine_classes(runs, begin):
    """Return the three scores over nine classes, in words."""
    return ", ".join(f"{mean(runs, begin + key):.3f}" for key in ("inception_score", "intra_entropy", "inter_entropy"))


def row(name, values):
    """Return a row of shares in percent."""
    return f"| {name} | {' | '.join(map(percent, values))} |"


TRIED = """
Tried on the way; one seed each, 100 to 300 clips of digits, 32 channels, batches of 24. Shares of clips with the right
digit | path | path in all windows of 32 frames:

| | steps | CPU minutes | unseen | held-out pairs |
|---|---|---|---|---|
| each frame drawn anew, wrong labels shown (GAN-CLS) instead of read | 200 | .5 | nothing to be seen | |
| the digit drawn once and moved, labels read with weight 3, an ordinary GRU | 421 | .7 | .24, .00 | .27, .01 |
| the GRU begins as turning pairs, and learns as fast as the rest: it comes to rest, too | 394 | .7 | .29, .00 | .36, .00 |
| it learns at a tenth, labels of motion open gates, weight .7 | 373 | .6 | 1.00, .50 | 1.00, .45 |
| the same, the judge of clips sees half the size | 1,200 | 2.2 | 1.00, .70, .32 | 1.00, .70, .24 |
| it sees the full size, the GRU learns at a fifth | 1,000 | 2.1 | 1.00, .92, .75 | 1.00, .94, .85 |
| the same, gone on with | 2,000 | 4.6 | 1.00, .72, .63 | 1.00, .69, .54 |
| the same weights; a clip begins after eight steps of the motion | 2,000 | 4.6 | 1.00, 1.00, .74 | 1.00, 1.00, .64 |
| gone on with so | 2,400 | 5.5 | 1.00, 1.00, .99 | 1.00, 1.00, .99 |

The last three are one run: it had 1,000 steps, then 2,000, then 2,400, and the eight steps of motion before a clip came in at
2,000. From scratch with these eight steps before every clip, learned from too, the digit was right in .84 and the path in .39
after 2,000 steps: G finds the paths by clips that begin with the motion. So now only samples have the eight steps; 200 clips,
100 of 32 frames:

| steps | with them: digit, path | without: digit, path, path of 32 frames | without, seed 1 |
|---|---|---|---|
| 400 or 500 | .28, .04 | .78, .55, .00 | .88, .94, .01 |
| 1,000 | | 1.00, .83, .70 (after 1,200) | 1.00, .99, .53 |
| 2,000 | .84, .39 | 1.00, 1.00, .65 | 1.00, 1.00, .99 |

Paths must be right in all windows of a clip, to a pixel. Right on unseen clips | held-out pairs of 32 frames, 200 of each:

| steps, average of G's weights | seed 0 | seed 1 |
|---|---|---|
| 3,000, .99 | .875, .930 | .905, .890 |
| 4,000, .998 | .670, .800 | .985, .985 |
| 6,000, .998, the defaults since | .990, .995 | 1.000, 1.000 |

An earlier run of 3,000 steps, seed 0 on another machine, had .99 and .98: one run does not tell. The row of digits was
trained by `tinygan train video --seed SEED --set steps=6000 --set ema=0.998` before these were the defaults. Its minutes are
by the clock, each run beside another one. Its memory is that of an earlier run of 3,000 steps. Sprites are not trained
longer: 6,000 steps would take 40 minutes.

Sprites after 500 steps, 2.9 CPU minutes, 100 clips each, unseen | held-out pairs, 8 frames: sex .98 | .97, skin .83 | .84,
hair .93 | .92, its colour 1.00 | .97, top .92 | .94, legs .91 | .82, feet .97 | .91, action 1.00 | .99, direction .99 | 1.00,
identity .93 | .93; on 32 frames none is lower by more than .01.
"""


if __name__ == "__main__":
    score_rows(__doc__, "video", ROWS, table)

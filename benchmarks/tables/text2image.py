"""Pictures that are told, in both worlds: which share of single claims and of whole sentences the pictures obey.

    python benchmarks/tables/text2image.py [--rows shapes,sprites] [--seeds 0,1] [--quick] [--runs runs]

Trains by `tinygan train` into RUNS, or goes on with the run that is there, scores it by `tinygan evaluate` on 1,000
unseen sentences and 1,000 of held-out pairs, and writes results/text2image.json and .md, in which other rows and seeds
stay. --quick trains 20 steps, to see that it runs.
"""

from trained import heading, mean, percent, score_rows

ROWS = {  # name: settings beside the defaults
    "shapes": {"steps": 20000, "listening": 0.12, "ema": 0.999},
    "default": {},
    "sprites": {
        "world": "sprites", "channels": 48, "steps": (10000, 16000), "learning_rate": 1e-3, "listening": 0.05,
        "matching": 0.5, "wrong_words": 2, "gamma": 0.5,
    },
    "short": {"steps": 1000},
    "short slips=1": {"steps": 1000, "slips": 1},  # all wrong sentences tell one thing otherwise
    "short slips=0": {"steps": 1000, "slips": 0},  # wrong sentences all are another picture's
    "short wrong=0": {"steps": 1000, "wrong": 0, "listening": 0},  # D is shown no wrong sentences
    "short matching=0": {"steps": 1000, "matching": 0},  # G's pictures need not fit less to wrong sentences
    "short listening=0": {"steps": 1000, "listening": 0},  # both players begin at once
}
PARTS = {  # heading: how the names of its scores begin and end
    "unseen sentences": ("obeyed_", ""),
    "real pictures of them": ("obeyed_", "_of_real"),
    "pictures of other sentences: chance": ("by_chance_", ""),
    "held-out pairs": ("obeyed_held_out_", ""),
    "real pictures of these": ("obeyed_held_out_", "_of_real"),
}


def table(found):
    """Return Markdown: for each run its claims, each beside real pictures and chance."""
    lines = ["# Pictures that are told", "", "`python benchmarks/tables/text2image.py`; shares that obey, %.", ""]
    for name, seeds in found.items():
        runs = list(seeds.values())
        names = [key.removeprefix("obeyed_") for key in runs[0] if key.startswith("obeyed_")]
        names = [key for key in names if f"obeyed_{key}_of_real" in runs[0] and not key.startswith("held_out_")]
        lines += heading(name, "text2image", seeds, ROWS[name])
        lines += [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
        for part, (begin, end) in PARTS.items():
            cells = [percent(mean(runs, f"{begin}{key}{end}")) for key in names]
            lines.append(f"| {part} | {' | '.join(cells)} |")
        for key, text in {
            "variety": "variety, 1 is real pictures'",
            "obeyed_psnr": "PSNR to the true figure, dB",
            "obeyed_held_out_psnr": "the same of held-out pairs",
        }.items():
            if (value := mean(runs, key)) is not None:
                lines += ["", f"{text}: {value:.2f}"]
        lines.append("")
    return "\n".join(lines) + TRIED


TRIED = """
Tried on the way; one seed each, batches of 48, shares of 200 unseen sentences unless it is said.

How D learns words, in the world of shapes, alone. It is shown real pictures it has not seen, and has to prefer the right
sentence to one with a single wrong word, and to another picture's (chance is .50):

| | CPU minutes | one wrong word | another's sentence |
|---|---|---|---|
| in the game from the first step on, one wrong sentence, 375 steps | 1.3 | .56 | .69 |
| D alone, words look at 4x4 places, one wrong sentence, 455 steps | .55 | .80 | .93 |
| words look at 8x8 places after a layer of stride 1, two wrong sentences, 600 steps | 1.0 | .82 | .95 |
| the same, beta1 .9 or group norm, 400 steps | .65 | .77, .78 | .94, .93 |
| the same, a layer more at 16x16, 600 steps | 1.2 | .81 | .94 |
| six wrong sentences, four fifths with one wrong word, 400 steps | 1.0 | .81 | .93 |
| four wrong ones, .7 with one wrong word, learning rate 2e-3, 800 steps | 1.8 | .90 | .98 |
| the same, 2,400 steps | 5.2 | .95 | 1.00 |

Of the last, by kind of word: place or relation .93, shape .92, size .99, colour .99.

Sprites, 1,000 steps, 3.5 to 3.8 CPU minutes: G and D of the prototype that was told by labels (`FigurePainter`,
`FigureJudge`) had 17.0 dB; with four wrong sentences and matching=.5 16.4; gamma .05 or 2 instead of .5 had 14.7 and 15.3
after 500 steps instead of 15.4. What matters is to go on: 19.6 dB after 2,000. An older pair, with 32 channels, batch norm
with scales and shifts that are told, attention of places to words, and verdicts word by word, had 16.2 after 1,400.

Painters of scenes against the same judge, matching=.5 and learning rate 1e-3, 400 steps of listening first:

| | steps | shape | colour | size | place | relation | number |
|---|---|---|---|---|---|---|---|
| as figures are drawn, and judged as these, one wrong sentence | 1,500 | .01 | .15 | .41 | .41 | .35 | .52 |
| four strokes with colours and opacity of 16x16, at any place | 1,400 | .01 | .09 | .52 | .65 | .47 | .59 |
| one colour a stroke | 1,000 | .01 | .07 | .16 | .06 | .29 | .28 |
| the same, three strokes, each begins as a round spot | 1,200 | .03 | .11 | .47 | .34 | .35 | .39 |
| the same, its place a softmax over 25 lines and columns | 1,400 | .03 | .12 | .36 | .30 | .34 | .41 |
| the same, with noise in that softmax | 1,200 | .04 | .11 | .46 | .18 | .31 | .43 |

Pictures of the second row are not flat in colour, and against a D that has listened for 2,400 steps they become patterns
that fool it. Strokes of one colour that begin as spots cannot, so they were kept. Against that D, 600 steps of the game:

| matching, learning rate | shape | colour | size | place | relation | number |
|---|---|---|---|---|---|---|
| .5, 1e-3, 500 steps | .02 | .09 | .44 | .14 | .32 | .39 |
| 2, 2e-3 | .01 | .28 | .43 | .48 | .38 | .53 |
| 8, 2e-3 | .01 | .32 | .54 | .63 | .40 | .63 |

All above was learned with wrong sentences of another kind: one word gave its place to another that may stand there. Of 1,000
such sentences about shapes 95 could not be read, of those about figures 403 ("walks to the with"), and some were true ("and"
for "above"): D learned what a sentence is. After 9,500 steps, of unseen scenes with one claim told otherwise in the same
words, it knew the wrong one by size .98, place 1.00, colour .97, shape .81, relation .56. Now a wrong sentence is said of a
scene that differs in one claim. From that state on, 300 unseen sentences, the rates at their height:

| wrong sentences | gamma | more steps | shape | colour | size | place | relation | number | whole |
|---|---|---|---|---|---|---|---|---|---|
| | | 0 | .32 | .72 | .84 | .85 | .31 | .80 | .26 |
| one word | .5 | 400 | .29 | .70 | .82 | .83 | .35 | .78 | .22 |
| one word | .1 | 800 | .36 | .72 | .82 | .84 | .34 | .80 | .27 |
| one claim | .1 | 1,600 | .47 | .76 | .87 | .89 | .32 | .84 | .35 |
| one claim | .02 | 1,600 | .56 | .80 | .88 | .88 | .31 | .85 | .37 |

D alone, from that state on, claims about relations in 800 unseen pictures. Each word looks at the picture; and then

| | 200 steps | 400 | 600 | 800 |
|---|---|---|---|---|
| at what the other words found | .62 | .64 | .75 | .61 |
| an LSTM reads what the words found | .54 | .58 | .72 | .65 |
| at the picture again | .54 | .61 | .71 | .58 |
| at what the others found, places know their (y, x) | .61 | .66 | .64 | .73 |
| the same, and half of the slips tell where things lie | .63 | .66 | .78 | |

The last was taken; from scratch it had .81 after 1,875 steps (shape .89, colour .95, place .97, size .99).

The run of 27,000 steps on the way, 400 to 1,000 unseen sentences, whole: .74 after 15,000, .76 after 16,875, .75 after
20,250, .81 after 23,625, .79 at the end. What it drew wrong after 20,250: 15 % of scenes of three things show two. Of things
alone in their colour, few have another shape; many have none. Small crosses fit no shape in 20 %, other things whose size is
told in 1 to 5 %, things whose size is not told in 7 to 21 %: those are of a size between. What did not help:

- the one of 8 pictures that D likes best, after 15,000 steps, 200 sentences, unseen and held-out: .775 and .74 instead of .74
  and .68
- an opinion of each of D's 8x8 places on how real it is, 425 steps: .73 instead of .76
- matching=1 instead of 4, rate 3e-4, 200 steps from 23,625: .832 instead of .823, 600 sentences
- less chance: z times .7, .5, .3, 0 after 27,000 steps: .82, .81, .81, .81 instead of .80, 1,000 sentences, one draw each.
  What is wrong is wrong for every z.

All of this had strokes that were moved as they are drawn. After 27,000 steps, 191 CPU minutes, unseen sentences: shape .83,
colour .92, size .94, place .97, relation .84, number .93, whole .79. Now a stroke is moved before the sigmoid, so that edges
stay sharp between two pixels, there is a layer more before the heads, and the LSTM is told where its last stroke lies: as
many sentences whole after 20,000 steps; shapes are better, places and relations worse. The first 3,750 of its 20,000 steps
are counted by the clock, 32 minutes.
"""


if __name__ == "__main__":
    score_rows(__doc__, "text2image", ROWS, table, chosen=["shapes", "sprites"])

"""Captions by every way of learning to write, beside Texygen's columns (Zhu et al. 2018): BLEU, Self-BLEU, twenty samples.

    python benchmarks/tables/e6.py [--rows mle,gumbel,policy,vae,infill] [--seed 0] [--set KEY=VALUE ...]

mle, gumbel and policy share one imitation, the other two have their own. 10,000 samples each, BLEU against
test_coco.txt, Self-BLEU among themselves, NLTK's smoothing method 1; the share of samples that are training captions stands
beside, since a program that recites those has the scores of real text. Needs $TINYGAN_DATA/captions. Writes
results/e6.json and results/e6.md, in which what was found before stays.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from tinygan.backend import prime_malloc
from tinygan.data import captions, words
from tinygan.metrics import bleu, self_bleu
from tinygan.recipes import captions as recipe

RESULTS = Path(__file__).parents[1] / "results"
PUBLISHED = {  # BLEU-2..5, Self-BLEU-2..5
    "SeqGAN (Texygen)": (0.745, 0.498, 0.294, 0.180, 0.950, 0.840, 0.670, 0.489),
    "LeakGAN (Texygen)": (0.746, 0.528, 0.355, 0.230, 0.966, 0.913, 0.848, 0.780),
    "MLE (Texygen)": (0.731, 0.497, 0.305, 0.189, 0.916, 0.769, 0.583, 0.408),
}
COLUMNS = [f"{kind}_{n}" for kind in ("bleu", "self_bleu") for n in (2, 3, 4, 5)]
IMITATION = {"pretrain": 1872, "hidden": 160, "embedding": 64, "rarest": 2, "longest": 30, "dropout": 0.2, "ema": 0.99}
WAYS = {
    "mle": {"steps": 1872},
    "gumbel": {"steps": 1872 + 120},
    "policy": {"steps": 1872 + 60, "d_pretrain": 20, "rollouts": 2, "learning_rate": 1e-3, "ema": 0.9},
    "vae": {"steps": 936, "free": 0.0},
    "infill": {"pretrain": 468, "steps": 468 + 110, "d_pretrain": 50, "hidden": 128},
}

NOTES = {
    "policy": "40 steps of policy gradient, of no use here: gumbel at 1.08 has as much BLEU-5 (.194) at a lower"
    " Self-BLEU-5 (.347), and imitation alone more of both.",
    "vae": "KL ended at .004 nats of 44: z says nothing, and this is a language model of half the steps of mle. Since then 4"
    " nats of z are free by default (`free`); not yet measured on captions.",
    "infill": "A quarter of mle's steps of imitation, half of them on holes, then 60 of the game: not sentences to show.",
}


def main():
    """Train the rows that are asked for and write all that are known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", default=",".join(WAYS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of all rows")
    parser.add_argument("--temperatures", default="1", help="of the samples, a row for each: 1,1.05")
    parser.add_argument("--out", type=Path, default=RESULTS / "e6")
    parser.add_argument("--keep", type=Path, default=Path("runs/e6"), help="where imitation's weights are kept")
    options = parser.parse_args()
    prime_malloc()
    changes = {k: json.loads(v) for k, v in (item.split("=", 1) for item in options.set)}
    path = options.out.with_suffix(".json")
    found = json.loads(path.read_text()) if path.exists() else {"rows": {}}
    found["real"] = found.get("real") or real()
    for way in options.rows.split(","):
        settings = {"way": way, **IMITATION, **WAYS[way], "seed": options.seed, **changes}
        game, trained = train(settings, options.keep / f"imitation-{options.seed}.npz")
        for temperature in map(float, options.temperatures.split(",")):
            row = way if temperature == 1 else f"{way} at {temperature:g}"
            found["rows"][row] = {
                "settings": {**settings, "temperature": temperature},
                **trained,
                **score(game, temperature),
            }
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            options.out.with_suffix(".md").write_text(table(found), encoding="utf-8")


def train(settings, kept):
    """The game trained with these settings, from the imitation in the file `kept` if there is one, and what that took."""
    begun = time.process_time()
    game = recipe.make_game(recipe.Settings(**settings))
    s, start = game.settings, 0
    if s.way in ("mle", "gumbel", "policy") and kept.exists():
        start = s.pretrain
        with np.load(kept) as weights:
            for prefix, module in (("now.", game.generator), ("mean.", game.average.module)):
                module.load_state_dict(
                    {k.removeprefix(prefix): weights[k] for k in weights.files if k.startswith(prefix)}
                )
    for step in range(start, s.steps):
        row = game.step(step)
        if (step + 1) % max(1, (s.steps - start) // 10) == 0:
            print(s.way, step + 1, {k: round(v, 3) for k, v in row.items()}, flush=True)
    if s.way == "mle" and not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        players = {"now.": game.generator, "mean.": game.average.module}
        np.savez(kept, **{prefix + k: a for prefix, m in players.items() for k, a in m.state_dict().items()})
    last = {k: round(v, 3) for k, v in row.items()} if start < s.steps else {}
    return game, {"cpu_minutes": (time.process_time() - begun) / 60, "last": last}


def score(game, temperature):
    """The scores of samples drawn at this temperature, and twenty of them."""
    game.sample_at(temperature)
    samples = game.sample(recipe.EVALUATED_SAMPLES, 1)
    scores = recipe.evaluate(game, samples)
    print(temperature, {k: round(v, 3) for k, v in scores.items()}, flush=True)
    return {**scores, "samples": game.vocabulary.decode(samples[:20])}


def real():
    """What the real training captions score."""
    train, test = ([words(line) for line in captions(split)] for split in ("train", "test"))
    scores = {f"bleu_{n}": v for n, v in bleu(train, test).items()}
    return scores | {f"self_bleu_{n}": v for n, v in self_bleu(train).items()}


def table(found):
    """Markdown: the published columns, then ours, then twenty samples of every way."""
    line = lambda name, values, *rest: f"| {name} | " + " | ".join([*(f"{v:.3f}" for v in values), *rest]) + " |"
    out = [
        "# COCO captions: BLEU (higher is better) and Self-BLEU (lower is)",
        "",
        "`python benchmarks/tables/e6.py`",
        "",
    ]
    heads = [c.replace("self_bleu_", "Self-").replace("bleu_", "BLEU-") for c in COLUMNS]
    out += ["| | " + " | ".join([*heads, "copies", "new and distinct", "CPU minutes"]) + " |", "|---" * 12 + "|"]
    out += [line(name, values, "", "", "") for name, values in PUBLISHED.items()]
    out.append(line("real training captions", [found["real"][c] for c in COLUMNS], "", "", ""))
    for name, r in found["rows"].items():
        rest = f"{r['copies']:.3f}", f"{r['not_in_training_and_distinct']:.3f}", f"{r['cpu_minutes']:.1f}"
        out.append(line(f"**{name}**", [r[c] for c in COLUMNS], *rest))
    out += ["", "CPU minutes of gumbel and policy do not count those of mle, with whose weights they begin."]
    for name, r in found["rows"].items():
        settings = ", ".join(f"{k}={v}" for k, v in r["settings"].items())
        out += ["", f"## {name}", "", f"`{settings}`", ""]
        if r.get("last"):
            out += ["In the last step: " + ", ".join(f"{k} {v:g}" for k, v in r["last"].items()), ""]
        if name in NOTES:
            out += [NOTES[name], ""]
        out += [*(f"- {sample}" for sample in r["samples"])]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    main()

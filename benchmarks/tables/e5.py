"""SeqGAN's experiment (Yu et al. 2017, table 1) beside the published rows: NLL-oracle and NLL-test of every way.

    python benchmarks/tables/e5.py [--rows mle,sharper,constant,policy] [--seed 0] [--set KEY=VALUE ...]

Imitation is trained once; every other row goes on from its weights. NLL-oracle is how likely the oracle finds 10,000
generated sentences, NLL-test how likely the generator finds 10,000 of the oracle's, both in nats a token: a row without the
other says nothing, as the rows "sharper" (logits of the same generator, times 1.2) and "constant" (policy gradient whose
reward is always 1) show. Needs $TINYGAN_DATA/seqgan/oracle_lstm.npz. Writes results/e5.json and results/e5.md.
"""

import argparse
import json
import platform
import time
from pathlib import Path

import numpy as np

from tinygan.backend import prime_malloc
from tinygan.metrics import Oracle
from tinygan.recipes import oracle as recipe

RESULTS = Path(__file__).parents[1] / "results"
SHARPER = 1.2
PUBLISHED = (  # NLL-oracle, NLL-test, source
    ("random", 10.310, None, "Yu et al. 2017, table 1"),
    ("MLE", 9.038, None, "Yu et al. 2017, table 1"),
    ("scheduled sampling", 8.985, None, "Yu et al. 2017, table 1"),
    ("PG-BLEU", 8.946, None, "Yu et al. 2017, table 1"),
    ("SeqGAN", 8.736, None, "Yu et al. 2017, table 1"),
    ("MLE, tuned", 8.28, 8.06, "Caccia et al. 2020, *Language GANs Falling Short*"),
    ("best GAN", 8.07, 8.13, "Caccia et al. 2020, *Language GANs Falling Short*"),
)
# What the ways of the game are given; --set changes it. Imitation: 45 epochs at .01, the last 15 of them falling to 0
MLE = {"steps": 7020, "mle_decay_from": 2 / 3}
GAME = {"pretrain": 7020, "mle_decay_from": 2 / 3}
WAYS = {
    "policy": {"way": "policy", "steps": 7520, "d_pretrain": 400, "learning_rate": 1e-2, "d_rate": 0.1, "rollouts": 4},
    "constant": {"way": "policy", "steps": 7520, "d_pretrain": 0, "learning_rate": 1e-3, "reward": "constant"},
}


def main():
    """Train the rows that are asked for and write all that are known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", default="mle,sharper,constant,policy")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the game")
    parser.add_argument("--out", type=Path, default=RESULTS / "e5")
    parser.add_argument("--keep", type=Path, default=Path("runs/e5"), help="where imitation's weights are kept")
    options = parser.parse_args()
    prime_malloc()
    Oracle.published()  # or one sentence that says where the file goes
    changes = {k: json.loads(v) for k, v in (item.split("=", 1) for item in options.set)} | {"seed": options.seed}
    path = options.out.with_suffix(".json")
    found = json.loads(path.read_text()) if path.exists() else {"rows": {}}
    for row in options.rows.split(","):
        begun = time.process_time()
        settings, scores = {"mle": mle, "sharper": sharper}.get(row, play)(row, options.keep, changes)
        scores["cpu_minutes"] = (time.process_time() - begun) / 60
        found["rows"][row] = {"settings": settings, **scores}
        found |= {"machine": platform.processor() or platform.machine(), "numpy": np.__version__}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(table(found))
        print(table(found), flush=True)


def trained(game, start, looks=2):
    """Steps `start` to the last of the game, with a line now and then; its scores on the recipe's sample."""
    steps = game.settings.steps
    every = max(1, (steps - start) // looks)
    for step in range(start, steps):
        row = game.step(step)
        if (step + 1 - start) % every == 0:
            scores = recipe.evaluate(game, game.sample(2000, 0))
            print(step + 1, {k: round(v, 3) for k, v in (row | scores).items()}, flush=True)
    return recipe.evaluate(game, game.sample(recipe.EVALUATED_SAMPLES, 1))


def mle(row, folder, changes):
    """Imitation; its weights stay in `folder`."""
    settings = {"way": "mle", **MLE, "seed": changes["seed"]}
    game = recipe.make_game(recipe.Settings(**settings))
    scores = trained(game, 0)
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / f"mle-{changes['seed']}.npz", **game.generator.state_dict())
    return settings, scores


def imitator(folder, settings):
    """The game of these settings with the weights of imitation."""
    game = recipe.make_game(recipe.Settings(**settings))
    with np.load(folder / f"mle-{settings['seed']}.npz") as weights:
        for module in (game.generator, game.average.module):
            module.load_state_dict(dict(weights))
    return game


def sharper(row, folder, changes):
    """Imitation again, its logits times 1.2."""
    settings = {"way": "mle", **MLE, "seed": changes["seed"], "temperature": 1 / SHARPER}
    game = imitator(folder, settings)
    return settings, recipe.evaluate(game, game.sample(recipe.EVALUATED_SAMPLES, 1))


def play(row, folder, changes):
    """The game, from imitation's weights on."""
    settings = {**GAME, **WAYS[row], **changes}
    game = imitator(folder, settings)
    return settings, trained(game, settings["pretrain"])


def table(found):
    """Markdown: the published rows, then ours."""
    number = lambda x: "" if x is None else f"{x:.3f}"
    both = lambda a, b: number(a + b if a is not None and b is not None else None)
    lines = ["# SeqGAN's oracle: nats a token, lower is better", "", "`python benchmarks/tables/e5.py`", ""]
    lines += ["| | NLL-oracle | NLL-test | sum | CPU minutes | |", "|---|---|---|---|---|---|"]
    lines += [f"| {name} | {number(a)} | {number(b)} | {both(a, b)} | | {source} |" for name, a, b, source in PUBLISHED]
    for name, r in found["rows"].items():
        a, b = r["nll_oracle"], r["nll_test"]
        ways = ", ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in r["settings"].items())
        lines.append(f"| **{name}** | {number(a)} | {number(b)} | {both(a, b)} | {r['cpu_minutes']:.1f} | {ways} |")
    some = next(iter(found["rows"].values()), None)
    if some:
        lines += ["", f"The oracle scores its own sentences at {some['nll_oracle_of_real']:.3f}."]
        lines += ["CPU minutes of the game do not count those of imitation, with whose weights it begins."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()

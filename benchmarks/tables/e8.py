"""WGAN-GP's toys: the critic alone, as in the paper's figure, and the game of both players.

    python benchmarks/tables/e8.py [--critic-steps 1500] [--steps 4000] [--data ring,grid,swissroll]

Gulrajani et al. 2017, figure 1: critics of 3 x 512 ReLU are trained on data against a generator that is held still, the
data plus normal noise of standard deviation 1, once with clipped weights and once with the penalty. The paper has
pictures, no figures. What can be measured is T, by how much the mean verdict on the data is the higher one, and the slope
between the two, both on 10,000 new points of each. A penalty of weight lambda is soft: a critic made c times as steep would
gain c T - lambda E (c |slope| - 1)², so for the best one, which has nothing to gain by any c, T is 2 lambda E |slope|
(|slope| - 1). On a line its slope is 1 + W / (2 lambda), far above 1. W, the earth mover's distance, is that of 1,000 points
of each, matched one to one (needs SciPy). Then the game, with the paper's settings (lambda .1, n_critic 5, batch 256, Adam
(.5, .9), a latent of 2, no moving average), but for what `CUT` has: the paper's is of 3 x 512 and 100,000 steps. Writes
results/e8.json, e8.md and e8.png.
"""

import argparse
import json
import platform
import shlex
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tinygan import Tensor, grad, no_grad, recipes
from tinygan.backend import stream
from tinygan.gan.objectives import wasserstein
from tinygan.gan.penalties import PENALTIES, between, clip_weights
from tinygan.gan.players import Batch
from tinygan.optim import Adam
from tinygan.plot import point_picture

RESULTS = Path(__file__).parents[1] / "results"
PAPER = {
    "objective": "wasserstein", "penalty": "wgan-gp", "gamma": 0.1, "n_critic": 5, "batch_size": 256, "learning_rate": 1e-4,
    "beta1": 0.5, "beta2": 0.9, "noise": 2, "hidden": 512, "layers": 3, "leak": 0.0, "ema": 0.0,
    "schedule": "linear", "decay_from": 0.5,  # the paper's stays, for many more steps
    # what `ring` and `grid` have beyond a plain game
    "codes": 0, "frequencies": 0, "reach": 1.0, "penalty_every": 1, "gamma_end": 0.0,
}  # fmt: skip
CUT = {"hidden": 128, "learning_rate": 5e-4}  # in the game: a twelfth of the work, and steps five times as long
JUDGED, MATCHED = 10_000, 1000  # points of each kind
UNIT = {
    "ring": 1.414,
    "grid": 2.828,
    "swissroll": 1.0,
}  # the paper's code divides the data so; ring's is of radius 2 there
SCALE = {"ring": 2 / UNIT["ring"], "grid": 1 / UNIT["grid"], "swissroll": 1 / UNIT["swissroll"]}


def main():
    """Train and score what is asked for, and write all that is known."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="ring,grid,swissroll")
    parser.add_argument("--critic-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=4000, help="of the game; 0: the critic alone")
    parser.add_argument("--out", type=Path, default=RESULTS / "e8")
    options = parser.parse_args()
    command = shlex.join(["python", "benchmarks/tables/e8.py", *sys.argv[1:]])
    machine = platform.processor() or platform.machine()
    found, pictures = {"command": command, "machine": machine, "numpy": np.__version__, "rows": []}, []
    for name in options.data.split(","):
        columns = []
        for way in ("clipping", "penalty"):
            row, picture = critic_alone(name, way, options.critic_steps)
            found["rows"].append(row)
            columns.append(picture)
            print(row, flush=True)
        if options.steps:
            row, picture = whole_game(name, options.steps)
            found["rows"].append(row)
            columns.append(picture)
            print(row, flush=True)
        height = max(p.shape[0] for p in columns)
        columns = [np.pad(p, ((0, height - p.shape[0]), (0, 0), (0, 0)), constant_values=255) for p in columns]
        pictures.append(np.concatenate(columns, 1))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
        options.out.with_suffix(".md").write_text(table(found))
        picture = Image.fromarray(np.concatenate(pictures)).quantize(
            128, dither=Image.Dither.NONE
        )  # a third of the bytes
        picture.save(options.out.with_suffix(".png"), optimize=True)
    print(table(found))


def critic_alone(name, way, steps):
    """(row, picture) of a critic trained for so many steps against the data plus noise."""
    recipe, begun = recipes.load(name), time.process_time()
    game = recipe.make_game(recipe.Settings(**PAPER, steps=steps))
    critic, s, scale = game.D.module, game.settings, np.float32(SCALE[name])
    optimizer = Adam(game.D.parameters, lr=s.learning_rate, betas=(s.beta1, s.beta2))

    def batch(step):
        noise = stream(0, "held still", step).standard_normal((s.batch_size, 2), dtype="float32")
        return game.batch(2 * step).x * scale, game.batch(2 * step + 1).x * scale + noise

    for step in range(steps):
        optimizer.lr = s.learning_rate * s.share_left(step)
        x, y = (Tensor(a) for a in batch(step))
        real, fake = critic(x), critic(y)
        loss = wasserstein.discriminator(real, fake)
        if way == "penalty":
            loss = loss + s.gamma * PENALTIES["wgan-gp"].value(critic, x, real, y, fake, stream(0, "between", step))
        optimizer.step(grad(loss, game.D.parameters))
        if way == "clipping":
            clip_weights(game.D.parameters, 0.01)
    spent = (time.process_time() - begun) / 60

    many = [batch(steps + k) for k in range(-(-JUDGED // s.batch_size))]
    x, y = (np.concatenate(a)[:JUDGED] for a in zip(*many))
    with no_grad():
        told = -wasserstein.discriminator(critic(Tensor(x)), critic(Tensor(y))).item()
    middle = between(Tensor(x), Tensor(y), stream(0, "slopes"))
    slopes = np.linalg.norm(grad(critic(middle).sum(), middle)[0], axis=1)
    x, y = x[:MATCHED], y[:MATCHED]
    row = {
        "data": name, "way": way, "critic_steps": steps, "told": told, "distance": earth_mover(x, y),
        "slope": float(slopes.mean()), "slope_deviation": float(slopes.std()), "cpu_minutes": spent,
    }  # fmt: skip
    title = f"{name}: critic alone, {'weights within .01' if way == 'clipping' else 'gradient penalty'}"
    reach = 1.25 * float(np.abs(x).max())
    return row, point_picture(x, y, critic, (-reach, reach, -reach, reach), title)


def whole_game(name, steps):
    """(row, picture) of a game of so many steps: the paper's settings, but for `CUT`."""
    recipe, begun = recipes.load(name), time.process_time()
    game = recipe.make_game(recipe.Settings(**{**PAPER, **CUT, "steps": steps}))
    read, scale = game.read, np.float32(SCALE[name])
    game.read = lambda turn: Batch(read(turn).x * scale)
    for step in range(steps):
        game.step(step)
    spent = (time.process_time() - begun) / 60
    samples, after = game.sample(MATCHED, 0), game.settings.n_critic * steps
    many = np.concatenate([game.batch(after + k).x for k in range(-(-2 * MATCHED // game.settings.batch_size))])
    x, others = many[:MATCHED], many[MATCHED : 2 * MATCHED]
    row = {
        "data": name, "way": "game", "steps": steps, "distance": earth_mover(samples, x),
        "distance_of_real": earth_mover(others, x), "cpu_minutes": spent,
    }  # fmt: skip
    if hasattr(recipe, "CENTRES"):
        row |= {key: recipe.evaluate(game, samples / scale)[key] for key in ("modes", "high_quality")}
    else:
        row["high_quality"] = recipe.evaluate(game, samples / scale)["near_the_curve"]
    reach = 1.25 * float(np.abs(x).max())
    limits = (-reach, reach, -reach, reach)
    return row, point_picture(x, samples, game.D.module, limits, f"{name}: the game, {steps:,} steps")


def earth_mover(x, y):
    """W, exactly, of as many points x as y (N, 2)."""
    from scipy.optimize import linear_sum_assignment

    distances = np.linalg.norm(x[:, None] - y, axis=2)
    return float(distances[linear_sum_assignment(distances)].mean())


def table(found):
    """Markdown of the rows."""
    rows = found["rows"]
    lines = [
        "# E8: WGAN-GP's toys", "", f"`{found['command']}`", "",
        "Critics alone, 3 x 512, against the data plus normal noise. T is E D(data) - E D(noisy data), for the best critic",
        "under the penalty 2 lambda E |slope| (|slope| - 1), its slope about 1 + W / (2 lambda). Adam 1e-4 (.5, .9), falling",
        "to 0 over the second half. The paper has pictures only.", "",
        "| data | slope held by | steps | T | T of the best | W | slope, ± deviation | 1 + W / (2 lambda) | CPU minutes |",
        "|---" * 9 + "|",
    ]  # fmt: skip
    for r in rows:
        if r["way"] != "game":
            held, best, line = "weights within .01", "", ""
            if r["way"] == "penalty":
                held, weight = "penalty, lambda .1", PAPER["gamma"]
                best = f"{2 * weight * (r['slope'] ** 2 + r['slope_deviation'] ** 2 - r['slope']):.3f}"
                line = f"{1 + r['distance'] / (2 * weight):.2f}"
            lines.append(
                f"| {r['data']} | {held} | {r['critic_steps']:,} | {r['told']:.3f} | {best} | {r['distance']:.3f} |"
                f" {r['slope']:.2f} ± {r['slope_deviation']:.2f} | {line} | {r['cpu_minutes']:.1f} |"
            )
    games = [r for r in rows if r["way"] == "game"]
    if games:
        lines += [
            "", f"Both players, with the paper's settings but {CUT['hidden']} units in place of 512, and Adam from"
            f" {CUT['learning_rate']:g}. W is between 1,000 samples and 1,000", "points of the data; a share of samples lies"
            " within 3 sigma of the data's centres or curve. The paper plays 100,000 steps.", "",
            "| data | steps (5 of the critic each) | W | W, real against real | modes | within 3 sigma, % | CPU minutes |",
            "|---" * 7 + "|",
        ]  # fmt: skip
        for r in games:
            lines.append(
                f"| {r['data']} | {r['steps']:,} | {r['distance']:.3f} | {r['distance_of_real']:.3f} |"
                f" {r.get('modes', '')} | {100 * r['high_quality']:.1f} | {r['cpu_minutes']:.1f} |"
            )
    return "\n".join([*lines, "", "![critics' surfaces](e8.png)", ""])


if __name__ == "__main__":
    main()

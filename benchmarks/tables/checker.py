"""The checker of the world of shapes: what it says of real scenes, of scenes with one attribute changed, and of soft ones.

    python benchmarks/tables/checker.py [--scenes 1000]

Writes results/checker.json and results/checker.md: the share of sentences that pictures obey, attribute by attribute.
"""

import argparse
import json
import time

import numpy as np
from e3 import RESULTS

from tinygan.backend import stream
from tinygan.data.shapes import COLOURS, PLACES, SHAPES, Shapes, Thing
from tinygan.data.shapes.scenes import canonical
from tinygan.metrics import obey, obeyed_shares

WORLD = Shapes()
ATTRIBUTES = ("shape", "colour", "size", "place", "relation", "number", "whole")


def change(scene, attribute, rng):
    """The scene with one attribute of one thing changed, None where there is nothing to change."""
    things, i = list(scene.things), int(rng.integers(len(scene.things)))
    thing = things[i]
    if attribute == "number":
        extra = Thing("small", "white", "ring", None)
        return canonical([*things, extra], scene.relations) if len(things) < 3 else None
    if attribute == "relation":
        turned = [(second, kind, first) for first, kind, second in scene.relations]
        return canonical(things, turned) if turned else None
    if attribute == "place" and thing.place is None or attribute == "size" and (len(things), thing.size) == (3, "small"):
        return None  # a third large thing may have no room
    taken = [t.place for t in things] if attribute == "place" else [getattr(thing, attribute)]
    options = {"place": PLACES, "size": ("small", "large"), "colour": tuple(COLOURS), "shape": SHAPES}[attribute]
    left = [option for option in options if option not in taken]
    things[i] = thing._replace(**{attribute: left[int(rng.integers(len(left)))]})
    return canonical(things, scene.relations)


def blur(x, sigma):
    """Pictures blurred by a Gaussian of so many pixels."""
    weights = np.exp(-(np.arange(-4, 5) ** 2) / (2 * sigma**2))
    weights /= weights.sum()
    x = np.pad(x, ((0, 0), (0, 0), (4, 4), (4, 4)), mode="edge")
    x = sum(w * x[:, :, i : i + 32] for i, w in enumerate(weights))
    return sum(w * x[..., i : i + 32] for i, w in enumerate(weights))


SOFT = {
    "as drawn": lambda x, rng: x,
    "blurred by .5": lambda x, rng: blur(x, 0.5),
    "blurred by .7": lambda x, rng: blur(x, 0.7),
    "blurred by 1": lambda x, rng: blur(x, 1),
    "blurred by 1.3": lambda x, rng: blur(x, 1.3),
    "blurred by 2": lambda x, rng: blur(x, 2),
    "noise of .05": lambda x, rng: x + 0.05 * rng.standard_normal(x.shape),
    "noise of .1": lambda x, rng: x + 0.1 * rng.standard_normal(x.shape),
    "noise of .2": lambda x, rng: x + 0.2 * rng.standard_normal(x.shape),
    "noise of .4": lambda x, rng: x + 0.4 * rng.standard_normal(x.shape),
    "blurred by .7, noise of .1": lambda x, rng: blur(x, 0.7) + 0.1 * rng.standard_normal(x.shape),
    "a fifth darker": lambda x, rng: 0.8 * (x - x[:, :, :1, :1]) + x[:, :, :1, :1],
    "each channel shifted by N(0, .1)": lambda x, rng: x + 0.1 * rng.standard_normal((len(x), 3, 1, 1)),
    "the picture of another scene: chance": lambda x, rng: np.roll(x, 1, 0),
    "an empty picture": lambda x, rng: np.broadcast_to(x[:, :, :1, :1], x.shape),
}


def main():
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--scenes", type=int, default=1000)
    n = parser.parse_args().scenes
    begun, found = time.process_time(), {"soft": {}, "changed": {}}
    for part in ("unseen", "held_out"):
        rng = stream(0, part)
        scenes = WORLD.scenes(part, n, rng)
        verdicts = obey(WORLD, WORLD.draw(scenes, rng), [WORLD.say(scene, rng) for scene in scenes])
        found["soft"][f"as drawn, {part.replace('_', '-')} scenes"] = obeyed_shares(verdicts)
    rng = stream(0, "soft")
    scenes = WORLD.scenes("train", n, rng)
    pictures, sentences = WORLD.draw(scenes, rng), [WORLD.say(scene, rng) for scene in scenes]
    for name, spoil in SOFT.items():
        found["soft"][name] = obeyed_shares(obey(WORLD, spoil(pictures, rng), sentences))
    told = [scene for scene in scenes if all(thing.size and thing.colour for thing in scene.things)]
    for attribute in ATTRIBUTES[:-1]:
        pairs = [(scene, changed) for scene in told if (changed := change(scene, attribute, rng))]
        pictures = WORLD.draw([changed for _, changed in pairs], rng)
        verdicts = obey(WORLD, pictures, [WORLD.say(scene, rng) for scene, _ in pairs])
        found["changed"][f"{attribute} changed ({len(pairs)})"] = obeyed_shares(verdicts)
    minutes = (time.process_time() - begun) / 60
    (RESULTS / "checker.json").write_text(json.dumps(found, indent=1) + "\n")
    cells = lambda shares: " | ".join(f"{shares[a]:.3f}" if a in shares else "" for a in ATTRIBUTES)
    lines = ["# Shapes: what the checker says", "", "`python benchmarks/tables/checker.py`", ""]
    lines += [f"Shares of {n:,} sentences that pictures obey, seed 0; {minutes:.1f} CPU minutes in all.", ""]
    for kind in ("soft", "changed"):
        lines += [f"| | {' | '.join(ATTRIBUTES)} |", "|---" * (1 + len(ATTRIBUTES)) + "|"]
        lines += [f"| {name} | {cells(shares)} |" for name, shares in found[kind].items()] + [""]
    (RESULTS / "checker.md").write_text("\n".join(lines[:-1]) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()

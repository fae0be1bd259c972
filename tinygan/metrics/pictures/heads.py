"""What a picture of a figure shows, read by a network of our own: one head an attribute of the world of sprites.

The network learns from an eighth of the figures, which no generator is shown (`Sprites.scenes("heads", ...)`), under a
little noise. `sprite_heads()` trains it on first use and stores it in the cache, as `classifier.py` does. `agree`
says which claims pictures obey, and `nine_classes` scores clips as papers on the same figures do.

The first step of casting and of slashing is the same picture, a figure that stands: the head of actions calls it
"stand", and it obeys either claim.
"""

import zlib
from collections.abc import Sequence

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import Array, stream
from tinygan.data.sprites import VALUES, Figure, Sprites, indices
from tinygan.losses import cross_entropy
from tinygan.nn import Conv2d, Linear, Module
from tinygan.ops import flatten, leaky_relu, softmax

from .classifier import descend, train_once
from .images import inception_score

VERSION = 3  # of the file in the cache. Raise it with every change of this file that changes the weights
TRAINING = {"steps": 2800, "batch_size": 64}
WEIGHTS = {"skin": 3.0, "legs": 2.0}  # of the hardest heads: from behind, skin is a hand; under mail, legs are a hem
NOISE = 0.04  # the largest deviation under which they learn; black and white are 2 apart
HEADS = {name: values for name, values in VALUES.items() if name != "step"}
HEADS["action"] = (*VALUES["action"], "stand")
_ACTION, _DIRECTION, _STEP = (list(VALUES).index(name) for name in ("action", "direction", "step"))
_WALK, _STAND = HEADS["action"].index("walk"), HEADS["action"].index("stand")


class Heads(Module):
    """Three convolutions, a linear layer, and a head for each attribute, for pictures (N, 3, 32, 32) in [-1, 1]."""

    def __init__(self, rng: np.random.Generator | int | None = None) -> None:
        made: dict = {"rng": rng, "device": "cpu"}  # every device has the same scores
        self.conv1 = Conv2d(3, 32, 4, 2, 1, **made)
        self.conv2 = Conv2d(32, 64, 4, 2, 1, **made)
        self.conv3 = Conv2d(64, 96, 4, 2, 1, **made)
        self.fc = Linear(96 * 4 * 4, 192, **made)
        for name, values in HEADS.items():
            setattr(self, name, Linear(192, len(values), **made))

    def features(self, x: Tensor) -> Tensor:
        """Return what the heads stand on: (N, 192)."""
        for layer in (self.conv1, self.conv2, self.conv3):
            x = leaky_relu(layer(x), 0.1)
        return leaky_relu(self.fc(flatten(x, 1)), 0.1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return {attribute: logits (N, its values)}."""
        features = self.features(x)
        return {name: getattr(self, name)(features) for name in HEADS}

    @no_grad()
    def read(self, pictures: Array) -> dict[str, Array]:
        """Return {attribute: probabilities (N, its values)} of pictures (N, 3, 32, 32), without a graph."""
        if pictures.shape[1:] != (3, 32, 32):
            raise ValueError(f"Heads: pictures {pictures.shape}: these heads read (N, 3, 32, 32)")
        parts = [self(Tensor(pictures[k : k + 500].astype(np.float32))) for k in range(0, len(pictures), 500)]
        empty = {name: [np.zeros((0, len(values)), np.float32)] for name, values in HEADS.items()}
        return {name: np.concatenate(empty[name] + [softmax(part[name], 1).data for part in parts]) for name in HEADS}


def targets(scenes: Sequence[Figure]) -> Array:
    """Return (N, 9) int64: the place of each attribute's value in HEADS, -1 where nothing is claimed."""
    places = indices(scenes)
    acts = (places[:, _ACTION] >= 0) & (places[:, _ACTION] != _WALK)
    places[acts & (places[:, _STEP] == 0), _ACTION] = _STAND
    return places[:, : len(HEADS)]


def choose_lessons(world: Sprites, n: int, rng: np.random.Generator) -> list[Figure]:
    """Return n figures to learn from. A third turn their backs: nine of ten mistakes about skin were made from behind."""
    scenes = world.scenes("heads", n, rng)
    return [f._replace(direction="up") if k % 3 == 0 else f for k, f in enumerate(scenes)]


def train_heads(
    world: Sprites, *, steps: int, batch_size: int = 64, learning_rate: float = 3e-3, seed: int = 0
) -> Heads:
    """Train heads on the figures that are kept for them; the loss is the sum of their cross-entropies."""
    heads = Heads(stream(seed, "heads"))

    def loss(step: int) -> Tensor:
        rng = stream(seed, "figures", step)
        scenes = choose_lessons(world, batch_size, rng)
        x, right = world.draw(scenes), targets(scenes)
        noise = rng.uniform(0, NOISE, (batch_size, 1, 1, 1)).astype(np.float32) * rng.standard_normal(x.shape, np.float32)
        logits = heads(Tensor(x + noise))
        losses = [
            WEIGHTS.get(name, 1.0) * cross_entropy(scores, right[:, k]) for k, (name, scores) in enumerate(logits.items())
        ]
        return sum(losses[1:], losses[0])

    return descend(heads, loss, steps, learning_rate, "the heads that read figures")


def sprite_heads() -> Heads:
    """Return the heads that read figures. The first call trains them, 2.4 CPU minutes, and stores them in the cache.

    Each head reads .994 or more of figures that it never saw (benchmarks/results/heads.md).
    """
    world = Sprites()
    sheets = 0  # other sheets have heads of their own
    for layer in world.layers.values():
        sheets = zlib.crc32(layer.tobytes(), sheets)
    train = lambda: train_heads(world, **TRAINING)
    name = f"heads-{sheets:08x}-{TRAINING['steps']}-{VERSION}"
    return train_once(name, lambda: Heads(0), train, "the network that reads figures")


# --- what is measured by them -----------------------------------------------------------------------------------


def agree(pictures: Array, claims: Sequence[Figure]) -> dict[str, np.ma.MaskedArray]:
    """Return for each attribute whether each picture is read as claimed: masked arrays of bool (N,).

    An entry is masked where nothing is claimed; `whole` is true where all claims hold. A claim of casting or slashing
    is obeyed by a figure that stands if the claim's step is 1 or is not said. Steps are not read.
    """
    probabilities = sprite_heads().read(pictures)
    right, places = targets(claims), indices(claims)
    may_stand = (places[:, _ACTION] >= 0) & (places[:, _ACTION] != _WALK) & (places[:, _STEP] < 0)
    held = {name: probabilities[name].argmax(1) == right[:, k] for k, name in enumerate(HEADS)}
    held["action"] |= may_stand & (probabilities["action"].argmax(1) == _STAND)
    found = {name: np.ma.MaskedArray(held[name], right[:, k] < 0) for k, name in enumerate(HEADS)}
    whole = np.all([held[name] | (right[:, k] < 0) for k, name in enumerate(HEADS)], 0)
    return found | {"whole": np.ma.MaskedArray(whole, False)}


def read_figures(pictures: Array) -> list[Figure]:
    """Return what pictures (N, 3, 32, 32) show. A figure that stands is of a cast, or a slash, at step 1."""
    places = {name: p.argmax(1) for name, p in sprite_heads().read(pictures).items()}
    figures = [Figure(*(HEADS[name][i] for name, i in zip(HEADS, row))) for row in zip(*places.values())]
    return [f._replace(action="cast", step=1) if f.action == "stand" else f for f in figures]


def nine_classes(clips: Array) -> dict[str, float]:
    """Score clips (N, T, 3, 32, 32) over 3 actions x 3 directions (left, down, right), as Li & Mandt 2018 and later papers.

    Returns inception_score (9 at most), intra_entropy (of the class of a clip; 0 is sure) and inter_entropy (of all
    clips' classes; ln 9 = 2.197 is even), in nats. The frames of a clip are read one by one and their verdicts
    multiplied; a frame that stands may be of a cast or a slash.
    """
    n, frames = clips.shape[:2]
    read = sprite_heads().read(clips.reshape(n * frames, *clips.shape[2:]))
    action = read["action"][:, :3] + read["action"][:, 3:] * [0, 1, 1]
    direction = read["direction"][:, 1:]  # without "up"
    joint = (action[:, :, None] * direction[:, None, :]).reshape(n, frames, 9)
    scores = np.log(joint + 1e-6).sum(1)
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    entropy = lambda q: float(-(q * np.log(np.maximum(q, 1e-30))).sum(-1).mean())
    return {"inception_score": inception_score(p), "intra_entropy": entropy(p), "inter_entropy": entropy(p.mean(0))}

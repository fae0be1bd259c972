"""Scores of generated clips: is it what was asked for, does it stay what it is, does it flicker, is it like real clips?

A clip is (T, C, height, width) in [-1, 1], several are (N, T, ...). Figures are read frame by frame by `sprite_heads`,
digits by a network of our own, paths by the exact checker of `data/video/digits.py`. `clip_reader` is trained on whole
clips; Frechet distances compare its features. Each score is printed beside what real clips score.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import Array, stream
from tinygan.data.sprites import VALUES, Figure
from tinygan.data.video.digits import GLYPH, SIDE, centres, read_glyphs, read_path
from tinygan.data.video.figures import STEPS
from tinygan.losses import cross_entropy
from tinygan.metrics.pictures.classifier import Classifier, descend, train_classifier, train_once
from tinygan.metrics.pictures.heads import HEADS, agree, nine_classes, sprite_heads
from tinygan.metrics.pictures.quality import psnr
from tinygan.metrics.points.copies import copied_share, diversity
from tinygan.metrics.points.frechet import frechet_distance
from tinygan.metrics.points.wasserstein import sliced_wasserstein
from tinygan.nn import Conv2d, Linear, Module
from tinygan.ops import flatten, interpolate, leaky_relu

VERSION = 1  # of the files in the cache. Raise it with every change of this file that changes the weights
READER = {"steps": 600, "batch_size": 64}  # training of `clip_reader`
DIGITS = {"steps": 1200}  # training of the network that reads digits of 12x12
WINDOW = 8  # frames that `clip_reader` reads together

# --- figures -------------------------------------------------------------------------------------------------------


def figure_scores(clips: Array, figures: Sequence[Figure]) -> dict[str, float]:
    """Return what share of clips (N, T, 3, 32, 32) obeys figures that say all, their first step too.

    For each attribute the share of frames that show it; action and direction are read of the whole clip. `whole`: the share
    of clips of which each attribute is read so in most frames. `identity`: how often a frame has the attribute that
    frame 1 has, over looks and frames.
    """
    n, frames = clips.shape[:2]
    flat = clips.reshape(n * frames, *clips.shape[2:])
    claims = [f._replace(step=((f.step or 1) + t - 1) % STEPS + 1) for f in figures for t in range(frames)]
    held = {name: np.asarray(right).reshape(n, frames) for name, right in agree(flat, claims).items()}
    looks = [name for name in held if name not in ("action", "direction", "whole")]
    scores = {name: float(held[name].mean()) for name in looks}
    action, direction = read_motion(clips)
    motion = {"action": np.array([f.action for f in figures]) == action}
    motion["direction"] = np.array([f.direction for f in figures]) == direction
    scores |= {name: float(right.mean()) for name, right in motion.items()}
    most = np.all([held[name].mean(1) > 0.5 for name in looks] + [*motion.values()], 0)
    return {**scores, "whole": float(most.mean()), "identity": identity(clips)}


def read_motion(clips: Array) -> tuple[Array, Array]:
    """Return (action, direction) of each clip, names (N,): the verdicts on its frames multiplied.

    A frame that stands may be of a cast or a slash, as in `nine_classes`.
    """
    n, frames = clips.shape[:2]
    read = sprite_heads().read(clips.reshape(n * frames, *clips.shape[2:]))
    action = read["action"][:, :3] + read["action"][:, 3:] * [0, 1, 1]
    most = lambda p: np.log(p + 1e-6).reshape(n, frames, -1).sum(1).argmax(1)
    return np.array(VALUES["action"])[most(action)], np.array(VALUES["direction"])[most(read["direction"])]


def identity(clips: Array) -> float:
    """Return the share of later frames, over all looks, that are read as the first frame of their clip is."""
    n, frames = clips.shape[:2]
    read = sprite_heads().read(clips.reshape(n * frames, *clips.shape[2:]))
    looks = [name for name in HEADS if name not in ("action", "direction")]
    found = np.stack([read[name].argmax(1).reshape(n, frames) for name in looks])  # (looks, N, T)
    return float((found[:, :, 1:] == found[:, :, :1]).mean())


# --- digits --------------------------------------------------------------------------------------------------------

CROP = 14  # side of what is read about a digit's middle, twice enlarged


def digit_reader(source: str) -> Classifier:
    """Return the network that reads the digits of clips, trained on those of "mnist" or "digits" to learn from, once."""

    def train() -> Classifier:
        glyphs = read_glyphs(source, True)
        edge = (SIDE - GLYPH) // 2
        pictures = np.concatenate([np.pad(2 * g - 1, ((0, 0), (edge,) * 2, (edge,) * 2), constant_values=-1) for g in glyphs])
        labels = np.repeat(np.arange(10), [len(g) for g in glyphs])
        return train_classifier(_about_middle(pictures[:, None, None]), labels, **DIGITS)

    name = f"clip-digits-{source}-{DIGITS['steps']}-{VERSION}"
    return train_once(name, lambda: Classifier(28, rng=0), train, "the network that reads moving digits")


def _about_middle(clips: Array) -> Array:
    """Return each frame about its centre of mass, enlarged: (N, T, 1, 24, 24) -> (N T, 1, 28, 28) in [-1, 1]."""
    middle = np.nan_to_num(centres(clips), nan=SIDE / 2).reshape(-1, 2).astype(np.float32)
    ink = (clips.reshape(-1, SIDE, SIDE) + 1) / 2
    offsets = np.arange(CROP, dtype=np.float32)[:, None] - (CROP - 1) / 2
    take = lambda at: np.maximum(0, 1 - abs(at[:, None, None] + offsets - np.arange(SIDE, dtype=np.float32)))
    crops = take(middle[:, 1]) @ ink @ take(middle[:, 0]).swapaxes(1, 2)
    return 2 * np.clip(interpolate(crops[:, None], size=(28, 28), mode="bicubic"), 0, 1) - 1


def digit_scores(clips: Array, digits: Array, paths: Sequence[str], source: str) -> dict[str, float]:
    """Return the shares of clips (N, T, 1, 24, 24) with the digit, the path, both as asked; and `identity`.

    A clip's digit is that of its frames' verdicts multiplied; identity is the share of later frames that are read as the
    first one is.
    """
    n, frames = clips.shape[:2]
    p = digit_reader(source).judge(_about_middle(clips))[1].reshape(n, frames, 10)
    digit = np.log(p + 1e-6).sum(1).argmax(1) == np.asarray(digits)
    path = np.array([found == asked for found, asked in zip(read_path(clips), paths)])
    of_frames = p.argmax(2)
    return {
        "digit": float(digit.mean()),
        "path": float(path.mean()),
        "whole": float((digit & path).mean()),
        "identity": float((of_frames[:, 1:] == of_frames[:, :1]).mean()),
    }


def clip_scores(world: Any, clips: Array, scenes: Sequence) -> dict[str, float]:
    """Return `digit_scores` or `figure_scores` of clips that were told these scenes, as the world is."""
    if world.name == "sprites":
        return figure_scores(clips, scenes)
    digits = np.array([move.digit for move in scenes])
    return digit_scores(clips, digits, [move.path for move in scenes], world.source)


# --- flicker -------------------------------------------------------------------------------------------------------


def flicker(clips: Array, real: Array) -> float:
    """Return how much clips (N, T, ...) change from frame to frame, mean |x_t+1 - x_t|, over what real clips change."""
    change, right = (float(np.abs(np.diff(x, axis=1)).mean()) for x in _alike(clips, real))
    return change / right


def still(clips: Array, real: Array) -> float:
    """Return how much clips change, in 255ths, where the true clips of what was asked for do not change."""
    change, right = (np.abs(np.diff(x, axis=1)) for x in _alike(clips, real))
    return float(change[right < 1 / 255].mean() * 127.5)


def clip_psnr(clips: Array, real: Array) -> float:
    """Return the PSNR of clips to the true clips of what was asked for, in dB, the mean over clips."""
    made, true = _alike(clips, real)
    made, true = (x.reshape(len(x), 1, -1, x.shape[-1]) for x in (made, true))
    return float(psnr(made, true, (-1, 1)).mean())


def _alike(clips: Array, real: Array) -> tuple[Array, Array]:
    if clips.shape != real.shape:
        raise ValueError(f"clips {clips.shape} and real ones {real.shape}: expected the same shape")
    return clips, real


# --- whole clips ---------------------------------------------------------------------------------------------------


class ClipReader(Module):
    """Frames one above another as channels, three convolutions, features, and a head for each column of labels."""

    def __init__(self, shape: Sequence[int], counts: Sequence[int], rng: Any = None) -> None:
        made: dict = {"rng": rng, "device": "cpu"}  # every device has the same scores
        channels, side, _ = shape
        self.conv1 = Conv2d(WINDOW * channels, 48, 4, 2, 1, **made)
        self.conv2 = Conv2d(48, 64, 4, 2, 1, **made)
        self.conv3 = Conv2d(64, 96, 4, 2, 1, **made)
        self.fc = Linear(96 * (side // 8) ** 2, 128, **made)
        self.counts = list(counts)
        self.heads = Linear(128, sum(counts), **made)

    def features(self, clips: Tensor) -> Tensor:
        """Return what the heads stand on, (N, 128), of clips (N, 8, C, side, side)."""
        x = flatten(clips, 1, 2)
        for layer in (self.conv1, self.conv2, self.conv3):
            x = leaky_relu(layer(x), 0.1)
        return leaky_relu(self.fc(flatten(x, 1)), 0.1)

    def forward(self, clips: Tensor) -> list[Tensor]:
        """Return the logits of each column of labels."""
        logits, ends = self.heads(self.features(clips)), np.cumsum([0, *self.counts])
        return [logits[:, a:b] for a, b in zip(ends, ends[1:])]

    @no_grad()
    def judge(self, clips: Array) -> Array:
        """Return the features (N, 128) of the first 8 frames of clips."""
        windows = clips[:, :WINDOW].astype(np.float32)
        return np.concatenate([self.features(Tensor(windows[k : k + 250])).data for k in range(0, len(clips), 250)])

    @no_grad()
    def accuracy(self, clips: Array, rows: Array) -> list[float]:
        """Return for each column of labels the share of clips that it reads as labelled."""
        read = self(Tensor(clips[:, :WINDOW]))
        return [float((logits.data.argmax(1) == rows[:, k]).mean()) for k, logits in enumerate(read)]


def train_clip_reader(
    world: Any, *, steps: int, batch_size: int, learning_rate: float = 2e-3, seed: int = 0
) -> ClipReader:
    """Train a ClipReader on clips of the part "train"; the loss is the sum of the cross-entropies of its heads."""
    reader = ClipReader(world.shape, count_labels(world), stream(seed, "clip reader"))

    def loss(step: int) -> Tensor:
        rng = stream(seed, "clips", step)
        scenes = world.scenes("train", batch_size, rng)
        clips, rows = world.draw(scenes, WINDOW, rng), world.rows(scenes)
        noise = 0.04 * rng.standard_normal(clips.shape, np.float32)
        losses = [cross_entropy(logits, rows[:, k]) for k, logits in enumerate(reader(Tensor(clips + noise)))]
        return sum(losses[1:], losses[0])

    return descend(reader, loss, steps, learning_rate, "the network that reads clips")


def count_labels(world: Any) -> list[int]:
    """Return how many values each column of a world's labels has."""
    return [*world.shown.values(), *world.motion.values(), *[world.steps] * bool(world.steps)]


def clip_reader(world: Any) -> ClipReader:
    """Return the network whose features compare clips of a world. The first call trains it, a CPU minute, and stores it."""
    train = lambda: train_clip_reader(world, **READER)
    name = f"clips-{world.name}-{world.source}-{READER['steps']}-{VERSION}"
    make = lambda: ClipReader(world.shape, count_labels(world), 0)
    return train_once(name, make, train, "the network that reads clips")


def clip_distance(world: Any, clips: Array, real: Array, others: Array) -> dict[str, float]:
    """Return the Frechet distance of clips from real ones in `clip_reader`'s features, and the floor: that of `others`.

    `others` are as many real clips as there are generated ones.
    """
    reader = clip_reader(world)
    made, true, floor = (reader.judge(x) for x in (clips, real, others))
    distance, least = frechet_distance(made, true), frechet_distance(floor, true)
    return {"frechet_distance": distance, "frechet_floor": least, "frechet_ratio": distance / least}


# --- all of them ---------------------------------------------------------------------------------------------------


def told_scores(world: Any, clips: Array, scenes: Sequence, name: str = "") -> dict[str, float]:
    """Return scores of clips that were told these scenes, beside those of real clips; `name` goes into theirs."""
    real = world.draw(scenes, clips.shape[1], stream(0, "real clips"), "unseen")
    told, of_real = clip_scores(world, clips, scenes), clip_scores(world, real, scenes)
    scores = {f"identity_{name}clips": told.pop("identity"), f"identity_{name}clips_of_real": of_real.pop("identity")}
    for attribute, share in told.items():
        scores |= {f"told_{name}{attribute}": share, f"told_{name}{attribute}_of_real": of_real[attribute]}
    scores[f"flicker_{name}clips"] = flicker(clips, real)
    if world.steps:  # labels leave nothing open
        scores |= {f"still_{name}clips": still(clips, real), f"as_true_{name}clips": clip_psnr(clips, real)}
    return scores


def scores_beside_real(world: Any, clips: Array, scenes: Sequence) -> dict[str, float]:
    """Return what clips of other labels score, the distance from real clips, and the scores over nine classes."""
    chance = clip_scores(world, np.roll(clips, 1, 0), scenes)
    scores = {f"by_chance_{name}": share for name, share in chance.items() if name != "identity"}
    real, others = (world.draw(scenes, clips.shape[1], stream(0, "real clips", k), "unseen") for k in range(2))
    if world.steps:  # there is one clip of a scene, so made and real ones are both compared with those of other scenes
        others = world.draw(world.scenes("unseen", len(scenes), stream(0, "other clips")), clips.shape[1])
    scores |= clip_distance(world, clips, others, real)
    if world.name == "sprites":
        ahead = [k for k, figure in enumerate(scenes) if figure.direction != "up"]
        made, right = nine_classes(clips[ahead]), nine_classes(real[ahead])
        scores |= made | {f"real_{name}": value for name, value in right.items()}
    return scores


# --- of a reader's own ---------------------------------------------------------------------------------------------

FEW = 300  # clips that are compared value by value


def own_clip_scores(world: Any, clips: Array, classes: Sequence[int], longer: Callable[[Array, int], Array]) -> dict:
    """Return scores of clips of a reader's classes, in turn, beside what clips of the reader's score that are held out.

    No checker knows what they show. `clip_reader` learns to read the classes, if there are several; told_class_of_real is
    the share that it reads of clips held out. The last frames of clips four times as long have scores too. longer: (labels,
    seed) -> such clips. `copied_share` compares their first frames with one of each real clip: frames of one are alike.
    """
    n, frames = clips.shape[:2]
    asked = [classes[k % len(classes)] for k in range(n)]
    learned, held_out = (world.draw(asked, frames, stream(0, f"real, {part}"), part) for part in ("train", "unseen"))
    ends = longer(world.rows(asked[:FEW]), 0)[:, -frames:]
    counts = [len(world.middles(part)) for part in ("train", "unseen")]
    scores = {"samples": n, "clips": sum(counts)}
    for name, shown in {"clips": clips, "longer_clips": ends, "clips_of_real": held_out}.items():
        scores[f"flicker_{name}"] = flicker(shown, learned[: len(shown)])
    if world.shown["class"] > 1:
        reader = clip_reader(world)
        share = lambda shown, asked: reader.accuracy(shown, world.rows(asked))[0]
        right = share(held_out, asked)
        scores |= {"told_class": share(clips, asked), "told_class_of_real": right}
        scores |= {"told_longer_class": share(ends, asked[:FEW]), "told_longer_class_of_real": right}
        scores["by_chance_class"] = share(np.roll(clips, 1, 0), asked)
        scores |= clip_distance(world, clips, held_out, learned)
    flat = lambda x: x[:FEW].reshape(min(len(x), FEW), -1)
    for name, shown in {"": clips, "_of_real": held_out}.items():
        scores[f"sliced_wasserstein{name}"] = sliced_wasserstein(flat(shown), flat(learned))
    return scores | {
        "diversity": diversity(clips[:FEW, 0], learned[:FEW, 0]).ratio,
        "copied_share": copied_share(clips[:, 0], world.middles("train"), world.middles("unseen")),
        "copied_share_error": max(n**-0.5, min(counts) ** -0.5),
    }

"""Scores of edited clips: is the edit as asked, does all else stay, and does the clip flicker?

The right answer to each edit is known (`tinygan.data.video.edits`). Figures are read by `sprite_heads`, moving shapes by the
exact reader of `data/video/scenes.py`. `swap_palette` is what the best swap of colours could do, told the right answer.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.backend import Array
from tinygan.data.sprites import LOOKS, Figure
from tinygan.data.video import scenes
from tinygan.data.video.edits import Edited
from tinygan.data.video.figures import EDITED, STEPS
from tinygan.metrics.pictures.heads import agree
from tinygan.metrics.video import flicker, read_motion

FAR = 0.25  # a colour is right if it is at most so far from the true one, as in `read_film`
SAME = 1 / 255  # a pixel that the right answer changes by less is one that stays
LEVELS = 8  # of each channel, among which `swap_palette` tells colours apart


def edit_scores(world: Any, clips: Array, edits: Sequence[Edited]) -> dict[str, float]:
    """Return scores of clips (N, T, 3, 32, 32) that are to be what the edits lead to.

    right: share of edits that are done; right_KIND of one kind. stays: share of what an edit leaves alone that is read as
    it was. outside, inside: PSNR in dB over all pixels that an edit leaves alone, and over the others. flicker: change from
    frame to frame over that of the true clips.
    """
    before, true = (world.draw([getattr(e, name) for e in edits], clips.shape[1]) for name in ("before", "after"))
    read = read_figure_edits if world.name == "sprites" else read_film_edits
    kinds, right, stays = read(clips, true, edits, changed(before, true))
    scores = {"right": float(right.mean()), "stays": float(stays.mean())}
    scores |= {f"right_{kind}": float(right[kinds == kind].mean()) for kind in sorted({*kinds})}
    return scores | psnr_of_parts(clips, before, true) | {"flicker": flicker(clips, true)}


def changed(before: Array, true: Array) -> Array:
    """Return which pixels an edit changes, (N, T, h, w)."""
    return np.abs(true - before).max(2) / 2 > SAME


def psnr_of_parts(clips: Array, before: Array, true: Array) -> dict[str, float]:
    """Return PSNR in dB of all pixels that edits leave alone, `outside`, and of all that they change, `inside`."""
    inside, squares = changed(before, true), np.square(clips - true).mean(2) / 4
    decibels = lambda part: float(-10 * np.log10(squares[part].mean() + 1e-10))  # 100 dB where nothing is wrong
    return {"outside": decibels(~inside), "inside": decibels(inside)}


def read_film_edits(
    clips: Array, true: Array, edits: Sequence[Edited], inside: Array
) -> tuple[Array, Array, Array]:
    """Return (kind of each edit, whether it is done (N,), whether each other thing and ground is as before, flat).

    Done: what is edited is read as asked, and the colour of what is changed is right on average. What a true clip does not
    show, as it is hidden, does not count.
    """
    kinds, right, stays = [], [], []
    far = np.sqrt(np.square(clips - true).sum(2) / 4)  # (N, T, h, w), between colours from 0 to 1
    for clip, answer, edited, part, distance in zip(clips, true, edits, inside, far):
        asked = scenes.read_edit(edited.sentence)
        names = [(thing.colour, thing.shape) for thing in edited.before.things]
        place = len(names) if asked.kind == "turn" else names.index((asked.colour, asked.shape))
        (*colours, ground), (*true_colours, true_ground) = (
            (*found[0], found[1]) for found in (scenes.read_film(x, edited.before) for x in (clip, answer))
        )
        agrees = [a == b for a, b in zip([*colours, ground], [*true_colours, true_ground])]
        kinds.append(asked.kind)
        right.append(agrees[place] and (not part.any() or distance[part].mean() <= FAR))
        gone = [value is None for value in [*true_colours, true_ground]]
        stays += [agrees[k] for k in range(len(agrees)) if k != place and not gone[k]]
    return np.array(kinds), np.array(right), np.array(stays)


def read_figure_edits(
    clips: Array, true: Array, edits: Sequence[Edited], inside: Array
) -> tuple[Array, Array, Array]:
    """Return (what each edit changes, whether it is done (N,), whether each other attribute is as before, flat).

    A look counts by the share of frames that show it, action and direction by the whole clip.
    """
    n, frames = clips.shape[:2]
    after: list[Figure] = [edited.after for edited in edits]
    claims = [f._replace(step=((f.step or 1) + t - 1) % STEPS + 1) for f in after for t in range(frames)]
    found = agree(clips.reshape(n * frames, *clips.shape[2:]), claims)
    held = {name: np.asarray(found[name]).reshape(n, frames).mean(1) for name in LOOKS}
    action, direction = read_motion(clips)
    held["action"] = (action == [f.action for f in after]).astype(float)
    held["direction"] = (direction == [f.direction for f in after]).astype(float)
    kinds = [next(name for name in EDITED if getattr(e.before, name) != getattr(e.after, name)) for e in edits]
    right = [held[kind][k] for k, kind in enumerate(kinds)]
    stays = [held[name][k] for k, kind in enumerate(kinds) for name in held if name != kind]
    return np.array(kinds), np.array(right), np.array(stays)


def swap_palette(before: Array, true: Array) -> Array:
    """Return clips whose colours are swapped: each for what the true clip's first frame shows, on average, in its place.

    A swap of colours can hardly do better: it is told the right answer to the first frame.
    """
    swapped = before.copy()
    for clip, was, answer in zip(swapped, before, true):
        codes = np.rint((was + 1) / 2 * (LEVELS - 1)).astype(int)  # (T, 3, h, w)
        codes = (codes[:, 0] * LEVELS + codes[:, 1]) * LEVELS + codes[:, 2]
        count = np.bincount(codes[0].ravel(), minlength=LEVELS**3)
        for channel in range(3):
            change = np.bincount(codes[0].ravel(), (answer[0, channel] - was[0, channel]).ravel(), LEVELS**3)
            clip[:, channel] += (change / np.maximum(count, 1)).astype(np.float32)[codes]
    return np.clip(swapped, -1, 1)

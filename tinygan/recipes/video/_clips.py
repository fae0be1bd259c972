"""What recipes of clips share: which clips are learned, how a reader's clip is read, and how clips are drawn."""

import os

import numpy as np

from tinygan.backend import stream
from tinygan.data import DataError, note, read_clip
from tinygan.data.video import DigitClips, FigureClips
from tinygan.networks.editing import SIDE
from tinygan.plot import gif, image_grid, save_image

FRAME_SECONDS = 0.12
NUMBERED, NUMBERED_FRAMES = 1000, 24  # clips made here that can be named by a number, and their frames

WORLDS = {"digits": DigitClips, "sprites": lambda source: FigureClips()}


def choose_world(name, saved=None):
    """Return the world of this name, or that of a run; digits where the sheets of sprites are missing as a run begins."""
    if saved:
        return WORLDS[saved["world"]](saved["source"])
    try:
        return WORLDS[name]("")
    except DataError as error:
        note(f"digits move instead: {error}")
        return DigitClips()


def read_as_shown(world, name):
    """Return the clip in a file, in colour, its middle square scaled to 32x32; or the clip of a number, made here."""
    if name.isascii() and name.isdigit() and not os.path.exists(name):
        if int(name) >= NUMBERED:
            raise DataError(f"clip {name}: those made here are 0 to {NUMBERED - 1}; or give the path of a clip")
        edits = world.edits("unseen", NUMBERED, stream(0, "asked, unseen"))
        return world.draw([edits[int(name)].before], NUMBERED_FRAMES)[0]
    clip = read_clip(name, SIDE)
    return np.repeat(clip, 3 // clip.shape[1], 1)


def animate(clips, path, columns=None, scale=2, border=2):
    """Write clips (N, T, C, side, side) side by side as an animation."""
    frames = clips.swapaxes(0, 1)
    gif((image_grid(frame, columns, scale, border, (-1, 1)) for frame in frames), path, FRAME_SECONDS)


def draw_strips(clips, path):
    """Draw each clip as a row of frames."""
    save_image(image_grid(clips.reshape(-1, *clips.shape[2:]), clips.shape[1], 2, value_range=(-1, 1)), path)


def above(before, after, columns):
    """Return clips (n, T, ...) in rows of `columns`, each row of clips before above those after: (2 n, T, ...)."""
    return np.concatenate([x[k : k + columns] for k in range(0, len(before), columns) for x in (before, after)])

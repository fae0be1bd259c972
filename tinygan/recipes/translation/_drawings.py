"""Drawings of the scenes of a world, which `pix2pix` turns back into pictures: outlines, in coloured pencil or in black."""

from functools import cache

import numpy as np

from tinygan.backend import stream
from tinygan.data import find_world

ASKED = 500  # drawings that samples are made of, and as many of held-out combinations


def outline(regions, ink):
    """Return drawings (N, 3, h, w) on white paper: each region's edge in the colour that `ink` (N, 3, h, w) has there.

    regions (N, h, w): 0 is the background; of two regions that touch, the edge belongs to the larger number.
    """
    around = np.pad(regions, ((0, 0), (1, 1), (1, 1)))
    height, width = regions.shape[1:]
    neighbours = [around[:, y : y + height, x : x + width] for y, x in ((0, 1), (1, 0), (1, 2), (2, 1))]
    edge = regions > np.minimum.reduce(neighbours)
    return np.where(edge[:, None], ink, np.float32(1))


def mean_colours(pictures, regions):
    """Return pictures whose regions have their mean colour, each picture's its own."""
    flat = pictures.copy()
    for k in range(1, regions.max(initial=0) + 1):
        inside = (regions == k)[:, None]
        mean = (pictures * inside).sum((2, 3)) / np.float32(inside.sum((2, 3)).clip(1))
        flat = np.where(inside, mean[:, :, None, None], flat)
    return flat


def draw_pairs(world, scenes, rng, pencil):
    """Return (drawings, pictures) of scenes."""
    pictures = world.draw(scenes, rng)
    if world.name == "sprites":
        regions = world.regions(scenes)
    else:  # things of one colour each on a plain ground, none over another: where a thing covers half of a pixel or more
        contrast = abs(pictures - pictures[:, :, :1, :1]).max(1)
        most = np.lib.stride_tricks.sliding_window_view(np.pad(contrast, ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2)).max(
            (3, 4)
        )
        regions = ((contrast > most / 2) & (most > 0.2)).astype(np.int8)
    if pencil == "black":
        ink = np.full_like(pictures, -1)
    else:
        ink = mean_colours(pictures, regions) if world.name == "sprites" else pictures
    return outline(regions, ink), pictures


@cache
def asked_of(name, pencil):
    """Return (scenes, drawings, pictures) that training does not show: ASKED unseen ones, ASKED of held-out combinations."""
    world, rng = find_world(name), stream(0, "asked")
    scenes = world.scenes("unseen", ASKED, rng) + world.scenes("held_out", ASKED, rng)
    return scenes, *draw_pairs(world, scenes, rng, pencil)

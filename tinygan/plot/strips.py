"""What a latent space holds: pictures between two points, and whether what it draws was in the training set.

`draw` is a function from latent points (N, Z) to pictures (N, 1 or 3, h, w) in [-1, 1]: a generator in eval mode, with
whatever it needs besides. Every picture returned is uint8, for `save_image` or `gif`.
"""

import numpy as np

from tinygan.autodiff import raw
from tinygan.backend import to_numpy
from tinygan.plot.pictures import image_grid


def interpolation_strip(draw, start, end, between, steps=9, scale=None):
    """Return a row for each pair of latent points, start (N, Z) and end (N, Z), with `steps` pictures from one to the other.

    between(start, end, t) gives the points at t. Jumps along a row are the holes of a generator; a smooth row of legible
    pictures is no proof against copies, but a generator that learned them by heart has none.
    """
    start, end = _latents("interpolation_strip", start, end)
    if steps < 2:
        raise ValueError(f"interpolation_strip: {steps} steps: at least 2, the start and the end")
    z = np.stack([between(start, end, t) for t in np.linspace(0, 1, steps)], 1)  # (N, steps, Z)
    pictures = _drawn(draw, z.reshape(-1, z.shape[-1]).astype(start.dtype))
    return image_grid(pictures, columns=steps, scale=scale, value_range=(-1, 1))


def neighbour_strip(generated, neighbours, scale=None, of=0):
    """Return generated pictures (N, 1 or 3, h, w) in the top row, under each its nearest training pictures (N, K, ...).

    of: how many training pictures were compared, for the title; 0 does not say it.
    `metrics.nearest_training` finds them. Copies show at a glance; pictures that are only alike differ in their strokes.
    """
    generated, neighbours = to_numpy(raw(generated)), to_numpy(raw(neighbours))
    if neighbours.ndim != 5 or generated.shape != neighbours[:, 0].shape or not len(generated):
        raise ValueError(
            f"neighbour_strip: pictures {generated.shape}, neighbours {neighbours.shape}: expected (N, 1 or 3, h, w) and"
            " (N, K, 1 or 3, h, w)"
        )
    n, border = len(generated), 2
    look = {"columns": n, "scale": scale, "border": border, "value_range": (-1, 1)}
    top = image_grid(generated, **look)
    below = neighbours.swapaxes(0, 1).reshape(-1, *generated.shape[1:])  # row by row
    rows = [top, image_grid(below, **look)]
    return stack_titled(rows, ["generated", f"nearest of {of:,} training pictures" if of else "nearest training pictures"])


def stack_titled(pictures, titles):
    """Return pictures one under another, each with its title above, dark on white."""
    from PIL import Image, ImageDraw, ImageFont

    font, line, margin = ImageFont.load_default(15), 26, 4
    width = max(max(p.shape[1] for p in pictures), *(int(font.getlength(t)) for t in titles)) + 2 * margin
    height = sum(p.shape[0] + line for p in pictures) + margin
    sheet = Image.new("RGB" if pictures[0].ndim == 3 else "L", (width, height), "white")
    pen, top = ImageDraw.Draw(sheet), 0
    for picture, title in zip(pictures, titles):
        pen.text((margin, top + 4), title, fill="#333333", font=font)
        sheet.paste(Image.fromarray(picture), (margin, top + line))
        top += line + picture.shape[0]
    return np.asarray(sheet).copy()


def _drawn(draw, z):
    images = draw(z)
    images = to_numpy(raw(images))
    if images.ndim != 4 or len(images) != len(z):
        raise ValueError(f"draw made {images.shape} of latent points {z.shape}: expected (N, 1 or 3, h, w), N the same")
    return images


def _latents(name, start, end):
    points = [to_numpy(raw(p)) for p in (start, end)]
    shapes = " and ".join(str(p.shape) for p in points)
    if any(p.ndim != 2 or p.shape != points[0].shape or 0 in p.shape or p.dtype.kind != "f" for p in points):
        raise ValueError(f"{name}: latent points {shapes}: expected (N, Z) twice, floating point")
    return points

"""What a latent space holds: between two points, along a walk, and whether what it draws was in the training set.

`draw` is a function from latent points (N, Z) to pictures (N, 1 or 3, h, w) in [-1, 1]: a generator in eval mode, with
whatever it needs besides. Every picture returned is uint8, for `save_image` or `gif`.
"""

import numpy as np

from tinygan.backend import to_numpy
from tinygan.plot.pictures import image_grid


def slerp(start, end, t):
    """The point at t in [0, 1] of the great arc from start (..., Z) to end: its length goes evenly from one's to the other's.

    sin((1 - t) Ω) / sin Ω a + sin(t Ω) / sin Ω b for points a, b of length 1 with the angle Ω between them. Normal noise of
    many dimensions lies near a sphere; on a straight line half-way its length is 1/√2 of what the generator was trained
    on. Opposite points have no shortest arc: the line is taken. Shoemake 1985; for latent spaces White 2016, section 2.1.
    """
    lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (start, end)]
    a, b = (x / np.maximum(length, 1e-30) for x, length in zip((start, end), lengths))
    # the half angle from chord and sum: arccos loses half of the digits of small angles
    chord, total = (np.linalg.norm(x, axis=-1, keepdims=True) for x in (a - b, a + b))
    angle = 2 * np.arctan2(chord, total)
    flat = np.sin(angle) < 1e-6  # sin(t Ω) / sin Ω is t there, to 12 digits
    safe = np.where(flat, 1, np.sin(angle))
    weights = [np.where(flat, share, np.sin(share * angle) / safe) for share in (1 - t, t)]
    return ((weights[0] * a + weights[1] * b) * ((1 - t) * lengths[0] + t * lengths[1])).astype(
        np.result_type(start, end)
    )


def interpolation_strip(draw, start, end, steps=9, between=slerp, scale=None):
    """A row for each pair of latent points, start (N, Z) and end (N, Z), with `steps` pictures from one to the other.

    between(start, end, t) gives the points at t. Jumps along a row are the holes of a generator; a smooth row of legible
    pictures is no proof against copies, but a generator that learned them by heart has none.
    """
    start, end = _latents("interpolation_strip", start, end)
    if steps < 2:
        raise ValueError(f"interpolation_strip: {steps} steps: at least 2, the start and the end")
    z = np.stack([between(start, end, t) for t in np.linspace(0, 1, steps)], 1)  # (N, steps, Z)
    return image_grid(_drawn(draw, z.reshape(-1, z.shape[-1]).astype(start.dtype)), columns=steps, scale=scale)


def latent_walk(draw, stops, frames_per_leg=12, between=slerp, columns=None, scale=None):
    """Frames of N samples that walk together from stop to stop and back to the first, for a `gif` without a jump.

    stops: (K, N, Z), K >= 2 stops of each. Every leg has `frames_per_leg` frames, its last stop left to the next leg; all
    frames are K·frames_per_leg grids of N pictures. Yields one at a time: nothing large is held.
    """
    (stops,) = _latents("latent_walk", stops, ndim=3)
    if len(stops) < 2 or frames_per_leg < 1:
        raise ValueError(f"latent_walk: {len(stops)} stops, {frames_per_leg} frames a leg: at least 2 and 1")
    return (
        image_grid(_drawn(draw, between(start, end, k / frames_per_leg).astype(stops.dtype)), columns, scale)
        for start, end in zip(stops, np.roll(stops, -1, 0))
        for k in range(frames_per_leg)
    )


def neighbour_strip(generated, neighbours, scale=None):
    """Generated pictures (N, 1 or 3, h, w) in the top row, under each its nearest training pictures (N, K, ...).

    `metrics.nearest_training` finds them. Copies show at a glance; pictures that are only alike differ in their strokes.
    """
    generated, neighbours = to_numpy(generated), to_numpy(neighbours)
    if neighbours.ndim != 5 or generated.shape != neighbours[:, 0].shape or not len(generated):
        raise ValueError(
            f"neighbour_strip: pictures {generated.shape}, neighbours {neighbours.shape}: expected (N, 1 or 3, h, w) and"
            " (N, K, 1 or 3, h, w)"
        )
    n, border = len(generated), 2
    top = image_grid(generated, columns=n, scale=scale, border=border)
    below = neighbours.swapaxes(0, 1).reshape(-1, *generated.shape[1:])  # row by row
    rows = [top, image_grid(below, columns=n, scale=scale, border=border)]
    return _titled(rows, ["generated", "nearest training pictures"])


def _titled(pictures, titles):
    """Pictures one under another, each with its title above, dark on white."""
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
    images = to_numpy(getattr(images, "data", images) if not isinstance(images, np.ndarray) else images)
    if images.ndim != 4 or len(images) != len(z):
        raise ValueError(f"draw made {images.shape} of latent points {z.shape}: expected (N, 1 or 3, h, w), N the same")
    return images


def _latents(name, *points, ndim=2):
    points = [to_numpy(p) for p in points]
    shapes = " and ".join(str(p.shape) for p in points)
    if any(p.ndim != ndim or p.shape != points[0].shape or 0 in p.shape or p.dtype.kind != "f" for p in points):
        expected = "(N, Z) twice" if ndim == 2 else "(K, N, Z)"
        raise ValueError(f"{name}: latent points {shapes}: expected {expected}, floating point")
    return points

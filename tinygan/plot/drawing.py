"""Shared by all drawings: colours, the look of axes, and the way from a Matplotlib figure to pixels and small files."""

from pathlib import Path
from typing import Any

import numpy as np

from tinygan.backend import Array
from tinygan.files import written_whole

# Okabe & Ito 2008: every kind of colour vision tells them apart. A player has the same colour in every panel.
COLOURS = {"d": "#0072B2", "g": "#D55E00", "": "#333333"}
PLAYERS = {"d": "discriminator", "g": "generator"}


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """Return (figure, canvas) of a size in inches of 100 pixels; pyplot and the reader's session are not involved."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white", dpi=100)
    return figure, FigureCanvasAgg(figure)


def pixels(canvas: Any) -> Array:
    """Draw a canvas and return its pixels (H, W, 3), uint8."""
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def quiet_axes(axes: Any) -> None:
    """Give axes a light grid behind the curves and no box, so that the eye goes to the curves."""
    axes.grid(True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(which="both", color="#888888", labelsize=9)


def save_small(picture: Array, path: str | Path) -> None:
    """Write a drawing with its inks in ten strengths as the only colours: a third of the bytes, with the same look."""
    from PIL import Image, ImageColor

    inks = np.array([ImageColor.getrgb(colour) for colour in COLOURS.values()])
    strengths = np.linspace(0, 1, 11)[:, None, None]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 + strengths * (inks - 255)).astype(np.uint8).tobytes())
    small = Image.fromarray(np.ascontiguousarray(picture)).quantize(palette=palette, dither=Image.Dither.NONE)
    with written_whole(path) as temporary:
        small.save(temporary, optimize=True)


def save_in_few_colours(picture: Array, path: str | Path, colours: int = 64) -> None:
    """Write a drawing with so many colours of its own: of smooth ones too, and with a third of the bytes."""
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(picture)).quantize(colours, dither=Image.Dither.NONE)
    with written_whole(path) as temporary:
        small.save(temporary, optimize=True)

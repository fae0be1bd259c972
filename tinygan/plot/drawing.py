"""What drawings share: colours, the look of axes, and the way from a Matplotlib figure to pixels and small files."""

import numpy as np

from tinygan.files import written_whole

# Okabe & Ito 2008: told apart by every kind of colour vision. One colour a player, in every panel.
COLOURS = {"d": "#0072B2", "g": "#D55E00", "": "#333333"}
PLAYERS = {"d": "discriminator", "g": "generator"}


def new_figure(width, height):
    """(figure, canvas) of a size in inches of 100 pixels; of nobody's session: pyplot never hears of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white", dpi=100)
    return figure, FigureCanvasAgg(figure)


def pixels(canvas):
    """What is drawn on a canvas -> (H, W, 3) uint8."""
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def quiet_axes(axes):
    """Light grid behind, no box: the curves are what is looked at."""
    axes.grid(True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(which="both", color="#888888", labelsize=9)


def save_small(picture, path):
    """Write a drawing with no more colours than its inks in ten strengths: a third of the bytes, as good to the eye."""
    from PIL import Image, ImageColor

    inks = np.array([ImageColor.getrgb(colour) for colour in COLOURS.values()])
    strengths = np.linspace(0, 1, 11)[:, None, None]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 + strengths * (inks - 255)).astype(np.uint8).tobytes())
    small = Image.fromarray(np.ascontiguousarray(picture)).quantize(palette=palette, dither=Image.Dither.NONE)
    with written_whole(path) as temporary:
        small.save(temporary, optimize=True)

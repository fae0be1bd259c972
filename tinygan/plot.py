"""Pictures to look at: grids of samples, curves of a log, animations.

Matplotlib and Pillow are imported by the functions that use them, and Matplotlib only through its objects: no window, no
global figure, no setting of the reader's own session is touched. Every file is written whole or not at all.
"""

import math

import numpy as np

from tinygan.backend import to_numpy
from tinygan.files import written_whole

# Okabe & Ito 2008: told apart by every kind of colour vision. One colour a player, in every panel.
_COLOURS = {"d": "#0072B2", "g": "#D55E00", "": "#333333"}
_PLAYERS = {"d": "discriminator", "g": "generator"}

_MATTE = 72  # grey between pictures: neither the black of MNIST's ground nor the white of its ink

# quantity in a log: how its axis is labelled; what is not here is labelled by its own name
_LABELS = {
    "loss": "loss (mean of a batch)",
    "penalty": "penalty (mean of a batch)",
    "gradient_norm": "gradient norm (all weights)",
    "grad_norm": "gradient norm (all weights)",
    "learning_rate": "learning rate",
    "frechet_distance": "Frechet distance",
    "frechet_ratio": "Frechet distance / floor",
    "steps_per_second": "speed (steps/s)",
}
_NOT_DRAWN = {"step", "seconds"}

FEW_POINTS = 10  # fewer are drawn as dots, more as a light line with a smooth one on it
MOST_POINTS = 300  # more are thinned: a panel is 400 pixels wide


# --- samples ---------------------------------------------------------------------------------------------------


def image_grid(images, columns=None, scale=None, border=2):
    """Pictures (N, 1 or 3, h, w) in [-1, 1] side by side -> one picture (H, W) or (H, W, 3), uint8.

    Each becomes `scale` times as large, every pixel a square, with `border` pixels between and around; by default the
    grid is about square and a picture at least 64 pixels high. Values beyond [-1, 1] are cut, nan is black.
    """
    images = to_numpy(images)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"image_grid: images {images.shape}: expected (N, 1 or 3, height, width), N at least 1")
    n, channels, height, width = images.shape
    columns = math.ceil(math.sqrt(n)) if columns is None else columns
    scale = max(1, math.ceil(64 / max(height, width))) if scale is None else scale
    if columns < 1 or scale < 1 or border < 0:
        raise ValueError(f"image_grid: columns {columns}, scale {scale}, border {border}: at least 1, 1 and 0")
    columns = min(columns, n)
    rows = -(-n // columns)
    cells = np.full((rows * columns, height * scale + border, width * scale + border, channels), _MATTE, np.uint8)
    values = np.nan_to_num(images.astype(np.float32), nan=-1.0).clip(-1, 1)
    pixels = np.rint((values + 1) * 127.5).astype(np.uint8).transpose(0, 2, 3, 1)  # (N, h, w, channels)
    cells[:n, border:, border:] = pixels.repeat(scale, 1).repeat(scale, 2)
    grid = cells.reshape(rows, columns, *cells.shape[1:]).swapaxes(1, 2)
    grid = grid.reshape(rows * cells.shape[1], columns * cells.shape[2], channels)
    grid = np.pad(grid, ((0, border), (0, border), (0, 0)), constant_values=_MATTE)
    return grid[..., 0] if channels == 1 else grid


def save_image(array, path):
    """Write a picture (H, W) or (H, W, 3), uint8, to `path`; its ending says the format, .png for one."""
    from PIL import Image

    with written_whole(path) as temporary:
        _picture(Image, array, "save_image").save(temporary, optimize=True)


def gif(frames, path, seconds_per_frame=0.1):
    """Write pictures of equal size, (H, W) or (H, W, 3), uint8, as an animation that repeats for ever."""
    from PIL import Image

    pictures = [_picture(Image, frame, "gif") for frame in frames]
    if not pictures or len({p.size for p in pictures}) > 1 or seconds_per_frame <= 0:
        sizes = sorted({f"{p.width}x{p.height}" for p in pictures})
        raise ValueError(
            f"gif: {len(pictures)} frames of {' and '.join(sizes) or 'no size'}, {seconds_per_frame} s each: expected at"
            " least one frame, all of the same size, and a time above 0"
        )
    milliseconds = max(20, 10 * round(100 * seconds_per_frame))  # GIF counts in 10 ms, and viewers slow down below 20
    with written_whole(path) as temporary:
        pictures[0].save(
            temporary, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0, optimize=True
        )


def _picture(Image, array, name):
    array = to_numpy(array)
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise ValueError(f"{name}: {array.dtype} {array.shape}: expected uint8 (H, W) or (H, W, 3); see image_grid")
    return Image.fromarray(np.ascontiguousarray(array))


# --- curves ----------------------------------------------------------------------------------------------------


def curves(rows, path):
    """Draw the scalars of a log, dicts such as {"step": 20, "d_loss": 1.2, "g_loss": 0.8}, and write them to `path`.

    One panel a quantity, losses first; `d_` and `g_` name the player. The values are light, their smooth trend dark.
    Values that are missing, not finite or no numbers are left out; ValueError if no row has a step and a number.
    """
    panels = _panels(rows)
    if not panels:
        raise ValueError("curves: no row of the log has a step and a finite number; train for longer first")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = len(panels) if len(panels) <= 3 else 2 if len(panels) == 4 else 3
    down = -(-len(panels) // across)
    figure = Figure(figsize=(4.5 * across, 2.8 * down), layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    all_axes = figure.subplots(down, across, squeeze=False).ravel()
    last_step = max(steps[-1] for lines in panels.values() for steps, _ in lines.values())
    for axes, (quantity, lines) in zip(all_axes, panels.items()):
        _draw_panel(axes, quantity, lines, last_step)
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    canvas.draw()
    _save_small(np.asarray(canvas.buffer_rgba())[..., :3], path)


def _panels(rows):
    """quantity -> player -> (steps, values), from the finite numbers of all rows; losses first, then as they come."""
    found = {}
    for row in rows:
        for name, value in row.items():
            if name not in _NOT_DRAWN and "step" in row and _is_number(value):
                player, _, quantity = name.partition("_")
                if player not in _PLAYERS or not quantity:
                    player, quantity = "", name
                points = found.setdefault(quantity, {}).setdefault(player, {})
                points[row["step"]] = value  # a step that was played again replaces its first time
    panels = {
        quantity: {player: tuple(map(np.array, zip(*sorted(points.items())))) for player, points in lines.items()}
        for quantity, lines in found.items()
    }
    return {quantity: panels[quantity] for quantity in sorted(panels, key=lambda q: q != "loss")}


def _is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _draw_panel(axes, quantity, lines, last_step):
    lines = {player: _thinned(*line) for player, line in sorted(lines.items())}
    logarithmic = _choose_scale(axes, [values for _, values in lines.values()])
    for player, (steps, values) in lines.items():
        style = {"color": _COLOURS[player], "label": _PLAYERS.get(player), "linewidth": 1.8}
        if len(values) < FEW_POINTS:
            axes.plot(steps, values, marker="o", markersize=4, clip_on=False, **style)
        else:
            axes.plot(steps, values, color=_COLOURS[player], linewidth=0.7, alpha=0.3)
            axes.plot(steps, np.exp(_smooth(np.log(values))) if logarithmic else _smooth(values), **style)
    axes.set_xlim(0, max(1, last_step))
    axes.set_xlabel("training step")
    axes.set_ylabel(_LABELS.get(quantity, quantity.replace("_", " ")))
    axes.grid(True, color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#888888")
    axes.tick_params(which="both", color="#888888", labelsize=9)
    if any(lines):
        axes.legend(frameon=False, fontsize=9, loc="best")


def _choose_scale(axes, lines):
    """Whether the axis is logarithmic, as for positive values over two decades; if not, a few spikes do not squash it."""
    values = np.concatenate(lines)
    if values.min() > 0 and np.percentile(values, 99) > 100 * np.percentile(values, 1):
        axes.set_yscale("log")
        return True
    limits = [np.percentile(line, [0.5, 99.5] if len(line) >= FEW_POINTS else [0, 100]) for line in lines]
    low, high = np.min(limits), np.max(limits)
    margin = 0.06 * (high - low) or 0.5
    axes.set_ylim(low - margin, high + margin)
    return False


def _smooth(values):
    """The mean of each value's neighbours, weighted by a Gaussian whose width is a fiftieth of the curve."""
    width = len(values) / 50
    reach = math.ceil(3 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    sums = np.convolve(np.pad(values, reach), kernel, "valid")
    return sums / np.convolve(np.pad(np.ones(len(values)), reach), kernel, "valid")  # fewer neighbours at the ends


def _thinned(steps, values):
    """At most MOST_POINTS points: the means of runs of neighbours."""
    run = -(-len(values) // MOST_POINTS)
    if run == 1:
        return steps, values
    starts = np.arange(0, len(values), run)
    counts = np.diff(np.append(starts, len(values)))
    return tuple(np.add.reduceat(x.astype(np.float64), starts) / counts for x in (steps, values))


def _save_small(pixels, path):
    """Write a drawing with no more colours than its inks in ten strengths: a third of the bytes, as good to the eye."""
    from PIL import Image, ImageColor

    inks = np.array([ImageColor.getrgb(colour) for colour in _COLOURS.values()])
    strengths = np.linspace(0, 1, 11)[:, None, None]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.rint(255 + strengths * (inks - 255)).astype(np.uint8).tobytes())
    picture = Image.fromarray(np.ascontiguousarray(pixels)).quantize(palette=palette, dither=Image.Dither.NONE)
    with written_whole(path) as temporary:
        picture.save(temporary, optimize=True)

"""Curves of a log: losses, penalties, scores and gradients over the training steps.

A log is a list of dicts, one for each logged step: {"step": 20, "d_loss": 1.2, "g_loss": 0.8}. A name with a slash,
such as "d_gradient_norm/conv1", belongs to one layer: `layer_curves` draws it, `curves` does not.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from tinygan.backend import Array
from tinygan.plot.drawing import COLOURS, PLAYERS, new_figure, pixels, quiet_axes, save_small

Rows: TypeAlias = Iterable[Mapping[str, Any]]
Line: TypeAlias = tuple[Array, Array]  # steps, values

# quantity in a log: the label of its axis; any other quantity is labelled by its name
_LABELS = {
    "loss": "loss (mean of a batch)",
    "penalty": "penalty (mean of a batch)",
    "gradient_norm": "gradient norm (all weights)",
    "grad_norm": "gradient norm (all weights)",
    "learning_rate": "learning rate",
    "frechet_distance": "Frechet distance",
    "frechet_ratio": "Frechet distance / floor",
    "modes": "modes found",
    "high_quality": "share near a mode",
    "reverse_kl": "reverse KL (nats)",
    "steps_per_second": "speed (steps/s)",
}
_NOT_DRAWN = {"step", "seconds"}

FEW_POINTS = 10  # fewer points are drawn as dots, more as a light line under a smooth one
MOST_POINTS = 300  # more points are thinned: a panel is 400 pixels wide


def curves(rows: Rows, path: str | Path) -> None:
    """Draw the scalars of a log, dicts such as {"step": 20, "d_loss": 1.2, "g_loss": 0.8}, and write them to `path`.

    Each quantity has its panel, losses first; `d_` and `g_` name the player. The values are light, their smooth trend
    dark. Values that are missing, not finite or not numbers are left out; ValueError if no row has a step and a number.
    """
    panels = _panels(rows)
    if not panels:
        raise ValueError("curves: no row of the log has a step and a finite number; train for longer first")
    across = len(panels) if len(panels) <= 3 else 2 if len(panels) == 4 else 3
    down = -(-len(panels) // across)
    figure, canvas = new_figure(4.5 * across, 2.8 * down)
    all_axes = figure.subplots(down, across, squeeze=False).ravel()
    last_step = max(steps[-1] for lines in panels.values() for steps, _ in lines.values())
    for axes, (quantity, lines) in zip(all_axes, panels.items()):
        _draw_panel(axes, quantity, lines, last_step)
    for axes in all_axes[len(panels) :]:
        axes.set_axis_off()
    save_small(pixels(canvas), path)


def _panels(rows: Rows) -> dict[str, dict[str, Line]]:
    """Return {quantity: {player: (steps, values)}} of the finite numbers of all rows, losses first."""
    points_of: dict[str, dict[str, dict[int, float]]] = {}  # quantity: player: step: value
    for row in rows:
        for name, value in row.items():
            if name not in _NOT_DRAWN and "/" not in name and "step" in row and _is_number(value):
                player, _, quantity = name.partition("_")
                if player not in PLAYERS or not quantity:
                    player, quantity = "", name
                points = points_of.setdefault(quantity, {}).setdefault(player, {})
                points[row["step"]] = value  # a resumed run repeats steps: the later row counts
    panels = {
        quantity: {player: _line(points) for player, points in lines.items()} for quantity, lines in points_of.items()
    }
    return {quantity: panels[quantity] for quantity in sorted(panels, key=lambda q: q != "loss")}


def _line(points: Mapping[int, float]) -> Line:
    """Return {step: value} as arrays (steps, values), in order of the steps."""
    steps, values = map(np.array, zip(*sorted(points.items())))
    return steps, values


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _draw_panel(axes: Any, quantity: str, lines: dict[str, Line], last_step: int) -> None:
    lines = {player: _thin(*line) for player, line in sorted(lines.items())}
    logarithmic = _choose_scale(axes, [values for _, values in lines.values()])
    for player, (steps, values) in lines.items():
        style: dict[str, Any] = {"color": COLOURS[player], "label": PLAYERS.get(player), "linewidth": 1.8}
        if len(values) < FEW_POINTS:
            axes.plot(steps, values, marker="o", markersize=4, clip_on=False, **style)
        else:
            axes.plot(steps, values, color=COLOURS[player], linewidth=0.7, alpha=0.3)
            axes.plot(steps, np.exp(_smooth(np.log(values))) if logarithmic else _smooth(values), **style)
    axes.set_xlim(0, max(1, last_step))
    axes.set_xlabel("training step")
    axes.set_ylabel(_LABELS.get(quantity, quantity.replace("_", " ")))
    quiet_axes(axes)
    if any(lines):
        axes.legend(frameon=False, fontsize=9, loc="best")


def _choose_scale(axes: Any, lines: list[Array]) -> bool:
    """Set the scale of the y axis and return whether it is logarithmic.

    Positive values over more than two decades get a logarithmic axis. The limits of a linear axis leave out a few
    spikes.
    """
    values = np.concatenate(lines)
    if values.min() > 0 and np.percentile(values, 99) > 100 * np.percentile(values, 1):
        axes.set_yscale("log")
        return True
    limits = [np.percentile(line, [0.5, 99.5] if len(line) >= FEW_POINTS else [0, 100]) for line in lines]
    low, high = np.min(limits), np.max(limits)
    margin = max(0.06 * (high - low), 1e-6 * abs(high)) or 0.5
    axes.set_ylim(low - margin, high + margin)
    return False


def _smooth(values: Array) -> Array:
    """Return the mean of each value's neighbours, weighted by a Gaussian whose sigma is a fiftieth of the curve."""
    width = len(values) / 50
    reach = math.ceil(3 * width)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    sums = np.convolve(np.pad(values, reach), kernel, "valid")
    return sums / np.convolve(np.pad(np.ones(len(values)), reach), kernel, "valid")  # fewer neighbours at the ends


def _thin(steps: Array, values: Array) -> Line:
    """Return at most MOST_POINTS points: the means of runs of neighbours."""
    run = -(-len(values) // MOST_POINTS)
    if run == 1:
        return steps, values
    starts = np.arange(0, len(values), run)
    counts = np.diff(np.append(starts, len(values)))
    mean_steps, mean_values = (np.add.reduceat(x.astype(np.float64), starts) / counts for x in (steps, values))
    return mean_steps, mean_values


# --- gradients, layer by layer ---------------------------------------------------------------------------------


def layer_curves(rows: Rows, path: str | Path) -> None:
    """Draw the gradient norm of every layer over a log, and write it to `path`.

    Each player has a panel, each layer a line: pale at the input, dark at the output. The axis is logarithmic:
    gradients that vanish or explode towards the input show as lines far apart. ValueError if no row has such a norm
    above 0.
    """
    panels = _layer_lines(rows)
    if not panels:
        raise ValueError(
            'layer_curves: no row of the log has a step and a "d_gradient_norm/..." above 0; training logs it every 100 steps'
        )
    figure, canvas = new_figure(6.2 * len(panels), 3.4)
    for axes, (player, lines) in zip(figure.subplots(1, len(panels), squeeze=False)[0], sorted(panels.items())):
        ends = []
        for depth, (layer, (steps, values)) in enumerate(lines.items()):
            strength = 1 - 0.6 * (len(lines) - 1 - depth) / max(1, len(lines) - 1)
            colour = _tint(COLOURS[player], strength)
            smooth = len(values) >= FEW_POINTS
            shown = np.exp(_smooth(np.log(values))) if smooth else values
            axes.plot(
                steps, shown, color=colour, linewidth=1.8, marker=None if smooth else "o", markersize=4, clip_on=False
            )
            ends.append((shown[-1], steps[-1], layer, colour))
        _set_log_scale(axes)
        axes.set_xlim(0, max(1, max(step for _, step, *_ in ends)))
        axes.set(xlabel="training step", ylabel="gradient norm")
        axes.set_title(PLAYERS[player], fontsize=10, color=COLOURS[player])
        quiet_axes(axes)
        _label_ends(axes, ends)
    save_small(pixels(canvas), path)


def _layer_lines(rows: Rows) -> dict[str, dict[str, Line]]:
    """Return {player: {layer: (steps, norms)}}, thinned, with layers in the order of the rows: from input to output."""
    points_of: dict[str, dict[str, dict[int, float]]] = {}  # player: layer: step: norm
    for row in rows:
        for name, value in row.items():
            player, _, layer = name.partition("_gradient_norm/")
            if layer and player in PLAYERS and "step" in row and _is_number(value) and value > 0:
                points_of.setdefault(player, {}).setdefault(layer, {})[row["step"]] = value
    return {
        player: {layer: _thin(*_line(points)) for layer, points in lines.items()} for player, lines in points_of.items()
    }


def _tint(colour: str, strength: float) -> tuple[float, ...]:
    """Return a colour mixed with white, in the nearest of the strengths that `save_small` writes."""
    from matplotlib.colors import to_rgb

    return tuple(1 + round(strength, 1) * (channel - 1) for channel in to_rgb(colour))


def _set_log_scale(axes: Any) -> None:
    """Make the y axis logarithmic, with plain numbers; a short axis also labels numbers between the powers of ten."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    between = "" if high > 100 * low else "235" if high > 4 * low else "2346789"
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in between else "")
    axes.tick_params(axis="y", which="minor", labelsize=9)


def _label_ends(axes: Any, ends: list[tuple]) -> None:
    """Write each line's name to the right of its end; a leader connects the two if names had to move apart."""
    low, high = np.log(axes.get_ylim())
    line = 0.065  # of the height of the axes: 9-point text and a little air
    ends = sorted(ends)
    line_heights = [(np.log(value) - low) / (high - low) for value, *_ in ends]
    heights = list(line_heights)
    for _ in range(200):  # names that are too close move apart, again and again
        for i in range(len(heights) - 1):
            lacking = line - (heights[i + 1] - heights[i])
            if lacking > 0:
                heights[i] -= lacking / 2
                heights[i + 1] += lacking / 2
    for end, height, (_, _, layer, colour) in zip(line_heights, heights, ends):
        axes.plot((1.005, 1.05), (end, height), color=colour, linewidth=1.2, transform=axes.transAxes, clip_on=False)
        axes.annotate(
            layer, (1.05, height), xytext=(3, 0), xycoords="axes fraction", textcoords="offset points", va="center",
            fontsize=9, color="#333333", annotation_clip=False,
        )  # fmt: skip

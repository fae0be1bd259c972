"""Curves of a log: how losses, penalties, scores and gradients went, one panel a quantity or a player.

A log is a list of dicts, one a logged step: {"step": 20, "d_loss": 1.2, "g_loss": 0.8}. Names with a slash, such as
"d_gradient_norm/conv1", belong to one layer: `curves` leaves them to `layer_curves`.
"""

import math

import numpy as np

from tinygan.plot.drawing import COLOURS, PLAYERS, new_figure, pixels, quiet_axes, save_small

# quantity in a log: how its axis is labelled; what is not here is labelled by its own name
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

FEW_POINTS = 10  # fewer are drawn as dots, more as a light line with a smooth one on it
MOST_POINTS = 300  # more are thinned: a panel is 400 pixels wide


def curves(rows, path):
    """Draw the scalars of a log, dicts such as {"step": 20, "d_loss": 1.2, "g_loss": 0.8}, and write them to `path`.

    One panel a quantity, losses first; `d_` and `g_` name the player. The values are light, their smooth trend dark.
    Values that are missing, not finite or no numbers are left out; ValueError if no row has a step and a number.
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


def _panels(rows):
    """quantity -> player -> (steps, values), from the finite numbers of all rows; losses first, then as they come."""
    found = {}
    for row in rows:
        for name, value in row.items():
            if name not in _NOT_DRAWN and "/" not in name and "step" in row and _is_number(value):
                player, _, quantity = name.partition("_")
                if player not in PLAYERS or not quantity:
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
        style = {"color": COLOURS[player], "label": PLAYERS.get(player), "linewidth": 1.8}
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


# --- gradients, layer by layer ---------------------------------------------------------------------------------


def layer_norms(player, module, grads):
    """{"d_gradient_norm/conv1": |g|, ...}: a row of a log for `layer_curves`, weight and bias of a layer together.

    player: "d" or "g"; grads: one array for each of module.parameters(), as `grad` returns them.
    """
    names = [name for name, _ in module.named_parameters()]
    if len(names) != len(grads):
        raise ValueError(f"layer_norms: {len(grads)} gradients for {len(names)} parameters: expected one for each")
    squares = {}
    for name, g in zip(names, grads):
        layer = name.rpartition(".")[0] or name
        squares[layer] = squares.get(layer, 0.0) + float((g * g).sum())
    return {f"{player}_gradient_norm/{layer}": math.sqrt(square) for layer, square in squares.items()}


def layer_curves(rows, path):
    """Draw the gradient norm of every layer over a log with rows of `layer_norms`, and write it to `path`.

    One panel a player, one line a layer, pale at the input, dark at the output, on a logarithmic axis: gradients that
    fade towards the input, or explode, show as lines far apart. ValueError if no row has such a number above 0.
    """
    panels = _layer_lines(rows)
    if not panels:
        raise ValueError(
            'layer_curves: no row of the log has a step and a "d_gradient_norm/..." above 0; see layer_norms'
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


def _layer_lines(rows):
    """player -> layer -> (steps, norms), thinned; layers as they come in the rows, which is from input to output."""
    found = {}
    for row in rows:
        for name, value in row.items():
            player, _, layer = name.partition("_gradient_norm/")
            if layer and player in PLAYERS and "step" in row and _is_number(value) and value > 0:
                found.setdefault(player, {}).setdefault(layer, {})[row["step"]] = value
    return {
        player: {layer: _thinned(*map(np.array, zip(*sorted(points.items())))) for layer, points in lines.items()}
        for player, lines in found.items()
    }


def _tint(colour, strength):
    """A colour mixed with white, one of the strengths that `save_small` keeps."""
    from matplotlib.colors import to_rgb

    return tuple(1 + round(strength, 1) * (channel - 1) for channel in to_rgb(colour))


def _set_log_scale(axes):
    """A logarithmic axis with plain numbers, some between the powers of ten where there would be too few."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    between = "" if high > 100 * low else "235" if high > 4 * low else "2346789"
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in between else "")
    axes.tick_params(axis="y", which="minor", labelsize=9)


def _label_ends(axes, ends):
    """Each line's name to the right of its end, with a leader where ends are closer than a line of text."""
    low, high = np.log(axes.get_ylim())
    line = 0.065  # of the height of the axes: 9-point text and a little air
    ends = sorted(ends)
    at = [(np.log(value) - low) / (high - low) for value, *_ in ends]
    heights = list(at)
    for _ in range(200):  # neighbours that are too close step apart, again and again, until none is
        for i in range(len(heights) - 1):
            lacking = line - (heights[i + 1] - heights[i])
            if lacking > 0:
                heights[i] -= lacking / 2
                heights[i + 1] += lacking / 2
    for end, height, (_, _, layer, colour) in zip(at, heights, ends):
        axes.plot((1.005, 1.05), (end, height), color=colour, linewidth=1.2, transform=axes.transAxes, clip_on=False)
        axes.annotate(
            layer, (1.05, height), xytext=(3, 0), xycoords="axes fraction", textcoords="offset points", va="center",
            fontsize=9, color="#333333", annotation_clip=False,
        )  # fmt: skip

"""What a latent space decides: samples on the way along its directions, and shares of variance as a chart.

`gan/directions.py` and `gan/shares.py` find what is drawn here. Pictures returned are uint8, for `save_image`.
"""

import textwrap
from collections.abc import Sequence

import numpy as np

from tinygan.backend import Array
from tinygan.plot.drawing import COLOURS, new_figure, pixels, quiet_axes
from tinygan.plot.pictures import image_grid

MARGIN, LINE = 130, 24  # pixels for the names of rows, and for what stands above them
LOW, MIDDLE, HIGH = COLOURS["d"], "#999999", COLOURS["g"]  # of an amount below 0, 0, above


def direction_grid(walks: Array, amounts: Array, shares: Array) -> Array:
    """Return pictures (K, B, S, 1 or 3, h, w) as a row a direction: B samples side by side, each moved by S amounts.

    shares (K,): of the features' variance, written before each row.
    """
    directions, samples, stops, _, height, width = walks.shape
    scale = max(1, round(48 / max(height, width)))
    look = {"columns": stops, "scale": scale, "border": 2, "value_range": (-1, 1)}
    blocks = [image_grid(walks[:, b].reshape(-1, *walks.shape[3:]), **look) for b in range(samples)]
    names = [f"{k + 1}: {share:.0%}" for k, share in enumerate(shares)]
    return _label(blocks, names, [f"{amounts[0]:+g} s.d.", "0", f"{amounts[-1]:+g} s.d."], "direction, share")


def _label(blocks: list, names: list[str], ends: list[str], corner: str) -> Array:
    """Return blocks of pictures side by side on white, the name of each row before it, amounts above each block."""
    from PIL import Image, ImageDraw, ImageFont

    font, gap = ImageFont.load_default(15), 12
    height, width = blocks[0].shape[:2]
    size = MARGIN + len(blocks) * (width + gap), LINE + height + 4
    sheet = Image.new("RGB" if blocks[0].ndim == 3 else "L", size, "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((4, 3), corner, fill="#333333", font=font)
    for k, name in enumerate(names):
        pen.text((MARGIN - 8, LINE + (k + 0.5) * height / len(names)), name, fill="#333333", font=font, anchor="rm")
    for b, block in enumerate(blocks):
        left = MARGIN + b * (width + gap)
        sheet.paste(Image.fromarray(block), (left, LINE))
        for place, end, anchor in zip((0, width / 2, width), ends, ("la", "ma", "ra")):
            pen.text((left + place, 3), end, fill="#333333", font=font, anchor=anchor)
    return np.asarray(sheet).copy()


def direction_plane(points: Array, walks: Array, shares: Array) -> Array:
    """Draw a panel a direction: samples (N, 2) in grey, and the ways (K, B, S, 2) that B of them go, from blue to orange."""
    extent, lengths = np.ptp(points, axis=0).max(), np.ptp(walks, axis=2).max(-1)
    larger = max(1, round(0.12 * extent / max(float(np.median(lengths)), 1e-3 * extent)))
    centre, half = (points.max(0) + points.min(0)) / 2, 0.62 * extent
    figure, canvas = new_figure(3.1 * len(walks), 3.9)
    for k, (axes, ways) in enumerate(zip(figure.subplots(1, len(walks), squeeze=False)[0], walks)):
        axes.scatter(*points.T, s=4, color="#cccccc", linewidths=0)
        for way in ways:
            middle = len(way) // 2
            way = way[middle] + larger * (way - way[middle])
            axes.plot(*way[: middle + 1].T, color=LOW, linewidth=1.5)
            axes.plot(*way[middle:].T, color=HIGH, linewidth=1.5)
            axes.plot(*way[middle], color="#333333", marker="o", markersize=3)
        axes.set(aspect="equal", xticks=[], yticks=[])
        axes.set(xlim=(centre[0] - half, centre[0] + half), ylim=(centre[1] - half, centre[1] + half))
        axes.set_title(f"direction {k + 1}: {shares[k]:.0%}", fontsize=10)
        axes.spines[:].set_color("#cccccc")
    enlarged = f"\nmoves are drawn {larger} times as large" if larger > 1 else ""
    figure.supxlabel(f"from a sample (black) by 2 σ back (blue) and forth (orange){enlarged}", fontsize=9)
    return pixels(canvas)


def direction_curves(walks: Array, amounts: Array, shares: Array) -> Array:
    """Draw a panel a direction and sample: sequences (K, B, S, T), one for each amount, from blue through grey to orange."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("amounts", [LOW, MIDDLE, HIGH])(np.linspace(0, 1, len(amounts)))
    directions, samples = walks.shape[:2]
    figure, canvas = new_figure(2.6 * directions, 1.7 * samples + 0.5)
    panels = figure.subplots(samples, directions, sharex=True, sharey="row", squeeze=False)
    for k in range(directions):
        panels[0][k].set_title(f"direction {k + 1}: {shares[k]:.0%}", fontsize=10)
        for b in range(samples):
            for sequence, colour in zip(walks[k, b], colours):
                panels[b][k].plot(sequence, color=colour, linewidth=1.4)
            quiet_axes(panels[b][k])
            panels[b][k].tick_params(labelsize=7)
    figure.supxlabel(f"a sample (grey) moved by {amounts[0]:g} σ (blue) to {amounts[-1]:g} σ (orange)", fontsize=9)
    return pixels(canvas)


def share_chart(names: Sequence[str], whole: Array, of_steps: Array | None) -> Array:
    """Draw the share of the variance of a sample that each input decides alone: bars; with steps, a map of each step's.

    names (I,), whole (I,), of_steps (I, T).
    """
    height, width = max(1.6, min(6.5, 0.2 * len(names) + 1.2)), 8.4 if of_steps is not None else 5.5
    figure, canvas = new_figure(width, height)
    places = np.arange(len(names))
    if of_steps is None:
        bars = figure.subplots()
    else:
        chart, bars = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
        shown = chart.imshow(of_steps, cmap="Blues", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        chart.set_xlabel("step that is written", fontsize=9)
        chart.set_xticks(range(0, of_steps.shape[1], max(1, of_steps.shape[1] // 8)))
        chart.set_xticklabels([f"{tick + 1:.0f}" for tick in chart.get_xticks()])
        chart.tick_params(labelsize=8)
        scale = figure.colorbar(shown, ax=chart, fraction=0.05)
        scale.ax.tick_params(labelsize=8)
        scale.set_label("share of its variance", fontsize=8)
    bars.barh(places, np.maximum(whole, 0), color=COLOURS["d"], height=0.7)
    for place, share in zip(places, np.maximum(whole, 0)) if len(names) <= 40 else ():
        bars.text(share, place, f" {share:.1%}" if share < 0.1 else f" {share:.0%}", va="center", fontsize=7)
    bars.set_xlim(0, 1.12 * max(0.1, float(whole.max())))
    bars.set(yticks=places[:: -(-len(names) // 32)], ylim=(len(names) - 0.4, -0.6))
    bars.set_yticklabels(names[:: -(-len(names) // 32)])
    quiet_axes(bars)
    bars.tick_params(labelsize=8)
    bars.set_xlabel("share of all variance", fontsize=9)
    title = f"decided by each latent alone: {say_shares(names, whole)}"
    figure.suptitle(textwrap.fill(title, round(12 * width)), fontsize=10)  # of this size 13 letters are an inch
    return pixels(canvas)


def say_shares(names: Sequence[str], whole: Array) -> str:
    """Return the shares in words, those of all steps together as z_t, and what is decided only together."""
    sums: dict[str, float] = {}
    for name, share in zip(names, whole):
        key = f"{name.rpartition('_')[0]}_t" if name.rpartition("_")[2].isdigit() else name
        sums[key] = sums.get(key, 0.0) + float(share)
    sums["only together"] = 1 - sum(sums.values())
    return ", ".join(f"{name} {max(0.0, share):.0%}" for name, share in sums.items())

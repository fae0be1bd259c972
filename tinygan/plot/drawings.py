"""Drawings of how a network is wired, on a Matplotlib axis of the reader's: an LSTM cell, and an LSTM that writes.

    figure, axis = plt.subplots(figsize=(7, 4.2))
    lstm_cell(axis)
"""

from typing import Any

INK, GATE, CANDIDATE, ROW, FRAME = "#333333", "#CDE9DF", "#FBE3BF", "#F7D9C7", "#F4F4F4"


def lstm_cell(axis: Any) -> None:
    """Draw one step of an LSTM: three gates and a candidate, the cell state c above them, the state h below.

    i, f, o = σ(a_i), σ(a_f), σ(a_o)    g = tanh(a_g)    c_t = f ⊙ c_{t-1} + i ⊙ g    h_t = o ⊙ tanh(c_t)
    """
    _clear(axis, (-0.5, 11.5), (-0.3, 6.6))
    _box(axis, 5.5, 3.3, "", 8.6, 5.2, FRAME)
    _arrow(axis, (0.6, 5.2), (10.4, 5.2), width=3)  # the cell state, from step to step
    _arrow(axis, (0.6, 1.3), (6.9, 1.3), (6.9, 2.0))  # h_{t-1}, joined by x_t, to all four
    _arrow(axis, (1.9, 0.4), (1.9, 1.3), head=False)
    gates = [
        (2.7, "$\\sigma$", "f", "forget", GATE), (4.1, "$\\sigma$", "i", "input", GATE),
        (5.5, "tanh", "g", "candidate", CANDIDATE), (6.9, "$\\sigma$", "o", "output", GATE),
    ]  # fmt: skip
    for x, function, letter, name, colour in gates:
        _arrow(axis, (x, 1.3), (x, 2.0))
        _box(axis, x, 2.35, function, 1.0, 0.7, colour)
        axis.text(x, 1.1, name, ha="center", va="top", fontsize=9, color=INK)
        axis.text(x + 0.14, 3.0, f"${letter}$", fontsize=12, color=INK)
    _arrow(axis, (2.7, 2.7), (2.7, 4.95))
    _arrow(axis, (4.1, 2.7), (4.1, 3.8), (5.25, 3.8))
    _arrow(axis, (5.5, 2.7), (5.5, 3.55))
    _arrow(axis, (5.5, 4.05), (5.5, 4.95))
    _arrow(axis, (6.9, 2.7), (6.9, 3.3), (8.25, 3.3))
    _arrow(axis, (8.5, 5.2), (8.5, 4.65))
    _box(axis, 8.5, 4.3, "tanh", 1.0, 0.7, "white")
    _arrow(axis, (8.5, 3.95), (8.5, 3.55))
    _arrow(axis, (8.5, 3.05), (8.5, 1.3), (10.4, 1.3))
    for x, y, sign in (2.7, 5.2, "\\times"), (5.5, 5.2, "+"), (5.5, 3.8, "\\times"), (8.5, 3.3, "\\times"):
        _node(axis, x, y, sign)
    for x, y, name in (0.1, 5.2, "c_{t-1}"), (0.1, 1.3, "h_{t-1}"), (1.9, 0.1, "x_t"), (10.8, 5.2, "c_t"), (10.8, 1.3, "h_t"):
        axis.text(x, y, f"${name}$", ha="center", va="center", fontsize=13, color=INK)


def unrolled_writer(axis: Any, steps: int = 4) -> None:
    """Draw an LSTM that writes `steps` rows: each step reads the row before it, fresh noise z_t, and z.

    (h_0, c_0) = FC(z)    h_t, c_t = LSTM([x_{t-1}, z_t, z], h_{t-1}, c_{t-1})    x_t = tanh(A h_t + a)
    """
    if steps < 1:
        raise ValueError(f"unrolled_writer: steps={steps}: draw 1 step or more")
    gap, feedback = 3.3, "#D55E00"
    _clear(axis, (-0.5, gap * steps + 2.1), (-0.2, 5.0))
    _box(axis, 0.6, 2.4, "FC", 1.0, 1.0, "white")
    _arrow(axis, (0.6, 0.5), (0.6, 1.9))
    axis.text(0.6, 0.15, "$z$", ha="center", va="center", fontsize=13, color=INK)
    for t in range(1, steps + 1):
        x = gap * t
        left = x - gap + (1.1 if t == 1 else 0.7)  # where the box before it ends
        _arrow(axis, (left, 2.4), (x - 0.7, 2.4), width=2.2)
        axis.text(left + 0.65, 2.6, f"$h_{{{t - 1}}}, c_{{{t - 1}}}$", ha="center", fontsize=9, color=INK)
        _box(axis, x, 2.4, "LSTM", 1.4, 1.0, GATE)
        _arrow(axis, (x + 0.3, 0.5), (x + 0.3, 1.9))
        axis.text(x + 0.3, 0.15, f"$z_{{{t}}},\\, z$", ha="center", va="center", fontsize=13, color=INK)
        _arrow(axis, (x, 2.9), (x, 3.9))
        axis.text(x + 0.15, 3.4, "tanh$(Ah+a)$", fontsize=8, va="center", color=INK)
        _box(axis, x, 4.3, f"$x_{{{t}}}$", 1.4, 0.8, ROW)
        if t < steps:  # the row goes under the next step
            down, under = x + gap - 1.2, x + gap - 0.3
            _arrow(axis, (x + 0.7, 4.3), (down, 4.3), (down, 1.3), (under, 1.3), (under, 1.9), colour=feedback, width=2)
    _arrow(axis, (gap - 0.3, 1.3), (gap - 0.3, 1.9), colour=feedback, width=2)
    axis.text(gap - 0.45, 1.1, "$x_0 = 0$", ha="center", va="center", fontsize=9, color=feedback)


def _clear(axis, xs, ys):
    axis.set(xlim=xs, ylim=ys, aspect="equal")
    axis.axis("off")


def _box(axis, x, y, text, width, height, colour):
    """A box around (x, y), with rounded corners."""
    from matplotlib.patches import FancyBboxPatch

    corner, style = (x - width / 2 + 0.1, y - height / 2 + 0.1), "round,pad=0.1,rounding_size=0.15"
    axis.add_patch(FancyBboxPatch(corner, width - 0.2, height - 0.2, style, facecolor=colour, edgecolor=INK, linewidth=1.2))
    axis.text(x, y, text, ha="center", va="center", fontsize=11, color=INK)


def _node(axis, x, y, sign):
    """A circle with a sign: an operation on each number."""
    from matplotlib.patches import Circle

    axis.add_patch(Circle((x, y), 0.25, facecolor="white", edgecolor=INK, linewidth=1.2, zorder=3))
    axis.text(x, y, f"${sign}$", ha="center", va="center", fontsize=13, color=INK, zorder=4)


def _arrow(axis, *points, colour=INK, width=1.4, head=True):
    """A line through points, with an arrow at its end."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    style = "-|>,head_length=0.5,head_width=0.25" if head else "-"
    look = {"color": colour, "linewidth": width, "mutation_scale": 12, "joinstyle": "miter", "capstyle": "butt"}
    axis.add_patch(FancyArrowPatch(path=Path(points), arrowstyle=style, **look))

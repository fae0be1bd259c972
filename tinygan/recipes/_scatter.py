"""A picture of points in the plane: what is real in grey, what was generated in colour on top."""

from tinygan.files import written_whole


def scatter(real, generated, path):
    """Draw points real (N, 2) and generated (M, 2) to `path`, a .png; the axes are those of the real points."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained", facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.scatter(*real.T, s=9, color="#bbbbbb", linewidths=0, label="real")
    axes.scatter(*generated.T, s=9, color="#D55E00", alpha=0.6, linewidths=0, label="generated")
    low, high = real.min(), real.max()
    margin = 0.15 * (high - low)
    axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
    axes.tick_params(color="#888888", labelsize=9)
    axes.spines[:].set_color("#cccccc")
    axes.legend(frameon=False, fontsize=9, loc="upper right", ncols=2)
    with written_whole(path) as temporary:
        canvas.print_png(str(temporary))

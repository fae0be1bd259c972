"""Points in the plane: real points, generated points, and the discriminator's verdict on every place.

In the plane the whole game is visible at once. Colour: blue where the discriminator leans to real, orange where it
leans to generated, white half-way between its mean verdicts on the two, the middle for every objective. Arrows: the
gradient of D(x), the direction in which the discriminator pushes a generated point.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tinygan import ops
from tinygan.autodiff import Tensor, grad, no_grad, raw
from tinygan.backend import Array, to_numpy
from tinygan.nn import Module
from tinygan.plot.drawing import COLOURS, new_figure, pixels

MOST_POINTS = 1500  # of each kind; more hide each other
SURFACE = 120  # verdicts along each axis
ARROWS = 17  # along each axis


def point_picture(
    real: Array,
    generated: Array,
    discriminator: Callable[[Tensor], Tensor] | None = None,
    limits: tuple[float, float, float, float] | None = None,
    title: str | None = None,
    size: float = 5.0,
) -> Array:
    """Draw real points (N, 2) and generated ones (M, 2) over the discriminator's surface: a picture (H, W, 3), uint8.

    discriminator: a Module or function from a float32 Tensor (K, 2) to (K,) or (K, 1); it needs no sigmoid. A Module is
    given Tensors on its own device. limits: (left, right, bottom, top), by default those of the real points with a
    margin. size: the width in inches of 100 pixels. The frames of a `gif` need equal limits and sizes. ValueError for
    points that are not in the plane.
    """
    real, generated = _checked(real), _checked(generated)
    left, right, bottom, top = _limits(real) if limits is None else limits
    height = (size - 0.6) * (top - bottom) / (right - left) + 0.9
    figure, canvas = new_figure(size + (0.8 if discriminator else 0), height)
    axes = figure.subplots()
    if discriminator is not None:
        _draw_surface(figure, axes, discriminator, real, generated, (left, right, bottom, top))
    for points, colour, name in ((real, COLOURS[""], "real"), (generated, COLOURS["g"], "generated")):
        shown = points[:: -(-len(points) // MOST_POINTS)]
        opacity = 0.85 if len(shown) < 300 else 0.5
        axes.scatter(*shown.T, s=7, color=colour, alpha=opacity, linewidths=0, label=name, zorder=3)
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal")
    axes.set_title(title or "", fontsize=10)
    axes.tick_params(color="#888888", labelsize=9)
    axes.grid(False)
    axes.spines[:].set_color("#888888")
    legend = figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9, markerscale=2.5)
    for handle in legend.legend_handles:
        handle.set_alpha(1)
    return pixels(canvas)


def _draw_surface(
    figure: Any,
    axes: Any,
    discriminator: Callable[[Tensor], Tensor],
    real: Array,
    generated: Array,
    limits: tuple[float, float, float, float],
) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    left, right, bottom, top = limits
    x, y = np.meshgrid(np.linspace(left, right, SURFACE), np.linspace(bottom, top, SURFACE))
    verdicts = _verdicts(discriminator, np.stack([x.ravel(), y.ravel()], 1)).reshape(x.shape)
    middle = (_verdicts(discriminator, real).mean() + _verdicts(discriminator, generated).mean()) / 2
    # far from the data a verdict may be huge: the largest twentieth of them does not set the scale
    reach = np.percentile(np.abs(verdicts - middle), 95) or 1.0
    tints = LinearSegmentedColormap.from_list("verdict", ["#f0b083", "#ffffff", "#8fc1e3"])
    surface = axes.imshow(
        verdicts,
        tints,
        vmin=middle - reach,
        vmax=middle + reach,
        origin="lower",
        extent=limits,
        interpolation="bilinear",
    )
    axes.contour(x, y, verdicts, [middle], colors="#999999", linewidths=0.8)
    bar = figure.colorbar(surface, ax=axes, shrink=0.75, pad=0.02, extend="both")
    bar.set_label("D(x)", fontsize=9)
    bar.ax.tick_params(labelsize=8, color="#888888")
    bar.outline.set_edgecolor("#888888")

    step = (right - left) / ARROWS
    across, up = np.arange(left + step / 2, right, step), np.arange(bottom + step / 2, top, step)
    places = np.stack([c.ravel() for c in np.meshgrid(across, up)], 1)
    push = gradients(discriminator, places)
    length = np.linalg.norm(push, axis=1, keepdims=True)
    # slopes vary over decades: the median arrow is half a cell long, no arrow is longer than a cell
    arrows = push * (0.9 * step / (length + np.median(length) + 1e-30))
    axes.quiver(
        *places.T, *arrows.T, color="#4d6f8a", angles="xy", scale_units="xy", scale=1, pivot="mid",
        width=0.0028, headwidth=4, headlength=4.5, headaxislength=4, alpha=0.75, zorder=2,
    )  # fmt: skip


def gradients(discriminator: Callable[[Tensor], Tensor], points: ArrayLike) -> Array:
    """Return ∇D at points (N, D), the directions in which D's verdict rises fastest. D must not mix points (batch norm)."""
    x = Tensor(np.asarray(raw(points), np.float32), requires_grad=True, device=_device_of(discriminator))
    (slope,) = grad(ops.sum(discriminator(x)), [x])
    return to_numpy(slope)


@no_grad()
def _verdicts(discriminator: Callable[[Tensor], Tensor], points: Array) -> Array:
    x = Tensor(np.asarray(points, np.float32), device=_device_of(discriminator))
    return discriminator(x).numpy().reshape(len(points))


def _device_of(discriminator: Callable[[Tensor], Tensor]) -> str:
    parameters = discriminator.parameters() if isinstance(discriminator, Module) else []
    return parameters[0].device if parameters else "cpu"


def _limits(real: Array) -> tuple[float, float, float, float]:
    """Return (left, right, bottom, top) of the square about the real points, with an eighth of it as margin."""
    low, high = real.min(0), real.max(0)
    centre, half = (low + high) / 2, 0.625 * max(high - low) or 1.0
    return centre[0] - half, centre[0] + half, centre[1] - half, centre[1] + half


def _checked(points: Array) -> Array:
    points = to_numpy(raw(points))
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise ValueError(f"point_picture: points {points.shape}: expected (N, 2), N at least 1")
    return points

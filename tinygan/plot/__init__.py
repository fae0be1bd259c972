"""Pictures to look at: grids of samples, curves of a log, animations, points and the discriminator's surface.

    pictures   grids of samples; PNG and GIF files
    history    curves of a log; gradient norms, layer by layer
    points     real and generated points in the plane, and what the discriminator thinks of it
    strips     between two latent points, walks through latent space, nearest training pictures

Matplotlib and Pillow are imported by the functions that use them, and Matplotlib only through its objects: no window, no
global figure, no setting of the reader's own session is touched. Every file is written whole or not at all.
"""

from tinygan.plot.history import curves, layer_curves, layer_norms
from tinygan.plot.pictures import gif, image_grid, save_image
from tinygan.plot.points import point_picture
from tinygan.plot.strips import interpolation_strip, neighbour_strip

__all__ = [
    "curves", "gif", "image_grid", "interpolation_strip", "layer_curves", "layer_norms",
    "neighbour_strip", "point_picture", "save_image",
]  # fmt: skip

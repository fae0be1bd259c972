"""Samples and logs to look at and listen to: grids, curves, animations, surfaces, sound.

    pictures   grids of samples; PNG and GIF files
    history    curves of a log; gradient norms, layer by layer
    points     real and generated points in the plane over the discriminator's surface
    strips     between two latent points, walks through latent space, nearest training pictures
    drawings   an LSTM cell and an LSTM that writes, as diagrams
    sound      pieces of music as notes, WAV and MIDI files

The functions that draw import Matplotlib and Pillow, and use Matplotlib only through its objects: they open no window
and change no figure or setting of the reader's session. Every file is written whole or not at all.
"""

from typing import TYPE_CHECKING

from tinygan import remedies
from tinygan.plot.history import curves, layer_curves
from tinygan.plot.pictures import gif, image_grid, save_image
from tinygan.plot.points import point_picture
from tinygan.plot.strips import interpolation_strip, neighbour_strip

__all__ = [
    "curves", "gif", "image_grid", "interpolation_strip", "layer_curves",
    "neighbour_strip", "point_picture", "save_image",
]  # fmt: skip

remedies.watch_functions(globals(), __name__)

if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)

"""Sounds as pictures of their spectrograms: time goes to the right, high tones are above, dark is strong."""

from pathlib import Path

import numpy as np

from tinygan.backend import Array
from tinygan.data.spectra import log_spectrogram

from .pictures import image_grid, save_image
from .strips import _titled

DARKEST = 5.0  # of a log spectrogram: black


def pictures_of(sounds: Array) -> Array:
    """Return pictures of sounds (N, T), (N, 1, 128, T // HOP) in [0, 1]: white where there is silence."""
    return 1 - np.clip(log_spectrogram(sounds)[:, None, ::-1] / DARKEST, 0, 1)


def draw_spectrograms(rows: dict[str, Array], path: str | Path, columns: int = 8) -> None:
    """Draw a grid of spectrograms for each title and its sounds, {title: (N, T)}, one grid under another."""
    grids = [image_grid(pictures_of(sounds), columns=columns, scale=1, value_range=(0, 1)) for sounds in rows.values()]
    save_image(_titled(grids, list(rows)), path)

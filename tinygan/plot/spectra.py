"""Sounds as pictures of their spectrograms: time goes to the right, high tones are above, dark is strong."""

from pathlib import Path

import numpy as np

from tinygan.backend import Array

from .pictures import image_grid, save_image
from .strips import stack_titled

DARKEST = 5.0  # of a log spectrogram: black


def draw_spectrograms(rows: dict[str, Array], path: str | Path, columns: int = 8) -> None:
    """Draw a grid of log spectrograms (N, frequencies, frames) under each title, one grid under another."""
    pictures = {title: 1 - np.clip(drawn[:, None, ::-1] / DARKEST, 0, 1) for title, drawn in rows.items()}
    grids = [image_grid(x, columns=columns, scale=1, value_range=(0, 1)) for x in pictures.values()]
    save_image(stack_titled(grids, list(rows)), path)

"""Curves that do not grow: at most MOST points, of which every second goes when there are more."""

from __future__ import annotations

import numpy as np

from tinygan.backend import Array

MOST = 400


class History:
    """The values of these names over the steps."""

    def __init__(self, *names: str):
        self.names = names
        self.rows: list[tuple] = []
        self.apart = 1  # steps between rows

    def add(self, k: int, **values: float) -> None:
        """Add the values of step k, if the last row is far enough away; the newest row is always kept."""
        row = (k, *(values[name] for name in self.names))
        if len(self.rows) > 1 and k - self.rows[-2][0] < self.apart:
            self.rows[-1] = row
        else:
            self.rows.append(row)
        if len(self.rows) > MOST:
            self.rows = self.rows[::2]
            self.apart = max(1, (self.rows[-1][0] - self.rows[0][0]) // len(self.rows))

    def array(self) -> Array:
        """Return (rows, 1 + names) float32: the step, then the values."""
        return np.array(self.rows, "float32").reshape(-1, 1 + len(self.names))

"""Series of numbers: a table is scaled and cut into windows; waves and prices are made here.

`tables.py` reads a CSV file. `MinMax` and `Whitening` scale and undo the scaling. `windows` cuts a table
(rows, F) into sequences (N, T, F). Prices come from `stock` or `made_prices`, the waves of RCGAN from `sines`.
`tinygan.metrics.series` scores generated sequences.
"""

from __future__ import annotations

import math
import operator
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, stream

from .files import DataError, find_file
from .tables import Table, find_spread_fault, read_csv


class MinMax:
    """Scale every column of values (..., F) from [its minimum, its maximum] to [low, high]; `undo` scales back.

    A constant column becomes the middle of the range. `undo` restores the constant, whatever a model wrote there.

    >>> scaling = MinMax([[1.0, 5.0], [3.0, 5.0]], -1, 1)
    >>> scaling.apply([[2.0, 5.0]]).tolist(), scaling.undo([[1.0, 0.3]]).tolist()
    ([[0.0, 0.0]], [[3.0, 5.0]])
    """

    def __init__(self, values: ArrayLike, low: float = 0.0, high: float = 1.0) -> None:
        values = np.asarray(values, np.float64)
        if values.ndim < 2 or not values.size or not np.isfinite(values).all():
            raise ValueError(f"MinMax: values {values.shape}: expected finite numbers (..., F), at least one row")
        if not low < high:
            raise ValueError(f"MinMax: low {low}, high {high}: expected low < high")
        values = values.reshape(-1, values.shape[-1])
        self.minimum, self.maximum, self.low, self.high = values.min(0), values.max(0), float(low), float(high)
        self.constant = self.maximum / 2 - self.minimum / 2 == 0  # a spread of 5e-324 too: half of it is 0

    def apply(self, values: ArrayLike) -> Array:
        """Return values (..., F) scaled, float32."""
        with np.errstate(over="ignore"):  # halves: the spread of a column from -1e308 to 1e308 would overflow
            spread = np.where(self.constant, 1.0, self.maximum / 2 - self.minimum / 2)
        share = np.where(self.constant, 0.5, (np.asarray(values, np.float64) / 2 - self.minimum / 2) / spread)
        return (self.low + (self.high - self.low) * share).astype(np.float32)

    def undo(self, scaled: ArrayLike) -> Array:
        """Return scaled values (..., F) in their old range, float64."""
        share = (np.asarray(scaled, np.float64) - self.low) / (self.high - self.low)
        return np.where(self.constant, self.minimum, self.minimum * (1 - share) + self.maximum * share)


class Whitening:
    """Turn rows (..., F) into uncorrelated numbers of mean 0 and variance 1; `undo` turns them back.

    w = (x - mean) V / σ with the principal components V and variances σ² of the columns' correlations. Two columns that
    are almost equal, such as a day's highest and lowest price, become a large direction and a small one, and a model
    sees both at the same scale. Directions without variance, from constant or copied columns, are left out; `undo`
    restores them.

    >>> whitening = Whitening([[1.0, 2.0, 7.0], [2.0, 4.0, 7.0], [3.0, 6.0, 7.0]])
    >>> whitening.apply([[1.0, 2.0, 7.0]]).shape, whitening.undo([[0.0]]).tolist()
    ((1, 1), [[2.0, 4.0, 7.0]])
    """

    def __init__(self, values: ArrayLike) -> None:
        values = np.asarray(values, np.float64)
        if values.ndim < 2 or not values.size or not np.isfinite(values).all():
            raise ValueError(f"Whitening: values {values.shape}: expected finite numbers (..., F), at least one row")
        values = values.reshape(-1, values.shape[-1])
        for k, column in enumerate(values.T):
            fault = find_spread_fault(column)
            if fault:
                raise DataError(f"Whitening: column {k + 1} {fault}")
        self.mean = values.mean(0)
        centred = values - self.mean
        spread = centred.std(0)
        constant = np.ptp(values, axis=0) == 0
        if constant.all():
            raise DataError("every column is constant: there is nothing to learn")
        scaled = centred / np.where(constant, 1, spread) * ~constant
        variances, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
        varies = variances > 1e-10 * variances[-1]  # copies leave 1e-16, the smallest direction of stock 4e-5
        self.to_rows = (directions[:, varies] * np.sqrt(variances[varies])).T * np.where(constant, 0, spread)  # (K, F)
        self.from_rows = directions[:, varies] / np.sqrt(variances[varies]) / np.where(constant, 1, spread)[:, None]

    def apply(self, values: ArrayLike) -> Array:
        """Return values (..., F) whitened: (..., K), float32, K <= F."""
        return ((np.asarray(values, np.float64) - self.mean) @ self.from_rows).astype(np.float32)

    def undo(self, whitened: ArrayLike) -> Array:
        """Return whitened rows (..., K) as values (..., F), float64."""
        return np.asarray(whitened, np.float64) @ self.to_rows + self.mean

    def to_json(self) -> dict[str, list]:
        """Return plain lists from which `from_json` restores this scaling."""
        return {name: getattr(self, name).tolist() for name in ("mean", "to_rows", "from_rows")}

    @classmethod
    def from_json(cls, stored: dict[str, list]) -> Whitening:
        """Return the Whitening that `to_json` stored."""
        whitening = cls.__new__(cls)
        for name in ("mean", "to_rows", "from_rows"):
            setattr(whitening, name, np.array(stored[name], np.float64))
        return whitening


def windows(values: ArrayLike, length: int, stride: int = 1) -> Array:
    """Return all runs of `length` rows of values (rows, F), `stride` apart: a new array (N, length, F).

    DataError if the values have fewer than `length` rows.
    """
    values = np.asarray(values)
    length, stride = operator.index(length), operator.index(stride)
    if values.ndim != 2 or length < 1 or stride < 1:
        raise ValueError(
            f"windows: values {values.shape}, length {length}, stride {stride}: expected (rows, F), and 1 or more"
        )
    if len(values) < length:
        raise DataError(f"the series has {len(values)} rows, too few for windows of {length}; take shorter ones")
    views = np.lib.stride_tricks.sliding_window_view(values, length, 0)[::stride]  # (N, F, length)
    return views.transpose(0, 2, 1).copy()


def stock(length: int = 24, folder: str | Path | None = None) -> tuple[Array, MinMax]:
    """Return Google's stock, 6 columns a day: windows (3685 - length + 1, length, 6) float32 in [0, 1], and their MinMax.

    The windows are in order of time. stock_data.csv comes from `folder`, else from $TINYGAN_DATA/series; DataError if
    it is missing. Yoon et al. 2019 (TimeGAN).
    """
    table = read_csv(find_file("stock_data.csv", folder=folder) if folder else find_file("series/stock_data.csv"))
    scaling = MinMax(table.values)
    return windows(scaling.apply(table.values), length), scaling


def sines(n: int, length: int = 30, seed: int = 0, band: tuple[float, float] = (1, 5)) -> Array:
    """Return n waves a sin(2π f t/length + φ), t = 0 ... length - 1: (n, length, 1) float32, in [-.9, .9].

    Frequency f ~ U(band), amplitude a ~ U(.1, .9), phase φ ~ U(-π, π). Esteban et al. 2017 (RCGAN), section 4.1.
    """
    rng = stream(seed, "sines")
    f, a, phase = (rng.uniform(low, high, (n, 1)) for low, high in (band, (0.1, 0.9), (-math.pi, math.pi)))
    waves = a * np.sin(2 * math.pi * f * np.arange(length) / length + phase)
    return waves[:, :, None].astype(np.float32)


def made_prices(rows: int = 3000, seed: int = 0) -> Table:
    """Return invented prices of a stock: a Table of open, high, low, close and volume, a row a day; it needs no file.

    log close is a random walk. Its daily spread wanders between about .5 % and 3 %, and the volume follows the spread.
    """
    rng = stream(seed, "made prices")
    noise = rng.standard_normal((6, rows))
    log_spread = np.zeros(rows)
    for day in range(1, rows):  # an autoregression: calm and nervous periods of about 50 days
        log_spread[day] = 0.98 * log_spread[day - 1] + 0.1 * noise[0, day]
    spread = 0.012 * np.exp(log_spread)
    close = 100 * np.exp(np.cumsum(2e-4 + spread * noise[1]))
    opened = np.append(100.0, close[:-1]) * np.exp(0.3 * spread * noise[2])
    high = np.maximum(opened, close) * np.exp(0.4 * spread * np.abs(noise[3]))
    low = np.minimum(opened, close) * np.exp(-0.4 * spread * np.abs(noise[4]))
    volume = 1e6 * np.exp(log_spread + 0.3 * noise[5])
    return Table(["Open", "High", "Low", "Close", "Volume"], np.stack([opened, high, low, close, volume], 1), [])

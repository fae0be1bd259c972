"""The Frechet distance between two bags of feature vectors; papers print it as FID.

It fits a Gaussian to each bag and measures how far apart the two Gaussians are. It is biased upwards: two bags of one
distribution are farther apart the smaller they are. Compare it with a floor of the same sample sizes. The kernel
distance (`mmd.py`) has no bias. All numbers are float64, since the distance is a small difference of large sums.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array
from tinygan.metrics.points.bags import checked_bags


def frechet_distance(features_a: ArrayLike, features_b: ArrayLike) -> float:
    """Return |m₁ - m₂|² + tr(S₁ + S₂ - 2 (S₁S₂)^½) of the means and covariances of features (N, D) and (M, D).

    Covariances divide by N - 1 and may be singular, so fewer rows than features are allowed. ValueError for rows of
    different length, fewer than two rows, or values that are not finite. Heusel et al. 2017, eq. 6; Dowson & Landau
    1982.
    """
    a, b = checked_bags("frechet_distance", features_a, features_b, least=2)
    difference = a.mean(0) - b.mean(0)
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    # With Sᵢ = RᵢᵀRᵢ, the eigenvalues of S₁S₂ are the squared singular values of R₁R₂ᵀ. Singular values need no complex
    # numbers and no root of a rounding error: for a singular S they are exact to 1e-15 of tr S, sqrtm(S₁S₂) to 1e-7.
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = difference @ difference + np.square(root_a).sum() + np.square(root_b).sum() - 2 * cross
    return max(0.0, float(distance))  # equal bags give about -1e-15


def _covariance_root(x: Array) -> Array:
    """Return R (min(N, D), D) with RᵀR = the covariance of the rows of x (N, D), by QR: no square loses digits."""
    root: Array = np.linalg.qr(x - x.mean(0), mode="r")  # type: ignore[assignment]  # NumPy's stub knows only mode="reduced"
    return root / math.sqrt(len(x) - 1)

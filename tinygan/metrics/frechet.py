"""How far apart two sets of feature vectors are: Frechet distance and kernel distance.

Both look at a bag of vectors, one row a picture. The Frechet distance fits a Gaussian to each bag; it is what papers
print as FID, and it is biased: two bags drawn from one distribution are farther apart the smaller they are, so it means
something only beside a floor of the same sample sizes. The kernel distance (KID) has no bias and a standard error.
Everything is float64: the distance is a small difference of large sums.
"""

import math
from typing import NamedTuple

import numpy as np

from tinygan.backend import stream
from tinygan.metrics.bags import checked_bags


def frechet_distance(features_a, features_b):
    """|m₁ - m₂|² + tr(S₁ + S₂ - 2 (S₁S₂)^½) of the means and covariances of features (N, D) and (M, D).

    Covariances divide by N - 1 and may be singular: fewer rows than features are fine. ValueError for rows of different
    length, fewer than two rows, or values that are not finite. Heusel et al. 2017, eq. 6; Dowson & Landau 1982.
    """
    a, b = checked_bags("frechet_distance", features_a, features_b, least=2)
    difference = a.mean(0) - b.mean(0)
    root_a, root_b = _covariance_root(a), _covariance_root(b)
    # With Sᵢ = RᵢᵀRᵢ, the eigenvalues of S₁S₂ are the squared singular values of R₁R₂ᵀ. That needs neither complex numbers
    # nor a root of a rounding error: for a singular S, sqrtm of the product is right to 1e-7 of tr S at best, this to 1e-15.
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = difference @ difference + np.square(root_a).sum() + np.square(root_b).sum() - 2 * cross
    return max(0.0, float(distance))  # equal bags give about -1e-15


class KernelDistance(NamedTuple):
    """An unbiased estimate, which is negative half of the time if the truth is 0, and its standard error."""

    mean: float
    standard_error: float


def kernel_distance(features_a, features_b, blocks=10, seed=0):
    """Kernel distance: MMD² = E k(a, a') + E k(b, b') - 2 E k(a, b), a ≠ a', with k(x, y) = (x·y/D + 1)³.

    Features (N, D) and (M, D) are shuffled by `seed` and cut into `blocks` parts that share no row, so the estimates
    from the parts are independent: their mean and its standard error are returned. ValueError unless every block has
    two rows of each kind. Binkowski et al. 2018, eq. 4.
    """
    a, b = checked_bags("kernel_distance", features_a, features_b, least=2)
    if blocks < 2 or min(len(a), len(b)) < 2 * blocks:
        raise ValueError(
            f"kernel_distance: {len(a)} and {len(b)} rows in {blocks} blocks: take at least 2 blocks of at least 2 rows"
        )
    rng = stream(seed, "kernel distance")
    parts_a, parts_b = (np.array_split(rng.permutation(x), blocks) for x in (a, b))
    estimates = [_squared_discrepancy(x, y) for x, y in zip(parts_a, parts_b)]
    return KernelDistance(float(np.mean(estimates)), float(np.std(estimates, ddof=1) / math.sqrt(blocks)))


def _squared_discrepancy(a, b):
    """The unbiased estimate of MMD² from features (n, D) and (m, D)."""
    aa, bb, ab = ((x @ y.T / x.shape[1] + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    # a row with itself says nothing about a pair drawn at random: leaving the diagonal out makes the estimate unbiased
    within = sum((k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (aa, bb))
    return within - 2 * ab.mean()


def _covariance_root(x):
    """R (min(N, D), D) with RᵀR = the covariance of the rows of x (N, D); by QR, so the data is never squared."""
    return np.linalg.qr(x - x.mean(0), mode="r") / math.sqrt(len(x) - 1)

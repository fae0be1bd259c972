"""How far mass has to be carried to turn one bag of points into another: exactly in 1-D, over directions in more.

On a line the cheapest plan carries the smallest to the smallest, the next to the next, so sorting is all there is to do.
In more dimensions the sliced distance looks along many directions and averages. Bags of one distribution are not at 0
but at about 1/√N: print real against real beside it.
"""

import numpy as np

from tinygan.backend import stream, to_numpy
from tinygan.metrics.bags import checked_bags


def wasserstein_1d(a, b):
    """W₁ = ∫ |F⁻¹(t) - G⁻¹(t)| dt of numbers (N,) and (M,), any N and M, exactly. Vallender 1974."""
    a, b = np.asarray(to_numpy(a)), np.asarray(to_numpy(b))
    if a.ndim != 1 or b.ndim != 1:
        raise ValueError(f"wasserstein_1d: {a.shape} and {b.shape}: expected (N,) and (M,); see sliced_wasserstein")
    a, b = checked_bags("wasserstein_1d", a[:, None], b[:, None], least=1)
    return float(_along(a, b)[0])


def sliced_wasserstein(a, b, directions=200, seed=0):
    """The mean over random directions θ, |θ| = 1, of W₁(θ·a, θ·b), of points (N, D) and (M, D) -> a float.

    For a shift by v it is |v| Γ(D/2) / (√π Γ((D+1)/2)): 2|v|/π in the plane. Rabin et al. 2011; Bonneel et al. 2015.
    """
    a, b = checked_bags("sliced_wasserstein", a, b, least=1)
    if directions < 1:
        raise ValueError(f"sliced_wasserstein: {directions} directions: at least one is needed")
    theta = stream(seed, "directions").standard_normal((a.shape[1], directions))
    theta /= np.linalg.norm(theta, axis=0)
    # 64 directions at a time: 10,000 points against them are 5 MB
    parts = [_along(a @ theta[:, k : k + 64], b @ theta[:, k : k + 64]) for k in range(0, directions, 64)]
    return float(np.concatenate(parts).mean())


def _along(a, b):
    """W₁ of every column of a (N, K) to the same column of b (M, K) -> (K,)."""
    a, b = np.sort(a, 0), np.sort(b, 0)
    n, m = len(a), len(b)
    if n == m:
        return np.abs(a - b).mean(0)
    # both quantile functions are constant between consecutive multiples of 1/N and 1/M; all counted in units of 1/NM
    ends = np.union1d(np.arange(1, n + 1) * m, np.arange(1, m + 1) * n)
    lengths = np.diff(ends, prepend=0)
    return lengths @ np.abs(a[(ends - 1) // m] - b[(ends - 1) // n]) / (n * m)

"""All distances between bags of features at once, each beside what held-out real features score.

Take any features: `feature_scores(f(generated), f(training), f(held_out))` with a function f from pictures, sequences
or sounds to rows of numbers. `pictures/images.py` does the same for digits, with our own classifier.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from tinygan.backend import Array, stream
from tinygan.metrics.points.bags import checked_bags
from tinygan.metrics.points.frechet import frechet_distance
from tinygan.metrics.points.mmd import kernel_distance
from tinygan.metrics.points.precision_recall import density_coverage, precision_recall
from tinygan.metrics.points.wasserstein import sliced_wasserstein


def feature_scores(generated: ArrayLike, real: ArrayLike, held_out: ArrayLike, seed: int = 0) -> dict[str, float]:
    """Score generated features (N, D) against real ones (M, D), and as many held-out real features in the same way.

    Returns frechet_distance, kernel_distance, sliced_wasserstein, precision, recall, density and coverage of the
    generated features, and the same names with "real_" for the held-out ones: what a perfect generator scores. samples,
    the smaller of N and the number held out, is how many rows of each `seed` draws. ValueError for fewer than 20 rows
    of any.
    """
    bags = checked_bags("feature_scores", generated, real, held_out, least=20)
    fake, true, fresh = (x[stream(seed, "features", i).permutation(len(x))] for i, x in enumerate(bags))
    n = min(len(fake), len(fresh))
    scores, floor = _score(fake[:n], true, seed), _score(fresh[:n], true, seed)
    return {"samples": n, **scores, **{f"real_{name}": value for name, value in floor.items()}}


def _score(features: Array, real: Array, seed: int) -> dict[str, float]:
    balls = density_coverage(real, features)
    return {
        "frechet_distance": frechet_distance(features, real),
        "kernel_distance": kernel_distance(features, real, seed=seed).mean,
        "sliced_wasserstein": sliced_wasserstein(features, real, seed=seed),
        **precision_recall(real, features),
        "density": balls["density"],
        "coverage": balls["coverage"],
    }

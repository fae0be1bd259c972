"""Every distance between bags of features at once, each beside its floor; the features are anybody's.

For a network of your own: `feature_scores(f(generated), f(training), f(held_out))` with f from pictures, sequences or
sounds to rows of numbers. `images.py` does the same for digits, with our own classifier.
"""

from tinygan.backend import stream
from tinygan.metrics.bags import checked_bags
from tinygan.metrics.frechet import frechet_distance, kernel_distance
from tinygan.metrics.precision_recall import density_coverage, precision_recall
from tinygan.metrics.wasserstein import sliced_wasserstein


def feature_scores(generated, real, held_out, seed=0):
    """Scores of generated features (N, D) against real ones (M, D), and of as many held-out real ones in their place.

    A dict: frechet_distance, kernel_distance, sliced_wasserstein, precision, recall, density, coverage, and each with
    "real_" before its name for the held-out ones: what a perfect generator scores. samples, min(N, held-out), says how
    many of each were drawn, by `seed`; ValueError for fewer than 20 of any.
    """
    bags = checked_bags("feature_scores", generated, real, held_out, least=20)
    generated, real, held_out = (x[stream(seed, "features", i).permutation(len(x))] for i, x in enumerate(bags))
    n = min(len(generated), len(held_out))
    found, floor = _scores(generated[:n], real, seed), _scores(held_out[:n], real, seed)
    return {"samples": n, **found, **{f"real_{name}": value for name, value in floor.items()}}


def _scores(features, real, seed):
    shape = density_coverage(real, features)
    return {
        "frechet_distance": frechet_distance(features, real),
        "kernel_distance": kernel_distance(features, real, seed=seed).mean,
        "sliced_wasserstein": sliced_wasserstein(features, real, seed=seed),
        **precision_recall(real, features),
        "density": shape["density"],
        "coverage": shape["coverage"],
    }

"""Bags of points or features: distances, modes, precision and recall, repetition.

    frechet, mmd, wasserstein   distances between two bags; the kernel distance (KID) is in mmd
    modes                       how many known modes are covered
    precision_recall            fidelity and diversity apart; density and coverage
    copies                      copies of the training set; diversity
    features                    most of these at once, each beside its floor
    bags                        checks and distances in blocks, shared by all

A bag is a matrix (N, D): a row is a point, or the features of a picture.
"""

from .copies import Diversity, Neighbours, copied_share, diversity, nearest_training
from .features import feature_scores
from .frechet import frechet_distance
from .mmd import (
    KernelDistance,
    PermutationTest,
    kernel_distance,
    median_distance,
    squared_mmd,
    squared_mmd_floor,
    squared_mmd_test,
)
from .modes import class_scores, grid_centres, mode_scores, ring_centres
from .precision_recall import density_coverage, precision_recall
from .wasserstein import sliced_wasserstein, wasserstein_1d

__all__ = [
    "Diversity", "KernelDistance", "Neighbours", "PermutationTest", "class_scores", "copied_share", "density_coverage",
    "diversity", "feature_scores", "frechet_distance", "grid_centres", "kernel_distance", "median_distance",
    "mode_scores", "nearest_training", "precision_recall", "ring_centres", "sliced_wasserstein", "squared_mmd",
    "squared_mmd_floor", "squared_mmd_test", "wasserstein_1d",
]  # fmt: skip

"""What is measured: distances between bags of features, and scores of generated pictures by a classifier of our own.

A score is printed beside what real data scores, never alone. Read `images.py` first. Importing this needs numpy only.
"""

from tinygan.metrics.classifier import Classifier, cache_folder, digit_classifier, train_classifier
from tinygan.metrics.frechet import KernelDistance, frechet_distance, kernel_distance
from tinygan.metrics.images import class_shares, evaluate_images, inception_score
from tinygan.metrics.mmd import PermutationTest, median_distance, squared_mmd, squared_mmd_floor, squared_mmd_test
from tinygan.metrics.modes import class_scores, grid_centres, mode_scores, ring_centres
from tinygan.metrics.precision_recall import density_coverage, precision_recall
from tinygan.metrics.quality import Diversity, bicubic, diversity, psnr, ssim
from tinygan.metrics.wasserstein import sliced_wasserstein, wasserstein_1d

__all__ = [
    "Classifier", "Diversity", "KernelDistance", "PermutationTest", "bicubic", "cache_folder", "class_scores",
    "class_shares", "density_coverage", "digit_classifier", "diversity", "evaluate_images", "frechet_distance",
    "grid_centres", "inception_score", "kernel_distance", "median_distance", "mode_scores", "precision_recall",
    "psnr", "ring_centres", "sliced_wasserstein", "squared_mmd", "squared_mmd_floor", "squared_mmd_test", "ssim",
    "train_classifier", "wasserstein_1d",
]  # fmt: skip

"""What is measured: distances between bags of features, and scores of generated pictures by a classifier of our own.

A score is printed beside what real data scores, never alone. Read `images.py` first. Importing this needs numpy only.
"""

from tinygan.metrics.classifier import Classifier, cache_folder, digit_classifier, train_classifier
from tinygan.metrics.frechet import KernelDistance, frechet_distance, kernel_distance
from tinygan.metrics.images import class_shares, evaluate_images, inception_score
from tinygan.metrics.modes import class_scores, grid_centres, mode_scores, ring_centres

__all__ = [
    "Classifier", "KernelDistance", "cache_folder", "class_scores", "class_shares", "digit_classifier", "evaluate_images",
    "frechet_distance", "grid_centres", "inception_score", "kernel_distance", "mode_scores", "ring_centres",
    "train_classifier",
]  # fmt: skip

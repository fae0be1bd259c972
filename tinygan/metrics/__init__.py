"""What is measured: distances between bags of points or features, and scores of pictures by a classifier of our own.

A score is printed beside what real data scores, never alone. Importing this needs numpy only.

    pictures by a classifier   images, frechet, synthetic (can one learn from them?), classifier itself; read images first
    bags of points             modes, precision_recall, mmd, wasserstein, copies of the training set; bags has what they
                               share, features measures most of them at once
    pictures in pairs          quality: PSNR, SSIM; diversity of a batch
    what comes in a row        text (BLEU, novelty), ngrams (likelihood), oracle (SeqGAN's), sequences: waves
"""

from tinygan.metrics.classifier import Classifier, cache_folder, digit_classifier, train_classifier
from tinygan.metrics.copies import Neighbours, copied_share, nearest_training
from tinygan.metrics.features import feature_scores
from tinygan.metrics.frechet import KernelDistance, frechet_distance, kernel_distance
from tinygan.metrics.images import class_shares, evaluate_images, inception_score
from tinygan.metrics.mmd import PermutationTest, median_distance, squared_mmd, squared_mmd_floor, squared_mmd_test
from tinygan.metrics.modes import class_scores, grid_centres, mode_scores, ring_centres
from tinygan.metrics.ngrams import NgramModel
from tinygan.metrics.precision_recall import density_coverage, precision_recall
from tinygan.metrics.quality import Diversity, bicubic, diversity, psnr, ssim
from tinygan.metrics.sequences import (
    SequenceScores,
    discriminative_score,
    predictive_score,
    sequence_class_scores,
    sequence_scores,
    tone_purity,
)
from tinygan.metrics.synthetic import synthetic_scores
from tinygan.metrics.text import bleu, distinct_share, exact_copies, ngram_novelty, self_bleu, sentence_bleu
from tinygan.metrics.wasserstein import sliced_wasserstein, wasserstein_1d

__all__ = [
    "Classifier", "Diversity", "KernelDistance", "Neighbours", "NgramModel", "PermutationTest",
    "SequenceScores", "bicubic", "bleu", "cache_folder", "class_scores", "class_shares", "copied_share",
    "density_coverage", "digit_classifier", "discriminative_score", "distinct_share", "diversity", "evaluate_images",
    "exact_copies", "feature_scores", "frechet_distance", "grid_centres", "inception_score", "kernel_distance",
    "median_distance", "mode_scores", "nearest_training", "ngram_novelty", "precision_recall", "predictive_score",
    "psnr", "ring_centres", "self_bleu", "sentence_bleu", "sequence_class_scores", "sequence_scores",
    "sliced_wasserstein", "squared_mmd", "squared_mmd_floor", "squared_mmd_test", "ssim", "synthetic_scores",
    "tone_purity", "train_classifier", "wasserstein_1d",
]  # fmt: skip

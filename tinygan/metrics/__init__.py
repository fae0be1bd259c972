"""Scores of generated samples, by medium. Print a score beside what real data scores, never alone.

    points      bags of points or features: distances, modes, precision and recall, copies
    pictures    scores by a classifier of our own (read images.py first); PSNR and SSIM of pairs
    series      waves and other sequences of numbers
    text        BLEU, novelty, n-grams
    sound       pieces of music

Importing this package needs numpy only.
"""

from typing import TYPE_CHECKING

from tinygan import remedies
from tinygan.metrics.pictures import (
    Classifier,
    bicubic,
    cache_folder,
    class_shares,
    digit_classifier,
    evaluate_images,
    inception_score,
    obey,
    obeyed_shares,
    psnr,
    ssim,
    synthetic_scores,
    train_classifier,
    train_network,
)
from tinygan.metrics.points import (
    Diversity,
    KernelDistance,
    Neighbours,
    PermutationTest,
    class_scores,
    copied_share,
    density_coverage,
    diversity,
    feature_scores,
    frechet_distance,
    grid_centres,
    kernel_distance,
    median_distance,
    mode_scores,
    nearest_training,
    precision_recall,
    ring_centres,
    sliced_wasserstein,
    squared_mmd,
    squared_mmd_floor,
    squared_mmd_test,
    wasserstein_1d,
)
from tinygan.metrics.series import (
    SequenceScores,
    discriminative_score,
    predictive_score,
    sequence_class_scores,
    sequence_scores,
    tone_purity,
)
from tinygan.metrics.sound import music_scores
from tinygan.metrics.text import NgramModel, bleu, distinct_share, exact_copies, ngram_novelty, self_bleu, sentence_bleu

__all__ = [
    "Classifier", "Diversity", "KernelDistance", "Neighbours", "NgramModel", "PermutationTest",
    "SequenceScores", "bicubic", "bleu", "cache_folder", "class_scores", "class_shares", "copied_share",
    "density_coverage", "digit_classifier", "discriminative_score", "distinct_share", "diversity", "evaluate_images",
    "exact_copies", "feature_scores", "frechet_distance", "grid_centres", "inception_score", "kernel_distance",
    "median_distance", "mode_scores", "music_scores", "nearest_training", "ngram_novelty", "obey", "obeyed_shares",
    "precision_recall",
    "predictive_score", "psnr", "ring_centres", "self_bleu", "sentence_bleu", "sequence_class_scores", "sequence_scores",
    "sliced_wasserstein", "squared_mmd", "squared_mmd_floor", "squared_mmd_test", "ssim", "synthetic_scores",
    "tone_purity", "train_classifier", "train_network", "wasserstein_1d",
]  # fmt: skip

remedies.watch_functions(globals(), __name__)

if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)

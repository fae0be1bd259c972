"""Pictures: scores by a classifier of our own (`images.py` first), PSNR and SSIM of pairs (`quality.py`), and
whether pictures do what sentences tell (`worlds.py`).
"""

from .classifier import Classifier, cache_folder, digit_classifier, train_classifier, train_network
from .images import class_shares, evaluate_images, inception_score
from .quality import bicubic, psnr, ssim
from .synthetic import synthetic_scores
from .worlds import obey, obeyed_shares

__all__ = [
    "Classifier", "bicubic", "cache_folder", "class_shares", "digit_classifier", "evaluate_images", "inception_score",
    "obey", "obeyed_shares", "psnr", "ssim", "synthetic_scores", "train_classifier", "train_network",
]  # fmt: skip

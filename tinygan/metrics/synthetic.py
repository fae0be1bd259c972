"""Are generated pictures with labels as good as real ones, to somebody who learns from them?

A classifier trained on generated pictures is tested on real ones: it fails if classes are missing, mixed up, or drawn in
one manner only. The reverse, a classifier trained on real pictures and tested on generated ones, fails if pictures are
illegible or not of the class that was asked for, and does not see missing variety. Esteban et al. 2017, section 4.
"""

import numpy as np

from tinygan.backend import to_numpy
from tinygan.metrics.classifier import digit_classifier, real_images, train_classifier, training_settings


def synthetic_scores(images, labels, name, steps=None, seed=0):
    """Accuracies across generated pictures (N, 1, size, size) in [-1, 1], labels (N,), and real ones, as a dict.

    synthetic_to_real: trained on the generated, tested on the test part of `name`, "digits" or "mnist"; real_to_synthetic:
    the reverse; real_to_real: trained on the whole training part, the ceiling of the first. Of the same classifier,
    trained in the same `steps`, by default those of `digit_classifier`: seconds for digits, a minute for MNIST.
    """
    judge = digit_classifier(name)
    images, labels = _checked(to_numpy(images), np.asarray(to_numpy(labels)), judge.size)
    settings = training_settings(name) | ({} if steps is None else {"steps": steps})
    learner = train_classifier(images, labels, seed=seed, **settings)
    real, real_labels = real_images(name, "test")
    return {
        "samples": len(images),
        "synthetic_to_real": learner.accuracy(real, real_labels),
        "real_to_synthetic": judge.accuracy(images, labels),
        "real_to_real": judge.accuracy(real, real_labels),
    }


def _checked(images, labels, size):
    """Pictures as float32 and labels, after all that can be wrong with them was checked."""
    if images.ndim != 4 or images.shape[1:] != (1, size, size) or labels.shape != images.shape[:1] or not len(labels):
        raise ValueError(
            f"synthetic_scores: images {images.shape}, labels {labels.shape}: expected (N, 1, {size}, {size}) and (N,)"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"synthetic_scores: labels {labels.dtype}: expected integers from 0 to 9")
    if not np.isfinite(images).all() or np.abs(images).max() > 1.001:
        raise ValueError("synthetic_scores: images: expected finite values in [-1, 1], as tanh writes them")
    return images.astype(np.float32), labels

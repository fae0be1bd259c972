"""Can a classifier learn as much from generated pictures with labels as from real ones?

A classifier trained on generated pictures is tested on real ones. It fails if classes are missing, mixed up, or always
drawn the same way. The reverse test, trained on real pictures and tested on generated ones, fails if pictures are
illegible or show another class than their label; it does not see missing variety. Esteban et al. 2017, section 4.
`tinygan.metrics.series.sequence_class_scores` does the same for sequences.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, to_numpy
from tinygan.metrics.pictures.classifier import digit_classifier, real_images, train_classifier, training_settings


def synthetic_scores(
    images: ArrayLike, labels: ArrayLike, name: str, steps: int | None = None, seed: int = 0
) -> dict[str, float]:
    """Return accuracies across generated pictures (N, 1, size, size) in [-1, 1] with labels (N,), and real ones.

    synthetic_to_real     trained on the generated, tested on the test part of `name`, "digits" or "mnist"
    real_to_synthetic     the reverse
    real_to_real          trained on the training part, tested on the test part: the ceiling of the first

    All are accuracies of one kind of classifier, trained for the same `steps`; by default those of `digit_classifier`,
    which take seconds for digits and a minute for MNIST.
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


def _checked(images: Array, labels: Array, size: int) -> tuple[Array, Array]:
    """Return the pictures as float32, and the labels; ValueError for another shape or values out of range."""
    if images.ndim != 4 or images.shape[1:] != (1, size, size) or labels.shape != images.shape[:1] or not len(labels):
        raise ValueError(
            f"synthetic_scores: images {images.shape}, labels {labels.shape}: expected (N, 1, {size}, {size}) and (N,)"
        )
    if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"synthetic_scores: labels {labels.dtype}: expected integers from 0 to 9")
    if not np.isfinite(images).all() or np.abs(images).max() > 1.001:
        raise ValueError("synthetic_scores: images: expected finite values in [-1, 1], the range of tanh")
    return images.astype(np.float32), labels

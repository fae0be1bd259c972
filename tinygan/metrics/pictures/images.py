"""Scores of generated digits: how far from real ones, how legible, how varied; each beside what real pictures score.

The Frechet distance is biased upwards for few samples. It is compared with a floor of the same bias: the distance of
the same number of real pictures instead of the generated ones. A perfect generator has ratio 1.

    digits   The 1,797 real pictures are split ten times at random into 898 and 899. Distance: 898 generated pictures,
             drawn anew, to the 899; floor: the 898 to the 899. Both are means over the ten splits.
    mnist    Distance: N generated pictures to the 10,000 test pictures; floor: N training pictures to them. N = 10,000.

With fewer generated pictures, their number replaces 898 or N. The other scores use all generated pictures. No score
here sees copies: a generator that draws its training pictures again scores .84 on the digits.
`tinygan.metrics.points.copies` does.
"""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping

import numpy as np
from numpy.typing import ArrayLike

from tinygan.backend import Array, stream, to_numpy
from tinygan.metrics.pictures.classifier import Classifier, digit_classifier, real_images
from tinygan.metrics.points.frechet import frechet_distance

SPLITS = 10


def evaluate_images(generated: ArrayLike, name: str) -> dict:
    """Score pictures (N, 1, size, size) in [-1, 1], read by the classifier `name`: "digits" or "mnist".

    Returns a dict of numbers and lists of numbers; the head of this file explains the comparisons. ValueError for
    pictures of another size, fewer than 20, values out of range or not finite.
    """
    classifier = digit_classifier(name)
    generated = _checked(to_numpy(generated), classifier.size)
    features, probabilities = classifier.judge(generated)
    real_features, real_probabilities, labels = judge_real(classifier, name, "test")
    train_features, _, _ = judge_real(classifier, name, "train")
    if name == "digits":
        real_features = np.concatenate([train_features, real_features])
        n, distance, floor = _against_halves(features, real_features)
        against = len(real_features) - len(real_features) // 2
    else:
        n, against = min(len(features), len(train_features)), len(real_features)
        distance = frechet_distance(features[:n], real_features)
        floor = frechet_distance(train_features[:n], real_features)
    shares = class_shares(probabilities)
    return {
        "samples": len(generated),
        "frechet_distance": distance,
        "frechet_floor": floor,
        "frechet_ratio": distance / floor,
        "frechet_samples": n,
        "frechet_real_samples": against,
        "mean_confidence": float(probabilities.max(1).mean()),
        "real_mean_confidence": float(real_probabilities.max(1).mean()),
        "inception_score": inception_score(probabilities),
        "real_inception_score": inception_score(real_probabilities),
        "smallest_class_share": min(shares),
        "class_shares": shares,
        "classifier_accuracy": float((real_probabilities.argmax(1) == labels).mean()),
    }


def inception_score(probabilities: ArrayLike, splits: int = 1) -> float:
    """Return exp E KL(p(y|x) || p(y)) of class probabilities (N, C): 1 to C, the best; the mean over `splits` parts.

    Salimans et al. 2016, section 4.
    """
    p = np.asarray(to_numpy(probabilities), np.float64)
    if p.ndim != 2 or not 1 <= splits <= len(p):
        raise ValueError(
            f"inception_score: probabilities {p.shape} in {splits} parts: expected (N, C) with 1 to N parts"
        )
    if (p < 0).any() or not np.allclose(p.sum(1), 1, atol=1e-3):
        raise ValueError("inception_score: every row must be probabilities with sum 1; apply softmax to logits first")
    return float(np.mean([np.exp(_mutual_information(part)) for part in np.array_split(p, splits)]))


def _mutual_information(p: Array) -> float:
    """Return E KL(p(y|x) || p(y)) in nats, with 0 log 0 = 0."""
    ratio = p / np.where(p.mean(0) > 0, p.mean(0), 1)
    return (p * np.log(np.where(p > 0, ratio, 1))).sum(1).mean()


def class_shares(probabilities: Array) -> list[float]:
    """Return for each class the share of samples whose likeliest class it is: C numbers that sum to 1."""
    classes = probabilities.shape[1]
    return (np.bincount(probabilities.argmax(1), minlength=classes) / len(probabilities)).tolist()


def _against_halves(features: Array, real: Array) -> tuple[int, float, float]:
    """Return (n, distance, floor): n generated, then n real, against the other half of real; means over all splits."""
    half = len(real) // 2
    n = min(len(features), half)
    distances, floors = [], []
    for k in range(SPLITS):
        rng = stream(0, "split", k)
        order = rng.permutation(len(real))
        others = real[order[half:]]
        distances.append(frechet_distance(features[rng.permutation(len(features))[:n]], others))
        floors.append(frechet_distance(real[order[:n]], others))
    return n, float(np.mean(distances)), float(np.mean(floors))


# classifier: part: its features, probabilities and labels of real pictures; 5 MB for 10,000
_judged: MutableMapping[Classifier, dict[str, tuple[Array, Array, Array]]] = weakref.WeakKeyDictionary()


def judge_real(classifier: Classifier, name: str, split: str) -> tuple[Array, Array, Array]:
    """Return (features, probabilities, labels) of at most 10,000 real pictures, drawn at random and judged only once."""
    parts = _judged.setdefault(classifier, {})
    if split not in parts:
        images, labels = real_images(name, split)
        rows = np.arange(len(images))
        if len(images) > 10_000:
            rows = stream(0, "some").permutation(len(images))[:10_000]
        features, probabilities = classifier.judge(images[rows])
        parts[split] = features, probabilities, labels[rows]
    return parts[split]


def _checked(images: Array, size: int) -> Array:
    """Return the images; ValueError for another shape, too few, values out of range or not finite."""
    if images.ndim != 4 or images.shape[1:] != (1, size, size) or len(images) < 20:
        raise ValueError(f"evaluate_images: images {images.shape}: expected (N, 1, {size}, {size}) with N at least 20")
    if not np.isfinite(images).all():
        raise ValueError("evaluate_images: images hold nan or infinity; did training diverge?")
    if np.abs(images).max() > 1.001:
        low, high = float(images.min()), float(images.max())
        raise ValueError(f"evaluate_images: values from {low:.3g} to {high:.3g}: expected [-1, 1], the range of tanh")
    return images

"""Scores of pictures: each kind of wrong pictures shows in a score."""

import json

import numpy as np
import pytest

from tinygan import metrics
from tinygan.data import digits
from tinygan.metrics import (
    Classifier,
    class_shares,
    evaluate_images,
    frechet_distance,
    inception_score,
)
from tinygan.metrics.pictures import classifier as classifier_module

REAL = digits()[0] * 2 - 1
LABELS = digits()[1]


def scores(images):
    return evaluate_images(images, "digits")


def test_real_digits_score_as_real_ones(real_cache):
    s = scores(REAL)
    assert list(s) == [
        "samples", "frechet_distance", "frechet_floor", "frechet_ratio", "frechet_samples", "frechet_real_samples",
        "mean_confidence", "real_mean_confidence", "inception_score", "real_inception_score", "smallest_class_share",
        "class_shares", "classifier_accuracy",
    ]  # fmt: skip
    assert (s["samples"], s["frechet_samples"], s["frechet_real_samples"]) == (1797, 898, 899)
    assert s["frechet_ratio"] == s["frechet_distance"] / s["frechet_floor"]
    assert 0.4 < s["frechet_ratio"] < 1  # half of them are in the half they are compared with
    assert s["mean_confidence"] > 0.97 and s["real_mean_confidence"] > 0.95
    assert 9 < s["inception_score"] <= 10 and 9 < s["real_inception_score"] <= 10
    np.testing.assert_allclose(s["class_shares"], np.bincount(LABELS) / 1797, atol=0.003)
    assert s["smallest_class_share"] == min(s["class_shares"])
    assert json.loads(json.dumps(s)) == s and s == scores(REAL)  # plain numbers, and no chance in them


def noisy(sigma):
    return (REAL + sigma * np.random.default_rng(0).standard_normal(REAL.shape)).clip(-1, 1)


WORSE = {  # what is wrong with the pictures, and the score that shows it
    "noise on them": (lambda: noisy(0.3), lambda s: s["frechet_ratio"] > 1.5),
    "pale": (lambda: REAL * 0.8, lambda s: s["frechet_ratio"] > 2),
    "a class is missing": (
        lambda: REAL[LABELS != 3],
        lambda s: s["frechet_ratio"] > 1.5 and s["smallest_class_share"] < 0.01,
    ),
    "one class": (lambda: REAL[LABELS == 3], lambda s: s["inception_score"] < 1.3 and s["frechet_ratio"] > 10),
    "one picture": (lambda: np.tile(REAL[:1], (900, 1, 1, 1)), lambda s: s["frechet_ratio"] > 10),
    "mirrored": (lambda: REAL[..., ::-1], lambda s: s["frechet_ratio"] > 3 and s["mean_confidence"] < 0.97),
    "noise alone": (
        lambda: np.random.default_rng(0).uniform(-1, 1, REAL.shape),
        lambda s: s["frechet_ratio"] > 20 and s["inception_score"] < 6,
    ),
}


@pytest.mark.parametrize("case", WORSE.values(), ids=WORSE)
def test_what_is_wrong_shows(real_cache, case):
    pictures, shows = case
    s = scores(pictures())
    assert shows(s), s


def test_few_samples_are_compared_with_a_floor_of_as_few(real_cache):
    drawn = np.random.default_rng(0).permutation(len(REAL))[:100]
    few, many = scores(REAL[drawn]), scores(REAL)
    assert few["frechet_samples"] == 100 and few["frechet_floor"] > 1.5 * many["frechet_floor"]
    assert few["frechet_ratio"] < 1.3


WRONG_PICTURES = {
    "another size": (np.zeros((50, 1, 28, 28)), "expected .N, 1, 8, 8."),
    "flat": (np.zeros((50, 64)), "expected .N, 1, 8, 8."),
    "too few": (np.zeros((19, 1, 8, 8)), "at least 20"),
    "nan": (np.full((50, 1, 8, 8), np.nan), "nan or infinity"),
    "bytes": (np.full((50, 1, 8, 8), 255), r"from 255 to 255: expected \[-1, 1\]"),
}


@pytest.mark.parametrize("pictures, named", WRONG_PICTURES.values(), ids=WRONG_PICTURES)
def test_wrong_pictures_are_refused(real_cache, pictures, named):
    with pytest.raises(ValueError, match=named):
        scores(pictures)


def test_mnist_is_scored_against_its_test_set(cache, monkeypatch):
    """The protocol, on a small MNIST of noise and an untrained classifier: floor and distance swap only the samples."""
    rng = np.random.default_rng(0)
    parts = {
        split: (rng.random((n, 1, 28, 28), dtype=np.float32), np.arange(n) % 10)
        for split, n in (("train", 90), ("test", 60))
    }
    read = lambda split: tuple(x.copy() for x in parts[split])  # as from a file: pictures are centred in place
    monkeypatch.setitem(classifier_module._TRAINING, "mnist", (read, {}))
    path = metrics.cache_folder() / f"classifier-mnist-{classifier_module.VERSION}.safetensors"
    classifier_module._loaded[path] = classifier = Classifier(28, rng=0)
    generated = rng.uniform(-1, 1, (70, 1, 28, 28))
    s = evaluate_images(generated, "mnist")
    features = lambda images: classifier.judge(images)[0]
    real = features(parts["test"][0] * 2 - 1)
    assert (s["samples"], s["frechet_samples"], s["frechet_real_samples"]) == (70, 70, 60)
    assert s["frechet_distance"] == pytest.approx(frechet_distance(features(generated), real), rel=1e-6)
    assert s["frechet_floor"] == pytest.approx(
        frechet_distance(features(parts["train"][0][:70] * 2 - 1), real), rel=1e-6
    )


def test_real_pictures_are_judged_once(real_cache, monkeypatch):
    before, judged = scores(REAL[:50]), []
    judge = Classifier.judge
    monkeypatch.setattr(Classifier, "judge", lambda self, images: judged.append(len(images)) or judge(self, images))
    assert scores(REAL[:50]) == before and judged == [50]


# --- inception score ---------------------------------------------------------------------------------------------

SCORES = {  # probabilities, score
    "sure and even": (np.eye(10), 10),
    "sure of one class": (np.eye(10)[[3, 3, 3]], 1),
    "knows nothing": (np.full((7, 10), 0.1), 1),
    "half of the classes": (np.eye(10)[[0, 2, 4, 6, 8]], 5),
    # p(y) is even; every row is .8 or .2: exp(ln 2 - H(.8))
    "sure to 80 %": (np.array([[0.8, 0.2], [0.2, 0.8]]), 2 * 0.8**0.8 * 0.2**0.2),
}


@pytest.mark.parametrize("probabilities, expected", SCORES.values(), ids=SCORES)
def test_inception_score(probabilities, expected):
    assert inception_score(probabilities) == pytest.approx(expected, rel=1e-12)
    assert inception_score(probabilities.astype(np.float32)) == pytest.approx(expected, rel=1e-6)


def test_inception_score_of_parts():
    rows = np.eye(4)[[0, 1, 2, 3, 0, 0, 1, 1]]
    assert inception_score(rows, splits=2) == pytest.approx((4 + 2) / 2)


@pytest.mark.parametrize(
    "probabilities, splits, named",
    [
        (np.eye(3), 4, "in 4 parts"),
        (np.eye(3), 0, "in 0 parts"),
        (np.ones(3) / 3, 1, "expected .N, C."),
        (np.eye(3) * 5, 1, "softmax"),
        (np.array([[2.0, -1.0]]), 1, "softmax"),
    ],
)
def test_inception_score_refuses(probabilities, splits, named):
    with pytest.raises(ValueError, match=named):
        inception_score(probabilities, splits)


def test_class_shares_count_the_likeliest_class():
    assert class_shares(np.eye(4)[[0, 0, 2, 3]]) == [0.5, 0, 0.25, 0.25]

"""Metrics: distances against closed forms and second implementations; the classifier's accuracy, cache and scores."""

import json
import subprocess
import sys

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan import metrics
from tinygan.backend import stream
from tinygan.data import digits
from tinygan.metrics import (
    Classifier,
    class_shares,
    digit_classifier,
    evaluate_images,
    frechet_distance,
    inception_score,
    kernel_distance,
    synthetic_scores,
    train_classifier,
)
from tinygan.metrics import classifier as classifier_module
from tinygan.metrics.classifier import _moved


def with_moments(mean, covariance, n=200, seed=0):
    """n points whose sample mean and covariance are exactly these."""
    d = len(mean)
    x = np.random.default_rng(seed).standard_normal((n, d))
    x -= x.mean(0)
    x = np.linalg.solve(np.linalg.cholesky(np.cov(x.T).reshape(d, d)), x.T).T
    values, vectors = np.linalg.eigh(np.asarray(covariance, float))
    return x @ (vectors * np.sqrt(values.clip(0))).T + mean


def by_sqrtm(a, b):
    """The formula as published, by SciPy's matrix square root."""
    s1, s2 = np.cov(a.T), np.cov(b.T)
    difference = a.mean(0) - b.mean(0)
    return difference @ difference + np.trace(s1 + s2 - 2 * np.real(scipy.linalg.sqrtm(s1 @ s2)))


# --- Frechet distance --------------------------------------------------------------------------------------------

ROTATION = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
GAUSSIANS = {  # two Gaussians by mean and covariance, and their distance
    "equal": (([1, 2], np.eye(2)), ([1, 2], np.eye(2)), 0),
    "means": (([0, 0], np.eye(2)), ([3, 4], np.eye(2)), 25),
    "spreads": (([0], [[4]]), ([0], [[9]]), (2 - 3) ** 2),
    "commuting": (([0, 0], np.diag([1, 4])), ([1, 0], np.diag([9, 16])), 1 + (1 - 3) ** 2 + (2 - 4) ** 2),
    "turned together": (
        ([0, 0], ROTATION @ np.diag([1, 4]) @ ROTATION.T),
        ([0, 0], ROTATION @ np.diag([9, 1]) @ ROTATION.T),
        (1 - 3) ** 2 + (2 - 1) ** 2,
    ),
    "on lines": (([0, 0], np.diag([4, 0])), ([0, 0], np.diag([0, 9])), 4 + 9),
    "on one line": (([0, 0], np.diag([4, 0])), ([0, 0], np.diag([9, 0])), (2 - 3) ** 2),
    "a point": (([0, 0], np.zeros((2, 2))), ([1, 1], np.diag([2, 3])), 2 + 5),
}


@pytest.mark.parametrize("case", GAUSSIANS.values(), ids=GAUSSIANS)
def test_frechet_distance_of_gaussians(case):
    a, b, expected = case
    assert frechet_distance(with_moments(*a), with_moments(*b, n=77, seed=1)) == pytest.approx(expected, abs=1e-12)


def test_frechet_distance_of_correlated_pairs_by_hand():
    # tr (S₁S₂)^½ of 2x2 matrices = √(tr S₁S₂ + 2 √det S₁S₂)
    s1, s2 = np.array([[2, 1], [1, 3]]), np.array([[5, -2], [-2, 1]])
    product = s1 @ s2
    expected = np.trace(s1 + s2) - 2 * np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))
    assert frechet_distance(with_moments([0, 0], s1), with_moments([0, 0], s2)) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 40), st.integers(0, 40), st.integers(0, 10**6))
def test_frechet_distance_is_the_published_formula(d, extra_a, extra_b, seed):
    rng = np.random.default_rng(seed)
    mix = lambda: rng.standard_normal((d, d))
    a = rng.standard_normal((d + 2 + extra_a, d)) @ mix() + rng.standard_normal(d)
    b = rng.standard_normal((d + 2 + extra_b, d)) @ mix()
    if d == 1:
        expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    else:
        expected = by_sqrtm(a, b)
    # sqrtm is the less exact of the two where covariances are nearly singular
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5, abs=1e-5 * (a.var() + b.var()))


@pytest.mark.parametrize("rows", [(3, 3), (3, 40), (40, 3), (10, 12)])
def test_frechet_distance_with_fewer_rows_than_features(rows):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((n, 30)) for n in rows)
    # in the space that the rows span the covariances have full rank: turn all into it, where nothing is lost
    basis = np.linalg.svd(np.concatenate([a, b]), full_matrices=False)[2]
    inside = frechet_distance(a @ basis.T, b @ basis.T)
    assert np.isfinite(inside) and frechet_distance(a, b) == pytest.approx(inside, rel=1e-10)
    s1, s2 = np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(s1)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T  # a second way: tr (S₁S₂)^½ = tr (√S₁ S₂ √S₁)^½
    cross = np.sqrt(np.linalg.eigvalsh(root @ s2 @ root).clip(0)).sum()
    difference = a.mean(0) - b.mean(0)
    expected = difference @ difference + np.trace(s1) + np.trace(s2) - 2 * cross
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_is_symmetric_and_does_not_see_order_or_rotation():
    rng = np.random.default_rng(3)
    a, b = rng.standard_normal((50, 6)) ** 3, rng.standard_normal((70, 6)) + 1
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    d = frechet_distance(a, b)
    assert frechet_distance(b, a) == pytest.approx(d, rel=1e-12)
    assert frechet_distance(a[::-1], b @ np.eye(6)) == pytest.approx(d, rel=1e-12)
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(d, rel=1e-12)
    assert 0 <= frechet_distance(a, a[::-1]) < 1e-12
    shifted = a + 1e6  # float32 or squares of the data would leave nothing of a distance on such an offset
    assert frechet_distance(shifted, b + 1e6) == pytest.approx(d, rel=1e-8)


def test_frechet_distance_of_samples_falls_towards_the_truth():
    """Biased upwards, as the head of frechet.py says; the bias halves as the samples double."""
    mean = lambda n: np.mean(
        [frechet_distance(*np.random.default_rng([n, k]).standard_normal((2, n, 8))) for k in range(40)]
    )
    small, large = mean(100), mean(200)
    assert small > large > 0 and small / large == pytest.approx(2, rel=0.15)


# --- kernel distance ---------------------------------------------------------------------------------------------


def kernel_distance_by_loops(a, b):
    k = lambda x, y: (float(x @ y) / len(x) + 1) ** 3
    within = lambda s: np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j])
    return within(a) + within(b) - 2 * np.mean([k(x, y) for x in a for y in b])


def test_kernel_distance_is_the_mean_over_blocks():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((23, 5)), rng.standard_normal((17, 5)) + 0.5
    shuffle = stream(4, "kernel distance")
    blocks = [np.array_split(shuffle.permutation(x), 3) for x in (a, b)]
    each = [kernel_distance_by_loops(x, y) for x, y in zip(*blocks)]
    found = kernel_distance(a, b, blocks=3, seed=4)
    assert found.mean == pytest.approx(np.mean(each), rel=1e-12)
    assert found.standard_error == pytest.approx(np.std(each, ddof=1) / np.sqrt(3), rel=1e-12)


def test_kernel_distance_is_unbiased_and_its_error_honest():
    found = []
    for k in range(300):
        a, b = np.random.default_rng(k).standard_normal((2, 40, 4))
        found.append(kernel_distance(a, b, blocks=4, seed=k))
    means, errors = np.array(found).T
    assert abs(means.mean()) < 3 * means.std() / np.sqrt(300)  # the truth is 0
    assert (means < 0).mean() > 0.3
    assert np.sqrt((errors**2).mean()) == pytest.approx(means.std(), rel=0.15)


def test_kernel_distance_of_moved_normals_in_closed_form():
    # one feature, k(x, y) = (xy + 1)³, moments 1, 0, 1, 0 of a and 1, m, 1 + m², 3m + m³ of b: Σ binomial(3, i) (Δ moment i)²
    m = 0.5
    truth = 3 * m**2 + 3 * (m**2) ** 2 + (3 * m + m**3) ** 2
    rng = np.random.default_rng(1)
    found = kernel_distance(rng.standard_normal((10_000, 1)), rng.standard_normal((10_000, 1)) + m, blocks=40)
    assert abs(found.mean - truth) < 4 * found.standard_error < 0.3 * truth


GOOD = np.ones((4, 3))
WRONG_FEATURES = {
    "one row": (GOOD[:1], GOOD, "at least 2 rows"),
    "other features": (GOOD, np.ones((4, 2)), "D the same"),
    "pictures": (np.ones((4, 1, 2, 2)), GOOD, "expected .N, D."),
    "no features": (np.ones((4, 0)), np.ones((4, 0)), "expected .N, D."),
    "nan": (GOOD, GOOD * np.nan, "nan or infinity"),
}


@pytest.mark.parametrize("a, b, named", WRONG_FEATURES.values(), ids=WRONG_FEATURES)
@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_wrong_features_are_refused(distance, a, b, named):
    with pytest.raises(ValueError, match=f"^{distance.__name__}: .*{named}"):
        distance(a, b)


@pytest.mark.parametrize("blocks", [1, 3])
def test_kernel_distance_refuses_blocks_without_pairs(blocks):
    with pytest.raises(ValueError, match="at least 2 blocks of at least 2 rows"):
        kernel_distance(GOOD, GOOD, blocks=blocks)


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


# --- the classifier ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, features", [(8, 64), (28, 128)])
def test_classifier_shapes(size, features):
    classifier = Classifier(size, rng=0)
    images = np.random.default_rng(0).uniform(-1, 1, (7, 1, size, size))
    found, probabilities = classifier.judge(images, batch_size=3)
    assert found.shape == (7, features) and probabilities.shape == (7, 10)
    assert found.dtype == probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(found, classifier.judge(images)[0], rtol=1e-4, atol=1e-5)  # batches make no difference
    with pytest.raises(ValueError, match=f"reads .N, 1, {size}, {size}."):
        classifier.judge(images[:, :, 1:])
    with pytest.raises(ValueError, match="8x8 and 28x28"):
        Classifier(size + 1)


def test_pictures_move_by_at_most_a_pixel_and_keep_their_values():
    x = np.full((400, 1, 5, 6), -1, np.float32)
    x[:, 0, 2, 3] = 0.5  # one dot in the middle
    moved = _moved(x, stream(0, "moves"))
    assert moved.shape == x.shape and moved.dtype == np.float32
    rows, columns = np.nonzero(moved[:, 0] == 0.5)[1:]
    assert len(rows) == 400 and (moved == -1).sum() == moved.size - 400
    places, counts = np.unique([rows - 2, columns - 3], axis=1, return_counts=True)
    assert places.shape[1] == 9 and np.abs(places).max() == 1 and counts.min() > 20


def small_training():
    images, labels = digits("train")
    return images[:200] * 2 - 1, labels[:200]


def test_training_is_a_function_of_its_arguments():
    weights = [
        train_classifier(*small_training(), steps=4, batch_size=16, seed=seed).state_dict() for seed in (5, 5, 6)
    ]
    assert all(np.array_equal(weights[0][k], weights[1][k]) for k in weights[0])
    assert not all(np.array_equal(weights[0][k], weights[2][k]) for k in weights[0])


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder, and a training of 3 steps that counts how often it runs."""
    folder = tmp_path / "not" / "made" / "yet"
    monkeypatch.setenv("TINYGAN_CACHE", str(folder))
    trained = []

    def quick(*args, **kwargs):
        trained.append(kwargs)
        return train_classifier(*args, **kwargs | {"steps": 3})

    monkeypatch.setattr(classifier_module, "train_classifier", quick)
    monkeypatch.setattr(classifier_module, "_loaded", {})

    def ask():
        classifier_module._loaded.clear()  # as a new process would
        return digit_classifier("digits").state_dict()

    return folder, trained, ask


def test_classifier_is_trained_once_and_read_from_the_cache(cache, monkeypatch):
    folder, trained, ask = cache
    first, second = ask(), ask()
    assert len(trained) == 1
    assert [p.name for p in folder.iterdir()] == [f"classifier-digits-{classifier_module.VERSION}.safetensors"]
    assert first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)
    assert digit_classifier("digits") is digit_classifier("digits")
    monkeypatch.setattr(classifier_module, "VERSION", classifier_module.VERSION + 1)
    ask()
    assert len(trained) == 2  # weights of another version are not used


@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "other weights"])
def test_damaged_cache_is_replaced(cache, damage):
    from safetensors.numpy import save

    folder, trained, ask = cache
    right = ask()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(
        {"empty": b"", "cut": whole[:-100], "noise": b"\xff" * 500, "other weights": save({"x": np.ones(3)})}[damage]
    )
    again = ask()
    assert len(trained) == 2 and all(np.array_equal(right[k], again[k]) for k in right)
    assert path.read_bytes() == whole and list(folder.iterdir()) == [path]


def test_a_cache_that_cannot_be_written_is_a_sentence_not_an_error(cache, capsys):
    folder, trained, ask = cache
    folder.parent.parent.mkdir(parents=True)
    folder.parent.write_text("a file where a folder should be")
    assert ask()
    error = capsys.readouterr().err
    assert "could not be kept" in error and error.count("\n") == 1
    digit_classifier("digits")
    assert len(trained) == 1  # the same process keeps what it trained


def test_training_says_one_line_if_it_takes_long(monkeypatch):
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr(classifier_module.time, "monotonic", lambda: next(clock))
    said = []
    train_classifier(*small_training(), steps=6, batch_size=8, say=said.append)
    assert said == ["training the classifier that scores pictures, once: about 15 s"]


def test_unknown_classifier_is_refused():
    with pytest.raises(ValueError, match="no classifier of 'letters': expected 'digits' or 'mnist'"):
        digit_classifier("letters")


# --- scores ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_cache(tmp_path_factory):
    """The real classifier of digits, trained once for this file, in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGAN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield digit_classifier("digits")


def test_digit_classifier_reads_held_out_digits(real_cache):
    images, labels = digits("test")
    assert len(labels) == 360 and real_cache.accuracy(images * 2 - 1, labels) >= 0.98


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


# --- learning from generated pictures ----------------------------------------------------------------------------

TRAIN, TRAIN_LABELS = digits("train")
TRAIN = TRAIN * 2 - 1
NOISE = np.random.default_rng(0).uniform(-1, 1, TRAIN.shape)
OF_4 = np.isin(TRAIN_LABELS, [0, 1, 2, 3])

SYNTHETIC = {  # pictures, labels, bounds of synthetic_to_real, of real_to_synthetic
    "real ones": (TRAIN, TRAIN_LABELS, (0.95, 1), (0.99, 1)),
    "labels moved by one": (TRAIN, (TRAIN_LABELS + 1) % 10, (0, 0.05), (0, 0.02)),
    "noise": (NOISE, TRAIN_LABELS, (0, 0.35), (0, 0.25)),
    "four classes of ten": (TRAIN[OF_4], TRAIN_LABELS[OF_4], (0.35, 0.41), (0.99, 1)),  # legible, and yet useless
}


@pytest.mark.parametrize("case", SYNTHETIC.values(), ids=SYNTHETIC)
def test_learning_from_generated_pictures(real_cache, case):
    pictures, labels, to_real, to_synthetic = case
    s = synthetic_scores(pictures, labels, "digits", steps=250)
    assert to_real[0] <= s["synthetic_to_real"] <= to_real[1], s
    assert to_synthetic[0] <= s["real_to_synthetic"] <= to_synthetic[1], s
    assert s["real_to_real"] >= 0.98 and s["samples"] == len(labels)


@pytest.mark.parametrize(
    "pictures, labels, named",
    [
        (TRAIN[:, 0], TRAIN_LABELS, "expected .N, 1, 8, 8. and .N,."),
        (TRAIN, TRAIN_LABELS[:-1], "expected .N, 1, 8, 8. and .N,."),
        (TRAIN, TRAIN_LABELS + 1, "from 0 to 9"),
        (TRAIN, TRAIN_LABELS * 1.0, "labels float64: expected integers"),
        (TRAIN * 2, TRAIN_LABELS, "values in .-1, 1."),
        (TRAIN * np.nan, TRAIN_LABELS, "finite"),
    ],
)
def test_wrong_labelled_pictures_are_refused(real_cache, pictures, labels, named):
    with pytest.raises(ValueError, match=f"^synthetic_scores: .*{named}"):
        synthetic_scores(pictures, labels, "digits")


def test_metrics_know_nothing_of_gans_and_import_nothing_heavy():
    code = "import sys, tinygan.metrics; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"scipy", "pooch", "matplotlib", "PIL", "safetensors", "tinygan.gan", "tinygan.recipes"} & set(loaded)

"""Pictures scored: the classifier, its accuracy and cache, what is wrong with made pictures, learning from them."""

import json

import numpy as np
import pytest

from tinygan import metrics
from tinygan.backend import stream
from tinygan.data import digits
from tinygan.metrics import (
    Classifier,
    digit_classifier,
    evaluate_images,
    frechet_distance,
    synthetic_scores,
    train_classifier,
)
from tinygan.metrics import classifier as classifier_module
from tinygan.metrics.classifier import _moved

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

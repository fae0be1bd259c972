"""The classifier: shapes, training, accuracy, cache."""

import time

import numpy as np
import pytest

from tinygan import progress
from tinygan.backend import stream
from tinygan.data import digits
from tinygan.metrics import (
    Classifier,
    digit_classifier,
    train_classifier,
)
from tinygan.metrics.pictures import classifier as classifier_module
from tinygan.metrics.pictures.classifier import _move


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
    moved = _move(x, stream(0, "moves"))
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
    assert "could not be stored" in error and error.count("\n") == 1
    digit_classifier("digits")
    assert len(trained) == 1  # the same process keeps what it trained


def test_training_says_that_it_lasts(cache, monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET", 0.01)
    real = classifier_module.train_classifier

    def slow(*arguments, **settings):
        time.sleep(0.3)
        return real(*small_training(), steps=6, batch_size=8)

    monkeypatch.setattr(classifier_module, "train_classifier", slow)
    classifier_module._loaded.clear()
    digit_classifier("digits")
    assert "the classifier that scores pictures is made, once" in capsys.readouterr().err


def test_unknown_classifier_is_refused():
    with pytest.raises(ValueError, match="no classifier of 'letters': expected 'digits' or 'mnist'"):
        digit_classifier("letters")


def test_digit_classifier_reads_held_out_digits(real_cache):
    images, labels = digits("test")
    assert len(labels) == 360 and real_cache.accuracy(images * 2 - 1, labels) >= 0.98

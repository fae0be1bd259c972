"""Shared by tests of the scores of pictures: an empty cache with a quick training, and the real classifier."""

import pytest

from tinygan.metrics import digit_classifier, train_classifier
from tinygan.metrics.pictures import classifier as classifier_module


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


@pytest.fixture(scope="session")
def trained_folder(tmp_path_factory):
    """A cache folder with the real classifier of digits, trained once for all tests."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGAN_CACHE", str(folder))
        digit_classifier("digits")
    return folder


@pytest.fixture(scope="module")
def real_cache(trained_folder):
    """The real classifier of digits; within the file it is the one that scores use."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TINYGAN_CACHE", str(trained_folder))
        yield digit_classifier("digits")

"""The network that hears digits: what it is asked, how it learns, and what is scored by it."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.speech import SLOT, made_recordings, texts, utter
from tinygan.metrics.pictures import classifier
from tinygan.metrics.sound import hearing


@pytest.fixture
def learned(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_CACHE", str(tmp_path))
    monkeypatch.setattr(classifier, "_loaded", {})
    return made_recordings("train")


class Fixed:
    """Hears in a sound what is written in its first two samples: digit and speaker."""

    def listen(self, sounds):
        digit, speaker = np.rint(sounds[:, :2]).astype(int).T
        return {"digit": np.eye(10)[digit], "speaker": np.eye(3)[speaker], "features": sounds[:, 2:4].astype(float)}


def written(digits, speakers):
    """Utterances (N, L SLOT) in which `Fixed` hears these digits (N, L) and speakers (N, L)."""
    sounds = np.zeros((*np.shape(digits), SLOT))
    sounds[..., 0], sounds[..., 1] = digits, speakers
    return sounds.reshape(len(digits), -1)


def test_what_it_hears_has_these_shapes(learned):
    network = hearing.Recogniser(5, 0)
    heard = network.listen(learned.sounds[:7])
    assert {name: values.shape for name, values in heard.items()} == {
        "digit": (7, 10), "speaker": (7, 5), "features": (7, hearing.FEATURES)
    }  # fmt: skip
    np.testing.assert_allclose(heard["digit"].sum(1), 1, rtol=1e-5)
    assert network.listen(learned.sounds[:0])["digit"].shape == (0, 10)
    for wrong in (learned.sounds[0], learned.sounds[:, :-1]):
        with pytest.raises(ValueError, match="expected words of 5120 samples"):
            network.listen(wrong)


def test_it_is_trained_once_and_another_for_other_recordings(learned, tmp_path, monkeypatch):
    trained = []
    real = hearing.train_recogniser
    monkeypatch.setattr(hearing, "train_recogniser", lambda *a, **k: trained.append(1) or real(*a, **k))
    first = hearing.recogniser(learned).state_dict()
    classifier._loaded.clear()
    second = hearing.recogniser(learned).state_dict()
    assert len(trained) == 1 and all(np.array_equal(first[k], second[k]) for k in first)
    hearing.recogniser(learned.where(learned.takes > 3))
    assert len(trained) == 2 and len(list(tmp_path.iterdir())) == 2


def test_a_step_makes_each_head_surer(learned, monkeypatch):
    """The loss has a term for each head: trained on the same words, both hear them better than before."""
    few = learned.where(np.arange(0, 400, 12))
    monkeypatch.setattr(hearing, "change", lambda sounds, rng: sounds)
    before, after = (
        hearing.train_recogniser(few, steps=12, learning_rate=rate).listen(few.sounds) for rate in (0.0, 1e-3)
    )
    rows = np.arange(len(few.sounds))
    for name, right in {"digit": few.digits, "speaker": few.speakers}.items():
        assert np.log(after[name][rows, right]).mean() > np.log(before[name][rows, right]).mean() + 0.01, name


def test_words_are_changed_as_it_is_said(learned):
    words = learned.sounds[:6]
    changed = hearing.change(words, stream(0, "change"))
    assert changed.shape == words.shape and changed.dtype == np.float32
    assert np.array_equal(changed, hearing.change(words, stream(0, "change")))
    loudness = np.sqrt(np.square(changed).mean(1)) / np.sqrt(np.square(words).mean(1))
    assert loudness.min() > 0.55 and loudness.max() < 1.75 and loudness.std() > 0.02
    begins = [np.flatnonzero(np.abs(x) > 0.05)[0] for x in changed]
    assert np.ptp(np.array(begins) - [np.flatnonzero(np.abs(x) > 0.05)[0] for x in words]) > 100


def test_hear_counts_words_texts_and_speakers():
    text, speakers = np.array([[1, 2], [3, 4], [5, 6]]), np.array([0, 1, 2])
    right = written(text, [[0, 0], [1, 1], [2, 2]])
    assert hearing.hear(Fixed(), right, text, speakers) == {"said": 1.0, "said_whole": 1.0, "speaker": 1.0}
    sounds = written([[1, 2], [3, 9], [0, 0]], [[0, 0], [2, 2], [2, 2]])
    found = hearing.hear(Fixed(), sounds, text, speakers)
    assert found["said"] == 3 / 6 and found["said_whole"] == 1 / 3 and found["speaker"] == pytest.approx(2 / 3)
    one_word_by_another = written(np.repeat(text, 2, 1)[:, :3], [[1, 0, 0], [1, 1, 0], [0, 2, 2]])
    assert hearing.hear(Fixed(), one_word_by_another, np.repeat(text, 2, 1)[:, :3], speakers)["speaker"] == 1.0
    assert set(hearing.hear(Fixed(), right, text)) == {"said", "said_whole"}


def test_frechet_scores_compare_equally_many():
    def words(n, at):
        sounds = np.zeros((n, SLOT))
        sounds[:, 2:4] = stream(n, "features").standard_normal((n, 2)) + at
        return sounds

    found = hearing.frechet_scores(Fixed(), words(300, 3), words(200, 0), words(250, 0))
    assert found["frechet_distance"] == pytest.approx(18, rel=0.2) and found["frechet_floor"] < 0.1


def test_it_learns_words_of_the_synthesiser(learned):
    """In 60 steps it hears most words of takes that it never heard, and their speakers; in utterances too."""
    network = hearing.train_recogniser(learned, steps=60, batch_size=24)
    unheard = made_recordings("takes")
    text, speakers = texts("held_out", 20, 3, stream(0, "texts")), stream(0, "speakers").integers(0, 5, 20)
    scores = hearing.hear(network, utter(unheard, text, speakers, stream(0, "utter")), text, speakers)
    assert scores["said"] > 0.8 and scores["speaker"] > 0.6, scores

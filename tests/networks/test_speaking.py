"""The players of `speech`: any number of words, each slot told its word, and who speaks."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.autodiff import grad, no_grad
from tinygan.backend import stream
from tinygan.networks.speaking import LETTERS, SPACE, VOICES, Listener, SpeakingSettings, TextReader, Voice

S = SpeakingSettings(noise=3, embedding=4, hidden=6, channels=1, d_channels=1, features=5)


def rows_of(*texts, speaker=0):
    """Rows of texts, all by one speaker."""
    codes = [[VOICES + speaker, *(SPACE if c == " " else LETTERS + ord(c) - 97 for c in text)] for text in texts]
    longest = max(map(len, codes))
    return np.array([code + [0] * (longest - len(code)) for code in codes])


def z(n):
    return Tensor(stream(0, "z").standard_normal((n, 3), np.float32))


def test_the_reader_keeps_a_state_for_each_word_and_what_follows_changes_none():
    reader = TextReader(2, S, stream(0, "reader"))
    said = reader(rows_of("one two", "three six")).data
    assert said.shape == (2, 2, reader.size)
    np.testing.assert_allclose(reader(rows_of("one two")).data, said[:1], atol=1e-6)
    np.testing.assert_allclose(reader(rows_of("one six")).data[:, 0], said[:1, 0], atol=1e-6)
    np.testing.assert_allclose(reader(rows_of("one two four")).data[:, :2], said[:1], atol=1e-6)
    other = reader(rows_of("one two", speaker=1)).data
    assert np.abs(other - said[:1])[..., 6:].min() > 0 and np.abs(said[0, 0] - said[0, 1])[:6].max() > 0
    states = reader.read(rows_of("one two")).words.data
    np.testing.assert_allclose(said[0, :, :6], states[0, [3, 7]], atol=1e-6)


def test_texts_of_different_lengths_do_not_share_a_batch():
    reader = TextReader(2, S, stream(0, "reader"))
    for rows in (rows_of("one", "one two"), np.array([[VOICES, 0, 0]])):
        with pytest.raises(ValueError, match="expected equally many, 1 or more, in a batch"):
            reader(rows)


@pytest.mark.parametrize("words", [1, 3, 7])
def test_sound_grows_with_its_text(words):
    g, d = Voice(2, S, stream(0, "g")), Listener(2, S, stream(0, "d"))
    rows = rows_of(" ".join(["one"] * words), " ".join(["seven"] * words))
    x = g(z(2), rows)
    assert x.shape == (2, 128, 64 * words) and np.abs(x.data).max() <= 1
    assert d(x, rows).shape == (2, 1) and d.look(x).shape == (2, words, 5)
    for network in (g, d):
        for slope in grad(d(x, rows).sum(), network.parameters()):
            assert np.isfinite(slope).all()


def test_a_slot_shows_its_own_word_and_the_edges_of_its_neighbours():
    g = Voice(2, SpeakingSettings(noise=3, embedding=4, hidden=6, channels=4), stream(0, "g")).eval()
    with no_grad():
        a, b = (g(z(1), rows_of(f"one two four {word}")).data for word in ("six", "nine"))
    changed = np.abs(a - b).max((0, 1)) > 0
    assert changed[3 * 64 :].mean() > 0.9 and not changed[: 3 * 64 - 40].any()


def test_the_listener_compares_each_slot_with_its_word():
    """Its verdict is a mean over slots; another word, or another speaker, changes what a slot is compared with."""
    d = Listener(2, S, stream(0, "d"))
    x = Tensor(stream(0, "x").standard_normal((1, 128, 128), np.float32))
    features = d.look(x)
    verdict = lambda text, speaker=0: float(d.compare(features, rows_of(text, speaker=speaker)).data[0, 0])
    assert len({verdict("one two"), verdict("two one"), verdict("one six"), verdict("one two", 1)}) == 4
    of_slots = [float(d.compare(features[:, k : k + 1], rows_of("one")).data[0, 0]) for k in range(2)]
    np.testing.assert_allclose(float(d.compare(features[:, :1], rows_of("one two")[:, :4]).data[0, 0]), of_slots[0])
    assert of_slots[0] != of_slots[1] and min(of_slots) - 1 < verdict("one one") < max(of_slots) + 1

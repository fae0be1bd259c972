"""Who reads words: each state is the LSTM's equation, padding and neighbours change nothing, the order of words does."""

import numpy as np
import pytest

from tinygan import Tensor, grad
from tinygan.networks.words import WordReader
from tinygan.ops import mean, square

ROWS = np.array([[3, 4, 1, 0, 0], [5, 3, 4, 4, 1], [1, 0, 0, 0, 0]])


@pytest.fixture
def reader():
    return WordReader(7, 4, 6, rng=0)


def test_each_word_is_the_state_of_an_lstm_that_has_read_so_far(reader):
    read = reader(ROWS)
    assert read.words.shape == (3, 5, 6) and read.whole.shape == (3, 12)
    for n, row in enumerate(ROWS):
        h, c = (Tensor(np.zeros((1, 6), "f")) for _ in range(2))
        length = (row != 0).sum()
        for t in range(length):
            h, c = reader.cell(reader.embedding(row[t : t + 1]), (h, c))
            np.testing.assert_allclose(read.words.data[n, t], h.data[0], atol=1e-6)
        states = read.words.data[n, :length]
        np.testing.assert_allclose(read.whole.data[n], [*states.mean(0), *states.max(0)], atol=1e-6)
        np.testing.assert_array_equal(read.present[n], np.arange(5) < length)


def test_neither_padding_nor_the_rest_of_the_batch_changes_what_is_read(reader):
    read = reader(np.pad(ROWS, ((0, 0), (0, 9))))
    for n, row in enumerate(ROWS):
        length = (row != 0).sum()
        alone = reader(row[None, :length])
        np.testing.assert_allclose(read.whole.data[n], alone.whole.data[0], atol=1e-6)
        np.testing.assert_allclose(read.words.data[n, :length], alone.words.data[0], atol=1e-6)
    assert not read.present[:, 5:].any()


def test_padding_teaches_nothing(reader):
    """The gradient of every weight is that of the rows without padding; <pad> itself has none."""
    loss = lambda rows: mean(square(reader(rows).whole))
    names = [name for name, _ in reader.named_parameters()]
    padded, plain = (
        grad(loss(rows), reader.parameters()) for rows in (np.pad(ROWS[:1], ((0, 0), (0, 4))), ROWS[:1, :3])
    )
    for name, a, b in zip(names, padded, plain):
        np.testing.assert_allclose(a, b, atol=1e-6, err_msg=name)
    assert not padded[names.index("embedding.weight")][0].any() and np.abs(plain[0]).max() > 0


def test_the_order_of_words_is_heard(reader):
    one, other = (reader(np.array([row])).whole.data for row in ([3, 4, 5, 1], [5, 4, 3, 1]))
    assert np.abs(one - other).max() > 1e-3

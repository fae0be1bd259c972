"""Readers and writers of words: padding, the begin, and that words are drawn with the probabilities that `forward` gives."""

import numpy as np

from tinygan.autodiff import no_grad
from tinygan.backend import stream
from tinygan.networks.attending import AttendingSettings, AttendingWriter, Reader

S = AttendingSettings(embedding=4, hidden=6)


class Fixed(AttendingWriter):
    """A writer that attends to what it is given: asked are states (N, S, H)."""

    def read(self, asked):
        return asked, None, (asked[:, 0], asked[:, 1])


def writer(words=7, longest=5):
    rng = stream(0, "writer")
    return Fixed(Reader(words, S, rng), words, longest, S, rng)


def test_a_row_that_is_over_keeps_its_state():
    reader = Reader(9, S, stream(0, "reader"))
    rows = np.array([[3, 4, 5], [3, 4, 0]])
    states, cell = reader(rows, lengths=np.array([3, 2]))
    short, short_cell = reader(rows[1:, :2])
    np.testing.assert_allclose(states.data[2, 1], short.data[-1, 0], atol=1e-6)
    np.testing.assert_allclose(cell.data[1], short_cell.data[0], atol=1e-6)


def test_a_word_is_written_after_the_word_before_it_and_the_first_after_end():
    np.testing.assert_array_equal(writer().before(np.array([[5, 6, 1, 0]])), [[1, 5, 6, 1]])


def test_drawn_rows_have_the_probabilities_of_forward():
    """Of all rows of two words, counted among 20,000 drawn ones."""
    g, asked = writer(words=5, longest=2), stream(1, "states").standard_normal((1, 3, 6), dtype=np.float32) * 3
    rows = np.array([[a, b] for a in range(2, 5) for b in range(1, 5)])
    with no_grad():
        p = np.exp(g(np.repeat(asked, len(rows), 0), rows).data.sum(1))
    drawn = g.reply(np.repeat(asked, 20_000, 0), stream(2, "drawn"))
    share = np.array([(drawn == row).all(1).mean() for row in rows])
    assert np.abs(share - p).max() < 5 * np.sqrt(p.max() / 20_000) and p.max() > 3 * p.min()


def test_nothing_follows_the_end():
    drawn = writer().reply(stream(1, "states").standard_normal((500, 3, 6), dtype=np.float32), stream(2, "drawn"))
    over = np.cumsum(drawn == 1, 1) - (drawn == 1) > 0
    assert over.any() and not drawn[over].any()


def test_the_words_follow_what_is_attended_to():
    """The same first state and words, other states to look at: other probabilities."""
    g, asked = writer(), stream(1, "states").standard_normal((1, 4, 6), dtype=np.float32)
    other = asked.copy()
    other[:, 2:] += 1
    with no_grad():
        a, b = (g(x, np.array([[3, 4]])).data for x in (asked, other))
    assert np.abs(a - b).max() > 1e-4

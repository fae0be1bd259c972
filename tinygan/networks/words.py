"""Players' ears: an LSTM that reads sentences of any length. `recipes/translation/text2image.py` shows it at work.

Words are rows of whole numbers (N, T), as `data.Vocabulary` makes them, with 0 after the end of a row. How many zeros
follow changes nothing that is read.
"""

from typing import Any, NamedTuple

from tinygan.autodiff import raw
from tinygan.networks.sequences import pool, remember, within
from tinygan.nn import Embedding, LSTMCell, Module
from tinygan.ops import lstm, transpose


class Reading(NamedTuple):
    """What was read of N sentences: each word after those before it (N, T, H), the whole (N, 2H), which are words (N, T)."""

    words: Any
    whole: Any
    present: Any


class WordReader(Module):
    """An LSTM reads words h_t = LSTM(word_t, h_{t-1}); the whole sentence is the mean and the largest of its h_t.

    So "circle" knows that it is red, and the whole forgets no word however long ago it was read.
    """

    def __init__(self, tokens, embedding, hidden, *, rng=None):
        self.embedding = Embedding(tokens, embedding, rng=rng)
        self.cell = remember(LSTMCell(embedding, hidden, rng=rng))

    def forward(self, rows):
        """Tokens (N, T), 0 after the end of each row -> Reading."""
        rows, c = raw(rows), self.cell
        lengths = (rows != 0).sum(1)
        weights = c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh
        states = lstm(self.embedding(rows.T), None, None, *weights, lengths=lengths)  # (T + 1, N, H), the last cell too
        words = transpose(states[:-1], 0, 1)
        return Reading(words, pool(words, lengths), within(lengths, rows.shape[1]))

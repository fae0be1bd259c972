"""Players of words: LSTMs that read a line, or write one while they attend to what they answer: a line, or a picture.

Rows are tokens (N, T): 0 after the end, 1 is <end>, as `data.Vocabulary` makes them. What is answered is a row of states
(N, S, H): those of the words of a prompt (recipe `dialogue`), or those of the places of a picture (`caption`). The game
that these players play is `gan/replies.py`.
"""

from dataclasses import dataclass

import numpy as np

from tinygan import ops
from tinygan.autodiff import no_grad
from tinygan.backend import xp
from tinygan.losses import cross_entropy
from tinygan.nn import BatchNorm2d, Conv2d, Embedding, Linear, LSTMCell, Module, Parameter, ReLU, Sequential
from tinygan.run.settings import RunSettings, setting


@dataclass
class AttendingSettings(RunSettings):
    """Sizes of both players."""

    embedding: int = setting(64, "Size of a word's vector.", 1)
    hidden: int = setting(128, "Size of the LSTMs' states.", 1)


@dataclass
class EyeSettings(AttendingSettings):
    """Sizes of players that see."""

    channels: int = setting(32, "Channels of the first convolution; the others have twice as many.", 1)


class Reader(Module):
    """Words, one after the other, into an LSTM: its states. Rows are tokens (N, T), 0 where a row is over."""

    def __init__(self, words, s, rng):
        self.words = Embedding(words, s.embedding, rng=rng)
        self.cell = LSTMCell(s.embedding, s.hidden, rng=rng)

    def forward(self, rows, state=(None, None), lengths=None):
        """Tokens (N, T) -> hidden states (T, N, H) and the last cell state (N, H); a row that is over keeps its state."""
        c = self.cell
        weights = c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh
        states = ops.lstm(self.words(rows.T), *state, *weights, lengths=lengths)
        return states[:-1], states[-1]


class AttendingWriter(Module):
    """States s of what is answered, h_t of the reply so far: p(word t) = softmax(W tanh(V [h_t, attention(h_t, s)])).

    writer: a Reader of the reply's own words. A subclass says in `read` what the states of what is answered are; where its
    writer knows more than the words, it says in `write` how.
    """

    def __init__(self, writer, words, longest, s, rng):
        self.longest, self.writer = longest, writer
        self.mix = Linear(2 * s.hidden, s.hidden, rng=rng)
        self.out = Linear(s.hidden, words, rng=rng)

    def read(self, asked):
        """Return states of `asked` (N, S, H), which of them are there, (N, 1, S) or None for all, and the first (h, c)."""
        raise NotImplementedError

    def write(self, words, state, states, present):
        """Return h_t (N, T, H) after each of words (N, T), from `state` on, and the state after the last."""
        hidden, cell = self.writer(words, state)
        return ops.transpose(hidden, 0, 1), (hidden[-1], cell)

    def words(self, hidden, states, present):
        """Return, for hidden states of the reply (N, T, H), scores of the next word (N, T, V)."""
        seen = ops.scaled_dot_product_attention(hidden, states, states, attn_mask=present)
        return self.out(ops.tanh(self.mix(ops.cat([hidden, seen], 2))))

    def before(self, replies):
        """Return the word before each of replies (N, T): the writer begins with <end>."""
        begin = xp(replies).ones_like(replies[:, :1])
        return xp(replies).concatenate([begin, replies[:, :-1]], 1)

    def forward(self, asked, replies):
        """log p of each word (N, T) of replies (N, T) to `asked` (N, ...), 0 after the end."""
        states, present, first = self.read(asked)
        hidden, _ = self.write(self.before(replies), first, states, present)
        scores = self.words(hidden, states, present)  # (N, T, V)
        flat = ops.reshape(scores, (-1, scores.shape[2]))
        return -ops.reshape(cross_entropy(flat, replies.reshape(-1), ignore_index=0, reduction="none"), replies.shape)

    def reply(self, asked, rng):
        """Return replies (N, longest) to `asked` (N, ...), drawn word by word; 0 after <end>."""
        with no_grad():
            states, present, state = self.read(asked)
            word = xp(asked).ones(len(asked), int)
            speaking, drawn = word, []  # 1 for rows that are not over yet
            while len(drawn) < self.longest and speaking.any():
                hidden, state = self.write(word[:, None], state, states, present)
                scores = self.words(hidden, states, present)[:, 0]
                word = ops.categorical(scores.data, rng) * speaking
                speaking = speaking * (word != 1)
                drawn.append(word)
            drawn += [xp(asked).zeros_like(word)] * (self.longest - len(drawn))
        return xp(asked).stack(drawn, 1)


# --- words about a picture -------------------------------------------------------------------------------------


class Eye(Module):
    """Pictures (N, 3, h, w) -> states of their places (N, hw / 16, H), which know where they are, and a gist (N, 2H).

    A place has 4 x 4 pixels, and sees 18 x 18. side: of the pictures, h = w.
    """

    def __init__(self, side, s, rng):
        c, places = s.channels, side // 4
        normed = lambda size: (BatchNorm2d(size, momentum=1 - s.ema), ReLU())  # its averages lag as those of the weights do
        self.see = Sequential(
            Conv2d(3, c, 4, 2, 1, rng=rng), *normed(c),
            Conv2d(c, 2 * c, 4, 2, 1, rng=rng), *normed(2 * c),
            Conv2d(2 * c, 2 * c, 3, 1, 1, rng=rng), *normed(2 * c),
        )  # fmt: skip
        self.row = Parameter(rng.standard_normal((2 * c, places, 1), dtype=np.float32))
        self.column = Parameter(rng.standard_normal((2 * c, 1, places), dtype=np.float32))
        self.keep = Linear(2 * c, s.hidden, rng=rng)

    def forward(self, pictures):
        """Return the states, and of each of their numbers the mean and the largest."""
        x = ops.flatten(self.see(pictures) + self.row + self.column, 2)  # (N, 2c, S)
        states = self.keep(ops.transpose(x, 1, 2))  # (N, S, H)
        return states, ops.cat([ops.mean(states, 1), ops.amax(states, 1)], 1)


class Follower(Module):
    """Words are followed in a picture: one LSTM reads them and looks at each place they speak of, one reads what was seen.

    So "a red circle left of" is known together with where the red circle is.
    """

    def __init__(self, words, s, rng):
        self.reader = Reader(words, s, rng)
        self.follow = LSTMCell(2 * s.hidden, s.hidden, rng=rng)
        self.first = Linear(2 * s.hidden, 4 * s.hidden, rng=rng)

    def begin(self, gist):
        """Return the first state, of a gist (N, 2H)."""
        return tuple(ops.chunk(ops.tanh(self.first(gist)), 4, 1))

    def forward(self, words, state, states, lengths=None):
        """Words (N, T), the state before them, states of places (N, S, H) -> h_t after each word (N, T, H), the state."""
        read, cell = self.reader(words, state[:2], lengths)
        seen = ops.scaled_dot_product_attention(ops.transpose(read, 0, 1), states, states)
        seen = ops.cat([read, ops.transpose(seen, 0, 1)], 2)  # (T, N, 2H)
        f = self.follow
        found = ops.lstm(seen, *state[2:], f.weight_ih, f.weight_hh, f.bias_ih, f.bias_hh, lengths=lengths)
        return ops.transpose(found[:-1], 0, 1), (read[-1], cell, found[-2], found[-1])

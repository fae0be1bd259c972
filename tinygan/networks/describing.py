"""Players that say what a picture shows: an eye, a writer that follows its own words in the picture, and a judge.

They are those of `attending.py`, where what is answered is a picture: a row of states, one for each of its places. The
recipe `caption` trains them. Xu et al. 2015, *Show, Attend and Tell*.
"""

from dataclasses import dataclass

import numpy as np

from tinygan import ops
from tinygan.backend import to_device
from tinygan.networks.attending import AttendingSettings, AttendingWriter, Reader
from tinygan.nn import BatchNorm2d, Conv2d, Linear, LSTMCell, Module, Parameter, ReLU, Sequential
from tinygan.run.settings import setting

SIDE = 32  # of a picture


@dataclass
class EyeSettings(AttendingSettings):
    """Sizes of both players."""

    channels: int = setting(32, "Channels of the first convolution; the others have twice as many.", 1)


class Eye(Module):
    """Pictures (N, 3, h, w) -> states of their places (N, hw / 16, H), which know where they are, and a gist (N, 2H).

    A place has 4 x 4 pixels, and sees 18 x 18. side: of the pictures, h = w.
    """

    def __init__(self, side, s, rng):
        c, places = s.channels, side // 4
        normed = lambda size: (
            BatchNorm2d(size, momentum=1 - s.ema),
            ReLU(),
        )  # its averages lag as those of the weights do
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


class Captioner(AttendingWriter):
    """Generator: an eye, and a writer that follows its own words in the picture and attends to the place of the next one."""

    def __init__(self, words, longest, s, rng):
        self.eye = Eye(SIDE, s, rng)
        super().__init__(Follower(words, s, rng), words, longest, s, rng)

    def read(self, pictures):
        """Return what sentences about pictures (N, 3, 32, 32) need: states of places (N, 64, H), the first state."""
        states, gist = self.eye(pictures)
        return states, None, self.writer.begin(gist)

    def write(self, words, state, states, present):
        """Return h_t (N, T, H) after each of words (N, T), from `state` on, and the state after the last."""
        return self.writer(words, state, states)

    def reply(self, pictures, rng, temperature=1.0):
        """Return sentences (N, T) about pictures, drawn word by word, as wide as the longest of them."""
        return trim(super().reply(pictures, rng, temperature))

    def looks(self, pictures, sentences):
        """Return how much each place counted for each word: (N, T, 8, 8), for sentences (N, T)."""
        states, _, first = self.read(pictures)
        hidden, _ = self.writer(self.before(sentences), first, states)
        every = np.eye(states.shape[1], dtype=np.float32)  # its mean, weighted as the places' is, is the weights
        weights = ops.scaled_dot_product_attention(hidden, states, to_device(every, states.device))
        return ops.reshape(weights, (*sentences.shape, SIDE // 4, SIDE // 4))


class PictureJudge(Module):
    """Discriminator: the words are followed in the picture; the verdict is the mean of what each adds."""

    def __init__(self, words, s, rng):
        self.eye, self.reader = Eye(SIDE, s, rng), Follower(words, s, rng)
        self.verdict = Linear(s.hidden, 1, rng=rng)

    def forward(self, pictures, sentences):
        """Pictures (N, 3, 32, 32) and sentences (N, T) -> verdicts (N, 1)."""
        states, gist = self.eye(pictures)
        present = sentences != 0
        found, _ = self.reader(sentences, self.reader.begin(gist), states, present.sum(1))
        each = self.verdict(found)  # (N, T, 1)
        share = present[:, :, None] / present.sum(1)[:, None, None].astype(each.dtype)
        return ops.sum(each * share.astype(each.dtype), 1)


def trim(rows):
    """Return tokens (N, T) without the columns in which every row is over: most sentences are short."""
    return rows[:, : int((rows != 0).sum(1).max())]

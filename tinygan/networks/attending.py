"""Players of words: LSTMs that read a line, or write one while they attend to what they answer: a line, or a picture.

Rows are tokens (N, T): 0 after the end, 1 is <end>, as `data.Vocabulary` makes them. What is answered is a row of states
(N, S, H): those of the words of a prompt (recipe `dialogue`), or those of the places of a picture (`caption`, whose players
are in `describing.py`). The game that these players play is `gan/replies.py`.
"""

from dataclasses import dataclass

from tinygan import ops
from tinygan.autodiff import no_grad
from tinygan.backend import xp
from tinygan.losses import cross_entropy
from tinygan.nn import Embedding, Linear, LSTMCell, Module
from tinygan.run.settings import RunSettings, setting


@dataclass
class AttendingSettings(RunSettings):
    """Sizes of both players."""

    embedding: int = setting(64, "Size of a word's vector.", 1)
    hidden: int = setting(128, "Size of the LSTMs' states.", 1)


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

    def reply(self, asked, rng, temperature=1.0):
        """Return replies (N, longest) to `asked` (N, ...), drawn word by word; 0 after <end>.

        temperature: scores of words are divided by it; the smaller, the surer is the likeliest word.
        """
        with no_grad():
            states, present, state = self.read(asked)
            word = xp(asked).ones(len(asked), int)
            speaking, drawn = word, []  # 1 for rows that are not over yet
            while len(drawn) < self.longest and speaking.any():
                hidden, state = self.write(word[:, None], state, states, present)
                scores = self.words(hidden, states, present)[:, 0]
                word = ops.categorical(scores.data / temperature, rng) * speaking
                speaking = speaking * (word != 1)
                drawn.append(word)
            drawn += [xp(asked).zeros_like(word)] * (self.longest - len(drawn))
        return xp(asked).stack(drawn, 1)

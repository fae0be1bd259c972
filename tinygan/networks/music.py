"""Players of music in several voices: a writer that chooses pitch by pitch, and a judge of whole pieces.

A piece is encoded as rows (N, T, Σ sizes): in a row, a sixteenth note, a voice has a 1 for its pitch among those that it
sings, or for its silence. Both players see moves too, the half tones from a voice's last pitch to this one: a step from C
to D is a step from G to A. `recipes/sound/chorales.py` lets them play.
"""

import numpy as np

from tinygan.autodiff import Tensor, no_grad, raw
from tinygan.backend import xp
from tinygan.data.sound import SILENCE
from tinygan.networks.sequences import ConvolutionalJudge, remember
from tinygan.nn import LSTM, Dropout, Linear, Module, ModuleList
from tinygan.ops import cat, categorical, flip, gather, leaky_relu, log_softmax, sum

BEAT = 4  # rows of a quarter note
KEYS = np.arange(-5, 7)  # half tones that a piece is moved by
HOME = 5  # the number of none
LEAP = 12  # half tones; a wider move counts as this one
MOVES = 2 * LEAP + 2  # from -LEAP to LEAP, and one from or to silence


def number_moves(sung):
    """Return the number of the move between two of a voice's pitches (S,), from none in the last row: (S + 1, S)."""
    moves = (sung - sung[:, None]).clip(-LEAP, LEAP) + LEAP
    silent = sung == SILENCE
    return np.vstack([np.where(silent | silent[:, None], MOVES - 1, moves), np.full(len(sung), MOVES - 1)])


class Choir:
    """The voices of encoded rows: where each has its pitches, `spans`, and which number a move has.

    pitches: those of each voice, SILENCE among them.
    """

    def __init__(self, pitches):
        self.sizes = [len(sung) for sung in pitches]
        ends = np.cumsum(self.sizes).tolist()
        self.spans = list(zip([0, *ends], ends))
        self.move_between = [number_moves(np.array(sung)) for sung in pitches]

    def number_pitch(self, v, rows):
        """Return which of its pitches voice v sings in rows (..., Σ sizes); their number, where it sings none yet: (...)."""
        start, end = self.spans[v]
        return xp(rows).where(rows[..., start:end].any(-1), rows[..., start:end].argmax(-1), end - start)

    def moves_from(self, v, before):
        """Return the numbers of voice v's moves to each of its pitches from rows `before`, (..., Σ sizes) -> (..., size)."""
        return xp(before).asarray(self.move_between[v])[self.number_pitch(v, before)]

    def encode_moves(self, rows):
        """Return a 1 for each voice's move to each row of pieces (N, T, Σ sizes): (N, T, MOVES voices)."""
        library, all_moves = xp(rows), []
        before = library.concatenate([0 * rows[:, :1], rows[:, :-1]], 1)
        for v in range(len(self.sizes)):
            move = library.take_along_axis(self.moves_from(v, before), self.number_pitch(v, rows)[..., None], -1)
            all_moves.append((move == library.arange(MOVES)).astype(rows.dtype))
        return library.concatenate(all_moves, 2)


class MusicJudge(Module):
    """Discriminator: convolutions over the rows of a piece and the moves between them."""

    def __init__(self, pitches, channels, length, rng):
        self.choir = Choir(pitches)
        features = self.choir.spans[-1][1] + MOVES * len(pitches)
        self.judge = ConvolutionalJudge(features, channels, length=length, rng=rng)

    def forward(self, x):
        """Encoded pieces (N, T, Σ sizes) -> verdicts (N, 1)."""
        return self.judge(cat([x, Tensor(self.choir.encode_moves(raw(x)))], 2))


class MusicWriter(Module):
    """Rows one after another, and in a row the voices: a choice is made knowing all choices before it.

    h_t = LSTM([x_{t-1}, beat, key, c_t])      u = φ(U_v [h_t, x_t1, ..., x_t,v-1])
    p(x_tv = j | before) = softmax_j(W_v u + (M_v u)[j's interval to x_{t-1,v}])

    M scores a move alike from every pitch. A row x_t (N, Σ sizes) has a 1 for each voice's pitch; `pitches`: those of each
    voice. dropout: of h, while it imitates. told: the first voice is given, all of it, and c_t is what another LSTM knows
    that reads it from its end to row t.
    """

    def __init__(self, pitches, hidden, width, dropout, told, rng):
        self.choir, self.told = Choir(pitches), told
        self.spans, sizes = self.choir.spans, self.choir.sizes
        beside = BEAT + len(KEYS)
        self.lstm = remember(LSTM(self.spans[-1][1] + beside + told * hidden, hidden, rng=rng))
        self.coming = remember(LSTM(sizes[0] + beside, hidden, rng=rng)) if told else None
        self.seen = ModuleList(Linear(hidden + start, width, rng=rng) for start, _ in self.spans)
        self.voices = ModuleList(Linear(width, size, rng=rng) for size in sizes)
        self.moves = ModuleList(Linear(width, MOVES, rng=rng) for _ in sizes)
        self.dropout = Dropout(dropout)

    def place(self, rows, key, first=0):
        """Return rows (T, N, .), of which the first is row `first` of a piece, with beat and key beside them."""
        library, (length, n, _) = xp(rows), rows.shape
        beat = (first + library.arange(length))[:, None, None] % BEAT == library.arange(BEAT)
        key = library.asarray(key)[..., None] == library.arange(len(KEYS))
        beside = [library.broadcast_to(x, (length, n, x.shape[-1])).astype(rows.dtype) for x in (beat, key)]
        return library.concatenate([rows, *beside], 2)

    def look_ahead(self, soprano, key=HOME):
        """Return c (T, N, hidden) of a whole first voice (T, N, its size); None if it is not told."""
        if self.coming is None:
            return None
        return flip(self.coming(Tensor(self.place(soprano, key)[::-1]))[0], 0)

    def read(self, before, ahead=None, first=0, state=None, key=HOME):
        """Return h (T, N, hidden) of rows `first` on, which follow `before` (T, N, Σ sizes), and the LSTM's state."""
        x = Tensor(self.place(before, key, first))
        return self.lstm(x if ahead is None else cat([x, ahead[first : first + len(before)]], 2), state)

    def voice(self, v, h, row, before):
        """Return logits (..., size) of voice v, which knows h, what the voices before it sing in `row`, and its last pitch.

        row and `before`, the one before it, are (..., Σ sizes).
        """
        u = leaky_relu(self.seen[v](cat([h, Tensor(row[..., : self.spans[v][0]])], -1)), 0.2)
        return self.voices[v](u) + gather(self.moves[v](u), -1, self.choir.moves_from(v, before))

    def forward(self, rows, key=HOME):
        """-log p of what it writes of pieces, encoded (N, T, Σ sizes), in nats a row, of all these voices together: (N,)."""
        rows = rows.transpose(1, 0, 2)
        before = xp(rows).concatenate([0 * rows[:1], rows[:-1]])
        ahead = self.look_ahead(rows[..., : self.spans[0][1]], key)
        h = self.dropout(self.read(before, ahead, key=key)[0])  # (T, N, hidden)
        voices = range(self.told, len(self.spans))
        logs = cat([log_softmax(self.voice(v, h, rows, before), 2) for v in voices], 2)
        return -sum(logs * rows[..., self.spans[self.told][0] :], (0, 2)) / len(rows)

    def write(self, n, length, rng, soprano=None, temperature=1.0):
        """Return n pieces, drawn choice by choice: encoded, (n, length, Σ sizes).

        soprano (n, length, its size): the first voice, where it is given; G was told it or not.
        """
        library = xp(self.voices[0].weight.data)
        row, state, rows = library.zeros((n, self.spans[-1][1]), np.float32), None, []
        with no_grad():
            ahead = self.look_ahead(soprano.transpose(1, 0, 2)) if self.told else None
            for t in range(length):
                before = row
                h, state = self.read(before[None], ahead, t, state)
                row = library.zeros_like(row)
                for v, (start, end) in enumerate(self.spans):
                    if v == 0 and soprano is not None:
                        row[:, :end] = soprano[:, t]
                        continue
                    chosen = categorical(raw(self.voice(v, h[0], row, before)) / temperature, rng)
                    row[:, start:end] = chosen[:, None] == library.arange(end - start)
                rows.append(row)
        return library.stack(rows, 1)

"""Players of music in several voices: a writer that chooses pitch by pitch, and a judge of whole pieces.

A piece is encoded as rows (N, T, Σ sizes): in a row, a sixteenth note, a voice has a 1 for its pitch among those that it
sings, or for its silence. Both players see moves too, the half tones from a voice's last pitch to this one: a step from C
to D is a step from G to A. The writer also sees intervals, the half tones between two voices. `recipes/sound/chorales.py`
lets them play.
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
    """Return the number of the move between any two of a voice's pitches (S,), or none, which is the last: (S + 1, S + 1)."""
    sung = np.append(sung, SILENCE)
    silent = sung == SILENCE
    return np.where(silent | silent[:, None], MOVES - 1, (sung - sung[:, None]).clip(-LEAP, LEAP) + LEAP)


INTERVALS, FIFTH = 13, 7  # half tones to a voice above, modulo the octave, and one number where either is silent


def number_intervals(sung, above):
    """Return the number of the interval from any pitch of a voice (S,), or none, to one above: (A + 1, S + 1)."""
    sung, above = np.append(sung, SILENCE), np.append(above, SILENCE)[:, None]
    return np.where((sung == SILENCE) | (above == SILENCE), INTERVALS - 1, (above - sung) % 12)


class Choir:
    """The voices of encoded rows: where each has its pitches, `spans`, and the numbers of moves and of chords' intervals.

    pitches: those of each voice, SILENCE among them.
    """

    def __init__(self, pitches):
        self.sizes = [len(sung) for sung in pitches]
        ends = np.cumsum(self.sizes).tolist()
        self.spans = list(zip([0, *ends], ends))
        self.moves = [number_moves(np.array(sung)) for sung in pitches]
        self.intervals = [[number_intervals(*map(np.array, (sung, above))) for above in pitches] for sung in pitches]

    def number_pitch(self, v, rows):
        """Return which of its pitches voice v sings in rows (..., Σ sizes); their number, where it sings none yet: (...)."""
        start, end = self.spans[v]
        return xp(rows).where(rows[..., start:end].any(-1), rows[..., start:end].argmax(-1), end - start)

    def number_moves(self, v, before):
        """Return the numbers of voice v's moves to each of its pitches from rows `before`, (..., Σ sizes) -> (..., size)."""
        return xp(before).asarray(self.moves[v])[self.number_pitch(v, before), :-1]

    def number_intervals(self, v, w, rows):
        """Return the numbers of the intervals from each pitch of voice v to what w sings in rows: (..., size of v)."""
        return xp(rows).asarray(self.intervals[v][w])[self.number_pitch(w, rows), :-1]

    def move(self, v, rows, before):
        """Return the number of voice v's move from rows `before` to these: (...)."""
        return xp(rows).asarray(self.moves[v])[self.number_pitch(v, before), self.number_pitch(v, rows)]

    def count_parallels(self, v, rows, before):
        """Return with how many voices above each pitch of v would move in parallel fifths or octaves: (..., size)."""
        library, moves, count = xp(rows), self.number_moves(v, before), 0
        last = self.number_pitch(v, before)
        for w in range(v):
            interval = library.asarray(self.intervals[v][w])[self.number_pitch(w, before), last][..., None]
            move = self.move(w, rows, before)[..., None]
            count = count + ((moves == move) & (move != LEAP) & (move < MOVES - 1) & ((interval == 0) | (interval == FIFTH)))
        return count

    def encode_moves(self, rows):
        """Return a 1 for each voice's move to each row of pieces (N, T, Σ sizes): (N, T, MOVES voices)."""
        library = xp(rows)
        before = library.concatenate([0 * rows[:, :1], rows[:, :-1]], 1)
        moves = library.stack([self.move(v, rows, before) for v in range(len(self.sizes))], 2)  # (N, T, voices)
        return (moves[..., None] == library.arange(MOVES)).reshape(*rows.shape[:2], -1).astype(rows.dtype)


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
    p(x_tv = j | before) = softmax_j(W_v u + (M_v u)[move to j] + Σ_w (I_vw u)[interval of j to w] + (P_v u) parallels of j)

    W scores pitches; M moves, alike from every pitch; I the intervals to each voice w above, alike in every key; P in how
    many fifths and octaves j would move in parallel with a voice above. A row x_t (N, Σ sizes) has a 1 for each voice's
    pitch; `pitches`: those of each voice. dropout: of h, while it imitates. told: the first voice is given, all of it, and
    c_t is what another LSTM knows that reads it from its end to row t.
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
        self.chords = ModuleList(Linear(width, INTERVALS * v + 1, rng=rng) for v in range(1, len(sizes)))
        self.dropout = Dropout(dropout)

    def place(self, rows, key, first=0):
        """Return rows (T, N, .) with beat and key beside them. The first of them is row `first` of its piece."""
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
        logits = self.voices[v](u) + gather(self.moves[v](u), -1, self.choir.number_moves(v, before))
        if v == 0:
            return logits
        chords = self.chords[v - 1](u)  # (..., INTERVALS for each voice above, and 1)
        for w in range(v):
            intervals = chords[..., INTERVALS * w : INTERVALS * (w + 1)]
            logits = logits + gather(intervals, -1, self.choir.number_intervals(v, w, row))
        return logits + chords[..., -1:] * self.choir.count_parallels(v, row, before).astype(row.dtype)

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

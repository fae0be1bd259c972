"""In-filling: a sentence with a hole goes in, the generator fills it, and every filled token has a verdict of its own.

MaskGAN (Fedus et al. 2018). A verdict on each token tells at once which word was wrong; SeqGAN has to finish the sentence
many times to learn it. The effect of a token on later ones is the sum of their rewards, and a critic says how much of it
was to be expected. Samples are drawn with a hole as large as the sentence: G writes from nothing. Read `language.py` first,
then `policy.py`.
"""

import itertools
from dataclasses import dataclass

import numpy as np

from tinygan import ops
from tinygan.autodiff import no_grad, raw
from tinygan.backend import stream, to_device, to_numpy, xp
from tinygan.data import DataError
from tinygan.gan.objectives import minimax
from tinygan.gan.players import read_back
from tinygan.gan.settings import DuelSettings
from tinygan.nn import Embedding, Linear, LSTMCell, Module
from tinygan.run.settings import setting
from tinygan.text.language import END, ONE, PADDED, SOME, AloneSettings, LanguageModel, TextGame, trim

# --- the players -----------------------------------------------------------------------------------------------


class TwoWay(Module):
    """An LSTM from the front and one from the end of each sentence: (T, N, I), lengths (N,) -> (T, N, 2 size)."""

    def __init__(self, inputs, size, rng=None):
        self.onward, self.back = LSTMCell(inputs, size, rng=rng), LSTMCell(inputs, size, rng=rng)

    def forward(self, x, lengths):
        """What is past a sentence's length changes nothing before it."""
        library, steps = xp(lengths), x.shape[0]
        place = library.arange(steps)[:, None]
        mirrored = library.where(place < lengths, lengths - 1 - place, place)  # (T, N): its own inverse
        turned = lambda x: ops.gather(x, 0, library.broadcast_to(mirrored[:, :, None], x.shape))
        read = lambda c, x: ops.lstm(x, None, None, c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh, lengths=lengths)[
            :-1
        ]
        return ops.cat([read(self.onward, x), turned(read(self.back, turned(x)))], 2)


class Filler(Module):
    """Generator: reads the sentence with its hole both ways, then writes it from left to right; what is not hidden stays.

    The writer is a LanguageModel that is given, for every place, what stands around it.
    """

    def __init__(self, vocabulary, embedding, hidden, *, ended=True, dropout=0.0, rng=None):
        if hidden < 2:
            raise ValueError(f"Filler: hidden {hidden}: expected 2 or more, half of them to read from each side")
        self.hole = vocabulary  # the number of <hole>, which is read and never written
        self.words = Embedding(vocabulary + 1, embedding, rng=rng)
        self.reader = TwoWay(embedding, hidden // 2, rng)
        around = 2 * (hidden // 2)
        self.writer = LanguageModel(vocabulary, embedding, hidden, given=around, ended=ended, dropout=dropout, rng=rng)

    embedding = property(lambda self: self.writer.embedding)
    ended = property(lambda self: self.writer.ended)

    def around(self, rows, hidden):
        """Return what the reader says of every place of tokens (N, T), some of them hidden: (T, N, .)."""
        library = xp(rows)
        seen = library.where(hidden, self.hole, rows)
        return self.reader(self.words(seen.T), (seen != PADDED).sum(1) if self.ended else (seen >= 0).sum(1))

    def fill(self, rows, hidden, rng):
        """Return the tokens (N, T) with new ones where they are hidden. A hole after which nothing stands may end earlier."""
        with no_grad():
            library, around, state = xp(rows), self.around(rows, hidden), None
            stands = ~hidden & (rows != PADDED)
            last = stands[:, ::-1].cumsum(1)[:, ::-1] - stands == 0  # nothing stands after this place
            x, filled = library.full(len(rows), self.writer.first, rows.dtype), rows.copy()
            over = library.zeros(len(rows), bool)
            for t in range(rows.shape[1]):
                h, state = self.writer.step(x, state, around[t])
                drawn = library.where(over, PADDED, self.writer.draw(raw(h), rng))
                filled[:, t] = x = library.where(hidden[:, t], drawn, rows[:, t])
                if self.ended:
                    over |= (x == END) & last[:, t]
        return filled

    def go_on(self, rows, length, rng):
        """Return sentences that begin with the tokens `rows` (N, K): (N, length) integers."""
        n, known = rows.shape
        padded, hidden = self.everything(n, length)
        padded[:, :known], hidden[:, :known] = rows, False
        return self.fill(padded, hidden, rng)

    def fill_blanks(self, patterns, length, rng):
        """Return a sentence of one of the patterns, (length,): tokens, and blanks ONE, of a token, and SOME, of 1 to MOST.

        SOME at the end is the rest of the sentence. DataError if every blank that was filled ended the sentence.
        """
        filled, weights = self.propose(patterns, length, rng)
        if not xp(weights).isfinite(weights).any():
            raise DataError(f"the run ended {PROPOSED} sentences before the last blank; train it for longer")
        return filled[int(ops.categorical(weights[None], rng)[0])]

    def propose(self, patterns, length, rng):
        """Return sentences (PROPOSED, length) of the patterns, with blanks of random sizes, and log weights (PROPOSED,).

        Importance sampling: a weight is p(sentence) / q(its blanks, as they were filled). q is the filler's; p is its own
        too, with the sentence hidden whole, which compares sentences of any length.
        """
        rows, hidden, least = (to_device(x, self.embedding.weight.device) for x in lay_out(patterns, length, rng))
        library, filled = xp(rows), self.fill(rows, hidden, rng)
        over = library.concatenate([filled == END, library.ones((len(rows), 1), bool)], 1).argmax(1)
        weights = self.log_p(filled, self.everything(*rows.shape)[1]) - self.log_p(filled, hidden)
        return filled, library.where(over >= least, weights, -library.inf)  # -inf: <end> within the sentence

    def log_p(self, rows, hidden):
        """Return log p of the hidden tokens of each sentence (N, T), given the others: (N,)."""
        length = trim(rows).shape[1] if self.ended else rows.shape[1]
        losses = xp(rows).zeros((length, len(rows)), "float32")
        with no_grad():
            losses[self.counts(rows[:, :length], hidden[:, :length]).T] = raw(self.loss(rows, hidden, "none"))
        return -losses.sum(0)

    def everything(self, n, length):
        """Return (rows, hidden) of n sentences that are hidden whole."""
        library = xp(self.embedding.weight.data)
        return library.zeros((n, length), "int64"), library.ones((n, length), bool)

    def sample(self, n, length, rng):
        """Return n sentences written from nothing: (n, length) integers."""
        return self.fill(*self.everything(n, length), rng)

    def loss(self, rows, hidden, reduction="mean"):
        """Return -log p of the hidden tokens of (N, T): their mean, with "sum" their sum, with "none" each, t by t."""
        around, rows = self.around(rows, hidden), trim(rows) if self.ended else rows
        length = rows.shape[1]
        counts = self.counts(rows, hidden[:, :length])
        return self.writer.loss(rows, None, around[:length], reduction=reduction, counts=counts.T.reshape(-1))

    def counts(self, rows, hidden):
        """Return which of the tokens (N, T) were to be filled: hidden, and not past the end."""
        return hidden & self.writer.targets(rows)[1].reshape(rows.T.shape).T

    def nll(self, rows):
        """Return -log p(x) a token over all rows (N, T), every sentence hidden whole, in nats. A float."""
        total, count = 0.0, 0
        with no_grad():
            for k in range(0, len(rows), 256):
                part = rows[k : k + 256]
                _, hidden = self.everything(*part.shape)
                total += self.loss(part, hidden, "sum").item()
                count += int(self.counts(part, hidden).sum())
        return total / count


MOST, PROPOSED = 4, 256  # tokens that fill a blank SOME; sentences that are compared


def lay_out(patterns, length, rng):
    """Return (rows, hidden, least) of PROPOSED sentences of the patterns in turn, each with blanks of sizes of its own.

    rows and hidden (PROPOSED, length): the tokens that are known, and which are not; least (PROPOSED,): where <end> may
    stand at first.
    """
    rows, hidden = np.zeros((PROPOSED, length), np.int64), np.zeros((PROPOSED, length), bool)
    least = np.zeros(PROPOSED, np.int64)
    for i, pattern in zip(range(PROPOSED), itertools.cycle(patterns)):
        is_open = pattern[-1] == SOME
        pattern = [*pattern[:-1]] if is_open else [*pattern, END]
        some = pattern.count(SOME)
        most = min(MOST, (length - is_open - (len(pattern) - some)) // max(1, some))
        row = [t for token in pattern for t in ([ONE] * rng.integers(1, most + 1) if token == SOME else [token])]
        rows[i, : len(row)] = row
        hidden[i] = rows[i] == ONE
        hidden[i, len(row) :] = is_open
        least[i] = len(row) + (1 if is_open else -1)
    rows[hidden] = PADDED
    return rows, hidden, least


class TokenJudge(Module):
    """Discriminator: reads a filled sentence both ways, and where the hole was; a verdict for every token.

    The critic learns beside it: b_t, linear in the writer's state before x_t is chosen, is what the rewards from t on are
    expected to be.
    """

    def __init__(self, vocabulary, embedding, hidden, *, ended=True, rng=None):
        self.ended = ended
        self.words = Embedding(vocabulary, embedding, rng=rng)
        self.reader = TwoWay(embedding + 1, hidden, rng)
        self.verdict = Linear(2 * hidden, 1, rng=rng)
        self.critic = Linear(hidden, 1, rng=rng)

    def forward(self, rows, hidden):
        """Tokens (N, T), which of them were hidden -> verdicts (N, T)."""
        flags = hidden.T[:, :, None].astype(self.words.weight.dtype)
        x = ops.cat([self.words(rows.T), flags], 2)
        lengths = (rows != PADDED).sum(1) if self.ended else (rows >= 0).sum(1)
        return self.verdict(self.reader(x, lengths))[:, :, 0].T


# --- the game --------------------------------------------------------------------------------------------------


def returns(rewards, discount):
    """Return R_t = Σ over s ≥ t of discount^(s - t) r_s: rewards (N, T) -> (N, T)."""
    sums = rewards.copy()
    for t in reversed(range(rewards.shape[1] - 1)):
        sums[:, t] += discount * sums[:, t + 1]
    return sums


@dataclass
class InfillSettings(AloneSettings, DuelSettings):
    """The game of filling holes."""

    whole: float = setting(0.5, "Share of sentences that are hidden whole; of others a stretch is hidden.", 0.0, 1.0)
    discount: float = setting(0.9, "Share of the next token's reward that counts in a token's value.", 0.0, 1.0)


class InfillGame(TextGame):
    """way=infill: after imitation, G fills holes, D judges every token, G learns by actor and critic."""

    bounds = minimax.bounds

    def complete(self, patterns, rng):
        """Return a sentence of one of the patterns, (length,): tokens, and blanks ONE or SOME, which it fills."""
        blanks = sum(token < 0 for token in patterns[0])
        self.refuse_more(len(patterns[0]) - blanks, blanks)
        patterns = [pattern for pattern in patterns if len(pattern) < self.length]
        with no_grad():
            return to_numpy(self.G.average.module.fill_blanks(patterns, self.length, rng))

    def holes(self, rows, k):
        """Return which tokens of (N, T) are hidden: with probability s.whole all, otherwise a stretch of random length."""
        library, rng, (n, length) = xp(rows), stream(self.settings.seed, "holes", k), rows.shape
        device = self.G.module.embedding.weight.device
        size, begin, whole = (to_device(rng.random(n), device) for _ in range(3))
        lengths = (rows != PADDED).sum(1) if self.G.module.ended else library.full(n, length)
        size = library.ceil(size * lengths)
        begin = library.floor(begin * (lengths - size + 1))
        place = library.arange(length)
        stretch = (place >= begin[:, None]) & (place < (begin + size)[:, None])
        return stretch | (whole < self.settings.whole)[:, None]

    def imitate(self, k):
        """Take a step of maximum likelihood on the hidden tokens."""
        rows = self.batch(k).x
        loss = self.G.module.loss(rows, self.holes(rows, k))
        self.imitator.move(loss, k)
        return {"g_nll": loss.item()}

    def play(self, k):
        """Do D's and the critic's step on real and filled sentences with the same holes, then G's.

        A token is paid D's verdict log D - log(1 - D): nothing where D cannot tell. MaskGAN's log D is always negative.
        Every further word then costs, and sentences become short.
        """
        s, G, D = self.settings, self.G.module.eval(), self.D.module
        rows = self.batch(k).x
        hidden = self.holes(rows, k)
        filled = G.fill(rows, hidden, stream(s.seed, "noise", k))
        verdicts, counts = D(filled, hidden), G.counts(filled, hidden)
        chosen = lambda verdicts, counts: ops.index_select(verdicts.reshape(-1), 0, xp(rows).flatnonzero(counts))
        d_loss = minimax.discriminator(chosen(D(rows, hidden), G.counts(rows, hidden)), chosen(verdicts, counts))
        rewards, count = xp(rows).where(counts, raw(verdicts), 0), float(counts.sum())
        gained = returns(rewards, s.discount)
        with no_grad():
            states = G.writer(filled, None, G.around(filled, hidden))
        expected = D.critic(states)[:, :, 0].T  # b_t
        critic_loss = ops.where(counts, (expected - gained) ** 2, 0.0).sum() / count
        self.D.move(d_loss + critic_loss, k)
        row = {"d_loss": d_loss.data, "critic_loss": critic_loss.data, "reward": rewards.sum() / count}
        if k < s.game_begins():
            return read_back(row)
        advantage = (gained - raw(expected)).T[counts.T]  # of the tokens that were filled, as G.loss has them
        losses = G.loss(filled, hidden, "none")
        g_loss = ops.mean(losses * (advantage / (xp(rows).sqrt((advantage**2).mean()) + 1e-8)))
        self.G.move(g_loss, k)
        return read_back({**row, "g_loss": g_loss.data, "g_entropy": losses.data.mean()})

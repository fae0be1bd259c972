"""In-filling: a sentence with a hole goes in, the generator fills it, and every filled token has a verdict of its own.

MaskGAN (Fedus et al. 2018). A verdict on each token tells at once which word was wrong, where SeqGAN has to finish the
sentence many times to learn it; what remains to be valued, the effect on later tokens, is the sum of their rewards, and
a critic says how much of it was to be expected. A hole as large as the sentence is writing from nothing: that is how
samples are drawn. Read `language.py` first, then `policy.py`.
"""

from tinygan import ops
from tinygan.autodiff import grad, no_grad, raw
from tinygan.backend import stream, to_device, xp
from tinygan.gan.language import END, PADDED, LanguageModel, TextGame, trimmed
from tinygan.gan.objectives import minimax
from tinygan.gan.training import learning_rate_at, move
from tinygan.nn import Embedding, Linear, LSTMCell, Module

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
    """Generator: reads the sentence with its hole both ways, then writes it from left to right; what was there, stays.

    The writer is a LanguageModel that is given, for every place, what stands around it.
    """

    def __init__(self, vocabulary, embedding, hidden, *, ended=True, dropout=0.0, rng=None):
        self.hole = vocabulary  # the number of <hole>, which is read and never written
        self.words = Embedding(vocabulary + 1, embedding, rng=rng)
        self.reader = TwoWay(embedding, hidden // 2, rng)
        around = 2 * (hidden // 2)
        self.writer = LanguageModel(vocabulary, embedding, hidden, given=around, ended=ended, dropout=dropout, rng=rng)

    embedding = property(lambda self: self.writer.embedding)
    ended = property(lambda self: self.writer.ended)

    def around(self, rows, hidden):
        """Tokens (N, T), and which of them are hidden: what the reader says of every place, (T, N, .)."""
        library = xp(rows)
        seen = library.where(hidden, self.hole, rows)
        return self.reader(self.words(seen.T), (seen != PADDED).sum(1) if self.ended else (seen >= 0).sum(1))

    def fill(self, rows, hidden, rng):
        """The tokens (N, T) with new ones where they are hidden; a hole after which nothing stands may end earlier."""
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

    def everything(self, n, length):
        """(rows, hidden) of n sentences that are hidden whole."""
        library = xp(self.embedding.weight.data)
        return library.zeros((n, length), "int64"), library.ones((n, length), bool)

    def sample(self, n, length, rng):
        """n sentences from nothing: (n, length) integers."""
        return self.fill(*self.everything(n, length), rng)

    def loss(self, rows, hidden, reduction="mean"):
        """-log p of the hidden tokens of (N, T): their mean, with reduction "sum" their sum, with "none" all, t by t."""
        around, rows = self.around(rows, hidden), trimmed(rows) if self.ended else rows
        length = rows.shape[1]
        counts = self.counts(rows, hidden[:, :length])
        return self.writer.loss(rows, None, around[:length], reduction=reduction, counts=counts.T.reshape(-1))

    def counts(self, rows, hidden):
        """Which of the tokens (N, T) were to be filled: hidden, and not past the end."""
        return hidden & self.writer.targets(rows)[1].reshape(rows.T.shape).T

    def nll(self, rows):
        """-log p(x) a token over all rows (N, T), every sentence hidden whole, in nats. A float."""
        total, count = 0.0, 0
        with no_grad():
            for k in range(0, len(rows), 256):
                part = rows[k : k + 256]
                _, hidden = self.everything(*part.shape)
                total += self.loss(part, hidden, "sum").item()
                count += int(self.counts(part, hidden).sum())
        return total / count


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
    """R_t = Σ over s ≥ t of discount^(s - t) r_s: rewards (N, T) -> (N, T)."""
    found = rewards.copy()
    for t in reversed(range(rewards.shape[1] - 1)):
        found[:, t] += discount * found[:, t + 1]
    return found


class InfillGame(TextGame):
    """way=infill: after imitation, G fills holes, D judges every token, G learns by actor and critic."""

    def holes(self, rows, step):
        """Which tokens of (N, T) are hidden: with probability s.whole all, otherwise a stretch of random length."""
        library, rng, (n, length) = xp(rows), stream(self.settings.seed, "holes", step), rows.shape
        size = to_device(rng.random(n), self.generator.embedding.weight.device)
        begin, whole = (to_device(rng.random(n), self.generator.embedding.weight.device) for _ in range(2))
        lengths = (rows != PADDED).sum(1) if self.generator.ended else library.full(n, length)
        size = library.ceil(size * lengths)
        begin = library.floor(begin * (lengths - size + 1))
        place = library.arange(length)
        stretch = (place >= begin[:, None]) & (place < (begin + size)[:, None])
        return stretch | (whole < self.settings.whole)[:, None]

    def imitate(self, step):
        """A step of maximum likelihood on the hidden tokens."""
        (rows,) = self.real(step)
        loss = self.generator.loss(rows, self.holes(rows, step))
        self.learn(loss, step)
        return {"g_nll": loss.item()}

    def play(self, step):
        """D's and the critic's step on real and filled sentences with the same holes, then G's.

        A token is paid D's verdict log D - log(1 - D), nothing where D cannot tell. MaskGAN's log D is always negative:
        every further word then costs, and sentences become short.
        """
        s, G, D = self.settings, self.generator.eval(), self.discriminator
        self.g_optimizer.lr, self.d_optimizer.lr = learning_rate_at(step, s), learning_rate_at(step, s) * s.d_rate
        (rows,) = self.real(step)
        hidden = self.holes(rows, step)
        filled = G.fill(rows, hidden, stream(s.seed, "noise", step))
        verdicts, counts = D(filled, hidden), G.counts(filled, hidden)
        chosen = lambda verdicts, counts: ops.index_select(verdicts.reshape(-1), 0, xp(rows).flatnonzero(counts))
        d_loss = minimax.discriminator(chosen(D(rows, hidden), G.counts(rows, hidden)), chosen(verdicts, counts))
        rewards, count = raw(verdicts) * counts, float(counts.sum())
        gained = returns(rewards, s.discount)
        with no_grad():
            states = G.writer(filled, None, G.around(filled, hidden))
        expected = D.critic(states)[:, :, 0].T  # b_t
        critic_loss = (((expected - gained) ** 2) * counts).sum() / count
        move(D, self.d_optimizer, grad(d_loss + critic_loss, self.d_parameters), s, "discriminator")
        row = {"d_loss": d_loss.item(), "critic_loss": critic_loss.item(), "reward": float(rewards.sum() / count)}
        if step >= s.pretrain + s.d_pretrain:
            advantage = (gained - raw(expected)).T[counts.T]  # of the tokens that were filled, as G.loss has them
            losses = G.loss(filled, hidden, "none")
            g_loss = ops.mean(losses * (advantage / (xp(rows).sqrt((advantage**2).mean()) + 1e-8)))
            move(G, self.g_optimizer, grad(g_loss, self.g_parameters), s, "generator")
            self.average.update(G)
            row |= {"g_loss": g_loss.item(), "g_entropy": float(losses.data.mean())}
        return row

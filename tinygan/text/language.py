"""An LSTM that writes: the language model, and the game that every way of training one plays.

A sentence is a row of whole numbers, tokens; which character or word each stands for is `data.text.Vocabulary`'s
business. `LanguageModel` gives every sentence a probability, draws sentences, and is what the other ways of training
(`policy.py`, `relaxed.py`, `infill.py`, `vae.py`) begin with. `TextGame` trains it by maximum likelihood, the yardstick
against which they are measured.
"""

from functools import cached_property

import numpy as np

from tinygan import ops
from tinygan.autodiff import grad, no_grad, raw
from tinygan.backend import stream, to_device, to_numpy, xp
from tinygan.data import Loader
from tinygan.gan.training import Game, move
from tinygan.losses import linear_cross_entropy
from tinygan.nn import LSTM, Dropout, Embedding, Linear, Module
from tinygan.optim import EMA, Adam

PADDED, END, UNKNOWN = 0, 1, 2  # the numbers of <pad>, <end> and <unknown> in every Vocabulary
BLOCK = 320_000  # logits held at once while drawing: 64 rows of 5000, which stay in the cache


class LanguageModel(Module):
    """p(x₁ ... x_T) = Π softmax(W h_t + b)[x_t], h_t of an LSTM that has read x_<t after a first token.

    ended: sentences are those of a Vocabulary, of any length: END begins and closes them, PADs follow, and neither <pad>
    nor <unknown> is ever written. Otherwise all are of one length, every token counts, and 0 begins them.
    given: size of a vector that is read at every step beside the token (a latent code, what was seen so far).
    """

    def __init__(self, vocabulary, embedding, hidden, *, given=0, ended=True, dropout=0.0, rng=None):
        self.ended = ended
        self.first = END if ended else 0
        self.sharpness = 1.0  # all logits are multiplied by it: 1 / temperature
        self.embedding = Embedding(vocabulary, embedding, rng=rng)
        self.lstm = LSTM(embedding + given, hidden, rng=rng)
        self.head = Linear(hidden, vocabulary, rng=rng)
        self.dropout = Dropout(dropout)
        barred = np.zeros(vocabulary, np.float32)
        if ended:
            barred[[PADDED, UNKNOWN]] = -1e4  # e^-10000 is 0 in float32, and 0 times it is no nan as with -inf
        self.register_buffer("barred", barred, persistent=False)

    # --- reading ---------------------------------------------------------------------------------------------------

    def forward(self, rows, state=None, given=None, before=None):
        """Tokens (N, T) -> hidden states (T, N, H), the t-th of an LSTM that has read the tokens before t.

        state: (h, c) to begin with, (1, N, H) each; given (T, N, .): see the class; before (N, T): tokens to read that are
        not quite those.
        """
        before = self.before(rows) if before is None else before
        read = self.dropout(self.embedding(before.T))  # (T, N, E)
        read = read if given is None else ops.cat([read, given], 2)
        return self.dropout(self.lstm(read, state)[0])

    def before(self, rows):
        """Tokens (N, T) -> what was read when each was written: (N, T), the first token and all but the last."""
        first = xp(rows).full((len(rows), 1), self.first, rows.dtype)
        return xp(rows).concatenate([first, rows[:, :-1]], 1)

    def top(self):
        """(W, b) of the logits W h + b, after sharpening, with <pad> and <unknown> out of reach."""
        w, b = self.head.weight, self.head.bias + self.barred
        return (w, b) if self.sharpness == 1 else (w * self.sharpness, b * self.sharpness)

    def logits(self, h):
        """Hidden states (..., H) -> logits (..., V)."""
        return ops.linear(h, *self.top())

    def targets(self, rows):
        """Tokens (N, T) in the order of the hidden states, (T N,), and which of them count: not <pad>, not <unknown>."""
        targets = rows.T.reshape(-1)
        return targets, (targets != PADDED) & (targets != UNKNOWN) if self.ended else targets >= 0

    def loss(self, rows, state=None, given=None, before=None, reduction="mean", counts=None):
        """-log p(x) of tokens (N, T): the mean over all tokens that count, their sum, or with reduction "none" each, t by t.

        counts (T N,): which tokens count, if not those of `targets`.
        """
        h = self(rows, state, given, before)
        h = h.reshape(-1, h.shape[2])  # (T N, H)
        targets, learned = self.targets(rows)
        counts = learned if counts is None else counts
        if not counts.all():
            places = xp(rows).flatnonzero(counts)
            h, targets = ops.index_select(h, 0, places), targets[places]
        w, b = self.top()
        return linear_cross_entropy(h, w, targets, linear_bias=b, reduction=reduction)

    def token_losses(self, rows, state=None, given=None):
        """-log p of every token (N, T) given those before it: a Tensor (N, T), 0 where a token does not count."""
        h = self(rows, state, given)
        targets, counts = self.targets(rows)
        w, b = self.top()
        losses = linear_cross_entropy(h.reshape(-1, h.shape[2]), w, targets, linear_bias=b, reduction="none")
        return (losses * counts).reshape(rows.T.shape).T

    def nll(self, rows):
        """-log p(x) a token over all rows (N, T), in nats: NLL-test if they are held out. A float."""
        with no_grad():
            total = sum(self.loss(rows[k : k + 256], reduction="sum").item() for k in range(0, len(rows), 256))
        return total / int(self.targets(rows)[1].sum())

    # --- writing ---------------------------------------------------------------------------------------------------

    def step(self, x, state=None, given=None):
        """Read tokens (N,), or their vectors (N, E); returns the hidden state (N, H) and the LSTM's state for the next."""
        read = self.embedding(x) if x.ndim == 1 else x
        read = read if given is None else ops.cat([read, given], 1)
        h, state = self.lstm(ops.unsqueeze(read, 0), state)
        return h[0], state

    def draw(self, h, rng):
        """One token for each hidden state (N, H): integers (N,)."""
        library, (w, b) = xp(h), (raw(t) for t in self.top())
        both = library.concatenate([w, b[:, None]], 1).T.copy()  # W h + b as one product with [h, 1]: a fifth faster
        h = library.concatenate([h, library.ones((len(h), 1), h.dtype)], 1)
        rows = max(1, BLOCK // len(w))
        return library.concatenate([ops.multinomial(h[k : k + rows] @ both, rng) for k in range(0, len(h), rows)])

    def write(self, x, state, length, rng, given=None):
        """Sentences that go on from tokens x (n,) in `state`: (n, length) integers; after END come PADs.

        given (n, .): a vector that is read at every step.
        """
        with no_grad():
            library, (n,) = xp(x), x.shape
            tokens = library.zeros((n, length), np.int64)
            going = library.arange(n)  # sentences that have not come to their end
            for t in range(length):
                h, state = self.step(x, state, given)
                x = self.draw(raw(h), rng)
                tokens[going, t] = x
                if self.ended and (x == END).any():
                    on = library.flatnonzero(x != END)
                    if not len(on):
                        break
                    going, x, state = going[on], x[on], tuple(raw(s)[:, on] for s in state)
                    given = None if given is None else given[on]
        return tokens

    def sample(self, n, length, rng, state=None, given=None):
        """n sentences, drawn token by token: (n, length) integers."""
        first = xp(self.embedding.weight.data).full(n, self.first, np.int64)
        return self.write(first, state, length, rng, given)


class TextGame(Game):
    """way=mle: a language model learns real sentences by maximum likelihood. The other ways begin with it.

    read: a function without arguments that returns the real sentences, tokens (N, T): called when the first is needed,
    so that a trained game can be sampled where its data is not. Steps below s.pretrain are `imitate`, the others `play`.
    """

    def __init__(self, generator, discriminator, read, length, s, kept=None):
        self.read, self.length = read, length
        super().__init__(generator, discriminator, self.rows, self.draw, s, kept or {})
        self.sample_at(s.temperature)

    def __post_init__(self):
        s = self.settings
        betas = {"betas": (s.beta1, s.beta2)}
        self.teacher = Adam(self.generator.parameters(), lr=s.mle_rate, weight_decay=s.weight_decay, **betas)
        if self.discriminator.parameters():
            super().__post_init__()
        else:
            self.g_parameters, self.average = self.generator.parameters(), EMA(self.generator, s.ema)

    @cached_property
    def loader(self):
        """Batches of real sentences, on the generator's device."""
        rows = to_device(self.read(), self.generator.embedding.weight.device)
        return Loader(rows, batch_size=min(self.settings.batch_size, len(rows)), seed=self.settings.seed)

    def rows(self, step):
        """The real sentences of a step: (tokens (N, T),)."""
        return (self.loader.batch(step),)

    def draw(self, generator, rng, n):
        """n generated sentences: (tokens (n, length),)."""
        return (generator.sample(n, self.length, rng),)

    def sample_at(self, temperature):
        """Let samples be drawn with logits divided by `temperature`; training is as it was."""
        for module in self.average.module.modules():
            if isinstance(module, LanguageModel):
                module.sharpness = 1 / temperature

    # --- training --------------------------------------------------------------------------------------------------

    def step(self, step):
        """Training step number `step`: imitation first, then the game."""
        for player in (self.generator, self.discriminator):
            player.train().reseed(stream(self.settings.seed, "dropout", step))
        return self.imitate(step) if step < self.settings.pretrain else self.play(step)

    def imitate(self, step):
        """A step of maximum likelihood: the gradient of -log p of real sentences, teacher forcing."""
        (rows,) = self.rows(step)
        loss = self.generator.loss(trimmed(rows) if self.generator.ended else rows)
        self.learn(loss, step)
        return {"g_nll": loss.item()}

    def learn(self, loss, step):
        """The teacher's step down the generator's gradient of `loss`."""
        s = self.settings
        self.teacher.lr = s.mle_rate * rate_left(step, s.pretrain, s.mle_decay_from)
        move(self.generator, self.teacher, grad(loss, self.g_parameters), s, "generator")
        self.average.update(self.generator)

    def play(self, step):
        """A step of the game, once imitation is over."""
        return self.imitate(step)

    def sample(self, n, seed):
        """n sentences drawn with the averaged weights: integers (n, length)."""
        drawn = (
            self.draw(self.average.module, stream(seed, "sample", start), min(256, n - start))[0]
            for start in range(0, n, 256)
        )
        return np.concatenate([to_numpy(rows) for rows in drawn])

    def parts(self):
        """Everything that training changes, by name."""
        playing = super().parts() if self.discriminator.parameters() else {}
        return {**playing, "generator": self.generator, "average": self.average, "teacher": self.teacher}


def rate_left(step, steps, decay_from):
    """The share of a learning rate that is left: 1 until `decay_from` of the steps is done, then in a line to 0."""
    return min(1.0, (steps - step) / steps / max(1e-12, 1 - decay_from))


def trimmed(rows):
    """Tokens (N, T) without the columns that hold <pad> alone."""
    return rows[:, : int((rows != PADDED).sum(1).max())]

"""An LSTM that writes: the language model, and the game that every way of training one plays.

A sentence is a row of whole numbers, tokens. `data.text.Vocabulary` knows which character or word each stands for.
`LanguageModel` gives every sentence a probability and draws sentences. `TextGame` trains it by maximum likelihood, the
yardstick against which the other ways (`policy.py`, `relaxed.py`, `infill.py`, `vae.py`) are measured; they begin with it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import no_grad, raw
from tinygan.backend import Array, stream, to_device, to_numpy, xp
from tinygan.data import DataError, Loader
from tinygan.gan.players import Batch, Game, Player
from tinygan.gan.settings import AdamSettings, AverageSettings, RateSettings
from tinygan.losses import linear_cross_entropy
from tinygan.nn import LSTM, Dropout, Embedding, Linear, Module
from tinygan.optim import EMA, Adam, share_left
from tinygan.run.settings import defaults, setting

PADDED, END, UNKNOWN = 0, 1, 2  # the numbers of <pad>, <end> and <unknown> in every Vocabulary
ONE, SOME = -1, -2  # blanks of a sentence: of one token, of one or several
BLOCK = 320_000  # logits held at once while drawing: 64 rows of 5000, which stay in the cache

# The sharpness that a sample was asked with, None for the model's own: threads draw at temperatures of their own.
_asked: ContextVar[float | None] = ContextVar("asked", default=None)


@contextmanager
def asked_sharpness(sharpness: float | None) -> Iterator[None]:
    """Let every LanguageModel multiply its logits by this in the block, None: by its own."""
    before = _asked.set(sharpness)
    try:
        yield
    finally:
        _asked.reset(before)


class LanguageModel(Module):
    """p(x₁ ... x_T) = Π softmax(W h_t + b)[x_t], h_t of an LSTM that has read x_<t after a first token.

    ended: sentences are those of a Vocabulary, of any length. END begins and closes them, PADs follow, and neither <pad>
    nor <unknown> is ever written. Otherwise all are of one length, every token counts, and 0 begins them.
    given: size of a vector that is read at every step beside the token: a latent code, or what was seen so far.
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
            barred[[PADDED, UNKNOWN]] = -1e4  # e^-10000 is 0 in float32, and 0 times it is 0; 0 times -inf is nan
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
        """Return what was read when each of the tokens (N, T) was written: the first token, then all but the last, (N, T)."""
        first = xp(rows).full((len(rows), 1), self.first, rows.dtype)
        return xp(rows).concatenate([first, rows[:, :-1]], 1)

    def top(self):
        """Return (W, b) of the logits W h + b, sharpened, with <pad> and <unknown> out of reach."""
        w, b, asked = self.head.weight, self.head.bias, _asked.get()
        sharpness = self.sharpness if asked is None else asked
        if sharpness == 1:
            return w, b + self.barred
        return w * sharpness, b * sharpness + self.barred * max(1.0, sharpness)  # flattened logits have the whole bar

    def logits(self, h):
        """Hidden states (..., H) -> logits (..., V)."""
        return ops.linear(h, *self.top())

    def targets(self, rows):
        """Return tokens (N, T) in the order of hidden states, (T N,), and which of them count: not <pad>, not <unknown>."""
        targets = rows.T.reshape(-1)
        return targets, (targets != PADDED) & (targets != UNKNOWN) if self.ended else targets >= 0

    def loss(self, rows, state=None, given=None, before=None, reduction="mean", counts=None):
        """Return -log p(x) of tokens (N, T): the mean over tokens that count, their sum, or with "none" each, t by t.

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
        """Return -log p of every token (N, T) given those before it: a Tensor (N, T), 0 where a token does not count."""
        h = self(rows, state, given)
        targets, counts = self.targets(rows)
        w, b = self.top()
        losses = linear_cross_entropy(h.reshape(-1, h.shape[2]), w, targets, linear_bias=b, reduction="none")
        return (losses * counts).reshape(rows.T.shape).T

    def nll(self, rows):
        """Return -log p(x) a token over all rows (N, T), in nats: NLL-test if they are held out. A float."""
        with no_grad():
            total = sum(self.loss(rows[k : k + 256], reduction="sum").item() for k in range(0, len(rows), 256))
        return total / int(self.targets(rows)[1].sum())

    # --- writing ---------------------------------------------------------------------------------------------------

    def step(self, x, state=None, given=None):
        """Read tokens (N,), or their vectors (N, E); return the hidden state (N, H) and the LSTM's next state."""
        read = self.embedding(x) if x.ndim == 1 else x
        read = read if given is None else ops.cat([read, given], 1)
        h, state = self.lstm(ops.unsqueeze(read, 0), state)
        return h[0], state

    def draw(self, h, rng):
        """Return one token for each hidden state (N, H): integers (N,)."""
        library, (w, b) = xp(h), (raw(t) for t in self.top())
        both = library.concatenate([w, b[:, None]], 1).T.copy()  # W h + b as one product with [h, 1]: a fifth faster
        h = library.concatenate([h, library.ones((len(h), 1), h.dtype)], 1)
        rows = max(1, BLOCK // len(w))
        return library.concatenate([ops.categorical(h[k : k + rows] @ both, rng) for k in range(0, len(h), rows)])

    def write(self, x, state, length, rng, given=None):
        """Return sentences that go on from tokens x (n,) in `state`: (n, length) integers; after END come PADs.

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

    def go_on(self, rows, length, rng, state=None, given=None):
        """Return sentences that begin with the tokens `rows` (N, K), drawn on from there: (N, length) integers."""
        x = xp(rows).full(len(rows), self.first, np.int64)
        with no_grad():
            for token in rows.T:
                _, state = self.step(x, state, given)
                x = token
        return xp(rows).concatenate([rows, self.write(x, state, length - rows.shape[1], rng, given)], 1)

    def sample(self, n, length, rng, state=None, given=None):
        """Return n sentences, drawn token by token: (n, length) integers."""
        nothing = xp(self.embedding.weight.data).zeros((n, 0), np.int64)
        return self.go_on(nothing, length, rng, state, given)


# --- the game --------------------------------------------------------------------------------------------------


@defaults(beta1=0.9, beta2=0.999, clip_gradients=5.0, ema=0.99)
class WriterSettings(AverageSettings, AdamSettings):
    """The writer, and how it imitates."""

    embedding: int = setting(32, "Size of a token's vector in G; in D twice that.", 1)
    hidden: int = setting(128, "Size of the LSTM's state.", 1)
    dropout: float = setting(0.0, "Share of its inputs and outputs that G's LSTM drops while it imitates.", 0.0, 1.0)
    temperature: float = setting(
        1.0, "Logits are divided by it when samples are drawn; below 1: safer, less varied.", 1e-3
    )
    mle_rate: float = setting(5e-3, "Adam's learning rate while G imitates.", 0.0)
    mle_decay_from: float = setting(0.5, "Share of imitation after which its rate falls in a line to 0.", 0.0, 1.0)
    weight_decay: float = setting(
        0.0, "Add this times the weight to its gradient while G imitates; 1 / tokens: weights are N(0, 1) a priori.", 0.0
    )


@defaults(learning_rate=1e-4, decay_from=1.0)
class GameSettings(RateSettings):
    """The game after imitation."""

    pretrain: int = setting(5000, "Steps of imitation, maximum likelihood, that come first.", 0)

    def __post_init__(self):
        super().__post_init__()
        if self.game_begins() >= self.steps:
            before = " and ".join(f"{name}={vars(self)[name]}" for name in ("pretrain", "d_pretrain") if name in vars(self))
            raise ValueError(
                f"steps={self.steps}: none is left for G in the game, which it begins after step {self.game_begins()}; take"
                f" more steps, or fewer of {before}"
            )

    def game_begins(self) -> int:
        """Return the number of the first step in which G plays."""
        return self.pretrain


@dataclass
class AloneSettings(GameSettings):
    """What comes between imitation and the game."""

    d_pretrain: int = setting(200, "Steps after imitation in which D learns alone.", 0)

    def game_begins(self) -> int:
        """Return the number of the first step in which G plays."""
        return self.pretrain + self.d_pretrain


class TextGame(Game):
    """A language model learns real sentences by maximum likelihood (way=mle). The other ways begin with it.

    read: a function without arguments that returns the real sentences, tokens (N, T). It is called when the first is
    needed: a trained game can be sampled where its data is not. Steps below `imitation` are `imitate`, the
    others `play`. With a discriminator there are two more players, G and D of the game.
    """

    takes = ("temperature",)

    def __init__(
        self, generator: Module, discriminator: Module | None, read: Callable[[], np.ndarray], length: int, s: Any,
        saved: dict | None = None,
    ):  # fmt: skip
        self.read, self.length = read, length
        averages = {"average": EMA(generator, s.ema)}
        betas = {"betas": (s.beta1, s.beta2)}
        player = lambda name, module, lr, share, averages=None, **adam: Player(
            name, module, Adam(module.parameters(), lr=lr, **betas, **adam), share, averages=averages, clip=s.clip_gradients
        )
        plays = isinstance(s, GameSettings)
        self.imitation = s.pretrain if plays else s.steps  # steps
        share = lambda k: share_left(k, max(1, self.imitation), decay_from=s.mle_decay_from)
        imitator = player(
            "imitator" if plays else "generator", generator, s.mle_rate, share, averages, weight_decay=s.weight_decay
        )
        players = [imitator]
        if plays:
            averages = {**averages, **self.more_averages(generator, s)}
            players = [player("generator", generator, s.learning_rate, s.share_left, averages)]
            if discriminator is not None:
                players += [player("discriminator", discriminator, s.learning_rate * s.d_rate, s.share_left)]
            players += [imitator]
        Game.__init__(self, players, s, saved)
        self.imitator, self.G, self.D = imitator, players[0], self.players.get("discriminator")
        for module in self.G.average.module.modules():
            if isinstance(module, LanguageModel):
                module.sharpness = 1 / s.temperature  # of samples; training is as it was

    def more_averages(self, generator: Module, s: Any) -> dict[str, EMA]:
        """Return the averages of G that the game has beside the one that samples are drawn with."""
        return {}

    @cached_property
    def loader(self) -> Loader:
        """Batches of real sentences, on the generator's device."""
        rows = to_device(self.read(), self.G.module.embedding.weight.device)
        return Loader(rows, batch_size=min(self.settings.batch_size, len(rows)), seed=self.settings.seed)

    def batch(self, k: int) -> Batch:
        """Return the real sentences of a step, tokens (N, T)."""
        return Batch(self.loader.batch(k))

    # --- training --------------------------------------------------------------------------------------------------

    def step(self, k: int) -> dict[str, float]:
        """Do training step k: imitation first, then the game."""
        for player in self.players.values():
            player.module.train().reseed(stream(self.settings.seed, "dropout", k))
        return self.imitate(k) if k < self.imitation else self.play(k)

    def imitate(self, k: int) -> dict[str, float]:
        """Take a step of maximum likelihood, by teacher forcing: down the gradient of -log p of real sentences."""
        G, rows = self.G.module, self.batch(k).x
        loss = G.loss(trim(rows) if G.ended else rows)
        self.imitator.move(loss, k)
        return {"g_nll": loss.item()}

    def play(self, k: int) -> dict[str, float]:
        """Do a step of the game, once imitation is over."""
        raise NotImplementedError

    # --- samples ---------------------------------------------------------------------------------------------------

    def draw(self, n: int, rng: np.random.Generator, *, temperature: float | None = None) -> np.ndarray:
        """Return n sentences, integers (n, length)."""
        with asked_sharpness(None if temperature is None else 1 / temperature):
            return to_numpy(self.G.average.module.sample(n, self.length, rng))

    def complete(self, patterns: Sequence[Sequence[int]], rng: np.random.Generator) -> np.ndarray:
        """Return a sentence that begins as the first pattern, (length,): tokens, and at its end blanks ONE or SOME.

        DataError for a blank within the sentence, and for more tokens than a sentence has.
        """
        pattern = patterns[0]
        blanks = [k for k, token in enumerate(pattern) if token < 0]
        begin = blanks[0] if blanks else len(pattern)
        if any(token >= 0 for token in pattern[begin:]):
            raise DataError(
                f"a blank within a sentence is filled by a run of --set way=infill; this one (way={self.settings.way})"
                " goes on from a beginning"
            )
        self.refuse_more(begin, 1)
        rows = to_device(np.array([pattern[:begin]], np.int64).reshape(1, -1), self.G.module.embedding.weight.device)
        with no_grad():
            return to_numpy(self.G.average.module.go_on(rows, self.length, rng))[0]

    def refuse_more(self, known: int, new: int) -> None:
        """Raise DataError if a sentence has no room for so many tokens that are known and new ones beside them."""
        if known + new > self.length - 1:
            raise DataError(
                f"{known} tokens, and {new} or more to be found: this run's sentences have at most {self.length - 1}"
            )


def trim(rows: Array) -> Array:
    """Return tokens (N, T) without the columns that hold <pad> alone."""
    return rows[:, : int((rows != PADDED).sum(1).max())]

"""The sentence VAE: a whole sentence as a point z, from which a language model writes it. No judge, a second yardstick.

An LSTM that can predict the next word from those before has no use for z, and z then says nothing (KL = 0). Remedies:
the price of z rises slowly from 0 (KL annealing), some words that the writer should have read are hidden from it (word
dropout; both Bowman et al. 2016, *Generating Sentences from a Continuous Space*), and the first nats of z are free
(free bits: Kingma et al. 2016): captions with the first two alone ended at a KL of .003. Read `language.py` first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import stream, to_device, to_numpy, xp
from tinygan.gan.latent import Normal
from tinygan.nn import Embedding, Linear, LSTMCell, Module
from tinygan.run.settings import RunSettings, setting
from tinygan.text.language import UNKNOWN, LanguageModel, TextGame, asked_sharpness, trim

PROPOSED = 64  # points z for each beginning
SURE = 0.1  # temperature of sentences between others


class SentenceVAE(Module):
    """q(z | x) = N(m, e^v), m and v linear in the last state of an LSTM that has read x; p(x | z) a LanguageModel.

    z sets the writer's first state and is read at every step. p(z) = N(0, 1).
    """

    def __init__(self, vocabulary, embedding, hidden, latent, *, ended=True, dropout=0.0, rng=None):
        self.latent = latent
        self.words = Embedding(vocabulary, embedding, rng=rng)
        self.cell = LSTMCell(embedding, hidden, rng=rng)
        self.mean, self.log_variance = Linear(hidden, latent, rng=rng), Linear(hidden, latent, rng=rng)
        self.begin_h, self.begin_c = Linear(latent, hidden, rng=rng), Linear(latent, hidden, rng=rng)
        self.writer = LanguageModel(vocabulary, embedding, hidden, given=latent, ended=ended, dropout=dropout, rng=rng)

    embedding = property(lambda self: self.writer.embedding)
    ended = property(lambda self: self.writer.ended)

    def encode(self, rows):
        """Tokens (N, T) -> m and v, (N, latent) each; what follows the sentence's end is not read."""
        targets, counts = self.writer.targets(rows)
        read = targets != 0 if self.ended else counts  # <unknown> is read
        c, lengths = self.cell, read.reshape(rows.T.shape).sum(0)
        weights = c.weight_ih, c.weight_hh, c.bias_ih, c.bias_hh
        last = ops.lstm(self.words(rows.T), None, None, *weights, lengths=lengths)[rows.shape[1] - 1]
        return self.mean(last), self.log_variance(last)

    def start(self, z, length):
        """Return the writer's first state for z (N, latent), and what it reads at every step (length, N, latent)."""
        state = ops.unsqueeze(self.begin_h(z), 0), ops.unsqueeze(self.begin_c(z), 0)
        return state, ops.expand(z, (length, -1, -1))

    def bound(self, rows, rng, forget=0.0):
        """Return (reconstruction, KL) of tokens (N, T), both summed over the sentences: their sum is -log p(x) or more.

        reconstruction = -log p(x | z), z drawn once a sentence; KL(q(z | x) | p(z)) = Σ (e^v + m² - 1 - v) / 2. forget: the
        share of words that the writer reads as <unknown>. Kingma & Welling 2014, eq. 7 and 10.
        """
        m, v = self.encode(rows)
        noise = Tensor(rng.standard_normal(m.shape, dtype="float32"), device=m.device)
        z = m + ops.exp(0.5 * v) * noise
        state, given = self.start(z, rows.shape[1])
        before = self.writer.before(rows)
        if forget:
            hidden = to_device(rng.random(before.shape, dtype="float32") < forget, m.device)
            before = xp(rows).where(hidden, UNKNOWN if self.ended else 0, before)
        reconstruction = self.writer.loss(rows, state, given, before, reduction="sum")
        return reconstruction, 0.5 * (ops.expm1(v) - v + m * m).sum()

    def nll(self, rows):
        """Return the bound on -log p(x) a token over all rows (N, T), one z a sentence: no less than NLL-test. A float."""
        with no_grad():
            parts = [sum(self.bound(rows[k : k + 256], stream(0, "bound", k))).item() for k in range(0, len(rows), 256)]
        return sum(parts) / int(self.writer.targets(rows)[1].sum())

    def write(self, z, length, rng):
        """Return a sentence for each code z (N, latent): (N, length) integers."""
        with no_grad():
            state, given = self.start(z, 1)
        return self.writer.sample(len(z), length, rng, state, given[0])

    def go_on(self, rows, length, rng):
        """Return sentences that begin with the tokens `rows` (N, K): (N, length) integers.

        z is drawn from p(z | beginning): from PROPOSED points of p(z), in proportion to p(beginning | z) (importance).
        """
        library, n, device = xp(rows), len(rows), self.embedding.weight.device
        z = rng.standard_normal((PROPOSED * n, self.latent), dtype="float32")  # proposals one after the other
        with no_grad():
            state, given = self.start(Tensor(z, device=device), rows.shape[1])
            log_p = -self.writer.token_losses(library.concatenate([rows] * PROPOSED), state, given).data.sum(1)
            taken = ops.categorical(log_p.reshape(PROPOSED, n).T, rng)
            z = Tensor(z, device=device)[taken * n + library.arange(n)]
            state, given = self.start(z, 1)
        return self.writer.go_on(rows, length, rng, state, given[0])

    def sample(self, n, length, rng):
        """Return n sentences, each from a z drawn from p(z): (n, length) integers."""
        z = rng.standard_normal((n, self.latent), dtype="float32")
        return self.write(Tensor(z, device=self.embedding.weight.device), length, rng)


@dataclass
class VAESettings(RunSettings):
    """The sentence VAE."""

    latent: int = setting(16, "Size of z.", 1)
    kl_rises: float = setting(
        0.5, "Share of the steps in which the weight of KL rises from 0 to 1.", 0.0, 1.0, phase=True
    )
    free: float = setting(4.0, "Nats of a sentence's KL that cost nothing, so that z says as much.", 0.0)
    forget: float = setting(0.3, "Share of the words read that are hidden from the writer.", 0.0, 1.0)


class VAEGame(TextGame):
    """way=vae: both networks learn the bound; the weight of KL rises in a line from 0 to 1 in a share of the steps."""

    def walk(self, n: int, seed: int, times: Any) -> Iterator[np.ndarray]:
        """Yield n sentences, tokens (n, length), at each of `times` from 0 to 1 on the way from one z to another.

        Nearly the likeliest words are taken: what differs is z's doing. Bowman et al. 2016, section 5.3.
        """
        writer, space = self.G.average.module, Normal(self.G.module.latent)
        a, b = (space.sample(stream(seed, "walk", k), n) for k in range(2))
        for time in times:
            z = Tensor(space.between(a, b, time, a).astype("float32"), device=writer.embedding.weight.device)
            with asked_sharpness(1 / SURE):
                sentences = writer.write(z, self.length, stream(seed, "words"))
            yield to_numpy(sentences)

    def imitate(self, k):
        """Take a step down the gradient of reconstruction + weight · max(KL, s.free a sentence), a token."""
        s, G, rows = self.settings, self.G.module, self.batch(k).x
        rows = trim(rows) if G.ended else rows
        weight = min(1.0, k / (s.kl_rises * s.steps)) if s.kl_rises else 1.0
        reconstruction, kl = G.bound(rows, stream(s.seed, "latent", k), s.forget)
        paid = ops.maximum(kl, s.free * len(rows))
        loss = (reconstruction + weight * paid) / int(G.writer.targets(rows)[1].sum())
        self.imitator.move(loss, k)
        return {"reconstruction": reconstruction.item() / len(rows), "kl": kl.item() / len(rows), "kl_weight": weight}

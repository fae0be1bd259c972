"""SeqGAN's experiment: text from a known LSTM, so that every sentence a generator writes has a known probability.

The oracle, an LSTM with random weights, writes 10,000 sentences of 20 tokens out of 5,000; a generator learns them
(--set way=...), and the oracle says how likely it finds what the generator writes: NLL-oracle, in nats a token. That alone
is a broken goal, one likely sentence repeated has the best; so beside it stands NLL-test, how likely the generator finds
the oracle's other sentences. With SeqGAN's settings imitation learns its sentences by heart, 9.03 and 8.74 after 45 epochs,
and its game, way=policy, leads to 8.57 and 8.94; the game's control, reward=constant, nearly does as well. The defaults here,
a prior on the weights and dropout, reach 9.36 and 7.37 in three minutes of one core; logits times 1.8 make of that 6.65 and
8.14 (best published GAN: 8.07 and 8.13): see benchmarks/results/e5.md. Oracle: $TINYGAN_DATA/seqgan/oracle_lstm.npz,
otherwise one that is drawn here, whose figures are not the published ones. Yu et al. 2017, section 4.
"""

from functools import lru_cache

import numpy as np

from tinygan.backend import to_device
from tinygan.data import DataError, note
from tinygan.metrics import ngram_novelty
from tinygan.recipes.text._lines import write_lines
from tinygan.run.settings import defaults, setting
from tinygan.text.language import LanguageModel
from tinygan.text.oracle import Oracle
from tinygan.text.ways import TextSettings, text_game


@defaults(
    way="mle", steps=3120, pretrain=3120, d_pretrain=600, rollouts=4, learning_rate=1e-3, mle_rate=0.01, ema=0.0,
    weight_decay=5e-5, dropout=0.3, embedding=64, hidden=64,
)  # fmt: skip
class Settings(TextSettings):
    """Settings of `oracle`: imitation, 20 epochs of 156 steps, kept from learning its sentences by heart.

    SeqGAN's own are embedding=32 hidden=32 spread=.1 dropout=0 weight_decay=0 mle_decay_from=1.
    """

    spread: float = setting(1.0, "Standard deviation of the numbers in a token's vector in G, at first.", 0.0)
    sentences: int = setting(10_000, "Sentences of the oracle to learn from.", 1)
    tokens: int = setting(20, "Tokens of a sentence.", 1, 1000)
    vocabulary: int = setting(5000, "Words of an oracle that is drawn here; the published one has 5000.", 2)


@lru_cache(4)
def oracle_of(vocabulary):
    """Return the published oracle, or one that is drawn where its file is missing or `vocabulary` is not its own."""
    try:
        if vocabulary == 5000:
            return Oracle.load_published()
        why = "the published one has 5,000 words"
    except DataError as error:
        why = str(error)
    note(f"an oracle drawn here, so that figures are not the published ones: {why}")
    return Oracle.draw(0, vocabulary)


@lru_cache(4)
def sentences(oracle, n, length, rng):
    """Return n sentences of the oracle by the seed `rng`: 0 gives those to learn from, 1 those of NLL-test."""
    return oracle.sample(n, length, rng)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train oracle` plays."""
    oracle_of(s.vocabulary)
    note(f"{s.sentences:,} sentences of {s.tokens} tokens, written by an oracle")
    read = lambda: sentences(oracle_of(s.vocabulary), s.sentences, s.tokens, 0)
    game = text_game(read, s.vocabulary, s.tokens, s, device, ended=False)
    for module in (*game.G.module.modules(), *game.G.average.module.modules()):
        if isinstance(module, LanguageModel):
            module.embedding.weight.data *= s.spread
    return game


def write(game, samples, path):
    """Write sentences as rows of numbers."""
    write_lines((" ".join(map(str, row)) for row in samples.tolist()), path)


FORMATS = {".txt": write}
EVALUATED_SAMPLES = 10_000
NEW = (2, 3)  # the n of evaluate's n-grams


def evaluate(game, samples):
    """Return NLL-oracle, NLL-test, the share of n-grams that no sentence to learn from has; what the oracle's own score."""
    s = game.settings
    oracle = oracle_of(s.vocabulary)
    held_out = sentences(oracle, 10_000, s.tokens, 1)
    model = game.G.average.module
    test = model.nll(to_device(held_out, model.embedding.weight.device))
    nll, of_real = (float(np.mean(oracle.nll(rows))) for rows in (samples, held_out))
    scores = {"nll_oracle": nll, "nll_test": test, "sum": nll + test, "nll_oracle_of_real": of_real}
    for end, rows in (("", samples), ("_of_real", held_out)):
        new = ngram_novelty(rows, sentences(oracle, s.sentences, s.tokens, 0), NEW)
        scores |= {f"new_{n}{end}": share for n, share in new.items()}
    return scores

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

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tinygan.backend import to_device
from tinygan.data import DataError
from tinygan.gan.language import LanguageModel
from tinygan.gan.training import setting
from tinygan.metrics import Oracle, ngram_novelty
from tinygan.recipes._text import WAYS, TextSettings, text_game, write_lines


@dataclass
class Settings(TextSettings):
    """Settings of `oracle`: imitation, 20 epochs, kept from learning its sentences by heart.

    SeqGAN's own are embedding=32 hidden=32 spread=.1 dropout=0 weight_decay=0 mle_decay_from=1.
    """

    way: str = setting("mle", "How G learns; mle and vae are yardsticks, the others begin with mle.", choices=WAYS)
    steps: int = setting(3120, "Training steps, those of imitation among them.", 1)
    pretrain: int = setting(3120, "Steps of maximum likelihood that come first, 156 an epoch; all for mle and vae.", 0)
    d_pretrain: int = setting(600, "way=policy, infill: steps after these in which D learns alone.", 0)
    rollouts: int = setting(4, "way=policy: how often a sentence is finished to value one of its tokens.", 1)
    learning_rate: float = setting(1e-3, "Adam's learning rate in the game.", 0.0)
    mle_decay_from: float = setting(0.5, "Share of imitation after which its rate falls in a line to 0.", 0.0, 1.0)
    mle_rate: float = setting(0.01, "Adam's learning rate while G imitates.", 0.0)
    ema: float = setting(0.0, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    weight_decay: float = setting(5e-5, "While G imitates, this times a weight is added to its gradient.", 0.0)
    dropout: float = setting(
        0.3, "Share of its inputs and outputs that G's LSTM goes without while it imitates.", 0.0, 1.0
    )
    embedding: int = setting(64, "Size of a token's vector in G; in D twice that.", 1)
    hidden: int = setting(64, "Size of the LSTM's state.", 1)
    spread: float = setting(1.0, "Standard deviation of the numbers in a token's vector in G, at first.", 0.0)
    sentences: int = setting(10_000, "Sentences of the oracle to learn from.", 1)
    tokens: int = setting(20, "Tokens of a sentence.", 1)
    vocabulary: int = setting(5000, "Words of an oracle that is drawn here; the published one has 5000.", 2)


def oracle_of(s):
    """The published oracle, or where its file is not, one that is drawn."""
    try:
        return Oracle.published() if s.vocabulary == 5000 else Oracle.drawn(0, s.vocabulary)
    except DataError:
        return Oracle.drawn(0, s.vocabulary)


@lru_cache(4)
def sentences(oracle, n, length, rng):
    """n sentences of the oracle that follow from the seed `rng`: 0 gives those to learn from, 1 those of NLL-test."""
    return oracle.sample(n, length, rng)


def make_game(s, device="cpu"):
    """The game that `tinygan train oracle` plays."""
    oracle = oracle_of(s)
    read = lambda: sentences(oracle, s.sentences, s.tokens, 0)
    game = text_game(read, s.vocabulary, s.tokens, s, device, ended=False)
    game.oracle = oracle
    for module in (*game.generator.modules(), *game.average.module.modules()):
        if isinstance(module, LanguageModel):
            module.embedding.weight.data *= s.spread
    return game


def write(game, samples, path):
    """Sentences as rows of numbers."""
    write_lines((" ".join(map(str, row)) for row in samples.tolist()), path)


FORMATS = {".txt": write}
EVALUATED_SAMPLES = 10_000
NEW = (2, 3)  # the n of evaluate's n-grams


def evaluate(game, samples):
    """NLL-oracle, NLL-test, the share of n-grams that no sentence to learn from has; what the oracle's own score."""
    oracle, s = game.oracle, game.settings
    held_out = sentences(oracle, 10_000, s.tokens, 1)
    model = game.average.module
    test = model.nll(to_device(held_out, model.embedding.weight.device))
    found, of_itself = float(np.mean(oracle.nll(samples))), float(np.mean(oracle.nll(held_out)))
    scores = {"nll_oracle": found, "nll_test": test, "sum": found + test, "nll_oracle_of_real": of_itself}
    for end, rows in (("", samples), ("_of_real", held_out)):
        new = ngram_novelty(rows, sentences(oracle, s.sentences, s.tokens, 0), NEW)
        scores |= {f"new_{n}{end}": share for n, share in new.items()}
    return scores

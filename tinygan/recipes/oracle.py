"""SeqGAN's experiment: text from a known LSTM, so that every sentence a generator writes has a known probability.

The oracle, an LSTM with random weights, writes 10,000 sentences of 20 tokens out of 5,000; a generator learns them
(--set way=...), and the oracle says how likely it finds what the generator writes: NLL-oracle, in nats a token. That alone
is a broken goal, one likely sentence repeated has the best; so beside it stands NLL-test, how likely the generator finds
the oracle's other sentences. Oracle: $TINYGAN_DATA/seqgan/oracle_lstm.npz, otherwise one that is drawn here, whose figures
are not the published ones. Yu et al. 2017, section 4.
"""

from dataclasses import dataclass

import numpy as np

from tinygan.backend import to_device
from tinygan.data import DataError
from tinygan.gan.training import setting
from tinygan.metrics import Oracle
from tinygan.recipes._text import TextSettings, text_game, write_lines


@dataclass
class Settings(TextSettings):
    """Settings of `oracle`; embedding, state, batch and rate of imitation are SeqGAN's, its epochs 45 in place of 120."""

    steps: int = setting(7870, "Training steps, those of imitation among them.", 1)
    pretrain: int = setting(7020, "Steps of maximum likelihood that come first, 156 an epoch; all for mle and vae.", 0)
    d_pretrain: int = setting(600, "way=policy, infill: steps after these in which D learns alone.", 0)
    rollouts: int = setting(4, "way=policy: how often a sentence is finished to value one of its tokens.", 1)
    learning_rate: float = setting(1e-3, "Adam's learning rate in the game.", 0.0)
    mle_decay_from: float = setting(2 / 3, "Share of imitation after which its rate falls in a line to 0.", 0.0, 1.0)
    mle_rate: float = setting(0.01, "Adam's learning rate while G imitates.", 0.0)
    ema: float = setting(0.0, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    hidden: int = setting(32, "Size of the LSTM's state.", 1)
    sentences: int = setting(10_000, "Sentences of the oracle to learn from.", 1)
    tokens: int = setting(20, "Tokens of a sentence.", 1)
    vocabulary: int = setting(5000, "Words of an oracle that is drawn here; the published one has 5000.", 2)


def oracle_of(s):
    """The published oracle, or where its file is not, one that is drawn."""
    try:
        return Oracle.published() if s.vocabulary == 5000 else Oracle.drawn(0, s.vocabulary)
    except DataError:
        return Oracle.drawn(0, s.vocabulary)


def make_game(s, device="cpu"):
    """The game that `tinygan train oracle` plays."""
    return text_game(
        lambda: oracle_of(s).sample(s.sentences, s.tokens, rng=0), s.vocabulary, s.tokens, s, device, ended=False
    )


def write(game, samples, path):
    """Sentences as rows of numbers."""
    write_lines((" ".join(map(str, row)) for row in samples.tolist()), path)


FORMATS = {".txt": write}
EVALUATED_SAMPLES = 10_000


def evaluate(game, samples):
    """NLL-oracle and NLL-test, beside what the oracle's own sentences score."""
    oracle = oracle_of(game.settings)
    held_out = oracle.sample(10_000, game.settings.tokens, rng=1)
    model = game.average.module
    test = model.nll(to_device(held_out, model.embedding.weight.device))
    found, of_itself = float(np.mean(oracle.nll(samples))), float(np.mean(oracle.nll(held_out)))
    return {"nll_oracle": found, "nll_test": test, "sum": found + test, "nll_oracle_of_real": of_itself}

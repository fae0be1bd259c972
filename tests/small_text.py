"""What tests of writers share: weights that make probabilities differ, all sentences there are, games on given rows."""

from itertools import product

import numpy as np

from tinygan.text.language import END, PADDED, LanguageModel
from tinygan.text.ways import TextSettings, text_game

RNG = np.random.default_rng


def sharp(module, seed=0):
    """The module with weights large enough for its probabilities to differ, in float64: enumeration to 1e-9."""
    rng = RNG(seed)
    module.to(dtype=np.float64)
    for p in module.parameters():
        p.data = rng.standard_normal(p.shape)
    return module


def model(vocabulary=3, ended=False, **options):
    return sharp(LanguageModel(vocabulary, 2, 3, ended=ended, **options))


def every(length, tokens):
    return np.array(list(product(tokens, repeat=length)))


def every_sentence(length, words):
    """All sentences of at most `length` tokens, END among them, and those that were cut before it: PADs follow END."""
    rows = {tuple(r[: r.index(END) + 1]) if END in r else r for r in product((END, *words), repeat=length)}
    return np.array([r + (PADDED,) * (length - len(r)) for r in sorted(rows)])


def log_p(m, rows):
    """log p of every row."""
    return -m.token_losses(rows).data.sum(1)


# --- games -------------------------------------------------------------------------------------------------------

SMALL = {"batch_size": 64, "hidden": 8, "embedding": 4, "steps": 100}
PLAYS = {"pretrain": 0, "learning_rate": 0.01}
LITTLE = {  # the settings of each way that tests of its steps have in common
    "mle": {},
    "policy": {**PLAYS, "d_pretrain": 0, "rollouts": 2, "d_dropout": 0.0},
    "control": {**PLAYS, "way": "policy", "reward": "constant", "d_pretrain": 0},
    "gumbel": {**PLAYS, "d_dropout": 0.0, "objective": "non-saturating"},
    "infill": {**PLAYS, "d_pretrain": 0},
    "vae": {"latent": 2},
}


def little_game(way, rows, vocabulary=6, *, ended=True, **settings):
    """The game of a way on real sentences `rows` (N, T), from the first step on; no more than `settings` say."""
    rows = np.asarray(rows)
    s = TextSettings(**{**SMALL, "way": way, **LITTLE[way], **settings})
    return text_game(lambda: rows, vocabulary, rows.shape[1], s, "cpu", ended=ended)


def weights_of(module):
    return np.concatenate([p.data.ravel() for p in module.parameters()])

"""Gumbel-softmax: sentences of distributions instead of tokens, through which D's slope reaches the generator.

A token drawn from p is the place of the largest log p + Gumbel noise. Replace that choice by a softmax, sharpened by an
inverse temperature β, and it has a slope: near the choice itself for a large β, smooth for a small one. β rises during
the game (Nie et al. 2019, RelGAN). Read `language.py` first, and `policy.py` for the judge.
"""

import numpy as np

from tinygan import ops
from tinygan.autodiff import no_grad, raw
from tinygan.backend import xp
from tinygan.gan.language import END, PADDED, TextGame
from tinygan.gan.training import training_step


def relaxed_sentences(model, n, length, inverse_temperature, rng):
    """n relaxed sentences (n, T, V), T at most `length`, and the tokens (n, T) that they stand for.

    y_t = softmax(β (log p(· | x_<t) + g_t)), x_t = argmax of the same, g_t Gumbel noise. The LSTM reads the tokens, as
    in RelGAN: the slope goes through every choice once, and not on through what it made the LSTM read later.
    """
    library = xp(model.embedding.weight.data)
    x, state = library.full(n, model.first, np.int64), None
    tokens, noises = [], []
    with no_grad():
        for _ in range(length):
            h, state = model.step(x, state)
            logits = raw(model.logits(h))
            drawn = rng.standard_exponential(logits.shape, dtype=np.float32)
            noises.append(-np.log(drawn + np.finfo(np.float32).tiny))  # -log of an exponential is Gumbel noise
            chosen = (logits + library.asarray(noises[-1])).argmax(1)
            if model.ended:
                chosen[(x == PADDED) | ((x == END) & (len(tokens) > 0))] = PADDED
            tokens.append(chosen)
            x = chosen
            if model.ended and (x <= END).all():
                break
    tokens = library.stack(tokens, 1)
    noise = library.asarray(np.stack(noises))  # (T, n, V)
    y = ops.softmax((model.logits(model(tokens)) + noise) * inverse_temperature, 2)
    return ops.transpose(y, 0, 1), tokens


class GumbelGame(TextGame):
    """way=gumbel: after imitation, the game of `training_step`, in which D is shown real tokens and relaxed sentences.

    β = s.sharpest^p, p the share of the game that is over: from 1 to s.sharpest. Nie et al. 2019, section 2.4.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.fake = self.relaxed
        self.inverse_temperature = 1.0

    def relaxed(self, generator, rng, n):
        """n relaxed sentences: a Tensor (n, T, V)."""
        return (relaxed_sentences(generator, n, self.length, self.inverse_temperature, rng)[0],)

    def play(self, step):
        """A step of both players at the β of that step."""
        s = self.settings
        self.generator.eval()  # the sentence is drawn and then read again: both times by the same network
        self.inverse_temperature = s.sharpest ** ((step - s.pretrain) / max(1, s.steps - s.pretrain))
        return {**training_step(self, step), "inverse_temperature": self.inverse_temperature}

"""Gumbel-softmax: sentences of distributions instead of tokens, through which D's slope reaches the generator.

A token drawn from p is the place of the largest log p + Gumbel noise. A softmax of the same, sharpened by an inverse
temperature β, has a slope: for a large β it is near the choice itself, for a small one it is smooth. β rises during the
game (Nie et al. 2019, RelGAN). Read `language.py` first, and `policy.py` for the judge.
"""

from dataclasses import dataclass

import numpy as np

from tinygan import ops
from tinygan.autodiff import no_grad, raw
from tinygan.backend import xp
from tinygan.gan.adversarial import Adversarial
from tinygan.gan.players import Batch
from tinygan.gan.settings import ClipSettings, DuelSettings, ObjectiveSettings, TurnSettings
from tinygan.run.settings import setting
from tinygan.text.language import END, PADDED, GameSettings, TextGame
from tinygan.text.policy import DropoutSettings


def relaxed_sentences(model, n, length, inverse_temperature, rng):
    """Return n relaxed sentences (n, T, V), T at most `length`, and the tokens (n, T) that they stand for.

    y_t = softmax(β (log p(· | x_<t) + g_t)), x_t = argmax of the same, g_t Gumbel noise. The LSTM reads the tokens, as
    in RelGAN: the slope goes through every choice once, and not on through what the LSTM read later because of it.
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


@dataclass
class GumbelSettings(GameSettings, DropoutSettings, ClipSettings, ObjectiveSettings, TurnSettings, DuelSettings):
    """The game with relaxed tokens."""

    sharpest: float = setting(100.0, "The inverse temperature of relaxed tokens rises from 1 to this.", 1.0)


class GumbelGame(TextGame, Adversarial):
    """way=gumbel: after imitation, the game of `Adversarial.step`; D is shown real tokens and relaxed sentences.

    β = s.sharpest^p, p the share of the game that is over: from 1 to s.sharpest. Nie et al. 2019, section 2.4.
    """

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.take_up(self.settings)
        self.inverse_temperature = 1.0

    def fake(self, G, n, given, rng):
        return Batch(relaxed_sentences(G, n, self.length, self.inverse_temperature, rng)[0])

    def play(self, k):
        """Do a step of both players at the β of that step."""
        s = self.settings
        self.G.module.eval()  # the sentence is drawn and then read again: both times by the same network
        self.inverse_temperature = s.sharpest ** ((k - s.pretrain) / max(1, s.steps - s.pretrain))
        return {**Adversarial.step(self, k), "inverse_temperature": self.inverse_temperature}

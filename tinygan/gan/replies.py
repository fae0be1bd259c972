"""The game of replies: something comes in, a row of tokens goes out, and D judges the two together.

First G learns to repeat what people replied (maximum likelihood). Then it speaks for itself: it draws whole replies, D
says how real each is for what it answers, and what D liked becomes likelier (REINFORCE). D is shown real pairs, drawn
replies, and real replies to the wrong thing: a fluent reply to something else will not do. What comes in may be a line of
text (recipe `dialogue`) or a picture (`caption`). Li et al. 2017, *Adversarial Learning for Neural Dialogue Generation*;
wrong pairs as in Reed et al. 2016, section 4.2. The networks are in `networks/attending.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, no_grad
from tinygan.backend import Array, stream, to_device, to_numpy, xp
from tinygan.gan.adversarial import g_and_d
from tinygan.gan.objectives import minimax
from tinygan.gan.players import Batch, Game, read_back
from tinygan.gan.settings import AverageSettings, DuelSettings
from tinygan.nn import Module
from tinygan.run.settings import setting


@dataclass
class ReplySettings(AverageSettings, DuelSettings):
    """Imitation first, then D's reward."""

    imitation: float = setting(
        0.75, "Share of the steps in which G learns by maximum likelihood alone.", 0.0, 1.0, phase=True
    )
    reward_weight: float = setting(
        0.3, "Weight of D's reward in G's gradient, beside the likelihood of real replies.", 0.0
    )

    def __post_init__(self):
        super().__post_init__()
        for f in fields(self):
            value = getattr(self, f.name)
            if self.imitation == 1 and f.name in ("reward_weight", "d_rate") and value != f.default:
                raise ValueError(f"{f.name}={value} with imitation=1.0: nothing would read it; leave one of them out")


class Replies(Game):
    """One G that replies, one D that judges pairs; the step is imitation, and later imitation and reward.

    G(asked, replies (N, T)) -> log p of each word (N, T), 0 after the end; G.reply(asked, rng) draws replies;
    D(asked, replies) -> verdicts (N, 1). read: step -> (asked, replies), real pairs, arrays.
    """

    takes = ("given", "temperature")
    bounds = minimax.bounds

    def __init__(
        self, generator: Module, discriminator: Module, read: Callable[[int], tuple], settings: Any, saved: dict | None = None
    ):  # fmt: skip
        super().__init__(g_and_d(generator, discriminator, settings), settings, saved)
        self.G, self.D = self.players["generator"], self.players["discriminator"]
        self.read = read

    def batch(self, k: int) -> Batch:
        """Return the real replies of a step, and what they answer."""
        asked, replies = self.read(k)
        return Batch(replies, (asked,))

    def ask(self, k: int, asked: Array) -> Array:
        """Return what G replies to for itself at step k, where `asked` is what the real replies answer: the same."""
        return asked

    def step(self, k: int) -> dict[str, float]:
        """Do training step k: imitate, let D learn, let G learn of D's verdicts; return what is worth logging."""
        s, D = self.settings, self.D.module
        G: Any = self.G.module
        replies, (asked,) = self.batch(k)
        d_learns = s.imitation < 1 and k >= (s.imitation - 0.1) * s.steps  # a little before its verdicts count
        is_rewarded = k >= s.imitation * s.steps

        loss = -ops.sum(G(asked, replies)) / (replies != 0).sum()
        row = {"nll": loss.data}
        if d_learns:
            asked_anew = self.ask(k, asked)
            drawn = G.reply(asked_anew, stream(s.seed, "reply", k))
            wrong = xp(replies).roll(replies, 1, 0)  # real replies to something else
            d_loss = pair_loss(D(asked, replies), D(asked_anew, drawn), D(asked, wrong))
            self.D.move(d_loss, k)
            row["d_loss"] = d_loss.data
        if is_rewarded:
            with no_grad():
                reward = ops.sigmoid(D(asked_anew, drawn)).data[:, 0]
            loss = loss + s.reward_weight * reward_loss(reward, G(asked_anew, drawn))
            row["reward"] = reward.mean()
        self.G.move(loss, k)
        return read_back({**row, "g_loss": loss.data})

    def reply(self, asked: np.ndarray, rng: np.random.Generator, temperature: float = 1.0) -> np.ndarray:
        """Return replies (N, T) to `asked` (N, ...), drawn with the averaged weights."""
        writer = self.G.average.module
        return to_numpy(writer.reply(to_device(asked, writer.out.weight.device), rng, temperature))


def pair_loss(of_real: Tensor, of_drawn: Tensor, of_wrong: Tensor) -> Tensor:
    """Return D's loss: -E log σ(real pairs) - E log(1 - σ(drawn replies)) / 2 - E log(1 - σ(wrong pairs)) / 2."""
    return (
        -ops.mean(ops.logsigmoid(of_real))
        - 0.5 * ops.mean(ops.logsigmoid(-of_drawn))
        - 0.5 * ops.mean(ops.logsigmoid(-of_wrong))
    )


def reward_loss(reward: Array, log_p: Tensor) -> Tensor:
    """Return -E a_n log p(reply n), a_n = (reward_n - mean) / deviation: what D liked becomes likelier.

    reward (N,); log_p (N, T) of each word. Williams 1992.
    """
    advantage = (reward - reward.mean()) / (reward.std() + 1e-6)
    return -ops.mean(advantage * ops.mean(log_p, 1))

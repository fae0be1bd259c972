"""The five ways of learning to write, by name: settings that bring what a way reads, and the game of the chosen way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygan.backend import stream
from tinygan.run.settings import setting
from tinygan.text.infill import Filler, InfillGame, InfillSettings, TokenJudge
from tinygan.text.language import LanguageModel, TextGame, WriterSettings
from tinygan.text.policy import DropoutSettings, PolicyGame, PolicySettings, SentenceJudge
from tinygan.text.relaxed import GumbelGame, GumbelSettings
from tinygan.text.vae import SentenceVAE, VAEGame, VAESettings

WAYS = {"mle": None, "policy": PolicySettings, "gumbel": GumbelSettings, "infill": InfillSettings, "vae": VAESettings}
FILTERS = ((2, 100), (3, 200))  # (width, how many) of D's convolutions: Texygen's, a twelfth of SeqGAN's work


@dataclass
class TextSettings(WriterSettings):
    """How text is learned."""

    way: str = setting("policy", "How G learns; mle and vae are yardsticks, the others begin with mle.", choices=WAYS)


def text_game(
    read: Callable[[], np.ndarray], vocabulary: int, length: int, s: Any, device: str, *, ended: bool = True,
    saved: dict | None = None,
) -> TextGame:  # fmt: skip
    """Return the game of the way s.way on sentences of `vocabulary` tokens, at most `length` long; read: see TextGame."""
    sizes = vocabulary, s.embedding, s.hidden
    writing = {"ended": ended, "dropout": s.dropout, "rng": stream(s.seed, "generator")}
    judging = {"ended": ended, "rng": stream(s.seed, "discriminator")}
    kinds = {"mle": TextGame, "policy": PolicyGame, "gumbel": GumbelGame, "infill": InfillGame, "vae": VAEGame}
    judge = None
    if s.way == "vae":
        writer = SentenceVAE(*sizes, s.latent, **writing)
    elif s.way == "infill":
        writer, judge = Filler(*sizes, **writing), TokenJudge(*sizes, **judging).to(device)
    else:
        writer = LanguageModel(*sizes, **writing)
        if isinstance(s, DropoutSettings):
            judge = SentenceJudge(vocabulary, 2 * s.embedding, FILTERS, dropout=s.d_dropout, **judging).to(device)
    return kinds[s.way](writer.to(device), judge, read, length, s, saved)

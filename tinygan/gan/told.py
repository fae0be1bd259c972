"""Games whose players are told words: G makes a sample of noise and words, D judges sample and words together.

If D saw real samples with their own words only, it could ignore the words. So it is also shown real samples with wrong
words, and has to call them false: GAN-CLS, Reed et al. 2016, *Generative Adversarial Text to Image Synthesis*, section
4.2. And G's samples have to fit their own words better than wrong ones, as Zhang et al. 2021, *Cross-Modal Contrastive
Learning for Text-to-Image Generation*, ask for. Samples may be pictures, sounds or clips; words are rows of tokens (N, T),
0 after the end, or whatever both players read. The recipe `text2image` is the one to read next.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, stream, to_device, xp
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Space
from tinygan.gan.players import Batch, read_back
from tinygan.gan.settings import AdversarialSettings
from tinygan.nn import Module
from tinygan.ops import tile
from tinygan.run.settings import setting


@dataclass
class ToldSettings(AdversarialSettings):
    """Settings of a game whose players are told words."""

    wrong: float = setting(
        0.5, "Weight in D's loss of real samples with wrong words; that of generated samples is 1. 0: show none.", 0.0
    )
    wrong_words: int = setting(2, "Wrong words that each sample is compared with.", 1)
    matching: float = setting(
        0.5, "Weight in G's loss of its samples with wrong words, which shall fit less than their own.", 0.0
    )
    listening: float = setting(
        0.0, "Share of the steps in which D alone learns, by right and wrong words. G then begins to read as D does.",
        0.0, 1.0, phase=True,
    )  # fmt: skip

    @property
    def listening_steps(self) -> int:
        """Steps in which D alone learns."""
        return round(self.listening * self.steps)


def exchange(words: Array, k: int, turn: int, rng: np.random.Generator) -> Array:
    """Return the words of k other samples for each, (k N, ...): those of the batch, moved on by some places."""
    steps = rng.integers(1, max(2, len(words)), k)
    return xp(words).concatenate([xp(words).roll(words, int(step), 0) for step in steps])


class Told(FromNoise):
    """The game of a G(z, words) and a D(x, words), which is also shown real samples with wrong words.

    D's loss is L(real, generated) + wrong · L(real, real with wrong words), L the loss of the objective. With
    objective=non-saturating and wrong=1 it is twice that of Reed et al. 2016, algorithm 1. G's loss is that of the objective
    + matching · L(generated, generated with wrong words).

    At first D may listen alone: L(real, real with wrong words). At the end of that G's reader becomes a copy of D's, so
    that words mean something when G begins. Where that is wished, both players have a `reader`, a module of one kind.

    D has `look`, x -> features, and `compare`, (features, words) -> verdicts; D(x, words) is both, one after the other.
    A sample is looked at once, and compared with its own words and with several wrong ones.
    batch: turn -> Batch(x, (words,)). asked: () -> words (M, ...) that training does not show; samples are told them in
    turn, so sample i is told words i modulo M. mislead: (words (N, ...), k, turn, rng) -> wrong words (k N, ...), where
    the words are those of the batch of `turn`.
    """

    def __init__(
        self,
        generator: Module,
        discriminator: Module,
        spaces: Sequence[Space],
        batch: Callable[[int], Batch],
        settings: Any,
        saved: dict | None = None,
        *,
        asked: Callable[[], Array],
        mislead: Callable[[Array, int, int, np.random.Generator], Array] = exchange,
    ):
        self.asked, self.mislead, self.takes = asked, mislead, ("given",)
        super().__init__(generator, discriminator, spaces, batch, settings, saved)

    def step(self, k: int) -> dict[str, float]:
        """Train D alone in the first steps, both players in the others; return losses and so on."""
        first = self.settings.listening_steps
        if k < first:
            return self.listen(k)
        if k == first > 0:
            self.pass_on_words()
        return super().step(k)

    def listen(self, k: int) -> dict[str, float]:
        """Take D's step apart from wrong words, on real samples alone."""
        turn = k * self.settings.n_critic
        real = self.batch(turn)
        _, loss = self.tell_apart(self.D.module, Tensor(real.x), real.given, "wrong words", turn)
        self.D.move(loss, k)
        return read_back({"words_loss": loss.data})

    def pass_on_words(self) -> None:
        """Let G, and its average, read as D does now."""
        players: list[Any] = [self.D.module, self.G.module, self.G.average.module]
        for player in players[1:]:
            player.reader.load_state_dict(players[0].reader.state_dict())

    def tell_apart(self, D: Any, x: Tensor, given: tuple, name: str, turn: int) -> tuple[Tensor, Tensor]:
        """Return D's verdicts on samples x with their own words, and L(x, x with wrong words)."""
        (words,), k = given, self.settings.wrong_words
        wrong = self.mislead(raw(words), k, turn, stream(self.settings.seed, name, turn))
        seen = D.look(x)
        right = D.compare(seen, words)
        return right, self.objective.discriminator(repeat(right, k), D.compare(repeat(seen, k), wrong))

    def judge_real(self, D: Any, x: Tensor, real: Batch, turn: int) -> tuple[Tensor, Any]:
        """Return D's verdicts on real samples with their own words, and what its loss gains by wrong ones."""
        if not self.settings.wrong:
            return self.judge(D, x, real.given)
        of_right, loss = self.tell_apart(D, x, real.given, "wrong words", turn)
        return of_right, self.settings.wrong * loss

    def judge_made(self, D: Any, fake: Batch, turn: int) -> tuple[Tensor, Any]:
        """Return D's verdicts on G's samples with their own words, and what G's loss gains by wrong ones."""
        if not self.settings.matching:
            return self.judge(D, fake.x, fake.given)
        of_right, loss = self.tell_apart(D, fake.x, fake.given, "wrong words of generated samples", turn)
        return of_right, self.settings.matching * loss

    def ask(self, n: int, rng: np.random.Generator | None = None) -> tuple:
        """Return what n samples are told where nobody gives it."""
        return self.tell(self.in_turn(n))

    def tell(self, given: Any) -> tuple:
        """Return what both players are told of the words `given` (n, ...)."""
        return (to_device(given, self.device),)

    def in_turn(self, n: int) -> Array:
        """Return the words of n samples, (n, ...): those of `asked`, again and again."""
        asked = self.asked()
        return asked[np.arange(n) % len(asked)]

    def sample(self, n: int, seed: int, *, given: Any = None, **how: Any) -> np.ndarray:
        """Return n samples, those of the words `given` (n, ...), or of the words that this game asks for."""
        return super().sample(n, seed, given=self.in_turn(n) if given is None else given, **how)


def repeat(seen: Any, k: int) -> Any:
    """Return what was seen of N samples, a Tensor (N, ...) or several, k times over: (k N, ...)."""
    if isinstance(seen, tuple):
        return tuple(repeat(part, k) for part in seen)
    return tile(seen, (k, *[1] * (seen.ndim - 1)))

"""Captions of pictures, word by word: BLEU against Self-BLEU, on which text GANs are compared.

Data: 10,000 COCO captions, and 10,000 others as references ($TINYGAN_DATA/captions, Texygen's files); without them,
sentences of a small grammar made here; or lines of your own, --data file.txt. BLEU asks whether the samples' n-grams are
those of real sentences, Self-BLEU whether they are each other's: high and low is good, and real sentences score .218 and
.416 (BLEU-5). These settings, three minutes of one core: .213 and .401; imitation alone, at the temperature that gives it
that Self-BLEU: .209 (benchmarks/results/e6.md). The other games want a quicker D and more steps:
--set way=infill --set d_rate=10 --set d_pretrain=150 --steps 2272, or way=policy.
Zhu et al. 2018, *Texygen*.
"""

from dataclasses import dataclass

from tinygan import data
from tinygan.data import DataError
from tinygan.data.text import LEVELS
from tinygan.gan.training import setting
from tinygan.metrics import bleu, self_bleu
from tinygan.recipes._text import WAYS, LineSettings, line_game, novelty_scores, split_lines, write_samples


@dataclass
class Settings(LineSettings):
    """Settings of `captions`."""

    way: str = setting("gumbel", "How G learns; mle and vae are yardsticks, the others begin with mle.", choices=WAYS)
    level: str = setting("word", "What a token is.", choices=LEVELS)
    steps: int = setting(1992, "Training steps, those of imitation among them.", 1)
    pretrain: int = setting(1872, "Steps of maximum likelihood that come first; all of them for mle and vae.", 0)
    hidden: int = setting(160, "Size of the LSTM's state.", 1)
    embedding: int = setting(64, "Size of a token's vector in G; in D twice that.", 1)
    dropout: float = setting(
        0.2, "Share of its inputs and outputs that G's LSTM goes without while it imitates.", 0.0, 1.0
    )
    longest: int = setting(30, "Tokens of a sentence, its end among them; longer lines are cut.", 2)
    rarest: int = setting(2, "Tokens seen less often are not learned: they are read as <unknown> and never written.", 1)
    temperature: float = setting(
        1.03, "Logits are divided by it when samples are drawn; below 1: safer, less varied.", 1e-3
    )
    rollouts: int = setting(2, "way=policy: how often a sentence is finished to value one of its tokens.", 1)


def lines_of(s):
    """(captions to train on, captions held out)."""

    def otherwise():
        try:
            return data.captions("train"), data.captions("test")
        except DataError:
            return data.made_captions(5000, seed=0), sorted(set(data.made_captions(1000, seed=1)))

    return split_lines(s, otherwise)


def make_game(s, device="cpu", kept=None):
    """The game that `tinygan train captions` plays."""
    return line_game(lambda: lines_of(s), s, device, kept)


FORMATS = {".txt": write_samples}
EVALUATED_SAMPLES = 10_000  # Self-BLEU grows with their number, and the published ones are of so many


def evaluate(game, samples):
    """BLEU and Self-BLEU, beside novelty."""
    ours = [t for t in game.vocabulary.token_lists(samples) if t]
    references = [data.words(line) for line in game.lines()[1]]
    scores = {f"bleu_{n}": value for n, value in bleu(ours, references).items()}
    scores |= {f"self_bleu_{n}": value for n, value in self_bleu(ours).items()}
    return scores | novelty_scores(game, samples)

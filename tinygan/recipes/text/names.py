"""Names, letter by letter: the smallest text there is, and every way of learning to write (--set way=...).

Data: 26,545 given names (makemore's, $TINYGAN_DATA/names/names.txt), others held out; without the file, names made here of
syllables; or lines of your own, --data file.txt, in any script (--set level=word for words). Measured on 1,000 samples:
how many are new and no repetitions, and whether an n-gram model of held-out lines finds them as likely as held-out lines.
Seeds 0, 1 and 2, a minute and a half of one core each: .93, .91 and .94 new, 2.53, 2.54 and 2.59 nats a letter where held-out
names have 2.37. A file of a few dozen lines is learned by heart: `tinygan evaluate` then says so (copies).
"""

from dataclasses import dataclass

from tinygan import data
from tinygan.data import DataError, find_file
from tinygan.gan.training import setting
from tinygan.recipes._text import LineSettings, likelihood_scores, line_game, novelty_scores, split_lines, write_samples


@dataclass
class Settings(LineSettings):
    """Settings of `names`.

    A language model that fits the names copies a fifth of what it writes, and the likelier, the more. Policy gradient can
    be paid for anything: here a name is worth what D says, and nothing if it is one of those it learned from.
    """

    steps: int = setting(2250, "Training steps, those of imitation among them.", 1)
    pretrain: int = setting(1500, "Steps of maximum likelihood that come first; all of them for mle and vae.", 0)
    d_pretrain: int = setting(60, "way=policy, infill: steps after these in which D learns alone.", 0)
    mle_rate: float = setting(0.01, "Adam's learning rate while G imitates.", 0.0)
    learning_rate: float = setting(2e-3, "Adam's learning rate in the game.", 0.0)
    ema: float = setting(0.98, "Decay of the moving average of G's weights, from which samples are drawn.", 0.0, 1.0)
    hidden: int = setting(64, "Size of the LSTM's state.", 1)
    dropout: float = setting(
        0.1, "Share of its inputs and outputs that G's LSTM goes without while it imitates.", 0.0, 1.0
    )
    temperature: float = setting(
        0.67, "Logits are divided by it when samples are drawn; below 1: safer, less varied.", 1e-3
    )
    rollouts: int = setting(4, "way=policy: how often a sentence is finished to value one of its tokens.", 1)
    copies: float = setting(
        0.0, "way=policy: by what the judge's reward of a sentence is multiplied that is among the real ones.", 0.0, 1.0
    )


def lines_of(s):
    """(names to train on, names held out)."""

    def otherwise():
        try:
            folder = find_file("names/names.txt").parent
        except DataError:
            return data.made_names(6000, seed=0), sorted(set(data.made_names(1000, seed=1)))
        return data.names("train", folder), data.names("test", folder)

    return split_lines(s, otherwise)


def make_game(s, device="cpu", kept=None):
    """The game that `tinygan train names` plays."""
    return line_game(lambda: lines_of(s), s, device, kept)


FORMATS = {".txt": write_samples}
EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Novelty and likelihood of samples, beside real names."""
    return {**novelty_scores(game, samples), **likelihood_scores(game, samples)}

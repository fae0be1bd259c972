"""Names, letter by letter: the smallest text there is, and every way of learning to write (--set way=...).

Data: 26,545 given names (makemore's, $TINYGAN_DATA/names/names.txt), others held out; without the file, names made here of
syllables; or lines of your own, --data file.txt, in any script (--set level=word for words). Measured on 1,000 samples:
how many are new and no repetitions, and whether an n-gram model of held-out lines finds them as likely as held-out lines.
"""

from dataclasses import dataclass

from tinygan import data
from tinygan.data import DataError, find_file
from tinygan.recipes._text import LineSettings, line_game, novelty_scores, split_lines, write_samples


@dataclass
class Settings(LineSettings):
    """Settings of `names`."""


def lines_of(s):
    """(names to train on, names held out)."""

    def otherwise():
        try:
            folder = find_file("names/names.txt").parent
        except DataError:
            return data.made_names(20_000, seed=0), sorted(set(data.made_names(3000, seed=1)))
        return data.names("train", folder), data.names("test", folder)

    return split_lines(s, otherwise)


def make_game(s, device="cpu", kept=None):
    """The game that `tinygan train names` plays."""
    return line_game(lambda: lines_of(s), s, device, kept)


FORMATS = {".txt": write_samples}
EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Novelty and likelihood of samples, beside real names."""
    return novelty_scores(game, samples)

"""Names, letter by letter: the smallest text there is, and every way of learning to write (--set way=...).

Data: 26,545 given names (makemore's, $TINYGAN_DATA/names/names.txt), others held out; without the file, names made here of
syllables; or lines of your own, --data file.txt, in any script (--set level=word for words, --set split=sentence for prose).
Measured on 1,000 samples: how many are new and no repetitions, and whether an n-gram model of held-out lines finds them as
likely as held-out lines. `tinygan apply RUN mar` goes on from a beginning, as in marvena; a run of --set way=infill fills
letters in, as in m_r__.
Seeds 0, 1 and 2, a minute and a half of one core each: .93, .91 and .94 new, 2.53, 2.54 and 2.59 nats a letter where held-out
names have 2.37. A file of a few dozen lines is learned by heart: `tinygan evaluate` then says so (copies).
"""

from functools import partial

from tinygan import data
from tinygan.data import find_file
from tinygan.recipes.text._lines import SAVED as SAVED
from tinygan.recipes.text._lines import (
    LineSettings,
    choose_lines,
    likelihood_scores,
    line_game,
    novelty_scores,
    write_samples,
)
from tinygan.recipes.text._lines import example as example
from tinygan.recipes.text._lines import respond as respond
from tinygan.run.settings import defaults


@defaults(
    steps=2250, pretrain=1500, d_pretrain=60, mle_rate=0.01, learning_rate=2e-3, ema=0.98, hidden=64, dropout=0.1,
    temperature=0.67, rollouts=4, copies=0.0,
)  # fmt: skip
class Settings(LineSettings):
    """Settings of `names`.

    A language model that fits the names copies a fifth of what it writes, and copies more as it fits better. Policy
    gradient can be paid for anything: here a name is worth what D says, and nothing if D has learned from it (copies=0).
    """


def lines_of(s, saved=None):
    """Return the Lines: names to train on, names held out."""

    def found():
        folder = find_file("names/names.txt").parent
        return data.names("train", folder), data.names("test", folder)

    made = lambda: (data.made_names(6000, seed=0), sorted(set(data.made_names(1000, seed=1))))
    return choose_lines(s, saved, found, made)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train names` plays."""
    return line_game(partial(lines_of, s), s, device, saved)


FORMATS = {".txt": write_samples}
EVALUATED_SAMPLES = 1000


def evaluate(game, samples):
    """Return the novelty and likelihood of samples, beside real names."""
    train, held_out, _ = lines_of(game.settings, game.saved)
    return {"samples": len(samples), **novelty_scores(game, samples, train), **likelihood_scores(game, samples, held_out)}

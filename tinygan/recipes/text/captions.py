"""Captions of pictures, word by word: BLEU against Self-BLEU, on which text GANs are compared.

Data: 10,000 COCO captions, and 10,000 others as references ($TINYGAN_DATA/captions, Texygen's files); without them,
sentences of a small grammar made here; or lines of your own, --data file.txt. BLEU asks whether the samples' n-grams are
those of real sentences, Self-BLEU whether they are each other's: high and low is good, and real sentences score .218 and
.416 (BLEU-5). These settings, three minutes of one core: .213 and .401; imitation alone, at the temperature that gives it
that Self-BLEU: .209 (benchmarks/results/e6.md). The other games want a quicker D and more steps:
--set way=infill --set d_rate=10 --set d_pretrain=150 --steps 2272, or way=policy.
`tinygan apply RUN "a man"` goes on from a beginning, whatever the way. A run of way=infill fills blanks: in
"a man ___ a horse" one of 1 to 4 words, in "a _ man" one of a word.
Zhu et al. 2018, *Texygen*.
"""

from functools import partial

from tinygan import data
from tinygan.backend import stream
from tinygan.metrics import bleu, self_bleu
from tinygan.recipes.text._lines import SAVED as SAVED
from tinygan.recipes.text._lines import (
    LineSettings,
    choose_lines,
    line_game,
    novelty_scores,
    vocabulary_of,
    write_samples,
)
from tinygan.recipes.text._lines import example as example
from tinygan.recipes.text._lines import respond as respond
from tinygan.run.settings import defaults


@defaults(
    way="gumbel", level="word", steps=1992, pretrain=1872, hidden=160, embedding=64, dropout=0.2, longest=30, rarest=2,
    temperature=1.03, rollouts=2,
)  # fmt: skip
class Settings(LineSettings):
    """Settings of `captions`."""


def lines_of(s, saved=None):
    """Return the Lines: captions to train on, captions held out."""
    found = lambda: (data.captions("train"), data.captions("test"))
    made = lambda: (data.made_captions(5000, seed=0), sorted(set(data.made_captions(1000, seed=1))))
    return choose_lines(s, saved, found, made)


def make_game(s, device="cpu", saved=None):
    """Return the game that `tinygan train captions` plays."""
    return line_game(partial(lines_of, s), s, device, saved)


FORMATS = {".txt": write_samples}
EVALUATED_SAMPLES = 10_000  # Self-BLEU grows with their number, and the published ones are of so many


def evaluate(game, samples):
    """Return BLEU and Self-BLEU, beside those of as many captions to train on, and novelty."""
    train, held_out, _ = lines_of(game.settings, game.saved)
    ours = [sentence for sentence in vocabulary_of(game.saved).token_lists(samples) if sentence]
    some = [data.words(train[i]) for i in stream(0, "real").permutation(len(train))[: len(samples)]]
    references = [data.words(line) for line in held_out]
    scores = {"samples": len(samples)}
    for end, sentences in (("", ours), ("_of_real", some)):
        scores |= {f"bleu_{n}{end}": value for n, value in bleu(sentences, references).items()}
        scores |= {f"self_bleu_{n}{end}": value for n, value in self_bleu(sentences).items()}
    return scores | novelty_scores(game, samples, train)

"""Text: BLEU, novelty and copies (`bleu.py`), likelihood under n-grams of real sentences (`ngrams.py`)."""

from .bleu import bleu, distinct_share, exact_copies, ngram_novelty, self_bleu, sentence_bleu
from .ngrams import NgramModel

__all__ = [
    "NgramModel", "bleu", "distinct_share", "exact_copies", "ngram_novelty", "self_bleu", "sentence_bleu",
]  # fmt: skip

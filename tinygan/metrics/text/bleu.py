"""Scores of sentences by shared n-grams: BLEU, Self-BLEU, new n-grams, copies of the training set, repetitions.

A sentence is a list of tokens, words or integers. BLEU asks whether a sentence's n-grams occur in real sentences:
quality. Self-BLEU asks whether they occur in the model's other sentences: sameness. Print both, since one perfect
sentence, repeated, has a perfect BLEU. Read `sentence_bleu` first.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from tinygan.backend import Array

Sentences: TypeAlias = Iterable[Iterable[Hashable]]  # each a list of tokens; or an array (N, T) of integers

SMOOTHING = 0.1  # a count of 0 shared n-grams becomes this: NLTK's smoothing method 1, Chen & Cherry 2014
ORDERS = (2, 3, 4, 5)


def sentence_bleu(hypotheses: Sentences, references: Sentences, orders: Sequence[int] = ORDERS) -> Array:
    """Return BLEU-n of each of N hypotheses against all references together, for each n of `orders`: (N, len(orders)).

    BLEU-n = min(1, e^(1 - r/h)) · (p₁ p₂ ... pₙ)^(1/n) with the length h of the hypothesis and the length r of the
    reference nearest to it (the shorter of two). pₖ is the share of its k-grams that occur in a reference, each counted
    at most as often as in the reference that has it most; a count of 0 becomes 0.1. The result equals NLTK's
    sentence_bleu with smoothing method 1 to the last digits. ValueError for sentences that are not lists of tokens.
    Papineni et al. 2002.
    """
    name = "sentence_bleu"
    return _bleu(name, checked_sentences(name, hypotheses), checked_sentences(name, references), orders)


def bleu(hypotheses: Sentences, references: Sentences, orders: Sequence[int] = ORDERS) -> dict[int, float]:
    """Return {n: mean BLEU-n of the hypotheses}, each against all the references, as Texygen does. Zhu et al. 2018."""
    return _means(sentence_bleu(hypotheses, references, orders), orders)


def self_bleu(sentences: Sentences, orders: Sequence[int] = ORDERS) -> dict[int, float]:
    """Return {n: mean BLEU-n of each sentence against all the others}: 1 if all are alike. Zhu et al. 2018."""
    sentences = checked_sentences("self_bleu", sentences, least=2)
    return _means(_bleu("self_bleu", sentences, None, orders), orders)


def ngram_novelty(samples: Sentences, training: Sentences, orders: Sequence[int] = ORDERS) -> dict[int, float]:
    """Return {n: the share of the samples' n-grams, repetitions counted, that no training sentence has}.

    A share is nan if no sample has n tokens. Print it beside that of held-out real sentences: real text has new n-grams
    too. McCoy et al. 2023 (RAVEN).
    """
    samples, training = checked_sentences("ngram_novelty", samples), checked_sentences("ngram_novelty", training)
    orders = _checked_orders("ngram_novelty", orders)
    novelty = {}
    for n, (_, grams, per_sentence) in enumerate(_ngrams(samples + training, max(orders)), 1):
        first = per_sentence[: len(samples)].sum()
        seen = np.isin(grams[:first], grams[first:])
        if n in orders:
            novelty[n] = float(1 - seen.mean()) if first else float("nan")
    return novelty


def exact_copies(samples: Sentences, training: Sentences) -> float:
    """Return the share of samples that equal a training sentence. Print it beside the share of held-out sentences."""
    samples, training = checked_sentences("exact_copies", samples), checked_sentences("exact_copies", training)
    known = {tuple(s) for s in training}
    return sum(tuple(s) in known for s in samples) / len(samples)


def distinct_share(samples: Sentences) -> float:
    """Return the number of different samples over the number of samples: 1 if no sentence occurs twice."""
    samples = checked_sentences("distinct_share", samples)
    return len({tuple(s) for s in samples}) / len(samples)


# --- counting ----------------------------------------------------------------------------------------------------


def _bleu(name: str, hypotheses: list[list], references: list[list] | None, orders: Sequence[int]) -> Array:
    """Return BLEU (N, len(orders)); references None: each hypothesis against all the others."""
    orders = _checked_orders(name, orders)
    lengths = np.array([len(s) for s in hypotheses])
    logs = np.zeros((len(hypotheses), max(orders)))  # column n - 1: log pₙ
    for n, (sentences, grams, _) in enumerate(_ngrams(hypotheses + (references or []), max(orders)), 1):
        sentences, grams, counts = _count(sentences, grams)
        of_references = slice(0 if references is None else np.searchsorted(sentences, len(hypotheses)), None)
        ours = slice(0, np.searchsorted(sentences, len(hypotheses)))
        size = int(grams.max(initial=-1)) + 1
        most = _most_in_a_sentence(grams[of_references], counts[of_references], size)
        allowed = most[0][grams[ours]]
        if references is None:  # the sentence that has an n-gram most often is compared with the next one
            allowed = np.where(most[2][grams[ours]] == np.arange(len(allowed)), most[1][grams[ours]], allowed)
        shared = np.bincount(sentences[ours], np.minimum(counts[ours], allowed), len(hypotheses))
        total = np.maximum(lengths - n + 1, 1)
        logs[:, n - 1] = np.log(np.where(shared > 0, shared, SMOOTHING) / total)
        if n == 1:
            nothing_shared = shared == 0  # without a common word BLEU is 0, not smoothed
    mean_logs = np.cumsum(logs, 1) / np.arange(1, max(orders) + 1)
    nearest = _nearest_lengths(lengths, references)
    brevity = np.minimum(0, 1 - nearest / np.maximum(lengths, 1))  # log of the penalty
    scores = np.exp(mean_logs + brevity[:, None])
    scores[nothing_shared] = 0
    return scores[:, [n - 1 for n in orders]]


def _ngrams(sentences: list[list], longest: int) -> Iterator[tuple[Array, Array, Array]]:
    """Yield (sentence of every n-gram, its number, how many n-grams each sentence has), for n = 1 ... longest.

    Equal n-grams have equal numbers. An n-gram's number stands for the pair (its first n - 1 tokens, its last token).
    """
    lengths = np.array([len(s) for s in sentences])
    numbers: dict[Hashable, int] = {}
    tokens = np.array([numbers.setdefault(t, len(numbers)) for s in sentences for t in s], np.int64)
    position = np.arange(len(tokens)) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # within the sentence
    left = np.repeat(lengths, lengths) - position  # tokens from here to the end of the sentence
    owner = np.repeat(np.arange(len(sentences)), lengths)
    start, grams = np.arange(len(tokens)), tokens
    for n in range(1, longest + 1):
        if n > 1:
            longer = left[start] >= n
            start, grams = start[longer], grams[longer]
            # each n numbers its n-grams from 0: a number stays below the count of tokens, and no product overflows
            grams = np.unique(grams * len(numbers) + tokens[start + n - 1], return_inverse=True)[1]
        yield owner[start], grams, np.maximum(lengths - n + 1, 0)


def _count(sentences: Array, grams: Array) -> tuple[Array, Array, Array]:
    """Return (sentence, n-gram, how often), once for each n-gram of each sentence, ordered by sentence."""
    size = int(grams.max(initial=0)) + 1
    pairs, counts = np.unique(sentences * size + grams, return_counts=True)
    return pairs // size, pairs % size, counts


def _most_in_a_sentence(grams: Array, counts: Array, size: int) -> tuple[Array, Array, Array]:
    """Return for every n-gram its largest count in a sentence, the largest in any other, and the row of the first."""
    first, second, row = (np.zeros(size, np.int64) for _ in range(3))
    order = np.lexsort((counts, grams))
    grams, counts = grams[order], counts[order]
    last = np.flatnonzero(np.diff(grams, append=-1))  # the last of a run of equal n-grams has the largest count
    first[grams[last]] = counts[last]
    row[grams[last]] = order[last]
    again = last[np.isin(last - 1, last, invert=True) & (last > 0)]
    second[grams[again]] = counts[again - 1]
    return first, second, row


def _nearest_lengths(lengths: Array, references: list[list] | None) -> Array:
    """Return the length nearest to each of `lengths` (N,), the shorter of two, among references (None: the others)."""
    histogram = np.bincount(lengths if references is None else np.array([len(s) for s in references]))
    nearest = {}
    for h in np.unique(lengths).tolist():
        r = np.flatnonzero(histogram - (np.arange(len(histogram)) == h) if references is None else histogram)
        nearest[h] = r[np.abs(r - h).argmin()]  # of equals, argmin takes the first: the shorter
    return np.array([nearest[h] for h in lengths.tolist()])


def _means(scores: Array, orders: Sequence[int]) -> dict[int, float]:
    return {n: float(mean) for n, mean in zip(orders, scores.mean(0))}


def checked_sentences(name: str, sentences: Sentences, least: int = 1) -> list[list]:
    """Return the sentences as lists of tokens; ValueError for strings, unhashable tokens or too few sentences."""
    if isinstance(sentences, str):
        raise ValueError(f"{name}: got one string: expected a list of sentences, each a list of tokens")
    given = list(sentences)
    if any(isinstance(s, str) for s in given):
        raise ValueError(f"{name}: a sentence is a string: expected lists of tokens; take .split() or list()?")
    try:
        lists = [s.tolist() if isinstance(s, np.ndarray) else list(s) for s in given]
        hash(tuple(t for s in lists for t in s))
    except TypeError:
        raise ValueError(f"{name}: a sentence must be a list of tokens, each a string or an integer") from None
    if len(lists) < least:
        raise ValueError(f"{name}: {len(lists)} sentences: at least {least} are needed")
    return lists


def _checked_orders(name: str, orders: Sequence[int]) -> tuple[int, ...]:
    orders = tuple(orders)
    if not orders or any(not isinstance(n, int) or n < 1 for n in orders):
        raise ValueError(f"{name}: orders {orders}: expected lengths of n-grams, integers from 1")
    return orders

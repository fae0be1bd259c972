"""What is measured on sentences: BLEU, Self-BLEU, new n-grams, copies of the training set, and repetitions.

A sentence is a list of tokens, words as well as integers. BLEU asks whether a sentence's n-grams occur in real sentences
(quality), Self-BLEU whether they occur in the model's own other sentences (sameness): neither means anything without the
other, since one perfect sentence, repeated, has a perfect BLEU. Read `sentence_bleu` first.
"""

import numpy as np

SMOOTHING = 0.1  # how many n-grams count as found where none is: NLTK's smoothing method 1, Chen & Cherry 2014
ORDERS = (2, 3, 4, 5)


def sentence_bleu(hypotheses, references, orders=ORDERS):
    """BLEU-n of each of N hypotheses against all references together, for each n of `orders` -> (N, len(orders)).

    BLEU-n = min(1, e^(1 - r/h)) · (p₁ p₂ ... pₙ)^(1/n), h the length of the hypothesis, r that of the reference nearest to
    it, the shorter of two; pₖ the share of its k-grams that a reference has, each counted at most as often as in the
    reference that has it most; 0.1 where that number is 0. Equals NLTK's sentence_bleu with smoothing method 1 to the
    last digits. Papineni et al. 2002; ValueError for what is not a sentence.
    """
    return _bleu("sentence_bleu", _checked("sentence_bleu", hypotheses), _checked("sentence_bleu", references), orders)


def bleu(hypotheses, references, orders=ORDERS):
    """{n: the mean of BLEU-n over the hypotheses}, each against all the references; as Texygen (Zhu et al. 2018)."""
    return _means(sentence_bleu(hypotheses, references, orders), orders)


def self_bleu(sentences, orders=ORDERS):
    """{n: the mean of BLEU-n of each sentence against all the others}: 1 if all are alike. Zhu et al. 2018."""
    sentences = _checked("self_bleu", sentences, least=2)
    return _means(_bleu("self_bleu", sentences, None, orders), orders)


def ngram_novelty(samples, training, orders=ORDERS):
    """{n: the share of the samples' n-grams, repetitions counted, that no training sentence has}; nan if there are none.

    Print it beside that of held-out real sentences: real text is new too. McCoy et al. 2023 (RAVEN).
    """
    samples, training = _checked("ngram_novelty", samples), _checked("ngram_novelty", training)
    orders = _checked_orders("ngram_novelty", orders)
    novelty = {}
    for n, (_, grams, known) in enumerate(_ngrams(samples + training, max(orders)), 1):
        first = known[: len(samples)].sum()
        found = np.isin(grams[:first], grams[first:])
        if n in orders:
            novelty[n] = float(1 - found.mean()) if first else float("nan")
    return novelty


def exact_copies(samples, training):
    """The share of samples that are, token by token, a training sentence. Short real sentences recur too: compare them."""
    samples, training = _checked("exact_copies", samples), _checked("exact_copies", training)
    known = {tuple(s) for s in training}
    return sum(tuple(s) in known for s in samples) / len(samples)


def distinct_share(samples):
    """The number of different samples over the number of samples: 1 if no sentence comes twice."""
    samples = _checked("distinct_share", samples)
    return len({tuple(s) for s in samples}) / len(samples)


# --- counting ----------------------------------------------------------------------------------------------------


def _bleu(name, hypotheses, references, orders):
    """BLEU (N, len(orders)); references None: each hypothesis against all the others."""
    orders = _checked_orders(name, orders)
    lengths = np.array([len(s) for s in hypotheses])
    logs = np.zeros((len(hypotheses), max(orders)))  # column n - 1: log pₙ
    for n, (sentences, grams, _) in enumerate(_ngrams(hypotheses + (references or []), max(orders)), 1):
        sentences, grams, counts = _counted(sentences, grams)
        of_references = slice(0 if references is None else np.searchsorted(sentences, len(hypotheses)), None)
        ours = slice(0, np.searchsorted(sentences, len(hypotheses)))
        size = int(grams.max(initial=-1)) + 1
        most = _most_in_a_sentence(grams[of_references], counts[of_references], size)
        allowed = most[0][grams[ours]]
        if references is None:  # the sentence that has an n-gram most is allowed what the next one has
            allowed = np.where(most[2][grams[ours]] == np.arange(len(allowed)), most[1][grams[ours]], allowed)
        found = np.bincount(sentences[ours], np.minimum(counts[ours], allowed), len(hypotheses))
        total = np.maximum(lengths - n + 1, 1)
        logs[:, n - 1] = np.log(np.where(found > 0, found, SMOOTHING) / total)
        if n == 1:
            nothing = found == 0  # no word in common: 0, without smoothing
    mean_logs = np.cumsum(logs, 1) / np.arange(1, max(orders) + 1)
    nearest = _nearest_lengths(lengths, references)
    brevity = np.minimum(0, 1 - nearest / np.maximum(lengths, 1))  # log of the penalty
    scores = np.exp(mean_logs + brevity[:, None])
    scores[nothing] = 0
    return scores[:, [n - 1 for n in orders]]


def _ngrams(sentences, longest):
    """For n = 1 ... longest: (sentence number of every n-gram, its number, how many each sentence has), in order.

    Equal n-grams have equal numbers: an n-gram's is that of the pair (its first n - 1 tokens, its last token).
    """
    lengths = np.array([len(s) for s in sentences])
    numbers = {}
    tokens = np.array([numbers.setdefault(t, len(numbers)) for s in sentences for t in s], np.int64)
    position = np.arange(len(tokens)) - np.repeat(np.cumsum(lengths) - lengths, lengths)  # within the sentence
    left = np.repeat(lengths, lengths) - position  # tokens from here to the end of the sentence
    owner = np.repeat(np.arange(len(sentences)), lengths)
    start, grams = np.arange(len(tokens)), tokens
    for n in range(1, longest + 1):
        if n > 1:
            longer = left[start] >= n
            start, grams = start[longer], grams[longer]
            # numbered anew for every n: below (number of tokens) · (number of words), so that no product overflows
            grams = np.unique(grams * len(numbers) + tokens[start + n - 1], return_inverse=True)[1]
        yield owner[start], grams, np.maximum(lengths - n + 1, 0)


def _counted(sentences, grams):
    """(sentence, n-gram, how often), once for each n-gram of each sentence, ordered by sentence."""
    size = int(grams.max(initial=0)) + 1
    pairs, counts = np.unique(sentences * size + grams, return_counts=True)
    return pairs // size, pairs % size, counts


def _most_in_a_sentence(grams, counts, size):
    """For every n-gram: its largest count in one sentence, the largest in any other sentence, and the row of the former."""
    first, second, row = (np.zeros(size, np.int64) for _ in range(3))
    order = np.lexsort((counts, grams))
    grams, counts = grams[order], counts[order]
    last = np.flatnonzero(np.diff(grams, append=-1))  # the last of a run of equal n-grams has the largest count
    first[grams[last]] = counts[last]
    row[grams[last]] = order[last]
    again = last[np.isin(last - 1, last, invert=True) & (last > 0)]
    second[grams[again]] = counts[again - 1]
    return first, second, row


def _nearest_lengths(lengths, references):
    """The length nearest to each of `lengths` (N,), the shorter of two, among references; None: among the others."""
    known = np.bincount(lengths if references is None else np.array([len(s) for s in references]))
    nearest = {}
    for h in np.unique(lengths).tolist():
        r = np.flatnonzero(known - (np.arange(len(known)) == h) if references is None else known)
        nearest[h] = r[np.abs(r - h).argmin()]  # of equals, argmin takes the first: the shorter
    return np.array([nearest[h] for h in lengths.tolist()])


def _means(scores, orders):
    return {n: float(mean) for n, mean in zip(orders, scores.mean(0))}


def _checked(name, sentences, least=1):
    """The sentences as a list of lists of tokens, after all that can be wrong with them was checked."""
    if isinstance(sentences, str):
        raise ValueError(f"{name}: got one string: expected a list of sentences, each a list of tokens")
    sentences = list(sentences)
    if any(isinstance(s, str) for s in sentences):
        raise ValueError(f"{name}: a sentence is a string: expected lists of tokens; take .split() or list()?")
    try:
        sentences = [s.tolist() if isinstance(s, np.ndarray) else list(s) for s in sentences]
        hash(tuple(t for s in sentences for t in s))
    except TypeError:
        raise ValueError(f"{name}: a sentence must be a list of tokens, each a string or an integer") from None
    if len(sentences) < least:
        raise ValueError(f"{name}: {len(sentences)} sentences: at least {least} are needed")
    return sentences


def _checked_orders(name, orders):
    orders = tuple(orders)
    if not orders or any(not isinstance(n, int) or n < 1 for n in orders):
        raise ValueError(f"{name}: orders {orders}: expected lengths of n-grams, integers from 1")
    return orders

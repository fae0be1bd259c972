"""An n-gram model: how likely samples are under the statistics of real sentences. No game trains this judge.

It counts which token follows which n - 1 others, and mixes the counts of long contexts with those of shorter ones, so
that every sentence has some probability. Compare the score of samples with that of real sentences that it has not
counted.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

import numpy as np

from tinygan.metrics.text.bleu import checked_sentences

_BEGIN, _END = object(), object()


class NgramModel:
    """p(w | h) = (c(hw) + T(h) p(w | h')) / (c(h) + T(h)), h the last `order` - 1 tokens, h' without the first of them.

    c counts in `sentences`, lists of tokens; T(h) is how many different tokens have followed h. Below the empty context
    equal probability goes to every token seen, to the end, and to one token that stands for all others. Witten & Bell
    1991, method C, as in Chen & Goodman 1999, section 2.5.

    >>> model = NgramModel([list("ab"), list("ac")], order=2)
    >>> round(model.probability("b", ["a"]), 3)  # (1 + 2 p(b)) / (2 + 2), p(b) = (1 + 4/5) / (6 + 4)
    0.34
    """

    def __init__(self, sentences: Iterable[Iterable[Hashable]], order: int = 5) -> None:
        if order < 1:
            raise ValueError(f"NgramModel: order {order}: expected 1 or more")
        self.order = order
        self.followers: defaultdict[tuple, Counter] = defaultdict(Counter)  # context: how often each token followed it
        for sentence in checked_sentences("NgramModel", sentences):
            for context, token in self._moves(sentence):
                for k in range(len(context) + 1):
                    self.followers[context[k:]][token] += 1
        self.totals = {context: sum(counts.values()) for context, counts in self.followers.items()}
        self.kinds = len(self.followers[()]) + 1

    def _moves(self, sentence: Sequence[Hashable]) -> list[tuple[tuple, Hashable]]:
        """Return (the order - 1 tokens before it, token) of every token of a sentence and of its end."""
        row = (_BEGIN,) * (self.order - 1) + (*sentence, _END)
        return [(row[t - self.order + 1 : t], row[t]) for t in range(self.order - 1, len(row))]

    def probability(self, token: Hashable, context: Iterable[Hashable]) -> float:
        """Return p(token | context); only the last order - 1 tokens of the context matter."""
        tokens = tuple(context)
        tokens = tokens[max(0, len(tokens) - self.order + 1) :]
        p = 1 / self.kinds
        for k in range(len(tokens), -1, -1):
            counts = self.followers.get(tokens[k:])
            if counts is None:
                break  # no longer context was seen either
            p = (counts[token] + len(counts) * p) / (self.totals[tokens[k:]] + len(counts))
        return p

    def nll(self, sentences: Iterable[Iterable[Hashable]]) -> float:
        """Return the mean of -log p over all tokens and ends of the sentences, in nats per token."""
        moves = [move for sentence in checked_sentences("NgramModel.nll", sentences) for move in self._moves(sentence)]
        return float(np.mean([-math.log(self.probability(token, context)) for context, token in moves]))

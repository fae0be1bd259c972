"""An n-gram model: how likely samples are under the statistics of real sentences, a judge that no game has trained.

It counts which token follows which n - 1 others, and mixes the counts of long contexts with those of shorter ones, so that
nothing is impossible. Compare what it says of samples with what it says of real sentences that it has not counted.
"""

import math
from collections import Counter, defaultdict

import numpy as np

from tinygan.metrics.text import _checked

_BEGIN, _END = object(), object()


class NgramModel:
    """p(w | h) = (c(hw) + T(h) p(w | h')) / (c(h) + T(h)), h the last `order` - 1 tokens, h' without the first of them.

    c counts in `sentences`, lists of tokens; T(h) is how many different tokens have followed h. Below the empty context
    all tokens seen, the end and one that stands for all others are equally likely. Witten & Bell 1991, method C, as in
    Chen & Goodman 1999, section 2.5.

    >>> model = NgramModel([list("ab"), list("ac")], order=2)
    >>> round(model.probability("b", ["a"]), 3)  # (1 + 2 p(b)) / (2 + 2), p(b) = (1 + 4/5) / (6 + 4)
    0.34
    """

    def __init__(self, sentences, order=5):
        if order < 1:
            raise ValueError(f"NgramModel: order {order}: expected 1 or more")
        self.order, self.followers = order, defaultdict(Counter)
        for sentence in _checked("NgramModel", sentences):
            for context, token in self._moves(sentence):
                for k in range(len(context) + 1):
                    self.followers[context[k:]][token] += 1
        self.totals = {context: sum(counts.values()) for context, counts in self.followers.items()}
        self.kinds = len(self.followers[()]) + 1

    def _moves(self, sentence):
        """(the order - 1 tokens before it, token) of every token of a sentence and of its end."""
        row = (_BEGIN,) * (self.order - 1) + (*sentence, _END)
        return [(row[t - self.order + 1 : t], row[t]) for t in range(self.order - 1, len(row))]

    def probability(self, token, context):
        """p(token | context), the context a sequence of tokens of which the last order - 1 count."""
        context = tuple(context)[max(0, len(context) - self.order + 1) :]
        p = 1 / self.kinds
        for k in range(len(context), -1, -1):
            counts = self.followers.get(context[k:])
            if counts is None:
                break  # a longer context was not seen either
            p = (counts[token] + len(counts) * p) / (self.totals[context[k:]] + len(counts))
        return p

    def nll(self, sentences):
        """-log p a token, ends counted, over all the sentences, in nats: a float."""
        moves = [move for sentence in _checked("NgramModel.nll", sentences) for move in self._moves(sentence)]
        return float(np.mean([-math.log(self.probability(token, context)) for context, token in moves]))

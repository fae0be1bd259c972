"""The n-gram model: by hand on two sentences, a distribution whatever the context, and a judge of likeness."""

import math

import numpy as np
import pytest

from tinygan.data import made_names
from tinygan.metrics import NgramModel

TWO = [list("ab"), list("ac")]


def test_by_hand():
    """Tokens a b c end other: 5 kinds. After nothing: a 2, b 1, c 1, end 2 in 6, of 4 kinds. After a: b 1, c 1."""
    model = NgramModel(TWO, order=2)
    empty = {w: (n + 4 / 5) / (6 + 4) for w, n in (("a", 2), ("b", 1), ("z", 0))}
    assert model.probability("a", []) == pytest.approx(empty["a"])
    assert model.probability("z", "bb") == pytest.approx((0 + 1 * empty["z"]) / (1 + 1))
    assert model.probability("b", "a") == pytest.approx((1 + 2 * empty["b"]) / (2 + 2))
    assert model.probability("b", "za") == model.probability("b", "a")  # order 2: one token back
    begin = (2 + 1 * empty["a"]) / (2 + 1)
    end = (1 + 1 * (2 + 4 / 5) / 10) / (1 + 1)
    expected = -(math.log(begin) + math.log(model.probability("b", "a")) + math.log(end)) / 3
    assert model.nll([list("ab")]) == pytest.approx(expected)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_add_up_to_1(order):
    model = NgramModel([list(name) for name in made_names(200)], order)
    letters = set("".join(made_names(200)))
    for context in ("", "a", "ra", "tamir", "qqqq"):
        total = sum(model.probability(w, context) for w in letters)
        # the end has no name outside: it and one token never seen are what is left
        unseen = model.probability(object(), context)
        end = [w for w in model.followers[()] if not isinstance(w, str)]
        assert total + unseen + sum(model.probability(w, context) for w in end) == pytest.approx(1)


def test_words_of_the_same_language_are_likelier():
    counted, others = ([list(name) for name in made_names(2000, seed)] for seed in (0, 1))
    rng = np.random.default_rng(0)
    shuffled = [[name[i] for i in rng.permutation(len(name))] for name in others]
    model = NgramModel(counted)
    assert model.nll(others) < 0.7 * model.nll(shuffled)
    assert model.nll(counted) < model.nll(others)
    with pytest.raises(ValueError, match="order 0"):
        NgramModel(TWO, 0)

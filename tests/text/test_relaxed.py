"""Gumbel-softmax: relaxed sentences against the tokens that they stand for; and where each step of the game leads."""

import numpy as np
import pytest
from small_text import RNG, every, log_p, model

from tinygan import ops
from tinygan.autodiff import grad
from tinygan.text.language import PADDED
from tinygan.text.relaxed import relaxed_sentences


def test_relaxed_sentences_become_the_tokens():
    m = model(5, ended=True)
    y, tokens = relaxed_sentences(m, 6, 4, 1e6, RNG(0))
    length = tokens.shape[1]
    inside = tokens != PADDED
    np.testing.assert_allclose(y.data[inside], ops.one_hot(tokens, 5)[inside], atol=1e-6)
    soft, same = relaxed_sentences(m, 6, 4, 1.0, RNG(0))
    assert (same == tokens).all() and soft.shape == (6, length, 5)  # β changes how sharp they are, not what is drawn
    np.testing.assert_allclose(soft.data.sum(2), 1)
    assert (soft.data[..., [PADDED, 2]] == 0).all()


def test_a_relaxed_token_is_gumbel_softmax():
    m = model()
    y, _ = relaxed_sentences(m, 400, 1, 3.0, RNG(0))
    logits = np.repeat(m.logits(m(np.zeros((1, 1), int))).data[0], 400, 0)
    expected = ops.gumbel_softmax(logits.astype(np.float32), 1 / 3.0, rng=RNG(0))
    np.testing.assert_allclose(y.data[:, 0], expected, atol=1e-5)


def test_relaxed_sentences_are_drawn_with_their_probabilities():
    m, rows = model(), every(3, range(3))
    _, tokens = relaxed_sentences(m, 20_000, 3, 1.0, RNG(0))
    seen = np.bincount(tokens @ [9, 3, 1], minlength=27) / len(tokens)
    assert np.abs(seen - np.exp(log_p(m, rows))).max() < 4 * np.sqrt(0.25 / len(tokens))


def test_the_slope_of_relaxed_sentences_is_that_of_differences():
    m, weight = model(), RNG(1).standard_normal((5, 3, 3))
    value = lambda: (relaxed_sentences(m, 5, 3, 2.0, RNG(0))[0] * weight).sum()
    (slope,) = grad(value(), [m.head.bias])
    for k in range(3):
        ends = []
        for step in (1e-5, -1e-5):
            before = m.head.bias.data
            m.head.bias.data = before + step * np.eye(3)[k]
            ends.append(value().item())
            m.head.bias.data = before
        assert slope[k] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5)

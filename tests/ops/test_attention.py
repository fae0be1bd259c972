"""Attention against loops over queries in plain NumPy."""

import math

import numpy as np
import pytest

import tinygan
from tinygan import ops
from tinygan.gradcheck import assert_gradients


def rand(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def close(a, b, tolerance=1e-10):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


Q, K, V = rand(2, 4, 3), rand(2, 5, 3), rand(2, 5, 6)


def naive_attention(q, k, v, bias, scale=None):
    """One sample, one query at a time; bias (L, S) is added to the scores, -inf forbids."""
    out = np.zeros((len(q), v.shape[1]))
    for row in range(len(q)):
        scores = [q[row] @ k[s] * (scale or len(q[row]) ** -0.5) + bias[row, s] for s in range(len(k))]
        weights = [math.exp(s) for s in scores]
        for s in range(len(k)):
            out[row] += weights[s] / (sum(weights) or 1) * v[s]
    return out


@pytest.mark.parametrize("kind", ["none", "scale", "causal", "boolean", "additive"])
def test_attention_is_a_loop_over_queries(kind):
    allowed = np.ones((4, 5), bool)
    options = {}
    if kind == "causal":
        allowed, options = np.tri(4, 5, dtype=bool), {"is_causal": True}
    if kind in ("boolean", "additive"):
        allowed = rand(4, 5) > 0
        allowed[2] = False  # a query that may attend to nothing
        options = {"attn_mask": allowed}
    bias = np.where(allowed, 0, -np.inf)
    if kind == "additive":
        bias = bias + rand(4, 5)
        options = {"attn_mask": bias}
    scale = 0.3 if kind == "scale" else None
    y = ops.scaled_dot_product_attention(Q, K, V, scale=scale, **options)
    for n in range(2):
        close(y[n], naive_attention(Q[n], K[n], V[n], bias, scale))
    assert_gradients(
        lambda *a: ops.scaled_dot_product_attention(*a, scale=scale, **options), Q, K, V, order=2, samples=6
    )


def test_attention_in_float32_and_with_a_learned_bias():
    q, k, v = (a.astype(np.float32) for a in (Q, K, V))
    mask = rand(4, 5) > 0
    for options in ({}, {"attn_mask": mask}, {"is_causal": True}, {"attn_mask": rand(4, 5).astype(np.float32)}):
        assert ops.scaled_dot_product_attention(q, k, v, **options).dtype == np.float32
    assert_gradients(ops.scaled_dot_product_attention, Q, K, V, rand(4, 5), samples=10)


def test_attention_dropout_is_drawn_from_the_rng_it_is_given():
    draw = lambda seed: ops.scaled_dot_product_attention(Q, K, V, dropout_p=0.5, rng=np.random.default_rng(seed))
    assert np.array_equal(draw(0), draw(0)) and not np.array_equal(draw(0), draw(1))
    kept = np.mean([draw(seed) for seed in range(2000)], 0)
    np.testing.assert_allclose(kept, ops.scaled_dot_product_attention(Q, K, V), atol=0.15)


ERRORS = {
    "attention: shapes": (lambda: ops.scaled_dot_product_attention(Q, V, K), r"query \(2, 4, 3\), key \(2, 5, 6\)"),
    "attention: two masks": (
        lambda: ops.scaled_dot_product_attention(Q, K, V, np.ones((4, 5), bool), is_causal=True),
        "not both",
    ),
}


@pytest.mark.parametrize("call, message", ERRORS.values(), ids=ERRORS)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_attention_dropout_without_rng_repeats_by_manual_seed():
    drawn = []
    for _ in range(2):
        tinygan.manual_seed(0)
        drawn.append(ops.scaled_dot_product_attention(Q, K, V, dropout_p=0.5))
    np.testing.assert_array_equal(*drawn)

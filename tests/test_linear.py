"""The linear layer that ends with leaky ReLU, held to the two in turn."""

import numpy as np
import pytest

from tinygan import Tensor, grad, ops


def rows(rng):
    return rng.standard_normal((5, 3))


def blocks(rng):
    return rng.standard_normal((30_000, 3))  # more than are worked on at a time


def by_features(rng):
    return rng.standard_normal((2, 3, 4)).swapaxes(1, 2)  # as an LSTM leaves its steps


def no_batch(rng):
    return rng.standard_normal(3)


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("make", [rows, blocks, by_features, no_batch])
def test_leaky_relu_within_is_leaky_relu_after(make, with_bias, slope):
    rng = np.random.default_rng(0)
    arrays = [make(rng), rng.standard_normal((4, 3)), *[rng.standard_normal(4)] * with_bias]
    within = lambda *t: ops.linear(*t, negative_slope=slope)
    after = lambda *t: ops.leaky_relu(ops.linear(*t), slope)
    found = []
    for function in (within, after):
        tensors = [Tensor(a, requires_grad=True) for a in arrays]
        y = function(*tensors)
        first = grad(ops.sum(y * y * y), tensors, create_graph=True)
        second = grad(sum(ops.sum(g * g) for g in first), tensors)
        found.append([y.data, *grad(ops.sum(y * y), tensors), *(g.data for g in first), *second])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)


def test_the_incoming_gradient_is_left_as_it_was():
    x, w = (Tensor(np.random.default_rng(0).standard_normal((3, 3)), requires_grad=True) for _ in range(2))
    g = np.ones((3, 3))
    grad(ops.linear(x, w, negative_slope=0.0), [x, w], g)
    assert (g == 1).all()

"""Faster forms of the linear layer, held to what they are in turn: before leaky ReLU, after flattening."""

import numpy as np
import pytest
from agreement import assert_equal_at_orders_0_1_2

from tinygan import Tensor, grad, nn, ops
from tinygan.ops.linalg import linear_of_pictures


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
    assert_equal_at_orders_0_1_2(within, after, arrays)


@pytest.mark.parametrize("outputs", [1, 2, 9])  # the weight is smaller than the pictures, or larger
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 2, 0)])
def test_linear_of_pictures_is_linear_after_flatten(axes, with_bias, outputs):
    """However the pictures lie: as their shape says, channels-last, or with the batch last."""
    rng = np.random.default_rng(0)
    shape = (5, 3, 4, 2)
    pictures = rng.standard_normal([shape[d] for d in axes]).transpose(np.argsort(axes))
    arrays = [pictures, rng.standard_normal((outputs, 24)), *[rng.standard_normal(outputs)] * with_bias]
    assert_equal_at_orders_0_1_2(linear_of_pictures, lambda x, *w: ops.linear(ops.flatten(x, 1), *w), arrays)
    y = nn.Sequential(nn.Conv2d(3, 2, 2, rng=0), nn.Flatten(), nn.Linear(6, outputs, rng=0))
    in_turn = y[2](y[1](y[0](Tensor(pictures.astype("float32")))))
    np.testing.assert_allclose(y(Tensor(pictures.astype("float32"))).data, in_turn.data, rtol=1e-5, atol=1e-6)


def test_the_incoming_gradient_is_left_as_it_was():
    x, w = (Tensor(np.random.default_rng(0).standard_normal((3, 3)), requires_grad=True) for _ in range(2))
    g = np.ones((3, 3))
    grad(ops.linear(x, w, negative_slope=0.0), [x, w], g)
    assert (g == 1).all()

"""Two functions that should be one: held together by their values, gradients and gradients of gradients."""

import numpy as np

from tinygan import Tensor, grad, ops


def assert_equal_at_orders_0_1_2(one, other, arrays):
    """AssertionError unless one(*tensors) and other(*tensors) agree, and their first and second derivatives."""
    found = []
    for function in (one, other):
        tensors = [Tensor(a, requires_grad=True) for a in arrays]
        y = function(*tensors)
        first = grad(ops.sum(y * y * y), tensors, create_graph=True)
        second = grad(sum(ops.sum(g * g) for g in first), tensors)
        found.append([y.data, *grad(ops.sum(y * y), tensors), *(g.data for g in first), *second])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10)

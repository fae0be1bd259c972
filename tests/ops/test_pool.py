"""Pooling against loops over windows and pixels; gradients of two orders."""

import itertools
import math

import numpy as np
import pytest
from gpu import on_gpu

from tinygan import Tensor, grad, ops
from tinygan.gradcheck import assert_gradients


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def channels_last(x):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def naive_pool(x, summary, kernel, stride, padding, dilation=(1, 1), ceil_mode=False):
    """summary([(pixel value or None in the padding), ...], (rows, columns) within the padded image) of every window."""
    rounded = math.ceil if ceil_mode else math.floor
    size = []
    for n, k, s, p, d in zip(x.shape[2:], kernel, stride, padding, dilation):
        count = rounded((n + 2 * p - d * (k - 1) - 1) / s) + 1
        size.append(count - (ceil_mode and (count - 1) * s >= n + p))
    y = np.empty((*x.shape[:2], *size))
    for n, c, i, j in itertools.product(*map(range, y.shape)):
        rows = [i * stride[0] + k * dilation[0] - padding[0] for k in range(kernel[0])]
        columns = [j * stride[1] + k * dilation[1] - padding[1] for k in range(kernel[1])]
        h, w = x.shape[2:]
        seen = [x[n, c, r, q] if 0 <= r < h and 0 <= q < w else None for r in rows for q in columns]
        padded = sum(r < h + padding[0] for r in rows) * sum(q < w + padding[1] for q in columns)
        y[n, c, i, j] = summary([v for v in seen if v is not None], padded)
    return y


# kernel, stride, padding, dilation, ceil_mode
POOLS = {
    "tiles": ((2, 2), (2, 2), (0, 0), (1, 1), False),
    "tiles and a rest": ((2, 3), (2, 3), (0, 0), (1, 1), True),
    "overlapping": ((3, 3), (2, 2), (1, 1), (1, 1), False),
    "overlapping, rounded up": ((3, 2), (2, 3), (1, 0), (1, 1), True),
    "gaps": ((1, 2), (3, 2), (0, 1), (1, 1), False),
    "dilated": ((2, 3), (1, 2), (1, 1), (2, 2), True),
    "everything": ((6, 7), (1, 1), (0, 0), (1, 1), False),
}


@pytest.mark.parametrize("layout", [np.ascontiguousarray, channels_last])
@pytest.mark.parametrize("name", POOLS)
def test_max_pool2d_is_the_loop(name, layout):
    kernel, stride, padding, dilation, ceil_mode = POOLS[name]
    x = layout(random(2, 3, 6, 7))
    expected = naive_pool(x, lambda seen, padded: max(seen), *POOLS[name])
    np.testing.assert_array_equal(ops.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode), expected)
    np.testing.assert_array_equal(ops.max_pool2d(x[0], kernel, stride, padding, dilation, ceil_mode), expected[0])


@pytest.mark.parametrize("count_include_pad", [True, False])
@pytest.mark.parametrize("name", [name for name in POOLS if name != "dilated"])
def test_avg_pool2d_is_the_loop(name, count_include_pad):
    kernel, stride, padding, _, ceil_mode = POOLS[name]
    x = channels_last(random(2, 3, 6, 7))
    expected = naive_pool(
        x, lambda seen, padded: sum(seen) / (padded if count_include_pad else len(seen)), *POOLS[name]
    )
    y = ops.avg_pool2d(x, kernel, stride, padding, ceil_mode, count_include_pad)
    np.testing.assert_allclose(y, expected, atol=1e-12)
    y = ops.avg_pool2d(x[1], kernel, stride, padding, ceil_mode, count_include_pad, divisor_override=3)
    np.testing.assert_allclose(y, naive_pool(x, lambda seen, padded: sum(seen) / 3, *POOLS[name])[1], atol=1e-12)


def test_avg_pool1d_is_avg_pool2d_of_one_row():
    x = random(2, 3, 9)
    flat = ops.avg_pool2d(x[:, :, None], (1, 4), (1, 2), (0, 2), True, False)
    np.testing.assert_allclose(ops.avg_pool1d(x, 4, 2, 2, True, False), flat[:, :, 0])
    np.testing.assert_allclose(ops.avg_pool1d(x[0], 4, 2, 2, True, False), flat[0, :, 0])


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", POOLS)
def test_gradients_of_pools(name, order):
    kernel, stride, padding, dilation, ceil_mode = POOLS[name]
    x = random(2, 2, 6, 7)
    assert_gradients(lambda x: ops.max_pool2d(x, kernel, stride, padding, dilation, ceil_mode), x, order=order)
    assert_gradients(lambda x: ops.avg_pool2d(x, kernel, stride, padding, ceil_mode, False), x, order=order)
    assert_gradients(lambda x: ops.adaptive_avg_pool2d(x, (4, 3)), x, order=order)


def test_second_order_through_a_maximum():
    """The gradient of the gradient goes back to the winners: y = max(x)³ summed has the second derivative 6 max(x)."""
    x = random(1, 1, 4, 4)
    t = Tensor(x, requires_grad=True)
    y = ops.max_pool2d(t, 2)
    (first,) = grad((y * y * y).sum(), t, create_graph=True)
    v = random(1, 1, 4, 4, seed=1)
    (second,) = grad((first * v).sum(), t)
    np.testing.assert_allclose(second, np.where(x == np.kron(y.data[0, 0], np.ones((2, 2))), 6 * x * v, 0), atol=1e-12)


def test_the_first_of_equals_gets_the_gradient():
    t = Tensor(np.zeros((1, 1, 3, 3)), requires_grad=True)
    (dx,) = grad(ops.max_pool2d(t, 2, stride=1), t, np.array([[[[1.0, 2.0], [3.0, 4.0]]]]))
    np.testing.assert_array_equal(dx[0, 0], [[1, 2, 0], [3, 4, 0], [0, 0, 0]])


def test_max_pool2d_of_many_offsets_and_of_nan():
    x = random(1, 2, 20, 20)
    t = Tensor(x, requires_grad=True)
    (dx,) = grad(ops.max_pool2d(t, 20).sum(), t)  # 400 offsets do not fit one byte
    np.testing.assert_array_equal(dx, x == x.max((2, 3), keepdims=True))
    x[0, 0, 3, 3] = np.nan
    assert np.isnan(ops.max_pool2d(x, 20)[0, 0]).all() and not np.isnan(ops.max_pool2d(x, 20)[0, 1]).any()


# --- types, layouts, sizes, refusals ---------------------------------------------------------------------------

ALL = {
    "max_pool2d": lambda x: ops.max_pool2d(x, 3, 2, 1),
    "avg_pool2d": lambda x: ops.avg_pool2d(x, 3, 2, 1, False, False),
}


@pytest.mark.parametrize("make", [np.array, on_gpu])
@pytest.mark.parametrize("name", ALL)
def test_float32_in_channels_last_out(name, make):
    x = channels_last(random(2, 4, 6, 8).astype(np.float32))
    t = Tensor(make(x), requires_grad=True)
    y = ALL[name](t)
    (dx,) = grad(y, t, make(channels_last(random(*y.shape).astype(np.float32))))
    assert y.dtype == dx.dtype == np.float32
    assert np.moveaxis(y.numpy(), 1, -1).flags.c_contiguous
    assert type(ALL[name](make(x))) is type(make(x))


@pytest.mark.parametrize("name", ALL)
def test_an_empty_batch(name):
    t = Tensor(np.zeros((0, 4, 6, 8)), requires_grad=True)
    y = ALL[name](t)
    assert len(y) == 0 and y.shape[1:] == ALL[name](np.zeros((1, 4, 6, 8))).shape[1:]
    assert grad(y, t, np.zeros(y.shape))[0].shape == t.shape


X = np.zeros((2, 4, 5, 5))
REFUSED = {
    "kernel": (lambda: ops.max_pool2d(X, 6), r"kernel \(6, 6\) is larger than input \(2, 4, 5, 5\)"),
    "padding": (lambda: ops.avg_pool2d(X, 3, padding=2), r"padding \(2, 2\) must be at most half of the kernel \(3, 3\)"),
    "stride": (lambda: ops.max_pool2d(X, 2, stride=0), "stride must be an integer >= 1"),
    "dimensions": (lambda: ops.max_pool2d(X[0, 0], 2), r"must have 4 dimensions \(N, C, ...\), 3 without a batch"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_shapes_and_remedy(name):
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        function()

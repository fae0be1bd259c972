"""Normalisation: against loops in plain NumPy; kernels against textbook forms at orders 0, 1, 2."""

import math

import numpy as np
import pytest

from tinygan import Tensor, grad, ops
from tinygan.gradcheck import assert_gradients
from tinygan.nn.fuse import rectified_channels
from tinygan.ops.normalisation import _layer_norm, normalize_channels

EPS = 1e-5
C = 6
SHAPES = [(5, C), (4, C, 7), (3, C, 4, 5), (2, C, 3, 2, 4)]
LAYER = _layer_norm


def rand(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def channels_last(x):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


def close(a, b, tolerance=1e-10):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# --- the fast path equals the textbook -------------------------------------------------------------------------

FUSED = {}
for _shape in SHAPES:
    for _groups, _per_sample in ((C, False), (C, True), (2, True), (1, True)):
        if len(_shape) > 2 or _groups < C or not _per_sample:
            _const = {"groups": _groups, "per_sample": _per_sample, "eps": EPS}
            _name = f"{len(_shape)}d-{_groups}-{'sample' if _per_sample else 'batch'}"
            FUSED[_name] = (normalize_channels, channels_last(rand(*_shape)), rand(C), rand(C, seed=1), _const)
FUSED["no weight"] = (*FUSED["4d-6-batch"][:2], None, *FUSED["4d-6-batch"][3:])
FUSED["no bias"] = (*FUSED["4d-2-sample"][:3], None, FUSED["4d-2-sample"][4])
FUSED["neither"] = (*FUSED["4d-6-sample"][:2], None, None, FUSED["4d-6-sample"][4])
FUSED["leaky"] = (rectified_channels, *FUSED["4d-6-batch"][1:4], {**FUSED["4d-6-batch"][4], "slope": 0.2})
FUSED["relu of samples"] = (rectified_channels, *FUSED["4d-2-sample"][1:4], {**FUSED["4d-2-sample"][4], "slope": 0.0})
# several blocks of 65,000 elements: of rows, where the batch shares its statistics, or of samples
FUSED["many rows"] = (normalize_channels, channels_last(rand(30, C, 40, 20)), *FUSED["4d-6-batch"][2:])
FUSED["many rows, leaky"] = (rectified_channels, *FUSED["many rows"][1:4], FUSED["leaky"][4])
FUSED["many samples"] = (normalize_channels, channels_last(rand(300, C, 10, 8)), *FUSED["4d-2-sample"][2:])
FUSED["far from 0"] = (normalize_channels, FUSED["4d-6-batch"][1] + 9, *FUSED["4d-6-batch"][2:])
FUSED["channels-first"] = (normalize_channels, rand(3, C, 4, 5), *FUSED["4d-6-batch"][2:])
for _n, _shape in ((1, (3, 4, C)), (2, (3, 4, C)), (1, (C,))):
    FUSED[f"layer-{len(_shape)}d-{_n}"] = (
        LAYER,
        rand(*_shape),
        rand(*_shape[-_n:]),
        rand(*_shape[-_n:], seed=1),
        {"ndim": _n, "eps": EPS},
    )
FUSED["layer-neither"] = (LAYER, rand(3, 4, C), None, None, {"ndim": 1, "eps": EPS})
FUSED["layer-many rows"] = (LAYER, rand(1900, 40), rand(40), rand(40, seed=1), {"ndim": 1, "eps": EPS})
FUSED["layer-feature-major"] = (LAYER, rand(3, C, 4).transpose(0, 2, 1), None, rand(C), {"ndim": 1, "eps": EPS})


@pytest.mark.parametrize("case", FUSED.values(), ids=FUSED)
def test_the_kernel_equals_the_textbook_at_orders_0_1_2(case):
    f, *arguments, const = case
    tensors = [a if a is None else Tensor(a, requires_grad=True) for a in arguments]
    leaves = [t for t in tensors if t is not None]
    fast, slow = f(*tensors, **const), f.textbook(*tensors, **const)
    close(fast.data, slow.data)
    g = rand(*fast.shape, seed=5)
    for a, b in zip(grad(fast, leaves, g), grad(slow, leaves, g)):
        close(a, b)
    for leaf in leaves:  # what is not needed changes nothing
        close(
            grad(f(*[t if t is leaf or t is None else t.data for t in tensors], **const), leaf, g)[0],
            grad(slow, leaf, g)[0],
        )
    g = Tensor(g, requires_grad=True)
    first = [grad(y, leaves, g, create_graph=True) for y in (fast, slow)]
    directions = [rand(*a.shape, seed=6) for a in first[0]]
    for a, b in zip(*(grad(list(gradients), [*leaves, g], directions) for gradients in first)):
        close(a, b)


@pytest.mark.parametrize("case", ["many rows", "many samples"])
def test_threads_change_no_bit(case, use_threads):
    f, *arguments, const = FUSED[case]

    def everything():
        tensors = [Tensor(a, requires_grad=True) for a in arguments]
        y = f(*tensors, **const)
        return [y.data, *grad(y, tensors, rand(*y.shape, seed=5))]

    alone = everything()
    use_threads(3)
    for one, many in zip(alone, everything()):
        np.testing.assert_array_equal(one, many)


@pytest.mark.parametrize("case", FUSED.values(), ids=FUSED)
def test_float32_stays_float32(case):
    f, *arguments, const = case
    tensors = [a if a is None else Tensor(a.astype(np.float32), requires_grad=True) for a in arguments]
    leaves = [t for t in tensors if t is not None]
    y = f(*tensors, **const)
    assert y.dtype == np.float32
    assert all(a.dtype == np.float32 for a in grad(y, leaves, rand(*y.shape).astype(np.float32)))
    assert type(f(*[t if t is None else t.data for t in tensors], **const)) is np.ndarray


def test_gradients_by_finite_differences():
    x, w, b = channels_last(rand(3, 4, 2, 3)), rand(4), rand(4, seed=1)
    assert_gradients(lambda x, w, b: ops.batch_norm(x, None, None, w, b, True), x, w, b, order=2, samples=8)
    assert_gradients(lambda x, w, b: ops.group_norm(x, 2, w, b), x, w, b, order=2, samples=8)
    assert_gradients(lambda x, w, b: ops.instance_norm(x, weight=w, bias=b), x, w, b, order=2, samples=8)
    assert_gradients(lambda x, w, b: ops.layer_norm(x, 3, w, b), x, rand(3), rand(3, seed=1), order=2, samples=8)


# --- values, by loops ------------------------------------------------------------------------------------------


def standardised(part, eps=EPS):
    return (part - part.mean()) / math.sqrt(((part - part.mean()) ** 2).mean() + eps)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_channel_norms_are_loops_over_what_shares_a_mean(shape):
    x, w, b = channels_last(rand(*shape)) * 3 + 1, rand(C), rand(C, seed=1)
    batch = ops.batch_norm(x, None, None, w, b, training=True)
    for c in range(C):
        close(batch[:, c], standardised(x[:, c]) * w[c] + b[c])
    grouped = ops.group_norm(x, 3)
    for n in range(shape[0]):
        for k in range(3):
            close(grouped[n, 2 * k : 2 * k + 2], standardised(x[n, 2 * k : 2 * k + 2]))
    if len(shape) > 2:
        instance = ops.instance_norm(x, eps=0.5)
        for n in range(shape[0]):
            for c in range(C):
                close(instance[n, c], standardised(x[n, c], 0.5))


def test_layer_norm_is_a_loop_over_rows():
    x, w, b = rand(3, 4, C), rand(4, C), rand(4, C, seed=1)
    y = ops.layer_norm(x, (4, C), w, b)
    for n in range(3):
        close(y[n], standardised(x[n]) * w + b)
    close(ops.layer_norm(x, C)[1, 2], standardised(x[1, 2]))


def test_an_empty_batch_stays_empty():
    x = Tensor(np.zeros((0, C, 4, 5)), requires_grad=True)
    for f in (lambda x: ops.group_norm(x, 2), ops.instance_norm, lambda x: ops.layer_norm(x, 5)):
        y = f(x)
        assert y.shape == x.shape and grad(y, x, np.zeros(x.shape))[0].shape == x.shape


def test_images_stay_channels_last():
    x = channels_last(rand(3, C, 4, 5))
    tensor = Tensor(x, requires_grad=True)
    for f in (lambda x: ops.batch_norm(x, None, None, training=True), lambda x: ops.group_norm(x, 2)):
        assert f(x).strides == x.strides
        assert grad(f(tensor), tensor, rand(*x.shape))[0].strides == x.strides


def test_a_large_mean_does_not_spoil_the_variance_in_float32():
    x = (rand(64, 8, 10, 10) * 0.01 + 100).astype(np.float32)
    for f in (lambda x: ops.batch_norm(x, None, None, training=True), lambda x: ops.layer_norm(x, (10, 10))):
        np.testing.assert_allclose(
            f(x), f(x.astype(np.float64)), atol=0.02
        )  # x itself is rounded to 8e-4 of a deviation


@pytest.mark.parametrize("mean", [1, 3.9, 4.1, 30])
def test_a_mean_of_some_deviations_costs_no_accuracy(mean):
    """Up to 4 deviations the variance is taken in one pass, beyond them of x moved to 0."""
    x, g = (rand(32, 64, 7, 7) + mean).astype(np.float32), rand(32, 64, 7, 7, seed=1).astype(np.float32)
    found, exact = Tensor(x, requires_grad=True), Tensor(x.astype(np.float64), requires_grad=True)
    y, expected = (ops.batch_norm(t, None, None, training=True) for t in (found, exact))
    np.testing.assert_allclose(y.data, expected.data, atol=4e-5)
    np.testing.assert_allclose(grad(y, found, g)[0], grad(expected, exact, g)[0], atol=4e-5)


# --- running statistics ----------------------------------------------------------------------------------------


def test_batch_norm_moves_its_running_statistics_in_place():
    x, momentum = channels_last(rand(4, C, 3, 2)), 0.3
    running_mean, running_var = rand(C), rand(C) ** 2
    expected_mean, expected_var = running_mean.copy(), running_var.copy()
    for c in range(C):
        expected_mean[c] = 0.7 * expected_mean[c] + 0.3 * x[:, c].mean()
        expected_var[c] = 0.7 * expected_var[c] + 0.3 * x[:, c].var(ddof=1)  # the unbiased one, as in PyTorch
    tensor = Tensor(x, requires_grad=True)
    y = ops.batch_norm(tensor, running_mean, running_var, training=True, momentum=momentum)
    close(running_mean, expected_mean)
    close(running_var, expected_var)
    first = grad(y, tensor, Tensor(rand(*x.shape)), create_graph=True)[0]
    grad(first, tensor, rand(*x.shape))
    close(running_mean, expected_mean)  # gradients of gradients go through the textbook form, which must not move them


def test_instance_norm_moves_the_mean_over_samples():
    x, running_mean, running_var = rand(4, C, 9), np.zeros(C), np.ones(C)
    ops.instance_norm(x, running_mean, running_var)
    close(running_mean, 0.1 * x.mean((0, 2)))
    close(running_var, 0.9 + 0.1 * x.var(2, ddof=1).mean(0))


def test_float32_running_statistics_stay_what_they_are():
    running_mean, running_var = np.zeros(C, np.float32), np.ones(C, np.float32)
    ops.batch_norm(rand(4, C), running_mean, running_var, training=True)
    assert running_mean.dtype == running_var.dtype == np.float32 and running_mean.any()


def test_evaluation_uses_the_running_statistics_and_keeps_them():
    x, w, b, mean, var = rand(3, C, 4), rand(C), rand(C, seed=1), rand(C, seed=2), rand(C, seed=3) ** 2
    kept = mean.copy(), var.copy()
    column = (slice(None), None)
    for f in (ops.batch_norm, lambda *a: ops.instance_norm(*a, use_input_stats=False)):
        close(f(x, mean, var, w, b), (x - mean[column]) / np.sqrt(var[column] + EPS) * w[column] + b[column])
        close(f(x, mean, var), (x - mean[column]) / np.sqrt(var[column] + EPS))
    assert np.array_equal(mean, kept[0]) and np.array_equal(var, kept[1])


def test_a_graph_recorded_in_evaluation_keeps_its_numbers_when_training_goes_on():
    x, mean, var = rand(8, C), rand(C), rand(C) ** 2
    weight = Tensor(rand(C), requires_grad=True)
    g = rand(8, C, seed=1)
    expected = grad(ops.batch_norm(x, mean.copy(), var.copy(), weight), weight, g)[0]
    y = ops.batch_norm(x, mean, var, weight)
    ops.batch_norm(x, mean, var, weight, training=True)
    close(grad(y, weight, g)[0], expected)


# --- vectors ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [1, 2.0, 3, 0.5, math.inf])
def test_normalize(p):
    x = rand(4, 5, 3)
    y = ops.normalize(x, p)
    for n in range(4):
        for k in range(3):
            close(y[n, :, k], x[n, :, k] / np.linalg.norm(x[n, :, k], p))
    assert_gradients(lambda x: ops.normalize(x, p, -1), x, order=2, samples=8)


@pytest.mark.parametrize("p", [1, 2.0, 3, math.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalize_of_zeros_is_zeros_with_a_finite_gradient(p, dtype):
    x = Tensor(np.zeros((2, 3), dtype), requires_grad=True)
    y = ops.normalize(x, p)
    assert not y.data.any() and y.dtype == dtype
    assert np.isfinite(grad(y, x, np.ones((2, 3), dtype))[0]).all()


def test_cosine_similarity():
    a, b = rand(3, 1, 5), rand(4, 5)
    similar = ops.cosine_similarity(a, b, -1)
    for i in range(3):
        for j in range(4):
            close(similar[i, j], a[i, 0] @ b[j] / np.linalg.norm(a[i, 0]) / np.linalg.norm(b[j]))
    assert np.array_equal(ops.cosine_similarity(a, b, 2), similar)
    assert not ops.cosine_similarity(np.zeros((2, 5)), rand(2, 5)).any()
    assert_gradients(lambda a, b: ops.cosine_similarity(a, b, -1), a, b, order=2, samples=8)


# --- errors ----------------------------------------------------------------------------------------------------

ERRORS = {
    "batch_norm: one value": (lambda: ops.batch_norm(rand(1, 3), None, None, training=True), "one value.*eval"),
    "batch_norm: no statistics": (lambda: ops.batch_norm(rand(4, 3), None, None), "running_mean and running_var"),
    "batch_norm: weight": (lambda: ops.batch_norm(rand(4, 3), None, None, rand(4), training=True), r"must be \(3,\)"),
    "batch_norm: a vector": (lambda: ops.batch_norm(rand(4), None, None, training=True), r"must be \(N, C, ...\)"),
    "instance_norm: one position": (lambda: ops.instance_norm(rand(4, 3, 1)), "one value"),
    "group_norm: groups": (lambda: ops.group_norm(rand(4, 3, 2), 2), "3 channels.*do not fall into 2 groups"),
    "layer_norm: shape": (lambda: ops.layer_norm(rand(4, 3), (4,)), r"must end with normalized_shape \(4,\)"),
    "layer_norm: weight": (lambda: ops.layer_norm(rand(4, 3), 3, rand(4)), "layer_norm: weight"),
}


@pytest.mark.parametrize("call, message", ERRORS.values(), ids=ERRORS)
def test_errors_say_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()

"""Numbers by kind, one table each: both tails, masks that meet infinity, slopes at edges, types, no elements, no axes.

Right values are closed forms in Python's float64, which lose no digits, or written out. PyTorch's hold unless a row says why.
"""

import math

import numpy as np
import pytest

from tinygan import Tensor, grad, losses, nn, ops
from tinygan.autodiff import raw
from tinygan.gradcheck import assert_gradients

nan, inf = math.nan, math.inf


def leaf(values, dtype=np.float64):
    return Tensor(np.asarray(values, dtype), requires_grad=True)


def close(found, expected, tolerance):
    """Equal to a relative error, element by element; infinities and nan at the same places."""
    np.testing.assert_allclose(np.asarray(raw(found), np.float64), expected, rtol=tolerance, atol=0)


# --- both tails --------------------------------------------------------------------------------------------------


def σ(x):
    return 1 / (1 + math.exp(-x)) if x > 0 else math.exp(x) / (1 + math.exp(x))


def softplus(x):
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


def φ(x):
    return math.exp(-x * x / 2) / math.sqrt(2 * math.pi)


def Φ(x):
    return math.erfc(-x / math.sqrt(2)) / 2


def tanh_logit(x):
    return math.sqrt(8 / math.pi) * (x + 0.044715 * x**3)


def gelu_tanh_slope(x):
    a = tanh_logit(x)
    return σ(a) + x * σ(a) * σ(-a) * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * x * x)


# name: (op, value, slope, the largest |x| before float32's numbers end, how well the problem is posed at x)
sech2 = lambda x: (1 / math.cosh(x)) ** 2
even = lambda x: 1
steep = lambda x: 1 + x * x
ACTIVATIONS = {
    "sigmoid": (ops.sigmoid, σ, lambda x: σ(x) * σ(-x), 86, even),
    "tanh": (ops.tanh, math.tanh, sech2, 43, even),
    "silu": (ops.silu, lambda x: x * σ(x), lambda x: σ(x) * (1 + x * σ(-x)), 82, even),
    "softplus": (ops.softplus, lambda x: softplus(x) if x <= 20 else x, lambda x: σ(x) if x <= 20 else 1, 86, even),
    "logsigmoid": (ops.logsigmoid, lambda x: -softplus(-x), lambda x: σ(-x), 86, even),
    "elu": (ops.elu, lambda x: x if x > 0 else math.expm1(x), lambda x: 1 if x > 0 else math.exp(x), 86, even),
    "expm1": (ops.expm1, math.expm1, math.exp, 86, even),
    "gelu": (ops.gelu, lambda x: x * Φ(x), lambda x: Φ(x) + x * φ(x), 12, steep),
    "gelu tanh": (
        lambda x: ops.gelu(x, approximate="tanh"),
        lambda x: x * σ(tanh_logit(x)),
        gelu_tanh_slope,
        9.5,
        lambda x: 1 + x**4,
    ),
    "erfc": (ops.erfc, math.erfc, lambda x: -2 / math.sqrt(math.pi) * math.exp(-x * x), 9, steep),
    "erf": (ops.erf, math.erf, lambda x: 2 / math.sqrt(math.pi) * math.exp(-x * x), 9, steep),
    "glu": (lambda x: ops.glu(ops.stack([x * 0 + 1, x], 1))[:, 0], σ, lambda x: σ(x) * σ(-x), 86, even),
    "1 / cosh² of tanh's slope": (ops.elementwise._tanh_slope, sech2, lambda x: -2 * math.tanh(x) * sech2(x), 43, even),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_and_their_slopes_keep_their_digits_on_both_tails(name, dtype):
    """Relative error, in units of the last place times how much the input's own rounding would move the result."""
    op, value, slope, end, hardness = ACTIVATIONS[name]
    end = end if dtype == np.float32 else end * (8 if end > 40 else 2)
    x = np.concatenate([-np.geomspace(end, 1e-3, 80), np.geomspace(1e-3, end, 80)]).astype(dtype)
    x = x[np.abs(x + 1.2784645) > 0.1] if name == "silu" else x[np.abs(x + 0.7517916) > 0.1]  # their slopes' roots
    t = leaf(x, dtype)
    y = op(t)
    (first,) = grad(y, t, np.ones_like(x))
    (recorded,) = grad(y, t, np.ones_like(x), create_graph=True)
    unit = 60 * np.finfo(dtype).eps * np.array([hardness(v) for v in x.tolist()])
    for what, found, f in (("value", y.data, value), ("slope", first, slope), ("recorded", recorded.data, slope)):
        assert found.dtype == dtype
        expected = np.array([f(v) for v in x.tolist()])
        error = np.abs(found.astype(np.float64) / expected - 1) / unit
        assert error.max() <= 1, (what, x[error.argmax()], found[error.argmax()], expected[error.argmax()])


def two_logits(x):
    """Logits (N, 2) of x and 0, whose probabilities are σ(x) and σ(-x)."""
    return ops.stack([x, x * 0], 1)


def first_class(x):
    return np.zeros(len(x), np.int64)


# name: loss of x for each; minus the log-probabilities of the class with the logit x
LOG_PROBABILITIES = {
    "log_softmax": lambda x: -ops.log_softmax(two_logits(x), 1)[:, 0],
    "log of softmax": lambda x: ops.logsumexp(two_logits(-x), 1),
    "cross_entropy": lambda x: losses.cross_entropy(two_logits(x), first_class(x), reduction="none"),
    "linear_cross_entropy": lambda x: ops.stack(
        [
            losses.linear_cross_entropy(two_logits(x)[i : i + 1], np.eye(2, dtype=x.dtype), np.array([0]))
            for i in range(len(x))
        ]
    ),
    "nll_loss": lambda x: losses.nll_loss(ops.log_softmax(two_logits(x), 1), first_class(x), reduction="none"),
    "bce_with_logits 1": lambda x: losses.binary_cross_entropy_with_logits(x, np.ones_like(x.data), reduction="none"),
    "bce_with_logits 0": lambda x: losses.binary_cross_entropy_with_logits(-x, np.zeros_like(x.data), reduction="none"),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", LOG_PROBABILITIES)
def test_log_probabilities_keep_their_digits_on_both_tails(name, dtype):
    x = np.concatenate([-np.geomspace(80, 1e-2, 30), np.geomspace(1e-2, 80, 30)]).astype(dtype)
    t = leaf(x, dtype)
    loss = LOG_PROBABILITIES[name](t)
    close(loss, [softplus(-v) for v in x.tolist()], 20 * np.finfo(dtype).eps)
    (slope,) = grad(loss, t, np.ones_like(x))
    close(slope, [-σ(-v) for v in x.tolist()], 40 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_keeps_its_digits_on_both_tails(dtype):
    x = np.concatenate([-np.geomspace(80, 1e-2, 30), np.geomspace(1e-2, 80, 30)]).astype(dtype)
    t = leaf(x, dtype)
    p = ops.softmax(two_logits(t), 1)[:, 0]
    close(p, [σ(v) for v in x.tolist()], 20 * np.finfo(dtype).eps)
    close(grad(p, t, np.ones_like(x))[0], [σ(v) * σ(-v) for v in x.tolist()], 40 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_near_0_keep_their_digits(dtype):
    p = leaf([1e-12, 1e-7, 0.3], dtype)
    loss = losses.binary_cross_entropy(p, np.zeros(3, dtype), reduction="none")
    close(loss, [-math.log1p(-v) for v in p.data.tolist()], 4 * np.finfo(dtype).eps)
    close(grad(loss, p, np.ones(3, dtype))[0], [1 / (1 - v) for v in p.data.tolist()], 4 * np.finfo(dtype).eps)


def gates(cell, x, dtype):
    """σ(x) of each gate of a recurrence that passes it on unchanged: products of 0, biases x, and a state of ones."""
    one, zero = np.ones((1, len(x)), dtype), np.zeros((1, len(x)), dtype)
    n = len(x)

    def weights(count, biases):
        bias = np.zeros((count, n), dtype)
        for gate, value in biases.items():
            bias[gate] = value
        return (
            np.zeros((count * n, 1), dtype),
            np.zeros((count * n, n), dtype),
            bias.reshape(-1),
            np.zeros(count * n, dtype),
        )

    row = np.zeros((1, 1), dtype)
    keep_c, only_i = {0: 0, 1: x}, {0: x, 1: -inf, 2: inf}
    if cell == "lstm_cell":
        found = [ops.lstm_cell(row, zero, one, *weights(4, b))[1][0] for b in (keep_c, only_i)]
        return [*found, 2 * ops.lstm_cell(row, zero, np.full_like(one, inf), *weights(4, {1: 99, 3: x}))[0][0] / 2]
    if cell == "lstm":
        found = [ops.lstm(row[None], zero, one, *weights(4, b))[-1, 0] for b in (keep_c, only_i)]
        return [*found, ops.lstm(row[None], zero, np.full_like(one, 40), *weights(4, {1: 99, 3: x}))[0, 0]]
    if cell == "gru_cell":
        return [ops.gru_cell(row, one, *weights(3, {1: x}))[0]]
    if cell == "gru":
        return [ops.gru(row[None], one, *weights(3, {1: x}))[0, 0]]
    w_ih, w_hh, *biases = weights(4, {})
    w_ih = np.zeros((4 * n, n + 1), dtype)
    return [ops.lstm_feedback(row[None], zero, zero, zero, w_ih, w_hh, *biases, np.zeros((n, n), dtype), x)[0, 0]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", ["lstm", "lstm_cell", "gru", "gru_cell", "lstm_feedback"])
def test_gates_keep_their_digits_on_both_tails(cell, dtype):
    x = np.array([-85, -40, -20, -17, -5, -1, 0, 1, 17, 40, 85], dtype)
    for found in gates(cell, x, dtype):
        close(found, [σ(v) for v in x.tolist()], 8 * np.finfo(dtype).eps)


def test_far_out_is_no_warning():
    for dtype in (np.float32, np.float64):
        x = leaf([-inf, -1e4, -90, 0, 90, 1e4, inf], dtype)
        close(ops.sigmoid(x), [0, 0, σ(-90) if dtype == np.float64 else 0, 0.5, 1, 1, 1], 1e-6)
        assert np.isfinite(grad(ops.sigmoid(x), x, np.ones(7, dtype))[0]).all()
        h, c = ops.lstm_cell(
            *(np.zeros((1, 1), dtype),) * 3, np.zeros((4, 1), dtype), np.zeros((4, 1), dtype), np.full(4, -1e4, dtype)
        )
        assert h.item() == 0 and c.item() == 0


# --- masks select ------------------------------------------------------------------------------------------------

holding_inf = [[-inf, 0.0], [-1.0, -2.0]]
ignored = np.array([-100, 0])
nothing = np.array([-100, -100])
# name: (f, input, value, gradient of Σ f)
MASKS = {
    "nll_loss": (lambda x: losses.nll_loss(x, ignored), holding_inf, 1, [[0, 0], [-1, 0]]),
    "nll_loss none": (lambda x: losses.nll_loss(x, ignored, reduction="none"), holding_inf, [0, 1], [[0, 0], [-1, 0]]),
    "nll_loss of no targets": (lambda x: losses.nll_loss(x, nothing), holding_inf, nan, np.zeros((2, 2))),
    "nll_loss weight": (lambda x: losses.nll_loss(x, ignored, np.array([2.0, 3])), holding_inf, 1, [[0, 0], [-1, 0]]),
    "cross_entropy of no targets": (
        lambda x: losses.cross_entropy(x, nothing),
        [[3, 1], [1, 2]],
        nan,
        np.zeros((2, 2)),
    ),
    "cross_entropy smooth of no targets": (
        lambda x: losses.cross_entropy(x, nothing, label_smoothing=0.1),
        [[3, 1], [1, 2]],
        nan,
        np.zeros((2, 2)),
    ),
    "cross_entropy": (
        lambda x: losses.cross_entropy(x, ignored),
        [[-inf, 0], [0, 0]],
        math.log(2),
        [[0, 0], [-0.5, 0.5]],
    ),
    "cross_entropy smooth": (
        lambda x: losses.cross_entropy(x, ignored, label_smoothing=0.5),
        [[-inf, 0], [0, 0]],
        math.log(2),
        [[0, 0], [-0.25, 0.25]],
    ),
    "cross_entropy probabilities": (
        lambda x: losses.cross_entropy(x, np.array([[0.0, 1, 0]])),
        [[-inf, 0, 0]],
        math.log(2),
        [[0, -0.5, 0.5]],
    ),
    "linear_cross_entropy": (
        lambda x: losses.linear_cross_entropy(np.ones((2, 1)), np.zeros((2, 1)), ignored, linear_bias=x),
        [-inf, 0],
        inf,
        None,
    ),
    "linear_cross_entropy of no targets": (
        lambda x: losses.linear_cross_entropy(x, np.eye(2), nothing),
        [[3, 1], [1, 2]],
        nan,
        np.zeros((2, 2)),
    ),
    "kl_div": (lambda x: losses.kl_div(x, np.array([0.0, 1]), "sum"), [-inf, -1], 1, [0, -1]),
    "kl_div log": (lambda x: losses.kl_div(x, np.array([-inf, 0]), "sum", True), [-inf, -1], 1, [0, -1]),
    "dropout": (lambda x: ops.dropout(x, 0.5, rng=Coin()), [inf, 1, nan, 2], [0, 2, 0, 4], [0, 2, 0, 2]),
    "dropout of all": (lambda x: ops.dropout(x, 1.0, rng=Coin()), [inf, nan], [0, 0], [0, 0]),
    "relu": (lambda x: ops.relu(x) * np.array([inf, 1, 1]), [-1, 1, 2], [nan, 1, 2], [0, 1, 1]),
    "clamp": (lambda x: ops.clamp(x, 0, 1) * np.array([inf, 1, 1]), [-1, 0.5, 2], [nan, 0.5, 1], [0, 1, 0]),
    "amax": (lambda x: ops.amax(x, 1) * np.array([inf]), [[1, 2]], [inf], [[0, inf]]),
    "sign": (lambda x: ops.sign(x) * inf, [2], [inf], [0]),
    "x ** 0": (lambda x: x**0 * inf, [2], [inf], [0]),
    "padding_idx": (
        lambda x: ops.embedding(np.array([0, 1]), x, 0) * np.array([[inf], [1]]),
        [[1], [2]],
        [[inf], [2]],
        [[0], [1]],
    ),
    "floor": (lambda x: ops.floor(x) * inf, [2.5], [inf], [0]),
    "ceil": (lambda x: ops.ceil(x) * inf, [2.5], [inf], [0]),
    "round": (lambda x: ops.round(x) * inf, [2.5], [inf], [0]),
    "smooth_l1_loss": (
        lambda x: losses.smooth_l1_loss(x, np.zeros(3), "none"),
        [inf, 1e300, -0.5],
        [inf, 1e300, 0.125],
        [1, 1, -0.5],
    ),
    "where": (lambda x: ops.where(np.array([True, False]), 0.0, x), [inf, 1], [0, 1], [0, 1]),
}


class Coin(np.random.Generator):
    """Drops every second element."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def random(self, shape, dtype):
        return np.resize([0.0, 0.9], shape)


@pytest.mark.parametrize("name", MASKS)
@pytest.mark.filterwarnings("ignore:invalid value encountered in multiply")  # inf times 0 of a row's own, not of a mask
def test_masks_select(name):
    f, values, value, gradient = MASKS[name]
    x = leaf(values)
    y = f(x)
    close(y, value, 1e-12)
    if gradient is not None:
        for create_graph in (False, True):
            close(grad(ops.sum(y), x, create_graph=create_graph)[0], gradient, 1e-12)


@pytest.mark.parametrize("beyond", [nan, inf, -inf])
@pytest.mark.parametrize("kind", ["truth values", "numbers"])
def test_attention_never_reads_what_no_query_may_see(kind, beyond):
    rng = np.random.default_rng(0)
    allowed = np.array([True, False, True])
    mask = allowed if kind == "truth values" else np.where(allowed, 0.0, -inf)
    arrays = [rng.standard_normal(s) for s in ((2, 3, 4), (2, 3, 4), (2, 3, 5))]
    found = []
    for filler in (0.0, beyond):
        q, k, v = (leaf(a if i == 0 else np.where(allowed[:, None], a, filler)) for i, a in enumerate(arrays))
        y = ops.scaled_dot_product_attention(q, k, v, mask)
        first = grad(ops.sum(y * y), (q, k, v), create_graph=True)
        second = grad(sum(ops.sum(g * g) for g in first), (q, k, v))
        found.append([y.data, *(g.data for g in first), *second])
    for clean, dirty in zip(*found):
        np.testing.assert_array_equal(clean, dirty)


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_what_lies_beyond_the_end_of_a_sequence_is_never_read(name):
    rng = np.random.default_rng(0)
    gates = {"lstm": 4, "gru": 3}[name]
    arrays = [rng.standard_normal(s) for s in ((gates * 2, 3), (gates * 2, 2), (gates * 2,), (gates * 2,))]
    clean = rng.standard_normal((4, 2, 3))
    dirty = clean.copy()
    dirty[2:, 0] = [nan, inf, -inf]
    states = (None,) * (gates - 2)
    op = getattr(ops, name)
    for f in (op, op.textbook):
        found = []
        for x in (clean, dirty):
            given = [leaf(x), *states, *(leaf(a) for a in arrays)]
            wanted = [t for t in given if t is not None]
            y = f(*given, lengths=np.array([2, 4]))
            found.append([y.data, *grad(y, wanted, np.ones(y.shape))])
        for a, b in zip(*found):
            np.testing.assert_array_equal(a, b)


# --- slopes at edges ---------------------------------------------------------------------------------------------

# name: (f, input, value, gradient of Σ f)
EDGES = {
    "std": (lambda x: ops.std(x), [3, 3, 3], 0, [0, 0, 0]),
    "std dim": (lambda x: ops.std(x, 1, correction=0), [[3, 3], [1, 3]], [0, 1], [[0, 0], [-0.5, 0.5]]),
    "var": (lambda x: ops.var(x), [3, 3, 3], 0, [0, 0, 0]),
    "norm": (lambda x: ops.norm(x), [0, 0], 0, [0, 0]),
    "norm dim": (lambda x: ops.norm(x, dim=1), [[0, 0], [3, 4]], [0, 5], [[0, 0], [0.6, 0.8]]),
    "norm 3": (lambda x: ops.norm(x, 3), [0, 0], 0, [0, 0]),
    "norm 1": (lambda x: ops.norm(x, 1), [0, -2], 2, [0, -1]),
    "norm .5": (lambda x: ops.norm(x, 0.5), [0, 1], 1, [0, 1]),
    "norm -1": (lambda x: ops.norm(x, -1), [0, 1], 0, [0, 0]),
    "norm inf": (lambda x: ops.norm(x, inf), [0, 0], 0, [0, 0]),
    "norm inf of equals": (lambda x: ops.norm(x, inf), [2, -2, 1], 2, [0.5, -0.5, 0]),
    "logsumexp inf": (lambda x: ops.logsumexp(x, 0), [inf, 1], inf, [1, 0]),  # PyTorch: nan, 0
    "logsumexp two inf": (lambda x: ops.logsumexp(x, 0), [inf, 1, inf], inf, [0.5, 0, 0.5]),
    "logsumexp -inf": (lambda x: ops.logsumexp(x, 0), [-inf, -inf], -inf, [0, 0]),
    "logsumexp overflow": (lambda x: ops.logsumexp(x, 0), [inf, 1e4], inf, [1, 0]),
    "kl_div target 0": (lambda t: losses.kl_div(np.array([-1.0, -2]), t, "none"), [0, 1], [0, 2], [0, 3]),
    "kl_div target < 0": (lambda x: losses.kl_div(x, np.array([-0.5, 1]), "none"), [-1, -2], [nan, 2], [0.5, -1]),
    "cross_entropy, target 0": (
        lambda t: losses.cross_entropy(np.zeros((1, 2)), t),
        [[0, 1]],
        math.log(2),
        [[math.log(2)] * 2],
    ),
    "minimum of bytes": (lambda x: ops.minimum(x, np.array([55, 3], np.uint8)), [2, 4], [2, 3], [1, 0]),
    "minimum of truth values": (lambda x: ops.minimum(np.array([True, False]), x), [2, -4], [1, -4], [0, 1]),
    "remainder": (lambda x: ops.remainder(1.0, x), [0.1], [1 % 0.1], [-9]),
    "remainder inf": (lambda x: ops.remainder(np.array([-2.0, 2]), x), [inf, inf], [inf, 2], [1, 0]),
    "maximum": (lambda x: ops.maximum(x, np.array([1.0, nan, nan])), [nan, 1, nan], [nan] * 3, [1, 1, 1]),
    "minimum": (lambda x: ops.minimum(x, np.array([1.0, nan, nan])), [nan, 1, nan], [nan] * 3, [1, 1, 1]),
    "relu": (ops.relu, [nan, 0, -1, 1], [nan, 0, 0, 1], [1, 0, 0, 1]),
    "leaky_relu": (lambda x: ops.leaky_relu(x, 0.2), [nan, 0, -1], [nan, 0, -0.2], [0.2, 0.2, 0.2]),
    "clamp": (lambda x: ops.clamp(x, 0, 1), [nan, 0, 1, 2], [nan, 0, 1, 1], [0, 1, 1, 0]),
    "max": (lambda x: ops.max(x), [nan, 1, nan], nan, [0.5, 0, 0.5]),
    "max dim": (lambda x: ops.max(x, 0).values, [1, nan, nan], nan, [0, 1, 0]),
    "prod one 0": (ops.prod, [0, 2, 3], 0, [6, 0, 0]),
    "prod two 0": (ops.prod, [0, 0, 3], 0, [0, 0, 0]),
    "erf nan": (ops.erf, [nan, inf, -inf], [nan, 1, -1], [nan, 0, 0]),
    "erfc nan": (ops.erfc, [nan, inf, -inf], [nan, 0, 2], [nan, 0, 0]),
    "gelu nan": (ops.gelu, [nan, 1], [nan, Φ(1)], [nan, Φ(1) + φ(1)]),
}


@pytest.mark.parametrize("name", EDGES)
def test_slopes_at_edges(name):
    f, values, value, gradient = EDGES[name]
    x = leaf(values)
    y = f(x)
    close(y, value, 1e-12)
    for create_graph in (False, True):
        found = grad(ops.sum(y), x, create_graph=create_graph)[0]
        close(found, gradient, 1e-12)


@pytest.mark.parametrize("f", [ops.std, ops.norm, lambda x: ops.norm(x, 3)], ids=["std", "norm", "norm 3"])
def test_the_second_slope_at_the_edge_is_finite(f):
    x = leaf([2.0, 2.0]) if f is ops.std else leaf([0.0, 0.0])
    (first,) = grad(f(x), x, create_graph=True)
    assert not first.requires_grad or np.isfinite(grad(ops.sum(first * first), x)[0]).all()


@pytest.mark.parametrize("p", [2, 1.5, 3, -2, 1, inf])
def test_norms_to_second_order(p):
    assert_gradients(lambda x: ops.norm(x, p, 1), np.random.default_rng(0).standard_normal((2, 3)) + 0.1, order=2)


# --- types -------------------------------------------------------------------------------------------------------

x32 = np.array([[0.5, 1.0], [2.0, 0.25]], np.float32)
whole, wide = np.array([[1, 2], [3, 4]]), np.float64(1.5)
# float32 Tensor t with something of another type: float32
PROMOTIONS = {
    "t * integers": lambda t: t * whole,
    "integers * t": lambda t: whole * t,
    "t + int8": lambda t: t + whole.astype(np.int8),
    "t - integer Tensor": lambda t: t - Tensor(whole),
    "t / integers": lambda t: t / whole,
    "integers / t": lambda t: whole / t,
    "t ** integers": lambda t: t**whole,
    "t * bool": lambda t: t * (whole > 1),
    "t * np.sqrt(2.)": lambda t: t * np.sqrt(2.0),
    "np.float64 * t": lambda t: wide * t,
    "np.float64 - t": lambda t: wide - t,
    "t / np.int64": lambda t: t / np.int64(3),
    "t ** np.float64": lambda t: t**wide,
    "np.float64 ** t": lambda t: wide**t,
    "t * array()": lambda t: t * np.array(1.5),
    "maximum": lambda t: ops.maximum(t, wide),
    "maximum bytes": lambda t: ops.maximum(t, whole.astype(np.uint8)),
    "minimum bytes": lambda t: ops.minimum(t, whole.astype(np.uint8)),
    "minimum": lambda t: ops.minimum(whole, t),
    "clamp": lambda t: ops.clamp(t, wide, np.float64(9)),
    "clamp integers": lambda t: ops.clamp(t, whole),
    "where": lambda t: ops.where(whole > 1, t, wide),
    "where integers": lambda t: ops.where(whole > 1, t, whole),
    "masked_fill": lambda t: ops.masked_fill(t, whole > 1, wide),
    "t @ integers": lambda t: t @ whole,
    "integers @ t": lambda t: whole @ t,
    "cat": lambda t: ops.cat([t, Tensor(whole)]),
    "stack": lambda t: ops.stack([t, Tensor(whole)]),
    "2.5": lambda t: 2.5 * t,
    "mask Tensor * 2.5": lambda t: Tensor(whole > 1) * 2.5 * t,
    "where of numbers": lambda t: ops.where(Tensor(whole > 1), 1.0, 0.0) * t,
    "t * Tensor(number)": lambda t: t * Tensor(np.float64(1.5)),
    "Tensor(number) - t": lambda t: Tensor(np.float64(1.5)) - t,
    "add alpha": lambda t: ops.add(t, np.full((2, 2), 182, np.uint8), alpha=2),
    "sub alpha": lambda t: ops.sub(whole, t, alpha=0.5),
    "floor_divide": lambda t: t + t // np.float64(0.3),
    "integers floor_divide": lambda t: t + Tensor(whole) // np.float64(0.3),
    "std of one": lambda t: t + ops.where(whole > 9, ops.std(t.reshape(2, 2, 1), 2), 0.0),
    "mse_loss": lambda t: losses.mse_loss(t, whole, "none"),
    "l1_loss": lambda t: losses.l1_loss(t, whole, "none"),
    "smooth_l1_loss": lambda t: losses.smooth_l1_loss(t, whole, "none"),
    "bce_with_logits": lambda t: losses.binary_cross_entropy_with_logits(t, whole % 2, reduction="none"),
    "bce_with_logits bool": lambda t: losses.binary_cross_entropy_with_logits(
        t, Tensor((whole % 2).astype(np.uint8)), reduction="none"
    ),
    "bce": lambda t: losses.binary_cross_entropy(ops.sigmoid(t), whole % 2, reduction="none"),
    "cross_entropy weight": lambda t: losses.cross_entropy(t, whole[0] % 2, np.array([1.0, 2.0])),
    "cross_entropy smooth": lambda t: losses.cross_entropy(t, whole[0] % 2, np.array([1.0, 2.0]), label_smoothing=0.1),
    "nll_loss": lambda t: losses.nll_loss(t, whole[0] % 2, np.array([1.0, 2.0]), reduction="none"),
    "linear_cross_entropy": lambda t: losses.linear_cross_entropy(t, x32, whole[0] % 2, weight=np.array([1.0, 2.0])),
    "kl_div": lambda t: losses.kl_div(t, whole, "none"),
    "std": lambda t: ops.std(t, 1),
    "norm": lambda t: ops.norm(t, 3.0, 1),
    "gelu": ops.gelu,
    "softmax": lambda t: ops.softmax(t, 1),
    "dropout": lambda t: ops.dropout(t, np.float64(0.3), rng=np.random.default_rng(0)),
}


@pytest.mark.parametrize("name", PROMOTIONS)
def test_float32_stays_float32(name):
    """And the value is that of float64, rounded."""
    f = PROMOTIONS[name]
    t = leaf(x32, np.float32)
    y = f(t)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, f(leaf(x32)).data, rtol=1e-5, atol=1e-6)
    for create_graph in (False, True):
        (g,) = grad(y, t, np.ones(y.shape, np.float32), create_graph=create_graph)
        assert g.dtype == np.float32
    exact = leaf(x32)
    np.testing.assert_allclose(raw(g), grad(f(exact), exact, np.ones(y.shape))[0], rtol=1e-5, atol=1e-6)


def test_float64_stays_float64():
    t = leaf(x32)
    for y in (t * np.float32(2), t * whole, t + x32, leaf(x32, np.float32) * t.data, ops.where(whole > 1, t, 0.0)):
        assert y.dtype == np.float64


INTEGERS = {
    "exp": ops.exp,
    "sigmoid": ops.sigmoid,
    "sqrt": ops.sqrt,
    "tanh": ops.tanh,
    "log": ops.log,
    "erf": ops.erf,
    "gelu": ops.gelu,
    "mean": ops.mean,
    "softmax": lambda t: ops.softmax(t, 1),
    "div": lambda t: t / 2,
    "mul": lambda t: t * 0.5,
    "std": ops.std,
    "log_softmax": lambda t: ops.log_softmax(t, 1),
    "logsumexp": lambda t: ops.logsumexp(t, 1),
    "norm": ops.norm,
    "softplus": ops.softplus,
    "logsigmoid": ops.logsigmoid,
    "silu": ops.silu,
    "elu": ops.elu,
}


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int64])
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_become_float32(name, dtype):
    """As in PyTorch. NumPy makes bytes float16, and -1 of them 255."""
    y = INTEGERS[name](Tensor(whole.astype(dtype)))
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, INTEGERS[name](Tensor(whole.astype(np.float64))).data, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.bool_])
@pytest.mark.parametrize("op", [ops.sigmoid, ops.logsigmoid])
def test_minus_x_is_none_of_an_array_without_signs(op, dtype):
    np.testing.assert_allclose(op(np.array([0, 1], dtype)), op(np.array([0.0, 1.0])), rtol=1e-6)


def test_quotients_are_rounded_as_pythons_are():
    """Their own rounding makes 1 / 0.1 ten."""
    for a, b in ((1.0, 0.1), (-1.0, 0.1), (7.5, -2.5), (5, 3), (-5, 3)):
        assert ops.div(Tensor(np.array(a)), b, "floor").item() == ops.floor_divide(np.array(a), b) == a // b
        assert ops.div(Tensor(np.array(a)), b, "trunc").item() == math.trunc(a / b)
    assert ops.div(Tensor(whole), 2, "floor").dtype == ops.div(Tensor(whole), 2, "trunc").dtype == np.int64


@pytest.mark.parametrize("compare", ["__eq__", "__le__", "__ge__"])
def test_a_float32_tensor_is_compared_in_float32(compare):
    """No float32 number equals np.float64(0.1). As a Python number it is rounded to float32."""
    t = Tensor(np.array([0.1], np.float32))
    assert getattr(t, compare)(np.float64(0.1)).all() and getattr(t, compare)(0.1).all()


# A dim that NumPy made, as argmax and arange do, and one in a list
DIMS = {
    "sum": lambda x, d: x.sum(d),
    "mean": lambda x, d: x.mean(d, keepdim=True),
    "amax": lambda x, d: x.amax(d),
    "std": lambda x, d: x.std(d),
    "norm": lambda x, d: x.norm(3, d),
    "logsumexp": lambda x, d: x.logsumexp(d),
    "normalize": lambda x, d: ops.normalize(x, dim=d),
    "any": lambda x, d: (x > 1).any(d),
    "squeeze": lambda x, d: x[:, :1].squeeze(d),
    "flip": lambda x, d: x.flip(d),
}
SINGLE_DIMS = {
    "max": lambda x, d: x.max(d).values,
    "min": lambda x, d: x.min(d, True).values,
    "argmax": lambda x, d: x.argmax(d),
    "prod": lambda x, d: x.prod(d),
    "cumsum": lambda x, d: x.cumsum(d),
    "softmax": lambda x, d: x.softmax(d),
    "log_softmax": lambda x, d: x.log_softmax(d),
    "movedim": lambda x, d: x.movedim(d, 0),
    "roll": lambda x, d: x.roll(d, d),
    "split": lambda x, d: x.split(d, d)[0],
    "chunk": lambda x, d: x.chunk(d + 1, d)[0],
    "topk": lambda x, d: x.topk(1, d).values,
    "layer_norm": lambda x, d: ops.layer_norm(x, d + 2),
    "adaptive_avg_pool2d": lambda x, d: ops.adaptive_avg_pool2d(x.reshape(1, 2, 3), d),
    "interpolate": lambda x, d: ops.interpolate(x.reshape(1, 2, 3), scale_factor=d + 1),
}


KINDS_OF_DIMS = [(name, kind) for name in (*DIMS, *SINGLE_DIMS) for kind in (np.int64, np.int32)]
KINDS_OF_DIMS += [(name, lambda d: [d]) for name in DIMS]


@pytest.mark.parametrize("name, kind", KINDS_OF_DIMS)
def test_a_dim_may_be_numpys_or_in_a_list(name, kind):
    f = (DIMS | SINGLE_DIMS)[name]
    x = leaf([[1.0, 3, 2], [4, 6, 5]])
    y, expected = f(x, kind(1)), f(x, 1)
    np.testing.assert_array_equal(y.data, expected.data)
    if expected.requires_grad:
        g = np.ones(y.shape)
        np.testing.assert_array_equal(grad(y, x, g)[0], grad(expected, x, g)[0])


def test_float16_is_refused():
    for make in (
        lambda: Tensor(np.full(3000, 100, np.float16)),
        lambda: leaf(x32, np.float32).astype(np.float16),
        lambda: ops.sum(leaf(x32), dtype=np.float16),
    ):
        with pytest.raises(TypeError, match="float16.*float32"):
            make()


REDUCTIONS = {
    "sum": lambda t, **o: ops.sum(t, 1, **o),
    "mean": lambda t, **o: ops.mean(t, 1, **o),
    "prod": lambda t, **o: ops.prod(t, 1, **o),
    "cumsum": lambda t, **o: ops.cumsum(t, 1, **o),
    "softmax": lambda t, **o: ops.softmax(t, 1, **o),
    "log_softmax": lambda t, **o: ops.log_softmax(t, 1, **o),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reduction_in_another_type(name):
    f, t = REDUCTIONS[name], leaf(x32, np.float32)
    y = f(t, dtype=np.float64)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y.data, f(leaf(x32)).data)
    for create_graph in (False, True):
        assert grad(y, t, np.ones(y.shape), create_graph=create_graph)[0].dtype == np.float32
    assert f(Tensor(whole), dtype=np.float32).dtype == np.float32


# --- no elements, no axes ----------------------------------------------------------------------------------------

one = np.array(2.0)
# name: (f, input, value)
SMALL = {
    "softmax": (lambda x: ops.softmax(x, 0), one, 1.0),
    "softmax -1": (lambda x: ops.softmax(x, -1), one, 1.0),
    "log_softmax": (lambda x: ops.log_softmax(x, 0), one, 0.0),
    "logsumexp": (lambda x: ops.logsumexp(x, 0), one, 2.0),
    "logsumexp dims": (lambda x: ops.logsumexp(x, (0,), True), one, 2.0),
    "max": (lambda x: ops.max(x, 0).values, one, 2.0),
    "min": (lambda x: ops.min(x, -1, True).values, one, 2.0),
    "amax": (lambda x: ops.amax(x, 0), one, 2.0),
    "prod": (lambda x: ops.prod(x, 0), one, 2.0),
    "cumsum": (lambda x: ops.cumsum(x, 0), one, 2.0),
    "sum": (lambda x: ops.sum(x, 0), one, 2.0),
    "mean": (lambda x: ops.mean(x, -1), one, 2.0),
    "norm": (lambda x: ops.norm(x, dim=0), one, 2.0),
    "kl_div": (lambda x: losses.kl_div(x, np.array(1.0), "batchmean"), one, -2.0),
    "softmax 5 0": (lambda x: ops.softmax(x, 1), np.zeros((5, 0)), np.zeros((5, 0))),
    "log_softmax 0 5": (lambda x: ops.log_softmax(x, 0), np.zeros((0, 5)), np.zeros((0, 5))),
    "logsumexp 0 3": (lambda x: ops.logsumexp(x, 0), np.zeros((0, 3)), np.full(3, -inf)),
    "prod 0 3": (lambda x: ops.prod(x, 0), np.zeros((0, 3)), np.ones(3)),
    "cumsum 0": (lambda x: ops.cumsum(x, 0), np.zeros(0), np.zeros(0)),
    "mean 0": (ops.mean, np.zeros(0), nan),
    "mean 0 3": (lambda x: ops.mean(x, 0), np.zeros((0, 3)), np.full(3, nan)),
    "topk": (lambda x: ops.topk(x, 1, 0).values, one, 2.0),
    "sort": (lambda x: ops.sort(x, 0).values, one, 2.0),
    "cross_entropy of probabilities 0": (
        lambda x: losses.cross_entropy(x, np.zeros((0, 3))),
        np.zeros((0, 3)),
        nan,
    ),
    "var 0": (ops.var, np.zeros(0), nan),
    "var 1": (ops.var, np.zeros(1), nan),
    "std 1": (ops.std, np.zeros(1), nan),
    "norm 0": (ops.norm, np.zeros(0), 0.0),
    "kl_div 0": (lambda x: losses.kl_div(x, np.zeros((0, 3)), "batchmean"), np.zeros((0, 3)), nan),
    "mse_loss 0": (lambda x: losses.mse_loss(x, np.zeros((0, 3))), np.zeros((0, 3)), nan),
    "cross_entropy 0": (lambda x: losses.cross_entropy(x, np.zeros(0, int)), np.zeros((0, 3)), nan),
}


@pytest.mark.parametrize("name", SMALL)
def test_no_elements_and_no_axes(name):
    """PyTorch's value, its shape, and gradients of two orders."""
    f, values, value = SMALL[name]
    x = leaf(values)
    y = f(x)
    assert y.shape == np.shape(value)
    close(y, value, 1e-12)
    (first,) = grad(y, x, np.ones(y.shape), create_graph=True)
    assert first.shape == x.shape
    if first.requires_grad:
        assert grad(first, x, np.ones(x.shape))[0].shape == x.shape


@pytest.mark.parametrize("f", [ops.amax, ops.amin, ops.max, ops.min, ops.argmax, ops.argmin])
def test_nothing_has_no_extreme(f):
    with pytest.raises(ValueError, match=r"input \(0,\).* no elements"):
        f(Tensor(np.zeros(0)))
    with pytest.raises(ValueError, match=r"no elements along dim 1"):
        f(Tensor(np.zeros((2, 0))), 1)
    if f in (ops.amax, ops.amin, ops.argmax, ops.argmin):
        assert f(Tensor(np.zeros((0, 2))), 1).shape == (0,)


@pytest.mark.parametrize("cell, states", [(nn.LSTMCell, 2), (nn.GRUCell, 1)])
def test_cells_take_one_sample(cell, states):
    net, rng = cell(3, 2, rng=0, dtype=np.float64), np.random.default_rng(0)
    x, given = rng.standard_normal(3), rng.standard_normal((states, 2))
    hx, rows = (tuple(given), tuple(s[None] for s in given)) if states == 2 else (given[0], given[:1])
    for of_one, of_rows in ((net(x, hx), net(x[None], rows)), (net(x), net(x[None]))):
        of_one, of_rows = ([y] if states == 1 else y for y in (of_one, of_rows))
        for a, b in zip(of_one, of_rows, strict=True):
            assert a.shape == (2,)
            np.testing.assert_array_equal(a.data, b.data[0])


# --- draws -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [[nan, 0.0], [-inf, -inf], [inf, 0.0]])
def test_a_row_without_probabilities_is_not_drawn_from(row):
    with pytest.raises(ValueError, match="categorical: a row of logits holds nan or inf, or nothing but -inf"):
        ops.categorical(np.array([[0.0, 1.0], row]), np.random.default_rng(0))
    assert ops.categorical(np.array([[-inf, 1.0]] * 9), np.random.default_rng(0)).all()


@pytest.mark.parametrize("replacement", [False, True])
def test_multinomial_draws_by_the_weights(replacement):
    """As PyTorch's: of weights, not of logits; the share of the second of two draws is checked as well."""
    weights, rng = np.tile([1.0, 0.0, 2.0, 5.0], (20000, 1)), np.random.default_rng(0)
    drawn = ops.multinomial(weights, 2, replacement, rng=rng)
    assert drawn.shape == (20000, 2) and not (drawn == 1).any()
    p, q = np.array([1.0, 0.0, 2.0, 5.0]) / 8, 0.0
    if replacement:
        q = p
    else:  # after i, with probability p[i], k follows with p[k] / (1 - p[i])
        assert (drawn[:, 0] != drawn[:, 1]).all()
        q = sum(p[i] * np.where(np.arange(4) == i, 0, p) / (1 - p[i]) for i in range(4))
    for column, shares in zip(drawn.T, (p, q), strict=True):
        np.testing.assert_allclose(np.bincount(column, minlength=4) / 20000, shares, atol=0.012)


@pytest.mark.parametrize(
    "weights, options, message",
    [
        ([0.5, -0.5], {}, "0 or more; of logits"),
        ([0.5, nan], {}, "finite"),
        ([0.0, 0.0], {}, "1 different categories of a row with 0 weights above 0"),
        ([0.0, 1.0, 2.0], {"num_samples": 3}, "3 different categories of a row with 2 .*replacement=True"),
        ([0.0, 0.0], {"num_samples": 3, "replacement": True}, "0 weights above 0"),
    ],
)
def test_weights_that_cannot_be_drawn_from(weights, options, message):
    with pytest.raises(ValueError, match=message):
        ops.multinomial(np.array([[1.0] * len(weights), weights]), **{"num_samples": 1, **options})


def test_multinomial_of_a_generator_says_what_draws_of_logits():
    with pytest.raises(TypeError, match=r"categorical\(logits, rng\)"):
        ops.multinomial(np.zeros(3), np.random.default_rng(0))


def test_logits_may_be_integers():
    assert ops.categorical(np.array([[-999, 1]] * 9)).all() and ops.categorical(Tensor(np.array([-999, 1]))).item()
    soft = ops.gumbel_softmax(Tensor(np.array([[-999, 1]])))
    assert soft.dtype == np.float32 and soft.data[0, 1] == 1


def test_one_hot_of_nothing_asks_for_the_classes():
    with pytest.raises(ValueError, match="num_classes is needed"):
        ops.one_hot(np.zeros(0, int))
    assert ops.one_hot(np.zeros(0, int), 3).shape == (0, 3)


def test_clamp_with_bounds_that_cross():
    assert ops.clamp(Tensor([0.0, 5.0]), Tensor([3.0, 3.0]), Tensor([1.0, 1.0])).data.tolist() == [1, 1]


def test_arguments_of_pytorch():
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_allclose(ops.var(Tensor(x), 1, correction=2).data, x.var(1) * 4 / 2)
    np.testing.assert_allclose(ops.std(Tensor(x), False).data, x.std())
    np.testing.assert_allclose(ops.var(Tensor(x), dim=0, unbiased=False).data, x.var(0))
    np.testing.assert_allclose(ops.var(Tensor(x), 0, None).data, x.var(0, ddof=1))
    np.testing.assert_allclose(ops.add(Tensor(x), 1.0, alpha=3).data, x + 3)
    np.testing.assert_allclose(ops.sub(Tensor(x), x, alpha=3).data, -2 * x)
    with pytest.raises(ValueError, match="rounding_mode is None, 'trunc' or 'floor', not 'up'"):
        ops.div(Tensor(x), 2, rounding_mode="up")
    with pytest.raises(ValueError, match="'fro'"):
        ops.norm(Tensor(x), "nuc")

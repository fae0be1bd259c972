"""The gradient checker must accept what is right, refuse what is wrong, and tell a student what is wrong with it.

MISTAKES is a table of hand-written layers as students write them, each with the words that its failure must contain.
"""

import numpy as np
import pytest

from tinygan import Tensor, grad, op, ops
from tinygan.autodiff import raw
from tinygan.gradcheck import GradientError, assert_gradients, check, gradcheck


def array(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.2, 1.5, shape) * np.random.default_rng(seed + 1).choice([-1, 1], shape)


# --- right gradients pass -------------------------------------------------------------------------------------


def affine(x, w, b):
    return x @ w + b


def affine_backward(g, x, w, b):
    return g @ w.T, x.T @ g, g.sum(0)


def affine_with_cache(x, w, b):
    return x @ w + b, (x, w)


def affine_backward_from_cache(g, cache):
    x, w = cache
    return g @ w.T, x.T @ g, g.sum(0)


class Tanh:
    """A layer as many courses write it: an object that remembers."""

    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, g):
        return g * (1 - self.y**2)


def embed(table, index):
    return table[index]


def embed_backward(g, table, index):
    d = np.zeros_like(table)
    np.add.at(d, index, g)
    return d, None


class Scaled:
    """The least that counts as a Module: parameters with names, forward, a call."""

    def __init__(self):
        self.weight = Tensor(array(4).astype(np.float32), requires_grad=True)

    def named_parameters(self):
        yield "weight", self.weight

    def forward(self, x):
        return ops.tanh(x * self.weight)

    __call__ = forward


x, w, b = array(2, 3), array(3, 4, seed=5), array(4, seed=9)
index = np.array([0, 2, 2, 1])

RIGHT = {
    "pair": ((affine, affine_backward), (x, w, b), {}),
    "pair with a cache": ((affine_with_cache, affine_backward_from_cache), (x, w, b), {}),
    "pair of methods": ((Tanh().forward, (layer := Tanh()).backward), (x,), {}),
    "pair, integers passed on": ((embed, embed_backward), (array(3, 2), index), {}),
    "pair, one gradient per float": ((embed, lambda g, t, i: embed_backward(g, t, i)[0]), (array(3, 2), index), {}),
    "pair, scalar loss": ((lambda x: (x**2).mean(), lambda g, x: g * 2 * x / x.size), (x,), {}),
    "pair, zero-size": ((affine, affine_backward), (x[:0], w, b), {}),
    "function": (ops.tanh, (x,), {}),
    "function, order 2": (lambda a, b: a * ops.exp(b), (x, x + 1), {"order": 2}),
    "function, order 2 of a scalar": (lambda a: ops.sum(ops.sin(a) * a), (x,), {"order": 2}),
    "function, order 3": (lambda a: ops.sin(a) * a, (array(2),), {"order": 3}),
    "function, order 2 of a linear one": (lambda a: a * 3.0, (x,), {"order": 2}),
    "function, several outputs": (lambda a: (ops.exp(a), a * a), (x,), {"order": 2}),
    "function, outputs in outputs": (lambda a: (ops.exp(a), (a * a, [a])), (x,), {"order": 2}),
    "function, an unused input": (lambda a, b: a * 2.0, (x, x), {"order": 2}),
    "function, None and an integer": (lambda a, b, n: a**n if b is None else a, (abs(x), None, 3), {"order": 2}),
    "function that takes a gradient": (
        lambda a: grad(ops.sum(ops.exp(a) * a), [a], create_graph=True)[0],
        (x,),
        {},
    ),
    "float32 inputs": (ops.sin, (x.astype(np.float32),), {}),
    "Tensors": (ops.sin, (Tensor(x.astype(np.float32)),), {}),
    "steep": (ops.log, (np.array([1e-4, 1e-3, 2.0]),), {"order": 2}),
    "large and sampled": (ops.square, (array(50, 40),), {"samples": 20}),
    "channels-last": (ops.tanh, (array(2, 3, 3, 2).transpose(0, 3, 1, 2),), {}),
    "module": (Scaled(), (array(3, 4),), {"order": 2}),
}
RIGHT["pair of methods"] = ((layer.forward, layer.backward), (x,), {})


@pytest.mark.parametrize("case", RIGHT)
def test_right_gradients_pass(case):
    f, inputs, options = RIGHT[case]
    assert_gradients(f, *inputs, **options)
    assert gradcheck(f, *inputs, **options)


def test_module_itself_is_untouched():
    module = Scaled()
    weight, data = module.weight, module.weight.data
    assert_gradients(module, array(3, 4))
    assert module.weight is weight and weight.data is data and data.dtype == np.float32 and weight.grad is None


def test_parameters_are_checked_too():
    names = [finding.name for finding in check(Scaled(), array(3, 4))]
    assert names == ["x", "weight"]


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - reading it is the test
    assert_gradients(ops.tanh, array(30, 20), samples=5)
    assert (before == np.random.get_state()[1]).all()  # noqa: NPY002


# --- mistakes --------------------------------------------------------------------------------------------------


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def softmax_of_diagonal(g, x):
    y = softmax(x)
    return g * y * (1 - y)


def rnn(xs, w):
    states = []
    for x in xs:
        states.append(x @ w)
    return np.stack(states)


def rnn_overwrites(g, xs, w):
    for g_t, x_t in zip(g, xs):
        dw = x_t.T @ g_t
    return g @ w.T, dw


def embed_without_add_at(g, table, index):
    d = np.zeros_like(table)
    d[index] += g
    return d, None


def layer_norm(x):
    return (x - x.mean(1, keepdims=True)) / x.std(1, keepdims=True)


def relu_in_place(x):
    x[x < 0] = 0
    return x


def conv_valid(x, k):
    return np.stack([x[i : i + len(k)] @ k for i in range(len(x) - len(k) + 1)])


def conv_one_short(g, x, k):
    dx, dk = np.zeros_like(x), np.zeros_like(k)
    for i in range(len(g) - 1):
        dx[i : i + len(k)] += g[i] * k
    for i in range(len(g)):
        dk += g[i] * x[i : i + len(k)]
    return dx, dk


def half(g, x):
    out = np.zeros(x.shape, np.float32)
    out[:] = g / 2
    return out


def noisy(x):
    noisy.calls = getattr(noisy, "calls", 0) + 1
    return x * noisy.calls


def changes_g(g, x):
    g[x < 0] = 0
    return g


def float32_inside(x):
    y = np.empty(x.shape, np.float32)
    y[:] = x * 2
    return y


square = abs(array(3, 3))
MISTAKES = {
    # name: (forward, backward, inputs, words that the message must contain)
    "bias not summed": (
        affine,
        lambda g, x, w, b: (g @ w.T, x.T @ g, g),
        (x, w, b),
        "db has shape (2, 4) broadcast .sum(axis=0)",
    ),
    "bias not summed, beside an input of the output's shape": (
        lambda x, b: x + b,
        lambda g, x, b: (g, g),
        (x, array(3)),
        "db has shape (2, 3) broadcast .sum(axis=0)",
    ),
    "keepdims forgotten": (
        lambda x, s: x * s,
        lambda g, x, s: (g * s, (g * x).sum(1)),
        (x, array(2, 1)),
        "ds has shape (2,) .reshape(s.shape)",
    ),
    "product the wrong way round": (
        affine,
        lambda g, x, w, b: (g @ w.T, g.T @ x, g.sum(0)),
        (x, w, b),
        "dw (4, 3) transposed x.T @ g",
    ),
    "square and transposed": (
        lambda x, w: x @ w,
        lambda g, x, w: (g @ w.T, g.T @ x),
        (square, square + 1),
        "dw transposed x.T @ g",
    ),
    "wrong order": (
        affine,
        lambda g, x, w, b: (x.T @ g, g @ w.T, g.sum(0)),
        (x, w, b),
        "dx order of the inputs x, w, b",
    ),
    "wrong order, equal shapes": (
        lambda a, b: a * b,
        lambda g, a, b: (g * a, g * b),
        (x, x + 3),
        "this is the gradient of b",
    ),
    "one too few": (
        affine,
        lambda g, x, w, b: (g @ w.T, x.T @ g),
        (x, w, b),
        "returned 2 gradients for 3 inputs x, w, b",
    ),
    "None": (affine, lambda g, x, w, b: (g @ w.T, x.T @ g, None), (x, w, b), "db is missing None"),
    "return forgotten": (lambda x: x * 2, lambda g, x: None, (x,), "dx is missing None"),
    "forward without return": (lambda x: None, lambda g, x: g, (x,), "returned None return statement"),
    "chain rule forgotten": (
        np.tanh,
        lambda g, x: 1 - np.tanh(x) ** 2,
        (x,),
        "multiply by the upstream gradient g chain rule",
    ),
    "g averaged": (np.tanh, lambda g, x: g.mean() * (1 - np.tanh(x) ** 2), (x,), "g was averaged"),
    "g twice": (np.exp, lambda g, x: g * g * np.exp(x), (x,), "g is multiplied in twice"),
    "tanh of the input": (np.tanh, lambda g, x: g * (1 - x * x), (x,), "1 - y*y takes the output"),
    "mean forgotten": (
        lambda x: ((x - 1) ** 2).mean(),
        lambda g, x: g * 2 * (x - 1),
        (x,),
        "6 x numeric elements of x mean divide by 6",
    ),
    "sum taken for a mean": (
        lambda x: x.sum(0),
        lambda g, x: np.broadcast_to(g / 5, x.shape),
        (array(5, 3),),
        "numeric / 5 axis 0 of x",
    ),
    "factor 2": (lambda x: 0.5 * x**2, lambda g, x: g * 2 * x, (x,), "2 x numeric 1/2 counted twice"),
    "half": (lambda x: x * x, lambda g, x: g * x, (x,), "0.5 x numeric used twice"),
    "sign": (lambda x: -np.log(x), lambda g, x: g / x, (abs(x),), "sign is flipped"),
    "constant": (np.exp, lambda g, x: 0.7 * g * np.exp(x), (x,), "0.7 x numeric everywhere constant factor"),
    "factor x": (lambda x: x**3, lambda g, x: 3 * g * x, (x,), "divided by x missing"),
    "leaky branch": (
        lambda x: np.where(x > 0, x, 0.1 * x),
        lambda g, x: g * (x > 0),
        (x,),
        "exactly where x < 0 elements disagree",
    ),
    "zeros": (np.exp, lambda g, x: np.zeros_like(x), (x,), "0 everywhere never filled"),
    "softmax by its diagonal": (softmax, softmax_of_diagonal, (x,), "depends on too softmax"),
    "statistics taken for constants": (
        layer_norm,
        lambda g, x: g / x.std(1, keepdims=True),
        (x,),
        "depends on too normalisation seen most at output[",
    ),
    "assigned in a loop": (rnn, rnn_overwrites, (array(3, 2, 2), array(2, 2)), "dw nothing comes from += each"),
    "repeated index": (
        embed,
        embed_without_add_at,
        (array(3, 2), index),
        "dtable rows that index names more than once (2) np.add.at",
    ),
    "one short": (
        conv_valid,
        conv_one_short,
        (array(5), array(2)),
        "dx exactly at 3, 4 along axis 0 seen most at output[3]",
    ),
    "border": (
        lambda x: np.pad(x, ((0, 0), (1, 1)), "edge"),
        lambda g, x: g[:, 1:-1],
        (array(2, 4),),
        "exactly at 0, 3 along axis 1",
    ),
    "reversed": (
        conv_valid,
        lambda g, x, k: (np.convolve(g, k), np.correlate(x, g)[::-1]),
        (array(5), array(3)),
        "dk reversed along axis 0",
    ),
    "at a kink": (
        lambda x: np.maximum(x, 0),
        lambda g, x: g * (x > 0),
        (np.array([1.0, 0.0, -2.0]),),
        "kink at x[1] = 0 left right",
    ),
    "0 / 0": (lambda x: np.sqrt(x), lambda g, x: g * 0 / (x - x), (abs(x),), "nan division by 0"),
    "outside of the domain": (np.log, lambda g, x: g / x, (-abs(x),), "output is nan domain"),
    "input changed in place": (
        relu_in_place,
        lambda g, x: g * (x > 0),
        (x.copy(),),
        "changed its input x in place x.copy()",
    ),
    "g changed in place": (lambda x: np.maximum(x, 0), changes_g, (x,), "changed g in place"),
    "float32 gradient": (lambda x: x / 2, half, (x,), "dx is float32 although every input is float64"),
    "integer gradient": (lambda x: x / 2, lambda g, x: np.zeros(x.shape, int), (x,), "dx is int64 integers"),
    "gradient of objects": (lambda x: x / 2, lambda g, x: np.array([None] * 5), (x,), "dx shape it must"),
    "masked gradient": (
        lambda x: x / 2,
        lambda g, x: np.ma.masked_array(2 * g, mask=True),
        (x,),
        "dx is wrong every element",
    ),
    "float32 inside": (float32_inside, lambda g, x: 2 * g, (x,), "returned float32 for float64 inputs"),
    "chance": (noisy, lambda g, x: g, (x,), "two different results eval()"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_mistake_is_named(mistake):
    forward, backward, inputs, words = MISTAKES[mistake]
    with pytest.raises(GradientError) as caught:
        assert_gradients((forward, backward), *inputs)
    message = " ".join(str(caught.value).split())
    for word in words.split():
        assert word in message, f"{word!r} is not in:\n{message}"
    assert not gradcheck((forward, backward), *inputs)


def test_message_has_everything():
    with pytest.raises(GradientError) as caught:
        assert_gradients((affine, lambda g, x, w, b: (g @ w.T, 2 * x.T @ g, g.sum(0))), x, w, b, seed=7)
    finding, message = caught.value.finding, str(caught.value)
    for part in ("dw is wrong", "worst at", "analytic", "numeric", "relative", "direction", "seed 7", "also right x"):
        assert part in " ".join(message.split()), message
    assert finding.analytic == pytest.approx(2 * finding.numeric) and finding.error == pytest.approx(0.5)
    assert finding.name == "w" and len(finding.index) == 2


@op(lambda g, y, x: g * (1 - raw(y) * raw(y)))
def tanh_closing_over_numbers(x):
    """tanh whose gradient is right and whose gradient of a gradient is silently 0: what DeZero's batch norm does."""
    return np.tanh(x)


@op(lambda g, y, x: g * 2 * x * x if isinstance(g, Tensor) else g * 3 * x * x)
def cube_of_two_minds(x):
    """x³ whose gradient with create_graph=True is another, and has that one's slope: each order is right by itself."""
    return x**3


TENSOR_MISTAKES = {
    "detached": (lambda x: x * x.detach(), (x,), 1, "0.5 x numeric used twice"),
    "cut off": (lambda x: ops.exp(x.detach()), (x,), 1, "0 everywhere detach() raw()"),
    "returns an array": (lambda x: ops.exp(x.data), (x,), 1, "returned ndarray .data"),
    "second order lost": (tanh_closing_over_numbers, (x,), 2, "order 2 <g, (dx)> for x 0 everywhere raw()"),
    "another value for Tensors": (cube_of_two_minds, (x,), 2, "dx create_graph=True vjp Tensors arrays textbook kernel"),
    "float32 cast": (lambda x: ops.exp(x.astype(np.float32)), (x,), 1, "returned float32"),
}


@pytest.mark.parametrize("mistake", TENSOR_MISTAKES)
def test_tensor_mistake_is_named(mistake):
    f, inputs, order, words = TENSOR_MISTAKES[mistake]
    with pytest.raises(GradientError) as caught:
        assert_gradients(f, *inputs, order=order)
    for word in words.split():
        assert word in str(caught.value), f"{word!r} is not in:\n{caught.value}"


def test_second_order_is_what_finds_it():
    assert_gradients(tanh_closing_over_numbers, x)


REFUSALS = {
    "nothing to check": (lambda: assert_gradients(ops.exp, 3), ValueError, "floating-point"),
    "not callable": (lambda: assert_gradients(3, x), TypeError, "function, a Module or a pair"),
    "a triple": (lambda: assert_gradients((np.exp, np.exp, np.exp), x), TypeError, "(forward, backward)"),
    "order 2 of a pair": (lambda: assert_gradients((affine, affine_backward), x, w, b, order=2), ValueError, "order=2"),
    "backward takes two": (lambda: assert_gradients((np.exp, lambda a, b, c: a), x), TypeError, "(g, cache)"),
    "names": (lambda: assert_gradients(ops.exp, x, names=["a", "b"]), ValueError, "2 names for 1 input"),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_refusals(refusal):
    call, error, words = REFUSALS[refusal]
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


# --- what a difference of the whole does not show -------------------------------------------------------------


def test_a_backward_that_is_not_deterministic_is_refused():
    rng = np.random.default_rng(0)
    for jitter in (1e-8, 1e-3):
        pair = (np.sin, lambda g, x, jitter=jitter: g * np.cos(x) * (1 + jitter * rng.standard_normal()))
        with pytest.raises(GradientError, match="two different gradients of x for the same input"):
            assert_gradients(pair, array(3))


@pytest.mark.parametrize("largest", [1e3, 1e5])
def test_an_element_far_below_the_largest_is_seen_if_it_is_wrong_by_much_of_itself(largest):
    scale = np.array([largest, 1.0, 1e-6 * largest * 0.09])  # less than 1e-7 of the largest
    forward = lambda x: scale * np.sin(x)
    right = lambda g, x: g * scale * np.cos(x)
    assert_gradients((forward, right), array(3))
    for factor in (0.0, 0.5, 1.5, -1.0):
        with pytest.raises(GradientError, match="1 of 3 elements disagree") as caught:
            assert_gradients((forward, lambda g, x, f=factor: right(g, x) * np.array([1, 1, f])), array(3))
        assert caught.value.finding.index == (2,)


def test_a_small_element_that_is_only_rounding_is_right():
    """Differences of 1e3 have rounding errors of about 1e-8: an exact 0 is right although no difference says 0."""
    x = array(200)
    assert_gradients((lambda x: np.array(1e3 * np.sum(np.sin(x)[:100]) + 0 * x[-1]),
                      lambda g, x: g * 1e3 * np.cos(x) * (np.arange(200) < 100)), x)  # fmt: skip


def test_an_output_whose_shape_depends_on_the_values_is_named():
    pair = (lambda x: x[x > 0.5], lambda g, x: np.zeros_like(x))
    with pytest.raises(GradientError, match=r"the output's shape depends on the values: \(1,\) became \(2,\)"):
        assert_gradients(pair, np.array([0.5, 1.0]))


def test_how_inputs_are_given_is_said():
    from tinygan import nn

    with pytest.raises(TypeError, match=r"its inputs are missing; give them after it: gradcheck\(f, input\)"):
        gradcheck(nn.Linear(3, 2))
    with pytest.raises(TypeError, match="one by one, not in a tuple"):
        gradcheck(ops.mul, (array(2), array(2)))

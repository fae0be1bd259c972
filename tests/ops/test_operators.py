"""Python's operators and indexing on Tensors: NumPy's values, right gradients, float32 kept, for every mix of operands."""

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygan import Tensor, grad, ops
from tinygan.autodiff import raw, sum_to
from tinygan.gradcheck import assert_gradients


def leaf(values, dtype=np.float64):
    return Tensor(np.asarray(values, dtype), requires_grad=True)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


a, b = numbers(2, 3), numbers(2, 3, seed=1)
EXPRESSIONS = {
    "t + u": lambda t, u: t + u,
    "t - u": lambda t, u: t - u,
    "t * u": lambda t, u: t * u,
    "t / u": lambda t, u: t / u,
    "t ** u": lambda t, u: t**u,
    "t @ u.T": lambda t, u: t @ u.T,
    "-t": lambda t, u: -t,
    "abs(t)": lambda t, u: abs(t),
    "t + array": lambda t, u: t + b,
    "array + t": lambda t, u: b + t,
    "array - t": lambda t, u: b - t,
    "array * t": lambda t, u: b * t,
    "array / t": lambda t, u: b / t,
    "array ** t": lambda t, u: b**t,
    "array @ t": lambda t, u: b.T @ t,
    "row * t": lambda t, u: b[0] * t,
    "2 + t": lambda t, u: 2 + t,
    "2 - t": lambda t, u: 2 - t,
    "2.5 * t": lambda t, u: 2.5 * t,
    "2 / t": lambda t, u: 2 / t,
    "2 ** t": lambda t, u: 2**t,
    "t ** 2": lambda t, u: t**2,
    "t ** 0.5": lambda t, u: t**0.5,
    "numpy scalar * t": lambda t, u: np.float64(3) * t,
    "t * numpy scalar": lambda t, u: t * np.float32(3),
    "numpy scalar / t": lambda t, u: np.float32(3) / t,
    "t[0]": lambda t, u: t[0],
    "t[-1, 1]": lambda t, u: t[-1, 1],
    "t[:, ::2]": lambda t, u: t[:, ::2],
    "t[..., None]": lambda t, u: t[..., None],
    "t[::-1]": lambda t, u: t[::-1],
    "t[[0, 1, 1]]": lambda t, u: t[[0, 1, 1]],
    "t[array]": lambda t, u: t[np.array([1, 0, 1])],
    "t[array, array]": lambda t, u: t[np.array([1, 0, 1]), np.array([2, 2, 2])],
    "t[Tensor]": lambda t, u: t[Tensor(np.array([1, 1]))],
    "t[mask]": lambda t, u: t[b > 1],
    "t[row mask]": lambda t, u: t[np.array([True, False])],
    "t[t > u]": lambda t, u: t[t > u],
    "t.T": lambda t, u: t.T,
    "t.sum(0)": lambda t, u: t.sum(0),
    "t.sum(dim=1, keepdim=True)": lambda t, u: t.sum(dim=1, keepdim=True),
    "t.mean()": lambda t, u: t.mean(),
    "t.reshape(3, 2)": lambda t, u: t.reshape(3, 2),
    "t.reshape((6,))": lambda t, u: t.reshape((6,)),
    "t.flatten().exp()": lambda t, u: t.flatten().exp(),
    "sum of rows": lambda t, u: ops.stack([row * i for i, row in enumerate(t)]),
    "t *= u": lambda t, u: in_place(t, u),
    "t * t": lambda t, u: t * t,
    "(t + t) * t": lambda t, u: (t + t) * t,
}


def in_place(t, u):
    t *= u  # a new Tensor under the old name
    return t


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_operators(expression):
    """Values are NumPy's, gradients of two orders are right."""
    f = EXPRESSIONS[expression]
    value = f(Tensor(a), Tensor(b))
    assert isinstance(value, Tensor)
    if "t." not in expression and "sum of rows" not in expression and expression != "t[Tensor]":
        np.testing.assert_allclose(value.data, f(a.copy(), b), rtol=1e-15)
    assert_gradients(f, a, b, order=2)


@pytest.mark.parametrize(
    "expression", [e for e in EXPRESSIONS if "array" not in e and "row *" not in e and "t[" not in e]
)
def test_float32_and_python_numbers_stay_float32(expression):
    if expression.startswith("numpy scalar") and "float64" in expression:
        return
    t, u = leaf(a, np.float32), leaf(b, np.float32)
    if expression == "numpy scalar * t":
        return  # np.float64 is a type of its own to NumPy 2: the product is float64
    y = EXPRESSIONS[expression](t, u)
    assert y.dtype == np.float32
    assert all(g.dtype == np.float32 for g in grad(y, [t, u], np.ones(y.shape, np.float32)))


COMPARISONS = {
    "<": lambda t, x: t < x,
    "<=": lambda t, x: t <= x,
    ">": lambda t, x: t > x,
    ">=": lambda t, x: t >= x,
    "==": lambda t, x: t == x,
    "!=": lambda t, x: t != x,
}


@pytest.mark.parametrize("sign", COMPARISONS)
@pytest.mark.parametrize("other", [1.0, b, Tensor(b)], ids=["number", "array", "Tensor"])
def test_comparisons(sign, other):
    compare = COMPARISONS[sign]
    raw_other = other.data if isinstance(other, Tensor) else other
    found = compare(leaf(a), other)
    assert found.dtype == bool and not found.requires_grad
    np.testing.assert_array_equal(found.data, compare(a, raw_other))
    reflected = compare(other, leaf(a)) if not isinstance(other, float) else compare(leaf(a), other)
    expected = compare(raw_other, a) if not isinstance(other, float) else compare(a, raw_other)
    np.testing.assert_array_equal(reflected.data, expected)


# --- making Tensors --------------------------------------------------------------------------------------------


def test_tensor_of_numbers_and_lists():
    assert Tensor(2.0).dtype == np.float32 and Tensor([1.0, 2.0]).dtype == np.float32
    assert Tensor(2).dtype.kind == "i" and Tensor([[1, 2], [3, 4]]).shape == (2, 2)
    assert Tensor(True).dtype == bool


def test_tensor_keeps_the_array():
    array = numbers(3)
    t = Tensor(array)
    assert t.data is array and t.numpy() is array and t.dtype == np.float64
    assert (t.shape, t.ndim, t.numel(), len(t), t.device) == ((3,), 1, 3, 3, "cpu")
    assert Tensor(np.array(3.0)).item() == 3.0 and float(Tensor(2.5)) == 2.5 and int(Tensor(3)) == 3
    assert [10, 20, 30][Tensor(1)] == 20 and bool(Tensor(0.0)) is False
    assert len({t: 1, Tensor(array): 2}) == 2


def test_repr_names_the_op():
    t = leaf([1.0, 2.0])
    assert "requires_grad=True" in repr(t) and "op=exp" in repr(ops.exp(t)) and "shape=(2,)" in repr(t)


# --- broadcasting ----------------------------------------------------------------------------------------------

shapes = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=3, min_side=0)
quick = hypothesis.settings(max_examples=60, deadline=None, derandomize=True)


@quick
@hypothesis.given(shapes, st.sampled_from(["add", "sub", "mul", "div", "maximum", "minimum"]), st.booleans())
def test_a_gradient_has_its_inputs_shape(shapes, name, recorded):
    """And its value is that of summing over a broadcast copy."""
    x, y = (leaf(numbers(*s, seed=i)) for i, s in enumerate(shapes.input_shapes))
    z = getattr(ops, name)(x, y)
    assert z.shape == shapes.result_shape
    g = numbers(*z.shape, seed=5)
    found = [raw(d) for d in grad(z, [x, y], g, create_graph=recorded)]
    copies = [leaf(np.broadcast_to(v.data, z.shape).copy()) for v in (x, y)]
    for d, v, full in zip(found, (x, y), grad(getattr(ops, name)(*copies), copies, g), strict=True):
        assert d.shape == v.shape
        np.testing.assert_allclose(d, sum_to(full, shape=v.shape), rtol=1e-12)


@quick
@hypothesis.given(hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), st.data())
def test_indexing_is_numpys(shape, data):
    array = numbers(*shape)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    found = Tensor(array)[key]
    np.testing.assert_array_equal(found.data, array[key])
    x = leaf(array)
    expected = np.zeros(shape)
    expected[key] = 1
    y = x[key]
    if y.op is not None:
        np.testing.assert_array_equal(grad(y, x, np.ones(y.shape))[0], expected)

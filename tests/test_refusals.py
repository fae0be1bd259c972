"""What the engine refuses, and what it says: every message names the cause and the remedy."""

import numpy as np
import pytest

from tinygan import Op, Tensor, grad, losses, nn, no_grad, ops


def leaf(values, dtype=np.float64):
    return Tensor(np.asarray(values, dtype), requires_grad=True)


t, u = leaf([1.0, 2.0]), leaf([[1.0, 2.0], [3.0, 4.0]])
wrong_shape = Op(lambda x: x * 2, lambda g, y, x: g[:1])
wrong_shape.shown = "wrong_shape"
norm = lambda x: ops.layer_norm(x, (2,))
frozen = nn.Linear(2, 1).requires_grad_(False)


def quietly(function):
    with no_grad():
        return function()


REFUSALS = {
    # name: (call, error, words that the message must contain)
    "np.exp": (lambda: np.exp(t), TypeError, "np.exp tinygan.ops.exp tensor.data"),
    "np.sum": (lambda: np.sum(t), TypeError, "np.sum tinygan.ops.sum"),
    "np.concatenate": (lambda: np.concatenate([t, t]), TypeError, "np.concatenate tinygan.ops.cat"),
    "np.maximum with an array": (lambda: np.maximum(np.ones(2), t), TypeError, "np.maximum tinygan.ops.maximum"),
    "np.add with out": (lambda: np.add(np.ones(2), t, out=np.ones(2)), TypeError, "np.add"),
    "array += tensor": (lambda: np.ones(2).__iadd__(t), TypeError, "np.add"),
    "np.add.reduce": (lambda: np.add.reduce(t), TypeError, "np.add"),
    "np.asarray": (lambda: np.asarray(t), TypeError, "tensor.data"),
    "float of many": (lambda: float(t), ValueError, "one element (2,)"),
    "truth of many": (lambda: bool(t), ValueError, "truth (2,) .any() .all()"),
    "if t > 0": (lambda: 1 if t > 0 else 2, ValueError, "truth (2,)"),
    "item of many": (lambda: t.item(), ValueError, "one element (2,)"),
    "len of a scalar": (lambda: len(leaf(1.0)), TypeError, "len()"),
    "float as index": (lambda: [1, 2][leaf(1.0)], TypeError, "integer float64"),
    "assignment": (lambda: t.__setitem__(0, 1.0), TypeError, "where cat stack masked_fill"),
    "Tensor of a Tensor": (lambda: Tensor(t), TypeError, "detach()"),
    "Tensor of a string": (lambda: Tensor("abc"), TypeError, "str"),
    "Tensor of rows of two lengths": (lambda: Tensor([[1.0], [1.0, 2.0]]), (TypeError, ValueError), ""),
    "gradients of integers": (lambda: Tensor(np.arange(3), requires_grad=True), TypeError, "int64 floating"),
    "gradients of truth values": (lambda: Tensor(True, requires_grad=True), TypeError, "bool floating"),
    "no scalar": (lambda: grad(t * t, t), ValueError, "(2,) g sum mean"),
    "backward of no scalar": (lambda: (t * t).backward(), ValueError, "(2,) g sum mean"),
    "g of another shape": (lambda: grad(t * t, t, np.ones(3)), ValueError, "(3,) (2,)"),
    "too many g": (lambda: grad([t * t, t], t, [np.ones(2)]), ValueError, "2 outputs 1"),
    "a plain array": (lambda: grad(np.ones(1), t), TypeError, "plain array create_graph=True"),
    "gradient of an array gradient": (
        lambda: grad(grad(ops.sum(t * t), t), t),
        TypeError,
        "plain array create_graph=True",
    ),
    "no history: no input requires gradients": (
        lambda: grad(ops.sum(Tensor(np.ones(2))), t),
        RuntimeError,
        "grad without history, nothing requires gradients. Tensor(x, requires_grad=True) requires_grad_()",
    ),
    "no history: a constant": (lambda: Tensor(np.ones(2)).backward(), RuntimeError, "backward() (2,): nothing"),
    "no history: frozen": (
        lambda: ops.sum(frozen(np.ones((1, 2)))).backward(),
        RuntimeError,
        "backward() history nothing frozen requires_grad_()",
    ),
    "no history: no_grad": (
        lambda: quietly(lambda: ops.sum(t * t)).backward(),
        RuntimeError,
        "backward() no_grad() outside",
    ),
    "no history: no_grad, of a fused op": (
        lambda: grad(quietly(lambda: norm(u)), u),
        RuntimeError,
        "no_grad() outside",
    ),
    "no history: no_grad, of joined tensors": (
        lambda: quietly(lambda: ops.cat([t, t])).backward(),
        RuntimeError,
        "no_grad()",
    ),
    "no history: detached": (lambda: ops.sum(t * t).detach().backward(), RuntimeError, "backward() history detach()"),
    "detached": (lambda: grad(ops.sum(t * t).detach(), t), RuntimeError, "grad history detach() cut"),
    "gradient of a constant gradient": (
        lambda: grad(ops.sum(grad(ops.sum(3 * t), t, create_graph=True)[0]), t),
        RuntimeError,
        "history create_graph=True linear constant, 0",
    ),
    "input is an array": (
        lambda: grad(ops.sum(t * t), [np.ones(2)]),
        TypeError,
        "ndarray Tensor(x, requires_grad=True)",
    ),
    "input without requires_grad": (
        lambda: grad(ops.sum(t * t), Tensor(np.ones(2))),
        RuntimeError,
        "(2,) requires_grad=False",
    ),
    "data of a computed Tensor": (lambda: setattr(t * t, "data", np.ones(2)), TypeError, "computed detach()"),
    "requires_grad_ of a computed Tensor": (lambda: (t * t).requires_grad_(), TypeError, "leaves detach()"),
    "a vjp of the wrong shape": (
        lambda: grad(ops.sum(wrong_shape(t)), t),
        ValueError,
        "wrong_shape (1,) (2,) broadcasts=True",
    ),
    "a recorded vjp of the wrong shape": (
        lambda: grad(ops.sum(wrong_shape(t)), t, create_graph=True),
        ValueError,
        "wrong_shape (1,) (2,)",
    ),
    "too many arguments": (lambda: ops.exp(t, t), TypeError, "exp (input) 2"),
    "too few arguments": (lambda: ops.add(t), TypeError, "add 'other'"),
    "shapes that do not broadcast": (lambda: t + leaf([1.0, 2.0, 3.0]), ValueError, "add: (2,) (3,) equal or 1"),
    "a row for each": (lambda: leaf(np.ones((2, 3))) * t, ValueError, "mul: (2, 3) (2,) reshape second (2, 1)?"),
    "an image and channels": (
        lambda: leaf([1.0] * 3) + leaf(np.ones((2, 3, 4, 4))),
        ValueError,
        "add: (3,) (2, 3, 4, 4) reshape first (3, 1, 1)?",
    ),
    "turned": (
        lambda: leaf(np.ones((2, 3))) + leaf(np.ones((3, 2))),
        ValueError,
        "add: (2, 3) (3, 2) transpose second?",
    ),
    "an array first": (lambda: np.ones(3) / t, ValueError, "div: (3,) (2,)"),
    "where": (lambda: ops.where(np.ones(3) > 0, t, 0.0), ValueError, "where: (3,) (2,) equal or 1"),
    "stacks of matrices": (
        lambda: leaf(np.ones((4, 2, 3))) @ leaf(np.ones((5, 3, 2))),
        ValueError,
        "matmul: (4,) (5,) matrices equal or 1",
    ),
    "cross_entropy of float classes": (
        lambda: losses.cross_entropy(u, np.array([0.0, 1.0])),
        TypeError,
        "cross_entropy classes integers float64 astype('int64')",
    ),
    "nll_loss of float classes": (lambda: losses.nll_loss(u, np.array([0.0, 1.0])), TypeError, "nll_loss astype('int64')"),
    "linear_cross_entropy of float classes": (
        lambda: losses.linear_cross_entropy(u, u, np.array([0.0, 1.0])),
        TypeError,
        "classes integers astype('int64')",
    ),
    "embedding of floats": (lambda: ops.embedding(t, u), TypeError, "embedding: integers float64 astype('int64')"),
    "one_hot of floats": (lambda: ops.one_hot(np.ones(2), 3), TypeError, "one_hot: integers float64 astype('int64')"),
    "cat": (lambda: ops.cat([t, u], 0), ValueError, "cat: (2,) (2, 2)"),
    "stack": (lambda: ops.stack([t, leaf([1.0])]), ValueError, "stack: (2,) (1,) equal"),
    "matmul": (lambda: leaf(np.ones((4, 3))) @ leaf(np.ones((2, 3))), ValueError, "(4, 3) (2, 3) inner transpose"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name):
    call, error, words = REFUSALS[name]
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message and len(message) < 360
    for word in words.split():
        assert word in message, f"{word!r} is not in: {message}"


@pytest.mark.parametrize("name", [name for name, op in vars(ops).items() if isinstance(op, Op) and op.broadcasts])
def test_every_op_that_broadcasts_says_which_shapes_do_not_fit(name):
    op = getattr(ops, name)
    arrays = [np.ones(2), np.ones((4, 2)), np.ones(3)][3 - len(op.arg_names) :]
    for make in (Tensor, np.asarray):
        given = [make(a) for a in arrays]
        with pytest.raises(
            ValueError, match=rf"^{name}: shapes .*\(3,\) do not fit: counted from the right, sizes must be"
        ):
            op(*given)


def test_a_frozen_parameter_gets_zeros():
    """Fine-tuning: grad(loss, net.parameters()) fits the optimiser of all of them."""
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    net[0].requires_grad_(False)
    gradients = grad(ops.sum(net(Tensor(np.ones((3, 2), np.float32)))), net.parameters())
    assert [g.any() for g in gradients] == [False, False, True, True]
    assert [g.shape for g in gradients] == [p.shape for p in net.parameters()]


def test_a_frozen_parameter_changed_before_a_recorded_gradient_is_refused():
    x, w = (
        Tensor(np.ones(3), requires_grad=True),
        Tensor(np.ones(3)),
    )  # w: frozen, used by the recorded vjp all the same
    y = ops.sum(x * x * w)
    w.data = w.data * 2
    with pytest.raises(RuntimeError, match="changed after mul"):
        grad(y, x, create_graph=True)
    np.testing.assert_array_equal(grad(y, x)[0], 2 * np.ones(3))  # of the values at the time

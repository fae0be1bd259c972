"""The engine: the traversal, what it computes and what it keeps. Ops one by one are in `test_ops.py`."""

import asyncio
import gc
import inspect
import sys
import threading
import tracemalloc
import weakref
from contextlib import contextmanager

import numpy as np
import pytest

from tinygan import Fused, Op, Tensor, grad, no_grad, op, ops
from tinygan.autodiff import VariadicOp, is_grad_enabled, raw
from tinygan.gradcheck import assert_gradients
from tinygan.ops import shapes


def leaf(values, dtype=np.float64):
    return Tensor(np.asarray(values, dtype), requires_grad=True)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


# --- the traversal ---------------------------------------------------------------------------------------------


def test_grad_stores_nothing_and_changes_nothing():
    x = leaf([1.0, 2.0])
    y = ops.sum(ops.exp(x) * x)
    first = grad(y, x)[0]
    assert x.grad is None and y.grad is None
    np.testing.assert_array_equal(first, grad(y, x)[0])
    np.testing.assert_array_equal(first, grad(y, x, create_graph=True)[0].data)
    np.testing.assert_array_equal(first, grad(y, x)[0])


def test_backward_twice_doubles_the_leaves_only():
    x, unused = leaf([1.0, 2.0]), leaf([5.0])
    h = ops.exp(x)
    y = ops.sum(h * h)
    y.backward()
    once = x.grad
    np.testing.assert_allclose(once, 2 * np.exp(2 * x.data))
    y.backward()
    np.testing.assert_allclose(x.grad, 2 * once)
    assert h.grad is None and y.grad is None and unused.grad is None
    np.testing.assert_allclose(once, 2 * np.exp(2 * x.data))  # the first was replaced, not changed in place


def test_each_leaf_has_a_grad_of_its_own():
    """p.grad *= 0.5 is what people write to clip: it must neither fail nor change another leaf's gradient."""
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    ops.sum(x + y).backward()
    x.grad *= 0.5
    np.testing.assert_array_equal(x.grad, [0.5, 0.5])
    np.testing.assert_array_equal(y.grad, [1.0, 1.0])


def test_backward_of_a_leaf():
    x = leaf(3.0)
    x.backward()
    assert x.grad == 1.0


def test_backward_with_g():
    x = leaf([1.0, 2.0])
    (x * x).backward(np.array([1.0, 10.0]))
    np.testing.assert_allclose(x.grad, [2, 40])


def test_diamond():
    """b = a + a; c = b + b: each path counts, and b is handled after both of its uses."""
    x = leaf(1.0)
    y = x + x
    assert grad(y + y, x)[0] == 4
    z = ops.exp(x)
    assert grad(z * y + z, x)[0] == pytest.approx(np.e * (2 + 2 + 1))


def test_unused_input_gets_zeros():
    x, unused = leaf([1.0, 2.0]), Tensor(np.ones((2, 3), np.float32), requires_grad=True)
    g = grad(ops.sum(x), [x, unused])
    assert g[1].shape == (2, 3) and g[1].dtype == np.float32 and not g[1].any()
    recorded = grad(ops.sum(x), [x, unused], create_graph=True)[1]
    assert isinstance(recorded, Tensor) and not recorded.data.any()


def test_with_respect_to_an_intermediate():
    x = leaf([1.0, 2.0])
    h = ops.exp(x)
    y = ops.sum(h * h * x)
    g_h, g_x = grad(y, [h, x])
    np.testing.assert_allclose(g_h, 2 * h.data * x.data)
    np.testing.assert_allclose(g_x, h.data**2 + g_h * h.data)


def test_same_input_twice():
    x = leaf([1.0, 2.0])
    first, second = grad(ops.sum(x * x), [x, x])
    np.testing.assert_array_equal(first, second)


def test_output_is_an_input():
    x = leaf([1.0, 2.0])
    y = ops.sum(x)
    assert grad(y, [y, x])[0] == 1.0
    z = y * 3.0
    np.testing.assert_allclose(grad([z, y], [y, x], [1.0 * np.ones(()), 10.0 * np.ones(())])[1], [13, 13])
    np.testing.assert_allclose(grad([z, y], [y], [1.0 * np.ones(()), 10.0 * np.ones(())])[0], 13)


def test_several_outputs():
    x = leaf([1.0, 2.0])
    y, z = ops.exp(x), x * x
    g = grad([y, z], x, [np.array([1.0, 0.0]), np.array([0.0, 3.0])])[0]
    np.testing.assert_allclose(g, [np.e, 12])
    g = grad([ops.sum(y), ops.sum(z)], x)[0]
    np.testing.assert_allclose(g, np.exp(x.data) + 2 * x.data)


def test_one_output_twice():
    x = leaf([1.0, 2.0])
    y = ops.sum(ops.exp(x))
    np.testing.assert_allclose(grad([y, y], x)[0], 2 * np.exp(x.data))
    g_y, g_x = grad([y, y], [y, x])
    assert g_y == 2
    np.testing.assert_allclose(g_x, 2 * np.exp(x.data))


def test_g_may_be_a_tensor_with_a_history():
    x, g = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (first,) = grad(x * x, x, g, create_graph=True)
    np.testing.assert_allclose(grad(ops.sum(first), g)[0], 2 * x.data)
    assert isinstance(grad(x * x, x, g)[0], np.ndarray)


def test_gradients_are_of_the_inputs_type():
    x, w = leaf(numbers(4, 2)), leaf(numbers(2, 3), np.float32)
    g_x, g_w = grad(ops.sum(x @ w), [x, w])
    assert g_x.dtype == np.float64 and g_w.dtype == np.float32


def test_an_op_without_tensors_returns_an_array():
    assert isinstance(ops.exp(numbers(3)), np.ndarray)
    assert isinstance(ops.exp(Tensor(numbers(3))), Tensor) and not ops.exp(Tensor(numbers(3))).requires_grad


def test_third_order():
    x = leaf([0.3, -0.7])
    y = ops.sum(ops.sin(x) * x)
    for _ in range(2):
        y = ops.sum(grad(y, x, create_graph=True)[0] * x)
    (third,) = grad(y, x)
    # f = x sin x; u = x f'; v = x u' = x f' + x² f''; v' = f' + 3 x f'' + x² f'''
    s, c, v = np.sin(x.data), np.cos(x.data), x.data
    np.testing.assert_allclose(third, (s + v * c) + 3 * v * (2 * c - v * s) + v**2 * (-3 * s - v * c))
    assert_gradients(lambda t: ops.exp(t) * ops.sin(t), numbers(3), order=4)


def test_gradient_penalty_reaches_the_weights():
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=s) for s in ((4, 3), (5, 3), (5,), (1, 5))]

    def penalty(x, w, bias, v):
        (g,) = grad(ops.sum(ops.linear(ops.tanh(ops.linear(x, w, bias)), v)), [x], create_graph=True)
        return ops.mean((ops.sqrt(ops.sum(g * g, dim=1)) - 1) ** 2)

    assert_gradients(penalty, *inputs)


# --- what is computed, and what is kept ------------------------------------------------------------------------


def counting_op():
    """a * b whose vjps count how often they are called."""
    calls = [0, 0]

    def vjp(i):
        def of(g, y, *args):
            calls[i] += 1
            return g * args[1 - i]

        return of

    @op(vjp(0), vjp(1), broadcasts=True)
    def product(a, b):
        return a * b

    return product, calls


def test_a_vjp_that_nobody_needs_is_never_called():
    product, calls = counting_op()
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    grad(ops.sum(product(x, Tensor(w.data))), x)
    assert calls == [1, 0]
    y = ops.sum(product(x, w))
    grad(y, w)
    assert calls == [1, 1]
    grad(y, w, create_graph=True)
    assert calls == [1, 2]
    hidden = product(ops.exp(x), w)  # only the last layer is wanted: nothing before it is visited
    grad(ops.sum(hidden), w)
    assert calls == [1, 3]


def test_a_frozen_network_costs_no_weight_gradients():
    """The generator's step goes through the discriminator, but not to its weights."""
    product, calls = counting_op()
    fake, weight = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    grad(ops.sum(product(ops.exp(fake), weight)), fake)
    assert calls == [1, 0]


def fused_product():
    calls = []

    def run(a, b, scale=1.0):
        return a * b * scale, (a + b,)

    def backward(g, y, saved, need, a, b, scale=1.0):
        calls.append(list(need))
        return [g * b * scale if need[0] else None, g * a * scale if need[1] else None]

    def product(a, b, scale=1.0):
        """a * b * scale."""
        return a * b * scale

    return Fused(run, backward, product, 2), calls


def test_fused_is_told_what_is_needed():
    product, calls = fused_product()
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    grad(ops.sum(product(x, Tensor(w.data))), x)
    grad(ops.sum(product(x, w)), w)
    grad(ops.sum(product(x, w)), [x, w])
    assert calls == [[True, False], [False, True], [True, True]]


@pytest.mark.parametrize("scale", [1.0, -2.0])
def test_fused_agrees_with_its_reference(scale):
    product, _ = fused_product()
    assert_gradients(lambda x, w: product(x, w, scale), numbers(3), numbers(3, seed=2), order=3)


def test_fused_passed_the_same_tensor_twice():
    product, _ = fused_product()
    assert_gradients(lambda x: product(x, x, scale=3.0), numbers(3), order=3)


def test_fused_under_no_grad_and_recorded_gradient():
    product, _ = fused_product()
    x = leaf([1.0, 2.0])
    y = product(x, x)
    with no_grad():
        np.testing.assert_allclose(grad(y, x, np.ones(2), create_graph=True)[0].data, 2 * x.data)


def test_an_op_shows_the_name_words_and_arguments_of_its_textbook_form():
    product, _ = fused_product()
    kernel = op(lambda g, y, x, n: n * g, kernel=lambda *args, **const: 2 * args[0])(lambda x, n=2: x * n)
    assert product.__name__ == "product" and product.__doc__ == "a * b * scale."
    assert repr(product) == "<op product(a, b, scale)>" and repr(kernel) == "<op <lambda>(x, n)>"
    for f, signature in ((product, "(a, b, scale=1.0)"), (kernel, "(x, n=2)"), (Op(lambda u: u), "(u)")):
        assert str(inspect.signature(f)) == signature
    assert isinstance(product(numbers(3), numbers(3)), np.ndarray)


def test_the_kernel_runs_and_the_textbook_form_is_kept():
    calls = []
    doubled = op(lambda g, y, x: 2 * g, kernel=lambda x: calls.append("kernel") or 2 * x)(lambda x: x + x)
    x = leaf([3.0])
    assert grad(doubled(x), x)[0] == 2 and calls == ["kernel"]
    assert doubled.textbook(x).item() == 6 and calls == ["kernel"]


def test_variadic_op():
    total = VariadicOp(lambda *xs, scale=1.0: scale * sum(xs), lambda need, g, y, *xs, scale=1.0: [scale * g] * len(xs))
    assert_gradients(
        lambda x, y, z: total(x, y, z, y, scale=2.0) ** 2, *(numbers(3, seed=s) for s in range(3)), order=2
    )


def test_constants_by_place_by_name_and_by_default():
    scaled = Op(lambda x, n=2.0, m=1.0: x * n + m, lambda g, y, x, n=2.0, m=1.0: g * n)
    x = leaf([1.0])
    for call, value, slope in (
        (lambda: scaled(x), 3, 2),
        (lambda: scaled(x, 5.0), 6, 5),
        (lambda: scaled(x, m=0.0), 2, 2),
        (lambda: scaled(x, n=4.0, m=0.0), 4, 4),
        (lambda: scaled(x, 3.0, 1.0), 4, 3),
    ):
        y = call()
        assert y.data == value and grad(y, x)[0] == slope


def test_optional_argument_may_be_none():
    x, w = leaf(numbers(2, 3)), leaf(numbers(4, 3))
    assert grad(ops.sum(ops.linear(x, w, None)), [w])[0].shape == (4, 3)


# --- no_grad, detach -------------------------------------------------------------------------------------------


def test_no_grad():
    x = leaf([1.0, 2.0])
    with no_grad():
        assert not ops.exp(x).requires_grad
        with no_grad():
            pass
        assert not ops.exp(x).requires_grad
    assert ops.exp(x).requires_grad


def test_no_grad_as_a_decorator():
    @no_grad()
    def f(x, depth=2):
        return f(x, depth - 1) if depth else ops.exp(x)

    x = leaf([1.0, 2.0])
    assert not f(x).requires_grad
    assert ops.exp(x).requires_grad


def test_no_grad_holds_for_its_thread():
    """A thread that samples under no_grad must not change another's gradient: once it gave [2, 2, 2] for [3, 3, 3]."""
    x = leaf([1.0, 1.0, 1.0])
    inside, go_on = threading.Event(), threading.Event()

    def sampler():
        with no_grad():
            inside.set()
            go_on.wait(10)
            recorded.append(ops.exp(x).requires_grad)

    recorded: list = []
    thread = threading.Thread(target=sampler)
    y = x * 2.0
    thread.start()
    inside.wait(10)
    y = ops.sum(y + x)  # while the other is inside
    go_on.set()
    thread.join()
    np.testing.assert_array_equal(grad(y, x)[0], [3, 3, 3])
    assert recorded == [False]


@pytest.mark.parametrize("how", ["decorated", "shared"])
def test_threads_share_a_no_grad(how):
    """A function decorated once, or one object entered by all: no thread ends the block of another."""
    x, quiet, both, wrong = leaf([1.0]), no_grad(), threading.Barrier(2, timeout=10), []

    def inside():
        both.wait()  # both have entered
        wrong.append(ops.exp(x).requires_grad)

    decorated = quiet(inside)

    def sampler(records_before):
        if records_before:
            both.wait()
        else:
            with no_grad():  # entered while the other thread records
                both.wait()
                call()
                wrong.append(ops.exp(x).requires_grad)
            return
        call()
        wrong.append(not ops.exp(x).requires_grad)

    def call():
        if how == "decorated":
            decorated()
        else:
            with quiet:
                inside()

    threads = [threading.Thread(target=sampler, args=(records,)) for records in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == [False] * 4


def test_no_grad_holds_for_its_asyncio_task_and_those_that_it_starts():
    x = leaf([1.0])
    order = []

    async def records():
        await asyncio.sleep(0)
        order.append("records")
        return ops.exp(x).requires_grad

    async def samples():
        with no_grad():
            order.append("inside")
            started = asyncio.create_task(records())
            await asyncio.sleep(0)
            order.append("still inside")
            return ops.exp(x).requires_grad, await started

    async def main():
        return await asyncio.gather(samples(), records(), records())

    assert asyncio.run(main()) == [(False, False), True, True]
    assert order.index("inside") < order.index("records") and is_grad_enabled()


def quiet_generator(x):
    with no_grad():
        yield ops.exp(x).requires_grad
        yield ops.exp(x).requires_grad


@no_grad()
def decorated_generator(x):
    """Yield, take what is sent, end with a value."""
    sent = yield ops.exp(x).requires_grad
    try:
        yield ops.exp(x).requires_grad, sent
    except KeyError:
        yield ops.exp(x).requires_grad
    return "end"


def test_a_generator_that_yields_inside_no_grad_leaves_its_caller_as_it_is():
    x = leaf([1.0])
    first, second = quiet_generator(x), quiet_generator(x)
    assert not next(first) and is_grad_enabled()
    assert not next(second) and is_grad_enabled() and ops.exp(x).requires_grad
    with no_grad():
        assert not next(first)
        assert list(first) == [] and not is_grad_enabled()  # its block ends inside the caller's: the caller's holds
    assert is_grad_enabled()
    second.close()
    assert is_grad_enabled()
    with no_grad():
        third = quiet_generator(x)
        next(third)
    assert is_grad_enabled()  # the caller's block ends before the generator's
    del third
    assert is_grad_enabled()


def test_a_decorated_generator():
    x = leaf([1.0])
    generator = decorated_generator(x)
    assert next(generator) is False and is_grad_enabled()
    assert generator.send(5) == (False, 5) and is_grad_enabled()
    assert generator.throw(KeyError()) is False and is_grad_enabled()
    with pytest.raises(StopIteration, match="end"):
        next(generator)
    assert is_grad_enabled() and decorated_generator.__name__ == "decorated_generator"


def test_a_context_manager_made_of_a_generator_acts_on_its_caller():
    x = leaf([1.0])

    @contextmanager
    def evaluating():
        with no_grad():
            yield

    with evaluating():
        assert not ops.exp(x).requires_grad
    assert ops.exp(x).requires_grad


def test_coroutines_and_asynchronous_generators():
    x = leaf([1.0])

    @no_grad()
    async def decorated():
        await asyncio.sleep(0)
        return ops.exp(x).requires_grad

    async def generator():
        with no_grad():
            yield ops.exp(x).requires_grad
            await asyncio.sleep(0)
            yield ops.exp(x).requires_grad

    async def main():
        found = [await decorated(), is_grad_enabled()]
        async for inside in generator():
            found += [inside, is_grad_enabled()]
        return found

    assert asyncio.run(main()) == [False, True, False, True, False, True]
    with pytest.raises(TypeError, match="generator is an async generator; write `with no_grad"):
        no_grad()(generator)


def test_no_grad_ends_with_an_exception():
    x = leaf([1.0, 2.0])
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert ops.exp(x).requires_grad


def test_detach_shares_data_without_history():
    x = leaf([1.0, 2.0])
    d = ops.exp(x).detach()
    assert not d.requires_grad and d.op is None
    np.testing.assert_allclose(grad(ops.sum(ops.exp(x) * d), x)[0], np.exp(2 * x.data))


def test_requires_grad_can_be_switched():
    x = Tensor(numbers(2))
    assert not ops.exp(x).requires_grad
    assert ops.exp(x.requires_grad_()).requires_grad
    assert not ops.exp(x.requires_grad_(False)).requires_grad


# --- size ------------------------------------------------------------------------------------------------------


def test_chain_of_100_000_ops():
    """Forward, gradient, recorded gradient and destruction, none of them by recursion."""
    x = leaf(1.0)
    y = x
    for _ in range(100_000):
        y = y + 1e-5
    assert y.item() == pytest.approx(2.0) and grad(y, x)[0] == 1
    (recorded,) = grad(y * y, x, create_graph=True)
    assert recorded.item() == pytest.approx(4.0)
    watched = weakref.ref(y)
    del y, recorded
    gc.collect()
    assert watched() is None


def test_history_goes_with_its_last_tensor():
    """No cycles: a graph is freed at once, not when the collector happens to run."""
    x = leaf([1.0, 2.0])
    gc.disable()
    try:
        h = ops.exp(x)
        y = ops.sum(h * h)
        watched = weakref.ref(h)
        grad(y, x)
        del h, y
        assert watched() is None
    finally:
        gc.enable()


def test_memory_is_flat_over_many_steps():
    rng = np.random.default_rng(0)
    w, x = Tensor(rng.normal(size=(20, 20)), requires_grad=True), rng.normal(size=(8, 20))

    def step():
        y = ops.sum(ops.tanh(x @ w) ** 2)
        (g,) = grad(y, w, create_graph=True)
        w.data = w.data - 1e-3 * grad(y + ops.sum(g * g), w)[0]

    for _ in range(20):
        step()
    gc.collect()
    tracemalloc.start()
    for _ in range(20):
        step()
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(300):
        step()
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 20_000  # a leaked array of one step would be 300 x 3,200 bytes


# --- a changed leaf --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("how", ["replaced", "in place"])
def test_a_leaf_changed_since_the_forward_pass(how, recorded):
    w = leaf([1.0, 2.0])
    y = ops.sum(ops.exp(w) * w)
    if how == "replaced":
        w.data = w.data + 1.0
    else:
        w.data -= 0.5
    with pytest.raises(RuntimeError, match=r"leaf of shape \(2,\) was changed after .*(exp|mul).* used it"):
        grad(y, w, create_graph=recorded)
    again = ops.sum(ops.exp(w) * w)
    np.testing.assert_allclose(raw(grad(again, w, create_graph=recorded)[0]), np.exp(w.data) * (1 + w.data))


def test_other_leaves_may_change():
    """The discriminator's update does not spoil a graph that does not contain it."""
    w, other = leaf([1.0, 2.0]), leaf([1.0])
    y = ops.sum(ops.exp(w))
    other.data = other.data + 1.0
    np.testing.assert_allclose(grad(y, w)[0], np.exp(w.data))


# --- gradients in pieces -----------------------------------------------------------------------------------------


def in_pieces(x):
    picked = x[0] * 2 + x[1] * x[-1] + (x * x)[2] + x[np.array([1, 1, 3])].sum(0) + x.sum(0) + x[:, 0][:3]
    return ((picked + 3 * x[2:5].sum(0) + x[x.data > 0].sum()) ** 2).sum() + (x[1:] * x[:-1]).sum()


@pytest.mark.parametrize("of_a_leaf", [True, False])
def test_pieces_of_a_gradient_add_up(of_a_leaf):
    x = leaf(numbers(6, 3) - 1)
    asked = [x] if of_a_leaf else [x * 1.5, x]  # what is no leaf is put together on the way
    whole = grad(in_pieces(asked[0]), asked, create_graph=True)  # recorded: one array for each piece
    for found, wanted in zip(grad(in_pieces(asked[0]), asked), whole, strict=True):
        np.testing.assert_allclose(found, wanted.data, rtol=1e-10)
    assert_gradients(in_pieces, x.data)


@pytest.mark.parametrize("array_first", [True, False])
def test_a_piece_is_added_to_a_whole_gradient_and_a_whole_one_to_a_piece(array_first):
    x = leaf(numbers(4, 3))
    parts = (x[1] ** 2).sum(), (x**3).sum()  # the last computed gives its gradient first
    if not array_first:
        parts = (x**3).sum(), (x[1] ** 2).sum()
    expected = 3 * x.data**2
    expected[1] += 2 * x.data[1]
    np.testing.assert_allclose(grad(parts[0] + parts[1], x)[0], expected)


def test_slices_of_one_array_share_its_gradient(monkeypatch):
    made = []
    forward = shapes._unindex.forward
    monkeypatch.setattr(shapes._unindex, "forward", lambda *a, **k: made.append(1) or forward(*a, **k))
    x = leaf(np.ones((50, 2)))
    (found,) = grad(sum((t + 1) * x[t] for t in range(50)).sum(), [x])
    assert len(made) == 1 and np.array_equal(found[:, 0], np.arange(1, 51))


def test_a_gradient_is_let_go_of_once_it_was_used():
    """A chain of 40 products of 0.8 MB: on the way back two or three gradients are held, not forty."""
    x, c = leaf(np.ones(100_000)), np.ones(100_000)
    y = x
    for _ in range(40):
        y = y * c
    tracemalloc.start()
    grad(y, x, c)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * c.nbytes


def calls_of(function):
    """How many functions, Python's and C's, are called meanwhile."""
    count = 0

    def watch(frame, event, arg):
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()  # what it would call is not the function's doing
    sys.setprofile(watch)
    try:
        function()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


@pytest.mark.parametrize("dtype, calls", [(np.float32, 29), (np.float64, 31)])  # float64 asks where it comes from
def test_a_node_costs_so_many_calls_however_long_the_chain(dtype, calls):
    """Forward and backward of a product, the arithmetic included."""
    x, g = leaf(np.ones((4, 4)), dtype), np.ones((4, 4), dtype)

    def chain(length):
        y = x
        for _ in range(length):
            y = y * x
        grad(y, x, g)

    few, more, most = (calls_of(lambda n=n: chain(n)) for n in (100, 200, 400))
    assert most - more == 2 * (more - few)
    assert (more - few) / 100 <= calls

"""Recurrent ops: against loops in plain NumPy, and each fast path against its textbook form at orders 0, 1 and 2.

Lengths go beyond two blocks of the backward pass (BLOCK steps), so that what is carried from block to block is seen.
"""

import numpy as np
import pytest

from tinygan import Tensor, grad, ops
from tinygan.gradcheck import assert_gradients
from tinygan.ops.kernels import lstm as kernels
from tinygan.ops.kernels.lstm import BLOCK
from tinygan.ops.recurrent import lstm_cell_packed, lstm_writing

T, N, I, H, X = 2 * BLOCK + 3, 3, 2, 4, 5
LENGTHS = np.array([T, BLOCK + 1, 0])


def rand(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def weights(gates, inputs=I):
    """weight_ih, weight_hh, bias_ih, bias_hh, of a size that leaves the gates unsaturated."""
    shapes = (gates * H, inputs), (gates * H, H), (gates * H,), (gates * H,)
    return [0.7 * rand(*shape, seed=k) for k, shape in enumerate(shapes)]


LSTM = [rand(T, N, I), rand(N, H, seed=1), rand(N, H, seed=2), *weights(4)]
GRU = [rand(T, N, I), rand(N, H, seed=1), *weights(3)]
CELL = [rand(N, I), *LSTM[1:]]
WRITING = [rand(T, N, I), rand(N, X), *LSTM[1:3], *weights(4, X + I), rand(X, H), rand(X)]


def without(arguments, *places):
    return [None if k in places else a for k, a in enumerate(arguments)]


CASES = {
    "lstm": (ops.lstm, LSTM, {}),
    "lstm-zeros": (ops.lstm, without(LSTM, 1, 2, 5, 6), {}),
    "lstm-one-bias": (ops.lstm, without(LSTM, 6), {}),
    "lstm-lengths": (ops.lstm, LSTM, {"lengths": LENGTHS}),
    "lstm-one-step": (ops.lstm, [LSTM[0][:1], *LSTM[1:]], {}),
    "lstm-one-block": (ops.lstm, [LSTM[0][:BLOCK], *LSTM[1:]], {}),
    "lstm_cell": (lstm_cell_packed, CELL, {}),
    "lstm_cell-zeros": (lstm_cell_packed, without(CELL, 5, 6), {}),
    "gru": (ops.gru, GRU, {}),
    "gru-zeros": (ops.gru, without(GRU, 1, 4, 5), {}),
    "gru-one-bias": (ops.gru, without(GRU, 4), {}),
    "gru-lengths": (ops.gru, GRU, {"lengths": LENGTHS}),
    "gru-one-step": (ops.gru, [GRU[0][:1], *GRU[1:]], {}),
    "gru_cell": (ops.gru_cell, [rand(N, I), *GRU[1:]], {}),
    "gru_cell-zeros": (ops.gru_cell, [rand(N, I), *without(GRU[1:], 3, 4)], {}),
    "feedback-sigmoid": (lstm_writing, WRITING, {"activation": "sigmoid"}),
    "feedback-tanh": (lstm_writing, WRITING, {"activation": "tanh"}),
    "feedback-none": (lstm_writing, WRITING, {"activation": "none"}),
    "feedback-zeros": (lstm_writing, without(WRITING, 1, 2, 3, 6, 7, 9), {}),
    "feedback-no-noise": (lstm_writing, [rand(T, N, 0), *WRITING[1:4], *weights(4, X), *WRITING[8:]], {}),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def as_parameters(arguments):
    """Tensors that require gradients in the place of arrays, and a list of them."""
    tensors = [a if a is None else Tensor(a, requires_grad=True) for a in arguments]
    return tensors, [t for t in tensors if t is not None]


def close(a, b, tolerance=1e-10):
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# --- the fast path equals the textbook -------------------------------------------------------------------------


@every_case
def test_the_kernel_equals_the_textbook_at_orders_0_1_2(case):
    f, arguments, const = case
    tensors, leaves = as_parameters(arguments)
    fast, slow = f(*tensors, **const), f.textbook(*tensors, **const)
    close(fast.data, slow.data)
    g = rand(*fast.shape, seed=5)
    for a, b in zip(grad(fast, leaves, g), grad(slow, leaves, g)):
        close(a, b)
    g = Tensor(g, requires_grad=True)
    first = [grad(y, leaves, g, create_graph=True) for y in (fast, slow)]
    directions = [rand(*a.shape, seed=6) for a in first[0]]
    second = [grad(list(gradients), [*leaves, g], directions) for gradients in first]
    for a, b in zip(*second):
        close(a, b)


@every_case
def test_any_subset_of_gradients_is_the_same_numbers(case):
    f, arguments, const = case
    g = rand(*f(*arguments, **const).shape, seed=5)
    tensors, leaves = as_parameters(arguments)
    expected = iter(grad(f(*tensors, **const), leaves, g))
    for place, a in enumerate(arguments):
        if a is not None:
            alone = Tensor(a, requires_grad=True)
            y = f(*arguments[:place], alone, *arguments[place + 1 :], **const)
            close(grad(y, alone, g)[0], next(expected))


@every_case
def test_float32_stays_float32_and_arrays_stay_arrays(case):
    f, arguments, const = case
    arguments = [None if a is None else a.astype(np.float32) for a in arguments]
    y = f(*arguments, **const)
    assert type(y) is np.ndarray and y.dtype == np.float32
    tensors, leaves = as_parameters(arguments)
    gradients = grad(f(*tensors, **const), leaves, rand(*y.shape).astype(np.float32))
    assert all(a.dtype == np.float32 and a.shape == leaf.shape for a, leaf in zip(gradients, leaves))
    wide = f(*[None if a is None else a.astype(np.float64) for a in arguments], **const)
    np.testing.assert_allclose(y, wide, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, (_, arguments, _) in CASES.items() if arguments[0].ndim == 3])
def test_a_batch_split_over_threads_gives_the_same(name, use_threads):
    f, arguments, const = CASES[name]
    tensors, leaves = as_parameters(arguments)
    whole = f(*tensors, **const)
    g = rand(*whole.shape, seed=5)
    expected = [whole.data, *grad(whole, leaves, g)]
    for n in (2, 3):
        use_threads(n)
        y = f(*tensors, **const)
        assert len(y.saved) == n  # a part for each thread
        results = [y.data, *grad(y, leaves, g)]
        for a, b, again in zip(results, expected, [f(*tensors, **const).data, *grad(y, leaves, g)], strict=True):
            close(a, b)
            np.testing.assert_array_equal(a, again)  # to the last bit, whoever comes first
    for a, b in zip(grad(whole, leaves, g), expected[1:]):  # computed as one, its gradients are taken as one
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("f", "gates", "states"), [(ops.lstm, 4, 2), (ops.gru, 3, 1)])
def test_products_cut_into_parts_give_the_same(f, gates, states, monkeypatch):
    size, n = 96, 64  # an LSTM's (384, 99) @ (99, 64), 2.4 million multiplications: four parts
    shapes = (3, n, I), *[(n, size)] * states, (gates * size, I), (gates * size, size), *[(gates * size,)] * 2
    tensors, leaves = as_parameters([0.1 * rand(*shape, seed=k) for k, shape in enumerate(shapes)])
    results = []
    for in_parts in (False, True):
        monkeypatch.setattr(kernels, "_multiplies_small_straight", lambda in_parts=in_parts: in_parts)
        assert kernels.in_parts(rand(4 * size, I + 1 + size), n).shape == ((4, 96, 99) if in_parts else (384, 99))
        y = f(*tensors)
        results.append([y.data, *grad(y, leaves, rand(*y.shape))])
    for whole, cut in zip(*results, strict=True):
        close(whole, cut)


def test_arrays_begin_at_a_line_of_the_cache():
    for shape in ((3,), (5, 7, 2), (1, 16)):
        a = kernels.aligned(shape, np.zeros(1, np.float32))
        assert (a.shape, a.dtype, a.ctypes.data % 64, a.flags.c_contiguous) == (shape, np.float32, 0, True)


@pytest.mark.parametrize("name", ["lstm", "gru", "feedback-sigmoid"])
def test_memory_order_of_input_and_gradient_does_not_matter(name):
    f, arguments, const = CASES[name]
    feature_major = np.ascontiguousarray(arguments[0].transpose(0, 2, 1)).transpose(0, 2, 1)
    batch_first = np.ascontiguousarray(arguments[0].transpose(1, 0, 2)).transpose(1, 0, 2)
    tensors, leaves = as_parameters(arguments)
    y = f(*tensors, **const)
    g = rand(*y.shape)
    expected = grad(y, leaves, g)
    for x in (feature_major, batch_first, np.repeat(arguments[0], 2, axis=0)[::2]):
        tensors, leaves = as_parameters([x, *arguments[1:]])
        y = f(*tensors, **const)
        for order in ((0, 2, 1), (1, 0, 2)):
            laid_out = np.ascontiguousarray(g.transpose(order)).transpose(order)
            for a, b in zip(grad(y, leaves, laid_out), expected):
                close(a, b)


def test_mixed_precision_follows_numpy():
    f, arguments, const = CASES["lstm"]
    narrow = [a.astype(np.float32) for a in arguments]
    tensors, leaves = as_parameters([arguments[0], *narrow[1:]])
    y = f(*tensors, **const)
    assert y.dtype == np.float64
    assert [a.dtype for a in grad(y, leaves, rand(*y.shape))] == [leaf.dtype for leaf in leaves]


@pytest.mark.parametrize("name", ["lstm", "gru", "lstm_cell", "gru_cell", "feedback-tanh"])
def test_an_empty_batch_gives_zero_gradients(name):
    f, arguments, const = CASES[name]
    per_sample = {"lstm": 3, "gru": 2, "lstm_cell": 3, "gru_cell": 2, "feedback-tanh": 4}[name]
    empty = [a[:, :0] if a.ndim == 3 else a[:0] for a in arguments[:per_sample]]
    tensors, leaves = as_parameters([*empty, *arguments[per_sample:]])
    y = f(*tensors, **const)
    assert all(a.shape == leaf.shape and not a.any() for a, leaf in zip(grad(y, leaves, np.zeros(y.shape)), leaves))


def test_two_gradients_of_one_graph_are_equal():
    tensors, leaves = as_parameters(LSTM)
    y = ops.lstm(*tensors)
    g = rand(*y.shape)
    for a, b in zip(grad(y, leaves, g), grad(y, leaves, g)):
        assert np.array_equal(a, b)


# --- against loops that share no code --------------------------------------------------------------------------


def sigma(a):
    return 1 / (1 + np.exp(-a))


def naive_lstm_step(x, h, c, w_ih, w_hh, b_ih, b_hh):
    """One sample, one unit at a time."""
    new_h, new_c = np.empty_like(h), np.empty_like(c)
    for k in range(len(h)):
        i, f, g, o = (
            b_ih[r] + b_hh[r] + sum(w_ih[r] * x) + sum(w_hh[r] * h) for r in (k + gate * len(h) for gate in range(4))
        )
        new_c[k] = sigma(f) * c[k] + sigma(i) * np.tanh(g)
        new_h[k] = sigma(o) * np.tanh(new_c[k])
    return new_h, new_c


def naive_gru_step(x, h, w_ih, w_hh, b_ih, b_hh):
    new_h, size = np.empty_like(h), len(h)
    for k in range(size):
        r, z, n = k, k + size, k + 2 * size
        reset = sigma(b_ih[r] + sum(w_ih[r] * x) + b_hh[r] + sum(w_hh[r] * h))
        update = sigma(b_ih[z] + sum(w_ih[z] * x) + b_hh[z] + sum(w_hh[z] * h))
        new = np.tanh(b_ih[n] + sum(w_ih[n] * x) + reset * (b_hh[n] + sum(w_hh[n] * h)))
        new_h[k] = (1 - update) * new + update * h[k]
    return new_h


def test_lstm_is_the_loop_over_samples_steps_and_units():
    y = ops.lstm(*LSTM)
    input, h0, c0, *w = LSTM
    for n in range(N):
        h, c = h0[n], c0[n]
        for t in range(T):
            h, c = naive_lstm_step(input[t, n], h, c, *w)
            close(y[t, n], h)
        close(y[T, n], c)


def test_gru_is_the_loop_over_samples_steps_and_units():
    y = ops.gru(*GRU)
    input, h0, *w = GRU
    for n in range(N):
        h = h0[n]
        for t in range(T):
            h = naive_gru_step(input[t, n], h, *w)
            close(y[t, n], h)


def test_feedback_is_cells_that_read_what_was_written():
    noise, x, h, c, w_ih, w_hh, b_ih, b_hh, w_out, b_out = WRITING
    rows, hidden = ops.lstm_feedback(*WRITING, return_hidden=True)
    assert rows.shape == (T, N, X) and hidden.shape == (T, N, H)
    assert np.array_equal(rows, ops.lstm_feedback(*WRITING))
    for t in range(T):
        h, c = ops.lstm_cell(np.concatenate([x, noise[t]], 1), h, c, w_ih, w_hh, b_ih, b_hh)
        x = sigma(h @ w_out.T + b_out)
        close(hidden[t], h)
        close(rows[t], x)


@pytest.mark.parametrize("name", ["lstm-zeros", "gru-zeros", "lstm_cell", "gru_cell"])
def test_gradients_by_finite_differences(name):
    f, arguments, const = CASES[name]
    if arguments[0].ndim == 3:
        arguments = [arguments[0][: BLOCK + 2], *arguments[1:]]
    assert_gradients(lambda *a: f(*a, **const), *arguments, samples=20)


def test_feedback_gradients_by_finite_differences_to_order_2():
    assert_gradients(ops.lstm_feedback, WRITING[0][:3], *WRITING[1:], order=2, samples=6)


# --- what they promise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("f, arguments", [(ops.lstm, LSTM), (ops.gru, GRU)], ids=["lstm", "gru"])
def test_a_sequence_that_is_over_keeps_its_state_and_ignores_the_padding(f, arguments):
    h0 = arguments[1]
    y = f(*arguments, lengths=LENGTHS)
    for n, length in enumerate(LENGTHS):
        alone = [arguments[0][: max(length, 1), n : n + 1], *(s[n : n + 1] for s in arguments[1:-4]), *arguments[-4:]]
        last = f(*alone)[max(length, 1) - 1, 0] if length else h0[n]
        assert all(np.array_equal(y[t, n], y[T - 1, n]) for t in range(max(length, 1) - 1, T))  # to the last bit
        close(y[T - 1, n], last)
    padded = arguments[0].copy()
    padded[LENGTHS[1] :, 1] = 1e3
    assert np.array_equal(f(padded, *arguments[1:], lengths=LENGTHS), y)


def test_packed_lstm_is_hidden_states_and_then_the_cell_state():
    y = ops.lstm(*LSTM)
    assert y.shape == (T + 1, N, H)
    half = ops.lstm(LSTM[0][:9], *LSTM[1:])
    rest = ops.lstm(LSTM[0][9:], half[8], half[9], *LSTM[3:])
    close(np.concatenate([half[:9], rest]), y)


def test_saturated_gates_give_no_warning_and_finite_gradients():
    big = [a * 1e4 for a in LSTM]
    tensors, leaves = as_parameters([a.astype(np.float32) for a in big])
    y = ops.lstm(*tensors)
    assert np.isfinite(y.data).all()
    assert all(np.isfinite(a).all() for a in grad(y, leaves, np.ones(y.shape, np.float32)))


def test_bias_gradients_do_not_share_memory():
    """A clipping optimiser scales gradients in place; the two biases' are equal, but must be two arrays."""
    for f, arguments in ((ops.lstm, LSTM), (ops.gru, GRU), (lstm_cell_packed, CELL)):
        tensors, leaves = as_parameters(arguments)
        y = f(*tensors)
        *_, b_ih, b_hh = grad(y, leaves, rand(*y.shape))
        assert not np.shares_memory(b_ih, b_hh)


BAD = {
    "lstm: input": (ops.lstm, 0, rand(N, I), r"lstm: input has shape \(3, 2\), it must be \(T, N, I\)"),
    "lstm: no steps": (ops.lstm, 0, rand(0, N, I), "T > 0"),
    "lstm: h0": (ops.lstm, 1, rand(N, H + 1), r"lstm: an initial state has shape \(3, 5\).*must be \(3, 4\)"),
    "lstm: weight_ih": (ops.lstm, 3, rand(4 * H, I + 1), r"lstm: weight_ih .*must be \(16, 2\)"),
    "lstm: weight_hh": (ops.lstm, 4, rand(3 * H, H), r"lstm: weight_hh .*must be \(16, 4\)"),
    "lstm: bias": (ops.lstm, 5, rand(H), r"lstm: a bias has shape \(4,\).*must be \(16,\)"),
    "gru: weight_hh": (ops.gru, 3, rand(4 * H, H), r"gru: weight_hh .*must be \(12, 4\)"),
    "lstm_cell: c": (ops.lstm_cell, 2, rand(N + 1, H), r"lstm_cell: an initial state"),
    "gru_cell: weight_ih": (ops.gru_cell, 2, rand(3 * H, 7), r"gru_cell: weight_ih"),
    "feedback: weight_ih": (ops.lstm_feedback, 4, rand(4 * H, I), r"lstm_feedback: weight_ih .*must be \(16, 7\)"),
    "feedback: x0": (ops.lstm_feedback, 1, rand(N, X + 1), r"lstm_feedback: x0 .*must be \(3, 5\)"),
    "feedback: weight_out": (ops.lstm_feedback, 8, rand(X, H + 1), r"lstm_feedback: weight_out .*must be \(5, 4\)"),
}


@pytest.mark.parametrize("f, place, wrong, message", BAD.values(), ids=BAD)
def test_errors_name_the_op_the_shapes_and_the_rule(f, place, wrong, message):
    arguments = {ops.lstm: LSTM, ops.gru: GRU, ops.lstm_cell: CELL, ops.lstm_feedback: WRITING}
    right = arguments.get(f, [rand(N, I), *GRU[1:]])
    with pytest.raises(ValueError, match=message):
        f(*right[:place], wrong, *right[place + 1 :])


def test_errors_of_lengths_and_activation():
    with pytest.raises(ValueError, match=r"lengths has shape \(2,\).*must be \(3,\)"):
        ops.lstm(*LSTM, lengths=np.array([1, 2]))
    with pytest.raises(ValueError, match="activation is 'sigmoid', 'tanh' or 'none', not 'relu'"):
        ops.lstm_feedback(*WRITING, activation="relu")

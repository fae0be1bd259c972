"""The LSTM that writes digits: every row it writes is the input of its next step.

`lstm_feedback` is the function to call and `lstm_writing` its textbook form. The fast path is that of `recurrent.py`, whose
steps hold [z; 1; h; x]: the noise given, the state, and the row written, which is what the next product reads.
"""

from tinygan.autodiff import Fused
from tinygan.backend import xp
from tinygan.ops.elementwise import sigmoid, tanh
from tinygan.ops.linalg import linear
from tinygan.ops.recurrent import (
    aligned,
    backward,
    check_shapes,
    chosen,
    forward,
    initial,
    last_gate_first,
    lstm_step,
    over_batch,
    stacked,
    swap,
    taken_apart,
)  # fmt: skip
from tinygan.ops.shape import cat, stack

__all__ = ["lstm_feedback"]

_ACTIVATIONS = {"sigmoid": sigmoid, "tanh": tanh, "none": lambda a: a}


def lstm_feedback(
    noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out,
    activation="sigmoid", return_hidden=False,
):  # fmt: skip
    """Rows written one after another by an LSTM that reads the row it wrote last: noise (T, N, Z) -> rows (T, N, X).

    h_t, c_t = lstm_step([x_{t-1}, z_t], h_{t-1}, c_{t-1})        x_t = activation(W_out h_t + b_out)

    x0 (N, X), h0 and c0 (N, H) may be None, for zeros; weight_ih (4H, X + Z), weight_hh (4H, H), weight_out (X, H), biases
    (4H,), (4H,) and (X,) or None; activation: "sigmoid", "tanh" or "none". return_hidden: (rows, hidden states (T, N, H)).
    """
    states_and_rows = lstm_writing(
        noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation=activation
    )
    size = weight_hh.shape[1]
    rows = states_and_rows[:, :, size:]
    return (rows, states_and_rows[:, :, :size]) if return_hidden else rows


def lstm_writing(noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation="sigmoid"):
    """What `lstm_feedback` computes, hidden states and written rows side by side: [h_t, x_t], (T, N, H + X)."""
    h, c, x = (initial(s, noise, len(w)) for s, w in ((h0, weight_hh.mT), (c0, weight_hh.mT), (x0, weight_out)))
    rows = []
    for t in range(noise.shape[0]):
        h, c = lstm_step(cat([x, noise[t]], 1), h, c, weight_ih, weight_hh, bias_ih, bias_hh)
        x = _ACTIVATIONS[activation](linear(h, weight_out, bias_out))
        rows.append(cat([h, x], 1))
    return stack(rows)


class _Writer:
    """x = activation(W_out h + b_out) as one product on [1; h], and the way back."""

    def __init__(self, weight_out, bias_out, activation, dtype):
        library = xp(weight_out)
        bias = library.zeros(len(weight_out), dtype) if bias_out is None else bias_out
        self.activation, self.weight = activation, weight_out.astype(dtype, copy=False)
        self.stacked = library.concatenate((bias[:, None], weight_out), axis=1).astype(dtype, copy=False)  # (X, 1 + H)
        if activation == "sigmoid":
            self.stacked *= 0.5  # σ(a) = tanh(a / 2) / 2 + 1 / 2
        self.d_stacked = 0

    def write(self, one_and_h, out):
        library = xp(out)
        library.matmul(self.stacked, one_and_h, out=out)
        if self.activation != "none":
            library.tanh(out, out=out)
        if self.activation == "sigmoid":
            out *= 0.5
            out += 0.5

    def back(self, dx, dh, one_and_h, x):
        """Adds to dh, and to the gradient of the weights, what dx, the gradient to the written x, brings."""
        slope = x * (1 - x) if self.activation == "sigmoid" else 1 - x * x if self.activation == "tanh" else 1
        da = dx * slope
        dh += self.weight.T @ da
        self.d_stacked = self.d_stacked + da @ one_and_h.T


def _run(
    noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation="sigmoid"
):  # fmt: skip
    (length, n, given), (rows, size) = noise.shape, weight_out.shape
    dtype = xp(noise).result_type(noise, weight_hh)
    weights = stacked(dtype, bias_ih, bias_hh, weight_ih[:, rows:], weight_hh, weight_ih[:, :rows])
    steps = aligned((length + 1, weights.shape[2], n), weights)
    steps[:length, :given] = swap(noise)
    steps[:, given] = 1  # of the last as well: the last row is written from [1; h]
    steps[0, given + 1 : given + 1 + size] = 0 if h0 is None else h0.T
    steps[0, given + 1 + size :] = 0 if x0 is None else x0.T
    saved = forward(steps, given, weights, c0, writer=_Writer(weight_out, bias_out, activation, dtype))
    return swap(steps[1:, given + 1 :]), (steps, *saved)


def _backward(
    g, y, saved, need, noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out,
    activation="sigmoid",
):  # fmt: skip
    library, given, (rows, size) = xp(noise), noise.shape[2], weight_out.shape
    w_noise, w_state = weight_ih[:, rows:], library.concatenate((weight_hh, weight_ih[:, :rows]), axis=1)
    back = last_gate_first(w_noise, 4, y.dtype).T, last_gate_first(w_state, 4, y.dtype).T
    writer = _Writer(weight_out, bias_out, activation, y.dtype)
    dc = library.zeros((size, y.shape[1]), y.dtype)
    d_noise, d_state, dc, d_weights = backward(swap(g), dc, saved, given, back, need[0], any(need[4:8]), writer=writer)
    d_ih, d_hh, *d_biases = taken_apart(d_weights, given)
    if d_weights is not None:
        d_ih, d_hh = library.concatenate((d_hh[:, size:], d_ih), axis=1), d_hh[:, :size]  # the columns [x; z], and h
    d_out = writer.d_stacked
    d_state = d_state[size:].T, d_state[:size].T  # x0, h0
    return chosen(need, [swap(d_noise), *d_state, dc.T, d_ih, d_hh, *d_biases, d_out[:, 1:], d_out[:, 0]])


def _check(noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation="sigmoid"):
    rows, size = weight_out.shape
    check_shapes("lstm_feedback", 4, noise, weight_ih, weight_hh, (h0, c0), (bias_ih, bias_hh), written=rows)
    others = [("weight_out", weight_out, (rows, weight_hh.shape[1])), ("bias_out", bias_out, (rows,))]
    for what, array, shape in [*others, ("x0", x0, (noise.shape[1], rows))]:
        if array is not None and array.shape != shape:
            raise ValueError(
                f"lstm_feedback: {what} has shape {array.shape}, it must be {shape}: rows of X = {rows} numbers, as"
                f" weight_out {weight_out.shape} says, are written from a state of H = {weight_hh.shape[1]}"
            )
    if activation not in _ACTIVATIONS:
        raise ValueError(f"lstm_feedback: activation is 'sigmoid', 'tanh' or 'none', not {activation!r}")


lstm_writing = Fused(*over_batch(_run, _backward, (1, 0, 0, 0) + (None,) * 6, _check), lstm_writing, arity=10)

"""The fast path of an LSTM that reads what it writes: for the textbook form, see `ops/recurrent.py`.

It is that of `lstm.py`. Each step holds [z; 1; h; x]: the noise, a 1 for the bias, the state, and the row that was written,
so that the next product reads it in place.
"""

from typing import Any

from tinygan.backend import is_numpy, xp
from tinygan.ops.kernels import cuda
from tinygan.ops.kernels.elementwise import squash
from tinygan.ops.kernels.lstm import (
    aligned,
    check_shapes,
    keep_needed,
    last_gate_first,
    over_batch,
    run_steps,
    split_weights,
    stack_weights,
    steps_backward,
    swap,
)


class _Writer:
    """Writes x = activation(W_out h + b_out) as one product on [1; h], and takes gradients back through it."""

    def __init__(self, weight_out, bias_out, activation, dtype):
        library = xp(weight_out)
        bias = library.zeros(len(weight_out), dtype) if bias_out is None else bias_out
        self.activation, self.weight = activation, weight_out.astype(dtype, copy=False)
        self.weights = library.concatenate((bias[:, None], weight_out), axis=1).astype(dtype, copy=False)  # (X, 1 + H)
        if activation == "sigmoid":
            self.weights *= -1  # the product gives -a, which `squash` takes
        self.d_weights: Any = 0

    def write(self, one_and_h, out):
        """Write x (X, N) to out."""
        library = xp(out)
        library.matmul(self.weights, one_and_h, out=out)
        if self.activation == "tanh":
            library.tanh(out, out=out)
        elif self.activation == "sigmoid":
            squash(out)

    def through(self, dx, x):
        """Return the gradient to what the activation was taken of."""
        if self.activation == "none":
            return dx
        if not is_numpy(x):
            da = xp(x).empty_like(dx)
            cuda.launch(f"{self.activation}_back", dx, x, da)
            return da
        return dx * (x * (1 - x) if self.activation == "sigmoid" else 1 - x * x)

    def back(self, dx, dh, one_and_h, x):
        """Add to dh and to the gradient of the weights what dx, the gradient to the written x, contributes."""
        da = self.through(dx, x)
        dh += self.weight.T @ da
        self.d_weights = self.d_weights + da @ one_and_h.T


def _run(
    noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation="sigmoid"
):  # fmt: skip
    (length, n, inputs), (rows, size) = noise.shape, weight_out.shape
    dtype = xp(noise).result_type(noise, weight_hh)
    weights = stack_weights(dtype, bias_ih, bias_hh, weight_ih[:, rows:], weight_hh, weight_ih[:, :rows])
    steps = aligned((length + 1, weights.shape[2], n), weights)
    steps[:length, :inputs] = swap(noise)
    steps[:, inputs] = 1  # of the last as well: the last row is written from [1; h]
    steps[0, inputs + 1 : inputs + 1 + size] = 0 if h0 is None else h0.T
    steps[0, inputs + 1 + size :] = 0 if x0 is None else x0.T
    saved = run_steps(steps, inputs, weights, c0, writer=_Writer(weight_out, bias_out, activation, dtype))
    return swap(steps[1:, inputs + 1 :]), (steps, *saved)


def _backward(
    g, y, saved, need, noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out,
    activation="sigmoid",
):  # fmt: skip
    library, inputs, (rows, size) = xp(noise), noise.shape[2], weight_out.shape
    w_noise, w_state = weight_ih[:, rows:], library.concatenate((weight_hh, weight_ih[:, :rows]), axis=1)
    back = last_gate_first(w_noise, 4, y.dtype).T, last_gate_first(w_state, 4, y.dtype).T
    writer = _Writer(weight_out, bias_out, activation, y.dtype)
    dc = library.zeros((size, y.shape[1]), y.dtype)
    d_noise, d_state, dc, d_weights = steps_backward(swap(g), dc, saved, inputs, back, need[0], any(need[4:8]), writer=writer)
    d_ih, d_hh, *d_biases = split_weights(d_weights, inputs)
    if d_weights is not None:
        d_ih, d_hh = library.concatenate((d_hh[:, size:], d_ih), axis=1), d_hh[:, :size]  # the columns [x; z], and h
    d_out = writer.d_weights
    d_state = d_state[size:].T, d_state[:size].T  # x0, h0
    return keep_needed(need, [swap(d_noise), *d_state, dc.T, d_ih, d_hh, *d_biases, d_out[:, 1:], d_out[:, 0]])


def _check(noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation="sigmoid"):
    rows, size = weight_out.shape
    check_shapes("lstm_feedback", 4, noise, weight_ih, weight_hh, (h0, c0), (bias_ih, bias_hh), written=rows)
    others = [("weight_out", weight_out, (rows, weight_hh.shape[1])), ("bias_out", bias_out, (rows,))]
    for argument, array, shape in [*others, ("x0", x0, (noise.shape[1], rows))]:
        if array is not None and array.shape != shape:
            raise ValueError(
                f"lstm_feedback: {argument} has shape {array.shape}, it must be {shape}: rows of X = {rows} numbers, as"
                f" weight_out {weight_out.shape} says, are written from a state of H = {weight_hh.shape[1]} numbers"
            )
    if activation not in ("sigmoid", "tanh", "none"):
        raise ValueError(f"lstm_feedback: activation is 'sigmoid', 'tanh' or 'none', not {activation!r}")


run, backward = over_batch(_run, _backward, (1, 0, 0, 0) + (None,) * 6, _check)

"""Recurrence: LSTM and GRU, over sequences and step by step, and an LSTM that reads what it writes.

`lstm_step` and `gru_step` hold the equations; all else here repeats them along a sequence. These are the textbook forms,
made of ops. Training runs the kernels of `kernels/lstm.py`, `gru.py`, `cells.py` and `feedback.py`: a whole sequence as one
operation, with gradients by hand. Hochreiter & Schmidhuber 1997, Cho et al. 2014.
"""

from collections.abc import Callable

from tinygan.autodiff import Tensor, TensorLike, fused, raw
from tinygan.backend import Array, xp
from tinygan.ops.elementwise import sigmoid, tanh, where
from tinygan.ops.kernels import cells, feedback
from tinygan.ops.kernels import gru as gru_kernels
from tinygan.ops.kernels import lstm as lstm_kernels
from tinygan.ops.linalg import linear
from tinygan.ops.shapes import cat, chunk, stack

__all__ = ["gru", "gru_cell", "lstm", "lstm_cell", "lstm_feedback"]


def _initial(state: TensorLike | None, input: TensorLike, size: int) -> TensorLike:
    """Return `state`, or zeros (N, size) if it is None."""
    return xp(raw(input)).zeros((input.shape[1], size), input.dtype) if state is None else state


# --- LSTM ------------------------------------------------------------------------------------------------------


def lstm_step(
    input: TensorLike, h: TensorLike, c: TensorLike, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the next (h, c) of an LSTM from input (N, I), h and c (N, H). The weights hold the gates i, f, g, o.

    i = σ(W_ii x + W_hi h)    f = σ(W_if x + W_hf h)    g = tanh(W_ig x + W_hg h)    o = σ(W_io x + W_ho h)    (+ biases)
    c' = f c + i g            h' = o tanh(c')
    """
    gates = linear(input, weight_ih, bias_ih) + linear(h, weight_hh, bias_hh)  # (N, 4H)
    i, f, g, o = chunk(gates, 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


@fused(lstm_kernels.run, lstm_kernels.backward, arity=7)
def lstm(
    input: TensorLike, h0: TensorLike | None, c0: TensorLike | None, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None, lengths: Array | None = None,
) -> Tensor:  # fmt: skip
    """Return all hidden states of an LSTM that reads input (T, N, I), and after them its last cell state: (T + 1, N, H).

    Each step is `lstm_step`. h0 and c0 (N, H) may be None, for zeros; weight_ih (4H, I), weight_hh (4H, H), biases (4H,).
    lengths (N,), integers: how many steps each sequence has; one that is over keeps its state. Raises ValueError for
    shapes that do not fit.
    """
    h, c = _initial(h0, input, weight_hh.shape[1]), _initial(c0, input, weight_hh.shape[1])
    states = []
    for t in range(input.shape[0]):
        over = None if lengths is None else raw(lengths)[:, None] <= t  # (N, 1)
        x = input[t] if over is None else where(over, 0.0, input[t])
        new_h, new_c = lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh)
        if over is not None:
            new_h, new_c = where(over, h, new_h), where(over, c, new_c)
        h, c = new_h, new_c
        states.append(h)
    return stack([*states, c])


@fused(cells.lstm_run, cells.lstm_backward, arity=7)
def lstm_cell_packed(
    input: TensorLike, h: TensorLike, c: TensorLike, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None,
) -> Tensor:  # fmt: skip
    """Return `lstm_step` with h and c in one array: (2, N, H)."""
    return stack(lstm_step(input, h, c, weight_ih, weight_hh, bias_ih, bias_hh))


lstm_cell_packed.shown = "lstm_cell"


def lstm_cell(
    input: TensorLike, h: TensorLike, c: TensorLike, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return the next (h, c), each (N, H), of an LSTM from input (N, I), h and c (N, H): `lstm_step` as one operation."""
    packed = lstm_cell_packed(input, h, c, weight_ih, weight_hh, bias_ih, bias_hh)
    return packed[0], packed[1]


# --- GRU -------------------------------------------------------------------------------------------------------


def gru_step(
    input: TensorLike, h: TensorLike, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None,
) -> Tensor:  # fmt: skip
    """Return the next h of a GRU from input (N, I) and h (N, H). The weights hold the gates r, z, n.

    r = σ(W_ir x + b_ir + W_hr h + b_hr)        z = σ(W_iz x + b_iz + W_hz h + b_hz)
    n = tanh(W_in x + b_in + r (W_hn h + b_hn))        h' = (1 - z) n + z h
    """
    x_r, x_z, x_n = chunk(linear(input, weight_ih, bias_ih), 3, 1)
    h_r, h_z, h_n = chunk(linear(h, weight_hh, bias_hh), 3, 1)
    r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
    n = tanh(x_n + r * h_n)
    return (1 - z) * n + z * h


@fused(gru_kernels.run, gru_kernels.backward, arity=6)
def gru(
    input: TensorLike, h0: TensorLike | None, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None, lengths: Array | None = None,
) -> Tensor:  # fmt: skip
    """Return all hidden states of a GRU that reads input (T, N, I): (T, N, H).

    Each step is `gru_step`. h0 (N, H) may be None, for zeros; weight_ih (3H, I), weight_hh (3H, H), biases (3H,).
    lengths (N,), integers: how many steps each sequence has; one that is over keeps its state. Raises ValueError for
    shapes that do not fit.
    """
    h = _initial(h0, input, weight_hh.shape[1])
    states = []
    for t in range(input.shape[0]):
        over = None if lengths is None else raw(lengths)[:, None] <= t  # (N, 1)
        x = input[t] if over is None else where(over, 0.0, input[t])
        new_h = gru_step(x, h, weight_ih, weight_hh, bias_ih, bias_hh)
        h = new_h if over is None else where(over, h, new_h)
        states.append(h)
    return stack(states)


@fused(cells.gru_run, cells.gru_backward, arity=6)
def gru_cell(
    input: TensorLike, h: TensorLike, weight_ih: TensorLike, weight_hh: TensorLike,
    bias_ih: TensorLike | None = None, bias_hh: TensorLike | None = None,
) -> Tensor:  # fmt: skip
    """Return the next h (N, H) of a GRU from input (N, I) and h (N, H): `gru_step` as one operation."""
    return gru_step(input, h, weight_ih, weight_hh, bias_ih, bias_hh)


# --- an LSTM that reads the row it wrote last ------------------------------------------------------------------

_ACTIVATIONS: dict[str, Callable] = {"sigmoid": sigmoid, "tanh": tanh, "none": lambda a: a}


@fused(feedback.run, feedback.backward, arity=10)
def lstm_writing(
    noise: TensorLike, x0: TensorLike | None, h0: TensorLike | None, c0: TensorLike | None,
    weight_ih: TensorLike, weight_hh: TensorLike, bias_ih: TensorLike | None, bias_hh: TensorLike | None,
    weight_out: TensorLike, bias_out: TensorLike | None, activation: str = "sigmoid",
) -> Tensor:  # fmt: skip
    """Return what `lstm_feedback` computes, hidden states and written rows side by side: [h_t, x_t], (T, N, H + X)."""
    sizes = weight_hh.shape[1], weight_hh.shape[1], len(weight_out)
    h, c, x = (_initial(state, noise, size) for state, size in zip((h0, c0, x0), sizes))
    rows = []
    for t in range(noise.shape[0]):
        h, c = lstm_step(cat([x, noise[t]], 1), h, c, weight_ih, weight_hh, bias_ih, bias_hh)
        x = _ACTIVATIONS[activation](linear(h, weight_out, bias_out))
        rows.append(cat([h, x], 1))
    return stack(rows)


lstm_writing.shown = "lstm_feedback"


def lstm_feedback(
    noise: TensorLike, x0: TensorLike | None, h0: TensorLike | None, c0: TensorLike | None,
    weight_ih: TensorLike, weight_hh: TensorLike, bias_ih: TensorLike | None, bias_hh: TensorLike | None,
    weight_out: TensorLike, bias_out: TensorLike | None, activation: str = "sigmoid", return_hidden: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:  # fmt: skip
    """Return rows written one after another by an LSTM that reads the row it wrote last: noise (T, N, Z) -> rows (T, N, X).

    h_t, c_t = lstm_step([x_{t-1}, z_t], h_{t-1}, c_{t-1})        x_t = activation(W_out h_t + b_out)

    x0 (N, X), h0 and c0 (N, H) may be None, for zeros; weight_ih (4H, X + Z), weight_hh (4H, H), weight_out (X, H), biases
    (4H,), (4H,) and (X,) or None; activation: "sigmoid", "tanh" or "none". return_hidden: return (rows, hidden states
    (T, N, H)).
    """
    states_and_rows = lstm_writing(
        noise, x0, h0, c0, weight_ih, weight_hh, bias_ih, bias_hh, weight_out, bias_out, activation=activation
    )
    size = weight_hh.shape[1]
    rows = states_and_rows[:, :, size:]
    return (rows, states_and_rows[:, :, :size]) if return_hidden else rows

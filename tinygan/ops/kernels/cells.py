"""Single steps of an LSTM and a GRU with gradients by hand: for the textbook forms, see `ops/recurrent.py`.

Arrays are feature-major, (gates, H, N), so that each gate is a block, as in `lstm.py` and `gru.py`.
"""

from tinygan.backend import xp
from tinygan.ops.kernels.elementwise import may_overflow, squash
from tinygan.ops.kernels.lstm import check_shapes, swap


def preactivations(input, weight, bias):
    """Return W xᵀ + b, feature-major: (rows, N)."""
    a = weight @ input.T
    return a if bias is None else a + bias[:, None]


def activate(a, sigmoid_gate):
    """Change `a` to its σ or tanh, in place."""
    if sigmoid_gate:
        a *= -1
        squash(a)
    else:
        xp(a).tanh(a, out=a)


# --- LSTM ------------------------------------------------------------------------------------------------------


@may_overflow
def lstm_run(input, h, c, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Return ((h', c') as one array (2, N, H), saved)."""
    check_shapes("lstm_cell", 4, input[None], weight_ih, weight_hh, (h, c), (bias_ih, bias_hh))
    library = xp(input)
    gates = preactivations(input, weight_ih, bias_ih)
    gates += preactivations(h, weight_hh, bias_hh)
    gates = gates.reshape(4, *h.T.shape)  # (4, H, N)
    for gate, sigmoid_gate in ((gates[:2], True), (gates[2], False), (gates[3], True)):
        activate(gate, sigmoid_gate)
    i, f, g, o = gates
    out = library.empty((2, *i.shape), i.dtype)  # feature-major as well: the next step's h.T is contiguous
    new_h, new_c = out
    library.multiply(f, c.T, out=new_c)
    new_c += i * g
    squashed = library.tanh(new_c)
    library.multiply(o, squashed, out=new_h)
    return swap(out), (gates, squashed)


def lstm_backward(g, y, saved, need, input, h, c, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Return the gradients to all arguments, from those to what the σ and tanh of the gates were taken of."""
    gates, squashed = saved
    (i, f, g_gate, o), (dh, dc) = gates, swap(g)
    dc = dc + dh * o * (1 - squashed * squashed)
    da = xp(gates).empty_like(gates)  # (4, H, N): the gradient to W x + b
    da[0] = dc * g_gate * i * (1 - i)
    da[1] = dc * c.T * f * (1 - f)
    da[2] = dc * i * (1 - g_gate * g_gate)
    da[3] = dh * squashed * o * (1 - o)
    da = da.reshape(len(weight_ih), len(input))  # (4H, N)
    gradients = (
        lambda: (weight_ih.T @ da).T, lambda: (weight_hh.T @ da).T, lambda: (dc * f).T,
        lambda: da @ input, lambda: da @ h, lambda: da.sum(1), lambda: da.sum(1),
    )  # fmt: skip
    return [gradient() if needed else None for needed, gradient in zip(need, gradients, strict=True)]


# --- GRU -------------------------------------------------------------------------------------------------------


@may_overflow
def gru_run(input, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Return (h' (N, H), saved)."""
    check_shapes("gru_cell", 3, input[None], weight_ih, weight_hh, (h,), (bias_ih, bias_hh))
    size = h.shape[1]
    of_input, of_h = preactivations(input, weight_ih, bias_ih), preactivations(h, weight_hh, bias_hh)  # (3H, N)
    r_z, n, q = of_input[: 2 * size], of_input[2 * size :], of_h[2 * size :]
    r_z += of_h[: 2 * size]
    activate(r_z, True)
    r, z = r_z[:size], r_z[size:]
    n += r * q
    activate(n, False)
    return (n + z * (h.T - n)).T, (r, z, n, q)  # h' = (1 - z) n + z h


def gru_backward(g, y, saved, need, input, h, weight_ih, weight_hh, bias_ih=None, bias_hh=None):
    """Return the gradients to all arguments, as `lstm_backward` does."""
    library, (r, z, n, q), dh = xp(g), saved, g.T
    da_n = dh * (1 - z) * (1 - n * n)
    da_z = dh * (h.T - n) * z * (1 - z)
    da_r = da_n * q * r * (1 - r)
    d_of_input = library.concatenate((da_r, da_z, da_n))  # (3H, N)
    d_of_h = library.concatenate((da_r, da_z, da_n * r))
    gradients = (
        lambda: (weight_ih.T @ d_of_input).T, lambda: (weight_hh.T @ d_of_h + dh * z).T,
        lambda: d_of_input @ input, lambda: d_of_h @ h, lambda: d_of_input.sum(1), lambda: d_of_h.sum(1),
    )  # fmt: skip
    return [gradient() if needed else None for needed, gradient in zip(need, gradients, strict=True)]

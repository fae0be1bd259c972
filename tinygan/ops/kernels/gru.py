"""The GRU's fast path: a whole sequence as one operation. For the textbook form, see `ops/recurrent.py`.

It is laid out as the LSTM's in `lstm.py`: feature-major, with one row of ones for the biases. Gates stand in the order
q, r, z, n, where q = W_hn h + b_hn is the part of n that r multiplies: q, r and z are what depends on h, and r, z and n
what depends on x, so either group is one block.
"""

from typing import Any

from tinygan.backend import xp
from tinygan.ops.kernels.elementwise import may_overflow, squash
from tinygan.ops.kernels.lstm import (
    BLOCK,
    after_the_end,
    aligned,
    blank,
    check_shapes,
    in_parts,
    keep_needed,
    last_gate_first,
    over_batch,
    swap,
)


def _weights(dtype, weight_ih, weight_hh, bias_ih, bias_hh):
    """Return what multiplies [x; 1; h] for r and z (2H, I + 1 + H), [1; h] for q (H, 1 + H), [x; 1] for n (H, I + 1)."""
    library, size = xp(weight_ih), weight_hh.shape[1]
    zeros = library.zeros(3 * size, dtype)
    bias_ih, bias_hh = zeros if bias_ih is None else bias_ih, zeros if bias_hh is None else bias_hh
    r_z, n = slice(0, 2 * size), slice(2 * size, 3 * size)
    for_r_z = library.concatenate((weight_ih[r_z], (bias_ih + bias_hh)[r_z, None], weight_hh[r_z]), axis=1)
    for_q = library.concatenate((bias_hh[n, None], weight_hh[n]), axis=1)
    for_n = library.concatenate((weight_ih[n], bias_ih[n, None]), axis=1)
    return [weight.astype(dtype, copy=False) for weight in (for_r_z, for_q, for_n)]


def _check(input, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None):
    check_shapes("gru", 3, input, weight_ih, weight_hh, (h0,), (bias_ih, bias_hh), lengths)


@may_overflow
def _run(input, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None):
    library, (length, n_batch, inputs), size = xp(input), input.shape, weight_hh.shape[1]
    dtype = library.result_type(input, weight_hh)
    for_r_z, for_q, for_n = _weights(dtype, weight_ih, weight_hh, bias_ih, bias_hh)
    steps = aligned((length + 1, inputs + 1 + size, n_batch), for_n)  # step t reads steps[t], rows [x; 1; h]
    steps[:length, :inputs] = swap(input)
    steps[:length, inputs] = 1
    steps[0, inputs + 1 :] = 0 if h0 is None else h0.T
    over = after_the_end(lengths, length, steps)
    blank(steps, inputs, over)
    for_r_z *= -1  # the product gives -a, which `squash` takes
    gates = aligned((length, 4, size, n_batch), steps)  # q, r, z, n of every step
    scratch = aligned((size, n_batch), steps)
    library.matmul(for_n, steps[:length, : inputs + 1], out=gates[:, 3])  # W_in x + b_in: all steps, they wait for no h
    for_r_z, for_q = in_parts(for_r_z, n_batch), in_parts(for_q, n_batch)
    for t in range(length):
        q, r, z, n = gates[t]
        h, new_h, r_z = steps[t, inputs + 1 :], steps[t + 1, inputs + 1 :], gates[t, 1:3]
        library.matmul(for_r_z, steps[t], out=r_z.reshape(*for_r_z.shape[:-1], n_batch))
        library.matmul(for_q, steps[t, inputs:], out=q.reshape(*for_q.shape[:-1], n_batch))
        squash(r_z)
        library.multiply(r, q, out=scratch)
        n += scratch
        library.tanh(n, out=n)
        if over is not None:  # a sequence that is over: z = 1 keeps h, n = 0 keeps it to the last bit
            z *= 1 - over[t]
            z += over[t]
            n *= 1 - over[t]
        library.subtract(h, n, out=new_h)  # h' = (1 - z) n + z h = n + z (h - n)
        new_h *= z
        new_h += n
    return swap(steps[1:, inputs + 1 :]), (steps, gates)


def _slopes(gates, h, out):
    """Fill out (steps, 4, H, N) with the factors by which dh' is multiplied to give da_q, da_r, da_z and da_n.

    da is the gradient to what a gate's σ or tanh was taken of (to q itself); σ' = σ (1 - σ), tanh' = 1 - tanh².
    """
    library = xp(gates)
    (q, r, z, n), (to_q, to_r, to_z, to_n) = gates.swapaxes(0, 1), out.swapaxes(0, 1)
    scratch = 1 - z
    library.multiply(n, n, out=to_n)
    library.subtract(1, to_n, out=to_n)
    to_n *= scratch  # da_n = dh' (1 - z) (1 - n²)
    library.subtract(h, n, out=to_z)
    to_z *= z
    to_z *= scratch  # da_z = dh' (h - n) z (1 - z)
    library.multiply(to_n, r, out=to_q)  # dq = da_n r
    library.subtract(1, r, out=to_r)
    to_r *= to_q
    to_r *= q  # da_r = da_n q r (1 - r)


def _backward(g, y, saved, need, input, h0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None):
    steps, gates = saved
    library, (length, _, size, n_batch), inputs = xp(gates), gates.shape, input.shape[2]
    need_weights, d_out = any(need[2:]), swap(g)
    back_h = in_parts(last_gate_first(weight_hh, 3, y.dtype).T, n_batch)  # (H, 3H), of q, r, z
    back_x = weight_ih.astype(y.dtype, copy=False).T  # (I, 3H), of r, z, n
    d_input: Any = library.empty((length, inputs, n_batch), y.dtype) if need[0] else None
    d_weights: Any = library.zeros((4 * size, steps.shape[1]), y.dtype) if need_weights else None
    dh, kept = aligned((2, size, n_batch), gates)
    dh[:] = 0
    next_dh = dh.reshape(*back_h.shape[:-1], n_batch)
    slopes = aligned((min(BLOCK, length), 4, size, n_batch), gates)
    for start in reversed(range(0, length, BLOCK)):
        block = slice(start, min(start + BLOCK, length))
        count = block.stop - start
        _slopes(gates[block], steps[block, inputs + 1 :], out=slopes[:count])
        d_block = library.ascontiguousarray(d_out[block])  # a transposed view is slow to add
        for k in reversed(range(count)):
            dh += d_block[k]
            slopes[k] *= dh  # they become the gradients to all four gates
            library.multiply(dh, gates[start + k, 2], out=kept)  # h' = ... + z h
            library.matmul(back_h, slopes[k, :3].reshape(3 * size, n_batch), out=next_dh)
            dh += kept
        if need[0]:
            library.matmul(back_x, slopes[:count, 1:].reshape(count, 3 * size, n_batch), out=d_input[block])
        if need_weights:
            _add_weight_gradients(slopes[:count], steps[block], inputs, d_weights)
    if need_weights:
        d_q, d_r_z, d_n = d_weights[:size], d_weights[size : 3 * size], d_weights[3 * size :]
        of_input, of_h = library.concatenate((d_r_z, d_n)), library.concatenate((d_r_z, d_q))
        weights = of_input[:, :inputs], of_h[:, inputs + 1 :], of_input[:, inputs].copy(), of_h[:, inputs].copy()
    else:
        weights = (None,) * 4
    return keep_needed(need, [swap(d_input), dh.T, *weights])


def _add_weight_gradients(d, steps, inputs, d_weights):
    """Add Σ_t da_t [x; 1; h]ᵀ to d_weights (4H, I + 1 + H); q has no x and n no h: their columns are left alone."""
    (count, rows, n_batch), size = steps.shape, d.shape[2]
    read = steps.transpose(1, 0, 2).reshape(rows, count * n_batch).T
    d = d.transpose(1, 2, 0, 3).reshape(4 * size, count * n_batch)
    q, r_z, n = d_weights[:size, inputs:], d_weights[size : 3 * size], d_weights[3 * size :, : inputs + 1]
    q += d[:size] @ read[:, inputs:]
    r_z += d[size : 3 * size] @ read
    n += d[3 * size :] @ read[:, : inputs + 1]


run, backward = over_batch(_run, _backward, (1, 0, None, None, None, None), _check)

"""The LSTM's fast path: a whole sequence as one operation. For the textbook form, see `ops/recurrent.py`.

Arrays are feature-major here, (T, features, N), so that one product per step, W @ [input; 1; h], leaves every gate as a
contiguous block (H, N). Gates stand in the order o, i, f, g: the first three are sigmoids, the last three are what the cell
state depends on, so either group is one block and one call. Hidden states are written where the next product reads them;
the caller gets a transposed view of that memory, and nothing is copied. `gru.py` is laid out in the same way; `feedback.py`
has an LSTM that reads what it writes, `cells.py` single steps.
"""

import math
from functools import cache, partial
from typing import Any

import numpy as np

from tinygan.autodiff import raw
from tinygan.backend import is_numpy, xp
from tinygan.ops.kernels import cuda
from tinygan.ops.kernels.elementwise import may_overflow, squash
from tinygan.threads import at_once, split_batch

# Steps that the backward pass treats together. 4 steps of a batch of 64 make the product for dW long enough to run at
# full speed, and their arrays still fit the cache. 2 or 8 steps are slower.
BLOCK = 4


# --- forward ---------------------------------------------------------------------------------------------------


def stack_weights(dtype, bias_ih, bias_hh, *weights):
    """Return the first weight, the bias and the other weights side by side, (4, H, K), gates in the order o, i, f, g."""
    library, rows = xp(weights[0]), len(weights[0])
    bias = library.zeros((rows, 1), dtype)
    for b in (bias_ih, bias_hh):
        bias = bias if b is None else bias + b[:, None]
    side_by_side = library.concatenate((weights[0], bias, *weights[1:]), axis=1)
    return last_gate_first(side_by_side, 4, dtype).reshape(4, rows // 4, -1)


def last_gate_first(weight, gates, dtype):
    """Return a weight (gates * H, .) with the block of its last gate in front: i, f, g, o -> o, i, f, g."""
    start = len(weight) // gates * (gates - 1)  # of the last gate
    return xp(weight).concatenate((weight[start:], weight[:start])).astype(dtype, copy=False)


@may_overflow
def run_steps(steps, inputs, weights, c0, over=None, writer=None):
    """Run every step of a sequence; return (gates, cells), which `steps_backward` needs.

    steps (T + 1, K, N): step t reads steps[t], rows [input; 1; h; x]: the input, a 1 for the bias, the last step's state and
    what the writer, if any, wrote then (feedback.py). Step t leaves its own h and x in steps[t + 1].
    weights (4, H, K) for these rows, changed here; over (T, N): 1 where a sequence has come to its end, 0 before.
    """
    library, (_, size, width) = xp(steps), weights.shape
    length, n = len(steps) - 1, steps.shape[2]
    gates = aligned((length, 4, size, n), steps)  # o, i, f, g of every step
    cells = aligned((length + 1, size, n), steps)  # c_0 .. c_T
    scratch = aligned((size, n), steps)
    cells[0] = 0 if c0 is None else c0.T
    weights[:3] *= -1  # the product gives -a of o, i and f, which `squash` takes
    weights = in_parts(weights.reshape(4 * size, width), n)
    products, (o, i, f, g) = gates.reshape(length, *weights.shape[:-1], n), gates.swapaxes(0, 1)
    h = steps[:, inputs + 1 : inputs + 1 + size]
    for t in range(length):
        gate, c = gates[t], cells[t + 1]
        library.matmul(weights, steps[t], out=products[t])
        if over is None and not is_numpy(gates):
            cuda.launch("lstm_step", cells[t], *gate, c, h[t + 1])
        else:
            squash(gate[:3])
            library.tanh(gate[3], out=gate[3])
            if over is not None:
                _hold(gate, over[t])
            library.multiply(f[t], cells[t], out=c)  # c' = f c + i g
            library.multiply(i[t], g[t], out=scratch)
            c += scratch
            library.tanh(c, out=scratch)  # `steps_backward` computes it again, as fast as it could read it
            library.multiply(o[t], scratch, out=h[t + 1])  # h' = o tanh(c')
        if over is not None:
            h[t + 1] += over[t] * h[t]
        if writer is not None:
            writer.write(steps[t + 1, inputs : inputs + 1 + size], out=steps[t + 1, inputs + 1 + size :])
    return gates, cells


def aligned(shape, like):
    """Return an empty array of the type of `like` that begins at a line of the cache: at a multiple of 64 bytes.

    A register of AVX-512 has 64 bytes. NumPy's arrays begin at multiples of 16, so every load would read two lines, and the
    products of this file would take a sixth longer.
    """
    library = xp(like)
    if library is not np:
        return library.empty(shape, like.dtype)
    size = math.prod(shape) * like.itemsize
    room = np.empty(size + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + size].view(like.dtype).reshape(shape)


def in_parts(weight, n):
    """Return a weight (rows, K) as (parts, rows / parts, K) where its product with (K, n) is faster in parts of few rows.

    With AVX-512, OpenBLAS multiplies up to 100³ straight from the arrays and copies larger ones first: (512, 130) @ (130, 64)
    takes 62 us, as eight products of 64 rows 43. On other processors parts are slower.
    """
    rows, width = weight.shape
    parts = 1
    if is_numpy(weight) and _multiplies_small_straight():
        while rows % (2 * parts) == 0 and rows // parts * width * n > 1_000_000:
            parts *= 2
        parts = parts if rows // parts >= 8 else 1
    if parts > 1 and not weight.flags.c_contiguous:
        weight, view = np.empty(weight.shape, weight.dtype), weight
        for k in range(0, width, 64):  # a transposed array is copied twice as fast in strips
            weight[:, k : k + 64] = view[:, k : k + 64]
    return weight if parts == 1 else weight.reshape(parts, rows // parts, width)


@cache
def _multiplies_small_straight():
    from threadpoolctl import threadpool_info

    kernels = {pool.get("architecture") for pool in threadpool_info()}
    return not kernels.isdisjoint({"SkylakeX", "Cooperlake", "SapphireRapids"})


def _hold(gate, over):
    """Set the gates of a sequence that is over: o = i = 0 and f = 1 keep c as it is, and make every slope of the step 0."""
    o_and_i, f = gate[:2], gate[2]
    o_and_i *= 1 - over
    f *= 1 - over
    f += over


# --- backward --------------------------------------------------------------------------------------------------


def _slopes(gates, cells, out):
    """Fill out (steps, 5, H, N) with what leads from dh and dc, the gradients to h' and c', to c' and the gates.

    h' = o tanh(c'):    dc += dh · o (1 - tanh²(c'))    da_o = dh · tanh(c') o (1 - o)
    c' = f c + i g:     da_i = dc · g i (1 - i)         da_f = dc · c f (1 - f)           da_g = dc · i (1 - g²)

    da is the gradient to what a gate's σ or tanh was taken of; out holds the five factors behind the dots, in this order.
    cells (steps + 1, H, N): c before the first step as well.
    """
    library = xp(gates)
    o, i, g = gates[:, 0], gates[:, 1], gates[:, 3]
    to_c, to_o, to_i, to_f, to_g = (out[:, k] for k in range(5))
    sigmoids, slopes = gates[:, :3], out[:, 1:4]
    library.multiply(sigmoids, sigmoids, out=slopes)
    library.subtract(sigmoids, slopes, out=slopes)
    squashed = library.tanh(cells[1:], out=to_c)
    to_o *= squashed
    to_i *= g
    to_f *= cells[:-1]
    for tanh_value, factor, slope in ((squashed, o, to_c), (g, i, to_g)):
        library.multiply(tanh_value, tanh_value, out=slope)
        library.subtract(1, slope, out=slope)
        slope *= factor


def steps_backward(d_out, dc, saved, inputs, back, need_inputs, need_weights, over=None, writer=None):
    """Return the gradients to the input rows (T, I, N), the first [h; x] (H + X, N), c_0, and the weights (4, H, K).

    d_out (T, H + X, N): the gradient to what each step leaves; dc: that to the last c, changed here. back: (the input
    rows' weights, those of [h; x]), transposed: (inputs, 4H) and (H + X, 4H).
    """
    steps, gates, cells = saved
    library, (length, _, size, n) = xp(gates), gates.shape
    back_inputs, back_state = back
    d_inputs: Any = library.empty((length, inputs, n), gates.dtype) if need_inputs else None
    d_weights = library.zeros((4 * size, steps.shape[1]), gates.dtype) if need_weights else None
    d_state = aligned((len(back_state), n), gates)
    d_state[:] = 0
    dh, dx = d_state[:size], d_state[size:]
    at_once = min(BLOCK, length) if is_numpy(gates) else length
    slopes = aligned((at_once, 5, size, n), gates)
    back_state = in_parts(back_state, n)
    next_state = d_state.reshape(*back_state.shape[:-1], n)
    to_c, to_c_and_o, to_i_f_g = slopes[:, 0], slopes[:, :2], slopes[:, 2:]
    d_gates, f = slopes[:, 1:].reshape(len(slopes), 4 * size, n), gates[:, 2]
    for start in reversed(range(0, length, at_once)):
        block = slice(start, min(start + at_once, length))
        count = block.stop - start
        if is_numpy(gates):
            _slopes(gates[block], cells[start : block.stop + 1], out=slopes[:count])
        d_block = library.ascontiguousarray(d_out[block])  # a transposed view is slow to add
        for k in reversed(range(count)):
            t = start + k
            d_state += d_block[k]
            if writer is not None:
                after = steps[t + 1, inputs:]
                writer.back(dx, dh, after[: 1 + size], after[1 + size :])
            if is_numpy(gates):
                to_c_and_o[k] *= dh  # through h' = o tanh(c'); slopes become gradients in place
                dc += to_c[k]
                to_i_f_g[k] *= dc  # through c' = f c + i g
                dc *= f[t]  # and to c
            else:
                cuda.launch("lstm_step_back", *gates[t], cells[t], cells[t + 1], dh, dc, *slopes[k, 1:])
            kept = None if over is None else dh * over[t]  # a sequence that is over has h' = h
            library.matmul(back_state, d_gates[k], out=next_state)
            if over is not None:
                d_state += kept
        if need_inputs:
            library.matmul(back_inputs, d_gates[:count], out=d_inputs[block])
        if need_weights:  # one product over the block: Σ_t da_t [input; 1; h; x]ᵀ
            read = steps[block].transpose(1, 0, 2).reshape(steps.shape[1], count * n)
            d_weights += d_gates[:count].transpose(1, 0, 2).reshape(4 * size, count * n) @ read.T
    return d_inputs, d_state, dc, d_weights


# --- both as one operation ------------------------------------------------------------------------------------


def check_shapes(name, gates, input, weight_ih, weight_hh, states, biases, lengths=None, written=0):
    """Raise ValueError unless the arguments of a recurrent function fit; `gates` is 4 for an LSTM, 3 for a GRU."""
    if input.ndim != 3 or not input.shape[0]:
        raise ValueError(
            f"{name}: input has shape {input.shape}, it must be (T, N, I) with T > 0: steps first, then batch"
        )
    (_, n, inputs), size = input.shape, weight_hh.shape[1]
    expected: list[tuple] = [("weight_ih", weight_ih, (gates * size, written + inputs))]
    expected += [("weight_hh", weight_hh, (gates * size, size))]
    expected += [("an initial state", state, (n, size)) for state in states]
    expected += [("a bias", bias, (gates * size,)) for bias in biases]
    expected += [("lengths", lengths, (n,))]
    for argument, array, shape in expected:
        if array is not None and array.shape != shape:
            raise ValueError(
                f"{name}: {argument} has shape {array.shape}; with input {input.shape} as (T, N, I) and weight_hh"
                f" {weight_hh.shape} as ({gates}H, H) it must be {shape}"
            )


def after_the_end(lengths, length, like):
    """Return (T, N): 1 where step t is past the end of sequence n, 0 before; None if all sequences are whole."""
    if lengths is None:
        return None
    return (xp(like).arange(length)[:, None] >= raw(lengths)).astype(like.dtype)


def blank(steps, inputs, over):
    """Set the input rows beyond an end to 0: their gates are multiplied by 0, which nan and inf would outlive."""
    if over is not None:
        rows = steps[: len(over), :inputs]
        rows[...] = xp(steps).where(over[:, None] > 0, 0, rows)


def keep_needed(need, gradients):
    """Return `gradients` with None in place of those that are not needed."""
    return [gradient if needed else None for needed, gradient in zip(need, gradients, strict=True)]


def swap(x):
    """Return x (T, N, F) as a view (T, F, N), or the other way round."""
    return None if x is None else x.transpose(0, 2, 1)


def _check(input, h0, c0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None):
    check_shapes("lstm", 4, input, weight_ih, weight_hh, (h0, c0), (bias_ih, bias_hh), lengths)


def _run(input, h0, c0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None):
    length, n, inputs = input.shape
    dtype = xp(input).result_type(input, weight_hh)
    weights = stack_weights(dtype, bias_ih, bias_hh, weight_ih, weight_hh)
    steps = aligned((length + 2, weights.shape[2], n), weights)  # one more than h_T needs, for c_T
    steps[:length, :inputs] = swap(input)
    steps[:length, inputs] = 1
    steps[0, inputs + 1 :] = 0 if h0 is None else h0.T
    over = after_the_end(lengths, length, steps)
    blank(steps, inputs, over)
    gates, cells = run_steps(steps[:-1], inputs, weights, c0, over)
    steps[length + 1, inputs + 1 :] = cells[length]
    return swap(steps[1:, inputs + 1 :]), (steps, gates, cells, over)


def _backward(
    g, y, saved, need, input, h0, c0, weight_ih, weight_hh, bias_ih=None, bias_hh=None, lengths=None
):  # fmt: skip
    *saved, over = saved
    inputs, g = input.shape[2], swap(g)
    back = [last_gate_first(weight, 4, y.dtype).T for weight in (weight_ih, weight_hh)]
    d_input, dh, dc, d_weights = steps_backward(g[:-1], g[-1].copy(), saved, inputs, back, need[0], any(need[3:]), over)
    return keep_needed(need, [swap(d_input), dh.T, dc.T, *split_weights(d_weights, inputs)])


def split_weights(d_weights, inputs):
    """Return the gradients to the input rows' weights, all other weights, bias_ih and bias_hh, of d_weights (4H, K)."""
    if d_weights is None:
        return None, None, None, None
    size = len(d_weights) // 4
    d_weights = xp(d_weights).concatenate((d_weights[size:], d_weights[:size]))  # o, i, f, g -> i, f, g, o
    d_bias = d_weights[:, inputs]
    return d_weights[:, :inputs], d_weights[:, inputs + 1 :], d_bias, d_bias.copy()


def over_batch(run, backward, axes, check):
    """Return the run and backward of a Fused op, made of those for a part of the batch: threads share large batches.

    axes: the batch axis of each argument, None for weights, whose gradients are added up. The output's is 1. A thread takes
    its samples through the whole sequence, so the threads meet once and not at every step.
    """

    def take(cut, args, const):
        args = [a if axis is None or a is None else a[(slice(None),) * axis + (cut,)] for a, axis in zip(args, axes)]
        lengths = const.get("lengths")
        return args, const if lengths is None else const | {"lengths": raw(lengths)[cut]}

    def run_all(*args, **const):
        check(*args, **const)
        samples = args[0].swapaxes(0, 1)
        weights = sum(a.size for a, axis in zip(args, axes) if axis is None and a is not None)

        def run_part(start, stop):
            cut = slice(start, stop)
            args_of_part, const_of_part = take(cut, args, const)
            return run(*args_of_part, **const_of_part), cut

        pieces = split_batch(run_part, samples, work=weights * len(args[0]) * len(samples))
        return _join([y for (y, _), _ in pieces], 1), [(saved, cut) for (_, saved), cut in pieces]

    def backward_all(g, y, saved, need, *args, **const):
        def backward_part(saved, cut):
            args_of_part, const_of_part = take(cut, args, const)
            return backward(g[:, cut], y[:, cut], saved, need, *args_of_part, **const_of_part)

        pieces = at_once([partial(backward_part, *piece) for piece in saved])
        return [_join(gradients, axis) for gradients, axis in zip(zip(*pieces), axes)]

    return run_all, backward_all


def _join(parts, axis):
    """Return arrays that each hold a part of the batch at `axis` as one, lying by features; their sum if axis is None."""
    first, *others = parts
    if not others or first is None:
        return first
    if axis is None:
        return sum(others, start=first)
    return xp(first).concatenate([part.swapaxes(axis, -1) for part in parts], axis=-1).swapaxes(axis, -1)


run, backward = over_batch(_run, _backward, (1, 0, 0, None, None, None, None), _check)

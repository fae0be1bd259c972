"""Cross-entropy straight from a linear layer, without ever holding all logits: the textbook form is in `losses.py`.

A block of logits is turned into its loss and its gradients while it is in the cache, so it is never written to memory: on
1280 x 5000 half the time, and 3 MB instead of 80.
"""

import math
from typing import Any

from tinygan.backend import is_numpy, xp
from tinygan.ops.kernels.sampling import fits_exp
from tinygan.threads import split_batch

BLOCK = 320_000  # logits held at once on the CPU: 64 rows of 5000, 1.3 MB. Twice as many take 8 % longer
GPU_BLOCK = 128 * BLOCK


def _columns(classes, work):
    """Return how many classes a product takes at once, where each takes `work` multiplications.

    OpenBLAS multiplies small matrices straight from the arrays where a processor has AVX-512 (see `lstm.in_parts`): parts of
    228 classes take 16 ms with all gradients where 5000 at once take 18.6. On other processors they cost 2 %. With fewer
    than 100 classes nothing is gained.
    """
    most = 500_000 // work
    return -(-classes // -(-classes // most)) if 100 <= most < classes else max(1, classes)


def run(x, w, b, target, weights, wanted):
    """Return (loss, gradients): the gradients that are `wanted` are made of the logits while these are in the cache."""
    library, dtype = xp(x), xp(x).result_type(x, w)
    classes, size = w.shape
    # with a column of ones, the products add the bias and sum its gradient
    x_and_one = library.concatenate((x, library.ones((len(x), 1), x.dtype)), axis=1)
    # at least 64 rows: each block reads and writes all of dw, which is much if there are many classes
    rows = max(64, (BLOCK if is_numpy(x) else GPU_BLOCK) // max(1, classes))
    columns = _columns(classes, rows * (size + 1)) if is_numpy(x) else classes
    parts = -(-classes // columns)
    w_parts = library.zeros((parts, columns, size + 1), dtype)  # [w, b] of each part's classes, zeros at the end
    w_and_b = w_parts.reshape(-1, size + 1)[:classes]
    w_and_b[:, :size] = w
    w_and_b[:, size] = 0 if b is None else b
    w_t, w_parts = w_parts.swapaxes(1, 2).copy(), w_parts[:, :, :size]
    dx: Any = library.empty(x.shape, dtype) if wanted[0] else None

    def some_rows(start, stop):
        buffer = library.empty((min(rows, stop - start), parts * columns), dtype)
        ones, shares = library.ones(parts * columns, dtype), library.empty((3, stop - start), dtype)
        dw: Any = library.zeros((parts, columns, size + 1), dtype) if wanted[1] or wanted[2] else None
        for a in range(start, stop, rows):
            block = slice(a, min(a + rows, stop))
            x_n, t_n, e = x_and_one[block], target[block], buffer[: block.stop - a]
            e_parts = e.reshape(len(e), parts, columns).swapaxes(0, 1)  # (parts, rows, columns)
            at_target = library.arange(len(e)), t_n
            library.matmul(x_n, w_t, out=e_parts)
            e[:, classes:] = -math.inf  # columns beyond the last class
            top = library.amax(e, 1, keepdims=True)
            if not fits_exp(top):
                e -= top
            picked = e[at_target]
            library.exp(e, out=e)
            at = e[at_target]
            e[at_target] = 0
            others = e @ ones  # a third of the time of e.sum(1)
            total = others + at
            for share, values in zip(shares, (picked, at, others)):
                share[a - start : block.stop - start] = values
            # dloss/dlogits = scale (e, at the target -others), scale = weight / total; to scale x and dx is cheaper
            e[at_target] = -others
            scale = (weights[block] / total)[:, None]
            if dx is not None:
                library.multiply((e_parts @ w_parts).sum(0), scale, out=dx[block])
            if dw is not None:
                dw += e_parts.swapaxes(1, 2) @ (x_n * scale)
        return weights[start:stop] @ _minus_log(shares, weights[start:stop]), dw

    pieces = split_batch(some_rows, x, work=3 * x.size * classes)
    loss, total = (None if parts[0] is None else _total(parts) for parts in zip(*pieces))
    dw: Any = None if total is None else total.reshape(-1, size + 1)[:classes]
    return loss, [dx, dw[:, :size] if wanted[1] else None, dw[:, size] if wanted[2] else None]


def _minus_log(shares, weights):
    """Return log(at + others) - picked, at = e^picked, as log1p where it is small; 0 without a weight, even if infinite."""
    library, (picked, at, others) = xp(shares), shares
    ratio = library.minimum(others, at) / library.maximum(at, float(library.finfo(at.dtype).tiny))
    loss = library.where(others < at, library.log1p(ratio), library.log(at + others) - picked)
    return library.where(weights == 0, 0, loss)


def _total(parts):
    """Return the sum of the parts, in order."""
    first, *others = parts
    for part in others:
        first = first + part
    return first


def backward(g, y, saved, need, *args, **const):
    """Return the gradients that `run` computed, times g."""
    return [g * gradient if n else None for gradient, n in zip(saved, need)]

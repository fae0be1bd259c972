"""The matrix products of an op, and the time that they take alone: the least that a step could take.

`watch.py` counts the products of each op with these tables. A perfect step would spend its time on them and on nothing
else.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np

from tinygan.autodiff import Op, raw

Product: TypeAlias = tuple[int, int, int, int]  # (count, m, k, n): count times (m, k) @ (k, n)

# The products of an op, from the shapes of its result and arguments. An op that is not listed has none, or calls other
# ops, which are counted (as a gradient made of ops is).
FORWARD: dict[str, Callable[..., list[Product]]] = {
    "_matmul": lambda y, a, b: [(prod(y[:-2]), y[-2], a[-1], y[-1])],
    "_add_product": lambda y, x, w, *_: [(1, x[0], x[1], w[0])],
    "conv": lambda y, x, w, *_: [(x[1] // w[1], _positions(y), prod(w[1:]), w[0] * w[1] // x[1])],
    "conv_transpose": lambda y, g, w, *_: [(y[1] // w[1], _positions(g), w[0] * w[1] // y[1], prod(w[1:]))],
    "conv_weight": lambda y, x, g: [(x[1] // y[1], prod(y[1:]), _positions(g), y[0] * y[1] // x[1])],
    "lstm": lambda y, x, h, c, w_x, w_h, *_: [(x[0], x[1], w_x[1] + w_h[1], w_h[0])],
    "gru": lambda y, x, h, w_x, w_h, *_: [(x[0], x[1], w_x[1] + w_h[1], w_h[0])],
    "lstm_cell_packed": lambda y, x, h, c, w_x, w_h, *_: [(1, x[0], w_x[1] + w_h[1], w_h[0])],
    "gru_cell": lambda y, x, h, w_x, w_h, *_: [(1, x[0], w_x[1] + w_h[1], w_h[0])],
    "lstm_writing": lambda y, z, x, h, c, w_x, w_h, b_x, b_h, w_out, *_: [
        (z[0], z[1], w_x[1] + w_h[1], w_h[0]),
        (z[0], z[1], w_out[1], w_out[0]),
    ],
    "_linear_loss": lambda y, x, w, *_: [(1, *x, w[0]), (1, x[0], w[0], x[1]), (1, w[0], x[0], x[1])],  # and gradients
}
# The same for gradients that are not made of ops, from the shapes and `need`: whether each argument needs its gradient.
BACKWARD: dict[str, Callable[..., list[Product]]] = {
    "_add_product": lambda need, x, w, *_: [(need[0], x[0], w[0], x[1]), (need[1], w[0], x[0], x[1])],
    "lstm": lambda need, x, h, c, w_x, w_h, *_: _through_time(x, w_h[0], w_h[1], w_x[1], need[0], any(need[3:])),
    "gru": lambda need, x, h, w_x, w_h, *_: _through_time(x, w_h[0], w_h[1], w_x[1], need[0], any(need[2:])),
    "lstm_cell_packed": lambda need, x, h, c, w_x, w_h, *_: _through_cell(x, w_x, w_h, need[:2] + need[3:]),
    "gru_cell": lambda need, x, h, w_x, w_h, *_: _through_cell(x, w_x, w_h, need),
    "lstm_writing": lambda need, z, x, h, c, w_x, w_h, b_x, b_h, w_out, *_: [
        *_through_time(z, w_h[0], w_h[1] + w_out[0], w_x[1] - w_out[0], need[0], any(need[4:8])),
        (z[0], z[1], w_out[0], w_out[1]),
        (z[0], w_out[0], z[1], w_out[1]),
    ],
}


def _positions(image: tuple[int, ...]) -> int:
    """Return how many pixels a shape (N, C, ...) has, over the whole batch."""
    return image[0] * prod(image[2:])


def _through_time(
    x: tuple[int, int, int], gates: int, state: int, inputs: int, need_inputs: bool, need_weights: bool
) -> list[Product]:
    """Return the products back through the steps of a recurrence: to the state, to the inputs, to the weights."""
    steps, batch, _ = x
    return [
        (steps, batch, gates, state),
        (need_inputs, steps * batch, gates, inputs),
        (need_weights, gates, steps * batch, state + inputs),
    ]


def _through_cell(x: tuple[int, int], w_x: tuple[int, int], w_h: tuple[int, int], need: list[bool]) -> list[Product]:
    """Return the products back through one step: to x, to h, to their weights."""
    (n, inputs), (gates, size) = x, w_h
    return [
        (need[0], n, gates, inputs),
        (need[1], n, gates, size),
        (need[2], gates, n, inputs),
        (need[3], gates, n, size),
    ]


def _shapes(arrays: Iterable[Any]) -> list[Any]:
    return [getattr(raw(a), "shape", None) for a in arrays]


def forward_products(op: Op, y: Any, args: tuple, const: Mapping[str, Any]) -> list[Product]:
    """Return the products of y = op(*args, **const)."""
    if op.__name__ not in FORWARD:
        return []
    if len(args) != op.arity:
        args, const = op._bind(args, const)
    return FORWARD[op.__name__](*_shapes([y, *args]))


def backward_products(op: Op, y: Any, useful: Any) -> list[Product]:
    """Return the products of op.pullback for the parents of y in `useful`, without those of ops that it calls."""
    if op.__name__ not in BACKWARD:
        return []
    return BACKWARD[op.__name__]([a is not None and a in useful for a in y.parents], *_shapes(y.args))


ROWS = 4096  # longer products go in pieces, so that the time is that of multiplication and not of memory


def product_call(m: int, k: int, n: int) -> tuple[int, Callable[[], Any]]:
    """Return (times, multiply): multiply(), so many times, is (m, k) @ (k, n), always written to the same array."""
    times = 1
    if m > ROWS:
        times, m = -(-m // ROWS), m // -(-m // ROWS)
    elif k > ROWS and m < k:
        times, k = -(-k // ROWS), k // -(-k // ROWS)
    a, b, out = np.ones((m, k), np.float32), np.ones((k, n), np.float32), np.empty((m, n), np.float32)
    multiply = np.multiply if k == 1 else np.matmul  # BLAS is slow at a column times a row
    return times, lambda: multiply(a, b, out=out)


def product_seconds(m: int, k: int, n: int) -> float:
    """Return the seconds of (m, k) @ (k, n) in float32: the least of a few tries."""
    times, multiply = product_call(m, k, n)
    multiply()
    seconds: list[float] = []
    end = time.perf_counter() + 0.01
    while len(seconds) < 3 or time.perf_counter() < end:
        begun = time.perf_counter()
        multiply()
        seconds.append(time.perf_counter() - begun)
    return times * min(seconds)

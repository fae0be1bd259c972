"""Matrix products and the linear layer in few passes over memory: for the textbook forms, see `ops/linalg.py`."""

from typing import Any

from tinygan.autodiff import Op, Tensor, sum_to
from tinygan.backend import Array, is_numpy, xp
from tinygan.ops.kernels import cuda
from tinygan.ops.kernels.elementwise import rectify
from tinygan.threads import in_blocks


def matmul(a: Array, b: Array) -> Array:
    """Return a @ b. A column times a row goes by elements: BLAS takes 14 times as long for (64, 1) @ (1, 6272)."""
    return a * b if a.shape[-1] == 1 else a @ b


def matmul_by_group(a: Array, b: Array, out: Array | None = None) -> Array:
    """Return a @ b for stacks of matrices (G, ., .). A single pair is multiplied as matrices: CuPy copies stacks first."""
    if len(a) > 1:
        return xp(a).matmul(a, b, out=out)
    return xp(a).matmul(a[0], b[0], out=None if out is None else out[0])[None]


def linear(x: Array, w: Array, b: Array | None = None, slope: float | None = None) -> Array:
    """Return `ops.linear` of rows x, and leaky ReLU of it if `slope` is given, all in the product's memory."""
    y = matmul(x, w.T)
    if b is not None and slope is not None and not is_numpy(y):
        cuda.launch("add_and_rectify", b, slope, y)
        return y
    if b is not None:
        y += b
    if slope is not None:
        in_blocks(lambda block: rectify(block, slope), y)
    return y


class LinearOp(Op):
    """The op of a linear layer. It computes gradients that are not recorded without its vjps: 5 us less per layer, of 15."""

    def pullback(self, g: Any, y: Tensor, useful: set, record: bool) -> list | tuple:
        if record:
            return super().pullback(g, y, useful, record)
        (x, w, b), (p, q, r) = y.arrays, y.parents
        return (
            matmul(g, w) if p in useful else None,
            matmul(g.T, x) if q in useful else None,
            sum_to.forward(g, b.shape) if r in useful else None,
        )


def lies_by_features(x: Array) -> bool:
    """Return whether each step of x (T, N, F) lies in memory as (F, N), as an LSTM leaves it: rows of it would be a copy."""
    if not is_numpy(x) or x.ndim != 3 or x.shape[1] == 1:
        return False
    return x.strides[1:] == (x.itemsize, x.itemsize * x.shape[1])

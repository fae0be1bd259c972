"""Products: matmul and its relatives, einsum, and the linear layer.

`_matmul` and `_add_product` are the ops; the public functions bring their arguments into shape. Kernels are in
`kernels/linear.py`.
"""

import math
import string
from collections.abc import Callable
from typing import Any

from tinygan.autodiff import Tensor, TensorLike, VariadicOp, broadcast_to, op, raw, sum_to
from tinygan.backend import xp
from tinygan.ops.kernels import linear as kernels
from tinygan.ops.reduce import sum
from tinygan.ops.shapes import check_matrix, index, movedim, reshape, unsqueeze

__all__ = [
    "bmm", "dot", "einsum", "linear", "matmul", "mT", "outer",
]  # fmt: skip


@op(lambda g, y, x: mT(g))
def mT(input: TensorLike) -> Tensor:
    """Exchange the last two dimensions: return the transpose of each matrix."""
    check_matrix("mT", input)
    return input.swapaxes(-1, -2)  # type: ignore[union-attr]  # an array's


@op(
    lambda g, y, a, b: _matmul(g, mT(b)), lambda g, y, a, b: _matmul(mT(a), g), broadcasts=True, kernel=kernels.matmul
)
def _matmul(a: TensorLike, b: TensorLike) -> Tensor:
    """Return a @ b of matrices, or of stacks of them that broadcast."""
    return a @ b


def matmul(input: TensorLike, other: TensorLike) -> Tensor:
    """Return the product (..., M, K) @ (..., K, N) -> (..., M, N); a vector is a row on the left, a column on the right."""
    if input.ndim == 0 or other.ndim == 0:
        raise ValueError(f"matmul: {input.shape} @ {other.shape}: a scalar has no rows and columns; use *")
    inner, rows = input.shape[-1], other.shape[-2] if other.ndim > 1 else other.shape[0]
    if inner != rows:
        hint = "; transpose the second?" if other.ndim > 1 and inner == other.shape[-1] else ""
        raise ValueError(f"matmul: {input.shape} @ {other.shape}: inner sizes {inner} and {rows} differ{hint}")
    if input.ndim == 1 and other.ndim == 1:
        return sum(input * other)
    if input.ndim == 1:
        product = matmul(unsqueeze(input, 0), other)
        return reshape(product, product.shape[:-2] + product.shape[-1:])
    if other.ndim == 1:
        product = matmul(input, unsqueeze(other, 1))
        return reshape(product, product.shape[:-1])
    if other.ndim == 2 and input.ndim > 2 and raw(input).size:  # one large product, and no sum over batches going back
        rows = reshape(input, (-1, inner))
        return reshape(_matmul(rows, other), input.shape[:-1] + other.shape[1:])
    return _matmul(input, other)


def bmm(input: TensorLike, mat2: TensorLike) -> Tensor:
    """Return the matrix products (B, M, K) @ (B, K, N) -> (B, M, N), without broadcasting."""
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[0] != mat2.shape[0]:
        raise ValueError(f"bmm: {input.shape} @ {mat2.shape}: both must be (B, ., .) with the same B")
    return matmul(input, mat2)


def dot(input: TensorLike, other: TensorLike) -> Tensor:
    """Return Σ aᵢbᵢ of two vectors."""
    if input.ndim != 1 or input.shape != other.shape:
        raise ValueError(f"dot: {input.shape} and {other.shape}: two vectors of one length are needed")
    return sum(input * other)


def outer(input: TensorLike, vec2: TensorLike) -> Tensor:
    """Return all products of two elements: (N,) and (M,) -> (N, M)."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise ValueError(f"outer: {input.shape} and {vec2.shape}: two vectors are needed")
    return unsqueeze(input, 1) * unsqueeze(vec2, 0)


@op(
    lambda g, y, x, w, b=None: _matmul(g, w),
    lambda g, y, x, w, b=None: _matmul(mT(g), x),
    lambda g, y, x, w, b=None: sum_to(g, shape=b.shape),
    kernel=kernels.linear,
    kind=kernels.LinearOp,
)
def _add_product(x: TensorLike, w: TensorLike, b: TensorLike | None = None) -> Tensor:
    """Return `linear` of rows x (N, in): w (out, in) and b (out,) or None -> (N, out)."""
    y = _matmul(x, mT(w))  # (N, in) @ (in, out)
    return y if b is None else y + b


_add_product.shown = "linear"


def linear(input: TensorLike, weight: TensorLike, bias: TensorLike | None = None) -> Tensor:
    """Return input @ weightᵀ + bias: (..., in) with weight (out, in) and bias (out,) -> (..., out)."""
    return linear_by(_add_product, input, weight, bias)


def linear_by(op: Callable, input: TensorLike, weight: TensorLike, bias: TensorLike | None) -> Tensor:
    """Check the arguments of a linear layer, and return op(rows, weight, bias) in the shape of input."""
    given, expected = input.shape, weight.shape
    if len(expected) != 2 or not given or given[-1] != expected[1]:
        raise ValueError(
            f"linear: input {given} and weight {expected}: the last size of the input must be in_features,"
            " the second of the weight (out_features, in_features)"
        )
    if len(given) == 2:
        return op(input, weight, bias)
    if kernels.lies_by_features(raw(input)):  # after an LSTM, (64, 64, 128) to 1 feature and back takes half as long
        product = mT(_matmul(weight, mT(input)))
        return product if bias is None else product + bias
    rows = reshape(input, (math.prod(given[:-1]), given[-1]))
    return reshape(op(rows, weight, bias), given[:-1] + expected[:1])


# --- einsum ----------------------------------------------------------------------------------------------------


def _spell_out(equation: str, operands: list) -> tuple[list[str], str]:
    """Return (inputs, output): letters for each operand and the result, no ellipsis, no implied output."""
    left, arrow, output = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(operands):
        raise ValueError(f"einsum {equation!r}: {len(inputs)} operands in the equation, {len(operands)} given")
    spare = [c for c in string.ascii_letters if c not in equation]
    extra = [t.ndim - len(s.replace("...", "")) if "..." in s else 0 for s, t in zip(inputs, operands, strict=True)]
    dots = "".join(spare[: max(extra)])
    if not arrow:
        letters = left.replace(",", "").replace("...", "")
        output = "..." * ("..." in left) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    inputs = [s.replace("...", dots[len(dots) - n :]) for s, n in zip(inputs, extra, strict=True)]
    for s, t in zip(inputs, operands, strict=True):
        if len(s) != t.ndim:
            raise ValueError(f"einsum {equation!r}: operand {tuple(t.shape)} has {t.ndim} dimensions, not {len(s)}")
    return inputs, output.replace("...", dots)


def _diagonal(equation: str, x: TensorLike, letter: str, a: int, b: int) -> Tensor:
    """Return the elements of x whose indices a and b, both called `letter`, are equal; that dimension comes first."""
    n, m = x.shape[a], x.shape[b]
    if n != m:
        raise ValueError(f"einsum {equation!r}: the index {letter!r} has sizes {n} and {m}")
    along = xp(raw(x)).arange(n)
    return index(movedim(x, (a, b), (0, 1)), (along, along))


def _einsum_forward(*operands, inputs, output):
    return xp(operands[0]).einsum(",".join(inputs) + "->" + output, *operands, optimize=True)


def _einsum_vjp(i, g, y, *operands, inputs, output):
    """Return the same sum with g in place of operand i; letters that only operand i has are repeated afterwards."""
    others = [t for j, t in enumerate(operands) if j != i]
    letters = [output] + [s for j, s in enumerate(inputs) if j != i]
    known = "".join(c for c in inputs[i] if any(c in s for s in letters))
    total = _einsum(g, *others, inputs=tuple(letters), output=known)
    kept = [n if c in known else 1 for c, n in zip(inputs[i], operands[i].shape, strict=True)]
    return broadcast_to(reshape(total, tuple(kept)), shape=operands[i].shape)


def _einsum_vjps(need, g, y, *operands, **const):
    return [_einsum_vjp(i, g, y, *operands, **const) if n else None for i, n in enumerate(need)]


_einsum = VariadicOp(_einsum_forward, _einsum_vjps)
_einsum.shown = "einsum"


def einsum(equation: str, *operands: Any) -> Tensor:
    """Return Einstein's sum: "ij,jk->ik" is a matrix product. Ellipses, an implied output and diagonals ("ii->i") work.

    Sizes of one letter must agree (a size of 1 does not broadcast here, except under an ellipsis).
    """
    terms = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else list(operands)
    inputs, output = _spell_out(equation, terms)
    for i, s in enumerate(inputs):
        while c := next((c for c in s if s.count(c) > 1), ""):
            terms[i] = _diagonal(equation, terms[i], c, s.index(c), s.rindex(c))
            s = c + s[: s.index(c)] + s[s.index(c) + 1 : s.rindex(c)] + s[s.rindex(c) + 1 :]
        inputs[i] = s
    sizes: dict[str, int] = {}
    for s, t in zip(inputs, terms, strict=True):
        for c, n in zip(s, t.shape, strict=True):
            if n != 1 or c not in sizes:
                if sizes.setdefault(c, n) not in (1, n):
                    raise ValueError(f"einsum {equation!r}: the index {c!r} has sizes {sizes[c]} and {n}")
                sizes[c] = n
    terms = [
        broadcast_to(t, shape=tuple(sizes[c] for c in s))
        if any(sizes[c] != n for c, n in zip(s, t.shape, strict=True))
        else t
        for s, t in zip(inputs, terms, strict=True)
    ]
    return _einsum(*terms, inputs=tuple(inputs), output=output)

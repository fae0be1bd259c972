"""Products: matmul and its relatives, einsum, and the linear layer."""

import string

from tinygan.autodiff import Op, VariadicOp, broadcast_to, op, raw, sum_to
from tinygan.backend import in_blocks, is_numpy, xp
from tinygan.ops.elementwise import gated, leaky_relu, rectify
from tinygan.ops.reduce import sum
from tinygan.ops.shape import flatten, permute, reshape, unsqueeze

__all__ = [
    "bmm", "dot", "einsum", "linear", "matmul", "mT", "outer",
]  # fmt: skip


@op(lambda g, y, x: mT(g))
def mT(input):
    """The last two dimensions exchanged: the transpose of each matrix."""
    return input.swapaxes(-1, -2)


@op(lambda g, y, a, b: _matmul(g, mT(b)), lambda g, y, a, b: _matmul(mT(a), g), broadcasts=True)
def _matmul(a, b):
    return _product(a, b)


def _product(a, b):
    if a.shape[-1] == 1:  # a column times a row: BLAS is slow at it, (64, 1) @ (1, 6272) takes 0.57 ms, this 0.04
        return a * b
    return a @ b


def matmul(input, other):
    """Matrix product (..., M, K) @ (..., K, N) -> (..., M, N); a vector is a row on the left, a column on the right."""
    if input.ndim == 0 or other.ndim == 0:
        raise ValueError(f"matmul: {input.shape} @ {other.shape}: a scalar is no matrix; use *")
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


def bmm(input, mat2):
    """(B, M, K) @ (B, K, N) -> (B, M, N), without broadcasting."""
    if input.ndim != 3 or mat2.ndim != 3 or input.shape[0] != mat2.shape[0]:
        raise ValueError(f"bmm: {input.shape} @ {mat2.shape}: both must be (B, ., .) with the same B")
    return matmul(input, mat2)


def dot(input, other):
    """Σ aᵢbᵢ of two vectors."""
    if input.ndim != 1 or input.shape != other.shape:
        raise ValueError(f"dot: {input.shape} and {other.shape}: two vectors of one length are needed")
    return sum(input * other)


def outer(input, vec2):
    """(N,) and (M,) -> (N, M) of all products."""
    if input.ndim != 1 or vec2.ndim != 1:
        raise ValueError(f"outer: {input.shape} and {vec2.shape}: two vectors are needed")
    return unsqueeze(input, 1) * unsqueeze(vec2, 0)


class _Linear(Op):
    """An Op that may end with leaky ReLU, max(y, slope y), in the product's own memory; as `conv.ImageOp` does.

    It computes its gradients at once where they need no recording: 5 us less a layer, of 15 for a small one.
    """

    def pullback(self, g, y, useful, record):
        slope = y.const.get("slope")
        if slope is not None:
            g = (gated if record else gated.forward)(g, y._data, slope=slope)
        if record:
            return super().pullback(g, y, useful, record)
        (x, w, b), (p, q, r) = y.arrays, y.parents
        return (
            _product(g, w) if p in useful else None,
            _product(g.T, x) if q in useful else None,
            sum_to.forward(g, b.shape) if r in useful else None,
        )


def _add_product(x, w, b=None, slope=None):
    y = _product(x, w.T)
    if b is not None:
        y += b
    if slope is not None:
        in_blocks(lambda block: rectify(block, slope), y)
    return y


_linear = _Linear(
    _add_product,
    lambda g, y, x, w, b=None, slope=None: _matmul(g, w),
    lambda g, y, x, w, b=None, slope=None: _matmul(mT(g), x),
    lambda g, y, x, w, b=None, slope=None: sum_to(g, shape=b.shape),
)


def linear(input, weight, bias=None, negative_slope=None):
    """input @ weightᵀ + bias: (..., in) with weight (out, in) and bias (out,) -> (..., out).

    negative_slope: leaky ReLU comes last, in the same memory (0: ReLU).
    """
    given, held = input.shape, weight.shape
    if len(held) != 2 or not given or given[-1] != held[1]:
        raise ValueError(
            f"linear: input {given} and weight {held}: the last size of the input must be in_features,"
            " the second of the weight (out_features, in_features)"
        )
    if len(given) == 2:
        return _linear(input, weight, bias, slope=negative_slope)
    if _lies_by_features(raw(input)):  # after an LSTM, (64, 64, 128) to 1 feature and back: 0.29 ms, otherwise 0.67
        product = mT(_matmul(weight, mT(input)))
        product = product if bias is None else product + bias
        return product if negative_slope is None else leaky_relu(product, negative_slope)
    rows = reshape(input, (raw(input).size // max(1, weight.shape[1]), weight.shape[1]))
    return reshape(_linear(rows, weight, bias, slope=negative_slope), input.shape[:-1] + weight.shape[:1])


def linear_of_pictures(input, weight, bias=None):
    """linear(flatten(input, 1), weight, bias) for pictures (N, C, ...): what lies channels-last is read as it lies.

    The weight (out, C ...) is put in that order if it is smaller: DCGAN's 64 pictures of 128 x 7 x 7, 0.10 ms, not 0.45.
    """
    x, to_last = raw(input), (0, *range(2, input.ndim), 1)
    if x.flags.c_contiguous or weight.size >= x.size or not x.transpose(to_last).flags.c_contiguous:
        return linear(flatten(input, 1), weight, bias)
    pictures = reshape(weight, (len(weight), *input.shape[1:]))
    rows, weight = (reshape(permute(t, to_last), (len(t), weight.shape[1])) for t in (input, pictures))
    return linear(rows, weight, bias)


def _lies_by_features(x):
    """Whether each step of x (T, N, F) lies in memory as (F, N), as an LSTM leaves it: to make rows of it is to copy it."""
    if not is_numpy(x) or x.ndim != 3 or x.shape[1] == 1:
        return False
    return x.strides[1:] == (x.itemsize, x.itemsize * x.shape[1])


# --- einsum ----------------------------------------------------------------------------------------------------


def _spelled_out(equation, operands):
    """(inputs, output): a string of letters per operand and for the result, without ellipses or an implied output."""
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
    return inputs, output.replace("...", dots), spare[max(extra) :]


def _einsum_forward(*operands, inputs, output):
    return xp(operands[0]).einsum(",".join(inputs) + "->" + output, *operands, optimize=True)


def _einsum_vjp(i, g, y, *operands, inputs, output):
    """The same sum with g in the place of operand i; letters that only operand i has are repeated afterwards."""
    others = [t for j, t in enumerate(operands) if j != i]
    letters = [output] + [s for j, s in enumerate(inputs) if j != i]
    known = "".join(c for c in inputs[i] if any(c in s for s in letters))
    found = _einsum(g, *others, inputs=tuple(letters), output=known)
    kept = [n if c in known else 1 for c, n in zip(inputs[i], operands[i].shape, strict=True)]
    return broadcast_to(reshape(found, tuple(kept)), shape=operands[i].shape)


def _einsum_vjps(need, g, y, *operands, **const):
    return [_einsum_vjp(i, g, y, *operands, **const) if n else None for i, n in enumerate(need)]


_einsum = VariadicOp(_einsum_forward, _einsum_vjps)


def einsum(equation, *operands):
    """Einstein's summation: "ij,jk->ik" is a matrix product. Ellipses, an implied output and diagonals ("ii->i") work.

    Sizes of one letter must agree (a size of 1 does not broadcast here, except under an ellipsis).
    """
    operands = list(operands[0]) if len(operands) == 1 and isinstance(operands[0], list | tuple) else list(operands)
    inputs, output, spare = _spelled_out(equation, operands)
    for i, s in enumerate(list(inputs)):  # a diagonal: "ii" is "ij" times the identity "ij"
        for place, c in enumerate(s):
            if c in s[:place]:
                new = spare.pop()
                inputs[i] = inputs[i][:place] + new + inputs[i][place + 1 :]
                n = operands[i].shape[place]
                operands.append(xp(raw(operands[i])).eye(n, dtype=operands[i].dtype))
                inputs.append(c + new)
    sizes = {}
    for s, t in zip(inputs, operands, strict=True):
        for c, n in zip(s, t.shape, strict=True):
            if n != 1 or c not in sizes:
                if sizes.setdefault(c, n) not in (1, n):
                    raise ValueError(f"einsum {equation!r}: the index {c!r} has sizes {sizes[c]} and {n}")
                sizes[c] = n
    operands = [
        broadcast_to(t, shape=tuple(sizes[c] for c in s))
        if any(sizes[c] != n for c, n in zip(s, t.shape, strict=True))
        else t
        for s, t in zip(inputs, operands, strict=True)
    ]
    return _einsum(*operands, inputs=tuple(inputs), output=output)

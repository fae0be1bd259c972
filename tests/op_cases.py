"""The table of ops: a row is an op and sample inputs. `test_ops.py` runs it; `op_table.py` says what R, P, U, A ... are.

`golden/make_golden.py` runs the same rows through PyTorch, under the same names, and stores the values, gradients and
gradients of gradients: run it after adding a row. Inputs are small, and away from kinks unless the row is about the kink
(`kink=True`: PyTorch's value and gradient there hold, second order and finite differences do not).
"""

import numpy as np
from op_table import CASES, A, B, I, P, R, U, image, row

__all__ = ["CASES"]

# elementwise: arithmetic
for op in ("add", "sub", "mul", "div", "maximum", "minimum"):
    row(op, R(2, 3), R(2, 3))
    row(op, R(2, 3), R(3), tag="broadcast")
    row(op, R(2, 1), R(3, 1, 4), tag="broadcast")
    row(op, R(), R(2))
    row(op, R(0, 3), R(3), tag="empty")
for op in ("maximum", "minimum"):
    row(op, A([1.0, 2.0, 3.0]), A([2.0, 2.0, 2.0]), tag="tie", kink=True)
row("pow", P(2, 3), exponent=3)
row("pow", P(2, 3), exponent=0.5)
row("pow", R(2, 3), exponent=2)
row("pow", R(2, 3), exponent=-1)
row("pow", R(2, 3), exponent=0)
row("pow", P(2, 3), R(2, 3))
row("pow", P(2, 1), R(3), tag="broadcast")
row("pow", R(3), call=lambda F, x: F.pow(2.0, x), tag="scalar base")
row("pow", A([0.0, 0.0, 2.0]), A([2.0, 1.0, 0.0]), tag="at zero", kink=True)
row("pow", A([0.0, -1.0]), exponent=2, tag="at zero")
for op in ("neg", "abs", "sign", "square", "exp", "expm1", "sin", "cos", "sinh", "cosh", "tanh", "erf", "erfc", "sigmoid",
           "relu", "silu", "reciprocal", "logsigmoid", "elu", "gelu", "softplus", "leaky_relu"):  # fmt: skip
    row(op, R(2, 3))
    row(op, R(2, 0), tag="empty")
    row(op, R())
for op in ("log", "log1p", "sqrt", "rsqrt"):
    row(op, P(2, 3))
    row(op, P(0), tag="empty")
for op in ("abs", "relu", "leaky_relu", "elu", "sign"):
    row(op, A([-1.0, 0.0, 1.0]), tag="kink", kink=True)
row("leaky_relu", R(2, 3), negative_slope=0.2)
row("leaky_relu", R(2, 3), negative_slope=1.5)
row("leaky_relu", R(2, 3), negative_slope=-0.5)
row("elu", R(2, 3), alpha=0.7)
row("gelu", R(2, 3), approximate="tanh")
row("softplus", R(2, 3), beta=2.0, threshold=1.0)
row("softplus", A([-100.0, -30.0, 30.0, 100.0]), tag="far out")
row("sigmoid", A([-800.0, -40.0, 40.0, 800.0]), tag="far out")
row("logsigmoid", A([-800.0, -40.0, 40.0, 800.0]), tag="far out")
row("silu", A([-800.0, -40.0, 40.0, 800.0]), tag="far out")
row("tanh", A([-800.0, -20.0, 20.0, 800.0]), tag="far out")
row("log1p", A([1e-12, 1e-5]), tag="small")
row("expm1", A([1e-12, 1e-5]), tag="small")
row("erf", A([-7.0, -3.0, -0.001, 0.0, 0.5, 2.5, 6.5]))
row("erfc", A([-7.0, -3.0, -0.001, 0.0, 0.5, 2.5, 6.5]))
for op in ("add", "sub"):
    row(op, R(2, 3), R(3), alpha=-2.5)
for rounding_mode in ("trunc", "floor"):
    row("div", R(2, 3), R(3), rounding_mode=rounding_mode)
row("clamp", R(3, 3), min=-0.5, max=0.7)
row("clamp", R(3, 3), min=0.2)
row("clamp", R(3, 3), max=0.2)
row("clamp", A([-1.0, 0.0, 1.0]), tag="border", min=-1.0, max=1.0, kink=True)
row("clamp", R(2, 3), R(3), R(2, 1), tag="Tensors")
row("clamp", R(2, 3), R(3), tag="Tensor")
row("where", B(2, 3), R(2, 3), R(2, 3))
row("where", B(2, 3), R(3), R(2, 1), tag="broadcast")
row("where", B(3, 1), R(), R(4), tag="broadcast")
row("where", B(2, 3), R(2, 3), call=lambda F, c, x: F.where(c, x, 0.0), tag="number")
row("glu", R(2, 6))
row("glu", R(4, 3), dim=0)

# steps
for op in ("floor", "ceil", "round"):
    row(op, R(2, 3))
    row(op, R(2, 0), tag="empty")
    row(op, R())
    row(op, A([-1.5, -0.5, 0.5, 1.5, 2.5, 2.0]), tag="halves", kink=True)
    row(op, I(9, 3), tag="integers", orders=0, why="integers")
row("round", R(2, 3), decimals=2)
row("remainder", R(2, 3), P(2, 3))
row("remainder", R(2, 3), R(3), tag="broadcast")
row("remainder", R(2, 3), other=0.7)
row("remainder", R(3), call=lambda F, x: F.remainder(x * 0 + 2.0, x), tag="divisor alone")
row("remainder", A([-3.0, 3.0, -3.5]), A([2.0, -2.0, 2.0]), tag="signs")
row("remainder", I(9, 2, 3), I(3, 2, 3), call=lambda F, a, b: F.remainder(a, b + 1), tag="integers", orders=0,
    why="integers")  # fmt: skip
row("floor_divide", R(2, 3, constant=True), P(2, 3, constant=True), orders=0, why="integers")
row("floor_divide", I(9, 2, 3), call=lambda F, a: F.floor_divide(a, 2), tag="number", orders=0, why="integers")
for op in ("eq", "ne", "lt", "le", "gt", "ge"):
    row(op, I(3, 2, 4), I(3, 4), orders=0, why="integers")
    row(op, A([1.0, np.nan, np.inf, 2.0], constant=True), A([1.0, np.nan, np.inf, 1.0], constant=True), tag="special",
        orders=0, why="integers")  # fmt: skip
for op in ("isnan", "isinf", "isfinite"):
    row(op, A([1.0, np.nan, np.inf, -np.inf], constant=True), orders=0, why="integers")
for op in ("all", "any"):
    row(op, B(3, 4), orders=0, why="integers")
    row(op, B(3, 4), dim=1, orders=0, why="integers")
    row(op, A([[0.0, 2.0], [np.nan, 1.0]]), dim=0, keepdim=True, orders=0, why="integers")
    row(op, R(0, 3), dim=0, orders=0, why="integers")
for op in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    row(op, B(3, 4), B(4), orders=0, why="integers")
    row(op, I(9, 5), I(9, 5), orders=0, why="integers")
row("bitwise_not", B(5), orders=0, why="integers")
row("bitwise_not", I(9, 5), orders=0, why="integers")

# reductions
for op in ("sum", "mean", "prod"):
    row(op, R(2, 3))
    row(op, R())
    row(op, R(2, 3, 2), dim=1)
    row(op, R(2, 3, 2), dim=-1, keepdim=True)
for op in ("sum", "mean"):
    row(op, R(2, 3, 2), dim=(0, 2))
    row(op, R(2, 3, 2), dim=(0, -1), keepdim=True)
    row(op, R(0, 3), dim=1)
row("sum", R(0, 3))
row("sum", R(0, 3), dim=0)
row("prod", A([[0.0, 2.0, 3.0], [0.0, 0.0, 1.0]]), dim=1, tag="zeros")
row("prod", R(0, 3), dim=0)
for op in ("var", "std"):
    row(op, R(3, 4))
    row(op, R(3, 4), dim=1)
    row(op, R(3, 4), dim=0, keepdim=True)
    row(op, R(2, 3, 2), dim=(0, 2), correction=0)
for op, points in (("var", [[2.0, 2.0], [1.0, 3.0]]), ("std", [[2.0, 2.0], [1.0, 3.0]])):
    row(op, A(points), dim=1, tag="equal values", kink=True)
    row(op, R(2, 3), tag="older words", call=lambda F, x, op=op: getattr(F, op)(x, dim=1, unbiased=False))
for p in (2, 1, 3, 0.5, -1, 0, float("inf"), float("-inf")):
    row("norm", R(2, 3), p=p)
    row("norm", R(2, 3, 2), p=p, dim=(0, 2), keepdim=True)
    row("norm", A([[0.0, 0.0], [0.0, 2.0]]), p=p, dim=1, tag="zeros", kink=True)
row("norm", R(2, 3), p="fro")
for op in ("amax", "amin"):
    row(op, R(2, 3))
    row(op, R(2, 3), dim=1)
    row(op, R(2, 3, 2), dim=(0, 2), keepdim=True)
    row(op, A([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]]), dim=1, tag="tie", kink=True)
    row(op, A([[1.0, 3.0, 2.0], [3.0, 1.0, 1.0]]), tag="tie", kink=True)
for op in ("max", "min"):
    row(op, R(2, 3))
    row(op, R(2, 3), dim=1)
    row(op, R(2, 3), dim=0, keepdim=True)
    row(op, R(2, 3), R(2, 3))
    row(op, A([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]]), dim=1, tag="tie", kink=True)
    row(op, A([[1.0, 3.0, 2.0], [3.0, 1.0, 1.0]]), tag="tie", kink=True)
for op in ("argmax", "argmin"):
    row(op, R(3, 4), dim=1, orders=0, why="integers")
    row(op, R(3, 4), dim=0, keepdim=True, orders=0, why="integers")
    row(op, R(3, 4), orders=0, why="integers")
row("logsumexp", R(2, 3), dim=1)
row("logsumexp", R(2, 3, 2), dim=(0, 2), keepdim=True)
row("logsumexp", A([[1000.0, 999.0], [-1000.0, -1001.0]]), dim=1, tag="far out")
row("logsumexp", A([[-np.inf, 1.0], [-np.inf, -np.inf]]), dim=1, tag="infinite", kink=True, golden_gradients=False,
    why="where every element is -inf the gradient is 0 here, nan in PyTorch")  # fmt: skip
for op in ("softmax", "log_softmax"):
    row(op, R(2, 3), dim=1)
    row(op, R(2, 3, 2), dim=1)
    row(op, R(2, 3), dim=0)
    row(op, R(0, 3), dim=1)
    row(op, A([[1000.0, 999.0], [-1000.0, -1003.0]]), dim=-1, tag="far out")
row("softmax", A([[-np.inf, 1.0, 2.0]]), dim=1, tag="masked", kink=True)
row("cumsum", R(2, 3), dim=0)
row("cumsum", R(2, 3), dim=-1)
row("cumsum", R(0, 3), dim=0)

# products
row("matmul", R(2, 3), R(3, 4))
row("matmul", R(3), R(3))
row("matmul", R(3), R(3, 2))
row("matmul", R(2, 3), R(3))
row("matmul", R(2, 2, 3), R(3, 2))
row("matmul", R(2, 3), R(2, 3, 2))
row("matmul", R(2, 1, 2, 3), R(3, 3, 2), tag="broadcast")
row("matmul", R(2, 2, 3), R(3))
row("matmul", R(3), R(2, 3, 2))
row("matmul", R(0, 3), R(3, 2), tag="empty")
row("matmul", R(2, 0), R(0, 3), tag="empty inside")
row("bmm", R(2, 2, 3), R(2, 3, 2))
row("dot", R(4), R(4))
row("outer", R(2), R(3))
row("mT", R(2, 3, 2))
for equation, shapes in {
    "ij,jk->ik": [(2, 3), (3, 2)], "ij,ij->": [(2, 3), (2, 3)], "bij,bjk->bik": [(2, 2, 3), (2, 3, 2)], "ij->ji": [(2, 3)],
    "ij->i": [(2, 3)], "ii->i": [(3, 3)], "ii": [(3, 3)], "i,j,k->ijk": [(2,), (2,), (3,)], "ij,jk": [(2, 3), (3, 2)],
    "...ij,jk->...ik": [(2, 2, 3), (3, 2)], "bhqd,bhkd->bhqk": [(1, 2, 2, 3), (1, 2, 3, 3)], "i,->i": [(3,), ()],
}.items():  # fmt: skip
    row("einsum", *(R(*s) for s in shapes), call=lambda F, *xs, e=equation: F.einsum(e, *xs), tag=equation)
row("linear", R(2, 3), R(4, 3), R(4))
row("linear", R(2, 2, 3), R(4, 3), R(4))
row("linear", R(3), R(4, 3), R(4))
row("linear", R(2, 3), R(4, 3))
row("linear", R(0, 3), R(4, 3), R(4), tag="empty")
for weight, *bias in ((R(4, 3), R(4)), (R(1, 3), R(1)), (R(4, 3),)):
    row("linear", R(2, 3, 3), weight, *bias, tag="by features", call=lambda F, x, *w: F.linear(F.mT(x), *w))

# shapes
row("reshape", R(2, 6), shape=(3, 4))
row("reshape", R(2, 6), shape=(-1, 3))
row("flatten", R(2, 3, 2))
row("flatten", R(2, 3, 2), start_dim=1)
row("flatten", R(2, 3, 2), end_dim=-2)
row("flatten", R())
row("flatten", R(0, 3, 2), start_dim=1)
row("unflatten", R(2, 6), dim=1, sizes=(2, 3))
row("transpose", R(2, 3, 2), dim0=0, dim1=-1)
row("permute", R(2, 3, 2), dims=(2, 0, 1))
row("permute", R(2, 3, 2), dims=(-1, 0, 1))
row("movedim", R(2, 3, 2), source=0, destination=-1)
row("movedim", R(2, 3, 1), source=(0, 1), destination=(2, 0))
row("squeeze", R(2, 1, 3, 1))
row("squeeze", R(2, 1, 3, 1), dim=1)
row("squeeze", R(2, 1, 3, 1), dim=0)
row("squeeze", R(2, 1, 3, 1), dim=(1, -1))
row("unsqueeze", R(2, 3), dim=1)
row("unsqueeze", R(2, 3), dim=-1)
row("broadcast_to", R(1, 3), call=lambda F, x: F.broadcast_to(x, (2, 2, 3)))
row("expand", R(1, 3), call=lambda F, x: F.expand(x, (2, -1)))
row("tile", R(2, 3), dims=(2, 2))
row("tile", R(2), dims=(2, 1, 3))
row("tile", R(2, 2, 1), dims=(2,))
row("cat", R(2, 3), R(1, 3), call=lambda F, *xs: F.cat(xs))
row("cat", R(2, 1), R(2, 0), R(2, 3), call=lambda F, *xs: F.cat(xs, dim=-1), tag="empty")
row("cat", R(2, 2), call=lambda F, x: F.cat([x, x], dim=1), tag="twice")
row("stack", R(2, 3), R(2, 3), call=lambda F, *xs: F.stack(xs))
row("stack", R(2, 3), R(2, 3), call=lambda F, *xs: F.stack(xs, dim=-1), tag="dim=-1")
row("split", R(5, 2), split_size_or_sections=2, call=lambda F, x: F.split(x, 2))
row("split", R(2, 5), call=lambda F, x: F.split(x, [1, 4], dim=1), tag="sections")
row("chunk", R(5, 2), chunks=3)
row("chunk", R(2, 4), chunks=2, dim=1)
row("flip", R(2, 3), dims=(0,))
row("flip", R(2, 3), dims=(0, -1))
row("roll", R(2, 3), shifts=1)
row("roll", R(3, 4), shifts=(1, -2), dims=(0, 1))
row("roll", R(3, 4), shifts=5, dims=-1)
row("unbind", R(3, 2))
row("unbind", R(3, 2, 2), dim=-1)
row("unbind", R(0, 3), dim=1, tag="empty")
row("repeat", R(2, 3), call=lambda F, x: F.repeat(x, (2, 2)))
row("repeat", R(2), call=lambda F, x: F.repeat(x, (3, 1, 2)), tag="in front")
row("repeat", R(2, 3), call=lambda F, x: F.repeat(x, (0, 1)), tag="none")
row("clone", R(2, 3))
for descending in (False, True):
    row("sort", R(3, 4), descending=descending)
    row("sort", R(3, 2, 2), dim=0, descending=descending)
    row("sort", R(0, 3), dim=0, descending=descending)
    row("sort", R(), descending=descending)
    row("argsort", R(3, 4), descending=descending, orders=0, why="integers")
    row("sort", A([2.0, np.nan, -np.inf, 1.0, np.inf]), tag="special", descending=descending, kink=True)
    row("argsort", I(3, 3, 5), tag="ties", orders=0, why="integers",
        call=lambda F, x, d=descending: F.argsort(x, dim=1, descending=d, **F.stable), descending=descending)  # fmt: skip
    row("topk", R(3, 5), k=2, largest=descending)
    row("topk", R(3, 5), k=3, dim=0, largest=descending)
row("topk", R(3), k=0)
row("gather", R(3, 4), I(3, 2, 4), call=lambda F, x, i: F.gather(x, 0, i))
row("gather", R(3, 4), I(4, 3, 2), call=lambda F, x, i: F.gather(x, 1, i), tag="repeats")
row("gather", R(3, 4), I(4, 2, 5), call=lambda F, x, i: F.gather(x, -1, i), tag="smaller index")
row("scatter_add", R(3, 4), R(2, 4), I(3, 2, 4), call=lambda F, x, s, i: F.scatter_add(x, 0, i, s))
row("index_select", R(3, 4), A([0, 2, 2], "int64"), call=lambda F, x, i: F.index_select(x, 0, i))
row("index_select", R(3, 4), A([3], "int64"), call=lambda F, x, i: F.index_select(x, -1, i))
row("select", R(3, 4), call=lambda F, x: F.select(x, 1, -2))
for key in ("0", "-1", "1:3", "::2", "..., 1", "None, 1:", ":, None", "1, 2", "0:0"):
    row("index", R(3, 4), call=lambda F, x, key=key: F.index(x, eval(f"np.s_[{key}]")), tag=f"[{key}]")
row("index", R(3, 4), A([0, 2, 2], "int64"), call=lambda F, x, i: F.index(x, i), tag="repeats")
row(
    "index",
    R(3, 4),
    A([[0, 1], [1, 1]], "int64"),
    A([3, 0], "int64"),
    call=lambda F, x, i, j: F.index(x, (i, j)),
    tag="pairs",
)
row("index", R(3, 4), A([2, 0], "int64"), call=lambda F, x, i: F.index(x, (slice(1, 3), i)), tag="mixed")
row("index", R(3, 4), B(3), call=lambda F, x, m: F.index(x, m), tag="mask")
row("index", R(3, 4), B(3, 4), call=lambda F, x, m: F.index(x, m), tag="mask")
row("masked_fill", R(2, 3), B(2, 3), value=-2.0)
row("masked_fill", R(2, 3), B(3), value=0.0)
row("tril", R(3, 4))
row("tril", R(2, 3, 3), diagonal=-1)
row("triu", R(3, 4))
row("triu", R(3, 4), diagonal=1)
row("pad", R(2, 3), call=lambda F, x: F.pad(x, (1, 2)))
row("pad", R(2, 3), call=lambda F, x: F.pad(x, (1, 0, 2, 1), value=0.5), tag="value")
row("pad", R(2, 4), call=lambda F, x: F.pad(x, (-1, 1)), tag="negative")
for mode in ("reflect", "replicate", "circular"):
    row("pad", R(1, 2, 4), call=lambda F, x, mode=mode: F.pad(x, (2, 1), mode=mode), tag=mode)
    row("pad", R(1, 1, 3, 3), call=lambda F, x, mode=mode: F.pad(x, (1, 2, 2, 0), mode=mode), tag=mode)
row("cast", R(2, 3), call=lambda F, x: F.cast(x, np.float64))

# whole numbers and chance
row("embedding", R(4, 3), I(4, 2, 3), call=lambda F, w, i: F.embedding(i, w))
row(
    "embedding",
    R(4, 3),
    A([1, 1, 3, 1], "int64"),
    call=lambda F, w, i: F.embedding(i, w, padding_idx=3),
    orders=0,
    why="row padding_idx has no gradient, although the value depends on it",
    tag="padding, repeats",
)
row("embedding", R(4, 3), I(4, 0), call=lambda F, w, i: F.embedding(i, w), tag="empty")
row("one_hot", I(4, 2, 3), orders=0, why="integers", num_classes=5)
row("one_hot", A([0, 3, 1], "int64"), orders=0, why="integers")


def _dropped(inputs, y):
    kept = y != 0
    assert 0.3 < kept.mean() < 0.9 and np.allclose(y[kept], inputs[0][kept] / 0.6)


def _rows_of_probabilities(inputs, y):
    assert y.shape == inputs[0].shape and (y >= 0).all() and np.allclose(y.sum(-1), 1)


def _one_hot_rows(inputs, y):
    assert y.shape == inputs[0].shape and np.allclose(np.sort(y, -1)[:, -1], 1) and np.allclose(y.sum(-1), 1)


def _drawn(inputs, y):
    assert y.shape == (200,) and (np.bincount(y, minlength=3) > 0).all() and np.bincount(y, minlength=3)[1] > 100


own_rng = "draws its own random numbers, which are not PyTorch's"
row(
    "dropout",
    R(8, 8),
    call=lambda F, x: F.dropout(x, 0.4, rng=np.random.default_rng(0)),
    golden=False,
    why=own_rng,
    holds=_dropped,
)
row("dropout", R(3, 4), call=lambda F, x: F.dropout(x, 0.4, training=False), tag="evaluation")
row("gumbel_softmax", R(4, 3), call=lambda F, x: F.gumbel_softmax(x, 0.7, rng=np.random.default_rng(0)),
    golden=False, why=own_rng, float32_tolerance=None, holds=_rows_of_probabilities)  # fmt: skip
row("gumbel_softmax", R(4, 3), call=lambda F, x: F.gumbel_softmax(x, hard=True, rng=np.random.default_rng(0)), tag="hard",
    golden=False, orders=0, why=own_rng + "; straight through: its gradient is not that of its value",
    float32_tolerance=None, holds=_one_hot_rows)  # fmt: skip
for shift, tag in ((0.0, ""), (1e4, "large logits"), (-1e4, "very negative")):
    row("categorical", A(np.tile([0.0, 2.0, 0.5], (200, 1)) + shift), tag=tag,
        call=lambda F, x: F.categorical(x, rng=np.random.default_rng(0)),
        golden=False, orders=0, why=own_rng + ", integers", holds=_drawn)  # fmt: skip
row("multinomial", A(np.exp(np.tile([0.0, 2.0, 0.5], (200, 1)))),
    call=lambda F, x: F.multinomial(x, 1, rng=np.random.default_rng(0))[:, 0],
    golden=False, orders=0, why=own_rng + ", integers", holds=_drawn)  # fmt: skip

# losses
for op in ("mse_loss", "l1_loss", "smooth_l1_loss"):
    for reduction in ("mean", "sum", "none"):
        row(op, R(2, 3), R(2, 3), reduction=reduction)
row("smooth_l1_loss", R(2, 3), R(2, 3), beta=0.3)
row("smooth_l1_loss", R(2, 3), R(2, 3), beta=0.0)
for op, spec in (("binary_cross_entropy", U), ("binary_cross_entropy_with_logits", R)):
    for reduction in ("mean", "sum", "none"):
        row(op, spec(2, 3), U(2, 3, constant=True), reduction=reduction)
    row(op, spec(2, 3), U(2, 3, constant=True), P(3, constant=True), tag="weight")
row("binary_cross_entropy", A([0.0, 1.0, 0.0, 1.0]), A([0.0, 1.0, 1.0, 0.0], constant=True), tag="0 and 1", kink=True,
    golden_gradients=False, why="-log(1 - x) has slope 1 at x = 0; PyTorch says 0")  # fmt: skip
row("binary_cross_entropy_with_logits", R(2, 3), U(2, 3), tag="soft target")
row("binary_cross_entropy_with_logits", R(2, 3), U(2, 3, constant=True), P(3, constant=True), tag="pos_weight",
    call=lambda F, x, t, w: F.binary_cross_entropy_with_logits(x, t, pos_weight=w))  # fmt: skip
row(
    "binary_cross_entropy_with_logits",
    A([-800.0, 800.0, -90.0, 90.0]),
    A([1.0, 0.0, 0.0, 1.0], constant=True),
    tag="far out",
)
for op in ("cross_entropy", "nll_loss"):
    for reduction in ("mean", "sum", "none"):
        row(op, R(3, 4), I(4, 3), reduction=reduction)
    row(op, R(3, 4), A([1, -100, 3], "int64"), tag="ignored")
    row(op, R(3, 4), A([1, 0, 3], "int64"), ignore_index=0)
    row(op, R(3, 4), I(4, 3), P(4, constant=True), tag="weight")
    row(op, R(3, 4), I(4, 3), P(4, constant=True), tag="weight", reduction="sum")
    row(op, R(4), A(2, "int64"), tag="one sample")
    row(op, R(2, 3, 2), I(3, 2, 2), tag="sequence")
row("cross_entropy", R(3, 4), I(4, 3), label_smoothing=0.1)
row("cross_entropy", R(3, 4), A([1, -100, 3], "int64"), label_smoothing=0.1, tag="ignored")
row("cross_entropy", R(3, 4), A([1, -100, 3], "int64"), P(4, constant=True), label_smoothing=0.2, tag="ignored, weight")
row("cross_entropy", R(2, 3, 2), I(3, 2, 2), label_smoothing=0.2, reduction="none")
row("cross_entropy", R(3, 4), U(3, 4), tag="probabilities")
row("cross_entropy", R(3, 4), U(3, 4), P(4, constant=True), tag="probabilities, weight", label_smoothing=0.1)
row("cross_entropy", R(2, 3, 2), U(2, 3, 2), tag="probabilities", reduction="sum")
X, W, T = R(3, 2), R(4, 2), I(4, 3)
for reduction in ("mean", "sum", "none"):
    row("linear_cross_entropy", X, W, T, reduction=reduction)


def _with_bias(tag, x, w, t, b, *more, **const):
    names = ("linear_bias", "weight")
    row("linear_cross_entropy", x, w, t, b, *more, tag=tag,
        call=lambda F, x, w, t, *rest: F.linear_cross_entropy(x, w, t, **dict(zip(names, rest)), **const))  # fmt: skip


_with_bias("bias", X, W, T, R(4))
_with_bias("bias, sum", X, W, T, R(4), reduction="sum")
_with_bias("bias, ignored", X, W, A([1, -100, 3], "int64"), R(4))
_with_bias("bias, weight", X, W, T, R(4), P(4, constant=True))
_with_bias("bias, weight, ignored", X, W, A([1, 2, 3], "int64"), R(4), P(4, constant=True), ignore_index=2)
_with_bias("bias, smoothed", X, W, T, R(4), label_smoothing=0.1)
_with_bias("bias, probabilities", X, W, U(3, 4), R(4))
_with_bias("bias, one sample", R(2), W, A(2, "int64"), R(4))
_with_bias("bias, far out", A([[300.0, 1.0], [-2.0, 400.0]]), R(3, 2), A([1, 2], "int64"), R(3))
for reduction in ("mean", "sum", "none", "batchmean"):
    row("kl_div", R(2, 3), U(2, 3), reduction=reduction)
row("kl_div", R(2, 3), R(2, 3), log_target=True, reduction="batchmean")
row("kl_div", R(2, 2), A([[0.0, 1.0], [0.3, 0.7]], constant=True), reduction="sum", tag="zeros in the target")

# convolutions
row("conv1d", R(2, 3, 6), R(4, 3, 3), R(4))
row("conv1d", R(2, 4, 7), R(4, 2, 3), R(4), stride=2, padding=1, groups=2)
row("conv1d", R(1, 2, 9), R(3, 2, 3), stride=2, dilation=2, padding=2)
row("conv2d", image(2, 3, 5, 4), R(4, 3, 3, 3), R(4), padding=1)
row("conv2d", R(2, 3, 5, 4), R(2, 3, 2, 3), tag="channels first")
row("conv2d", image(2, 2, 7, 6), R(3, 2, 4, 4), R(3), stride=2, padding=1)
row("conv2d", image(1, 4, 6, 6), R(6, 2, 3, 3), R(6), stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
row("conv2d", image(2, 3, 4, 4), R(3, 1, 3, 3), R(3), padding=1, groups=3, tag="depthwise")
row("conv2d", image(2, 3, 4, 4), R(5, 3, 1, 1), R(5))
row("conv2d", image(1, 2, 7, 7), R(2, 2, 2, 2), stride=3, tag="gaps")
row("conv2d", image(0, 2, 4, 4), R(3, 2, 3, 3), R(3), tag="empty")
row("conv3d", R(1, 2, 4, 3, 4), R(3, 2, 2, 3, 2), R(3), padding=(1, 1, 0), stride=(2, 1, 1))
row("conv3d", R(1, 2, 3, 3, 3), R(2, 1, 2, 2, 2), groups=2)
row("conv_transpose1d", R(2, 3, 4), R(3, 2, 3), R(2))
row("conv_transpose1d", R(2, 4, 4), R(4, 2, 4), R(4), stride=3, padding=1, output_padding=2, groups=2)
row("conv_transpose1d", R(1, 2, 4), R(2, 2, 3), stride=2, dilation=2)
row("conv_transpose2d", image(2, 3, 3, 4), R(3, 2, 4, 4), R(2), stride=2, padding=1)
row("conv_transpose2d", image(1, 4, 3, 3), R(4, 1, 3, 3), R(2), stride=2, padding=1, output_padding=1, groups=2)
row("conv_transpose2d", image(1, 2, 2, 3), R(2, 3, 2, 3), stride=(3, 1), dilation=(1, 2), padding=(0, 1))
row("conv_transpose2d", image(0, 2, 3, 3), R(2, 3, 3, 3), R(3), tag="empty")
row(
    "conv_transpose3d",
    R(1, 2, 2, 3, 2),
    R(2, 2, 2, 3, 2),
    R(2),
    stride=(2, 1, 2),
    padding=(0, 1, 0),
    output_padding=(1, 0, 0),
)

# pools, sizes
row("max_pool2d", image(2, 2, 4, 6), kernel_size=2)
row("max_pool2d", image(1, 2, 5, 5), kernel_size=3, stride=2, padding=1)
row("max_pool2d", R(1, 2, 5, 7), kernel_size=(2, 3), stride=(1, 2))
row("max_pool2d", A([[[[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]), kernel_size=2, tag="tie", kink=True)
row("avg_pool1d", R(2, 2, 6), kernel_size=2)
row("avg_pool1d", R(2, 2, 7), kernel_size=3, stride=2, padding=1)
row("avg_pool2d", image(2, 2, 4, 6), kernel_size=2)
row("avg_pool2d", image(1, 2, 5, 5), kernel_size=3, stride=2, padding=1)
row("avg_pool2d", R(1, 2, 5, 7), kernel_size=(2, 3), stride=(1, 2), padding=(1, 0), count_include_pad=False)
row("adaptive_avg_pool2d", image(2, 2, 5, 7), output_size=(2, 3))
row("adaptive_avg_pool2d", image(2, 2, 4, 4), output_size=1)
row("adaptive_avg_pool2d", image(1, 2, 2, 3), output_size=(4, 3))
for mode in ("nearest", "bilinear", "bicubic"):
    row("interpolate", image(1, 2, 3, 4), scale_factor=2, mode=mode)
    row("interpolate", R(1, 2, 5, 4), size=(3, 7), mode=mode)
    if mode != "nearest":
        row("interpolate", image(1, 2, 3, 4), size=(5, 6), mode=mode, align_corners=True)
row("pixel_shuffle", image(2, 8, 2, 3), upscale_factor=2)
row("pixel_unshuffle", image(2, 2, 4, 6), downscale_factor=2)

# norms and similarity
statistics = (R(3, constant=True), P(3, constant=True))
row("batch_norm", R(4, 3), None, None, R(3), R(3), training=True)
row("batch_norm", image(2, 3, 2, 2), None, None, R(3), R(3), training=True)
row("batch_norm", R(4, 3, 2), None, None, training=True)
row("batch_norm", R(4, 3), *statistics, R(3), R(3), tag="evaluation")
row("batch_norm", image(2, 3, 2, 2), *statistics, R(3), R(3), tag="evaluation", eps=0.1)
row("layer_norm", R(2, 3, 4), R(4), R(4), call=lambda F, x, w, b: F.layer_norm(x, (4,), w, b))
row("layer_norm", R(2, 3, 4), R(3, 4), R(3, 4), call=lambda F, x, w, b: F.layer_norm(x, (3, 4), w, b))
row("layer_norm", R(3, 4), call=lambda F, x: F.layer_norm(x, (4,), eps=0.1))
row("group_norm", image(2, 4, 2, 3), R(4), R(4), call=lambda F, x, w, b: F.group_norm(x, 2, w, b))
row("group_norm", R(2, 6, 3), call=lambda F, x: F.group_norm(x, 3))
row("instance_norm", image(2, 3, 2, 3), R(3), R(3), call=lambda F, x, w, b: F.instance_norm(x, weight=w, bias=b))
row("instance_norm", image(2, 3, 2, 3))
row("normalize", R(3, 4))
row("normalize", R(3, 4), p=1.0, dim=0)
row("normalize", R(2, 3, 2), dim=-1)
row("cosine_similarity", R(3, 4), R(3, 4))
row("cosine_similarity", R(3, 4), R(1, 4), dim=-1, tag="broadcast")
row("cosine_similarity", R(3, 4), R(3, 4), dim=0)

# attention
row("scaled_dot_product_attention", R(1, 2, 3, 4), R(1, 2, 5, 4), R(1, 2, 5, 2))
row("scaled_dot_product_attention", R(2, 3, 4), R(2, 3, 4), R(2, 3, 4), is_causal=True)
keep = A([[1, 1, 0, 1, 0], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]], "bool")
row("scaled_dot_product_attention", R(1, 2, 3, 4), R(1, 2, 5, 4), R(1, 2, 5, 2), keep, tag="mask")
row(
    "scaled_dot_product_attention",
    R(1, 2, 3, 4),
    R(1, 2, 5, 4),
    R(1, 2, 5, 2),
    R(3, 5, constant=True),
    scale=0.3,
    tag="added mask",
)

# recurrent
weights = (R(8, 3), R(8, 2), R(8), R(8))  # of an LSTM with inputs of 3 and a state of 2
row("lstm_cell", R(3, 3), R(3, 2), R(3, 2), *weights)
row("lstm_cell", R(1, 3), R(1, 2), R(1, 2), R(8, 3), R(8, 2))
row("lstm", R(4, 3, 3), R(3, 2), R(3, 2), *weights)
row("lstm", R(3, 2, 3), None, None, *weights)
row("lstm", R(3, 2, 3), R(2, 2), R(2, 2), R(8, 3), R(8, 2))
row("lstm", R(4, 3, 3), R(3, 2), R(3, 2), *weights, A([4, 1, 3], "int64"), tag="lengths")
row("lstm", R(18, 2, 1), None, None, R(8, 1), R(8, 2), R(8), tag="long", call=lambda F, *a: F.lstm(*a, None))
row("lstm", R(1, 1, 3), None, None, *weights, tag="one step")
row("gru_cell", R(3, 3), R(3, 2), R(6, 3), R(6, 2), R(6), R(6))
row("gru_cell", R(1, 3), R(1, 2), R(6, 3), R(6, 2))
row("gru", R(4, 3, 3), R(3, 2), R(6, 3), R(6, 2), R(6), R(6))
row("gru", R(3, 2, 3), None, R(6, 3), R(6, 2))
row("gru", R(4, 3, 3), R(3, 2), R(6, 3), R(6, 2), R(6), R(6), A([4, 1, 3], "int64"), tag="lengths")
row("gru", R(18, 2, 1), None, R(6, 1), R(6, 2), R(6), tag="long", call=lambda F, *a: F.gru(*a, None))
written = (R(8, 5), R(8, 2), R(8), R(8), R(3, 2), R(3))  # rows of 3, noise of 2, a state of 2
for activation in ("sigmoid", "tanh", "none"):
    row("lstm_feedback", R(3, 2, 2), R(2, 3), R(2, 2), R(2, 2), *written, activation=activation)
row("lstm_feedback", R(3, 2, 2), None, None, None, *written, return_hidden=True)
row("lstm_feedback", R(18, 1, 2), None, None, None, R(8, 5), R(8, 2), None, None, R(3, 2), None, tag="long")

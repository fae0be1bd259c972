"""Every op with a kernel beside its textbook form: the two are held equal at orders 0, 1 and 2, one row or several an op.

Ops are found by looking, not by this table: a kernel without a row here, or without a textbook form, fails. The files of
single families (test_conv.py, test_recurrent.py, ...) go on with more shapes, blocks and threads.
"""

import ast
import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest

import tinygan
from tinygan import Tensor, grad, losses, ops
from tinygan.autodiff import Fused, Op
from tinygan.nn import fuse
from tinygan.ops.windows import Geometry

ROOT = Path(tinygan.__file__).parent


def rand(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def has_kernel(op):
    return isinstance(op, Fused) or op.forward is not op.textbook


def ops_with_kernels():
    """{"file.name": op} of all files that may have ops."""
    names = [f"tinygan.ops.{m.name}" for m in pkgutil.iter_modules(ops.__path__) if not m.ispkg]
    modules = [importlib.import_module(name) for name in names] + [losses, fuse]
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, Op) and has_kernel(value) and value.__module__ == module.__name__
    }  # fmt: skip


FOUND = ops_with_kernels()

# --- rows: the arguments and constants of a call ---------------------------------------------------------------

GEOMETRIES = {
    "padded": ((4, 5), (3, 3), Geometry((1, 1), (1, 1), (1, 1), 1), (4, 5)),
    "halves": ((6, 6), (4, 4), Geometry((2, 2), (1, 1), (1, 1), 2), (3, 3)),
    "uneven": ((5, 7), (3, 2), Geometry((2, 1), (2, 0), (1, 2), 1), (4, 5)),
    "sound": ((9,), (3,), Geometry((2,), (1,), (2,), 2), (4,)),
    "volume": ((3, 4, 3), (2, 3, 2), Geometry((1, 2, 1), (1, 1, 0), (1, 1, 2), 2), (4, 2, 1)),
}
POOLS = {
    "tiles": ((4, 6), (2, 3), Geometry((2, 3), (0, 0), (1, 1), 1), (2, 2)),
    "overlapping": ((5, 5), (3, 3), Geometry((2, 2), (1, 1), (1, 1), 1), (3, 3)),
    "gaps": ((5, 4), (1, 2), Geometry((2, 2), (0, 0), (1, 2), 1), (3, 1)),
}
ROWS = {}


def row(op, *args, **const):
    """A row: the arguments and the constants of a call."""
    ROWS.setdefault(op, []).append((args, const))


for space, kernel, geometry, size in GEOMETRIES.values():
    x, w, y = rand(2, 4, *space), rand(4, 4 // geometry.groups, *kernel), rand(2, 4, *size)
    row("convolution.conv", x, w, rand(4), size=size, geometry=geometry)
    row("convolution.conv", x, w, None, size=size, geometry=geometry)
    row("convolution.conv_transpose", y, w, rand(4), size=space, geometry=geometry)
    row("convolution.conv_weight", x, y, size=kernel, geometry=geometry)
    for slope in (0.0, 0.2):
        row("fuse.rectified_conv", x, w, rand(4), size=size, geometry=geometry, slope=slope)
        row("fuse.rectified_conv_transpose", y, w, rand(4), size=space, geometry=geometry, slope=slope)
row("convolution.channel_sum", rand(3, 4, 2, 2))
for space, kernel, geometry, size in POOLS.values():
    x, y = rand(2, 3, *space), rand(2, 3, *size)
    where = {"kernel": kernel, "geometry": geometry}
    winner = np.random.default_rng(0).integers(0, np.prod(kernel), y.shape) * 0  # offset 0 lies in the image
    row("pool.window_sum", x, size=size, **where)
    row("pool.spread", y, size=space, **where)
    row("pool.window_max", x, size=size, **where)
    row("pool._largest", x, size=size, **where)
    row("pool.pick", x, winner, size=size, **where)
    row("pool.put", y, winner, size=space, **where)
for slope in (0.0, 0.2, -0.5, 1.5):
    row("elementwise.gated", rand(3, 4), rand(3, 4, seed=1), slope=slope)
    row("elementwise.leaky_relu", rand(3, 4), negative_slope=slope)
row("elementwise.relu", rand(3, 4))
row("elementwise._tanh_slope", rand(3, 4))
row("linalg._matmul", rand(3, 4), rand(4, 2))
row("linalg._matmul", rand(2, 3, 1), rand(2, 1, 4))
row("linalg._add_product", rand(3, 4), rand(2, 4), rand(2))
row("linalg._add_product", rand(3, 1), rand(2, 1), None)
for slope in (0.0, 0.2, 1.0):
    row("fuse.rectified_linear", rand(3, 4), rand(2, 4), rand(2), slope=slope)
for per_sample, groups in ((False, 4), (True, 4), (True, 2)):
    settings = {"groups": groups, "per_sample": per_sample, "eps": 1e-5}
    row("normalisation.normalize_channels", rand(3, 4, 2, 5), rand(4), rand(4, seed=1), **settings)
    row("normalisation.normalize_channels", rand(3, 4, 2, 5), None, None, **settings)
    row("fuse.rectified_channels", rand(3, 4, 2, 5), rand(4), rand(4, seed=1), **settings, slope=0.2)
row("normalisation._layer_norm", rand(3, 2, 5), rand(2, 5), rand(2, 5, seed=1), ndim=2, eps=1e-5)
row("normalisation._layer_norm", rand(3, 5), None, None, ndim=1, eps=1e-5)
T, N, I, H, X = 6, 3, 2, 4, 5


def weights(gates, inputs=I):
    return [0.7 * rand(*shape) for shape in ((gates * H, inputs), (gates * H, H), (gates * H,), (gates * H,))]


row("recurrent.lstm", rand(T, N, I), rand(N, H), rand(N, H, seed=1), *weights(4), lengths=np.array([T, 2, 0]))
row("recurrent.lstm", rand(T, N, I), None, None, *weights(4)[:2], None, None)
row("recurrent.gru", rand(T, N, I), rand(N, H), *weights(3), lengths=np.array([T, 2, 0]))
row("recurrent.gru", rand(T, N, I), None, *weights(3)[:2], None, None)
row("recurrent.lstm_cell_packed", rand(N, I), rand(N, H), rand(N, H, seed=1), *weights(4))
row("recurrent.gru_cell", rand(N, I), rand(N, H), *weights(3))
for activation in ("sigmoid", "tanh", "none"):
    args = rand(T, N, I), rand(N, X), rand(N, H), None, *weights(4, X + I), rand(X, H), rand(X)
    row("recurrent.lstm_writing", *args, activation=activation)
row("sampling._add_rows", rand(4, 2, 3), indices=np.array([[0, 2], [2, 2], [4, 0], [1, 2]]), num=6, skip=None)
row("sampling._add_rows", rand(4, 3), indices=np.array([3, 2, 2, 3]), num=4, skip=3)
row("sampling._draw", logits=rand(50, 23), u=np.random.default_rng(1).random(50))
row("sampling._draw", logits=200 * rand(4, 7, 24), u=np.random.default_rng(1).random((4, 7)))
target, wanted = np.array([0, 3, 1, 1, 2]), (True, True, True)
row("losses._linear_loss", rand(5, 3), rand(4, 3), rand(4), target=target, weights=rand(5) ** 2, wanted=wanted)
row("losses._linear_loss", rand(5, 3), rand(4, 3), None, target=target, weights=rand(5) ** 2, wanted=(True, True, False))


# --- tests -----------------------------------------------------------------------------------------------------


def test_every_kernel_has_a_row_and_every_row_a_kernel():
    assert set(ROWS) == set(FOUND)


def orders_0_1_2(function, op, args, const):
    """The value of a call, its gradients, and gradients of gradients, in which all arguments with a gradient take part."""
    vjps = [True] * len(args) if isinstance(op, Fused) else op.vjps
    arguments = [Tensor(a, requires_grad=True) if a is not None and v else a for a, v in zip(args, vjps, strict=True)]
    leaves = [a for a in arguments if isinstance(a, Tensor)]
    y = function(*arguments, **const)
    if not leaves:
        return [y]
    first = grad(ops.sum(y * y * y), leaves, create_graph=True)
    second = grad(ops.sum(ops.stack([ops.sum(g * g) for g in first])), leaves)
    return [y.data, *grad(ops.sum(y * y), leaves), *(g.data for g in first), *second]


@pytest.mark.parametrize("name, k", [(name, k) for name, rows in ROWS.items() for k in range(len(rows))])
def test_the_kernel_is_its_textbook_form_at_orders_0_1_2(name, k):
    op, (args, const) = FOUND[name], ROWS[name][k]
    for a, b in zip(*(orders_0_1_2(f, op, args, const) for f in (op, op.textbook)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


def test_what_ops_take_from_the_kernels_is_the_kernel_of_an_op():
    """Nothing else is: classes of ops, and one question about memory. A fast path elsewhere would have no textbook form."""
    kernels = set()
    for op in FOUND.values():
        for function in (op.run, op.backward) if isinstance(op, Fused) else (op.forward,):
            kernels.add((function.__module__, function.__name__))
    allowed = {"LinearOp", "ImageOp", "lies_by_features"}
    for path in ROOT.rglob("*.py"):
        if "kernels" in path.parts:
            continue
        # Adam on a GPU, beside the same in NumPy
        here = allowed | {"launch"} if path.name == "optimizers.py" else allowed
        tree = ast.parse(path.read_text())
        files = {}  # the name that a file of kernels has in this file -> its module
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "tinygan.ops.kernels":
                files |= {a.asname or a.name: f"tinygan.ops.kernels.{a.name}" for a in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinygan.ops.kernels."):
                assert {a.name for a in node.names} <= allowed, path
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in files:
                function = getattr(importlib.import_module(files[node.value.id]), node.attr)
                assert node.attr in here or (function.__module__, function.__name__) in kernels, (path, node.attr)

"""Every op, by the table in `op_cases.py`: PyTorch's numbers, finite differences, float32, arrays, arrays of a GPU."""

import json
import types
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from gpu import GpuArray, on_gpu
from op_cases import CASES

from tinygan import Tensor, grad, losses, ops, threads
from tinygan.autodiff import Op, history
from tinygan.gradcheck import assert_gradients

pytestmark = pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
golden_cases = pytest.mark.parametrize("case", [c for c in CASES if c.golden], ids=lambda case: case.id)
gradient_cases = pytest.mark.parametrize(
    "case", [c for c in CASES if c.differentiable() and "integers" not in c.why], ids=lambda case: case.id
)


class Functions:
    """Ops and losses in one place, as in PyTorch's."""

    stable = {}  # PyTorch's argsort is stable if asked

    def __getattr__(self, name):
        return getattr(ops, name) if hasattr(ops, name) else getattr(losses, name)


F = Functions()


def listed(result):
    return list(result) if isinstance(result, tuple | list) else [result]


@cache
def golden():
    """{row: (value, first, second)}; None where PyTorch has no gradient, or none of second order."""
    stored = np.load(Path(__file__).parents[1] / "golden" / "golden.npz")
    numbers, coarse, rows = iter_over(stored["numbers"]), iter_over(stored["coarse"]), {}
    for name, parts in json.loads(stored["index"].tobytes()).items():
        rows[name] = [
            None if shapes is None else [source(shape) for shape in shapes]
            for shapes, source in zip(parts, (numbers, numbers, coarse), strict=True)
        ]
    return rows


def iter_over(flat):
    place = 0

    def take(shape):
        nonlocal place
        size = int(np.prod(shape))
        place += size
        return flat[place - size : place].reshape(shape)

    return take


def run(case, inputs, make=lambda a: a):
    """(outputs, floating outputs, inputs whose gradient is wanted) of a row on Tensors of `make(array)`."""
    given = [make(x) if isinstance(x, np.ndarray) else x for x in inputs]
    chosen = [Tensor(given[i], requires_grad=True) for i in case.differentiable()]
    outputs = [
        y if isinstance(y, Tensor) else Tensor(y) for y in listed(case.of(F, given)(*chosen))
    ]  # of integers, arrays
    return outputs, [y for y in outputs if y.dtype.kind == "f"], chosen


def gradients(case, outputs, chosen, make=lambda a: a, create_graph=False):
    recorded = [(y, u) for y, u in zip(outputs, case.upstream(outputs), strict=True) if y.requires_grad]
    if not recorded:
        return [Tensor(x.data * 0) if create_graph else x.data * 0 for x in chosen]
    upstream = [make(u.astype(y.dtype)) for y, u in recorded]
    return grad([y for y, _ in recorded], chosen, upstream, create_graph=create_graph)


def as_float32(inputs):
    return [x.astype(np.float32) if isinstance(x, np.ndarray) and x.dtype == np.float64 else x for x in inputs]


def assert_close(found, expected, tolerance):
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        assert a.shape == b.shape
        scale = np.abs(b[np.isfinite(b)]).max(initial=0.0) if b.dtype.kind == "f" else 0.0
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(scale, 1e-3))


@golden_cases
def test_as_in_pytorch(case):
    """Value, gradients and gradients of gradients are PyTorch's."""
    assert case.id in golden(), "a new or changed row: run tests/golden/make_golden.py"
    value, first, second = golden()[case.id]
    outputs, floating, chosen = run(case, case.inputs())
    assert_close([y.numpy() for y in outputs], value, 1e-12)
    if not case.golden_gradients:
        return
    if first is not None:
        assert_close(gradients(case, floating, chosen), first, 1e-10)
    if second is not None and not case.kink:
        recorded = gradients(case, floating, chosen, create_graph=True)
        assert_close([g.numpy() for g in recorded], first, 1e-10)
        v = case.second_upstream(first)
        curved = [(g, w) for g, w in zip(recorded, v) if g.requires_grad]
        found = grad([g for g, _ in curved], chosen, [w for _, w in curved]) if curved else [x.data * 0 for x in chosen]
        assert_close(found, second, 1e-5)


@gradient_cases
def test_kernels_and_textbook_forms_agree(case):
    """All ops of a row have the value of their textbook forms; their gradients are compared with PyTorch's above."""
    for y in run(case, case.inputs())[0]:
        for node in history([y])[1] if y.requires_grad else ():
            if getattr(node.op, "forward", None) is not node.op.textbook:
                assert_close([node.op.textbook(*node.args, **node.const).data], [node.data], 1e-12)


FAMILIES = {"avg_pool", "conv", "conv_transpose", "norm"}  # each is of several functions


@every_case
def test_a_tensor_names_the_function_that_its_reader_knows(case):
    """Its repr and the engine's errors: not op=_add_product. Of a function made of several ops, each."""
    outputs, _, _ = run(case, case.inputs())
    for t in history(outputs)[1]:
        name = t.op.shown
        public = callable(getattr(ops, name, None)) or hasattr(losses, name) or name in FAMILIES
        assert public and f"op={name}" in repr(t), name


@pytest.mark.parametrize("case", [c for c in CASES if c.orders], ids=lambda case: case.id)
def test_finite_differences(case):
    """First order, and second unless the row says why not."""
    inputs = case.inputs()
    places = case.differentiable()
    f, names = case.of(F, inputs), [f"input {i}" for i in places]
    assert_gradients(f, *(inputs[i] for i in places), order=case.orders, samples=12, names=names)


@pytest.mark.parametrize("case", [c for c in CASES if c.holds], ids=lambda case: case.id)
def test_what_holds(case):
    """Rows that PyTorch's numbers cannot check."""
    inputs = case.inputs()
    case.holds(inputs, case.call(F, *inputs))


@every_case
def test_arrays_in_arrays_out(case):
    """Given arrays an op returns arrays, with the value that it has on Tensors."""
    inputs = case.inputs()
    arrays, (tensors, _, _) = listed(case.call(F, *inputs)), run(case, inputs)
    for a, t in zip(arrays, tensors, strict=True):
        assert isinstance(a, np.ndarray | np.generic)
        np.testing.assert_array_equal(a, t.numpy())


@gradient_cases
def test_float32_stays_float32(case):
    """No float64 slips in, forward or backward, and the numbers are those of float64."""
    if case.op == "cast":
        return
    _, exact, wide = run(case, case.inputs())
    _, floating, chosen = run(case, as_float32(case.inputs()))
    for y in floating:
        assert y.dtype == np.float32
    found = gradients(case, floating, chosen)
    assert all(g.dtype == np.float32 for g in found)
    if case.float32_tolerance:
        assert_close([y.numpy() for y in floating], [y.numpy() for y in exact], case.float32_tolerance)
        assert_close(found, gradients(case, exact, wide), case.float32_tolerance)
    recorded = gradients(case, floating, chosen, create_graph=True)
    assert all(g.dtype == np.float32 and g.shape == x.shape for g, x in zip(recorded, chosen, strict=True))
    curved = [g for g in recorded if g.requires_grad]
    if curved and case.orders == 2:
        v = [v.astype(np.float32) for v in case.second_upstream(curved)]
        assert all(g.dtype == np.float32 and np.isfinite(g).all() for g in grad(curved, chosen, v))


@every_case
def test_on_a_gpu(case):
    """The ops never use a NumPy function on an array that is not NumPy's: what a GPU would refuse."""
    inputs = case.inputs()
    plain, floating, chosen = run(case, inputs)
    outputs, device_floating, device_chosen = run(case, inputs, on_gpu)
    for y, expected in zip(outputs, plain, strict=True):
        assert isinstance(y.data, GpuArray) and y.shape == expected.shape and y.dtype == expected.dtype
    assert_close([y.numpy() for y in outputs], [y.numpy() for y in plain], 1e-10)
    found = gradients(case, device_floating, device_chosen, on_gpu)
    assert all(isinstance(g, GpuArray) for g in found)
    assert_close([g.get() for g in found], gradients(case, floating, chosen), 1e-10)
    recorded = gradients(case, device_floating, device_chosen, on_gpu, create_graph=True)
    curved = [g for g in recorded if g.requires_grad]
    if curved and case.orders == 2:
        for g in grad(curved, device_chosen, [on_gpu(v) for v in case.second_upstream(curved)]):
            assert isinstance(g, GpuArray)
    for y in listed(case.of(F, [on_gpu(x) for x in inputs])(*(x.data for x in device_chosen))):
        assert isinstance(y, GpuArray)


NOT_OPS = {"raw", "op", "fused"}


def test_every_op_has_a_row():
    """A function that tinygan.ops or tinygan.losses exports and the table does not test is an error."""
    exported = set()
    for module in (ops, losses):
        for name, value in vars(module).items():
            home = getattr(value, "__module__", "")
            if not name.startswith("_") and (isinstance(value, Op) or isinstance(value, types.FunctionType)):
                if home.startswith(("tinygan.ops", "tinygan.losses", "tinygan.autodiff")):
                    exported.add(name)
    missing = exported - {case.op for case in CASES} - NOT_OPS
    assert not missing, f"no row in tests/op_cases.py for: {', '.join(sorted(missing))}"


def test_no_golden_row_is_left_over():
    assert set(golden()) == {case.id for case in CASES if case.golden}


def test_every_case_name_is_its_own():
    assert len({case.id for case in CASES}) == len(CASES)


def test_warnings_are_errors():
    with pytest.raises(RuntimeWarning), warnings.catch_warnings():
        warnings.simplefilter("error")
        ops.log(np.array(-1.0))


# --- blocks that fit the cache ---------------------------------------------------------------------------------

LARGE = np.random.default_rng(0).standard_normal((9, 40, 20, 11), dtype=np.float32)  # more than two blocks
LAYOUTS = {
    "rows": lambda x: x,
    "channels-last": lambda x: np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2),
    "with gaps": lambda x: np.repeat(x, 2, axis=3)[..., ::2],
    "repeated": lambda x: np.broadcast_to(x[:1], x.shape),
}


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("layout_of_g", LAYOUTS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name, slope", [("relu", 0.0), ("leaky_relu", 0.2)])
def test_large_arrays_go_in_blocks_whatever_their_layout(name, slope, layout, layout_of_g, count, use_threads):
    use_threads(count)
    x, g = LAYOUTS[layout](LARGE), LAYOUTS[layout_of_g](LARGE[::-1])
    assert x.size > 2 * threads.BLOCK
    t = Tensor(x, requires_grad=True)
    y = getattr(ops, name)(t, *[slope] * (name == "leaky_relu"))
    np.testing.assert_array_equal(y.data, np.where(x > 0, x, np.float32(slope) * x))
    np.testing.assert_allclose(grad(y, t, g)[0], np.where(x > 0, g, np.float32(slope) * g), rtol=1e-6)

"""The stand-in for CuPy must refuse what CuPy refuses, or the tests that use it prove nothing.

With TINYGAN_TEST_DEVICE=cuda the same is asked of CuPy itself, but for STRICTER, what the stand-in alone refuses.
"""

import copy

import cupy
import numpy as np
import pytest
from gpu import REAL, GpuArray, on_gpu

from tinygan.backend import to_device, to_numpy

a = on_gpu(np.arange(6.0).reshape(2, 3))
n = np.ones((2, 3))
channels_last = np.moveaxis(np.zeros((2, 4, 5, 3)), -1, 1)

REFUSED = {
    "np.asarray": lambda: np.asarray(a),
    "float of several": lambda: float(a),
    "array + numpy": lambda: a + n,
    "numpy + array": lambda: n + a,
    "array @ numpy": lambda: a @ n.T,
    "array += numpy": lambda: a.__iadd__(n),
    "assignment of numpy": lambda: a.__setitem__(0, np.ones(3)),
    "assignment of a list": lambda: a.__setitem__(0, [1.0, 2.0, 3.0]),
    "maximum with numpy": lambda: cupy.maximum(a, n),
    "maximum of lists": lambda: cupy.maximum([1.0], [2.0]),
    "out of numpy": lambda: cupy.exp(a, out=n),
    "concatenate with numpy": lambda: cupy.concatenate([a, n]),
    "where of a number": lambda: cupy.where(True, a, a),
    "sum of a list": lambda: cupy.sum([1.0]),
    "dot with numpy": lambda: a.dot(n.T),
    "ufunc(where=)": lambda: cupy.exp(a, where=a > 1),
    "sum(where=)": lambda: cupy.sum(a, where=a > 1),
    "max(initial=)": lambda: a.max(initial=0),
    "zeros(like=)": lambda: cupy.zeros(3, like=a),
    "argsort(stable=)": lambda: a.argsort(stable=True),
    "item(index)": lambda: a.item(0),
    "array of objects": lambda: cupy.asarray([None]),
    "array of text": lambda: cupy.asarray(["a"]),
    "divide.at": lambda: cupy.divide.at(a, on_gpu(np.array([0])), 1.0),
    "a product with a number": lambda: cupy.matmul(a, 2.0),
}
STRICTER = {
    "np.exp": lambda: np.exp(a),
    "np.sum": lambda: np.sum(a),
    "np.where": lambda: np.where(a > 1, a, 0.0),
    "array * numpy scalar": lambda: a * np.float64(2),
    "numpy scalar * array": lambda: np.float64(2) * a,
}


@pytest.mark.parametrize("name", REFUSED if REAL else REFUSED | STRICTER)
def test_refused(name):
    with pytest.raises((TypeError, ValueError, NotImplementedError, AttributeError)):
        (REFUSED | STRICTER)[name]()


@pytest.mark.parametrize("name", "erf fromiter_ hermval bartlett_window errstate setbufsize nditer emath".split())
def test_it_has_only_cupys_names(name):
    assert not hasattr(cupy, name)


def test_results_are_arrays():
    for result in (a.sum(), a.max(), a[0, 0], cupy.mean(a), a @ a.T, -a, 2 - a, a > 1, cupy.exp(a), a.T, *a):
        assert isinstance(result, GpuArray)
    assert a.sum().shape == () and float(a.sum()) == 15 and a.sum().item() == 15 and cupy.zeros(3).dtype == np.float64
    assert (a.astype(np.float32) * 2.0).dtype == np.float32


def test_writing():
    b, out = on_gpu(np.zeros(3)), cupy.zeros(3)
    cupy.add.at(b, on_gpu(np.array([1, 1])), 2.0)
    assert b.tolist() == [0, 4, 0] and cupy.exp(b, out=out) is out
    x = on_gpu(np.arange(6.0).reshape(2, 3))
    view = cupy.lib.stride_tricks.as_strided(x, (2, 2), x.strides)
    view[0, 0] = 7.0
    x[1] += 1.0
    x[0, 1:] = x[1, 1:]
    assert x.tolist() == [[7, 5, 6], [4, 5, 6]]
    assert not np.shares_memory(x.get(), x.get())


def test_copies_lie_row_by_row():
    """CuPy's `get`, `asarray` and `deepcopy` forget an order such as channels-last; `to_device` and `to_numpy` keep it."""
    moved = to_device(channels_last, "cuda")
    assert moved.strides == channels_last.strides and moved.copy("K").strides == moved.strides
    for copied in (cupy.asarray(channels_last), copy.deepcopy(moved), moved.get()):
        assert copied.flags.c_contiguous
    assert to_numpy(moved).strides == channels_last.strides
    assert cupy.asarray(np.zeros((2, 3), order="F")).flags.f_contiguous


def test_a_kernel_of_ones_own():
    """The body reads what it set before, inputs broadcast, numbers have the type of the arrays."""
    kernel = cupy.ElementwiseKernel(
        "T x, T y, T k", "T sum, T z", "T s = x * k + y; sum += s; z = max(tanh(s), s / k)", "f"
    )
    x, y, total = np.float32([[1, -2, 3]]), np.float32([[1], [2]]), np.ones((2, 3), np.float32)
    there = on_gpu(total)
    _, z = kernel(on_gpu(x), on_gpu(y), 0.5, there, cupy.empty((2, 3), "f"))
    s = x * np.float32(0.5) + y
    np.testing.assert_allclose(there.get(), total + s, rtol=1e-6)
    np.testing.assert_allclose(z.get(), np.maximum(np.tanh(s), 2 * s), rtol=1e-6)
    assert z.dtype == np.float32


@pytest.mark.skipif(REAL, reason="CuPy itself does not count")
def test_it_counts():
    from cupy import _meter

    x, y = on_gpu(np.ones((2, 4, 3))), on_gpu(np.ones((1, 3, 4)))
    _meter.reset()
    (x + 1).sum().item()  # noqa: B018
    assert _meter.launches.total() == 2 and _meter.waits.total() == 1 and _meter.copies.total() == 0
    _meter.reset()
    x[0] @ y[0], x @ y, x[:, 0].reshape(-1), x.reshape(-1)
    assert _meter.launches.total() == 1 + 4 + 1 and not _meter.waits
    _meter.reset()
    on_gpu(np.ones(3)).get(), cupy.add(x[:1], x[1:], out=x[1:])
    assert _meter.copies.total() == 2 and _meter.launches.total() == 2 and _meter.waits.total() == 1

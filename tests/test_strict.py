"""The stand-in for a GPU array must refuse what CuPy refuses, or the tests that use it prove nothing."""

import numpy as np
import pytest
from strict import StrictArray, library, strict

a = strict(np.arange(6.0).reshape(2, 3))
n = np.ones((2, 3))

REFUSED = {
    "np.exp": lambda: np.exp(a),
    "np.sum": lambda: np.sum(a),
    "np.concatenate": lambda: np.concatenate([a, a]),
    "np.asarray": lambda: np.asarray(a),
    "np.where": lambda: np.where(a > 1, a, 0.0),
    "array + numpy": lambda: a + n,
    "numpy + array": lambda: n + a,
    "array * numpy scalar": lambda: a * np.float64(2),
    "numpy scalar * array": lambda: np.float64(2) * a,
    "array @ numpy": lambda: a @ n.T,
    "array += numpy": lambda: a.__iadd__(n),
    "assignment": lambda: a.__setitem__(0, np.ones(3)),
    "numpy index": lambda: a[np.array([0, 1])],
    "library.maximum": lambda: library.maximum(a, n),
    "library.concatenate": lambda: library.concatenate([a, n]),
    "library.add.at": lambda: library.add.at(a, np.array([0]), 1.0),
    "library.where of a number": lambda: library.where(True, a, a),
    "method": lambda: a.dot(n.T),
    "sum(where=)": lambda: library.sum(a, where=a > 1),
    "max(initial=)": lambda: a.max(initial=0),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    with pytest.raises(TypeError):
        REFUSED[name]()


@pytest.mark.parametrize(
    "name", ["bartlett_window", "fromiter_", "hermval", "polynomial", "vectorize", "r_", "errstate", "random"]
)
def test_the_library_has_only_cupys_names(name):
    assert not hasattr(library, name)


def test_no_reduceat():
    assert not hasattr(library.add, "reduceat") and not hasattr(library.add, "reduce")


def test_behaves_as_cupy():
    for result in (a.sum(), a.max(), a[0, 0], library.mean(a), a @ a.T, -a, 2 - a, a > 1, library.exp(a), a.T):
        assert isinstance(result, StrictArray)
    assert a.sum().shape == () and float(a.sum()) == 15 and a.sum().item() == 15
    assert isinstance(a.get(), np.ndarray) and not np.shares_memory(a.get(), a._array)
    b = strict(np.zeros(3))
    library.add.at(b, strict(np.array([1, 1])), 2.0)
    assert b.tolist() == [0, 4, 0]
    out = library.zeros(3)
    assert library.exp(b, out=out) is out
    assert (a * 2.0).dtype == np.float64 and (a.astype(np.float32) * 2.0).dtype == np.float32
    view = library.lib.stride_tricks.as_strided(a, (2, 2), a.strides)
    view[0, 0] = 7.0
    assert a[0, 0].item() == 7
    a[0, 0] = 0.0

"""The stand-in's functions by CuPy's names, made of NumPy's."""

import types

import numpy as np

from cupy import _meter
from cupy._array import SIGNATURES, compute, matmul, ndarray, ufunc, unwrap, wait, wrap
from cupy._kernels import ElementwiseKernel

NAMES = {"__version__": "14.2.0", "ndarray": ndarray, "ufunc": ufunc, "ElementwiseKernel": ElementwiseKernel}

_REDUCTIONS = set("sum prod max min amax amin mean std var argmax argmin any all count_nonzero nansum median".split())
_VIEWS = set(
    "expand_dims squeeze moveaxis swapaxes transpose broadcast_to broadcast_arrays rollaxis flip fliplr flipud rot90"
    " diagonal split array_split atleast_1d atleast_2d atleast_3d view permute_dims matrix_transpose".split()
)
_OF_SHAPES = set(
    "shape size ndim result_type can_cast promote_types broadcast_shapes iscomplexobj isscalar isdtype".split()
)
_WAITING = set("nonzero flatnonzero argwhere unique allclose array_equal extract compress".split())
_SEVERAL = {"cumsum": 2, "cumprod": 2, "sort": 2, "argsort": 2, "einsum": 8, "nonzero": 4, "flatnonzero": 4}
_LISTS = set("concatenate concat stack vstack hstack dstack column_stack einsum meshgrid ix_ broadcast_arrays".split())


def _counted(name, result, first):
    """Count what a function launched that gave `result` of `first`."""
    if name in _VIEWS or name in _OF_SHAPES:
        return
    if name in ("reshape", "ravel", "astype", "ascontiguousarray", "asfortranarray", "real"):
        if result is first or np.may_share_memory(unwrap(result), unwrap(first), max_work=0):
            return
    kind = "reduction" if name in _REDUCTIONS else "copy" if name in ("reshape", "ravel", "astype", "copy") else name
    _meter.launches[kind] += _SEVERAL.get(name, 1)
    if name in _WAITING:
        _meter.waits[name] += 1


def _function(name, function, check):
    """Return CuPy's function of this name, made of NumPy's."""

    def call(*args, **options):
        check(*args, **options)  # TypeError for parameters that CuPy's does not have
        if name not in _LISTS | _OF_SHAPES and not name.endswith("_like") and args:
            if not isinstance(args[0], ndarray):
                raise TypeError(f"cupy.{name}: the first argument is {type(args[0])}, not cupy.ndarray")
        out = options.get("out")
        options.pop("blocking", None)
        if name in ("concatenate", "stack") and any(not isinstance(a, ndarray) for a in args[0]):
            raise TypeError(f"cupy.{name}: only cupy arrays, got {[type(a) for a in args[0]]}")
        result = compute(function, *args, **options)
        if name == "astype" and result._array is args[0]._array:
            return args[0]
        _counted(name, result, args[0] if args else None)
        return result if out is None else out

    call.__name__ = name
    return call


# --- by CuPy's names -----------------------------------------------------------------------------------------------

_plain = set(
    "bool bool_ can_cast double dtype e euler_gamma finfo float16 float32 float64 floating generic iinfo inexact inf int16"
    " int32 int64 int8 integer intp isdtype issubdtype nan newaxis number pi promote_types signedinteger single uint16"
    " uint32 uint64 uint8 unsignedinteger broadcast_shapes complex64 complex128 complexfloating".split()
)
NAMES |= {name: getattr(np, name) for name in _plain}
for _name, _check in SIGNATURES["functions"].items():
    if not hasattr(np, _name):  # NumPy 2.5 has no row_stack, for one
        continue
    if _check is not None and _name not in _plain:
        NAMES[_name] = _function(_name, getattr(np, _name), _check)
    elif isinstance(getattr(np, _name), np.ufunc):
        NAMES[_name] = ufunc(_name)
for _name, _check in SIGNATURES["methods"].items():
    if not hasattr(ndarray, _name) and hasattr(np.ndarray, _name):
        _method = _function(_name, getattr(np.ndarray, _name), lambda self, *a, _check=_check, **o: _check(*a, **o))
        setattr(ndarray, _name, _method)
NAMES["linalg"], NAMES["fft"] = (
    types.SimpleNamespace(
        **{n: _function(n, getattr(of, n), check) for n, check in SIGNATURES[section].items() if hasattr(of, n)}
    )
    for of, section in ((np.linalg, "linalg"), (np.fft, "fft"))
)


# --- with a form of their own ----------------------------------------------------------------------------------------


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    """Return a copy on the device. One from the host is in order C or F, whatever the order is there."""
    if isinstance(obj, ndarray):
        _meter.launches["copy"] += 1
        return wrap(np.array(obj._array, dtype, order=order, ndmin=ndmin))
    if isinstance(obj, list | tuple) and any(isinstance(x, ndarray) for x in obj):
        return NAMES["stack"]([asarray(x, dtype) for x in obj])
    host = np.asarray(obj, dtype)
    if host.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {host.dtype}")
    _meter.copies["to device"] += 1
    return wrap(np.array(host, order="F" if order in "KA" and host.flags.fnc else "C", ndmin=ndmin))


def asarray(a, dtype=None, order=None, *, copy=None, blocking=False):
    """Return the array itself if it is on the device and fits, else a copy there."""
    if isinstance(a, ndarray) and dtype in (None, a.dtype) and order in (None, "K", "A"):
        return a
    return array(a, dtype, order=order or "K")


def ascontiguousarray(a, dtype=None):
    """Return the array itself if it fits, else a copy in order C."""
    if isinstance(a, ndarray) and dtype in (None, a.dtype) and a.flags.c_contiguous:
        return a
    return array(a, dtype, order="C")


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    """Return a copy on the host."""
    return a.get(order=order) if isinstance(a, ndarray) else np.asarray(a, order=order)


def result_type(*args):
    """Return the type that NumPy's rules give to these arrays, types and numbers."""
    return np.result_type(*map(unwrap, args))


def _made(name, function, launched):
    check = SIGNATURES["functions"][name]

    def make(*args, **options):
        check(*args, **options)
        _meter.launches["fill"] += launched
        return compute(function, *args, **options)

    return make


for _name in "empty zeros ones full arange eye tri identity linspace".split():
    NAMES[_name] = _made(_name, getattr(np, _name), _name != "empty")
for _name in "empty_like zeros_like ones_like full_like".split():
    NAMES[_name] = _made(_name, getattr(np, _name), _name != "empty_like")
NAMES["lib"] = types.SimpleNamespace(
    stride_tricks=types.SimpleNamespace(
        as_strided=lambda x, shape=None, strides=None: wrap(np.lib.stride_tricks.as_strided(unwrap(x), shape, strides))
    )
)


def is_available():
    """Return whether there is a GPU: as good as."""
    return True


def get_default_memory_pool():
    """Return the pool, which holds nothing."""
    return types.SimpleNamespace(total_bytes=lambda: 0, used_bytes=lambda: 0, free_all_blocks=lambda: None)


NAMES["cuda"] = types.SimpleNamespace(
    Device=lambda device=0: types.SimpleNamespace(id=device),
    get_current_stream=lambda: types.SimpleNamespace(synchronize=lambda: wait("synchronize", None)),
    runtime=types.SimpleNamespace(
        getDeviceProperties=lambda i: {"name": b"a stand-in", "totalGlobalMem": 1 << 30},
        runtimeGetVersion=lambda: 13000,
    ),
)
NAMES |= {
    f.__name__: f
    for f in (matmul, array, asarray, ascontiguousarray, asnumpy, result_type, is_available, get_default_memory_pool)
}

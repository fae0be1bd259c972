"""The stand-in's arrays and ufuncs: a NumPy array out of reach, and all that CuPy lets one do with it."""

import operator
from functools import partialmethod
from pathlib import Path

import numpy as np

from cupy._meter import copies, launches, waits

NUMBERS = (bool, int, float, complex)
SIGNATURES: dict = {}  # section: {name: a function with CuPy's parameters, or None for a ufunc}
for _line in Path(__file__).with_name("signatures.txt").read_text().splitlines()[1:]:
    _name, _, _parameters = _line.partition("(")
    if _line.startswith("["):
        _section = SIGNATURES[_line.strip("[]")] = {}
    else:
        _section[_name] = eval(f"lambda {_parameters[:-1]}: None") if _parameters else None


def unwrap(value):
    """Return what CuPy's functions accept, with NumPy's arrays for ours; TypeError for an array or scalar of NumPy."""
    if isinstance(value, ndarray):
        return value._array
    if isinstance(value, np.ndarray | np.generic):
        raise TypeError(
            f"Unsupported type {type(value)}: shape {value.shape} met an array on the GPU; make it with xp(x).asarray, or"
            " keep it a Python number"
        )
    return type(value)(map(unwrap, value)) if type(value) in (list, tuple) else value


def wrap(result):
    """Return a result as CuPy does: arrays, also where NumPy has numbers."""
    if isinstance(result, np.ndarray | np.generic):
        array = object.__new__(ndarray)
        array._array = np.asarray(result)
        return array
    return type(result)(map(wrap, result)) if type(result) in (list, tuple) else result


def compute(function, *args, **options):
    """Return function(*args, **options) of the NumPy arrays inside; a GPU does not warn."""
    args, options = map(unwrap, args), {name: unwrap(value) for name, value in options.items()}
    with np.errstate(all="ignore"):
        return wrap(function(*args, **options))


def overlap(a, b):
    return np.may_share_memory(unwrap(a), unwrap(b), max_work=0)


def wait(kind, value):
    waits[kind] += 1
    return value


class Flags:
    """What an array's `flags` say in CuPy."""

    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata
        self.forc, self.fnc = flags.forc, flags.fnc


class ndarray:
    """A NumPy array behind CuPy's interface."""

    __module__ = "cupy"
    __slots__ = ("__weakref__", "_array")
    __hash__ = None

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order="C"):
        self._array = np.empty(shape, dtype, order)

    flags = property(lambda self: Flags(self._array.flags))
    T = property(lambda self: wrap(self._array.T))
    mT = property(lambda self: wrap(self._array.mT))
    real = property(lambda self: wrap(self._array.real))
    imag = property(lambda self: wrap(self._array.imag))

    # --- to the host ---------------------------------------------------------------------------------------------

    def get(self, stream=None, order="C", out=None, blocking=True):
        copies["to host"] += 1
        launches["copy"] += not (self._array.flags.c_contiguous or self._array.flags.f_contiguous)
        return wait("get", self._array.copy(order))

    item = lambda self: wait("item", self._array.item())
    tolist = lambda self: wait("tolist", self._array.tolist())
    __bool__ = lambda self: wait("bool", bool(self._array))
    __int__ = lambda self: wait("int", int(self._array))
    __float__ = lambda self: wait("float", float(self._array))
    __complex__ = lambda self: wait("complex", complex(self._array))
    __index__ = lambda self: wait("index", operator.index(self._array))
    __repr__ = lambda self: wait("repr", repr(self._array))
    __format__ = lambda self, form: wait("format", format(self._array[()], form))

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()` to construct it.")

    # CuPy passes these on to its own functions. The stand-in refuses: code for both libraries asks `xp(x)` for them.
    def __array_ufunc__(self, ufunc, *_, **__):
        raise TypeError(f"np.{ufunc.__name__} on an array of the GPU: use xp(x).{ufunc.__name__}")

    def __array_function__(self, function, *_):
        raise TypeError(f"np.{function.__name__} on an array of the GPU: use xp(x).{function.__name__}")

    # --- elements ------------------------------------------------------------------------------------------------

    def __len__(self):
        return len(self._array)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __getitem__(self, key):
        key, gathers = _index(key)
        launches["gather"] += gathers
        return wrap(self._array[key])

    def __setitem__(self, key, value):
        key, scatters = _index(key)
        if isinstance(value, list | tuple):
            raise TypeError(f"CuPy assigns arrays and numbers, not a {type(value).__name__}")
        unwrap(value)
        target = self._array[key] if not scatters else None
        if isinstance(target, np.ndarray) and isinstance(value, ndarray) and _is_same(target, value._array):
            return  # what `a[i] += b` does at its end
        launches["scatter" if scatters else "copy" if isinstance(value, ndarray) else "fill"] += 1
        self._array[key] = unwrap(value)

    # --- copies --------------------------------------------------------------------------------------------------

    __copy__ = lambda self: self.copy()
    __deepcopy__ = lambda self, memo: self.copy()  # in order C
    __reduce__ = lambda self: (wrap, (self.get(order="A"),))


for _name in "dtype itemsize nbytes ndim size strides".split():
    setattr(ndarray, _name, property(lambda self, name=_name: getattr(self._array, name)))
ndarray.shape = property(lambda self: self._array.shape, lambda self, shape: setattr(self._array, "shape", shape))


def _is_same(a, b):
    address = lambda x: x.__array_interface__["data"][0]
    return a.size > 0 and (a.shape, a.strides, address(a)) == (b.shape, b.strides, address(b))


def _index(key):
    """Return a key for NumPy, and how many kernels gather what it picks: 0 for a view."""
    parts, gathers = [], 0
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, slice):
            part = slice(
                *(operator.index(i) if isinstance(i, ndarray) else i for i in (part.start, part.stop, part.step))
            )
        elif isinstance(part, ndarray):
            gathers += 1
            waits["mask"] += part.dtype.kind == "b"  # how many are true?
            part = part._array
        elif isinstance(part, np.ndarray | list | tuple):  # CuPy takes them to the device
            gathers += 1
            copies["to device"] += 1
            part = np.asarray(part)
        parts.append(part)
    return (tuple(parts) if isinstance(key, tuple) else parts[0]), gathers


# --- ufuncs ------------------------------------------------------------------------------------------------------


class ufunc:
    """A ufunc: elementwise, a launch; one more for each argument that overlaps the output and has to be copied first."""

    def __init__(self, name):
        self.__name__, self._function = name, getattr(np, name)
        self.nin, self.nout = self._function.nin, self._function.nout

    def __call__(self, *args, out=None, dtype=None, casting="same_kind"):
        inputs = args[: self.nin]
        outs = out if isinstance(out, tuple) else args[self.nin :] or (out,) * self.nout
        if any(not isinstance(o, ndarray) for o in outs if o is not None):
            raise TypeError("Output arguments type must be cupy.ndarray")
        if any(not isinstance(x, (ndarray, *NUMBERS)) for x in inputs):
            unwrap(inputs)
            raise TypeError(f"Unsupported type {[type(x) for x in inputs]}")
        for x in inputs:
            if isinstance(x, ndarray):
                launches["overlap"] += any(o is not None and x is not o and overlap(x, o) for o in outs)
        launches["elementwise"] += 1
        options = {} if dtype is None else {"dtype": dtype}
        if any(o is not None for o in outs):
            compute(self._function, *inputs, out=outs, casting=casting, **options)
            return outs[0] if self.nout == 1 else outs
        return compute(self._function, *inputs, casting=casting, **options)

    def at(self, a, indices, b=None):
        if self.__name__ not in ("add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"):
            raise NotImplementedError(f"`{self.__name__}.at` is not supported yet")
        launches["scatter"] += 1
        compute(self._function.at, a, indices, b)

    def outer(self, a, b):
        launches["elementwise"] += 1
        return compute(self._function.outer, a, b)


def matmul(
    a,
    b,
    /,
    out=None,
    *,
    axes=None,
    axis=None,
    keepdims=False,
    casting="same_kind",
    dtype=None,
    signature=None,
    order="K",
):
    """A product: one launch of cuBLAS for matrices, and for stacks of them; what does not lie as cuBLAS wants is copied."""
    if not (isinstance(a, ndarray) and isinstance(b, ndarray) and isinstance(out, ndarray | None)):
        raise TypeError(f"cupy.matmul of {type(a)} and {type(b)}, out {type(out)}")
    result, ndim = compute(np.matmul, a, b), max(a.ndim, b.ndim)
    if ndim <= 2:
        launches["copy"] += sum(x.ndim == 2 and not (x.flags.c_contiguous or x.flags.f_contiguous) for x in (a, b))
        launches["product" if result.ndim else "reduction"] += 1 if result.ndim else 2
    else:
        launches["copy"] += sum(not x.flags.c_contiguous for x in (a, b))
        stacks = [(1,) * (ndim - max(x.ndim, 2)) + x.shape[:-2] for x in (a, b)]
        launches["product"] += 1 if stacks[0] == stacks[1] else 4  # with three for the addresses of the matrices
    if out is None:
        return result
    if out.shape != result.shape:
        raise ValueError("Output array has an invalid size")
    launches["copy"] += not out.flags.c_contiguous or overlap(a, out) or overlap(b, out)
    out._array[...] = result._array
    return out


# --- operators ---------------------------------------------------------------------------------------------------

_OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "power", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "lshift": "left_shift", "rshift": "right_shift",
}  # fmt: skip
_COMPARISONS = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_UNARY = {"neg": "negative", "abs": "absolute", "invert": "invert", "pos": "positive"}


def _add_operators(name, function):
    def known(other):
        if isinstance(other, np.ndarray | np.generic):
            unwrap(other)
        return isinstance(other, (ndarray, *NUMBERS))

    setattr(ndarray, f"__{name}__", lambda self, x: function(self, x) if known(x) else NotImplemented)
    if name not in _COMPARISONS:
        setattr(ndarray, f"__r{name}__", lambda self, x: function(x, self) if known(x) else NotImplemented)
        setattr(ndarray, f"__i{name}__", lambda self, x: function(self, x, out=self) if known(x) else NotImplemented)


for _name, _of_numpy in (_OPERATORS | _COMPARISONS).items():
    _add_operators(_name, ufunc(_of_numpy))
_add_operators("matmul", matmul)
for _name, _of_numpy in _UNARY.items():
    setattr(ndarray, f"__{_name}__", partialmethod(lambda self, function: function(self), ufunc(_of_numpy)))

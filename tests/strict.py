"""An array type that is as strict as CuPy's, so that a machine without a GPU finds what would fail on one.

`StrictArray` holds a NumPy array out of reach: NumPy functions, numpy arrays beside it in an operator and np.asarray
all raise TypeError. What works is what works on a GPU: operators among its own kind and Python numbers, CuPy's
methods, and `library`, which has CuPy 14's functions with CuPy's arguments (no `where=`, no `initial=`). Reductions
and single elements are arrays without axes, not numbers. `.get()` copies to NumPy. Importing this file registers the
type with the backend.
"""

import functools
import math
import operator
import types

import numpy as np

from tinygan.backend import register_array_type

# CuPy 14's names, from cupy/__init__.py; those with other arguments than NumPy's are in DIFFERENT below
FUNCTIONS = """
abs absolute add all allclose amax amin angle any arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax
argmin argpartition argsort argwhere around array array_equal asanyarray asarray ascontiguousarray asfortranarray
astype atleast_1d atleast_2d atleast_3d average bincount bitwise_and bitwise_or bitwise_xor broadcast_arrays
broadcast_shapes broadcast_to cbrt ceil choose clip column_stack compress concatenate conj copy copysign copyto
corrcoef cos cosh count_nonzero cov cross cumprod cumsum deg2rad diag diag_indices diagflat diagonal diff digitize
divide divmod dot dsplit dstack ediff1d einsum empty empty_like equal exp exp2 expand_dims expm1 extract eye fabs
fill_diagonal flatnonzero flip fliplr flipud float_power floor floor_divide fmax fmin fmod frexp full full_like gcd
gradient greater greater_equal heaviside histogram hsplit hstack hypot identity imag indices inner interp invert
isclose isfinite isin isinf isnan isscalar ix_ kron lcm ldexp less less_equal lexsort linspace log log10 log1p log2
logaddexp logaddexp2 logical_and logical_not logical_or logical_xor logspace matmul max maximum mean median meshgrid
min minimum mod modf moveaxis multiply nan_to_num nanargmax nanargmin nanmax nanmean nanmin nanstd nansum nanvar
negative nextafter nonzero not_equal ones ones_like outer pad partition percentile place positive power prod ptp put
put_along_axis putmask quantile rad2deg ravel ravel_multi_index real reciprocal remainder repeat reshape result_type
rint roll rollaxis rot90 round searchsorted shape sign signbit sin sinc sinh size sort split sqrt square squeeze stack
std subtract sum swapaxes take take_along_axis tan tanh tensordot tile trace transpose trapezoid tri tril tril_indices
triu triu_indices true_divide trunc unique unravel_index vander var vdot vsplit vstack where zeros zeros_like
""".split()
PLAIN = """
bool_ can_cast double dtype e euler_gamma finfo float16 float32 float64 floating generic iinfo inexact inf int16 int32
int64 int8 integer intp isdtype issubdtype nan ndim newaxis number pi promote_types signedinteger single uint16 uint32
uint64 uint8 unsignedinteger
""".split()
METHODS = """
all any argmax argmin argpartition argsort astype choose clip compress copy cumprod cumsum diagonal dot fill flatten
max mean min nonzero partition prod put ravel repeat reshape round searchsorted sort squeeze std sum swapaxes take
trace transpose var view
""".split()
NOT_IN_CUPY = {"where", "initial", "like", "subok"}  # arguments that NumPy has and CuPy's functions do not
NUMBERS = (bool, int, float, complex)


def unwrap(value):
    """The NumPy values inside arguments, after a look at each: a numpy array among them is what we are looking for."""
    if isinstance(value, StrictArray):
        return value._array
    if isinstance(value, np.ndarray | np.generic):
        raise TypeError(
            f"a numpy.{type(value).__name__} of shape {value.shape} met an array of the other library, which fails on"
            " a GPU: make it with xp(x).asarray, or keep it a Python number"
        )
    if isinstance(value, list | tuple):
        return type(value)(map(unwrap, value)) if type(value) in (list, tuple) else value
    if isinstance(value, slice):
        return slice(*(unwrap(v) for v in (value.start, value.stop, value.step)))
    return value


def wrap(result):
    """A result as CuPy returns it: arrays, also where NumPy would return a number."""
    if isinstance(result, np.ndarray | np.generic):
        return StrictArray(np.asarray(result))
    if type(result) in (list, tuple):
        return type(result)(map(wrap, result))
    return result


def call(function, args, options):
    refused = NOT_IN_CUPY & {name for name, value in options.items() if value is not None}
    if refused:
        raise TypeError(f"CuPy's {function.__name__} has no argument {', '.join(refused)}")
    out = options.get("out")
    result = function(*map(unwrap, args), **{name: unwrap(value) for name, value in options.items()})
    return out if out is not None else wrap(result)


def binary(name, reverse=False):
    function = getattr(operator, name)

    def method(self, other):
        if not isinstance(other, (StrictArray, *NUMBERS)):
            if isinstance(other, np.ndarray | np.generic):
                unwrap(other)
            return NotImplemented
        a, b = (other, self) if reverse else (self, other)
        return wrap(function(unwrap(a), unwrap(b)))

    return method


def in_place(name):
    function = getattr(operator, name)

    def method(self, other):
        if not isinstance(other, (StrictArray, *NUMBERS)):
            unwrap(other)
            raise TypeError(f"{name} of an array and {type(other).__name__}")
        self._array = np.asarray(function(self._array, unwrap(other)))
        return self

    return method


class StrictArray:
    """A numpy array behind CuPy's interface."""

    __slots__ = ("_array", "__weakref__")

    def __init__(self, array):
        self._array = array

    shape = property(lambda self: self._array.shape, lambda self, shape: setattr(self._array, "shape", shape))
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    strides = property(lambda self: self._array.strides)
    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    flags = property(lambda self: self._array.flags)
    T = property(lambda self: wrap(self._array.T))
    mT = property(lambda self: wrap(self._array.mT))
    real = property(lambda self: wrap(self._array.real))
    imag = property(lambda self: wrap(self._array.imag))

    def get(self):
        """A copy as a numpy array."""
        return self._array.copy(order="K")

    def item(self, *index):
        return self._array.item(*index)

    def tolist(self):
        return self._array.tolist()

    def __len__(self):
        return len(self._array)

    def __iter__(self):
        return (wrap(a) for a in self._array)

    def __bool__(self):
        return bool(self._array)

    def __int__(self):
        return int(self._array)

    def __float__(self):
        return float(self._array)

    def __index__(self):
        return operator.index(self._array)

    def __getitem__(self, key):
        return wrap(self._array[unwrap(key)])

    def __setitem__(self, key, value):
        self._array[unwrap(key)] = unwrap(value)

    def __repr__(self):
        return repr(self._array).replace("array", "strict", 1)

    __hash__ = None

    def __copy__(self):
        return StrictArray(self._array.copy())

    def __deepcopy__(self, memo):
        return StrictArray(self._array.copy(order="K"))

    # what CuPy refuses
    def __array__(self, *_, **__):
        raise TypeError("implicit conversion to a NumPy array is not allowed: use .get()")

    def __array_ufunc__(self, ufunc, *_, **__):
        raise TypeError(f"np.{ufunc.__name__} on an array of the other library: use xp(x).{ufunc.__name__}")

    def __array_function__(self, function, *_):
        raise TypeError(f"np.{function.__name__} on an array of the other library: use xp(x).{function.__name__}")


for _name in METHODS:
    setattr(
        StrictArray, _name, lambda self, *args, _name=_name, **options: call(getattr(self._array, _name), args, options)
    )
for _name in "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift".split():
    setattr(StrictArray, f"__{_name}__", binary(f"__{_name}__"))
    setattr(StrictArray, f"__r{_name}__", binary(f"__{_name}__", reverse=True))
    setattr(StrictArray, f"__i{_name}__", in_place(f"__i{_name}__"))
for _name in "lt le gt ge eq ne".split():
    setattr(StrictArray, f"__{_name}__", binary(f"__{_name}__"))
for _name in "neg pos abs invert".split():
    setattr(StrictArray, f"__{_name}__", lambda self, _name=_name: wrap(getattr(operator, _name)(self._array)))


# --- the library ------------------------------------------------------------------------------------------------


class Function:
    """One of CuPy's functions, made of NumPy's."""

    def __init__(self, function):
        self.function = function
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args, **options):
        return call(self.function, args, options)

    def at(self, array, indices, values=None):
        """CuPy has add.at, subtract.at, maximum.at, minimum.at; reduce, accumulate and reduceat only in part: refused."""
        if self.__name__ not in ("add", "subtract", "maximum", "minimum", "bitwise_and", "bitwise_or", "bitwise_xor"):
            raise NotImplementedError(f"CuPy has no {self.__name__}.at")
        self.function.at(unwrap(array), unwrap(indices), unwrap(values))

    def outer(self, a, b):
        return wrap(self.function.outer(unwrap(a), unwrap(b)))


def _asarray(a, dtype=None, order=None):
    """CuPy's asarray and array are where NumPy arrays go to the device."""
    return StrictArray(np.array(a._array if isinstance(a, StrictArray) else a, dtype=dtype, order=order or "K"))


def _arrays_only(name):
    """CuPy's where and manipulation functions take arrays, not numbers, as their first argument."""
    function = getattr(np, name)

    def checked(a, *args, **options):
        if not isinstance(a, StrictArray):
            raise TypeError(f"CuPy's {name} takes an array first, got {type(a).__name__}")
        return call(function, (a, *args), options)

    return checked


def _result_type(*args):
    return np.result_type(*map(unwrap, args))


DIFFERENT = {name: _arrays_only(name) for name in "where clip sum max min mean amax amin reshape transpose".split()}
DIFFERENT |= {"asarray": _asarray, "array": _asarray}
DIFFERENT |= {"result_type": _result_type, "erf": lambda x: _special(math.erf, x), "erfc": lambda x: _special(math.erfc, x)}


def _special(f, x):
    """CuPy's are in cupyx.scipy.special, where the backend finds them for CuPy; here they are the library's own."""
    x = x._array
    return wrap(np.array([f(e) for e in x.ravel().tolist()], x.dtype).reshape(x.shape))


library = types.SimpleNamespace(
    **{name: Function(getattr(np, name)) for name in FUNCTIONS if hasattr(np, name)},
    **{name: getattr(np, name) for name in PLAIN},
)
vars(library).update(DIFFERENT)
library.ndarray = StrictArray
library.linalg = types.SimpleNamespace(
    **{
        name: Function(getattr(np.linalg, name))
        for name in "norm cholesky qr svd eigh eigvalsh det slogdet solve inv pinv".split()
    }
)
library.fft = types.SimpleNamespace(
    **{
        name: Function(getattr(np.fft, name))
        for name in "fft ifft rfft irfft fft2 ifft2 fftfreq rfftfreq fftshift".split()
    }
)
library.lib = types.SimpleNamespace(
    stride_tricks=types.SimpleNamespace(
        as_strided=lambda x, shape=None, strides=None: wrap(
            np.lib.stride_tricks.as_strided(unwrap(x), shape=shape, strides=strides)
        ),
        sliding_window_view=Function(np.lib.stride_tricks.sliding_window_view),
    )
)

register_array_type(StrictArray, library)


def strict(array):
    """A StrictArray with the values of a numpy array; anything else unchanged."""
    return StrictArray(np.array(array, order="K")) if isinstance(array, np.ndarray) else array


def moved(module, make):
    """The module with every parameter and buffer made by `make`, as `Module.to` would do for a device."""
    for _, p in module.named_parameters():
        p.data = make(p.data)
    for part in module.modules():
        for name in part._buffers:
            if getattr(part, name) is not None:
                setattr(part, name, make(getattr(part, name)))
    return module

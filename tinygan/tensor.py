"""Tensor: an array that remembers how it was computed.

It holds the array, `.grad`, and its place in the graph, and refuses whatever would lose a gradient in silence. What it does
not hold is mathematics: `autodiff.py` records operations, differentiates them and adds `backward`; `ops/__init__.py` gives
Tensor its operators and methods, which are the functions of `ops/`.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinygan.backend import Array, device_of, to_device, to_numpy, xp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Dims: TypeAlias = int | tuple[int, ...] | None

HALF_REFUSED = "Tensors are not float16: its sums end at 65,504, and NumPy computes it slowly; use float32"

numbers = count()  # every recorded Tensor takes the next one: sorting by number is a topological order


class Tensor:
    """An array that remembers how it was computed.

    Tensor(data, requires_grad=False, device=None): `data` is an array (kept, not copied) or a number or nested list
    (made float32, as in PyTorch; integers stay integers). Raises TypeError for integers that require gradients.
    """

    # A computed Tensor knows its op, the args and const of the call, the arrays that the args held then, what a Fused op
    # saved, and its parents: one for each arg, the Tensor if it requires gradients, otherwise None. A leaf has no op.
    # `number` counts up. A computed Tensor takes it when it is made, a leaf when its data is replaced.
    __slots__ = (
        "_data", "requires_grad", "grad", "op", "args", "arrays", "parents", "const", "saved", "number", "__weakref__",
    )  # fmt: skip

    _data: Array
    requires_grad: bool
    grad: Array | None
    op: Any
    number: int
    args: Any
    arrays: Any
    parents: Any
    const: Any
    saved: Any

    def __init__(self, data: Any, requires_grad: bool = False, device: str | None = None):
        if isinstance(data, Tensor):
            raise TypeError("Tensor(tensor): it is one already; use tensor.detach() for a copy without its history")
        if not hasattr(data, "dtype") and isinstance(data, bool | int | float | list | tuple | range):
            data = np.asarray(data)
            data = data.astype(np.float32) if data.dtype == np.float64 else data
            if data.dtype == object:
                raise TypeError("Tensor of a nested list: all rows must have the same length and hold numbers")
        library = xp(data)  # TypeError for anything that is not an array
        self._data = data if device is None else to_device(data, device)
        self.requires_grad = requires_grad
        self.grad = None
        self.op, self.parents, self.number = None, (), -1  # a leaf
        if requires_grad and not library.issubdtype(data.dtype, library.floating):
            raise TypeError(
                f"gradients of {data.dtype} do not exist: make it floating point, e.g. array.astype('float32')"
            )
        if data.dtype.char == "e":
            raise TypeError(HALF_REFUSED)

    @property
    def data(self) -> Array:
        """The array. Assigning to it replaces the values of a leaf, as an optimiser does."""
        return self._data

    @data.setter
    def data(self, array: Array) -> None:
        if self.op is not None:
            raise TypeError("the data of a computed Tensor cannot be replaced: its history would be wrong; detach() it")
        self._data = array
        self.number = next(numbers)  # `grad` sees what was computed before the change

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """How many elements it holds."""
        return self._data.size

    @property
    def dtype(self) -> np.dtype:
        """The type of an element."""
        return self._data.dtype

    @property
    def device(self) -> str:
        """Where it lives: "cpu" or "cuda"."""
        return device_of(self._data)

    def item(self) -> Any:
        """Return the value of a Tensor of one element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item() needs a Tensor of one element, this one has shape {self.shape}")
        return self._data.item()

    def numpy(self) -> np.ndarray:
        """Return the values as a numpy.ndarray, which shares memory with a Tensor on the CPU."""
        return to_numpy(self._data)

    def detach(self) -> Tensor:
        """Return a Tensor with the same data and no history."""
        return Tensor(self._data)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set whether gradients of this leaf are recorded from now on."""
        if self.op is not None:
            raise TypeError("requires_grad_ is for leaves; a computed Tensor's history cannot be changed, detach() it")
        self.requires_grad = requires_grad
        return self

    def __repr__(self) -> str:
        history = f", op={self.op.__name__}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        values = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", precision=4)
        return f"Tensor({values}, shape={self.shape}, dtype={self.dtype}{history})"

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a Tensor without axes")
        return self.shape[0]

    def __bool__(self):
        if self.size != 1:
            raise ValueError(
                f"the truth of a Tensor of shape {self.shape} is ambiguous: use (t > 0).data.any() or .all()"
            )
        return bool(self._data)

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if not np.issubdtype(self.dtype, np.integer):
            raise TypeError(f"only an integer Tensor can be an index, this one is {self.dtype}")
        return self.item()

    def __setitem__(self, key, value):
        raise TypeError("Tensors are not assigned to in place: build a new one with where, cat, stack or masked_fill")

    __hash__ = object.__hash__  # == is elementwise; a Tensor is found in a dict or set by identity

    # NumPy functions would quietly drop the gradient, so all of them refuse, and say what to use instead.
    def __array__(self, *_, **__):
        raise TypeError("a Tensor is not an array: use tensor.data for its array, or a function of tinygan.ops")

    def __array_function__(self, function, *_):
        raise TypeError(_numpy_refused(function.__name__))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        operator = _NUMPY_OPERATORS.get(ufunc.__name__)
        if operator is None or method != "__call__" or options or inputs[-1] is not self:
            raise TypeError(_numpy_refused(ufunc.__name__))
        return getattr(self, operator)(inputs[0])  # array * tensor: Python asked the array first

    # For editors and type checkers: what autodiff.py and ops/__init__.py give it when they are loaded.
    if TYPE_CHECKING:

        def backward(self, g: Array | None = None) -> None: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __rmatmul__(self, other: Any) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __getitem__(self, key: Any) -> Tensor: ...
        def __iter__(self) -> Iterator[Tensor]: ...
        def reshape(self, *sizes: Any) -> Tensor: ...
        def permute(self, *sizes: Any) -> Tensor: ...
        def tile(self, *sizes: Any) -> Tensor: ...
        def expand(self, *sizes: Any) -> Tensor: ...
        def flip(self, *sizes: Any) -> Tensor: ...
        def view(self, *sizes: Any) -> Tensor: ...
        def astype(self, dtype: Any) -> Tensor: ...
        @property
        def T(self) -> Tensor: ...
        @property
        def mT(self) -> Tensor: ...
        def abs(self) -> Tensor: ...
        def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor: ...
        def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor: ...
        def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor: ...
        def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor: ...
        def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]: ...
        def clamp(self, min: TensorLike | float | None = None, max: TensorLike | float | None = None) -> Tensor: ...
        def cos(self) -> Tensor: ...
        def cumsum(self, dim: int, dtype: Any = None) -> Tensor: ...
        def exp(self) -> Tensor: ...
        def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor: ...
        def gather(self, dim: int, index: TensorLike) -> Tensor: ...
        def index_select(self, dim: int, index: TensorLike) -> Tensor: ...
        def log(self) -> Tensor: ...
        def log_softmax(self, dim: int, dtype: Any = None) -> Tensor: ...
        def logsumexp(self, dim: Dims, keepdim: bool = False) -> Tensor: ...
        def masked_fill(self, mask: TensorLike, value: float) -> Tensor: ...
        def matmul(self, other: TensorLike) -> Tensor: ...
        def max(self, dim: int | TensorLike | None = None, keepdim: bool = False) -> Any: ...
        def maximum(self, other: TensorLike | float) -> Tensor: ...
        def mean(self, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor: ...
        def min(self, dim: int | TensorLike | None = None, keepdim: bool = False) -> Any: ...
        def minimum(self, other: TensorLike | float) -> Tensor: ...
        def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor: ...
        def pow(self, exponent: TensorLike | float) -> Tensor: ...
        def prod(self, dim: int | None = None, keepdim: bool = False, dtype: Any = None) -> Tensor: ...
        def relu(self) -> Tensor: ...
        def rsqrt(self) -> Tensor: ...
        def select(self, dim: int, index: int) -> Tensor: ...
        def sigmoid(self) -> Tensor: ...
        def sin(self) -> Tensor: ...
        def softmax(self, dim: int, dtype: Any = None) -> Tensor: ...
        def split(self, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]: ...
        def sqrt(self) -> Tensor: ...
        def square(self) -> Tensor: ...
        def squeeze(self, dim: int | Sequence[int] | None = None) -> Tensor: ...
        def std(
            self, dim: Dims | bool = None, correction: float | None = 1, keepdim: bool = False, unbiased: bool | None = None,
        ) -> Tensor: ...  # fmt: skip
        def sum(self, dim: Dims = None, keepdim: bool = False, dtype: Any = None) -> Tensor: ...
        def tanh(self) -> Tensor: ...
        def transpose(self, dim0: int, dim1: int) -> Tensor: ...
        def tril(self, diagonal: int = 0) -> Tensor: ...
        def triu(self, diagonal: int = 0) -> Tensor: ...
        def unflatten(self, dim: int, sizes: Sequence[int]) -> Tensor: ...
        def unsqueeze(self, dim: int) -> Tensor: ...
        def var(
            self, dim: Dims | bool = None, correction: float | None = 1, keepdim: bool = False, unbiased: bool | None = None,
        ) -> Tensor: ...  # fmt: skip


# What arguments of ops are. Given Tensors an op returns a Tensor, and so its annotation says; given arrays alone, an array.
TensorLike: TypeAlias = Tensor | Array

_NUMPY_OPERATORS = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__", "power": "__rpow__",
    "matmul": "__rmatmul__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
    "equal": "__eq__", "not_equal": "__ne__",
}  # fmt: skip
_NUMPY_NAMES = {"absolute": "abs", "concatenate": "cat", "clip": "clamp", "swapaxes": "transpose", "negative": "neg"}


def _numpy_refused(name: str) -> str:
    own_name = _NUMPY_NAMES.get(name, name)
    return f"np.{name} on a Tensor would lose its gradient: use tinygan.ops.{own_name} if there is one, or tensor.data"


def raw(value: Any) -> Any:
    """Return the array of a Tensor, anything else unchanged. A vjp uses it for piecewise-constant masks only."""
    return value._data if isinstance(value, Tensor) else value

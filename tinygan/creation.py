"""Tensors from nothing: zeros, ones, arange, randn, ... under PyTorch's names, which `import tinygan` gives.

Sizes are written out, `zeros(2, 3)`, or a tuple, `zeros((2, 3))`. Numbers are float32 unless `dtype` says otherwise, and
live on `device`, "cpu" or "cuda" (None: `backend.default_device()`). What draws takes `rng`, a numpy Generator or a seed;
without one it draws from the generator that `manual_seed` sets (`seeding.py`).
"""

import operator
from typing import Any

import numpy as np

from tinygan import remedies
from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.backend import Array, library_of, to_device, xp
from tinygan.seeding import Seed, generator

__all__ = [
    "arange", "eye", "from_numpy", "full", "full_like", "linspace", "ones", "ones_like", "rand", "rand_like",
    "randint", "randn", "randn_like", "randperm", "tensor", "zeros", "zeros_like",
]  # fmt: skip


def _shape(name: str, sizes: tuple) -> tuple[int, ...]:
    """Return the sizes that were given one by one or as one sequence; raise TypeError if they are not integers."""
    if len(sizes) == 1 and isinstance(sizes[0], list | tuple):
        sizes = tuple(sizes[0])
    try:
        shape = tuple(operator.index(n) for n in sizes)
    except TypeError:
        raise TypeError(f"{name}: sizes are integers, {name}(2, 3) or {name}((2, 3)), not {sizes}") from None
    if any(n < 0 for n in shape):
        raise ValueError(f"{name}: a size is negative: {shape}")
    return shape


# --- from values -----------------------------------------------------------------------------------------------


def tensor(data: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor with a copy of `data`: a number, a nested list, or an array, whose type it keeps.

    Numbers with a point become float32, as in PyTorch. `Tensor(array)` and `from_numpy` do not copy.
    """
    if isinstance(data, Tensor):
        raise TypeError("tensor(tensor): it is one already; use t.detach().clone() for a copy without its history")
    array = raw(Tensor(data))
    array = array.astype(array.dtype if dtype is None else np.dtype(dtype))  # always a copy
    return Tensor(array if device is None else to_device(array, device), requires_grad)


def from_numpy(array: np.ndarray) -> Tensor:
    """Return a Tensor on the memory of `array`: what is written to the one is seen in the other."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes a numpy.ndarray, not a {type(array).__name__}: use tinygan.tensor")
    return Tensor(array)


# --- constant --------------------------------------------------------------------------------------------------


def zeros(*size: Any, dtype: Any = np.float32, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of zeros."""
    return Tensor(library_of(device).zeros(_shape("zeros", size), dtype), requires_grad)


def ones(*size: Any, dtype: Any = np.float32, device: str | None = None, requires_grad: bool = False) -> Tensor:
    """Return a Tensor of ones."""
    return Tensor(library_of(device).ones(_shape("ones", size), dtype), requires_grad)


def full(
    size: Any, fill_value: Any, *, dtype: Any = None, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return a Tensor of `size`, a tuple, with `fill_value` everywhere: integers of an integer, float32 otherwise."""
    dtype = raw(Tensor(fill_value)).dtype if dtype is None else dtype
    size = size if isinstance(size, list | tuple) else (size,)
    return Tensor(library_of(device).full(_shape("full", tuple(size)), fill_value, dtype), requires_grad)


def zeros_like(input: TensorLike) -> Tensor:
    """Return zeros of the shape and type, and on the device, of `input`."""
    return Tensor(xp(raw(input)).zeros_like(raw(input)))


def ones_like(input: TensorLike) -> Tensor:
    """Return ones of the shape and type, and on the device, of `input`."""
    return Tensor(xp(raw(input)).ones_like(raw(input)))


def full_like(input: TensorLike, fill_value: Any) -> Tensor:
    """Return `fill_value` in the shape and type, and on the device, of `input`."""
    return Tensor(xp(raw(input)).full_like(raw(input), fill_value))


def eye(n: int, m: int | None = None, *, dtype: Any = np.float32, device: str | None = None) -> Tensor:
    """Return the identity matrix (n, n), or (n, m) with ones on the diagonal."""
    return Tensor(library_of(device).eye(n, m, dtype=dtype))


# --- ranges ----------------------------------------------------------------------------------------------------


def arange(
    start: float, end: float | None = None, step: float = 1, *, dtype: Any = None, device: str | None = None
) -> Tensor:
    """Return start, start + step, ... up to but without `end`; arange(n) counts from 0. Integers of integers."""
    start, end = (0, start) if end is None else (start, end)
    whole = all(isinstance(n, int | np.integer) for n in (start, end, step))
    dtype = (np.int64 if whole else np.float32) if dtype is None else dtype
    return Tensor(library_of(device).arange(start, end, step).astype(dtype))


def linspace(start: float, end: float, steps: int, *, dtype: Any = np.float32, device: str | None = None) -> Tensor:
    """Return `steps` numbers from start to end, both included, evenly spaced."""
    return Tensor(library_of(device).linspace(start, end, steps).astype(dtype))


# --- chance ----------------------------------------------------------------------------------------------------


def _placed(array: Array, device: str | None, requires_grad: bool) -> Tensor:
    """Return a Tensor of what was drawn on the CPU, so that every device sees the same."""
    return Tensor(to_device(array, device), requires_grad)


def randn(
    *size: Any, rng: Seed = None, dtype: Any = np.float32, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return draws from the normal distribution with mean 0 and standard deviation 1."""
    drawn = generator(rng).standard_normal(_shape("randn", size), dtype=np.dtype(dtype).type)
    return _placed(np.asarray(drawn, dtype), device, requires_grad)


def rand(
    *size: Any, rng: Seed = None, dtype: Any = np.float32, device: str | None = None, requires_grad: bool = False
) -> Tensor:
    """Return draws from the uniform distribution on [0, 1)."""
    drawn = generator(rng).random(_shape("rand", size), dtype=np.dtype(dtype).type)
    return _placed(np.asarray(drawn, dtype), device, requires_grad)


def randint(low: int, high: Any, size: Any = None, *, rng: Seed = None, device: str | None = None) -> Tensor:
    """Return integers from low to high - 1, of `size`, a tuple: randint(0, 10, (64,)), or randint(10, (64,))."""
    low, high, size = (0, low, high) if size is None else (low, high, size)
    if not isinstance(size, list | tuple):
        raise TypeError(f"randint: size is a tuple, as in randint(0, 10, (64,)), not {size!r}")
    return _placed(generator(rng).integers(low, high, _shape("randint", tuple(size))), device, False)


def randperm(n: int, *, rng: Seed = None, device: str | None = None) -> Tensor:
    """Return 0 ... n - 1 in random order."""
    return _placed(generator(rng).permutation(n), device, False)


def randn_like(input: TensorLike, *, rng: Seed = None) -> Tensor:
    """Return normal draws in the shape and type, and on the device, of `input`."""
    array = raw(input)
    drawn = generator(rng).standard_normal(array.shape, dtype=array.dtype.type)
    return Tensor(xp(array).asarray(np.asarray(drawn, array.dtype)))


def rand_like(input: TensorLike, *, rng: Seed = None) -> Tensor:
    """Return uniform draws from [0, 1) in the shape and type, and on the device, of `input`."""
    array = raw(input)
    return Tensor(
        xp(array).asarray(np.asarray(generator(rng).random(array.shape, dtype=array.dtype.type), array.dtype))
    )


remedies.watch_functions(globals(), __name__)

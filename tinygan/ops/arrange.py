"""Functions that put elements in order or hand them out: sort, topk, unbind, repeat.

Values keep their gradients, which `gather` and `index` lead back; the places, integers, have none.
"""

from collections.abc import Sequence

from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.backend import xp
from tinygan.ops.reduce import Extreme
from tinygan.ops.shapes import gather, normal_dim, select, tile

__all__ = [
    "argsort", "repeat", "sort", "topk", "unbind",
]  # fmt: skip


def argsort(input: TensorLike, dim: int = -1, descending: bool = False) -> Tensor:
    """Return the places of the elements along `dim` from small to large: integers. Equal ones keep their order."""
    x, dim = raw(input), normal_dim(dim, max(1, input.ndim), "argsort")
    if x.ndim == 0:
        places = xp(x).zeros((), int)
    elif descending:  # sorted backwards and read backwards: equal ones keep their order, and nan counts as largest
        places = x.shape[dim] - 1 - xp(x).flip(xp(x).argsort(xp(x).flip(x, dim), dim, kind="stable"), dim)
    else:
        places = xp(x).argsort(x, dim, kind="stable")
    return Tensor(places) if isinstance(input, Tensor) else places


def sort(input: TensorLike, dim: int = -1, descending: bool = False) -> Extreme:
    """Return (values, indices) along `dim` from small to large. Equal elements keep their order."""
    places = argsort(input, dim, descending)
    return Extreme(gather(input, dim, places) if input.ndim else input, places)


def topk(input: TensorLike, k: int, dim: int = -1, largest: bool = True) -> Extreme:
    """Return (values, indices) of the k largest elements along `dim`, the largest first; or of the k smallest."""
    dim = normal_dim(dim, input.ndim, "topk")
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise ValueError(f"topk: k is {k}, dim {dim} of {tuple(input.shape)} has {size} elements")
    if input.ndim == 0:  # PyTorch's result, whatever k is
        return sort(input)
    places = argsort(input, dim, descending=largest)[(slice(None),) * dim + (slice(k),)]
    return Extreme(gather(input, dim, places), places)


def unbind(input: TensorLike, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices along `dim`, without that dimension, as a tuple."""
    dim = normal_dim(dim, input.ndim, "unbind")
    return tuple(select(input, dim, i) for i in range(input.shape[dim]))


def repeat(input: TensorLike, sizes: Sequence[int]) -> Tensor:
    """Repeat the whole sizes[i] times along dimension i; further sizes in front make new dimensions. Not np.repeat."""
    if len(sizes) < input.ndim:
        raise ValueError(
            f"repeat: sizes {tuple(sizes)} for shape {tuple(input.shape)}: one for each dimension, 1 where nothing repeats"
        )
    return tile(input, sizes)

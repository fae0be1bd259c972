"""Functions that move elements without changing them: reshape, permute, join, cut, index, pad.

Each one's vjp moves the gradient back. Where an element was used several times, its gradients are added.
"""

import math
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from tinygan.autodiff import Op, Pieces, Tensor, TensorLike, VariadicOp, broadcast_to, cast, op, raw
from tinygan.backend import xp
from tinygan.ops.elementwise import where

__all__ = [
    "cat", "chunk", "expand", "flatten", "flip", "gather", "index", "index_select", "masked_fill", "movedim",
    "pad", "permute", "reshape", "roll", "scatter_add", "select", "split", "squeeze", "stack", "tile",
    "transpose", "tril", "triu", "unflatten", "unsqueeze",
]  # fmt: skip


WHOLE = (int, np.integer)  # what counts as a single dimension or size; anything else holds several


def normal_dim(dim: int | np.integer, ndim: int, name: str) -> int:
    """Return `dim`, -ndim <= dim < ndim, counted from the front; raise IndexError otherwise. A number has dims 0 and -1."""
    if not -max(ndim, 1) <= dim < max(ndim, 1):
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions")
    return int(dim) % ndim if ndim else 0


def normal_dims(dims: int | Sequence[int], ndim: int, name: str) -> tuple[int, ...]:
    """Return `dims`, one or several, counted from the front; raise ValueError if one comes twice."""
    normal = tuple(normal_dim(d, ndim, name) for d in ((dims,) if isinstance(dims, WHOLE) else dims))
    if len(set(normal)) < len(normal):
        raise ValueError(f"{name}: a dimension comes twice in {dims}")
    return normal


# --- views -----------------------------------------------------------------------------------------------------


@op(lambda g, y, x, shape: reshape(g, shape=x.shape))
def reshape(input: TensorLike, shape: tuple[int, ...]) -> Tensor:
    """Return the same elements in another shape; one size may be -1."""
    try:
        return input.reshape(shape)
    except ValueError:
        raise ValueError(
            f"reshape: {tuple(input.shape)} has {input.size} elements, which do not fill the shape {tuple(shape)}"
        ) from None


def flatten(input: TensorLike, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """Make dimensions start_dim to end_dim, inclusive, one."""
    if input.ndim == 0:
        return reshape(input, (1,))
    start, end = normal_dim(start_dim, input.ndim, "flatten"), normal_dim(end_dim, input.ndim, "flatten")
    if start > end:
        raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
    size = math.prod(input.shape[start : end + 1])  # not -1: that is ambiguous when the batch is empty
    return reshape(input, input.shape[:start] + (size,) + input.shape[end + 1 :])


def unflatten(input: TensorLike, dim: int, sizes: Sequence[int]) -> Tensor:
    """Make dimension `dim` several, of `sizes`."""
    dim = normal_dim(dim, input.ndim, "unflatten")
    total, known = _size_of(input, dim, "unflatten"), math.prod(n for n in sizes if n != -1)
    full = tuple(total // max(1, known) if n == -1 else n for n in sizes)  # reshape finds no -1 in an empty batch
    if math.prod(full) != total or min(full, default=0) < 0:
        raise ValueError(f"unflatten: {tuple(sizes)} must multiply up to size {total} of dim {dim}; one of them may be -1")
    return reshape(input, input.shape[:dim] + full + input.shape[dim + 1 :])


@op(lambda g, y, x, dims: permute(g, dims=tuple(np.argsort([d % x.ndim for d in dims]).tolist())))
def permute(input: TensorLike, dims: tuple[int, ...]) -> Tensor:
    """Return input with its dimensions in another order: dims[i] of the input becomes dimension i."""
    if len(dims) != input.ndim:
        raise ValueError(f"permute: dims {tuple(dims)} must name each of the {input.ndim} dimensions of {input.shape} once")
    return input.transpose(dims)  # type: ignore[call-arg, arg-type]  # an array's


def transpose(input: TensorLike, dim0: int, dim1: int) -> Tensor:
    """Exchange dimensions dim0 and dim1."""
    dim0, dim1 = normal_dim(dim0, input.ndim, "transpose"), normal_dim(dim1, input.ndim, "transpose")
    exchanged = {dim0: dim1, dim1: dim0}
    return permute(input, tuple(exchanged.get(d, d) for d in range(input.ndim)))


def movedim(input: TensorLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Move dimensions `source` to positions `destination`; the others keep their order."""
    source, destination = (normal_dims(dims, input.ndim, "movedim") for dims in (source, destination))
    if len(source) != len(destination):
        raise ValueError(f"movedim: source {source} and destination {destination} must name as many dimensions")
    if input.ndim == 0:
        return input
    dims = [d for d in range(input.ndim) if d not in source]
    for d, s in sorted(zip(destination, source, strict=True)):
        dims.insert(d, s)
    return permute(input, tuple(dims))


def squeeze(input: TensorLike, dim: int | Sequence[int] | None = None) -> Tensor:
    """Drop dimensions of size 1: all of them, or those in `dim` (a dimension of another size stays)."""
    dims = range(input.ndim) if dim is None else (dim,) if isinstance(dim, WHOLE) else dim
    dropped = {normal_dim(d, input.ndim, "squeeze") for d in dims}
    return reshape(input, tuple(n for d, n in enumerate(input.shape) if n != 1 or d not in dropped))


def unsqueeze(input: TensorLike, dim: int) -> Tensor:
    """Insert a dimension of size 1 at `dim`."""
    dim = normal_dim(dim, input.ndim + 1, "unsqueeze")
    return reshape(input, input.shape[:dim] + (1,) + input.shape[dim:])


def expand(input: TensorLike, sizes: Sequence[int]) -> Tensor:
    """Repeat input along dimensions of size 1, and new ones in front, to `sizes`; -1 keeps a size."""
    lead = len(sizes) - input.ndim
    if lead < 0 or min(sizes[:lead], default=0) < 0 or min(sizes, default=0) < -1:
        raise ValueError(f"expand: {tuple(input.shape)} to {tuple(sizes)}: new dimensions come in front, and have a size")
    return broadcast_to(input, shape=tuple(input.shape[i - lead] if n == -1 else n for i, n in enumerate(sizes)))


def tile(input: TensorLike, dims: Sequence[int]) -> Tensor:
    """Repeat the whole dims[i] times along dimension i."""
    if min(dims, default=0) < 0:
        raise ValueError(f"tile: nothing can be repeated {min(dims)} times")
    dims = (1,) * (input.ndim - len(dims)) + tuple(dims)
    shape = (1,) * (len(dims) - input.ndim) + tuple(input.shape)
    ones = [n for size in shape for n in (1, size)]  # (n0, n1) -> (1, n0, 1, n1) -> (d0, n0, d1, n1) -> (d0 n0, d1 n1)
    repeated = [n for d, size in zip(dims, shape, strict=True) for n in (d, size)]
    final = tuple(d * size for d, size in zip(dims, shape, strict=True))
    return reshape(broadcast_to(reshape(input, tuple(ones)), shape=tuple(repeated)), final)


@op(lambda g, y, x, dims: flip(g, dims=dims))
def flip(input: TensorLike, dims: int | Sequence[int]) -> Tensor:
    """Reverse input along `dims`."""
    dims = normal_dims(dims, input.ndim, "flip")
    return xp(input).flip(input, dims) if input.ndim else input


def _minus(shifts):
    return -shifts if isinstance(shifts, WHOLE) else tuple(-s for s in shifts)


@op(lambda g, y, x, shifts, dims=None: roll(g, shifts=_minus(shifts), dims=dims))
def roll(input: TensorLike, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> Tensor:
    """Move elements on by `shifts` along `dims`; what falls off the end comes back at the start."""
    count = [1 if n is None or isinstance(n, WHOLE) else len(n) for n in (shifts, dims)]
    if count[0] != count[1] or (dims is not None and not input.ndim):
        raise ValueError(f"roll: one shift for each of dims, not shifts {shifts} and dims {dims} for {input.ndim} dimensions")
    return xp(input).roll(input, shifts, dims)


# --- joining and cutting ---------------------------------------------------------------------------------------


def _cat_vjps(need, g, y, *tensors, dim=0):
    before, ends = (slice(None),) * (dim % y.ndim), accumulate(t.shape[dim] for t in tensors)
    return [g[(*before, slice(end - t.shape[dim], end))] if n else None for n, t, end in zip(need, tensors, ends)]


def _cat(*tensors, dim=0):
    return xp(tensors[0]).concatenate(tensors, dim)


def _stack(*tensors, dim=0):
    return xp(tensors[0]).stack(tensors, dim)


def _stack_vjps(need, g, y, *tensors, dim=0):
    before = (slice(None),) * (dim % y.ndim)
    return [g[(*before, i)] if n else None for i, n in enumerate(need)]


_cat_op, _stack_op = VariadicOp(_cat, _cat_vjps), VariadicOp(_stack, _stack_vjps)


def _check_shapes(name: str, tensors: Sequence[TensorLike], dim: int | None) -> None:
    """Raise ValueError unless all sizes agree, but for that of `dim` (None: no exception)."""
    shapes = [tuple(t.shape) for t in tensors]
    if len({tuple(n if d != dim else -1 for d, n in enumerate(s)) for s in shapes}) > 1:
        rule = "be equal" if dim is None else f"have as many dimensions, and agree except in dim {dim}"
        raise ValueError(f"{name}: shapes {', '.join(map(str, shapes))} must {rule}")


def cat(tensors: Sequence[TensorLike], dim: int = 0) -> Tensor:
    """Join tensors along an existing dimension; the other sizes must agree. Those of shape (0,) join with anything."""
    if not tensors:
        raise ValueError("cat: the list of tensors is empty")
    tensors = [t for t in tensors if tuple(t.shape) != (0,)] or tensors[:1]
    if any(t.ndim == 0 for t in tensors):
        raise ValueError("cat: a number has no dimension to be joined along; use stack")
    dim = normal_dim(dim, tensors[0].ndim, "cat")
    _check_shapes("cat", tensors, dim)
    return _cat_op(*tensors, dim=dim)


def stack(tensors: Sequence[TensorLike], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension."""
    if not tensors:
        raise ValueError("stack: the list of tensors is empty")
    _check_shapes("stack", tensors, None)
    return _stack_op(*tensors, dim=normal_dim(dim, tensors[0].ndim + 1, "stack"))


def split(
    input: TensorLike, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[Tensor, ...]:
    """Return a tuple of pieces along `dim`: of one size (the last may be smaller), or of the sizes in a list."""
    dim, sizes = normal_dim(dim, input.ndim, "split"), split_size_or_sections
    total = _size_of(input, dim, "split")
    if isinstance(sizes, WHOLE):
        if sizes < 1 and (sizes, total) != (0, 0):
            raise ValueError(f"split: pieces have one element or more, not {sizes}")
        sizes = [min(sizes, total - start) for start in range(0, total, sizes or 1)] or [0]
    if sum(sizes) != total or min(sizes, default=0) < 0:
        raise ValueError(f"split: sizes {list(sizes)} add up to {sum(sizes)}, dim {dim} has {total}; none is negative")
    ends = np.cumsum(sizes).tolist()
    before = (slice(None),) * dim
    return tuple(index(input, before + (slice(end - n, end),)) for n, end in zip(sizes, ends, strict=True))


def chunk(input: TensorLike, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return `chunks` pieces of equal size along `dim`; the last may be smaller."""
    total = _size_of(input, normal_dim(dim, input.ndim, "chunk"), "chunk")
    if chunks < 1:
        raise ValueError(f"chunk: {chunks} pieces; it must be one or more")
    return split(input, -(-total // chunks) if total else [0] * chunks, dim)


def _size_of(input: TensorLike, dim: int, name: str) -> int:
    """Return the size of `dim`; raise ValueError for a number, which has no dimensions."""
    if input.ndim == 0:
        raise ValueError(f"{name}: a number has no dimensions")
    return input.shape[dim]


# --- indexing --------------------------------------------------------------------------------------------------


def _plain_key(key):
    """Return the key with arrays in place of Tensors and lists."""
    parts = key if isinstance(key, tuple) else (key,)
    parts = tuple(np.asarray(raw(k)) if isinstance(k, list) else raw(k) for k in parts)
    return parts if isinstance(key, tuple) else parts[0]


class Index(Op):
    """An op that picks places. x[0], x[1], ... of one x share one array for its gradient; else each would make its own."""

    def pullback(self, g, y, useful, record):
        if record:
            return super().pullback(g, y, useful, record)
        (x,), (source,), key = y.arrays, y.parents, y.const["key"]
        if source not in useful:
            return [None]
        first = lambda: _unindex.forward(g, key=key, shape=x.shape)
        return [Pieces(x.shape, first, lambda total: _add_at(total, key, g))]


def _add_at(total, key, x):
    """Add x to total[key], as often as an index occurs."""
    parts = key if isinstance(key, tuple) else (key,)
    if any(hasattr(k, "dtype") and k.dtype.kind in "iu" and k.ndim for k in parts):
        xp(x).add.at(total, key, x)
    else:
        total[key] += x


@op(lambda g, y, x, key: _unindex(g, key=key, shape=x.shape), kind=Index)
def _index(x, key):
    return x[key]


@op(lambda g, y, x, key, shape: _index(g, key=key))
def _unindex(x, key, shape):
    """Return the adjoint of _index: zeros of `shape`, and x added at the places `key`."""
    if isinstance(key, slice) and key.step in (None, 1):  # as of all hidden states of an LSTM but one: only that is cleared
        total, (start, stop, _) = xp(x).empty_like(x, shape=shape), key.indices(shape[0])
        total[:start], total[start:stop], total[stop:] = 0, x, 0
        return total
    total = xp(x).zeros_like(x, shape=shape)  # in x's order in memory: channels-last stays channels-last
    _add_at(total, key, x)
    return total


_unindex.shown = "index"


def index(input: TensorLike, key: Any) -> Tensor:
    """Return input[key]: integers, slices, None, ..., integer arrays (repeats allowed) and boolean masks, as in NumPy."""
    return _index(input, key=_plain_key(key))


def select(input: TensorLike, dim: int, index: int) -> Tensor:
    """Return one slice along `dim`, without that dimension."""
    _size_of(input, dim := normal_dim(dim, input.ndim, "select"), "select")
    return input[(slice(None),) * dim + (index,)]


def index_select(input: TensorLike, dim: int, index: TensorLike) -> Tensor:
    """Return the slices along `dim` that the integers `index`, (K,) or a single one, name."""
    dim, index = normal_dim(dim, input.ndim, "index_select"), _integers(index, "index_select")
    if index.ndim > 1:
        raise ValueError(f"index_select: index has shape {index.shape}, it must be (K,); use input[index]")
    if input.ndim == 0:
        return reshape(index_select(reshape(input, (1,)), 0, index), ())
    return input[(slice(None),) * dim + (index.reshape(-1),)]


def _integers(index: TensorLike, name: str) -> Any:
    """Return the array of an index; raise TypeError if it does not hold integers. Truth values would pick as a mask does."""
    index = raw(index)
    if index.dtype.kind not in "iu" and index.size:
        raise TypeError(
            f"{name}: an index must be integers, not {index.dtype}; a mask picks by input[mask], t.long() or"
            " array.astype('int64') makes integers"
        )
    return index.astype("int64") if index.dtype.kind not in "iu" else index


def _along(index, dim):
    """Return the key that picks, at each place of `index`, the element with that number along dimension d."""
    key = [
        xp(index).arange(n).reshape([-1 if k == d else 1 for k in range(index.ndim)]) for d, n in enumerate(index.shape)
    ]
    key[dim] = index
    return tuple(key)


def gather(input: TensorLike, dim: int, index: TensorLike) -> Tensor:
    """Return output[i][j] = input[index[i][j]][j] for dim 0, and so on; index has as many dimensions as input."""
    dim, index = normal_dim(dim, input.ndim, "gather"), _integers(index, "gather")
    if index.size == 0 or max(input.ndim, index.ndim) <= 1:  # a number is a row of one
        return reshape(index_select(reshape(input, (-1,)), 0, index.reshape(-1)), index.shape)
    _check_index("gather", input.shape, index.shape, dim)
    return _index(input, key=_along(index, dim))


def _check_index(name: str, shape: tuple[int, ...], index: tuple[int, ...], dim: int) -> None:
    """Raise ValueError unless an index of shape `index` is as large as `shape` or smaller, except along `dim`."""
    if len(index) != len(shape) or any(n > m for d, (n, m) in enumerate(zip(index, shape)) if d != dim):
        raise ValueError(
            f"{name}: index {tuple(index)} must have as many dimensions as {tuple(shape)}, and except in dim {dim} no"
            " larger sizes"
        )


def scatter_add(input: TensorLike, dim: int, index: TensorLike, src: TensorLike) -> Tensor:
    """Return input with src[i][j] added at [index[i][j]][j] for dim 0, and so on: the adjoint of gather."""
    dim, index = normal_dim(dim, input.ndim, "scatter_add"), _integers(index, "scatter_add")
    if input.ndim == 0:
        row = scatter_add(reshape(input, (1,)), 0, index.reshape(-1), reshape(src, (-1,)))
        return reshape(row, ())
    if index.size == 0:
        return input
    _check_index("scatter_add", input.shape, index.shape, dim)
    _check_index("scatter_add", src.shape, index.shape, -1)
    src = src[tuple(slice(n) for n in index.shape)]
    src = src if src.dtype == input.dtype else cast(src, dtype=input.dtype)
    return input + _unindex(src, key=_along(index, dim), shape=input.shape)


def masked_fill(input: TensorLike, mask: TensorLike, value: float) -> Tensor:
    """Return `value` where mask holds, input elsewhere."""
    return where(mask, value, input)


def check_matrix(name: str, input: TensorLike) -> None:
    """Raise ValueError unless input is a matrix or a stack of them."""
    if input.ndim < 2:
        raise ValueError(f"{name}: input {tuple(input.shape)} must be a matrix, or a stack of matrices (..., M, N)")


@op(lambda g, y, x, diagonal=0: tril(g, diagonal=diagonal))
def tril(input: TensorLike, diagonal: int = 0) -> Tensor:
    """Return the lower triangle of the last two dimensions, up to `diagonal`; zeros above."""
    check_matrix("tril", input)
    return xp(input).tril(input, diagonal)


@op(lambda g, y, x, diagonal=0: triu(g, diagonal=diagonal))
def triu(input: TensorLike, diagonal: int = 0) -> Tensor:
    """Return the upper triangle of the last two dimensions, from `diagonal`; zeros below."""
    check_matrix("triu", input)
    return xp(input).triu(input, diagonal)


# --- padding ---------------------------------------------------------------------------------------------------


def _inside(widths, shape):
    return tuple(slice(low, low + n) for (low, _), n in zip(widths, shape, strict=True))


@op(lambda g, y, x, widths, value=0.0: g[_inside(widths, x.shape)])
def _pad_constant(x, widths, value=0.0):
    padded = xp(x).full([n + low + high for (low, high), n in zip(widths, x.shape, strict=True)], value, x.dtype)
    padded[_inside(widths, x.shape)] = x
    return padded


_pad_constant.shown = "pad"


def _border_indices(n, low, high, mode):
    """Return which of the n elements stand at positions -low .. n + high - 1."""
    position = np.arange(-low, n + high)
    if n == 0:
        raise ValueError(f"pad: mode {mode} repeats elements of a dimension, and this one has none; use mode constant")
    if mode == "replicate":
        return position.clip(0, n - 1)
    if mode == "circular":  # what a negative width cuts off does not come round
        start, stop = max(0, -low), n + min(0, high)
        return start + np.arange(-max(0, low), stop - start + max(0, high)) % max(1, stop - start)
    if max(low, high) >= n:
        raise ValueError(f"pad: reflect needs widths below the size, got ({low}, {high}) for a size of {n}")
    return (n - 1) - np.abs((n - 1) - np.abs(position))  # reflect: mirrored without repeating the edge


def pad(input: TensorLike, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> TensorLike:
    """Add `pad` elements (left, right) to the last dimension, then to the one before, ...; a negative width cuts off.

    mode: "constant" (filled with value), "reflect", "replicate" or "circular".
    """
    if len(pad) % 2 or len(pad) > 2 * input.ndim:
        raise ValueError(
            f"pad: widths come in pairs, at most one per dimension; got {list(pad)} for shape {input.shape}"
        )
    if mode not in ("constant", "reflect", "replicate", "circular"):
        raise ValueError(f"pad: mode is constant, reflect, replicate or circular, not {mode!r}")
    pairs = [(0, 0)] * (input.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    sizes = tuple(n + low + high for (low, high), n in zip(pairs, input.shape, strict=True))
    if min(sizes, default=0) < 0:
        raise ValueError(f"pad: widths {list(pad)} cut more off {tuple(input.shape)} than it has: {sizes} would be left")
    if mode != "constant":
        for dim, (low, high) in enumerate(pairs):
            if (low, high) != (0, 0):
                positions = _border_indices(input.shape[dim], low, high, mode)
                input = index_select(input, dim, xp(raw(input)).asarray(positions))
        return input
    if any(min(pair) < 0 for pair in pairs):
        kept = tuple(slice(max(0, -low), n - max(0, -high)) for (low, high), n in zip(pairs, input.shape, strict=True))
        input, pairs = input[kept], [(max(0, low), max(0, high)) for low, high in pairs]
    return _pad_constant(input, widths=tuple(pairs), value=value)

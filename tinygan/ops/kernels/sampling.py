"""Sums of table rows and draws of categories: for the textbook forms, see `ops/sampling.py`."""

import numpy as np

from tinygan.backend import Array, is_numpy, xp


def add_rows(x: Array, indices: Array, num: int, skip: int | None) -> Array:
    """Return `ops.sampling._add_rows`: rows sorted by index, then added up in runs, several times faster than add.at."""
    indices, x = indices.reshape(-1), x.reshape(-1, x.shape[-1])
    table = xp(x).zeros((num, x.shape[-1]), x.dtype)
    if skip is not None:
        x = xp(x).where((indices != skip)[:, None], x, 0)
    if not is_numpy(x):
        xp(x).add.at(table, indices, x)
    elif len(indices):
        order = indices.argsort(kind="stable")
        ordered = indices[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        table[ordered[starts]] = np.add.reduceat(x[order], starts, axis=0)
    return table


def fits_exp(top: Array) -> bool:
    """Return whether e^x can be summed as it is over rows whose largest elements are `top`: no row overflows or vanishes.

    On a GPU the answer is False: to look at `top` would be to wait for it.
    """
    return is_numpy(top) and np.abs(top).max(initial=0) < 0.2 * np.log(np.finfo(top.dtype).max)


def _refuse_unlikely(top: Array) -> None:
    """Raise ValueError if a row's largest logit is not finite. On a GPU, where a look is a wait, nothing is looked at."""
    if is_numpy(top) and not np.isfinite(top).all():
        raise ValueError(
            "categorical: a row of logits holds nan or inf, or nothing but -inf, and has no probabilities: look for the"
            " step where the network's numbers stop being finite, or for a mask that leaves no category"
        )


def draw(logits: Array, u: Array) -> Array:
    """Return `ops.sampling._draw`: the inverse of the cumulative distribution, in two levels.

    The first level finds a block of about √V categories, the second a category inside it. On 64 x 5000 that takes a
    quarter of the time of one long cumulative sum.
    """
    library, shape, size = xp(logits), logits.shape[:-1], logits.shape[-1]
    root = max(1, round(size**0.5))
    filling = (w for w in range(root, 2 * root) if size % w == 0)  # blocks of such widths fill a row, without a copy
    width = next(filling, root)
    top = library.amax(logits, -1, keepdims=True)
    if fits_exp(top):
        weights = library.exp(logits)  # a pass less
    else:
        _refuse_unlikely(top)
        weights = logits - top
        weights = library.exp(weights, out=weights)
    weights = weights.reshape(-1, size)
    spare = -size % width
    if spare:
        weights = library.concatenate([weights, library.zeros((len(weights), spare), weights.dtype)], 1)
    blocks = weights.reshape(len(weights), -1, width)  # (N, blocks, width)
    in_block = blocks @ library.ones(width, weights.dtype)  # a fifth of the time of blocks.sum(2)
    before = in_block.cumsum(1)
    u = u.reshape(-1) * before[:, -1]
    rows = library.arange(len(weights))
    block = library.minimum((before <= u[:, None]).sum(1), blocks.shape[1] - 1)
    u = u - (before[rows, block] - in_block[rows, block])
    within = (blocks[rows, block].cumsum(1) <= u[:, None]).sum(1)
    return library.minimum(block * width + library.minimum(within, width - 1), size - 1).reshape(shape)

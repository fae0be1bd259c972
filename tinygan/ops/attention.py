"""Attention: each query takes a mean of the values, weighted by how well their keys answer it."""

from __future__ import annotations

import math

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, cast, raw
from tinygan.backend import xp
from tinygan.ops.elementwise import where
from tinygan.ops.linalg import matmul, mT
from tinygan.ops.reduce import softmax
from tinygan.ops.sampling import dropout
from tinygan.ops.shapes import masked_fill

__all__ = ["scaled_dot_product_attention"]


def scaled_dot_product_attention(
    query: TensorLike, key: TensorLike, value: TensorLike, attn_mask: TensorLike | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, rng: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Return softmax(Q Kᵀ scale + mask) V: query (..., L, E), key (..., S, E), value (..., S, D) -> (..., L, D).

    scale: 1/√E if None. attn_mask broadcasts to (..., L, S): boolean, True where attention is allowed, or numbers that are
    added to the scores; a query that may attend to nothing gets zeros. is_causal: query l sees keys 0 to l only.
    Without any keys the answer is 0. dropout_p > 0 needs rng, a numpy Generator. Raises ValueError for both masks at once.
    Vaswani et al. 2017, eq. 1.
    """
    shapes = [tuple(t.shape) for t in (query, key, value)]
    if min(map(len, shapes)) < 2 or not 0 < shapes[0][-1] == shapes[1][-1] or shapes[1][-2] != shapes[2][-2]:
        raise ValueError(
            f"scaled_dot_product_attention: query {shapes[0]}, key {shapes[1]}, value {shapes[2]} must be (..., L, E),"
            " (..., S, E), (..., S, D): one E, above 0, for query and key, one S for key and value"
        )
    if "f" not in {t.dtype.kind for t in (query, key, value)}:
        raise TypeError(
            f"scaled_dot_product_attention: {query.dtype} has no weighted means: use array.astype('float32')"
        )
    if is_causal and attn_mask is not None:
        raise ValueError(
            "scaled_dot_product_attention: give attn_mask or is_causal, not both; is_causal is itself a mask"
        )
    scores_shape = (query.shape[-2], key.shape[-2])
    if attn_mask is not None and any(n not in (1, m) for n, m in zip(attn_mask.shape[::-1], scores_shape[::-1])):
        raise ValueError(
            f"scaled_dot_product_attention: attn_mask {tuple(attn_mask.shape)} must broadcast to (..., L, S) = {scores_shape}"
        )
    if attn_mask is not None and attn_mask.dtype.kind in "bf":
        key, value = _without_unseen(raw(attn_mask), scores_shape, key, value)
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    scores = matmul(query * scale, mT(key))  # (..., L, S); scaling the queries is cheaper than scaling the scores
    library = xp(raw(query))
    allowed = None
    if is_causal:
        allowed = library.tri(*scores_shape, dtype=bool)
    elif attn_mask is not None and attn_mask.dtype == bool:
        allowed = raw(attn_mask)
    elif attn_mask is not None and attn_mask.dtype.kind == "f":
        scores = scores + (attn_mask if attn_mask.dtype == scores.dtype else cast(attn_mask, dtype=scores.dtype))
        allowed = raw(attn_mask) != -math.inf
    elif attn_mask is not None:
        raise TypeError(
            f"scaled_dot_product_attention: attn_mask is boolean, True where attention is allowed, or floating point numbers"
            f" that are added to the scores; not {attn_mask.dtype}"
        )
    if allowed is not None:
        scores = masked_fill(scores, ~allowed, float(library.finfo(scores.dtype).min))  # -inf would give 0/0 below
    weights = softmax(scores, -1)
    if allowed is not None and not is_causal:
        weights = where(
            allowed, weights, 0.0
        )  # where nothing is allowed softmax is uniform, and the answer should be 0
    if dropout_p > 0:
        weights = dropout(weights, dropout_p, True, rng)
    return matmul(weights, value)


def _without_unseen(mask, scores_shape, key, value):
    """Return (key, value), 0 where no query may look: padding may hold infinity, and the weight 0 times that is nan."""
    library = xp(mask)
    allowed = mask if mask.dtype == bool else mask != -math.inf
    seen = library.broadcast_to(allowed, allowed.shape[:-2] + scores_shape).any(-2)[..., None]  # (..., S, 1)
    if library is np and seen.all():
        return key, value
    return where(seen, key, 0.0), where(seen, value, 0.0)

"""MultiheadAttention: every position asks all others what they hold, in several ways at once."""

import math
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.backend import xp
from tinygan.checks import check_number, check_sizes
from tinygan.nn.init import Seed, xavier_uniform_, zeros_
from tinygan.nn.linear import Linear
from tinygan.nn.module import Module
from tinygan.nn.parameter import zeros_parameter
from tinygan.seeding import generator


class MultiheadAttention(Module):
    """softmax(q kᵀ / √d) v in num_heads parts of size d = embed_dim / num_heads, put side by side and mixed by out_proj.

    in_proj_weight (3E, E) makes q, k and v, in this order; it begins as Xavier's, all biases at 0. dropout acts on the
    attention weights in training. Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, batch_first: bool = False,
        *, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, embed_dim=embed_dim, num_heads=num_heads)
        check_number(self, "dropout", dropout, 0, 1)
        if embed_dim % num_heads:
            raise ValueError(f"MultiheadAttention: embed_dim={embed_dim} must be a multiple of num_heads={num_heads}")
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.rng = rng = generator(rng)
        self.in_proj_weight = zeros_parameter(3 * embed_dim, embed_dim, device=device, dtype=dtype)
        self.in_proj_bias = zeros_parameter(3 * embed_dim, device=device, dtype=dtype) if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias, rng=rng, device=device, dtype=dtype)
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw both projections again."""
        rng = generator(rng)
        xavier_uniform_(self.in_proj_weight, rng=rng)
        self.out_proj.reset_parameters(rng)
        for bias in (self.in_proj_bias, self.out_proj.bias):
            if bias is not None:
                zeros_(bias)

    def forward(
        self, query: TensorLike, key: TensorLike, value: TensorLike, key_padding_mask: TensorLike | None = None,
        need_weights: bool = True, attn_mask: TensorLike | None = None, average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        """query (L, N, E), key and value (S, N, E) -> output (L, N, E), weights (N, L, S) or None; batch_first: (N, L, E).

        key_padding_mask (N, S) and attn_mask (L, S) or (N · heads, L, S): True forbids, or numbers that are added to the
        scores. average_attn_weights=False: weights (N, heads, L, S). is_causal is a hint that attn_mask is the causal one,
        as in PyTorch. A single sequence may come without N.
        """
        if not query.ndim == key.ndim == value.ndim or query.ndim not in (2, 3):
            raise ValueError(
                f"MultiheadAttention: query {tuple(query.shape)}, key {tuple(key.shape)} and value {tuple(value.shape)} must"
                " all have 3 dimensions, or 2 for a single sequence"
            )
        batch_axis = None if query.ndim == 2 else 0 if self.batch_first else 1
        once = {id(x): self._batch_first(x, batch_axis) for x in (query, key, value)}
        q, k, v = self._project(*(once[id(x)] for x in (query, key, value)))  # (N, heads, L or S, d)
        mask = self._mask(attn_mask, key_padding_mask, q, k)
        scores = ops.matmul(q, ops.transpose(k, -2, -1)) * (1 / math.sqrt(q.shape[-1]))  # (N, heads, L, S)
        weights = ops.softmax(scores if mask is None else scores + mask, -1)
        weights = ops.dropout(weights, self.dropout, self.training, self.rng)
        mixed = ops.flatten(ops.transpose(ops.matmul(weights, v), 1, 2), 2)  # (N, L, E)
        output = self.out_proj(mixed)
        output = output[0] if batch_axis is None else ops.transpose(output, 0, batch_axis) if batch_axis else output
        if not need_weights:
            return output, None
        if average_attn_weights:
            weights = ops.mean(weights, 1)
        return output, weights[0] if batch_axis is None else weights

    def _batch_first(self, x, batch_axis):
        if x.shape[-1] != self.embed_dim:
            raise ValueError(f"MultiheadAttention: {tuple(x.shape)} must end with embed_dim={self.embed_dim}")
        return ops.unsqueeze(x, 0) if batch_axis is None else ops.transpose(x, 0, 1) if batch_axis == 1 else x

    def _project(self, *inputs):
        """Return q, k and v of the three inputs (N, L or S, E), each (N, heads, L or S, d)."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if inputs[0] is inputs[1] is inputs[2]:  # self-attention: one product
            projected = list(ops.chunk(ops.linear(inputs[0], weight, bias), 3, -1))
        else:
            weights, biases = ops.chunk(weight, 3), (None,) * 3 if bias is None else ops.chunk(bias, 3)
            projected = [ops.linear(x, w, b) for x, w, b in zip(inputs, weights, biases)]
        heads = (self.num_heads, self.embed_dim // self.num_heads)
        return [ops.transpose(ops.unflatten(x, -1, heads), 1, 2) for x in projected]

    def _mask(self, attn_mask, key_padding_mask, q, k):
        """Return what is added to the scores (N, heads, L, S): both masks, -inf where one forbids; None without a mask."""
        (batch, heads, length, _), source = q.shape, k.shape[2]
        total = None
        for name, mask, shapes in (
            ("attn_mask", attn_mask, {2: (length, source), 3: (batch, heads, length, source)}),
            ("key_padding_mask", key_padding_mask, {1: (batch, 1, 1, source), 2: (batch, 1, 1, source)}),
        ):
            if mask is None:
                continue
            shape = shapes.get(mask.ndim, ())
            if raw(mask).size != math.prod(shape):
                scores = (batch, heads, length, source)
                raise ValueError(f"MultiheadAttention: {name} {tuple(mask.shape)} does not fit scores {scores}")
            if mask.dtype == bool:
                mask = xp(raw(mask)).where(raw(mask), -math.inf, 0.0)
            mask = ops.reshape(mask.astype(q.dtype), shape)
            total = mask if total is None else total + mask
        return total

    def extra_repr(self) -> str:
        return f"{self.embed_dim}, {self.num_heads}" + f", dropout={self.dropout}" * (self.dropout > 0)

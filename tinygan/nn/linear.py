"""Linear and Embedding: the two layers that are one matrix.

Every layer is made in the same way: `__init__` keeps the settings, makes Parameters of the right shapes, and calls
`reset_parameters(rng)`, which draws their values; `forward` calls the function of `tinygan.ops` that does the work.
"""

from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, TensorLike
from tinygan.checks import check_sizes, check_whole
from tinygan.nn.init import Seed, affine_, normal_
from tinygan.nn.module import Module
from tinygan.nn.parameter import zeros_parameter
from tinygan.ops.linalg import linear
from tinygan.ops.sampling import embedding


class Linear(Module):
    """input @ weightᵀ + bias: (..., in_features) -> (..., out_features); weight (out, in), bias (out,) begin in ±1/√in."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, *, rng: Seed = None, device: str | None = None,
        dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, in_features=in_features, out_features=out_features)
        self.in_features, self.out_features = in_features, out_features
        self.weight = zeros_parameter(out_features, in_features, device=device, dtype=dtype)
        self.bias = zeros_parameter(out_features, device=device, dtype=dtype) if bias else None
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw weight and bias again."""
        affine_(self.weight, self.bias, rng)

    def forward(self, input: TensorLike) -> Tensor:
        """Return (..., out_features) of input (..., in_features)."""
        return linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Embedding(Module):
    """A table of num_embeddings rows: integers (...) -> their rows (..., embedding_dim), which begin normal.

    padding_idx: a row that begins at 0 and is never trained.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, *, rng: Seed = None,
        device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None:
            check_whole("Embedding", "padding_idx", padding_idx)
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(f"Embedding: padding_idx {padding_idx} is not one of {num_embeddings} rows")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        self.weight = zeros_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw the table again."""
        normal_(self.weight, rng=rng)
        if self.padding_idx is not None:
            self.weight.data[self.padding_idx] = 0  # drawn just now: no graph has seen it

    def forward(self, input: TensorLike) -> Tensor:
        """Integers (...) -> (..., embedding_dim)."""
        return embedding(input, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"

"""Layers that give their input mean 0 and variance 1: over the batch, over a sample, over groups of channels.

The running statistics are buffers: `running_mean`, `running_var` and the count of batches, `num_batches_tracked`.
"""

from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike
from tinygan.backend import library_of, xp
from tinygan.checks import check_number, check_sizes
from tinygan.nn.init import Seed, ones_, zeros_
from tinygan.nn.module import Module
from tinygan.nn.parameter import zeros_parameter


class _Norm(Module):
    """weight, which begins as 1, and bias, as 0."""

    def _add_affine(self, shape, weight, bias, device, dtype):
        self.weight = zeros_parameter(*shape, device=device, dtype=dtype) if weight else None
        self.bias = zeros_parameter(*shape, device=device, dtype=dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self, rng: Seed = None) -> None:
        """Set weight to 1 and bias to 0 again; nothing is drawn."""
        if self.weight is not None:
            ones_(self.weight)
        if self.bias is not None:
            zeros_(self.bias)


class _RunningNorm(_Norm):
    """Statistics of each channel, and running means of them for eval mode."""

    dims = {2, 3}  # how many dimensions the input may have
    running_mean: Any
    running_var: Any

    def _build(self, num_features, eps, momentum, affine, track_running_stats, bias, device, dtype):
        check_sizes(self, num_features=num_features)
        check_number(self, "eps", eps)
        if momentum is not None:
            check_number(self, "momentum", momentum, 0, 1)
        self.num_features, self.eps, self.momentum, self.affine = num_features, eps, momentum, affine
        self.track_running_stats = track_running_stats
        library = library_of(device)
        for name, start in (
            ("running_mean", library.zeros(num_features, dtype)),
            ("running_var", library.ones(num_features, dtype)),
            ("num_batches_tracked", library.zeros((), "int64")),
        ):
            self.register_buffer(name, start if track_running_stats else None)
        self._add_affine((num_features,), affine, affine and bias, device, dtype)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Set weight to 1, bias to 0 and the running statistics to those of no batch again."""
        super().reset_parameters(rng)
        if self.track_running_stats:
            library = xp(self.running_mean)
            self.running_mean = library.zeros_like(self.running_mean)
            self.running_var = library.ones_like(self.running_var)
            self.num_batches_tracked = library.zeros((), "int64")

    def _running(self):
        """Return (running_mean, running_var) for the op. In training it moves them in place, so they are copied first."""
        if self.training and self.track_running_stats:
            self.running_mean, self.running_var = self.running_mean.copy(), self.running_var.copy()
        return self.running_mean, self.running_var

    def _check(self, input):
        if input.ndim not in self.dims or input.shape[1] != self.num_features:
            sizes = " or ".join(map(str, sorted(self.dims)))
            raise ValueError(
                f"{type(self).__name__}: input {tuple(input.shape)} must have {sizes} dimensions, the second"
                f" num_features={self.num_features}"
            )

    def extra_repr(self) -> str:
        usual = {"eps": 1e-5, "momentum": 0.1, "affine": True, "track_running_stats": True}
        text = "".join(f", {k}={getattr(self, k)}" for k, value in usual.items() if getattr(self, k) != value)
        return f"{self.num_features}{text}"


class _BatchNorm(_RunningNorm):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True,
        track_running_stats: bool = True,
        *, bias: bool = True, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        self._build(num_features, eps, momentum, affine, track_running_stats, bias, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, ...) -> (N, C, ...)."""
        return ops.batch_norm(*self.arguments(input))

    def uses_batch(self) -> bool:
        """Return whether the statistics are those of the batch, not the running ones."""
        return self.training or not self.track_running_stats

    def arguments(self, input: TensorLike) -> tuple:
        """Return what `ops.batch_norm` is called with for this input, which counts as one more batch in training."""
        self._check(input)
        momentum = self.momentum
        if self.training and self.track_running_stats:
            self.num_batches_tracked = self.num_batches_tracked + 1
            if momentum is None:
                momentum = 1 / int(self.num_batches_tracked)  # the running means are then those of all batches so far
        return input, *self._running(), self.weight, self.bias, self.uses_batch(), momentum, self.eps


class BatchNorm1d(_BatchNorm):
    """(N, C) or (N, C, L): every channel less its mean over the batch, divided by its standard deviation. See BatchNorm2d."""

    dims = {2, 3}


class BatchNorm2d(_BatchNorm):
    """(N, C, H, W): (x - mean) / √(var + eps) · weight + bias, with mean and variance of each channel over N, H and W.

    In training they are the batch's, and running means of them move by `momentum` towards them (momentum=None: plain means
    over all batches); in eval mode the running means are used. Ioffe & Szegedy 2015.
    """

    dims = {4}


class BatchNorm3d(_BatchNorm):
    """(N, C, D, H, W): see BatchNorm2d."""

    dims = {5}


class _InstanceNorm(_RunningNorm):
    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = False,
        track_running_stats: bool = False,
        *, bias: bool = True, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        self._build(num_features, eps, momentum, affine, track_running_stats, bias, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, ...) -> (N, C, ...)."""
        if input.ndim + 1 in self.dims:  # one sample
            return ops.squeeze(self.forward(ops.unsqueeze(input, 0)), 0)
        self._check(input)
        of_picture = self.training or not self.track_running_stats
        mean, var = self._running()
        settings = of_picture, self.momentum or 0.0, self.eps
        return ops.instance_norm(input, mean, var, self.weight, self.bias, *settings)


class InstanceNorm1d(_InstanceNorm):
    """(N, C, L) or (C, L): every channel of a sequence less its mean, by its deviation. See InstanceNorm2d."""

    dims = {3}


class InstanceNorm2d(_InstanceNorm):
    """(N, C, H, W) or (C, H, W): every channel of a picture less its mean, by its deviation. Ulyanov et al. 2016."""

    dims = {4}


class LayerNorm(_Norm):
    """Mean 0 and variance 1 over the last dimensions, of sizes normalized_shape; then · weight + bias. Ba et al. 2016."""

    def __init__(
        self, normalized_shape: int | tuple[int, ...], eps: float = 1e-5, elementwise_affine: bool = True,
        bias: bool = True,
        *, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
        if not shape:
            raise ValueError("LayerNorm: normalized_shape is empty: it needs the size of one dimension or more")
        for size in shape:
            check_sizes(self, normalized_shape=size)
        check_number(self, "eps", eps)
        self.normalized_shape = shape
        self.eps = eps
        self._add_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        """(..., *normalized_shape) -> the same."""
        return ops.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}"


class GroupNorm(_Norm):
    """(N, C, ...): mean 0 and variance 1 over each of num_groups groups of channels in each sample. Wu & He 2018."""

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True,
        rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, num_groups=num_groups, num_channels=num_channels)
        check_number(self, "eps", eps)
        if num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not fall into {num_groups} groups")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self._add_affine((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, ...) -> (N, C, ...)."""
        return ops.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}"

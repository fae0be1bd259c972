"""Layers without parameters that change the shape of their input: pooling, upsampling, padding, flattening."""

import math
from typing import Any

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike
from tinygan.checks import check_number, check_per_axis, check_sizes, check_whole
from tinygan.nn.module import Module
from tinygan.ops.windows import PerAxis


class _Pool(Module):
    """What all pools share: sizes of windows, and how they print."""

    dims: int

    def _build(self, kernel_size, stride, padding, **others):
        stride = kernel_size if stride is None else stride
        check_per_axis(self, self.dims, 1, kernel_size=kernel_size, stride=stride, **others)
        check_per_axis(self, self.dims, 0, padding=padding)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1,
        return_indices: bool = False, ceil_mode: bool = False,
    ):  # fmt: skip
        self._build(kernel_size, stride, padding, dilation=dilation)
        self.dilation, self.return_indices, self.ceil_mode = dilation, return_indices, ceil_mode


class MaxPool1d(_MaxPool):
    """The largest value in each window: (N, C, L) -> (N, C, L'); windows do not overlap unless stride says so.

    return_indices: give also where each lies in its sequence.
    """

    dims = 1

    def forward(self, input: TensorLike) -> Any:
        """(N, C, L) -> (N, C, L'), or two of these with return_indices."""
        numbers = (self.kernel_size, self.stride, self.padding, self.dilation)
        kernel_size, stride, padding, dilation = (n[0] if isinstance(n, tuple | list) else n for n in numbers)
        row = ops.unsqueeze(input, -2)  # (N, C, 1, L)
        settings = (1, stride), (0, padding), (1, dilation), self.ceil_mode, self.return_indices
        y = ops.max_pool2d(row, (1, kernel_size), *settings)
        return tuple(ops.squeeze(part, -2) for part in y) if self.return_indices else ops.squeeze(y, -2)


class MaxPool2d(_MaxPool):
    """The largest value in each window: (N, C, H, W) -> (N, C, H', W'); windows do not overlap unless stride says so.

    return_indices: give also where each lies in its picture, counted row by row.
    """

    dims = 2

    def forward(self, input: TensorLike) -> Any:
        """(N, C, H, W) -> (N, C, H', W'), or two of these with return_indices."""
        settings = self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        return ops.max_pool2d(input, self.kernel_size, *settings)


class _AvgPool(_Pool):
    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):  # fmt: skip
        self._build(kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, *size) -> (N, C, *smaller size)."""
        settings = self.stride, self.padding, self.ceil_mode, self.count_include_pad
        return (ops.avg_pool1d, ops.avg_pool2d)[self.dims - 1](input, self.kernel_size, *settings)


class AvgPool1d(_AvgPool):
    """The mean of each window: (N, C, L) -> (N, C, L'); windows do not overlap unless stride says so."""

    dims = 1


class AvgPool2d(_AvgPool):
    """The mean of each window: (N, C, H, W) -> (N, C, H', W'); windows do not overlap unless stride says so."""

    dims = 2


class AdaptiveAvgPool2d(Module):
    """Means over windows that are as large as needed for output_size: (N, C, H, W) -> (N, C, *output_size)."""

    def __init__(self, output_size: int | None | tuple[int | None, ...]):
        for size in output_size if isinstance(output_size, tuple | list) else (output_size,):
            if size is not None:
                check_sizes(self, output_size=size)
        self.output_size = output_size

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, H, W) -> (N, C, *output_size)."""
        return ops.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class Upsample(Module):
    """(N, C, *size) -> (N, C, *larger size), by "nearest", "bilinear" or "bicubic" interpolation."""

    def __init__(
        self, size: PerAxis | None = None, scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest", align_corners: bool | None = None,
    ):  # fmt: skip
        if (size is None) == (scale_factor is None):
            raise ValueError(f"Upsample: give size or scale_factor, one of them; got {size} and {scale_factor}")
        if size is not None:
            for each in size if isinstance(size, tuple | list) else (size,):
                check_sizes(self, size=each)
        else:
            for factor in scale_factor if isinstance(scale_factor, tuple | list) else (scale_factor,):
                check_number(self, "scale_factor", factor, math.ulp(0.0))
        if mode not in ("nearest", "linear", "bilinear", "bicubic", "trilinear"):
            raise ValueError(f"Upsample: mode is nearest, linear, bilinear, bicubic or trilinear, not {mode!r}")
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, *size) -> (N, C, *larger size)."""
        return ops.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class ReflectionPad2d(Module):
    """(N, C, H, W) -> (N, C, H + top + bottom, W + left + right): the border is the picture mirrored at its edge.

    padding: one number, or (left, right, top, bottom).
    """

    def __init__(self, padding: int | tuple[int, int, int, int]):
        check_per_axis(self, 4, 0, padding=padding)
        self.padding = tuple(padding) if isinstance(padding, tuple | list) else (padding,) * 4

    def forward(self, input: TensorLike) -> TensorLike:
        """(N, C, H, W) -> (N, C, H + top + bottom, W + left + right)."""
        return ops.pad(input, self.padding, "reflect")

    def extra_repr(self) -> str:
        return f"{self.padding}"


class PixelShuffle(Module):
    """(N, C r², H, W) -> (N, C, H r, W r): channels become pixels. Shi et al. 2016."""

    def __init__(self, upscale_factor: int):
        check_sizes(self, upscale_factor=upscale_factor)
        self.upscale_factor = upscale_factor

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C r², H, W) -> (N, C, H r, W r)."""
        return ops.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(N, C, H r, W r) -> (N, C r², H, W): pixels become channels."""

    def __init__(self, downscale_factor: int):
        check_sizes(self, downscale_factor=downscale_factor)
        self.downscale_factor = downscale_factor

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, H r, W r) -> (N, C r², H, W)."""
        return ops.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class Flatten(Module):
    """(N, C, H, W) -> (N, C H W), or the dimensions from start_dim to end_dim made one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        check_whole("Flatten", "start_dim", start_dim)
        check_whole("Flatten", "end_dim", end_dim)
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: TensorLike) -> Tensor:
        """(N, ...) -> (N, product of the rest)."""
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """(N, C H W) -> (N, C, H, W) with Unflatten(1, (C, H, W)): one dimension made several."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]):
        if not isinstance(unflattened_size, tuple | list):
            raise TypeError(f"Unflatten: unflattened_size is a tuple of sizes, got {unflattened_size!r}")
        check_whole("Unflatten", "dim", dim)
        for size in unflattened_size:
            if size != -1:
                check_sizes(self, unflattened_size=size)
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: TensorLike) -> Tensor:
        """(..., product, ...) -> (..., *unflattened_size, ...)."""
        return ops.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"

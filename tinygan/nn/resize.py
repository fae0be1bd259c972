"""Layers without parameters that change the shape of their input: pooling, upsampling, flattening."""

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike
from tinygan.nn.module import Module
from tinygan.ops.windows import PerAxis


class MaxPool2d(Module):
    """The largest value in each window: (N, C, H, W) -> (N, C, H', W'); windows do not overlap unless stride says so."""

    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, dilation: PerAxis = 1, *,
        ceil_mode: bool = False,
    ):  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.dilation, self.ceil_mode = padding, dilation, ceil_mode

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, H, W) -> (N, C, H', W')."""
        return ops.max_pool2d(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window: (N, C, H, W) -> (N, C, H', W'); windows do not overlap unless stride says so."""

    def __init__(
        self, kernel_size: PerAxis, stride: PerAxis | None = None, padding: PerAxis = 0, ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):  # fmt: skip
        self.kernel_size, self.stride = kernel_size, kernel_size if stride is None else stride
        self.padding, self.ceil_mode, self.count_include_pad = padding, ceil_mode, count_include_pad

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, H, W) -> (N, C, H', W')."""
        settings = self.stride, self.padding, self.ceil_mode, self.count_include_pad
        return ops.avg_pool2d(input, self.kernel_size, *settings)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AdaptiveAvgPool2d(Module):
    """Means over windows that are as large as needed for output_size: (N, C, H, W) -> (N, C, *output_size)."""

    def __init__(self, output_size: int | None | tuple[int | None, ...]):
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
        self.size, self.scale_factor, self.mode, self.align_corners = size, scale_factor, mode, align_corners

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, *size) -> (N, C, *larger size)."""
        return ops.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class PixelShuffle(Module):
    """(N, C r², H, W) -> (N, C, H r, W r): channels become pixels. Shi et al. 2016."""

    def __init__(self, upscale_factor: int):
        self.upscale_factor = upscale_factor

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C r², H, W) -> (N, C, H r, W r)."""
        return ops.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(N, C, H r, W r) -> (N, C r², H, W): pixels become channels."""

    def __init__(self, downscale_factor: int):
        self.downscale_factor = downscale_factor

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, H r, W r) -> (N, C r², H, W)."""
        return ops.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class Flatten(Module):
    """(N, C, H, W) -> (N, C H W), or the dimensions from start_dim to end_dim made one."""

    def __init__(self, start_dim: int = 1, end_dim: int = -1):
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: TensorLike) -> Tensor:
        """(N, ...) -> (N, product of the rest)."""
        return ops.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """(N, C H W) -> (N, C, H, W) with Unflatten(1, (C, H, W)): one dimension made several."""

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]):
        self.dim, self.unflattened_size = dim, tuple(unflattened_size)

    def forward(self, input: TensorLike) -> Tensor:
        """(..., product, ...) -> (..., *unflattened_size, ...)."""
        return ops.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"

"""Convolutions and transposed convolutions in one, two and three dimensions.

Pictures are N C H W in shape; a weight is (out, in / groups, *kernel), of a transposed convolution (in, out / groups,
*kernel). In memory both have the channels last, because that is the order in which `ops.convolution` multiplies them.
"""

from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike
from tinygan.backend import xp
from tinygan.checks import check_per_axis, check_sizes
from tinygan.nn.init import Seed, affine_
from tinygan.nn.module import Module
from tinygan.nn.parameter import zeros_parameter
from tinygan.ops.windows import PerAxis


class _AnyConv(Module):
    """What all six share: settings, weight and bias, and how these begin, in ±1/√fan_in."""

    dims: int  # 1, 2 or 3, the number of spatial dimensions
    groups: int

    def _build(self, channels, kernel_size, weight_channels, bias, rng, device, dtype):
        self.in_channels, self.out_channels = channels
        self.kernel_size = self._each(kernel_size)
        self.weight = zeros_parameter(*weight_channels, *self.kernel_size, device=device, dtype=dtype)
        library = xp(self.weight.data)
        channels_last = library.ascontiguousarray(library.moveaxis(self.weight.data, 1, -1))
        self.weight.data = library.moveaxis(channels_last, -1, 1)
        self.bias = zeros_parameter(self.out_channels, device=device, dtype=dtype) if bias else None
        self.reset_parameters(rng)

    def _check(self, in_channels, out_channels, groups, least_1, least_0):
        """Raise unless channels, groups and settings are whole numbers, and groups divide the channels."""
        check_sizes(self, in_channels=in_channels, out_channels=out_channels, groups=groups)
        check_per_axis(self, self.dims, 1, **least_1)
        check_per_axis(self, self.dims, 0, **least_0)
        for channels in (in_channels, out_channels):
            if channels % groups:
                raise ValueError(f"{type(self).__name__}: {channels} channels do not fall into {groups} groups")

    def _each(self, setting):
        """Return a number for each dimension: 3 -> (3, 3). The paddings "same" and "valid" stay as they are."""
        if isinstance(setting, int | np.integer):
            return (setting,) * self.dims
        return setting if isinstance(setting, str) else tuple(setting)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw weight and bias again."""
        affine_(self.weight, self.bias, rng)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}"
        usual = {"kernel_size": None, "stride": 1, "padding": 0, "output_padding": 0, "dilation": 1}
        for name, value in usual.items():
            sizes = getattr(self, name, value)
            if isinstance(sizes, tuple) and len(set(sizes)) == 1:
                sizes = sizes[0]  # (3, 3) is shown as it was asked for, 3
            text += f", {name}={sizes}" * (sizes != value)
        return text + f", groups={self.groups}" * (self.groups != 1) + ", bias=False" * (self.bias is None)


class _Conv(_AnyConv):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
        padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", *, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        if padding_mode not in ("zeros", "reflect", "replicate", "circular"):
            raise ValueError(f"padding_mode is 'zeros', 'reflect', 'replicate' or 'circular', not {padding_mode!r}")
        sizes = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
        self._check(in_channels, out_channels, groups, sizes, {} if padding in ("same", "valid") else {"padding": padding})
        if padding == "same" and set(self._each(stride)) != {1}:
            raise ValueError(f"{type(self).__name__}: padding 'same' needs stride 1, not {stride}; give numbers")
        self.stride, self.padding, self.dilation = self._each(stride), self._each(padding), self._each(dilation)
        self.groups, self.padding_mode = groups, padding_mode
        weight_channels = out_channels, in_channels // groups
        self._build((in_channels, out_channels), kernel_size, weight_channels, bias, rng, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        """(N, in_channels, *size) -> (N, out_channels, *size); ⌊(n + 2 padding - dilation (k - 1) - 1) / stride⌋ + 1."""
        return (ops.conv1d, ops.conv2d, ops.conv3d)[self.dims - 1](*self.arguments(input))

    def arguments(self, input: TensorLike) -> tuple:
        """Return what `ops.conv2d` is called with for this input: borders other than zeros are put around it here."""
        padding = self.padding
        if self.padding_mode != "zeros":
            input, padding = ops.pad(input, self._borders(), self.padding_mode), 0
        return input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups


    def _borders(self) -> list[int]:
        """Return how many pixels are put before and after each axis, the last axis first."""
        if self.padding == "valid":
            return [0, 0] * self.dims
        if self.padding == "same":  # the odd one of an even kernel goes behind
            spans = [d * (k - 1) for k, d in zip(self.kernel_size, self.dilation)]
            return [n for span in reversed(spans) for n in (span // 2, span - span // 2)]
        return [p for p in reversed(self.padding) for _ in ("before", "after")]


class _ConvTranspose(_AnyConv):
    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: PerAxis, stride: PerAxis = 1,
        padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, bias: bool = True,
        dilation: PerAxis = 1, *, rng: Seed = None, device: str | None = None, dtype: Any = np.float32,
    ):  # fmt: skip
        sizes = {"kernel_size": kernel_size, "stride": stride, "dilation": dilation}
        self._check(in_channels, out_channels, groups, sizes, {"padding": padding, "output_padding": output_padding})
        self.stride, self.padding, self.dilation = self._each(stride), self._each(padding), self._each(dilation)
        self.output_padding, self.groups = self._each(output_padding), groups
        weight_channels = in_channels, out_channels // groups
        self._build((in_channels, out_channels), kernel_size, weight_channels, bias, rng, device, dtype)

    def forward(self, input: TensorLike) -> Tensor:
        """(N, in_channels, *size) -> (N, out_channels, *size); n becomes (n - 1) stride - 2 padding + dilation (k - 1)
        + output_padding + 1."""
        convolve = (ops.conv_transpose1d, ops.conv_transpose2d, ops.conv_transpose3d)[self.dims - 1]
        return convolve(*self.arguments(input))

    def arguments(self, input: TensorLike) -> tuple:
        """Return what `ops.conv_transpose2d` is called with for this input."""
        settings = self.stride, self.padding, self.output_padding, self.groups, self.dilation
        return input, self.weight, self.bias, *settings


class Conv1d(_Conv):
    """(N, in_channels, L) -> (N, out_channels, L'): see `ops.conv1d`."""

    dims = 1


class Conv2d(_Conv):
    """(N, in_channels, H, W) -> (N, out_channels, H', W'): see `ops.conv2d`."""

    dims = 2


class Conv3d(_Conv):
    """(N, in_channels, D, H, W) -> (N, out_channels, D', H', W'): see `ops.conv3d`."""

    dims = 3


class ConvTranspose1d(_ConvTranspose):
    """(N, in_channels, L) -> (N, out_channels, L'), larger by the stride: see `ops.conv_transpose1d`."""

    dims = 1


class ConvTranspose2d(_ConvTranspose):
    """(N, in_channels, H, W) -> (N, out_channels, H', W'), larger by the stride: see `ops.conv_transpose2d`."""

    dims = 2


class ConvTranspose3d(_ConvTranspose):
    """(N, in_channels, D, H, W) -> (N, out_channels, D', H', W'), larger by the stride: see `ops.conv_transpose3d`."""

    dims = 3

"""Convolution in any number of dimensions, and its two relatives, each the gradient of the others.

A small array of weights w slides over an image x. At window t it lies on the pixels stride * t + dilation * k - padding,
one for each of its offsets k, and the output y at t is the sum of pixels times weights. Let windows[n, c, t, k] be the pixel
of image n and channel c that window t sees at offset k (`windows.py`). Then there are three sums:

    conv            y[n, o, t]           = Σ over c, k   windows[n, c, t, k] * w[o, c, k]
    conv_weight     w[o, c, k]           = Σ over n, t   windows[n, c, t, k] * y[n, o, t]
    conv_transpose  windows[n, c, t, k] += Σ over o      y[n, o, t] * w[o, c, k]       added up where windows overlap

Each is linear in its two arguments, and the gradient for either of them is one of the other two. So they can be
differentiated as often as one likes. Groups: output channel o sees only the input channels of its own group.

The body of each op below is the textbook form, one `einsum`. What runs is the function that its `kernel=` names, of
`kernels/conv.py`: it computes the same in blocks. Public functions are at the end.
"""

from collections.abc import Callable
from numbers import Integral

from tinygan.autodiff import Tensor, TensorLike, broadcast_to, op
from tinygan.ops.kernels import conv as kernels
from tinygan.ops.kernels.windows import ImageOp
from tinygan.ops.linalg import einsum
from tinygan.ops.reduce import sum
from tinygan.ops.shapes import flatten, reshape, unflatten
from tinygan.ops.windows import Geometry, PerAxis, add_windows, per_axis, windows_of

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


# --- the three sums --------------------------------------------------------------------------------------------


@op(
    lambda g, y, x, w, b, size, geometry: conv_transpose(g, w, None, size=x.shape[2:], geometry=geometry),
    lambda g, y, x, w, b, size, geometry: conv_weight(x, g, size=w.shape[2:], geometry=geometry),
    lambda g, y, x, w, b, size, geometry: channel_sum(g),
    kernel=kernels.conv,
    kind=ImageOp,
)
def conv(x: TensorLike, w: TensorLike, b: TensorLike | None, size: tuple, geometry: Geometry) -> Tensor:
    """Return y (N, O, *size) of images x (N, C, *space), weights w (O, C/groups, *kernel) and bias b (O,) or None."""
    t, k = "tuv"[: len(size)], "ijk"[: len(size)]
    windows = _grouped(windows_of(x, size, w.shape[2:], geometry), 1, geometry)  # (N, G, C/G, *size, *kernel)
    y = einsum(f"ngc{t}{k},goc{k}->ngo{t}", windows, _grouped(w, 0, geometry))
    y = flatten(y, 1, 2)  # (N, O, *size)
    return y if b is None else y + _column(b, y)


@op(
    lambda d, y, g, w, b, size, geometry: conv(d, w, None, size=g.shape[2:], geometry=geometry),
    lambda d, y, g, w, b, size, geometry: conv_weight(d, g, size=w.shape[2:], geometry=geometry),
    lambda d, y, g, w, b, size, geometry: channel_sum(d),
    kernel=kernels.conv_transpose,
    kind=ImageOp,
)
def conv_transpose(g: TensorLike, w: TensorLike, b: TensorLike | None, size: tuple, geometry: Geometry) -> Tensor:
    """Return x (N, C, *size) of g (N, O, *windows), weights w (O, C/groups, *kernel) and bias b (C,) or None."""
    t, k = "tuv"[: len(size)], "ijk"[: len(size)]
    windows = einsum(f"ngo{t},goc{k}->ngc{t}{k}", _grouped(g, 1, geometry), _grouped(w, 0, geometry))
    x = add_windows(flatten(windows, 1, 2), size, geometry)  # (N, C, *windows, *kernel) -> (N, C, *size)
    return x if b is None else x + _column(b, x)


@op(
    lambda d, y, x, g, size, geometry: conv_transpose(g, d, None, size=x.shape[2:], geometry=geometry),
    lambda d, y, x, g, size, geometry: conv(x, d, None, size=g.shape[2:], geometry=geometry),
    kernel=kernels.conv_weight,
)
def conv_weight(x: TensorLike, g: TensorLike, size: tuple, geometry: Geometry) -> Tensor:
    """Return w (O, C/groups, *size), the kernel's gradient, of images x (N, C, *space) and g (N, O, *windows)."""
    t, k = "tuv"[: len(size)], "ijk"[: len(size)]
    windows = _grouped(windows_of(x, g.shape[2:], size, geometry), 1, geometry)  # (N, G, C/G, *windows, *size)
    w = einsum(f"ngc{t}{k},ngo{t}->goc{k}", windows, _grouped(g, 1, geometry))
    return flatten(w, 0, 1)


@op(lambda g, y, x: broadcast_to(_column(g, x), shape=x.shape), kernel=kernels.channel_sum)
def channel_sum(x: TensorLike) -> Tensor:
    """Return the sum over all axes but the channels, (N, C, ...) -> (C,): the gradient of a bias."""
    return sum(x, (0, *range(2, x.ndim)))


def _grouped(x: TensorLike, dim: int, geometry: Geometry) -> Tensor:
    """Return x with its channels, dimension `dim`, as two dimensions: groups, and channels of a group."""
    return unflatten(x, dim, (geometry.groups, x.shape[dim] // geometry.groups))


def _column(b: TensorLike, y: TensorLike) -> Tensor:
    """Return b (C,) as (1, C, 1, ...), to be added to every pixel of y (N, C, ...)."""
    return reshape(b, (1, -1) + (1,) * (y.ndim - 2))


# --- public functions ------------------------------------------------------------------------------------------


def _check(
    name: str, input: TensorLike, weight: TensorLike, bias: TensorLike | None, channels: int, outputs: int, groups: int
) -> None:
    """Raise ValueError unless input and bias fit a weight that takes `channels` channels and gives `outputs`."""
    sizes = f"{name}: input {tuple(input.shape)}, weight {tuple(weight.shape)}, groups {groups}"
    axes = weight.ndim - 2
    if input.ndim != axes + 2:
        raise ValueError(f"{sizes}: the input must have {axes + 2} dimensions (N, C, ...), {axes + 1} without a batch")
    if not isinstance(groups, Integral) or groups < 1 or weight.shape[0] % groups:
        raise ValueError(f"{sizes}: groups must be a positive integer that divides the weight's first size")
    if 0 in weight.shape or 0 in input.shape[2:]:
        raise ValueError(f"{sizes}: a weight or a picture without elements; only the batch may be empty")
    if input.shape[1] != channels:
        raise ValueError(f"{sizes}: the input has {input.shape[1]} channels, the weight and groups ask for {channels}")
    if bias is not None and tuple(bias.shape) != (outputs,):
        raise ValueError(f"{sizes}: bias must have shape ({outputs},), one number per output channel, not {bias.shape}")


def convolve(
    op: Callable, axes: int, input: TensorLike, weight: TensorLike, bias: TensorLike | None,
    stride: PerAxis, padding: PerAxis | str, dilation: PerAxis, groups: int,
) -> Tensor:  # fmt: skip
    """Check the arguments of a convolution with `axes` spatial axes, and return op(input, weight, bias, size, geometry)."""
    name = f"conv{axes}d"
    if weight.ndim != axes + 2:
        raise ValueError(f"{name}: weight {tuple(weight.shape)} must have {axes + 2} sizes (out, in/groups, *kernel)")
    if input.ndim == axes + 1:
        batch = reshape(input, (1, *input.shape))
        y = convolve(op, axes, batch, weight, bias, stride, padding, dilation, groups)
        return reshape(y, y.shape[1:])
    _check(name, input, weight, bias, weight.shape[1] * groups, weight.shape[0], groups)
    stride, dilation = per_axis(stride, axes, f"{name}: stride", 1), per_axis(dilation, axes, f"{name}: dilation", 1)
    space, wide = input.shape[2:], [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation)]
    if padding == "same":
        if any(s != 1 for s in stride):
            raise ValueError(f"{name}: padding 'same' needs stride 1, not {stride}; give the padding as numbers")
        padding, size = tuple((w - 1) // 2 for w in wide), tuple(space)
    else:
        padding = per_axis(0 if padding == "valid" else padding, axes, f"{name}: padding", 0)
        size = tuple((n + 2 * p - w) // s + 1 for n, p, w, s in zip(space, padding, wide, stride))
    if min(size) < 1:
        raise ValueError(
            f"{name}: a kernel that spans {tuple(wide)} is larger than the input {tuple(space)} padded by {padding}:"
            " pad more, or use a smaller kernel or dilation"
        )
    return op(input, weight, bias, size=size, geometry=Geometry(stride, padding, dilation, groups))


def convolve_transposed(
    op: Callable, axes: int, input: TensorLike, weight: TensorLike, bias: TensorLike | None,
    stride: PerAxis, padding: PerAxis, output_padding: PerAxis, groups: int, dilation: PerAxis,
) -> Tensor:  # fmt: skip
    """Check the arguments of a transposed convolution, and return op(input, weight, bias, size, geometry)."""
    name = f"conv_transpose{axes}d"
    if weight.ndim != axes + 2:
        raise ValueError(f"{name}: weight {tuple(weight.shape)} must have {axes + 2} sizes (in, out/groups, *kernel)")
    if input.ndim == axes + 1:
        batch = reshape(input, (1, *input.shape))
        y = convolve_transposed(op, axes, batch, weight, bias, stride, padding, output_padding, groups, dilation)
        return reshape(y, y.shape[1:])
    _check(name, input, weight, bias, weight.shape[0], weight.shape[1] * groups, groups)
    stride, dilation = per_axis(stride, axes, f"{name}: stride", 1), per_axis(dilation, axes, f"{name}: dilation", 1)
    padding = per_axis(padding, axes, f"{name}: padding", 0)
    extra = per_axis(output_padding, axes, f"{name}: output_padding", 0)
    if any(e >= max(s, d) for e, s, d in zip(extra, stride, dilation)):
        raise ValueError(f"{name}: output_padding {extra} must be smaller than stride {stride} or dilation {dilation}")
    wide = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation)]
    axis_sizes = zip(input.shape[2:], stride, padding, wide, extra)
    size = tuple((n - 1) * s - 2 * p + w + e for n, s, p, w, e in axis_sizes)
    if min(size) < 1:
        raise ValueError(f"{name}: padding {padding} leaves size {size} of input {tuple(input.shape)}: pad less")
    return op(input, weight, bias, size=size, geometry=Geometry(stride, padding, dilation, groups))


def conv1d(
    input: TensorLike, weight: TensorLike, bias: TensorLike | None = None,
    stride: PerAxis = 1, padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Return `conv2d` with one spatial axis: (N, C, L) with weight (O, C/groups, K) -> (N, O, OL)."""
    return convolve(conv, 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: TensorLike, weight: TensorLike, bias: TensorLike | None = None,
    stride: PerAxis = 1, padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Return y[n, o, t] = bias[o] + Σ input[n, c, stride t + dilation k - padding] weight[o, c, k] over c and k = (kh, kw).

    input (N, C, H, W) or (C, H, W), weight (O, C/groups, KH, KW), bias (O,) -> (N, O, OH, OW) with
    OH = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1. stride, padding, dilation: a number or one per axis;
    padding also "valid" (none) or "same" (output as large as the input). Raises ValueError if shapes do not fit.
    """
    return convolve(conv, 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: TensorLike, weight: TensorLike, bias: TensorLike | None = None,
    stride: PerAxis = 1, padding: PerAxis | str = 0, dilation: PerAxis = 1, groups: int = 1,
) -> Tensor:  # fmt: skip
    """Return `conv2d` with three spatial axes: (N, C, D, H, W), weight (O, C/groups, KD, KH, KW) -> (N, O, OD, OH, OW)."""
    return convolve(conv, 3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: TensorLike, weight: TensorLike, bias: TensorLike | None = None,
    stride: PerAxis = 1, padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """Return `conv_transpose2d` with one spatial axis: (N, C, L) with weight (C, O/groups, K) -> (N, O, OL)."""
    settings = stride, padding, output_padding, groups, dilation
    return convolve_transposed(conv_transpose, 1, input, weight, bias, *settings)


def conv_transpose2d(
    input: TensorLike, weight: TensorLike, bias: TensorLike | None = None,
    stride: PerAxis = 1, padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """Return the image to which every pixel of input adds its multiple of the kernel: conv2d's gradient for its input.

    It enlarges: input (N, C, H, W) or (C, H, W), weight (C, O/groups, KH, KW), bias (O,) -> (N, O, OH, OW) with
    OH = (H - 1) stride - 2 padding + dilation (KH - 1) + 1 + output_padding. Raises ValueError if shapes do not fit.
    """
    settings = stride, padding, output_padding, groups, dilation
    return convolve_transposed(conv_transpose, 2, input, weight, bias, *settings)


def conv_transpose3d(
    input: TensorLike, weight: TensorLike, bias: TensorLike | None = None,
    stride: PerAxis = 1, padding: PerAxis = 0, output_padding: PerAxis = 0, groups: int = 1, dilation: PerAxis = 1,
) -> Tensor:  # fmt: skip
    """Return `conv_transpose2d` with three spatial axes: (N, C, D, H, W), weight (C, O/groups, KD, KH, KW) -> (N, O, ...)."""
    settings = stride, padding, output_padding, groups, dilation
    return convolve_transposed(conv_transpose, 3, input, weight, bias, *settings)

"""Neighbours that Sequential runs as one: each pass over memory that is spared is time.

ReLU or leaky ReLU after a linear layer, a convolution or batch norm is taken while a block of the result is in the cache.
A linear layer after Flatten reads the pictures as they lie, without a copy. `TABLE`, at the end, lists all pairs. The results
are those of the two layers in turn. Where a setting does not allow the faster way, the two run in turn.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from tinygan.autodiff import Op, Tensor, TensorLike, fused, raw
from tinygan.nn.activation import LeakyReLU, ReLU
from tinygan.nn.conv import _Conv, _ConvTranspose
from tinygan.nn.linear import Linear
from tinygan.nn.module import Module
from tinygan.nn.norm import _BatchNorm
from tinygan.nn.resize import Flatten
from tinygan.ops.convolution import conv, conv_transpose, convolve, convolve_transposed
from tinygan.ops.elementwise import gated, leaky_relu
from tinygan.ops.kernels import norm as norm_kernels
from tinygan.ops.kernels.linear import LinearOp, lies_by_features
from tinygan.ops.kernels.windows import ImageOp
from tinygan.ops.linalg import _add_product, linear, linear_by
from tinygan.ops.normalisation import batch_norm_by, normalize_channels
from tinygan.ops.shapes import permute, reshape

# --- ops that end with leaky ReLU ------------------------------------------------------------------------------


class _Rectified(Op):
    """An op and leaky ReLU after it, max(y, slope y), by the op's own kernel, which takes `slope` too.

    Where y > 0 the gradient passes, elsewhere slope times it does. From there on it is the gradient of the op.
    """

    def __init__(self, plain: Op):
        def textbook(*args, slope, **const):
            return leaky_relu(plain.textbook(*args, **const), slope)

        def without_slope(vjp):
            return lambda *args, slope, **const: vjp(*args, **const)

        textbook.__name__ = plain.__name__  # it multiplies as much, and the profiler counts by name
        super().__init__(plain.forward, *map(without_slope, plain.vjps), textbook=textbook)
        self.shown = plain.shown

    def pullback(self, g: Any, y: Tensor, useful: set, record: bool) -> list | tuple:
        gate = gated if record else gated.forward
        return super().pullback(gate(g, y._data, slope=y.const["slope"]), y, useful, record)


class _RectifiedLinear(_Rectified, LinearOp):
    """_Rectified, of a linear layer."""


class _RectifiedImage(_Rectified, ImageOp):
    """_Rectified, of an op that gives an image."""


rectified_linear = _RectifiedLinear(_add_product)
rectified_conv, rectified_conv_transpose = _RectifiedImage(conv), _RectifiedImage(conv_transpose)


@fused(norm_kernels.normalize_channels, norm_kernels.normalize_channels_backward, arity=3)
def rectified_channels(
    input: TensorLike, weight: TensorLike | None, bias: TensorLike | None,
    groups: int, per_sample: bool, eps: float, running: tuple | None = None, slope: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return leaky ReLU of `ops.normalisation.normalize_channels`."""
    return leaky_relu(normalize_channels.textbook(input, weight, bias, groups, per_sample, eps), slope)


# --- two layers as one -----------------------------------------------------------------------------------------


def _slope(activation: Any) -> float | None:
    """Return the slope of ReLU or LeakyReLU left of 0; None if it is not in [0, 1], where max(y, slope y) is not right."""
    slope = activation.negative_slope
    return slope if 0 <= slope <= 1 else None


def _linear_relu(layer: Linear, activation: Module, input: TensorLike) -> Tensor:
    slope = _slope(activation)
    if slope is None or lies_by_features(raw(input)):
        return activation(layer(input))
    return linear_by(partial(rectified_linear, slope=slope), input, layer.weight, layer.bias)


def _conv_relu(layer: _Conv, activation: Module, input: TensorLike) -> Tensor:
    slope = _slope(activation)
    if slope is None:
        return activation(layer(input))
    return convolve(partial(rectified_conv, slope=slope), layer.dims, *layer.arguments(input))


def _conv_transpose_relu(layer: _ConvTranspose, activation: Module, input: TensorLike) -> Tensor:
    slope = _slope(activation)
    if slope is None:
        return activation(layer(input))
    return convolve_transposed(partial(rectified_conv_transpose, slope=slope), layer.dims, *layer.arguments(input))


def _batch_norm_relu(layer: _BatchNorm, activation: Module, input: TensorLike) -> Tensor:
    slope = _slope(activation)
    if slope is None or not layer.uses_batch():
        return activation(layer(input))
    return batch_norm_by(partial(rectified_channels, slope=slope), *layer.arguments(input))


def _flatten_linear(flatten: Flatten, layer: Linear, input: TensorLike) -> Tensor:
    """Read channels-last pictures (N, C, ...) as they lie; the weight (out, C ...) is put in that order if it is smaller."""
    x, to_last = raw(input), (0, *range(2, input.ndim), 1)
    channels_last = not x.flags.c_contiguous and x.transpose(to_last).flags.c_contiguous
    if not channels_last or layer.weight.numel() >= x.size or (flatten.start_dim, flatten.end_dim) != (1, -1):
        return layer(flatten(input))
    weight = reshape(layer.weight, (len(layer.weight), *input.shape[1:]))
    rows, weight = (reshape(permute(t, to_last), (len(t), layer.weight.shape[1])) for t in (input, weight))
    return linear(rows, weight, layer.bias)


# The forwards of two neighbours -> the function that is both. A subclass with a forward of its own is not found here.
TABLE: dict[tuple[Any, Any], Callable] = {(Flatten.forward, Linear.forward): _flatten_linear}
for _activation in (ReLU, LeakyReLU):
    TABLE[Linear.forward, _activation.forward] = _linear_relu
    TABLE[_Conv.forward, _activation.forward] = _conv_relu
    TABLE[_ConvTranspose.forward, _activation.forward] = _conv_transpose_relu
    TABLE[_BatchNorm.forward, _activation.forward] = _batch_norm_relu


def steps(modules: list[Module]) -> Iterator[Callable]:
    """Yield what to call in turn: each module or, for two neighbours in TABLE, one function that is both."""
    # a module with hooks is called by itself: they want its output
    forwards = [None if module._hooks else getattr(module.forward, "__func__", None) for module in modules]
    i = 0
    while i < len(modules):
        both = TABLE.get((forwards[i], forwards[i + 1])) if i + 1 < len(modules) else None
        if both is None:
            yield modules[i]
            i += 1
        else:
            yield partial(run_both, modules[i], modules[i + 1], both)
            i += 2


def run_both(first: Module, second: Module, both: Callable, input: TensorLike) -> Any:
    """Return both(first, second, input). The profiler books its time under the first."""
    return both(first, second, input)

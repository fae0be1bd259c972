"""Functions of each element by itself: arithmetic, exponentials, activations, choices. One op, its vjps above it.

Names, arguments and behaviour at ties and kinks are PyTorch's. Read this first of all the ops: it shows the form. Where a
line says `kernel=`, the body below is the textbook form, and `kernels/elementwise.py` has the code that runs.
"""

import math
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, TensorLike, op, raw
from tinygan.backend import erf as erf_of_array
from tinygan.backend import erfc as erfc_of_array
from tinygan.backend import xp
from tinygan.ops.kernels import elementwise as kernels

__all__ = [
    "abs", "add", "clamp", "cos", "cosh", "div", "elu", "erf", "erfc", "exp", "expm1", "gelu", "leaky_relu", "log",
    "log1p", "logsigmoid", "maximum", "minimum", "mul", "neg", "pow", "reciprocal", "relu", "rsqrt", "sigmoid",
    "sign", "silu", "sin", "sinh", "softplus", "sqrt", "square", "sub", "tanh", "where",
]  # fmt: skip

# --- arithmetic ------------------------------------------------------------------------------------------------


def _times(other, alpha, input):
    """Return alpha * other in the type of the sum with input: 2 * 182 in bytes is 108."""
    dtype = xp(input).result_type(input, other, alpha)
    return alpha * (other.astype(dtype) if hasattr(other, "dtype") else other)


@op(lambda g, y, a, b, alpha=1: g, lambda g, y, a, b, alpha=1: g if alpha == 1 else g * alpha, broadcasts=True)
def add(input: TensorLike, other: TensorLike | float, alpha: float = 1) -> Tensor:
    """Return input + alpha * other."""
    return input + (other if alpha == 1 else _times(other, alpha, input))


@op(lambda g, y, a, b, alpha=1: g, lambda g, y, a, b, alpha=1: -g if alpha == 1 else g * -alpha, broadcasts=True)
def sub(input: TensorLike, other: TensorLike | float, alpha: float = 1) -> Tensor:
    """Return input - alpha * other."""
    return input - (other if alpha == 1 else _times(other, alpha, input))


@op(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, broadcasts=True)
def mul(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input * other, element by element."""
    return input * other


def _zeros(g):
    """Return zeros of g's shape; g times 0 would be nan where g is infinite."""
    zeros = xp(raw(g)).zeros_like(raw(g))
    return Tensor(zeros) if isinstance(g, Tensor) else zeros


@op(
    lambda g, y, a, b, rounding_mode=None: _zeros(g) if rounding_mode else g / b,
    lambda g, y, a, b, rounding_mode=None: _zeros(g) if rounding_mode else -(g * y / b),
    broadcasts=True,
)
def div(input: TensorLike, other: TensorLike | float, rounding_mode: str | None = None) -> Tensor:
    """Return input / other; rounding_mode "trunc" or "floor" rounds it towards 0 or down, and its slope is 0."""
    if rounding_mode is None:
        return input / other
    if rounding_mode == "floor":
        return input // other  # 9 of 1 and 0.1, as of Python's numbers: their quotient, rounded before, is 10
    if rounding_mode != "trunc":
        raise ValueError(f"div: rounding_mode is None, 'trunc' or 'floor', not {rounding_mode!r}")
    library: Any = xp(input)
    quotient, dtype = library.trunc(input / other), library.result_type(input, other)
    return quotient if dtype.kind == "f" else quotient.astype(dtype)


@op(lambda g, y, x: -g)
def neg(input: TensorLike) -> Tensor:
    """Return -input."""
    return -input


def _pow_base(g, y, x, n):
    if isinstance(n, int | float):
        return g * (n * x ** (n - 1)) if n else _zeros(g)
    return where(raw(n) == 0, 0.0, g * (n * x ** (n - 1)))  # 0 * 0^-1 is 0 here


def _pow_exponent(g, y, x, n):
    at_zero = (raw(x) == 0) & (raw(n) >= 0)  # 0^n does not move with n, although log 0 is infinite
    return where(at_zero, 0.0, g * (y * log(where(at_zero, 1.0, x))))


@op(_pow_base, _pow_exponent, broadcasts=True)
def pow(input: TensorLike, exponent: TensorLike | float) -> Tensor:
    """Return input ** exponent."""
    return input**exponent


@op(lambda g, y, x: g * xp(raw(x)).sign(raw(x)))
def abs(input: TensorLike) -> Tensor:
    """Return |input|; the gradient at 0 is 0."""
    return xp(input).abs(input)


@op(lambda g, y, x: _zeros(g))
def sign(input: TensorLike) -> Tensor:
    """Return -1, 0 or 1; the gradient is 0 everywhere."""
    return xp(input).sign(input)


@op(lambda g, y, x: g * (2 * x))
def square(input: TensorLike) -> Tensor:
    """Return input²."""
    return input * input


@op(lambda g, y, x: -(g * y * y))
def reciprocal(input: TensorLike) -> Tensor:
    """Return 1 / input."""
    return 1 / input


@op(lambda g, y, x: g * 0.5 / y)
def sqrt(input: TensorLike) -> Tensor:
    """Return √input; the gradient at 0 is infinite."""
    return xp(input).sqrt(input)


@op(lambda g, y, x: g * (-0.5 * y * y * y))
def rsqrt(input: TensorLike) -> Tensor:
    """Return 1 / √input."""
    return 1 / xp(input).sqrt(input)


# --- exponentials and their kin --------------------------------------------------------------------------------


@op(lambda g, y, x: g * y)
def exp(input: TensorLike) -> Tensor:
    """Return e^input."""
    return xp(input).exp(input)


@op(lambda g, y, x: g / x)
def log(input: TensorLike) -> Tensor:
    """Return the natural logarithm."""
    return xp(input).log(input)


@op(lambda g, y, x: g / (1 + x))
def log1p(input: TensorLike) -> Tensor:
    """Return log(1 + input), exact for small input."""
    return xp(input).log1p(input)


@op(lambda g, y, x: g * exp(x))
def expm1(input: TensorLike) -> Tensor:
    """Return e^input - 1, exact for small input."""
    return xp(input).expm1(input)


@op(lambda g, y, x: g * cos(x))
def sin(input: TensorLike) -> Tensor:
    """Return the sine of input in radians."""
    return xp(input).sin(input)


@op(lambda g, y, x: -(g * sin(x)))
def cos(input: TensorLike) -> Tensor:
    """Return the cosine of input in radians."""
    return xp(input).cos(input)


@op(lambda g, y, x: g * cosh(x))
def sinh(input: TensorLike) -> Tensor:
    """Return the hyperbolic sine."""
    return xp(input).sinh(input)


@op(lambda g, y, x: g * sinh(x))
def cosh(input: TensorLike) -> Tensor:
    """Return the hyperbolic cosine."""
    return xp(input).cosh(input)


@op(lambda g, y, x: g * (-2 * (tanh(x) * y)), kernel=kernels.tanh_slope)
def _tanh_slope(x):
    """Return 1 - tanh²x = 4e / (1 + e)², e = e^(-2|x|). In float32, 1 - tanh² is 0 from x = 9 on, where 6e-8 is right."""
    e = exp(-2 * abs(x))
    return 4 * e / square(1 + e)


@op(lambda g, y, x: g * _tanh_slope(x))
def tanh(input: TensorLike) -> Tensor:
    """Return the hyperbolic tangent."""
    return xp(input).tanh(input)


@op(lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-(x * x))))
def erf(input: TensorLike) -> Tensor:
    """Return the error function 2/√π ∫₀ˣ e^(-t²) dt."""
    return erf_of_array(input)


@op(lambda g, y, x: g * (-2 / math.sqrt(math.pi) * exp(-(x * x))))
def erfc(input: TensorLike) -> Tensor:
    """Return 1 - erf(input), exact where it is small: 1 - erf is 0 in float32 from 4 on."""
    return erfc_of_array(input)


# --- choices ---------------------------------------------------------------------------------------------------


@op(None, lambda g, y, c, a, b: where(c, g, 0.0), lambda g, y, c, a, b: where(c, 0.0, g), broadcasts=True)
def where(condition: TensorLike, input: TensorLike | float, other: TensorLike | float) -> Tensor:
    """Return input where condition holds, other elsewhere; the three broadcast."""
    library = xp(condition)
    result = library.where(condition, input, other)
    dtype = library.result_type(input, other)
    return result if result.dtype == dtype else result.astype(dtype)


def _share(g, loses, ties):
    """Return the part of g that goes to the larger or smaller of two: half of it at a tie, all at nan (PyTorch's rule)."""
    return where(loses, 0.0, where(ties, 0.5 * g, g))


@op(
    lambda g, y, a, b: _share(g, raw(a) < raw(b), raw(a) == raw(b)),
    lambda g, y, a, b: _share(g, raw(b) < raw(a), raw(a) == raw(b)),
    broadcasts=True,
)
def maximum(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return the larger of the two, nan if one is nan; at a tie each gets half of the gradient."""
    return xp(input).maximum(input, other)


@op(
    lambda g, y, a, b: _share(g, raw(a) > raw(b), raw(a) == raw(b)),
    lambda g, y, a, b: _share(g, raw(b) > raw(a), raw(a) == raw(b)),
    broadcasts=True,
)
def minimum(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return the smaller of the two, nan if one is nan; at a tie each gets half of the gradient."""
    return xp(input).minimum(input, other)


def _inside(g, y, x, low, high):
    x, low, high = raw(x), raw(low), raw(high)
    inside = x == x if low is None else x >= low
    return where(inside if high is None else inside & (x <= high), g, 0.0)


def _below(g, y, x, low, high):
    x, low, high = raw(x), raw(low), raw(high)
    return where(x < low if high is None else (x < low) & (low < high), g, 0.0)


def _above(g, y, x, low, high):
    x, low, high = raw(x), raw(low), raw(high)
    return where(x > high if low is None else (x > high) | (low > high), g, 0.0)


@op(_inside, _below, _above, broadcasts=True)
def clamp(
    input: TensorLike, min: TensorLike | float | None = None, max: TensorLike | float | None = None
) -> Tensor:  # fmt: skip
    """Return input kept within [min, max], numbers or Tensors; the gradient passes inside and on the borders.

    Where input is beyond a bound, the bound gets the gradient. Where min is above max, the result is max.
    """
    if min is None and max is None:
        raise ValueError("clamp: give min, max or both")
    return xp(input).clip(input, min, max)


# --- activations -----------------------------------------------------------------------------------------------


def floating(x, dtype=None):
    """Return x as `dtype`, or as it is; integers as float32: -x of a byte 1 is 255."""
    dtype = np.float32 if dtype is None and x.dtype.kind != "f" else dtype
    return x if dtype is None else x.astype(dtype)


@op(lambda d, y, g, x, slope: gated(d, x, slope=slope), None, kernel=kernels.gated)
def gated(g: TensorLike, x: TensorLike, slope: float) -> Tensor:
    """Return g where x > 0, slope * g elsewhere, or 0 where x <= 0: the gradient of leaky_relu, or of relu."""
    return where(raw(x) > 0, g, slope * g) if slope else where(raw(x) <= 0, 0.0, g)  # they differ at nan


@op(lambda g, y, x: gated(g, raw(y), slope=0.0), kernel=kernels.relu)
def relu(input: TensorLike) -> Tensor:
    """Return max(0, input), nan of nan."""
    return where(raw(input) <= 0, 0.0, input)


@op(lambda g, y, x, negative_slope=0.01: gated(g, raw(x), slope=negative_slope), kernel=kernels.leaky_relu)
def leaky_relu(input: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """Return input where positive, negative_slope * input elsewhere."""
    return where(raw(input) > 0, input, negative_slope * input)


def _elu_slope(x, alpha):
    return where(raw(x) > 0, 1.0, alpha * exp(minimum(x, 0.0)))


@op(lambda g, y, x, alpha=1.0: g * _elu_slope(x, alpha))
def elu(input: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return input where positive, alpha * (e^input - 1) elsewhere. Clevert et al. 2016."""
    library = xp(input)
    zero = library.zeros((), input.dtype)
    return library.maximum(input, zero) + alpha * library.expm1(library.minimum(input, zero))


@op(lambda g, y, x: g * (y * sigmoid(-x)))  # 1 - y is 0 in float32 from x = 17 on
def sigmoid(input: TensorLike) -> Tensor:
    """Return 1 / (1 + e^-input), exact on both tails; half of tanh plus a half is 0 in float32 below -17."""
    x = floating(input)
    with np.errstate(over="ignore"):  # e^-x is infinite below x = -88.7 in float32, and 1 / inf is 0
        return 1 / (1 + xp(x).exp(-x))


@op(lambda g, y, x: g * (sigmoid(x) * (1 + x * sigmoid(-x))))
def silu(input: TensorLike) -> Tensor:
    """Return input * sigmoid(input), also called swish."""
    return input * sigmoid(input)


def _softplus(x):
    library = xp(x)
    return library.maximum(x, library.zeros((), x.dtype)) + library.log1p(library.exp(-library.abs(x)))


def _softplus_slope(x, beta, threshold):
    return where(raw(x) * beta > threshold, 1.0, sigmoid(x * beta))


@op(lambda g, y, x, beta=1.0, threshold=20.0: g * _softplus_slope(x, beta, threshold))
def softplus(input: TensorLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + e^(beta input)) / beta; input itself where beta * input > threshold."""
    return xp(input).where(input * beta > threshold, input, _softplus(input * beta) / beta)


@op(lambda g, y, x: g * sigmoid(-x))
def logsigmoid(input: TensorLike) -> Tensor:
    """Return log sigmoid(input) = min(input, 0) - log(1 + e^-|input|), finite for every input."""
    x, library = floating(input), xp(input)
    return library.minimum(x, 0) - library.log1p(library.exp(-library.abs(x)))


_GELU_A, _GELU_B = math.sqrt(8 / math.pi), 0.044715


def _gelu_logit(x):
    """Return a(x) of the approximation Φ(x) = σ(a(x)), which is (1 + tanh(a / 2)) / 2 without its cancellation."""
    return _GELU_A * (x + _GELU_B * x * x * x)


def _gelu_slope(x, approximate):
    if approximate == "tanh":
        a = _gelu_logit(x)
        return sigmoid(a) * (1 + x * sigmoid(-a) * (_GELU_A * (1 + 3 * _GELU_B * x * x)))
    return 0.5 * erfc(x * -math.sqrt(0.5)) + x * (exp(-0.5 * (x * x)) / math.sqrt(2 * math.pi))


@op(lambda g, y, x, approximate="none": g * _gelu_slope(x, approximate))
def gelu(input: TensorLike, approximate: str = "none") -> Tensor:
    """Return input * Φ(input) with the normal distribution Φ, or its "tanh" approximation. Hendrycks & Gimpel 2016."""
    if approximate == "tanh":
        return input * sigmoid(_gelu_logit(input))
    if approximate != "none":
        raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")
    return 0.5 * input * erfc_of_array(input * -math.sqrt(0.5))

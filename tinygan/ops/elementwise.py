"""Functions of each element by itself: arithmetic, exponentials, activations, choices. One op, its vjps above it.

Names, arguments and behaviour at ties and kinks are PyTorch's. Read this first of all the ops: it shows the form. Where a
line says `kernel=`, the body below is the textbook form, and `kernels/elementwise.py` has the code that runs.
"""

import math

from tinygan.autodiff import Tensor, TensorLike, op, raw
from tinygan.backend import erf as erf_of_array
from tinygan.backend import xp
from tinygan.ops.kernels import elementwise as kernels

__all__ = [
    "abs", "add", "clamp", "cos", "cosh", "div", "elu", "erf", "exp", "expm1", "gelu", "leaky_relu", "log",
    "log1p", "logsigmoid", "maximum", "minimum", "mul", "neg", "pow", "reciprocal", "relu", "rsqrt", "sigmoid",
    "sign", "silu", "sin", "sinh", "softplus", "sqrt", "square", "sub", "tanh", "where",
]  # fmt: skip

# --- arithmetic ------------------------------------------------------------------------------------------------


@op(lambda g, y, a, b: g, lambda g, y, a, b: g, broadcasts=True)
def add(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input + other."""
    return input + other


@op(lambda g, y, a, b: g, lambda g, y, a, b: -g, broadcasts=True)
def sub(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input - other."""
    return input - other


@op(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a, broadcasts=True)
def mul(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input * other, element by element."""
    return input * other


@op(lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y / b), broadcasts=True)
def div(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return input / other."""
    return input / other


@op(lambda g, y, x: -g)
def neg(input: TensorLike) -> Tensor:
    """Return -input."""
    return -input


def _pow_base(g, y, x, n):
    if isinstance(n, int | float):
        return g * (n * x ** (n - 1)) if n else g * 0.0
    return g * where(raw(n) == 0, 0.0, n * x ** (n - 1))  # 0 * 0^-1 is 0 here


def _pow_exponent(g, y, x, n):
    at_zero = (raw(x) == 0) & (raw(n) >= 0)  # 0^n does not move with n, although log 0 is infinite
    return g * where(at_zero, 0.0, y * log(where(at_zero, 1.0, x)))


@op(_pow_base, _pow_exponent, broadcasts=True)
def pow(input: TensorLike, exponent: TensorLike | float) -> Tensor:
    """Return input ** exponent."""
    return input**exponent


@op(lambda g, y, x: g * xp(raw(x)).sign(raw(x)))
def abs(input: TensorLike) -> Tensor:
    """Return |input|; the gradient at 0 is 0."""
    return xp(input).abs(input)


@op(lambda g, y, x: g * 0.0)
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


@op(lambda g, y, x: g * (y + 1))
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


@op(lambda g, y, x: g * (1 - y * y))
def tanh(input: TensorLike) -> Tensor:
    """Return the hyperbolic tangent."""
    return xp(input).tanh(input)


@op(lambda g, y, x: g * (2 / math.sqrt(math.pi) * exp(-(x * x))))
def erf(input: TensorLike) -> Tensor:
    """Return the error function 2/√π ∫₀ˣ e^(-t²) dt."""
    return erf_of_array(input)


# --- choices ---------------------------------------------------------------------------------------------------


@op(None, lambda g, y, c, a, b: where(c, g, 0.0), lambda g, y, c, a, b: where(c, 0.0, g), broadcasts=True)
def where(condition: TensorLike, input: TensorLike | float, other: TensorLike | float) -> Tensor:
    """Return input where condition holds, other elsewhere; the three broadcast."""
    library = xp(condition)
    result = library.where(condition, input, other)
    dtype = library.result_type(input, other)
    return result if result.dtype == dtype else result.astype(dtype)


def _share(a, b):
    """Return how much of the gradient goes to `a` as the larger of a and b: all, none, or half at a tie (PyTorch's rule)."""
    a, b = raw(a), raw(b)
    return ((a > b) + 0.5 * (a == b)).astype(xp(a - b).result_type(a, b))


@op(lambda g, y, a, b: g * _share(a, b), lambda g, y, a, b: g * _share(b, a), broadcasts=True)
def maximum(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return the larger of the two; at a tie each gets half of the gradient."""
    return xp(input).maximum(input, other)


@op(lambda g, y, a, b: g * _share(b, a), lambda g, y, a, b: g * _share(a, b), broadcasts=True)
def minimum(input: TensorLike, other: TensorLike | float) -> Tensor:
    """Return the smaller of the two; at a tie each gets half of the gradient."""
    return xp(input).minimum(input, other)


def _within(x, low, high):
    inside = x == x if low is None else x >= low
    return inside if high is None else inside & (x <= high)


@op(lambda g, y, x, min=None, max=None: g * _within(raw(x), min, max))
def clamp(input: TensorLike, min: float | None = None, max: float | None = None) -> Tensor:
    """Return input kept within [min, max]; the gradient passes inside and on the borders."""
    if min is None and max is None:
        raise ValueError("clamp: give min, max or both")
    return xp(input).clip(input, min, max)


# --- activations -----------------------------------------------------------------------------------------------


@op(lambda d, y, g, x, slope: gated(d, x, slope=slope), None, kernel=kernels.gated)
def gated(g: TensorLike, x: TensorLike, slope: float) -> Tensor:
    """Return g where x > 0, slope * g elsewhere: the gradient of relu and leaky_relu."""
    return where(raw(x) > 0, g, slope * g)


@op(lambda g, y, x: gated(g, raw(y), slope=0.0), kernel=kernels.relu)
def relu(input: TensorLike) -> Tensor:
    """Return max(0, input)."""
    return where(raw(input) > 0, input, 0.0)


@op(lambda g, y, x, negative_slope=0.01: gated(g, raw(x), slope=negative_slope), kernel=kernels.leaky_relu)
def leaky_relu(input: TensorLike, negative_slope: float = 0.01) -> Tensor:
    """Return input where positive, negative_slope * input elsewhere."""
    return where(raw(input) > 0, input, negative_slope * input)


def _elu_slope(x, alpha):
    positive = (raw(x) > 0).astype(raw(x).dtype)
    return positive + (1 - positive) * alpha * exp(minimum(x, 0.0))


@op(lambda g, y, x, alpha=1.0: g * _elu_slope(x, alpha))
def elu(input: TensorLike, alpha: float = 1.0) -> Tensor:
    """Return input where positive, alpha * (e^input - 1) elsewhere. Clevert et al. 2016."""
    library = xp(input)
    zero = library.zeros((), input.dtype)
    return library.maximum(input, zero) + alpha * library.expm1(library.minimum(input, zero))


@op(lambda g, y, x: g * (y * (1 - y)))
def sigmoid(input: TensorLike) -> Tensor:
    """Return 1 / (1 + e^-input)."""
    return 0.5 * xp(input).tanh(0.5 * input) + 0.5  # tanh form: exp(-x) overflows float32 below x = -88.7


@op(lambda g, y, x: g * (sigmoid(x) * (1 + x * (1 - sigmoid(x)))))
def silu(input: TensorLike) -> Tensor:
    """Return input * sigmoid(input), also called swish."""
    return input * sigmoid(input)


def _softplus(x):
    library = xp(x)
    return library.maximum(x, library.zeros((), x.dtype)) + library.log1p(library.exp(-library.abs(x)))


def _softplus_slope(x, beta, threshold):
    linear = (raw(x) * beta > threshold).astype(raw(x).dtype)
    return linear + (1 - linear) * sigmoid(x * beta)


@op(lambda g, y, x, beta=1.0, threshold=20.0: g * _softplus_slope(x, beta, threshold))
def softplus(input: TensorLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + e^(beta input)) / beta; input itself where beta * input > threshold."""
    return xp(input).where(input * beta > threshold, input, _softplus(input * beta) / beta)


@op(lambda g, y, x: g * sigmoid(-x))
def logsigmoid(input: TensorLike) -> Tensor:
    """Return log sigmoid(input) = -softplus(-input), finite for every input."""
    return -_softplus(-input)


def _gelu_slope(x, approximate):
    if approximate == "tanh":
        t = tanh(_GELU_A * (x + _GELU_B * x * x * x))
        return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (_GELU_A * (1 + 3 * _GELU_B * x * x))
    return 0.5 * (1 + erf(x * math.sqrt(0.5))) + x * (exp(-0.5 * (x * x)) / math.sqrt(2 * math.pi))


_GELU_A, _GELU_B = math.sqrt(2 / math.pi), 0.044715


@op(lambda g, y, x, approximate="none": g * _gelu_slope(x, approximate))
def gelu(input: TensorLike, approximate: str = "none") -> Tensor:
    """Return input * Φ(input) with the normal distribution Φ, or its "tanh" approximation. Hendrycks & Gimpel 2016."""
    if approximate == "tanh":
        return 0.5 * input * (1 + xp(input).tanh(_GELU_A * (input + _GELU_B * input * input * input)))
    if approximate != "none":
        raise ValueError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")
    return 0.5 * input * (1 + erf_of_array(input * math.sqrt(0.5)))

"""How parameters begin. Each function gives a Tensor new values, of its own type and on its own device, and returns it.

`rng` is a numpy Generator or an integer seed; without it the values come from the generator that `tinygan.manual_seed`
sets, and differ from run to run if nobody called it. Numbers are drawn on the CPU in float64 and then cast, so that
float32, float64, CPU and GPU begin alike. Names and meaning are torch.nn.init's.
"""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygan import remedies
from tinygan.autodiff import Tensor
from tinygan.backend import xp
from tinygan.seeding import Seed, generator


def _fill(tensor: Tensor, values: Any) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"initialisers take a Parameter, layer.weight, not its .data: got a {type(tensor).__name__}")
    array = xp(tensor.data).empty_like(tensor.data)  # keeps a weight channels-last in memory
    array[...] = xp(array).asarray(np.asarray(values, tensor.dtype))
    tensor.data = array
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, rng: Seed = None) -> Tensor:
    """Draw from the uniform distribution on [a, b)."""
    return _fill(tensor, generator(rng).uniform(a, b, tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0, rng: Seed = None) -> Tensor:
    """Draw from the normal distribution with this mean and standard deviation."""
    return _fill(tensor, generator(rng).normal(mean, std, tensor.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Set all elements to val."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Set all elements to 0."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Set all elements to 1."""
    return constant_(tensor, 1.0)


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return (fan_in, fan_out) of a weight (out, in, *kernel): inputs that an output sees, outputs that an input reaches."""
    if tensor.ndim < 2:
        raise ValueError(f"fan-in and fan-out are those of a weight (out, in, ...), this Tensor is {tensor.shape}")
    kernel = math.prod(tensor.shape[2:])
    return tensor.shape[1] * kernel, tensor.shape[0] * kernel


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the factor that makes up for what a nonlinearity shrinks; param: leaky_relu's slope (0.01)."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    convolutions = (f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3))
    gains |= dict.fromkeys(convolutions, 1.0)
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain knows {', '.join(gains)} and leaky_relu, not {nonlinearity!r}")
    return gains[nonlinearity]


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, rng: Seed = None) -> Tensor:
    """Draw uniformly from ±gain √(6 / (fan_in + fan_out)). Glorot & Bengio 2010."""
    bound = gain * math.sqrt(6 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, rng)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, rng: Seed = None) -> Tensor:
    """Draw from the normal distribution with standard deviation gain √(2 / (fan_in + fan_out)). Glorot & Bengio 2010."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(fans(tensor))), rng)


def _kaiming_std(tensor, a, mode, nonlinearity):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode is 'fan_in' or 'fan_out', not {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Seed = None,
) -> Tensor:  # fmt: skip
    """Draw uniformly from ±gain √(3 / fan), a: leaky_relu's slope. He et al. 2015."""
    bound = math.sqrt(3) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", rng: Seed = None,
) -> Tensor:  # fmt: skip
    """Draw from the normal distribution with standard deviation gain / √fan, a: leaky_relu's slope. He et al. 2015."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), rng)


def orthogonal_(tensor: Tensor, gain: float = 1.0, rng: Seed = None) -> Tensor:
    """Set the weight (out, rest) to gain times random orthonormal rows, or columns if those are fewer. Saxe et al. 2013."""
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_ needs a weight of two dimensions or more, got {tensor.shape}")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    normal = generator(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(normal)
    q *= np.sign(np.diag(r))  # without it QR's own choice of signs would not be uniform. Mezzadri 2007
    return _fill(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))


def affine_(weight, bias, rng: Seed = None):
    """Draw weight and bias (or None) uniformly from ±1/√fan_in, as PyTorch begins linear and convolution layers."""
    rng = generator(rng)
    bound = 1 / math.sqrt(fans(weight)[0]) if weight.numel() else 0.0
    uniform_(weight, -bound, bound, rng)  # = kaiming_uniform_(weight, a=√5)
    if bias is not None:
        uniform_(bias, -bound, bound, rng)


if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)

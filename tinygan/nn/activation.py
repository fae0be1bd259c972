"""Layers that keep the shape of their input: activations, Dropout, Identity. Only PReLU has a parameter.

Each is the function of the same name in `tinygan.ops` with its settings remembered, to stand in a Sequential. `inplace`
is accepted where PyTorch has it and ignored: nothing here is ever changed in place.
"""

import math
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike, raw
from tinygan.backend import xp
from tinygan.checks import check_number, check_sizes, check_whole
from tinygan.nn.init import Seed, constant_
from tinygan.nn.module import Module
from tinygan.nn.parameter import zeros_parameter
from tinygan.seeding import generator


class Identity(Module):
    """input itself; settings are accepted and ignored."""

    def __init__(self, *_: Any, **__: Any):
        pass

    def forward(self, input: Any) -> Any:
        """Return input."""
        return input


class ReLU(Module):
    """max(0, input)."""

    negative_slope = 0.0

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.relu(input)


class LeakyReLU(Module):
    """input where positive, negative_slope * input elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        check_number(self, "negative_slope", negative_slope, -math.inf)
        self.negative_slope = negative_slope

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class PReLU(Module):
    """input where positive, weight * input elsewhere; weight (num_parameters,), one or one a channel, is trained.

    He et al. 2015, eq. 1.
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, rng: Seed = None, device: str | None = None,
        dtype: Any = np.float32,
    ):  # fmt: skip
        check_sizes(self, num_parameters=num_parameters)
        check_number(self, "init", init, -math.inf)
        self.num_parameters, self.init = num_parameters, init
        self.weight = zeros_parameter(num_parameters, device=device, dtype=dtype)
        self.reset_parameters(rng)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Set weight to init again; nothing is drawn."""
        constant_(self.weight, self.init)

    def forward(self, input: TensorLike) -> Tensor:
        """(N, C, ...) -> (N, C, ...)."""
        channels = input.shape[1] if input.ndim > 1 else 1
        if self.num_parameters not in (1, channels):
            raise ValueError(
                f"PReLU: input {tuple(input.shape)} must have num_parameters={self.num_parameters} channels"
            )
        sizes = (1, -1, *(1,) * (input.ndim - 2)) if input.ndim > 1 else (-1,) * input.ndim
        slope = ops.reshape(self.weight, sizes)
        positive = raw(input) > 0
        return ops.where(positive, input, slope * ops.where(positive, 0.0, input))  # selected twice: 0 · inf is nan

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """input where positive, alpha (e^input - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        check_number(self, "alpha", alpha, -math.inf)
        self.alpha = alpha

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """input Φ(input), or its approximation "tanh"."""

    def __init__(self, approximate: str = "none"):
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate is 'none' or 'tanh', not {approximate!r}")
        self.approximate = approximate

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Module):
    """input σ(input)."""

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.silu(input)


class Tanh(Module):
    """The hyperbolic tangent."""

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.tanh(input)


class Sigmoid(Module):
    """1 / (1 + e^-input)."""

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.sigmoid(input)


class Softplus(Module):
    """log(1 + e^(beta input)) / beta; input itself where beta input > threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0):
        check_number(self, "beta", beta, math.ulp(0.0))
        check_number(self, "threshold", threshold, -math.inf)
        self.beta, self.threshold = beta, threshold

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """e^input / Σ e^input along dim."""

    def __init__(self, dim: int):
        check_whole(type(self).__name__, "dim", dim)
        self.dim = dim

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """input - log Σ e^input along dim: the logarithm of Softmax, as NLLLoss wants it."""

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.log_softmax(input, self.dim)


class Dropout(Module):
    """In training each element 0 with probability p, otherwise divided by 1 - p; nothing in eval mode.

    rng: the Generator (or a seed for one) that it draws from. For noise that is a function of seed and step, so that a
    resumed run repeats it, call `net.reseed(stream(seed, "dropout", step))` before each step. Srivastava et al. 2014.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: Seed = None):
        check_number(self, "p", p, 0, 1)
        self.p = p
        self.rng = generator(rng)

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.dropout(input, self.p, self.training, self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Dropout2d(Dropout):
    """As Dropout, but whole channels: (N, C, H, W) -> (N, C, H, W), each picture's channel 0 with probability p."""

    def forward(self, input: TensorLike) -> Any:
        """(N, C, H, W) -> (N, C, H, W)."""
        if input.ndim != 4:
            raise ValueError(f"Dropout2d: input {tuple(input.shape)} must be (N, C, H, W)")
        if not self.training or self.p == 0:
            return input
        kept = xp(raw(input)).ones((*input.shape[:2], 1, 1), input.dtype)
        return input * ops.dropout(kept, self.p, True, self.rng)

"""Layers without parameters that keep the shape of their input: activations, Dropout, Identity.

Each is the function of the same name in `tinygan.ops` with its settings remembered, to stand in a Sequential. `inplace`
is accepted where PyTorch has it and ignored: nothing here is ever changed in place.
"""

from typing import Any

from tinygan import ops
from tinygan.autodiff import Tensor, TensorLike
from tinygan.nn.init import Seed
from tinygan.nn.module import Module
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

    def __init__(self, inplace: bool = False):
        pass

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.relu(input)


class LeakyReLU(Module):
    """input where positive, negative_slope * input elsewhere."""

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False):
        self.negative_slope = negative_slope

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """input where positive, alpha (e^input - 1) elsewhere."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False):
        self.alpha = alpha

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.elu(input, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """input Φ(input), or its approximation "tanh"."""

    def __init__(self, approximate: str = "none"):
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
        self.beta, self.threshold = beta, threshold

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Softmax(Module):
    """e^input / Σ e^input along dim."""

    def __init__(self, dim: int):
        self.dim = dim

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.softmax(input, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Dropout(Module):
    """In training each element 0 with probability p, otherwise divided by 1 - p; nothing in eval mode.

    rng: the Generator (or a seed for one) that it draws from. For noise that is a function of seed and step, so that a
    resumed run repeats it, call `net.reseed(stream(seed, "dropout", step))` before each step. Srivastava et al. 2014.
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: Seed = None):
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability, got {p}")
        self.p = p
        self.rng = generator(rng)

    def forward(self, input: TensorLike) -> Tensor:
        """(...) -> (...)."""
        return ops.dropout(input, self.p, self.training, self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"

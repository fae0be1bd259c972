"""tinygan: generative adversarial networks, hand-written on NumPy arrays (CuPy arrays on a GPU)."""

from tinygan import ops
from tinygan.autodiff import Fused, Op, Tensor, grad, no_grad, op

__version__ = "0.1.0"
__all__ = ["Fused", "Op", "Tensor", "__version__", "grad", "no_grad", "op", "ops"]

"""spectral_norm: a layer whose weight is divided by its largest singular value, so that it stretches nothing. SN-GAN."""

from functools import cache
from typing import Any

import numpy as np

from tinygan import ops
from tinygan.backend import xp
from tinygan.checks import check_whole
from tinygan.nn.conv import _ConvTranspose
from tinygan.nn.init import Seed
from tinygan.nn.module import Module
from tinygan.nn.parameter import Parameter
from tinygan.seeding import generator


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None,
    *, rng: Seed = None,
) -> Any:  # fmt: skip
    """Let `module.weight` be W / σ(W) from now on, σ(W) = uᵀ W v the largest singular value. Miyato et al. 2018.

    W is seen as a matrix with dimension `dim` (0, or 1 for a transposed convolution) as its rows. u and v are found by
    power iteration, n_power_iterations to every call in training mode: v ← Wᵀu / |Wᵀu|, u ← Wv / |Wv|. The gradient
    flows through W in both places and takes u and v as constants. `state_dict` has the keys of
    torch.nn.utils.spectral_norm: weight_orig, weight_u, weight_v. Changes the module and returns it.
    """
    weight = vars(module).get(name)
    if not isinstance(weight, Parameter) or weight.ndim < 2:
        twice = ": it has spectral norm already" if isinstance(module, SpectralNorm) else ""
        raise ValueError(
            f"spectral_norm: {type(module).__name__}.{name} is not a Parameter of two dimensions or more{twice}"
        )
    check_whole("spectral_norm", "n_power_iterations", n_power_iterations, 1)
    dim = int(isinstance(module, _ConvTranspose)) if dim is None else dim
    check_whole("spectral_norm", "dim", dim, 0)
    if dim >= weight.ndim:
        raise ValueError(f"spectral_norm: dim {dim} is not one of the {weight.ndim} dimensions of {name}")
    delattr(module, name)
    setattr(module, f"{name}_orig", weight)
    module._spectral = (name, n_power_iterations, eps, dim)
    rng, matrix = generator(rng), _matrix(weight.data, dim)
    for vector, size in zip("uv", matrix.shape):
        start = rng.standard_normal(size)
        start = xp(matrix).asarray((start / np.linalg.norm(start)).astype(matrix.dtype))
        module.register_buffer(f"{name}_{vector}", start)
    kind: Any = type(module)
    module.__class__ = _normalized_class(kind, name)
    return module


@cache
def _normalized_class(plain: Any, name: str) -> Any:
    """Return a subclass of the layer's own class: forward and the attribute `name` are replaced, all else stays."""
    return type(plain.__name__, (SpectralNorm, plain), {name: property(_normalized), "_plain": plain})


def _new_layer(plain: Any, name: str) -> Any:
    """Return an empty layer, for pickle and copy to fill: a class made at run time has no name to be found by."""
    kind = _normalized_class(plain, name)
    return kind.__new__(kind)


def _matrix(weight, dim):
    """Return weight with dimension `dim` as rows and all others as columns."""
    rows = ops.movedim(weight, dim, 0) if dim else weight
    return ops.reshape(rows, (rows.shape[0], -1))


def _normalized(module):
    """Return W / σ with σ = uᵀ W v."""
    name, _, _, dim = module._spectral
    weight, u, v = (getattr(module, f"{name}_{part}") for part in ("orig", "u", "v"))
    return weight / ops.sum(ops.matmul(_matrix(weight, dim), v) * u)


class SpectralNorm(Module):
    """What `spectral_norm` adds to the class of a layer."""

    _spectral: tuple
    _plain: type

    def __reduce__(self) -> tuple:
        return _new_layer, (self._plain, self._spectral[0]), vars(self)

    def forward(self, *args, **kwargs):
        if self.training:
            self._iterate()
        return super().forward(*args, **kwargs)

    def _iterate(self):
        name, iterations, eps, dim = self._spectral
        matrix, u = _matrix(getattr(self, f"{name}_orig").data, dim), getattr(self, f"{name}_u")
        for _ in range(iterations):
            v = _unit(u @ matrix, eps)
            u = _unit(matrix @ v, eps)
        setattr(self, f"{name}_u", u)
        setattr(self, f"{name}_v", v)

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw the parameters of the layer again, then u and v."""
        rng = generator(rng)
        name, iterations, eps, dim = self._spectral
        self.__class__ = self._plain
        setattr(self, name, getattr(self, f"{name}_orig"))
        self.reset_parameters(rng)
        spectral_norm(self, name, iterations, eps, dim, rng=rng)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, spectral_norm={self._spectral[0]}"


def _unit(vector, eps):
    length = xp(vector).sqrt((vector * vector).sum())
    return vector / xp(vector).maximum(length, eps)

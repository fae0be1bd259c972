"""Optimisers: SGD, Adam, AdamW, RMSprop, and the clipping of gradients.

    optimizer = Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
    grads = grad(loss, critic.parameters())
    optimizer.step(grads)                    # or loss.backward(); optimizer.step(); optimizer.zero_grad()

All parameters of an optimiser lie end to end in one flat array, and each `p.data` is a view of it. An update is then a
dozen array operations for any number of layers. A recorded graph may still hold the old arrays, so a step never writes
into them: it puts new values into a new flat array and gives the parameters new views. Settings, names and results are
torch.optim's. Read `Optimizer.step` first, then `Adam`.
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, Layout, device_of, is_numpy, to_device, to_numpy, xp
from tinygan.threads import in_blocks


class Flat(Layout):
    """Tensors of one type on one device, as one flat array."""

    def __init__(self, tensors: list[Tensor], owner: str) -> None:
        super().__init__([t.data for t in tensors])
        self.tensors = tensors
        self.array: Array | None = None
        self.views: list[Array] = []
        kinds = {(str(t.dtype), t.device) for t in tensors}
        if len(kinds) > 1:
            names = " and ".join(f"{dtype} on {device}" for dtype, device in sorted(kinds))
            raise ValueError(f"{owner}: parameters must share one dtype and device, got {names}: make one for each")

    def read(self) -> Array:
        """Return the flat array that `write` stored, or a new one if a tensor's data was replaced since."""
        arrays = [t.data for t in self.tensors]
        if self.array is not None and all(array is view for array, view in zip(arrays, self.views)):
            return self.array
        return self.join(arrays)

    def write(self, array: Array) -> None:
        """Make the tensors views of `array`; the caller must not write to it afterwards."""
        self.array, self.views = array, self.split(array)
        for t, view in zip(self.tensors, self.views):
            t.data = view


def _is_finite(array: Array) -> bool:
    return bool(np.isfinite(array).all())


class Optimizer:
    """The parts that all optimisers share. A subclass computes the new flat parameters in `_update(p, g, lr)`.

    `optimizer.lr` may be assigned between steps. A step with an infinite or nan gradient is refused.
    """

    averages: tuple[str, ...] = ()  # names of the running averages of a subclass, each as long as all parameters

    def __init__(self, params: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> None:
        name = type(self).__name__
        self.params = list(params)
        if not self.params:
            raise ValueError(f"{name} got no parameters")
        for i, p in enumerate(self.params):
            if not isinstance(p, Tensor) or p.op is not None or not p.requires_grad:
                got = f"another Tensor of shape {p.shape}" if isinstance(p, Tensor) else type(p).__name__
                raise TypeError(f"{name}: parameter {i} must be a leaf Tensor that requires gradients, got {got}")
        if len(set(self.params)) < len(self.params):
            raise ValueError(f"{name}: a parameter was given twice and would be updated twice")
        self.lr, self.weight_decay = _checked(name, lr=lr), _checked(name, weight_decay=weight_decay)
        self.step_count = 0
        self._flat = Flat(self.params, name)
        flat = self._flat.read()
        self.state: dict[str, Array] = {average: xp(flat).zeros_like(flat) for average in self.averages}

    def step(self, grads: Sequence[Array | Tensor] | None = None) -> None:
        """Update all parameters. grads: one for each, as `grad(loss, params)` returns them; None: their `.grad`.

        A parameter whose `.grad` is None counts as having gradient 0. If a gradient is infinite or nan,
        FloatingPointError is raised and nothing changes. A GPU is not asked, since each answer would make it wait.
        """
        g = self._join_gradients(grads)
        p = self._flat.read()
        if g.dtype != p.dtype:
            g = g.astype(p.dtype)
        for average, array in self.state.items():
            if array.dtype != p.dtype or xp(array) is not xp(p):  # the parameters were moved: Module.to
                self.state[average] = to_device(array, device_of(p)).astype(p.dtype)
        self.step_count += 1
        self._flat.write(self._update(p, g, float(self.lr)))  # float: a numpy float64 would turn p into float64

    def _update(self, p: Array, g: Array, lr: float) -> Array:
        """Return the new flat parameters in a new array. It may write to g and the averages, not to p."""
        raise NotImplementedError

    def zero_grad(self) -> None:
        """Set the `.grad` of all parameters to None."""
        for p in self.params:
            p.grad = None

    def _join_gradients(self, grads: Sequence[Array | Tensor] | None) -> Array:
        name = type(self).__name__
        if grads is None:
            stored = [p.grad for p in self.params]
            if all(g is None for g in stored):
                raise ValueError(f"{name}.step(): no parameter has a .grad; call loss.backward(), or step(grads)")
            grads = [xp(p.data).zeros_like(p.data) if g is None else g for g, p in zip(stored, self.params)]
        arrays = [raw(g) for g in grads]
        shapes = [g.shape for g in arrays]
        if shapes != self._flat.shapes:
            raise ValueError(f"{name}.step: gradients of shapes {shapes} for parameters of shapes {self._flat.shapes}")
        joined = self._flat.join(arrays)
        if is_numpy(joined) and not _is_finite(joined):
            bad = ", ".join(f"{i} {g.shape}" for i, g in enumerate(arrays) if not _is_finite(g))
            raise FloatingPointError(f"{name}.step: the gradient of parameter {bad} is not finite; nothing was updated")
        return joined

    def state_dict(self) -> dict[str, Array]:
        """Return step, learning rate and running averages as numpy arrays; a run resumes from them bit for bit.

        An average is flat: the elements of all parameters in order, each in its usual (row by row) order.
        """
        numbers = {"step": np.array(self.step_count), "lr": np.array(float(self.lr))}
        averages = {name: [to_numpy(a) for a in self._flat.split(array)] for name, array in self.state.items()}
        return numbers | {name: np.concatenate([a.ravel() for a in arrays]) for name, arrays in averages.items()}

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Load what `state_dict` returned for the same optimiser with the same parameters in the same order."""
        name = type(self).__name__
        expected = {"step", "lr", *self.averages}
        if set(state_dict) != expected:
            raise ValueError(f"{name}.load_state_dict: expected {sorted(expected)}, got {sorted(state_dict)}")
        p = self._flat.read()
        for average in self.averages:
            if state_dict[average].shape != p.shape:
                raise ValueError(
                    f"{name}.load_state_dict: {average} has shape {state_dict[average].shape}, the parameters together"
                    f" {p.shape}: it was saved for other parameters"
                )
        for key, value in state_dict.items():
            kinds, shape = ("iu", ()) if key == "step" else ("f", () if key == "lr" else p.shape)
            value = to_numpy(value)
            if value.dtype.kind not in kinds or value.shape != shape:
                raise ValueError(f"{name}.load_state_dict: {key} is {value.dtype} {value.shape}, which no optimiser saves")
            low = 0 if key in ("step", "lr") or key.startswith("square") else -math.inf
            if not (np.isfinite(value).all() and (value >= low).all()):
                raise ValueError(f"{name}.load_state_dict: {key} has numbers that are not finite, or below 0")
        self.step_count, self.lr = int(state_dict["step"]), float(state_dict["lr"])
        for average in self.averages:
            array = xp(p).asarray(to_numpy(state_dict[average]).astype(p.dtype, copy=False))
            parts = [array[a:b].reshape(shape) for (a, b), shape in zip(self._flat.bounds, self._flat.shapes)]
            self.state[average] = self._flat.join(parts)


def _checked(owner: str, below: float = math.inf, **setting: float) -> float:
    """Return the value of one setting as a Python float in [0, below); ValueError for any other value."""
    ((name, value),) = setting.items()
    if not 0 <= value < below:
        raise ValueError(f"{owner}: {name} must be at least 0 and below {below}, got {value}")
    return float(value)


class SGD(Optimizer):
    """Stochastic gradient descent: p ← p - lr v, with v ← momentum v + (1 - dampening) g, or v = g without momentum.

    nesterov: look ahead, g + momentum v instead of v. weight_decay: g + weight_decay p instead of g.
    """

    averages: tuple[str, ...] = ("momentum_buffer",)

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs momentum above 0 and dampening 0")
        if momentum == 0:
            self.averages = ()
        super().__init__(params, lr, weight_decay)
        self.momentum, self.dampening = _checked("SGD", momentum=momentum), float(dampening)
        self.nesterov = nesterov

    def _update(self, p: Array, g: Array, lr: float) -> Array:
        if self.weight_decay:
            g += self.weight_decay * p
        if self.averages:
            v = self.state["momentum_buffer"]
            v *= self.momentum
            v += g if self.step_count == 1 else (1 - self.dampening) * g  # as in torch, the first is not dampened
            if self.nesterov:
                g += self.momentum * v
            else:
                g = v
        return p - lr * g


class Adam(Optimizer):
    """Adam: p ← p - lr m̂ / (√v̂ + eps), with weighted means m̂ of all gradients g and v̂ of all g².

    The gradient of k steps ago has weight β₁ᵏ in m̂, its square β₂ᵏ in v̂. The sums M ← β₁M + g and V ← β₂V + g² are
    divided by the total weights n = 1 + β + ... + βᵗ⁻¹. (The paper's averages m = (1 - β₁)M, corrected for their start
    at 0, are equal.) weight_decay: g + weight_decay p instead of g (see AdamW). Kingma & Ba 2015, algorithm 1.
    """

    averages = ("gradient_sum", "square_sum")
    decoupled = False  # whether weight decay acts on p directly

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr, weight_decay)
        name = type(self).__name__
        self.betas = tuple(_checked(name, below=1, **{f"betas[{i}]": beta}) for i, beta in enumerate(betas))
        self.eps = _checked(name, eps=eps)

    def _update(self, p: Array, g: Array, lr: float) -> Array:
        if self.weight_decay and self.decoupled:
            p = p * (1 - lr * self.weight_decay)
        elif self.weight_decay:
            g += self.weight_decay * p
        n1, n2 = ((1 - beta**self.step_count) / (1 - beta) for beta in self.betas)
        # The weights stay out of the arrays: (m / n1) / (√(v / n2) + eps) = (√n2 / n1) m / (√v + eps √n2).
        root = math.sqrt(n2)

        def update(p: Array, g: Array, m: Array, v: Array) -> None:  # the new p lands in g: no temporary array
            m *= self.betas[0]
            m += g
            v *= self.betas[1]
            g *= g
            v += g
            change = xp(v).sqrt(v, out=g)
            change += self.eps * root
            xp(v).divide(m, change, out=change)
            change *= lr * root / n1
            xp(v).subtract(p, change, out=g)

        in_blocks(update, p, g, self.state["gradient_sum"], self.state["square_sum"])
        return g


class AdamW(Adam):
    """Adam with decoupled decay: first p ← (1 - lr weight_decay) p, undivided by √v̂. Loshchilov & Hutter 2019."""

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """RMSprop: p ← p - lr g / (√v + eps), with v ← alpha v + (1 - alpha) g². Tieleman & Hinton 2012.

    centered: v minus the square of the running average of g, an estimate of the variance, instead of v. momentum: sum
    the quotients, u ← momentum u + g / (√v + eps), and p ← p - lr u. weight_decay: g + weight_decay p instead of g.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        self.averages = ("square_avg",) + ("grad_avg",) * bool(centered) + ("momentum_buffer",) * (momentum > 0)
        super().__init__(params, lr, weight_decay)
        self.alpha, self.eps = _checked("RMSprop", alpha=alpha, below=1), _checked("RMSprop", eps=eps)
        self.momentum, self.centered = _checked("RMSprop", momentum=momentum), centered

    def _update(self, p: Array, g: Array, lr: float) -> Array:
        if self.weight_decay:
            g += self.weight_decay * p
        v = self.state["square_avg"]
        v *= self.alpha
        v += (1 - self.alpha) * (g * g)
        scale = v
        if self.centered:
            mean = self.state["grad_avg"]
            mean += (1 - self.alpha) * (g - mean)
            scale = v - mean * mean
        g /= xp(g).sqrt(scale) + self.eps
        if self.momentum:
            u = self.state["momentum_buffer"]
            u *= self.momentum
            u += g
            g = u
        return p - lr * g


# --- clipping --------------------------------------------------------------------------------------------------


def clip_grad_norm(
    grads: Sequence[Array | Tensor], max_norm: float, norm_type: float = 2.0
) -> tuple[tuple[Array, ...], Array]:
    """Return (grads, norm): all gradients times one factor, so that their common norm is at most max_norm.

    The norm returned is that before the scaling. Nothing changes in place, unlike in torch.nn.utils.clip_grad_norm_.
    norm_type is any power, or math.inf for the largest element.
    """
    arrays = [raw(g) for g in grads]
    library = xp(arrays[0])
    if norm_type == math.inf:
        norm = max(library.abs(g).max() for g in arrays if g.size)
    else:
        powers = [(g * g if norm_type == 2 else library.abs(g) ** norm_type).sum() for g in arrays]
        norm = sum(powers) ** (1 / norm_type)
    factor = library.minimum(max_norm / (norm + 1e-6), 1.0)
    return tuple((g * factor).astype(g.dtype, copy=False) for g in arrays), norm


def clip_grad_value(grads: Sequence[Array | Tensor], clip_value: float) -> tuple[Array, ...]:
    """Return the gradients with every element clipped to [-clip_value, clip_value]."""
    return tuple(raw(g).clip(-clip_value, clip_value) for g in grads)

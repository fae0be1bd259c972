"""Optimisers: SGD, Adam, AdamW, RMSprop.

    optimizer = Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
    grads = grad(loss, critic.parameters())
    optimizer.step(grads)                    # or loss.backward(); optimizer.step(); optimizer.zero_grad()

All parameters of an optimiser lie end to end in one flat array, and each `p.data` is a view of it. An update is then a
dozen array operations for any number of layers. A recorded graph may still hold the old arrays, so a step never writes
into them: it puts new values into a new flat array and gives the parameters new views. Settings, names and results are
torch.optim's. Read `Optimizer.step` first, then `Adam`.
"""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from operator import is_
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, Layout, device_of, is_numpy, to_device, to_numpy, xp
from tinygan.checks import check_number
from tinygan.ops.kernels import cuda
from tinygan.optim.clip import is_finite
from tinygan.optim.groups import check_params, make_groups
from tinygan.remedies import watch, with_remedies
from tinygan.tensors import numbers
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
        arrays = [t._data for t in self.tensors]
        if self.array is not None and all(map(is_, arrays, self.views)):
            return self.array
        return self.join(arrays)

    def write(self, array: Array) -> None:
        """Make the tensors views of `array`; the caller must not write to it afterwards."""
        self.array, self.views = array, self.split(array)
        for t, view in zip(self.tensors, self.views):
            t._data, t.number = view, next(numbers)  # as Tensor.data does, without asking whether it is a leaf


class Whole:
    """While entered, Ctrl-C waits: a step is done as a whole or not at all, and not on half of the weights."""

    pressed: tuple | None = None

    def __enter__(self) -> None:
        main = threading.get_ident() == threading.main_thread().ident  # the only one that Ctrl-C interrupts
        self.handler = signal.getsignal(signal.SIGINT) if main else None
        if callable(self.handler):
            signal.signal(signal.SIGINT, self.press)

    def press(self, *args: Any) -> None:
        """Keep for later what the signal says."""
        self.pressed = args

    def __exit__(self, *_: Any) -> None:
        if callable(self.handler):
            signal.signal(signal.SIGINT, self.handler)
            if self.pressed:
                self.handler(*self.pressed)


class Optimizer:
    """The parts that all optimisers share. A subclass computes new parameters in `_update(p, g, group, state)`.

    params: leaf Tensors, or a list of groups, {"params": [...], "lr": 1e-4}, whose settings replace those of the call.
    `param_groups` is the list of all groups; their settings may be assigned between steps, the rate also by `optimizer.lr`.
    A frozen parameter (`requires_grad_(False)`) is skipped for as long as it is frozen; Adam counts its steps all the same,
    where PyTorch counts those of each parameter. A step with an infinite or nan gradient is refused.
    """

    # The running averages of a subclass, and the setting without which each is not kept (None: it always is).
    averages: Mapping[str, str | None] = {}

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        watch(cls)  # learning_rate=, wd=: the error says what it is called here

    def __init__(self, params: Iterable[Tensor | Mapping[str, Any]], **settings: Any) -> None:
        name = type(self).__name__
        self.param_groups = make_groups(name, params, settings)
        self.params: list[Tensor] = [p for group in self.param_groups for p in group["params"]]
        check_params(name, self.params)
        self.step_count = 0
        self._flat = Flat(self.params, name)
        self._trained: list[bool] = []  # which parameters were trained at the last step, and where these lie
        self._runs: list[tuple[dict[str, Any], int, int]] = []
        flat = self._flat.read()
        used = [a for a, setting in self.averages.items() if not setting or any(g[setting] for g in self.param_groups)]
        self.state: dict[str, Array] = {average: xp(flat).zeros_like(flat) for average in used}

    def __repr__(self) -> str:
        shown = lambda group: ", ".join(f"{key}={value}" for key, value in group.items() if key != "params")
        groups = [f"{sum(p.data.size for p in group['params']):,} weights: {shown(group)}" for group in self.param_groups]
        return f"{type(self).__name__}({'; '.join(groups)})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            groups = vars(self).get("param_groups", [{}])
            remedy = f"; it is param_groups[0][{name!r}]" if name in groups[0] else ""
            if name == "add_param_group":
                remedy = "; give all groups to the constructor, [{'params': [...], 'lr': 1e-3}, ...]"
            raise AttributeError(f"{type(self).__name__} has no attribute {name}{remedy}")

    @property
    def lr(self) -> Any:
        """The learning rate; of several groups a tuple, one for each. Schedules assign to it between steps."""
        rates = tuple(group["lr"] for group in self.param_groups)
        return rates[0] if len(rates) == 1 else rates

    @lr.setter
    def lr(self, rate: Any) -> None:
        name, groups = type(self).__name__, self.param_groups
        rates = [rate] if len(groups) == 1 else list(rate) if isinstance(rate, tuple | list) else []
        if len(rates) != len(groups):
            raise ValueError(
                f"{name}.lr = {rate}: there are {len(groups)} groups; assign a rate for each, or one group's by"
                f" optimizer.param_groups[0]['lr'] = {rate}"
            )
        for group, group_rate in zip(groups, rates):
            group["lr"] = check_number(name, "lr", group_rate)

    def step(self, grads: Sequence[Array | Tensor] | None = None) -> None:
        """Update all parameters. grads: one for each, as `grad(loss, params)` returns them; None: their `.grad`.

        Gradients of frozen parameters may be left out, and are not looked at. A parameter whose `.grad` is None counts as
        having gradient 0. If a gradient is infinite or nan, FloatingPointError is raised and nothing changes. A GPU is not
        asked, since each answer would make it wait. Ctrl-C waits for the end of the step.
        """
        for group in self.param_groups:
            group["lr"] = check_number(type(self).__name__, "lr", group["lr"])
        trained = [p.requires_grad for p in self.params]
        if trained != self._trained:
            self._trained, self._runs = trained, self._find_runs(trained)
        runs = self._runs
        g = self._join_gradients(grads, trained)
        p = self._flat.read()
        if g.dtype != p.dtype:
            g = g.astype(p.dtype)
        for average, array in self.state.items():
            if array.dtype != p.dtype or xp(array) is not xp(p):  # the parameters were moved: Module.to
                self.state[average] = to_device(array, device_of(p)).astype(p.dtype)
        with Whole():
            self.step_count += 1
            if len(runs) == 1 and runs[0][2] - runs[0][1] == len(p):
                new = self._update(p, g, runs[0][0], self.state)
            else:
                new = p.copy()
                for group, a, b in runs:
                    new[a:b] = self._update(p[a:b], g[a:b], group, {name: s[a:b] for name, s in self.state.items()})
            self._flat.write(new)

    def _find_runs(self, trained: list[bool]) -> list[tuple[dict[str, Any], int, int]]:
        """Return (group, a, b) for all parameters that are not frozen: those at flat[a:b] are neighbours in one group."""
        runs: list[tuple[dict[str, Any], int, int]] = []
        groups = [group for group in self.param_groups for _ in group["params"]]
        for group, (a, b), requires in zip(groups, self._flat.bounds, trained):
            if requires and runs and runs[-1][0] is group and runs[-1][2] == a:
                runs[-1] = (group, runs[-1][1], b)
            elif requires:
                runs.append((group, a, b))
        return runs

    def _update(self, p: Array, g: Array, group: dict[str, Any], state: dict[str, Array]) -> Array:
        """Return new flat parameters in a new array. It may write to g and to the averages in `state`, not to p."""
        raise NotImplementedError

    @with_remedies
    def zero_grad(self) -> None:
        """Set the `.grad` of all parameters to None."""
        for p in self.params:
            p.grad = None

    def _join_gradients(self, grads: Sequence[Array | Tensor] | None, trained: list[bool]) -> Array:
        """Return all gradients as one flat array, 0 for those of frozen parameters."""
        name = type(self).__name__
        if grads is None:
            given: list[Any] = [p.grad for p in self.params]
            if all(g is None for g in given):
                raise ValueError(f"{name}.step(): no parameter has a .grad; call loss.backward(), or step(grads)")
        elif isinstance(grads, list | tuple):
            given = list(grads)
        else:
            got = f"one {type(grads).__name__} of shape {tuple(grads.shape)}" if hasattr(grads, "shape") else f"{grads!r}"
            raise TypeError(
                f"{name}.step takes a list or tuple of one gradient for each parameter, got {got}; a loss is minimised by"
                " step(grad(loss, params)), or by loss.backward() and then step()"
            )
        if len(given) == sum(trained) < len(trained):
            left = iter(given)
            given = [next(left) if requires else None for requires in trained]
        if len(given) == len(trained) and (not all(trained) or any(g is None for g in given)):
            given = [
                g if g is not None and requires else xp(p.data).zeros_like(p.data)
                for g, p, requires in zip(given, self.params, trained)
            ]
        arrays = [raw(g) for g in given]
        shapes = [g.shape for g in arrays]
        if shapes != self._flat.shapes:
            raise ValueError(f"{name}.step: gradients of shapes {shapes} for parameters of shapes {self._flat.shapes}")
        joined = self._flat.join(arrays)
        if is_numpy(joined) and not is_finite(joined):
            bad = ", ".join(f"{i} {g.shape}" for i, g in enumerate(arrays) if not is_finite(g))
            raise FloatingPointError(f"{name}.step: the gradient of parameter {bad} is not finite; nothing was updated")
        return joined

    def state_dict(self) -> dict[str, Array]:
        """Return step, learning rate and running averages as numpy arrays; a run resumes from them bit for bit.

        An average is flat: the elements of all parameters in order, each in its usual (row by row) order. The learning rate
        of several groups is an array, one for each.
        """
        numbers = {"step": np.array(self.step_count), "lr": np.array(self.lr, dtype=np.float64)}
        averages = {name: [to_numpy(a) for a in self._flat.split(array)] for name, array in self.state.items()}
        return numbers | {name: np.concatenate([a.ravel() for a in arrays]) for name, arrays in averages.items()}

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Load what `state_dict` returned for the same optimiser with the same parameters in the same order."""
        name = type(self).__name__
        expected = {"step", "lr", *self.state}
        if set(state_dict) != expected:
            theirs = "; a state of torch.optim is laid out otherwise, and not read" if "param_groups" in state_dict else ""
            raise ValueError(f"{name}.load_state_dict: expected {sorted(expected)}, got {sorted(state_dict)}{theirs}")
        p = self._flat.read()
        for average in self.state:
            if state_dict[average].shape != p.shape:
                raise ValueError(
                    f"{name}.load_state_dict: {average} has shape {state_dict[average].shape}, the parameters together"
                    f" {p.shape}: it was saved for other parameters"
                )
        rates = np.ravel(state_dict["lr"]).tolist()
        if len(rates) != len(self.param_groups):
            raise ValueError(
                f"{name}.load_state_dict: {len(rates)} learning rates for {len(self.param_groups)} groups of parameters"
            )
        for key, value in state_dict.items():
            kinds, shape = ("iu", ()) if key == "step" else ("f", np.shape(value) if key == "lr" else p.shape)
            value = to_numpy(value)
            if value.dtype.kind not in kinds or value.shape != shape:
                raise ValueError(f"{name}.load_state_dict: {key} is {value.dtype} {value.shape}, which no optimiser saves")
            low = 0 if key in ("step", "lr") or key.startswith("square") else -math.inf
            if not (np.isfinite(value).all() and (value >= low).all()):
                raise ValueError(f"{name}.load_state_dict: {key} has numbers that are not finite, or below 0")
        self.step_count = int(state_dict["step"])
        self.lr = rates[0] if len(rates) == 1 else rates
        for average in self.state:
            array = xp(p).asarray(to_numpy(state_dict[average]).astype(p.dtype, copy=False))
            parts = [array[a:b].reshape(shape) for (a, b), shape in zip(self._flat.bounds, self._flat.shapes)]
            self.state[average] = self._flat.join(parts)


class SGD(Optimizer):
    """Stochastic gradient descent: p ← p - lr v, with v ← momentum v + (1 - dampening) g, or v = g without momentum.

    nesterov: look ahead, g + momentum v instead of v. weight_decay: g + weight_decay p instead of g.
    """

    averages = {"momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
    ) -> None:
        settings = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
        super().__init__(params, **settings, nesterov=nesterov)
        if any(g["nesterov"] and (g["momentum"] == 0 or g["dampening"] != 0) for g in self.param_groups):
            raise ValueError("SGD: nesterov needs momentum above 0 and dampening 0")

    def _update(self, p: Array, g: Array, group: dict[str, Any], state: dict[str, Array]) -> Array:
        if group["weight_decay"]:
            g += group["weight_decay"] * p
        if group["momentum"]:
            v = state["momentum_buffer"]
            v *= group["momentum"]
            v += g if self.step_count == 1 else (1 - group["dampening"]) * g  # as in torch, the first is not dampened
            if group["nesterov"]:
                g += group["momentum"] * v
            else:
                g = v
        return p - group["lr"] * g


class Adam(Optimizer):
    """Adam: p ← p - lr m̂ / (√v̂ + eps), with weighted means m̂ of all gradients g and v̂ of all g².

    The gradient of k steps ago has weight β₁ᵏ in m̂, its square β₂ᵏ in v̂. The sums M ← β₁M + g and V ← β₂V + g² are
    divided by the total weights n = 1 + β + ... + βᵗ⁻¹. (The paper's averages m = (1 - β₁)M, corrected for their start
    at 0, are equal.) weight_decay: g + weight_decay p instead of g (see AdamW). Kingma & Ba 2015, algorithm 1.
    """

    averages = {"gradient_sum": None, "square_sum": None}
    decoupled = False  # whether weight decay acts on p directly

    def __init__(
        self,
        params: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def _update(self, p: Array, g: Array, group: dict[str, Any], state: dict[str, Array]) -> Array:
        lr, eps, (beta1, beta2) = group["lr"], group["eps"], group["betas"]
        if group["weight_decay"] and self.decoupled:
            p = p * (1 - lr * group["weight_decay"])
        elif group["weight_decay"]:
            g += group["weight_decay"] * p
        n1, n2 = ((1 - beta**self.step_count) / (1 - beta) for beta in (beta1, beta2))
        # The weights stay out of the arrays: (m / n1) / (√(v / n2) + eps) = (√n2 / n1) m / (√v + eps √n2).
        root = math.sqrt(n2)

        def update(p: Array, g: Array, m: Array, v: Array) -> None:  # the new p lands in g: no temporary array
            m *= beta1
            m += g
            v *= beta2
            g *= g
            v += g
            change = xp(v).sqrt(v, out=g)
            change += eps * root
            xp(v).divide(m, change, out=change)
            change *= lr * root / n1
            xp(v).subtract(p, change, out=g)

        m, v = state["gradient_sum"], state["square_sum"]
        if is_numpy(p):
            in_blocks(update, p, g, m, v)
        else:
            cuda.launch("adam", p, lr * root / n1, eps * root, beta1, beta2, g, m, v)
        return g


class AdamW(Adam):
    """Adam with decoupled decay: first p ← (1 - lr weight_decay) p, undivided by √v̂. Loshchilov & Hutter 2019."""

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor | Mapping[str, Any]],
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

    averages = {"square_avg": None, "grad_avg": "centered", "momentum_buffer": "momentum"}

    def __init__(
        self,
        params: Iterable[Tensor | Mapping[str, Any]],
        lr: float = 0.01,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        settings = {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__(params, **settings, centered=centered)

    def _update(self, p: Array, g: Array, group: dict[str, Any], state: dict[str, Array]) -> Array:
        if group["weight_decay"]:
            g += group["weight_decay"] * p
        v, alpha = state["square_avg"], group["alpha"]
        v *= alpha
        v += (1 - alpha) * (g * g)
        scale = v
        if group["centered"]:
            mean = state["grad_avg"]
            mean += (1 - alpha) * (g - mean)
            scale = v - mean * mean
        g /= xp(g).sqrt(scale) + group["eps"]
        if group["momentum"]:
            u = state["momentum_buffer"]
            u *= group["momentum"]
            u += g
            g = u
        return p - group["lr"] * g

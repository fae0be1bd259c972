"""Optimisers: SGD, Adam, AdamW, RMSprop, and the clipping of gradients.

    optimizer = Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.999))
    grads = grad(loss, critic.parameters())
    optimizer.step(grads)                    # or loss.backward(); optimizer.step(); optimizer.zero_grad()

All parameters of an optimiser live end to end in one flat array of which each `p.data` is a view, so an update is a
dozen array operations however many layers there are (Adam on 8 tensors, 35,000 numbers: 64 us, one after the other
148, PyTorch's fused kernel 90). A recorded graph may still hold the old arrays: a step never writes into them, it puts
new values into a new flat array and gives the parameters new views. Settings, names and results are torch.optim's.
"""

import math

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Layout, device_of, is_numpy, to_device, to_numpy, xp
from tinygan.threads import in_blocks


class Flat(Layout):
    """Tensors of one type on one device, as one flat array."""

    def __init__(self, tensors, owner):
        super().__init__([t.data for t in tensors])
        self.tensors = tensors
        self.array, self.views = None, None
        kinds = {(str(t.dtype), t.device) for t in tensors}
        if len(kinds) > 1:
            found = " and ".join(f"{dtype} on {device}" for dtype, device in sorted(kinds))
            raise ValueError(f"{owner}: parameters must share one dtype and device, got {found}: make one for each")

    def read(self):
        """The values: what `write` stored, or, if a tensor's data was replaced since, all of them joined again."""
        arrays = [t.data for t in self.tensors]
        if self.views is not None and all(array is view for array, view in zip(arrays, self.views)):
            return self.array
        return self.join(arrays)

    def write(self, array):
        """Make the tensors views of `array`, which the caller hands over."""
        self.array, self.views = array, self.split(array)
        for t, view in zip(self.tensors, self.views):
            t.data = view


def _finite(array):
    return bool(np.isfinite(array).all())


class Optimizer:
    """What all optimisers share; a subclass says in `_updated(p, g, lr)` what the flat parameters p become.

    `optimizer.lr` may be assigned between steps. A step with an infinite or nan gradient is refused.
    """

    averages = ()  # names of the running averages that the subclass keeps, each as long as all parameters together

    def __init__(self, params, lr, weight_decay=0.0):
        name = type(self).__name__
        self.params = list(params)
        if not self.params:
            raise ValueError(f"{name} got no parameters")
        for i, p in enumerate(self.params):
            if not isinstance(p, Tensor) or p.op is not None or not p.requires_grad:
                got = f"a Tensor of shape {p.shape} that is none" if isinstance(p, Tensor) else type(p).__name__
                raise TypeError(f"{name}: parameter {i} must be a leaf Tensor that requires gradients, got {got}")
        if len(set(self.params)) < len(self.params):
            raise ValueError(f"{name}: a parameter was given twice and would be updated twice")
        self.lr, self.weight_decay = _checked(name, lr=lr), _checked(name, weight_decay=weight_decay)
        self.step_count = 0
        self._flat = Flat(self.params, name)
        p = self._flat.read()
        self.state = {average: xp(p).zeros_like(p) for average in self.averages}

    def step(self, grads=None):
        """Update all parameters. grads: one for each, as `grad(loss, params)` returns them; None: their `.grad`.

        A parameter whose `.grad` is None counts as having gradient 0. Raises FloatingPointError, and leaves everything
        as it was, if a gradient is infinite or nan (not on a GPU, where asking would halt it at every step).
        """
        g = self._joined_gradient(grads)
        p = self._flat.read()
        if g.dtype != p.dtype:
            g = g.astype(p.dtype)
        for average, array in self.state.items():
            if array.dtype != p.dtype or xp(array) is not xp(p):  # the parameters were moved: Module.to
                self.state[average] = to_device(array, device_of(p)).astype(p.dtype)
        self.step_count += 1
        self._flat.write(self._updated(p, g, float(self.lr)))  # float: a numpy float64 would make p one

    def _updated(self, p, g, lr):
        """The new flat parameters, in a new array (p is not written to, g and the averages may be)."""
        raise NotImplementedError

    def zero_grad(self):
        """Forget what `backward()` left in `.grad`."""
        for p in self.params:
            p.grad = None

    def _joined_gradient(self, grads):
        name = type(self).__name__
        if grads is None:
            grads = [p.grad for p in self.params]
            if all(g is None for g in grads):
                raise ValueError(f"{name}.step(): no parameter has a .grad; call loss.backward(), or step(grads)")
            grads = [xp(p.data).zeros_like(p.data) if g is None else g for g, p in zip(grads, self.params)]
        grads = [raw(g) for g in grads]
        shapes = [g.shape for g in grads]
        if shapes != self._flat.shapes:
            raise ValueError(f"{name}.step: gradients of shapes {shapes} for parameters of shapes {self._flat.shapes}")
        g = self._flat.join(grads)
        if is_numpy(g) and not _finite(g):
            bad = ", ".join(f"{i} {g.shape}" for i, g in enumerate(grads) if not _finite(g))
            raise FloatingPointError(f"{name}.step: the gradient of parameter {bad} is not finite; nothing was updated")
        return g

    def state_dict(self):
        """Name -> numpy array: step, learning rate and running averages, from which a run resumes bit for bit.

        An average is flat: the elements of all parameters in order, each in its usual (row by row) order.
        """
        numbers = {"step": np.array(self.step_count), "lr": np.array(float(self.lr))}
        averages = {name: [to_numpy(a) for a in self._flat.split(array)] for name, array in self.state.items()}
        return numbers | {name: np.concatenate([a.ravel() for a in arrays]) for name, arrays in averages.items()}

    def load_state_dict(self, state_dict):
        """Take up what `state_dict` returned for the same optimiser on the same parameters in the same order."""
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
        self.step_count, self.lr = int(state_dict["step"]), float(state_dict["lr"])
        for average in self.averages:
            array = xp(p).asarray(to_numpy(state_dict[average]).astype(p.dtype, copy=False))
            parts = [array[a:b].reshape(shape) for (a, b), shape in zip(self._flat.bounds, self._flat.shapes)]
            self.state[average] = self._flat.join(parts)


def _checked(owner, below=math.inf, **setting):
    """The value of one setting, as a Python float in [0, below)."""
    ((name, value),) = setting.items()
    if not 0 <= value < below:
        raise ValueError(f"{owner}: {name} must be at least 0 and below {below}, got {value}")
    return float(value)


class SGD(Optimizer):
    """p ← p - lr v, with v ← momentum v + (1 - dampening) g, or v = g without momentum.

    nesterov: look ahead, g + momentum v in the place of v. weight_decay: g + weight_decay p in the place of g.
    """

    averages = ("momentum_buffer",)

    def __init__(self, params, lr=1e-3, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs momentum above 0 and dampening 0")
        if momentum == 0:
            self.averages = ()
        super().__init__(params, lr, weight_decay)
        self.momentum, self.dampening = _checked("SGD", momentum=momentum), float(dampening)
        self.nesterov = nesterov

    def _updated(self, p, g, lr):
        if self.weight_decay:
            g += self.weight_decay * p
        if self.averages:
            v = self.state["momentum_buffer"]
            v *= self.momentum
            v += g if self.step_count == 1 else (1 - self.dampening) * g  # as in torch, the first is not damped
            if self.nesterov:
                g += self.momentum * v
            else:
                g = v
        return p - lr * g


class Adam(Optimizer):
    """p ← p - lr m̂ / (√v̂ + eps), with m̂ and v̂ weighted means of all gradients g and of g², the latest weighing most.

    The gradient of k steps ago has weight β₁ᵏ in m̂, its square β₂ᵏ in v̂: sums M ← β₁M + g and V ← β₂V + g² over total
    weights n = 1 + β + ... + βᵗ⁻¹. (The paper's averages m = (1 - β₁)M, corrected for their start at 0, are the same.)
    weight_decay: g + weight_decay p in the place of g (see AdamW). Kingma & Ba 2015, algorithm 1.
    """

    averages = ("gradient_sum", "square_sum")
    decoupled = False  # whether weight decay acts on p directly

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0):
        super().__init__(params, lr, weight_decay)
        name = type(self).__name__
        self.betas = tuple(_checked(name, below=1, **{f"betas[{i}]": beta}) for i, beta in enumerate(betas))
        self.eps = _checked(name, eps=eps)

    def _updated(self, p, g, lr):
        if self.weight_decay and self.decoupled:
            p = p * (1 - lr * self.weight_decay)
        elif self.weight_decay:
            g += self.weight_decay * p
        n1, n2 = ((1 - beta**self.step_count) / (1 - beta) for beta in self.betas)
        # The weights stay out of the arrays: (m / n1) / (√(v / n2) + eps) = (√n2 / n1) m / (√v + eps √n2).
        root = math.sqrt(n2)

        def update(p, g, m, v):
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

        in_blocks(update, p, g, self.state["gradient_sum"], self.state["square_sum"])  # 540,000 numbers: 1.05 ms, not 1.35
        return g


class AdamW(Adam):
    """Adam with p ← (1 - lr weight_decay) p first, decay that √v̂ does not divide. Loshchilov & Hutter 2019."""

    decoupled = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        super().__init__(params, lr, betas, eps, weight_decay)


class RMSprop(Optimizer):
    """p ← p - lr g / (√v + eps), with v ← alpha v + (1 - alpha) g². Tieleman & Hinton 2012.

    centered: v less the square of the running average of g, an estimate of the variance. momentum: the quotients are
    gathered, u ← momentum u + g / (√v + eps), and p ← p - lr u. weight_decay: g + weight_decay p in the place of g.
    """

    def __init__(self, params, lr=0.01, alpha=0.99, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False):
        self.averages = ("square_avg",) + ("grad_avg",) * bool(centered) + ("momentum_buffer",) * (momentum > 0)
        super().__init__(params, lr, weight_decay)
        self.alpha, self.eps = _checked("RMSprop", alpha=alpha, below=1), _checked("RMSprop", eps=eps)
        self.momentum, self.centered = _checked("RMSprop", momentum=momentum), centered

    def _updated(self, p, g, lr):
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


def clip_grad_norm(grads, max_norm, norm_type=2.0):
    """(grads, norm): gradients scaled down, all by one factor, if their norm taken together exceeds max_norm.

    grads is a tuple of arrays as `grad` returns it, and so is the result; norm is the one before. Nothing is changed in
    place, unlike in torch.nn.utils.clip_grad_norm_; norm_type may be any power, or math.inf for the largest element.
    """
    grads = [raw(g) for g in grads]
    library = xp(grads[0])
    if norm_type == math.inf:
        norm = max(library.abs(g).max() for g in grads if g.size)
    else:
        powers = [(g * g if norm_type == 2 else library.abs(g) ** norm_type).sum() for g in grads]
        norm = sum(powers) ** (1 / norm_type)
    factor = library.minimum(max_norm / (norm + 1e-6), 1.0)
    return tuple((g * factor).astype(g.dtype, copy=False) for g in grads), norm


def clip_grad_value(grads, clip_value):
    """A tuple of gradients with every element kept within [-clip_value, clip_value]."""
    return tuple(raw(g).clip(-clip_value, clip_value) for g in grads)

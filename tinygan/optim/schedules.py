"""Learning rates that change during training. Each is a function of the step number, k = 0, 1, 2, ...

    schedule = LambdaLR(optimizer, lambda k: min(1, 2 - 2 * k / steps))   # constant, then down to 0 in the second half
    for k in range(steps):
        optimizer.lr = schedule(k)             # the plain form: nothing to save, a resumed run goes on with its own k
        ...
        optimizer.step(grads)

or, as in PyTorch, `schedule.step()` after every `optimizer.step()`, which counts k itself. Names and formulas are
torch.optim.lr_scheduler's; `WarmupLR` stands for its pair of LinearLR and SequentialLR.
"""

import math
from functools import partial
from typing import Any

import numpy as np

from tinygan.checks import check_number

SHAPES = {  # what is left of the learning rate, after a share t of the steps in which it falls
    "constant": lambda t: 1.0,
    "linear": lambda t: 1.0 - t,
    "cosine": lambda t: 0.5 * (1 + math.cos(math.pi * t)),
    "exponential": lambda t: 0.01**t,
}


def share_left(k, steps, *, shape="linear", decay_from=0.5, warmup=0):
    """Return the share of the learning rate at step k of `steps`: a rise, a plateau, a fall.

    It rises in a line for `warmup` steps. It falls from the share `decay_from` of the steps on: "linear" and "cosine"
    reach 0 at the end, "exponential" 1 %. LambdaLR(optimizer, lambda k: share_left(k, steps)) is the schedule.
    """
    risen = min(1.0, (k + 1) / warmup) if warmup else 1.0
    left = min(1.0, (steps - k) / steps / max(1e-12, 1 - decay_from))  # of the steps in which it falls
    left = max(0.0, left)  # beyond the end it stays where it ended
    return risen * SHAPES[shape](1 - left)


class LambdaLR:
    """lr = base lr · lr_lambda(k), base lr being the optimiser's when the schedule is made: that of each of its groups."""

    def __init__(self, optimizer, lr_lambda):
        if not hasattr(optimizer, "param_groups"):
            raise TypeError(f"{type(self).__name__} takes an optimiser first, got a {type(optimizer).__name__}")
        if not callable(lr_lambda):
            kind = type(lr_lambda).__name__
            raise TypeError(f"{type(self).__name__} takes a function of the step number after the optimiser, got a {kind}")
        self.optimizer, self.base_lr, self.lr_lambda = optimizer, optimizer.lr, lr_lambda
        self.last_step = 0
        optimizer.lr = self(0)

    def __call__(self, k: int) -> Any:
        """Return the learning rate of step k, or a tuple of one for each of several groups."""
        bases = self.base_lr if isinstance(self.base_lr, tuple) else (self.base_lr,)
        rates = tuple(self._rate(base, k) for base in bases)
        return rates if isinstance(self.base_lr, tuple) else rates[0]

    def __getattr__(self, name: str) -> Any:
        instead = {"get_last_lr": "optimizer.lr", "get_lr": "schedule(k)", "last_epoch": "last_step"}
        remedy = f"; write instead: {instead[name]}" if name in instead else ""
        raise AttributeError(f"{type(self).__name__} has no attribute {name}{remedy}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base lr {self.base_lr}, step {self.last_step}: lr {self.optimizer.lr})"

    def _rate(self, base: float, k: int) -> float:
        return base * self.lr_lambda(k)

    def step(self):
        """Give the optimiser the learning rate of the next step."""
        self.last_step += 1
        self.optimizer.lr = self(self.last_step)

    def state_dict(self):
        """Return what a resumed run needs if it uses `step()`: the number of calls and the base learning rate."""
        return {"last_step": np.array(self.last_step), "base_lr": np.array(self.base_lr, dtype=np.float64)}

    def load_state_dict(self, state_dict):
        """Go on from what `state_dict` returned."""
        base = np.asarray(state_dict["base_lr"]).tolist()
        self.last_step, self.base_lr = int(state_dict["last_step"]), tuple(base) if isinstance(base, list) else base
        self.optimizer.lr = self(self.last_step)


# What the schedules below multiply the base lr by, at step k. They are no lambdas, which cannot be pickled.


def _power(gamma, step_size, k):
    return gamma ** (k // step_size)


def _line(start, end, steps, k):
    return start + (end - start) * min(k / steps, 1)


def _wave(steps, k):
    return (1 + math.cos(math.pi * k / steps)) / 2


def _rise(steps, k):
    return min(1.0, (k + 1) / steps)


class StepLR(LambdaLR):
    """lr = base lr · gamma^⌊k / step_size⌋: times gamma every step_size steps."""

    def __init__(self, optimizer, step_size, gamma=0.1):
        _check_steps("StepLR", step_size=step_size)
        check_number("StepLR", "gamma", gamma)
        super().__init__(optimizer, partial(_power, gamma, step_size))


class ExponentialLR(LambdaLR):
    """lr = base lr · gammaᵏ: times gamma at every step."""

    def __init__(self, optimizer, gamma):
        check_number("ExponentialLR", "gamma", gamma)
        super().__init__(optimizer, partial(_power, gamma, 1))


class LinearLR(LambdaLR):
    """lr = base lr · (a line from start_factor at step 0 to end_factor at step total_iters, flat from there on)."""

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5):
        _check_steps("LinearLR", total_iters=total_iters)
        check_number("LinearLR", "start_factor", start_factor)
        check_number("LinearLR", "end_factor", end_factor)
        super().__init__(optimizer, partial(_line, start_factor, end_factor, total_iters))


class CosineAnnealingLR(LambdaLR):
    """lr = eta_min + (base lr - eta_min) (1 + cos(π k / T_max)) / 2: half a wave down to eta_min at step T_max.

    Beyond T_max it climbs again, as in PyTorch. Loshchilov & Hutter 2017, eq. 5.
    """

    def __init__(self, optimizer, T_max, eta_min=0.0):
        _check_steps("CosineAnnealingLR", T_max=T_max)
        self.eta_min = check_number("CosineAnnealingLR", "eta_min", eta_min)
        super().__init__(optimizer, partial(_wave, T_max))

    def _rate(self, base: float, k: int) -> float:
        return self.eta_min + (base - self.eta_min) * self.lr_lambda(k)


class WarmupLR(LambdaLR):
    """lr grows in warmup_steps equal parts, the first at step 0, to the base lr; then `after`, counted from there.

    after: another schedule of the same optimiser, or None to stay at the base lr.
    WarmupLR(optimizer, 500, after=CosineAnnealingLR(optimizer, 9500))
    """

    def __init__(self, optimizer, warmup_steps, after=None):
        _check_steps("WarmupLR", warmup_steps=warmup_steps)
        self.after, self.warmup_steps = after, warmup_steps
        if after is not None:
            optimizer.lr = after.base_lr  # after's first step has set it already
        super().__init__(optimizer, partial(_rise, warmup_steps))

    def _rate(self, base: float, k: int) -> float:
        if self.after is None or k < self.warmup_steps:
            return super()._rate(base, k)
        return self.after._rate(base, k - self.warmup_steps)


def _check_steps(owner: str, **setting: Any) -> None:
    """Raise ValueError unless a number of steps is above 0."""
    ((name, value),) = setting.items()
    if isinstance(value, bool | str) or not value > 0:
        raise ValueError(f"{owner}: {name} is a number of steps above 0, got {value!r}")

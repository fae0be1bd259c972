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

import numpy as np

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
    return risen * SHAPES[shape](1 - left)


class LambdaLR:
    """lr = base lr · lr_lambda(k), base lr being the optimiser's when the schedule is made."""

    def __init__(self, optimizer, lr_lambda):
        self.optimizer, self.base_lr, self.lr_lambda = optimizer, optimizer.lr, lr_lambda
        self.last_step = 0
        optimizer.lr = self(0)

    def __call__(self, k):
        """The learning rate of step k."""
        return self.base_lr * self.lr_lambda(k)

    def step(self):
        """Give the optimiser the learning rate of the next step."""
        self.last_step += 1
        self.optimizer.lr = self(self.last_step)

    def state_dict(self):
        """What a resumed run needs if it uses `step()`: the number of calls and the base learning rate."""
        return {"last_step": np.array(self.last_step), "base_lr": np.array(float(self.base_lr))}

    def load_state_dict(self, state_dict):
        """Go on from what `state_dict` returned."""
        self.last_step, self.base_lr = int(state_dict["last_step"]), float(state_dict["base_lr"])
        self.optimizer.lr = self(self.last_step)


class StepLR(LambdaLR):
    """lr = base lr · gamma^⌊k / step_size⌋: times gamma every step_size steps."""

    def __init__(self, optimizer, step_size, gamma=0.1):
        super().__init__(optimizer, lambda k: gamma ** (k // step_size))


class LinearLR(LambdaLR):
    """lr = base lr · (a line from start_factor at step 0 to end_factor at step total_iters, flat from there on)."""

    def __init__(self, optimizer, start_factor=1 / 3, end_factor=1.0, total_iters=5):
        super().__init__(optimizer, lambda k: start_factor + (end_factor - start_factor) * min(k / total_iters, 1))


class CosineAnnealingLR(LambdaLR):
    """lr = eta_min + (base lr - eta_min) (1 + cos(π k / T_max)) / 2: half a wave down to eta_min at step T_max.

    Beyond T_max it climbs again, as in PyTorch. Loshchilov & Hutter 2017, eq. 5.
    """

    def __init__(self, optimizer, T_max, eta_min=0.0):
        floor = eta_min / optimizer.lr if optimizer.lr else 0.0
        super().__init__(optimizer, lambda k: floor + (1 - floor) * (1 + math.cos(math.pi * k / T_max)) / 2)


class WarmupLR(LambdaLR):
    """lr grows in warmup_steps equal parts, the first at step 0, to the base lr; then `after`, counted from there.

    after: another schedule of the same optimiser, or None to stay at the base lr.
    WarmupLR(optimizer, 500, after=CosineAnnealingLR(optimizer, 9500))
    """

    def __init__(self, optimizer, warmup_steps, after=None):
        rest = (lambda k: 1.0) if after is None else after.lr_lambda
        if after is not None:
            optimizer.lr = after.base_lr  # after's first step has set it already
        super().__init__(optimizer, lambda k: (k + 1) / warmup_steps if k < warmup_steps else rest(k - warmup_steps))

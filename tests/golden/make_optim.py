"""Writes optim.npz: what torch.optim does to nine numbers in 20 steps, and torch's learning rates. Needs torch.

    python tests/golden/make_optim.py

The problem is the same for all settings: two parameters (2, 3) and (3,), flat p of 9 numbers, gradient A p + b_k at step k.
The optimisers and schedules are strings that mean the same in torch and in tinygan; see tests/test_optim.py.
"""

from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
OPTIMISERS = [
    "SGD(params, lr=0.05)",
    "SGD(params, lr=0.05, weight_decay=0.1)",
    "SGD(params, lr=0.05, momentum=0.9)",
    "SGD(params, lr=0.05, momentum=0.9, dampening=0.3, weight_decay=0.1)",
    "SGD(params, lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.05)",
    "Adam(params)",
    "Adam(params, lr=0.05, betas=(0.0, 0.99), eps=1e-3)",
    "Adam(params, lr=0.05, betas=(0.5, 0.999), weight_decay=0.2)",
    "AdamW(params, lr=0.05)",
    "AdamW(params, lr=0.05, betas=(0.8, 0.9), eps=1e-4, weight_decay=0.3)",
    "RMSprop(params)",
    "RMSprop(params, lr=0.02, alpha=0.9, eps=1e-3, weight_decay=0.1)",
    "RMSprop(params, lr=0.02, momentum=0.7)",
    "RMSprop(params, lr=0.02, alpha=0.9, momentum=0.5, centered=True)",
]
SCHEDULES = [
    "StepLR(optimizer, 5, gamma=0.3)",
    "LinearLR(optimizer)",
    "LinearLR(optimizer, start_factor=0.1, end_factor=0.7, total_iters=12)",
    "CosineAnnealingLR(optimizer, 15)",
    "CosineAnnealingLR(optimizer, 9, eta_min=0.01)",
    "LambdaLR(optimizer, lambda k: min(1, 2 - k / 10))",
    "ExponentialLR(optimizer, 0.8)",
]
STEPS = 20


def trajectory(expression, start, matrix, shifts):
    """The flat parameters after each step."""
    a, b = (torch.tensor(part, requires_grad=True) for part in (start[:6].reshape(2, 3), start[6:]))
    optimizer = eval(expression, vars(torch.optim) | {"params": [a, b]})
    path = []
    for shift in shifts:
        p = torch.cat([a.detach().ravel(), b.detach()])
        g = torch.tensor(matrix) @ p + torch.tensor(shift)
        a.grad, b.grad = g[:6].reshape(2, 3), g[6:]
        optimizer.step()
        path.append(torch.cat([a.detach().ravel(), b.detach()]).numpy().copy())
    return np.array(path)


def learning_rates(expression):
    """The learning rate of each step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    schedule = eval(expression, vars(torch.optim.lr_scheduler) | {"optimizer": optimizer})
    rates = []
    for _ in range(STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return np.array(rates)


def main():
    rng = np.random.default_rng(0)
    root = rng.normal(size=(9, 9))
    arrays = {
        "start": rng.normal(size=9),
        "matrix": root @ root.T / 9,
        "shifts": rng.normal(size=(STEPS, 9)),
        "optimisers": np.array(OPTIMISERS),
        "schedules": np.array(SCHEDULES),
    }
    problem = arrays["start"], arrays["matrix"], arrays["shifts"]
    arrays["paths"] = np.array([trajectory(e, *problem) for e in OPTIMISERS])
    arrays["rates"] = np.array([learning_rates(e) for e in SCHEDULES])
    np.savez_compressed(HERE / "optim.npz", **arrays)
    print(f"{HERE / 'optim.npz'}: {(HERE / 'optim.npz').stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

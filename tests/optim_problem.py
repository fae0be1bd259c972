"""Shared by tests of optimisers: PyTorch's trajectories, and the quadratic problem that they were recorded on."""

from pathlib import Path

import numpy as np

import tinygan.optim as optim
from tinygan.nn import Parameter

with np.load(Path(__file__).parent / "golden" / "optim.npz") as stored:  # written by golden/make_optim.py
    GOLDEN = dict(stored)
OPTIMISERS = GOLDEN["optimisers"].tolist()


def made(expression, **names):
    """The optimiser or schedule of an expression such as "Adam(params, lr=0.1)"."""
    return eval(expression, vars(optim) | names)


def problem(dtype="float64"):
    start = GOLDEN["start"].astype(dtype)
    return [Parameter(start[:6].reshape(2, 3).copy()), Parameter(start[6:].copy())]


def flat(params):
    return np.concatenate([p.data.ravel() for p in params])


def gradients(params, k):
    g = GOLDEN["matrix"] @ flat(params) + GOLDEN["shifts"][k]
    return [g[:6].reshape(2, 3), g[6:]]

"""Optimisation of weights: optimisers, clipping of gradients, learning-rate schedules, the average of weights."""

from typing import Any

from tinygan.optim.clip import clip_grad_norm, clip_grad_value, clip_gradients
from tinygan.optim.ema import EMA
from tinygan.optim.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop
from tinygan.optim.schedules import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, StepLR, WarmupLR, share_left
from tinygan.remedies import of_module

__all__ = [
    "EMA", "SGD", "Adam", "AdamW", "CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearLR", "Optimizer", "RMSprop",
    "StepLR", "WarmupLR", "clip_grad_norm", "clip_grad_value", "clip_gradients", "share_left",
]  # fmt: skip

INSTEAD = {  # names of torch.optim and its neighbours that are not here -> what to write
    "clip_grad_norm_": "clip_grad_norm(parameters, max_norm)",
    "clip_grad_value_": "clip_grad_value(parameters, clip_value)",
    "lr_scheduler": "the schedules stand in tinygan.optim itself: optim.StepLR(optimizer, 30)",
    "swa_utils": "EMA(module, decay), the running average of a network's weights",
    "AveragedModel": "EMA(module, decay), the running average of a network's weights",
    "SequentialLR": "WarmupLR(optimizer, steps, after=schedule), or LambdaLR with a function of the step",
    "MultiStepLR": "LambdaLR(optimizer, lambda k: gamma ** sum(k >= m for m in milestones))",
    "MultiplicativeLR": "LambdaLR(optimizer, lambda k: factor ** k)",
    "ConstantLR": "LambdaLR(optimizer, lambda k: factor if k < total_iters else 1.0)",
    "PolynomialLR": "LambdaLR(optimizer, lambda k: (1 - min(k / total_iters, 1)) ** power)",
    "OneCycleLR": "WarmupLR(optimizer, steps, after=CosineAnnealingLR(optimizer, rest))",
    "CyclicLR": "LambdaLR with a function of the step",
    "CosineAnnealingWarmRestarts": "LambdaLR(optimizer, lambda k: 0.5 * (1 + math.cos(math.pi * (k % T) / T)))",
    "ReduceLROnPlateau": "an assignment to optimizer.lr where the loss no longer falls",
    "LRScheduler": "LambdaLR with a function of the step",
    "Adamax": "Adam", "NAdam": "Adam", "RAdam": "Adam with WarmupLR", "Adadelta": "RMSprop", "Adagrad": "RMSprop",
    "Rprop": "RMSprop", "ASGD": "SGD with EMA", "LBFGS": "Adam", "Adafactor": "Adam", "SparseAdam": "Adam",
    "Muon": "AdamW",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in INSTEAD:
        raise AttributeError(f"tinygan.optim has no {name}; write instead: {INSTEAD[name]}")
    raise AttributeError(of_module(name, __name__))

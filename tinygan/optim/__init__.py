"""Optimisation of weights: optimisers, clipping of gradients, learning-rate schedules, the average of weights."""

from tinygan.optim.ema import EMA
from tinygan.optim.optimizers import SGD, Adam, AdamW, Optimizer, RMSprop, clip_grad_norm, clip_grad_value
from tinygan.optim.schedules import CosineAnnealingLR, LambdaLR, LinearLR, StepLR, WarmupLR, share_left

__all__ = [
    "EMA", "SGD", "Adam", "AdamW", "CosineAnnealingLR", "LambdaLR", "LinearLR", "Optimizer", "RMSprop", "StepLR",
    "WarmupLR", "clip_grad_norm", "clip_grad_value", "share_left",
]  # fmt: skip

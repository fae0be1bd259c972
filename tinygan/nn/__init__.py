"""Layers: what holds parameters. Read `module.py` first, then `linear.py`."""

from tinygan.nn import init
from tinygan.nn.activation import (
    ELU,
    GELU,
    Dropout,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinygan.nn.attention import MultiheadAttention
from tinygan.nn.containers import ModuleList, Sequential
from tinygan.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tinygan.nn.linear import Embedding, Linear
from tinygan.nn.module import Module, Parameter
from tinygan.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, InstanceNorm2d, LayerNorm
from tinygan.nn.recurrent import GRU, LSTM, GRUCell, LSTMCell
from tinygan.nn.resize import (
    AdaptiveAvgPool2d,
    AvgPool2d,
    Flatten,
    MaxPool2d,
    PixelShuffle,
    PixelUnshuffle,
    Unflatten,
    Upsample,
)
from tinygan.nn.spectral import spectral_norm

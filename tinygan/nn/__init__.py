"""Layers: what holds parameters. Read `module.py` first, then `linear.py`."""

from typing import Any

from tinygan.nn import functional, init
from tinygan.nn.activation import (
    ELU,
    GELU,
    Dropout,
    Dropout2d,
    Identity,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinygan.nn.attention import MultiheadAttention
from tinygan.nn.containers import ModuleDict, ModuleList, Sequential
from tinygan.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from tinygan.nn.linear import Embedding, Linear
from tinygan.nn.loss import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    KLDivLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from tinygan.nn.module import Module
from tinygan.nn.norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, GroupNorm, InstanceNorm1d, InstanceNorm2d, LayerNorm
from tinygan.nn.parameter import Parameter
from tinygan.nn.recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell
from tinygan.nn.resize import (
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    Flatten,
    MaxPool1d,
    MaxPool2d,
    PixelShuffle,
    PixelUnshuffle,
    ReflectionPad2d,
    Unflatten,
    Upsample,
)
from tinygan.nn.spectral import spectral_norm
from tinygan.remedies import of_module

INSTEAD = {  # names of torch.nn that are not here -> what to write
    "AdaptiveAvgPool1d": "ops.mean(x, -1, keepdim=True), for one window over all",
    "AdaptiveMaxPool2d": "ops.amax(x, (2, 3), keepdim=True), for one window over all",
    "AlphaDropout": "Dropout",
    "Bilinear": 'ops.einsum("ni,oij,nj->no", x, weight, y)',
    "CELU": "ELU", "SELU": "1.0507 * ops.elu(x, 1.67326)",
    "ConstantPad1d": "ops.pad(x, (left, right), value=c)",
    "ConstantPad2d": "ops.pad(x, (left, right, top, bottom), value=c)",
    "CosineEmbeddingLoss": "ops.cosine_similarity(a, b)", "CosineSimilarity": "ops.cosine_similarity(a, b)",
    "CTCLoss": "CrossEntropyLoss, on tokens that are aligned with their steps",
    "DataParallel": "train(..., processes=2), see tinygan.distributed",
    "Dropout1d": "Dropout2d on ops.unsqueeze(x, -1)", "Dropout3d": "Dropout2d on ops.flatten(x, 3)",
    "EmbeddingBag": "ops.mean(embedding(tokens), 1)",
    "GLU": "a, b = ops.chunk(x, 2, 1); a * ops.sigmoid(b)",
    "GaussianNLLLoss": "0.5 * (ops.log(var) + (x - mean) ** 2 / var).mean()",
    "Hardsigmoid": "ops.clamp(x / 6 + 0.5, 0, 1)", "Hardswish": "x * ops.clamp(x / 6 + 0.5, 0, 1)",
    "Hardtanh": "ops.clamp(x, -1, 1)", "ReLU6": "ops.clamp(x, 0, 6)",
    "HingeEmbeddingLoss": "ops.relu(1 - x).mean()", "HuberLoss": "SmoothL1Loss(beta=delta), times delta",
    "InstanceNorm3d": "GroupNorm(channels, channels, affine=False)",
    "LogSigmoid": "ops.logsigmoid(x)",
    "MarginRankingLoss": "ops.relu(margin - (a - b)).mean()",
    "MaxPool3d": "MaxPool2d on ops.flatten(x, 0, 1), then along the depth", "MaxUnpool2d": "Upsample or ConvTranspose2d",
    "Mish": "x * ops.tanh(ops.softplus(x))",
    "ParameterDict": "one attribute for each Parameter", "ParameterList": "one attribute for each Parameter",
    "RNNCell": "ops.tanh(ops.linear(x, w_ih, b_ih) + ops.linear(h, w_hh, b_hh)), or GRUCell",
    "RMSNorm": "x * ops.rsqrt(ops.mean(x * x, -1, keepdim=True) + eps) * weight",
    "ReflectionPad1d": 'ops.pad(x, (left, right), "reflect")',
    "ReplicationPad2d": 'ops.pad(x, (left, right, top, bottom), "replicate")',
    "ZeroPad2d": "ops.pad(x, (left, right, top, bottom))", "ZeroPad1d": "ops.pad(x, (left, right))",
    "Softmax2d": "Softmax(1)", "Softmin": "Softmax on -x",
    "Softsign": "x / (1 + abs(x))", "Softshrink": "x - ops.clamp(x, -0.5, 0.5)", "Tanhshrink": "x - ops.tanh(x)",
    "Threshold": "ops.where(x.data > threshold, x, value)",
    "Transformer": "MultiheadAttention, LayerNorm and Linear", "TransformerDecoder": "MultiheadAttention and LayerNorm",
    "TransformerDecoderLayer": "MultiheadAttention and LayerNorm", "TransformerEncoder": "a ModuleList of such layers",
    "TransformerEncoderLayer": "MultiheadAttention, LayerNorm and Linear",
    "TripletMarginLoss": "ops.relu(near - far + margin).mean()",
    "UninitializedParameter": "Parameter", "LazyLinear": "Linear(in_features, out_features)",
    "LazyConv2d": "Conv2d(in_channels, out_channels, kernel_size)",
    "UpsamplingBilinear2d": 'Upsample(scale_factor=2, mode="bilinear", align_corners=True)',
    "UpsamplingNearest2d": "Upsample(scale_factor=2)",
    "SpectralNorm": "spectral_norm(layer)", "SyncBatchNorm": "BatchNorm2d", "Buffer": "self.register_buffer(name, array)",
    "utils": "clip_grad_norm in tinygan.optim, spectral_norm in tinygan.nn itself",
    "weight_norm": "spectral_norm",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in INSTEAD:
        raise AttributeError(f"tinygan.nn has no {name}; write instead: {INSTEAD[name]}")
    said = of_module(name, __name__)
    own = "; a layer of your own is a Module whose forward uses tinygan.ops" if said.endswith("'") else ""
    raise AttributeError(said + own)

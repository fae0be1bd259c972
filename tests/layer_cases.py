"""The table of layers: a row is an expression that makes the same layer in torch.nn and in tinygan.nn, and its inputs.

`tests/golden/make_state_dicts.py` runs the rows through PyTorch and stores states, inputs, outputs and gradients in
layers.safetensors; `test_nn.py` and `test_state_dict.py` compare. Run the script after changing a row.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Case:
    """A layer and how it is called."""

    make: str
    inputs: list  # shapes of normal numbers, or functions of a Generator that return an array
    call: object = field(default=lambda layer, *inputs: layer(*inputs))

    def draw(self, seed):
        """The inputs, as arrays in float32 (or integers, or booleans)."""
        rng = np.random.default_rng(seed)
        return [i(rng) if callable(i) else rng.normal(size=i).astype("float32") for i in self.inputs]


def _forbidden(*shape):
    """A mask that forbids about a third, but never the first."""
    return lambda rng: (rng.random(shape) < 0.35) & (np.arange(shape[-1]) > 0)


def _with_state(layer, input, h, c):
    return layer(input, (h, c))


CASES = {
    "Linear": Case("Linear(3, 4)", [(5, 3)]),
    "Linear, no bias, three axes": Case("Linear(3, 4, bias=False)", [(2, 5, 3)]),
    "Embedding": Case("Embedding(7, 3, padding_idx=2)", [lambda rng: rng.integers(0, 7, (4, 3))]),
    "Conv1d": Case("Conv1d(2, 4, 3, stride=2, padding=1, groups=2)", [(2, 2, 9)]),
    "Conv2d": Case("Conv2d(3, 4, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2))", [(2, 3, 6, 5)]),
    "Conv2d, reflected": Case("Conv2d(2, 3, 3, padding=(1, 2), padding_mode='reflect', bias=False)", [(2, 2, 4, 5)]),
    "Conv1d, same, circular": Case("Conv1d(2, 2, 4, padding='same', padding_mode='circular')", [(2, 2, 5)]),
    "Conv2d, same, reflected": Case(
        "Conv2d(2, 2, (3, 2), padding='same', dilation=(2, 1), padding_mode='reflect')", [(2, 2, 4, 5)]
    ),
    "Conv2d, valid, replicated": Case("Conv2d(2, 2, 3, padding='valid', padding_mode='replicate')", [(2, 2, 4, 5)]),
    "Conv3d": Case("Conv3d(2, 2, 2, padding=1)", [(1, 2, 3, 3, 2)]),
    "ConvTranspose1d": Case("ConvTranspose1d(3, 4, 4, stride=3, padding=1, output_padding=2)", [(2, 3, 5)]),
    "ConvTranspose2d": Case("ConvTranspose2d(4, 6, 4, stride=2, padding=1, groups=2)", [(2, 4, 3, 4)]),
    "ConvTranspose3d": Case("ConvTranspose3d(2, 3, 2, stride=2, bias=False)", [(1, 2, 2, 3, 2)]),
    "BatchNorm1d": Case("BatchNorm1d(3, eps=1e-3)", [(6, 3)]),
    "BatchNorm1d, sequences": Case("BatchNorm1d(3, momentum=0.3)", [(2, 3, 5)]),
    "BatchNorm2d": Case("BatchNorm2d(3)", [(4, 3, 2, 3)]),
    "BatchNorm2d, cumulative": Case("BatchNorm2d(3, momentum=None, affine=False)", [(4, 3, 2, 3)]),
    "BatchNorm2d, untracked": Case("BatchNorm2d(3, track_running_stats=False)", [(4, 3, 2, 3)]),
    "BatchNorm3d": Case("BatchNorm3d(2)", [(2, 2, 2, 3, 2)]),
    "LayerNorm": Case("LayerNorm((2, 3))", [(4, 2, 3)]),
    "LayerNorm, plain": Case("LayerNorm(5, eps=1e-2, elementwise_affine=False)", [(4, 5)]),
    "LayerNorm, no bias": Case("LayerNorm(5, bias=False)", [(2, 3, 5)]),
    "GroupNorm": Case("GroupNorm(2, 4)", [(3, 4, 2, 3)]),
    "InstanceNorm2d": Case("InstanceNorm2d(3)", [(2, 3, 3, 4)]),
    "InstanceNorm2d, affine, tracked": Case("InstanceNorm2d(3, affine=True, track_running_stats=True)", [(2, 3, 3, 4)]),
    "spectral_norm of Linear": Case("spectral_norm(Linear(4, 3))", [(5, 4)]),
    "spectral_norm of Conv2d": Case("spectral_norm(Conv2d(2, 3, 3), n_power_iterations=2)", [(2, 2, 4, 4)]),
    "spectral_norm of ConvTranspose2d": Case("spectral_norm(ConvTranspose2d(2, 3, 2, bias=False))", [(2, 2, 3, 3)]),
    "LSTM": Case("LSTM(3, 4)", [(5, 2, 3)]),
    "LSTM, two layers both ways": Case(
        "LSTM(3, 4, num_layers=2, bidirectional=True)", [(5, 2, 3), (4, 2, 4), (4, 2, 4)], _with_state
    ),
    "LSTM, batch first, no bias": Case("LSTM(3, 4, bias=False, batch_first=True)", [(2, 5, 3)]),
    "LSTM of one sequence": Case("LSTM(3, 4, bidirectional=True)", [(5, 3), (2, 4), (2, 4)], _with_state),
    "GRU": Case("GRU(3, 4)", [(5, 2, 3)]),
    "GRU, two layers both ways": Case("GRU(3, 4, 2, bidirectional=True, batch_first=True)", [(2, 5, 3), (4, 2, 4)]),
    "GRU, no bias": Case("GRU(3, 4, bias=False)", [(5, 2, 3)]),
    "LSTMCell": Case("LSTMCell(3, 4)", [(2, 3), (2, 4), (2, 4)], _with_state),
    "LSTMCell, no state": Case("LSTMCell(3, 4, bias=False)", [(2, 3)]),
    "GRUCell": Case("GRUCell(3, 4)", [(2, 3), (2, 4)]),
    "GRUCell, no state": Case("GRUCell(3, 4, bias=False)", [(2, 3)]),
    "MultiheadAttention": Case("MultiheadAttention(6, 2)", [(4, 2, 6), (5, 2, 6), (5, 2, 6)]),
    "MultiheadAttention to itself": Case(
        "MultiheadAttention(6, 3, bias=False, batch_first=True)",
        [(2, 4, 6)],
        lambda layer, x: layer(x, x, x, average_attn_weights=False),
    ),
    "MultiheadAttention, masks": Case(
        "MultiheadAttention(6, 2, batch_first=True)",
        [(2, 4, 6), (2, 5, 6), (2, 5, 6), _forbidden(2, 5), _forbidden(4, 5)],
        lambda layer, q, k, v, padding, mask: layer(q, k, v, key_padding_mask=padding, attn_mask=mask),
    ),
    "MultiheadAttention, added mask": Case(
        "MultiheadAttention(6, 2)",
        [(4, 2, 6), (5, 2, 6), (4, 4, 5)],
        lambda layer, q, k, mask: layer(q, k, k, attn_mask=mask, need_weights=False)[:1],
    ),
    "MultiheadAttention of one sequence": Case("MultiheadAttention(6, 2)", [(4, 6), (5, 6), (5, 6)]),
    "LeakyReLU": Case("LeakyReLU(0.2, inplace=False)", [(3, 4)]),
    "ELU": Case("ELU(0.7)", [(3, 4)]),
    "GELU": Case("GELU(approximate='tanh')", [(3, 4)]),
    "SiLU": Case("SiLU()", [(3, 4)]),
    "Softplus": Case("Softplus(2.0)", [(3, 4)]),
    "Softmax": Case("Softmax(1)", [(3, 4)]),
    "activations": Case("Sequential(Tanh(), Linear(4, 3), Sigmoid(), Identity(), ReLU(), Dropout(0.0))", [(3, 4)]),
    "Upsample": Case("Upsample(scale_factor=2)", [(1, 2, 2, 3)]),
    "Upsample, bilinear": Case("Upsample(size=(5, 4), mode='bilinear', align_corners=True)", [(1, 2, 2, 3)]),
    "PixelShuffle": Case("Sequential(PixelShuffle(2), PixelUnshuffle(4))", [(1, 16, 2, 2)]),
    "Flatten": Case("Sequential(Flatten(), Linear(12, 4), Unflatten(1, (2, 2)), Flatten(0, 1))", [(2, 3, 2, 2)]),
    "MaxPool2d": Case("MaxPool2d(2)", [(1, 2, 4, 5)]),
    "AvgPool2d": Case("AvgPool2d(3, stride=2, padding=1)", [(1, 2, 4, 5)]),
    "AdaptiveAvgPool2d": Case("AdaptiveAvgPool2d((2, 3))", [(1, 2, 4, 5)]),
    "ModuleList in Sequential": Case(
        "Sequential(ModuleList([Linear(3, 4), Linear(4, 2)]), BatchNorm1d(2))",
        [(5, 3)],
        lambda net, x: net[1](net[0][1](net[0][0](x))),
    ),
    "PReLU": Case("PReLU()", [(3, 4)]),
    "PReLU of channels": Case("PReLU(3, init=-0.4)", [(2, 3, 2, 2)]),
    "PReLU of one axis": Case("PReLU()", [(4,)]),
    "LogSoftmax": Case("LogSoftmax(-1)", [(3, 4)]),
    "InstanceNorm1d": Case("InstanceNorm1d(3)", [(2, 3, 5)]),
    "InstanceNorm1d, affine, tracked": Case("InstanceNorm1d(3, affine=True, track_running_stats=True)", [(2, 3, 5)]),
    "InstanceNorm1d of one sequence": Case("InstanceNorm1d(3)", [(3, 5)]),
    "BatchNorm2d, no bias": Case("BatchNorm2d(3, bias=False)", [(4, 3, 2, 3)]),
    "InstanceNorm2d, affine, no bias": Case("InstanceNorm2d(3, affine=True, bias=False)", [(2, 3, 3, 4)]),
    "GroupNorm, no bias": Case("GroupNorm(2, 4, bias=False)", [(3, 4, 2, 3)]),
    "RNN": Case("RNN(3, 4)", [(5, 2, 3)]),
    "RNN, two layers both ways, relu": Case(
        "RNN(3, 4, 2, nonlinearity='relu', bidirectional=True, batch_first=True)", [(2, 5, 3), (4, 2, 4)]
    ),
    "RNN of one sequence, no bias": Case("RNN(3, 4, bias=False)", [(5, 3), (1, 4)]),
    "MaxPool1d": Case("MaxPool1d(3, stride=2, padding=1)", [(1, 2, 7)]),
    "MaxPool1d, dilated": Case("MaxPool1d((2,), stride=(1,), dilation=2, ceil_mode=True)", [(1, 2, 7)]),
    "AvgPool1d": Case("AvgPool1d(3, stride=2, padding=1, count_include_pad=False)", [(1, 2, 7)]),
    "ReflectionPad2d": Case("ReflectionPad2d((1, 2, 0, 1))", [(1, 2, 3, 4)]),
    "Upsample, linear": Case("Upsample(scale_factor=2, mode='linear', align_corners=False)", [(1, 2, 3)]),
    "Dropout2d": Case("Sequential(Dropout2d(0.0), Conv2d(2, 2, 1))", [(1, 2, 3, 2)]),
    "ModuleDict": Case(
        "ModuleDict({'b': Linear(3, 4), 'a': PReLU(4)})", [(5, 3)], lambda net, x: net["a"](net["b"](x))
    ),
}


def outputs_of(case, layer, inputs):
    """The outputs of a call as a flat list: (output, (h, c)) -> [output, h, c]."""
    found, pending = [], [case.call(layer, *inputs)]
    while pending:
        value = pending.pop(0)
        if isinstance(value, tuple | list):
            pending[:0] = value
        elif value is not None:
            found.append(value)
    return found


def upstream(shape):
    """The gradient of some scalar to each output: fixed, and not all ones."""
    return np.cos(0.7 * np.arange(np.prod(shape, dtype=int)) + 0.3).reshape(shape)

"""The nine workloads: what each is, the ratio it should reach, the data that all sides share, its matrix products.

Each `with_*.py` beside this file writes the same networks with one library; `speed.py` times them against each other.
The products are counted by hand, so that a time can be held against the least it could be: a step that did nothing but
multiply these matrices. `with_products.py` does just that.
"""

from dataclasses import dataclass

import numpy as np

VOCABULARY = 5000


@dataclass
class Layer:
    """The products of a layer as (count, m, k, n), each count times (m, k) @ (k, n)."""

    forward: list
    weight: list  # gradient of its weights
    input: list  # gradient of its input, which the first layer of a network seldom needs
    inside: list  # further products of the way back, such as those through time


def dense(m, k, n):
    """(m, k) @ (k, n): a linear layer, or a convolution with one row of its m for every window."""
    return Layer([(1, m, k, n)], [(1, n, m, k)], [(1, m, n, k)], [])


def lstm(steps, batch, inputs, hidden):
    """A product for each step, forward and back; the gradients of weights and inputs are one each over all steps."""
    gates = 4 * hidden
    return Layer(
        [(steps, batch, inputs + hidden, gates)],
        [(1, gates, steps * batch, inputs + hidden)],
        [(1, steps * batch, gates, inputs)],
        [(steps, batch, gates, hidden)],
    )


def _forward(net):
    return [p for layer in net for p in layer.forward]


def _back(net, weights, inputs):
    """Products of a backward pass: with the gradient of the weights or without, to the network's input or not."""
    first, rest = net[0], net[1:]
    products = [p for layer in net for p in layer.inside] + [p for layer in rest for p in layer.input]
    return products + (first.input if inputs else []) + [p for layer in net if weights for p in layer.weight]


def gan_step(g, d):
    """G once, D on real, generated and again generated samples; D learns from two of the passes, G through the third."""
    d_step = 2 * (_forward(d) + _back(d, weights=True, inputs=False))
    return _forward(g) + d_step + _forward(d) + _back(d, False, True) + _back(g, True, False)


def critic_step(d):
    """D learns from real and generated samples; in between, its slope (a way back), and the slope's gradient.

    Between piecewise linear layers that gradient costs another way forward and the weights' products.
    """
    two = 2 * (_forward(d) + _back(d, weights=True, inputs=False))
    return two + _forward(d) + _back(d, False, True) + _forward(d) + [p for layer in d for p in layer.weight]


def _mlp(batch, *sizes):
    return [dense(batch, k, n) for k, n in zip(sizes, sizes[1:])]


_dcgan_g = [dense(64, 64, 6272), dense(64 * 7 * 7, 128, 16 * 64), dense(64 * 14 * 14, 64, 16)]
_dcgan_d = [dense(64 * 14 * 14, 16, 64), dense(64 * 7 * 7, 16 * 64, 128), dense(64, 6272, 1)]
_wave_channels = [1, 32, 64, 128, 256]
_wave_convs = [
    dense(16 * 4096 // 4 ** (i + 1), 25 * c, o) for i, (c, o) in enumerate(zip(_wave_channels, _wave_channels[1:]))
]
_wave_d = [*_wave_convs, dense(16, 4096, 1)]
_wave_g = [dense(16, 100, 4096)] + [dense(layer.forward[0][1], o, c * 25) for layer, c, o in zip(
    reversed(_wave_convs), reversed(_wave_channels[:-1]), reversed(_wave_channels[1:]))]  # fmt: skip


def _recurrent(steps, batch, inputs, hidden, outputs):
    return [lstm(steps, batch, inputs, hidden), dense(steps * batch, hidden, outputs)]


_language = [lstm(20, 64, 32, 32), dense(20 * 64, 32, VOCABULARY)]


@dataclass
class Workload:
    """A workload: `target` is tinygan's time over PyTorch's at its best, one thread, with the BLAS as it comes."""

    title: str
    target: float
    shape: tuple  # of the real samples, or of the token numbers
    products: list  # (count, m, k, n) of a step

    def data(self):
        """The real samples, normal numbers; for a language model, tokens."""
        rng = np.random.default_rng(1)
        if "language" in self.title:
            return rng.integers(0, VOCABULARY, self.shape)
        return rng.standard_normal(self.shape, dtype=np.float32)

    def flops(self):
        """Multiplications and additions in the products of a step."""
        return sum(2 * count * m * k * n for count, m, k, n in self.products)


WORKLOADS = {
    "W1": Workload(
        "MLP GAN on 2-D points: batch 256, z 16, three hidden layers of 128",
        0.6, (256, 2), gan_step(_mlp(256, 16, 128, 128, 128, 2), _mlp(256, 2, 128, 128, 128, 1)),
    ),
    "W2": Workload(
        "DCGAN 28x28: batch 64, z 64, two convolutions of kernel 4 and stride 2 each way, batch norm",
        1.0, (64, 1, 28, 28), gan_step(_dcgan_g, _dcgan_d),
    ),
    "W3a": Workload(
        "LSTM G and D: batch 64, 64 steps, hidden 128, noise at every step",
        0.65, (64, 64, 1), gan_step(_recurrent(64, 64, 16, 128, 1), _recurrent(64, 64, 1, 128, 1)),
    ),
    "W3b": Workload(
        "LSTM G and D: batch 64, 30 steps, hidden 256, 5 values a step",
        0.8, (30, 64, 5), gan_step(_recurrent(30, 64, 16, 256, 5), _recurrent(30, 64, 5, 256, 1)),
    ),
    "W4a": Workload(
        "language-model step: vocabulary 5000, embedding 32, LSTM 32, 20 tokens, batch 64",
        0.6, (21, 64), _forward(_language) + _back(_language, weights=True, inputs=True),
    ),
    "W4b": Workload(
        "sampling from that language model, token by token",
        0.12, (21, 64), [(20, 64, 64, 128), (20, 64, 32, VOCABULARY)],
    ),
    "W5a": Workload(
        "WGAN-GP critic step on W1's critic, second order",
        0.7, (256, 2), critic_step(_mlp(256, 2, 128, 128, 128, 1)),
    ),
    "W5b": Workload(
        "WGAN-GP critic step on W2's critic without batch norm, second order",
        1.0, (64, 1, 28, 28), critic_step(_dcgan_d),
    ),
    "W6": Workload(
        "WaveGAN in one dimension: batch 16, length 4096, four convolutions of kernel 25 and stride 4 each way",
        0.95, (16, 1, 4096), gan_step(_wave_g, _wave_d),
    ),
}  # fmt: skip
QUICK = ("W1", "W2", "W3a")

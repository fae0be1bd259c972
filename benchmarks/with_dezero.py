"""The workloads in DeZero, where it can express them: W1, W2, W3a and W5a.

It cannot freeze D, so G's step differentiates all of D.
"""

from importlib.metadata import version

import numpy as np
from workloads import WORKLOADS

vars(np)["int"] = int  # DeZero 0.0.13 names np.int when imported, which NumPy 2 no longer has

import dezero.functions as F  # noqa: E402
import dezero.layers as L  # noqa: E402
from dezero import Model, Variable, optimizers  # noqa: E402

VERSION = version("dezero")


class Chance:
    """Where noise comes from."""

    rng = np.random.default_rng(0)

    def normal(self, *shape):
        """Normal numbers."""
        return self.rng.standard_normal(shape, dtype=np.float32)

    def uniform(self, *shape):
        """Numbers in [0, 1)."""
        return self.rng.random(shape, dtype=np.float32)


class Net(Model):
    """Layers and functions one after the other."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts
        for i, part in enumerate(parts):
            if isinstance(part, L.Layer):
                setattr(self, str(i), part)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Recurrent(Model):
    """An LSTM, step by step, and a linear map of its states: a list of (N, I) -> one (N, O) for each step, joined."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.lstm, self.head = L.LSTM(hidden, in_size=inputs), L.Linear(outputs, in_size=hidden)

    def __call__(self, sequence):  # not forward: DeZero keeps weak references to inputs, and a list allows none
        self.lstm.reset_state()
        return [self.head(self.lstm(x)) for x in sequence]


def _joined(losses):
    total = losses[0]
    for loss in losses[1:]:
        total = total + loss
    return total / len(losses)


def mlp(inputs, outputs, activation):
    sizes = (inputs, 128), (128, 128), (128, 128), (128, outputs)
    parts = [p for i, o in sizes for p in (L.Linear(o, in_size=i), activation)]
    return Net(*parts[:-1])


def dcgan_generator():
    return Net(
        L.Linear(6272, in_size=64), lambda x: F.reshape(x, (-1, 128, 7, 7)), L.BatchNorm(), F.relu,
        L.Deconv2d(64, 4, 2, 1, in_channels=128), L.BatchNorm(), F.relu,
        L.Deconv2d(1, 4, 2, 1, in_channels=64), F.tanh,
    )  # fmt: skip


def dcgan_discriminator():
    return Net(
        L.Conv2d(64, 4, 2, 1, in_channels=1), F.leaky_relu, L.Conv2d(128, 4, 2, 1, in_channels=64), L.BatchNorm(),
        F.leaky_relu, F.flatten, L.Linear(1, in_size=6272),
    )  # fmt: skip


def softplus(x):
    return F.log(1 + F.exp(x))


def gan(networks, real, noise, recurrent):
    G, D = networks["G"], networks["D"]
    g_optimizer = optimizers.Adam(2e-4, 0.5, 0.9).setup(G)
    d_optimizer = optimizers.Adam(2e-4, 0.5, 0.9).setup(D)

    def loss(logits, sign):
        if recurrent:
            return _joined([loss_of(x, sign) for x in logits])
        return loss_of(logits, sign)

    def loss_of(logits, sign):
        return F.sum(softplus(-sign * logits)) / logits.size

    def detached(fake):
        return [Variable(x.data) for x in fake] if recurrent else Variable(fake.data)

    def step():
        fake = G(noise())
        d_loss = loss(D(real), 1.0) + loss(D(detached(fake)), -1.0)
        D.cleargrads()
        d_loss.backward()
        d_optimizer.update()
        g_loss = loss(D(fake), 1.0)
        G.cleargrads()
        g_loss.backward()
        g_optimizer.update()
        return d_loss.data, g_loss.data

    return step


def wgan_gp(networks, real, chance):
    D = networks["D"]
    optimizer = optimizers.Adam(2e-4, 0.5, 0.9).setup(D)

    def step():
        fake = chance.normal(*real.shape)
        e = chance.uniform(len(real), 1)
        x = Variable(e * real + (1 - e) * fake)
        D.cleargrads()
        F.sum(D(x)).backward(create_graph=True)
        norm = F.sum(x.grad**2, axis=1) ** 0.5
        penalty = F.sum((norm - 1) ** 2) / len(real)
        D.cleargrads()
        loss = (F.sum(D(fake)) - F.sum(D(real))) / len(real) + 10 * penalty
        loss.backward()
        optimizer.update()
        return loss.data, penalty.data

    return step


def build(name, device):
    """(step, networks, chance): step() takes a training step and returns losses."""
    if name not in ("W1", "W2", "W3a", "W5a") or device != "cpu":
        raise ImportError(f"DeZero does not express {name} on this device")
    chance, real = Chance(), WORKLOADS[name].data()

    def leaky(x):
        return F.leaky_relu(x, 0.2)

    networks = {
        "W1": lambda: {"G": mlp(16, 2, F.relu), "D": mlp(2, 1, F.relu)},
        "W2": lambda: {"G": dcgan_generator(), "D": dcgan_discriminator()},
        "W3a": lambda: {"G": Recurrent(16, 128, 1), "D": Recurrent(1, 128, 1)},
        "W5a": lambda: {"D": mlp(2, 1, leaky)},
    }[name]()
    if name == "W5a":
        return wgan_gp(networks, real, chance), networks, chance
    shape = {"W1": (256, 16), "W2": (64, 64), "W3a": (64, 64, 16)}[name]
    return gan(networks, real, lambda: chance.normal(*shape), name == "W3a"), networks, chance


def load(networks, state):
    """Give the networks the weights of state, {"G.0.weight": array}, under PyTorch's names."""
    for part, network in networks.items():
        if isinstance(network, Recurrent):
            _load_recurrent(network, {k.removeprefix(part + "."): a for k, a in state.items() if k.startswith(part)})
            continue
        layers = [p for p in network.parts if isinstance(p, L.Layer)]
        names = [k.removesuffix(".weight") for k in state if k.startswith(part + ".") and k.endswith(".weight")]
        for layer, name in zip(layers, names, strict=True):
            weight, bias = state[name + ".weight"].copy(), state[name + ".bias"].copy()
            if isinstance(layer, L.BatchNorm):
                layer._init_params(weight[None])
                layer.gamma.data, layer.beta.data = weight, bias
            else:
                layer.W.data, layer.b.data = (weight.T.copy() if isinstance(layer, L.Linear) else weight), bias


def _load_recurrent(network, state):
    hidden = len(state["lstm.bias_ih_l0"]) // 4
    for place, gate in enumerate("ifuo"):  # PyTorch's order i, f, g, o; DeZero calls g u
        rows = slice(place * hidden, (place + 1) * hidden)
        x, h = getattr(network.lstm, f"x2{gate}"), getattr(network.lstm, f"h2{gate}")
        x.W.data = state["lstm.weight_ih_l0"][rows].T.copy()
        h.W.data = state["lstm.weight_hh_l0"][rows].T.copy()
        x.b.data = state["lstm.bias_ih_l0"][rows] + state["lstm.bias_hh_l0"][rows]
    network.head.W.data, network.head.b.data = state["head.weight"].T.copy(), state["head.bias"].copy()


def start_timing(chance, device):
    """Nothing to do."""


def set_threads(threads):
    """Told by the environment."""


def synchronize(device):
    """Nothing to wait for."""


def device_memory(device):
    """Nothing held."""
    return 0

"""The workloads in autograd, those it can express without convolutions and recurrent layers of its own: W1 and W5a."""

from importlib.metadata import version

import autograd.numpy as anp
import numpy as np
from autograd import grad, make_vjp
from workloads import WORKLOADS

VERSION = version("autograd")


class Chance:
    """Where noise comes from."""

    rng = np.random.default_rng(0)

    def normal(self, *shape):
        """Normal numbers."""
        return self.rng.standard_normal(shape, dtype=np.float32)

    def uniform(self, *shape):
        """Numbers in [0, 1)."""
        return self.rng.random(shape, dtype=np.float32)


def relu(x):
    return anp.maximum(x, np.float32(0))


def leaky(x):
    return anp.maximum(x, np.float32(0.2) * x)


def mlp(parameters, x, activation):
    for w, b in zip(parameters[:-2:2], parameters[1:-2:2]):
        x = activation(anp.dot(x, w) + b)
    return anp.dot(x, parameters[-2]) + parameters[-1]


def softplus(x):
    return anp.log1p(anp.exp(x))


def mean(x):
    return anp.sum(x) / x.size


class Adam:
    """As in autograd.misc.optimizers, for a list of arrays."""

    def __init__(self, parameters):
        self.m, self.v = ([np.zeros_like(p) for p in parameters] for _ in range(2))
        self.t = 0

    def step(self, parameters, gradients, lr=2e-4, b1=0.5, b2=0.9):
        """Parameters after a step."""
        self.t += 1
        for i, g in enumerate(gradients):
            self.m[i] = (1 - b1) * g + b1 * self.m[i]
            self.v[i] = (1 - b2) * g**2 + b2 * self.v[i]
            m, v = self.m[i] / (1 - b1**self.t), self.v[i] / (1 - b2**self.t)
            parameters[i] = parameters[i] - lr * m / (anp.sqrt(v) + 1e-8)


def gan(networks, real, noise):
    G, D = networks["G"], networks["D"]
    optimizers, losses = {}, [None, None]

    def d_loss(d, fake):
        losses[0] = mean(softplus(-mlp(d, real, relu))) + mean(softplus(mlp(d, fake, relu)))
        return losses[0]

    def g_loss(fake, d):
        losses[1] = mean(softplus(-mlp(d, fake, relu)))
        return losses[1]

    d_gradient, fake_gradient = grad(d_loss), grad(g_loss)

    def step():
        if not optimizers:
            optimizers.update(D=Adam(D), G=Adam(G))
        z = noise()
        to_g, fake = make_vjp(lambda g: mlp(g, z, relu))(G)
        optimizers["D"].step(D, d_gradient(D, fake))
        optimizers["G"].step(G, to_g(fake_gradient(fake, D)))
        return [loss._value for loss in losses]

    return step


def wgan_gp(networks, real, chance):
    D = networks["D"]
    slope = grad(lambda x, d: anp.sum(mlp(d, x, leaky)))
    losses = [None, None]

    def loss(d, fake, x):
        norm = anp.sqrt(anp.sum(slope(x, d) ** 2, axis=1))
        penalty = mean((norm - 1) ** 2)
        total = mean(mlp(d, fake, leaky)) - mean(mlp(d, real, leaky)) + 10 * penalty
        losses[:] = total, penalty
        return total

    gradient, optimizers = grad(loss), []

    def step():
        if not optimizers:
            optimizers.append(Adam(D))
        fake, e = chance.normal(*real.shape), chance.uniform(len(real), 1)
        optimizers[0].step(D, gradient(D, fake, e * real + (1 - e) * fake))
        return [loss._value for loss in losses]

    return step


def build(name, device):
    """(step, networks, chance): step() takes a training step and returns losses."""
    if name not in ("W1", "W5a") or device != "cpu":
        raise ImportError(f"autograd does not express {name} on this device")
    chance, real = Chance(), WORKLOADS[name].data()
    if name == "W5a":
        networks = {"D": []}
        return wgan_gp(networks, real, chance), networks, chance
    networks = {"G": [], "D": []}
    return gan(networks, real, lambda: chance.normal(256, 16)), networks, chance


def load(networks, state):
    """Give the networks the weights of state, {"G.0.weight": array}, under PyTorch's names."""
    for part, parameters in networks.items():
        parameters[:] = [a.T.copy() for k, a in state.items() if k.startswith(part + ".")]


def start_timing(chance, device):
    """Nothing to do."""


def set_threads(threads):
    """Told by the environment."""


def synchronize(device):
    """Nothing to wait for."""


def device_memory(device):
    """Nothing held."""
    return 0

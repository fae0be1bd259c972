"""The workloads in PyTorch, eager: as they are usually written, and (best=True) with what makes PyTorch faster.

At its best: Adam fused into one kernel, D's parameters frozen while G learns, images channels-last in memory (4 % of W2,
2 % of W5b), and glibc told to keep freed memory (by `speed.py`, through the environment). Everything else is the same.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from workloads import VOCABULARY, WORKLOADS

VERSION = torch.__version__


class Chance:
    """Where noise comes from: PyTorch's generator while timed, NumPy's while compared with the other libraries."""

    def __init__(self, device):
        self.device, self.rng = device, np.random.default_rng(0)

    def normal(self, *shape):
        """Normal numbers."""
        if self.rng is None:
            return torch.randn(shape, device=self.device)
        return torch.from_numpy(self.rng.standard_normal(shape, dtype=np.float32)).to(self.device)

    def uniform(self, *shape):
        """Numbers in [0, 1)."""
        if self.rng is None:
            return torch.rand(shape, device=self.device)
        return torch.from_numpy(self.rng.random(shape, dtype=np.float32)).to(self.device)

    def tokens(self, logits):
        """A token for each row (N, V): drawn while timed, the likeliest while compared."""
        if self.rng is None:
            return torch.multinomial(logits.softmax(-1), 1)[:, 0]
        return logits.argmax(-1)


def mlp(inputs, outputs, activation):
    return nn.Sequential(
        nn.Linear(inputs, 128), activation, nn.Linear(128, 128), activation, nn.Linear(128, 128), activation,
        nn.Linear(128, outputs),
    )  # fmt: skip


def dcgan_generator():
    return nn.Sequential(
        nn.Linear(64, 6272), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip


def dcgan_discriminator(batch_norm):
    return nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1), *[nn.BatchNorm2d(128)] * batch_norm, nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(6272, 1),
    )  # fmt: skip


class Recurrent(nn.Module):
    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.lstm, self.head = nn.LSTM(inputs, hidden), nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(VOCABULARY, 32), nn.LSTM(32, 32), nn.Linear(32, VOCABULARY)

    def forward(self, tokens):
        return self.head(self.lstm(self.embedding(tokens))[0])


class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.cell, self.head = (
            nn.Embedding(VOCABULARY, 32),
            nn.LSTMCell(32, 32),
            nn.Linear(32, VOCABULARY),
        )


def wave_generator():
    def up(inputs, outputs):
        return nn.ConvTranspose1d(inputs, outputs, 25, 4, padding=11, output_padding=1)

    return nn.Sequential(
        nn.Linear(100, 4096), nn.Unflatten(1, (256, 16)), nn.ReLU(),
        up(256, 128), nn.ReLU(), up(128, 64), nn.ReLU(), up(64, 32), nn.ReLU(), up(32, 1), nn.Tanh(),
    )  # fmt: skip


def wave_discriminator():
    def down(inputs, outputs):
        return nn.Conv1d(inputs, outputs, 25, 4, padding=11)

    return nn.Sequential(
        down(1, 32), nn.LeakyReLU(0.2), down(32, 64), nn.LeakyReLU(0.2), down(64, 128), nn.LeakyReLU(0.2),
        down(128, 256), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(4096, 1),
    )  # fmt: skip


def gan(networks, real, noise, adam, best):
    G, D = networks["G"], networks["D"]
    g_optimizer, d_optimizer = adam(G), adam(D)

    def loss(logits, target):
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))

    def step():
        fake = G(noise())
        d_optimizer.zero_grad()
        d_loss = loss(D(real), 1.0) + loss(D(fake.detach()), 0.0)
        d_loss.backward()
        d_optimizer.step()
        if best:
            D.requires_grad_(False)
        g_optimizer.zero_grad()
        g_loss = loss(D(fake), 1.0)
        g_loss.backward()
        g_optimizer.step()
        if best:
            D.requires_grad_(True)
        return d_loss, g_loss

    return step


def wgan_gp(networks, real, chance, adam):
    D = networks["D"]
    optimizer = adam(D)

    def step():
        fake = chance.normal(*real.shape)
        e = chance.uniform(len(real), *[1] * (real.dim() - 1))
        x = (e * real + (1 - e) * fake).requires_grad_(True)
        optimizer.zero_grad()
        (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        loss = D(fake).mean() - D(real).mean() + 10 * penalty
        loss.backward()
        optimizer.step()
        return loss, penalty

    return step


def language(networks, tokens, adam):
    model = networks["model"]
    optimizer = adam(model)

    def step():
        optimizer.zero_grad()
        logits = model(tokens[:-1])  # (20, 64, V)
        loss = F.cross_entropy(logits.view(-1, VOCABULARY), tokens[1:].reshape(-1))
        loss.backward()
        optimizer.step()
        return (loss,)

    return step


def sampling(networks, tokens, chance):
    model = networks["model"]

    @torch.no_grad()
    def step():
        token, h, c = tokens[0], torch.zeros(64, 32).to(tokens.device), torch.zeros(64, 32).to(tokens.device)
        written = []
        for _ in range(20):
            h, c = model.cell(model.embedding(token), (h, c))
            logits = model.head(h)  # (64, V)
            token = chance.tokens(logits)
            written.append(token)
        return torch.stack(written).float().mean(), logits.max()

    return step


def build(name, device, best=False, tf32=False):
    """(step, networks, chance): step() takes a training step and returns losses.

    tf32: let a GPU's products round their factors to 10 bits, as PyTorch's convolutions and LSTMs do by default.
    """
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    chance = Chance(device)
    real = torch.from_numpy(WORKLOADS[name].data()).to(device)

    def adam(network):
        return torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.9), fused=True if best else None)

    networks = {
        "W1": lambda: {"G": mlp(16, 2, nn.ReLU()), "D": mlp(2, 1, nn.ReLU())},
        "W2": lambda: {"G": dcgan_generator(), "D": dcgan_discriminator(True)},
        "W3a": lambda: {"G": Recurrent(16, 128, 1), "D": Recurrent(1, 128, 1)},
        "W3b": lambda: {"G": Recurrent(16, 256, 5), "D": Recurrent(5, 256, 1)},
        "W4a": lambda: {"model": LanguageModel()},
        "W4b": lambda: {"model": Writer()},
        "W5a": lambda: {"D": mlp(2, 1, nn.LeakyReLU(0.2))},
        "W5b": lambda: {"D": dcgan_discriminator(False)},
        "W6": lambda: {"G": wave_generator(), "D": wave_discriminator()},
    }[name]()
    for network in networks.values():
        network.to(device, memory_format=torch.channels_last if best else torch.preserve_format)
    noise = {"W1": (256, 16), "W2": (64, 64), "W3a": (64, 64, 16), "W3b": (30, 64, 16), "W6": (16, 100)}
    if name in noise:
        step = gan(networks, real, lambda: chance.normal(*noise[name]), adam, best)
    elif name == "W4a":
        step = language(networks, real, adam)
    elif name == "W4b":
        step = sampling(networks, real, chance)
    else:
        step = wgan_gp(networks, real, chance, adam)
    return step, networks, chance


def load(networks, state):
    """Give the networks the weights of state, {"G.0.weight": array}."""
    for part, network in networks.items():
        prefix = part + "."
        own = {k[len(prefix) :]: torch.from_numpy(a) for k, a in state.items() if k.startswith(prefix)}
        network.load_state_dict(own)


def start_timing(chance, device):
    """Comparison is over: from now on the library's own random numbers."""
    chance.rng = None
    torch.manual_seed(0)


def set_threads(threads):
    """How many threads a product may use."""
    torch.set_num_threads(threads)


def synchronize(device):
    """Wait for the GPU."""
    if device == "cuda":
        torch.cuda.synchronize()


def device_memory(device):
    """Peak bytes held on the GPU."""
    return torch.cuda.max_memory_allocated() if device == "cuda" else 0

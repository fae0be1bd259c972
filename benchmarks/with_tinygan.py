"""The workloads in tinygan, as a user would write them: layers, losses, `grad`, an optimiser.

Memory is set up as the library's own training sets it up, and what D recorded is let go of before G's turn. "as README
writes it", `readme=True`, does neither. With several processes each takes its share of the batch, and all take the mean of
their gradients.
"""

from functools import partial

import numpy as np
from workloads import VOCABULARY, WORKLOADS

import tinygan
from tinygan import Tensor, grad, no_grad, ops
from tinygan.distributed import DataParallel, average_gradients
from tinygan.gan.objectives import non_saturating, wasserstein
from tinygan.gan.penalties import one_centred
from tinygan.losses import linear_cross_entropy
from tinygan.nn import (
    LSTM,
    BatchNorm2d,
    Conv1d,
    Conv2d,
    ConvTranspose1d,
    ConvTranspose2d,
    Embedding,
    Flatten,
    LeakyReLU,
    Linear,
    LSTMCell,
    Module,
    ReLU,
    Sequential,
    Tanh,
    Unflatten,
)
from tinygan.optim import Adam
from tinygan.threads import prime_malloc

VERSION = tinygan.__version__


class Chance:
    """Where noise comes from."""

    def __init__(self, rank):
        self.rng, self.greedy, self.others = np.random.default_rng(rank), True, None

    def normal(self, *shape):
        """Normal numbers."""
        return self.rng.standard_normal(shape, dtype=np.float32)

    def uniform(self, *shape):
        """Numbers in [0, 1)."""
        return self.rng.random(shape, dtype=np.float32)

    def tokens(self, logits):
        """A token for each row (N, V): drawn while timed, the likeliest while compared."""
        return ops.argmax(logits, -1) if self.greedy else ops.categorical(logits, self.rng)


def mlp(inputs, outputs, activation):
    return Sequential(
        Linear(inputs, 128), activation, Linear(128, 128), activation, Linear(128, 128), activation,
        Linear(128, outputs),
    )  # fmt: skip


def dcgan_generator():
    return Sequential(
        Linear(64, 6272), Unflatten(1, (128, 7, 7)), BatchNorm2d(128), ReLU(),
        ConvTranspose2d(128, 64, 4, 2, 1), BatchNorm2d(64), ReLU(),
        ConvTranspose2d(64, 1, 4, 2, 1), Tanh(),
    )  # fmt: skip


def dcgan_discriminator(batch_norm):
    return Sequential(
        Conv2d(1, 64, 4, 2, 1), LeakyReLU(0.2),
        Conv2d(64, 128, 4, 2, 1), *[BatchNorm2d(128)] * batch_norm, LeakyReLU(0.2),
        Flatten(), Linear(6272, 1),
    )  # fmt: skip


class Recurrent(Module):
    def __init__(self, inputs, hidden, outputs):
        self.lstm, self.head = LSTM(inputs, hidden), Linear(hidden, outputs)

    def forward(self, x):
        return self.head(self.lstm(x)[0])


class LanguageModel(Module):
    def __init__(self):
        self.embedding, self.lstm, self.head = Embedding(VOCABULARY, 32), LSTM(32, 32), Linear(32, VOCABULARY)

    def forward(self, tokens):
        return self.lstm(self.embedding(tokens))[0]  # the head is the loss's


class Writer(Module):
    def __init__(self):
        self.embedding, self.cell, self.head = Embedding(VOCABULARY, 32), LSTMCell(32, 32), Linear(32, VOCABULARY)


def wave_generator():
    def up(inputs, outputs):
        return ConvTranspose1d(inputs, outputs, 25, 4, padding=11, output_padding=1)

    return Sequential(
        Linear(100, 4096), Unflatten(1, (256, 16)), ReLU(),
        up(256, 128), ReLU(), up(128, 64), ReLU(), up(64, 32), ReLU(), up(32, 1), Tanh(),
    )  # fmt: skip


def wave_discriminator():
    def down(inputs, outputs):
        return Conv1d(inputs, outputs, 25, 4, padding=11)

    return Sequential(
        down(1, 32), LeakyReLU(0.2), down(32, 64), LeakyReLU(0.2), down(64, 128), LeakyReLU(0.2),
        down(128, 256), LeakyReLU(0.2), Flatten(), Linear(4096, 1),
    )  # fmt: skip


def adam(network):
    return Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.9))


def gan(networks, real, noise):
    G, D = networks["G"], networks["D"]
    g_optimizer, d_optimizer = adam(G), adam(D)

    def step():
        fake = G(noise())
        d_loss = non_saturating.discriminator(D(real), D(fake.detach()))
        d_optimizer.step(average_gradients(grad(d_loss, d_optimizer.params)))
        d_loss = d_loss.detach()  # lets go of its graph
        g_loss = non_saturating.generator(None, D(fake))
        g_optimizer.step(average_gradients(grad(g_loss, g_optimizer.params)))
        return d_loss, g_loss

    return step


def wgan_gp(networks, real, chance, device):
    D = networks["D"]
    optimizer = adam(D)

    def step():
        fake = Tensor(chance.normal(*real.shape), device=device)
        e = Tensor(chance.uniform(len(real), *[1] * (real.ndim - 1)), device=device)
        x = Tensor((e * real + (1 - e) * fake).data, requires_grad=True)
        penalty = one_centred(D(x), x)
        loss = wasserstein.discriminator(D(real), D(fake)) + 10 * penalty
        optimizer.step(average_gradients(grad(loss, optimizer.params)))
        return loss, penalty

    return step


def gan_as_readme_writes_it(networks, real, noise):
    """`gan` without tuning: D's graph is held while G learns."""
    G, D = networks["G"], networks["D"]
    g_optimizer, d_optimizer = adam(G), adam(D)

    def step():
        fake = G(noise())
        d_loss = non_saturating.discriminator(D(real), D(fake.detach()))
        d_optimizer.step(grad(d_loss, D.parameters()))
        g_loss = non_saturating.generator(None, D(fake))
        g_optimizer.step(grad(g_loss, G.parameters()))
        return d_loss, g_loss

    return step


def in_a_for_loop(step):
    """Return `step` as a `for` loop calls it: the loop's variables hold the last step's losses, with their graphs."""

    def loop():
        while True:
            losses = step()
            yield losses

    return partial(next, loop())


def language(networks, tokens):
    model = networks["model"]
    optimizer, head = adam(model), model.head

    def step():
        hidden = model(tokens[:-1]).reshape(-1, 32)  # (20 * 64, 32)
        loss = linear_cross_entropy(hidden, head.weight, tokens[1:].reshape(-1), linear_bias=head.bias)
        optimizer.step(average_gradients(grad(loss, optimizer.params)))
        return (loss,)

    return step


def sampling(networks, tokens, chance):
    model = networks["model"]

    @no_grad()
    def step():
        token, state, written = tokens[0], None, []
        for _ in range(20):
            state = model.cell(model.embedding(token), state)
            logits = model.head(state[0])  # (64, V)
            token = chance.tokens(logits)
            written.append(token)
        return ops.stack(written).astype("float32").mean(), logits.amax()

    return step


def share(array, name, processes, rank):
    """The part of an array of all samples that a process has; sequences are (T, N, ...)."""
    return np.array_split(array, processes, axis=int(name in ("W3a", "W3b", "W4a")))[rank]


def train_along(name, processes, rank, weights):
    """What the other processes do: a step whenever the first takes one."""
    step, networks, _ = build(name, "cpu", processes, rank)
    load(networks, weights)
    while True:
        step()


def build(name, device, processes=1, rank=0, readme=False):
    """(step, networks, chance): step() takes a training step, on a share of the batch, and returns losses."""
    if name == "W4b" and processes > 1:
        raise ImportError("tinygan cannot express sampling as several processes' work: there are no gradients to share")
    if not readme:
        prime_malloc()  # as the library's own training loop does
    chance = Chance(rank)
    real = Tensor(share(WORKLOADS[name].data(), name, processes, rank), device=device)
    networks = {
        "W1": lambda: {"G": mlp(16, 2, ReLU()), "D": mlp(2, 1, ReLU())},
        "W2": lambda: {"G": dcgan_generator(), "D": dcgan_discriminator(True)},
        "W3a": lambda: {"G": Recurrent(16, 128, 1), "D": Recurrent(1, 128, 1)},
        "W3b": lambda: {"G": Recurrent(16, 256, 5), "D": Recurrent(5, 256, 1)},
        "W4a": lambda: {"model": LanguageModel()},
        "W4b": lambda: {"model": Writer()},
        "W5a": lambda: {"D": mlp(2, 1, LeakyReLU(0.2))},
        "W5b": lambda: {"D": dcgan_discriminator(False)},
        "W6": lambda: {"G": wave_generator(), "D": wave_discriminator()},
    }[name]()
    for network in networks.values():
        network.to(device)
    noise = {"W1": (256, 16), "W2": (64, 64), "W3a": (64, 64, 16), "W3b": (30, 64, 16), "W6": (16, 100)}
    if name in noise:
        shape = share(np.empty(noise[name]), name, processes, rank).shape
        make = gan_as_readme_writes_it if readme else gan
        step = make(networks, real, lambda: Tensor(chance.normal(*shape), device=device))
    elif name == "W4a":
        step = language(networks, real)
    elif name == "W4b":
        step = sampling(networks, real, chance)
    else:
        step = wgan_gp(networks, real, chance, device)
    step = in_a_for_loop(step) if readme else step
    others = range(1, processes) if rank == 0 else ()
    chance.others = lambda: [partial(train_along, name, processes, r, state(networks)) for r in others]
    return step, networks, chance


def load(networks, state):
    """Give the networks the weights of state, {"G.0.weight": array}, under PyTorch's names."""
    for part, network in networks.items():
        prefix = part + "."
        network.load_state_dict({k.removeprefix(prefix): a for k, a in state.items() if k.startswith(prefix)})


def state(networks):
    """The weights of the networks by name, as `load` takes them."""
    return {f"{part}.{key}": array for part, network in networks.items() for key, array in network.state_dict().items()}


def start_timing(chance, device):
    """Comparison is over: tokens are drawn from now on, and the other processes begin."""
    chance.greedy = False
    DataParallel(chance.others()).start()


def set_threads(threads):
    """Told by the environment: OPENBLAS_NUM_THREADS, TINYGAN_THREADS."""


def synchronize(device):
    """Wait for the GPU."""
    if device == "cuda":
        import cupy

        cupy.cuda.get_current_stream().synchronize()


def device_memory(device):
    """Peak bytes held on the GPU: the pool keeps what it was once given."""
    if device != "cuda":
        return 0
    import cupy

    return cupy.get_default_memory_pool().total_bytes()

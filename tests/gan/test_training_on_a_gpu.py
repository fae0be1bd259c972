"""Training on the GPU: whole networks, penalties, optimisers and the training step, as a GPU would run them.

Each test runs the same steps on NumPy and on a GPU's arrays, which takes the paths that CuPy takes, and compares.
"""

import numpy as np
import pytest
from gpu import GpuArray, moved, on_gpu

from tinygan import Tensor, grad, nn, ops, optim
from tinygan.backend import stream
from tinygan.gan.players import Batch
from tinygan.networks.rows import PictureJudge, RowWriter
from tinygan.recipes.pictures.digits import RowGame, Settings


def arrays_of(module):
    return [p.numpy() for p in module.parameters()] + [getattr(b, "get", lambda b=b: b)() for b in module.buffers()]


def assert_same(on_numpy, on_device, tolerance=2e-4):
    for a, b in zip(arrays_of(on_numpy), arrays_of(on_device), strict=True):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


def picture_network(rng):
    # no bias before batch norm: its gradient is 0, and Adam would take steps of its rounding error
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False, rng=rng),
        nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2),
        nn.Conv2d(4, 6, 4, stride=2, padding=1, rng=rng),
        nn.GroupNorm(2, 6),
        nn.SiLU(),
        nn.ConvTranspose2d(6, 2, 4, stride=2, padding=1, rng=rng),
        nn.AvgPool2d(2),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Flatten(),
        nn.Linear(2 * 8 * 8, 5, rng=rng),
        nn.LayerNorm(5),
        nn.Dropout(0.3, rng=np.random.default_rng(3)),
        nn.Linear(5, 1, rng=rng),
    )


OPTIMISERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3),
    "Adam": lambda p: optim.Adam(p, lr=0.01),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_network_with_every_kind_of_layer(name):
    def trained(make):
        network = moved(picture_network(np.random.default_rng(0)), make)
        optimiser = OPTIMISERS[name](network.parameters())
        for step in range(3):
            x = Tensor(make(np.random.default_rng(step).normal(size=(4, 1, 8, 8)).astype(np.float32)))
            loss = ops.mean(network(x) ** 2)
            grads = grad(loss, network.parameters())
            optimiser.step(optim.clip_gradients(grads, 1.0)[0] if step == 2 else grads)
        return network

    on_device = trained(on_gpu)
    assert all(isinstance(p.data, GpuArray) for p in on_device.parameters())
    assert_same(trained(lambda a: a), on_device)


SEQUENCES = {
    "LSTM": lambda rng: nn.LSTM(3, 4, num_layers=2, bidirectional=True, rng=rng),
    "GRU": lambda rng: nn.GRU(3, 4, rng=rng),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_recurrent_networks(name):
    def trained(make):
        network = moved(SEQUENCES[name](np.random.default_rng(0)), make)
        optimiser = optim.Adam(network.parameters(), lr=0.01)
        for step in range(2):
            x = Tensor(make(np.random.default_rng(step).normal(size=(5, 2, 3)).astype(np.float32)))
            outputs, _ = network(x)
            optimiser.step(grad(ops.sum(outputs**2), network.parameters()))
        return network

    assert_same(trained(lambda a: a), trained(on_gpu))


@pytest.mark.parametrize("objective", ["minimax", "relativistic"])
@pytest.mark.parametrize("context", [0, 2], ids=["picture alone", "with the states"])
def test_the_training_step_of_digits(objective, context):
    """Generator, discriminator, R1 + R2 and the moving average: three steps of the main recipe."""
    s = Settings(
        batch_size=4, hidden=6, noise=3, row_noise=2, features=7, context=context, objective=objective, penalty_every=1
    )

    def played(make):
        writer = moved(RowWriter(8, 8, s, np.random.default_rng(0)), make)
        judge = moved(PictureJudge(8, 8, [(3, 3, 1), (5, 4, 2)], s, np.random.default_rng(1)), make)

        class OnDevice(RowGame):
            def to_tensors(self, arrays):
                return tuple(Tensor(make(a)) for a in arrays)

        batch = lambda turn: Batch(make(stream(0, "real", turn).uniform(-1, 1, (4, 1, 8, 8)).astype(np.float32)))
        game = OnDevice(writer, judge, writer.spaces(), batch, s)
        return game, [game.step(step) for step in range(3)]

    (on_numpy, losses), (on_device, device_losses) = played(lambda a: a), played(on_gpu)
    for a, b in zip(losses, device_losses, strict=True):
        assert set(a) == {"d_loss", "g_loss", "penalty"}
        assert a == pytest.approx(b, rel=1e-3, abs=1e-4)
    for name in ("generator", "discriminator"):
        assert all(isinstance(p.data, GpuArray) for p in on_device.players[name].parameters)
        assert_same(on_numpy.players[name].module, on_device.players[name].module, 2e-3)
    assert_same(on_numpy.G.average.module, on_device.G.average.module, 2e-3)

"""The average of weights."""

import numpy as np
from gpu import on_gpu

from tinygan.nn import Conv2d, Dropout, Linear, Module, Parameter, Sequential
from tinygan.optim import EMA, SGD


class Counted(Module):
    def __init__(self):
        self.layers = Sequential(Linear(2, 3, rng=0), Conv2d(1, 1, 2, rng=1), Dropout(0.5))
        self.weight64 = Parameter(np.ones(2))
        self.register_buffer("count", np.zeros((), "int64"))


def test_ema():
    net = Counted()
    average = EMA(net, decay=0.9)
    expected = {name: p.data.copy() for name, p in net.named_parameters()}
    optimizer = SGD(net.layers.parameters(), lr=0.1)
    for k in range(5):
        optimizer.step([np.full(p.shape, k + 1.0, "float32") for p in optimizer.params])
        net.weight64.data = net.weight64.data + 1
        net.count = net.count + 1
        average.update(net)
        expected = {name: 0.9 * expected[name] + 0.1 * p.data for name, p in net.named_parameters()}
    for name, p in average.module.named_parameters():
        np.testing.assert_allclose(p.data, expected[name], rtol=1e-6, atol=1e-6)
        assert p.dtype == expected[name].dtype and not p.requires_grad
    assert average.module.count == 5 and not average.module.training and net.training
    assert all(p.requires_grad for p in net.parameters())
    assert set(average.state_dict()) == set(net.state_dict())
    other = EMA(net)
    other.load_state_dict(average.state_dict())
    other.decay = average.decay
    for one in (average, other):
        one.update(net)
    for a, b in zip(average.module.parameters(), other.module.parameters()):
        np.testing.assert_array_equal(a.data, b.data)


def test_decay_0_follows_and_decay_1_stays():
    net = Linear(2, 3, rng=0)
    follows, stays, between = (EMA(net, decay) for decay in (0, 0.5, 0.5))
    stays.decay = 1
    before = net.weight.data
    net.weight.data = before + 1
    for average in (follows, stays, between):
        average.update(net)
    for average, expected in ((follows, before + 1), (stays, before), (between, before + 0.5)):
        np.testing.assert_allclose(average.module.weight.data, expected, rtol=1e-6)


def test_ema_on_a_gpu():
    net = Linear(2, 3, rng=0)
    for p in net.parameters():
        p.data = on_gpu(p.data)
    average = EMA(net)
    average.update(net)

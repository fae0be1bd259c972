"""Learning-rate schedules: PyTorch's numbers, warm-up, resume."""

import copy
import pickle

import numpy as np
import pytest
from optim_problem import GOLDEN, made, problem

import tinygan.optim as optim
from tinygan.optim import SGD


@pytest.mark.parametrize("expression", GOLDEN["schedules"].tolist())
def test_schedule_is_torchs(expression):
    expected = GOLDEN["rates"][GOLDEN["schedules"].tolist().index(expression)]
    optimizer = SGD(problem(), lr=0.5)
    schedule = made(expression, optimizer=optimizer)
    counted = []
    for _ in expected:
        counted.append(optimizer.lr)
        schedule.step()
    np.testing.assert_allclose(counted, expected, rtol=1e-12, atol=1e-16)
    np.testing.assert_allclose([schedule(k) for k in range(len(expected))], expected, rtol=1e-12, atol=1e-16)


def test_warm_up():
    optimizer = SGD(problem(), lr=0.5)
    schedule = optim.WarmupLR(optimizer, 4, after=optim.CosineAnnealingLR(optimizer, 10))
    assert optimizer.lr == 0.125
    np.testing.assert_allclose([schedule(k) for k in range(5)], [0.125, 0.25, 0.375, 0.5, 0.5])
    assert schedule(9) == pytest.approx(0.25) and schedule(14) == pytest.approx(0)
    flat_after = optim.WarmupLR(SGD(problem(), lr=0.5), 2)
    assert [flat_after(k) for k in range(4)] == [0.25, 0.5, 0.5, 0.5]


def test_schedule_resumes():
    optimizer = SGD(problem(), lr=0.5)
    schedule = optim.StepLR(optimizer, 3)
    for _ in range(7):
        schedule.step()
    other = SGD(problem(), lr=0.1)
    resumed = optim.StepLR(other, 3)
    resumed.load_state_dict(schedule.state_dict())
    assert other.lr == optimizer.lr and resumed(100) == schedule(100)


@pytest.mark.parametrize(
    "make",
    [
        lambda o: optim.StepLR(o, 2),
        lambda o: optim.ExponentialLR(o, 0.9),
        lambda o: optim.LinearLR(o, 0.1),
        lambda o: optim.CosineAnnealingLR(o, 9),
        lambda o: optim.WarmupLR(o, 3, after=optim.CosineAnnealingLR(o, 9)),
    ],
)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_a_schedule_is_copied_and_pickled_with_its_optimiser(make, copied):
    schedule = make(SGD(problem(), lr=0.5))
    schedule.step()
    other = copied(schedule)
    other.step()
    assert other.optimizer is not schedule.optimizer and other.optimizer.lr == schedule(2) != schedule.optimizer.lr


@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "exponential"])
def test_beyond_the_end_the_share_stays_where_it_ended(shape):
    """A negative share would let the weights climb the gradient."""
    end = optim.share_left(10, 10, shape=shape)
    assert optim.share_left(9, 10, shape=shape) >= end >= 0
    assert [optim.share_left(k, 10, shape=shape) for k in (11, 15, 1000)] == [end] * 3

"""Penalties on D's slope against closed forms, where the slope is taken, and weights that are clipped.

`test_objectives.py` compares their values and gradients with PyTorch's.
"""

import numpy as np
import pytest

from tinygan import Tensor, nn, ops
from tinygan.gan.penalties import (
    PENALTIES,
    around,
    between,
    clip_weights,
    one_centred,
    squared_slopes,
    zero_centred,
)

# --- penalties -------------------------------------------------------------------------------------------------


def test_slopes_of_a_quadratic_form():
    rng = np.random.default_rng(1)
    a, x = rng.standard_normal((3, 3)), Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    verdicts = ops.sum((x @ Tensor(a)) * x, 1)
    expected = np.square(x.data @ (a + a.T)).sum(1)
    np.testing.assert_allclose(squared_slopes(verdicts, x).data, expected, rtol=1e-12)
    assert zero_centred(verdicts, x).item() == pytest.approx(expected.mean())
    assert one_centred(verdicts, x).item() == pytest.approx(np.square(np.sqrt(expected) - 1).mean())


def test_slopes_are_taken_per_sample_over_all_but_the_batch():
    rng = np.random.default_rng(2)
    w, x = rng.standard_normal((1, 2, 3, 3)), Tensor(rng.standard_normal((4, 2, 3, 3)), requires_grad=True)
    slopes = squared_slopes(ops.sum(x * Tensor(w), (1, 2, 3)), x)
    np.testing.assert_allclose(slopes.data, np.full(4, np.square(w).sum()), rtol=1e-12)


def test_no_samples_have_no_slopes():
    x = Tensor(np.zeros((0, 3)), requires_grad=True)
    assert squared_slopes(ops.sum(x * Tensor(np.ones(3)), 1), x).shape == (0,)


@pytest.mark.parametrize("penalty", [zero_centred, one_centred])
def test_gradient_of_a_penalty(penalty, assert_gradients):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4, 3))

    def f(w, v):
        samples = Tensor(x, requires_grad=True)
        return penalty(ops.tanh(samples @ w) @ v, samples)

    assert_gradients(f, rng.standard_normal((3, 5)), rng.standard_normal((5, 1)))


@pytest.mark.parametrize(
    "verdicts, samples, named",
    [
        (lambda x: ops.sum(x.detach(), 1), Tensor(np.ones((2, 3)), requires_grad=True), "with a history"),
        (lambda x: ops.sum(x, 1), Tensor(np.ones((2, 3))), "requires_grad=True"),
        (
            lambda x: ops.sum(Tensor(np.ones((2, 3)), requires_grad=True), 1),
            Tensor(np.ones((2, 3)), True),
            "these samples",
        ),
    ],
    ids=["detached", "no gradient asked", "other samples"],
)
def test_penalty_refuses_what_has_no_graph(verdicts, samples, named):
    with pytest.raises(ValueError, match=named):
        zero_centred(verdicts(samples), samples)


# --- where the slope is taken, weights that are clipped --------------------------------------------------------


def test_between_is_on_the_line_from_generated_to_real():
    rng = np.random.default_rng(0)
    x_real, x_fake = Tensor(np.ones((1000, 3, 2), np.float32)), Tensor(np.zeros((1000, 3, 2), np.float32))
    x = between(x_real, x_fake, rng)
    share = x.data[:, :1, :1]
    assert (x.data == share).all() and share.min() >= 0 and share.max() < 1 and x.requires_grad and x.op is None
    assert share.mean() == pytest.approx(0.5, abs=0.03) and share.std() == pytest.approx(12**-0.5, abs=0.02)
    with pytest.raises(ValueError, match="as many"):
        between(x_real, x_fake[:7], rng)


def test_around_is_half_a_standard_deviation_away():
    rng = np.random.default_rng(0)
    x_real = Tensor(rng.normal(5, 3, (500, 20)).astype(np.float32))
    noise = around(x_real, rng).data - x_real.data
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(1.5, rel=0.03) and noise.mean() == pytest.approx(0, abs=0.05)


def test_clipped_weights_keep_the_others():
    layer = nn.Linear(3, 2)
    layer.weight.data = np.array([[0.5, -0.5, 0.01], [0.0, 2.0, -0.02]], np.float32)
    clip_weights([layer.weight], 0.02)
    np.testing.assert_allclose(layer.weight.data, [[0.02, -0.02, 0.01], [0, 0.02, -0.02]], rtol=1e-6)
    assert layer.weight.dtype == np.float32


# --- by name -----------------------------------------------------------------------------------------------------


class Slopes:
    """A D whose slope is `of_real` at every real sample, `of_fake` at every generated one, `otherwise` at others."""

    def __init__(self, of_real, of_fake, otherwise):
        self.real, self.fake = (Tensor(np.zeros((4, 1)), requires_grad=True) for _ in range(2))
        self.slopes = {id(self.real): of_real, id(self.fake): of_fake}
        self.otherwise = otherwise

    def __call__(self, x):
        return x * self.slopes.get(id(x), self.otherwise)

    def penalty(self, name):
        verdicts = self(self.real), self(self.fake)
        rng = np.random.default_rng(0)
        return PENALTIES[name].value(self, self.real, verdicts[0], self.fake, verdicts[1], rng).item()


@pytest.mark.parametrize(
    "name, value",
    [("r1", 3**2 / 2), ("r2", 5**2 / 2), ("r1+r2", (3**2 + 5**2) / 2), ("wgan-gp", 6**2), ("dragan", 6**2)],
)
def test_each_penalty_takes_the_slope_where_it_says(name, value):
    assert Slopes(3, 5, 7).penalty(name) == pytest.approx(value)
    assert PENALTIES[name].target == (1 if name in ("wgan-gp", "dragan") else 0)

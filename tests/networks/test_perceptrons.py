"""Perceptrons for points: every setting does to the weights what its sentence says."""

from dataclasses import dataclass

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.gan.settings import PackSettings
from tinygan.networks.perceptrons import PerceptronSettings, point_discriminator, point_generator


@dataclass
class Settings(PerceptronSettings, PackSettings):
    """What both players read."""


def settings(**values):
    return Settings(**{"hidden": 6, "noise": 3, **values})


def layers_by_hand(x, weights, leak):
    """x through Linear and LeakyReLU in turn, and a last Linear."""
    *hidden, (w, b) = zip(weights[::2], weights[1::2])
    for weight, bias in hidden:
        x = x @ weight.T + bias
        x = np.where(x > 0, x, leak * x)
    return x @ w.T + b


def weights(module):
    return [p.numpy() for p in module.parameters()]


@pytest.mark.parametrize("more", [{}, {"layers": 1}, {"leak": 0.0}, {"reach": 4.0}, {"reach": 0.5, "leak": 0.1}], ids=str)
def test_players_are_their_equations(more):
    """G: reach times the network; D: the network of x / reach."""
    s = settings(**more)
    g, d = point_generator(s), point_discriminator(s)
    x = np.random.default_rng(0).standard_normal((20, 3)).astype("f")
    assert len(weights(g)) == len(weights(d)) == 2 * (s.layers + 1)
    np.testing.assert_allclose(g(Tensor(x)).numpy(), s.reach * layers_by_hand(x, weights(g), s.leak), atol=1e-5)
    np.testing.assert_allclose(
        d(Tensor(x[:, :2])).numpy(), layers_by_hand(x[:, :2] / s.reach, weights(d), s.leak), atol=1e-5
    )


def test_steepness_is_a_factor_on_ds_first_weights_and_their_biases():
    plain, steep = (weights(point_discriminator(settings(steepness=f))) for f in (1.0, 5.0))
    for k, (a, b) in enumerate(zip(plain, steep, strict=True)):
        np.testing.assert_allclose(b, 5 * a if k < 2 else a, rtol=1e-6)
    assert np.abs(plain[0]).max() > 0.1
    for a, b in zip(*(weights(point_generator(settings(steepness=f))) for f in (1.0, 5.0)), strict=True):
        np.testing.assert_array_equal(a, b)


def test_d_sees_waves_of_a_point_beside_it():
    more = {"frequencies": 500, "finest": 50.0, "point_size": 3.0, "wave_size": 0.5, "reach": 4.0}
    s = settings(**more)
    d = point_discriminator(s)
    ((name, frequencies),) = d.named_buffers()
    assert name.endswith("frequencies") and frequencies.shape == (2, 500)
    x = np.random.default_rng(0).standard_normal((20, 2)).astype("f")
    angles = x / 4 @ frequencies
    seen = np.concatenate([3 * x / 4, 0.5 * np.sin(angles), 0.5 * np.cos(angles)], 1)
    np.testing.assert_allclose(d(Tensor(x)).numpy(), layers_by_hand(seen, weights(d), s.leak), atol=1e-4)
    weight, bias = weights(d)[:2]
    assert 0.5 < np.abs(3 * weight[:, :2]).max() / np.abs(bias).max() < 2  # hidden units bend all over the plane
    sizes = np.log(np.linalg.norm(frequencies, axis=0))  # of a normal pair: about its size; evenly from log 1 to log 50
    np.testing.assert_allclose(np.quantile(sizes, [0.1, 0.5, 0.9]), np.log(50) * np.array([0.1, 0.5, 0.9]), atol=0.45)
    np.testing.assert_array_equal(frequencies, point_discriminator(settings(**more, leak=0.1)).named_buffers()[0][1])
    with pytest.raises(ValueError, match="finest=50.0: .* with frequencies"):
        settings(finest=50.0)


def test_first_weights_for_the_code_have_size_1_and_those_for_z_their_share():
    first = weights(point_generator(settings(codes=7, noise_share=0.05, hidden=500)))[0]
    assert first.shape == (500, 10)
    z, code = first[:, :3], first[:, 3:]
    for part, size in ((z, 0.05), (code, 1.0)):
        assert 0.97 * size < part.max() <= size and -0.97 * size > part.min() >= -size
        assert part.std() == pytest.approx(size / np.sqrt(3), rel=0.05)
    without = weights(point_generator(settings(hidden=500)))[0]
    assert without.shape == (500, 3) and np.abs(without).max() <= 1 / np.sqrt(3) + 1e-6


def test_code_says_where_a_point_is_and_z_only_where_near_it():
    g = point_generator(settings(codes=7, noise_share=0.05, hidden=64))
    rng = np.random.default_rng(0)
    z = rng.standard_normal((7, 50, 3)).astype("f")
    code = np.broadcast_to(np.eye(7, dtype="f")[:, None], (7, 50, 7))
    points = g(Tensor(np.concatenate([z, code], 2).reshape(350, 10))).numpy().reshape(7, 50, 2)
    assert points.std(1).mean() < 0.5 * points.mean(1).std(0).mean()


def test_d_sees_packs_and_the_spread_of_groups():
    packs = point_discriminator(settings(packing=3, batch_size=60))
    assert weights(packs)[0].shape == (6, 6) and packs(Tensor(np.ones((4, 6), "f"))).shape == (4, 1)
    d = point_discriminator(settings(spread_of=4))
    assert weights(d)[-2].shape == (1, 7)
    alike, apart = np.ones((4, 2), "f"), np.array([[1, 1], [1, 1], [1, 1], [9, 9]], "f")
    verdict = lambda x: d(Tensor(x)).numpy()[0, 0]
    assert verdict(alike) != verdict(apart)  # of the same first point


def test_sparse_code_stands_before_gs_last_layer():
    g, plain = point_generator(settings(sparsity=0.1)), point_generator(settings())
    x = np.random.default_rng(0).standard_normal((20, 3)).astype("f")
    *hidden, w, b = weights(plain)
    before = layers_by_hand(x, [*hidden, np.eye(6), np.zeros(6)], 0.2)
    np.testing.assert_allclose(g(Tensor(x)).numpy(), np.maximum(before, 0) @ w.T + b, atol=1e-5)


def test_a_seed_is_a_pair_of_players():
    for make in (point_generator, point_discriminator):
        first, again, other = (weights(make(settings(seed=seed)))[0] for seed in (0, 0, 1))
        assert (first == again).all() and (first != other).all()

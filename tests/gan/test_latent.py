"""Latent spaces: what is drawn has the moments it should have, and what lies between draws too."""

import numpy as np
import pytest
from scipy import stats

from tinygan import Tensor, nn, ops, recipes
from tinygan.gan.latent import (
    SPACES,
    Between,
    Categorical,
    Joined,
    LatentPath,
    Mixture,
    Normal,
    SparseCode,
    Sphere,
    Truncated,
    Uniform,
    shrunk,
    sparse_code,
)

N = 20_000
draw = lambda space, n=N, seed=0: space.sample(np.random.default_rng(seed), n)


class Within:
    """A space under truncation."""

    def __init__(self, space, truncation):
        self.space, self.truncation = space, truncation

    def sample(self, rng, n):
        return self.space.sample(Truncated(rng, self.truncation), n)


# --- spaces ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space",
    [*(make(3) for make in SPACES.values()), Joined(Normal(2), Categorical(4)), Mixture([Normal(2), Uniform(2)])],
    ids=lambda space: type(space).__name__,
)
def test_a_space_is_a_function_of_its_generator(space):
    z = draw(space, 50)
    assert z.shape == (50, space.size) and z.dtype == np.float32
    np.testing.assert_array_equal(z, draw(space, 50))
    assert (z != draw(space, 50, seed=1)).any()
    assert draw(space, 0).shape == (0, space.size)


@pytest.mark.parametrize(
    "space, distribution",
    [
        (Normal(2), stats.norm()),
        (Within(Normal(2), 0.8), stats.truncnorm(-0.8, 0.8)),
        (Uniform(2), stats.uniform(-1, 2)),
        (Uniform(2, 3, 7), stats.uniform(3, 4)),
    ],
    ids=["normal", "truncated", "box", "another box"],
)
def test_numbers_are_distributed_as_they_should_be(space, distribution):
    z = draw(space)
    assert all(stats.kstest(z[:, k], distribution.cdf).pvalue > 1e-3 for k in range(2))
    assert abs(np.corrcoef(z.T)[0, 1]) < 4 / np.sqrt(N)


def test_sphere_is_uniform():
    z = draw(Sphere(5, radius=2.0)) / 2
    np.testing.assert_allclose(np.linalg.norm(z, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(z.mean(0), 0, atol=4 * np.sqrt(1 / 5 / N))
    np.testing.assert_allclose((z**2).mean(0), 1 / 5, rtol=0.03)
    np.testing.assert_allclose((z**4).mean(0), 3 / 35, rtol=0.06)  # 3 / (d (d + 2))


def test_categorical_shares_and_multinomial_counts():
    p = np.array([0.1, 0.2, 0.7])
    z = draw(Categorical(3, p))
    assert set(np.unique(z)) == {0, 1} and (z.sum(1) == 1).all()
    assert stats.chisquare(z.sum(0), N * p).pvalue > 1e-3
    counts = draw(Categorical(3, p, draws=10))
    assert (counts.sum(1) == 10).all()
    np.testing.assert_allclose(counts.mean(0), 10 * p, rtol=0.03)
    np.testing.assert_allclose(counts.var(0), 10 * p * (1 - p), rtol=0.05)


def test_joined_spaces_are_independent_and_come_apart_again():
    space = Joined(Normal(2), Categorical(3), Uniform(1))
    z = draw(space)
    normal, one_hot, box = space.split(z)
    assert (one_hot.sum(1) == 1).all() and np.abs(box).max() <= 1 and normal.shape == (N, 2)
    np.testing.assert_array_equal(np.concatenate([normal, one_hot, box], 1), z)
    assert np.abs(np.corrcoef(np.concatenate([normal, one_hot[:, :2], box], 1).T)[:2, 2:]).max() < 4 / np.sqrt(N)
    assert [part.shape for part in space.split(Tensor(z))] == [(N, 2), (N, 3), (N, 1)]


def test_mixture_takes_each_space_as_often_as_it_is_told():
    space = Mixture([Uniform(1), Uniform(1, 0, 2)], [0.25, 0.75], centres=[[-10.0], [10.0]])
    z = draw(space)[:, 0]
    low = z < 0
    assert low.mean() == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / N))
    assert z[low].mean() == pytest.approx(-10, abs=0.05) and z[~low].mean() == pytest.approx(11, abs=0.05)
    assert -11 <= z[low].min() and z[low].max() <= -9 and 10 <= z[~low].min() and z[~low].max() <= 12


@pytest.mark.parametrize(
    "make, reason",
    [
        (lambda: Normal(0), "at least 1 number"),
        (lambda: Truncated(None, 0), "expected .01 or more"),
        (lambda: Uniform(2, 1, 1), "low < high"),
        (lambda: Sphere(2, -1), "more than 0"),
        (lambda: Categorical(3, [0.5, 0.5]), "expected 3"),
        (lambda: Categorical(2, [0.5, 0.6]), "sum to 1"),
        (lambda: Categorical(2, draws=0), "at least 1"),
        (lambda: Joined(), "no spaces"),
        (lambda: Mixture([Normal(2), Normal(3)]), "one size"),
        (lambda: Mixture([Normal(2)], centres=[[0.0]]), "a point for each space"),
    ],
)
def test_impossible_spaces_are_refused(make, reason):
    with pytest.raises(ValueError, match=reason):
        make()


# --- with weights of their own ---------------------------------------------------------------------------------


def test_a_sparse_code_keeps_what_it_gave():
    layers = nn.Sequential(nn.Linear(2, 3, rng=0), SparseCode(), nn.Linear(3, 1, rng=0))
    x = Tensor(np.random.default_rng(0).standard_normal((4, 2)))
    layers(x)
    np.testing.assert_array_equal(sparse_code(layers).data, np.maximum(layers[0](x).data, 0))


def test_a_path_is_the_gru_unrolled_by_hand():
    rng = np.random.default_rng(1)
    make = LatentPath(3, 2, 5, rng=0)
    z, noise = (rng.standard_normal(shape).astype("float32") for shape in ((4, 3), (4, 6, 2)))
    path = make(Tensor(z), Tensor(noise)).data
    assert path.shape == (4, 6, 5)
    h = ops.tanh(make.begin(Tensor(z)))
    for t in range(6):
        x = Tensor(np.concatenate([noise[:, t], z], 1))
        weights = (getattr(make.gru, f"{kind}_l0") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        h = ops.gru_cell(x, h, *weights)
        np.testing.assert_allclose(path[:, t], h.data, atol=1e-6)


# --- on the way ------------------------------------------------------------------------------------------------

between = lambda t: Between(*(np.random.default_rng(seed) for seed in (1, 2)), t, np.random.default_rng(3))


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_what_lies_between_normal_draws_is_normal(t):
    z = between(t).standard_normal(N)
    assert stats.kstest(z, stats.norm.cdf).pvalue > 1e-3
    ends = [np.random.default_rng(seed).standard_normal(N) for seed in (1, 2)]
    np.testing.assert_allclose(z, np.cos(t * np.pi / 2) * ends[0] + np.sin(t * np.pi / 2) * ends[1])
    u = between(t).uniform(-1, 1, (5, 2))
    a, b = (np.random.default_rng(seed).uniform(-1, 1, (5, 2)) for seed in (1, 2))
    np.testing.assert_allclose(u, a + t * (b - a))
    np.testing.assert_array_equal(between(t).integers(9, size=50), np.random.default_rng(3).integers(9, size=50))
    z = between(t).standard_normal((3, 2), dtype="float32")
    assert z.dtype == np.float32


@pytest.mark.parametrize(
    "space", [Joined(Normal(2), Categorical(4)), Uniform(3), Sphere(3)], ids=lambda s: type(s).__name__
)
def test_every_space_can_be_walked_through_without_a_jump(space):
    path = np.stack([space.sample(between(t), 20) for t in np.linspace(0, 1, 101)])
    assert np.abs(np.diff(path, axis=0)).max() < 0.2 and (path[0] != path[-1]).any()


def test_a_games_walk_comes_home():
    ring = recipes.load("ring")
    game = ring.make_game(ring.Settings(hidden=8))
    first, middle, last = game.walk(5, 0, (0, 1.5, 3), stops=3)
    np.testing.assert_array_equal(first, last)
    assert (first != middle).any()
    (other,) = game.walk(5, 0, [1.5001], stops=3)
    assert 0 < np.abs(other - middle).max() < 0.01


def test_truncation_narrows():
    c = 0.8
    variance = 1 - 2 * c * stats.norm.pdf(c) / (2 * stats.norm.cdf(c) - 1)
    assert draw(Within(Normal(3), c)).var() == pytest.approx(variance, rel=0.02)
    np.testing.assert_allclose(shrunk(np.array([4.0, 2.0]), 0.5, centre=2.0), [3, 2])

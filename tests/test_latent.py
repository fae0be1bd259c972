"""Latent spaces: what is drawn has the moments it should have, and interpolation its closed form."""

import numpy as np
import pytest
from scipy import stats

from tinygan import Tensor
from tinygan.gan.latent import (
    SPACES,
    Categorical,
    Joined,
    Mixture,
    Normal,
    Sphere,
    Uniform,
    lerp,
    shrunk,
    slerp,
    walk,
)

N = 20_000
draw = lambda space, n=N, seed=0: space.sample(np.random.default_rng(seed), n)

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
        (Normal(2, truncation=0.8), stats.truncnorm(-0.8, 0.8)),
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
        (lambda: Normal(2, truncation=0), "expected .01 or more"),
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


# --- from point to point ---------------------------------------------------------------------------------------

T = np.linspace(0, 1, 9)[:, None]


def test_lerp_is_a_line():
    np.testing.assert_allclose(lerp(np.array([0.0, 2.0]), np.array([4.0, 0.0]), T), np.c_[4 * T, 2 - 2 * T])


@pytest.mark.parametrize("angle", [1e-9, 1e-4, 0.3, np.pi / 2, 3.0])
def test_slerp_goes_round_the_circle_at_constant_speed(angle):
    a, b = np.array([1.0, 0.0]), np.array([np.cos(angle), np.sin(angle)])
    expected = np.c_[np.cos(T * angle), np.sin(T * angle)]
    np.testing.assert_allclose(slerp(a, b, T), expected, atol=1e-12)


def test_slerp_stays_on_the_sphere_row_by_row():
    a, b = (draw(Sphere(7, 3.0), 100, seed).astype(np.float64) for seed in (1, 2))
    middle = slerp(a, b, 0.3)
    np.testing.assert_allclose(np.linalg.norm(middle, axis=1), 3, rtol=1e-6)
    np.testing.assert_allclose(slerp(a, b, 0.0), a, atol=1e-12)
    np.testing.assert_allclose(slerp(a, b, 1.0), b, atol=1e-12)
    np.testing.assert_allclose(slerp(a, b, 0.3), slerp(b, a, 0.7), atol=1e-12)
    assert slerp(a.astype("float32"), b.astype("float32"), 0.3).dtype == np.float32


def test_slerp_of_opposite_points_is_refused():
    with pytest.raises(ValueError, match="no shortest arc"):
        slerp(np.array([1.0, 0.0]), np.array([-1.0, 0.0]), 0.5)


def test_truncation_narrows():
    c = 0.8
    variance = 1 - 2 * c * stats.norm.pdf(c) / (2 * stats.norm.cdf(c) - 1)
    assert draw(Normal(3, truncation=c)).var() == pytest.approx(variance, rel=0.02)
    np.testing.assert_allclose(shrunk(np.array([4.0, 2.0]), 0.5, centre=2.0), [3, 2])


def test_walk_passes_its_points_and_comes_home():
    points = draw(Normal(4), 3)
    path = walk(points, 5)
    assert path.shape == (15, 4) and path.dtype == np.float32
    np.testing.assert_allclose(path[::5], points, atol=1e-6)
    np.testing.assert_allclose(walk(points, 2, lerp)[5], (points[2] + points[0]) / 2, atol=1e-6)

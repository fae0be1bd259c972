"""Latent spaces: what is drawn has the moments it should have, and what lies between draws too."""

import numpy as np
import pytest
from scipy import stats

from tinygan import Tensor, nn, ops
from tinygan.gan.latent import (
    SPACES,
    Categorical,
    Joined,
    LatentPath,
    Mixture,
    Normal,
    SparseCode,
    Sphere,
    Tokens,
    Uniform,
    draw_each,
    slerp,
    sparse_code,
)

N = 20_000
draw = lambda space, n=N, seed=0: space.sample(np.random.default_rng(seed), n)


class Within:
    """A space under truncation."""

    def __init__(self, space, truncation):
        self.space, self.truncation = space, truncation

    def sample(self, rng, n):
        return self.space.sample(rng, n, self.truncation)


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
        (lambda: Normal(-1), "at least 0 numbers"),
        (lambda: draw(Within(Normal(1), 0.001)), "expected .01 or more"),
        (lambda: draw(Within(Normal(1), float("nan"))), "expected .01 or more"),
        (lambda: Uniform(0), "at least 1 number"),
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


# --- truncation --------------------------------------------------------------------------------------------------


def test_truncation_narrows_what_is_normal_and_leaves_the_rest():
    c = 0.8
    variance = 1 - 2 * c * stats.norm.pdf(c) / (2 * stats.norm.cdf(c) - 1)
    z = draw(Within(Normal(3), c))
    assert z.var() == pytest.approx(variance, rel=0.02) and np.abs(z).max() <= c and z.dtype == np.float32
    normal, box = Normal(2), Uniform(2)
    assert [space.truncates for space in (normal, box, Joined(normal, box), Joined(box))] == [True, False, True, False]
    near, far = Joined(normal, box).split(draw(Within(Joined(normal, box), c)))
    assert np.abs(near).max() <= c < 0.99 < np.abs(far).max()
    near, far = draw_each((normal, box), np.random.default_rng(0), N, c)
    assert np.abs(near).max() <= c < 0.99 < np.abs(far).max()


def test_a_truncation_that_cuts_nothing_changes_nothing():
    np.testing.assert_array_equal(draw(Within(Normal(3), 9.0)), draw(Normal(3)))


# --- a point of each space, at every step ------------------------------------------------------------------------


def test_spaces_that_are_drawn_anew_at_every_step():
    z = draw(Normal(2, steps=5), 7)
    assert z.shape == (5, 7, 2) and len(np.unique(z)) == z.size
    tokens = draw(Tokens(9, 50), 40)
    assert tokens.shape == (50, 40) and tokens.dtype.kind == "i" and set(np.unique(tokens)) == set(range(9))
    assert draw(Normal(0), 7).shape == (7, 0)


def test_each_space_is_drawn_in_turn_from_one_generator():
    rng = np.random.default_rng(5)
    expected = [Normal(2).sample(rng, 4), Uniform(1).sample(rng, 4)]
    for found, wanted in zip(draw_each((Normal(2), Uniform(1)), np.random.default_rng(5), 4), expected, strict=True):
        np.testing.assert_array_equal(found, wanted)


# --- on the way --------------------------------------------------------------------------------------------------


def ends(space, n=N):
    """Points at both ends of a way, and the points that are taken if there is no way."""
    return draw(space, n, seed=1), draw(space, n, seed=2), draw(space, n, seed=3)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_what_lies_between_normal_points_is_normal(t):
    a, b, fixed = ends(Normal(1))
    z = Normal(1).between(a, b, t, fixed)
    assert stats.kstest(z[:, 0], stats.norm.cdf).pvalue > 1e-3 and z.dtype == np.float32
    np.testing.assert_allclose(z, np.cos(t * np.pi / 2) * a + np.sin(t * np.pi / 2) * b, atol=1e-6)


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0])
def test_what_lies_between_others(t):
    a, b, fixed = ends(Uniform(2), 5)
    np.testing.assert_allclose(Uniform(2).between(a, b, t, fixed), a + t * (b - a), atol=1e-6)
    for space in (Categorical(4), Tokens(9, 6), Mixture([Normal(2)] * 2)):
        *way, fixed = ends(space, 50)
        np.testing.assert_array_equal(space.between(*way, t, fixed), fixed)
    a, b, fixed = ends(Sphere(3, radius=2.0), 50)
    way = Sphere(3, radius=2.0).between(a, b, t, fixed)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), 2, rtol=1e-5)
    np.testing.assert_allclose(way, slerp(a, b, t))


def test_slerp_is_the_great_arc():
    a, b = np.array([[1.0, 0], [2, 0], [1, 1]]), np.array([[0.0, 1], [0, 4], [1, 1]])
    half = slerp(a, b, 0.5)
    np.testing.assert_allclose(half, [[0.5**0.5, 0.5**0.5], [3 * 0.5**0.5, 3 * 0.5**0.5], [1, 1]])
    np.testing.assert_allclose(slerp(a, b, 0), a, atol=1e-12)
    np.testing.assert_allclose(slerp(a, b, 1), b, atol=1e-12)
    third = slerp(a, b, 1 / 3)[0]
    np.testing.assert_allclose(third, [np.cos(np.pi / 6), np.sin(np.pi / 6)])
    assert np.isfinite(slerp(a, -a, 0.5)).all() and np.isfinite(slerp(a * 0, b, 0.5)).all()
    z, w = np.random.default_rng(0).standard_normal((2, 5, 100))
    lengths = np.linalg.norm(slerp(z, w, 0.5), axis=1)
    np.testing.assert_allclose(lengths, (np.linalg.norm(z, axis=1) + np.linalg.norm(w, axis=1)) / 2)


def test_what_lies_between_joined_points_is_that_of_each_part():
    space = Joined(Normal(2), Categorical(4), Uniform(1))
    a, b, fixed = ends(space, 20)
    parts = space.split(space.between(a, b, 0.3, fixed))
    for part, one, p, q, r in zip(parts, space.spaces, *map(space.split, (a, b, fixed)), strict=True):
        np.testing.assert_array_equal(part, one.between(p, q, 0.3, r))


@pytest.mark.parametrize(
    "space", [Joined(Normal(2), Categorical(4)), Uniform(3), Sphere(3)], ids=lambda s: type(s).__name__
)
def test_every_space_can_be_walked_through_without_a_jump(space):
    a, b, fixed = ends(space, 20)
    path = np.stack([space.between(a, b, t, fixed) for t in np.linspace(0, 1, 101)])
    assert np.abs(np.diff(path, axis=0)).max() < 0.2 and (path[0] != path[-1]).any()


def test_what_has_no_number_cannot_be_truncated():
    assert Normal(1).truncates and not Normal(0).truncates and not Normal(0, steps=3).truncates
    assert not Joined(Normal(0), Uniform(2)).truncates
    assert Normal(0).sample(np.random.default_rng(0), 3).shape == (3, 0)

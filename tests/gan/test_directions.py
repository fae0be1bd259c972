"""Principal directions and shares of variance, against linear generators, whose answers are known."""

import numpy as np
import pytest
from point_games import Settings
from small_runs import small_game

from tinygan import Tensor, nn, ops
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.classes import ClassGame
from tinygan.gan.directions import Walks, can_walk, find_directions
from tinygan.gan.latent import Categorical, Joined, Mixture, Normal, Sphere, Tokens, Uniform
from tinygan.gan.players import Batch
from tinygan.gan.shares import Share, find_shares

RNG = np.random.default_rng


class Sum(nn.Module):
    """G(x_1, x_2, ...) = Σ W_i x_i; of a space with steps, Σ_t W_t z_t, where step t of the sample is W_t z_t alone."""

    def __init__(self, weights, squared=False):
        self.weights = nn.ModuleList(linear(w) for w in weights)
        self.squared = squared

    def forward(self, *z):
        parts = [w(x) for w, x in zip(self.weights, z)]
        total = parts[0]
        for part in parts[1:]:
            total = total * part if self.squared else total + part
        return total


def linear(weight):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data[:] = weight
    return layer


class Formula(nn.Module):
    """G that is a function of its latents alone; the weight is not used."""

    def __init__(self, function):
        self.function, self.unused = function, nn.Parameter(np.zeros(1, "f"))

    def forward(self, *z):
        return self.function(*z)


def game_of(generator, spaces, kind=FromNoise, **more):
    return kind(generator, nn.Linear(1, 1), spaces, lambda turn: Batch(np.zeros((4, 1), "f")), Settings(), **more)


def test_directions_of_a_linear_generator_are_its_singular_vectors():
    w = RNG(0).standard_normal((9, 4)) @ np.diag([5, 3, 2, 1])
    _, sizes, vectors = np.linalg.svd(w)
    walks = Walks(game_of(linear(w), [Normal(4)]), 3)
    steps, shares = walks.directions
    np.testing.assert_allclose(np.abs(steps @ vectors[:3].T), np.eye(3), atol=0.08)
    np.testing.assert_allclose(shares, (sizes**2 / (sizes**2).sum())[:3], atol=0.02)
    assert (steps[np.arange(3), np.abs(steps).argmax(1)] > 0).all()
    amounts = [-2, 0, 1]
    made = walks.along(1, 7, amounts)
    assert made.shape == (3, 9)
    np.testing.assert_allclose(made - made[1], np.outer(amounts, w @ steps[1]), atol=1e-4)
    np.testing.assert_allclose(made[1], w @ walks.z[0][7], atol=1e-5)


def test_many_features_give_what_few_do():
    """Of more features than points, the products of points are looked at instead: the same components."""
    rng = RNG(0)
    z = rng.standard_normal((40, 3)) * [3, 2, 1]
    turn = np.linalg.qr(rng.standard_normal((90, 3)))[0]
    few, many = find_directions(z, z, 2), find_directions(z, z @ turn.T, 2)
    np.testing.assert_allclose(many.steps, few.steps, atol=1e-9)
    np.testing.assert_allclose(many.shares, few.shares, atol=1e-9)


def test_a_direction_is_as_long_as_a_standard_deviation():
    """Of z that varies by 3 and by 1, the step moves a component by its own deviation."""
    z = RNG(0).standard_normal((4096, 2)) * [3, 1]
    steps, _ = find_directions(z, z, 2)
    np.testing.assert_allclose(np.abs(steps), [[3, 0], [0, 1]], atol=0.15)


def test_what_cannot_be_walked_stays():
    """A code beside z and u: it neither counts as a direction nor moves on a walk, and u stays in its box."""
    w = np.diag([3.0, 2, 20, 500, 500, 500])
    space = Joined(Normal(2), Uniform(1), Categorical(3))
    assert space.free().tolist() == [True] * 3 + [False] * 3
    walks = Walks(game_of(linear(w), [space]), 5)
    steps, shares = walks.directions
    deviations = np.array([20 / np.sqrt(3), 3, 2])  # of what u, z_1 and z_2 move
    np.testing.assert_allclose(np.abs(steps), np.roll(np.diag([1 / np.sqrt(3), 1, 1]), 2, 1), atol=0.08)
    np.testing.assert_allclose(shares, deviations**2 / (deviations**2).sum(), atol=0.01)
    made = walks.along(0, 4, [-4, 4])
    np.testing.assert_allclose(made[:, 2], [-20, 20], atol=1e-4)
    np.testing.assert_allclose(made[:, 3:], [500 * walks.z[0][4, 3:]] * 2, atol=1e-3)


@pytest.mark.parametrize(
    "space, far, near",
    [
        (Normal(2), [[3, 4]], [[3, 4]]),
        (Uniform(2), [[3, -0.5]], [[1, -0.5]]),
        (Sphere(2, 2), [[3, 4]], [[1.2, 1.6]]),
        (Joined(Normal(1), Uniform(1)), [[3, 4]], [[3, 1]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_nearest_point_of_a_space(space, far, near):
    np.testing.assert_allclose(space.nearest(np.float32(far)), near, rtol=1e-6)
    assert space.free().all()


def test_spaces_without_a_way_have_no_directions():
    for space in (Categorical(3), Normal(2, steps=4), Tokens(5, 3), Mixture([Normal(2)] * 2)):
        assert not space.free().any() and not can_walk(game_of(linear(np.ones((1, space.size))), [space]))
    assert not can_walk(small_game("dialogue")) and can_walk(small_game("sines"))


def test_features_are_those_of_the_first_layer_or_the_samples():
    """A later layer that turns all round changes nothing; without a linear layer the samples are looked at."""
    w = np.diag([3.0, 1.0])
    later = nn.Sequential(linear(w), nn.Tanh(), linear(np.float64([[0, 1], [50, 0]])))
    steps = Walks(game_of(later, [Normal(2)]), 2).directions.steps
    np.testing.assert_allclose(np.abs(steps), np.eye(2), atol=0.08)
    plain = Formula(lambda z: z * Tensor(np.float32([1, 9])))
    steps = Walks(game_of(plain, [Normal(2)]), 2).directions.steps
    np.testing.assert_allclose(np.abs(steps), [[0, 1], [1, 0]], atol=0.08)


def test_a_layer_that_only_reads_what_G_is_told_has_no_features():
    """It comes first, and gives the same for every z but for rounding, as BLAS has it: the next one is looked at."""

    class Told(nn.Module):
        def __init__(self):
            self.read, self.write = linear(np.ones((3, 2))), linear(np.diag([3.0, 1.0]))

        def forward(self, z, told):
            rounding = np.zeros(told.shape, "f")
            rounding[-1] = 1e-6
            told = self.read(told + rounding)
            return self.write(z) + ops.sum(told, 1, True)

    walks = Walks(game_of(Told(), [Normal(2)], ClassGame, classes=2, one_hot=True), 2)
    np.testing.assert_allclose(np.abs(walks.directions.steps), np.eye(2), atol=0.08)
    made = [walks.along(0, row, [0, 1]) for row in (4, 5)]  # samples of class 0 and 1
    assert all(np.abs(x[1] - x[0] - [3, 0]).max() < 0.2 for x in made)


# --- shares ----------------------------------------------------------------------------------------------------


def test_shares_of_a_linear_generator():
    rng = RNG(0)
    weights = [rng.standard_normal((8, k)) * size for k, size in ((3, 2.0), (5, 1.0))]
    sizes = np.array([(w**2).sum() for w in weights])
    names, whole, of_steps = find_shares(game_of(Sum(weights), [Normal(3), Normal(5)]), 8000)
    assert names == ["z", "z 2"] and of_steps is None
    np.testing.assert_allclose(whole, sizes / sizes.sum(), atol=0.02)
    assert whole.sum() == pytest.approx(1, abs=0.02)


def test_what_decides_only_together_is_nobodys_share():
    """x y has the variance 1 and E[x y | x] = 0."""
    game = game_of(Sum([np.ones((1, 1))] * 2, squared=True), [Normal(1), Normal(1)])
    np.testing.assert_allclose(find_shares(game, 8000).whole, 0, atol=0.05)


def moving_sum(a, b, c):
    """G whose step t is a z + b z_t + c z_{t-1}: (N, T, 1)."""

    def make(z, z_t):
        before = ops.cat([z_t[:1] * 0, z_t[:-1]])
        return ops.permute(a * ops.unsqueeze(z, 0) + b * z_t + c * before, (1, 0, 2))

    return Formula(make)


def test_shares_of_each_step():
    a, b, c = 2.0, 1.0, 3.0
    names, whole, of_steps = find_shares(game_of(moving_sum(a, b, c), [Normal(1), Normal(1, steps=4)]), 16_000)
    assert names == ["z", "z_1", "z_2", "z_3", "z_4"]
    right = np.zeros((5, 4))
    for t in range(4):
        variance = a * a + b * b + (c * c if t else 0)
        right[0, t], right[1 + t, t] = a * a / variance, b * b / variance
        if t:
            right[t, t] = c * c / variance
    np.testing.assert_allclose(of_steps, right, atol=0.03)
    variances = np.array([a * a + b * b] + [a * a + b * b + c * c] * 3)
    np.testing.assert_allclose(whole, right @ variances / variances.sum(), atol=0.03)


def test_the_share_of_what_G_is_told():
    """G(z, class) = z + 3 [class = 0]: of two classes in turn the variance is 9 / 4, beside 1."""
    game = game_of(Formula(lambda z, c: z + 3 * c[:, :1]), [Normal(1)], ClassGame, classes=2, one_hot=True)
    names, whole, _ = find_shares(game, 8000)
    assert names == ["z", "told"]
    np.testing.assert_allclose(whole, [1 / 3.25, 2.25 / 3.25], atol=0.03)


def test_a_share_is_without_error_where_nothing_or_all_is_decided():
    names, whole, of_steps = find_shares(game_of(moving_sum(0.0, 1.0, 0.0), [Normal(1), Normal(1, steps=4)]), 20)
    np.testing.assert_allclose(of_steps, [[0] * 4, *np.eye(4)], atol=1e-12)
    assert whole[0] == 0 and names[0] == "z"


def test_nothing_has_no_shares():
    total = Share()
    total.add(*[np.ones((5, 2))] * 3)
    assert total.of() == 0

"""Games whose G makes samples of noise: what it is given, truncation, and a walk from sample to sample."""

import numpy as np
import pytest
from point_games import Settings, point_game

from tinygan import Tensor, nn, ops, recipes
from tinygan.autodiff import is_grad_enabled
from tinygan.backend import stream
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Categorical, Normal, Uniform, draw_each
from tinygan.gan.players import Batch


class Adds(nn.Module):
    """Points z + w, and what they answer to on top of it."""

    def __init__(self):
        self.w = nn.Parameter(np.zeros(2, np.float32))

    def forward(self, z, *others):
        x = z + self.w
        for other in others:
            x = x + other
        return x


class Judge(nn.Module):
    """A verdict on points, and on what they answer to."""

    def __init__(self, told):
        self.out = nn.Linear(2 + 2 * told, 1, rng=0)

    def forward(self, x, *given):
        return self.out(ops.cat([x, *given], 1))


def game_of(*spaces, told=False, kind=FromNoise, **settings):
    batch = lambda turn: Batch(np.ones((4, 2), np.float32), (np.full((4, 2), 100, np.float32),) if told else ())
    return kind(Adds(), Judge(told), spaces, batch, Settings(batch_size=4, steps=4, **settings))


def test_each_space_is_an_argument_of_its_own():
    game = game_of(Normal(2), Uniform(2, 10, 11))
    z, u = draw_each(game.spaces, stream(0, "noise", 0), 4)
    x, given = game.fake(game.G.module, 4, (), stream(0, "noise", 0))
    np.testing.assert_allclose(x.data, z + u, rtol=1e-6)
    assert given == ()
    z, u = draw_each(game.spaces, stream(7, "sample", 0), 4)
    np.testing.assert_allclose(game.sample(4, 7), z + u, rtol=1e-6)


def test_what_comes_with_the_real_batch_is_what_g_answers_to_and_d_is_told():
    game, told = game_of(Normal(2), told=True), []
    judge = game.judge
    game.judge = lambda D, x, given: (told.append([np.asarray(getattr(a, "data", a)) for a in given]), judge(D, x, given))[1]
    x, given = game.fake(game.G.module, 4, (Tensor(np.full((4, 2), 100, np.float32)),), stream(0, "noise", 0))
    assert x.data.min() > 90 and (given[0].data == 100).all()
    game.step(0)
    assert len(told) == 4 and all((a == 100).all() and a.shape == (4, 2) for (a,) in told)


class Answers(FromNoise):
    """Samples answer to points that are given, or to 50s."""

    takes = ("given",)

    def ask(self, n, rng):
        return self.tell(np.full((n, 2), 50, np.float32))


def test_given_is_what_samples_answer_to():
    game = game_of(Normal(2), told=True, kind=Answers)
    assert game.takes == ("given", "truncation")
    given = np.repeat(np.arange(0, 6000, 20, dtype=np.float32), 2).reshape(-1, 2)  # more than are drawn at a time
    answers = game.sample(300, 0, given=given)
    np.testing.assert_array_equal(np.rint(answers / 20) * 20, given)
    assert np.abs(game.sample(300, 0) - 50).max() < 6
    (x,) = game.walk(3, 0, [0.5])
    assert np.abs(x - 50).max() < 6


# --- truncation ----------------------------------------------------------------------------------------------------


def test_truncation_keeps_z_near_zero_where_z_is_normal():
    game = game_of(Normal(2))
    assert game.takes == ("truncation",)
    assert np.abs(game.sample(300, 0, truncation=0.5)).max() <= 0.5 < np.abs(game.sample(300, 0)).max()
    with pytest.raises(ValueError, match="^truncation 0: expected .01 or more"):
        game.sample(2, 0, truncation=0)
    box = game_of(Uniform(2))
    assert box.takes == ()
    with pytest.raises(ValueError, match="^truncation 0.5: these samples are not drawn from a normal z"):
        box.sample(2, 0, truncation=0.5)
    mixed = game_of(Normal(2), Uniform(2, 10, 11))
    assert mixed.takes == ("truncation",) and np.abs(mixed.sample(300, 0, truncation=0.5) - 10.5).max() <= 1


# --- a walk ----------------------------------------------------------------------------------------------------------


def test_a_walk_goes_from_sample_to_sample_and_comes_home():
    ring = recipes.load("ring")
    game = ring.make_game(ring.Settings(hidden=8))
    first, middle, last = game.walk(5, 0, (0, 1.5, 3), stops=3)
    np.testing.assert_array_equal(first, last)
    assert (first != middle).any()
    (other,) = game.walk(5, 0, [1.5001], stops=3)
    assert 0 < np.abs(other - middle).max() < 0.01


def test_a_walk_is_between_its_stops_and_keeps_what_cannot_lie_between():
    game = game_of(Normal(2), Categorical(2))
    stops = [game.spaces[0].sample(stream(3, "walk", k), 5) for k in range(4)]
    fixed = draw_each(game.spaces, stream(3, "walk, fixed"), 5)[1]
    for time, expected in (
        (0, stops[0]), (1, stops[1]), (3.5, np.sqrt(0.5) * (stops[3] + stops[0])), (4, stops[0]),
        (0.25, np.cos(np.pi / 8) * stops[0] + np.sin(np.pi / 8) * stops[1]),
    ):  # fmt: skip
        (found,) = game.walk(5, 3, [time])
        np.testing.assert_allclose(found, expected + fixed, atol=1e-5)


def test_a_walk_is_painted_by_the_average_without_a_graph():
    game = game_of(Normal(2))
    (before,) = game.walk(5, 0, [0.3])
    game.G.module.w.data += 7
    (after,) = game.walk(5, 0, [0.3])
    np.testing.assert_array_equal(before, after)
    assert isinstance(after, np.ndarray)


def test_who_walks_records_between_the_stops():
    game = game_of(Normal(2))
    walk = game.walk(5, 0, (0.3, 0.6))
    next(walk)
    assert is_grad_enabled()
    next(walk)
    assert is_grad_enabled()


def test_a_game_opens_for_sampling_where_there_is_no_data():
    g = point_game()
    absent = lambda turn: pytest.fail("no data is needed")
    for settings in ({}, {"packing": 2}):
        s = Settings(batch_size=4, **settings)
        game = FromNoise(nn.Linear(3, 2, rng=0), nn.Linear(2 * s.packing, 1, rng=0), g.spaces, absent, s)
        assert game.sample(3, 0).shape == (3, 2)

"""The game of two unpaired sides: each term of each player moves what it should, the way it should, and nothing else."""

from dataclasses import dataclass

import numpy as np
import pytest
from gpu import GpuArray, on_gpu
from small_runs import hold

from tinygan import Tensor, nn, ops
from tinygan.backend import stream
from tinygan.gan.cycle import Cycle, CycleSettings
from tinygan.gan.objectives import OBJECTIVES, Objective
from tinygan.gan.penalties import squared_slopes
from tinygan.gan.players import Batch
from tinygan.losses import l1_loss


@dataclass
class Settings(CycleSettings):
    """Settings of points (N, 2)."""


def points(side, turn):
    """Real points of a side: a to the right, b above."""
    return stream(0, side, turn).standard_normal((8, 2), dtype="float32") + np.float32([[2, 0], [0, 3]]["ab".index(side)])


def point_game(alive="ab", make=lambda a: a, objective=None, **settings):
    """A game of linear translators without bias: where the points of a side are 0, none of its terms is alive.

    objective: an Objective, where it is none that settings can name.
    """
    s = Settings(**{"steps": 10, "learning_rate": 1e-3, "schedule": "constant", "cycle": 0.0, "identity": 0.0, **settings})
    real = lambda side, turn: make(points(side, turn) * np.float32(side in alive))
    judge = lambda seed: nn.Sequential(nn.Linear(2, 6, rng=seed), nn.Tanh(), nn.Linear(6, 1, rng=seed + 1))
    translators, judges = [nn.Linear(2, 2, bias=False, rng=k) for k in (0, 1)], [judge(2), judge(4)]
    for module in (*translators, *judges):
        for p in module.parameters():
            p.data = make(p.data)
    held_out = lambda: (points("a", 100), points("b", 100))
    game = Cycle(translators, judges, lambda turn: Batch(real("b", turn), (real("a", turn),)), held_out, s)
    for duel in (game.in_a, game.in_b):
        duel.objective = objective or duel.objective
    return game


def networks(game):
    return [player.module for player in (game.to_b, game.to_a, game.judge_a, game.judge_b)]


ONLY_REAL = Objective(lambda real, fake: 0.5 * ops.mean(ops.square(real - 1)), lambda real, fake: 0 * ops.mean(fake), "")
ONLY_FAKE = Objective(lambda real, fake: 0.5 * ops.mean(ops.square(fake)), lambda real, fake: 0 * ops.mean(fake), "")
NOTHING = Objective(lambda real, fake: 0 * ops.mean(real), lambda real, fake: 0 * ops.mean(fake), "")


@pytest.mark.parametrize("side", "ab")
@pytest.mark.parametrize("objective, target", [(ONLY_REAL, 1.0), (ONLY_FAKE, 0.0)], ids=["real", "fake"])
def test_a_judge_draws_verdicts_on_real_samples_to_1_and_on_translated_ones_to_0(side, objective, target):
    game = point_game(objective=objective)
    G, F, D_a, D_b = networks(game)
    translated = {"a": F(points("b", 0)).data, "b": G(points("a", 0)).data}[side]
    x = points(side, 0) if target else translated
    far = lambda: np.square({"a": D_a, "b": D_b}[side](Tensor(x)).data - target).mean()
    before = far()
    game.step(0)
    assert far() < before - 1e-4


@pytest.mark.parametrize("side", "ab")
def test_a_judge_comes_to_tell_real_samples_of_its_side_from_translated_ones(side):
    game = point_game()
    G, F, D_a, D_b = networks(game)
    judge, real, fake = {
        "a": (D_a, points("a", 0), F(points("b", 0)).data), "b": (D_b, points("b", 0), G(points("a", 0)).data),
    }[side]  # fmt: skip
    margin = lambda: judge(Tensor(real)).data.mean() - judge(Tensor(fake)).data.mean()
    before = margin()
    game.step(0)
    assert margin() > before + 1e-4


@pytest.mark.parametrize("side", "ab")
def test_a_translator_draws_the_verdicts_on_what_it_makes_to_1(side):
    game = point_game(alive={"a": "b", "b": "a"}[side])
    hold(game.judge_a, game.judge_b)
    G, F, D_a, D_b = networks(game)
    far = {
        "a": lambda: np.square(D_a(F(points("b", 0))).data - 1).mean(),
        "b": lambda: np.square(D_b(G(points("a", 0))).data - 1).mean(),
    }[side]
    before = far()
    game.step(0)
    assert far() < before - 1e-4


def errors(game):
    """Of each side: how far the way there and back ends from where it began, how far what is of the side is moved."""
    G, F, *_ = networks(game)
    a, b = points("a", 0), points("b", 0)
    return {
        ("cycle", "a"): l1_loss(F(G(a)), a).item(), ("cycle", "b"): l1_loss(G(F(b)), b).item(),
        ("identity", "a"): l1_loss(F(a), a).item(), ("identity", "b"): l1_loss(G(b), b).item(),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["relativistic", "non-saturating", "hinge"])
@pytest.mark.parametrize("side", "ab")
def test_another_objective_is_both_players_own(name, side):
    """The judge comes to tell, and its translator to be judged better beside what is real."""
    game = point_game(objective=OBJECTIVES[name])
    G, F, D_a, D_b = networks(game)
    of = {"a": (D_a, points("a", 0), lambda: F(points("b", 0))), "b": (D_b, points("b", 0), lambda: G(points("a", 0)))}
    judge, real, fake = of[side]
    margin = lambda made: judge(Tensor(real)).data.mean() - judge(Tensor(made)).data.mean()
    made = fake().data
    before = margin(made)
    game.step(0)
    assert margin(made) > before + 1e-4
    assert margin(fake().data) < margin(made) - 1e-5


@pytest.mark.parametrize("side", "ab")
def test_a_penalty_lowers_the_slope_of_the_judges(side):
    def slope(game):
        x = Tensor(points(side, 0), requires_grad=True)
        return squared_slopes({"a": game.judge_a, "b": game.judge_b}[side].module(x), x).data.mean()

    game = point_game(objective=NOTHING, penalty="r1", gamma=1.0)
    before = slope(game)
    assert game.step(0)["penalty"] > 0
    assert slope(game) < before - 1e-5


@pytest.mark.parametrize("side", "ab")
@pytest.mark.parametrize("held", ["to_a", "to_b"])
def test_both_translators_shorten_the_way_there_and_back(side, held):
    game = point_game(alive=side, objective=NOTHING, cycle=1.0)
    hold(getattr(game, held))
    before = errors(game)["cycle", side]
    game.step(0)
    assert errors(game)["cycle", side] < before - 1e-4


@pytest.mark.parametrize("side", "ab")
def test_what_is_of_the_side_already_comes_to_stay_as_it_is(side):
    game = point_game(alive=side, objective=NOTHING, identity=1.0)
    other = {"a": game.to_b, "b": game.to_a}[side]
    before, untouched = errors(game)["identity", side], other.parameters[0].data.copy()
    game.step(0)
    assert errors(game)["identity", side] < before - 1e-4
    np.testing.assert_array_equal(other.parameters[0].data, untouched)


def test_the_weights_scale_their_terms():
    rows = [point_game(cycle=c, identity=i).step(0) for c, i in ((0.0, 0.0), (3.0, 0.0), (0.0, 5.0))]
    assert rows[0]["cycle"] > 0.1 and rows[0]["identity"] > 0.1
    assert rows[1]["g_loss"] - rows[0]["g_loss"] == pytest.approx(3 * rows[0]["cycle"], rel=1e-5)
    assert rows[2]["g_loss"] - rows[0]["g_loss"] == pytest.approx(5 * rows[0]["identity"], rel=1e-5)


def test_the_logged_loss_of_the_judges_is_the_mean_of_theirs():
    game = point_game()
    G, F, D_a, D_b = networks(game)
    a, b = points("a", 0), points("b", 0)
    losses = [
        OBJECTIVES["least-squares"].discriminator(D(Tensor(real)), D(made)).item()
        for D, real, made in ((D_a, a, F(b)), (D_b, b, G(a)))
    ]
    assert losses[0] != losses[1] and game.step(0)["d_loss"] == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("still", ["to_a to_b", "judge_a judge_b"])
def test_no_step_moves_the_weights_of_other_players(still):
    game, names = point_game(cycle=1.0, identity=1.0), ("to_a", "to_b", "judge_a", "judge_b")
    hold(*(getattr(game, name) for name in still.split()))
    before = {name: [p.data.copy() for p in getattr(game, name).parameters] for name in names}
    game.step(0)
    for name in names:
        same = [(x == p.data).all() for x, p in zip(before[name], getattr(game, name).parameters)]
        assert all(same) if name in still else not any(same)


def test_a_sample_is_both_sources_their_translations_and_the_ways_back():
    game = point_game(ema=0.0, cycle=1.0)
    game.step(0)
    G, F, *_ = networks(game)
    x = game.sample(5, 3)
    assert x.shape == (5, 6, 2)
    for side, (source, there, back) in {"a": (0, 1, 2), "b": (3, 4, 5)}.items():
        assert all(any((row == known).all() for known in points(side, 100)) for row in x[:, source])
        first, second = (G, F) if side == "a" else (F, G)
        np.testing.assert_allclose(x[:, there], first(x[:, source]).data, rtol=1e-5)
        np.testing.assert_allclose(x[:, back], second(x[:, there]).data, rtol=1e-5)
    assert game.sample(20, 3).shape == (20, 6, 2)  # more than are held out


def test_it_translates_with_the_averaged_weights():
    game = point_game(ema=0.999, learning_rate=0.1)
    x, before = points("a", 100), game.to_b.average.module(points("a", 100)).data
    game.step(0)
    np.testing.assert_allclose(game.translate(x, "b"), before, atol=0.01)
    assert np.abs(game.to_b.module(x).data - before).max() > 0.1


def test_a_step_on_a_gpu_is_that_on_the_cpu():
    expected = point_game(cycle=1.0, identity=1.0)
    game = point_game(make=on_gpu, cycle=1.0, identity=1.0)
    for k in range(2):
        assert game.step(k) == pytest.approx(expected.step(k), rel=1e-4)
    assert isinstance(game.to_b.parameters[0].data, GpuArray)
    np.testing.assert_allclose(game.sample(3, 0), expected.sample(3, 0), rtol=1e-4)

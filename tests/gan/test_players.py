"""Players and games: a move down the gradient, what a game is made of, and what its samples may be asked for."""

import numpy as np
import pytest
from point_games import point_game, weights

from tinygan import Tensor, grad, nn, ops
from tinygan.gan import players
from tinygan.gan.players import REFUSALS, Batch, Game, Player
from tinygan.optim import EMA, SGD
from tinygan.run.settings import RunSettings


def player(name="generator", lr=0.5, **how):
    module = nn.Sequential(nn.Linear(2, 3, rng=0), nn.Linear(3, 1, rng=1))
    return Player(name, module, SGD(module.parameters(), lr), **how)


X = Tensor(np.random.default_rng(0).standard_normal((5, 2)).astype("float32"))


# --- a move ------------------------------------------------------------------------------------------------------------


def test_a_move_goes_down_the_gradient_at_the_rate_of_its_step():
    one = player(share=lambda k: 1 / (1 + k))
    loss = ops.mean(ops.square(one.module(X)))
    expected = grad(loss, one.parameters)
    before = [p.data.copy() for p in one.parameters]
    found = one.move(loss, 3)
    for p, b, g, h in zip(one.parameters, before, expected, found, strict=True):
        np.testing.assert_array_equal(g, h)
        np.testing.assert_allclose(p.data, b - 0.5 / 4 * g, rtol=1e-5, atol=1e-7)
    assert ops.mean(ops.square(one.module(X))).item() < loss.item()


def test_a_move_takes_the_mean_gradient_of_all_processes(monkeypatch):
    one, loss_of = player(), lambda one: ops.mean(ops.square(one.module(X)))
    monkeypatch.setattr(players, "average_gradients", lambda grads: tuple(3 * g for g in grads))
    expected = grad(loss_of(one), one.parameters)
    for found, g in zip(one.move(loss_of(one), 0), expected, strict=True):
        np.testing.assert_allclose(found, 3 * g, rtol=1e-6)


def test_all_averages_move_with_the_player():
    one = player()
    one.averages = {"average": EMA(one.module, 0.5), "lagged": EMA(one.module, 0.9)}
    before = one.parameters[0].data.copy()
    one.move(ops.mean(one.module(X)), 0)
    after = one.parameters[0].data
    for average, decay in (("average", 0.5), ("lagged", 0.9)):
        found = one.averages[average].module.parameters()[0].data
        np.testing.assert_allclose(found, decay * before + (1 - decay) * after, rtol=1e-5)
    assert one.average is one.averages["average"]


@pytest.mark.parametrize("clip", [0.0, 1e-3, 1e3])
def test_a_gradient_is_clipped_to_its_norm_and_returned_as_it_was(clip):
    one, seen = player(clip=clip), []
    step = one.optimizer.step
    one.optimizer.step = lambda grads: (seen.extend(grads), step(grads))
    loss = ops.mean(ops.square(one.module(X)))
    found = one.move(loss, 0)
    norm = lambda arrays: np.sqrt(sum(np.square(a).sum() for a in arrays))
    assert norm(seen) == pytest.approx(min(norm(found), clip or np.inf), rel=1e-4) and norm(found) > 0.01


def test_a_gradient_that_is_not_finite_names_player_and_layer_and_moves_nothing():
    one = player("judge")
    one.averages = {"average": EMA(one.module, 0.5)}
    before = [p.data.copy() for p in one.parameters]
    loss = ops.mean(one.module(X)) + ops.sum(one.module[1].bias) * float("inf")
    with pytest.raises(FloatingPointError, match="^the judge's gradient is no longer finite in 1.bias$"):
        one.move(loss, 0)
    averaged = one.average.module.parameters()
    assert all((p.data == b).all() and (a.data == b).all() for p, a, b in zip(one.parameters, averaged, before))


def test_norms_of_a_layer_are_of_its_weights_together():
    one = player("discriminator")
    grads = [np.full(p.shape, k + 1.0) for k, p in enumerate(one.parameters)]
    assert one.layer_norms(grads) == {
        "0": pytest.approx(np.sqrt(6 * 1 + 3 * 4)), "1": pytest.approx(np.sqrt(3 * 9 + 16))
    }  # fmt: skip
    alone = nn.Linear(2, 1, bias=False, rng=0)
    bare = Player("generator", alone, SGD(alone.parameters(), 1.0))
    assert bare.layer_norms([np.ones((1, 2))]) == {"weight": pytest.approx(2**0.5)}


# --- a game --------------------------------------------------------------------------------------------------------


def test_parts_are_named_after_players_and_what_they_share_comes_once():
    g, d = player("generator"), player("discriminator")
    average = EMA(g.module, 0.5)
    g.averages = {"average": average, "lagged": EMA(g.module, 0.5)}
    imitator = Player("imitator", g.module, SGD(g.parameters, 0.1), averages={"average": average})
    game = Game([g, d, imitator], RunSettings())
    parts = game.parts()
    assert list(parts) == [
        "generator", "generator_optimizer", "generator_average", "generator_lagged",
        "discriminator", "discriminator_optimizer", "imitator_optimizer",
    ]  # fmt: skip
    assert parts["generator_average"] is average and parts["imitator_optimizer"] is imitator.optimizer
    assert game.saved == {} and Game([g], RunSettings(), {"a": 1}).saved == {"a": 1}


def test_players_have_names_of_their_own():
    with pytest.raises(ValueError, match="^Game: players generator, generator: expected names that differ"):
        Game([player(), player()], RunSettings())


def test_a_pace_is_a_multiple_of_every_players_own_rate():
    g, d = player(lr=0.5), player("discriminator", lr=2.0, share=lambda k: 0.5)
    game = Game([g, d], RunSettings())
    for pace in (0.5, 0.25, 1.0):  # not of the pace before
        game.set_pace(pace)
        for one, rate in ((g, 0.5), (d, 1.0)):
            one.move(ops.mean(one.module(X)), 0)
            assert one.optimizer.lr == pytest.approx(pace * rate)


def test_two_players_may_train_one_module_at_rates_of_their_own():
    first = player(lr=0.5)
    second = Player("again", first.module, SGD(first.parameters, 0.1))
    game = Game([first, second], RunSettings())
    biases = [first.parameters[-1].item()]
    for name in ("generator", "again"):
        game.players[name].move(ops.mean(first.module(X)), 0)
        biases.append(first.parameters[-1].item())
    assert np.diff(biases) == pytest.approx([-0.5, -0.1], rel=1e-5)


# --- samples -----------------------------------------------------------------------------------------------------------


class Told(Game):
    """Samples are what they were asked with: rows of a random number, the class, the temperature, the truncation, given."""

    def __init__(self, takes=(), classes=0, at_once=256):
        super().__init__([player()], RunSettings())
        self.takes, self.classes, self.at_once, self.asked = takes, classes, at_once, []

    def draw(self, n, rng, *, temperature=0.0, truncation=0.0, given=None):
        assert not ops.mean(self.players["generator"].module(X)).requires_grad  # nothing is recorded
        self.asked.append(n)
        classes = np.arange(n) % (self.classes or 1)
        rows = np.full(n, temperature), np.full(n, truncation), np.zeros(n) if given is None else given
        return np.stack([rng.random(n), classes, *rows], 1)


def test_samples_are_a_function_of_the_seed_and_their_place():
    game = Told(at_once=4)
    ten = game.sample(10, 3)
    assert ten.shape == (10, 5) and game.asked == [4, 4, 2]
    np.testing.assert_array_equal(ten[:8], game.sample(8, 3))
    assert (ten != game.sample(10, 4)).any() and len(np.unique(ten[:, 0])) == 10


def test_what_a_game_takes_reaches_its_draw():
    game = Told(("temperature", "truncation", "given"), at_once=4)
    asked = game.sample(10, 0, temperature=0.5, truncation=2.0, given=np.arange(10))
    assert (asked[:, 2] == 0.5).all() and (asked[:, 3] == 2).all()
    np.testing.assert_array_equal(asked[:, 4], np.arange(10))  # each sample answers to its own


@pytest.mark.parametrize("at_once, batches", [(256, [30]), (10, [9, 9, 9, 3]), (2, [3] * 10)])
def test_samples_of_one_class_are_those_that_all_classes_would_have(at_once, batches):
    game = Told(("of_class",), classes=3, at_once=at_once)
    every = game.sample(30, 0)
    assert game.asked == batches  # every batch begins with class 0
    np.testing.assert_array_equal(every[:, 1], np.arange(30) % 3)
    for k in range(3):
        np.testing.assert_array_equal(game.sample(10, 0, of_class=k), every[k::3])
    for wrong in (-1, 3):
        with pytest.raises(ValueError, match=f"class {wrong}: classes are 0 to 2"):
            game.sample(2, 0, of_class=wrong)


def test_so_many_samples_as_are_asked_for_and_no_fewer_than_one():
    game = Told(("given", "of_class"), classes=2)
    for n in (0, -3):
        with pytest.raises(ValueError, match=f"^n {n}: expected at least 1 sample"):
            game.sample(n, 0)
    for given in ([1], [1, 2, 3]):
        with pytest.raises(ValueError, match=f"^given: {len(given)} for 2 samples; expected as many"):
            game.sample(2, 0, given=given)
    with pytest.raises(ValueError, match="of_class and given: expected one of them"):
        game.sample(2, 0, of_class=1, given=[1, 1])
    assert game.asked == []


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_game_does_not_take_is_refused_in_one_sentence(name):
    game = Told()
    assert name not in game.takes
    with pytest.raises(ValueError) as error:
        game.sample(2, 0, **{name: 0})  # 0 is asked for too
    assert str(error.value) == f"{name.removeprefix('of_')} 0: {REFUSALS[name]}"
    assert game.asked == []


def test_a_game_says_what_a_subclass_defines():
    game = Game([player()], RunSettings())
    for call in (lambda: game.batch(0), lambda: game.step(0), lambda: game.draw(1, None)):
        with pytest.raises(NotImplementedError):
            call()
    assert (game.takes, game.classes, game.bounds) == ((), 0, None)
    assert Batch(1) == Batch(1, ())


def test_samples_come_from_the_average():
    game = point_game()
    before = game.sample(5, 0)
    game.G.module.weight.data += 1
    np.testing.assert_array_equal(game.sample(5, 0), before)
    game.G.average.module.weight.data += 1
    assert (game.sample(5, 0) != before).all()
    assert weights(game)["generator_average.weight"].shape == (2, 3)

"""The profiler books every moment where it belongs, and leaves nothing behind."""

import time

import numpy as np
import pytest

from tinygan import profile, recipes
from tinygan.autodiff import Fused, Op, VariadicOp, op
from tinygan.data import DataError
from tinygan.gan.adversarial import FromNoise
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings
from tinygan.nn import Linear, Module, Sequential, Tanh
from tinygan.optim import EMA
from tinygan.optim.optimizers import Optimizer
from tinygan.profile.watch import _family

slept = {"forward": [], "backward": [], "second": []}  # for how long, as a clock saw it: a busy machine wakes up late


def sleep(way, x):
    begun = time.perf_counter()
    time.sleep(0.01)
    slept[way].append(time.perf_counter() - begun)
    return x.copy()


@op(lambda g, y, x: nap_back(g))
def nap(x):
    """x, after a sleep; its gradient sleeps too, and the gradient of that."""
    return sleep("forward", x)


@op(lambda g, y, x: nap_second(g))
def nap_back(x):
    return sleep("backward", x)


@op(lambda g, y, x: g)
def nap_second(x):
    return sleep("second", x)


class Sleeper(Module):
    def forward(self, x):
        return nap(x)


class Hungry(Module):
    """Needs 12 MB at once and leaves 4."""

    def forward(self, x):
        return hungry(x)


@op(lambda g, y, x: g)
def hungry(x):
    scratch, y = np.empty(8 << 20, np.uint8), np.empty(4 << 20, np.uint8)  # noqa: F841
    y = y[: x.nbytes].view(x.dtype).reshape(x.shape)
    y[...] = x
    return y


def game_of(*layers, penalty="none", **settings):
    """A game whose D has these layers between two linear ones."""
    s = AdversarialSettings(penalty=penalty, batch_size=8, **settings)
    points = np.random.default_rng(0).standard_normal((8, 2), dtype=np.float32)
    d = Sequential(Linear(2, 4, rng=0), *layers, Linear(4, 1, rng=0))
    return FromNoise(Linear(3, 2, rng=0), d, [Normal(3)], lambda turn: Batch(points), s)


def test_an_op_that_sleeps_is_booked_where_it_sleeps():
    game, clock = game_of(Sleeper(), penalty="r1"), profile.Clock()
    game.step(0)
    for times in slept.values():
        times.clear()
    profile.measure(game, clock, lambda: game.step(1), 1)
    # D sees real and generated samples, and both again for G; R1 asks for the slope of the real ones
    assert [len(times) for times in slept.values()] == [4, 4, 1]
    for way, times in slept.items():
        booked = clock.seconds[profile.Place("discriminator.1", "nap", way)]
        assert np.sum(times) <= booked < 1.2 * np.sum(times) + 0.005, way
        assert clock.calls[profile.Place("discriminator.1", "nap", way)] == len(times)


def test_rows_add_up_to_the_step():
    game, clock, inner = game_of(Tanh(), penalty="r1+r2"), profile.Clock(), []

    def step():
        inner.append(time.perf_counter())
        game.step(0)
        inner.append(time.perf_counter())

    begun = time.perf_counter()
    profile.measure(game, clock, step, 20)
    outer = time.perf_counter() - begun
    assert inner[-1] - inner[0] <= np.sum(list(clock.seconds.values())) <= outer


def test_layers_ops_and_ways_have_their_names():
    found = profile.profile(game_of(Tanh(), penalty="r1"), steps=2, warm=0)
    rows = {(row.layer, row.op, row.way): row for row in found.rows}
    for layer, name in (("generator", "linear"), ("discriminator.0", "linear"), ("discriminator.1", "tanh")):
        assert rows[layer, name, "forward"].calls == (1 if layer == "generator" else 4)
        assert rows[layer, name, "backward"].calls == (1 if layer == "generator" else 3 + 1)
        assert ((layer, name, "second") in rows) == (layer != "generator")
    assert rows["loss", "logsigmoid", "forward"].calls == 2
    others = {row.op for row in found.rows if not row.way}
    assert others == {"data", "noise", "tape", "optimiser", "average", "rest", "profiler"}
    assert not [row for row in profile.profile(game_of(Tanh()), steps=1, warm=0).rows if row.way == "second"]


def test_memory_is_what_stays_and_what_is_needed_at_once():
    rows = profile.profile(game_of(Hungry()), steps=1, warm=0).rows
    (row,) = [row for row in rows if (row.op, row.way) == ("hungry", "forward")]
    assert row.peak == pytest.approx(12 << 20, rel=0.01)
    assert row.kept == pytest.approx(row.calls * (4 << 20), rel=0.01)


def methods():
    """Everything that is wrapped while a profile is made."""
    owners = [Op, VariadicOp, Fused, Module, *_family(Optimizer), EMA]
    return [vars(owner).get(name) for owner in owners for name in ("__call__", "pullback", "step", "update")]


def test_everything_is_as_it_was():
    plain, watched = game_of(Tanh(), penalty="r1"), game_of(Tanh(), penalty="r1")
    before = methods()
    profile.measure(watched, profile.Clock(), lambda: watched.step(0), 3)
    assert methods() == before
    for _ in range(3):
        plain.step(0)
    for a, b in zip(plain.D.parameters + plain.G.parameters, watched.D.parameters + watched.G.parameters):
        np.testing.assert_array_equal(a.data, b.data)
    with pytest.raises(ZeroDivisionError), profile.watched({}, profile.Clock(), watched):
        assert methods() != before
        raise ZeroDivisionError
    assert methods() == before


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_can_be_profiled(name):
    recipe = recipes.load(name)
    try:
        game = recipe.make_game(recipe.Settings(batch_size=8))
    except (DataError, ImportError) as error:
        pytest.skip(str(error))
    clock = profile.Clock()
    steps = iter(range(2))
    profile.measure(game, clock, lambda: game.step(next(steps)), 2)
    assert {place.layer.partition(".")[0] for place in clock.seconds if place.way} <= {
        *game.players,
        "loss",
        "data",
        "noise",
    }
    assert {place.way for place in clock.seconds} >= {"forward", "backward"}
    assert {"tape", "optimiser", "rest"} <= {place.op for place in clock.seconds}
    assert all(seconds >= 0 for seconds in clock.seconds.values())

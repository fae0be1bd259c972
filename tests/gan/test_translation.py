"""The game of pairs: each term of both phases moves what it should, the way it should, and nothing else."""

import numpy as np
import pytest
from gpu import GpuArray, on_gpu
from point_games import weights

from tinygan import Tensor, nn, ops
from tinygan.backend import stream
from tinygan.gan.latent import Normal
from tinygan.gan.objectives import Objective
from tinygan.gan.players import Batch
from tinygan.gan.translation import Translation, TranslationSettings

NOTHING = Objective(
    lambda real, fake: 0 * ops.mean(real), lambda real, fake: 0 * ops.mean(fake), "neither wants anything"
)
SLOW = {"learning_rate": 1e-4, "schedule": "constant", "batch_size": 8, "steps": 10}


class Painter(nn.Module):
    """G: a source, and z as one more channel where there is one."""

    def __init__(self, noise):
        self.conv = nn.Conv2d(1 + noise, 1, 3, padding=1, rng=0)

    def forward(self, source, z=None):
        if z is not None:
            z = ops.reshape(z, (*z.shape, 1, 1)) + 0 * source
        return self.conv(source if z is None else ops.cat([source, z], 1))


class Judge(nn.Module):
    """D: source and result side by side; a verdict for each patch."""

    def __init__(self):
        self.first, self.last = nn.Conv2d(2, 4, 3, padding=1, rng=1), nn.Conv2d(4, 1, 3, 2, 1, rng=2)

    def features(self, x, source):
        return [ops.tanh(self.first(ops.cat([x, Tensor(source)], 1)))]

    def forward(self, x, source):
        return self.last(self.features(x, source)[0])


SOURCES = stream(0, "sources").uniform(-1, 1, (20, 1, 6, 6)).astype("float32")


def pair(turn, n=8):
    """Sources, and targets: their negatives, brighter."""
    source = SOURCES[stream(0, "pairs", turn).integers(len(SOURCES), size=n)]
    return Batch(0.5 - source, (source,))


def game_of(objective=None, *, make=lambda a: a, noise=0, features=None, **settings):
    """A game in which nothing is alive but what the settings say; with objective=None D's verdicts count for nothing."""
    values = {**SLOW, "pixel_phase": 0.0, "pixel_weight": 0.0, "objective": objective or "hinge", **settings}
    g, d, s = Painter(noise), Judge(), TranslationSettings(**values)
    for p in g.parameters() + d.parameters():
        p.data = make(p.data)
    batch = lambda turn: Batch(make(pair(turn).x), (make(pair(turn).given[0]),))
    spaces = [Normal(noise)] if noise else []
    game = Translation(g, d, batch, s, lambda: SOURCES[:5], spaces=spaces, features=features)
    game.objective = game.objective if objective else NOTHING
    return game


def distance(game, power, turn=0):
    """How far what G makes of the sources of a turn is from the targets."""
    target, (source,) = pair(turn)
    return (np.abs(game.G.module(Tensor(source)).data - target) ** power).mean()


def changed(game, before):
    """Which players have moved: names of their weights' owners."""
    return {name.split(".")[0] for name, a in weights(game).items() if not np.array_equal(a, before[name])}


# --- the pixel phase ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss, power", [("l1", 1), ("mse", 2)])
def test_in_the_pixel_phase_g_comes_nearer_to_the_target_and_d_stays_as_it_is(loss, power):
    game = game_of("non-saturating", pixel_phase=1.0, pixel_loss=loss)
    before, was = weights(game), distance(game, power)
    row = game.step(0)
    assert distance(game, power) < was - 1e-5
    assert row == {"pixel_loss": pytest.approx(was, rel=1e-5)}
    assert changed(game, before) == {"generator", "generator_optimizer", "generator_average"}


def test_every_step_of_the_pixel_phase_has_pairs_of_its_own():
    game = game_of("non-saturating", pixel_phase=1.0, n_critic=2)
    asked, read = [], game.read
    game.read = lambda turn: (asked.append(turn), read(turn))[1]
    for k in range(3):
        game.step(k)
    assert asked == [0, 2, 4]


def test_the_phases_take_their_share_of_the_steps():
    game = game_of("non-saturating", pixel_phase=0.3)
    assert ["d_loss" in game.step(k) for k in range(10)] == [False] * 3 + [True] * 7


def test_the_learning_rate_falls_once_in_each_phase():
    s = TranslationSettings(steps=100, pixel_phase=0.6, schedule="cosine", decay_from=0.0, warmup=2, game_rate=0.1)
    rates = [s.share_left(k) for k in range(100)]
    assert rates[:3] == pytest.approx([0.5, 1, 1], abs=0.01) and rates[30] == pytest.approx(0.5)
    assert rates[59] < 0.001
    assert rates[60:63] == pytest.approx([0.05, 0.1, 0.1], abs=0.001) and rates[80] == pytest.approx(0.05)
    assert rates[99] < 0.001


@pytest.mark.parametrize("game_ema", [0.75, 0.0])
def test_the_average_may_have_a_decay_of_its_own_in_the_game(game_ema):
    settings = {"pixel_phase": 0.5, "pixel_weight": 1.0, "learning_rate": 0.1}
    game = game_of("non-saturating", ema=0.5, game_ema=game_ema, **settings)
    for k in range(10):
        before = game.G.average.module.conv.weight.data.copy()
        game.step(k)
        share = 0.5 if k < 5 or not game_ema else 0.25
        expected = before + share * (game.G.module.conv.weight.data - before)
        np.testing.assert_allclose(game.G.average.module.conv.weight.data, expected, atol=1e-6)


@pytest.mark.parametrize("phase", [0.0, 1.0])
def test_there_may_be_only_one_phase(phase):
    s = TranslationSettings(steps=10, pixel_phase=phase, decay_from=0.5)
    rates = [s.share_left(k) for k in range(10)]
    assert rates[:6] == [1.0] * 6 and rates[9] == pytest.approx(0.2)


# --- the phase with D --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss, power", [("l1", 1), ("mse", 2)])
def test_the_pixel_loss_draws_g_to_the_target_in_the_game_too(loss, power):
    game = game_of(pixel_weight=1.0, pixel_loss=loss)
    was, before = distance(game, power), weights(game)
    row = game.step(0)
    assert distance(game, power) < was - 1e-5
    assert row["pixel_loss"] == pytest.approx(was, rel=1e-5) and row["g_loss"] == pytest.approx(was, rel=1e-5)
    assert not any(name.startswith("discriminator.") and (a != before[name]).any() for name, a in weights(game).items())


@pytest.mark.parametrize("of_their_own", [False, True])
def test_the_content_loss_draws_g_to_the_target_in_features(of_their_own):
    own = (lambda x: [ops.mean(x, (2, 3)), x[:, :, :2, :2]]) if of_their_own else None
    game = game_of(content_weight=1.0, features=own)
    target, (source,) = pair(0)
    phi = own or (lambda x: game.D.module.features(x, source))

    def apart():
        made = game.G.module(Tensor(source))
        return np.mean([np.abs(a.data - b.data).mean() for a, b in zip(phi(made), phi(Tensor(target)))])

    was = apart()
    row = game.step(0)
    assert apart() < was - 1e-5
    assert row["content_loss"] == pytest.approx(was, rel=1e-5) and row["g_loss"] == pytest.approx(was, rel=1e-5)


def test_terms_that_weigh_nothing_move_nothing():
    game = game_of()
    before = weights(game)
    row = game.step(0)
    assert row["g_loss"] == 0 and "content_loss" not in row
    assert not any("optimizer" not in name and (a != before[name]).any() for name, a in weights(game).items())


def test_d_comes_to_tell_targets_from_what_is_made_and_g_to_be_judged_better():
    game = game_of("non-saturating")
    target, (source,) = pair(0)
    judge = lambda x: game.D.module(Tensor(x), source).data.mean()
    made = game.G.module(Tensor(source)).data
    was = judge(target) - judge(made)
    game.step(0)
    assert judge(target) - judge(made) > was + 1e-5
    assert judge(game.G.module(Tensor(source)).data) > judge(made) + 1e-5  # D after its step, as G met it


def test_d_sees_each_result_beside_its_own_source():
    game = game_of("relativistic", n_critic=2)
    seen, judge = [], game.D.module.forward
    game.D.module.forward = lambda x, source: (seen.append((x.data, source)), judge(x, source))[1]
    game.step(0)
    for x, source in seen[:-2:2]:
        np.testing.assert_array_equal(x, 0.5 - source)
    assert len(seen) == 6 and all((a[1] == b[1]).all() for a, b in zip(seen[::2], seen[1::2]))
    assert game.shown == {}


def test_g_is_compared_with_what_it_made_and_not_with_what_d_was_shown():
    row = game_of(pixel_weight=1.0, instance_noise=3.0).step(0)
    assert row["pixel_loss"] == pytest.approx(distance(game_of(), 1), rel=1e-5)


def test_a_content_loss_without_features_is_refused():
    class Blind(nn.Module):
        def __init__(self):
            self.out = nn.Linear(1, 1, rng=0)

    s = TranslationSettings(content_weight=1.0)
    with pytest.raises(ValueError, match=r"content_weight=1.0: Blind has no features\(x, source\)"):
        Translation(Painter(0), Blind(), pair, s, lambda: SOURCES)


# --- samples -----------------------------------------------------------------------------------------------------------


def test_samples_answer_to_held_out_sources_in_turn_or_to_those_given():
    game = game_of("non-saturating", pixel_phase=0.5, ema=0.0)
    for k in range(6):
        game.step(k)
    expected = game.G.average.module(Tensor(SOURCES[[0, 1, 2, 3, 4, 0, 1]])).data
    np.testing.assert_allclose(game.sample(7, 0), expected, atol=1e-6)
    np.testing.assert_allclose(game.sample(2, 0, given=SOURCES[3:5]), expected[3:5], atol=1e-6)
    with pytest.raises(ValueError, match="at least 1 sample"):
        game.sample(0, 0)


def test_g_may_be_given_noise_beside_the_source():
    game = game_of("non-saturating", pixel_phase=0.5, noise=2)
    for k in (0, 9):
        game.step(k)
    assert (game.sample(5, 0) != game.sample(5, 1)).any() and (game.sample(5, 0) == game.sample(5, 0)).all()


def test_it_trains_on_a_gpu_as_on_the_cpu():
    settings = {"objective": "relativistic", "pixel_phase": 0.5, "pixel_weight": 1.0, "content_weight": 0.1, "noise": 1}
    here, there = game_of(**settings), game_of(make=on_gpu, **settings)
    for k in (0, 1, 8, 9):
        assert there.step(k) == pytest.approx(here.step(k), rel=1e-4)
    assert isinstance(there.G.parameters[0].data, GpuArray)
    np.testing.assert_allclose(there.sample(3, 0), here.sample(3, 0), atol=1e-5)

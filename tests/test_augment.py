"""What steadies the game: packs, spread of a batch, noise on what D sees, turns and rates of the players."""

import numpy as np
import pytest
from strict import StrictArray, strict

from tinygan import Tensor, nn, ops
from tinygan.backend import stream
from tinygan.gan import training
from tinygan.gan.augment import MinibatchStd, blurred, packed
from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.training import Game, Settings, training_step

# --- packs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 4, 5)], ids=str)
def test_packs_hold_samples_side_by_side(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    found = packed(Tensor(x), 3).data
    for k in range(2):
        np.testing.assert_array_equal(found[k], np.concatenate([x[3 * k], x[3 * k + 1], x[3 * k + 2]]))
    assert packed(x, 1) is x


def test_packs_that_do_not_come_out_even_are_refused():
    with pytest.raises(ValueError, match="does not divide 5 samples"):
        packed(np.zeros((5, 2)), 2)


# --- spread of a batch -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, group", [((6, 4), 3), ((8, 2, 3, 3), 4), ((6, 2, 3), 4), ((1, 2), 4)], ids=str)
def test_minibatch_std_is_the_mean_spread_of_its_group(shape, group):
    x = np.random.default_rng(1).standard_normal(shape)
    found = MinibatchStd(group)(Tensor(x)).data
    assert found.shape == (shape[0], shape[1] + 1, *shape[2:])
    np.testing.assert_array_equal(found[:, :-1], x)
    size = {6: 3, 8: 4, 1: 1}[shape[0]]
    groups = shape[0] // size
    for n in range(shape[0]):
        together = x[n % groups :: groups]
        assert len(together) == size
        np.testing.assert_allclose(found[n, -1], np.sqrt(together.var(0) + 1e-8).mean(), rtol=1e-12)


def test_minibatch_std_has_gradients(assert_gradients):
    x = np.random.default_rng(2).standard_normal((4, 2, 3))
    assert_gradients(lambda x: ops.sum(ops.square(MinibatchStd(2)(x))), x)
    with pytest.raises(ValueError, match="no spread"):
        MinibatchStd(1)


# --- noise -----------------------------------------------------------------------------------------------------


def test_blurred_adds_noise_of_the_amount():
    x = np.full((100, 50), 7, np.float32)
    noise = blurred(x, 0.2, np.random.default_rng(0)) - x
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(0.2, rel=0.03) and noise.mean() == pytest.approx(0, abs=0.01)
    assert blurred(x, 0.0, None) is x


# --- in the game -----------------------------------------------------------------------------------------------


class Packing(Settings):
    """Settings of a game whose D takes packs."""

    packs = True


def small_game(make=lambda a: a, kind=Packing, **settings):
    """Points in the plane: a linear G, a D with one hidden layer; `make` puts arrays where they belong."""
    s = kind(**{"steps": 10, "batch_size": 8, **settings})
    rng = np.random.default_rng(0)
    g = nn.Linear(3, 2, rng=rng)
    d = nn.Sequential(nn.Linear(2 * s.packing, 6, rng=rng), MinibatchStd(2), nn.Tanh(), nn.Linear(7, 1, rng=rng))
    for p in g.parameters() + d.parameters():
        p.data = make(p.data)
    draw = lambda rng, n, size: make(rng.standard_normal((n, size), dtype="float32"))
    real = lambda step: (draw(stream(0, "real", step), s.batch_size, 2),)
    fake = lambda generator, rng, n: (generator(Tensor(draw(rng, n, 3))),)
    return Game(g, d, real, fake, s)


def watched(game):
    """A list to which every turn of a player adds ("g" or "d", its learning rate)."""
    turns = []
    for player in "gd":
        optimizer = getattr(game, f"{player}_optimizer")
        step = optimizer.step
        optimizer.step = lambda grads, step=step, p=player, o=optimizer: (turns.append((p, o.lr)), step(grads))
    return turns


def test_critic_has_its_turns_and_its_rate():
    game = small_game(n_critic=3, d_rate=4.0, learning_rate=0.5, decay_from=1.0)
    turns, steps, real = watched(game), [], game.real
    game.real = lambda step: (steps.append(step), real(step))[1]
    for step in range(2):
        training_step(game, step)
    assert turns == [*[("d", 2.0)] * 3, ("g", 0.5)] * 2
    assert steps == list(range(6))  # every turn sees samples of its own


def test_instance_noise_falls_to_nothing(monkeypatch):
    amounts = []
    monkeypatch.setattr(training, "blurred", lambda x, amount, rng: (amounts.append(amount), x)[1])
    game = small_game(instance_noise=0.4, n_critic=2)
    for step in (0, 5, 9):
        training_step(game, step)
    assert amounts == pytest.approx([a for a in (0.4, 0.38, 0.2, 0.18, 0.04, 0.02) for _ in "rf"])


def test_discriminator_judges_packs():
    game, seen = small_game(packing=4), []
    forward = game.discriminator.forward
    game.discriminator.forward = lambda x: (seen.append(x.shape), forward(x))[1]
    training_step(game, 0)
    assert set(seen) == {(2, 8)}
    game.real = lambda step: (np.zeros((8, 2), np.float32), np.zeros(8, np.int64))
    with pytest.raises(ValueError, match="cannot be packed"):
        training_step(game, 0)


def test_smoothed_labels_reach_the_discriminators_loss():
    losses = [training_step(small_game(objective="minimax", smoothing=a), 0) for a in (0.0, 0.1)]
    game = small_game()
    mean_verdict = game.discriminator(Tensor(game.real(0)[0])).data.mean()
    assert losses[1]["d_loss"] - losses[0]["d_loss"] == pytest.approx(0.1 * mean_verdict, abs=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains_with_everything_on(objective):
    smoothing = 0.1 if OBJECTIVES[objective].targets else 0.0
    game = small_game(
        objective=objective, smoothing=smoothing, packing=2, n_critic=2, instance_noise=0.1, clip_gradients=1.0
    )
    before = [p.numpy().copy() for p in game.g_parameters]
    rows = [training_step(game, step) for step in range(3)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    assert all((p.numpy() != b).any() for p, b in zip(game.g_parameters, before))


@pytest.mark.parametrize("penalty", ["r1+r2", "wgan-gp", "dragan"])
def test_everything_on_as_a_gpu_would_run_it(penalty):
    settings = {
        "objective": "least-squares", "penalty": penalty, "packing": 2, "n_critic": 2, "instance_noise": 0.1,
        "smoothing": 0.1, "clip_gradients": 1.0, "clip_weights": 0.5 if penalty == "r1+r2" else 0.0,
    }  # fmt: skip
    on_numpy, on_strict = small_game(**settings), small_game(strict, **settings)
    for step in range(3):
        assert training_step(on_strict, step) == pytest.approx(training_step(on_numpy, step), rel=1e-4, abs=1e-5)
    assert all(isinstance(p.data, StrictArray) for p in on_strict.d_parameters + on_strict.g_parameters)


@pytest.mark.parametrize(
    "kind, settings, reason",
    [
        (Settings, {"packing": 2}, "takes one sample at a time"),
        (Packing, {"packing": 3, "batch_size": 64}, "does not divide batch_size=64"),
        (Packing, {"smoothing": 0.1, "objective": "wasserstein"}, "no target"),
        (Packing, {"smoothing": 0.1}, "leave it out, or take minimax"),
        (Packing, {"smoothing": 0.7, "objective": "minimax"}, "between 0.0 and 0.5"),
        (Packing, {"n_critic": 0}, "at least 1"),
        (Packing, {"d_rate": 0.0}, "never learn"),
        (Packing, {"instance_noise": -1.0}, "at least 0"),
    ],
)
def test_nonsense_is_refused_with_the_reason(kind, settings, reason):
    with pytest.raises(ValueError, match=reason):
        kind(**settings)

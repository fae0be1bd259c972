"""What steadies the game: packs, spread of a batch, noise on what D sees, turns and rates of the players."""

import numpy as np
import pytest
from strict import StrictArray, strict

from tinygan import Tensor, nn, ops
from tinygan.backend import stream
from tinygan.gan import training
from tinygan.gan.augment import CHANGES, MinibatchStd, augmented, blurred, packed
from tinygan.gan.latent import SparseCode, sparse_code
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


# --- pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [*CHANGES, "+".join(CHANGES)])
def test_changes_of_pictures_have_gradients_and_are_functions_of_their_generator(policy, assert_gradients):
    x = np.random.default_rng(3).standard_normal((3, 2, 5, 4))
    changed = lambda x: augmented(x, policy, np.random.default_rng(7))
    assert_gradients(lambda x: ops.sum(ops.square(changed(x))), x)
    assert changed(x).shape == x.shape and (changed(x) != x).any()
    np.testing.assert_array_equal(changed(x), changed(Tensor(x)).data)
    assert augmented(x.astype("float32"), policy, np.random.default_rng(7)).dtype == np.float32


def test_translation_moves_each_picture_by_itself():
    """Against a loop over pixels: one shift a picture is right, none of more than an eighth, all of them come up."""
    x = np.random.default_rng(4).uniform(1, 2, (200, 1, 8, 16))
    moved, shifts = augmented(x, "translation", np.random.default_rng(5)), set()
    for before, after in zip(x[:, 0], moved[:, 0]):
        fits = []
        for down in (-1, 0, 1):
            for right in range(-2, 3):
                expected = np.zeros_like(before)
                for i in range(8):
                    for j in range(16):
                        if 0 <= i - down < 8 and 0 <= j - right < 16:
                            expected[i, j] = before[i - down, j - right]
                fits += [(down, right)] if (expected == after).all() else []
        assert len(fits) == 1
        shifts |= set(fits)
    assert len(shifts) == 15


def test_cutout_covers_a_rectangle_of_half_each_side():
    covered = augmented(np.ones((400, 3, 8, 6)), "cutout", np.random.default_rng(6)) == 0
    assert (covered == covered[:, :1]).all()
    rows, columns = covered[:, 0].any(2), covered[:, 0].any(1)
    np.testing.assert_array_equal(covered[:, 0], rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() == 4 and columns.sum(1).max() == 3 and rows.sum(1).min() == 2
    assert (np.abs(np.diff(rows.astype(int), axis=1)).sum(1) <= 2).all()  # in one piece


def test_brightness_and_contrast_are_of_the_whole_picture():
    x = np.random.default_rng(7).standard_normal((500, 2, 4, 4))
    more = augmented(x, "brightness", np.random.default_rng(8)) - x
    assert np.ptp(more, (1, 2, 3)).max() < 1e-12 and -0.5 <= more.min() < -0.45 and 0.45 < more.max() <= 0.5
    contrast = augmented(x, "contrast", np.random.default_rng(8))
    np.testing.assert_allclose(contrast.mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-12)
    strength = contrast.std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.5 <= strength.min() < 0.55 and 1.45 < strength.max() <= 1.5


@pytest.mark.parametrize(
    "shape, policy, reason", [((4, 2), "cutout", "pictures"), ((1, 1, 4, 4), "blur", "joined by +")]
)
def test_changes_of_other_things_are_refused(shape, policy, reason):
    with pytest.raises(ValueError, match=reason):
        augmented(np.zeros(shape), policy, None)


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


def test_what_does_not_fit_the_samples_or_players_is_refused_before_training():
    game = small_game()
    told = lambda generator, rng, n: (*game.fake(generator, rng, n), Tensor(np.zeros(n, np.int64)))
    absent = lambda step: pytest.fail("no data is needed to refuse, or to open a run for sampling")
    for settings, reason in (
        ({"packing": 2}, "cannot be packed"),
        ({"augment": "cutout"}, "expected pictures"),
        ({"objective": "wasserstein", "penalty": "none"}, "nothing holds"),
        ({"objective": "wasserstein", "gamma": 0.0}, "nothing holds"),
        ({"sparsity": 0.1}, "no layer SparseCode"),
    ):
        with pytest.raises(ValueError, match=reason):
            Game(game.generator, game.discriminator, absent, told, Packing(**settings))
    d = nn.Sequential(nn.spectral_norm(nn.Linear(2, 1, rng=0)))
    for settings in ({"penalty": "none"}, {"penalty": "none", "clip_weights": 0.01}, {"penalty": "r1"}):
        judge = d if settings == {"penalty": "none"} else game.discriminator
        Game(game.generator, judge, game.real, game.fake, Settings(objective="wasserstein", **settings))


def test_real_and_generated_pictures_are_changed_and_g_learns_through_it(monkeypatch):
    seen = []
    monkeypatch.setattr(training, "augmented", lambda x, *args: (seen.append(args[0]), augmented(x, *args))[1])
    s = Settings(steps=4, batch_size=4, augment="+".join(CHANGES))
    g = nn.Sequential(nn.Linear(3, 16, rng=0), nn.Unflatten(1, (1, 4, 4)))
    d = nn.Sequential(nn.Flatten(), nn.Linear(16, 1, rng=0))
    draw = lambda rng, *shape: rng.standard_normal(shape, dtype="float32")
    fake = lambda generator, rng, n: (generator(Tensor(draw(rng, n, 3))),)
    game = Game(g, d, lambda step: (draw(stream(0, "real", step), 4, 1, 4, 4),), fake, s)
    before = g[0].weight.data.copy()
    assert all(np.isfinite(v) for v in training_step(game, 0).values())
    assert seen == [s.augment] * 3 and (g[0].weight.data != before).all()


def test_sparsity_leaves_few_units_active():
    active = []
    for sparsity in (0.0, 0.3):
        s = Settings(steps=150, batch_size=16, sparsity=sparsity, learning_rate=1e-2)
        g = nn.Sequential(nn.Linear(3, 20, rng=0), SparseCode(), nn.Linear(20, 2, rng=1))
        d = nn.Linear(2, 1, rng=2)
        fake = lambda generator, rng, n: (generator(Tensor(rng.standard_normal((n, 3), dtype="float32"))),)
        real = lambda step: (stream(0, "real", step).standard_normal((16, 2), dtype="float32") + 1,)
        game = Game(g, d, real, fake, s)
        rows = [training_step(game, step) for step in range(150)]
        assert ("active_share" in rows[0]) == (sparsity > 0)
        game.fake(g, stream(0, "z"), 100)
        active.append(float((sparse_code(g).data > 0).mean()))
    assert active[1] < active[0] / 2 and rows[-1]["active_share"] == pytest.approx(active[1], abs=0.1)


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

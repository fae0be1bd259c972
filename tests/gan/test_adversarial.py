"""The training step of one G and one D: each of its terms moves what it should, the way it should, and nothing else."""

from dataclasses import dataclass

import numpy as np
import pytest
from gpu import GpuArray, on_gpu
from point_games import NOISE, PointGame, Settings, players, point_game, weights
from tiny_runs import digits, one_sentence

from tinygan import Tensor, nn, ops
from tinygan.backend import stream
from tinygan.gan import adversarial
from tinygan.gan.adversarial import Adversarial, Duel, FromNoise
from tinygan.gan.augment import CHANGES, augment
from tinygan.gan.latent import Normal, SparseCode, sparse_code
from tinygan.gan.objectives import OBJECTIVES, Objective
from tinygan.gan.penalties import PENALTIES, squared_slopes
from tinygan.gan.players import Batch
from tinygan.gan.settings import AdversarialSettings, DuelSettings
from tinygan.networks.perceptrons import PerceptronSettings
from tinygan.recipes.points._points import PointGame as SparseGame
from tinygan.run.checkpoint import RunError
from tinygan.run.folder import Run
from tinygan.run.loop import train

# --- one term at a time: which way does it move what? --------------------------------------------------------------

NOTHING = Objective(lambda real, fake: 0 * ops.mean(real), lambda real, fake: 0 * ops.mean(fake), "neither wants anything")
SLOW = {"learning_rate": 1e-4, "schedule": "constant"}
Z = np.random.default_rng(9).standard_normal((64, NOISE)).astype("float32")


def quiet_game(kind=PointGame, objective=None, **settings):
    """A game in which nothing is alive but what the settings say; with objective=None neither player wants anything."""
    game = point_game(kind=kind, **{**SLOW, "penalty": "none", "objective": objective or "hinge", **settings})
    game.objective = game.objective if objective else NOTHING
    return game


def drawn(game):
    """What G makes of the same z, and D's verdicts on it: arrays."""
    x = game.G.module(Tensor(Z))
    return x.data, game.D.module(x).data


def seen_by_d(game):
    """Real and generated samples of the first turn, Tensors whose slope can be asked for."""
    real = game.batch(0)
    fake = game.fake(game.G.module, len(real.x), real.given, stream(game.settings.seed, "noise", 0))
    return Tensor(real.x, requires_grad=True), Tensor(fake.x.data, requires_grad=True)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_d_comes_to_tell_real_samples_from_generated_ones(name):
    clip = {"clip_weights": 100.0} if name == "wasserstein" else {}
    game = quiet_game(objective=name, **clip)
    real, fake = seen_by_d(game)
    margin = lambda: game.D.module(real).data.mean() - game.D.module(fake).data.mean()
    before = margin()
    game.step(0)
    assert margin() > before + 1e-5


@pytest.mark.parametrize("name", OBJECTIVES)
def test_g_comes_to_be_judged_better(name):
    game = quiet_game(objective=name, **({"clip_weights": 100.0} if name == "wasserstein" else {}))
    before = game.G.module(Tensor(Z)).data
    game.step(0)
    after = game.G.module(Tensor(Z)).data
    judge = lambda x: game.D.module(Tensor(x)).data.mean()  # D after its step, as G met it
    assert judge(after) > judge(before) + 1e-5


def slope(game, samples):
    return np.sqrt(squared_slopes(game.D.module(samples), samples).data)


@pytest.mark.parametrize("penalty, where", [("r1", [0]), ("r2", [1]), ("r1+r2", [0, 1])])
def test_a_zero_centred_penalty_lowers_the_slope(penalty, where):
    game = quiet_game(penalty=penalty)
    samples = seen_by_d(game)
    before = [slope(game, samples[k]).mean() for k in where]
    row = game.step(0)
    assert row["penalty"] > 0
    assert all(slope(game, samples[k]).mean() < b - 1e-5 for k, b in zip(where, before))


@pytest.mark.parametrize("penalty", ["wgan-gp", "dragan"])
@pytest.mark.parametrize("steepness", [0.1, 20.0], ids=["too flat", "too steep"])
def test_a_one_centred_penalty_draws_the_slope_to_one(penalty, steepness):
    game = quiet_game(penalty=penalty, gamma=10.0)
    game.D.module = nn.Linear(2, 1, rng=0)
    game.D.parameters = game.D.module.parameters()
    game.D.parameters[0].data *= np.float32(steepness / np.linalg.norm(game.D.parameters[0].data))
    game.D.optimizer = type(game.D.optimizer)(game.D.parameters, lr=1e-4)
    distance = lambda: abs(np.linalg.norm(game.D.parameters[0].data) - 1)
    before = distance()
    game.step(0)
    assert distance() < before - 1e-5


def test_the_penalty_is_as_strong_with_every_n_th_turn():
    """Lazily it is taken every fourth turn, with four times the weight."""
    often, lazily = (quiet_game(penalty="r1", gamma=0.5, penalty_every=n) for n in (1, 4))
    first = [game.step(0)["penalty"] for game in (often, lazily)]
    assert first[1] == pytest.approx(4 * first[0])
    assert ["penalty" in lazily.step(k) for k in range(1, 9)] == [k % 4 == 0 for k in range(1, 9)]
    assert all("penalty" in often.step(k) for k in range(1, 4))


def test_the_penalty_counts_ds_turns_and_its_weight_follows_the_step():
    game = quiet_game(penalty="r1", gamma=1.0, gamma_end=0.01, penalty_every=3, n_critic=2, steps=10)
    assert ["penalty" in game.step(k) for k in range(6)] == [True, True, False, True, True, False]  # of turns 0, 3, 6, 9
    assert game.settings.weight(5) == pytest.approx(3 * 0.1)


def test_in_all_turns_of_a_step_the_penalty_has_the_weight_of_that_step():
    game, seen = quiet_game(penalty="r1", n_critic=3), []
    game.settings.weight = lambda k: (seen.append(k), 1.0)[1]
    for step in range(2):
        game.step(step)
    assert seen == [0, 0, 0, 1, 1, 1]


def test_points_of_a_penalty_are_drawn_anew_in_every_turn_and_told_what_the_real_ones_are():
    game, drawn, told = quiet_game(penalty="dragan", gamma=10.0, n_critic=2), [], []

    def value(judge, x_real, real, x_fake, fake, rng):
        drawn.append(rng.random())
        judge(x_real)
        return 0 * ops.mean(real)

    game.penalty = PENALTIES["dragan"]._replace(value=value)
    game.judge = lambda D, x, given: (told.append(given), (D(x), 0.0))[1]
    for step in range(2):
        real, fake = Batch(game.batch(0).x, ("real",)), Batch(game.fake(game.G.module, 8, (), stream(0, "z")).x, ("fake",))
        game.move_d(real, fake._replace(given=(np.ones(1),)), 0, step)
    assert told == [("real",), (np.ones(1),), ("real",)] * 2
    assert drawn == [stream(0, "penalty", turn).random() for turn in range(2)]


class Reading(PointGame):
    """A D whose loss gains what it reads: the mean verdict on the samples that `reads` names, ("real", "fake")."""

    reads, turn = (), ""

    def move_d(self, real, fake, k, turn):
        self.turn = "d"
        self.kinds = {id(real.x): "real", id(fake.x.data): "fake"}
        return super().move_d(real, fake, k, turn)

    def judge(self, D, x, given):
        verdicts = D(x)
        if self.kinds.get(id(x.data)) in self.reads:
            return verdicts, ops.mean(verdicts)
        return verdicts, 0.0


@pytest.mark.parametrize("kind", [0, 1], ids=["real", "generated"])
def test_what_d_reads_is_in_its_loss(kind):
    game = quiet_game(Reading)
    game.reads = ("real", "fake")[kind : kind + 1]
    samples = seen_by_d(game)
    before = game.D.module(samples[kind]).data.mean()
    game.step(0)
    assert game.D.module(samples[kind]).data.mean() < before - 1e-5


@pytest.mark.parametrize("reads", ["real", "fake"])
def test_what_d_reads_in_generated_samples_is_in_gs_loss(reads):
    game = quiet_game(Reading, d_rate=1e-6)
    game.reads = (reads,)
    (_, verdicts), before = drawn(game), weights(game)
    game.step(0)
    y, _ = drawn(game)
    if reads == "real":  # which G cannot change
        assert all((weights(game)[name] == before[name]).all() for name in before if name.startswith("generator."))
    else:
        assert game.D.module(Tensor(y)).data.mean() < verdicts.mean() - 1e-5


def test_what_else_g_wants_is_in_its_loss_alone():
    class Small(PointGame):
        def g_extra(self):
            return 2.0 * ops.mean(self.last), {"size": float(self.last.data.mean())}

        def fake(self, *arguments):
            batch = super().fake(*arguments)
            self.last = batch.x[:, 0]
            return batch

    game = quiet_game(Small)
    (x, _), before = drawn(game), weights(game)
    row = game.step(0)
    assert drawn(game)[0][:, 0].mean() < x[:, 0].mean() - 1e-5 and drawn(game)[0][:, 1].mean() == x[:, 1].mean()
    assert row["g_loss"] == pytest.approx(2 * row["size"])
    assert all((weights(game)[name] == before[name]).all() for name in before if name.startswith("discriminator."))


# --- who moves, who does not -----------------------------------------------------------------------------------------


def test_the_step_trains_both_players_and_only_them():
    game = digits.make_game(digits.Settings(steps=6, batch_size=8, hidden=8, features=8))
    before = weights(game)
    row = game.step(0)
    after = weights(game)
    assert set(row) == {"d_loss", "g_loss", "penalty"}
    for name in before:
        # a constant added to all verdicts changes no difference of them: the last bias gets no gradient
        if name.startswith(("generator", "discriminator")) and name != "discriminator.fc2.bias" and "optimizer" not in name:
            assert (before[name] != after[name]).any(), name
    assert all(p.grad is None for p in game.G.parameters + game.D.parameters)
    layers = {name: np.isfinite(value) for name, value in game.step(99).items() if "/" in name}
    assert {"d_gradient_norm/cnn1.0", "d_gradient_norm/fc2", "g_gradient_norm/lstm"} <= set(layers) and all(
        layers.values()
    )


def test_ds_turn_does_not_reach_into_g():
    """Of generated samples, and of what comes with them, D's turn sees arrays without a history; G's samples keep theirs."""

    class Told(PointGame):
        seen = []

        def generate(self, G, z, given):
            x = G(*self.to_tensors(z))
            return Batch(x, (2 * x,))

        def judge(self, D, x, given):
            self.seen.append((x, given))
            return D(x), 0.0

    game = point_game(kind=Told)
    before = weights(game)
    fake = game.fake(game.G.module, 8, (), stream(0, "noise", 0))
    game.move_d(game.batch(0), fake, 0, 0)
    (x_real, _), (x_fake, given) = Told.seen
    assert x_fake.op is None and x_real.op is None and not isinstance(given[0], Tensor)
    np.testing.assert_array_equal(x_fake.data, fake.x.data)
    np.testing.assert_array_equal(given[0], fake.given[0].data)
    assert fake.x.op is not None
    turn = game.move_d(game.batch(0), fake, 0, 1)
    assert turn.of_real.shape == (8, 1) and isinstance(turn.of_real, np.ndarray) and len(turn.grads) == 4
    loss = game.objective.discriminator(Tensor(turn.of_real), Tensor(turn.of_fake)).item()
    assert loss == pytest.approx(turn.row["d_loss"]) and loss != pytest.approx(
        game.objective.discriminator(Tensor(turn.of_fake), Tensor(turn.of_real)).item()
    )
    after = weights(game)
    changed = {name.partition(".")[0] for name in before if (before[name] != after[name]).any()}
    assert changed == {"discriminator", "discriminator_optimizer"}


def test_g_learns_from_d_as_it_is_after_its_last_turn_on_that_turns_samples():
    game, verdicts = point_game(n_critic=3), []
    move, judge = game.G.move, game.judge

    def before_g(loss, k):
        verdicts.append((game.D.module(shown[-1]).data, judged[-1], shown[-1].data))
        return move(loss, k)

    shown, judged = [], []

    def watching(D, x, given):
        found = judge(D, x, given)
        shown.append(x)
        judged.append(found[0].data)
        return found

    game.judge, game.G.move = watching, before_g
    expected = game.fake(game.G.module, 8, (), stream(0, "noise", 2)).x.data
    game.step(0)
    ((now, used, x),) = verdicts
    np.testing.assert_array_equal(now, used)
    np.testing.assert_array_equal(x, expected)
    np.testing.assert_array_equal(shown[-2].data, game.batch(2).x)  # a relativistic G is shown the real ones too
    assert len(shown) == 3 * 2 + 2


@pytest.mark.parametrize("name", OBJECTIVES)
def test_real_samples_are_judged_for_g_where_its_objective_compares(name):
    game, shown = quiet_game(objective=name, **({"clip_weights": 100.0} if name == "wasserstein" else {})), []
    judge = game.judge
    game.judge = lambda D, x, given: (shown.append(x), judge(D, x, given))[1]
    game.step(0)
    assert len(shown) == (4 if OBJECTIVES[name].compares else 3)
    assert shown[-1].op is not None


def test_the_average_follows_g():
    game = point_game(ema=0.75)
    old, average = game.G.module.weight.data.copy(), game.G.average.module.weight.data.copy()
    np.testing.assert_array_equal(old, average)
    game.step(0)
    new = game.G.module.weight.data
    np.testing.assert_allclose(game.G.average.module.weight.data, 0.75 * old + 0.25 * new, rtol=1e-5)
    assert (new != old).any()


def test_clipped_weights_and_gradients():
    game = digits.make_game(
        digits.Settings(
            steps=6, batch_size=8, hidden=8, features=8, clip_weights=0.01, clip_gradients=1e-3, objective="wasserstein",
            penalty="none",
        )
    )  # fmt: skip
    seen = {}
    for optimizer in (game.G.optimizer, game.D.optimizer):
        step = optimizer.step
        optimizer.step = lambda grads, step=step, optimizer=optimizer: (seen.update({optimizer: grads}), step(grads))
    assert game.G.clip == game.D.clip == 1e-3
    for step in range(2):
        game.step(step)
    assert max(np.abs(p.data).max() for p in game.D.parameters) == np.float32(0.01)
    assert max(np.abs(p.data).max() for p in game.G.parameters) > 0.1
    for grads in seen.values():
        assert np.sqrt(sum(np.square(g).sum() for g in grads)) <= 1e-3 * (1 + 1e-5)


def watched(game):
    """A list to which every turn of a player adds ("g" or "d", its learning rate)."""
    turns = []
    for player in (game.G, game.D):
        step = player.optimizer.step
        player.optimizer.step = lambda grads, step=step, p=player: (turns.append((p.name[0], p.optimizer.lr)), step(grads))
    return turns


def test_critic_has_its_turns_and_its_rate():
    game = point_game(n_critic=3, d_rate=4.0, learning_rate=0.5, decay_from=1.0)
    turns, steps, batch = watched(game), [], game.batch
    game.batch = lambda turn: (steps.append(turn), batch(turn))[1]
    for step in range(2):
        game.step(step)
    turns = [(name.replace("generator", "g"), rate) for name, rate in turns]
    assert turns == [*[("d", 2.0)] * 3, ("g", 0.5)] * 2
    assert steps == list(range(6))  # every turn sees samples of its own


def test_both_players_follow_the_schedule():
    game = point_game(steps=4, learning_rate=0.5, decay_from=0.0, d_rate=2.0, n_critic=2)
    turns = watched(game)
    for step in range(4):
        game.step(step)
    assert [rate for name, rate in turns if name == "g"] == pytest.approx([0.5, 0.375, 0.25, 0.125])
    assert [rate for name, rate in turns if name == "d"] == pytest.approx([1, 1, 0.75, 0.75, 0.5, 0.5, 0.25, 0.25])


# --- what D is shown -------------------------------------------------------------------------------------------------


def test_instance_noise_falls_to_nothing(monkeypatch):
    amounts = []
    monkeypatch.setattr(adversarial, "blur", lambda x, amount, rng: (amounts.append(amount), x)[1])
    game = point_game(instance_noise=0.4, n_critic=2)
    for step in (0, 5, 9):
        game.step(step)
    assert amounts == pytest.approx([a for a in (0.4, 0.38, 0.2, 0.18, 0.04, 0.02) for _ in "rf"])


def test_real_and_generated_samples_have_noise_of_their_own():
    game = point_game(instance_noise=0.4)
    x = np.zeros((8, 2), np.float32)
    noise = {(kind, turn): game.show(Batch(x), turn, kind).x for kind in ("real", "fake") for turn in (0, 1)}
    for (kind, turn), found in noise.items():
        own = stream(0, f"instance noise, {kind}", turn).standard_normal((8, 2), dtype="float32")
        np.testing.assert_allclose(found, 0.4 * (1 - turn / 10) * own, rtol=1e-6)
    assert game.show(Batch(x, (3,)), 0, "real").given == (3,)


def test_real_and_generated_pictures_are_changed_each_in_their_own_way():
    game, x = point_game(), np.random.default_rng(0).standard_normal((8, 1, 4, 4))
    game.augment = "translation"
    for kind in ("real", "fake"):
        for turn in (0, 1):
            expected = augment(x, "translation", stream(0, f"augment, {kind}", turn))
            np.testing.assert_array_equal(game.show(Batch(x), turn, kind).x, expected)


def test_every_turn_shows_both_batches_once_each_as_what_it_is():
    game, shown = point_game(n_critic=2), []
    show = game.show
    game.show = lambda batch, *how: (shown.append((isinstance(batch.x, Tensor), *how)), show(batch, *how))[1]
    for step in range(2):
        game.step(step)
    assert shown == [(kind == "fake", turn, kind) for turn in range(4) for kind in ("real", "fake")]


def test_discriminator_judges_packs():
    game, seen = point_game(packing=4), []
    forward = game.D.module.forward
    game.D.module.forward = lambda x: (seen.append(x.shape), forward(x))[1]
    game.step(0)
    assert set(seen) == {(2, 8)}


def test_real_and_generated_pictures_are_changed_and_g_learns_through_it(monkeypatch):
    seen = []
    monkeypatch.setattr(adversarial, "augment", lambda x, *args: (seen.append(args[0]), augment(x, *args))[1])
    s = Settings(steps=4, batch_size=4, augment="+".join(CHANGES))
    g = nn.Sequential(nn.Linear(3, 16, rng=0), nn.Unflatten(1, (1, 4, 4)))
    d = nn.Sequential(nn.Flatten(), nn.Linear(16, 1, rng=0))
    batch = lambda turn: Batch(stream(0, "real", turn).standard_normal((4, 1, 4, 4), dtype="float32"))
    game = FromNoise(g, d, [Normal(3)], batch, s)
    before = g[0].weight.data.copy()
    assert all(np.isfinite(v) for v in game.step(0).values())
    assert seen == [s.augment] * 3 and (g[0].weight.data != before).all()


# --- what else a game may want -----------------------------------------------------------------------------------------


@dataclass
class SparseSettings(PerceptronSettings, AdversarialSettings):
    """Settings of a game whose G is thinned out."""


def test_sparsity_leaves_few_units_active():
    active = []
    for sparsity in (0.0, 0.3):
        s = SparseSettings(steps=150, batch_size=16, sparsity=sparsity, learning_rate=1e-2)
        g = nn.Sequential(nn.Linear(3, 20, rng=0), SparseCode(), nn.Linear(20, 2, rng=1))
        batch = lambda turn: Batch(stream(0, "real", turn).standard_normal((16, 2), dtype="float32") + 1)
        game = SparseGame(g, nn.Linear(2, 1, rng=2), [Normal(3)], batch, s)
        rows = [game.step(step) for step in range(150)]
        assert ("active_share" in rows[0]) == (sparsity > 0)
        game.fake(g, 100, (), stream(0, "z"))
        active.append(float((sparse_code(g).data > 0).mean()))
    assert active[1] < active[0] / 2 and rows[-1]["active_share"] == pytest.approx(active[1], abs=0.1)


def test_smoothed_labels_reach_the_discriminators_loss():
    losses = [point_game(objective="minimax", smoothing=a).step(0) for a in (0.0, 0.1)]
    game = point_game()
    mean_verdict = game.D.module(Tensor(game.batch(0).x)).data.mean()
    assert losses[1]["d_loss"] - losses[0]["d_loss"] == pytest.approx(0.1 * mean_verdict, abs=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_trains_with_everything_on(objective):
    smoothing = {"smoothing": 0.1} if OBJECTIVES[objective].targets else {}
    game = point_game(
        objective=objective, packing=2, n_critic=2, instance_noise=0.1, clip_gradients=1.0, **smoothing
    )  # fmt: skip
    assert game.bounds == OBJECTIVES[objective].bounds
    before = [p.numpy().copy() for p in game.G.parameters]
    rows = [game.step(step) for step in range(3)]
    assert all(np.isfinite(value) for row in rows for value in row.values())
    assert all((p.numpy() != b).any() for p, b in zip(game.G.parameters, before))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_trains(penalty):
    game = digits.make_game(digits.Settings(steps=6, batch_size=8, hidden=8, features=8, penalty=penalty))
    row = game.step(0)
    assert ("penalty" in row) == (penalty != "none")
    assert all(np.isfinite(value) for value in row.values())


@pytest.mark.parametrize("penalty", ["r1+r2", "wgan-gp", "dragan"])
def test_everything_on_as_a_gpu_would_run_it(penalty):
    settings = {
        "objective": "least-squares", "penalty": penalty, "packing": 2, "n_critic": 2, "instance_noise": 0.1,
        "smoothing": 0.1, "clip_gradients": 1.0, "clip_weights": 0.5 if penalty == "r1+r2" else 0.0,
    }  # fmt: skip
    on_numpy, on_device = point_game(**settings), point_game(on_gpu, **settings)
    for step in range(3):
        assert on_device.step(step) == pytest.approx(on_numpy.step(step), rel=1e-4, abs=1e-5)
    assert all(isinstance(p.data, GpuArray) for p in on_device.D.parameters + on_device.G.parameters)


# --- what is refused before training, and while -----------------------------------------------------------------------


def test_a_wasserstein_game_needs_something_that_holds_ds_slope():
    absent = lambda turn: pytest.fail("no data is needed to refuse, or to open a run for sampling")
    g, plain = nn.Linear(NOISE, 2, rng=0), nn.Linear(2, 1, rng=0)
    normalised = nn.Sequential(nn.spectral_norm(nn.Linear(2, 1, rng=0)))
    play = lambda d, **settings: FromNoise(g, d, [Normal(NOISE)], absent, Settings(objective="wasserstein", **settings))
    for settings in ({"penalty": "none"}, {"gamma": 0.0}):
        with pytest.raises(ValueError, match="nothing holds"):
            play(plain, **settings)
        play(normalised, **settings)
    play(plain, penalty="none", clip_weights=0.01)
    play(plain, penalty="r1")


@pytest.mark.parametrize("settings", [{"packing": 2}, {"augment": "cutout"}], ids=str)
def test_what_does_not_fit_the_samples_is_refused_before_training(settings):
    class Told(PointGame):
        def generate(self, G, z, given):
            return Batch(G(*self.to_tensors(z)), self.to_tensors([np.zeros(len(z[0]), np.float32)]))

    with pytest.raises(ValueError, match="cannot be packed" if "packing" in settings else "expected pictures"):
        point_game(kind=Told, **settings)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path):
    small = lambda: digits.make_game(digits.Settings(steps=6, batch_size=8, hidden=8, features=8))
    game = small()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    batch = game.batch
    game.batch = lambda turn: Batch(batch(turn).x * (np.float32("nan") if turn == 4 else 1))
    with pytest.raises(RunError, match="discriminator's gradient is no longer finite in cnn1.0.weight.*step 5") as error:
        train(game, run, lambda samples, path: None, progress=False)
    one_sentence(error)
    assert run.load(small()) >= 1


# --- games that have less ----------------------------------------------------------------------------------------------


@dataclass
class FewSettings(DuelSettings):
    """Settings of a duel without a penalty, without packs, without noise."""

    objective, ema = "hinge", 0.9


def test_a_group_that_the_settings_do_not_have_is_neutral():
    s = FewSettings(batch_size=8, steps=4)
    g, d = players(Settings(steps=4, batch_size=8))
    duel = Duel(g, d, lambda turn: Batch(np.ones((8, 2), np.float32)), s)
    assert duel.penalty is None and duel.clip_weights == 0 and duel.objective is OBJECTIVES["hinge"]
    row, grads, of_real, of_fake = duel.move_d(duel.batch(0), Batch(Tensor(np.zeros((8, 2), np.float32))), 0, 0)
    assert set(row) == {"d_loss"} and of_real.shape == of_fake.shape == (8, 1) and len(grads) == len(duel.D.parameters)
    game = Adversarial(g, d, duel.read, s)
    assert (game.instance_noise, game.augment, game.packing) == (0.0, "", 1)
    with pytest.raises(NotImplementedError):
        game.fake(g, 8, (), stream(0, "noise", 0))

"""The game: penalties against closed forms, settings, runs that resume to the same bits."""

import json

import numpy as np
import pytest

from tinygan import Tensor, ops
from tinygan.backend import stream
from tinygan.gan.checkpoint import load_checkpoint, save_checkpoint
from tinygan.gan.loop import train
from tinygan.gan.penalties import PENALTIES, one_centred, squared_slopes, zero_centred
from tinygan.gan.run import Run, RunError
from tinygan.gan.training import Settings, gamma_at, learning_rate_at, training_step
from tinygan.recipes import digits

# --- penalties -------------------------------------------------------------------------------------------------


def test_slopes_of_a_quadratic_form():
    rng = np.random.default_rng(1)
    a, x = rng.standard_normal((3, 3)), Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    verdicts = ops.sum((x @ Tensor(a)) * x, 1)
    expected = np.square(x.data @ (a + a.T)).sum(1)
    np.testing.assert_allclose(squared_slopes(verdicts, x).data, expected, rtol=1e-12)
    assert zero_centred(verdicts, x).item() == pytest.approx(expected.mean())
    assert one_centred(verdicts, x).item() == pytest.approx(np.square(np.sqrt(expected) - 1).mean())


def test_slopes_are_taken_per_sample_over_all_but_the_batch():
    rng = np.random.default_rng(2)
    w, x = rng.standard_normal((1, 2, 3, 3)), Tensor(rng.standard_normal((4, 2, 3, 3)), requires_grad=True)
    slopes = squared_slopes(ops.sum(x * Tensor(w), (1, 2, 3)), x)
    np.testing.assert_allclose(slopes.data, np.full(4, np.square(w).sum()), rtol=1e-12)


@pytest.mark.parametrize("penalty", [zero_centred, one_centred])
def test_gradient_of_a_penalty(penalty, assert_gradients):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((4, 3))

    def f(w, v):
        samples = Tensor(x, requires_grad=True)
        return penalty(ops.tanh(samples @ w) @ v, samples)

    assert_gradients(f, rng.standard_normal((3, 5)), rng.standard_normal((5, 1)))


@pytest.mark.parametrize(
    "verdicts, samples, named",
    [
        (lambda x: ops.sum(x.detach(), 1), Tensor(np.ones((2, 3)), requires_grad=True), "with a history"),
        (lambda x: ops.sum(x, 1), Tensor(np.ones((2, 3))), "requires_grad=True"),
        (
            lambda x: ops.sum(Tensor(np.ones((2, 3)), requires_grad=True), 1),
            Tensor(np.ones((2, 3)), True),
            "these samples",
        ),
    ],
    ids=["detached", "no gradient asked", "other samples"],
)
def test_penalty_refuses_what_has_no_graph(verdicts, samples, named):
    with pytest.raises(ValueError, match=named):
        zero_centred(verdicts(samples), samples)


# --- settings, runs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting, named",
    [
        ({"steps": 0}, "steps=0: must be at least 1"),
        ({"learning_rate": float("nan")}, "finite"),
        ({"beta1": 1.5}, "between 0"),
        ({"objective": "chess"}, "expected one of minimax"),
        ({"batch_size": 1.5}, "expected int"),
        ({"penalty": "r3"}, "expected one of none, r1"),
        ({"penalty": "dragan", "gamma": 0.0}, "penalises nothing"),
        ({"penalty": "wgan-gp", "clip_weights": 0.01}, "leave one of them out"),
    ],
)
def test_settings_out_of_range_are_refused(setting, named):
    with pytest.raises(ValueError, match=named):
        Settings(**setting)


def test_learning_rate_falls_over_the_second_half():
    s = Settings(steps=100, learning_rate=1.0)
    assert [learning_rate_at(k, s) for k in (0, 49, 50, 75)] == [1, 1, 1, 0.5]
    assert learning_rate_at(99, s) == pytest.approx(0.02)


def test_schedules_of_the_learning_rate():
    rates = lambda *steps, **settings: [
        learning_rate_at(k, Settings(steps=100, learning_rate=1.0, **settings)) for k in steps
    ]
    assert rates(0, 99, schedule="constant") == [1, 1]
    assert rates(20, 60, 80, 99, schedule="cosine", decay_from=0.2) == pytest.approx(
        [1, 0.5, 0.5 * (1 + np.cos(0.75 * np.pi)), 0.5 * (1 + np.cos(np.pi * 79 / 80))]
    )
    assert rates(0, 50, 75, schedule="exponential") == pytest.approx([1, 1, 0.1])
    assert rates(0, 4, 9, 10, 75, warmup=10) == pytest.approx([0.1, 0.5, 1, 1, 0.5])


def test_gamma_falls_at_an_even_pace():
    s = Settings(steps=100, gamma=0.5, gamma_end=0.005)
    assert [gamma_at(k, s) for k in (0, 50, 100)] == pytest.approx([0.5, 0.05, 0.005])
    assert gamma_at(50, Settings(gamma=0.5)) == 0.5
    games = [small_game(gamma=gamma, gamma_end=end, penalty_every=1) for gamma, end in ((1.0, 0.0), (2.0, 0.5))]
    penalties = [training_step(game, 3)["penalty"] for game in games]
    assert penalties[0] == pytest.approx(penalties[1], rel=1e-5)  # step 3 of 6: half of the way, in factors
    with pytest.raises(ValueError, match="gamma_end=0.1"):
        Settings(gamma=0.0, gamma_end=0.1)


def small_game(**settings):
    return digits.make_game(digits.Settings(steps=6, batch_size=8, hidden=8, features=8, **settings))


def draw_nothing(samples, path):
    assert samples.shape[1:] == (1, 8, 8) and np.abs(samples).max() <= 1


def weights(game):
    return {f"{part}.{k}": a for part, owner in game.parts().items() for k, a in owner.state_dict().items()}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"objective": "non-saturating", "gamma": 0.0},
        {"context": 3},
        {"penalty": "dragan", "n_critic": 2, "instance_noise": 0.1},
    ],
    ids=str,
)
def test_resumed_run_ends_at_the_same_bits(tmp_path, settings):
    whole = small_game(**settings)
    train(whole, Run.create(tmp_path / "whole", "digits", whole.settings), draw_nothing, progress=False)

    first = small_game(**settings)
    run = Run.create(tmp_path / "broken", "digits", first.settings)
    stop_after(first, 4)
    with pytest.raises(KeyboardInterrupt):
        train(first, run, draw_nothing, progress=False)
    again = small_game(**settings)
    start = run.load(again)
    assert 0 < start <= 4
    train(again, run, draw_nothing, start=start, progress=False)

    expected, found = weights(whole), weights(again)
    assert expected.keys() == found.keys()
    for name in expected:
        assert expected[name].tobytes() == found[name].tobytes(), name
    assert [row["step"] for row in run.rows()] == [row["step"] for row in Run.open(tmp_path / "whole").rows()]


@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_penalty_trains(penalty):
    game = small_game(penalty=penalty, penalty_every=1)
    row = training_step(game, 0)
    assert ("penalty" in row) == (penalty != "none")
    assert all(np.isfinite(value) for value in row.values())


def test_clipped_weights_and_gradients():
    game = small_game(clip_weights=0.01, clip_gradients=1e-3, objective="wasserstein", penalty="none")
    seen = {}
    for optimizer in (game.g_optimizer, game.d_optimizer):
        step = optimizer.step
        optimizer.step = lambda grads, step=step, optimizer=optimizer: (seen.update({optimizer: grads}), step(grads))
    for step in range(2):
        training_step(game, step)
    assert max(np.abs(p.data).max() for p in game.d_parameters) == np.float32(0.01)
    assert max(np.abs(p.data).max() for p in game.g_parameters) > 0.1
    for grads in seen.values():
        assert np.sqrt(sum(np.square(g).sum() for g in grads)) <= 1e-3 * (1 + 1e-5)


def stop_after(game, steps):
    real = game.real

    def interrupted(step):
        if step == steps:
            raise KeyboardInterrupt
        return real(step)

    game.real = interrupted


def test_training_step_trains_both_players_and_only_them():
    game = small_game()
    before = weights(game)
    row = training_step(game, 0)
    after = weights(game)
    assert set(row) == {"d_loss", "g_loss", "penalty"}
    for name in before:
        # a constant added to all verdicts changes no difference of them: the last bias gets no gradient
        if name.startswith(("generator", "discriminator")) and name != "discriminator.fc2.bias":
            assert (before[name] != after[name]).any(), name
    assert all(p.grad is None for p in game.g_parameters + game.d_parameters)
    layers = {name: np.isfinite(value) for name, value in training_step(game, 99).items() if "/" in name}
    assert {"d_gradient_norm/cnn1.0", "d_gradient_norm/fc2", "g_gradient_norm/lstm"} <= set(layers) and all(
        layers.values()
    )


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path):
    game = small_game()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    real = game.real
    game.real = lambda step: (real(step)[0] * (np.float32("nan") if step == 4 else 1),)
    with pytest.raises(RunError, match="discriminator's gradient is no longer finite in cnn1.0.weight.*step 5"):
        train(game, run, draw_nothing, progress=False)
    assert run.load(small_game()) >= 1


# --- checkpoints -----------------------------------------------------------------------------------------------


def test_checkpoint_keeps_strided_arrays_and_scalars(tmp_path):
    arrays = {"t": np.arange(6.0).reshape(2, 3).T, "s": np.float32(3), "i": np.arange(3)}
    save_checkpoint(tmp_path / "a.safetensors", arrays, step=3, config={"a": [1]})
    found, metadata = load_checkpoint(tmp_path / "a.safetensors")
    for name in arrays:
        np.testing.assert_array_equal(found[name], arrays[name])
        assert found[name].shape == np.shape(arrays[name]) and found[name].dtype == arrays[name].dtype
    assert metadata["step"] == 3 and metadata["config"] == {"a": [1]}
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def damaged(kind, good):
    flipped = bytearray(good)
    flipped[-3] ^= 1
    return {
        "empty": b"",
        "truncated": good[:-7],
        "one bit flipped": bytes(flipped),
        "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}",
        "huge header": (1 << 62).to_bytes(8, "little") + good[8:],
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "truncated", "one bit flipped", "pickle", "huge header"])
def test_damaged_checkpoint_gets_one_sentence(tmp_path, kind):
    path = tmp_path / "a.safetensors"
    save_checkpoint(path, {"w": np.ones(5)}, step=1)
    path.write_bytes(damaged(kind, path.read_bytes()))
    with pytest.raises(RunError) as error:
        load_checkpoint(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_foreign_checkpoint_and_other_networks_are_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"w": np.ones(5)}, tmp_path / "b.safetensors")
    with pytest.raises(RunError, match="not written by tinygan"):
        load_checkpoint(tmp_path / "b.safetensors")
    game = small_game()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    run.save(game, 1)
    with pytest.raises(RunError, match="does not fit"):
        run.load(digits.make_game(digits.Settings(hidden=9)))


def test_folder_errors(tmp_path):
    game = small_game()
    run = Run.create(tmp_path / "run", "digits", game.settings)
    with pytest.raises(RunError, match="holds a run already"):
        Run.create(tmp_path / "run", "digits", game.settings)
    with pytest.raises(RunError, match="no checkpoint"):
        run.load(game)
    with pytest.raises(RunError, match="is no run"):
        Run.open(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be made"):
        Run.create(tmp_path / "file" / "run", "digits", game.settings)
    (run.folder / "config.json").write_text(json.dumps({"recipe": "digits"}))
    with pytest.raises(RunError, match="damaged"):
        _ = run.config


def test_streams_are_functions_of_seed_name_and_step():
    draw = lambda *key: stream(*key).standard_normal(3).tolist()
    assert draw(0, "noise", 7) == draw(0, "noise", 7)
    assert len({str(draw(*key)) for key in [(0, "noise", 7), (1, "noise", 7), (0, "data", 7), (0, "noise", 8)]}) == 4

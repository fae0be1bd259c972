"""Chorales: music is coded and decoded, written as likely as it is read, learned by imitation and by play, and heard."""

import re
import wave

import numpy as np
import pytest
from gpu import moved, on_gpu
from small_runs import SMALL, hold, set_words, small_game

from tinygan import Tensor, recipes
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import made_chorales
from tinygan.recipes.sound import chorales
from tinygan.run.folder import Run
from tinygan.run.loop import train


@pytest.fixture(autouse=True)
def little(monkeypatch, tmp_path):
    """Six made pieces of three bars; no data folder."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setenv("TINYGAN_PROGRESS", "0")
    monkeypatch.setattr(chorales, "made_chorales", lambda n, seed=0: made_chorales(6, bars=3, seed=seed))
    chorales.pieces.cache_clear()
    yield
    chorales.pieces.cache_clear()


def test_training_begins_with_a_line_that_names_each_network_once(tmp_path, capsys):
    words = set_words({**SMALL["chorales"], "steps": 1, "pretrain": 1})
    assert main(["train", "chorales", *words, "--out", str(tmp_path / "run")]) == 0
    said, first = capsys.readouterr().out.splitlines()[:2]
    assert said.startswith("data: 6 pieces made here are learned instead of Bach's: music/Jsb16thSeparated.json: not found")
    assert (tmp_path / "run" / "data.txt").read_text() == said.removeprefix("data: ") + "\n"
    assert re.fullmatch(r"chorales: generator of [\d,]+, discriminator of [\d,]+ weights; 1 steps", first)


@pytest.mark.parametrize("pretrain", [0, 4], ids=["the game alone", "imitation alone"])
def test_every_way_plays(pretrain):
    game = small_game("chorales", pretrain=pretrain)
    losses = [game.step(step) for step in range(2)]
    assert all(np.isfinite(list(row.values())).all() for row in losses)
    assert all(("g_nll" in row) == (pretrain > 0) for row in losses)
    samples = game.sample(5, 0)
    assert samples.shape == (5, *game.batch(0).x.shape[1:]) and samples.shape[1] == 8
    assert (samples == game.sample(5, 0)).all() and (samples != game.sample(5, 1)).any()


def test_train_sample_evaluate(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "chorales", *set_words({**SMALL["chorales"], "steps": 1}), "--out", str(run)]) == 0
    assert (run / "samples" / "step-000001.png").is_file()
    for suffix in chorales.FORMATS:
        assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / f"x{suffix}")]) == 0
    assert not capsys.readouterr().err
    assert main(["evaluate", str(run), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    assert "real data" in printed and "nan" not in printed


def test_the_writer_on_a_gpu():
    """As it would run on a GPU: how likely real pieces are, and how many pitches sound in each row of written ones."""

    def written(make):
        game = small_game("chorales")
        g, real = moved(game.G.module.eval(), make), game.batch(0).x
        return np.append(g(make(real)).numpy(), Tensor(g.write(3, 8, np.random.default_rng(0))).numpy().sum(2))

    np.testing.assert_allclose(written(on_gpu), written(lambda a: a), atol=1e-4)


@pytest.mark.parametrize("broken_off", [1, 3])
def test_a_run_resumes_at_the_same_bits(broken_off, tmp_path):
    draw = lambda samples, path: path.write_bytes(samples.tobytes())
    whole = small_game("chorales")
    train(whole, Run.create(tmp_path / "whole", "chorales", whole.settings, whole.saved), draw, pictures=1, progress=False)

    first = small_game("chorales")
    run = Run.create(tmp_path / "broken", "chorales", first.settings, first.saved)
    for step in range(broken_off):
        first.step(step)
    run.save(first, broken_off)
    again = recipes.load("chorales").make_game(first.settings, saved=run.config["saved"])
    train(again, run, draw, start=run.resume(again), pictures=1, progress=False)
    for file in ("samples/step-000004.png", "checkpoints/step-4.safetensors"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_what_a_step_would_not_read_is_refused(capsys):
    assert main(["train", "chorales", "--set", "n_critic=2"]) == 2
    assert "unknown setting 'n_critic'" in capsys.readouterr().err


def test_music_is_coded_and_decoded():
    game = small_game("chorales", length=8)
    pitches, music = game.saved["pitches"], np.stack(made_chorales(3, bars=3, seed="train"))
    coded = chorales.encode(music, pitches)
    assert (coded.sum(2) == 4).all() and (chorales.decode(coded, pitches) == music).all()
    samples = game.sample(3, 0)
    assert set(np.unique(samples)) == {0, 1} and (samples.sum(2) == 4).all()


def test_pieces_are_written_as_likely_as_they_are_read():
    """Two rows of three and two pitches: how often each of 36 pieces is written, and the p that G gives it."""
    rng = np.random.default_rng(0)
    g = chorales.MusicWriter([3, 2], 5, 4, 0.0, rng)
    for p in g.parameters():
        p.data *= 3  # far from all being alike
    kinds, counts = np.unique(g.write(20_000, 2, rng), axis=0, return_counts=True)
    p = np.exp(-2 * g(kinds).numpy())
    assert len(kinds) == 36 and p.sum() == pytest.approx(1, abs=1e-4) and p.max() > 3 * p.min()
    np.testing.assert_allclose(counts / 20_000, p, atol=4 * np.sqrt(p.max() / 20_000))


def test_a_voice_knows_what_those_above_it_sing():
    g = chorales.MusicWriter([3, 2], 5, 4, 0.0, np.random.default_rng(0))
    rows, h = np.eye(5, dtype="f")[[0, 1]], Tensor(np.ones((2, 5), "f"))
    above, below = (g.voice(v, h, rows).numpy() for v in (0, 1))
    assert (above[0] == above[1]).all() and (below[0] != below[1]).all()


def test_a_step_of_the_game_makes_likelier_what_the_judge_likes():
    """A judge that never learns and likes all that begins with the soprano's first pitch."""
    game = small_game("chorales", pretrain=0, steps=60, batch_size=32, hidden=8, learning_rate=0.02, gamma=0.0)
    game.D.module.forward = lambda x: x[:, 0, :1] * 5.0 + 0 * game.D.module.out.bias
    share = lambda: game.G.module.write(500, 8, np.random.default_rng(0))[:, 0, 0].mean()
    before = share()
    for step in range(60):
        game.step(step)
    assert before < 0.3 and share() > 0.8


def test_a_writer_learns_by_imitation():
    game = small_game("chorales", steps=60, pretrain=60, hidden=16, width=16, imitation_rate=0.02)
    losses = [game.step(step)["g_nll"] for step in range(60)]
    assert losses[0] > 8 and np.mean(losses[-10:]) < 0.6 * losses[0]


def test_pieces_are_heard_one_after_another(tmp_path):
    game = small_game("chorales", length=8)
    samples = game.sample(3, 0)
    row = chorales.in_a_row(game, samples)
    assert row.shape == (3 * 12, 4) and (row[8:12] == -1).all()
    chorales.write_array(game, samples, tmp_path / "x.npy")
    assert (np.load(tmp_path / "x.npy")[1] == row[12:20]).all()
    chorales.write_sound(game, samples, tmp_path / "x.wav")
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getnframes() > 36 * 0.1 * file.getframerate()


# --- where the steps lead ----------------------------------------------------------------------------------------


def test_nats_of_a_piece_are_a_row_and_those_of_its_choices():
    """By hand: each choice's -log softmax, knowing the rows before, the beat, and the voices above."""
    g = chorales.MusicWriter([3, 2], 5, 4, 0.0, np.random.default_rng(0))
    piece = np.array([[[0, 1], [2, 0], [2, 1], [1, 1], [0, 0]]])
    rows = np.concatenate([np.eye(3, dtype="f")[piece[..., 0]], np.eye(2, dtype="f")[piece[..., 1]]], 2)
    total, state = 0.0, None
    for t in range(5):
        before = rows[:, t - 1] if t else 0 * rows[:, 0]
        x = np.concatenate([before, np.eye(4, dtype="f")[[t % 4]]], 1)
        h, state = g.lstm(Tensor(x[None]), state)
        known = h.numpy()[0]
        for v, size in enumerate((3, 2)):
            seen, out = g.seen[v], g.voices[v]
            y = known @ seen.weight.numpy().T + seen.bias.numpy()
            logits = (np.where(y > 0, y, 0.2 * y) @ out.weight.numpy().T + out.bias.numpy())[0]
            total -= logits[piece[0, t, v]] - np.log(np.exp(logits).sum())
            known = np.concatenate([known, np.eye(size)[piece[:, t, v]]], 1)
    assert g(rows).item() == pytest.approx(total / 5, rel=1e-5)


def test_forget_gates_begin_open():
    g = chorales.MusicWriter([3, 2], 50, 4, 0.0, np.random.default_rng(0))
    i, f, *_ = np.split(g.lstm.bias_ih_l0.data, 4)
    assert f.mean() == pytest.approx(1, abs=0.1) and i.mean() == pytest.approx(0, abs=0.1)


def test_a_step_of_imitation_makes_real_pieces_likelier():
    game = small_game("chorales", imitation_rate=1e-3, dropout=0.0)
    real = game.batch(0).x
    before = game.G.module(real).numpy().mean()
    assert game.step(0)["g_nll"] == pytest.approx(before, rel=1e-5) and game.G.module(real).numpy().mean() < before - 1e-3


def test_imitations_rate_falls_to_0_in_its_second_half():
    game = small_game("chorales", steps=20, pretrain=8, imitation_rate=1.0)
    assert [game.imitator.schedule(k) for k in (0, 4, 6, 7)] == [1, 1, 0.5, 0.25]
    assert small_game("chorales", steps=4, pretrain=8, imitation_rate=1.0).imitator.schedule(3) == 0.5


def test_steps_of_d_like_real_pieces_better_and_written_ones_less():
    game = small_game("chorales", pretrain=0, learning_rate=3e-3, batch_size=16, penalty="none")
    hold(game.G)
    rows = [game.step(0) for _ in range(15)]
    written = game.G.module.write(16, 8, stream(game.settings.seed, "noise", 0))
    of_real, of_written = (game.D.module(Tensor(x)).numpy().mean() for x in (game.batch(0).x, written))
    assert of_real > 0.2 and of_written < -0.2 and rows[-1]["ahead"] > 0.4 > rows[0]["ahead"]


def test_the_loss_of_g_is_worth_times_nats():
    """By hand: verdicts less their mean, over their deviation; what D was shown is what G then learns from."""
    game = small_game("chorales", pretrain=0, batch_size=16)
    written = game.G.module.eval().write(16, 8, stream(game.settings.seed, "noise", 0))
    verdicts = game.D.module(Tensor(written)).numpy()[:, 0]
    worth = (verdicts - verdicts.mean()) / verdicts.std()
    expected = (game.G.module(written).numpy() * worth).mean()
    assert game.step(0)["g_loss"] == pytest.approx(expected, rel=1e-3)


def test_a_judge_that_likes_all_alike_moves_nothing():
    game = small_game("chorales", pretrain=0, gamma=0.0)
    game.D.module.forward = lambda x: x[:, 0, :1] * 0.0 + 0.5 + 0 * game.D.module.out.bias
    before = [p.data.copy() for p in game.G.parameters]
    game.step(0)
    for a, p in zip(before, game.G.parameters, strict=True):
        np.testing.assert_array_equal(a, p.data)


def test_dropout_is_for_imitation_alone():
    game = small_game("chorales", pretrain=1, dropout=0.9)
    real = game.batch(0).x
    game.step(0)
    train, again = (game.G.module.train()(real).numpy() for _ in range(2))
    assert (train != again).all()
    game.step(1)
    assert not game.G.module.training

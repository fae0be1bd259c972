"""Chorales: music is coded and decoded, written as likely as it is read, learned by imitation and by play, and heard."""

import re
import sys
import wave

import numpy as np
import pytest
from gpu import moved, on_gpu
from small_runs import SMALL, hold, set_words, small_game

from tinygan import Tensor, recipes
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, gather_notes, made_chorales
from tinygan.networks.music import HOME, INTERVALS, KEYS, LEAP, MOVES, Choir, MusicJudge, MusicWriter
from tinygan.recipes.sound import _pieces, _scores, chorales
from tinygan.run.folder import Run
from tinygan.run.loop import train

TWO = [[60, 62, 67], [-1, 50]]  # pitches of two voices; the lower one may be silent
OCTAVES = [[60, 62, 67], [-1, 50, 48]]  # of two that may move in octaves


@pytest.fixture(autouse=True)
def little(monkeypatch, tmp_path):
    """Six made pieces of three bars; no data folder."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setenv("TINYGAN_PROGRESS", "0")
    monkeypatch.setattr(_pieces, "made_chorales", lambda n, seed=0: made_chorales(6, bars=3, seed=seed))
    _pieces.pieces.cache_clear()
    yield
    _pieces.pieces.cache_clear()


def test_training_begins_with_a_line_that_names_each_network_once(tmp_path, capsys):
    words = set_words({**SMALL["chorales"], "steps": 1, "pretrain": 1})
    assert main(["train", "chorales", *words, "--out", str(tmp_path / "run")]) == 0
    said, first = capsys.readouterr().out.splitlines()[:2]
    assert said.startswith("data: 6 pieces made here are learned instead of Bach's: music/Jsb16thSeparated.json: not found")
    assert (tmp_path / "run" / "data.txt").read_text() == said.removeprefix("data: ") + "\n"
    assert re.fullmatch(r"chorales: generator of [\d,]+, discriminator of [\d,]+ weights; 1 steps", first)


@pytest.mark.parametrize("told", ["nothing", "soprano"])
@pytest.mark.parametrize("pretrain", [0, 4], ids=["the game alone", "imitation alone"])
def test_every_way_plays(pretrain, told):
    game = small_game("chorales", pretrain=pretrain, told=told)
    losses = [game.step(step) for step in range(2)]
    assert all(np.isfinite(list(row.values())).all() for row in losses)
    assert all(("g_nll" in row) == (pretrain > 0) for row in losses)
    samples = game.sample(5, 0)
    assert samples.shape == (5, *game.batch(0).x.shape[1:]) and samples.shape[1] == 8
    assert (samples == game.sample(5, 0)).all() and (samples != game.sample(5, 1)).any()


@pytest.mark.parametrize("told", ["nothing", "soprano"])
def test_train_sample_evaluate(told, tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "chorales", *set_words({**SMALL["chorales"], "steps": 1, "told": told}), "--out", str(run)]) == 0
    assert (run / "samples" / "step-000001.png").is_file()
    for suffix in chorales.FORMATS:
        assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / f"x{suffix}")]) == 0
    assert not capsys.readouterr().err
    assert main(["evaluate", str(run), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    assert "real data" in printed and " nan" not in printed
    assert ("same chords" in printed) == ("parallels" in printed) == (told == "soprano")
    assert main(["sample", str(run), "-n", "2", "--temperature", "0.5", "--out", str(tmp_path / "y.npy")]) == 0


@pytest.mark.parametrize("told", ["nothing", "soprano"])
def test_the_writer_on_a_gpu(told):
    """As it would run on a GPU: how likely real pieces are, and how many pitches sound in each row of written ones."""

    def written(make):
        game = small_game("chorales", told=told)
        g, real = moved(game.G.module.eval(), make), game.batch(0).x
        soprano = make(real[:3, :, : g.spans[0][1]]) if told == "soprano" else None
        return np.append(g(make(real)).numpy(), Tensor(g.write(3, 8, np.random.default_rng(0), soprano)).numpy().sum(2))

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


def test_one_voice_has_none_below_it(monkeypatch):
    monkeypatch.setattr(_pieces, "made_chorales", lambda n, seed: [p[:, :1] for p in made_chorales(6, 3, seed=seed)])
    with pytest.raises(DataError, match="one voice, and none is left to write"):
        small_game("chorales", told="soprano")
    assert np.isfinite(small_game("chorales").step(0)["g_nll"])


def test_music_is_coded_and_decoded():
    game = small_game("chorales", length=8)
    pitches, music = game.saved["pitches"], np.stack(made_chorales(3, bars=3, seed="train"))
    coded = _pieces.encode(music, pitches)
    assert (coded.sum(2) == 4).all() and (_pieces.decode(coded, pitches) == music).all()
    samples = game.sample(3, 0)
    assert set(np.unique(samples)) == {0, 1} and (samples.sum(2) == 4).all()


def test_pieces_are_written_as_likely_as_they_are_read():
    """Two rows of three and two pitches: how often each of 36 pieces is written, and the p that G gives it."""
    rng = np.random.default_rng(0)
    g = MusicWriter(TWO, 5, 4, 0.0, False, rng)
    for p in g.parameters():
        p.data *= 3  # far from all being alike
    kinds, counts = np.unique(g.write(20_000, 2, rng), axis=0, return_counts=True)
    p = np.exp(-2 * g(kinds).numpy())
    assert len(kinds) == 36 and p.sum() == pytest.approx(1, abs=1e-4) and p.max() > 3 * p.min()
    np.testing.assert_allclose(counts / 20_000, p, atol=4 * np.sqrt(p.max() / 20_000))


def test_pieces_are_written_below_a_soprano_as_likely_as_they_are_read():
    """Two pitches in two rows, below a soprano of three notes' worth: four pieces, how often each is written."""
    rng = np.random.default_rng(0)
    g = MusicWriter(TWO, 5, 4, 0.0, True, rng)
    for p in g.parameters():
        p.data *= 3
    soprano = np.eye(3, dtype="f")[[[2, 0]]]
    kinds, counts = np.unique(g.write(10_000, 2, rng, soprano.repeat(10_000, 0)), axis=0, return_counts=True)
    p = np.exp(-2 * g(kinds).numpy())
    assert len(kinds) == 4 and (kinds[:, :, :3] == soprano).all() and p.sum() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(counts / 10_000, p, atol=4 * np.sqrt(p.max() / 10_000))


def test_a_soprano_is_kept_and_cold_choices_are_the_likeliest():
    g = MusicWriter(TWO, 5, 4, 0.0, False, np.random.default_rng(0))
    soprano = np.eye(3, dtype="f")[[[2, 0, 1, 1]] * 50]
    warm, cold = (g.write(50, 4, np.random.default_rng(1), soprano, t) for t in (1.0, 1e-6))
    assert (warm[:, :, :3] == soprano).all() and (cold == cold[:1]).all() and not (warm == warm[:1]).all()


def test_a_voice_knows_what_those_above_it_sing_and_its_own_last_pitch():
    g = MusicWriter(TWO, 5, 4, 0.0, False, np.random.default_rng(0))
    rows, h = np.eye(5, dtype="f")[[0, 1]], Tensor(np.ones((2, 5), "f"))
    above, below = (g.voice(v, h, rows, 0 * rows).numpy() for v in (0, 1))
    assert (above[0] == above[1]).all() and (below[0] != below[1]).all()
    above, below = (g.voice(v, h, 0 * rows, rows).numpy() for v in (0, 1))
    assert (above[0] != above[1]).all() and (below[0] == below[1]).all()


def test_a_move_is_scored_alike_from_every_pitch():
    """Two half tones up from 60 and from 62, where pitches have no score of their own."""
    g = MusicWriter([[60, 62, 64], [-1, 50]], 5, 4, 0.0, False, np.random.default_rng(0))
    g.voices[0].weight.data[:], g.voices[0].bias.data[:] = 0, 0
    from_60, from_62 = g.voice(0, Tensor(np.ones((2, 5), "f")), np.zeros((2, 5), "f"), np.eye(5, dtype="f")[[0, 1]]).numpy()
    np.testing.assert_allclose(from_60[:2], from_62[1:])
    assert abs(from_60[0] - from_62[0]) > 1e-3


def test_an_interval_is_scored_alike_in_every_key():
    """A fifth below 67 and below 69, where neither pitches nor moves have a score."""
    g = MusicWriter([[67, 69], [60, 62]], 5, 4, 0.0, False, np.random.default_rng(0))
    for layer in (g.voices[1], g.moves[1]):
        layer.weight.data[:], layer.bias.data[:] = 0, 0
    g.seen[1].weight.data[:, 5:] = 0  # u knows nothing of the soprano
    row = np.eye(4, dtype="f")[[0, 1]]
    below_67, below_69 = g.voice(1, Tensor(np.ones((2, 5), "f")), row, 0 * row).numpy()
    assert below_67[0] == pytest.approx(below_69[1]) and abs(below_67[1] - below_69[0]) > 1e-3  # a fourth, a sixth


def test_parallels_are_counted_below_the_voices_above():
    """After two octaves and a fifth: what the lowest voice would do in parallel with one above, with two, with none."""
    choir = Choir([[72, 74], [67, 69], [60, 62, 48, -1]])
    code = lambda *piece: _pieces.encode(np.array([[piece]]), [[72, 74], [67, 69], [60, 62, 48, -1]])[0]
    count = lambda before, row: choir.count_parallels(2, code(*row), code(*before))[0].tolist()
    assert count((72, 67, 60), (74, 69, 60)) == [0, 2, 0, 0]  # 62: an octave and a fifth go on
    assert count((72, 67, 60), (74, 67, 60)) == [0, 1, 0, 0]
    assert count((72, 67, 60), (72, 67, 60)) == [0, 0, 0, 0]  # all are held
    assert count((74, 67, 60), (72, 69, 60)) == [0, 1, 0, 0]
    assert count((72, 67, -1), (74, 69, 60)) == [0, 0, 0, 0]
    assert choir.count_parallels(2, code(74, 69, 60), 0 * code(74, 69, 60))[0].tolist() == [0, 0, 0, 0]


def test_moves_are_numbered_and_shown():
    rows = _pieces.encode(np.array([[[60, -1], [67, 50], [67, 50], [62, -1]]]), TWO)
    moves = Choir(TWO).encode_moves(rows)[0].reshape(4, 2, MOVES)
    assert (moves.sum(2) == 1).all()
    assert moves.argmax(2).T.tolist() == [[MOVES - 1, LEAP + 7, LEAP, LEAP - 5], [MOVES - 1, MOVES - 1, LEAP, MOVES - 1]]


def test_a_pitch_that_is_not_sung_is_none():
    rows = _pieces.encode(np.array([[[61, 50], [62, 51], [60, -1]]]), TWO)
    assert Choir(TWO).encode_moves(rows)[0].reshape(3, 2, MOVES).argmax(2).T.tolist() == [
        [MOVES - 1, MOVES - 1, LEAP - 2], [MOVES - 1] * 3
    ]  # fmt: skip
    g = MusicWriter(TWO, 5, 4, 0.0, True, np.random.default_rng(0))
    assert np.isfinite(g(rows).numpy()).all() and g.write(1, 3, np.random.default_rng(0), rows[..., :3]).shape == (1, 3, 5)


def test_the_judge_hears_moves():
    """Its slope is that of the pitches alone; a piece with other moves is another piece to it."""
    judge = MusicJudge(TWO, (2, 3, 3), 4, np.random.default_rng(0))
    first = judge.judge.convolutions[0].weight.data
    first[:, :5] = 0  # deaf to pitches
    verdicts = [judge(Tensor(_pieces.encode(np.array([piece]), TWO))).item() for piece in (
        [[60, 50]] * 4, [[62, 50]] * 4, [[60, 50], [62, 50]] * 2,
    )]  # fmt: skip
    assert verdicts[0] == verdicts[1] != verdicts[2]


# --- other keys --------------------------------------------------------------------------------------------------


def test_pieces_are_learned_in_all_keys_that_can_be_sung():
    pitches = [[-1, 60, 61, 62, 63, 64], [-1, 50, 51, 52, 53, 54, 55]]
    music = np.array([[[60, 50], [-1, 51], [62, 52]]])
    seen = set()
    for seed in range(60):
        moved, key = _pieces.transpose(music, pitches, np.random.default_rng(seed))
        assert (moved == np.where(music == -1, -1, music + KEYS[key[0]])).all()
        seen.add(int(KEYS[key[0]]))
    assert seen == {0, 1, 2}


def test_imitation_is_told_the_key():
    """A step makes a piece likelier in the key that it was moved to, and told so."""
    game = small_game("chorales", dropout=0.0, imitation_rate=1e-3)
    real, pitches = game.batch(0).x, game.saved["pitches"]
    music, key = _pieces.transpose(_pieces.decode(real, pitches), pitches, stream(game.settings.seed, "keys", 0))
    assert len(set(key)) > 1
    rows = _pieces.encode(music, pitches)
    before = game.G.module(rows, key).numpy().mean()
    assert game.step(0)["g_nll"] == pytest.approx(before, rel=1e-5)
    assert game.G.module(rows, key).numpy().mean() < before - 1e-3


def test_a_step_of_the_game_makes_likelier_what_the_judge_likes():
    """A judge that never learns and likes all that begins with the soprano's first pitch."""
    game = small_game("chorales", pretrain=0, steps=60, batch_size=32, hidden=8, learning_rate=0.02, gamma=0.0)
    game.D.module.forward = lambda x: x[:, 0, :1] * 5.0 + 0 * game.D.module.judge.out.bias
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
    row = _scores.in_a_row(game, samples)
    assert row.shape == (3 * 12, 4) and (row[8:12] == -1).all()
    chorales.write_array(game, samples, tmp_path / "x.npy")
    assert (np.load(tmp_path / "x.npy")[1] == row[12:20]).all()
    chorales.write_sound(game, samples, tmp_path / "x.wav")
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getnframes() > 36 * 0.1 * file.getframerate()


# --- where the steps lead ----------------------------------------------------------------------------------------


def by_hand(g, piece, key=HOME):
    """-log p of a piece (T, 2), a choice at a time: the softmax of its pitch's and its move's score."""
    rows = np.concatenate([np.eye(3, dtype="f")[piece[:, 0]], np.eye(3, dtype="f")[piece[:, 1]]], 1)
    beside = lambda t: np.concatenate([np.eye(4, dtype="f")[t % 4], np.eye(12, dtype="f")[key]])
    ahead, state = np.zeros((len(piece), 0), "f"), None
    if g.told:
        ahead = np.zeros((len(piece), 5), "f")
        for t in range(len(piece))[::-1]:
            c, state = g.coming(Tensor(np.concatenate([rows[t, :3], beside(t)])[None, None]), state)
            ahead[t] = c.numpy()[0, 0]
    nats, state = np.zeros((len(piece), 2)), None
    for t in range(len(piece)):
        before = rows[t - 1] if t else 0 * rows[0]
        h, state = g.lstm(Tensor(np.concatenate([before, beside(t), ahead[t]])[None, None]), state)
        known = h.numpy()[0, 0]
        for v, sung in enumerate(OCTAVES):
            y = known @ g.seen[v].weight.numpy().T + g.seen[v].bias.numpy()
            y = np.where(y > 0, y, 0.2 * y)
            last = sung[piece[t - 1, v]] if t else -1
            moves = [MOVES - 1 if -1 in (last, p) else int(np.clip(p - last, -LEAP, LEAP)) + LEAP for p in sung]
            logits = g.voices[v](Tensor(y)).numpy() + g.moves[v](Tensor(y)).numpy()[moves]
            if v:
                above, chords = OCTAVES[0][piece[t, 0]], g.chords[0](Tensor(y)).numpy()
                logits += chords[[INTERVALS - 1 if p == -1 else (above - p) % 12 for p in sung]]
                if t and last != -1 and (OCTAVES[0][piece[t - 1, 0]] - last) % 12 in (0, 7):
                    move = above - OCTAVES[0][piece[t - 1, 0]]
                    logits += chords[-1] * np.array([p != -1 and p - last == move != 0 for p in sung])
            nats[t, v] = np.log(np.exp(logits).sum()) - logits[piece[t, v]]
            known = np.concatenate([known, np.eye(len(sung))[piece[t, v]]])
    return nats[:, int(g.told) :].sum() / len(piece)


PIECE = np.array([[0, 1], [2, 0], [2, 1], [1, 1], [0, 2], [1, 1], [2, 0]])  # octaves, from the fourth row to the sixth


@pytest.mark.parametrize("told", [False, True], ids=["all voices", "below a soprano"])
@pytest.mark.parametrize("key", [HOME, 2])
def test_nats_of_a_piece_are_a_row_and_those_of_its_choices(told, key):
    g = MusicWriter(OCTAVES, 5, 4, 0.0, told, np.random.default_rng(0))
    rows = np.concatenate([np.eye(3, dtype="f")[PIECE[:, 0]], np.eye(3, dtype="f")[PIECE[:, 1]]], 1)[None]
    assert g(rows, np.array([key])).item() == pytest.approx(by_hand(g, PIECE, key), rel=1e-5)


def test_a_told_writer_knows_what_comes_and_another_does_not():
    """The last note of the soprano changes how likely the lower voice's first is."""
    other = PIECE.copy()
    other[-1, 0] = 0
    for told in (False, True):
        g = MusicWriter(OCTAVES, 5, 4, 0.0, told, np.random.default_rng(0))
        sopranos = [np.eye(3, dtype="f")[piece[:, 0]][:, None] for piece in (PIECE, other)]
        h = [g.read(np.zeros((1, 1, 6), "f"), g.look_ahead(soprano))[0].numpy() for soprano in sopranos]
        assert (h[0] != h[1]).any() == told


def test_forget_gates_begin_open():
    g = MusicWriter(TWO, 50, 4, 0.0, False, np.random.default_rng(0))
    i, f, *_ = np.split(g.lstm.bias_ih_l0.data, 4)
    assert f.mean() == pytest.approx(1, abs=0.1) and i.mean() == pytest.approx(0, abs=0.1)


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
    game.D.module.forward = lambda x: x[:, 0, :1] * 0.0 + 0.5 + 0 * game.D.module.judge.out.bias
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


def test_the_game_writes_below_the_sopranos_of_its_batch():
    """What D is shown as written has the real pieces' sopranos, and other voices."""
    game = small_game("chorales", pretrain=0, told="soprano")
    shown, judge = [], game.D.module.forward
    game.D.module.forward = lambda x: (shown.append(x.data), judge(x))[1]
    game.step(0)
    (real, written), size = shown[:2], game.G.module.spans[0][1]
    assert (real[..., :size] == written[..., :size]).all() and (real[..., size:] != written[..., size:]).any()


# --- a melody of a reader's own ----------------------------------------------------------------------------------


def melody(path, pitches):
    """A MIDI file of one voice."""
    chorales.write_midi(np.array(pitches)[:, None], path, 0.2)
    return str(path)


def sung(game):
    """Three pitches of the soprano that a game has learned, from low to high."""
    pitches = [pitch for pitch in game.saved["pitches"][0] if pitch >= 0]
    return pitches[0], pitches[len(pitches) // 2], pitches[-1]


@pytest.mark.parametrize("told", ["nothing", "soprano"])
def test_a_melody_is_harmonised(told, tmp_path):
    pytest.importorskip("mido")
    game = small_game("chorales", told=told)
    low, middle, high = sung(game)
    soprano = [low] * 4 + [middle] * 2 + [low] * 2 + [high] * 8
    with gather_notes() as said:
        answer = chorales.respond(game, melody(tmp_path / "a.mid", soprano), stream(0, "apply"))
    assert answer.piece.shape == (16, 4) and answer.piece[:, 0].tolist() == soprano and answer.row == pytest.approx(0.2)
    assert all(np.isin(answer.piece[:, v], game.saved["pitches"][v]).all() for v in range(4))
    assert [sentence for sentence in said if "told=nothing" in sentence] == said[-1:] * (told == "nothing")
    again, other = (chorales.respond(game, str(tmp_path / "a.mid"), stream(seed, "apply")).piece for seed in (0, 1))
    assert (again == answer.piece).all() and (other != answer.piece).any() and (other[:, 0] == answer.piece[:, 0]).all()


def test_an_upbeat_and_another_octave(tmp_path):
    pytest.importorskip("mido")
    game = small_game("chorales", told="soprano")
    with gather_notes() as said:
        low, middle, high = sung(game)
        path = melody(tmp_path / "a.mid", [-1, -1, *[low - 24] * 2, *[middle - 24] * 4, *[high - 24] * 4])
        answer = chorales.respond(game, path, stream(0, "apply"))
    assert answer.piece[:, 0].tolist() == [-1, -1, *[low] * 2, *[middle] * 4, *[high] * 4]
    assert (answer.piece[:2] == -1).all() and any("up by 24 half tones" in sentence for sentence in said)


def test_apply_writes_music_sound_and_a_picture(tmp_path, capsys):
    mido = pytest.importorskip("mido")
    run = tmp_path / "run"
    words = set_words({**SMALL["chorales"], "steps": 1, "told": "soprano"})
    assert main(["train", "chorales", *words, "--out", str(run)]) == 0
    path = melody(tmp_path / "a tune.mid", [67] * 8 + [69] * 8)
    capsys.readouterr()
    assert main(["apply", str(run), path]) == 0
    out = run / "applied" / "a-tune.mid"
    assert capsys.readouterr().out == f"{out}\n"
    assert len(mido.MidiFile(out).tracks) == 5 and mido.MidiFile(out).length == pytest.approx(16 * 0.2, rel=1e-3)
    for suffix in (".wav", ".png"):
        assert main(["apply", str(run), path, "--out", str(tmp_path / f"x{suffix}")]) == 0
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getnframes() == int(4.2 * file.getframerate())
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    capsys.readouterr()
    assert main(["apply", str(run), str(tmp_path / "bad.mid")]) == 2
    assert "ends before its notes do" in capsys.readouterr().err


def test_a_reader_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mido", None)
    with pytest.raises(DataError, match="pip install mido"):
        chorales.respond(small_game("chorales"), melody(tmp_path / "a.mid", [60] * 4), stream(0, "apply"))

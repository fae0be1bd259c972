"""The recipes of numbers in a row and of music: each plays a few steps, writes what it says, and is scored."""

import csv
import wave

import numpy as np
import pytest
from strict import moved, strict

from tinygan import Tensor
from tinygan.cli import main
from tinygan.data import made_chorales, made_prices
from tinygan.gan.loop import train
from tinygan.gan.run import Run
from tinygan.recipes import chorales, load, sines, stock

TINY = {"steps": 3, "batch_size": 4, "hidden": 4, "noise": 2, "step_noise": 2, "channels": 2, "judge_hidden": 3}
MUSIC = {"steps": 4, "batch_size": 4, "hidden": 4, "width": 3, "channels": 2, "pretrain": 2, "length": 8}


@pytest.fixture(autouse=True)
def little(monkeypatch, tmp_path):
    """No data but what is made, little of it, and judges that hardly learn."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setenv("TINYGAN_PROGRESS", "0")
    monkeypatch.setattr(stock, "made_prices", lambda: made_prices(60))
    monkeypatch.setattr(chorales, "made_chorales", lambda n, seed=0: made_chorales(6, bars=3, seed=seed))
    monkeypatch.setattr(stock, "JUDGE_STEPS", 3)
    monkeypatch.setattr(stock, "LEARNER_STEPS", 3)
    for known in (stock.table, chorales.pieces):
        known.cache_clear()
    yield
    for known in (stock.table, chorales.pieces):
        known.cache_clear()


def tiny(name, **settings):
    return {**(MUSIC if name == "chorales" else TINY), **settings}


def game_of(name, **settings):
    recipe = load(name)
    return recipe, recipe.make_game(recipe.Settings(**tiny(name, **settings)))


WAYS = {
    "sines, lstm judge, gru": ("sines", {"judge": "lstm", "verdict": "every", "cell": "gru", "layers": 2}),
    "sines, gru judge, tokens": ("sines", {"judge": "gru", "verdict": "pooled", "tokens": 5, "feedback": 1}),
    "sines, bands": ("sines", {"bands": 3}),
    "sines, bands, lstm judge": ("sines", {"bands": 2, "judge": "lstm"}),
    "stock": ("stock", {"length": 6}),
    "stock, told the direction": ("stock", {"length": 6, "told": "direction"}),
    "stock, told the first row": ("stock", {"length": 6, "told": "first", "judge": "lstm"}),
    "chorales, the game alone": ("chorales", {"pretrain": 0}),
    "chorales, imitation alone": ("chorales", {"pretrain": 4}),
}


@pytest.mark.parametrize("name, settings", WAYS.values(), ids=WAYS)
def test_every_way_plays(name, settings):
    recipe, game = game_of(name, **settings)
    losses = [game.step(step) for step in range(2)]
    assert all(np.isfinite(list(row.values())).all() for row in losses)
    samples = game.sample(5, 0)
    assert samples.shape[:2] == (5, game.settings.length) and samples.shape == (5, *game.real(0)[0].shape[1:])
    assert (samples == game.sample(5, 0)).all() and (samples != game.sample(5, 1)).any()


@pytest.mark.parametrize(
    "name, settings",
    [("sines", {"bands": 3}), ("sines", {"bands": 3, "judge": "gru"}), ("stock", {"told": "direction", "length": 6})],
    ids=["bands", "bands, gru judge", "direction"],
)
def test_the_class_is_heard_by_both_players(name, settings):
    _, game = game_of(name, **settings)
    classes, n = game.classes, 6
    one_hot = game.real(0)[1]
    assert (one_hot == np.eye(classes)[np.arange(len(one_hot)) % classes]).all()
    told = [Tensor(np.eye(classes, dtype="f")[np.full(n, k)]) for k in range(classes)]
    writer = game.generator if name == "sines" else game.generator.writer
    noise = writer.draw_noise(np.random.default_rng(0), n, game.settings.length)
    first, second = (game.generator(*noise, k).numpy() for k in told[:2])
    assert (np.abs(first - second).max((1, 2)) > 1e-4).all()
    seen = Tensor(np.tile(game.real(0)[0][:1], (n, 1, 1)))
    first, second = (game.discriminator(seen, k).numpy() for k in told[:2])
    assert (np.abs(first - second) > 1e-6).all()


def test_samples_of_a_class(tmp_path, capsys):
    run = tmp_path / "run"
    words = [w for key, value in {**TINY, "steps": 1, "bands": 3}.items() for w in ("--set", f"{key}={value}")]
    assert main(["train", "sines", *words, "--out", str(run)]) == 0
    for more in ("-n 6", "-n 2 --class 1", "-n 2 --class 3"):
        found = main(["sample", str(run), *more.split(), "--out", str(tmp_path / f"{more[-1]}.npy")])
        assert found == (2 if more[-1] == "3" else 0)
    assert "classes are 0 to 2" in capsys.readouterr().err
    assert (np.load(tmp_path / "1.npy") == np.load(tmp_path / "6.npy")[1::3]).all()


def test_waves_are_in_their_bands():
    waves = sines.by_band(300, 600, 4)
    assert [len(x) for x in waves] == [75] * 4
    for k, x in enumerate(waves):
        peaks = np.abs(np.fft.rfft(x[:, :, 0] * np.hanning(600), axis=1)).argmax(1)  # cycles in 600 steps
        assert (peaks >= k + 1).all() and (peaks <= k + 2).all()


def test_windows_that_rise():
    series = np.float64([[[3, 1], [9, 2]], [[3, 2], [9, 1]], [[3, 2], [9, 2]]])
    assert stock.rises(series, ["Open", "Close"]).tolist() == [1, 0, 0]
    assert stock.rises(series, ["Open", "High"]).tolist() == [1, 1, 1]
    asked = np.arange(8) % 2
    assert stock.as_often(np.array([0, 1, 1, 1]), asked).tolist() == [0, 1, 3, 5, 7]
    assert stock.as_often(np.array([1, 1]), asked).tolist() == [1, 3, 5, 7]


@pytest.mark.parametrize("name", ["sines", "stock", "chorales"])
def test_train_sample_evaluate(name, tmp_path, capsys):
    run, recipe = tmp_path / "run", load(name)
    words = [w for key, value in tiny(name, steps=1, length=8).items() for w in ("--set", f"{key}={value}")]
    assert main(["train", name, *words, "--out", str(run)]) == 0
    assert (run / "samples" / "step-000001.png").is_file()
    for suffix in getattr(recipe, "FORMATS", {}):
        assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / f"x{suffix}")]) == 0
    if name != "sines":
        assert "made" in (said := capsys.readouterr().err) and said.count("\n") == 1
    if name == "sines":  # floors of 1,000 waves take a second: tests/test_sequences.py has them
        return
    assert main(["evaluate", str(run), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    assert "of real" in printed and "nan" not in printed


def stock_written(make):
    _, game = game_of("stock", length=8)
    g, rng = moved(game.generator, make), np.random.default_rng(0)
    z, z_t = (make(part.astype("f")) for part in (rng.standard_normal((3, 2)), rng.standard_normal((8, 3, 2))))
    return g(Tensor(z), Tensor(z_t)).numpy()


def chorales_written(make):
    """How likely real pieces are, and how many pitches sound in each row of written ones."""
    _, game = game_of("chorales")
    g, (real,) = moved(game.generator.eval(), make), game.real(0)
    written = Tensor(g.write(3, 8, np.random.default_rng(0))).numpy()
    return np.append(g(make(real)).numpy(), written.sum(2))


@pytest.mark.parametrize("written", [stock_written, chorales_written])
def test_generators_on_the_strict_array_type(written):
    """As they would run on a GPU."""
    np.testing.assert_allclose(written(strict), written(lambda a: a), atol=1e-4)


@pytest.mark.parametrize("name, broken_off", [("stock", 1), ("chorales", 1), ("chorales", 3)])
def test_a_run_resumes_at_the_same_bits(name, broken_off, tmp_path):
    draw = lambda samples, path: path.write_bytes(samples.tobytes())
    _, whole = game_of(name, length=8)
    train(whole, Run.create(tmp_path / "whole", name, whole.settings, whole.kept), draw, pictures=1, progress=False)

    recipe, first = game_of(name, length=8)
    run = Run.create(tmp_path / "broken", name, first.settings, first.kept)
    for step in range(broken_off):
        first.step(step)
    run.save(first, broken_off)
    again = recipe.make_game(first.settings, kept=run.config["kept"])
    train(again, run, draw, start=run.resume(again), pictures=1, progress=False)
    steps = first.settings.steps
    for file in (f"samples/step-{steps:06}.png", f"checkpoints/step-{steps}.safetensors"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_a_tonestands_beside_itself_at_one_loudness():
    tone = np.sin(np.arange(12.0))[None, :, None].astype("f")
    soft, loud = sines.beside_even(0.15 * tone), sines.beside_even(0.9 * tone)
    assert (loud[:, :, 0] == 0.9 * tone[:, :, 0]).all()
    np.testing.assert_allclose(soft[:, :, 1], loud[:, :, 1], rtol=0.05)
    assert np.square(loud[:, :, 1]).mean() == pytest.approx(1, abs=0.01)
    assert not sines.beside_even(0 * tone).any()


# --- a series of one's own -------------------------------------------------------------------------------------


def own(tmp_path, rows=40):
    rng = np.random.default_rng(0)
    lines = [f"{1000 + k},{5 + rng.standard_normal():.4f},7,monday" for k in range(rows)]
    lines[3] = "1003,,7,tuesday"
    path = tmp_path / "own.csv"
    path.write_text("time,noise,same,day\n" + "\n".join(lines) + "\n")
    return path


def test_a_series_of_ones_own_comes_back_in_its_units(tmp_path, capsys):
    path, run = own(tmp_path), tmp_path / "run"
    words = [w for key, value in {**TINY, "steps": 1, "length": 5}.items() for w in ("--set", f"{key}={value}")]
    assert main(["train", "stock", "--data", str(path), *words, "--out", str(run)]) == 0
    said = capsys.readouterr().err
    assert "'noise': 1 missing values" in said and "'day' holds no numbers" in said
    path.unlink()
    stock.table.cache_clear()
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "x.csv")]) == 0  # the file is needed no more
    with open(tmp_path / "x.csv") as f:
        header, *rows = csv.reader(f)
    assert header == ["sample", "step", "time", "noise", "same"] and len(rows) == 15
    assert rows[6][:2] == ["1", "1"] and {row[4] for row in rows} == {"7"}
    assert all(1000 <= float(row[2]) <= 1039 and 1 < float(row[3]) < 9 for row in rows)
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "x.npy")]) == 0
    in_array = np.load(tmp_path / "x.npy")
    assert in_array.shape == (3, 5, 3)
    np.testing.assert_allclose(in_array.reshape(15, 3), np.float64([row[2:] for row in rows]), rtol=1e-6)


@pytest.mark.parametrize(
    "text, named",
    [
        (
            "a\n" + "1\n2\n" * 4,
            "8 rows make 3 windows of 6 steps, fewer than a batch of 4; take a smaller --set length",
        ),
        ("a\n1\n2\n", "2 rows make 0 windows of 6 steps"),
        ("a,b\n" + "1,2\n" * 40, "every column is constant"),
        ("a\n" + "1\n" * 40 + "x\n", "'x' is not a number"),
        ("", "holds no values"),
    ],
    ids=["few", "too few", "constant", "a word", "empty"],
)
def test_a_series_that_cannot_be_used_is_refused_in_a_sentence(text, named, tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text(text)
    words = [w for key, value in {**TINY, "length": 6}.items() for w in ("--set", f"{key}={value}")]
    assert main(["train", "stock", "--data", str(path), *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert named in said and said.count("\n") == 1 and "own.csv" in said and not (tmp_path / "run").exists()


def test_a_series_that_never_falls_has_no_directions(tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text("close,noise\n" + "".join(f"{k},{k * k % 7}\n" for k in range(40)))
    words = [w for k, v in {**TINY, "length": 6, "told": "direction"}.items() for w in ("--set", f"{k}={v}")]
    assert main(["train", "stock", "--data", str(path), *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "own.csv: 0 windows fall and 35 rise" in said and said.count("\n") == 1


def test_changes_stand_beside_values():
    values, spreads = np.float32([[[1, 10], [3, 10], [2, 40]]]), np.float32([2, 10])
    seen = [[1, 10, 0, 0], [3, 10, 1, 0], [2, 40, -0.5, 3]]
    gone = np.float64([[0, 0], [1, 0], [0.5, 3]]) / 3**0.5
    np.testing.assert_allclose(stock.with_changes(values, spreads)[0], np.concatenate([seen, gone], 1), rtol=1e-6)


def test_slow_directions_are_written_as_changes():
    rng = np.random.default_rng(0)
    recipe, game = game_of("stock", length=6)
    spreads = game.generator.spreads
    assert spreads[-1] < stock.SLOW < spreads[0]  # the level, and noise
    noise = game.generator.writer.draw_noise(rng, 2, 6)
    written, shown = game.generator.writer(*noise).numpy(), game.generator(*noise).numpy()
    k = len(spreads)
    np.testing.assert_allclose(shown[:, :, 0], written[:, :, 0], atol=1e-6)
    steps = written[:, :, -1] * np.r_[1, np.full(5, spreads[-1])]
    np.testing.assert_allclose(shown[:, :, k - 1], steps.cumsum(1), atol=1e-6)
    np.testing.assert_allclose(shown[:, 1:, 2 * k - 1], written[:, 1:, -1], atol=1e-3)


# --- music -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, words, named",
    [
        ("sines", ["noise=0", "step_noise=0"], "without noise there is one sequence"),
        ("stock", ["tokens=5", "step_noise=0"], "an embedding needs a size"),
        ("sines", ["packing=2"], "one sample at a time"),
        ("chorales", ["n_critic=2"], "has no such thing"),
    ],
)
def test_settings_that_make_no_sense_are_refused(name, words, named, capsys):
    assert main(["train", name, *(w for word in words for w in ("--set", word))]) == 2
    assert named in capsys.readouterr().err


def test_music_is_coded_and_decoded():
    _, game = game_of("chorales", length=8)
    pitches, music = game.kept["pitches"], np.stack(made_chorales(3, bars=3, seed="train"))
    coded = chorales.encoded(music, pitches)
    assert (coded.sum(2) == 4).all() and (chorales.decoded(coded, pitches) == music).all()
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
    _, game = game_of("chorales", pretrain=0, steps=60, batch_size=32, hidden=8, learning_rate=0.02, gamma=0.0)
    game.discriminator.forward = lambda x: x[:, 0, :1] * 5.0 + 0 * game.discriminator.out.bias
    share = lambda: game.generator.write(500, 8, np.random.default_rng(0))[:, 0, 0].mean()
    before = share()
    for step in range(60):
        game.step(step)
    assert before < 0.3 and share() > 0.8


def test_a_writer_learns_by_imitation():
    _, game = game_of("chorales", steps=60, pretrain=60, hidden=16, width=16, imitation_rate=0.02)
    losses = [game.step(step)["g_nll"] for step in range(60)]
    assert losses[0] > 8 and np.mean(losses[-10:]) < 0.6 * losses[0]


def test_pieces_are_heard_one_after_another(tmp_path):
    _, game = game_of("chorales", length=8)
    samples = game.sample(3, 0)
    row = chorales.in_a_row(game, samples)
    assert row.shape == (3 * 12, 4) and (row[8:12] == -1).all()
    chorales.write_array(game, samples, tmp_path / "x.npy")
    assert (np.load(tmp_path / "x.npy")[1] == row[12:20]).all()
    chorales.write_sound(game, samples, tmp_path / "x.wav")
    with wave.open(str(tmp_path / "x.wav")) as file:
        assert file.getnframes() > 36 * 0.1 * file.getframerate()

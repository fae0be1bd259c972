"""A stock, and a series of one's own: every way plays and resumes, directions and first rows are told, units come back."""

import csv
from pathlib import Path

import numpy as np
import pytest
from gpu import moved, on_gpu
from small_runs import SMALL, set_words, small_game

from tinygan import Tensor, recipes
from tinygan.cli import main
from tinygan.data import DataError
from tinygan.gan.latent import draw_each
from tinygan.recipes.series import stock
from tinygan.run.folder import Run
from tinygan.run.loop import train

WAYS = {
    "plain": {"channels": 2},
    "told the direction": {"channels": 2, "told": "direction"},
    "told the first row": {"told": "first", "judge": "lstm", "judge_hidden": 3},
}
LITTLE = {**SMALL["stock"], "channels": 2}


def written_with(settings):
    return set_words({**LITTLE, **settings})


@pytest.mark.parametrize("settings", WAYS.values(), ids=WAYS)
def test_every_way_plays(settings):
    game = small_game("stock", steps=3, length=6, **settings)
    losses = [game.step(step) for step in range(2)]
    assert all(np.isfinite(list(row.values())).all() for row in losses)
    samples = game.sample(5, 0)
    assert samples.shape[:2] == (5, 6) and samples.shape == (5, *game.batch(0).x.shape[1:])
    assert (samples == game.sample(5, 0)).all() and (samples != game.sample(5, 1)).any()


def test_the_direction_is_heard_by_both_players():
    game, n = small_game("stock", told="direction", length=6, channels=2), 6
    x, (one_hot,) = game.batch(0)
    assert (one_hot.numpy() == np.eye(2)[np.arange(len(one_hot)) % 2]).all()
    told = [Tensor(np.eye(2, dtype="f")[np.full(n, k)]) for k in range(2)]
    noise = game.to_tensors(draw_each(game.spaces, np.random.default_rng(0), n))
    first, second = (game.G.module(*noise, k).numpy() for k in told)
    assert (np.abs(first - second).max((1, 2)) > 1e-4).all()
    seen = Tensor(np.tile(x[:1], (n, 1, 1)))
    first, second = (game.D.module(seen, k).numpy() for k in told)
    assert (np.abs(first - second) > 1e-6).all()


def test_a_batch_has_windows_that_fall_and_rise_in_turn():
    game = small_game("stock", told="direction", length=6, channels=2, batch_size=10)
    real = stock.in_units(game, game.batch(0).x)
    assert stock.rises(real, game.saved["columns"]).tolist() == [0, 1] * 5


def test_windows_that_rise():
    series = np.float64([[[3, 1], [9, 2]], [[3, 2], [9, 1]], [[3, 2], [9, 2]]])
    assert stock.rises(series, ["Open", "Close"]).tolist() == [1, 0, 0]
    assert stock.rises(series, ["Open", "High"]).tolist() == [1, 1, 1]
    asked = np.arange(8) % 2
    assert stock.as_often(np.array([0, 1, 1, 1]), asked).tolist() == [0, 1, 3, 5, 7]
    assert stock.as_often(np.array([1, 1]), asked).tolist() == [1, 3, 5, 7]


def test_train_sample_evaluate(tmp_path, capsys):
    run = tmp_path / "run"
    assert main(["train", "stock", *written_with({"steps": 1, "length": 8}), "--out", str(run)]) == 0
    assert (run / "samples" / "step-000001.png").is_file()
    for suffix in stock.FORMATS:
        assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / f"x{suffix}")]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("data: prices made here are learned instead of Google's: series/") and not said.err
    assert main(["evaluate", str(run), "-n", "20"]) == 0
    printed = capsys.readouterr().out
    assert "real data" in printed and "nan" not in printed


def test_the_writer_on_a_gpu():
    """As it would run on a GPU."""

    def written(make):
        game = small_game("stock", length=8)
        g, rng = moved(game.G.module, make), np.random.default_rng(0)
        z, z_t = (make(part.astype("f")) for part in (rng.standard_normal((3, 2)), rng.standard_normal((8, 3, 2))))
        return g(Tensor(z), Tensor(z_t)).numpy()

    np.testing.assert_allclose(written(on_gpu), written(lambda a: a), atol=1e-4)


def test_a_run_resumes_at_the_same_bits(tmp_path):
    draw = lambda samples, path: path.write_bytes(samples.tobytes())
    whole = small_game("stock", steps=3, length=8)
    train(whole, Run.create(tmp_path / "whole", "stock", whole.settings, whole.saved), draw, pictures=1, progress=False)

    first = small_game("stock", steps=3, length=8)
    run = Run.create(tmp_path / "broken", "stock", first.settings, first.saved)
    first.step(0)
    run.save(first, 1)
    again = recipes.load("stock").make_game(first.settings, saved=run.config["saved"])
    train(again, run, draw, start=run.resume(again), pictures=1, progress=False)
    for file in ("samples/step-000003.png", "checkpoints/step-3.safetensors"):
        assert (tmp_path / "broken" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


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
    words = written_with({"steps": 1, "length": 5})
    assert main(["train", "stock", "--data", str(path), *words, "--out", str(run)]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("data: ")]
    assert said == [
        f"data: 40 rows of {path} in 2 columns: noise, same",
        "data: left out: column 'day', which holds no numbers ('monday')",
        "data: column 'noise': 1 missing values were put on lines between their neighbours",
        "data: left out: column 'time', which only counts on (1000, 1001, ...); to learn it too: --set columns="
        "time,noise,same",
    ]
    path.unlink()
    stock.table.cache_clear()
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "x.csv")]) == 0  # the file is needed no more
    with open(tmp_path / "x.csv") as f:
        header, *rows = csv.reader(f)
    assert header == ["sample", "step", "noise", "same"] and len(rows) == 15
    assert rows[6][:2] == ["1", "1"] and {row[3] for row in rows} == {"7"}
    assert all(1 < float(row[2]) < 9 for row in rows)
    assert main(["sample", str(run), "-n", "3", "--out", str(tmp_path / "x.npy")]) == 0
    in_array = np.load(tmp_path / "x.npy")
    assert in_array.shape == (3, 5, 2)
    np.testing.assert_allclose(in_array.reshape(15, 2), np.float64([row[2:] for row in rows]), rtol=1e-6)


def test_columns_are_chosen_and_a_run_goes_on_with_them(tmp_path):
    path = own(tmp_path)
    game = small_game("stock", data=str(path), columns="time,2", length=5, channels=2)
    assert game.saved["columns"] == ["time", "noise"]
    again = stock.make_game(game.settings, saved=game.saved)
    assert (again.batch(0).x == game.batch(0).x).all()
    # an older run learned time without being asked
    older = stock.Settings(**{**SMALL["stock"], "data": str(path), "length": 5, "channels": 2})
    assert (stock.make_game(older, saved=game.saved).batch(0).x == game.batch(0).x).all()


def test_names_of_columns_are_drawn_as_they_are(tmp_path):
    """A pair of $ is a formula to matplotlib, an escape sequence an order to a terminal."""
    path = tmp_path / "own.csv"
    rng = np.random.default_rng(0)
    path.write_text("$\\frac{$,b\x1b[2J\n" + "".join(f"{a},{b}\n" for a, b in rng.standard_normal((40, 2))))
    game = small_game("stock", data=str(path), length=5, channels=2)
    stock.draw(game, game.sample(3, 0), tmp_path / "x.png")
    assert (tmp_path / "x.png").is_file()


def test_a_series_without_a_file_has_a_name_too():
    with pytest.raises(DataError, match=r"^the series: \d+ rows make 0 windows"):
        stock.learn_what_is_saved(stock.Settings(length=10_000))


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
    words = written_with({"length": 6})
    assert main(["train", "stock", "--data", str(path), *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert named in said and said.count("\n") == 1 and "own.csv" in said and not (tmp_path / "run").exists()


def test_a_series_that_never_falls_has_no_directions(tmp_path, capsys):
    path = tmp_path / "own.csv"
    path.write_text("close,noise\n" + "".join(f"{k + k % 3 / 4},{k * k % 7}\n" for k in range(40)))
    words = written_with({"length": 6, "told": "direction", "steps": 1})
    assert main(["train", "stock", "--data", str(path), *words, "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "own.csv: 0 windows fall and 35 rise" in said and said.count("\n") == 1


def test_changes_stand_beside_values():
    values, spreads = np.float32([[[1, 10], [3, 10], [2, 40]]]), np.float32([2, 10])
    seen = [[1, 10, 0, 0], [3, 10, 1, 0], [2, 40, -0.5, 3]]
    gone = np.float64([[0, 0], [1, 0], [0.5, 3]]) / 3**0.5
    np.testing.assert_allclose(stock.with_changes(values, spreads)[0], np.concatenate([seen, gone], 1), rtol=1e-6)


def test_slow_directions_are_written_as_changes():
    game = small_game("stock", length=6)
    spreads = game.G.module.spreads
    assert spreads[-1] < stock.SLOW < spreads[0]  # the level, and noise
    noise = game.to_tensors(draw_each(game.spaces, np.random.default_rng(0), 2))
    written, shown = game.G.module.writer(*noise).numpy(), game.G.module(*noise).numpy()
    k = len(spreads)
    np.testing.assert_allclose(shown[:, :, 0], written[:, :, 0], atol=1e-6)
    steps = written[:, :, -1] * np.r_[1, np.full(5, spreads[-1])]
    np.testing.assert_allclose(shown[:, :, k - 1], steps.cumsum(1), atol=1e-6)
    np.testing.assert_allclose(shown[:, 1:, 2 * k - 1], written[:, 1:, -1], atol=1e-3)


def test_what_is_told_is_the_first_row_and_the_rest_goes_on_from_it():
    """Fast directions begin with it and are then free; slow ones walk on from it."""
    game = small_game("stock", length=6, told="first")
    spreads, k = game.G.module.spreads, len(game.G.module.spreads)
    x, (first,) = game.batch(0)
    np.testing.assert_array_equal(first, x[:, 0, :k])
    z = draw_each(game.spaces, np.random.default_rng(0), len(x))
    shown = game.generate(game.G.module, z, (Tensor(first),)).x.numpy()
    written = game.G.module.writer(*game.to_tensors(z), Tensor(first)).numpy()
    np.testing.assert_array_equal(shown[:, 0, :k], first)
    np.testing.assert_allclose(shown[:, 1:, 0], written[:, 1:, 0], atol=1e-6)
    walk = first[:, None, -1] + (spreads[-1] * written[:, 1:, -1]).cumsum(1)
    np.testing.assert_allclose(shown[:, 1:, k - 1], walk, atol=1e-6)
    given = np.stack([first[0], first[1]])
    np.testing.assert_array_equal(game.sample(2, 0, given=given)[:, 0, :k], given)
    known = {row.tobytes() for row in game.first_rows()}
    assert {row.tobytes() for row in game.sample(20, 0)[:, 0, :k].astype("f")} <= known and len(known) > 20
    assert (game.sample(20, 0)[:, 0, :k] != game.sample(20, 1)[:, 0, :k]).any()


def test_samples_come_back_in_units_and_within_what_was_seen():
    game = small_game("stock", length=6)
    values = stock.series(stock.Settings())[0].values
    real = stock.windows(values, 6)[:4]
    whitened = stock.Whitening.from_json(game.saved["whitening"]).apply(real.reshape(-1, real.shape[2]))
    seen = stock.with_changes(whitened.reshape(real.shape), game.G.module.spreads)
    np.testing.assert_allclose(stock.in_units(game, seen), real, rtol=1e-3)
    far = stock.in_units(game, 100 * seen)
    assert (far >= values.min(0)).all() and (far <= values.max(0)).all()


def test_an_embedding_needs_a_size(capsys):
    assert main(["train", "stock", *set_words({"tokens": 5, "step_noise": 0})]) == 2
    assert "an embedding needs a size" in capsys.readouterr().err


def test_first_rows_come_from_the_file_or_a_sentence_says_that_it_is_gone(tmp_path, capsys):
    data, run = tmp_path / "my.csv", tmp_path / "run"
    walk = np.random.default_rng(0).standard_normal((80, 2)).cumsum(0)
    data.write_text("a,b\n" + "".join(f"{a},{b}\n" for a, b in walk))
    options = ["--set", "told=first", "--set", "length=6", "--set", "batch_size=8", "--set", "hidden=4"]
    assert main(["train", "stock", "--data", str(data), "--steps", "2", "--out", str(run), *options]) == 0
    assert main(["sample", str(run), "-n", "2"]) == 0
    data.unlink()
    stock.table.cache_clear()
    capsys.readouterr()
    assert main(["sample", str(run), "-n", "2"]) == 2
    assert capsys.readouterr().err == f"tinygan: {data}: no such file\n"


# --- going on from rows ----------------------------------------------------------------------------------------


@pytest.fixture
def told_first(tmp_path, monkeypatch, capsys):
    """A run of a series of two columns that is told how to begin."""
    monkeypatch.chdir(tmp_path)
    lines = [f"{k},{103 + 3 * np.sin(k / 9):.6g},{np.cos(k / 7) ** 2:.6g}" for k in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["day,price,share", *lines]))
    words = written_with({"told": "first", "length": 6})
    assert main(["train", "stock", "--steps", "2", "--data", "mine.csv", "--out", "run", *words]) == 0
    assert capsys.readouterr().out.endswith("tinygan apply run recent.csv\n")
    return tmp_path


def test_a_run_goes_on_from_a_files_last_row(told_first, capsys):
    (told_first / "recent.csv").write_text("share;day;price\n0,4;1;103\n0,1;2;105,5\n")
    assert main(["apply", "run", "recent.csv"]) == 0
    said = capsys.readouterr()
    assert said.out.strip() == str(Path("run/applied/recent.csv")) and "'105,5' was read as 105.5" in said.err
    rows = list(csv.reader(Path("run/applied/recent.csv").read_text().splitlines()))
    assert rows[0] == ["price", "share"] and len(rows) == 6 and "beyond" not in said.err
    for out, seed in (("a.csv", 0), ("b.csv", 1), ("next.png", 0)):
        assert main(["apply", "run", "recent.csv", "--out", out, "--seed", str(seed)]) == 0
    assert Path("a.csv").read_text() == Path("run/applied/recent.csv").read_text() != Path("b.csv").read_text()
    assert Path("next.png").read_bytes()[:4] == b"\x89PNG"


def test_what_follows_hangs_on_the_last_row_alone(told_first):
    game = commands_open("run")
    after = []
    for text in ("price,share\n100,.1\n104,.3\n", "price,share\n106,.4\n104,.3\n", "price,share\n104,.3\n100,.1\n"):
        (told_first / "recent.csv").write_text(text)
        after.append(stock.respond(game, "recent.csv", np.random.default_rng(0)).after)
    assert (after[0] == after[1]).all() and (after[0] != after[2]).any() and after[0].shape == (5, 2)
    # an untrained writer changes little: what it goes on from is the row that was given
    assert np.abs(after[0][0] - [104, 0.3]).max() < np.abs(after[2][0] - [104, 0.3]).max()


def commands_open(folder):
    from tinygan.opening import open_trained

    return open_trained(folder, "cpu")[0]


@pytest.mark.parametrize(
    "text, named",
    [
        (None, "recent.csv"),
        ("", "holds no values"),
        ("price,other\n1,2\n", "no column 'share'; there are price, other"),
        ("price,share\n1,many\n", "'share', which holds no numbers ('many'); this run has learned price, share"),
    ],
)  # fmt: skip
def test_rows_that_a_run_cannot_go_on_from(told_first, text, named, capsys):
    if text is not None:
        (told_first / "recent.csv").write_text(text)
    capsys.readouterr()
    assert main(["apply", "run", "recent.csv"]) == 2
    said = capsys.readouterr().err
    assert named in said and said.count("\n") == 1


def test_a_row_beyond_what_was_learned_is_said(told_first, capsys):
    (told_first / "recent.csv").write_text("price,share\n300,.1\n")
    assert main(["apply", "run", "recent.csv"]) == 0
    assert "price 300 is beyond all that was learned, 100.003 to 106, and the answer is cut" in capsys.readouterr().err


def test_a_run_that_is_not_told_says_how_to_train_one(tmp_path, capsys):
    run = str(tmp_path / "run")
    assert main(["train", "stock", "--steps", "1", "--out", run, *written_with({"length": 6})]) == 0
    assert "apply" not in capsys.readouterr().out
    assert main(["apply", run, "recent.csv"]) == 2
    assert "told=nothing: this run cannot be told how to begin; train one with --set told=first" in capsys.readouterr().err

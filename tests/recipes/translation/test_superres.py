"""Super-resolution: each term moves what it should; tiles meet; photographs of any kind are enlarged, others refused."""

import os
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from small_runs import SMALL, little_data, small_game, train_and_go_on

from tinygan import Tensor, ops, recipes
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, find_file, gather_notes
from tinygan.gan.players import Batch
from tinygan.metrics import bicubic
from tinygan.networks.tiles import by_tiles, tiles
from tinygan.recipes.translation import superres
from tinygan.recipes.translation._photographs import made_leaves, read
from tinygan.recipes.translation.superres import chequers, divergence, gradients, respond, shares

DATA = os.environ.get("TINYGAN_DATA", "")


@pytest.fixture(autouse=True)
def little(tmp_path):
    """No photographs: a few small pictures made here."""
    with little_data(tmp_path):
        yield


def game_of(**settings):
    """A small game whose players have weights that are not 0."""
    game = small_game("superres", **{"learning_rate": 1e-3, "schedule": "constant", "warmup": 0, **settings})
    for player in game.players.values():
        for name, p in player.module.named_parameters():
            p.data = 0.2 * stream(1, name).standard_normal(p.shape, dtype="float32")
    game.G.average.load_state_dict(game.G.module.state_dict())
    return game


def chance():
    return stream(0, "apply")


# --- from training to scores --------------------------------------------------------------------------------------


def test_from_training_to_scores(tmp_path, capsys):
    out = tmp_path / "run"
    train_and_go_on(out, "superres", SMALL["superres"], steps=5)
    assert "dead leaves, made here" in capsys.readouterr().out
    assert main(["sample", str(out), "-n", "5"]) == 0 and main(["plot", str(out)]) == 0
    assert main(["evaluate", str(out)]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("psnr of bicubic", "gradients"))
    with Image.open(out / "samples" / "seed-0.png") as picture:
        assert picture.size == (6 * 34 + 2, 36)  # two rows of three beside one another: two are held out
    photo, big = write(stream(0, "x").random((7, 9, 3)), tmp_path / "photo.png"), tmp_path / "big.png"
    assert main(["apply", str(out), photo, "--out", str(big)]) == 0
    with Image.open(big) as picture:
        assert (picture.size, picture.mode) == ((36, 28), "RGB")


def test_before_training_it_is_bicubic_interpolation():
    game = small_game("superres")
    x = stream(0, "x").uniform(-1, 1, (2, 1, 8, 7)).astype("float32")
    np.testing.assert_allclose(game.translate(x, chance()), bicubic(x, (32, 28)), atol=1e-6)


# --- which way the terms move -------------------------------------------------------------------------------------


@pytest.mark.parametrize("sharper", [True, False])
@pytest.mark.parametrize("name, of", [("gradient", gradients), ("chequer", chequers)])
def test_a_distribution_comes_nearer_to_the_real_one(name, of, sharper):
    """G's pictures are too soft, or too steep; it takes one step, on this term alone."""
    alone = {"pixel_weight": 0.0, "content_weight": 0.0, "gradient_weight": 0.0, "chequer_weight": 0.0, f"{name}_weight": 1.0}
    game = small_game("superres", learning_rate=1e-4, schedule="constant", warmup=0, pixel_phase=0.0, **alone)
    game.objective = game.objective._replace(generator=lambda real, fake: 0 * ops.mean(fake))
    target, (small,) = game.batch(0)
    target *= np.float32(4 if sharper else 0.05)
    if not sharper:  # the sixteen pixels that take a pixel's place: a chessboard
        game.G.module.write.bias.data += np.float32(0.001) * (1 - 2 * (np.indices((4, 4)).sum(0).ravel() % 2)).astype("f")
    game.read = lambda turn: Batch(target, (small,))
    made = lambda: of(game.G.module(Tensor(small)))
    apart = lambda: float(divergence(made(), of(target)).data)
    size = lambda: float(made().data.mean())
    before, was = apart(), size()
    row = game.step(0)
    assert row[f"{name}_kl"] == pytest.approx(before, rel=1e-4) and row["g_loss"] == pytest.approx(before, rel=1e-4)
    assert apart() < before - 1e-4
    assert (size() > was) == sharper


def test_chequers_are_large_on_a_chessboard_alone():
    board = 1 - 2 * (np.indices((14, 18)).sum(0) % 2)
    slope, stripes = np.indices((14, 18))[1] / 10, np.indices((14, 18))[1] % 2
    for picture, size in ((0.1 * board, 1.6), (slope, 0), (stripes, 0), (slope - 0.05 * board, 0.8)):
        found = chequers(picture[None, None].astype("f"))
        assert found.shape == (1, 1, 2, 3)
        np.testing.assert_allclose(found, size, atol=2e-4)


def test_of_the_pairs_of_the_game_the_last_show_dead_leaves():
    game = small_game("superres", steps=4, pixel_phase=0.5, batch_size=3, game_batch_size=5, leaves=2)
    again = small_game("superres", steps=4, pixel_phase=0.5, batch_size=3, game_batch_size=3, leaves=0)
    assert [len(game.batch(turn).x) for turn in range(4)] == [3, 3, 5, 5]
    (x, (small,)), (plain, _) = game.batch(2), again.batch(2)
    assert (x[:3] == plain).all() and x.shape == (5, *plain.shape[1:]) and len(small) == 5
    sides = made_leaves(x.shape[-1]).large
    assert any((x[4, 0] == turned).all() for large in sides for turned in crops_of(large, x.shape[-1]))
    with pytest.raises(ValueError, match="leaves=6: a step of the game has 5 pairs; take as many or fewer"):
        small_game("superres", game_batch_size=5, leaves=6)


def crops_of(large, side):
    """All crops of a picture (h, w), turned and mirrored, whose corner is a multiple of 4."""
    for mirrored in (large, large[:, ::-1]):
        for turns in range(4):
            x = np.rot90(mirrored, turns)
            places = np.lib.stride_tricks.sliding_window_view(x, (side, side))[::4, ::4]
            yield from places.reshape(-1, side, side)


def test_the_divergence_is_that_of_the_shares_at_the_centres():
    x = np.zeros((1, 1, 2, 2), np.float32)
    x[..., 1] = (np.e ** (2.5 / 3.3) - 1) / 12.75  # its place, 3.3 log(1 + d / 10), is 2.5: between 2 and 3
    expected = np.zeros(13)
    expected[[0, 2, 3]] = 0.5, 0.25, 0.25
    np.testing.assert_allclose(shares(x)[0], expected, atol=1e-5)
    flat = np.zeros_like(x)
    assert divergence(x, x) == pytest.approx(0, abs=1e-6)
    assert divergence(flat, x) == pytest.approx(0.5 * np.log(0.5) + 0.5 * np.log(0.25 / 1e-4), rel=0.05)


def test_noise_is_drawn_in_the_game_alone_and_only_as_strong_as_g_wants_it():
    game = small_game("superres", pixel_phase=0.5)
    x = stream(0, "x").uniform(-1, 1, (1, 1, 8, 8)).astype("float32")
    grain = lambda: game.G.module.grain.weight.data
    for k in (0, 1):
        game.step(k)
    assert not grain().any()
    np.testing.assert_array_equal(game.translate(x, stream(0, "a")), game.translate(x, stream(0, "b")))
    game.step(2)
    game.step(3)
    assert grain().any()
    assert (game.translate(x, stream(0, "a")) != game.translate(x, stream(0, "b"))).any()
    np.testing.assert_array_equal(game.translate(x, stream(0, "a")), game.translate(x, stream(0, "a")))


def test_without_its_weight_the_divergence_is_not_computed():
    assert "gradient_kl" not in game_of(pixel_phase=0.0, gradient_weight=0.0).step(0)


# --- tiles --------------------------------------------------------------------------------------------------------


def test_tiles_meet_without_a_seam():
    """G by tiles is G on the whole picture but for rounding; with a reach too short it is not."""
    game = game_of(blocks=2)
    x = stream(0, "picture").uniform(-1, 1, (17, 45, 38)).astype("float32")  # luminance, and noise
    make = lambda x: game.paint(x[None, :1], x[None, 1:])[0]
    whole, tiled, seamed = make(x), *(np.empty((1, 180, 152), np.float32) for _ in range(2))
    by_tiles(make, x, tiled, 16, game.G.module.reach)
    by_tiles(make, x, seamed, 16, game.G.module.reach - 2)
    np.testing.assert_allclose(tiled, whole, atol=1e-5)
    assert np.abs(seamed - whole).max() > 1e-3


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (17, 33)])
def test_tiles_cover_each_pixel_once_and_are_bounded(size):
    covered = np.zeros(size, int)
    for place, around in tiles(*size, 16, 5):
        covered[place] += 1
        assert np.zeros(size)[around].size <= 26**2
    assert (covered == 1).all()


# --- a picture of a reader's own ----------------------------------------------------------------------------------


def write(array, path):
    """A file of bytes (h, w) or (h, w, C)."""
    Image.fromarray((255 * array).round().astype(np.uint8)).save(path)
    return str(path)


def test_a_photograph_in_colour_is_enlarged_and_its_colours_stay(tmp_path):
    game = small_game("superres")  # of which the luminance is bicubic's too, before training
    x = bicubic(stream(0, "x").random((1, 3, 5, 4)), (20, 17))[0].clip(0, 1)
    y = respond(game, write(x.transpose(1, 2, 0), tmp_path / "x.png"), chance())
    expected = bicubic(x[None], (80, 68))[0].clip(0, 1)
    assert y.shape == (80, 68, 3) and y.dtype == np.uint8
    assert np.abs(y / 255 - expected.transpose(1, 2, 0)).mean() < 0.005
    superres.ANSWERS[".png"](y, tmp_path / "big.png")
    with Image.open(tmp_path / "big.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), y)


def test_grey_stays_grey_and_what_is_transparent_becomes_white(tmp_path):
    game = game_of()
    x = stream(0, "x").random((9, 7, 4))
    assert respond(game, write(x[..., 0], tmp_path / "grey.png"), chance()).shape == (36, 28)
    x[..., 3] = 0
    clear = respond(small_game("superres"), write(x, tmp_path / "clear.png"), chance())
    assert (clear > 252).all()


def test_a_large_picture_is_made_by_tiles_as_the_whole(tmp_path, monkeypatch):
    game = game_of()
    path = write(stream(0, "x").random((30, 41, 3)), tmp_path / "x.png")
    whole = respond(game, path, chance())
    monkeypatch.setattr(superres, "TILE", 8)
    tiled = respond(game, path, chance())
    assert np.abs(whole.astype(int) - tiled).max() <= 1 and (whole != tiled).mean() < 1e-3


def test_the_memory_is_that_of_a_tile(tmp_path, monkeypatch):
    """Beside the picture and the answer: with tiles a fifth of what the whole picture takes at once."""
    game, path = game_of(channels=16), write(stream(0, "x").random((120, 120)), tmp_path / "x.png")

    def peak(tile):
        monkeypatch.setattr(superres, "TILE", tile)
        tracemalloc.start()
        respond(game, path, chance())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most - 16 * 120 * 120

    assert peak(16) < 0.2 * peak(120)


def test_what_cannot_be_enlarged_is_refused(tmp_path, monkeypatch):
    game = small_game("superres")
    with pytest.raises(DataError, match="no such file"):
        respond(game, str(tmp_path / "none.png"), chance())
    monkeypatch.setattr(superres, "MOST_PIXELS", 1000)
    with pytest.raises(
        DataError, match="8x8: enlarged it would have more than 1,000 pixels; cut it, or make it smaller"
    ):
        respond(game, write(np.zeros((8, 8, 3)), tmp_path / "x.png"), chance())


# --- data ---------------------------------------------------------------------------------------------------------


def test_photographs_of_a_reader_are_trained_on_and_a_tenth_is_held_out(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(12):
        write(stream(0, "photo", k).random((40 + k, 50, 3)), folder / f"{k:02}.png")
    write(np.zeros((20, 50, 3)), folder / "small.png")
    (folder / "broken.png").write_bytes(b"\x89PNG")
    with gather_notes() as notes:
        game = small_game("superres", data=str(folder))
    assert any("small.png" in text for text in notes) and any("broken.png" in text for text in notes)
    assert any("12 photographs" in text for text in notes) and any("2 of them held out" in text for text in notes)
    learned = {x.tobytes() for x in read(game.settings, 0).large}
    assert len(learned) == 10 and not learned & {x.tobytes() for x in game.held_out().large}
    assert len(game.held_out()) == 2 and game.sample(3, 0).shape == (3, 1, 32, 32)
    scores = superres.evaluate(game, game.sample(4, 0))
    assert scores["psnr"] == pytest.approx(scores["psnr_of_bicubic"], abs=1e-3) and "psnr_set5" not in scores
    write(np.zeros((60, 50, 3)), folder / "00.png")
    again = superres.make_game(game.settings, saved=game.saved)
    with pytest.raises(DataError, match="not the pictures that this run began with"):
        again.batch(0)


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir()], ids=["no folder", "empty"])
def test_a_folder_without_photographs_is_refused(make, tmp_path):
    make(tmp_path / "photos")
    with pytest.raises(DataError, match="photos"):
        small_game("superres", data=str(tmp_path / "photos"))


def test_crops_larger_than_a_picture_are_refused_with_a_remedy_that_works():
    with pytest.raises(
        ValueError, match="crop=11: the smallest picture, shrunk, has a side of 10; take crop=10 or less"
    ):
        small_game("superres", crop=11)
    assert small_game("superres", crop=10).batch(0).x.shape == (4, 1, 40, 40)


# --- scores -------------------------------------------------------------------------------------------------------


@pytest.fixture
def real_data(monkeypatch):
    """TINYGAN_DATA as it was: with the photographs, if they are there."""
    monkeypatch.setenv("TINYGAN_DATA", DATA)
    try:
        find_file("set14/img_014_SRF_4_HR.png"), find_file("bsd100/img_100_SRF_4_HR.png")
    except DataError as error:
        pytest.skip(str(error))


def test_bicubic_scores_what_was_published_on_set5_and_is_known_on_set14(real_data):
    """28.42 dB; Set14 in luminance of BT.601, grey pictures too, has 26.10; 25.91 if two stay grey."""
    game = recipes.load("superres").make_game(recipes.load("superres").Settings())
    scores = superres.evaluate(game, game.sample(19, 0))
    assert scores["psnr_of_bicubic_set5"] == pytest.approx(28.42, abs=0.02)
    assert scores["psnr_of_bicubic_set14"] == pytest.approx(26.10, abs=0.02)
    assert scores["psnr_set5"] == pytest.approx(scores["psnr_of_bicubic_set5"], abs=0.01)
    assert scores["gradients_set5_of_real"] < 0.1 < scores["gradients_set5"]

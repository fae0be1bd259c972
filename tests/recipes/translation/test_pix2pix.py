"""Drawings become pictures: what a drawing is, what each term of G's loss does, pairs and drawings of a reader's own."""

import numpy as np
import pytest
from PIL import Image
from small_runs import check_gain, small_game

from tinygan.backend import stream
from tinygan.data import DataError, find_world, gather_notes
from tinygan.files import Unfit, check
from tinygan.metrics import psnr
from tinygan.recipes.translation import _drawings, pix2pix


@pytest.fixture(autouse=True)
def no_sheets(tmp_path, monkeypatch):
    """Without the sheets of sprites, shapes are drawn; few are asked for."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setattr(_drawings, "ASKED", 25)
    monkeypatch.setattr(pix2pix, "ASKED", 25)
    _drawings.asked_of.cache_clear()
    yield
    _drawings.asked_of.cache_clear()


@pytest.fixture
def own(tmp_path):
    """A folder of 40 pairs, 16x16: grey drawings, and their negatives in colour."""
    for side in "ab":
        (tmp_path / "own" / side).mkdir(parents=True)
    rng = stream(0, "own")
    for k in range(40):
        drawing = rng.integers(0, 256, (16, 16), dtype=np.uint8)
        Image.fromarray(drawing).save(tmp_path / "own" / "a" / f"{k}.png")
        Image.fromarray(np.stack([255 - drawing, drawing // 2, drawing], -1)).save(tmp_path / "own" / "b" / f"{k}.png")
    return tmp_path / "own"


def test_an_outline_is_the_edge_of_regions():
    regions = np.zeros((1, 6, 6), int)
    regions[0, 1:5, 1:5] = 1
    regions[0, 2, 2:4] = 2
    ink = np.broadcast_to(np.arange(3)[None, :, None, None] / 10 - 0.9, (1, 3, 6, 6))
    drawn = _drawings.outline(regions, ink)
    assert drawn.shape == (1, 3, 6, 6)
    edge = regions[0] > 0
    edge[3, 2:4] = False  # within region 1, above it region 2, to which that edge belongs
    np.testing.assert_array_equal(drawn[0, 0] < 1, edge)
    np.testing.assert_allclose(drawn[0, :, 1, 1], [-0.9, -0.8, -0.7])


def test_a_coloured_pencil_has_the_mean_colour_of_a_region():
    pictures = stream(0, "x").uniform(-1, 1, (2, 3, 4, 4)).astype(np.float32)
    regions = np.zeros((2, 4, 4), int)
    regions[0, :2], regions[1, 2:] = 1, 2
    flat = _drawings.mean_colours(pictures, regions)
    np.testing.assert_allclose(
        flat[0, :, :2], np.broadcast_to(pictures[0, :, :2].mean((1, 2))[:, None, None], (3, 2, 4)), rtol=1e-5
    )
    np.testing.assert_array_equal(flat[0, :, 2:], pictures[0, :, 2:])
    np.testing.assert_allclose(flat[1, :, 3, 0], pictures[1, :, 2:].mean((1, 2)), rtol=1e-5)
    assert flat.dtype == np.float32


def test_a_black_pencil_tells_no_colours():
    """Two pictures that differ in colour alone have the same black outlines, and other coloured ones."""
    world = find_world("shapes")
    scenes = [world.read(f"a large {colour} circle in the middle") for colour in ("red", "green")]
    black, coloured = (
        [_drawings.draw_pairs(world, [scene], stream(0, "draw"), pencil)[0][0] for scene in scenes]
        for pencil in ("black", "coloured")
    )
    assert (black[0] == black[1]).all() and 20 < (black[0][0] < 0).sum() < 60
    assert (coloured[0] != coloured[1]).any()
    red, _, blue = (channel[channel < 1] for channel in coloured[0])
    assert (red > blue).all()


def test_without_sheets_shapes_are_drawn_and_that_is_kept():
    with gather_notes() as notes:
        game = small_game("pix2pix")
    assert "shapes are drawn instead" in notes[0] and game.saved["world"] == "shapes"
    check(game.saved, pix2pix.SAVED)
    again = pix2pix.make_game(game.settings, saved=game.saved)
    assert (game.batch(3).x == again.batch(3).x).all() and (game.batch(3).x != game.batch(4).x).any()
    with pytest.raises(Unfit):
        check({**game.saved, "world": "elsewhere"}, pix2pix.SAVED)
    with pytest.raises(DataError, match="sheets"):
        pix2pix.make_game(game.settings, saved={**game.saved, "world": "sprites"}).batch(0)


@pytest.mark.parametrize("world, data", [("", ""), ("shapes", "somewhere")])
def test_a_run_whose_settings_were_changed_is_refused(world, data):
    saved = {"world": world, "before": 3, "after": 3, "checksum": 0}
    with pytest.raises(DataError, match="the one or the other was changed"):
        pix2pix.make_game(pix2pix.Settings(data=data), saved=saved)


def test_more_halvings_than_a_picture_has_are_refused_with_a_remedy_that_works():
    with pytest.raises(ValueError, match="pictures of 32x32 cannot be halved so often; take halvings=5 or less"):
        small_game("pix2pix", halvings=6)
    assert np.isfinite(small_game("pix2pix", halvings=5, pixel_phase=0.0).step(0)["g_loss"])


def test_what_is_asked_is_not_trained_on():
    game = small_game("pix2pix", batch_size=100)
    scenes, drawings, pictures = _drawings.asked_of("shapes", "coloured")
    assert len(scenes) == len(drawings) == len(pictures) == 2 * _drawings.ASKED
    asked = {picture.tobytes() for picture in pictures}
    assert not asked & {picture.tobytes() for k in range(5) for picture in game.batch(k).x}


# --- learning ------------------------------------------------------------------------------------------------------

SLOW = {"learning_rate": 2e-4, "schedule": "constant", "steps": 100, "batch_size": 8, "g_channels": 4, "d_channels": 4}


def test_the_pixel_phase_brings_g_nearer_to_the_pictures():
    game = small_game("pix2pix", **SLOW)
    target, (source,) = game.batch(0)
    before = psnr(game.G.module(source).data, target, (-1, 1))
    for _ in range(3):
        game.step(0)
    assert (psnr(game.G.module(source).data, target, (-1, 1)) > before).all()


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_in_the_game_each_player_gets_the_better_of_the_other(player):
    check_gain(small_game("pix2pix", **SLOW, pixel_phase=0.0, pixel_weight=0.0, ema=0.0), player, 3)


def test_scores_are_of_the_drawing_that_was_asked(monkeypatch):
    game = small_game("pix2pix")
    _, _, pictures = _drawings.asked_of("shapes", "coloured")
    scores = pix2pix.evaluate(game, pictures + 1e-3)
    assert scores["as_drawn_psnr"] > 60 and scores["obeyed_whole"] == scores["obeyed_held_out_whole"] == 1.0
    assert scores["obeyed_whole_of_real"] == 1.0
    swapped = pix2pix.evaluate(game, np.roll(pictures, 1, 0))
    assert swapped["as_drawn_psnr"] < 25 and swapped["obeyed_whole"] < 0.2 and swapped["obeyed_held_out_colour"] < 0.5
    scores = pix2pix.evaluate(game, pictures[:25])
    assert not any(name.startswith("obeyed_held_out") for name in scores), "the first 25 are of unseen scenes"


# --- a reader's own --------------------------------------------------------------------------------------------------


def test_pairs_of_your_own(own, tmp_path):
    settings = {"data": str(own), "halvings": 2}
    with gather_notes() as notes:
        game = small_game("pix2pix", **settings)
    assert any("40 pairs" in line and "4 held out" in line for line in notes)
    check(game.saved, pix2pix.SAVED)
    target, (source,) = game.batch(0)
    assert source.shape == (4, 1, 16, 16) and target.shape == (4, 3, 16, 16)
    np.testing.assert_allclose(target[:, 0], -source[:, 0], atol=1e-5)
    for k in range(4):
        assert np.isfinite(list(game.step(k).values())).all()
    shown = {x.tobytes() for k in range(20) for x in game.batch(k).given[0]}
    assert len(shown) == 36 and not shown & {x.tobytes() for x in game.asked()}
    samples = game.sample(8, 0)
    assert samples.shape == (8, 3, 16, 16)
    pix2pix.draw(game, samples, tmp_path / "drawn.png")
    assert set(pix2pix.evaluate(game, samples)) == {"samples", "as_drawn_psnr"}
    (own / "b" / "3.png").unlink()
    with pytest.raises(DataError, match="not the pictures that this run began with"):
        pix2pix.make_game(game.settings, saved=game.saved).batch(0)


@pytest.mark.parametrize(
    ("spoil", "settings", "fault"),
    [
        (lambda own: None, {"halvings": 5}, "16x16 and 16x16: expected one size, multiples of 32"),
        (lambda own: None, {"batch_size": 37}, "40 pairs: a tenth is held out"),
        (lambda own: [path.rename(path.with_stem("x" + path.stem)) for path in (own / "a").iterdir()], {}, "are not paired"),
    ],
)  # fmt: skip
def test_pairs_that_do_not_fit_are_refused(own, spoil, settings, fault):
    spoil(own)
    with pytest.raises(DataError, match=fault):
        small_game("pix2pix", **{"data": str(own), "halvings": 2, **settings})


def test_a_drawing_in_a_file_is_painted(tmp_path, monkeypatch):
    game = small_game("pix2pix")
    drawing = _drawings.asked_of("shapes", "coloured")[1][0]
    pix2pix.write_picture(drawing, tmp_path / "drawing.png")
    answer = pix2pix.respond(game, str(tmp_path / "drawing.png"), stream(0, "apply"))
    expected = game.translate(np.round((drawing[None] + 1) * 127.5).astype(np.float32) / 127.5 - 1, None)[0]
    np.testing.assert_allclose(answer, expected, atol=1e-4)
    Image.fromarray(np.zeros((13, 30), np.uint8)).save(tmp_path / "odd.png")
    assert pix2pix.respond(game, str(tmp_path / "odd.png"), stream(0, "apply")).shape == (3, 13, 30)
    monkeypatch.setattr(pix2pix, "MOST_PIXELS", 100)
    with pytest.raises(DataError, match="13x30 pixels, more than the 100"):
        pix2pix.respond(game, str(tmp_path / "odd.png"), stream(0, "apply"))
    with pytest.raises(DataError, match="no such file"):
        pix2pix.respond(game, str(tmp_path / "absent.png"), stream(0, "apply"))

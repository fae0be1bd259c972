"""Repairs that are learned: what G may change, what it is told, how it learns, and a reader's own pictures."""

import numpy as np
import pytest
from PIL import Image
from small_runs import SMALL, check_gain, small_game

from tinygan.backend import stream
from tinygan.data import DataError, gather_notes
from tinygan.data.pictures.damages import KINDS, OTHERS
from tinygan.files import Unfit, check
from tinygan.recipes.translation import _repaired, restore

SLOW = {"learning_rate": 2e-4, "schedule": "constant", "steps": 100, "batch_size": 12, "g_channels": 4, "d_channels": 4}


@pytest.fixture(autouse=True)
def nothing_there(tmp_path, monkeypatch):
    """Without a data folder's files, and few pictures to test on."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    monkeypatch.setattr(_repaired, "TESTED", 12)
    _repaired.find_pictures.cache_clear()
    yield
    _repaired.find_pictures.cache_clear()


@pytest.mark.parametrize(("asked", "found"), [("sprites", "shapes"), ("digits", "digits"), ("photographs", "leaves")])
def test_what_is_missing_is_made_here(asked, found):
    with gather_notes() as notes:
        game = small_game("restore", pictures=asked)
    assert f"{found} are repaired instead" in " ".join(notes) and game.saved["pictures"] == found
    check(game.saved, restore.SAVED)
    with pytest.raises(Unfit):
        check({**game.saved, "pictures": "elsewhere"}, restore.SAVED)
    target, (source,) = game.batch(0)
    assert target.shape == (4, game.saved["channels"], 32, 32)
    assert source.shape == (4, game.saved["channels"] + 1, 32, 32)
    again = restore.make_game(game.settings, saved=game.saved)
    assert (again.batch(5).given[0] == game.batch(5).given[0]).all()


def test_g_changes_only_what_is_damaged():
    game = small_game("restore")
    _, (source,) = game.batch(0)
    np.testing.assert_array_equal(game.G.module(source).data, source[:, :3] * (1 - source[:, 3:]))
    guessing = small_game("restore", mask="guessed")
    np.testing.assert_array_equal(guessing.G.module(source[:, :3]).data, source[:, :3])
    for _ in range(3):
        game.step(0)
    made = game.G.module(source).data
    whole = np.broadcast_to(source[:, 3:] == 0, made.shape)
    assert (made != source[:, :3])[~whole].mean() > 0.9
    np.testing.assert_array_equal(made[whole], source[:, :3][whole])


def test_g_that_guesses_is_not_told_the_mask():
    game = small_game("restore", mask="guessed")
    target, (source,) = game.batch(0)
    assert source.shape == target.shape
    told, (with_mask,) = small_game("restore").batch(0)
    np.testing.assert_array_equal(source, with_mask[:, :3])
    np.testing.assert_array_equal(target, told)


def test_a_batch_has_every_kind_of_damage(monkeypatch):
    kinds = []
    real = restore.damage
    monkeypatch.setattr(restore, "damage", lambda x, kind, rng: kinds.append((kind, len(x))) or real(x, kind, rng))
    small_game("restore", batch_size=7).batch(0)
    assert kinds == [("holes", 3), ("text", 2), ("noise", 2)]


def test_the_pixel_phase_repairs():
    game = small_game("restore", **SLOW)
    target, (source,) = game.batch(0)
    error = lambda: np.square(game.G.module(source).data - target).mean((1, 2, 3))
    before = error()
    for _ in range(5):
        game.step(0)
    assert error().mean() < before.mean()
    assert all(part.mean() < of.mean() for part, of in zip(np.split(error(), 3), np.split(before, 3))), "of every kind"


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_in_the_game_each_player_gets_the_better_of_the_other(player):
    check_gain(small_game("restore", **SLOW, pixel_phase=0.0, pixel_weight=0.0), player, 5)


def test_scores_are_by_kind_and_beside_simple_repairs(monkeypatch):
    game = small_game("restore", mask="guessed")
    true, sources = restore.asked_of(game.settings, game.saved)
    assert len(true) == len(sources) == 12
    scores = restore.evaluate(game, game.sample(12, 0))
    for kind in KINDS + OTHERS:
        assert scores[f"repaired_{kind}"] == scores[f"unrepaired_{kind}"], "an untrained G changes nothing"
        if kind != "noise":
            assert scores[f"diffused_{kind}"] > scores[f"unrepaired_{kind}"] + 1
    assert scores["read_of_real"] == 1.0 and scores["read_repaired_half"] < 0.5
    monkeypatch.setattr(game, "sample", lambda n, seed, given: true[:n])
    scores = restore.evaluate(game, true)
    assert scores["repaired_half"] > 60 and scores["read_repaired_half"] == 1.0 > scores["read_mean_filled_half"]


def test_digits_are_read_after_repair(monkeypatch, tmp_path):
    shown = []

    class Reader:
        def judge(self, x):
            shown.append(x)
            return None, np.eye(10)[np.zeros(len(x), int)]

    monkeypatch.setattr(_repaired, "digit_classifier", lambda name: Reader())
    found = _repaired.find_pictures("digits")
    assert found.test.shape == (12, 1, 32, 32) and found.read is not None
    right = found.read(found.test[:5])
    assert right.shape == (5,) and shown[0].shape == (5, 1, 8, 8)
    np.testing.assert_allclose(shown[0], found.test[:5, :, ::4, ::4], atol=1e-6)
    assert _repaired._cut(_repaired._pad(np.ones((1, 1, 28, 28)))).shape == (1, 1, 28, 28)


# --- a reader's own --------------------------------------------------------------------------------------------------


def test_pictures_of_your_own(tmp_path):
    np.save(tmp_path / "own.npy", stream(0, "own").integers(0, 256, (40, 20, 24), dtype=np.uint8))
    with gather_notes() as notes:
        game = small_game("restore", data=str(tmp_path / "own.npy"), size=0, halvings=2)
    assert "4 of them held out" in notes
    assert game.saved["pictures"] == "" and game.saved["channels"] == 1
    check(game.saved, restore.SAVED)
    for k in range(4):
        assert np.isfinite(list(game.step(k).values())).all()
    assert "read_repaired_holes" not in restore.evaluate(game, game.sample(4, 0))
    test = game.asked()
    assert test.shape == (4, 2, 20, 24)
    held_out = {x.tobytes() for x in restore.asked_of(game.settings, game.saved)[0]}
    assert len(held_out) == 4 and not held_out & {x.tobytes() for k in range(40) for x in game.batch(k).x}
    with pytest.raises(DataError, match="40 pictures of 20x24: expected"):
        small_game("restore", data=str(tmp_path / "own.npy"), size=0, batch_size=37)


@pytest.mark.parametrize("size, remedy", [(20, "take halvings=2 or less"), (21, "such as size=32")])
def test_sides_that_cannot_be_halved_are_refused(size, remedy, tmp_path):
    np.save(tmp_path / "own.npy", stream(0, "own").integers(0, 256, (40, 20, 24), dtype=np.uint8))
    with pytest.raises(ValueError, match=f"halvings=3: pictures of {size}x{size} cannot be halved so often; .*{remedy}"):
        small_game("restore", data=str(tmp_path / "own.npy"), size=size)


@pytest.mark.parametrize("which", range(0, 40, 13))
def test_a_picture_that_was_changed_is_noticed_learned_from_or_held_out(which, tmp_path):
    images = stream(0, "own").integers(0, 256, (40, 20, 24), dtype=np.uint8)
    np.save(tmp_path / "own.npy", images)
    game = small_game("restore", data=str(tmp_path / "own.npy"), size=0, halvings=2)
    restore.make_game(game.settings, saved=game.saved).batch(0)
    images[which, 0, 0] += 1
    np.save(tmp_path / "own.npy", images)
    with pytest.raises(DataError, match="not the pictures that this run began with"):
        restore.make_game(game.settings, saved=game.saved).batch(0)


@pytest.mark.parametrize(
    "saved, settings",
    [
        ({"pictures": ""}, {}), ({"pictures": "leaves"}, {}), ({"channels": 3}, {}), ({"pictures": "", "checksum": 0}, {}),
        ({}, {"data": "own.npy"}), ({"pictures": ""}, {"data": "own.npy"}),
    ],
    ids=str,
)  # fmt: skip
def test_a_run_whose_settings_were_changed_is_refused(saved, settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("own.npy", stream(0, "own").integers(0, 256, (40, 32, 32, 3), dtype=np.uint8))
    game = small_game("restore", pictures="digits")
    again = lambda: restore.make_game(restore.Settings(**SMALL["restore"], **settings), saved={**game.saved, **saved})
    for use in (lambda: again().batch(0), lambda: again().sample(2, 0)):
        with pytest.raises(DataError, match="the one or the other was changed|not the pictures that this run began with"):
            use()


def test_a_file_is_repaired(tmp_path, monkeypatch):
    game = small_game("restore", learning_rate=0.05, warmup=0, ema=0.0)
    photo = stream(0, "photo").integers(0, 256, (21, 30, 3), dtype=np.uint8)
    mask = np.zeros((21, 30), np.uint8)
    mask[5:12, 8:20] = 255
    Image.fromarray(photo).save(tmp_path / "photo.png")
    with pytest.raises(DataError, match="photo.mask.png: no such file; this run is told"):
        restore.respond(game, str(tmp_path / "photo.png"), None)
    Image.fromarray(mask).save(tmp_path / "photo.mask.png")
    for k in range(4):
        game.step(k)
    answer = restore.respond(game, str(tmp_path / "photo.png"), None)
    restore.write_picture(answer, tmp_path / "out.png")
    repaired = np.asarray(Image.open(tmp_path / "out.png"))
    assert (repaired[mask == 0] == photo[mask == 0]).all() and (repaired[mask > 0] != photo[mask > 0]).any()
    Image.fromarray(0 * mask).save(tmp_path / "photo.mask.png")
    with gather_notes() as notes:
        answer = restore.respond(game, str(tmp_path / "photo.png"), None)
    assert "photo.mask.png: nothing is white, so nothing is repaired" in notes[0]
    np.testing.assert_allclose(answer, photo.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)
    Image.fromarray(mask[:9]).save(tmp_path / "photo.mask.png")
    with pytest.raises(DataError, match="9x30 pixels, but .* has 21x30"):
        restore.respond(game, str(tmp_path / "photo.png"), None)
    guessing = small_game("restore", mask="guessed")
    assert restore.respond(guessing, str(tmp_path / "photo.png"), None).shape == (3, 21, 30)
    monkeypatch.setattr(restore, "MOST_PIXELS", 100)
    with pytest.raises(DataError, match="21x30 pixels, more than the 100"):
        restore.respond(game, str(tmp_path / "photo.png"), None)

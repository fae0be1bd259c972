"""Clips that are told: both players learn what labels say, each in its turn; samples are of their labels, long and short."""

import numpy as np
import pytest
from PIL import Image
from small_runs import hold, small_game

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.data import DataError, gather_notes, read_clip
from tinygan.data.video import digits
from tinygan.gan import pictures
from tinygan.recipes.video import video


@pytest.fixture(scope="module")
def game():
    return small_game("video")


@pytest.fixture
def sprites(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    return small_game("video", world="sprites")


def test_every_weight_of_both_players_learns(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    for world in ("digits", "sprites"):
        game = small_game("video", world=world, objective="non-saturating")  # relativistic: no use for D's last bias
        before = {name: p.numpy().copy() for player in game.players.values() for name, p in named(player)}
        for k in range(3):
            row = game.step(k)
            assert all(np.isfinite(value) for value in row.values())
        after = {name: p.numpy() for player in game.players.values() for name, p in named(player)}
        assert not [name for name in before if (before[name] == after[name]).all()]


def named(player):
    return [(f"{player.name}.{name}", p) for name, p in player.module.named_parameters()]


# --- what D reads ----------------------------------------------------------------------------------------------------


def settings(**more):
    return {"reading": 1.0, "gamma": 0.0, "batch_size": 8, "channels": 12, "features": 16, "learning_rate": 3e-3, **more}


@pytest.mark.parametrize("reading, falls", [(5.0, True), (0.0, False)])
def test_d_comes_to_read_real_clips(reading, falls):
    game = small_game("video", **settings(reading=reading))
    hold(game.G)
    real = game.batch(0)
    misread = lambda: float(game.D.module(Tensor(real.x), *real.given)[1].data)
    before = misread()
    for _ in range(12):
        game.step(0)
    assert (misread() < before - 0.1) == falls


@pytest.mark.parametrize("reading, falls", [(20.0, True), (0.0, False)])
def test_g_comes_to_be_read_as_it_was_told(reading, falls):
    game = small_game("video", **settings(reading=reading))
    for k in range(8):
        game.step(k)  # D must be able to read before G can learn by it
    hold(game.D)
    given = game.batch(0).given
    fake = lambda: game.fake(game.G.module, 8, given, stream(game.settings.seed, "noise", 0))
    misread = lambda: float(game.D.module(fake().x, *given)[1].data)
    before = misread()
    for _ in range(12):
        game.step(0)
    assert (misread() < before - 0.02) == falls


def test_what_d_reads_in_generated_clips_is_in_gs_loss_alone(game):
    d, real = game.D.module, game.batch(0)
    fake = game.fake(game.G.module, 4, real.given, stream(0, "noise"))
    misread = lambda x: game.settings.reading * float(d(x, *real.given)[1].data)
    assert game.judge(d, fake.x, fake.given)[1] == 0.0
    assert float(game.judge_made(d, fake, 0)[1].data) == pytest.approx(misread(fake.x), rel=1e-5)
    assert float(game.judge_real(d, Tensor(real.x), real, 0)[1].data) == pytest.approx(misread(Tensor(real.x)), rel=1e-5)


# --- what D is shown -------------------------------------------------------------------------------------------------


def test_a_generated_window_has_the_labels_of_its_first_frame_and_may_begin_with_the_motion(sprites):
    seen = []

    def g(z, start, noise, rows, first):
        seen.append((noise, rows, first))
        return Tensor(np.zeros((len(rows), 8, 3, 32, 32), np.float32))

    rows = sprites.world.rows(sprites.world.scenes("train", 400, stream(0, "scenes")))
    fake = sprites.fake(g, 400, (rows,), stream(0, "noise"))
    (noise, told, first), = seen
    assert fake.given[0] is rows and told is rows and len(noise) == 24 + 8
    assert first.min() == 0 and first.max() == 24 and len(np.unique(first)) == 25


def test_real_clips_are_of_their_labels_and_of_no_held_out_pair(game):
    world = game.world
    for turn in range(20):
        scenes = world.scenes("train", 4, stream(game.settings.seed, "scenes", turn))
        x, (rows,) = game.batch(turn)
        np.testing.assert_array_equal(rows, world.rows(scenes))
        assert x.shape == (4, 8, 1, 24, 24)
    kept = {tuple(row) for row in game.held_out()[1].tolist()}
    shown = {tuple(row) for turn in range(200) for row in game.batch(turn).given[0].tolist()}
    assert not kept & shown and len(kept) == 10


# --- samples and answers ---------------------------------------------------------------------------------------------


def test_samples_are_told_unseen_labels_in_turn(game):
    samples = game.sample(60, 0)
    assert samples.shape == (60, 8, 1, 24, 24)
    np.testing.assert_array_equal(samples, game.sample(60, 0, given=game.unseen()[1][:60]))  # over more than a chunk
    samples = game.sample(5, 0)
    np.testing.assert_array_equal(samples, game.sample(5, 0, given=game.unseen()[1][:5]))
    other = (game.unseen()[1][:5] + [1, 0]) % [10, 6]
    assert (samples != game.sample(5, 0, given=other)).any((1, 2, 3, 4)).all()


def test_a_longer_clip_begins_as_the_shorter_does(game):
    rows = game.unseen()[1][:5]
    longer = game.longer(rows, 3)
    assert longer.shape == (5, 32, 1, 24, 24)
    np.testing.assert_allclose(longer[:, :8], game.sample(5, 3, given=rows), atol=1e-5)
    assert game.sample(5, 3).shape[1] == 8


def test_an_answer_is_four_longer_clips_of_the_sentence(game, tmp_path):
    ask = lambda sentence, seed=0: video.respond(game, sentence, stream(seed, "apply"))
    clips = ask("a seven moves clockwise")
    assert clips.shape == (4, 32, 1, 24, 24) and (clips[0] != clips[1]).any()
    np.testing.assert_array_equal(clips, ask("A 7 goes clockwise."))
    assert (clips != ask("an eight moves clockwise")).any() and (clips != ask("a seven moves clockwise", 1)).any()
    video.ANSWERS[".gif"](clips, tmp_path / "a.gif")
    assert read_clip(tmp_path / "a.gif").shape[0] == 32
    video.respond(game, video.example(game), stream(0, "apply"))
    with pytest.raises(DataError, match="a digit and a path"):
        video.respond(game, "a dog", stream(0, "apply"))


def test_samples_are_written_as_an_animation_and_as_strips(game, tmp_path):
    samples = game.sample(5, 0)
    video.FORMATS[".gif"](game, samples, tmp_path / "a.gif")
    assert 2 <= len(read_clip(tmp_path / "a.gif")) <= 8  # an untrained G's frames may be alike
    video.FORMATS[".png"](game, samples, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (8 * (48 + 2) + 2, 5 * (48 + 2) + 2)


def test_directions_are_drawn_on_first_frames(game, tmp_path):
    drawn = pictures.drawings(game)
    assert drawn.keys() == {"directions.png", "shares.png"}
    drawn["directions.png"](game, tmp_path / "directions.png")
    with Image.open(tmp_path / "directions.png") as picture:
        assert picture.mode == "L" or picture.width > picture.height


def test_figures_are_told_by_sentences(sprites):
    clips = video.respond(sprites, video.example(sprites), stream(0, "apply"))
    assert clips.shape == (4, 32, 3, 32, 32)
    with pytest.raises(DataError, match="does not say the figure's hair, colour"):
        video.respond(sprites, "a green man walks up", stream(0, "apply"))


def test_without_the_sprites_digits_move_instead_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    with gather_notes() as notes:
        game = small_game("video", world="sprites")
    assert game.saved["world"] == "digits" and any("digits move instead: all 142 sheets" in said for said in notes)
    assert game.saved == {"world": "digits", "source": "digits"}
    assert video.make_game(game.settings, saved=game.saved).world.name == "digits"
    with pytest.raises(DataError, match="missing"):
        video.make_game(game.settings, saved={"world": "sprites", "source": ""})


def test_a_run_goes_on_with_the_digits_that_it_began_with(game, tmp_path, monkeypatch):
    """A run of MNIST is not gone on with by other digits, nor one of those that come with tinygan by MNIST."""
    small = video.make_game(game.settings, saved={"world": "digits", "source": "digits"})
    assert small.world.source == "digits" and small.saved["source"] == "digits"
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))

    def missing(split):
        raise DataError("mnist: not found")

    monkeypatch.setattr(digits, "mnist", missing)
    with pytest.raises(DataError, match="mnist: not found"):
        video.make_game(game.settings, saved={"world": "digits", "source": "mnist"}).batch(0)


# --- scores ----------------------------------------------------------------------------------------------------------


def test_real_clips_score_as_real_ones_and_clips_of_other_labels_do_not(game, monkeypatch):
    world, n = game.world, 20
    real = lambda part, frames, k: world.draw(part()[0][:n], frames, stream(k, "r"), "unseen")
    drawn = lambda rows, frames: real(game.unseen if (rows == game.unseen()[1][:n]).all() else game.held_out, frames, 5)
    monkeypatch.setattr(game, "sample", lambda n, seed, given: drawn(given, 8))
    monkeypatch.setattr(game, "longer", lambda rows, seed: drawn(rows, 32))
    scores = video.evaluate(game, real(game.unseen, 8, 6))
    for kind in ("", "held_out_", "longer_", "longer_held_out_"):
        assert scores[f"told_{kind}path"] == scores[f"told_{kind}path_of_real"] == 1.0
        assert scores[f"flicker_{kind}clips"] == pytest.approx(1, abs=0.15) and f"identity_{kind}clips" in scores
    assert scores["by_chance_path"] < 0.5 and "by_chance_identity" not in scores
    assert scores["frechet_ratio"] < 5 and scores["samples"] == n


def test_each_kind_of_clips_is_scored_by_what_it_was_told(game, monkeypatch):
    seen = {}
    remember = lambda world, clips, scenes, name: seen.update({name: (clips, scenes)}) or {}
    monkeypatch.setattr(video, "told_scores", remember)
    monkeypatch.setattr(video, "scores_beside_real", lambda world, clips, scenes: {})
    samples = game.sample(3, 0)
    video.evaluate(game, samples)
    for name, (clips, scenes) in seen.items():
        expected, rows = game.held_out() if "held_out" in name else game.unseen()
        assert scenes == expected[:3]
        of_rows = game.longer(rows[:3], 0) if "longer" in name else game.sample(3, 0, given=rows[:3])
        np.testing.assert_allclose(clips, of_rows, atol=1e-5)
    assert [len(seen[name][0][0]) for name in ("", "held_out_", "longer_", "longer_held_out_")] == [8, 8, 32, 32]


def test_clips_of_figures_are_also_scored_beside_the_true_ones(sprites):
    scores = video.evaluate(sprites, sprites.sample(6, 0))
    assert {"still_clips", "as_true_clips", "inception_score", "real_inception_score", "intra_entropy"} <= scores.keys()
    assert {"told_top", "told_longer_held_out_direction", "told_whole_of_real"} <= scores.keys()

"""Clips that are edited: what each term of both losses does, what stays, samples, clips and sentences of a reader's own."""

import numpy as np
import pytest
from PIL import Image
from small_runs import hold, small_game

from tinygan import Tensor, ops
from tinygan.backend import stream
from tinygan.data import DataError, gather_notes, read_clip
from tinygan.data.video import scenes
from tinygan.data.video.edits import find_edits
from tinygan.files import Unfit, check
from tinygan.networks.editing import SIZE, WAYS, Matches
from tinygan.recipes.video import video_edit
from tinygan.recipes.video._clips import read_as_shown


@pytest.fixture(scope="module")
def game():
    return small_game("video-edit")


@pytest.fixture
def sprites(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    return small_game("video-edit", world="sprites")


def test_every_weight_of_both_players_learns(sheets, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(sheets))
    for world in ("scenes", "sprites"):
        game = small_game("video-edit", world=world, pixel_phase=0.25)
        before = weights_of(game)
        for k in range(4):
            row = game.step(k)
            assert all(np.isfinite(value) for value in row.values())
        after = weights_of(game)
        assert not [name for name in before if (before[name] == after[name]).all()]


def weights_of(game):
    modules = {name: player.module for name, player in game.players.items()}
    return {f"{who}.{name}": p.numpy().copy() for who, module in modules.items() for name, p in module.named_parameters()}


# --- pairs ---------------------------------------------------------------------------------------------------------


def test_a_batch_is_of_clips_before_and_after_with_their_sentences(game):
    (after, (before, rows)), edits = game.batch(3), game.world.edits("train", 4, stream(game.settings.seed, "edits", 3))
    np.testing.assert_array_equal(before, scenes.draw_films([e.before for e in edits], 3))
    np.testing.assert_array_equal(after, scenes.draw_films([e.after for e in edits], 3))
    np.testing.assert_array_equal(rows, game.encode([e.sentence for e in edits]))
    for edited in edits:
        assert scenes.apply(edited.before, scenes.read_edit(edited.sentence)) == edited.after
    wrong = game.mislead(3)
    again, rng = [], stream(game.settings.seed, "wrong words", 3)
    for edited in edits:
        again.append(game.world.edit_again(edited, rng))
        assert again[-1].after != edited.after and again[-1].before == edited.before
    np.testing.assert_array_equal(wrong, game.encode([e.sentence for e in again]))


def test_what_is_kept_from_training_is_in_no_batch(game, sprites):
    of_held_out = lambda e: scenes.read_edit(e.sentence)[1:3] in scenes.HELD_OUT
    shown = [e for turn in range(50) for e in game.world.edits("train", 4, stream(0, "edits", turn))]
    assert all(of_held_out(e) for e in game.part("held_out")) and not any(of_held_out(e) for e in shown)
    pairs = lambda edits: {(e.after.colour, e.after.top) for e in edits}
    shown = [e for turn in range(50) for e in sprites.world.edits("train", 4, stream(0, "edits", turn))]
    assert not pairs(shown) & pairs(sprites.part("held_out")[:200])
    figures = lambda edits: {e.before[:7] for e in edits}
    assert not figures(shown) & figures(sprites.part("unseen")[:200])


# --- learning --------------------------------------------------------------------------------------------------------

SLOW = {"learning_rate": 3e-4, "schedule": "constant", "warmup": 0, "steps": 100, "batch_size": 8, "channels": 4, "ema": 0.0}


def made_of(game, turn=0):
    target, given = game.batch(turn)
    return game.G.module(Tensor(given[0]), given[1]), target, given


def read_mask(game):
    """Return how open the mask is where an edit changes something, and where it does not; how far the paint is from right."""
    target, (before, rows) = game.batch(0)
    _, change, paint = game.G.module.paint_over(Tensor(before), rows)
    changed = video_edit.weigh(before, target)[0].astype(bool)
    off = abs(paint.data - target) * changed
    return change.data[changed].mean(), change.data[~changed].mean(), off.sum() / changed.sum()


def test_the_pixel_phase_opens_the_mask_where_something_changes_and_brings_the_paint_near():
    game = small_game("video-edit", **{**SLOW, "learning_rate": 3e-3})
    distance = lambda: float(game.distance(*made_of(game)).data)
    was, far = read_mask(game), distance()
    for _ in range(25):
        game.step(0)
    inside, outside, off = read_mask(game)
    assert inside - outside > was[0] - was[1] + 0.05 and off < was[2] - 0.02 and distance() < far - 0.02


@pytest.mark.parametrize("opens", [True, False])
def test_a_shut_mask_opens_where_all_changes_and_an_open_one_shuts_where_nothing_does(opens, monkeypatch):
    game = small_game("video-edit", **SLOW)
    game.G.module.last.bias.data[0] = -6.0 if opens else 6.0
    _, (before, rows) = game.batch(0)
    target = before + 0.5 * opens
    monkeypatch.setattr(game, "batch", lambda turn: (target, (before, rows)))
    for _ in range(5):
        game.step(0)
    bias = float(game.G.module.last.bias.data[0])
    assert bias > -6.0 if opens else bias < 6.0


def test_where_an_edit_changes_something_counts_as_much_as_where_it_does_not():
    before, target = np.zeros((2, 1, 2, 3, 32, 32), np.float32)
    target[0, :, :, :16, :4] = target[0, 1, 2, 30:, 30:] = 1.0  # 68 and 64 of 1,024 pixels
    changed, weights = video_edit.weigh(before, target, 0.01)
    assert changed.shape == weights.shape == (1, 2, 1, 32, 32) and changed.sum() == 132
    assert (weights * changed).mean() == pytest.approx(0.5) and (weights * (1 - changed)).mean() == pytest.approx(0.5)
    _, weights = video_edit.weigh(before, target)
    assert weights.max() / weights.min() == pytest.approx((1 - 132 / 2048) / 0.25)


def test_the_game_weighs_as_the_end_of_the_pixel_phase_does(game, monkeypatch):
    target, given = game.batch(0)
    made = Tensor(target + stream(0, "off").standard_normal(target.shape, np.float32))
    expected = (video_edit.weigh(given[0], target, 0.25)[1] * abs(made.data - target)).mean()
    assert float(game.distance(made, target, given).data) == pytest.approx(expected, rel=1e-5)
    squared = (video_edit.weigh(given[0], target, 0.25)[1] * np.square(made.data - target)).mean()
    other = small_game("video-edit", pixel_loss="mse")
    assert float(other.distance(made, target, given).data) == pytest.approx(squared, rel=1e-5)
    leasts, weigh = [], video_edit.weigh
    monkeypatch.setattr(video_edit, "weigh", lambda *a: leasts.append(a[2]) or weigh(*a))
    small = small_game("video-edit", steps=40, pixel_phase=0.5)
    for k in (0, 10, 20):
        small.pixel_step(k)
    assert leasts == pytest.approx([0.01, 0.05, 0.25])


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_in_the_game_each_player_gets_the_better_of_the_other(player):
    game = small_game("video-edit", **SLOW, pixel_phase=0.0, pixel_weight=0.0, wrong=0.0)
    hold(game.D if player == "generator" else game.G)

    def verdicts():
        made, target, given = made_of(game)
        return [float(game.D.module(x, *given).data.mean()) for x in (target, made)]

    before = verdicts()
    for _ in range(5):
        game.step(0)
    after = verdicts()
    if player == "generator":
        assert after[0] == before[0] and after[1] > before[1]
    else:
        assert after[0] - after[1] > before[0] - before[1]


def test_in_the_game_the_weight_of_the_answer_moves_g_towards_it():
    def gained(pixel_weight):
        game = small_game("video-edit", **{**SLOW, "learning_rate": 2e-3}, pixel_phase=0.0, pixel_weight=pixel_weight)
        hold(game.D)
        distance = lambda: float(game.distance(*made_of(game)).data)
        before = distance()
        for _ in range(8):
            game.step(0)
        return before - distance()

    assert gained(300.0) > max(0.0, gained(0.0)) + 0.002


@pytest.mark.parametrize("kind", ["sentence", "clip"])
def test_d_learns_that_right_answers_to_others_are_wrong(kind):
    """By what `judge_real` adds to D's loss alone: real against made is not in it."""
    game = small_game("video-edit", **{**SLOW, "learning_rate": 3e-3}, d_channels=8)
    D, real = game.D.module, game.batch(0)
    before, rows = real.given
    other = (before, game.mislead(0)) if kind == "sentence" else (np.roll(before, 1, 0), rows)
    of = lambda given: D(Tensor(real.x), *given)
    loss = lambda: float(game.objective.discriminator(of((before, rows)), of(other)).data)
    was = loss()
    for k in range(20):
        game.D.move(game.judge_real(D, Tensor(real.x), real, 0)[1], k)
    assert loss() < was - 0.1


def test_what_d_is_shown_of_others_has_its_weight(game):
    real, aside = game.batch(0), {}
    for wrong in (0.0, 0.5, 1.0):
        other = small_game("video-edit", wrong=wrong)
        aside[wrong] = other.judge_real(other.D.module, Tensor(real.x), real, 0)[1]
    assert aside[0.0] == 0.0 and float(aside[1.0].data) == pytest.approx(2 * float(aside[0.5].data)) != 0


# --- the generator -----------------------------------------------------------------------------------------------------


def test_what_the_mask_leaves_out_stays_as_it_was(game):
    clips, rows = (x.copy() for x in game.batch(0).given)
    editor = small_game("video-edit").G.module
    editor.last.bias.data[0] = -20
    np.testing.assert_allclose(editor(Tensor(clips), rows).data, clips, atol=1e-6)
    editor.last.bias.data[0] = 20
    assert abs(editor(Tensor(clips), rows).data - clips).max() > 0.1


def test_a_clip_is_edited_frame_by_frame_whatever_its_length(game):
    clips = scenes.draw_films([e.before for e in game.part("unseen")[:3]], 20)
    sentences = [e.sentence for e in game.part("unseen")[:3]]
    long = game.edit(clips, sentences)
    assert long.shape == (3, 20, 3, 32, 32)
    np.testing.assert_allclose(long[:, :8], game.edit(clips[:, :8], sentences), atol=1e-5)
    other = clips.copy()
    other[:, 2] += 0.5  # a frame reaches those after it, by the state and by what was written
    seen = abs(game.edit(other, sentences) - long).max((0, 2, 3, 4))
    assert seen[:2].max() == 0 and seen[2] > 1e-3 and seen[3] > 0


def test_a_place_fits_a_sentence_by_products_of_what_is_seen_and_what_is_read():
    rng = np.random.default_rng(0)
    matches = Matches(5, 3, rng)
    x, told = rng.normal(size=(2, 3, 4, 4)).astype(np.float32), rng.normal(size=(2, 5)).astype(np.float32)
    keys = matches.key(ops.leaky_relu(matches.around(Tensor(x)), 0.2)).numpy()
    query = matches.query(Tensor(told)).numpy()
    made = matches(Tensor(x), Tensor(told)).numpy()
    assert made.shape == (2, WAYS, 4, 4)
    for n, way, row, column in np.ndindex(made.shape):
        part = slice(way * SIZE, (way + 1) * SIZE)
        assert made[n, way, row, column] == pytest.approx(keys[n, part, row, column] @ query[n, part] / SIZE**0.5, abs=1e-4)


def test_the_sentence_matters(game):
    clips = scenes.draw_films([e.before for e in game.part("unseen")[:1]], 4)
    a, b = (game.edit(clips, [sentence]) for sentence in ("make the red circle blue", "turn day to night"))
    assert abs(a - b).max() > 1e-4


# --- samples and answers -----------------------------------------------------------------------------------------------


def test_samples_are_of_unseen_edits_in_turn(game, tmp_path):
    samples = game.sample(3, 0)
    edits = game.part("unseen")[:3]
    clips = scenes.draw_films([e.before for e in edits], 8)
    np.testing.assert_allclose(samples, game.edit(clips, [e.sentence for e in edits]), atol=1e-5)
    np.testing.assert_allclose(game.sample(2, 0, given=[2, 0]), samples[[2, 0]], atol=1e-5)
    video_edit.draw(game, samples, tmp_path / "a.gif")
    assert read_clip(tmp_path / "a.gif").shape[2:] == (2 * 66 + 2, 3 * 66 + 2)
    video_edit.draw_frames(game, samples, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (8 * 66 + 2, 6 * 66 + 2)
    video_edit.write(game, samples, tmp_path / "a.txt")
    assert (tmp_path / "a.txt").read_text().splitlines() == [e.sentence for e in edits]


def ask(game, clip, sentence):
    return video_edit.respond(game, (str(clip), sentence), stream(0, "apply"))


def test_an_answer_may_be_edited_again(game, tmp_path):
    clip, sentence = video_edit.example(game)
    first = ask(game, clip, sentence)
    assert first.shape == (24, 3, 32, 32)
    edited = game.part("unseen")[0]
    np.testing.assert_allclose(first, game.edit(scenes.draw_films([edited.before], 24), [edited.sentence])[0], atol=1e-5)
    video_edit.show(first, tmp_path / "a.gif")
    with gather_notes() as notes:
        again = ask(game, tmp_path / "a.gif", " Make  it NIGHT. ")
    assert again.shape == first.shape and len(notes) in (2, 3)
    assert "frames of 128x128 in a.gif" in notes[0] and notes[1] == "the middle square of each frame is scaled to 32x32"
    read = read_clip(tmp_path / "a.gif", 32)
    assert abs(read - first).mean() < 0.03  # 256 colours
    np.testing.assert_allclose(again, game.edit(read[None], ["make it night"])[0], atol=1e-5)


def test_an_edit_that_changes_nothing_is_said(monkeypatch):
    game = small_game("video-edit")
    game.G.average.module.last.bias.data[0] = -20
    with gather_notes() as notes:
        ask(game, 0, "make the red circle blue")
    assert notes == ["nothing has changed: does the clip show what the sentence speaks of?"]
    game.G.average.module.last.bias.data[0] = 20
    with gather_notes() as notes:
        ask(game, 0, "make the red circle blue")
    assert not notes


@pytest.mark.parametrize("clip, sentence, says", [
    ("0", "make the red circel blue", "'circel': did you mean circle"),
    ("0", "make the hair blue", "'hair': a word that edits of shapes do not know"),
    ("0", "blue", "expected an edit such as"),
    ("1000", "make it night", "clip 1000: those made here are 0 to 999"),
    ("no.gif", "make it night", "no.gif"),
    ("still.png", "make it night", "single picture"),
    ("cut.gif", "make it night", "ends too early"),
    ("bomb.gif", "make it night", "more than its"),
    ("words.gif", "make it night", "expected an animated GIF, PNG or WebP"),
])  # fmt: skip
def test_what_cannot_be_edited_is_refused(clip, sentence, says, game, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (32, 32)).save("still.png")
    frames = [Image.fromarray(stream(k, "noise").integers(0, 256, (32, 32), dtype=np.uint8)) for k in range(3)]
    frames[0].save("good.gif", save_all=True, append_images=frames[1:])
    content = (tmp_path / "good.gif").read_bytes()
    (tmp_path / "cut.gif").write_bytes(content[: len(content) // 2])
    place = content.index(b"\x2c\x00\x00\x00\x00\x20\x00\x20\x00")  # the first frame's place and size
    (tmp_path / "bomb.gif").write_bytes(content[: place + 5] + b"\xff\xff\xff\xff" + content[place + 9 :])
    (tmp_path / "words.gif").write_text("make it night")
    with pytest.raises(DataError, match=says):
        ask(game, clip, sentence)


def test_a_grey_clip_is_edited_in_colour(game, tmp_path):
    frames = [Image.fromarray(stream(k, "noise").integers(0, 256, (32, 32), dtype=np.uint8)) for k in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert ask(game, tmp_path / "a.gif", "make it night").shape == (3, 3, 32, 32)


def test_figures_are_edited_by_their_own_words(sprites):
    clip, sentence = video_edit.example(sprites)
    assert ask(sprites, clip, sentence).shape == (24, 3, 32, 32)
    assert ask(sprites, clip, "give her golden boots").shape == (24, 3, 32, 32)
    with pytest.raises(DataError, match="did you mean golden"):
        ask(sprites, clip, "give her goldn boots")


def test_without_the_sprites_moving_shapes_are_edited_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    with gather_notes() as notes:
        game = small_game("video-edit", world="sprites")
    assert game.saved["world"] == "scenes" and any("moving shapes are edited instead: " in said for said in notes)
    assert video_edit.make_game(game.settings, saved=game.saved).world.name == "scenes"
    with pytest.raises(DataError, match="missing"):
        video_edit.make_game(game.settings, saved={**game.saved, "world": "sprites"})
    check(game.saved, video_edit.SAVED)
    for bad in ({**game.saved, "world": "elsewhere"}, {**game.saved, "words": "red"}, {"world": "scenes"}):
        with pytest.raises(Unfit):
            check(bad, video_edit.SAVED)


def test_true_clips_score_as_true_and_no_edit_does_not(game, monkeypatch):
    answers = lambda edits, frames: scenes.draw_films([e.after for e in edits], frames)

    def right(clips, sentences):
        part = next(p for p in ("unseen", "held_out") if [e.sentence for e in game.part(p)[:10]] == sentences)
        return answers(game.part(part)[:10], clips.shape[1])

    monkeypatch.setattr(game, "edit", right)
    scores = video_edit.evaluate(game, answers(game.part("unseen")[:10], 8))
    assert scores["samples"] == 10
    for kind in ("", "_held_out", "_longer", "_longer_held_out"):
        assert scores[f"edit_right{kind}"] == scores[f"edit_stays{kind}"] == 1.0
        assert scores[f"edit_flicker{kind}"] == 1.0 and scores[f"edit_outside{kind}"] > 90
    assert scores["edit_right_untouched"] == 0.0 and scores["edit_stays_untouched"] == 1.0
    assert scores["edit_inside_untouched"] < 15 < scores["edit_inside_by_swap"]


def test_each_kind_of_clips_is_scored_by_its_own_edits(game, monkeypatch):
    seen = []
    remember = lambda world, clips, edits: seen.append((clips.shape[1], edits)) or {"right": 0.0, "stays": 0.0}
    monkeypatch.setattr(video_edit, "edit_scores", remember)
    video_edit.evaluate(game, game.sample(2, 0))
    unseen, held_out = (game.part(part)[:2] for part in ("unseen", "held_out"))
    assert seen == [(8, unseen)] * 3 + [(8, held_out), (32, unseen), (32, held_out)]


def test_scores_of_figures_are_beside_those_of_true_clips(sprites):
    scores = video_edit.evaluate(sprites, sprites.sample(5, 0))
    assert {"edit_right_of_real", "edit_stays_longer_held_out_of_real", "edit_right_by_swap"} <= scores.keys()


def test_a_clip_that_is_large_or_of_frames_of_many_sizes_is_scaled_before_it_is_counted(tmp_path):
    """60 frames of 640x480 are more pixels than are kept, but 60 of 32x32 are not."""
    world = find_edits("scenes")
    frames = [Image.new("RGB", (640, 480), (4 * k, 0, 0)) for k in range(60)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:], duration=100)
    with gather_notes() as notes:
        assert read_as_shown(world, str(tmp_path / "a.gif")).shape == (60, 3, 32, 32)
    assert notes[0] == "read: 60 frames of 640x480 in a.gif" and len(notes) == 2
    (tmp_path / "b").mkdir()
    for k in range(3):
        Image.new("RGB", (40 + k, 50), (80 * k, 0, 0)).save(tmp_path / "b" / f"{k}.png")
    with gather_notes() as notes:
        assert read_as_shown(world, str(tmp_path / "b")).shape == (3, 3, 32, 32)
    scaled = "the middle square of each frame is scaled to 32x32, where it has another size"
    assert notes == ["read: 3 of 3 picture files in b", scaled]


def test_a_pixel_that_an_edit_changes_a_little_is_changed():
    before = np.zeros((1, 1, 3, 2, 2), np.float32)
    after = before.copy()
    after[0, 0, 1, 0, 0], after[0, 0, 1, 1, 1] = 4 / 255, 1 / 255  # a rounding is no change
    assert video_edit.weigh(before, after)[0][0, 0, 0].tolist() == [[1, 0], [0, 0]]

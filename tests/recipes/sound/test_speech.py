"""Text to sound: texts and their slips, which verdicts a step moves, what is heard, and how it is asked to speak."""

import wave as wave_file

import numpy as np
import pytest
from small_runs import SMALL, hold, little_data, small_game, train_and_go_on

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, speech, write_wave
from tinygan.data.spectra import sound_of
from tinygan.networks.speaking import LETTERS, SPACE, VOICES
from tinygan.recipes.sound import speech as recipe
from tinygan.run.folder import Run


@pytest.fixture(scope="module", autouse=True)
def little(tmp_path_factory):
    """Two takes of each made word; no recordings."""
    with little_data(tmp_path_factory.mktemp("data")):
        yield


def test_what_players_are_told():
    rows = recipe.encode(np.array([[1, 2], [3, 6]]), np.array([0, 4]))
    letters = lambda text: [SPACE if c == " " else LETTERS + "abcdefghijklmnopqrstuvwxyz".index(c) for c in text]
    assert rows.tolist() == [[VOICES, *letters("one two"), 0, 0], [VOICES + 4, *letters("three six")]]


def test_sound_is_drawn_and_heard_again():
    words = speech.made_recordings("takes").sounds[:3]
    drawn = recipe.draw_sound(words)
    assert drawn.shape == (3, 128, 64) and drawn.dtype == np.float32 and -1 <= drawn.min() <= drawn.max() <= 1
    again = sound_of((drawn + 1) * (recipe.LOUDEST / 2))
    assert recipe.sound_drawn(drawn).shape == again.shape == words.shape
    assert np.abs(recipe.draw_sound(again) - drawn).mean() < 0.03


def test_slips_are_wrong_in_one_way():
    lesson = recipe.Lesson.make("train", 200, 3, 5, stream(0, "lesson"))
    wrong = lesson.slip(2, 5, stream(0, "slip"))
    assert wrong.text.shape == (400, 3) and wrong.speakers.shape == (400,)
    words = (wrong.text != np.tile(lesson.text, (2, 1))).sum(1)
    strangers = wrong.speakers != np.tile(lesson.speakers, 2)
    one_word, another_voice, another_text = (words == 1) & ~strangers, (words == 0) & strangers, words > 1
    assert one_word.mean() == pytest.approx(0.6, abs=0.1) and another_voice.mean() == pytest.approx(0.25, abs=0.08)
    assert 0.05 < another_text.mean() < 0.2
    assert ((words == 0) & ~strangers).mean() < 0.01, "a text that is right was shown as wrong"
    alone = recipe.Lesson(lesson.text, np.zeros(200, int)).slip(1, 1, stream(0, "slip"))
    assert not alone.speakers.any()


def test_batches_have_any_number_of_words_and_follow_the_turn():
    game = small_game("speech")
    shapes = {turn: game.batch(turn).x.shape for turn in range(12)}
    assert {shape[2] // 64 for shape in shapes.values()} == {1, 2, 3, 4}
    for turn in (0, 5):
        again = game.batch(turn)
        assert again.x.shape == shapes[turn] and (again.x == game.batch(turn).x).all()
        assert len(again.given[0]) == len(again.x)
    assert {small_game("speech", longest=1).batch(turn).x.shape[2] for turn in range(5)} == {64}


def verdicts(game, of="wrong words"):
    """Mean verdicts at turn 0 on real sound with right texts, with wrong ones, and on what G makes of both.

    of: the stream of chance that the step draws these wrong texts from.
    """
    real, k = game.batch(0), game.settings.wrong_words
    rows, D = real.given[0], game.D.module
    wrong = game.slip(rows, k, 0, stream(game.settings.seed, of, 0))
    z = Tensor(stream(0, "z").standard_normal((len(real.x), game.settings.noise), np.float32))
    made, judge = game.G.module(z, rows).data, lambda x, told: float(D(Tensor(x), told).data.mean())
    many = lambda x: np.tile(x, (k, 1, 1))
    return {
        "right": judge(real.x, rows), "wrong": judge(many(real.x), wrong),
        "made": judge(made, rows), "made with wrong": judge(many(made), wrong),
    }  # fmt: skip


FEW = {"batch_size": 8, "penalty": "none", "learning_rate": 1e-3, "hidden": 16, "channels": 2, "d_channels": 2}


@pytest.mark.parametrize("terms, better, worse", [
    ({"listening": 1.0}, "right", "wrong"), ({"wrong": 0.0, "matching": 0.0}, "right", "made"),
    ({"wrong": 30.0, "matching": 0.0}, "right", "wrong"),
], ids=["listening", "real from made", "wrong texts"])  # fmt: skip
def test_d_tells_apart_what_each_term_is_for(terms, better, worse):
    game = small_game("speech", **FEW, steps=8, longest=2, **{"listening": 0.0, **terms})
    hold(game.G)
    before = verdicts(game)
    for _ in range(8):
        game.step(0)
    after = verdicts(game)
    assert after[better] - after[worse] > before[better] - before[worse] + 1e-3


@pytest.mark.parametrize("terms", [{"matching": 0.0}, {"matching": 30.0}], ids=["verdicts", "matching"])
def test_g_raises_verdicts_and_fits_its_texts(terms):
    game = small_game("speech", **FEW, steps=20, longest=2, listening=0.0, **terms)
    hold(game.G)
    for _ in range(6):
        game.step(0)  # D learns what words sound like
    game.G.schedule.base_lr, game.D.schedule.base_lr = 1e-3, 0.0
    of = "wrong words of generated samples"
    before = verdicts(game, of)
    for _ in range(6):
        game.step(0)
    after = verdicts(game, of)
    assert after["right"] == before["right"], "D has moved"
    if terms["matching"]:
        gain = lambda found: found["made"] - found["made with wrong"]
        assert gain(after) > gain(before)
    else:
        assert after["made"] > before["made"]


def test_train_apply_sample_evaluate_and_go_on(tmp_path, capsys):
    run = tmp_path / "run"
    train_and_go_on(run, "speech", SMALL["speech"], steps=4)
    for suffix in (".png", ".wav"):
        assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / f"s{suffix}")]) == 0
        assert main(["apply", str(run), "two seven", "--out", str(tmp_path / f"a{suffix}")]) == 0
    assert main(["apply", str(run), "mezzo: 27", "--out", str(tmp_path / "m.wav")]) == 0
    for name, words in {"s": 2 * 3, "a": 5 * 2, "m": 2}.items():
        with wave_file.open(str(tmp_path / f"{name}.wav")) as file:
            assert file.getparams()[:4] == (1, 2, 8000, words * speech.SLOT)
    capsys.readouterr()
    faults = {"tow": "did you mean two", "bob: one": "'bob' does not speak here", "12" * 101: "202 words by 5 voices"}
    for text, fault in faults.items():
        assert main(["apply", str(run), text, "--out", str(tmp_path / "x.wav")]) == 2
        assert fault in capsys.readouterr().err
    assert main(["evaluate", str(run), "-n", "6"]) == 0
    assert "said whole 8" in capsys.readouterr().out


def test_an_answer_is_told_to_the_voice_that_is_named(monkeypatch):
    game = small_game("speech")
    monkeypatch.setattr(game, "draw", lambda n, rng, given: given)
    names = game.saved["names"]
    assert len(names) == 5
    for k, name in enumerate(names):
        assert np.array_equal(recipe.respond(game, f" {name} : one 2", None), recipe.encode([[1, 2]], [k]))
    assert np.array_equal(recipe.respond(game, "one 2", None), recipe.encode([[1, 2]] * 5, range(5)))


def test_generated_sound_stands_beside_held_out_takes(monkeypatch):
    """A word of an utterance has the peak of the recording that it is."""
    game, heard, compared = small_game("speech"), [], []
    learned, takes = (recipe.speech(game.settings, game.saved, part) for part in ("train", "takes"))
    peaks = lambda sounds: sorted({*np.abs(sounds.reshape(-1, speech.SLOT)).max(1).tolist()})
    scores = {"said": 0.5, "said_whole": 0.0, "speaker": 0.0}
    near = lambda sounds, digits, who, others: compared.append((sounds, others.sounds)) or np.zeros(1)
    monkeypatch.setattr(recipe, "recogniser", lambda words: compared.append((words.sounds,)))
    monkeypatch.setattr(recipe, "hear", lambda network, sounds, text, who=None: heard.append((sounds, text, who)) or scores)
    monkeypatch.setattr(recipe, "frechet_scores", lambda network, *sounds: compared.append(sounds) or {})
    monkeypatch.setattr(recipe, "nearest_take", near)
    recipe.evaluate(game, game.sample(2, 0))
    made, real, inverted = heard[0][0], heard[1][0], heard.pop(2)[0]
    assert not {*peaks(takes.sounds)} & {*peaks(learned.sounds)}
    for k, words in enumerate(recipe.LENGTHS):
        for sounds, text, who in heard[2 * k : 2 * k + 2]:
            assert sounds.shape == (2, words * speech.SLOT)
            for found, asked in zip((text, who), game.unheard(words)):
                assert np.array_equal(found, asked[:2])
        assert {*peaks(heard[2 * k + 1][0])} <= {*peaks(takes.sounds)}
    assert 0.02 < np.abs(inverted - real).max() and np.array_equal(inverted, recipe.sound_drawn(recipe.draw_sound(real)))
    assert np.array_equal(compared[0][0], learned.sounds), "the recogniser learns from what is learned"
    assert [peaks(sounds) for sounds in compared[1]] == [peaks(sounds) for sounds in (made, takes.sounds, learned.sounds)]
    assert [peaks(sounds) for sounds, _ in compared[2:]] == [peaks(made), peaks(real)]
    assert all(np.array_equal(others, learned.sounds) for _, others in compared[2:])


def test_recordings_of_a_readers_own(tmp_path, capsys):
    """Speakers number their takes as they like; a run goes on with the recordings that it began with alone."""
    folder, run = tmp_path / "own", tmp_path / "run"
    folder.mkdir()
    for digit in range(10):
        for name, first in (("ann", 0), ("bo", 40)):
            for take in range(2):
                tone = 0.3 * np.sin(np.arange(2000) / (4 + digit))
                write_wave(folder / f"{digit}_{name}_{first + take}.wav", tone, 8000)
    (folder / "3_ann_7.wav").write_bytes(b"hello")
    train_and_go_on(run, "speech", SMALL["speech"], steps=2, data=folder)
    said = (run / "data.txt").read_text()
    assert "20 words by ann, bo; takes and pairs of words are held out" in said and "left out: 3_ann_7.wav" in said
    assert main(["evaluate", str(run), "-n", "2"]) == 0
    assert Run.open(run).config["saved"]["names"] == ["ann", "bo"]

    folder.rename(tmp_path / "elsewhere")
    speech._read_folder.cache_clear()
    assert main(["sample", str(run), "-n", "2", "--out", str(tmp_path / "s.wav")]) == 0
    assert main(["apply", str(run), "bo: two", "--out", str(tmp_path / "a.wav")]) == 0
    go_on = ["train", "--resume", "--out", str(run), "--steps", "4"]
    capsys.readouterr()
    assert main(go_on) == 2 and "no folder of recordings" in capsys.readouterr().err
    (tmp_path / "elsewhere").rename(folder)
    write_wave(folder / "5_bo_42.wav", 0.3 * np.sin(np.arange(2000) / 99), 8000)
    speech._read_folder.cache_clear()
    capsys.readouterr()
    assert main(go_on) == 2 and "not the recordings that this run began with" in capsys.readouterr().err
    with pytest.raises(DataError, match="no folder of recordings"):
        small_game("speech", data=str(tmp_path / "none"))

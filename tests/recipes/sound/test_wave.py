"""Sound drawn sample by sample: what it learns from, what a step moves, what is heard of it, and readers' own files."""

import wave as wave_file

import numpy as np
import pytest
from small_runs import SMALL, hold, little_data, small_game, train_and_go_on

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, write_wave
from tinygan.data.files import gather_notes
from tinygan.metrics.sound import hearing
from tinygan.recipes.sound import wave


@pytest.fixture(scope="module", autouse=True)
def little(tmp_path_factory):
    """Two takes of each made word; no recordings."""
    with little_data(tmp_path_factory.mktemp("data")):
        yield


@pytest.fixture
def own(tmp_path):
    """A folder of 50 short sounds of a reader's own, and of one that is long: 1,024 and 4,000 samples."""
    folder = tmp_path / "own"
    folder.mkdir()
    for k in range(50):
        write_wave(folder / f"{k:02}.wav", 0.3 * np.sin((k + 3) * np.arange(1024) / 30), 8000)
    write_wave(folder / "long.wav", 0.1 * np.sin(np.arange(4000) / 5), 8000)
    return folder


def test_words_are_made_where_there_are_no_recordings():
    with gather_notes() as notes:
        game = small_game("wave")
    assert any("words of a small synthesiser are learned instead" in line for line in notes)
    assert game.saved["made"] is True and game.batch(0).x.shape == (4, wave.SLOT)
    assert (game.batch(0).x == game.batch(0).x).all() and (game.batch(0).x != game.batch(1).x).any()


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_step_moves_verdicts_its_way(player):
    """D's steps raise verdicts on real sounds above those on made ones; G's steps raise those on what it makes."""
    game = small_game("wave", batch_size=8, penalty="none", learning_rate=3e-3)
    hold(game.D if player == "generator" else game.G)
    z = Tensor(stream(0, "z").standard_normal((32, 3), np.float32))
    real = Tensor(game.batch(0).x)

    def verdicts():
        game.D.module.eval()
        found = game.D.module(real).data.mean(), game.D.module(game.G.module(z)).data.mean()
        game.D.module.train()
        return found

    before = verdicts()
    for k in range(4):
        game.step(k)
    after = verdicts()
    if player == "generator":
        assert after[0] == before[0] and after[1] > before[1]
    else:
        assert after[0] - after[1] > before[0] - before[1]


def test_a_step_repeats_what_its_shuffle_drew():
    rows = [small_game("wave", shuffle=n).step(0)["d_loss"] for n in (2, 2, 0)]
    assert rows[0] == rows[1] != rows[2]
    game = small_game("wave")
    drawn = []
    for k in (5, 6, 5):
        game.D.module.reseed(stream(3, "other"))
        game.step(k)
        drawn.append(game.D.module[4].rng.bit_generator.state["state"]["key"].tolist())
    assert drawn[0] == drawn[2] != drawn[1]


def test_train_sample_evaluate_and_go_on(tmp_path, capsys):
    train_and_go_on(tmp_path / "run", "wave", SMALL["wave"], steps=4)
    for suffix in wave.FORMATS:
        assert main(["sample", str(tmp_path / "run"), "-n", "3", "--out", str(tmp_path / f"x{suffix}")]) == 0
    with wave_file.open(str(tmp_path / "x.wav")) as file:
        assert file.getframerate() == 8000 and file.getnframes() == 3 * (wave.SLOT + 1200)
    capsys.readouterr()
    assert main(["evaluate", str(tmp_path / "run"), "-n", "30"]) == 0
    printed = capsys.readouterr().out
    assert "inception score" in printed and "pitch spread" in printed


def test_scores_of_digits(monkeypatch):
    """Real words have the scores of real words; of the same word again and again one digit is heard."""
    monkeypatch.setitem(hearing.TRAINING, "steps", 40)
    words, takes = (wave.speech(True, part) for part in ("train", "takes"))
    monkeypatch.setattr(wave, "recogniser", lambda learned: network)
    network = hearing.train_recogniser(words, steps=40, batch_size=24)
    real = wave.digit_scores(takes.sounds, words, takes)
    assert real["frechet_distance"] < 0.01 < real["frechet_floor"]
    assert real["inception_score"] == real["real_inception_score"] > 4 and real["smallest_class_share"] > 0
    same = wave.digit_scores(np.repeat(words.sounds[:1], 30, 0), words, takes)
    assert same["inception_score"] == pytest.approx(1, abs=1e-3) and max(same["class_shares"]) == 1
    assert same["frechet_distance"] > 2 * same["frechet_floor"]
    assert same["nearest_take"] < 0.2 * real["nearest_take_of_real"]


def test_sounds_of_a_readers_own(own, tmp_path, capsys):
    settings = {**SMALL["wave"], "length": 1024}
    train_and_go_on(tmp_path / "run", "wave", settings, steps=2, data=own)
    said = (tmp_path / "run" / "data.txt").read_text()
    assert "read: 51 of 51 WAV files in own" in said and "54 sounds of 0.13 s; 5 held out" in said
    assert main(["evaluate", str(tmp_path / "run"), "-n", "20"]) == 0
    assert "copied share" in capsys.readouterr().out
    assert main(["sample", str(tmp_path / "run"), "-n", "2", "--out", str(tmp_path / "x.wav")]) == 0
    (own / "00.wav").unlink()
    wave.own_sounds.cache_clear()
    assert main(["train", "--resume", "--out", str(tmp_path / "run"), "--steps", "4"]) == 2
    assert "not the sounds that this run began with" in capsys.readouterr().err


REFUSED = {
    "few": ({}, lambda folder: [p.unlink() for p in folder.glob("[2-4]*")], "at least 40 are needed"),
    "a length": ({"length": 1500}, lambda folder: None, "length=1500: expected a multiple of 1024; .*=1024 or 2048"),
    "a batch": ({"batch_size": 100}, lambda folder: None, "49 sounds to learn from, a step takes batch_size=100"),
    "none": ({}, lambda folder: [p.unlink() for p in folder.iterdir()], "no .wav, .wave file in it"),
}


@pytest.mark.parametrize("settings, spoil, fault", REFUSED.values(), ids=REFUSED)
def test_folders_that_are_refused(own, settings, spoil, fault):
    spoil(own)
    wave.own_sounds.cache_clear()
    with pytest.raises(DataError, match=fault):
        small_game("wave", **{"data": str(own), "length": 1024, **settings})


def test_no_sound_is_learned_and_held_out_and_all_are_as_loud_as_they_go(own):
    wave.own_sounds.cache_clear()
    learned, held_out = wave.own_sounds(str(own), 8000, 1024)
    assert (len(learned), len(held_out)) == (49, 5) and len({x.tobytes() for x in [*learned, *held_out]}) == 54
    loudest = np.abs(np.concatenate([learned, held_out])).max(1)
    np.testing.assert_allclose(loudest, 0.9, rtol=0.02)


def test_silent_files_are_left_out(own):
    write_wave(own / "silence.wav", np.zeros(1024), 8000)
    wave.own_sounds.cache_clear()
    with gather_notes() as notes:
        wave.own_sounds(str(own), 8000, 1024)
    assert "left out: 1 silent files" in notes


def test_a_picture_shows_real_and_generated_sounds(tmp_path):
    game = small_game("wave")
    wave.draw(game, game.sample(5, 0), tmp_path / "x.png")
    from PIL import Image

    with Image.open(tmp_path / "x.png") as picture:
        assert picture.width >= 8 * 64 and picture.height >= 2 * 128


def test_one_short_sound_a_batch_is_refused(own, tmp_path, capsys):
    words = ["train", "wave", "--data", str(own), "--steps", "1", "--set", "length=1024", "--out", str(tmp_path / "run")]
    assert main([*words, "--set", "batch_size=1"]) == 2
    assert "batch normalisation would have one value a channel" in capsys.readouterr().err

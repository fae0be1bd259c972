"""Names, and lines of one's own letter by letter: read, learned, written back, and scored for how new they are."""

import json
import re

import numpy as np
import pytest
from small_runs import WAYS, set_words, small_game

from tinygan import recipes
from tinygan.backend import stream
from tinygan.cli import main
from tinygan.data import DataError, gather_notes, small_text
from tinygan.recipes.text._lines import vocabulary_of

names = recipes.load("names")


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """No data folder: what is made here has to do."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path / "nothing"))


def test_imitation_learns(no_data):
    game = small_game("names", way="mle", steps=150, hidden=24, mle_rate=0.02)
    losses = [game.step(step)["g_nll"] for step in range(150)]
    assert np.mean(losses[:5]) > 2.9 and np.mean(losses[-20:]) < 2.3


def test_a_file_of_ones_own_and_sampling_without_it(tmp_path, capsys):
    """Chinese verses among the lines: every character is a token, and comes back as it was."""
    path, run = tmp_path / "lines.txt", tmp_path / "run"
    path.write_text("\n".join(small_text()), encoding="utf-8")
    options = set_words({"batch_size": 8, "hidden": 8, "embedding": 4, **WAYS["policy"]})
    assert main(["train", "names", "--steps", "4", "--data", str(path), "--out", str(run), *options]) == 0
    saved = json.loads((run / "config.json").read_text())["saved"]
    assert {"月", "光", "q"} & set(saved["tokens"]) and saved["level"] == "char" and saved["length"] == 40
    assert len((run / "samples" / "step-000004.txt").read_text(encoding="utf-8").splitlines()) == 100
    assert main(["evaluate", str(run), "-n", "50"]) == 0
    path.unlink()
    assert main(["sample", str(run), "-n", "7", "--out", str(tmp_path / "new.txt")]) == 0
    assert len((tmp_path / "new.txt").read_text(encoding="utf-8").split("\n")) == 8
    different = []
    for temperature in ("1e-5", "1"):
        assert main(["sample", str(run), "--temperature", temperature, "--out", str(tmp_path / "t.txt")]) == 0
        different.append(len(set((tmp_path / "t.txt").read_text(encoding="utf-8").splitlines())))
    assert different[0] < 10 < 90 < different[1]
    assert main(["sample", str(run), "--temperature", "0"]) == 2
    capsys.readouterr()
    assert main(["evaluate", str(run)]) == 2
    assert "no such file" in capsys.readouterr().err


CUTS = {  # settings: (how many lines are cut, their most tokens, what is said)
    "all are cut": ({"longest": 3}, 3, "cut: 36 of 36 lines to 3 characters, .*longest=13 .*split=sentence takes"),
    "some are cut": ({"longest": 12}, 12, "cut: [0-9]+ of 36 lines to 12 characters, .*longest=13 keeps them whole"),
    "none is cut": ({"longest": 13}, 13, None),
    "words are cut": ({"longest": 2, "level": "word"}, 2, "cut: 36 of 36 lines to 2 words, .*longest=4 keeps"),
    "rare ones are unknown": ({"longest": 13, "rarest": 30}, 13, "left out: [0-9]+ characters that are seen less than 30"),
    "sentences": ({"longest": 3, "split": "sentence"}, 3, "cut: 36 of 36 sentences to 3 .*longest=13 keeps them whole$"),
}


@pytest.mark.parametrize("case", CUTS)
def test_what_is_cut_is_said_with_the_way_out(case, tmp_path):
    settings, length, says = CUTS[case]
    path = tmp_path / "lines.txt"
    path.write_text("\n\n".join(f"verse {k + (10000 if k < 12 else 1000)}." for k in range(40)))
    with gather_notes() as notes:
        game = small_game("names", way="mle", data=str(path), **settings)
    assert game.saved["length"] == length
    assert notes[0].startswith(f"40 {settings.get('split', 'line')}s of {path}; 4 held out")
    assert len(notes) == 1 + (says is not None) and all(re.search(says, note) for note in notes[1:])


def test_a_run_goes_on_with_the_lines_that_it_began_with(tmp_path, monkeypatch):
    """Made lines stay made when the file is there at last; lines of a file are not replaced by made ones."""
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    with gather_notes() as notes:
        saved = small_game("names", way="mle").saved
    assert saved["made"] and notes[0].startswith("lines made here are learned instead: names/names.txt: not found")
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "names.txt").write_text("\n".join(f"name{k}" for k in range(99)))
    settings = names.Settings()
    assert names.lines_of(settings, saved).made and not names.lines_of(settings).made
    (tmp_path / "names" / "names.txt").unlink()
    with pytest.raises(DataError, match="names.txt: not found"):
        names.lines_of(settings, {"made": False})


def test_too_few_lines_are_refused(tmp_path):
    path = tmp_path / "few.txt"
    path.write_text("one\ntwo\n")
    with pytest.raises(DataError, match=r"lines: 2, expected 20 or more"):
        small_game("names", way="mle", data=str(path))


def test_a_tenth_is_held_out_and_no_line_is_on_both_sides(tmp_path):
    path = tmp_path / "lines.txt"
    lines = [f"line {k}" for k in range(50)] * 2
    path.write_text("\n".join(lines))
    train, held_out, _ = names.lines_of(names.Settings(data=str(path)))
    assert not set(train) & set(held_out) and set(train) | set(held_out) == set(lines)
    assert 5 <= len(held_out) <= 10 and len(train) == 2 * (50 - len(held_out))


def test_scores_of_copies_repetitions_and_real_names(no_data):
    game = small_game("names", way="mle")
    train, held_out, _ = names.lines_of(game.settings)
    code = lambda lines: vocabulary_of(game.saved).encode(lines, game.length)[0]
    new = [line for line in dict.fromkeys(held_out) if line not in set(train)][:100]
    scores = names.evaluate(game, code(new + new[:50] + train[:50]))
    assert scores["copies"] == 50 / 200 and scores["not_in_training_and_distinct"] == 100 / 200
    assert scores["distinct"] == (100 + len(set(train[:50]))) / 200
    assert names.evaluate(game, code(held_out[1::2]))["ngram_nll"] == pytest.approx(scores["ngram_nll_of_real"])
    learned = names.evaluate(game, code(held_out[::2]))  # the half that the n-grams are of
    assert learned["ngram_nll"] < scores["ngram_nll_of_real"] - 0.1
    backwards = names.evaluate(game, code([line[::-1] for line in new]))
    assert backwards["ngram_nll"] > scores["ngram_nll"] + 0.3


@pytest.mark.parametrize("damage", [lambda saved: saved.pop("tokens"), lambda saved: saved.clear()], ids=["a part", "all"])
def test_a_damaged_vocabulary_is_a_sentence(tmp_path, capsys, damage):
    path, run = tmp_path / "lines.txt", tmp_path / "run"
    path.write_text("\n".join(small_text()), encoding="utf-8")
    options = set_words({"batch_size": 8, "hidden": 8, "embedding": 4, "way": "mle"})
    assert main(["train", "names", "--steps", "2", "--data", str(path), "--out", str(run), *options]) == 0
    config = json.loads((run / "config.json").read_text())
    damage(config["saved"])
    (run / "config.json").write_text(json.dumps(config))
    capsys.readouterr()
    assert main(["sample", str(run)]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1 and 'does not fit the recipe names: saved: expected' in printed


# --- lines that somebody has begun -----------------------------------------------------------------------------


def answer(game, given, seed=0):
    return names.respond(game, given, stream(seed, "apply"))


@pytest.mark.parametrize("way", WAYS)
def test_names_go_on_from_a_beginning(way, no_data):
    game = small_game("names", way=way, **WAYS[way])
    given = names.example(game)
    assert 0 < len(given) <= 3 and answer(game, given).startswith(given)
    assert answer(game, "MA").startswith("ma")  # no name is written in capitals
    assert answer(game, "ma", 0) == answer(game, "ma", 0) and len({answer(game, "ma", seed) for seed in range(9)}) > 1


def test_letters_are_filled_in(no_data):
    game = small_game("names", way="infill", **WAYS["infill"])
    for seed in range(5):
        assert re.fullmatch("m.r..", answer(game, "m_r__", seed))


@pytest.mark.parametrize(
    "given, named",
    [
        ("m\u00e4r", "'\u00e4' is not a character that this run has learned"),
        ("m7", "'7' is not a character that this run has learned; it knows"),
        ("m_r", r"filled by a run of --set way=infill; this one (way=mle) goes on from a beginning"),
        ("m" * 50, "50 tokens, and 1 or more to be found: this run's sentences have at most"),
    ],
)
def test_what_names_cannot_go_on_from(given, named, no_data):
    with pytest.raises(DataError, match=re.escape(named)):
        answer(small_game("names", way="mle"), given)

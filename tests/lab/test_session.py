"""What the front end asks, and the answers."""

import json
import re
import struct

import numpy as np
import pytest

from tinygan.gan.objectives import OBJECTIVES
from tinygan.gan.penalties import PENALTIES
from tinygan.lab.history import MOST, History
from tinygan.lab.session import CHOICES, FOLDER, Session, pack, split, words


def ask(session, tab="plane", **message):
    return session.answer({"tab": tab, **message})[0]


@pytest.fixture
def session():
    session = Session()
    ask(session, do="set", values={"hidden": 8, "d_hidden": 8, "batch_size": 16})
    return session


def test_play_trains_for_a_while(session):
    assert ask(session, do="play", ms=0)["steps"] == 1
    answer = ask(session, do="play", ms=100)
    assert answer["steps"] > 1 and answer["k"] == 1 + answer["steps"] and 0.1 <= answer["seconds"] < 2


def test_slow_is_a_move_of_one_player(session):
    assert [ask(session, do="move", player=p)[n] for p, n in (("d", "turn"), ("g", "k"), ("step", "turn"))] == [1, 1, 2]


def test_a_setting_that_only_some_choices_read_comes_and_goes(session):
    assert "gamma" not in ask(session, do="set", values={"penalty": "none"})["settings"]
    assert "gamma" in ask(session, do="set", values={"penalty": "r1"})["settings"]


def test_settings_keep_networks_and_a_restart_does_not(session):
    ask(session, do="move", player="step")
    assert ask(session, do="set", values={"objective": "hinge"})["k"] == 1
    assert ask(session, do="set", values={"scene": "grid"})["k"] == 1
    assert ask(session, do="restart")["k"] == 0
    ask(session, do="move", player="step")
    assert ask(session, do="set", values={"hidden": 9})["k"] == 0


WRONG = [
    ({"gamma": "much"}, "gamma.*expected a number"),
    ({"learning_rate": -1}, "learning_rate.*must be"),
    ({"hidden": 100_000}, "hidden=100000: at most"),
    ({"objective": "wasserstein", "penalty": "none"}, "objective=wasserstein with a D whose slope nothing holds"),
    ({"objective": "love"}, "objective.*expected one of"),
    ({"scene": "moon"}, "scene=moon: expected one of"),
    ({"codes": 8}, "codes: no such setting"),
    ({"batch_size": 1.5}, "batch_size.*whole number"),
    (3, "values are a dict"),
]


@pytest.mark.parametrize("values, says", WRONG, ids=[says for _, says in WRONG])
def test_what_cannot_be_set_is_said_and_changes_nothing(session, values, says):
    before = ask(session, do="show")
    answer = ask(session, do="set", values=values)
    assert re.search(says, answer["error"]) and answer["settings"] == before["settings"]


@pytest.mark.parametrize(
    "message", [{"do": "fly"}, {"do": "play"}, {"do": "play", "ms": "x"}, {"do": "move", "player": []}, {"do": "preset"}, {}]
)
def test_other_questions_are_answered_with_an_error(session, message):
    assert ask(session, **message)["error"]


@pytest.mark.parametrize("message", [None, 3, [], {}, {"tab": "x"}])
def test_what_is_no_question_raises(session, message):
    with pytest.raises(ValueError, match="tab"):
        session.answer(message)


def test_a_drawing_is_learned_and_kept(session):
    assert "drawn" in ask(session, do="draw", paths=[[[0, 0]]])["error"]
    assert ask(session, do="set", values={"scene": "drawn"})["error"] == ""
    assert "nothing is drawn" in ask(session, do="play", ms=0)["error"]
    answer = ask(session, do="draw", paths=[[[0.5, 0.5]], [[-1, 0], [1, 0]]])
    assert answer["error"] == "" and answer["places"] == 9
    ask(session, do="play", ms=0)
    ask(session, do="set", values={"scene": "ring"})
    assert ask(session, do="set", values={"scene": "drawn"})["places"] == 9
    assert "places" not in ask(session, do="draw", paths=[])


@pytest.mark.parametrize("preset", CHOICES["preset"])
def test_presets_play(preset):
    session = Session()
    answer = ask(session, do="preset", name=preset)
    assert answer["error"] == "" and ask(session, do="play", ms=0)["k"] == 1


def test_a_collapse_and_its_cure():
    """The eight dots of the ring, with the presets as they are."""
    session = Session()
    ask(session, do="preset", name="collapse")
    looks = []
    for k in range(600):
        session.games["plane"].step()
        looks += [ask(session, do="show")["found"]] * (k % 50 == 49)
    assert max(looks[-6:]) <= 3
    assert ask(session, do="preset", name="cured")["k"] == 600  # the same networks
    assert ask(session, do="restart")["k"] == 0
    for _ in range(800):
        session.games["plane"].step()
    assert ask(session, do="show")["found"] == 8


def test_a_game_that_stopped_says_so_until_it_begins_again(session):
    ask(session, do="set", values={"objective": "f-kl", "penalty": "none", "learning_rate": 100.0})
    for _ in range(200):
        answer = ask(session, do="play", ms=0)
        if answer["stopped"]:
            break
    assert answer["stopped"] and json.dumps(answer, allow_nan=False)
    assert ask(session, do="play", ms=0)["steps"] == 0
    ask(session, do="set", values={"learning_rate": 1e-3})
    assert not ask(session, do="restart")["stopped"]


def test_digits_are_written(session):
    header, arrays = session.answer({"do": "play", "tab": "digits", "ms": 0})
    assert header["k"] == 1 and arrays["pictures"].shape == (12, 8, 8) and arrays["states"].shape == (8, 12, 48)


def test_an_answer_is_one_block_of_bytes(session):
    header, arrays = session.answer({"do": "show", "tab": "plane"})
    block = pack(*split(header, arrays))
    (length,) = struct.unpack("<I", block[:4])
    told, at = json.loads(block[4 : 4 + length]), 4 + length
    assert length % 4 == 0 and [name for name, _ in told["arrays"]] == list(arrays)
    for name, shape in told["arrays"]:
        size = 4 * int(np.prod(shape))
        assert (np.frombuffer(block[at : at + size], "<f4").reshape(shape) == arrays[name]).all() or name == "history"
        at += size
    assert at == len(block)


def test_history_does_not_grow_and_keeps_both_ends():
    history = History("a")
    for k in range(100_000):
        history.add(k, a=float(k))
    rows = history.array()
    steps = np.diff(rows[:, 0])
    assert len(rows) <= MOST and rows[0, 0] == 0 and rows[-1, 0] == 99_999 and (rows[:, 0] == rows[:, 1]).all()
    assert steps.min() > 0 and steps[:-1].max() < 4 * np.median(steps)


# --- words -------------------------------------------------------------------------------------------------------


def test_both_languages_have_all_words():
    said = words()
    assert said["en"].keys() == said["zh"].keys()
    for key, text in said["en"].items():
        places = re.findall(r"\{\w+\}", text)
        assert text and sorted(places) == sorted(re.findall(r"\{\w+\}", said["zh"][key])), key


def test_every_choice_has_words():
    said = words()["en"]
    assert {*CHOICES["objective"]} == {*OBJECTIVES} and {*CHOICES["penalty"]} == {*PENALTIES}
    for name, values in CHOICES.items():
        for value in values:
            assert f"{name}_{value}" in said
            assert name == "scene" or f"{name}_{value}_about" in said


def test_every_word_that_the_front_end_says_is_there():
    code, said = (FOLDER / "lab.js").read_text("utf-8"), words()["en"]
    keys = {*re.findall(r'\bsay\("(\w+)"', code), *re.findall(r'\bword\("\w+", "(\w+)"', code)}
    keys |= {*re.findall(r'data-(?:label|hint)": "(\w+)"', code)}
    assert len(keys) > 40 and keys <= said.keys()
    groups = re.search(r"const FIELDS = \{.*?\n\};", code, re.S)[0]
    assert {*re.findall(r'"(\w+)"', groups)} <= said.keys()

"""Small talk is right where it says so; pairs are read from files."""

import pytest

from tinygan.data import DataError
from tinygan.data.text import TOPICS, clock_words, is_right, number_words, read_pairs, small_talk, topic_of


@pytest.mark.parametrize(
    "n, words", [(0, "zero"), (19, "nineteen"), (20, "twenty"), (47, "forty seven"), (100, "one hundred")]
)
def test_numbers_in_words(n, words):
    assert number_words(n) == words


@pytest.mark.parametrize(
    "minutes, words",
    [(0, "twelve o'clock"), (60, "one o'clock"), (90, "half past one"), (195, "a quarter past three"),
     (225, "a quarter to four"), (715, "five to twelve"), (720 + 25, "twenty five past twelve")],
)  # fmt: skip
def test_times_in_words(minutes, words):
    assert clock_words(minutes) == words


@pytest.mark.parametrize(
    "prompt, right, wrong",
    [
        ("what comes after ninety nine?", "it is one hundred.", "it is one hundred and one."),
        ("which number leads to twenty?", "nineteen.", "twenty one."),
        ("it is five to twelve. what time is it in ten minutes?", "five past twelve.", "five past eleven."),
        ("what time is two hours after half past eleven?", "half past one.", "half past nine."),
        ("mix blue with yellow, please.", "you get green.", "you get purple."),
        ("i look north, turn left, then turn left. where do i look?", "west, then south.", "south."),
        ("facing west, i turn around. which way now?", "to the east.", "to the north."),
        ("facing east, i turn left and around. which way now?", "you look north, then south.", "south, then north."),
    ],
)
def test_right_and_wrong(prompt, right, wrong):
    assert is_right(prompt, right) and not is_right(prompt, wrong)


def test_train_and_test_share_no_prompt_and_leave_none_out():
    train, test = ({prompt for prompt, _ in small_talk(part)} for part in ("train", "test"))
    asked = [p for asks in TOPICS.values() for prompts, _ in asks() for p in prompts]
    assert not train & test and train | test == set(asked) and len(asked) == len(set(asked))
    assert 0.15 < len(test) / len(asked) < 0.25
    assert {topic_of(prompt) for prompt in test} == set(TOPICS)
    with pytest.raises(ValueError, match="not a prompt of small_talk"):
        is_right("how are you?", "fine.")
    with pytest.raises(ValueError, match="'train' or 'test'"):
        small_talk("valid")


@pytest.mark.parametrize("line", ["no tab", "\tno prompt", "no reply\t", "a\tb\tc"])
def test_lines_that_are_no_pair_are_named(line, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("hello\thi\n" + line + "\n")
    with pytest.raises(DataError, match="is not a pair; expected a prompt, one tab, a reply"):
        read_pairs(path)

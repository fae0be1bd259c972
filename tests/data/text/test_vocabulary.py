"""Words and vocabularies: from lines to rows of integers and back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.data import (
    Vocabulary,
    small_text,
    words,
)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("a cat.", "a cat ."),
        ("it's the dog's, isn't it?", "it 's the dog 's , is n't it ?"),
        ("a well-known 3.5 t-shirt", "a well-known 3.5 t-shirt"),
        ("wait... what--now", "wait ... what -- now"),
        ("举头望明月, ok", "举 头 望 明 月 , ok"),
        ("été à Köln", "été à Köln"),
        ("3月1日abc", "3 月 1 日 abc"),
        ("हिन्दी में लिखो।", "हिन्दी में लिखो ।"),
        ("한국어 문장", "한국어 문장"),
        ("", ""),
    ],
)
def test_words(line, expected):
    assert words(line) == expected.split()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1))
def test_characters_come_back_whatever_they_are(lines):
    vocabulary = Vocabulary(lines, "char")
    rows, lengths = vocabulary.encode(lines)
    assert vocabulary.decode(rows) == lines
    assert lengths.tolist() == [len(line) + 1 for line in lines]
    assert all(row[n - 1] == 1 and not row[n:].any() for row, n in zip(rows, lengths))
    kept = Vocabulary.from_tokens(vocabulary.tokens, "char")
    assert kept.decode(kept.encode(lines)[0]) == lines and kept.number == vocabulary.number


def test_words_come_back_from_the_small_text():
    lines = small_text()
    vocabulary = Vocabulary(lines, "word")
    assert vocabulary.decode(vocabulary.encode(lines)[0]) == lines and len(lines) == 64
    assert vocabulary.tokens[:4] == ["<pad>", "<end>", "<unknown>", "a"]  # the most frequent word


def test_decoded_words_stand_where_they_should():
    lines = ["it's a dog, isn't it?", "wait... (now)."]
    vocabulary = Vocabulary(lines, "word")
    assert vocabulary.decode(vocabulary.encode(lines)[0]) == ["it's a dog, isn't it?", "wait... ( now)."]


def test_a_long_line_without_spaces_takes_no_time():
    for piece in ("a", "a-", "n'", "'s", "_a", ".", "月", "a'"):
        assert "".join(words(piece * 5000)) == piece * 5000


def test_rare_words_are_unknown():
    lines = ["a b", "a c", "a b"]
    vocabulary = Vocabulary(lines, "word", min_count=2)
    rows, lengths = vocabulary.encode(["a c b z"])
    assert rows.tolist() == [[3, 2, 4, 2, 1]] and lengths.tolist() == [5]
    assert vocabulary.decode(rows) == ["a \ufffd b \ufffd"]
    assert len(Vocabulary(lines, "word", max_size=1)) == 4
    assert Vocabulary(["<end> <pad>"], "word").encode(["<"])[0][0, 0] > 2  # marks in a text are ordinary words


def test_length_cuts_and_pads():
    vocabulary = Vocabulary(["abc"], "char")
    rows, lengths = vocabulary.encode(["abc", "a", ""], 3)
    assert rows.tolist() == [[3, 4, 5], [3, 1, 0], [1, 0, 0]] and lengths.tolist() == [3, 2, 1]
    assert vocabulary.decode(rows) == ["abc", "a", ""]


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: Vocabulary(["a"], "sentence"), "unknown level"),
        (lambda: Vocabulary([], "char"), "no char is seen 1 times"),
        (lambda: Vocabulary(["ab"], "char").encode(["a"], 0), "expected 1 or more"),
        (lambda: Vocabulary(["ab"], "char").decode([[9]]), "not in 0..4"),
        (lambda: Vocabulary(["ab"], "char").decode([[-1]]), "not in 0..4"),
        (lambda: Vocabulary(["ab"], "char").decode([[0.5]]), "expected integers"),
        (lambda: Vocabulary(["ab"], "char").decode([1]), "expected integers"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()

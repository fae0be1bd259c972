"""Words and vocabularies: from lines to rows of integers and back."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.data import DataError, Vocabulary, small_text, words
from tinygan.data.text import count_tokens, tokens


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
        ("a\u200bb\u2060 \ufeffc", "a b c"),
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


@pytest.mark.parametrize("level", ["char", "word"])
def test_one_long_line_costs_no_padding(level, monkeypatch):
    monkeypatch.setattr("tinygan.data.text.vocabulary.MOST_TOKENS", 10**7)
    lines = ["a b"] * 1000 + ["a " * 100_000]
    vocabulary = Vocabulary(lines[:1], level)
    tracemalloc.start()
    try:
        rows, lengths = vocabulary.encode(lines, 5)
        peak = tracemalloc.get_traced_memory()[1]
        assert rows.shape == (1001, 5) and lengths.max() == 5 and peak < 1 << 21
        with pytest.raises(DataError, match=r"1,001 lines of [12]00,001 tokens are more than"):
            vocabulary.encode(lines)
        assert tracemalloc.get_traced_memory()[1] < 1 << 21
    finally:
        tracemalloc.stop()
    assert count_tokens(lines[-1], level) == len(tokens(lines[-1], level))
    assert tokens(lines[-1], level, 3) == tokens(lines[-1], level)[:3]


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

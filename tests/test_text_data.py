"""Text: words, vocabularies and back, files that are not text, and the texts that come with the package."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinygan.data import (
    DataError,
    Vocabulary,
    captions,
    find_file,
    made_captions,
    made_names,
    names,
    read_lines,
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


def test_files_are_read_as_lines(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufefffirst\r\n\r\n  second \n床前明月光\ne\u0301te\u0301".encode())
    assert read_lines(path) == ["first", "second", "床前明月光", "été"]


HOSTILE = {
    "empty": (b"", "holds no text"),
    "blank": (b" \n\t\n", "holds no text"),
    "latin-1": ("a\nété".encode("latin-1"), "line 2 is not UTF-8"),
    "utf-16": ("text".encode("utf-16"), "is not UTF-8"),
    "zero bytes": (b"a\0b", "zero bytes"),
    "half a character": ("月".encode()[:2], "line 1 is not UTF-8"),
    "large": (b"a" * 2000, "larger than the 1,000 bytes"),
}


@pytest.mark.parametrize("case", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(tmp_path, case):
    path = tmp_path / "text.txt"
    path.write_bytes(case[0])
    with pytest.raises(DataError, match=case[1]) as caught:
        read_lines(path, 1000)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_lines(tmp_path / "none")
    with pytest.raises(DataError, match="not a regular file"):
        read_lines(tmp_path)
    with pytest.raises(DataError, match="names.txt: not found"):
        names(folder=tmp_path)
    with pytest.raises(DataError, match="test_coco.txt: not found"):
        captions("test", folder=tmp_path)


@pytest.mark.parametrize("load", [names, captions])
def test_unknown_split(load):
    with pytest.raises(ValueError, match="unknown split 'valid'"):
        load("valid")


def test_names_are_split(tmp_path):
    everything = [f"name{i}" for i in range(50)] * 2
    (tmp_path / "names.txt").write_text("\n".join(everything))
    train, test = names("train", tmp_path), names("test", tmp_path)
    assert len(test) == 5 and sorted(train + test * 2) == sorted(everything) and not set(train) & set(test)
    assert train == names("train", tmp_path)


def test_made_texts_follow_from_the_seed_and_vary():
    for made in (made_names, made_captions):
        lines = made(1000)
        assert lines == made(1000) != made(1000, seed=1)
        assert lines[:10] == made(10) and len(set(lines)) > 900
    assert all(name.isascii() and name.isalpha() and 3 <= len(name) <= 16 for name in made_names(1000))
    for line in made_captions(300):
        subject = line.split()
        verb = next(w for w in subject if w.rstrip("s") in ("wait", "stand", "sleep", "rest", "stay"))
        assert verb.endswith("s") == (subject[0] == "a")


def test_real_names_and_captions():
    try:
        find_file("names/names.txt")  # without an address: a test downloads nothing
        train, test, sentences = names(), names("test"), captions()
    except DataError as error:
        pytest.skip(str(error))
    assert (len(train), len(test), len(sentences)) == (28843, 2949, 10000)
    assert not set(train) & set(test)
    vocabulary = Vocabulary(sentences, "word")
    rows, _ = vocabulary.encode(sentences)
    assert 4600 < len(vocabulary) < 4750 and rows.shape == (10000, 38) and rows.dtype == np.int64

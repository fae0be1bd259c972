"""Texts by name: files split into parts, and texts made here."""

import numpy as np
import pytest

from tinygan.data import (
    DataError,
    Vocabulary,
    captions,
    find_file,
    made_captions,
    made_names,
    names,
)


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

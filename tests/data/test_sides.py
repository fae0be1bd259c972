"""Digits in two styles: what an outline is, where digits come from, that the two sides share no picture."""

import numpy as np
import pytest

from tinygan.data.pictures import digits
from tinygan.data.sides import enlarged, find_handwriting, outlined, plain_and_outlined


def test_an_outline_is_a_ring_two_pixels_wide_around_the_stroke():
    x = np.zeros((1, 1, 9, 11), np.float32)
    x[0, 0, 4, 4:7] = 0.5
    expected = np.zeros((9, 11))
    expected[2:7, 2:9] = 0.5
    expected[4, 4:7] = 0
    np.testing.assert_array_equal(outlined(x)[0, 0], expected)
    assert not outlined(np.ones((1, 3, 8, 8))).any()


def test_enlarged_digits_look_like_mnists():
    x = enlarged(digits("test")[0])
    assert x.shape == (360, 1, 28, 28) and x.dtype == np.float32 and x.min() == 0 and x.max() == 1
    assert not x[:, :, [0, 1, -1, -2]].any()  # room for an outline
    assert 0.6 < ((x < 0.1) | (x > 0.9)).mean()  # black or white


@pytest.mark.parametrize("split, n", [("train", 718), ("test", 180)])
def test_the_two_sides_are_different_digits(split, n):
    plain, plain_labels, outlines, labels = plain_and_outlined("digits", split)
    assert plain.shape == outlines.shape == (n, 1, 28, 28) and plain_labels.shape == labels.shape == (n,)
    images, known = digits(split)
    np.testing.assert_array_equal(labels, known[n : 2 * n])
    np.testing.assert_array_equal(outlines, outlined(enlarged(images[n : 2 * n])))
    assert not {x.tobytes() for x in outlined(plain)} & {x.tobytes() for x in outlines}


def test_mnist_is_taken_where_it_lies(tmp_path, monkeypatch):
    monkeypatch.setenv("TINYGAN_DATA", str(tmp_path))
    assert find_handwriting() == "digits"
    (tmp_path / "mnist").mkdir()
    assert find_handwriting() == "mnist"
    monkeypatch.delenv("TINYGAN_DATA")
    assert find_handwriting() == "digits"

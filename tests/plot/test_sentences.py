"""Pictures with their sentences: each stands beside its own, long ones are wrapped, none is drawn over a picture."""

import numpy as np
import pytest

from tinygan.plot.sentences import LINE, MARGIN, TEXT, captioned

LONG = "a small red circle " * 12


def parts(sheet, k, columns=2, side=16, scale=3):
    """The picture k of a sheet, and where its sentence is."""
    wide = side * scale
    left, top = MARGIN + k % columns * (wide + TEXT + 3 * MARGIN), MARGIN + k // columns * (wide + MARGIN)
    beside = sheet[top : top + wide, left + wide + MARGIN : left + wide + MARGIN + TEXT]
    return sheet[top : top + wide, left : left + wide], beside


@pytest.mark.parametrize("channels", [1, 3])
def test_each_picture_stands_beside_its_sentence(channels):
    values = np.array([-1, -0.5, 0.5], "f")
    images = np.ones((3, channels, 16, 16), "f") * values[:, None, None, None]
    sheet = captioned(images, ["a", "", LONG], columns=2, scale=3)
    assert sheet.dtype == np.uint8 and sheet.shape == (2 * (48 + MARGIN) + MARGIN, 2 * (48 + TEXT + 3 * MARGIN), 3)
    ink = []
    for k, value in enumerate(values):
        picture, beside = parts(sheet, k)
        assert np.ptp(picture) == 0 and abs(int(picture[0, 0, 0]) - 127.5 * (value + 1)) <= 1
        ink.append((beside < 200).any(2))
    assert 0 < ink[0].sum() < 60 and not ink[1].any() and ink[2].sum() > 300
    assert all(ink[2][line * LINE : (line + 1) * LINE].any() for line in range(3))  # wrapped, and cut where it ends
    rest = sheet.copy()
    for k in range(3):
        for part in parts(rest, k):
            part[:] = 255
    assert (rest == 255).all()  # nothing beyond its place


def test_as_many_sentences_as_pictures():
    with pytest.raises(ValueError, match="2 pictures and 1 sentences"):
        captioned(np.zeros((2, 3, 8, 8), "f"), ["a"])

"""Pictures with words: where the light falls, what is refused."""

import numpy as np
import pytest

from tinygan.plot.words import LINE, MARGIN, attention_maps, captioned


def test_a_map_is_the_picture_where_the_writer_looked_and_pale_elsewhere():
    picture = np.full((3, 8, 8), -1, np.float32)
    weights = np.zeros((2, 4, 4))
    weights[0, 0, 0] = weights[1, 3, 3] = 0.2  # each is scaled to its own largest
    sheet = attention_maps(picture, ["left", "right"], weights, columns=3, side=64)
    cell = 64 + MARGIN
    top = LINE + 4
    plain, first, second = (sheet[top : top + 64, MARGIN + k * cell :][:, :64].astype(int) for k in range(3))
    assert plain.max() == 0
    assert first[:8, :8].mean() < 10 and first[-8:, -8:].mean() > 200
    assert second[-8:, -8:].mean() < 10 and second[:8, :8].mean() > 200
    words = [sheet[:top, MARGIN + k * cell :][:, :64].min() for k in range(3)]
    assert words[0] == 255 and max(words[1:]) < 150  # a word above each map, none above the picture


def test_maps_fill_rows():
    sheet = attention_maps(np.zeros((3, 8, 8), np.float32), ["a"] * 7, np.ones((7, 4, 4)), columns=4, side=32)
    assert sheet.shape == (2 * (32 + MARGIN + LINE) + MARGIN, 4 * (32 + MARGIN) + MARGIN, 3)
    alone = attention_maps(np.zeros((3, 8, 8), np.float32), [], np.ones((0, 4, 4)), side=32)
    assert alone.shape == (32 + LINE + 2 * MARGIN, 32 + 2 * MARGIN, 3)


def test_a_sentence_stands_under_its_picture_whole():
    pictures = np.full((3, 3, 8, 8), -1, np.float32)
    short, long = (captioned(pictures, [text] * 3, columns=2, side=64) for text in ("a ring", "a very " + "long " * 30))
    assert long.shape[0] > short.shape[0] + 6 * LINE and long.shape[1] == short.shape[1]
    under = short[64 + MARGIN : 64 + MARGIN + LINE]
    assert (under < 100).any() and (captioned(pictures, [""] * 3, columns=2, side=64)[64 + MARGIN :][:LINE] == 255).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: captioned(np.zeros((2, 3, 8, 8)), ["one"]),
        lambda: captioned(np.zeros((1, 1, 8, 8)), ["one"]),
        lambda: attention_maps(np.zeros((3, 8, 8)), ["a", "b"], np.ones((1, 4, 4))),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises(ValueError, match="expected"):
        call()

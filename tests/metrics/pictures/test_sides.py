"""A translated picture: what it keeps of its source, and which side it belongs to."""

import numpy as np
import pytest

from tinygan.data import digits
from tinygan.data.sides import ARMOUR, SHIRTS, enlarged, outlined
from tinygan.metrics.pictures import sides
from tinygan.metrics.pictures.sides import digit_measures, sprite_measures


class Reader:
    """A classifier that finds style and digit in the first two pixels; were it the other style, it would be another digit."""

    def judge(self, x):
        rows, style, digit = np.arange(len(x)), (x[:, 0, 0, 0] > 0).astype(int), np.rint(x[:, 0, 0, 1] * 10).astype(int)
        p = np.zeros((len(x), 2, 10))
        p[rows, style, digit] = 0.9
        p[rows, 1 - style, digit + 2] = 0.1
        return None, p.reshape(len(x), 20)


def marked(style, numbers):
    x = np.full((len(numbers), 1, 12, 12), -1, np.float32)
    x[:, 0, 0, 0], x[:, 0, 0, 1] = style, np.array(numbers) / 10
    return x


@pytest.mark.parametrize("to", [0, 1])
def test_digits_are_the_same_digit_in_the_other_style(to):
    source = marked(-1 if to else 1, [1, 2, 3, 4])
    result = marked(1 if to else -1, [1, 2, 3, 5])
    result[0, 0, 0, 0] = source[0, 0, 0, 0]
    scores = digit_measures(Reader(), source, result, to)
    assert scores["kept"] == 0.5 and scores["style"] == 0.75


def test_the_true_outline_is_compared_with_in_both_directions():
    plain = enlarged(digits("test")[0][:4]) * 2 - 1
    outlines = outlined((plain + 1) / 2) * 2 - 1
    blurred = 0.9 * outlines
    scores = [digit_measures(Even, *pair) for pair in ((plain, blurred, 1), (blurred, plain, 0))]
    expected = -10 * np.log10(np.square((outlines - blurred) / 2).mean((1, 2, 3))).mean()
    assert scores[0]["outline"] == pytest.approx(expected, rel=1e-4) == scores[1]["outline"]


class Even:
    """A classifier that cannot tell."""

    judge = staticmethod(lambda x: (None, np.full((len(x), 20), 0.05)))


def test_of_sprites_all_but_the_top_is_kept_and_the_top_is_of_the_other_side(monkeypatch):
    of = lambda top, *others: {"skin": np.eye(5)[list(others)], "hair": np.eye(6)[[0, 0, 0]], "top": np.eye(8)[top]}
    assert sorted(SHIRTS + ARMOUR) == [*range(8)] and len(SHIRTS) == 4
    reads = iter([of(SHIRTS[:3], 1, 2, 4), of([ARMOUR[0], SHIRTS[3], ARMOUR[1]], 1, 3, 4)])
    monkeypatch.setattr(sides, "sprite_heads", lambda: type("Heads", (), {"read": lambda self, x: next(reads)})())
    assert sprite_measures(None, None, 1) == pytest.approx({"kept": 5 / 6, "least_kept": 2 / 3, "style": 2 / 3})

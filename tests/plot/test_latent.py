"""Drawings of a latent space: rows are directions, ways are where they are said to be, shares are told in words."""

import numpy as np
import pytest
from PIL import Image

from tinygan.plot import image_grid, save_image
from tinygan.plot.drawing import COLOURS, save_in_few_colours
from tinygan.plot.latent import LINE, MARGIN, direction_curves, direction_grid, direction_plane, say_shares, share_chart


def colour(name):
    return np.array([int(COLOURS[name][k : k + 2], 16) for k in (1, 3, 5)])


@pytest.mark.parametrize("channels", [1, 3])
def test_a_row_is_a_direction_and_samples_stand_side_by_side(channels):
    walks = np.random.default_rng(0).uniform(-1, 1, (3, 2, 5, channels, 8, 8))
    drawn = direction_grid(walks, np.linspace(-2, 2, 5), np.array([0.5, 0.3, 0.1]))
    for b in range(2):
        block = image_grid(walks[:, b].reshape(-1, channels, 8, 8), 5, 6, value_range=(-1, 1))
        left = MARGIN + b * (block.shape[1] + 12)
        np.testing.assert_array_equal(drawn[LINE : LINE + len(block), left : left + block.shape[1]], block)
    assert (drawn[:, :MARGIN] < 128).any()  # the rows have names


def dots(picture, name):
    """The middle of the pixels of a colour, (row, column)."""
    return np.argwhere(np.abs(picture.astype(int) - colour(name)).sum(2) < 40).mean(0)


def test_a_way_goes_from_blue_to_orange():
    """To the right in the first panel, upwards in the second."""
    points = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    amounts = np.linspace(-0.5, 0.5, 5)
    walks = np.zeros((2, 1, 5, 2))
    walks[0, 0, :, 0], walks[1, 0, :, 1] = amounts, amounts
    drawn = direction_plane(points, walks, np.array([0.6, 0.4]))
    left, right = np.array_split(drawn, 2, 1)
    (low_row, low), (high_row, high) = dots(left, "d"), dots(left, "g")
    assert high - low > 20 and abs(high_row - low_row) < 5
    (low, low_column), (high, high_column) = dots(right, "d"), dots(right, "g")
    assert low - high > 20 and abs(high_column - low_column) < 5


def test_small_moves_are_enlarged_until_they_can_be_seen():
    points = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    walks = np.zeros((1, 1, 3, 2))
    walks[0, 0, :, 0] = [-0.001, 0, 0.001]
    drawn = direction_plane(points, walks, np.array([1.0]))
    assert dots(drawn, "g")[1] - dots(drawn, "d")[1] > 8


def test_curves_go_from_blue_to_orange_as_the_amount_grows():
    walks = np.linspace(-2, 2, 5)[None, None, :, None] * np.ones((1, 1, 5, 30))
    drawn = direction_curves(walks, np.linspace(-2, 2, 5), np.array([1.0]))
    assert dots(drawn, "d")[0] - dots(drawn, "g")[0] > 30  # the higher, the farther up


def test_bars_are_as_long_as_shares():
    drawn = share_chart(["z", "code"], np.array([0.25, 0.75]), None)
    blue = np.abs(drawn.astype(int) - colour("d")).sum(2) < 40
    lengths = blue.sum(1)
    upper, lower = np.array_split(lengths[lengths > 0], 2)
    assert lower.max() == pytest.approx(3 * upper.max(), rel=0.05)


def test_a_map_has_a_column_for_each_step():
    of_steps = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    drawn = share_chart(["z_1", "z_2", "z_3"], np.full(3, 1 / 3), of_steps).astype(int)
    dark = np.argwhere(np.abs(drawn - [8, 48, 107]).sum(2) < 9)  # the darkest of "Blues"
    dark = dark[dark[:, 1] < drawn.shape[1] * 0.5]
    assert np.corrcoef(dark.T)[0, 1] > 0.8  # the diagonal, from the upper left


def test_few_colours_look_the_same_and_take_less_room(tmp_path):
    drawn = direction_curves(np.random.default_rng(0).standard_normal((2, 2, 5, 9)), np.linspace(-2, 2, 5), np.ones(2))
    save_in_few_colours(drawn, tmp_path / "few.png")
    save_image(drawn, tmp_path / "all.png")
    few = np.asarray(Image.open(tmp_path / "few.png").convert("RGB"))
    assert np.abs(few.astype(int) - drawn).mean() < 2 and (few[0, 0] == 255).all()
    assert (tmp_path / "few.png").stat().st_size < 0.6 * (tmp_path / "all.png").stat().st_size


@pytest.mark.parametrize("latents", [3, 6])
def test_a_long_title_stays_inside(latents):
    names = ["z", *(f"another {k}" for k in range(latents)), "told"]
    drawn = share_chart(names, np.full(len(names), 0.1), None)
    assert (drawn[:, :2] > 200).all() and (drawn[:, -2:] > 200).all()


def test_shares_in_words():
    names, whole = ["z", "z_1", "z_2", "told"], np.array([0.5, 0.1, 0.15, 0.2])
    assert say_shares(names, whole) == "z 50%, z_t 25%, told 20%, only together 5%"
    assert say_shares(["z", "code"], np.array([0.6, 0.42])) == "z 60%, code 42%, only together 0%"

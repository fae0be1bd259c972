"""Digits written row by row: what D is told beside a picture, and where a step leads."""

import numpy as np
import pytest
from small_runs import hold, small_game

from tinygan import Tensor, recipes
from tinygan.backend import stream
from tinygan.data import digits, read_clip
from tinygan.gan.latent import draw_each


def test_pictures_are_the_digits_from_minus_1_to_1():
    x = small_game("digits").batch(0).x
    known = {picture.tobytes() for picture in (digits()[0] * 2 - 1).astype("f")}
    assert x.shape == (8, 1, 8, 8) and {picture.tobytes() for picture in x} <= known


def test_without_context_d_sees_the_picture_alone():
    game = small_game("digits")
    assert game.batch(0).given == () == game.fake(game.G.module, 3, (), stream(0, "noise", 0)).given


def test_d_is_told_the_states_a_picture_was_written_with():
    """Real ones: those with which G would have written them, of a z of its own that changes from turn to turn."""
    game = small_game("digits", context=2)
    real, writer = game.batch(3), game.G.module
    z, row_noise = draw_each(game.spaces, stream(game.settings.seed, "context", 3), 8)
    expected = writer.read(Tensor(real.x), Tensor(z), Tensor(row_noise))
    np.testing.assert_array_equal(real.given[0].data, expected.data)
    assert expected.shape == (8, 8, 6) and (game.batch(4).given[0].data != expected.data).any()
    z = draw_each(game.spaces, stream(0, "noise", 0), 8)
    fake = game.generate(writer, z, real.given)
    picture, states = writer(*map(Tensor, z))
    np.testing.assert_array_equal(fake.x.data, picture.data)
    np.testing.assert_array_equal(fake.given[0].data, states.data)


@pytest.mark.parametrize("recipe", ["digits", "mnist-rows"])
def test_a_film_shows_each_row_as_it_is_written(recipe, tmp_path):
    """A frame a row: what is below is not there yet, what was just written is orange; the film begins with the pictures."""
    height = 8
    pictures = stream(0, "pictures").uniform(-1, 1, (4, 1, height, height)).astype("f4")
    recipes.load(recipe).FORMATS[".gif"](None, pictures, tmp_path / "a.gif")
    film = (read_clip(tmp_path / "a.gif") + 1) / 2  # (frames, 3, side, side)
    assert len(film) == 12 + height  # the pictures stay for a while
    whole, film = film[0], film[12:]
    scale, border = 8, 2
    inner = slice(border, border + height * scale)  # the first of four pictures
    rows = film[:, :, inner, inner].reshape(height, 3, height, scale, -1).mean((3, 4))  # (frames, 3, height)
    expected = (pictures[0, 0].mean(1) + 1) / 2
    np.testing.assert_allclose(whole[0, inner, inner].reshape(height, scale, -1).mean((1, 2)), expected, atol=0.02)
    for row in range(height):
        red, green, blue = rows[row, :, row]
        assert red > green + 0.1 and green > blue + 0.1, "orange"
        assert (rows[row, :, row + 1 :] < 0.02).all(), "not written yet"
        np.testing.assert_allclose(rows[row, 0, :row], expected[:row], atol=0.02)


@pytest.mark.parametrize("context", [0, 2])
def test_a_step_of_g_raises_the_verdict_of_a_d_that_stands_still(context):
    game = small_game("digits", context=context, objective="non-saturating", learning_rate=3e-3)
    hold(game.D)

    def verdict():
        x, given = game.fake(game.G.module, 8, (), stream(game.settings.seed, "noise", 0))
        return game.D.module(x, *given).data.mean()

    before = verdict()
    for _ in range(6):
        game.step(0)
    assert verdict() > before + 1e-3


@pytest.mark.parametrize("context", [0, 2])
def test_steps_of_d_tell_real_digits_from_generated_ones(context):
    game = small_game("digits", context=context, objective="non-saturating", penalty="none", learning_rate=3e-3)
    hold(game.G)
    for _ in range(20):
        game.step(0)
    real, fake = game.batch(0), game.fake(game.G.module, 8, (), stream(game.settings.seed, "noise", 0))
    of_real, of_fake = (game.D.module(Tensor(b.x) if b is real else b.x, *b.given).data.mean() for b in (real, fake))
    assert of_real > 0.2 and of_fake < -0.2

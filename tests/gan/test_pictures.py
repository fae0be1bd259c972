"""What `tinygan plot` draws of a game: samples, what lies between them, and the training pictures nearest to them."""

import time

import numpy as np
import pytest
from PIL import Image

from tinygan import Tensor, recipes
from tinygan.gan import pictures
from tinygan.gan.players import Batch
from tinygan.plot import image_grid
from tinygan.run.folder import Run
from tinygan.run.loop import train

digits = recipes.load("digits")


@pytest.fixture
def game():
    return digits.make_game(digits.Settings(steps=6, batch_size=16, hidden=8, features=8))


def test_pictures_are_told_from_other_samples(game):
    ring = recipes.load("ring")
    assert pictures.makes_pictures(game)
    assert not pictures.makes_pictures(ring.make_game(ring.Settings(hidden=8)))


def test_a_row_begins_with_one_sample_and_ends_with_another(game, tmp_path):
    pictures.between_samples(game, tmp_path / "between.png")
    first, last = game.walk(pictures.ROWS, 0, (0, 1))
    found = np.asarray(Image.open(tmp_path / "between.png"))
    for column, samples in ((0, first), (pictures.COLUMNS - 1, last)):
        expected = image_grid(samples, 1)
        left = column * (expected.shape[1] - 2)
        np.testing.assert_array_equal(found[:, left : left + expected.shape[1]], expected)


def test_a_walk_is_an_animation(game, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "FRAMES", 2)
    pictures.walk(game, tmp_path / "walk.gif")
    with Image.open(tmp_path / "walk.gif") as animation:
        assert animation.n_frames == 2 * pictures.STOPS


def test_training_pictures_come_once_each_and_copies_are_found(game, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "CHUNK", 500)
    every = np.concatenate(list(pictures._once_each(game)))
    images, _ = digits.digits()
    rows = lambda x: {picture.tobytes() for picture in x}
    assert len(rows(every)) == len(every) and rows(every) <= rows(images * 2 - 1)
    assert len(every) > 0.98 * len(rows(images))  # an epoch leaves out the rest that fills no batch

    drawn = []
    monkeypatch.setattr(
        pictures, "neighbour_strip", lambda x, near, of: (drawn.append((x, near, of)), np.zeros((2, 2), np.uint8))[1]
    )
    stolen = every[::30]
    game.generate = lambda G, z, given: Batch(Tensor(stolen[: z[0].shape[0]] + np.float32(0.01)))
    pictures.beside_training(game, tmp_path / "nearest.png")
    ((x, near, compared),) = drawn
    assert compared == len(every)
    assert near.shape == (pictures.COMPARED, pictures.NEIGHBOURS, 1, 8, 8)
    np.testing.assert_array_equal(near[:, 0], stolen[: pictures.COMPARED])
    for sample, three in zip(x, near):
        nearest = np.sort(np.linalg.norm((every - sample).reshape(len(every), -1), axis=1))[:3]
        np.testing.assert_allclose(np.linalg.norm((three - sample).reshape(3, -1), axis=1), nearest, rtol=1e-5)


def test_training_pictures_without_end_are_read_for_so_long(game, monkeypatch):
    monkeypatch.setattr(pictures, "SECONDS", 0.2)
    draw = lambda turn: Batch(np.random.default_rng(turn).standard_normal((4, 1, 8, 8), dtype="f"))
    game.batch = draw
    begun = time.monotonic()
    every = np.concatenate(list(pictures._once_each(game)))
    assert 4 < len(every) < pictures.MOST_PICTURES and time.monotonic() - begun < 10


def test_the_log_has_a_penalty_in_every_row_and_scores_where_it_looks(tmp_path):
    game = digits.make_game(digits.Settings(steps=12, batch_size=16, hidden=8, features=8, penalty_every=5))
    run = Run.create(tmp_path / "run", "digits", game.settings)
    scores = lambda game: {"weights": float(len(game.G.parameters))}
    train(game, run, lambda samples, path: None, scores=scores, log_every=2, pictures=3, progress=False)
    rows = run.rows()
    assert all("penalty" in row for row in rows)
    assert [row["step"] for row in rows if "weights" in row] == [4, 8, 12]
    assert len({row["penalty"] for row in rows}) == 3  # of steps 1, 6 and 11

"""Games of classes: real and generated batches have the classes in turn, and each is told its own."""

import numpy as np
import pytest
from point_games import Settings

from tinygan import nn, ops
from tinygan.gan.classes import ClassGame, ClassLoader, in_turn
from tinygan.gan.latent import Normal
from tinygan.gan.players import Batch

CLASSES = 3


class ByClass(nn.Module):
    """G: points about 10 times the class."""

    def __init__(self, one_hot):
        self.one_hot, self.w = one_hot, nn.Parameter(np.ones(2, np.float32))

    def forward(self, z, given):
        data = given.data
        classes = data.argmax(1) if self.one_hot else data
        return z * self.w + 10 * classes[:, None].astype("float32")


class Judge(nn.Module):
    """D: a verdict on points, and a list of the classes that it was told."""

    def __init__(self):
        self.out, self.told = nn.Linear(2, 1, rng=0), []

    def forward(self, x, given):
        self.told.append((x.data, given.data if hasattr(given, "data") and not isinstance(given, np.ndarray) else given))
        return self.out(x) + 0 * ops.sum(x)


def game_of(one_hot=False, batch_size=7, classes=CLASSES):
    points = [np.full((20, 2), 10 * k, np.float32) for k in range(CLASSES)]
    loader = ClassLoader(points, batch_size, 0)
    settings = Settings(batch_size=batch_size, steps=4)
    arguments = ByClass(one_hot), Judge(), [Normal(2)], lambda turn: Batch(loader.batch(turn)), settings
    return ClassGame(*arguments, classes=classes, one_hot=one_hot)


@pytest.mark.parametrize("one_hot", [False, True])
def test_every_batch_has_the_classes_in_turn_and_both_players_are_told(one_hot):
    game = game_of(one_hot)
    x, (told,) = game.batch(0)
    classes = in_turn(7, CLASSES)
    np.testing.assert_array_equal(x[:, 0], 10 * classes)
    expected = np.eye(CLASSES)[classes] if one_hot else classes
    np.testing.assert_array_equal(told.data, expected)
    game.step(0)
    for points, told in game.D.module.told:  # real, generated, and both again for G
        np.testing.assert_array_equal(told, expected)
        assert (np.abs(points[:, 0] - 10 * classes) < 5).all()
    assert len(game.D.module.told) == 4


def test_samples_of_one_class_and_of_given_classes():
    game = game_of()
    assert set(game.takes) == {"of_class", "given", "truncation"}
    table = game.sample(9, 0)
    np.testing.assert_array_equal(np.rint(table[:, 0] / 10), in_turn(9, CLASSES))
    np.testing.assert_array_equal(game.sample(3, 0, of_class=2), table[2::3])
    asked = np.array([2, 2, 0, 1])
    np.testing.assert_array_equal(np.rint(game.sample(4, 0, given=asked)[:, 0] / 10), asked)


@pytest.mark.parametrize("one_hot", [False, True])
@pytest.mark.parametrize("given", [[-1], [CLASSES], [0.5], ["a"], [[0]], [True]], ids=str)
def test_a_class_that_does_not_exist_is_refused(given, one_hot):
    """-1 was the last class, 7 and .5 an IndexError."""
    with pytest.raises(ValueError, match="given: expected a whole number from 0 to 2 for each sample, got"):
        game_of(one_hot).sample(1, 0, given=given)


def test_a_game_of_no_classes_is_told_nothing_and_refuses_them():
    game = game_of()
    plain = ClassGame(
        nn.Linear(2, 2, rng=0), nn.Linear(2, 1, rng=0), [Normal(2)], lambda turn: game.read(turn), game.settings, classes=0
    )
    assert plain.takes == ("truncation",) and plain.batch(0).given == () == plain.ask(4)
    plain.step(0)
    assert plain.sample(5, 0).shape == (5, 2)
    for asked in ({"of_class": 0}, {"given": np.zeros(5, int)}):
        with pytest.raises(ValueError, match="no classes|nothing that could be given"):
            plain.sample(5, 0, **asked)


@pytest.mark.parametrize("batch_size", [2, 3, 7, 9])
def test_batches_that_the_classes_do_not_divide(batch_size):
    loader = ClassLoader([np.arange(5) + 10 * k for k in range(CLASSES)], batch_size, seed=0)
    seen = [loader.batch(step) for step in range(12)]
    for rows in seen:
        np.testing.assert_array_equal(rows // 10, in_turn(batch_size, CLASSES))
    assert len({tuple(rows) for rows in seen}) > 1
    again = ClassLoader([np.arange(5) + 10 * k for k in range(CLASSES)], batch_size, seed=0)
    np.testing.assert_array_equal(again.batch(7), seen[7])

"""Copies of the training set, and diversity."""

import math

import numpy as np
import pytest

from tinygan.data import digits
from tinygan.metrics import copied_share, diversity, nearest_training

# --- diversity ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(7, 2), (5, 1, 3, 4)])
def test_diversity_pair_by_pair(shape):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape), 3 * rng.standard_normal((9, *shape[1:]))
    distances = lambda p: np.mean([np.linalg.norm(a - b) for i, a in enumerate(p) for j, b in enumerate(p) if i != j])
    found = diversity(x, y)
    assert found.generated == pytest.approx(distances(x)) and found.real == pytest.approx(distances(y))
    assert found.ratio == pytest.approx(distances(x) / distances(y))


@pytest.mark.parametrize("d", [1, 2, 64])
def test_diversity_of_normals_in_closed_form(d):
    # x - y is √2 times a standard normal, whose mean length is √2 Γ((d+1)/2) / Γ(d/2)
    expected = 2 * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))
    x, y = np.random.default_rng(d).standard_normal((2, 1500, d))
    assert diversity(x, y).generated == pytest.approx(expected, rel=0.04)
    assert diversity(x, y).ratio == pytest.approx(1, abs=0.06)


def test_a_collapsed_generator_has_no_diversity():
    real = np.random.default_rng(0).standard_normal((20, 1, 8, 8))
    assert diversity(np.repeat(real[:1], 30, 0), real).ratio == 0


# --- has it memorised? -------------------------------------------------------------------------------------------

RNG = np.random.default_rng(0)
IMAGES = digits()[0] * 2 - 1


def test_nearest_training_picture_by_picture():
    samples, training = IMAGES[:20] + 0.1 * RNG.standard_normal((20, 1, 8, 8)), IMAGES[10:90]
    found = nearest_training(samples, training, k=3)
    for sample, rows, distances in zip(samples, found.rows, found.distances):
        lengths = [np.linalg.norm(sample - t) for t in training]
        assert rows.tolist() == np.argsort(lengths)[:3].tolist()
        np.testing.assert_allclose(distances, np.sort(lengths)[:3], rtol=1e-9)
    np.testing.assert_array_equal(found.rows[:, :1], nearest_training(samples, training).rows)


def test_copied_share_tells_copies_from_fresh_pictures():
    fresh, training, held_out = IMAGES[:599], IMAGES[599:1198], IMAGES[1198:]
    assert copied_share(fresh, training, held_out) == pytest.approx(0.5, abs=0.08)
    blurred = training[:200] + 0.2 * RNG.standard_normal((200, 1, 8, 8))
    assert copied_share(training[:200], training, held_out) == 1 and copied_share(blurred, training, held_out) > 0.97
    half = np.concatenate([fresh[:200], training[:200]])
    assert copied_share(half, training, held_out) == pytest.approx(0.75, abs=0.06)
    assert copied_share(fresh, training, training) > 0.45 and copied_share(fresh, training[:5], held_out) > 0.2


WRONG = {
    "another size": (lambda: nearest_training(IMAGES, IMAGES[:, :, 1:]), "the same shape of a sample"),
    "k": (lambda: nearest_training(IMAGES, IMAGES[:3], 4), "k 4: expected 1 to 3"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_samples_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

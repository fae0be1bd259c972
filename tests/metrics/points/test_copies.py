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


def test_copied_share_by_hand():
    training, held_out = np.array([[0.0], [10]]), np.array([[4.0], [20]])
    share = lambda *samples: copied_share(np.array([[x] for x in samples]), training, held_out)
    assert share(1) == share(9) == 1 and share(3) == share(18) == 0
    assert share(2) == share(7) == 0.5  # as near to one as to the other
    assert share(1, 1, 2, 3) == (1 + 1 + 0.5) / 4


def test_the_larger_set_is_thinned_to_the_smaller():
    """A thousand held-out samples would be nearer than two training samples, though neither was copied."""
    fresh, held_out = RNG.standard_normal((1000, 1)), RNG.standard_normal((1000, 1))
    shares = [copied_share(fresh, held_out[:2], RNG.permutation(held_out), seed) for seed in range(60)]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.12)


def test_the_smallest_sets():
    rows, distances = nearest_training([[0.0, 0]], [[3.0, 4], [0, 1]], k=2)
    assert rows.tolist() == [[1, 0]] and distances.tolist() == [[1, 5]]
    rows, distances = nearest_training([[0.0]], [[2.0], [-2], [2]], k=1)
    assert rows.tolist() == [[0]]  # equal distances come in order
    assert nearest_training([[0.0]], [[2.0], [-2], [2]], k=3).rows.tolist() == [[0, 1, 2]]
    assert copied_share([[0.0]], [[0.0]], [[1.0]]) == 1
    assert diversity([[0.0], [3]], [[0.0], [2]]) == (3, 2, 1.5)


WRONG = {
    "no rows": (lambda: copied_share(np.zeros((0, 2)), np.zeros((1, 2)), np.zeros((1, 2))), "at least 1 rows"),
    "one real sample": (lambda: diversity([[0.0], [3]], [[1.0]]), "diversity: .*at least 2 rows"),
    "samples of another shape": (lambda: nearest_training(IMAGES[:, :, 1:], IMAGES), "the same shape of a sample"),
    "another size": (lambda: nearest_training(IMAGES, IMAGES[:, :, 1:]), "the same shape of a sample"),
    "k": (lambda: nearest_training(IMAGES, IMAGES[:3], 4), "k 4: expected 1 to 3"),
}


@pytest.mark.parametrize("call, named", WRONG.values(), ids=WRONG)
def test_wrong_samples_are_refused(call, named):
    with pytest.raises(ValueError, match=named):
        call()

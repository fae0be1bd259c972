"""What D is shown: packs, the spread of a batch, noise, changed pictures."""

import numpy as np
import pytest

from tinygan import Tensor, ops
from tinygan.gan.augment import CHANGES, MinibatchStd, augment, blur, pack

# --- packs -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 2), (6, 3, 4, 5)], ids=str)
def test_packs_hold_samples_side_by_side(shape):
    x = np.random.default_rng(0).standard_normal(shape)
    found = pack(Tensor(x), 3).data
    for k in range(2):
        np.testing.assert_array_equal(found[k], np.concatenate([x[3 * k], x[3 * k + 1], x[3 * k + 2]]))
    assert pack(x, 1) is x


def test_packs_that_do_not_come_out_even_are_refused():
    with pytest.raises(ValueError, match="does not divide 5 samples"):
        pack(np.zeros((5, 2)), 2)


# --- spread of a batch -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape, group", [((6, 4), 3), ((8, 2, 3, 3), 4), ((6, 2, 3), 4), ((1, 2), 4)], ids=str)
def test_minibatch_std_is_the_mean_spread_of_its_group(shape, group):
    x = np.random.default_rng(1).standard_normal(shape)
    found = MinibatchStd(group)(Tensor(x)).data
    assert found.shape == (shape[0], shape[1] + 1, *shape[2:])
    np.testing.assert_array_equal(found[:, :-1], x)
    size = {6: 3, 8: 4, 1: 1}[shape[0]]
    groups = shape[0] // size
    for n in range(shape[0]):
        together = x[n % groups :: groups]
        assert len(together) == size
        np.testing.assert_allclose(found[n, -1], np.sqrt(together.var(0) + 1e-8).mean(), rtol=1e-12)


def test_minibatch_std_has_gradients(assert_gradients):
    x = np.random.default_rng(2).standard_normal((4, 2, 3))
    assert_gradients(lambda x: ops.sum(ops.square(MinibatchStd(2)(x))), x)
    with pytest.raises(ValueError, match="no spread"):
        MinibatchStd(1)


# --- noise -----------------------------------------------------------------------------------------------------


def test_blurred_adds_noise_of_the_amount():
    x = np.full((100, 50), 7, np.float32)
    noise = blur(x, 0.2, np.random.default_rng(0)) - x
    assert noise.dtype == np.float32
    assert noise.std() == pytest.approx(0.2, rel=0.03) and noise.mean() == pytest.approx(0, abs=0.01)
    assert blur(x, 0.0, None) is x


# --- pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [*CHANGES, "+".join(CHANGES)])
def test_changes_of_pictures_have_gradients_and_are_functions_of_their_generator(policy, assert_gradients):
    x = np.random.default_rng(3).standard_normal((3, 2, 5, 4))
    changed = lambda x: augment(x, policy, np.random.default_rng(7))
    assert_gradients(lambda x: ops.sum(ops.square(changed(x))), x)
    assert changed(x).shape == x.shape and (changed(x) != x).any()
    np.testing.assert_array_equal(changed(x), changed(Tensor(x)).data)
    assert augment(x.astype("float32"), policy, np.random.default_rng(7)).dtype == np.float32


def test_translation_moves_each_picture_by_itself():
    """Against a loop over pixels: one shift a picture is right, none of more than an eighth, all of them come up."""
    x = np.random.default_rng(4).uniform(1, 2, (200, 1, 8, 16))
    moved, shifts = augment(x, "translation", np.random.default_rng(5)), set()
    for before, after in zip(x[:, 0], moved[:, 0]):
        fits = []
        for down in (-1, 0, 1):
            for right in range(-2, 3):
                expected = np.zeros_like(before)
                for i in range(8):
                    for j in range(16):
                        if 0 <= i - down < 8 and 0 <= j - right < 16:
                            expected[i, j] = before[i - down, j - right]
                fits += [(down, right)] if (expected == after).all() else []
        assert len(fits) == 1
        shifts |= set(fits)
    assert len(shifts) == 15


def test_cutout_covers_a_rectangle_of_half_each_side():
    covered = augment(np.ones((400, 3, 8, 6)), "cutout", np.random.default_rng(6)) == 0
    assert (covered == covered[:, :1]).all()
    rows, columns = covered[:, 0].any(2), covered[:, 0].any(1)
    np.testing.assert_array_equal(covered[:, 0], rows[:, :, None] & columns[:, None, :])
    assert rows.sum(1).max() == 4 and columns.sum(1).max() == 3 and rows.sum(1).min() == 2
    assert (np.abs(np.diff(rows.astype(int), axis=1)).sum(1) <= 2).all()  # in one piece


def test_brightness_and_contrast_are_of_the_whole_picture():
    x = np.random.default_rng(7).standard_normal((500, 2, 4, 4))
    more = augment(x, "brightness", np.random.default_rng(8)) - x
    assert np.ptp(more, (1, 2, 3)).max() < 1e-12 and -0.5 <= more.min() < -0.45 and 0.45 < more.max() <= 0.5
    contrast = augment(x, "contrast", np.random.default_rng(8))
    np.testing.assert_allclose(contrast.mean((1, 2, 3)), x.mean((1, 2, 3)), atol=1e-12)
    strength = contrast.std((1, 2, 3)) / x.std((1, 2, 3))
    assert 0.5 <= strength.min() < 0.55 and 1.45 < strength.max() <= 1.5


@pytest.mark.parametrize(
    "shape, policy, reason", [((4, 2), "cutout", "pictures"), ((1, 1, 4, 4), "blur", "joined by +")]
)
def test_changes_of_other_things_are_refused(shape, policy, reason):
    with pytest.raises(ValueError, match=reason):
        augment(np.zeros(shape), policy, None)

"""Damaged pictures: what is whole stays, each kind damages what its mask says, and chance comes from the stream."""

import numpy as np
import pytest

from tinygan.backend import stream
from tinygan.data.pictures.damages import DEVIATION, KINDS, OTHERS, damage

PICTURES = stream(0, "pictures").uniform(-0.9, 0.9, (40, 3, 32, 32)).astype(np.float32)
SHARES = {"holes": (0.08, 0.25), "text": (0.12, 0.3), "noise": (1, 1), "scratches": (0.08, 0.25), "dots": (0.18, 0.22)}


@pytest.mark.parametrize("kind", KINDS + OTHERS)
def test_what_the_mask_leaves_out_is_whole(kind):
    damaged, mask = damage(PICTURES, kind, stream(0, "damage"))
    assert damaged.shape == PICTURES.shape and mask.shape == (40, 1, 32, 32)
    assert damaged.dtype == mask.dtype == np.float32 and set(np.unique(mask)) <= {0, 1}
    whole = np.broadcast_to(mask == 0, PICTURES.shape)
    np.testing.assert_array_equal(damaged[whole], PICTURES[whole])
    assert (damaged != PICTURES)[~whole].mean() > 0.95
    assert abs(damaged).max() <= 1
    low, high = SHARES.get(kind, (0.5, 0.5))
    assert low <= mask.mean() <= high
    assert kind in ("noise", "half") or len({m.tobytes() for m in mask}) == 40, "each is damaged in its own way"


@pytest.mark.parametrize("kind", KINDS + OTHERS)
def test_the_stream_decides(kind):
    a, b, c = (damage(PICTURES, kind, stream(seed, "damage"))[0] for seed in (0, 0, 1))
    assert (a == b).all() and (a != c).any()


def test_what_is_laid_over():
    holes, mask = damage(PICTURES, "holes", stream(0, "damage"))
    assert (holes[np.broadcast_to(mask == 1, holes.shape)] == 0).all(), "nothing of the picture is left in a hole"
    noisy, _ = damage(np.zeros((40, 3, 32, 32), np.float32), "noise", stream(0, "damage"))
    assert noisy.std() == pytest.approx(DEVIATION, rel=0.02)
    text, mask = damage(PICTURES, "text", stream(0, "damage"))
    for before, after, letters in zip(PICTURES, text, mask[:, 0] > 0):
        slope = np.polyfit(before[0][letters], after[0][letters], 1)[0]
        assert 0.04 < slope < 0.41, "a little shines through"
    half, mask = damage(PICTURES, "half", stream(0, "damage"))
    assert {tuple(m[0, 0, [0, -1]]) for m in mask} == {(1, 0), (0, 1)}


def test_small_pictures_and_other_kinds_are_refused():
    assert damage(PICTURES[:, :, :8, :11], "text", stream(0, "damage"))[0].shape == (40, 3, 8, 11)
    with pytest.raises(ValueError, match="sides of at least 8"):
        damage(PICTURES[:, :, :7], "holes", stream(0, "damage"))
    with pytest.raises(ValueError, match="kind 'rust': expected holes, text"):
        damage(PICTURES, "rust", stream(0, "damage"))

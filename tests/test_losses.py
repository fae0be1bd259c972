"""linear_cross_entropy at sizes that it takes in several blocks and parts; the rows of `op_cases.py` are one block each."""

import types

import numpy as np
import pytest

from tinygan import Tensor, grad, losses, no_grad
from tinygan.autodiff import history
from tinygan.ops import linear
from tinygan.ops.kernels import linear_loss as kernels


def inputs(scale=1, rows=11, classes=4):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) * scale for shape in [(rows, 3), (classes, 3), (classes,)]]
    target = rng.integers(0, classes, rows)
    target[5] = -100
    return [Tensor(a, requires_grad=True) for a in arrays], target


def both(given, target):
    x, w, b = given
    return losses.linear_cross_entropy(x, w, target, linear_bias=b), losses.cross_entropy(linear(x, w, b), target)


@pytest.mark.parametrize("rows, classes", [(11, 4), (700, 1100), (150, 20_000)])  # 1 block; 3 of 3 parts; 3 of 64 rows
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("scale", [1, 100])  # logits up to 3, and up to 30,000, whose exponential overflows
def test_blocks_change_nothing(rows, classes, threads, scale, use_threads):
    use_threads(threads)
    given, target = inputs(scale, rows, classes)
    fast, plain = both(given, target)
    np.testing.assert_allclose(fast.data, plain.data, rtol=1e-12)
    for found, expected in zip(grad(fast, given), grad(plain, given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_logits_are_held_a_block_at_a_time(monkeypatch):
    """700 x 1100 logits would be 6 MB; no array that the kernel makes has more elements than a block."""
    made = []
    library = types.SimpleNamespace(**vars(np))
    library.empty = lambda shape, dtype: made.append(np.prod(shape)) or np.empty(shape, dtype)
    monkeypatch.setattr(kernels, "xp", lambda array: library)
    given, target = inputs(1, 700, 1100)
    losses.linear_cross_entropy(given[0], given[1], target)
    assert kernels.BLOCK / 2 < max(made) <= 1.1 * kernels.BLOCK


@pytest.mark.parametrize("work", [100, 64 * 33, 5_000, 5_001])
@pytest.mark.parametrize("classes", [1, 99, 101, 5000])
def test_classes_are_taken_many_at_once_or_all(classes, work):
    """In parts of nearly one size, each of at most 500,000 multiplications; all in one if they would be small."""
    columns = kernels._columns(classes, work)
    parts = -(-classes // columns)
    assert parts == 1 or 100 <= 500_000 // work and columns * work <= 500_000 and parts * columns - classes < parts


@pytest.mark.parametrize("learning", [0, 1, 2])
def test_only_what_is_wanted_is_computed(learning):
    given, target = inputs()
    for i, t in enumerate(given):
        t.requires_grad_(i == learning)
    fast, plain = both(given, target)
    (node,) = (t for t in history([fast])[1] if t.saved)
    assert [saved is not None for saved in node.saved] == [i == learning for i in range(3)]
    np.testing.assert_allclose(grad(fast, given[learning])[0], grad(plain, given[learning])[0], rtol=1e-12)


def test_nothing_but_the_loss_without_gradients():
    given, target = inputs()
    expected = both(given, target)[1].data
    with no_grad():
        assert not both(given, target)[0].requires_grad
    fast = losses.linear_cross_entropy(given[0].data, given[1].data, target, linear_bias=given[2].data)
    np.testing.assert_allclose(fast, expected, rtol=1e-13)


def test_ignoring_every_target_is_no_number_as_in_pytorch():
    given, target = inputs()
    with np.errstate(invalid="ignore"):
        fast, plain = both(given, np.full_like(target, -100))
    assert np.isnan(fast.item()) and np.isnan(plain.item())


def test_a_target_that_does_not_fit_is_refused():
    (x, w, _), target = inputs()
    with pytest.raises(ValueError, match=r"linear_cross_entropy: input \(11, 4\) needs a target of shape \(11,\)"):
        losses.linear_cross_entropy(x, w, target[:3])
    with pytest.raises(IndexError, match="linear_cross_entropy: classes from 0 to 4"):
        losses.linear_cross_entropy(x, w, np.full(11, 4) * (np.arange(11) > 0))
    with pytest.raises(ValueError, match="in_features"):
        losses.linear_cross_entropy(x, w.data[:, :2], target)

"""linear_cross_entropy works through its rows in blocks: the rows of `op_cases.py` are one block each, these are several."""

import numpy as np
import pytest

from tinygan import Tensor, backend, grad, losses, no_grad
from tinygan.ops import linear


def inputs(scale=1):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) * scale for shape in [(11, 3), (4, 3), (4,)]]
    target = rng.integers(0, 4, 11)
    target[5] = -100
    return [Tensor(a, requires_grad=True) for a in arrays], target


def both(given, target):
    x, w, b = given
    return losses.linear_cross_entropy(x, w, target, linear_bias=b), losses.cross_entropy(linear(x, w, b), target)


@pytest.mark.parametrize("block", [1, 8, 20, 1000])  # logits: 1, 2, 5 rows at once, and all
@pytest.mark.parametrize("columns", [1, 3, 4])  # classes at once: each by itself, 3 and the last, all 4
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("scale", [1, 100])  # logits up to 3, and up to 30,000, whose exponential overflows
def test_blocks_change_nothing(monkeypatch, block, columns, threads, scale):
    monkeypatch.setattr(losses, "BLOCK", block)
    monkeypatch.setattr(losses, "_columns", lambda classes, work: columns)
    monkeypatch.setattr(backend, "_threads", threads)
    monkeypatch.setattr(losses, "split_batch", lambda f, array, work: backend.split_batch(f, array, work=1 << 30))
    given, target = inputs(scale)
    fast, plain = both(given, target)
    np.testing.assert_allclose(fast.data, plain.data, rtol=1e-13)
    for found, expected in zip(grad(fast, given), grad(plain, given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("work", [100, 64 * 33, 5_000, 5_001])
@pytest.mark.parametrize("classes", [1, 99, 101, 5000])
def test_classes_are_taken_many_at_once_or_all(classes, work):
    """In parts of nearly one size, each of at most 500,000 multiplications; all in one if they would be small."""
    columns = losses._columns(classes, work)
    parts = -(-classes // columns)
    assert parts == 1 or 100 <= 500_000 // work and columns * work <= 500_000 and parts * columns - classes < parts


@pytest.mark.parametrize("learning", [0, 1, 2])
def test_only_what_is_wanted_is_computed(learning):
    given, target = inputs()
    for i, t in enumerate(given):
        t.requires_grad_(i == learning)
    fast, plain = both(given, target)
    node = fast.parents[0]
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

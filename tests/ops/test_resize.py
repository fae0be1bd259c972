"""Adaptive pooling, interpolation and pixel shuffling against loops over pixels; gradients of two orders."""

import itertools
import math

import numpy as np
import pytest
from gpu import on_gpu

from tinygan import Tensor, grad, ops
from tinygan.gradcheck import assert_gradients
from tinygan.ops.resizing import mixing_matrix


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def channels_last(x):
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)


@pytest.mark.parametrize("output_size", [1, 3, (2, 5), (6, 7), (8, 9), (None, 2)])
def test_adaptive_avg_pool2d_is_the_loop(output_size):
    x = channels_last(random(2, 3, 6, 7))
    y = ops.adaptive_avg_pool2d(x, output_size)
    oh, ow = (output_size, output_size) if isinstance(output_size, int) else (output_size[0] or 6, output_size[1])
    assert y.shape == (2, 3, oh, ow)
    for i, j in itertools.product(range(oh), range(ow)):
        rows = slice(i * 6 // oh, math.ceil((i + 1) * 6 / oh))
        columns = slice(j * 7 // ow, math.ceil((j + 1) * 7 / ow))
        np.testing.assert_allclose(y[:, :, i, j], x[:, :, rows, columns].mean((2, 3)))
    np.testing.assert_allclose(ops.adaptive_avg_pool2d(x[0], output_size), y[0])


# --- interpolation ---------------------------------------------------------------------------------------------


def cubic(t, a):
    t = abs(t)
    if t <= 1:
        return (a + 2) * t**3 - (a + 3) * t**2 + 1
    return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0


def naive_row(x, new, mode, step, align_corners):
    """One row of pixels interpolated: each new pixel looks up its neighbours, repeated beyond the edge."""
    y = np.zeros(new)
    for i in range(new):
        if mode == "nearest":
            y[i] = x[min(math.floor(i * step), len(x) - 1)]
            continue
        if mode == "nearest-exact":
            y[i] = x[min(math.floor((i + 0.5) * step), len(x) - 1)]
            continue
        at = i * step if align_corners else (i + 0.5) * step - 0.5
        for j in range(math.floor(at) - 1, math.floor(at) + 3):
            weight = cubic(at - j, -0.75) if mode == "bicubic" else max(0, 1 - abs(at - j))
            y[i] += weight * x[min(max(j, 0), len(x) - 1)]
    return y


RESIZES = {
    "up": ((5, 4), (8, 9), None),
    "down": ((7, 8), (3, 5), None),
    "up and down": ((5, 8), (10, 3), None),
    "same": ((4, 5), (4, 5), None),
    "from one pixel": ((1, 3), (4, 1), None),
    "twice": ((3, 4), (6, 8), 2),
    "times 1.7, a size that was rounded": ((5, 6), (8, 10), 1.7),
    "halves": ((6, 5), (3, 2), 0.5),
}


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
@pytest.mark.parametrize("name", RESIZES)
@pytest.mark.parametrize("align_corners", [None, True])
def test_interpolate_is_the_loop(name, mode, align_corners):
    if align_corners and mode.startswith("nearest"):
        align_corners = None
    old, new, factor = RESIZES[name]
    x = channels_last(random(2, 3, *old))
    y = ops.interpolate(
        x, None if factor else new, factor, mode, **({} if align_corners is None else {"align_corners": True})
    )
    assert y.shape == (2, 3, *new)
    steps = [1 / factor if factor else n / m for n, m in zip(old, new)]
    if align_corners:
        steps = [(n - 1) / (m - 1) if m > 1 else 0 for n, m in zip(old, new)]
    rows = np.apply_along_axis(naive_row, 2, x, new[0], mode, steps[0], align_corners)
    np.testing.assert_allclose(
        y, np.apply_along_axis(naive_row, 3, rows, new[1], mode, steps[1], align_corners), atol=1e-12
    )


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_one_and_three_dimensions(mode):
    x = random(2, 3, 5)
    np.testing.assert_allclose(
        ops.interpolate(x, 8, mode=mode)[1, 2], naive_row(x[1, 2], 8, mode, 5 / 8, False), atol=1e-12
    )
    volume = random(1, 2, 3, 2, 4)
    y = ops.interpolate(volume, scale_factor=(2, 1.5, 1), mode="trilinear" if mode == "linear" else mode)
    assert y.shape == (1, 2, 6, 3, 4)
    for axis, new, step in ((2, 6, 1 / 2), (3, 3, 1 / 1.5)):
        volume = np.apply_along_axis(naive_row, axis, volume, new, mode, step, False)
    np.testing.assert_allclose(y, volume, atol=1e-12)


def test_area_is_adaptive_pooling():
    x = random(2, 3, 7, 5)
    np.testing.assert_allclose(ops.interpolate(x, (3, 4), mode="area"), ops.adaptive_avg_pool2d(x, (3, 4)))


@pytest.mark.parametrize("mode, reach, kernel", [
    ("bilinear", 1, lambda t: max(0, 1 - abs(t))),
    ("bicubic", 2, lambda t: cubic(t, -0.5)),
])  # fmt: skip
@pytest.mark.parametrize("old, new", [(12, 5), (16, 4), (5, 9), (9, 1)])
def test_antialias_is_the_widened_filter(mode, reach, kernel, old, new):
    """MATLAB's imresize and Pillow: the kernel stretched by the factor of reduction, its weights made to sum to 1."""
    wide = max(1, old / new)
    matrix = mixing_matrix(mode, old, new, antialias=True)
    for i in range(new):
        centre = (i + 0.5) * old / new - 0.5
        weights = np.array([kernel((j - centre) / wide) for j in range(old)])
        np.testing.assert_allclose(matrix[i], weights / weights.sum(), atol=1e-12)
    x = random(1, 2, old, 4)
    np.testing.assert_allclose(
        ops.interpolate(x, (new, 4), mode=mode, antialias=True), np.einsum("ij,ncjw->nciw", matrix, x), atol=1e-12
    )


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_flat_stays_flat(mode):
    for antialias in {False, mode in ("bilinear", "bicubic")}:
        for new in (3, 8, 20):
            np.testing.assert_allclose(mixing_matrix(mode, 8, new, antialias=antialias).sum(1), 1)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("options", [
    {"scale_factor": 2}, {"scale_factor": (2, 3), "mode": "nearest-exact"}, {"size": (5, 2)},
    {"scale_factor": 1.5, "mode": "bilinear"}, {"size": (6, 2), "mode": "bilinear", "align_corners": True},
    {"size": (2, 7), "mode": "bicubic"}, {"size": 2, "mode": "bicubic", "antialias": True}, {"size": 3, "mode": "area"},
], ids=str)  # fmt: skip
def test_gradients_of_interpolate(options, order):
    assert_gradients(lambda x: ops.interpolate(x, **options), random(2, 2, 3, 4), order=order)


# --- pixels and channels ---------------------------------------------------------------------------------------


def test_pixel_shuffle_is_the_formula():
    x = random(2, 12, 3, 4)
    y = ops.pixel_shuffle(x, 2)
    for n, c, i, j in itertools.product(*map(range, y.shape)):
        assert y[n, c, i, j] == x[n, c * 4 + (i % 2) * 2 + j % 2, i // 2, j // 2]  # Shi et al. 2016, eq. 4
    np.testing.assert_array_equal(ops.pixel_unshuffle(y, 2), x)
    np.testing.assert_array_equal(ops.pixel_shuffle(x[0], 2), y[0])
    np.testing.assert_array_equal(ops.pixel_unshuffle(y.reshape(2, 1, 3, 6, 8), 2), x[:, None])


@pytest.mark.parametrize("order", [1, 2])
def test_gradients_of_pixel_shuffle(order):
    assert_gradients(lambda x: ops.pixel_shuffle(x, 2), random(2, 4, 2, 3), order=order)
    assert_gradients(lambda x: ops.pixel_unshuffle(x, 2), random(2, 1, 4, 6), order=order)


# --- types, layouts, sizes, refusals ---------------------------------------------------------------------------

ALL = {
    "adaptive_avg_pool2d": lambda x: ops.adaptive_avg_pool2d(x, 3),
    "nearest": lambda x: ops.interpolate(x, scale_factor=2),
    "bicubic": lambda x: ops.interpolate(x, scale_factor=1.5, mode="bicubic"),
    "pixel_shuffle": lambda x: ops.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: ops.pixel_unshuffle(x, 2),
}


@pytest.mark.parametrize("make", [np.array, on_gpu])
@pytest.mark.parametrize("name", ALL)
def test_float32_in_channels_last_out(name, make):
    x = channels_last(random(2, 4, 6, 8).astype(np.float32))
    t = Tensor(make(x), requires_grad=True)
    y = ALL[name](t)
    (dx,) = grad(y, t, make(channels_last(random(*y.shape).astype(np.float32))))
    assert y.dtype == dx.dtype == np.float32
    assert np.moveaxis(y.numpy(), 1, -1).flags.c_contiguous
    assert type(ALL[name](make(x))) is type(make(x))


@pytest.mark.parametrize("name", ALL)
def test_an_empty_batch(name):
    t = Tensor(np.zeros((0, 4, 6, 8)), requires_grad=True)
    y = ALL[name](t)
    assert len(y) == 0 and y.shape[1:] == ALL[name](np.zeros((1, 4, 6, 8))).shape[1:]
    assert grad(y, t, np.zeros(y.shape))[0].shape == t.shape


X = np.zeros((2, 4, 5, 5))
REFUSED = {
    "adaptive": (lambda: ops.adaptive_avg_pool2d(X, 0), "output_size must be an integer >= 1"),
    "mode": (lambda: ops.interpolate(X, 3, mode="cubic"), "mode 'cubic' is not one of nearest"),
    "mode of other dimensions": (lambda: ops.interpolate(X, 3, mode="linear"), "mode 'linear' needs 3 dimensions"),
    "neither": (lambda: ops.interpolate(X), "give either size or scale_factor"),
    "both": (lambda: ops.interpolate(X, 3, 2), "give either size or scale_factor"),
    "corners": (lambda: ops.interpolate(X, 3, align_corners=True), "align_corners has no meaning in mode 'nearest'"),
    "antialias": (lambda: ops.interpolate(X, 3, antialias=True), "antialias is for modes bilinear and bicubic"),
    "no size": (lambda: ops.interpolate(X, scale_factor=0.1), "the new size must be an integer >= 1"),
    "factors": (lambda: ops.interpolate(X, scale_factor=(2, 2, 2)), "one for each of 2 axes"),
    "shuffle": (lambda: ops.pixel_shuffle(X, 3), "4 channels of input .* are not a multiple of r² = 9"),
    "unshuffle": (lambda: ops.pixel_unshuffle(X, 2), "height and width of input .* must be multiples of 2"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_shapes_and_remedy(name):
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        function()

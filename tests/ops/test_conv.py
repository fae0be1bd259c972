"""Convolution against loops that anyone can check, the laws that bind its three ops, blocks, threads and refusals."""

import itertools
import math

import numpy as np
import pytest
from agreement import assert_equal_at_orders_0_1_2

from tinygan import Tensor, grad, ops, threads
from tinygan.gradcheck import assert_gradients
from tinygan.nn.fuse import rectified_conv, rectified_conv_transpose
from tinygan.ops.convolution import conv, conv_transpose, conv_weight
from tinygan.ops.kernels import conv as kernels
from tinygan.ops.windows import Geometry, per_axis

# --- slow and obvious ------------------------------------------------------------------------------------------


def places(size, kernel, geometry):
    """Every (window t, offset k, pixel) of an axis or several."""
    for t in itertools.product(*map(range, size)):
        for k in itertools.product(*map(range, kernel)):
            yield t, k, tuple(s * i + d * j - p for i, j, s, p, d in zip(t, k, *geometry[:3]))


def inside(pixel, space):
    return all(0 <= i < n for i, n in zip(pixel, space))


def group_of(channel, channels, groups):
    return channel // (channels // groups)


def naive_conv(x, w, b, size, geometry):
    y = np.zeros((len(x), len(w), *size)) + (0 if b is None else b.reshape(1, -1, *[1] * len(size)))
    per_group = w.shape[1]
    for t, k, pixel in places(size, w.shape[2:], geometry):
        if inside(pixel, x.shape[2:]):
            for n, o, c in itertools.product(range(len(x)), range(len(w)), range(per_group)):
                channel = group_of(o, len(w), geometry.groups) * per_group + c
                y[(n, o, *t)] += x[(n, channel, *pixel)] * w[(o, c, *k)]
    return y


def naive_conv_transpose(g, w, b, size, geometry):
    per_group = w.shape[1]
    x = np.zeros((len(g), per_group * geometry.groups, *size)) + (0 if b is None else b.reshape(1, -1, *[1] * len(size)))
    for t, k, pixel in places(g.shape[2:], w.shape[2:], geometry):
        if inside(pixel, size):
            for n, o, c in itertools.product(range(len(g)), range(len(w)), range(per_group)):
                channel = group_of(o, len(w), geometry.groups) * per_group + c
                x[(n, channel, *pixel)] += g[(n, o, *t)] * w[(o, c, *k)]
    return x


# axes, space, kernel, stride, padding, dilation, groups, output_padding
GEOMETRIES = {
    "plain": ((4, 5), (3, 2), (1, 1), (0, 0), (1, 1), 1, (0, 0)),
    "padded": ((4, 4), (3, 3), (1, 1), (1, 1), (1, 1), 1, (0, 0)),
    "halves": ((6, 8), (4, 4), (2, 2), (1, 1), (1, 1), 1, (1, 0)),
    "sixths": ((6, 8), (4, 6), (2, 3), (2, 4), (1, 1), 2, (0, 1)),
    "gaps between windows": ((7, 7), (2, 2), (3, 3), (0, 0), (1, 1), 1, (0, 2)),
    "tiles": ((4, 6), (2, 3), (2, 3), (0, 0), (1, 1), 1, (0, 0)),
    "pixels": ((3, 4), (1, 1), (1, 1), (0, 0), (1, 1), 1, (0, 0)),
    "uneven": ((5, 6), (3, 2), (2, 1), (2, 0), (1, 2), 1, (1, 1)),
    "wide apart": ((7, 6), (2, 3), (1, 2), (1, 2), (3, 2), 1, (2, 1)),
    "more padding than kernel": ((3, 3), (2, 1), (1, 1), (3, 2), (1, 1), 1, (0, 0)),
    "two groups": ((4, 4), (3, 3), (2, 2), (1, 1), (1, 1), 2, (0, 1)),
    "depthwise": ((4, 4), (3, 3), (1, 1), (1, 1), (1, 1), 4, (0, 0)),
    "long rows of one channel": ((3, 9), (2, 2), (1, 2), (0, 1), (1, 1), 4, (0, 0)),  # offsets first in memory
    "sound": ((9,), (5,), (2,), (2,), (1,), 1, (1,)),
    "sound, dilated": ((9,), (3,), (2,), (1,), (2,), 2, (0,)),
    "volume": ((3, 4, 3), (2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 2), 2, (0, 0, 0)),
}


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def conv_case(name):
    """(x, w, b, arguments of conv) of a geometry; 4 channels in and 4 or 2 out."""
    space, kernel, stride, padding, dilation, groups, _ = GEOMETRIES[name]
    outputs = 4 if groups > 1 else 2
    size = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1 for n, p, d, k, s in zip(space, padding, dilation, kernel, stride)
    )
    x, w, b = random(2, 4, *space), random(outputs, 4 // groups, *kernel), random(outputs)
    return x, w, b, {"size": size, "geometry": Geometry(stride, padding, dilation, groups)}


@pytest.mark.parametrize("name", GEOMETRIES)
def test_convolution_is_the_loop(name):
    x, w, b, options = conv_case(name)
    geometry, function = options["geometry"], getattr(ops, f"conv{x.ndim - 2}d")
    settings = geometry._asdict()
    np.testing.assert_allclose(function(x, w, b, **settings), naive_conv(x, w, b, **options), atol=1e-12)
    np.testing.assert_allclose(function(x, w, **settings), naive_conv(x, w, None, **options), atol=1e-12)


@pytest.mark.parametrize("name", [name for name in GEOMETRIES if name != "more padding than kernel"])  # leaves nothing
def test_transposed_convolution_is_the_loop(name):
    space, kernel, stride, padding, dilation, groups, extra = GEOMETRIES[name]
    size = tuple(
        (n - 1) * s - 2 * p + d * (k - 1) + 1 + e
        for n, p, d, k, s, e in zip(space, padding, dilation, kernel, stride, extra)
    )
    g, w, b = random(2, 4, *space), random(4, 2 if groups < 4 else 1, *kernel), random(2 * groups if groups < 4 else 4)
    geometry = Geometry(stride, padding, dilation, groups)
    function = getattr(ops, f"conv_transpose{len(space)}d")
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups, "output_padding": extra}
    expected = naive_conv_transpose(g, w, b, size, geometry)
    np.testing.assert_allclose(function(g, w, b, **settings), expected, atol=1e-12)


# --- the triangle ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_three_are_one_trilinear_form(name):
    """<conv(x, w), g> = <x, conv_transpose(g, w)> = <w, conv_weight(x, g)>: each is the gradient of the others."""
    x, w, _, options = conv_case(name)
    geometry = options["geometry"]
    y = conv(x, w, None, **options)
    g = random(*y.shape, seed=1)
    form = (y * g).sum()
    np.testing.assert_allclose((x * conv_transpose(g, w, None, size=x.shape[2:], geometry=geometry)).sum(), form)
    np.testing.assert_allclose((w * conv_weight(x, g, size=w.shape[2:], geometry=geometry)).sum(), form)


@pytest.mark.parametrize("groups", [1, 2])
def test_weights_of_many_windows(groups):
    """More than 1024 windows are summed in another order of axes."""
    x, w, geometry = random(2, 4, 30, 30), random(6, 4 // groups, 3, 2), Geometry((1, 1), (1, 0), (1, 1), groups)
    g = random(2, 6, 30, 29)
    form = (conv(x, w, None, size=(30, 29), geometry=geometry) * g).sum()
    np.testing.assert_allclose((w * conv_weight(x, g, size=(3, 2), geometry=geometry)).sum(), form)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_the_kernels_are_the_textbook_forms_at_orders_0_1_2(name):
    x, w, b, options = conv_case(name)
    geometry, g = options["geometry"], random(len(x), len(w), *options["size"], seed=1)
    for op, arguments, const in (
        (conv, (x, w, b), options),
        (conv_transpose, (g, w, random(x.shape[1])), {"size": x.shape[2:], "geometry": geometry}),
        (conv_weight, (x, g), {"size": w.shape[2:], "geometry": geometry}),
    ):
        kernel, textbook = (lambda *t, f=f, const=const: f(*t, **const) for f in (op, op.textbook))
        assert_equal_at_orders_0_1_2(kernel, textbook, arguments)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_gradients_of_all_three(name, order):
    x, w, b, options = conv_case(name)
    geometry = options["geometry"]
    g = random(len(x), len(w), *options["size"], seed=1)
    assert_gradients(lambda x, w, b: conv(x, w, b, **options), x, w, b, order=order)
    back = {"size": x.shape[2:], "geometry": geometry}
    assert_gradients(lambda g, w, b: conv_transpose(g, w, b, **back), g, w, random(x.shape[1]), order=order)
    assert_gradients(lambda x, g: conv_weight(x, g, size=w.shape[2:], geometry=geometry), x, g, order=order)


def test_third_derivative():
    """d³/dx²dw of Σ conv(x, w)³ / 6 is a number that the loop gives too: differentiate along v, twice, then along u."""
    x, w, _, options = conv_case("halves")
    v, u = random(*x.shape, seed=2), random(*w.shape, seed=3)
    tx, tw = Tensor(x, requires_grad=True), Tensor(w, requires_grad=True)
    y = conv(tx, tw, None, **options)
    (first,) = grad((y * y * y).sum(), tx, create_graph=True)
    (second,) = grad((first * v).sum(), tx, create_graph=True)
    (third,) = grad((second * v).sum(), tw)
    a, b = naive_conv(x, w, None, **options), naive_conv(v, w, None, **options)
    da, db = naive_conv(x, u, None, **options), naive_conv(v, u, None, **options)
    np.testing.assert_allclose((third * u).sum(), (6 * (da * b * b + 2 * a * b * db)).sum())


def test_gradient_that_is_broadcast_or_in_another_order():
    x, w, b, options = conv_case("halves")
    t = [Tensor(a, requires_grad=True) for a in (x, w, b)]
    y = conv(*t, **options)
    g = random(*y.shape, seed=1)
    expected = grad(y, t, g)
    for same in (np.ascontiguousarray(g), np.asfortranarray(g)):
        same.flags.writeable = False
        for a, e in zip(grad(y, t, same), expected):
            np.testing.assert_allclose(a, e, atol=1e-12)
    ones = np.broadcast_to(1.0, y.shape)
    for a, e in zip(grad(y, t, ones), grad(y, t, ones.copy())):
        np.testing.assert_array_equal(a, e)


# --- how it is computed does not show --------------------------------------------------------------------------


def large_case(name):
    """conv_case of 64 images with 16 times as many channels: in several blocks and, where weights suffice, in parts."""
    x, w, b, options = conv_case(name)
    x, w, b = random(64, 64, *x.shape[2:]), random(16 * len(w), 16 * w.shape[1], *w.shape[2:]), random(16 * len(b))
    return x, w, b, options


LARGE = {
    "one image in several blocks": (random(2, 8, 96, 96), random(4, 8, 4, 4), (1, 1), (2, 2), 1),
    "an image to a block, offsets first": (random(8, 8, 64, 64), random(8, 1, 3, 3), (1, 1), (1, 1), 8),
    "DCGAN": (random(64, 64, 14, 14), random(128, 64, 4, 4), (2, 2), (1, 1), 1),
}


@pytest.mark.parametrize("name", [*GEOMETRIES, *LARGE])
def test_blocks_and_parts_do_not_show(name):
    """At sizes that the kernels take apart, they are the textbook forms still."""
    if name in GEOMETRIES:
        x, w, b, options = large_case(name)
    else:
        x, w, stride, padding, groups = LARGE[name]
        size = tuple((n + 2 * p - k) // s + 1 for n, p, k, s in zip(x.shape[2:], padding, w.shape[2:], stride))
        b, options = random(len(w)), {"size": size, "geometry": Geometry(stride, padding, (1, 1), groups)}
    g = random(len(x), len(w), *options["size"], seed=1)
    back = {"size": x.shape[2:], "geometry": options["geometry"]}
    for op, arguments, const in (
        (conv, (x, w, b), options),
        (conv_transpose, (g, w, random(x.shape[1])), back),
        (conv_weight, (x, g), {"size": w.shape[2:], "geometry": options["geometry"]}),
    ):
        y = op.textbook(*arguments, **const)
        np.testing.assert_allclose(op(*arguments, **const), y, atol=1e-9)
        if op is not conv_weight:
            rectified = {conv: rectified_conv, conv_transpose: rectified_conv_transpose}[op]
            for slope in (0.0, 0.2):
                np.testing.assert_allclose(
                    rectified(*arguments, **const, slope=slope), np.maximum(y, slope * y), atol=1e-9
                )


def multiplications(monkeypatch, pictures):
    """How many multiplications matmul is asked for by DCGAN's second convolution of so many pictures."""
    counted = []

    def matmul(a, b, out):
        counted.append(math.prod(a.shape) * b.shape[-1])
        return np.matmul(a, b, out=out)

    monkeypatch.setattr(kernels, "matmul_by_group", matmul)
    x, w = np.ones((pictures, 64, 14, 14), np.float32), np.ones((128, 64, 4, 4), np.float32)
    y = ops.conv2d(x, w, stride=2, padding=1)
    assert y[0, 0].tolist() == [[64.0 * a * b for b in (3, 4, 4, 4, 4, 4, 3)] for a in (3, 4, 4, 4, 4, 4, 3)]
    return sum(counted)


def test_zeros_around_many_pictures_are_not_multiplied(monkeypatch, use_threads):
    """Of 7 x 7 windows, 4 at corners see 9 offsets of 16, 20 at edges 12: many pictures pay for parts, few do not."""
    use_threads(1)
    every_window, each = 49 * 16 * 64 * 128, 64 * 128
    assert multiplications(monkeypatch, 8) == 8 * every_window
    assert multiplications(monkeypatch, 64) == 64 * (4 * 9 + 20 * 12 + 25 * 16) * each


def test_threads_give_the_same(use_threads, monkeypatch):
    pieces, split = set(), threads.split_batch

    def watched(function, array, work):
        results = split(function, array, work)
        pieces.add(len(results))
        return results

    monkeypatch.setattr(kernels, "split_batch", watched)

    def everything():
        t = [Tensor(a, requires_grad=True) for a in (random(9, 16, 32, 32), random(32, 16, 3, 3), random(32))]
        y = ops.conv2d(*t, stride=2, padding=1)
        return [y.data, *grad(y, t, random(*y.shape, seed=1))]

    results = {}
    for n in (1, 2, 3):
        use_threads(n)
        pieces.clear()
        results[n] = everything()
        assert pieces == {n}  # forward and both gradients were shared by n threads
        for once, again in zip(results[n], everything()):
            np.testing.assert_array_equal(once, again)  # to the last bit, whoever comes first
    for n in (2, 3):
        for one, many in zip(results[1], results[n]):
            np.testing.assert_allclose(one, many, atol=1e-9)


# --- types, layouts, sizes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_float32_in_channels_last_out(name):
    x, w, b = (a.astype(np.float32) for a in (random(2, 4, 6, 6), random(4, 4, 3, 3), random(4)))
    t = [Tensor(a, requires_grad=True) for a in (x, w, b)]
    y = getattr(ops, name)(*t, stride=2, padding=1)
    dx, dw, db = grad(y, t, np.ones(y.shape, np.float32))
    for a in (y.data, dx, dw):
        assert a.dtype == np.float32
        assert np.moveaxis(a, 1, -1).flags.c_contiguous
    assert db.dtype == np.float32


def test_weights_of_another_precision():
    x, w = (
        Tensor(random(2, 3, 4, 4), requires_grad=True),
        Tensor(random(2, 3, 3, 3).astype(np.float32), requires_grad=True),
    )
    y = ops.conv2d(x, w)
    assert y.dtype == np.float64
    dx, dw = grad(y.sum(), [x, w])
    assert (dx.dtype, dw.dtype) == (np.float64, np.float32)


@pytest.mark.parametrize(
    "name", ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]
)
def test_without_a_batch(name):
    axes = int(name[-2])
    x, w, b = random(3, *[5] * axes), random(3, 3, *[2] * axes), random(3)
    function = getattr(ops, name)
    np.testing.assert_allclose(function(x, w, b, stride=2), function(x[None], w, b, stride=2)[0])


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_an_empty_batch(name):
    t = [Tensor(a, requires_grad=True) for a in (random(0, 4, 6, 6), random(4, 4, 3, 3), random(4))]
    y = getattr(ops, name)(*t, stride=2)
    assert y.shape[:2] == (0, 4)
    dx, dw, db = grad(y, t, np.zeros(y.shape))
    assert dx.shape == (0, 4, 6, 6)
    assert not dw.any() and not db.any() and dw.shape == (4, 4, 3, 3)


@pytest.mark.parametrize("kernel, dilation", [((3, 3), 1), ((4, 2), 1), ((2, 3), (3, 2))])
def test_padding_same_and_valid(kernel, dilation):
    x, w = random(2, 3, 7, 6), random(2, 3, *kernel)
    y = ops.conv2d(x, w, padding="same", dilation=dilation)
    assert y.shape == (2, 2, 7, 6)
    wide = [d * (k - 1) for k, d in zip(kernel, per_axis(dilation, 2, "", 1))]
    padded = ops.pad(x, [n for total in reversed(wide) for n in (total // 2, total - total // 2)])  # PyTorch's halves
    np.testing.assert_allclose(y, ops.conv2d(padded, w, padding="valid", dilation=dilation))


# --- refusals --------------------------------------------------------------------------------------------------

X, W, B = np.zeros((2, 4, 5, 5)), np.zeros((6, 4, 3, 3)), np.zeros(6)
REFUSED = {
    "channels": (lambda: ops.conv2d(X[:, :3], W), "the input has 3 channels, the weight and groups ask for 4"),
    "channels of groups": (lambda: ops.conv2d(X, W, groups=2), "4 channels, the weight and groups ask for 8"),
    "groups": (lambda: ops.conv2d(X, W[:, :1], groups=4), "groups must be a positive integer that divides"),
    "kernel": (lambda: ops.conv2d(X, W, dilation=3), r"spans \(7, 7\) is larger than the input \(5, 5\) padded by \(0, 0\)"),
    "bias": (lambda: ops.conv2d(X, W, B[:4]), r"bias must have shape \(6,\), one number per output channel"),
    "stride": (lambda: ops.conv2d(X, W, stride=0), "stride must be an integer >= 1 or a tuple of 2 of them, not 0"),
    "padding": (lambda: ops.conv2d(X, W, padding=(1, 1, 1)), "padding must be an integer >= 0 or a tuple of 2"),
    "same": (lambda: ops.conv2d(X, W, padding="same", stride=2), "padding 'same' needs stride 1"),
    "dimensions": (lambda: ops.conv2d(X[0, 0], W), r"the input must have 4 dimensions \(N, C, ...\), 3 without a batch"),
    "weight": (lambda: ops.conv1d(X[0], W), r"conv1d: weight \(6, 4, 3, 3\) must have 3 sizes \(out, in/groups, \*kernel\)"),
    "transposed channels": (lambda: ops.conv_transpose2d(X, W), "the input has 4 channels, the weight and groups ask for 6"),
    "transposed weight": (lambda: ops.conv_transpose1d(X[0], W), r"must have 3 sizes \(in, out/groups, \*kernel\)"),
    "output_padding": (
        lambda: ops.conv_transpose2d(X[:, :, :3], W[:4], stride=2, output_padding=2),
        r"output_padding \(2, 2\) must be smaller than stride \(2, 2\) or dilation",
    ),
    "nothing left": (
        lambda: ops.conv_transpose2d(X[:, :, :2, :2], W[:4], padding=2),
        r"padding \(2, 2\) leaves size \(0, 0\)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_with_shapes_and_remedy(name):
    function, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        function()

"""What ops make of nothing, of a single number, of integers, of equal numbers, and of numbers that are not finite.

Values and gradients that are written out are PyTorch's, unless a row says otherwise; PyTorch's own samples run through
`benchmarks/opinfo.py`.
"""

import math

import numpy as np
import pytest

from tinygan import Tensor, grad, ops

NAN, INF = math.nan, math.inf


def tensor(values, dtype="float64"):
    array = np.array(values, dtype)
    return Tensor(array, requires_grad=array.dtype.kind == "f")


def zeros(*shape):
    return tensor(np.zeros(shape))


def ones_gradients(y, inputs):
    """The gradients of the sum of y, and their gradients."""
    first = grad(y, inputs, np.ones(y.shape, y.dtype), create_graph=True)
    curved = [g for g in first if g.requires_grad]
    second = grad(curved, inputs, [np.ones(g.shape, g.dtype) for g in curved]) if curved else []
    return first, second


# --- nothing: no samples, no keys, no features --------------------------------------------------------------------

W, V = tensor(np.ones((2, 3, 2, 2))), tensor(np.ones(3))
EMPTY = {
    "transpose": (lambda x: ops.transpose(x, 0, 1), [(0, 3)], (3, 0)),
    "movedim": (lambda x: ops.movedim(x, 0, -1), [(0, 3, 2)], (3, 2, 0)),
    "unflatten": (lambda x: ops.unflatten(x, 0, (-1, 1)), [(0, 3)], (0, 1, 3)),
    "unflatten nothing": (lambda x: ops.unflatten(x, 0, (-1, 1)), [(2, 0)], (2, 1, 0)),
    "cat": (lambda x, y: ops.cat([x, y], 1), [(0,), (2, 3)], (2, 3)),
    "cat nothing": (lambda x, y: ops.cat([x, y], 0), [(0, 3), (0, 3)], (0, 3)),
    "chunk": (lambda x: ops.stack(ops.chunk(x, 3)), [(0, 2)], (3, 0, 2)),
    "split": (lambda x: ops.split(x, 0)[0], [(0,)], (0,)),
    "gather": (lambda x: ops.gather(x, 0, np.zeros((2, 0), int)), [(5,)], (2, 0)),
    "index_select": (lambda x: ops.index_select(x, 0, np.zeros(0, int)), [(5, 2)], (0, 2)),
    "scatter_add": (lambda x, s: ops.scatter_add(x, 0, np.zeros((0, 2), int), s), [(3, 2), (0, 2)], (3, 2)),
    "pad": (lambda x: ops.pad(x, (1, 1)), [(0, 2)], (0, 4)),
    "matmul": (ops.matmul, [(2, 0), (0, 3)], (2, 3)),
    "matmul of a batch": (ops.matmul, [(0, 2, 3), (3, 4)], (0, 2, 4)),
    "linear": (ops.linear, [(0, 3), (4, 3), (4,)], (0, 4)),
    "linear of 0 features": (ops.linear, [(2, 5, 0), (4, 0), (4,)], (2, 5, 4)),
    "linear of a vector of 0 features": (ops.linear, [(0,), (4, 0), (4,)], (4,)),
    "linear to 0 features": (ops.linear, [(2, 5, 3), (0, 3), (0,)], (2, 5, 0)),
    "conv1d": (lambda x: ops.conv1d(x, W[:, :, 0], padding=1), [(0, 3, 5)], (0, 2, 6)),
    "conv2d": (lambda x: ops.conv2d(x, W, stride=2), [(0, 3, 5, 4)], (0, 2, 2, 2)),
    "conv3d": (lambda x: ops.conv3d(x, W[:, :, None]), [(0, 3, 1, 5, 4)], (0, 2, 1, 4, 3)),
    "conv_transpose1d": (lambda x: ops.conv_transpose1d(x, W[:, :, 0]), [(0, 2, 5)], (0, 3, 6)),
    "conv_transpose2d": (lambda x: ops.conv_transpose2d(x, W, stride=2), [(0, 2, 5, 4)], (0, 3, 10, 8)),
    "conv_transpose3d": (lambda x: ops.conv_transpose3d(x, W[:, :, None]), [(0, 2, 1, 5, 4)], (0, 3, 1, 6, 5)),
    "max_pool2d": (lambda x: ops.max_pool2d(x, 2, padding=1), [(0, 3, 5, 4)], (0, 3, 3, 3)),
    "max_pool2d with indices": (lambda x: ops.max_pool2d(x, 2, return_indices=True)[0], [(0, 3, 4, 4)], (0, 3, 2, 2)),
    "avg_pool1d": (lambda x: ops.avg_pool1d(x, 2), [(0, 3, 5)], (0, 3, 2)),
    "avg_pool2d": (lambda x: ops.avg_pool2d(x, 2), [(0, 3, 5, 4)], (0, 3, 2, 2)),
    "interpolate": (lambda x: ops.interpolate(x, 7, mode="bilinear"), [(0, 3, 4, 4)], (0, 3, 7, 7)),
    "interpolate nearest": (lambda x: ops.interpolate(x, scale_factor=2), [(0, 3, 4, 4)], (0, 3, 8, 8)),
    "adaptive_avg_pool2d": (lambda x: ops.adaptive_avg_pool2d(x, 2), [(0, 3, 4, 4)], (0, 3, 2, 2)),
    "pixel_shuffle": (lambda x: ops.pixel_shuffle(x, 2), [(0, 4, 3, 3)], (0, 1, 6, 6)),
    "pixel_unshuffle": (lambda x: ops.pixel_unshuffle(x, 2), [(0, 1, 4, 4)], (0, 4, 2, 2)),
    "batch_norm": (lambda x, w, b: ops.batch_norm(x, None, None, w, b, True), [(0, 3, 2), (3,), (3,)], (0, 3, 2)),
    "batch_norm of no pixels": (lambda x: ops.batch_norm(x, None, None, training=True), [(2, 3, 0)], (2, 3, 0)),
    "instance_norm": (lambda x: ops.instance_norm(x), [(2, 3, 0)], (2, 3, 0)),
    "group_norm": (lambda x, w, b: ops.group_norm(x, 1, w, b), [(0, 3), (3,), (3,)], (0, 3)),
    "group_norm of no channels": (lambda x: ops.group_norm(x, 1), [(2, 0, 3)], (2, 0, 3)),
    "layer_norm": (lambda x, w, b: ops.layer_norm(x, (3,), w, b), [(0, 3), (3,), (3,)], (0, 3)),
    "layer_norm of 0 features": (lambda x, w, b: ops.layer_norm(x, (0,), w, b), [(4, 0), (0,), (0,)], (4, 0)),
    "normalize": (lambda x: ops.normalize(x), [(3, 0)], (3, 0)),
    "cosine_similarity": (ops.cosine_similarity, [(2, 0), (2, 0)], (2,)),
    "attention to no keys": (ops.scaled_dot_product_attention, [(1, 2, 3), (1, 0, 3), (1, 0, 4)], (1, 2, 4)),
    "attention of no queries": (ops.scaled_dot_product_attention, [(1, 0, 3), (1, 2, 3), (1, 2, 4)], (1, 0, 4)),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_nothing_is_taken_to_second_order(name):
    f, shapes, expected = EMPTY[name]
    inputs = [tensor(np.random.default_rng(0).standard_normal(shape)) for shape in shapes]
    y = f(*inputs)
    assert y.shape == expected
    first, second = ones_gradients(y, inputs)
    for g in (*first, *second):
        assert np.isfinite(getattr(g, "data", g)).all()
    assert [g.shape for g in first] == shapes


def test_running_statistics_do_not_move_by_nothing():
    mean, var = np.full(3, 2.0), np.full(3, 5.0)
    ops.batch_norm(np.zeros((0, 3, 2)), mean, var, training=True)
    assert (mean == 2).all() and (var == 5).all()


# --- a single number ----------------------------------------------------------------------------------------------

NUMBER = {
    "transpose": (lambda x: ops.transpose(x, 0, -1), ()),
    "movedim": (lambda x: ops.movedim(x, 0, 0), ()),
    "permute": (lambda x: ops.permute(x, ()), ()),
    "flip": (lambda x: ops.flip(x, (0,)), ()),
    "roll": (lambda x: ops.roll(x, 1), ()),
    "gather": (lambda x: ops.gather(x, 0, np.array(0)), ()),
    "gather of one": (lambda x: ops.gather(x, 0, np.array([0])), (1,)),
    "index_select": (lambda x: ops.index_select(x, 0, np.array([0])), ()),
    "scatter_add": (lambda x: ops.scatter_add(x, 0, np.array(0), np.array(0.0)), ()),
    "stack": (lambda x: ops.stack([x, x])[1], ()),
    "tile": (lambda x: ops.tile(x, (1,)), (1,)),
    "cosine_similarity": (lambda x: ops.cosine_similarity(x, x, dim=0) + x - 1, ()),
    "normalize": (lambda x: ops.normalize(x, dim=0) + x - 1, ()),
}


@pytest.mark.parametrize("name", NUMBER)
def test_a_number_is_taken(name):
    f, shape = NUMBER[name]
    x = tensor(3.0)
    y = f(x)
    assert y.shape == shape
    np.testing.assert_allclose(y.data, 3.0)
    np.testing.assert_allclose(grad(y, x, np.ones(shape))[0], 1.0, atol=1e-12)


def test_a_single_index_keeps_its_dimension():
    assert ops.index_select(zeros(3, 2), 0, np.array(1)).shape == (1, 2)


# --- integers beside numbers with a fraction ------------------------------------------------------------------------

X, I = tensor(np.ones((2, 2)), "float32"), np.ones((2, 2), np.int64)  # noqa: E741
MIXED = {
    "cat": lambda: ops.cat([I, X]),
    "stack": lambda: ops.stack([X, I]),
    "cat with truth values": lambda: ops.cat([X, I > 0]),
    "matmul": lambda: ops.matmul(I, X),
    "linear": lambda: ops.linear(I, X),
    "einsum": lambda: ops.einsum("ij,jk", X, I),
    "outer": lambda: ops.outer(X[0], I[0]),
    "dot": lambda: ops.dot(X[0], I[0]),
    "scatter_add": lambda: ops.scatter_add(X, 0, I, I),
    "conv1d": lambda: ops.conv1d(I[None], X[None]),
    "conv2d": lambda: ops.conv2d(I[None, None], X[None, None]),
    "conv_transpose2d": lambda: ops.conv_transpose2d(I[None, None], X[None, None]),
    "cosine_similarity": lambda: ops.cosine_similarity(X, I),
    "attention": lambda: ops.scaled_dot_product_attention(X, X, I),
    "a mask in double precision": lambda: ops.scaled_dot_product_attention(X, X, X, np.zeros((2, 2))),
}


@pytest.mark.parametrize("name", MIXED)
def test_float32_with_integers_stays_float32(name):
    y = MIXED[name]()
    assert y.dtype == np.float32
    assert grad(ops.sum(y), X)[0].dtype == np.float32


def test_integers_among_themselves_stay_integers():
    assert ops.cat([I, I > 0]).dtype == np.int64 and ops.matmul(I, I).dtype == np.int64


# --- pictures of integers -------------------------------------------------------------------------------------------

ROW = np.array([[[[0, 255]]]], np.uint8)  # (1, 1, 1, 2)
PICTURES = {
    "bilinear": (lambda x: ops.interpolate(x, (1, 3), mode="bilinear", align_corners=True), [0, 128, 255]),
    "linear": (lambda x: ops.interpolate(x[0], 3, mode="linear", align_corners=True), [0, 128, 255]),
    "bicubic": (lambda x: ops.interpolate(x, (1, 5), mode="bicubic"), [0, 21, 128, 234, 255]),
    "area": (lambda x: ops.interpolate(x, (1, 1), mode="area"), [128]),
    "nearest": (lambda x: ops.interpolate(x, (1, 3)), [0, 0, 255]),
    "adaptive_avg_pool2d": (lambda x: ops.adaptive_avg_pool2d(x, (1, 1)), [128]),
    "avg_pool2d": (lambda x: ops.avg_pool2d(x, (1, 2)), [128]),
    "avg_pool1d": (lambda x: ops.avg_pool1d(x[0], 2), [128]),
    "max_pool2d": (lambda x: ops.max_pool2d(x, (1, 2), padding=(0, 1)), [0, 255]),
}


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64"])
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_of_integers_are_rounded_not_their_weights(name, dtype):
    f, expected = PICTURES[name]
    for given in (ROW.astype(dtype), Tensor(ROW.astype(dtype))):
        y = f(given)
        assert y.dtype == dtype and isinstance(y, Tensor) == isinstance(given, Tensor)
        y = np.ravel(getattr(y, "data", y)).clip(0, 255)  # bicubic means go beyond, where the type allows it
        np.testing.assert_array_equal(y, expected)


def test_sums_of_many_bytes_do_not_run_over():
    white = np.full((1, 1, 64, 64), 255, np.uint8)
    assert ops.avg_pool2d(white, 64).item() == 255 and ops.adaptive_avg_pool2d(white, 1).item() == 255


# --- not finite: masks select, they do not multiply ------------------------------------------------------------------


def picture(*values):
    return tensor([[[list(values)]]])


@pytest.mark.parametrize(
    "values, settings, expected, slopes, indices",
    [
        ([1, NAN, 5, NAN], {"kernel_size": (1, 4)}, [NAN], [0, 0, 0, 1], [3]),
        ([NAN, 1, 5, 2], {"kernel_size": (1, 4)}, [NAN], [1, 0, 0, 0], [0]),
        ([NAN, NAN], {"kernel_size": (1, 2), "padding": (0, 1)}, [NAN, NAN], [1, 1], [0, 1]),
        ([-INF, -INF], {"kernel_size": (1, 2), "padding": (0, 1)}, [-INF, -INF], [1, 1], [0, 1]),
        ([-INF, 1, -INF, -INF], {"kernel_size": (1, 2)}, [1, -INF], [0, 1, 1, 0], [1, 2]),
        ([INF, 1, 2, INF], {"kernel_size": (1, 2)}, [INF, INF], [1, 0, 0, 1], [0, 3]),
    ],
)
def test_the_largest_of_numbers_that_are_not_finite(values, settings, expected, slopes, indices):
    x = picture(*values)
    for y in (ops.max_pool2d(x, **settings), ops.max_pool2d(x, **settings, return_indices=True)[0]):
        np.testing.assert_array_equal(y.data.ravel(), expected)
        np.testing.assert_array_equal(grad(y, x, np.ones(y.shape))[0].ravel(), slopes)
    np.testing.assert_array_equal(ops.max_pool2d(x, **settings, return_indices=True)[1].data.ravel(), indices)


def test_an_infinite_gradient_reaches_the_winners_alone():
    x, g = picture(1, 2, 3, 4), np.array([[[[INF, 1.0]]]])
    y = ops.max_pool2d(x, (1, 2))
    for found in (grad(y, x, g)[0], grad(y, x, g, create_graph=True)[0].data):
        np.testing.assert_array_equal(found.ravel(), [0, INF, 0, 1])


def test_a_gradient_of_a_gradient_reads_the_winners_alone():
    x, g, v = picture(1, 2, 3, 4), tensor([[[[1.0, 1.0]]]]), np.array([[[[INF, 5.0, NAN, 7.0]]]])
    y = ops.max_pool2d(x, (1, 2))
    (first,) = grad(y, x, g, create_graph=True)
    np.testing.assert_array_equal(grad(first, g, v)[0].ravel(), [5, 7])


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize(
    "settings, reached",
    [
        ({"size": (1, 5), "mode": "area"}, [0, 0, 0, 1, 1]),
        ({"size": (1, 5), "mode": "nearest"}, [0, 0, 0, 0, 1]),
        ({"size": (1, 5), "mode": "bilinear"}, [0, 0, 0, 1, 1]),
        ({"size": (1, 2), "mode": "area"}, [0, 1]),
        ({"size": (1, 8), "mode": "bilinear"}, [0, 0, 0, 0, 0, 1, 1, 1]),
    ],
)
def test_a_pixel_that_is_not_finite_reaches_those_that_look_at_it(settings, reached, value):
    y = ops.interpolate(picture(1, 2, 3, value), **settings)
    np.testing.assert_array_equal(np.isfinite(y.data.ravel()), np.array(reached) == 0)
    assert all(v == value or (value != value and v != v) for v in y.data.ravel()[np.array(reached) == 1])


def test_a_gradient_that_is_not_finite_reaches_the_pixels_it_came_from():
    x = picture(1, 2, 3, 4)
    y = ops.interpolate(x, (1, 8), mode="bilinear")
    found = grad(y, x, np.array([[[[0.0] * 7 + [INF]]]]))[0]
    np.testing.assert_array_equal(found.ravel(), [0, 0, 0, INF])


def test_infinities_of_both_signs_are_nan():
    assert np.isnan(ops.adaptive_avg_pool2d(picture(INF, INF, -INF), 1).item())


def test_a_diagonal_is_picked():
    x = tensor([[1.0, INF], [NAN, 2.0]])
    y = ops.einsum("ii", x)
    assert y.item() == 3
    np.testing.assert_array_equal(grad(y, x)[0], np.eye(2))


def test_a_negative_weight_turns_infinity_round():
    """Bicubic interpolation weighs the pixels beyond the nearest two negatively."""
    y = ops.interpolate(picture(1, 2, 3, INF, 5, 6, 7).data, (1, 14), mode="bicubic").ravel()
    signs = [0] * 3 + [-1] * 2 + [1] * 4 + [-1] * 2 + [0] * 3
    np.testing.assert_array_equal(np.where(np.isfinite(y), 0, np.sign(y)), signs)


def test_a_key_that_nobody_may_attend_to_does_not_count():
    key = tensor([[INF, NAN], [1.0, 2.0]])
    y = ops.scaled_dot_product_attention(tensor([[1.0, 1.0]]), key, tensor([[1.0], [5.0]]), np.array([False, True]))
    assert y.item() == 5


def test_a_mask_of_nan_is_no_mask():
    y = ops.scaled_dot_product_attention(zeros(1, 2), zeros(2, 2), zeros(2, 1), np.array([0.0, NAN]))
    assert np.isnan(y.item())


# --- equal numbers, and 0 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 0.1, 1000.1, 1e6])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: ops.layer_norm(x, (1000,)),
        lambda x: ops.group_norm(x[:, None], 1)[:, 0],
        lambda x: ops.instance_norm(x[:, None])[:, 0],
        lambda x: ops.batch_norm(x[None], None, None, training=True)[0],
    ],
    ids=["layer", "group", "instance", "batch"],
)
def test_equal_numbers_are_normalised_to_0(f, value):
    """In float32 the mean of 1,000 times 1000.1 is 1000.106. The slope is (g - mean g) / √eps."""
    x, g = tensor(np.full((4, 1000), value), "float32"), np.random.default_rng(0).standard_normal((4, 1000), np.float32)
    y = f(x)
    np.testing.assert_array_equal(y.data, 0)
    slopes = (g - g.mean(1, keepdims=True)) / math.sqrt(1e-5)
    for found in (grad(y, x, g)[0], grad(y, x, g, create_graph=True)[0].data):
        np.testing.assert_allclose(found, slopes, atol=1e-4 * np.abs(slopes).max())


G = [1.0, 2.0, 3.0]
LENGTHS = [  # p, x, normalize(x), its gradient for G
    (2, [0, 0, 0], [0, 0, 0], [1e12, 2e12, 3e12]),
    (2, [1, 0, 2], [0.4472135955, 0, 0.894427191], [-0.1788854382, 0.894427191, 0.0894427191]),
    (1, [0, 0, 0], [0, 0, 0], [1e12, 2e12, 3e12]),
    (1, [1, 0, 2], [1 / 3, 0, 2 / 3], [-4 / 9, 2 / 3, 2 / 9]),
    (0.5, [0, 0, 0], [0, 0, 0], [1e12, 2e12, 3e12]),
    (0.5, [1, 0, 2], [0.1715728753, 0, 0.3431457505], [-0.3259018078, 0.3431457505, 0.1629509039]),
    (1.5, [1, 0, 2], [0.4086201168, 0, 0.8172402336], [-0.3385119885, 0.8172402336, 0.1692559942]),
    (3, [0, 0, 0], [0, 0, 0], [1e12, 2e12, 3e12]),
    (INF, [0, 0, 0], [0, 0, 0], [1e12, 2e12, 3e12]),
    (INF, [2, 2, 2], [1, 1, 1], [-0.5, 0, 0.5]),
    (-INF, [1, 4, 2], [1, 4, 2], [-14, 2, 3]),
    (-INF, [2, 2, 2], [1, 1, 1], [-0.5, 0, 0.5]),
    (0, [1, 0, 2], [0.5, 0, 1], [0.5, 1, 1.5]),
    (0, [0, 0, 0], [0, 0, 0], [1e12, 2e12, 3e12]),
    (-1, [1, 0, 2], [1e12, 0, 2e12], [1e12, 2e12, 3e12]),
    (-1, [2, 2, 2], [3, 3, 3], [-1.5, 0, 1.5]),
    (-2, [2, 2, 2], [math.sqrt(3)] * 3, [-math.sqrt(0.75), 0, math.sqrt(0.75)]),
]


@pytest.mark.parametrize("p, x, expected, slopes", LENGTHS)
def test_lengths_of_every_power(p, x, expected, slopes):
    x = tensor([x])
    y = ops.normalize(x, p)
    np.testing.assert_allclose(y.data[0], expected, rtol=1e-6)
    (found,) = grad(y, x, np.array([G]), create_graph=True)
    np.testing.assert_allclose(found.data[0], slopes, rtol=1e-6, atol=1e-9)
    if found.requires_grad:
        assert np.isfinite(grad(found, x, np.ones((1, 3)))[0]).all()


@pytest.mark.parametrize("x", [[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
def test_a_length_is_curved_where_an_element_is_0(x):
    """The gradient x / ‖x‖ of a length has the slope (1 - x xᵀ / ‖x‖²) / ‖x‖, 1 / ‖x‖ where an element is 0."""
    x = tensor(x)
    (first,) = grad(ops.norm(x), x, create_graph=True)
    length = np.linalg.norm(x.data)
    hessian = (np.eye(3) - np.outer(x.data, x.data) / length**2) / length
    np.testing.assert_allclose([grad(first, x, row)[0] for row in np.eye(3)], hessian, atol=1e-12)


def test_the_cosine_of_vectors_that_are_broadcast():
    """Lengths are those of the vectors after broadcasting. Before it, the cosine of these was 1.34."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((1, 2, 3)), rng.standard_normal((2, 1, 3))
    wide_a, wide_b = np.broadcast_arrays(a, b)
    expected = (wide_a * wide_b).sum(-2) / np.sqrt((wide_a**2).sum(-2) * (wide_b**2).sum(-2))
    np.testing.assert_allclose(ops.cosine_similarity(a, b, dim=-2), expected)
    assert np.abs(ops.cosine_similarity(a, b, dim=-2)).max() <= 1


def test_the_cosine_with_0_is_0():
    x, y = tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]])
    cosine = ops.cosine_similarity(x, y)
    assert cosine.item() == 0
    np.testing.assert_allclose(grad(cosine, [x, y], np.ones(1))[0], [[0.6e8, 0.8e8]])


def test_the_cosine_with_a_vector_shorter_than_eps():
    x, y = tensor([[1e-9, 0.0]]), tensor([[3.0, 4.0]])
    cosine = ops.cosine_similarity(x, y)
    np.testing.assert_allclose(cosine.item(), 0.06)
    slopes = grad(cosine, [x, y], np.ones(1))
    np.testing.assert_allclose(slopes, [[[5.4e7, 8e7]], [[0.0128, -0.0096]]])


# --- what is refused, in one sentence -----------------------------------------------------------------------------------

A, K = zeros(2, 3), zeros(1, 1, 4, 4)
ONES = np.ones((2, 2))
attend = ops.scaled_dot_product_attention
REFUSED = {
    "a number is cut": (lambda: ops.split(zeros(), 1), ValueError, "split: a number has no dimensions"),
    "a number in chunks": (lambda: ops.chunk(zeros(), 1), ValueError, "chunk: a number"),
    "a number's slice": (lambda: ops.select(zeros(), 0, 0), ValueError, "select: a number"),
    "numbers in a row": (lambda: ops.cat([zeros(), zeros()]), ValueError, "use stack"),
    "pieces of 0": (lambda: ops.split(A, 0), ValueError, "split: pieces have one element or more, not 0"),
    "pieces of -1": (lambda: ops.split(A, [3, -1]), ValueError, "none is negative"),
    "0 chunks": (lambda: ops.chunk(A, 0), ValueError, "chunk: 0 pieces"),
    "a triangle of a vector": (lambda: ops.tril(zeros(3)), ValueError, r"tril: input \(3,\) must be a matrix"),
    "the other triangle": (lambda: ops.triu(zeros(3)), ValueError, "triu: input"),
    "a vector transposed": (lambda: ops.mT(zeros(3)), ValueError, "mT: input"),
    "dims of other number": (lambda: ops.permute(A, (0,)), ValueError, "permute: dims .* each of the 2"),
    "no such dim": (lambda: ops.cat([A, A], 2), IndexError, "cat: dim 2 is out of range for 2"),
    "no such new dim": (lambda: ops.stack([A, A], 3), IndexError, "stack: dim 3"),
    "flipped where there is nothing": (lambda: ops.flip(A, (2,)), IndexError, "flip: dim 2"),
    "flipped twice": (lambda: ops.flip(A, (0, -2)), ValueError, "flip: a dimension comes twice"),
    "moved twice": (lambda: ops.movedim(A, (0, 0), (0, 1)), ValueError, "movedim: a dimension comes twice"),
    "moved nowhere": (lambda: ops.movedim(A, (0, 1), (0,)), ValueError, "as many dimensions"),
    "rolled without dims": (lambda: ops.roll(A, (1, 2)), ValueError, "roll: one shift for each"),
    "sizes that do not multiply up": (lambda: ops.unflatten(A, 1, (2, 2)), ValueError, "unflatten: .* size 3 of dim 1"),
    "a new size of -1": (lambda: ops.expand(A, (-1, 2, 3)), ValueError, "expand: .* new dimensions come in front"),
    "fewer sizes": (lambda: ops.expand(A, (3,)), ValueError, "expand"),
    "repeated -1 times": (lambda: ops.tile(A, (-1, 1)), ValueError, "tile"),
    "cut off more than there is": (lambda: ops.pad(A, (-2, -2)), ValueError, "pad: widths .* cut more off"),
    "the border of nothing": (lambda: ops.pad(zeros(1, 0), (1, 1), "circular"), ValueError, "use mode constant"),
    "an index of truth values": (lambda: ops.gather(A, 0, ONES > 0), TypeError, "gather: .* not bool; a mask picks"),
    "an index with a fraction": (lambda: ops.index_select(A, 0, ONES[0]), TypeError, "index_select: .* float64"),
    "an index of two dimensions": (lambda: ops.index_select(A, 0, I), ValueError, r"index_select: .* must be \(K,\)"),
    "a larger index": (lambda: ops.gather(A, 0, np.zeros((2, 4), int)), ValueError, "gather: index .* no larger sizes"),
    "fewer additions": (lambda: ops.scatter_add(A, 0, I[:, :1], A[:1]), ValueError, "scatter_add: index"),
    "a weight of no channels": (
        lambda: ops.conv2d(zeros(1, 0, 4, 4), zeros(2, 0, 2, 2)),
        ValueError,
        "conv2d: .* empty",
    ),
    "an empty kernel": (lambda: ops.conv2d(K, zeros(2, 1, 0, 2)), ValueError, "conv2d: .* only the batch may be empty"),
    "no outputs": (lambda: ops.conv_transpose2d(K, zeros(1, 0, 2, 2)), ValueError, "conv_transpose2d: .* empty"),
    "no pixels": (lambda: ops.conv_transpose2d(zeros(1, 1, 0, 4), W[:1, :1]), ValueError, "conv_transpose2d: .* empty"),
    "no channels to pool": (lambda: ops.max_pool2d(zeros(1, 0, 4, 4), 2), ValueError, "max_pool2d: .* no channels"),
    "a divisor of 0": (lambda: ops.avg_pool2d(K, 2, divisor_override=0), ValueError, "must not be 0"),
    "means of truth values": (lambda: ops.avg_pool2d(K.data > 0, 2), TypeError, "avg_pool2d: bool has no means"),
    "one size for two": (lambda: ops.adaptive_avg_pool2d(K, (2,)), ValueError, "output_size is a number or"),
    "means of nothing": (lambda: ops.adaptive_avg_pool2d(zeros(1, 1, 0, 4), 2), ValueError, "and pixels"),
    "shuffled by 0": (lambda: ops.pixel_shuffle(K, 0), ValueError, "pixel_shuffle: .* the factor 0 positive"),
    "a shuffled matrix": (lambda: ops.pixel_unshuffle(A, 2), ValueError, r"pixel_unshuffle: .*\(..., C, H, W\)"),
    "batch norm of integers": (lambda: ops.batch_norm(I, None, None, training=True), TypeError, "batch_norm: int64"),
    "layer norm of integers": (lambda: ops.layer_norm(I, 2), TypeError, "layer_norm: int64"),
    "lengths of integers": (lambda: ops.normalize(I), TypeError, "normalize: int64"),
    "the cosine of integers": (lambda: ops.cosine_similarity(I, I), TypeError, "cosine_similarity: int64"),
    "no such dim of a cosine": (lambda: ops.cosine_similarity(A, A, 4), IndexError, "cosine_similarity: dim 4"),
    "one statistic": (lambda: ops.batch_norm(A, ONES[0, :0], None, training=True), ValueError, "batch_norm"),
    "a mean without a variance": (
        lambda: ops.batch_norm(A, np.zeros(3), None, training=True),
        ValueError,
        "or neither",
    ),
    "attention to vectors": (lambda: attend(zeros(3), zeros(3), zeros(3)), ValueError, "attention: query"),
    "attention without features": (lambda: attend(zeros(2, 0), zeros(3, 0), zeros(3, 4)), ValueError, "one E, above 0"),
    "attention to integers": (lambda: attend(I, I, I), TypeError, "int64 has no weighted means"),
    "a mask of integers": (lambda: attend(A, A, A, I), TypeError, "attn_mask is boolean"),
    "a mask that does not fit": (lambda: attend(A, A, A, np.zeros((2, 3))), ValueError, r"attn_mask \(2, 3\) must"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_done_is_refused_in_a_sentence(name):
    call, error, message = REFUSED[name]
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("setting", ["kernel_size", "stride", "padding"])
def test_a_tuple_of_one_stands_for_all_axes(setting):
    x = np.random.default_rng(0).standard_normal((1, 1, 6, 6))
    settings = {"kernel_size": 2, "stride": 1, "padding": 1}
    for pool in (ops.max_pool2d, ops.avg_pool2d):
        np.testing.assert_array_equal(pool(x, **settings), pool(x, **settings | {setting: (settings[setting],)}))


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 2},
        {"kernel_size": 3, "stride": (2, 1), "padding": (1, 0), "dilation": (1, 2), "ceil_mode": True},
    ],
)
def test_indices_count_the_pixels_of_a_picture(settings):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    values, indices = ops.max_pool2d(x, **settings, return_indices=True)
    np.testing.assert_array_equal(values, ops.max_pool2d(x, **settings))
    np.testing.assert_array_equal(
        values, np.take_along_axis(x.reshape(2, 3, 42), indices.reshape(2, 3, -1), 2).reshape(values.shape)
    )
    assert indices.dtype == np.int64
    single, where = ops.max_pool2d(x[0], **settings, return_indices=True)
    np.testing.assert_array_equal(where, indices[0])
    np.testing.assert_array_equal(single, values[0])


@pytest.mark.parametrize(
    "widths, expected",
    [((-1, 1), [1, 2, 3, 1]), ((1, -1), [2, 0, 1, 2]), ((-1, -1), [1, 2]), ((2, 1), [2, 3, 0, 1, 2, 3, 0])],
)
def test_what_is_cut_off_does_not_come_round(widths, expected):
    np.testing.assert_array_equal(ops.pad(np.arange(4.0), widths, "circular"), expected)

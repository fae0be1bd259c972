"""Neighbours that run as one, held to the two layers in turn, and to how much they compute."""

import numpy as np
import pytest
from agreement import assert_equal_at_orders_0_1_2

from tinygan import Tensor, grad, ops
from tinygan.nn import (
    BatchNorm2d,
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    Flatten,
    LeakyReLU,
    Linear,
    ReLU,
    Sequential,
    fuse,
    spectral_norm,
)


def rows(rng):
    return rng.standard_normal((5, 3))


def blocks(rng):
    return rng.standard_normal((30_000, 3))  # more than are worked on at a time


def steps(rng):
    return rng.standard_normal((2, 4, 3))


def by_features(rng):
    return rng.standard_normal((2, 3, 4)).swapaxes(1, 2)  # as an LSTM leaves its steps


def no_batch(rng):
    return rng.standard_normal(3)


def with_weights(layer, *weights):
    """`layer` with these Tensors in place of its weight and bias."""
    vars(layer).update(zip(("weight", "bias"), weights))
    return layer


def in_turn_and_as_one(make, activation):
    """Two functions (input, weight, bias) -> output: a layer and an activation called by hand, and by Sequential."""
    as_one = lambda x, *w: Sequential(with_weights(make(), *w), activation)(x)
    in_turn = lambda x, *w: activation(with_weights(make(), *w)(x))
    return as_one, in_turn


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("make", [rows, blocks, steps, by_features, no_batch])
def test_linear_and_leaky_relu(make, with_bias, slope):
    rng = np.random.default_rng(0)
    arrays = [make(rng), rng.standard_normal((4, 3)), *[rng.standard_normal(4)] * with_bias]
    as_one, in_turn = in_turn_and_as_one(lambda: Linear(3, 4, bias=with_bias), LeakyReLU(slope))
    assert_equal_at_orders_0_1_2(as_one, in_turn, arrays)


@pytest.mark.parametrize("activation", [ReLU(), LeakyReLU(0.2), LeakyReLU(1.0), LeakyReLU(-0.5), LeakyReLU(1.5)], ids=repr)
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_convolution_and_leaky_relu(kind, stride, activation):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((3, 2, 5, 4), (2, 2, 3, 3), (2,))]
    as_one, in_turn = in_turn_and_as_one(lambda: kind(2, 2, 3, stride), activation)
    assert_equal_at_orders_0_1_2(as_one, in_turn, arrays)


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_batch_norm_and_leaky_relu(slope):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((3, 2, 5, 4)), rng.standard_normal(2), rng.standard_normal(2)]
    as_one, in_turn = in_turn_and_as_one(lambda: BatchNorm2d(2), LeakyReLU(slope))
    assert_equal_at_orders_0_1_2(as_one, in_turn, arrays)


@pytest.mark.parametrize("outputs", [1, 2, 9])  # the weight is smaller than the pictures, or larger
@pytest.mark.parametrize("with_bias", [True, False])
@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 1, 2, 0)])
def test_flatten_and_linear(axes, with_bias, outputs):
    """However the pictures lie: as their shape says, channels-last, or with the batch last."""
    rng = np.random.default_rng(0)
    shape = (5, 3, 4, 2)
    pictures = rng.standard_normal([shape[d] for d in axes]).transpose(np.argsort(axes))
    arrays = [pictures, rng.standard_normal((outputs, 24)), *[rng.standard_normal(outputs)] * with_bias]
    layer = lambda *w: with_weights(Linear(24, outputs, bias=with_bias), *w)
    as_one = lambda x, *w: Sequential(Flatten(), layer(*w))(x)
    assert_equal_at_orders_0_1_2(as_one, lambda x, *w: layer(*w)(ops.flatten(x, 1)), arrays)


class Doubled(Conv2d):
    def forward(self, input):
        return 2 * super().forward(input)


def with_forward_of_its_own(layer):
    """A layer whose forward is an attribute of the object."""
    forward = layer.forward
    layer.forward = lambda input: 2 * forward(input)
    return layer


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda rng: (Linear(5, 3, rng=rng), LeakyReLU(0.2)),
        lambda rng: (Conv2d(2, 3, 3, rng=rng), LeakyReLU(0.2)),
        lambda rng: (ConvTranspose2d(2, 3, 3, 2, rng=rng), ReLU()),
        lambda rng: (BatchNorm2d(2), LeakyReLU(0.2), Conv2d(2, 2, 1, rng=rng)),
        lambda rng: (spectral_norm(Conv2d(2, 3, 3, rng=rng), rng=rng), ReLU()),
        lambda rng: (Doubled(2, 3, 3, rng=rng), ReLU()),
        lambda rng: (with_forward_of_its_own(Conv2d(2, 3, 3, rng=rng)), ReLU()),
        lambda rng: (Conv2d(2, 3, 3, rng=rng), LeakyReLU(-0.5), LeakyReLU(2.0)),
        lambda rng: (Conv2d(2, 3, 3, padding=1, padding_mode="reflect", rng=rng), ReLU()),
        lambda rng: (Conv2d(2, 3, 3, rng=rng), Flatten(), Linear(27, 1, rng=rng)),
        lambda rng: (Conv2d(2, 3, 3, rng=rng), Flatten(2), Linear(9, 1, rng=rng)),
    ],
    ids=[
        "linear", "conv", "transposed", "batch norm", "spectral norm", "own forward", "object's forward", "slopes", "border",
        "flatten", "flatten 2",
    ],
)
def test_sequential_is_its_modules_in_turn(make, training):
    rng = np.random.default_rng(0)
    net = Sequential(*make(rng)).train(training)
    other = Sequential(*make(np.random.default_rng(0))).train(training)
    x = rng.standard_normal((4, 2, 5, 5)).astype("float32")
    y, z = net(Tensor(x)), Tensor(x)
    for module in other:
        z = module(z)
    np.testing.assert_allclose(y.data, z.data, rtol=1e-5, atol=1e-6)
    for a, b in zip(*(grad((out * out).sum(), m.parameters()) for out, m in ((y, net), (z, other))), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    for (name, a), (_, b) in zip(net.state_dict().items(), other.state_dict().items(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("hooked", [0, 1])
def test_a_layer_with_a_hook_is_called_by_itself(hooked):
    net, seen = Sequential(Linear(2, 3), ReLU()), []
    handle = net[hooked].register_forward_hook(lambda module, args, output: seen.append(output))
    x = Tensor(np.ones((4, 2), "float32"), requires_grad=True)
    assert ops_of(net(x)) == ["relu", "_add_product"] and len(seen) == 1
    handle.remove()
    assert ops_of(net(x)) == ["_add_product"] and len(seen) == 1


def ops_of(y):
    """The names of the ops that y was made by, the last one first, along its first arguments."""
    names = []
    while y.op is not None:
        names.append(y.op.__name__)
        y = y.args[0]
    return names


@pytest.mark.parametrize(
    "net, shape, names",
    [
        (Sequential(Linear(2, 3), ReLU(), Linear(3, 1), LeakyReLU(0.2)), (4, 2), ["_add_product"] * 2),
        (Sequential(Conv1d(2, 3, 3), LeakyReLU()), (4, 2, 5), ["conv"]),
        (Sequential(BatchNorm2d(2), ReLU()), (4, 2, 3, 3), ["rectified_channels"]),
        (Sequential(BatchNorm2d(2), ReLU()).eval(), (4, 2, 3, 3), ["relu", "add", "mul"]),
        (Sequential(Conv2d(2, 3, 1), LeakyReLU(2.0)), (4, 2, 3, 3), ["leaky_relu", "conv"]),
        (Sequential(ReLU(), Linear(2, 3)), (4, 2), ["_add_product", "relu"]),
        (Sequential(Conv2d(2, 5, 1), Flatten(), Linear(45, 1)), (9, 2, 3, 3), ["_add_product", "reshape", "permute", "conv"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_one_op_is_recorded_for_two_layers_in_the_table(net, shape, names):
    assert ops_of(net(Tensor(np.ones(shape, "float32"), requires_grad=True))) == names


def test_the_incoming_gradient_is_left_as_it_was():
    x = Tensor(np.random.default_rng(0).standard_normal((3, 3)).astype("float32"), requires_grad=True)
    g = np.ones((3, 3), "float32")
    grad(Sequential(Linear(3, 3), ReLU())(x), x, g)
    assert (g == 1).all()


def test_both_layers_go_by_the_name_of_the_first():
    """run_both(first, ...) is what the profiler watches."""
    first, second = Linear(2, 2), ReLU()
    (step,) = fuse.steps([first, second])
    assert step.func is fuse.run_both and step.args[0] is first

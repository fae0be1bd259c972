"""Layers: outputs, gradients and buffers against PyTorch's (layer_cases.py), how they begin, and their chance."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
from gpu import on_gpu
from layer_cases import CASES, outputs_of, upstream
from safetensors.numpy import load_file

from tinygan import Tensor, grad, nn, no_grad
from tinygan.backend import stream, to_numpy
from tinygan.gradcheck import assert_gradients
from tinygan.nn import (
    BatchNorm1d,
    Conv2d,
    ConvTranspose2d,
    Dropout,
    Embedding,
    Linear,
    Module,
    Parameter,
    ReLU,
    Sequential,
    init,
    spectral_norm,
)

GOLDEN = load_file(Path(__file__).parents[1] / "golden" / "layers.safetensors")  # written by golden/make_state_dicts.py


def golden(name, part):
    """The stored arrays of one part of a row, by the rest of their names."""
    prefix = f"{name}/{part}/"
    return {key.removeprefix(prefix): array for key, array in GOLDEN.items() if key.startswith(prefix)}


def loaded(name, dtype="float64"):
    """The layer of a row with PyTorch's state, and its inputs."""
    layer = eval(CASES[name].make, vars(nn))
    layer.load_state_dict(golden(name, "state"))
    inputs = [x.astype(dtype) if x.dtype.kind == "f" else x for x in golden(name, "input").values()]
    return layer.to(dtype=dtype), inputs


def values(outputs):
    return [to_numpy(y.data) for y in outputs]


# --- every layer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_layer_is_torchs(name):
    layer, arrays = loaded(name)
    inputs = [Tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
    close = {"rtol": 1e-5, "atol": 2e-6}  # the stored numbers are float32
    outputs = outputs_of(CASES[name], layer, inputs)
    expected = golden(name, "output").values()
    assert len(outputs) == len(expected)
    for y, theirs in zip(outputs, expected):
        np.testing.assert_allclose(y.data, theirs, **close)
    for key, theirs in golden(name, "after").items():
        np.testing.assert_allclose(dict(layer.named_buffers())[key], theirs, **close)
    wanted = dict(layer.named_parameters()) | {f"input.{i}": x for i, x in enumerate(inputs) if x.requires_grad}
    found = grad(outputs, list(wanted.values()), [upstream(y.shape) for y in outputs])
    theirs = golden(name, "grad")
    for key, g in zip(wanted, found):
        np.testing.assert_allclose(g, theirs.get(key, np.zeros(g.shape)), **close, err_msg=key)
    layer.eval()
    for y, theirs in zip(
        outputs_of(CASES[name], layer, inputs), (golden(name, "eval") or golden(name, "output")).values()
    ):
        np.testing.assert_allclose(y.data, theirs, **close)


@pytest.mark.parametrize("name", CASES)
def test_layer_in_float32_and_on_arrays(name):
    layer, arrays = loaded(name, "float32")
    layer.eval()
    recorded = outputs_of(CASES[name], layer, [Tensor(x) for x in arrays])
    assert {y.dtype for y in recorded} == {np.dtype("float32")}
    with no_grad():
        for y, z in zip(recorded, outputs_of(CASES[name], layer, arrays)):
            assert not raw_requires_grad(z)
            np.testing.assert_array_equal(y.data, z.data if isinstance(z, Tensor) else z)


def raw_requires_grad(y):
    return isinstance(y, Tensor) and y.requires_grad


@pytest.mark.parametrize("name", CASES)
def test_layer_on_device_arrays(name):
    """What a GPU would refuse is refused here; see gpu.py."""
    layer, arrays = loaded(name)
    expected = values(outputs_of(CASES[name], copy.deepcopy(layer), [Tensor(x) for x in arrays]))
    for p in layer.parameters():
        p.data = on_gpu(p.data)
    for module in layer.modules():
        for buffer in module._buffers:
            if getattr(module, buffer) is not None:
                setattr(module, buffer, on_gpu(getattr(module, buffer)))
    inputs = [Tensor(on_gpu(x), requires_grad=x.dtype.kind == "f") for x in arrays]
    outputs = outputs_of(CASES[name], layer, inputs)
    for y, theirs in zip(outputs, expected):
        np.testing.assert_allclose(y.data.get(), theirs, rtol=1e-9, atol=1e-12)
    wanted = layer.parameters() + [x for x in inputs if x.requires_grad]
    grad(outputs, wanted, [on_gpu(upstream(y.shape)) for y in outputs])


@pytest.mark.parametrize("name", CASES)
def test_a_seed_decides_the_beginning(name):
    first, second, other = (eval(CASES[name].make, vars(nn)) for _ in range(3))
    first.reset_parameters(3)
    second.reset_parameters(np.random.default_rng(3))
    other.reset_parameters(4)
    for (key, p), q, r in zip(first.named_parameters(), second.parameters(), other.parameters()):
        np.testing.assert_array_equal(p.data, q.data)
        constant = np.unique(p.data).size == 1
        assert constant or (p.data != r.data).any(), key
    for b, c in zip(first.buffers(), second.buffers()):
        np.testing.assert_array_equal(b, c)


def test_settings_are_checked_at_the_door():
    for call, message in {
        lambda: Conv2d(3, 4, 3, groups=2): "3 channels do not fall into 2 groups",
        lambda: ConvTranspose2d(4, 3, 3, groups=2): "3 channels do not fall into 2 groups",
        lambda: Conv2d(3, 4, 3, padding_mode="mirror"): "padding_mode is",
        lambda: Embedding(5, 2, padding_idx=5): "padding_idx 5",
        lambda: Dropout(1.5): "p must be a finite number of at least 0 and at most 1, got 1.5",
        lambda: nn.LSTM(2, 3, dropout=-1): "dropout must be",
        lambda: nn.GroupNorm(2, 3): "3 channels do not fall into 2 groups",
        lambda: nn.MultiheadAttention(5, 2): "multiple of num_heads",
        lambda: nn.LSTM(2, 3)(np.zeros((4, 1, 5), "f")): "LSTM: input .*input_size=2",
        lambda: nn.LSTM(2, 3)(np.zeros((4, 1, 2), "f"), (np.zeros((1, 2, 3), "f"),) * 2): r"expected \(1, 1, 3\)",
        lambda: BatchNorm1d(3)(np.zeros((4, 2), "f")): "BatchNorm1d: input .*num_features=3",
        lambda: nn.MultiheadAttention(4, 2)(*(np.zeros((2, 1, 4), "f"),) * 3, attn_mask=np.zeros((3, 3))): "attn_mask",
        lambda: spectral_norm(ReLU()): "spectral_norm: ReLU.weight",
        lambda: spectral_norm(Linear(2, 3), n_power_iterations=0): "at least 1",
    }.items():
        with pytest.raises(ValueError, match=message):
            call()


# --- how layers begin ------------------------------------------------------------------------------------------


def test_layers_begin_as_torchs():
    bound = 1 / math.sqrt(50)
    for layer in (Linear(50, 400, rng=0), Conv2d(25, 40, (1, 2), rng=0), ConvTranspose2d(40, 25, (2, 1), rng=0)):
        for p in layer.parameters():
            assert p.dtype == "float32" and np.abs(p.data).max() <= np.float32(bound)
        assert np.abs(layer.weight.data).max() > 0.99 * bound
        assert layer.weight.data.std() == pytest.approx(bound / math.sqrt(3), rel=0.03)
    lstm = nn.LSTM(5, 16, rng=0)
    assert all(0.2 < np.abs(p.data).max() <= 0.25 for p in lstm.parameters())
    table = Embedding(1000, 8, padding_idx=-1, rng=0).weight.data
    assert table.std() == pytest.approx(1, rel=0.05) and not table[-1].any() and table[:-1].all()
    attention = nn.MultiheadAttention(32, 4, rng=0)
    assert np.abs(attention.in_proj_weight.data).max() == pytest.approx(math.sqrt(6 / 128), rel=0.01)
    assert not attention.in_proj_bias.data.any() and not attention.out_proj.bias.data.any()


def test_without_a_seed_every_layer_is_another():
    assert (Linear(2, 3).weight.data != Linear(2, 3).weight.data).all()


def test_one_generator_goes_through_all_layers():
    def build(rng):
        return Sequential(
            Linear(2, 3, rng=rng), spectral_norm(Conv2d(1, 2, 2, rng=rng), rng=rng), nn.GRU(2, 3, rng=rng)
        )

    first, second = (build(stream(0, "init")).state_dict() for _ in range(2))
    assert all(np.array_equal(first[k], second[k]) for k in first)


INITIALISERS = {
    "uniform_": (lambda w: init.uniform_(w, -2, 4, rng=0), 1, 6 / math.sqrt(12)),
    "normal_": (lambda w: init.normal_(w, 3, 2, rng=0), 3, 2),
    "constant_": (lambda w: init.constant_(w, 0.3), 0.3, 0),
    "zeros_": (init.zeros_, 0, 0),
    "ones_": (init.ones_, 1, 0),
    "xavier_uniform_": (lambda w: init.xavier_uniform_(w, 2, rng=0), 0, 2 * math.sqrt(2 / 1300)),
    "xavier_normal_": (lambda w: init.xavier_normal_(w, rng=0), 0, math.sqrt(2 / 1300)),
    "kaiming_uniform_": (lambda w: init.kaiming_uniform_(w, 0.2, rng=0), 0, math.sqrt(2 / 1.04 / 500)),
    "kaiming_normal_": (
        lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh", rng=0),
        0,
        5 / 3 / math.sqrt(800),
    ),
    "orthogonal_": (lambda w: init.orthogonal_(w, 2, rng=0), 0, 2 / math.sqrt(500)),
}


@pytest.mark.parametrize("name", INITIALISERS)
def test_initialiser(name):
    initialise, mean, std = INITIALISERS[name]
    weight = Parameter(np.zeros((160, 100, 5), "float32"))
    before = weight.data
    assert initialise(weight) is weight and weight.dtype == "float32" and not before.any()
    assert weight.data.mean() == pytest.approx(mean, abs=0.02) and weight.data.std() == pytest.approx(
        std, rel=0.01, abs=1e-6
    )


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 2, 2)])
def test_orthogonal(shape):
    w = init.orthogonal_(Parameter(np.zeros(shape)), gain=3, rng=0).data.reshape(shape[0], -1)
    product = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(product, 9 * np.eye(len(product)), atol=1e-12)


def test_gains():
    for name, gain in {"linear": 1, "conv_transpose2d": 1, "relu": math.sqrt(2), "tanh": 5 / 3, "selu": 0.75}.items():
        assert init.calculate_gain(name) == gain
    assert init.calculate_gain("leaky_relu", 0.2) == pytest.approx(math.sqrt(2 / 1.04))
    with pytest.raises(ValueError, match="swish"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match=r"\(3,\)"):
        init.xavier_uniform_(Parameter(np.zeros(3)))


# --- chance ----------------------------------------------------------------------------------------------------


def test_noise_is_a_function_of_the_seed_and_the_step():
    net = Sequential(Dropout(0.5), Linear(4, 4, rng=0), Dropout(0.2))
    x = np.ones((8, 4), "float32")

    def step(k):
        net.reseed(stream(0, "dropout", k))
        return net(x).data

    first, second = step(0), step(1)
    assert (first != second).any()
    np.testing.assert_array_equal(step(1), second)
    np.testing.assert_array_equal(step(0), first)
    np.testing.assert_array_equal(net.reseed(7)(x).data, net.reseed(np.random.default_rng(7))(x).data)


def test_dropout_between_recurrent_layers():
    gru = nn.GRU(4, 4, num_layers=2, dropout=0.5, rng=0)
    x = np.ones((3, 2, 4), "float32")
    assert (gru(x)[0].data != gru(x)[0].data).any()
    np.testing.assert_array_equal(gru.reseed(1)(x)[0].data, gru.reseed(1)(x)[0].data)
    np.testing.assert_array_equal(gru.eval()(x)[0].data, gru(x)[0].data)


# --- layers with more to them ----------------------------------------------------------------------------------


def test_batch_norm_leaves_old_statistics_alone():
    norm = BatchNorm1d(3)
    x = Parameter(np.random.default_rng(0).normal(size=(4, 3)).astype("float32"))
    recorded = (norm.eval()(x) ** 2).sum()
    expected = grad((norm(x) ** 2).sum(), x)[0]
    before, kept = norm.running_mean, norm.running_mean.copy()
    norm.train()(x)
    assert (norm.running_mean != kept).all() and norm.num_batches_tracked == 1
    np.testing.assert_array_equal(before, kept)
    np.testing.assert_array_equal(grad(recorded, x)[0], expected)


def test_spectral_norm_divides_by_the_largest_singular_value():
    layer = spectral_norm(Linear(8, 5, rng=0), rng=0)
    x = np.ones((1, 8), "float32")
    for _ in range(200):
        layer(x)
    values = np.linalg.svd(layer.weight_orig.data, compute_uv=False)
    np.testing.assert_allclose(np.linalg.svd(layer.weight.data, compute_uv=False), values / values[0], rtol=1e-4)
    u = layer.eval().weight_u
    layer(x)
    assert layer.weight_u is u and isinstance(layer, Linear) and "spectral_norm=weight" in repr(layer)
    before = layer.weight_orig
    layer.reset_parameters(1)
    assert layer.weight_orig is before and (layer.weight_orig.data != 0).all() and "weight" not in vars(layer)
    assert [name for name, _ in layer.named_parameters()].count("weight_orig") == 1
    copied = copy.deepcopy(layer)
    np.testing.assert_array_equal(copied(x).data, layer(x).data)
    assert copied.weight_orig is not layer.weight_orig


def test_a_fully_trained_step_of_everything():
    """A network of most layers learns: the loss falls."""
    from tinygan.optim import Adam

    rng = np.random.default_rng(0)
    net = Sequential(
        Conv2d(1, 4, 3, padding=1, rng=rng), nn.BatchNorm2d(4), nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Flatten(),
        spectral_norm(Linear(16, 8, rng=rng), rng=rng), nn.Tanh(), Dropout(0.1, rng=rng), Linear(8, 1, rng=rng),
    )  # fmt: skip
    x = rng.normal(size=(32, 1, 4, 4)).astype("float32")
    target = (x.mean((1, 2, 3)) > 0).astype("float32")[:, None]
    optimizer, losses = Adam(net.parameters(), lr=0.01), []
    for _ in range(60):
        loss = ((net(x) - target) ** 2).mean()
        optimizer.step(grad(loss, net.parameters()))
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize(
    "name",
    [
        "spectral_norm of Linear", "spectral_norm of ConvTranspose2d", "BatchNorm1d, sequences", "LSTM of one sequence",
        "GRU", "MultiheadAttention", "InstanceNorm2d, affine, tracked", "PReLU of channels", "LogSoftmax",
        "MaxPool1d, dilated", "RNN of one sequence, no bias", "RNN, two layers both ways, relu",
        "InstanceNorm1d, affine, tracked", "AvgPool1d", "ReflectionPad2d", "GroupNorm, no bias",
    ],
)  # fmt: skip
def test_gradients_of_gradients(name):
    """As a gradient penalty takes them, through the parameters too."""
    layer, inputs = loaded(name)
    layer.train("spectral" not in name)  # power iteration would make every call another function

    class Whole(Module):
        def __init__(self):
            self.layer = layer

        def forward(self, *inputs):
            return sum((y * upstream(y.shape)).sum() for y in outputs_of(CASES[name], self.layer, inputs))

    assert_gradients(Whole(), *inputs, order=2, samples=12, tolerance=1e-4)

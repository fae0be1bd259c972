"""What constructors of layers refuse: sizes of 0, negative, true, broken; numbers out of range. And names that torch has."""

import inspect
import math
import re

import numpy as np
import pytest

from tinygan import Tensor, grad, nn, ops

SIZES = [  # a layer, and its arguments that are sizes, by name: a value that is right
    (nn.Linear, {"in_features": 2, "out_features": 3}),
    (nn.Embedding, {"num_embeddings": 2, "embedding_dim": 3}),
    *(
        (kind, {"in_channels": 2, "out_channels": 2, "kernel_size": 3, "stride": 1, "dilation": 1, "groups": 1})
        for kind in (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    ),
    *(
        (kind, {"num_features": 2})
        for kind in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d)
    ),
    (nn.LayerNorm, {"normalized_shape": 2}),
    (nn.GroupNorm, {"num_groups": 2, "num_channels": 4}),
    *((kind, {"input_size": 2, "hidden_size": 3, "num_layers": 1}) for kind in (nn.LSTM, nn.GRU, nn.RNN)),
    *((kind, {"input_size": 2, "hidden_size": 3}) for kind in (nn.LSTMCell, nn.GRUCell)),
    (nn.MultiheadAttention, {"embed_dim": 4, "num_heads": 2}),
    (nn.PReLU, {"num_parameters": 2}),
    *((kind, {"kernel_size": 2, "stride": 1, "dilation": 1}) for kind in (nn.MaxPool1d, nn.MaxPool2d)),
    *((kind, {"kernel_size": 2, "stride": 1}) for kind in (nn.AvgPool1d, nn.AvgPool2d)),
    (nn.AdaptiveAvgPool2d, {"output_size": 2}),
    (nn.Upsample, {"size": 2}),
    (nn.PixelShuffle, {"upscale_factor": 2}),
    (nn.PixelUnshuffle, {"downscale_factor": 2}),
]
ROWS = [(kind, right, name) for kind, right in SIZES for name in right]
WITHOUT_SIZES = {  # layers that have none, or that are tested below
    "Dropout", "Dropout2d", "ELU", "Flatten", "GELU", "Identity", "LeakyReLU", "LogSoftmax", "Module", "ModuleDict",
    "ModuleList", "Parameter", "ReLU", "ReflectionPad2d", "Sequential", "SiLU", "Sigmoid", "Softmax", "Softplus", "Tanh",
    "Unflatten",
}  # fmt: skip


def test_the_table_has_every_layer():
    layers = {name for name, kind in vars(nn).items() if isinstance(kind, type) and name[0].isupper()}
    layers = {name for name in layers if not name.endswith("Loss") and nn.__dict__[name].__module__.startswith("tinygan")}
    assert layers == WITHOUT_SIZES | {kind.__name__ for kind, _ in SIZES}


@pytest.mark.parametrize(
    "kind, right, name", ROWS, ids=lambda v: getattr(v, "__name__", v if isinstance(v, str) else "")
)
def test_a_size_is_a_whole_number_above_0(kind, right, name):
    kind(**right)
    kind(**right | {name: np.int64(right[name])})
    for bad, error, message in (
        (0, ValueError, f"{kind.__name__}: {name} must be at least 1, got 0"),
        (-1, ValueError, f"{kind.__name__}: {name} must be at least 1, got -1"),
        (2.0, TypeError, f"{kind.__name__}: {name} must be a whole number, got 2.0; {name}=2"),
        (2.5, TypeError, "must be a whole number, got 2.5"),
        (math.nan, TypeError, "must be a whole number, got nan"),
        (True, TypeError, f"{name} must be a whole number, got True"),
        ("2", TypeError, f"{name} must be a whole number, got '2'"),
    ):
        with pytest.raises(error, match=re.escape(message)):
            kind(**right | {name: bad})
    if name in ("kernel_size", "stride", "dilation"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            kind(**right | {name: (0,) * kind.dims})
        with pytest.raises(ValueError, match=re.escape(f"{name}=(1, 1, 1, 1) must be a number or {kind.dims} of them")):
            kind(**right | {name: (1, 1, 1, 1)})


HALF_OPEN = {
    "negative padding": (lambda: nn.Conv2d(1, 1, 3, padding=-1), "Conv2d: padding must be at least 0"),
    "negative output padding": (
        lambda: nn.ConvTranspose2d(1, 1, 3, output_padding=(0, -1)),
        "output_padding must be at",
    ),
    "padding of a pool": (lambda: nn.AvgPool2d(2, padding=-1), "AvgPool2d: padding must be at least 0"),
    "three paddings": (lambda: nn.MaxPool2d(2, padding=(1, 1, 1)), r"padding=\(1, 1, 1\) must be a number or 2"),
    "reflection of two": (lambda: nn.ReflectionPad2d((1, 1)), r"padding=\(1, 1\) must be a number or 4"),
    "negative reflection": (lambda: nn.ReflectionPad2d(-1), "padding must be at least 0"),
    "layer norm of no axes": (lambda: nn.LayerNorm(()), "normalized_shape is empty"),
    "layer norm of 0": (lambda: nn.LayerNorm((2, 0)), "normalized_shape must be at least 1"),
    "unflattened to 0": (lambda: nn.Unflatten(1, (2, 0)), "unflattened_size must be at least 1"),
    "pooled to 0": (lambda: nn.AdaptiveAvgPool2d((None, 0)), "output_size must be at least 1"),
    "size and factor": (lambda: nn.Upsample(2, 2.0), "give size or scale_factor"),
    "neither": (lambda: nn.Upsample(), "give size or scale_factor"),
    "factor 0": (lambda: nn.Upsample(scale_factor=0), "scale_factor must be"),
    "mode": (lambda: nn.Upsample(2, mode="cubic"), "mode is nearest, linear, bilinear"),
    "eps below 0": (lambda: nn.BatchNorm2d(2, eps=-1e-5), "BatchNorm2d: eps must be a finite number of at least 0"),
    "eps of layer norm": (lambda: nn.LayerNorm(2, eps=math.nan), "LayerNorm: eps must be"),
    "eps of group norm": (lambda: nn.GroupNorm(1, 2, eps=math.inf), "GroupNorm: eps must be"),
    "momentum above 1": (
        lambda: nn.BatchNorm1d(2, momentum=1.5),
        "momentum must be a finite number of at least 0 and at most",
    ),
    "momentum below 0": (lambda: nn.InstanceNorm1d(2, momentum=-0.1), "momentum must be"),
    "a true momentum": (lambda: nn.InstanceNorm1d(2, momentum=True), "momentum must be"),
    "dropout nan": (lambda: nn.Dropout(math.nan), "Dropout: p must be"),
    "dropout of channels": (lambda: nn.Dropout2d(-0.1), "Dropout2d: p must be"),
    "dropout in words": (lambda: nn.Dropout("0.5"), "p must be a finite number of at least 0 and at most 1, got '0.5'"),
    "dropout of layers": (lambda: nn.GRU(1, 1, dropout=1.1), "GRU: dropout must be"),
    "dropout of attention": (lambda: nn.MultiheadAttention(2, 1, dropout=2), "MultiheadAttention: dropout must be"),
    "slope": (lambda: nn.LeakyReLU(math.nan), "LeakyReLU: negative_slope must be a finite number, got nan"),
    "alpha": (lambda: nn.ELU(math.inf), "ELU: alpha must be"),
    "init": (lambda: nn.PReLU(1, math.nan), "PReLU: init must be"),
    "beta": (lambda: nn.Softplus(0), "Softplus: beta must be"),
    "approximate": (lambda: nn.GELU("erf"), "GELU: approximate is"),
    "nonlinearity": (lambda: nn.RNN(1, 1, nonlinearity="sigmoid"), "nonlinearity is 'tanh' or 'relu'"),
    "positional bias": (lambda: nn.RNN(1, 1, 1, False), "nonlinearity is 'tanh' or 'relu', not False"),
    "reduction": (lambda: nn.MSELoss(reduction="average"), "MSELoss: reduction is one of 'mean', 'sum', 'none'"),
    "batchmean": (lambda: nn.L1Loss(reduction="batchmean"), "L1Loss: reduction is one of"),
    "smoothing": (lambda: nn.CrossEntropyLoss(label_smoothing=1.1), "label_smoothing must be"),
    "beta of a loss": (lambda: nn.SmoothL1Loss(beta=-1), "SmoothL1Loss: beta must be"),
    "channels of PReLU": (lambda: nn.PReLU(3)(np.ones((2, 4))), r"PReLU: input \(2, 4\) must have num_parameters=3"),
    "Dropout2d of rows": (lambda: nn.Dropout2d()(np.ones((2, 4))), r"input \(2, 4\) must be \(N, C, H, W\)"),
    "spectral norm of a third dimension": (lambda: nn.spectral_norm(nn.Linear(2, 2), dim=2), "dim 2 is not one of the 2"),
    "spectral norm twice": (
        lambda: nn.spectral_norm(nn.spectral_norm(nn.Linear(2, 2))),
        "it has spectral norm already",
    ),
}


@pytest.mark.parametrize("name", HALF_OPEN)
def test_a_setting_out_of_its_range(name):
    call, message = HALF_OPEN[name]
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("kind", [nn.Softmax, nn.LogSoftmax])
def test_softmax_needs_an_axis(kind):
    for dim in (None, True, 1.0):
        with pytest.raises(TypeError, match=f"{kind.__name__}: dim must be a whole number, got {dim}"):
            kind(dim)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda n: nn.Embedding(3, 2, padding_idx=n), "Embedding: padding_idx"),
        (nn.Flatten, "Flatten: start_dim"),
        (lambda n: nn.Flatten(1, n), "Flatten: end_dim"),
        (lambda n: nn.Unflatten(n, (2, 2)), "Unflatten: dim"),
        (lambda n: nn.spectral_norm(nn.Linear(2, 2), n_power_iterations=n), "spectral_norm: n_power_iterations"),
        (lambda n: nn.spectral_norm(nn.Linear(2, 2), dim=n), "spectral_norm: dim"),
    ],
)
def test_other_whole_numbers(call, name):
    for bad in (1.0, True, "1"):
        with pytest.raises(TypeError, match=f"{name} must be a whole number, got {bad!r}"):
            call(bad)


def test_dropout_between_one_layer_is_warned_of():
    with pytest.warns(UserWarning, match="GRU: dropout=0.5 acts between layers, num_layers=1 has no two"):
        nn.GRU(2, 3, dropout=0.5)


def test_the_ends_of_ranges_are_in_them():
    assert not nn.Dropout(1)(np.ones(3, "float32")).any()
    nn.Dropout(0), nn.BatchNorm1d(2, eps=0, momentum=1), nn.GRU(1, 1, 2, dropout=1), nn.Conv2d(1, 1, 2, padding="same")


# --- names that torch has --------------------------------------------------------------------------------------


def test_a_name_that_is_not_here_says_what_to_write():
    with pytest.raises(AttributeError, match=r"tinygan.nn has no ReLU6; write instead: ops.clamp\(x, 0, 6\)"):
        nn.ReLU6  # noqa: B018
    with pytest.raises(AttributeError, match=r"tinygan.nn has no 'Conv2D'; did you mean Conv2d\?"):
        nn.Conv2D  # noqa: B018
    with pytest.raises(AttributeError, match="a layer of your own is a Module whose forward uses tinygan.ops"):
        nn.FractionalThing  # noqa: B018
    assert not hasattr(nn, "Mish") and hasattr(nn, "Linear")


def test_what_is_to_be_written_instead_is_there():
    assert not nn.INSTEAD.keys() & vars(nn).keys()
    for remedy in nn.INSTEAD.values():
        for name in re.findall(r"ops\.(\w+)", remedy):
            assert hasattr(ops, name), remedy
        for name in re.findall(r"\b([A-Z]\w+[a-z]\w*)\b", remedy):
            assert name in ("True", "False") or hasattr(nn, name), remedy


# --- chance, and losses ----------------------------------------------------------------------------------------


def test_dropout_of_channels():
    x = np.ones((50, 4, 3, 3), "float32")
    layer = nn.Dropout2d(0.25, rng=0)
    y = layer(x)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)} and (y == y[:, :, :1, :1]).all()
    assert 0.6 < (y[:, :, 0, 0] > 0).mean() < 0.9
    np.testing.assert_array_equal(layer.reseed(0)(x), y)
    assert layer.eval()(x) is x


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda h: nn.LSTM(2, 3)(np.ones((4, 1, 2), "f"), h), r"LSTM: the state is a pair \(h0, c0\), got a ndarray"),
        (lambda h: nn.LSTM(2, 3)(np.ones((4, 1, 2), "f"), (h, h, h)), "LSTM: the state is a pair"),
        (lambda h: nn.GRU(2, 3)(np.ones((4, 1, 2), "f"), (h, h)), "GRU: the state is h0 alone, got a tuple; LSTM's"),
        (lambda h: nn.RNN(2, 3)(np.ones((4, 1, 2), "f"), (h, h)), "RNN: the state is h0 alone"),
        (lambda h: nn.LSTMCell(2, 3)(np.ones((1, 2), "f"), h[0]), r"LSTMCell: the state is a pair \(h, c\)"),
        (lambda h: nn.GRUCell(2, 3)(np.ones((1, 2), "f"), (h[0], h[0])), "GRUCell: the state is h alone"),
        (lambda h: nn.init.normal_(nn.Linear(2, 3).weight.data), "take a Parameter, layer.weight, not its .data"),
    ],
)
def test_a_first_state_of_another_layer(call, message):
    with pytest.raises(TypeError, match=message):
        call(np.zeros((1, 1, 3), "float32"))


def test_a_sequence_of_no_steps():
    for layer in (nn.RNN(2, 3), nn.GRU(2, 3), nn.LSTM(2, 3)):
        with pytest.raises(ValueError, match="with T > 0"):
            layer(np.ones((0, 1, 2), "float32"))


def test_prelu_of_what_is_infinite():
    """Slopes select: 0 times inf would be nan."""
    layer, x = nn.PReLU(), Tensor(np.array([math.inf, -2.0], "float32"), requires_grad=True)
    slope, of_input = grad(layer(x).sum(), [layer.weight, x])
    assert slope.tolist() == [-2.0] and of_input.tolist() == [1.0, 0.25]


def test_max_pools_say_where_the_largest_is():
    rng = np.random.default_rng(0)
    pictures, sequences = rng.random((2, 3, 5, 6)), rng.random((2, 3, 7))
    y, where = nn.MaxPool2d(2, return_indices=True)(pictures)
    largest = np.take_along_axis(pictures.reshape(2, 3, 30), where.reshape(2, 3, -1), 2)
    np.testing.assert_array_equal(largest.ravel(), y.ravel())
    y, where = nn.MaxPool1d(3, stride=2, return_indices=True)(sequences)
    np.testing.assert_array_equal(np.take_along_axis(sequences, where, 2), y)
    assert where.shape == (2, 3, 3)


LOSSES = {
    "BCELoss": ("binary_cross_entropy", {"weight": 1}),
    "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", {"weight": 1, "pos_weight": 1}),
    "CrossEntropyLoss": ("cross_entropy", {"weight": 1, "ignore_index": 2, "label_smoothing": 0.1}),
    "KLDivLoss": ("kl_div", {"log_target": True}),
    "L1Loss": ("l1_loss", {}),
    "MSELoss": ("mse_loss", {}),
    "NLLLoss": ("nll_loss", {"weight": 1, "ignore_index": 1}),
    "SmoothL1Loss": ("smooth_l1_loss", {"beta": 0.5}),
}


@pytest.mark.parametrize("settings", [False, True])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none", "batchmean"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_its_function(name, reduction, settings):
    from tinygan import losses

    function, others = LOSSES[name]
    if reduction == "batchmean" and name != "KLDivLoss":
        return
    rng = np.random.default_rng(0)
    classes = name in ("NLLLoss", "CrossEntropyLoss")
    others = {k: rng.random(3) + 0.5 if "weight" in k else v for k, v in others.items() if settings}
    x = Tensor(rng.random((4, 3)) * 0.8 + 0.1, requires_grad=True)
    target = np.array([0, 1, 2, 1]) if classes else rng.random((4, 3))
    layer = getattr(nn, name)(reduction=reduction, **others)
    ours, theirs = layer(x, target), getattr(losses, function)(x, target, reduction=reduction, **others)
    np.testing.assert_array_equal(ours.data, theirs.data)
    g = np.ones(ours.shape)
    np.testing.assert_array_equal(*(grad(y, x, g)[0] for y in (ours, theirs)))
    assert layer.state_dict().keys() == {k for k in others if "weight" in k} and reduction in repr(layer)


def test_losses_have_the_settings_of_their_functions():
    from tinygan import losses

    assert LOSSES.keys() == {name for name in vars(nn) if name.endswith("Loss")}
    for name, (function, _) in LOSSES.items():
        theirs = inspect.signature(getattr(losses, function)).parameters
        ours = inspect.signature(getattr(nn, name)).parameters
        assert {k: p.default for k, p in ours.items()} == {
            k: p.default for k, p in theirs.items() if k not in ("input", "target")
        }

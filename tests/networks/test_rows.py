"""Pictures written row by row: writer, path and judge against plain loops."""

import numpy as np
import pytest

from tinygan import Tensor
from tinygan.backend import stream
from tinygan.gan.latent import draw_each
from tinygan.networks.rows import PictureJudge, RowSettings, RowWriter

TINY = {"hidden": 6, "noise": 3, "row_noise": 2}


def test_rows_are_told_a_path_in_the_place_of_noise():
    """The writer of a path is the plain one, told the path's points; and it reads its own pictures in the states it had."""
    along, plain = (RowWriter(5, 4, RowSettings(**TINY, row_latent=kind), stream(0, "g")) for kind in ("path", "fresh"))
    z, noise = map(Tensor, draw_each(along.spaces(), stream(0, "z"), 7))
    pictures, states = along(z, noise)
    path = along.path(z, noise.permute((1, 0, 2))).permute((1, 0, 2))
    np.testing.assert_allclose(pictures.data, plain(z, path)[0].data, atol=1e-6)
    assert np.abs(pictures.data - plain(z, noise)[0].data).max() > 1e-3
    np.testing.assert_allclose(along.read(pictures, z, noise).data, states.data, atol=1e-5)
    with pytest.raises(ValueError, match="row_noise=0"):
        RowSettings(row_latent="path", row_noise=0)


def sigma(a):
    return 1 / (1 + np.exp(-a))


def lstm_step(x, h, c, cell):
    gates = x @ cell.weight_ih.numpy().T + cell.bias_ih.numpy() + h @ cell.weight_hh.numpy().T + cell.bias_hh.numpy()
    i, f, g, o = np.split(gates, 4, 1)
    c = sigma(f) * c + sigma(i) * np.tanh(g)
    return sigma(o) * np.tanh(c), c


def affine(layer, x):
    return x @ layer.weight.numpy().T + layer.bias.numpy()


def test_the_writer_writes_what_a_loop_writes():
    """(h_0, c_0) = FC1(z); each row is told the one before, z_t and z."""
    g = RowWriter(5, 4, RowSettings(**TINY), stream(0, "g"))
    z, noise = draw_each(g.spaces(), stream(0, "z"), 7)
    assert z.shape == (7, 3) and noise.shape == (5, 7, 2)
    (h, c), x, rows, states = np.split(affine(g.fc1, z), 2, 1), np.zeros((7, 4)), [], []
    for t in range(5):
        h, c = lstm_step(np.concatenate([x, noise[t], z], 1), h, c, g.lstm)
        x = np.tanh(affine(g.out, h))
        rows.append(x)
        states.append(h)
    pictures, found = g(Tensor(z), Tensor(noise))
    np.testing.assert_allclose(pictures.numpy(), np.stack(rows, 1)[:, None], atol=1e-6)
    np.testing.assert_allclose(found.numpy(), np.stack(states), atol=1e-6)


def test_a_picture_is_read_row_by_row_each_with_the_one_before():
    """The states with which it would have written them, of pictures that it did not write."""
    g = RowWriter(5, 4, RowSettings(**TINY), stream(0, "g"))
    z, noise = draw_each(g.spaces(), stream(0, "z"), 7)
    pictures = np.random.default_rng(0).standard_normal((7, 1, 5, 4)).astype("f")
    (h, c), x = np.split(affine(g.fc1, z), 2, 1), np.zeros((7, 4))
    found = g.read(Tensor(pictures), Tensor(z), Tensor(noise)).numpy()
    for t in range(5):
        h, c = lstm_step(np.concatenate([x, noise[t], z], 1), h, c, g.lstm)
        np.testing.assert_allclose(found[t], h, atol=1e-6)
        x = pictures[:, 0, t]


def test_a_path_is_a_gru_that_z_begins_and_is_beside_every_step_of():
    g = RowWriter(5, 4, RowSettings(**TINY, row_latent="path"), stream(0, "g"))
    z, noise = draw_each(g.spaces(), stream(0, "z"), 7)
    found = g.path(Tensor(z), Tensor(noise.transpose(1, 0, 2))).numpy()
    weight_ih, weight_hh, bias_ih, bias_hh = (p.numpy() for p in g.path.gru.parameters())
    h = np.tanh(affine(g.path.begin, z))
    assert h.shape == (7, 2) and found.shape == (7, 5, 2)
    for t in range(5):
        x = np.concatenate([noise[t], z], 1)
        (x_r, x_z, x_n), (h_r, h_z, h_n) = (
            np.split(a @ w.T + b, 3, 1) for a, w, b in ((x, weight_ih, bias_ih), (h, weight_hh, bias_hh))
        )
        update = sigma(x_z + h_z)
        h = (1 - update) * np.tanh(x_n + sigma(x_r + h_r) * h_n) + update * h
        np.testing.assert_allclose(found[:, t], h, atol=1e-6)


LAYERS = [(3, 4, 2), (5, 3, 2)]


def convolved(layer, x):
    """A convolution with padding 1 and its leaky unit, pixel by pixel."""
    w, b, stride = layer.weight.numpy(), layer.bias.numpy(), layer.stride[0]
    x, k = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), w.shape[2]
    height, width = ((side - k) // stride + 1 for side in x.shape[2:])
    y = np.empty((len(x), len(w), height, width))
    for i in range(height):
        for j in range(width):
            window = x[:, :, i * stride : i * stride + k, j * stride : j * stride + k]
            y[:, :, i, j] = np.einsum("nchw,ochw->no", window, w) + b
    return np.where(y > 0, y, 0.2 * y)


@pytest.mark.parametrize("context", [0, 2])
def test_the_judge_is_its_equation(context):
    """CNN1, FC1, FC2; with context, row t of the picture is shown a linear map of h_t all along its width."""
    s = RowSettings(**TINY, features=7, context=context)
    judge, rng = PictureJudge(8, 6, LAYERS, s, stream(0, "d")), np.random.default_rng(0)
    x, states = rng.standard_normal((4, 1, 8, 6)).astype("f"), rng.standard_normal((8, 4, 6)).astype("f")
    found = judge(Tensor(x), Tensor(states)).numpy()
    assert (judge.state_channels is None) == (context == 0)
    if context:
        channels = np.empty((4, context, 8, 6))
        for t in range(8):
            channels[:, :, t] = affine(judge.state_channels, states[t])[:, :, None]
        x = np.concatenate([x, channels], 1)
    for layer in judge.cnn1:
        x = convolved(layer, x)
    features = affine(judge.fc1, x.reshape(4, -1))
    np.testing.assert_allclose(found, affine(judge.fc2, np.where(features > 0, features, 0.2 * features)), atol=1e-5)

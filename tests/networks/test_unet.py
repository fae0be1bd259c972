"""The U-net and its judge: shapes, what a place of the result can see, and that places stay where they are."""

import numpy as np
import pytest

from tinygan import ops
from tinygan.autodiff import Tensor, grad
from tinygan.backend import stream
from tinygan.networks.unet import PatchJudge, UNet, UNetSettings


@pytest.mark.parametrize(("halvings", "size"), [(1, (6, 10)), (2, (8, 12)), (3, (32, 32)), (4, (16, 48))])
def test_the_result_has_the_size_of_the_source(halvings, size):
    s = UNetSettings(g_channels=2, halvings=halvings)
    net = UNet(3, 1, s, stream(0, "g"))
    made = net(Tensor(np.zeros((2, 3, *size), np.float32)))
    assert made.shape == (2, 1, *size)
    assert len(net.down) == len(net.up) == halvings


def test_every_weight_matters():
    """With each size handed over, no layer is passed by: the gradient of each parameter is not zero."""
    s = UNetSettings(g_channels=2, halvings=3)
    net = UNet(1, 1, s, stream(0, "g"))
    x = Tensor(stream(0, "x").standard_normal((2, 1, 16, 16)).astype(np.float32))
    for (name, _), g in zip(net.named_parameters(), grad(ops.mean(net(x) ** 2), net.parameters())):
        assert abs(g).max() > 0, name


def test_a_place_sees_its_pixel_by_the_shortest_way():
    """The first size is handed over whole: a pixel is told from its neighbours, which no size below could."""
    s = UNetSettings(g_channels=2, halvings=3)
    net = UNet(1, 1, s, stream(0, "g"))
    for layer in net.up:  # what comes from below is silenced
        layer.weight.data[:] = 0
        layer.bias.data[:] = 0
    x = np.zeros((1, 1, 16, 16), np.float32)
    dot = x.copy()
    dot[0, 0, 5, 9] = 1
    changed = np.argwhere((net(Tensor(dot)).data != net(Tensor(x)).data)[0, 0])
    assert len(changed) and (abs(changed - [5, 9]) <= 2).all()


def test_a_verdict_is_of_a_patch():
    s = UNetSettings(d_channels=2)
    judge = PatchJudge(4, s, stream(0, "d"))
    x, source = (stream(0, name).standard_normal((1, c, 32, 32)).astype(np.float32) for name, c in (("x", 3), ("s", 1)))
    verdicts = judge(Tensor(x), Tensor(source)).data
    assert verdicts.shape == (1, 1, 8, 8)
    for which in (x, source):
        which[0, 0, 0, 0] += 1
        rows, columns = np.nonzero((judge(Tensor(x), Tensor(source)).data != verdicts)[0, 0])
        assert 0 < len(rows) and rows.max() <= 2 and columns.max() <= 2, "18x18 pixels"
        verdicts = judge(Tensor(x), Tensor(source)).data

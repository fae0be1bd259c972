"""Module and its containers: what registers, modes, freezing, devices, copies, repr."""

import copy
import textwrap

import numpy as np
import pytest
from layer_cases import CASES

from tinygan import Tensor, nn, ops
from tinygan.nn import (
    BatchNorm1d,
    Conv2d,
    Dropout,
    Linear,
    Module,
    ModuleList,
    Parameter,
    ReLU,
    Sequential,
)


class Net(Module):
    def __init__(self, rng=None):  # no super().__init__(): there is nothing that it would have to do
        self.first = Linear(2, 3, rng=rng)
        self.scale = Parameter(np.ones(3, "float32"))
        self.blocks = ModuleList([Linear(3, 3, rng=rng), Sequential(Linear(3, 4, rng=rng), Dropout(0.5, rng=rng))])
        self.tied = self.first
        self.register_buffer("seen", np.zeros(2, "int64"))
        self.register_buffer("scratch", np.ones(1, "float32"), persistent=False)
        self.name, self.sizes = "net", [1, 2]

    def forward(self, x):
        return self.blocks[1](self.blocks[0](self.first(x) * self.scale))


def test_attributes_register():
    net = Net()
    names = [name for name, _ in net.named_parameters()]
    assert names == [
        "scale", "first.weight", "first.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.0.weight", "blocks.1.0.bias",
    ]  # fmt: skip
    assert [p for _, p in net.named_parameters()] == net.parameters() or all(
        a is b for (_, a), b in zip(net.named_parameters(), net.parameters())
    )
    assert [name for name, _ in net.named_buffers()] == ["seen", "scratch"] and net.buffers()[0] is net.seen
    assert [name for name, _ in net.named_children()] == ["first", "blocks", "tied"]
    assert [name for name, _ in net.named_modules()] == [
        "",
        "first",
        "blocks",
        "blocks.0",
        "blocks.1",
        "blocks.1.0",
        "blocks.1.1",
    ]
    assert net.modules()[0] is net and len(net.children()) == 3
    assert {k for k in net.state_dict() if "." not in k} == {"scale", "seen"}
    assert "tied.weight" in net.state_dict()  # as in PyTorch, what is shared is saved under each name
    net.first = net.tied = None
    del net.blocks
    assert [name for name, _ in net.named_parameters()] == ["scale"]


def test_an_attribute_that_would_be_lost_is_refused():
    net = Net()
    for name, value, message in (
        ("scale", np.zeros(3), "set .scale.data"),
        ("scale", Tensor([1.0]), "set .scale.data"),
        ("layers", [Linear(1, 1)], "ModuleList"),
        ("weights", (1, Parameter([1.0])), "each Parameter an attribute"),
        ("seen", Tensor([1.0]), "buffer"),
    ):
        with pytest.raises(TypeError, match=message):
            setattr(net, name, value)
    net.seen = net.seen + 1
    assert net.buffers()[0].tolist() == [1, 1]
    with pytest.raises(TypeError, match="ModuleList holds Modules, got Op"):
        ModuleList([ops.relu])
    with pytest.raises(NotImplementedError, match="ModuleList does not define forward"):
        ModuleList()(1)


def test_containers():
    first, second, third = Linear(2, 3), ReLU(), Linear(3, 1)
    net = Sequential(first, second).append(third)
    assert len(net) == 3 and net[0] is first and net[-1] is third and list(net) == [first, second, third]
    assert isinstance(net[1:], Sequential) and list(net[1:]) == [second, third]
    x = np.ones((4, 2), "float32")
    np.testing.assert_array_equal(net(x).data, third(ops.relu(first(x))).data)
    assert list(Sequential({"a": first, "b": second}).state_dict()) == ["a.weight", "a.bias"]
    twice = Sequential(first, first)
    assert len(twice) == 2 and len(twice.parameters()) == 2 and len(twice.state_dict()) == 4
    several = ModuleList([first]).extend([second, third])
    assert len(several[:2]) == 2 and several[2] is third and list(several) == [first, second, third]


def test_modes():
    net = Net()
    assert net.training and net.eval() is net
    assert not any(m.training for m in net.modules()) and net.train().blocks[1][1].training
    x = np.ones((50, 2), "float32")
    assert (net(x).data == 0).any() and not (net.eval()(x).data == 0).all(0).any()


def test_gradients_and_freezing():
    net = Net(0).eval()
    net(np.ones((2, 2), "float32")).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    assert net.requires_grad_(False) is net and not net(np.ones((2, 2), "float32")).requires_grad
    assert net.requires_grad_()(np.ones((2, 2), "float32")).requires_grad


def test_apply_goes_from_the_inside_out():
    order = []
    Sequential(Sequential(ReLU()), Linear(1, 1)).apply(lambda m: order.append(type(m).__name__))
    assert order == ["ReLU", "Sequential", "Linear", "Sequential"]


def test_to():
    net = Net(0)
    before = net.scale.data
    assert net.to("cpu") is net and net.scale.data is before
    net.scale.grad = np.ones(3, "float32")
    net.to(dtype="float64")
    assert {p.dtype.name for p in net.parameters()} == {"float64"} and net.scale.grad.dtype == "float64"
    assert net.seen.dtype == "int64" and net.scratch.dtype == "float64"
    with pytest.raises(ValueError, match="tpu"):
        net.to("tpu")


def test_layers_are_made_on_a_device_and_in_a_type():
    for layer in (
        Linear(1, 2, dtype="float64"),
        nn.GRU(1, 2, dtype=np.float64),
        BatchNorm1d(2, device="cpu", dtype="float64"),
    ):
        assert {p.dtype.name for p in layer.parameters()} == {"float64"}
    np.testing.assert_array_equal(
        Linear(1, 2, rng=0, dtype="float64").weight.data.astype("f"), Linear(1, 2, rng=0).weight.data
    )


def test_copies_share_nothing():
    net = Net(0)
    net(np.ones((2, 2), "float32"))
    twin = copy.deepcopy(net)
    for p, q in zip(net.parameters(), twin.parameters()):
        assert isinstance(q, Parameter) and p is not q and not np.shares_memory(p.data, q.data)
    assert twin.tied is twin.first
    np.testing.assert_array_equal(
        twin.eval()(np.ones((2, 2), "float32")).data, net.eval()(np.ones((2, 2), "float32")).data
    )


def test_repr():
    net = Sequential(
        Linear(20, 30), Sequential(Conv2d(3, 4, 3, padding=1, bias=False), ReLU()), nn.LSTM(2, 3, bias=False)
    )
    expected = """
        Sequential(
          (0): Linear(in_features=20, out_features=30, bias=True)    630  weight (30, 20), bias (30,)
          (1): Sequential(
            (0): Conv2d(3, 4, kernel_size=3, padding=1, bias=False)  108  weight (4, 3, 3, 3)
            (1): ReLU()
          )
          (2): LSTM(2, 3, bias=False)                                 60  weight_ih_l0 (12, 2), weight_hh_l0 (12, 3)
        )  798 parameters"""
    assert repr(net) == textwrap.dedent(expected).strip()
    net[0].requires_grad_(False)
    assert repr(net).endswith(")  798 parameters, 168 of them trained")
    linear = "Linear(in_features=2, out_features=3, bias=True)  9 parameters: weight (3, 2), bias (3,)"
    assert repr(Linear(2, 3)) == linear and repr(ReLU()) == "ReLU()"
    assert repr(nn.GRU(2, 3)).endswith("weight_ih_l0 (9, 2), weight_hh_l0 (9, 3), bias_ih_l0 (9,), bias_hh_l0 (9,)")
    assert ", and 2 more" in repr(Sequential(nn.GRU(2, 3)))
    assert "(scale): Parameter" in repr(Net()) and "Parameter containing" in repr(Net().scale)
    for case in CASES.values():
        assert repr(eval(case.make, vars(nn)))


def test_a_parameter_keeps_its_array():
    array = np.ones(2)
    assert Parameter(array).data is array and Parameter(Tensor(array)).data is array
    assert Parameter([1, 2.0]).requires_grad and not Parameter([1.0], requires_grad=False).requires_grad
    with pytest.raises(TypeError, match="gradients of int64"):
        Parameter([1, 2])

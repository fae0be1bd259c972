"""Module and its containers: what registers, modes, freezing, devices, copies, repr."""

import copy
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from layer_cases import CASES

from tinygan import Tensor, grad, nn, ops
from tinygan.nn import (
    BatchNorm1d,
    Conv2d,
    Dropout,
    Linear,
    Module,
    ModuleDict,
    ModuleList,
    Parameter,
    ReLU,
    Sequential,
)
from tinygan.optim import SGD


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
        ("heads", {"a": Linear(1, 1)}, "in a dict .* put Modules in a ModuleDict"),
        ("heads", {"a": [1, {"b": (Linear(1, 1),)}]}, "in a dict .* put Modules in a ModuleDict"),
        ("layers", [[Linear(1, 1)], [Linear(1, 1)]], "ModuleLists may stand in one another"),
        ("layers", [1, "a", [], (2, [Linear(1, 1)])], "in a list"),
        ("layers", {Linear(1, 1)}, "in a set"),
        ("layers", frozenset([Linear(1, 1)]), "in a frozenset"),
        ("train", Linear(1, 1), "Net.train is a method and would be lost"),
        ("forward", Parameter([1.0]), "Net.forward is a method"),
        ("seen", Tensor([1.0]), "buffer"),
    ):
        with pytest.raises(TypeError, match=message):
            setattr(net, name, value)
    net.seen = net.seen + 1
    assert net.buffers()[0].tolist() == [1, 1]
    endless = [1]
    endless.append(endless)
    net.lists = [endless, {"a": {"b": ["c"]}}]
    assert len(net.parameters()) == 7
    with pytest.raises(TypeError, match="ModuleList holds Modules, got Op: wrap a function"):
        ModuleList([ops.relu])
    with pytest.raises(TypeError, match=r"Sequential holds Modules, got list: unpack it, Sequential\(\*layers\)"):
        Sequential([Linear(1, 1)])
    with pytest.raises(TypeError, match=r"Sequential holds Modules, got type: call it, ReLU\(\)"):
        Sequential(ReLU)
    with pytest.raises(NotImplementedError, match="ModuleList does not define forward"):
        ModuleList()(1)


@pytest.mark.parametrize("empty", [[], {}, set()], ids=repr)
def test_layers_in_a_list_that_is_filled_later_are_refused(empty):
    class Late(Module):
        def __init__(self):
            self.layers = empty.copy()
            if isinstance(empty, list):
                self.layers.append([Linear(1, 1)])
            elif isinstance(empty, dict):
                self.layers["a"] = Linear(1, 1)
            else:
                self.layers.add(Linear(1, 1))

    with pytest.raises(TypeError, match="Late.layers: Modules or Parameters in a"):
        Sequential(Late()).parameters()


def names_of(net):
    return [name for name, _ in net.named_children()]


@pytest.mark.parametrize(
    "kind", [lambda *m: Sequential(*m), lambda *m: ModuleList(m)], ids=["Sequential", "ModuleList"]
)
def test_what_numbered_modules_hold_stays_held(kind):
    a, b, c, d = (Linear(1, n + 1) for n in range(4))
    net = kind(a, b, c)
    delattr(net, "1")
    assert list(net.append(d)) == [a, c, d] and len(net.state_dict()) == 6
    del net[1]
    assert list(net) == [a, d] and names_of(net) == ["0", "1"]
    net.insert(1, b).insert(0, c).insert(-1, c)
    assert list(net) == [c, a, b, c, d] and names_of(net) == ["0", "1", "2", "3", "4"]
    del net[::2]
    assert list(net) == [a, c] and names_of(net) == ["0", "1"]
    net[0] = b
    net[-1] = d
    assert list(net.extend([a, c])) == [b, d, a, c] and names_of(net) == ["0", "1", "2", "3"]
    tail = net[2:]
    assert list(tail.append(b)) == [a, c, b] and type(tail) is type(net) and list(net) == [b, d, a, c]
    net.extend(net)
    assert list(net) == [b, d, a, c] * 2
    for act in (lambda: net[8], lambda: net.__setitem__(8, a), lambda: net.__delitem__(-9)):
        with pytest.raises(IndexError, match="of 8 modules has no module"):
            act()
    for act in (lambda: net.append(1), lambda: net.insert(0, "a"), lambda: net.__setitem__(0, None)):
        with pytest.raises(TypeError, match="holds Modules, got"):
            act()
    assert list(net) == [b, d, a, c] * 2
    with pytest.raises(TypeError, match="indexed by number or slice, not by 'first'"):
        net["first"]


def test_a_sequential_of_names():
    a, b, c = Linear(1, 1), ReLU(), Linear(1, 2)
    net = Sequential({"first": a, "second": b})
    net.append(c).insert(1, b)
    assert names_of(net) == ["first", "1", "second", "3"] and net.first is a
    del net[0]
    assert list(net) == [b, b, c] and names_of(net) == ["0", "second", "2"]
    with pytest.raises(TypeError, match=r"not by 'second'; .second is the module of this name"):
        net["second"]
    for name in ("a.b", "", 3):
        with pytest.raises(ValueError, match="a name is a string without dots"):
            Sequential({name: a})


def test_a_dict_of_modules():
    a, b = Linear(2, 3), Linear(2, 3)
    heads = ModuleDict({"real": a})
    heads["fake"] = b
    assert list(heads) == heads.keys() == ["real", "fake"] and heads.values() == [a, b] and len(heads) == 2
    assert heads.items() == [("real", a), ("fake", b)] and "real" in heads and "weight" not in heads
    assert list(heads.state_dict()) == ["real.weight", "real.bias", "fake.weight", "fake.bias"]
    heads.update({"real": b})
    assert heads["real"] is b and len(heads.parameters()) == 2
    del heads["real"]
    assert heads.keys() == ["fake"] and len(ModuleDict()) == 0
    heads["empty"] = Sequential()
    assert "empty" in heads
    del heads["empty"]
    for act in (lambda: heads["real"], lambda: heads.__delitem__("real")):
        with pytest.raises(KeyError, match="ModuleDict has no 'real', it has fake"):
            act()
    for key, value, error, message in (
        ("keys", a, TypeError, "ModuleDict.keys is a method"),
        ("a.b", a, ValueError, "without dots, got 'a.b'"),
        (3, a, ValueError, "without dots, got 3"),
        ("a", 1, TypeError, "ModuleDict holds Modules, got int"),
        ("a", ReLU, TypeError, r"call it, ReLU\(\)"),
    ):
        with pytest.raises(error, match=message):
            heads[key] = value
    with pytest.raises(NotImplementedError, match="ModuleDict does not define forward"):
        heads(1)


@pytest.mark.parametrize(
    "name, words",
    {
        "register_parameter": r"Net has no attribute register_parameter; write instead: module.name = Parameter",
        "register_full_backward_hook": r"write instead: grad\(loss, tensor\)",
        "get_submodule": r"dict\(module.named_modules\(\)\)\[name\]",
        "wieght": "Net has no attribute wieght$",
    }.items(),
)
def test_a_method_that_is_not_here_says_what_to_write(name, words):
    with pytest.raises(AttributeError, match=words):
        getattr(Net(), name)
    assert not hasattr(Net(), name)


# --- hooks -----------------------------------------------------------------------------------------------------


def test_a_hook_sees_every_call_until_it_is_removed():
    net = Sequential(Linear(2, 3), ReLU(), Linear(3, 1))
    x, seen = np.ones((4, 2), "float32"), []
    expected = net(x).data
    handles = [m.register_forward_hook(lambda m, args, y: seen.append((m, args[0], y))) for m in net.modules()]
    np.testing.assert_allclose(net(x).data, expected, rtol=1e-6)
    assert [m for m, _, _ in seen] == [net[0], net[1], net[2], net] and seen[-1][1] is x
    assert seen[1][1] is seen[0][2]  # the two were not made one
    twin = copy.deepcopy(net)
    handles[0].remove()
    handles[0].remove()
    handles[2].remove()
    seen.clear()
    net(x)
    assert [m for m, _, _ in seen] == [net[0], net[2]]
    twin[0](x)
    assert seen[-1][0] is twin[0]
    for handle in handles:
        handle.remove()
    assert not net[0]._hooks and twin[0]._hooks
    with pytest.raises(TypeError, match="takes a function"):
        net.register_forward_hook(3)


def test_hooks_replace_the_output_in_turn():
    layer = Linear(2, 2)
    x = Tensor(np.ones((1, 2), "float32"), requires_grad=True)
    expected = 3 * layer(x).data + 1
    layer.register_forward_hook(lambda m, args, y: 3 * y)
    layer.register_forward_hook(lambda m, args, y: y + 1)
    np.testing.assert_allclose(layer(x).data, expected, rtol=1e-6)
    np.testing.assert_allclose(grad(layer(x).sum(), x)[0], 3 * layer.weight.data.sum(0)[None], rtol=1e-6)


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


def test_short_names_of_to(monkeypatch):
    net = Net(0)
    assert net.double() is net and {p.dtype.name for p in net.parameters()} == {"float64"}
    assert {p.dtype.name for p in net.float().cpu().parameters()} == {"float32"}
    for refused in (
        net.half, lambda: net.to(dtype="float16"), lambda: net.to(dtype=int), lambda: Linear(1, 1, dtype="float16"),
        lambda: nn.GRU(1, 1, dtype=np.int64),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="parameters are float32 or float64, not"):
            refused()
    assert {p.dtype.name for p in net.to(np.float64).to(np.float32).parameters()} == {"float32"}  # alone, as in PyTorch
    with pytest.raises(TypeError, match="device is 'cpu' or 'cuda', got 3"):
        net.to(3, np.float64)
    assert net.cuda() is net and {p.device for p in net.parameters()} == {"cuda"}
    monkeypatch.setattr("tinygan.backend.cuda_problem", lambda: "CuPy is not installed")
    with pytest.raises(RuntimeError, match="cuda"):
        net.cuda()


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


def test_a_pickled_module_is_trained_in_another_process(tmp_path):
    """Also one with spectral norm, whose class is made at run time."""
    net = Sequential(nn.spectral_norm(Conv2d(1, 2, 2)), ReLU(), nn.Flatten(), nn.spectral_norm(Linear(8, 1)))
    x = np.ones((1, 1, 3, 3), "float32")
    SGD(net.parameters(), lr=0.1).step(grad(net(x).sum(), net.parameters()))
    net[0].weight_orig.grad = np.ones((2, 1, 2, 2), "float32")
    for again in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert type(again[0]) is type(net[0]) and again.state_dict().keys() == net.state_dict().keys()
        np.testing.assert_array_equal(again.eval()(x).data, net.eval()(x).data)
        assert again[0].weight_orig.grad.all() and again[0].weight_orig is not net[0].weight_orig
        again[0].reset_parameters(0)
        assert (again[0].weight_orig.data != net[0].weight_orig.data).all()
    path = tmp_path / "net"
    path.write_bytes(pickle.dumps(net))
    code = (
        "import pickle, sys, numpy as np; from tinygan import grad; net = pickle.load(open(sys.argv[1], 'rb'));"
        " print(len(grad(net(np.ones((1, 1, 3, 3), 'float32')).sum(), net.parameters())))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True)
    assert done.stdout == "4\n", done.stderr


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

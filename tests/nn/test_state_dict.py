"""Files: PyTorch's state_dict keys, shapes and types; safetensors there and back; what does not fit is named."""

from pathlib import Path

import numpy as np
import pytest
from layer_cases import CASES
from safetensors.numpy import load_file, save_file

from tinygan import nn
from tinygan.nn import BatchNorm1d, Linear, Module, Parameter, Sequential

GOLDEN = load_file(Path(__file__).parents[1] / "golden" / "layers.safetensors")


def torchs_state(name):
    return {key.removeprefix(f"{name}/state/"): a for key, a in GOLDEN.items() if key.startswith(f"{name}/state/")}


@pytest.mark.parametrize("name", CASES)
def test_keys_shapes_and_types_are_torchs(name):
    ours, theirs = eval(CASES[name].make, vars(nn)).state_dict(), torchs_state(name)
    assert {k: (a.shape, a.dtype) for k, a in ours.items()} == {k: (a.shape, a.dtype) for k, a in theirs.items()}


@pytest.mark.parametrize("name", CASES)
def test_there_and_back_through_a_file(name, tmp_path):
    layer = eval(CASES[name].make, vars(nn))
    theirs = torchs_state(name)
    layer.load_state_dict(theirs)
    save_file(layer.state_dict(), tmp_path / "layer.safetensors")
    back = load_file(tmp_path / "layer.safetensors")
    assert set(back) == set(theirs)
    for key, array in back.items():
        np.testing.assert_array_equal(array, theirs[key])


def test_loaded_and_saved_arrays_are_copies():
    net = Sequential(nn.Conv2d(1, 2, 2), BatchNorm1d(2))
    given = net.state_dict()
    net.load_state_dict(given)
    kept = {k: a.copy() for k, a in given.items()}
    for p in net.parameters():
        p.data += 1  # in place, as nobody should
    for b in net.buffers():
        if b.ndim:
            b += 1
    for key, array in given.items():
        assert array.flags.c_contiguous
        np.testing.assert_array_equal(array, kept[key])


def test_a_loaded_parameter_is_the_same_tensor_of_the_same_type():
    layer = Linear(2, 3)
    weight = layer.weight
    layer.load_state_dict({"weight": np.ones((3, 2)), "bias": Parameter(np.ones(3))})
    assert layer.weight is weight and weight.dtype == "float32" and (layer.bias.data == 1).all()


class Net(Module):
    def __init__(self):
        self.fc = Linear(2, 3)
        self.norm = BatchNorm1d(3)


def test_what_does_not_fit_is_named_in_one_message():
    net = Net()
    state = net.state_dict()
    before = net.state_dict()
    state["fc1.weight"] = state.pop("fc.weight")
    state["fc.bias"] = np.zeros(4)
    state["norm.num_batches_tracked"] = np.array(0.5)
    with pytest.raises(ValueError) as error:
        net.load_state_dict(state)
    assert str(error.value) == (
        "Net.load_state_dict, nothing was loaded:\n"
        "  does not fit (2): fc.bias is (3,) here, (4,) in the state,"
        " norm.num_batches_tracked is int64 here, float64 in the state\n"
        "  missing from the state (1): fc.weight (3, 2)\n"
        "  unknown here (1): fc1.weight (3, 2), is it fc.weight?"
    )
    for key, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[key])


@pytest.mark.parametrize(
    "rename, line",
    {
        lambda k: f"module.{k}": "module.fc.weight (3, 2), is it fc.weight?",
        lambda k: k.removeprefix("fc."): "weight (3, 2), is it fc.weight?",
        lambda k: k.replace("norm", "bn"): "bn.running_mean (3,), is it norm.running_mean?",
        lambda k: k.replace("fc", "zzz"): "zzz.weight (3, 2), is it fc.weight?",
        lambda k: "qqq" if k == "fc.weight" else k: "qqq (3, 2)",
    }.items(),
    ids=["prefix", "no prefix", "another word", "one word", "nothing alike"],
)
def test_an_unknown_name_is_told_its_neighbour(rename, line):
    net = Net()
    with pytest.raises(ValueError) as error:
        net.load_state_dict({rename(key): array for key, array in net.state_dict().items()})
    unknown = str(error.value).split("unknown here")[1]
    assert line in unknown and ("is it" in line or "is it" not in unknown)


@pytest.mark.parametrize("state", ["net.safetensors", None, [np.ones(3)], Net()], ids=lambda s: type(s).__name__)
def test_a_state_is_a_dict(state):
    with pytest.raises(TypeError, match="takes a dict of arrays, as state_dict.. returns it, got a"):
        Net().load_state_dict(state)


def test_a_dict_of_states_is_told_which_to_load():
    with pytest.raises(TypeError, match=r"'net' is a dict; is it load_state_dict\(state\['net'\]\)\?"):
        Net().load_state_dict({"net": Net().state_dict()})
    with pytest.raises(TypeError, match="'step' is a int"):
        Net().load_state_dict(Net().state_dict() | {"step": 3})


def test_not_strict():
    net = Net()
    keys = net.load_state_dict({"fc.bias": np.ones(3), "other": np.ones(1)}, strict=False)
    assert keys.unexpected_keys == ["other"] and "fc.weight" in keys.missing_keys and len(keys.missing_keys) == 6
    assert (net.fc.bias.data == 1).all()
    with pytest.raises(ValueError, match="does not fit"):
        net.load_state_dict({"fc.bias": np.ones(4)}, strict=False)


def test_a_long_list_is_cut():
    with pytest.raises(ValueError, match=r"missing from the state \(40\).*, and 28 more"):
        Sequential(*(Linear(1, 1) for _ in range(20))).load_state_dict({})


def test_tied_weights_load_under_each_name():
    net = Sequential(Linear(2, 2), Linear(2, 2))
    net[1].weight = net[0].weight
    state = net.state_dict()
    assert len(state) == 4 and len(net.parameters()) == 3
    net.load_state_dict(state)
    assert net[1].weight is net[0].weight

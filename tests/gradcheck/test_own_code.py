"""Any course's own code can be checked: functions with a cache, as in CS231n, and classes with state, as in numpy-ml.

The code is in own_code.py. docs/your-own-code.md tells a reader how; its Python runs here.
"""

import importlib.util
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygan.gradcheck import GradientError, assert_gradients, check, check_file

HERE = Path(__file__).parent
spec = importlib.util.spec_from_file_location("own_code", HERE / "own_code.py")
own = importlib.util.module_from_spec(spec)
spec.loader.exec_module(own)
PAGE = (HERE.parent.parent / "docs" / "your-own-code.md").read_text()


def array(*shape):
    return np.random.default_rng(sum(shape)).standard_normal(shape)


def pair(name):
    return getattr(own, f"{name}_forward"), getattr(own, f"{name}_backward")


H = 3
sequence = array(2, H), array(4, H), array(H, H), array(H)  # h0, wx, wh, b
step_of_lstm = array(2, 4), array(2, H), array(2, H) + 1, array(4, 4 * H), array(H, 4 * H), array(4 * H)
trained = {"mode": "test", "running_mean": array(4), "running_var": abs(array(4)) + 0.1}
y, conv_param = np.array([0, 2, 1]), {"stride": 2, "pad": 1}
of_loss = (own.softmax_loss, lambda g, dx: g * dx)  # its second result is the gradient: backward multiplies

RIGHT = {
    # name: (what is checked, inputs, names of the inputs and parameters that must have been checked)
    "affine": (pair("affine"), (array(3, 2, 2), array(4, 5), array(5)), "x w b"),
    "conv": (pair("conv"), (array(2, 2, 5, 5), array(3, 2, 3, 3), array(3), conv_param), "x w b"),
    "batchnorm": (pair("batchnorm"), (array(5, 4), array(4), array(4) + 1, {"mode": "train"}), "x gamma beta"),
    "batchnorm, test": (pair("batchnorm"), (array(5, 4), array(4), array(4) + 1, trained), "x gamma beta"),
    "groupnorm": (
        pair("groupnorm"),
        (array(2, 4, 3, 3), array(1, 4, 1, 1), array(1, 4, 1, 1) + 1, 2, {}),
        "x gamma beta",
    ),
    "dropout": (pair("dropout"), (array(3, 4), {"p": 0.6, "seed": 1}), "x"),
    "softmax_loss": (of_loss, (array(3, 4), y), "x"),
    "rnn step": (pair("rnn_step"), (array(2, 4), *sequence), "x prev_h wx wh b"),
    "rnn": (pair("rnn"), (array(2, 5, 4), *sequence), "x h0 wx wh b"),
    "lstm step, two outputs": (pair("lstm_step"), step_of_lstm, "x prev_h prev_c wx wh b"),
    "two outputs without a cache": (
        (lambda a, b: (a * b, a + b), lambda g_product, g_sum, a, b: (g_product * b + g_sum, g_product * a + g_sum)),
        (array(3), array(3) + 1),
        "a b",
    ),
    "activation": ((own.Tanh().fn, lambda g, z: g * own.Tanh().grad(z)), (array(3, 4),), "z"),
    "layer": (own.FullyConnected(4, own.Tanh()), (array(3, 2),), "X W b"),
    "list of inputs": (own.Multiply(), ([array(2, 3), array(2, 3) + 1, array(2, 3) - 1],), "X[0] X[1] X[2]"),
    "layer with a running mean": (own.CountingNorm(3), (array(4, 3),), "X scale running_mean"),
    "layer with two outputs": (own.Cell(3), (array(2, 3), array(2, 3) + 1), "x h w"),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_code_passes_and_all_of_it_is_checked(name):
    f, inputs, names = RIGHT[name]
    findings = check(f, *inputs)
    assert [str(finding) for finding in findings if finding.problem] == []
    assert [finding.name for finding in findings] == names.split()
    assert all(finding.checked for finding in findings)


def test_methods_with_optional_arguments_are_a_pair():
    """backward(dLdy, retain_grads=True) takes the gradient, not the gradient and x."""
    layer = own.FullyConnected(4, own.Tanh())
    assert_gradients((layer.forward, layer.backward), array(3, 2))


def test_the_readers_objects_stay_as_they_were():
    bn_param, layer = {"mode": "train"}, own.FullyConnected(4, own.Tanh())
    check(pair("batchnorm"), array(5, 4), array(4), array(4), bn_param)
    check(layer, array(3, 2))
    assert bn_param == {"mode": "train"} and layer.X == [] and layer.parameters["W"] is None


def test_a_layer_that_was_used_before_is_checked_afresh():
    layer = own.FullyConnected(4, own.Tanh())
    layer.forward(array(3, 2) + 5)
    layer.backward(array(3, 4))
    kept = layer.gradients["W"].copy()
    assert_gradients(layer, array(3, 2))
    assert len(layer.X) == 1 and (layer.gradients["W"] == kept).all()
    cell = own.Cell(3)
    cell.forward(array(2, 3), array(2, 3))
    cell.backward(array(2, 3), array(2, 3))
    assert_gradients(cell, array(2, 3) + 1, array(2, 3) - 1)  # it adds to its old gradient, and has no flush_gradients


class Forgets(own.FullyConnected):
    def _backward(self, dy, X, retain_grads):
        return super()._backward(dy, X, retain_grads=False)


class Overwrites(own.FullyConnected):
    def _backward(self, dy, X, retain_grads):
        dX = super()._backward(dy, X, retain_grads)
        self.gradients["b"] = dy.sum(0, keepdims=True)  # not dZ
        return dX


class LosesOne(own.Multiply):
    def _backward(self, dy, X, retain_grads):
        return super()._backward(dy, X, retain_grads)[:-1]


class Silent(own.Multiply):
    def forward(self, X):
        super().forward(X)


class OneSided(own.Cell):
    def backward(self, dh):
        return dh, dh


def lstm_step_without_dc(dh, dc, cache):
    return own.lstm_step_backward(dh, 0 * dc, cache)


def lstm_step_without_dh(dh, dc, cache):
    return own.lstm_step_backward(0 * dh, dc, cache)


def batchnorm_of_constants(dout, cache):
    normal, deviation, gamma, _ = cache
    return dout * gamma / deviation, (dout * normal).sum(0), dout.sum(0)


many = [array(2, 3), array(2, 3) + 1, array(2, 3) - 1]
MISTAKES = {
    # name: (what is checked, inputs, words that the message must contain)
    "a gradient is never kept": (Forgets(4, own.Tanh()), (array(3, 2),), "dW is wrong 0 everywhere never filled"),
    "another array's sum is kept": (Overwrites(4, own.Tanh()), (array(3, 2),), "Overwrites db is wrong right X, W"),
    "one gradient of a list is lost": (LosesOne(), (many,), "returned 2 gradients for 3 inputs X[0], X[1], X[2]"),
    "forward without return": (Silent(), (many,), "Silent.forward returned None return statement"),
    "carry of dc is lost": ((own.lstm_step_forward, lstm_step_without_dc), step_of_lstm, "dx is wrong seen most"),
    "dh is lost": ((own.lstm_step_forward, lstm_step_without_dh), step_of_lstm, "dx is wrong output 0"),
    "statistics taken for constants": (
        (own.batchnorm_forward, batchnorm_of_constants),
        (array(5, 4), array(4), array(4), {"mode": "train"}),
        "dx is wrong depends on too normalisation",
    ),
    "a mean too many": (
        (own.softmax_loss, lambda g, dx: g * dx / 3),
        (array(3, 4), y),
        "numeric / 3 backward divides for a mean",
    ),
    "dropout without a seed": (pair("dropout"), (array(3, 4), {"p": 0.6}), "two different results fixed seed"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_named(name):
    f, inputs, words = MISTAKES[name]
    with pytest.raises(GradientError) as caught:
        assert_gradients(f, *inputs)
    message = " ".join(str(caught.value).split())
    for word in words.split():
        assert word in message, f"{word!r} is not in:\n{message}"


REFUSALS = {
    "a class": (own.Multiply, (many,), TypeError, "Multiply: it is a class; check an object of it, Multiply(...)"),
    "two outputs, one gradient": (
        (own.lstm_step_forward, lambda dh, cache: dh),
        step_of_lstm,
        TypeError,
        "(dh, dc, cache) if forward returns (h, c, cache). lstm_step_forward returned 3 things",
    ),
    "a layer with two outputs, one gradient": (
        OneSided(3),
        (array(2, 3), array(2, 3)),
        TypeError,
        "OneSided: forward returns 2 outputs; backward must take one gradient for each",
    ),
    "nothing to check": (own.Multiply(), (3,), ValueError, "neither input nor parameter of floating point"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusal(name):
    f, inputs, error, words = REFUSALS[name]
    with pytest.raises(error, match=re.escape(words)):
        assert_gradients(f, *inputs)


# --- the page ----------------------------------------------------------------------------------------------------------


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.S)


def without_rounding(text):
    """Relative errors of right gradients are rounding, and differ from machine to machine."""
    return re.sub(r"\d\.\de-(0[6-9]|1\d)", "rounding", text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the page's files: the blocks of Python that begin with `# NAME.py`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for code in blocks("python"):
        if named := re.match(r"# (\w+\.py)\n", code):
            Path(named[1]).write_text(code)
    yield tmp_path
    for name in ("layers", "objects"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("shown", blocks("console"), ids=lambda shown: shown.split("\n")[0].rpartition(" ")[2])
def test_the_pages_command_prints_what_the_page_shows(shown, folder):
    command, _, printed = shown.partition("\n")
    out = io.StringIO()
    check_file(command.removeprefix("$ tinygan gradcheck "), stream=out)
    assert without_rounding(out.getvalue()) == without_rounding(printed)


def test_the_pages_tests_pass(folder):
    names = {}
    exec((folder / "test_layers.py").read_text(), names)
    tests = [test for name, test in names.items() if name.startswith("test_")]
    assert len(tests) == 5
    for test in tests:
        test(assert_gradients)


def test_the_pages_way_to_check_attributes():
    class Linear:
        W = array(3, 2)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, g):
            self.dW = self.factor * self.x.T @ g
            return g @ self.W.T

    (code,) = (code for code in blocks("python") if code.startswith("def forward(x, W)"))
    names = {"assert_gradients": assert_gradients, "layer": Linear(), "x": array(4, 3)}
    Linear.factor = 1
    exec(code, names)
    Linear.factor = 2
    with pytest.raises(GradientError, match="dW is wrong"):
        exec(code, names)

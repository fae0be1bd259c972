"""How people reach the gradient checker: the pytest fixture, and `tinygan gradcheck FILE.py:NAME`."""

import importlib.metadata
import io
import subprocess
import sys

import numpy as np
import pytest

import tinygan
from tinygan.gradcheck import assert_gradients, check_file
from tinygan.pytest_plugin import assert_gradients as gradients_fixture  # noqa: F401 - registers it without an installation


def test_fixture(gradients_fixture):  # noqa: F811
    assert gradients_fixture is assert_gradients
    gradients_fixture((np.sin, lambda g, x: g * np.cos(x)), np.ones(3))


def test_plugin_is_registered():
    try:
        points = importlib.metadata.distribution("tinygan").entry_points
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("tinygan is imported from its folder, not installed")
    assert ("pytest11", "tinygan.pytest_plugin") in {(p.group, p.value) for p in points}


def test_plugin_imports_nothing_heavy():
    code = (
        "import sys, importlib.util as u, pytest; before = set(sys.modules)\n"
        "s = u.spec_from_file_location('plugin', sys.argv[1]); m = u.module_from_spec(s); s.loader.exec_module(m)\n"
        "print({n.partition('.')[0] for n in set(sys.modules) - before})"
    )
    path = tinygan.__file__.replace("__init__", "pytest_plugin")
    out = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True).stdout
    assert out.strip() in ("set()", "{'plugin'}"), out


FILE = """
from __future__ import annotations
import dataclasses, typing
import numpy as np
from helper import factor
from tinygan import nn, ops

def affine_forward(x, w, b): return x @ w + b
def affine_backward(g, x, w, b): return g @ w.T, factor * x.T @ g, g.sum(0)
def affine_inputs(): return np.ones((2, 3)), np.ones((3, 4)), np.zeros(4)

wrong = (np.sin, lambda g, x: g * np.sin(x))
def annotated(x: (2, 3), w: (3, 2)): return ops.tanh(x @ w)
def gathered(table, index): return table[index]
gathered_inputs = (np.ones((3, 2)), np.array([0, 1, 1]))
def single(x): return ops.exp(x)
def several(x, y): return x * y
def raises(x: (2,)): return x @ np.ones((3, 3))
number = 3
class Layer: pass
layer = nn.Linear(4, 2)
def negative(x: (-2, 3)): return x * x
def empty(x: (0, 3)): return x * x
def enormous(x: (10**9, 10**9)): return x * x
empty_inputs = (np.ones((0, 3)),)
def nothing_there(x): return x * x
nothing_there_inputs = np.ones((0, 3))
def exits(x: (2,)): raise SystemExit(0)
def exits_later(x): return x
def exits_later_inputs(): raise SystemExit(0)
class NotAnException(BaseException): pass
def stops(x: (2,)): raise NotAnException("here")
def colours(x: (2,)): raise ValueError("\\x1b[31mred\\x00")
def exits_in_an_annotation(x: exits(0)): return x
@dataclasses.dataclass
class Kept:
    factor: float = 2.0
    shared: typing.ClassVar[int] = 3
def kept(x: (2, 3)): return x * Kept().factor
"""

SPECS = {
    "affine": (0, "x (2, 3) w b right all gradients are right"),
    "wrong": (1, "x WRONG analytic 1 of 1"),
    "annotated": (0, "x (2, 3) w (3, 2)"),
    "gathered": (0, "table index (3,) passed on"),
    "single": (0, "(3, 4)"),
    "several": (2, "several_inputs = (x, y,)"),
    "raises": (1, "ValueError line 18"),
    "number": (2, "number is int, not a function"),
    "Layer": (2, "is a class"),
    "nothing": (2, "defines no nothing; it has affine_forward, affine_backward, affine_inputs, wrong, annotated"),
    "layer": (2, "layer_inputs = (input,)"),
    "negative": (2, "x of shape (-2, 3) cannot be made"),
    "empty": (1, "nothing of empty was checked: its inputs have no elements"),
    "enormous": (2, "x of shape cannot be made"),
    "nothing_there": (1, "nothing of nothing_there was checked"),
    "exits": (1, "SystemExit(0), which would end the program"),
    "exits_later": (2, "exits_later_inputs() raised SystemExit"),
    "stops": (1, "NotAnException: here line"),
    "colours": (1, "ValueError: \\x1b[31mred\\x00"),
    "exits_in_an_annotation": (2, "SystemExit(0), which would end the program"),
    "kept": (0, "x (2, 3) right"),
}


@pytest.fixture
def layers(tmp_path):
    (tmp_path / "helper.py").write_text("factor = 1.0\n")
    (tmp_path / "layers.py").write_text(FILE)
    yield tmp_path / "layers.py"
    sys.modules.pop("helper", None)


@pytest.mark.parametrize("name", SPECS)
def test_command(name, layers):
    code, words = SPECS[name]
    out = io.StringIO()
    assert check_file(f"{layers}:{name}", stream=out) == code, out.getvalue()
    for word in words.split():
        assert word in out.getvalue(), f"{word!r} is not in:\n{out.getvalue()}"
    assert code != 2 or out.getvalue().count("\n") == 1


@pytest.mark.parametrize("spec", ["layers", "layers.py", "layers.txt:f", "missing.py:f", "layers.py:not a name"])
def test_command_refuses_a_bad_spec(spec):
    out = io.StringIO()
    assert check_file(spec, stream=out) == 2
    assert out.getvalue().count("\n") == 1


def test_command_refuses_a_file_that_does_not_run(tmp_path):
    bad = "def f(:", "import no_such_module_at_all", "1 / 0", "import sys; sys.exit(0)", "exit()", "quit(0)"
    for text in bad:
        (tmp_path / "bad.py").write_text(text)
        out = io.StringIO()
        assert check_file(f"{tmp_path / 'bad.py'}:f", stream=out) == 2
        assert "line 1" in out.getvalue() and out.getvalue().count("\n") == 1


@pytest.mark.parametrize(
    "name, code, words",
    [
        ("right", 0, "all gradients are right"),
        ("wrong", 1, "1 of 1 gradients is wrong"),
        ("absent", 2, "defines no absent"),
        ("ends", 1, "ended Python (exit code 0) before it was checked"),
        ("becomes", 1, "ended Python (exit code 0) before it was checked"),
    ],
)
def test_the_command_gives_no_pass_to_a_file_that_ends_python(tmp_path, capfd, name, code, words):
    """A grader reads the exit code."""
    from tinygan.cli import main

    (tmp_path / "work.py").write_text(
        "import os, sys\nimport numpy as np\n"
        "right = (np.sin, lambda g, x: g * np.cos(x))\nwrong = (np.sin, lambda g, x: g)\n"
        "def ends(x): os._exit(0)\n"
        "def becomes(x): os.execv(sys.executable, [sys.executable, '-c', ''])\n"
    )
    assert main(["gradcheck", f"{tmp_path / 'work.py'}:{name}"]) == code
    assert words in capfd.readouterr().out

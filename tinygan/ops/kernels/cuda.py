"""Chains of elementwise operations as one launch each, for arrays on a GPU.

A launch takes the host 5 us, which is more than the arithmetic of a small array takes the GPU. Each chain is written for
NumPy too, where it is called, and tests hold the two equal. Bodies are C, in the part of it that tests run without a GPU:
one assignment after another, `condition ? a : b` as a whole right side. T is the type of the arrays; numbers become it.
"""

from functools import cache
from typing import Any

from tinygan.backend import xp

# name: inputs, outputs, body; outputs are given, and may be read before they are set
CHAINS = {
    "squash": ("", "T x", "x = 1 / (1 + exp(x))"),
    "rectify": ("T slope", "T x", "x = x > 0 ? x : slope * x"),
    "add_and_rectify": ("T b, T slope", "T x", "T a = x + b; x = a > 0 ? a : slope * a"),
    "gate": ("T g, T x, T slope", "T y", "y = x > 0 ? g : slope * g"),
    "gate_off": ("T g, T x", "T y", "y = x <= 0 ? 0 : g"),
    "adam": (  # as Adam.update in optim/optimizers.py
        "T p, T rate, T eps, T beta1, T beta2",
        "T g, T m, T v",
        "m = beta1 * m + g; v = beta2 * v + g * g; g = p - rate * (m / (sqrt(v) + eps))",
    ),
    "lstm_step": (  # o, i, f come as -a
        "T before",
        "T o, T i, T f, T g, T c, T h",
        "o = 1 / (1 + exp(o)); i = 1 / (1 + exp(i)); f = 1 / (1 + exp(f)); g = tanh(g);"
        "c = f * before + i * g; h = o * tanh(c)",
    ),
    "lstm_step_back": (  # as lstm._slopes says
        "T o, T i, T f, T g, T before, T c, T dh",
        "T dc, T d_o, T d_i, T d_f, T d_g",
        "T t = tanh(c); T d = dc + dh * o * (1 - t * t);"
        "d_o = dh * t * o * (1 - o); d_i = d * g * i * (1 - i); d_f = d * before * f * (1 - f); d_g = d * i * (1 - g * g);"
        "dc = d * f",
    ),
}


def launch(name: str, *arguments: Any) -> None:
    """Do the chain `name` on (inputs, outputs), arrays of the GPU and numbers; the last is an array."""
    _kernel(xp(arguments[-1]), name)(*arguments)


@cache
def _kernel(library: Any, name: str) -> Any:
    return library.ElementwiseKernel(*CHAINS[name], f"tinygan_{name}")

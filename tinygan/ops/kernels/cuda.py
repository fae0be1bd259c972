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
    "tanh_back": ("T g, T y", "T d", "d = g * (1 - y * y)"),
    "sigmoid_back": ("T g, T y", "T d", "d = g * (y * (1 - y))"),
    "adam": (  # as Adam.update in optim/optimizers.py
        "T p, T rate, T eps, T beta1, T beta2",
        "T g, T m, T v",
        "m = beta1 * m + g; v = beta2 * v + g * g; g = p - rate * (m / (sqrt(v) + eps))",
    ),
    "lstm_step": (  # o, r (of c' = f c + r g) and f come as -a; CuPy keeps the name i for itself
        "T before",
        "T o, T r, T f, T g, T c, T h",
        "o = 1 / (1 + exp(o)); r = 1 / (1 + exp(r)); f = 1 / (1 + exp(f)); g = tanh(g);"
        "c = f * before + r * g; h = o * tanh(c)",
    ),
    "lstm_step_back": (  # as lstm._slopes says
        "T o, T r, T f, T g, T before, T c, T dh",
        "T dc, T d_o, T d_r, T d_f, T d_g",
        "T t = tanh(c); T d = dc + dh * o * (1 - t * t);"
        "d_o = dh * t * o * (1 - o); d_r = d * g * r * (1 - r); d_f = d * before * f * (1 - f); d_g = d * r * (1 - g * g);"
        "dc = d * f",
    ),
    "deviation": ("T var, T weight, T eps", "T rstd, T scale", "rstd = 1 / sqrt(var + eps); scale = rstd * weight"),
    "scale": ("T x, T scale, T shift, T slope", "T y", "T a = x * scale + shift; y = a > 0 ? a : slope * a"),
    "combine": ("T g, T x, T a, T b, T c", "T dx", "dx = g * a + x * b + c"),
    "move": ("T new, T momentum", "T average", "average = (1 - momentum) * average + momentum * new"),
}


def launch(name: str, *arguments: Any) -> None:
    """Do the chain `name` on (inputs, outputs), arrays of the GPU and numbers; the last is an array, and decides the type."""
    library, dtype = xp(arguments[-1]), arguments[-1].dtype
    _kernel(library, name)(*(a.astype(dtype, copy=False) if hasattr(a, "astype") else a for a in arguments))


@cache
def _kernel(library: Any, name: str) -> Any:
    return library.ElementwiseKernel(*CHAINS[name], f"tinygan_{name}")

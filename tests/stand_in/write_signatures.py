"""Write cupy/signatures.txt from the real CuPy; it needs no GPU: python tests/stand_in/write_signatures.py

A line is `name(parameters)` as Python writes them, "..." for every default. Only names that NumPy has too, and only what
somebody may call: the stand-in computes with NumPy.
"""

import inspect
import re
from pathlib import Path

import cupy
import numpy as np


def parameters_of(function, name):
    """Return the parameters of a function as text; those of a compiled one are in the first lines of its docstring."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        text = re.search(rf"\b{name}\((.*?)\)\s*(?:->.*)?$", function.__doc__ or "", re.M)
        return None if text is None else with_dots(text[1].removeprefix("self").removeprefix(", "))
    return with_dots(str(signature.replace(return_annotation=inspect.Signature.empty))[1:-1])


def with_dots(text):
    """Return parameters with "..." in place of their defaults, and without types."""
    depth, part, parts = 0, "", []
    for c in text + ",":
        depth += (c in "([{") - (c in ")]}")
        if c == "," and not depth:
            parts += [part] * bool(part.strip())
            part = ""
        else:
            part += c
    names = []
    for p in parts:
        name, equals, _ = p.partition("=")
        names.append(name.partition(":")[0].split()[-1] + "=..." * bool(equals))  # without its type
    return ", ".join(names)


def section(title, mine, theirs):
    """Yield the lines of the functions of `mine` that `theirs` has too."""
    yield f"[{title}]"
    for name in sorted(dir(mine)):
        function = getattr(mine, name)
        if name.startswith("_") or not callable(function) or isinstance(function, type) or not hasattr(theirs, name):
            continue
        if isinstance(function, cupy.ufunc):
            yield name
        elif (text := parameters_of(function, name)) is not None:
            yield f"{name}({text})"


if __name__ == "__main__":
    lines = [f"CuPy {cupy.__version__}", *section("functions", cupy, np), *section("methods", cupy.ndarray, np.ndarray)]
    lines += [*section("linalg", cupy.linalg, np.linalg), *section("fft", cupy.fft, np.fft)]
    Path(__file__).with_name("cupy").joinpath("signatures.txt").write_text("\n".join(lines) + "\n")

"""No file of ops hides behind the name of a function: `ops.norm` is the norm, not a module."""

import importlib
import pkgutil

import numpy as np
import pytest

from tinygan import Tensor, ops

FILES = [m.name for m in pkgutil.iter_modules(ops.__path__) if not m.ispkg]


@pytest.mark.parametrize("name", FILES)
def test_no_file_of_ops_has_the_name_of_a_function(name):
    """Of NumPy, of Tensor, or of an op inside a file: who types it expects to call it."""
    inside = {
        n for f in FILES for n, value in vars(importlib.import_module(f"tinygan.ops.{f}")).items() if callable(value)
    }
    functions = inside | {n for library in (np, np.linalg) for n in dir(library) if callable(getattr(library, n))}
    assert name not in functions | set(dir(Tensor))

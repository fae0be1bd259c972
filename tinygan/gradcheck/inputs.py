"""What every subject needs: the error, which inputs are checked, and what they are called."""

import inspect

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import to_numpy


class GradientError(AssertionError):
    """A wrong gradient. `finding` holds the numbers, the message explains them."""

    def __init__(self, message, finding=None):
        super().__init__(message)
        self.finding = finding


def flat(result):
    """Return the outputs one by one: an LSTM returns (out, (h, c))."""
    return [y for part in result for y in flat(part)] if isinstance(result, tuple | list) else [result]


def is_checked(x):
    return (isinstance(x, Tensor) or hasattr(x, "shape")) and raw(x).dtype.kind == "f"


def as_float64(x):
    return np.array(to_numpy(raw(x)), np.float64)  # a copy, its axes in memory ordered as they were


def names_of(function, inputs, names):
    """Return the parameter names of `function` for each of `inputs`."""
    if names is not None:
        if len(names) != len(inputs):
            raise ValueError(f"gradcheck: {len(names)} names for {len(inputs)} inputs")
        return list(names)
    try:
        parameters: list[str] = []
        for parameter in inspect.signature(function).parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL:
                parameters += [f"{parameter.name}[{i}]" for i in range(len(inputs) - len(parameters))]
            elif parameter.kind is not parameter.VAR_KEYWORD:
                parameters.append(parameter.name)
    except (TypeError, ValueError):  # a built-in function has no signature
        parameters = []
    return [parameters[i] if i < len(parameters) else f"input {i}" for i in range(len(inputs))]


def required(function):
    """Return the names of the arguments that `function` cannot do without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a built-in function has no signature, and what is no function neither
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind in positional]


def title_of(f):
    name = getattr(f, "__name__", type(f).__name__)
    return "f" if name == "<lambda>" else name

"""What can be checked, seen as arrays in, arrays out: a function of Tensors, a Module, a pair of NumPy functions.

Each subject has names and arrays (of its checked inputs), value(arrays) -> outputs, gradients(arrays, gs) -> one per
input, and differentiated(gs), the subject whose value is the gradient: checking that is checking the second order.
"""

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor, grad, raw
from tinygan.backend import to_numpy, xp


class GradientError(AssertionError):
    """A wrong gradient. `finding` holds the numbers, the message explains them."""

    def __init__(self, message, finding=None):
        super().__init__(message)
        self.finding = finding


def subject_of(f: Any, inputs: Sequence, names: Sequence[str] | None = None) -> Any:
    """Return the subject for f, whatever it is written as."""
    function = f[0] if isinstance(f, tuple | list) and f else getattr(f, "forward", f)
    needed = ", ".join(_required(function))
    if not inputs and needed:
        raise TypeError(f"gradcheck of {_title(f)}: its inputs are missing; give them after it: gradcheck(f, {needed})")
    if len(inputs) == 1 and isinstance(inputs[0], tuple | list) and any(map(_is_checked, inputs[0])):
        raise TypeError("gradcheck takes the inputs one by one, not in a tuple: gradcheck(f, *inputs)")
    if isinstance(f, tuple | list):
        if len(f) != 2 or not all(map(callable, f)):
            raise TypeError("gradcheck of a pair takes (forward, backward), two functions")
        forward, backward = f
        return _Pair(forward, backward, inputs, names)
    if not callable(f):
        raise TypeError(f"gradcheck takes a function, a Module or a pair (forward, backward), not {type(f).__name__}")
    return _TensorFunction.of(f, inputs, names)


def _flat(result):
    """Return the outputs one by one: an LSTM returns (out, (h, c))."""
    return [y for part in result for y in _flat(part)] if isinstance(result, tuple | list) else [result]


def _is_checked(x):
    return (isinstance(x, Tensor) or hasattr(x, "shape")) and raw(x).dtype.kind == "f"


def _as_float64(x):
    return np.array(to_numpy(raw(x)), np.float64)  # a copy, its axes in memory ordered as they were


def _names(function, inputs, names):
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


def _required(function):
    """Return the names of the arguments that `function` cannot do without."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a built-in function has no signature, and what is no function neither
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind in positional]


def _title(f):
    name = getattr(f, "__name__", type(f).__name__)
    return "f" if name == "<lambda>" else name


class _TensorFunction:
    """Tensors in, Tensors out; the gradients are `grad`'s."""

    can_differentiate = True

    def __init__(self, title, call, names, arrays, leaves, outputs=None):
        self.title, self.call, self.names, self.arrays, self.leaves = title, call, names, arrays, leaves
        self.passed: list = []
        self.outputs = outputs

    @classmethod
    def of(cls, f, inputs, names):
        title, module = _title(f), None
        if hasattr(f, "named_parameters"):
            f = module = copy.deepcopy(f)  # float64 is for the check only; the user's own is not touched
        inputs = list(inputs)
        names = _names(module.forward if module is not None else f, inputs, names)
        checked = [i for i, x in enumerate(inputs) if _is_checked(x)]
        parameters = dict(module.named_parameters()) if module is not None else {}
        libraries = [xp(raw(inputs[i])) for i in checked] + [xp(p.data) for p in parameters.values()]
        arrays = [_as_float64(inputs[i]) for i in checked] + [_as_float64(p) for p in parameters.values()]
        if not arrays:
            raise ValueError(f"gradcheck of {title}: none of its inputs is a floating-point array, nothing to check")

        def leaves(arrays):
            placed = [library.asarray(a) for library, a in zip(libraries, arrays)]
            tensors = [Tensor(a, requires_grad=True) for a in placed[: len(checked)]]
            for p, a in zip(parameters.values(), placed[len(checked) :]):
                p.data = a
            return tensors + list(parameters.values())

        def call(tensors):
            given = list(inputs)
            for i, t in zip(checked, tensors):
                given[i] = t
            outputs = _flat(f(*given))
            for y in outputs:
                if not isinstance(y, Tensor):
                    raise GradientError(
                        f"{title} was given Tensors and returned {type(y).__name__}: nothing is left to"
                        " differentiate. Keep to"
                        " operators and tinygan.ops inside (no .data, no .numpy()), or check a pair (forward, backward)"
                    )
            return [y for y in outputs if y.dtype.kind == "f"]  # max(dim) returns indices too

        all_names = [names[i] for i in checked] + list(parameters)
        subject = cls(title, call, all_names, arrays, leaves)
        subject.passed = [(names[i], x) for i, x in enumerate(inputs) if i not in checked]
        return subject

    def value(self, arrays):
        return [np.array(to_numpy(y.data)) for y in self.call(self.leaves(arrays))]

    def gradients(self, arrays, gs):
        tensors = self.leaves(arrays)
        recorded = [(y, xp(y.data).asarray(g)) for y, g in zip(self.call(tensors), gs, strict=True) if y.requires_grad]
        if not recorded:  # constant, or cut off from its inputs: the numbers will tell
            return [np.zeros_like(a) for a in arrays]
        gradients = grad([y for y, _ in recorded], tensors, [g for _, g in recorded])
        return [to_numpy(g) for g in gradients]

    def differentiated(self, gs):
        """Return the subject (inputs, g) -> gradients of <g, f(inputs)>, at the same inputs."""
        count = len(self.arrays)
        library = xp(self.leaves(self.arrays)[0].data)

        def leaves(arrays):
            return self.leaves(arrays[:count]) + [
                Tensor(library.asarray(g), requires_grad=True) for g in arrays[count:]
            ]

        def call(tensors):
            recorded = [(y, g) for y, g in zip(self.call(tensors[:count]), tensors[count:]) if y.requires_grad]
            if not recorded:
                return [Tensor(xp(t.data).zeros_like(t.data)) for t in tensors[:count]]
            return grad([y for y, _ in recorded], tensors[:count], [g for _, g in recorded], create_graph=True)

        upstream = ["g" if len(gs) == 1 else f"g[{i}]" for i in range(len(gs))]
        upstream = [name if name not in self.names else f"upstream {name}" for name in upstream]
        outputs = [f"d{name}" for name in self.names]
        return _TensorFunction(self.title, call, self.names + upstream, self.arrays + gs, leaves, outputs)


class _Pair:
    """Two functions of NumPy arrays, in one of the three conventions of the package's docstring."""

    can_differentiate = False
    outputs = None

    def __init__(self, forward, backward, inputs, names):
        self.forward, self.backward, self.inputs = forward, backward, list(inputs)
        self.title = _title(backward)
        self.all_names = _names(forward, inputs, names)
        self.checked = [i for i, x in enumerate(inputs) if _is_checked(x)]
        if not self.checked:
            raise ValueError(
                f"gradcheck of {self.title}: none of its inputs is a floating-point array, nothing to check"
            )
        self.names = [self.all_names[i] for i in self.checked]
        self.arrays = [_as_float64(inputs[i]) for i in self.checked]
        self.passed = [(self.all_names[i], x) for i, x in enumerate(inputs) if i not in self.checked]

    def _given(self, arrays):
        given = list(self.inputs)
        for i, a in zip(self.checked, arrays):
            given[i] = a
        return given

    def value(self, arrays):
        result = self.forward(*self._given(arrays))
        y = result[0] if isinstance(result, tuple) else result
        if y is None:
            raise GradientError(f"{_title(self.forward)} returned None: is its return statement missing?")
        return [np.array(y)]

    def gradients(self, arrays, gs):
        given = self._given(arrays)
        result = self.forward(*given)
        g = gs[0][()]  # of a scalar loss, a scalar
        if isinstance(result, tuple):
            if len(result) != 2:
                raise GradientError(
                    f"{_title(self.forward)} returned {len(result)} things: return out, or (out, cache)"
                )
            gradients = self.backward(g, result[1])
        elif self._takes(1 + len(given)):
            gradients = self.backward(g, *given)
        elif self._takes(1):
            gradients = self.backward(g)
        else:
            raise TypeError(
                f"{self.title} must take (g, {', '.join(self.all_names)}), or (g, cache) if forward returns (out,"
                " cache), or (g) if it is a method of an object that remembers"
            )
        return self._one_each(gradients)

    def _takes(self, count):
        try:
            inspect.signature(self.backward).bind(*[None] * count)
        except TypeError:
            return False
        except ValueError:  # a built-in: assume the full form
            return count > 1
        return True

    def _one_each(self, gradients):
        """Return the gradients of the checked inputs, given one for every input or one for every checked input."""
        gradients = list(gradients) if isinstance(gradients, tuple | list) else [gradients]
        if len(gradients) == len(self.inputs):
            return [gradients[i] for i in self.checked]
        if len(gradients) == len(self.checked):
            return gradients
        raise GradientError(
            f"{self.title} returned {len(gradients)} gradient{'s' * (len(gradients) != 1)} for {len(self.inputs)} inputs:"
            f" return one for each of ({', '.join(self.all_names)}), None for one without a gradient"
        )

    def differentiated(self, gs):
        raise ValueError(
            "gradcheck: order=2 needs a function made of tinygan's ops; a plain NumPy pair has no gradient of its"
            " gradient"
        )

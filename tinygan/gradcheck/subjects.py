"""What can be checked, seen as arrays in, arrays out: a function of Tensors or a Module here, NumPy code in `handwritten.py`.

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
from tinygan.gradcheck.handwritten import Layer, Pair
from tinygan.gradcheck.inputs import GradientError, as_float64, flat, is_checked, names_of, required, title_of


def subject_of(f: Any, inputs: Sequence, names: Sequence[str] | None = None) -> Any:
    """Return the subject for f, whatever it is written as."""
    function = f[0] if isinstance(f, tuple | list) and f else getattr(f, "forward", f)
    needed = ", ".join(required(function))
    if not inputs and needed:
        raise TypeError(f"gradcheck of {title_of(f)}: its inputs are missing; give them after it: gradcheck(f, {needed})")
    if inspect.isclass(f):
        raise TypeError(f"gradcheck of {title_of(f)}: it is a class; check an object of it, {title_of(f)}(...)")
    if is_layer(f):
        return Layer(f, inputs, names)
    if len(inputs) == 1 and isinstance(inputs[0], tuple | list) and any(map(is_checked, inputs[0])):
        raise TypeError("gradcheck takes the inputs one by one, not in a tuple: gradcheck(f, *inputs)")
    if isinstance(f, tuple | list):
        if len(f) != 2 or not all(map(callable, f)):
            raise TypeError("gradcheck of a pair takes (forward, backward), two functions")
        forward, backward = f
        return Pair(forward, backward, inputs, names)
    if not callable(f):
        raise TypeError(
            "gradcheck takes a function, a Module or a pair (forward, backward), or an object with these two methods,"
            f" not {type(f).__name__}"
        )
    return _TensorFunction.of(f, inputs, names)


def is_layer(f):
    """Return whether f is an object with methods forward and backward, written by hand."""
    is_module = hasattr(f, "named_parameters")
    has_both = all(callable(getattr(f, name, None)) for name in ("forward", "backward"))
    return has_both and not is_module and not inspect.isclass(f)


class _TensorFunction:
    """Tensors in, Tensors out; the gradients are `grad`'s."""

    can_differentiate = True

    def __init__(self, title, call, names, arrays, leaves, outputs=None):
        self.title, self.call, self.names, self.arrays, self.leaves = title, call, names, arrays, leaves
        self.passed: list = []
        self.outputs = outputs

    @classmethod
    def of(cls, f, inputs, names):
        title, module = title_of(f), None
        if hasattr(f, "named_parameters"):
            f = module = copy.deepcopy(f)  # float64 is for the check only; the user's own is not touched
        inputs = list(inputs)
        names = names_of(module.forward if module is not None else f, inputs, names)
        checked = [i for i, x in enumerate(inputs) if is_checked(x)]
        parameters = dict(module.named_parameters()) if module is not None else {}
        libraries = [xp(raw(inputs[i])) for i in checked] + [xp(p.data) for p in parameters.values()]
        arrays = [as_float64(inputs[i]) for i in checked] + [as_float64(p) for p in parameters.values()]
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
            outputs = flat(f(*given))
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

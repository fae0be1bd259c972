"""Plain NumPy code, from any course: a pair of functions, or an object that remembers between forward and backward."""

import copy
import inspect

import numpy as np

from tinygan.gradcheck.inputs import GradientError, as_float64, flat, is_checked, names_of, title_of

# where an object keeps its parameters and, after backward, their gradients: two dictionaries with the same keys
DICTIONARIES = (("parameters", "gradients"), ("params", "grads"))


def takes(function, count):
    """Return whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a built-in: assume the full form of a pair's backward
        return count > 1
    return True


class _ByHand:
    """What pairs and layers share: NumPy code has no gradient of its gradient."""

    can_differentiate = False
    outputs = None
    title: str

    def differentiated(self, gs):
        raise ValueError(
            "gradcheck: order=2 needs a function made of tinygan's ops; a plain NumPy pair has no gradient of its"
            " gradient"
        )

    def _one_each(self, gradients, names, checked):
        """Return the gradients of the checked inputs, given one for every input or one for every checked input."""
        if len(gradients) == len(names):
            return [gradients[i] for i in checked]
        if len(gradients) == len(checked):
            return gradients
        raise GradientError(
            f"{self.title} returned {len(gradients)} gradient{'s' * (len(gradients) != 1)} for {len(names)} inputs:"
            f" return one for each of ({', '.join(names)}), None for one without a gradient"
        )


class Pair(_ByHand):
    """Two functions of NumPy arrays, in one of the conventions of the package's docstring."""

    def __init__(self, forward, backward, inputs, names):
        self.forward, self.backward, self.inputs = forward, backward, list(inputs)
        self.title = title_of(backward)
        self.all_names = names_of(forward, inputs, names)
        self.checked = [i for i, x in enumerate(inputs) if is_checked(x)]
        if not self.checked:
            raise ValueError(
                f"gradcheck of {self.title}: none of its inputs is a floating-point array, nothing to check"
            )
        self.names = [self.all_names[i] for i in self.checked]
        self.arrays = [as_float64(inputs[i]) for i in self.checked]
        self.passed = [(self.all_names[i], x) for i, x in enumerate(inputs) if i not in self.checked]

    def _given(self, arrays):
        # a dictionary may be written to, as bn_param with its running mean: every call has its own
        given = [copy.deepcopy(x) if isinstance(x, dict) else x for x in self.inputs]
        for i, a in zip(self.checked, arrays):
            given[i] = a
        return given

    def value(self, arrays):
        outputs, _ = self._run(self._given(arrays))
        if any(y is None for y in outputs):
            raise GradientError(f"{title_of(self.forward)} returned None: is its return statement missing?")
        return [np.array(y) for y in outputs]

    def gradients(self, arrays, gs):
        given = self._given(arrays)
        _, needed = self._run(given)
        gradients = self.backward(*[g[()] for g in gs], *needed)  # [()]: of a scalar loss, a scalar
        gradients = list(gradients) if isinstance(gradients, tuple | list) else [gradients]
        return self._one_each(gradients, self.all_names, self.checked)

    def _run(self, given):
        """Return the outputs of forward, and what backward takes after their gradients."""
        result = self.forward(*given)
        if not isinstance(result, tuple):
            if takes(self.backward, 1) and not self._takes_any():
                return [result], []
            if takes(self.backward, 1 + len(given)):
                return [result], given
        elif takes(self.backward, len(result)):
            return result[:-1], result[-1:]
        elif takes(self.backward, len(result) + len(given)):
            return result, given
        returned = f"{len(result)} things" if isinstance(result, tuple) else "one array"
        raise TypeError(
            f"{self.title} must take (g, {', '.join(self.all_names)}), or (g, cache) if forward returns (out, cache), or"
            f" (g) if it is a method of an object that remembers; with one g for each output, as (dh, dc, cache) if"
            f" forward returns (h, c, cache). {title_of(self.forward)} returned {returned}"
        )

    def _takes_any(self):
        """Return whether backward is written with *args."""
        parameters = inspect.signature(self.backward).parameters.values()
        return any(p.kind is p.VAR_POSITIONAL for p in parameters)


class Layer(_ByHand):
    """An object with forward(*inputs) and backward(g), and perhaps dictionaries of parameters and their gradients.

    Every forward pass is made by a new copy of the object, so nothing is left of the pass before. An input may be a list
    of arrays, as numpy-ml's Add takes it; then backward returns a list. An object that makes its parameters in its first
    forward pass makes them once, before the check.
    """

    def __init__(self, layer, inputs, names):
        self.title, self.layer = type(layer).__name__, copy.deepcopy(layer)
        names = names_of(layer.forward, inputs, names)
        self.inputs: list = list(inputs)
        self.places: list = []  # where in `inputs` an array is: (i,), or (i, j) in a list
        self.all_names: list = []
        for i, (name, x) in enumerate(zip(names, inputs)):
            members = [(i, j) for j in range(len(x))] if isinstance(x, list) else [(i,)]
            self.places += members
            self.all_names += [f"{name}[{place[1]}]" if len(place) == 2 else name for place in members]
        values = flat(self.inputs)
        self.checked = [k for k, x in enumerate(values) if is_checked(x)]
        self.passed = [(self.all_names[k], x) for k, x in enumerate(values) if k not in self.checked]
        self.arrays = [as_float64(values[k]) for k in self.checked]
        self.names = [self.all_names[k] for k in self.checked]

        self.keys = []
        probe = copy.deepcopy(self.layer)
        probe.forward(*self._given(self.arrays))
        found = [pair for pair in DICTIONARIES if all(isinstance(getattr(probe, name, None), dict) for name in pair)]
        self.dictionaries = found[0] if found else None
        made, kept = self._dictionaries(probe)[0], self._dictionaries(self.layer)[0]
        if made and (not kept or any(p is None for p in kept.values())):
            self.layer = probe  # it made its parameters just now
        if hasattr(self.layer, "flush_gradients"):  # numpy-ml: forget the inputs since the last update
            self.layer.flush_gradients()
        parameters, gradients = self._dictionaries(self.layer)
        self.keys = [key for key, p in parameters.items() if is_checked(p)]
        for key in self.keys:
            self.arrays.append(as_float64(parameters[key]))
            self.names.append(str(key))
            if key in gradients:
                gradients[key] = np.zeros_like(self.arrays[-1])  # some add to them
        if not self.arrays:
            raise ValueError(f"gradcheck of {self.title}: neither input nor parameter of floating point, nothing to check")

    def _dictionaries(self, layer):
        return [getattr(layer, name) for name in self.dictionaries] if self.dictionaries else ({}, {})

    def _given(self, arrays):
        given = [list(x) if isinstance(x, list) else x for x in self.inputs]
        for k, a in zip(self.checked, arrays):
            i, *j = self.places[k]
            if j:
                given[i][j[0]] = a
            else:
                given[i] = a
        return given

    def _run(self, arrays):
        """Return a copy of the layer with these parameters, and its output for these inputs."""
        layer = copy.deepcopy(self.layer)
        parameters, _ = self._dictionaries(layer)
        for key, a in zip(self.keys, arrays[len(self.checked) :]):
            parameters[key] = a
        y = layer.forward(*self._given(arrays))
        if y is None:
            raise GradientError(f"{self.title}.forward returned None: is its return statement missing?")
        return layer, y

    def value(self, arrays):
        return [np.array(y) for y in flat(self._run(arrays)[1])]

    def gradients(self, arrays, gs):
        layer, _ = self._run(arrays)
        if not takes(layer.backward, len(gs)):
            raise TypeError(f"{self.title}: forward returns {len(gs)} outputs; backward must take one gradient for each")
        returned = self._one_each(flat(layer.backward(*[g[()] for g in gs])), self.all_names, self.checked)
        _, gradients = self._dictionaries(layer)
        # a parameter that backward leaves out is said to have the gradient 0, as a running mean has
        of_parameters = [gradients.get(key, np.zeros_like(a)) for key, a in zip(self.keys, arrays[len(self.checked) :])]
        return returned + of_parameters

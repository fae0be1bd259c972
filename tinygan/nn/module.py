"""Module: something with parameters and a `forward`; and the two modules that hold others, Sequential and ModuleList.

    class Critic(Module):
        def __init__(self, rng=None):
            self.hidden = Linear(2, 64, rng=rng)       # an attribute that is a Module or a Parameter is registered
            self.verdict = Linear(64, 1, rng=rng)

        def forward(self, x):                          # (N, 2)
            return self.verdict(leaky_relu(self.hidden(x), 0.2))   # (N, 1)

There is no registry to keep in step: `parameters()` looks through the attributes, so `super().__init__()` is not needed
and a deleted or replaced attribute is gone. Parameters are Tensors; buffers (state that is not trained, such as running
means) are plain arrays.

Randomness is passed in: every layer takes `rng`, a numpy Generator or an integer seed; without one it begins somewhere
new each time, as in PyTorch. `module.reset_parameters(rng)` draws the parameters of a whole tree of layers again, and
`module.reseed(rng)` gives layers that draw noise, such as Dropout, their generator. Read `linear.py` next.
"""

from typing import NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import library_of, to_device, to_numpy, xp


class Parameter(Tensor):
    """A Tensor that is trained: an attribute of a Module that `parameters()` finds and `state_dict()` keeps."""

    __slots__ = ()

    def __init__(self, data, requires_grad=True, device=None):
        super().__init__(raw(data), requires_grad, device)

    def __repr__(self):
        return f"Parameter containing:\n{super().__repr__()}"


def zeros_parameter(*shape, device=None, dtype=np.float32):
    """A Parameter of zeros, for a layer to fill in its `reset_parameters`."""
    return Parameter(library_of(device).zeros(shape, dtype))


class Keys(NamedTuple):
    """What `load_state_dict(strict=False)` left out."""

    missing_keys: list
    unexpected_keys: list


class Module:
    """Base of all layers and networks: subclasses set attributes in `__init__` and define `forward`.

    The methods that torch has as iterators return lists here: they can be counted, joined and passed to `grad`.
    """

    training = True
    _buffers = {}  # name of a buffer -> whether state_dict keeps it; replaced, never changed in place

    def forward(self, *args, **kwargs):
        """What the module computes; called through module(...)."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(self, ...)")

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)

    def followed_by(self, module):
        """A function that is this module and then `module`, if there is a faster one than the two in turn; or None."""
        return None

    def __setattr__(self, name, value):
        before = vars(self).get(name)
        if isinstance(before, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter and would no longer be trained: set .{name}.data to an"
                " array, or assign a Parameter or None"
            )
        if name in self._buffers and isinstance(value, Tensor):
            raise TypeError(f"{type(self).__name__}.{name} is a buffer, a plain array: assign the Tensor's .data")
        if isinstance(value, list | tuple) and any(isinstance(v, Module | Parameter) for v in value):
            raise TypeError(
                f"{type(self).__name__}.{name}: Modules or Parameters in a {type(value).__name__} would be neither"
                " trained nor saved: put Modules in a ModuleList, make each Parameter an attribute"
            )
        object.__setattr__(self, name, value)

    def register_buffer(self, name, array, persistent=True):
        """Make `array` (or None) an attribute that moves with `to` and, if persistent, is kept by `state_dict`."""
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, array)

    # --- what a module is made of ------------------------------------------------------------------------------

    def named_children(self):
        """(name, module) of the modules that are attributes of this one."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]

    def children(self):
        """The modules that are attributes of this one."""
        return [value for value in vars(self).values() if isinstance(value, Module)]

    def named_modules(self):
        """(dotted name, module) of this module and all inside it, each once, the outer before the inner."""
        names = {}
        _name_modules(self, "", names)
        return [(name, module) for module, name in names.items()]

    def modules(self):
        """This module and all inside it, each once, the outer before the inner."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self):
        """(dotted name, Parameter) of each parameter; one that has several names comes once, with its first."""
        names = {}
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    names.setdefault(value, f"{prefix}.{name}" if prefix else name)
        return [(name, parameter) for parameter, name in names.items()]

    def parameters(self):
        """The parameters of this module and all inside it, each once, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self):
        """(dotted name, array) of each buffer."""
        return [
            (f"{prefix}.{name}" if prefix else name, getattr(module, name))
            for prefix, module in self.named_modules()
            for name in module._buffers
            if getattr(module, name) is not None
        ]

    def buffers(self):
        """The buffers of this module and all inside it."""
        return [array for _, array in self.named_buffers()]

    # --- saving and loading ------------------------------------------------------------------------------------

    def _slots(self, prefix=""):
        """(key, owner, attribute, value) of all that is saved; what is shared comes under each of its names."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter) or (value is not None and self._buffers.get(name)):
                yield prefix + name, self, name, value
        for name, child in self.named_children():
            yield from child._slots(f"{prefix}{name}.")

    def state_dict(self):
        """Name -> numpy array for all parameters and buffers, with PyTorch's names and shapes.

        A snapshot: the arrays are copies, C-contiguous, on the CPU, so that safetensors can write them and training on
        does not change them.
        """
        return {key: np.array(to_numpy(raw(value)), order="C") for key, _, _, value in self._slots()}

    def load_state_dict(self, state_dict, strict=True):
        """Take the values of `state_dict`: arrays (or Tensors) by name, copied and cast to this module's types.

        Raises ValueError, and changes nothing, if a shape differs or, when `strict`, a name is missing or unknown.
        Returns (missing_keys, unexpected_keys).
        """
        slots = {key: (owner, name, raw(value)) for key, owner, name, value in self._slots()}
        given = {key: to_numpy(raw(value)) for key, value in state_dict.items()}
        keys = Keys([k for k in slots if k not in given], [k for k in given if k not in slots])
        arrays, misfits = {}, []
        for key, (_, _, ours) in slots.items():
            if key in given:
                theirs = given[key]
                if theirs.shape != ours.shape:
                    misfits.append(f"{key} is {ours.shape} here, {theirs.shape} in the state")
                elif not np.can_cast(theirs.dtype, ours.dtype, "same_kind"):
                    misfits.append(f"{key} is {ours.dtype} here, {theirs.dtype} in the state")
                else:
                    arrays[key] = xp(ours).empty_like(ours)  # keeps a weight channels-last in memory
                    arrays[key][...] = xp(ours).asarray(theirs)
        problems = [("does not fit", misfits)]
        if strict:
            problems.append(("missing from the state", [f"{k} {slots[k][2].shape}" for k in keys.missing_keys]))
            problems.append(("unknown here", [f"{k} {given[k].shape}" for k in keys.unexpected_keys]))
        if any(found for _, found in problems):
            lines = [f"  {what} ({len(found)}): {_shortened(found, 12)}" for what, found in problems if found]
            raise ValueError("\n".join([f"{type(self).__name__}.load_state_dict, nothing was loaded:", *lines]))
        for key, array in arrays.items():
            owner, name, _ = slots[key]
            if name in owner._buffers:
                setattr(owner, name, array)
            else:
                getattr(owner, name).data = array
        return keys

    # --- modes, devices, gradients -----------------------------------------------------------------------------

    def train(self, mode=True):
        """Training mode (Dropout drops, BatchNorm uses the batch's statistics) for this module and all inside it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self):
        """The opposite of `train`: as the module is to be used once trained."""
        return self.train(False)

    def to(self, device=None, dtype=None):
        """Move parameters and buffers to a device ("cpu", "cuda"), or make the floating-point ones `dtype`, or both."""

        def moved(array):
            array = array if device is None else to_device(array, device)
            return array.astype(dtype, copy=False) if dtype is not None and array.dtype.kind == "f" else array

        for p in self.parameters():
            array = moved(p.data)
            if array is not p.data:
                p.data = array
                p.grad = None if p.grad is None else moved(p.grad)
        for module in self.modules():
            for name in module._buffers:
                if getattr(module, name) is not None:
                    setattr(module, name, moved(getattr(module, name)))
        return self

    def zero_grad(self):
        """Forget what `backward()` left in `.grad` of the parameters. `grad(loss, parameters)` leaves nothing there."""
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self, requires_grad=True):
        """Freeze all parameters (False) or train them again (True)."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def apply(self, function):
        """Call function(module) on all modules inside this one, the inner before the outer, then on this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # --- randomness --------------------------------------------------------------------------------------------

    def reset_parameters(self, rng=None):
        """Draw the initial values again, in the order of attributes. rng: a Generator or an integer seed.

        Layers know how their own parameters begin; a module of yours that holds Parameters overrides this to say so.
        """
        rng = np.random.default_rng(rng)
        for child in self.children():
            child.reset_parameters(rng)

    def reseed(self, rng):
        """Let every layer that draws noise draw it from `rng`, a Generator or an integer seed.

        A training loop calls `net.reseed(stream(seed, "dropout", step))` before each step: the noise is then a function
        of seed and step, and a resumed run draws what the unbroken one would have drawn.
        """
        rng = np.random.default_rng(rng)
        for module in self.modules():
            if "rng" in vars(module):
                module.rng = rng
        return self

    # --- how it prints -----------------------------------------------------------------------------------------

    def extra_repr(self):
        """The settings that are shown between the parentheses of the module's name."""
        return ""

    def __repr__(self):
        lines = _lines(self, "", "")
        if len(lines) == 1:
            text, count, shapes = lines[0]
            return f"{text}  {count:,} parameters: {_shortened(shapes, 4)}" if count else text
        width = min(80, max((len(text) for text, count, _ in lines if count), default=0))
        digits = max(len(f"{count:,}") for _, count, _ in lines)
        shown = [f"{text:{width}}  {n:{digits},}  {_shortened(shapes, 2)}" if n else text for text, n, shapes in lines]
        parameters = self.parameters()
        total, trained = (sum(p.size for p in parameters if p.requires_grad or every) for every in (True, False))
        shown[-1] += f"  {total:,} parameters" + (f", {trained:,} of them trained" if trained < total else "")
        return "\n".join(shown)


def _name_modules(module, prefix, names):
    names[module] = prefix
    for name, value in vars(module).items():
        if isinstance(value, Module) and value not in names:
            _name_modules(value, f"{prefix}.{name}" if prefix else name, names)


def _lines(module, indent, label):
    """(text, number of parameters, their shapes) of each line of a module's repr."""
    own = [(name, p) for name, p in vars(module).items() if isinstance(p, Parameter)]
    head = f"{indent}{label}{type(module).__name__}("
    inside = module.named_children()
    if not inside:
        count = sum(p.size for _, p in own)
        return [(f"{head}{module.extra_repr()})", count, [f"{name} {p.shape}" for name, p in own])]
    lines = [(head + module.extra_repr(), 0, [])]
    lines += [(f"{indent}  ({name}): Parameter", p.size, [f"{p.shape}"]) for name, p in own]
    for name, child in inside:
        lines += _lines(child, indent + "  ", f"({name}): ")
    return [*lines, (f"{indent})", 0, [])]


def _shortened(texts, most):
    return ", ".join(texts[:most]) + (f", and {len(texts) - most} more" if len(texts) > most else "")


# --- modules that hold modules ---------------------------------------------------------------------------------


class _Numbered(Module):
    """Modules under the names "0", "1", ..., in order."""

    def __len__(self):
        return len(self.children())

    def __iter__(self):
        return iter(self.children())

    def append(self, module):
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds Modules, got {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self


class Sequential(_Numbered):
    """Modules one after the other: Sequential(first, second, ...), or Sequential({name: module, ...})."""

    def __init__(self, *modules):
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                setattr(self, name, module)
        else:
            for module in modules:
                self.append(module)

    def __getitem__(self, index):
        return Sequential(dict(self.named_children()[index])) if isinstance(index, slice) else self.children()[index]

    def forward(self, input):
        """The last module's output. Two neighbours of which the first offers it are called as one, see Module.followed_by."""
        first = None  # the module whose turn it is, unless it goes with the next one
        for module in self.children():
            both = None if first is None else first.followed_by(module)
            if both is not None:
                input, first = both(input), None
            else:
                input, first = input if first is None else first(input), module
        return input if first is None else first(input)


class ModuleList(_Numbered):
    """A list of modules that is registered, as a plain list is not; it has no forward of its own."""

    def __init__(self, modules=()):
        self.extend(modules)

    def __getitem__(self, index):
        return ModuleList(self.children()[index]) if isinstance(index, slice) else self.children()[index]

    def extend(self, modules):
        """Add several modules at the end."""
        for module in modules:
            self.append(module)
        return self

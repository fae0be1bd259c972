"""Module: something with parameters and a `forward`. The base of all layers and networks.

    class Critic(Module):
        def __init__(self, rng=None):
            self.hidden = Linear(2, 64, rng=rng)       # an attribute that is a Module or a Parameter is registered
            self.verdict = Linear(64, 1, rng=rng)

        def forward(self, x):                          # (N, 2)
            return self.verdict(leaky_relu(self.hidden(x), 0.2))   # (N, 1)

There is no registry to keep in step: `parameters()` looks through the attributes, so `super().__init__()` is not needed
and a deleted or replaced attribute is gone. Parameters are Tensors; buffers (state that is not trained, such as running
means) are plain arrays. Modules that hold others in order, Sequential and ModuleList, are in `containers.py`.

Randomness is passed in: every layer takes `rng`, a numpy Generator or an integer seed; without one it begins somewhere
new each time, as in PyTorch. `module.reset_parameters(rng)` draws the parameters of a whole tree of layers again, and
`module.reseed(rng)` gives layers that draw noise, such as Dropout, their generator. Read `linear.py` next.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, library_of, to_device, to_numpy, xp
from tinygan.nn.init import Seed

if TYPE_CHECKING:
    from typing_extensions import Self


class Parameter(Tensor):
    """A Tensor that is trained: an attribute of a Module that `parameters()` finds and `state_dict()` keeps."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True, device: str | None = None):
        super().__init__(raw(data), requires_grad, device)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


_room: ContextVar[list[int] | None] = ContextVar("room", default=None)


class TooLarge(Exception):
    """Layers would have more numbers than `at_most` allows."""


@contextmanager
def at_most(numbers: int) -> Iterator[None]:
    """Let the layers that are made in this block have so many numbers in all; TooLarge before memory is taken."""
    token = _room.set([numbers])
    try:
        yield
    finally:
        _room.reset(token)


def zeros_parameter(*shape: int, device: str | None = None, dtype: Any = np.float32) -> Parameter:
    """Return a Parameter of zeros, for a layer to fill in its `reset_parameters`."""
    room = _room.get()
    if room is not None:
        room[0] -= math.prod(shape)
        if room[0] < 0:
            raise TooLarge("there are fewer numbers than these layers would have")
    return Parameter(library_of(device).zeros(shape, dtype))


class Keys(NamedTuple):
    """The names that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base of all layers and networks: subclasses set attributes in `__init__` and define `forward`.

    The methods that torch has as iterators return lists here: they can be counted, joined and passed to `grad`.
    """

    training = True
    _buffers: dict[str, bool] = {}  # name of a buffer -> whether state_dict keeps it; replaced, never changed in place

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module computes. Call module(...), not this."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(self, ...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.forward(*args, **kwargs)

    def __setattr__(self, name: str, value: Any) -> None:
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

    def register_buffer(self, name: str, array: Array | None, persistent: bool = True) -> None:
        """Make `array` (or None) an attribute that moves with `to` and, if persistent, is kept by `state_dict`."""
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, array)

    # --- what a module is made of ------------------------------------------------------------------------------

    def named_children(self) -> list[tuple[str, Module]]:
        """Return (name, module) of the modules that are attributes of this one."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Module)]

    def children(self) -> list[Module]:
        """Return the modules that are attributes of this one."""
        return [value for value in vars(self).values() if isinstance(value, Module)]

    def named_modules(self) -> list[tuple[str, Module]]:
        """Return (dotted name, module) of this module and all inside it, each once, the outer before the inner."""
        names: dict[Module, str] = {}
        _name_modules(self, "", names)
        return [(name, module) for module, name in names.items()]

    def modules(self) -> list[Module]:
        """Return this module and all inside it, each once, the outer before the inner."""
        return [module for _, module in self.named_modules()]

    def named_parameters(self) -> list[tuple[str, Parameter]]:
        """Return (dotted name, Parameter) of each parameter; one that has several names comes once, with its first."""
        names: dict[Parameter, str] = {}
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Parameter):
                    names.setdefault(value, f"{prefix}.{name}" if prefix else name)
        return [(name, parameter) for parameter, name in names.items()]

    def parameters(self) -> list[Parameter]:
        """Return the parameters of this module and all inside it, each once, in the order of `named_parameters`."""
        return [parameter for _, parameter in self.named_parameters()]

    def named_buffers(self) -> list[tuple[str, Array]]:
        """Return (dotted name, array) of each buffer."""
        return [
            (f"{prefix}.{name}" if prefix else name, getattr(module, name))
            for prefix, module in self.named_modules()
            for name in module._buffers
            if getattr(module, name) is not None
        ]

    def buffers(self) -> list[Array]:
        """Return the buffers of this module and all inside it."""
        return [array for _, array in self.named_buffers()]

    # --- saving and loading ------------------------------------------------------------------------------------

    def _slots(self, prefix: str = "") -> Iterator[tuple[str, Module, str, Any]]:
        """Yield (key, owner, attribute, value) of all that is saved; what is shared comes under each of its names."""
        for name, value in vars(self).items():
            if isinstance(value, Parameter) or (value is not None and self._buffers.get(name)):
                yield prefix + name, self, name, value
        for name, child in self.named_children():
            yield from child._slots(f"{prefix}{name}.")

    def state_dict(self) -> dict[str, np.ndarray]:
        """Return name -> numpy array for all parameters and buffers, with PyTorch's names and shapes.

        A snapshot: the arrays are copies, C-contiguous, on the CPU, so that safetensors can write them and training on
        does not change them.
        """
        return {key: np.array(to_numpy(raw(value)), order="C") for key, _, _, value in self._slots()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Keys:
        """Take the values of `state_dict`: arrays (or Tensors) by name, copied and cast to this module's types.

        Raises ValueError, and changes nothing, if a shape differs or, when `strict`, a name is missing or unknown.
        Return (missing_keys, unexpected_keys).
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
        if any(names for _, names in problems):
            lines = [f"  {problem} ({len(names)}): {_shorten(names, 12)}" for problem, names in problems if names]
            raise ValueError("\n".join([f"{type(self).__name__}.load_state_dict, nothing was loaded:", *lines]))
        for key, array in arrays.items():
            owner, name, _ = slots[key]
            if name in owner._buffers:
                setattr(owner, name, array)
            else:
                getattr(owner, name).data = array
        return keys

    # --- modes, devices, gradients -----------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Set training mode (Dropout drops, BatchNorm uses the batch's statistics) for this module and all inside it."""
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Leave training mode: the module is then as it is to be used once trained."""
        return self.train(False)

    def to(self, device: str | None = None, dtype: Any = None) -> Self:
        """Move parameters and buffers to a device ("cpu", "cuda"), or make the floating-point ones `dtype`, or both."""

        def convert(array):
            array = array if device is None else to_device(array, device)
            return array.astype(dtype, copy=False) if dtype is not None and array.dtype.kind == "f" else array

        for p in self.parameters():
            array = convert(p.data)
            if array is not p.data:
                p.data = array
                p.grad = None if p.grad is None else convert(p.grad)
        for module in self.modules():
            for name in module._buffers:
                if getattr(module, name) is not None:
                    setattr(module, name, convert(getattr(module, name)))
        return self

    def zero_grad(self) -> None:
        """Forget what `backward()` left in `.grad` of the parameters. `grad(loss, parameters)` leaves nothing there."""
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze all parameters (False) or train them again (True)."""
        for p in self.parameters():
            p.requires_grad_(requires_grad)
        return self

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call function(module) on all modules inside this one, the inner before the outer, then on this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # --- randomness --------------------------------------------------------------------------------------------

    def reset_parameters(self, rng: Seed = None) -> None:
        """Draw the initial values again, in the order of attributes. rng: a Generator or an integer seed.

        Layers know how their own parameters begin; a module of yours that holds Parameters overrides this to say so.
        """
        rng = np.random.default_rng(rng)
        for child in self.children():
            child.reset_parameters(rng)

    def reseed(self, rng: Seed) -> Self:
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

    def extra_repr(self) -> str:
        """Return the settings that are shown between the parentheses of the module's name."""
        return ""

    def __repr__(self) -> str:
        lines = _lines(self, "", "")
        if len(lines) == 1:
            text, count, shapes = lines[0]
            return f"{text}  {count:,} parameters: {_shorten(shapes, 4)}" if count else text
        width = min(80, max((len(text) for text, count, _ in lines if count), default=0))
        digits = max(len(f"{count:,}") for _, count, _ in lines)
        shown = [f"{text:{width}}  {n:{digits},}  {_shorten(shapes, 2)}" if n else text for text, n, shapes in lines]
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
    """Return (text, number of parameters, their shapes) of each line of a module's repr."""
    own = [(name, p) for name, p in vars(module).items() if isinstance(p, Parameter)]
    head = f"{indent}{label}{type(module).__name__}("
    inside = module.named_children()
    if not inside:
        count = sum(p.size for _, p in own)
        return [(f"{head}{module.extra_repr()})", count, [f"{name} {p.shape}" for name, p in own])]
    lines: list[tuple[str, int, list[str]]] = [(head + module.extra_repr(), 0, [])]
    lines += [(f"{indent}  ({name}): Parameter", p.size, [f"{p.shape}"]) for name, p in own]
    for name, child in inside:
        lines += _lines(child, indent + "  ", f"({name}): ")
    return [*lines, (f"{indent})", 0, [])]


def _shorten(texts, most):
    return ", ".join(texts[:most]) + (f", and {len(texts) - most} more" if len(texts) > most else "")

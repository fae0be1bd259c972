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

Every layer takes `rng`, a numpy Generator or an integer seed; without one it draws from the generator that
`tinygan.manual_seed` sets, as in PyTorch. `module.reset_parameters(rng)` draws the parameters of a whole tree of layers
again, and `module.reseed(rng)` gives layers that draw noise, such as Dropout, their generator. Read `linear.py` next.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygan.autodiff import Tensor, raw
from tinygan.backend import Array, to_device, to_numpy, xp
from tinygan.nn.describe import describe, shorten, suggest
from tinygan.nn.init import Seed
from tinygan.nn.parameter import Parameter, checked_dtype
from tinygan.remedies import explain, watch, with_remedies
from tinygan.seeding import generator

if TYPE_CHECKING:
    from typing_extensions import Self


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
    _hooks: tuple[Hook, ...] = ()

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        watch(cls)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module computes. Call module(...), not this."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward(self, ...)")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            output = self.forward(*args, **kwargs)
        except (AttributeError, TypeError) as error:
            explain(type(self).__name__, self.forward, error, args, kwargs)
            raise
        for hook in self._hooks:
            changed = hook.function(self, args, output)
            output = output if changed is None else changed
        return output

    def __setattr__(self, name: str, value: Any) -> None:
        before = vars(self).get(name)
        if isinstance(before, Parameter) and not (value is None or isinstance(value, Parameter)):
            raise TypeError(
                f"{type(self).__name__}.{name} is a Parameter and would no longer be trained: set .{name}.data to an"
                " array, or assign a Parameter or None"
            )
        if name in self._buffers and isinstance(value, Tensor):
            raise TypeError(f"{type(self).__name__}.{name} is a buffer, a plain array: assign the Tensor's .data")
        if isinstance(value, _CONTAINERS) and _holds_layers(value):
            raise TypeError(_lost_layers(self, name, value))
        if isinstance(value, (Module, Parameter)) and callable(getattr(type(self), name, None)):
            raise TypeError(f"{type(self).__name__}.{name} is a method and would be lost: choose another name")
        object.__setattr__(self, name, value)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            remedy = f"; write instead: {_INSTEAD[name]}" if name in _INSTEAD else ""
            raise AttributeError(f"{type(self).__name__} has no attribute {name}{remedy}")

    def register_buffer(self, name: str, array: Array | None, persistent: bool = True) -> None:
        """Make `array` (or None) an attribute that moves with `to` and, if persistent, is kept by `state_dict`."""
        self._buffers = {**self._buffers, name: persistent}
        setattr(self, name, array)

    def register_forward_hook(self, hook: Callable[[Module, tuple, Any], Any]) -> Hook:
        """Call hook(module, args, output) after every call of this module; return what `remove()` ends it by.

        A hook that returns something other than None replaces the output. Networks that read a layer's weights without
        calling it, as some that write sequences do, do not run its hooks.
        """
        if not callable(hook):
            raise TypeError(f"register_forward_hook takes a function (module, args, output), got {type(hook).__name__}")
        added = Hook(self, hook)
        self._hooks = (*self._hooks, added)
        return added

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
                elif type(value) in _KINDS and value and _holds_layers(value, first_only=True):
                    raise TypeError(_lost_layers(module, name, value))  # a list that was filled after it was assigned
        return [(name, parameter) for parameter, name in names.items()]

    def parameters(self) -> list[Parameter]:
        """Return the parameters of this module and all inside it, each once, in the order of `named_parameters`.

        They come as a list: the first is parameters()[0].
        """
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
        if not isinstance(state_dict, Mapping):
            got = type(state_dict).__name__
            raise TypeError(f"load_state_dict takes a dict of arrays, as state_dict() returns it, got a {got}")
        slots = {key: (owner, name, raw(value)) for key, owner, name, value in self._slots()}
        for key, value in state_dict.items():
            if not hasattr(value, "shape"):
                inside = f"; is it load_state_dict(state[{key!r}])?" if isinstance(value, Mapping) else ""
                raise TypeError(f"load_state_dict takes a dict of arrays, {key!r} is a {type(value).__name__}{inside}")
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
            unknown = suggest(
                {k: given[k].shape for k in keys.unexpected_keys}, {k: slots[k][2].shape for k in keys.missing_keys}
            )
            problems.append(("unknown here", unknown))
        if any(names for _, names in problems):
            lines = [f"  {problem} ({len(names)}): {shorten(names, 12)}" for problem, names in problems if names]
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

    def to(self, device: Any = None, dtype: Any = None) -> Self:
        """Move parameters and buffers to a device ("cpu", "cuda"), or make the floating-point ones `dtype`, or both.

        A type may stand alone: to(np.float64).
        """
        if device is not None and not isinstance(device, str):
            if dtype is not None:
                raise TypeError(f"to(device, dtype): device is 'cpu' or 'cuda', got {device!r}")
            device, dtype = None, device
        dtype = None if dtype is None else checked_dtype(dtype)

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

    def double(self) -> Self:
        """Make parameters and floating-point buffers float64, as gradient checks need them."""
        return self.to(dtype=np.float64)

    def float(self) -> Self:
        """Make parameters and floating-point buffers float32."""
        return self.to(dtype=np.float32)

    def half(self) -> Self:
        """Raise TypeError: there is no float16 here."""
        return self.to(dtype=np.float16)

    def cpu(self) -> Self:
        """Move parameters and buffers to the CPU."""
        return self.to("cpu")

    def cuda(self) -> Self:
        """Move parameters and buffers to the GPU."""
        return self.to("cuda")

    @with_remedies
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
        rng = generator(rng)
        for child in self.children():
            child.reset_parameters(rng)

    def reseed(self, rng: Seed) -> Self:
        """Let every layer that draws noise draw it from `rng`, a Generator or an integer seed.

        A training loop calls `net.reseed(stream(seed, "dropout", step))` before each step: the noise is then a function
        of seed and step, and a resumed run draws what the unbroken one would have drawn.
        """
        rng = generator(rng)
        for module in self.modules():
            if "rng" in vars(module):
                module.rng = rng
        return self

    # --- how it prints -----------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """Return the settings that are shown between the parentheses of the module's name."""
        return ""

    def __repr__(self) -> str:
        return describe(self)


_INSTEAD = {  # methods of torch.nn.Module that are not here -> what to write
    "add_module": "setattr(module, name, child)",
    "register_module": "setattr(module, name, child)",
    "register_parameter": "module.name = Parameter(array)",
    "register_forward_pre_hook": "register_forward_hook, which is also given the arguments",
    "register_full_backward_hook": "grad(loss, tensor), with the tensor that a forward hook is given",
    "register_backward_hook": "grad(loss, tensor), with the tensor that a forward hook is given",
    "get_parameter": "dict(module.named_parameters())[name]",
    "get_buffer": "dict(module.named_buffers())[name]",
    "get_submodule": "dict(module.named_modules())[name]",
    "bfloat16": "float()",
    "device": "module.parameters()[0].device",
    "flatten_parameters": "nothing: leave it out",
    "get_extra_state": "state_dict(), with buffers",
    "type": "to(dtype=...)",
    "compile": "the module itself: neighbours in Sequential run as one already",
    "share_memory": "average_gradients of tinygan.distributed",
}


class Hook:
    """A function that a module calls after `forward`, until `remove()`."""

    def __init__(self, module: Module, function: Callable[[Module, tuple, Any], Any]):
        self.module, self.function = module, function

    def remove(self) -> None:
        """Call the function no more."""
        self.module._hooks = tuple(hook for hook in self.module._hooks if hook is not self)


_CONTAINERS = (list, tuple, dict, set, frozenset)
_KINDS = {*_CONTAINERS, OrderedDict, defaultdict}  # looked up in a set: parameters() asks of every attribute


def _holds_layers(container, first_only=False):
    """Return whether a Module or Parameter is in a container, at any depth; first_only: or is the first thing in it."""
    pending, seen = [container], set()
    while pending:
        inside = pending.pop()
        if isinstance(inside, Module | Parameter):
            return True
        if isinstance(inside, _CONTAINERS) and id(inside) not in seen:
            seen.add(id(inside))
            values = inside.values() if isinstance(inside, dict) else inside
            pending.extend(islice(values, 1) if first_only else values)
    return False


def _lost_layers(module, name, container):
    home = "ModuleDict" if isinstance(container, dict) else "ModuleList"
    return (
        f"{type(module).__name__}.{name}: Modules or Parameters in a {type(container).__name__} would be neither"
        f" trained nor saved: put Modules in a {home} ({home}s may stand in one another), make each Parameter an attribute"
    )


def _name_modules(module, prefix, names):
    names[module] = prefix
    for name, value in vars(module).items():
        if isinstance(value, Module) and value not in names:
            _name_modules(value, f"{prefix}.{name}" if prefix else name, names)

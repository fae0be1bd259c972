"""Modules that hold other modules: Sequential calls one after the other, ModuleList is a list, ModuleDict a dict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tinygan.nn import fuse
from tinygan.nn.module import Module

if TYPE_CHECKING:
    from typing_extensions import Self


class _Numbered(Module):
    """Modules in order, under the names "0", "1", ..."""

    def __len__(self) -> int:
        return len(self.children())

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children())

    def __getitem__(self, index: int | slice) -> Any:
        names = self._names(index)
        return (
            getattr(self, names) if isinstance(names, str) else self._of({name: getattr(self, name) for name in names})
        )

    def __setitem__(self, index: int, module: Module) -> None:
        self._add(self._names(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = self._names(index)
        gone = [names] if isinstance(names, str) else names
        self._rebuild([(name, module) for name, module in self.named_children() if name not in gone])

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        self._add(None, module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        for module in list(modules):
            self._add(None, module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Add a module before the one at `index`; those after it are numbered anew."""
        _check_module(self, module)
        modules: list[tuple[str | None, Module]] = [*self.named_children()]
        modules.insert(index, (None, module))
        self._rebuild(modules)
        return self

    def _of(self, modules: dict[str, Module]) -> Self:
        """Return another of this kind that holds `modules`."""
        raise NotImplementedError

    def _names(self, index: int | slice) -> Any:
        """Return the name of the module at `index`, or the names of a slice."""
        names = [name for name, _ in self.named_children()]
        try:
            return names[index]
        except IndexError:
            raise IndexError(f"{type(self).__name__} of {len(names)} modules has no module {index}") from None
        except TypeError:
            near = f"; .{index} is the module of this name" if index in names else ""
            raise TypeError(f"{type(self).__name__} is indexed by number or slice, not by {index!r}{near}") from None

    def _add(self, name: str | None, module: Module) -> None:
        """Set the module of this name; without a name, of the first number that is not taken from the length on."""
        _check_module(self, module)
        number = len(self)
        while str(number) in vars(self):
            number += 1
        setattr(self, str(number) if name is None else name, module)

    def _rebuild(self, modules: Iterable[tuple[str | None, Module]]) -> None:
        """Hold these modules in this order: names that are numbers are given anew, others stay."""
        for old, _ in self.named_children():
            delattr(self, old)
        for name, module in modules:
            self._add(None if name is None or name.isdigit() else name, module)


class Sequential(_Numbered):
    """Modules one after the other: Sequential(first, second, ...), or Sequential({name: module, ...}).

    Its results are those of the modules in turn. Some neighbours run as one, without calling them: see `fuse.py`.
    """

    def __init__(self, *modules: Module | Mapping[str, Module]):
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for name, module in modules[0].items():
                self._add(_checked_name(self, name), module)
        else:
            self.extend(modules)  # type: ignore[arg-type]

    def _of(self, modules: dict[str, Module]) -> Any:
        return Sequential(modules)

    def forward(self, input: Any) -> Any:
        """Return the last module's output. Neighbours that are in the table of `fuse.py` run as one."""
        for step in fuse.steps(self.children()):
            input = step(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters are trained and saved; those in a plain list are not. It has no forward."""

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def _of(self, modules: dict[str, Module]) -> Any:
        return ModuleList(modules.values())

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Raise NotImplementedError."""
        raise NotImplementedError("ModuleList does not define forward: call its modules, or put them in a Sequential")


class ModuleDict(Module):
    """A dict of modules whose parameters are trained and saved; those in a plain dict are not. It has no forward."""

    def __init__(self, modules: Mapping[str, Module] | None = None):
        self.update(modules or {})

    def __getitem__(self, key: str) -> Any:
        if key not in self:
            raise KeyError(f"ModuleDict has no {key!r}, it has {', '.join(self)}")
        return getattr(self, key)

    def __setitem__(self, key: str, module: Module) -> None:
        _check_module(self, module)
        setattr(self, _checked_name(self, key), module)

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(f"ModuleDict has no {key!r}, it has {', '.join(self)}")
        delattr(self, key)

    def __len__(self) -> int:
        return len(self.children())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __contains__(self, key: str) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        """Return the names, in the order in which they were added."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """Return the modules."""
        return self.children()

    def items(self) -> list[tuple[str, Module]]:
        """Return (name, module) of each."""
        return self.named_children()

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add several modules; one of a name that is there is replaced."""
        for key, module in modules.items():
            self[key] = module


def _checked_name(owner: Module, name: Any) -> str:
    if not isinstance(name, str) or not name or "." in name:
        raise ValueError(f"{type(owner).__name__}: a name is a string without dots, got {name!r}")
    return name


def _check_module(owner: Module, module: Any) -> None:
    """Raise TypeError for what is not a Module, with the likely remedy."""
    if isinstance(module, Module):
        return
    remedy = ": wrap a function in a Module whose forward calls it" if callable(module) else ""
    if isinstance(module, type) and issubclass(module, Module):
        remedy = f": call it, {module.__name__}()"
    elif isinstance(module, list | tuple):
        remedy = ": unpack it, Sequential(*layers)"
    raise TypeError(f"{type(owner).__name__} holds Modules, got {type(module).__name__}{remedy}")

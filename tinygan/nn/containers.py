"""Modules that hold other modules in order: Sequential, which calls one after the other, and ModuleList, a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from tinygan.nn import fuse
from tinygan.nn.module import Module

if TYPE_CHECKING:
    from typing_extensions import Self


class _Numbered(Module):
    """Modules under the names "0", "1", ..., in order."""

    def __len__(self) -> int:
        return len(self.children())

    def __iter__(self) -> Iterator[Module]:
        return iter(self.children())

    def append(self, module: Module) -> Self:
        """Add a module at the end."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__} holds Modules, got {type(module).__name__}")
        setattr(self, str(len(self)), module)
        return self


class Sequential(_Numbered):
    """Modules one after the other: Sequential(first, second, ...), or Sequential({name: module, ...}).

    Its results are those of the modules in turn. Some neighbours run as one, without calling them: see `fuse.py`.
    """

    def __init__(self, *modules: Module | dict[str, Module]):
        if len(modules) == 1 and isinstance(modules[0], dict):
            for name, module in modules[0].items():
                setattr(self, name, module)
        else:
            for each in modules:
                self.append(each)  # type: ignore[arg-type]

    def __getitem__(self, index: int | slice) -> Any:
        return Sequential(dict(self.named_children()[index])) if isinstance(index, slice) else self.children()[index]

    def forward(self, input: Any) -> Any:
        """Return the last module's output. Neighbours that are in the table of `fuse.py` run as one."""
        for step in fuse.steps(self.children()):
            input = step(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters are trained and saved; those in a plain list are not. It has no forward."""

    def __init__(self, modules: Iterable[Module] = ()):
        self.extend(modules)

    def __getitem__(self, index: int | slice) -> Any:
        return ModuleList(self.children()[index]) if isinstance(index, slice) else self.children()[index]

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add several modules at the end."""
        for module in modules:
            self.append(module)
        return self

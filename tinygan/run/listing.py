"""How the settings of a recipe are listed: its own first, then those it shares, by group, then what choices bring."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from tinygan.run.settings import list_additions, list_groups


def describe(root: Any) -> Iterator[str]:
    """Yield the lines that say what the settings of a class are, each with its default, meaning and choices."""
    usual, own = root.choose({}), "Its own"
    of_choices = [group for _, group in list_groups(root)]
    groups: dict[str, list] = {own: []}
    for f in fields(usual):
        owner = next(c for c in reversed(usual.__mro__) if f.name in vars(c).get("__annotations__", {}))
        is_own = _folder(owner) == _folder(root) and owner not in of_choices
        groups.setdefault(own if is_own else owner.__doc__.partition("\n")[0].rstrip("."), []).append(f)
    yield from _lines(own, groups.pop(own))
    for title, described in reversed(groups.items()):
        yield from _lines(title, described)
    additions: dict[tuple, tuple[list, list]] = {}
    for choice, described in list_additions(root):  # choices that bring the same are one group
        choices, _ = additions.setdefault(tuple((f.name, f.default) for f in described), ([], described))
        choices.append(choice)
    for choices, described in additions.values():
        yield from _lines(f"With {' or '.join(dict.fromkeys(choices))}", described)


def _folder(kind):
    return kind.__module__.rpartition(".")[0]


def _lines(title, described):
    if described:
        yield title
    for f in described:
        choices = f.metadata["choices"]
        one_of = f" One of {', '.join(choices)}." if choices else ""
        yield f"  {f.name:16} {f.default!s:16} {f.metadata['meaning']}{one_of}"

"""What a module prints as, and how its keys are named in errors."""

from difflib import get_close_matches
from typing import Any

from tinygan.nn.parameter import Parameter


def describe(module: Any) -> str:
    """Return the repr of a module: a line for each layer, with its settings, its parameters and their shapes."""
    lines = _lines(module, "", "")
    if len(lines) == 1:
        text, count, shapes = lines[0]
        return f"{text}  {count:,} parameters: {shorten(shapes, 4)}" if count else text
    width = min(80, max((len(text) for text, count, _ in lines if count), default=0))
    digits = max(len(f"{count:,}") for _, count, _ in lines)
    shown = [f"{text:{width}}  {n:{digits},}  {shorten(shapes, 2)}" if n else text for text, n, shapes in lines]
    parameters = module.parameters()
    total, trained = (sum(p.numel() for p in parameters if p.requires_grad or every) for every in (True, False))
    shown[-1] += f"  {total:,} parameters" + (f", {trained:,} of them trained" if trained < total else "")
    return "\n".join(shown)


def _lines(module, indent, label):
    """Return (text, number of parameters, their shapes) of each line of a module's repr."""
    own = [(name, p) for name, p in vars(module).items() if isinstance(p, Parameter)]
    head = f"{indent}{label}{type(module).__name__}("
    inside = module.named_children()
    if not inside:
        count = sum(p.numel() for _, p in own)
        return [(f"{head}{module.extra_repr()})", count, [f"{name} {p.shape}" for name, p in own])]
    lines: list[tuple[str, int, list[str]]] = [(head + module.extra_repr(), 0, [])]
    lines += [(f"{indent}  ({name}): Parameter", p.numel(), [f"{p.shape}"]) for name, p in own]
    for name, child in inside:
        lines += _lines(child, indent + "  ", f"({name}): ")
    return [*lines, (f"{indent})", 0, [])]


def shorten(texts: list[str], most: int) -> str:
    """Return the first few texts, and how many more there are."""
    return ", ".join(texts[:most]) + (f", and {len(texts) - most} more" if len(texts) > most else "")


def suggest(unknown: dict[str, tuple], missing: dict[str, tuple]) -> list[str]:
    """Return "key (shape)" of each unknown key, with the missing key of its shape that is most like it."""
    lines = []
    for i, (key, shape) in enumerate(unknown.items()):
        same = [k for k in missing if missing[k] == shape] if i < 12 else []  # only so many are shown
        near = [k for k in same if key.endswith(f".{k}") or k.endswith(f".{key}")] or get_close_matches(
            key, same, 1, 0.7
        )
        lines.append(f"{key} {shape}" + (f", is it {near[0]}?" if near else ""))
    return lines

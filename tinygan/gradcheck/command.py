"""`tinygan gradcheck FILE.py:NAME`: the same check from a terminal, for a file that is being written. It runs the file.

NAME is a function of Tensors, a Module, a pair (forward, backward), an object with forward and backward, or the stem of
two functions NAME_forward and NAME_backward. It is checked at `NAME_inputs` of the same file, a tuple of arrays or a
function that returns one. Without it, shapes may be annotations, `def affine(x: (4, 3), w: (3, 5), b: (5,))`, and a
function of one argument is given a (3, 4) array.
"""

import importlib.util
import inspect
import math
import os
import sys
import traceback
from typing import Any, TextIO

import numpy as np

from tinygan.backend import stream
from tinygan.files import printable
from tinygan.gradcheck.check import check
from tinygan.gradcheck.inputs import GradientError
from tinygan.gradcheck.subjects import is_layer, subject_of

MOST_ELEMENTS = 10_000_000  # of an input made from an annotation: 80 MB


class _BadSpec(Exception):
    """One sentence for the person at the terminal."""


def check_file(spec: str, stream: TextIO | None = None, order: int = 1) -> int:
    """Check FILE.py:NAME and print a table to `stream`; return 0 if all is right, 1 if not, 2 for a bad spec."""
    stream = sys.stdout if stream is None else stream
    try:
        path, name = _split(spec)
        members = _load(path)
        f = _find(members, name, path)
        inputs = _inputs(members, name, f)
    except _BadSpec as error:
        print(f"tinygan gradcheck: {printable(str(error))}", file=stream)
        return 2
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # an annotation or a property may do anything, sys.exit(0) too
        print(f"tinygan gradcheck: {name} raised {_where_raised(error, path)}", file=stream)
        return 2
    try:
        findings = check(f, *inputs, order=order)
        passed = subject_of(f, inputs).passed
    except GradientError as error:
        print(error, file=stream)
        return 1
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        print(f"tinygan gradcheck: {name} raised {_where_raised(error, path)}", file=stream)
        return 1
    if not any(finding.checked or finding.problem for finding in findings):
        print(f"tinygan gradcheck: nothing of {name} was checked: its inputs have no elements", file=stream)
        return 1
    _print_table(findings, passed, name, stream)
    return int(any(finding.problem for finding in findings))


def _split(spec):
    path, colon, name = spec.rpartition(":")
    if not colon or not path.endswith(".py") or not name.isidentifier():
        raise _BadSpec(f"{spec!r} is not FILE.py:NAME, for example layers.py:affine")
    if not os.path.isfile(path):
        raise _BadSpec(f"there is no file {path}")
    return path, name


def _load(path):
    """Run a file as a module that can import its neighbours; return the names that it defines."""
    folder, stem = os.path.dirname(os.path.abspath(path)), os.path.basename(path)[:-3]
    module_spec: Any = importlib.util.spec_from_file_location(f"gradcheck of {stem}", path)
    module = importlib.util.module_from_spec(module_spec)
    sys.modules[module.__name__] = module  # dataclasses look there for what their annotations name
    sys.path.insert(0, folder)
    try:
        module_spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _BadSpec(f"{path} does not run: {_where_raised(error, path)}") from error
    finally:
        sys.path.remove(folder)
    return vars(module)


def _where_raised(error, path):
    """Return `ValueError: text (layers.py, line 12)` with the last line of the user's own file on the way to the error."""
    file = os.path.abspath(path)
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if os.path.abspath(f.filename) == file]
    if isinstance(error, SyntaxError):
        lines, error = [error.lineno], f"SyntaxError: {error.msg}"
    elif isinstance(error, SystemExit):
        error = f"SystemExit({error.code!r}), which would end the program: remove exit() and sys.exit()"
    else:
        error = printable(f"{type(error).__name__}: {error}")
    return error + (f" ({os.path.basename(path)}, line {lines[-1]})" if lines else "")


def _find(members, name, path):
    backward, forward = members.get(f"{name}_backward"), members.get(f"{name}_forward", members.get(name))
    if callable(backward) and callable(forward):
        return forward, backward
    if name not in members:
        missing = f" without {name}_forward" if callable(backward) else ""
        imported = lambda v: inspect.isfunction(v) and v.__module__ != members["__name__"]
        names = [n for n, v in members.items() if not n.startswith("_") and _can_be_checked(v) and not imported(v)]
        raise _BadSpec(f"{path} defines no {name}{missing}; it has {', '.join(names) or 'no functions'}")
    f = members[name]
    if inspect.isclass(f):
        raise _BadSpec(f"{name} is a class: check an object of it, for example {name.lower()} = {name}(...)")
    if not _can_be_checked(f):
        raise _BadSpec(f"{name} is {type(f).__name__}, not a function, a Module, a pair or a layer with forward and backward")
    return f


def _can_be_checked(f):
    """Return whether f is a function, a Module, a pair (forward, backward) or an object with forward and backward."""
    pair = isinstance(f, tuple | list) and len(f) == 2 and all(map(callable, f))
    return pair or is_layer(f) or (callable(f) and not inspect.isclass(f))


def _inputs(members, name, f):
    given = members.get(f"{name}_inputs")
    if given is not None:
        try:
            given = given() if callable(given) else given
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise _BadSpec(f"{name}_inputs() raised {type(error).__name__}: {error}") from error
        return tuple(given) if isinstance(given, tuple | list) else (given,)
    takes_by_forward = hasattr(f, "named_parameters") or is_layer(f)
    function = (
        f[0] if isinstance(f, tuple | list) else f.forward if takes_by_forward else f
    )
    needed = _required(function)
    shapes = [p.annotation for p in needed]
    if not all(isinstance(s, tuple) and all(isinstance(n, int) for n in s) for s in shapes):
        if len(needed) != 1 or takes_by_forward:  # what a layer takes, only its author knows
            raise _BadSpec(
                f"no inputs to check {name} at: add {name}_inputs = ({', '.join(p.name for p in needed)},), a"
                " tuple of arrays, to the file"
            )
        shapes = [(3, 4)]
    for parameter, shape in zip(needed, shapes):
        if any(n < 1 for n in shape) or math.prod(shape) > MOST_ELEMENTS:
            raise _BadSpec(
                f"{name}: {parameter.name} of shape {shape} cannot be made: expected sizes of 1 or more, at most"
                f" {MOST_ELEMENTS:,} elements in all"
            )
    rng = stream(0, "gradcheck inputs")
    return tuple(rng.standard_normal(shape) for shape in shapes)


def _required(function):
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except (TypeError, ValueError):
        return []
    except Exception:  # a postponed annotation that does not evaluate is no shape
        parameters = inspect.signature(function).parameters.values()
    return [p for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _print_table(findings, passed, name, stream):
    orders = {finding.order for finding in findings}
    rows = [("input", "shape", "checked", "max rel. error", "gradient")]
    for finding in findings:
        error = f"{finding.error:.1e}" if np.isfinite(finding.error) else "-"
        verdict = "WRONG" if finding.problem else "right"
        title = finding.name if len(orders) == 1 else f"{finding.name}, order {finding.order}"
        rows.append((title, str(finding.shape), str(finding.checked), error, verdict))
    rows += [(title, str(getattr(value, "shape", value)), "-", "-", "passed on") for title, value in passed]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip(), file=stream)
    wrong = [finding for finding in findings if finding.problem]
    for finding in wrong:
        finding.others = []  # the table shows them
        print(f"\n{finding}", file=stream)
    verdict = (
        "all gradients are right"
        if not wrong
        else f"{len(wrong)} of {len(findings)} gradients {'is' if len(wrong) == 1 else 'are'} wrong"
    )
    print(f"{name}: {verdict}", file=stream)

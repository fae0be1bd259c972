"""What an optimiser accepts: parameters, groups of them with settings of their own, numbers in their ranges."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygan.autodiff import Tensor
from tinygan.checks import check_number


def make_groups(owner: str, params: Any, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the groups of parameters: each has `settings`, but for those that it was given as its own."""
    if hasattr(params, "parameters"):
        raise TypeError(f"{owner} got a {type(params).__name__}, not its parameters: pass module.parameters()")
    if callable(params):
        raise TypeError(f"{owner} got a function, not parameters: call it, module.parameters()")
    if isinstance(params, Tensor):
        raise TypeError(f"{owner} got one Tensor of shape {params.shape}: put it in a list, [tensor]")
    if isinstance(params, Mapping):
        raise TypeError(
            f"{owner} got a {type(params).__name__}: pass its values, list(parameters.values()), or a list of groups,"
            ' [{"params": [...], "lr": 1e-3}]'
        )
    given = list(params)
    groups = given if any(isinstance(g, Mapping) for g in given) else [{"params": given}]
    made = []
    for group in groups:
        if not isinstance(group, Mapping) or not {"params"} <= group.keys() <= {"params", *settings}:
            got = (
                f"the keys {', '.join(map(str, group))}" if isinstance(group, Mapping) else f"a {type(group).__name__}"
            )
            raise ValueError(f"{owner}: a group is a dict of params and any of {', '.join(settings)}, got {got}")
        plain = isinstance(group["params"], list | tuple) or not hasattr(group["params"], "parameters")
        merged = settings | dict(group)
        if not plain or isinstance(group["params"], Tensor | Mapping) or callable(group["params"]):
            make_groups(owner, group["params"], {})
        merged["params"] = list(group["params"])
        made.append({setting: checked_setting(owner, setting, value) for setting, value in merged.items()})
    return made


def check_params(owner: str, params: list[Any]) -> None:
    """Raise TypeError or ValueError unless params are leaf Tensors, some of them trained, and none comes twice."""
    if not params:
        raise ValueError(
            f"{owner} got no parameters: the module has none, or this is a generator that was read before; pass the list"
            " module.parameters()"
        )
    for i, p in enumerate(params):
        if not isinstance(p, Tensor) or p.op is not None:
            got = f"a computed Tensor of shape {p.shape}" if isinstance(p, Tensor) else f"a {type(p).__name__}"
            remedy = (
                "; pass parameters(), not named_parameters()" if isinstance(p, tuple) else
                "; pass the leaf that it was computed from" if isinstance(p, Tensor) else
                "; pass module.parameters()" if hasattr(p, "parameters") else "; wrap it: Tensor(x, requires_grad=True)"
            )  # fmt: skip
            raise TypeError(f"{owner}: parameter {i} must be a leaf Tensor that requires gradients, got {got}{remedy}")
    if not any(p.requires_grad for p in params):
        shapes = ", ".join(str(p.shape) for p in params[:3]) + ", ..." * (len(params) > 3)
        raise ValueError(
            f"{owner}: no parameter requires gradients, of shape {shapes}: call requires_grad_() on those to train"
        )
    if len(set(params)) < len(params):
        first = next(i for i, p in enumerate(params) if p in set(params[:i]))
        raise ValueError(
            f"{owner}: parameter {first} of shape {params[first].shape} was given twice and would be updated twice;"
            " list(dict.fromkeys(params)) keeps each once"
        )


def checked_setting(owner: str, setting: str, value: Any) -> Any:
    """Return the value of a setting, numbers as Python floats; ValueError for a number that is out of range."""
    if setting in ("params", "nesterov", "centered"):
        return value
    if setting != "betas":
        return check_number(owner, setting, value, below=1.0 if setting == "alpha" else math.inf)
    if np.ndim(value) != 1 or len(value) != 2:
        raise ValueError(f"{owner}: betas are two numbers, got {value!r}")
    return tuple(check_number(owner, f"betas[{i}]", beta, below=1.0) for i, beta in enumerate(value))

"""What layers and optimisers accept: sizes, settings for each axis, numbers in a range. Each check names who asks."""

import math
from typing import Any

import numpy as np


def check_sizes(owner: object, **sizes: Any) -> None:
    """Raise unless every size is a whole number above 0: TypeError for True or 3.0, ValueError for 0."""
    for name, size in sizes.items():
        check_whole(type(owner).__name__, name, size, 1)


def check_per_axis(owner: object, dims: int, least: int, **settings: Any) -> None:
    """Raise unless every setting is a whole number not below `least`, or a list or tuple of `dims` of them."""
    for name, setting in settings.items():
        several = isinstance(setting, tuple | list)
        if several and len(setting) != dims:
            raise ValueError(f"{type(owner).__name__}: {name}={setting} must be a number or {dims} of them")
        for size in setting if several else (setting,):
            check_whole(type(owner).__name__, name, size, least)


def check_number(
    owner: object, name: str, value: Any, least: float = 0.0, most: float = math.inf, below: float = math.inf
) -> float:
    """Return `value` as a Python float; ValueError unless it is finite, in [least, most] and less than `below`.

    owner: a name, or what is being made.
    """
    number = math.nan if isinstance(value, bool | str) or value is None else float(value)
    if not least <= number <= most or math.isinf(number) or number >= below:
        limits = [f"of at least {least:g}"] * (least > -math.inf)
        limits += [f"at most {most:g}"] * (most < math.inf) + [f"below {below:g}"] * (below < math.inf)
        expected = " ".join(["a finite number", " and ".join(limits)]).strip()
        who = owner if isinstance(owner, str) else type(owner).__name__
        raise ValueError(f"{who}: {name} must be {expected}, got {value!r}")
    return number


def check_whole(owner: str, name: str, size: Any, least: float = -math.inf) -> None:
    """Raise unless `size` is a whole number not below `least`."""
    if isinstance(size, bool | np.bool_) or not isinstance(size, int | np.integer):
        whole = isinstance(size, float) and size.is_integer()
        remedy = f"; {name}={int(size)}" if whole else "; a // b is one" if isinstance(size, float) else ""
        raise TypeError(f"{owner}: {name} must be a whole number, got {size!r}{remedy}")
    if size < least:
        raise ValueError(f"{owner}: {name} must be at least {least}, got {size}")

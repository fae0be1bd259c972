"""Settings: dataclasses, one sentence a field, put together from groups.

A recipe's Settings inherits the groups that its training step reads, and adds fields of its own. `@defaults` changes the
default of an inherited field and keeps its sentence. A choice may bring a group:

    @defaults(steps=3000, judge_hidden=32)
    class Settings(RunSettings):
        judge: str = setting("cnn", "What judges.", choices={"cnn": Convolutions, "lstm": Recurrence})
        codes: int = setting(0, "Classes of a code beside z; 0: no code.", 0, brings=Codes)

`Settings(judge="lstm")` has the fields of Recurrence and not those of Convolutions. What the chosen step would not read
does not exist there. It is refused, and the sentence names the choice that has it. On the command line and in config.json
settings are flat: a name and a value each.
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any, ClassVar

from tinygan.files import shown
from tinygan.remedies import of_setting

KINDS = {int: "a whole number", float: "a number", str: "a word"}
MOST = 1_000_000  # of what settings count: config.json may come from strangers, and it takes memory
LARGEST = 1e30  # number that float32 can count with, and the smallest is one over it
GIVEN = "given"  # any value but 0 or "", of a setting that brings a group without having choices


def setting(
    default: Any, meaning: str, low: Any = None, high: Any = None, choices: Any = None, brings: type | None = None,
    *, phase: bool = False,
) -> Any:  # fmt: skip
    """Return a field of Settings: its default, a sentence that says what it is, and the values that it may take.

    choices: a tuple of values, or a dict from each value to the group that it brings, or to None. brings: the group that
    any value but 0 or "" brings. A whole number without `high` is at most MOST. phase: it is the share of the steps after
    which a phase of the training is over.
    """
    if high is None and isinstance(default, int) and not choices:
        high = MOST
    groups = choices if isinstance(choices, dict) else {GIVEN: brings}
    return field(
        default=default,
        metadata={
            "meaning": meaning, "low": low, "high": high, "choices": choices and tuple(choices), "phase": phase,
            "groups": {value: group for value, group in groups.items() if group},
        },
    )  # fmt: skip


def defaults(**values: Any) -> Callable[[type], type]:
    """Make a class of Settings a dataclass whose inherited fields have these defaults.

    A field of a group that only a choice brings may be named too. TypeError for a name that no group has.
    """

    def change(cls: Any) -> Any:
        cls.changed = {**cls.changed, **values}
        inherited = {name: f for base in cls.__bases__ for name, f in base.__dataclass_fields__.items()}
        for name, (f, kind) in _redefine(inherited, values).items():
            setattr(cls, name, f)
            cls.__annotations__ = {**vars(cls).get("__annotations__", {}), name: kind}
        cls = dataclass(cls)
        unknown = set(values) - {f.name for group in (cls, *(group for _, group in list_groups(cls))) for f in fields(group)}
        if unknown:
            raise TypeError(f"defaults: {cls.__qualname__} has no setting {', '.join(sorted(unknown))}")
        return cls

    return change


@dataclass
class RunSettings:
    """Settings of every run."""

    seed: int = setting(0, "All chance in a run is a function of the seed and the step.", 0, 2**63)
    steps: int = setting(4000, "Training steps.", 1, 10**12)
    batch_size: int = setting(64, "Real samples in a step, and as many generated ones.", 1, 65_536)
    processes: int = setting(1, "Processes that train together; each takes its share of the batch. CPU only.", 1)

    root: ClassVar[Any]  # the class that was written down, without the groups that choices brought
    changed: ClassVar[dict] = {}  # the defaults that `@defaults` gave, those of groups that choices bring among them

    def __init_subclass__(cls):
        bases: Any = reversed(cls.__bases__)
        cls.root, cls.changed = cls, {name: value for base in bases for name, value in base.changed.items()}

    def __new__(cls, **values):
        if "__dataclass_fields__" not in vars(cls):
            raise TypeError(f"{cls.__qualname__} is not a dataclass: write @dataclass or @defaults(...) above it")
        kind = cls.root.choose(values)
        _refuse_unknown(kind, values)
        return super().__new__(kind)

    def __post_init__(self):
        """Check every value; ValueError says what is wrong. A group that has more to refuse calls this first."""
        for f in fields(self):
            _check(f, getattr(self, f.name))
        divisors = self.divisors()
        count = math.prod(divisors.values())
        if self.batch_size % count:
            together = " and ".join(f"{name}={value}" for name, value in divisors.items() if value > 1)
            raise ValueError(
                f"batch_size={self.batch_size} does not divide evenly by {together}: take"
                f" batch_size={-(-self.batch_size // count) * count}"
            )

    def __reduce__(self):  # pickle would not find a class that a choice made
        return _make, (self.root, asdict(self))

    @classmethod
    def choose(cls, values: dict) -> Any:
        """Return this class with the groups that the values of its choices bring."""
        for f in fields(cls):
            value = values.get(f.name, f.default)
            if value is not GIVEN and not _is_of_type(f, value):
                continue  # `__post_init__` refuses it
            group = f.metadata["groups"].get(value if f.metadata["choices"] else GIVEN if value else None)
            if group is not None and not issubclass(cls, group):
                both: Any = _join(cls, group)  # type: ignore[arg-type]  # a class can be hashed
                return both.choose(values)  # a group may have choices too
        return cls

    def prolong(self, steps: int) -> Any:
        """Return these settings with other steps. If they are more, phases end at the steps at which they would have ended.

        Otherwise a run that goes on beyond its end would begin its first phase again.
        """
        longer = max(1, steps / self.steps)
        shares = {f.name: getattr(self, f.name) for f in fields(self) if f.metadata["phase"]}
        return replace(self, steps=steps, **{name: share / longer for name, share in shares.items() if share < 1})

    def divisors(self) -> dict:
        """Return the settings that the batch is divided by, {name: number}."""
        return {"processes": self.processes}

    def shares(self) -> list:
        """Return the settings of each process: its part of the batch, and chance of its own."""
        part = {"batch_size": self.batch_size // self.processes, "processes": 1}
        return [replace(self, **part, seed=self.seed + (rank << 32)) for rank in range(self.processes)]


RunSettings.root = RunSettings


# --- choices ---------------------------------------------------------------------------------------------------


def list_groups(kind: Any) -> Iterator[tuple[str, type]]:
    """Yield (what a setting must be, the group that it then brings) for every choice of a class: ("way=vae", VAESettings)."""
    for f in fields(kind):
        for value, group in f.metadata["groups"].items():
            yield _say(f, value), group
            yield from list_groups(group)


def list_additions(root: Any, values: dict | None = None, known: tuple = ()) -> Iterator[tuple[str, list]]:
    """Yield (what a setting must be, the fields that it adds), choices within choices too.

    The fields have the defaults that hold then. values: the choices so far; known: settings that were asked already.
    """
    values = values or {}
    kind = root.choose(values)
    names = tuple(f.name for f in fields(kind))
    for f in fields(kind):
        for value in f.metadata["groups"] if f.name not in known else ():
            further = {**values, f.name: value}
            more = [g for g in fields(root.choose(further)) if g.name not in names]
            if more:
                yield _say(f, value), more
                yield from list_additions(root, further, names)


def _say(f, value):
    """Return what the field `f` must be for its group of this value: "way=vae"."""
    return f"{f.name} {value}" if value is GIVEN else f"{f.name}={value}"


@cache  # two Settings of the same choices are of one class
def _join(kind: Any, group: Any) -> Any:
    """Return the class that has the fields of both."""
    redefined = _redefine(group.__dataclass_fields__, {**group.changed, **kind.changed})
    body = {name: f for name, (f, _) in redefined.items()}
    body |= {"__annotations__": {name: f_type for name, (_, f_type) in redefined.items()}}
    body |= {"__doc__": kind.__doc__, "__module__": kind.__module__}
    both: Any = type(kind.__name__, (kind, group), body)
    both.root = kind.root
    return dataclass(both)


def _redefine(known, values):
    """Return {name: (field, type)} of the fields of `known` that get other defaults."""
    return {
        name: (field(default=value, metadata=known[name].metadata), known[name].type)
        for name, value in values.items()
        if name in known
    }


def _make(root, values):
    return root(**values)


# --- what is refused -------------------------------------------------------------------------------------------


def _refuse_unknown(kind, values):
    """Raise ValueError if a name in `values` is not a setting of `kind`; the sentence says which choice has it."""
    unknown = values.keys() - {f.name for f in fields(kind)}
    if not unknown:
        return
    name = next(name for name in values if name in unknown)
    has = lambda group: name in group.__dataclass_fields__
    choices = [(f, value) for f in fields(kind) for value in f.metadata["groups"]]
    owners = [_say(f, value) for f, value in choices if has(kind.root.choose({**values, f.name: value}))]
    if not owners:  # it takes more than one choice
        owners = list(dict.fromkeys(choice for choice, group in list_groups(kind.root) if has(group)))
    absent = f"no such setting{of_setting(name, [f.name for f in fields(kind)])}"
    reason = f"this training would not read it; with {' or '.join(owners)} it would" if owners else absent
    raise ValueError(f"{shown(name)[1:-1]}={shown(values[name])}: {reason}")


def _is_of_type(f, value):
    """Return whether `value` is of the type of the field `f`; a whole number is a number too."""
    if f.type not in KINDS:
        raise TypeError(f"{f.name}: {f.type!r}: a setting is an int, a float or a str")
    return isinstance(value, (int, float) if f.type is float else f.type) and not isinstance(value, bool)


def _check(f, value):
    """Raise ValueError unless the field `f` may take `value`."""
    low, high, choices = (f.metadata[key] for key in ("low", "high", "choices"))
    if not _is_of_type(f, value):
        raise ValueError(f"{f.name}={shown(value)}: expected {KINDS[f.type]}. {f.metadata['meaning']}")
    if choices and value not in choices:
        raise ValueError(f"{f.name}={shown(value)}: expected one of {', '.join(map(str, choices))}. {f.metadata['meaning']}")
    if not isinstance(value, str) and not abs(value) <= sys.float_info.max:  # math.isfinite overflows for such an int
        raise ValueError(f"{f.name}={shown(value)}: expected a finite number. {f.metadata['meaning']}")
    if f.type is float and value and not 1 / LARGEST <= abs(value) <= LARGEST:
        within = f"0 or a number between {1 / LARGEST:g} and {LARGEST:g}"
        raise ValueError(f"{f.name}={shown(value)}: expected {within}. {f.metadata['meaning']}")
    if (low is not None and value < low) or (high is not None and value > high):
        if high is None or (f.type is int and value < low):
            within = f"at least {low}"
        else:
            within = f"at most {high}" if f.type is int else f"between {low} and {high}"
        raise ValueError(f"{f.name}={shown(value)}: must be {within}. {f.metadata['meaning']}")

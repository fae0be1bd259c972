"""Which op, layer and part of a game runs at every moment: wrappers that tell a meter.

While `watched(game, meter)` is entered, `__call__` and `pullback` of the ops and a few methods of layers and game are
wrapped; afterwards they are restored. The engine knows nothing of it. A wrapper calls `meter.lap(place)` when an op
begins and when it ends, and the meter books what passed since the last lap under that place. Every moment has one
place, so the rows add up to the step.

A place names one of three ways: forward; backward, which computes gradients; and second, which computes gradients of
gradients, for a penalty on D's slope. All that an op causes, through any number of other ops, is booked under that op
and its layer.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, TypeAlias

from tinygan.autodiff import Op, Tensor
from tinygan.nn import Module, fuse
from tinygan.optim import EMA
from tinygan.optim.optimizers import Optimizer
from tinygan.profile.products import Product, backward_products, forward_products


class Place(NamedTuple):
    """What a moment is booked under."""

    layer: str  # the path of a Module, such as discriminator.cnn1.0; "loss" for ops outside of all Modules
    op: str
    way: str  # forward, backward, second; "" for the parts of a step that are not ops


BETWEEN = "between ops"
WAYS = ("forward", "backward", "second")
DATA, NOISE, TAPE, OPTIMISER, AVERAGE, REST, PROFILER = (
    Place(name, name, "") for name in ("data", "noise", "tape", "optimiser", "average", "rest", "profiler")
)

Cause: TypeAlias = tuple[str, str, int]  # layer, op, order: 0 on the way forward, 1 backward, 2 and more second


class Meter(Protocol):
    """What the wrappers call: `measure.py` has a clock and scales."""

    def lap(self, place: Place, calls: int = 0) -> None: ...

    def multiplied(self, place: Place, products: Callable[[], list[Product]]) -> None: ...


class _Watch:
    """Wrap functions so that they call meter.lap(place)."""

    def __init__(self, networks: dict[str, Module], meter: Meter) -> None:
        self.meter = meter
        self.idle = REST  # the place of time outside of ops: a layer, or one of the constants above
        self.inside = False  # whether an op is running: the ops that it calls are booked under it
        self.cause: Cause | None = None  # while the gradients of a node are computed; they are one order above the node
        self.born: dict[int, Cause] = {}  # number of a node: the op that made it
        self.layers = {
            m: Place(f"{name}.{path}".rstrip("."), BETWEEN, "forward")
            for name, network in networks.items()
            for path, m in network.named_modules()
        }

    def op_call(self, original: Callable) -> Callable:
        """Wrap Op.__call__: book it under its own place, or under the op whose gradient calls it."""

        def call(op: Op, *args: Any, **const: Any) -> Any:
            if self.inside:
                return original(op, *args, **const)
            cause = self.cause
            if cause is None:
                self.meter.lap(self.idle)
                cause = "loss" if self.idle is REST else self.idle.layer, op.shown, 0
            self.inside = True
            try:
                y = original(op, *args, **const)
            finally:
                self.inside = False
                if self.cause is None:
                    self.meter.lap(_place(cause), 1)
            if isinstance(y, Tensor) and y.op is not None:
                self.born[y.number] = cause
            self.meter.multiplied(_place(cause), lambda: forward_products(op, y, args, const))
            return y

        return call

    def op_pullback(self, original: Callable) -> Callable:
        """Wrap Op.pullback: book it under its own place, and the time before it under the tape."""

        def pullback(op: Op, g: Any, y: Tensor, useful: Any, record: bool) -> Any:
            if self.cause is not None:  # inside another pullback: a Fused op records the way back through its reference
                return original(op, g, y, useful, record)
            layer, name, order = self.born.get(y.number, ("loss", op.shown, 0))
            self.meter.lap(TAPE)
            self.cause = layer, name, order + 1
            try:
                return original(op, g, y, useful, record)
            finally:
                place, self.cause = _place(self.cause), None
                self.meter.lap(place, 1)
                if not record:
                    self.meter.multiplied(place, lambda: backward_products(op, y, useful))

        return pullback

    def within(self, original: Callable, place_of: Callable[[Any], Place | None]) -> Callable:
        """Wrap a function that is not an op: book its time outside of ops under place_of(its first argument)."""

        def call(*args: Any, **kwargs: Any) -> Any:
            place = place_of(args[0])
            if self.inside or self.cause is not None or place is None:
                return original(*args, **kwargs)
            self.meter.lap(self.idle)
            before, self.idle = self.idle, place
            try:
                return original(*args, **kwargs)
            finally:
                self.meter.lap(place)
                self.idle = before

        return call


def _place(cause: Cause) -> Place:
    layer, op, order = cause
    return Place(layer, op, WAYS[min(order, 2)])


def _family(base: Any) -> list[type]:
    """Return a class and all its subclasses, each once."""
    return list(dict.fromkeys([base, *(c for heir in base.__subclasses__() for c in _family(heir))]))


@contextmanager
def watched(networks: dict[str, Module], meter: Meter, game: Any = None) -> Iterator[_Watch]:
    """Call `meter` for all that ops, layers of these networks, and `batch` and `fake` of a game do, while the block runs."""
    watch = _Watch(networks, meter)
    wrappers: list[tuple[Any, str, Callable]] = [(c, "__call__", watch.op_call) for c in _family(Op)]
    wrappers += [(c, "pullback", watch.op_pullback) for c in _family(Op)]
    wrappers += [(c, "__call__", lambda f: watch.within(f, watch.layers.get)) for c in _family(Module)]
    wrappers += [(fuse, "run_both", lambda f: watch.within(f, watch.layers.get))]
    wrappers += [(c, "step", lambda f: watch.within(f, lambda _: OPTIMISER)) for c in _family(Optimizer)]
    wrappers += [(EMA, "update", lambda f: watch.within(f, lambda _: AVERAGE))]
    wrappers += [(c, "batch", lambda f: watch.within(f, lambda _: DATA)) for c in type(game).__mro__]
    wrappers += [(c, "fake", lambda f: watch.within(f, lambda _: NOISE)) for c in type(game).__mro__]
    originals = [(owner, name, vars(owner)[name]) for owner, name, _ in wrappers if name in vars(owner)]
    try:
        for owner, name, wrap in wrappers:
            if name in vars(owner):
                setattr(owner, name, wrap(vars(owner)[name]))
        yield watch
    finally:
        for owner, name, original in originals:
            setattr(owner, name, original)

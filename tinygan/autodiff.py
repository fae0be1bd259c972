"""The engine: Op, Fused, grad, no_grad. Everything else in tinygan is made with these and Tensor, which is in `tensors.py`.

An operation is a forward and one vector-Jacobian product (vjp) per argument. The vjp of `y = f(a, b)` for `a` takes the
gradient `g` of some scalar with respect to `y` and returns the gradient with respect to `a`:

    @op(lambda g, y, a, b: g * b,        # dy/da = b
        lambda g, y, a, b: g * a)        # dy/db = a
    def mul(a, b):
        return a * b

The vjp is written with the same operators as everything else. Given arrays it is plain NumPy; given Tensors the same
line is recorded, so it has a gradient too: that is how WGAN-GP differentiates a gradient. Read `grad` for the
traversal. The operators themselves are in `ops/`, which gives Tensor its methods when it is loaded.

The body of an op is its textbook form. Where that is slow, a kernel computes the same numbers: `op(..., kernel=f)` names
one for the forward alone, `fused(run, backward, arity)` one for both ways. Tests hold every kernel to its textbook form.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from functools import wraps
from itertools import combinations
from operator import attrgetter
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np

from tinygan import threads
from tinygan.backend import Array, is_numpy, xp
from tinygan.remedies import explain, with_remedies
from tinygan.tensors import HALF_REFUSED, Tensor, TensorLike, numbers, raw

FLOAT32 = np.dtype(np.float32)  # what nearly all arrays have

P = ParamSpec("P")
R = TypeVar("R")


class no_grad:
    """Inside `with no_grad():`, or in a function decorated with `no_grad()`, nothing is recorded.

    It holds for the thread, or the asyncio task, that entered it, and for the tasks that this one starts meanwhile. Where
    a generator yields inside, its caller records as before. (A generator that `contextlib.contextmanager` made a context
    manager is an exception: what it enters is meant for its caller.)
    """

    records = False

    def __init__(self, *others: Any):
        if others:
            raise TypeError("no_grad takes no arguments; above a function it stands with parentheses, @no_grad()")

    def __enter__(self) -> None:
        _blocks.set((*_blocks.get(), (self, _generator(sys._getframe(1)))))

    def __exit__(self, *_: Any) -> None:
        blocks = _blocks.get()
        for i in reversed(range(len(blocks))):  # seldom not the last: a generator may end its block inside its caller's
            if blocks[i][0] is self:
                _blocks.set(blocks[:i] + blocks[i + 1 :])
                return

    def __call__(self, function: Callable[P, Any]) -> Callable[P, Any]:
        """Return the function, generator function or coroutine function with its body inside this block."""
        import inspect  # here, as it takes 8 ms to load

        decorated: Callable[P, Any]
        if inspect.isasyncgenfunction(function):
            raise TypeError(f"no_grad: {function.__name__} is an async generator; write `with no_grad():` inside it")
        if inspect.iscoroutinefunction(function):

            async def decorated(*args, **kwargs):
                with type(self)():
                    return await function(*args, **kwargs)

        elif inspect.isgeneratorfunction(function):

            def decorated(*args, **kwargs):
                with type(self)():
                    return (yield from function(*args, **kwargs))

        else:

            def decorated(*args, **kwargs):
                with type(self)():
                    return function(*args, **kwargs)

        return wraps(function)(decorated)


class _enable_grad(no_grad):
    records = True


# The blocks that are open, the innermost last, each with the frame of the generator that opened it (None outside of one).
_blocks: ContextVar[tuple[tuple[no_grad, Any], ...]] = ContextVar("blocks", default=())
_open_blocks = _blocks.get  # asked by every op: one call, and there are none in training


def _generator(frame: Any) -> Any:
    """Return the frame if it is a generator's, None if not or if `contextlib` drives it on behalf of its caller."""
    if not frame.f_code.co_flags & 0x220:  # inspect's CO_GENERATOR and CO_ASYNC_GENERATOR
        return None
    driven = frame.f_back is not None and frame.f_back.f_globals.get("__name__") == "contextlib"
    return None if driven else frame


def is_grad_enabled() -> bool:
    """Return whether operations on Tensors are recorded: False inside `no_grad()`."""
    blocks = _open_blocks()
    if not blocks:
        return True
    block, generator = blocks[-1]
    if generator is None:  # nearly always
        return block.records
    running = (block for block, generator in reversed(blocks) if generator is None or generator.f_back is not None)
    return next((block.records for block in running), True)  # a suspended generator has no frame behind it


def _split(args: Iterable) -> tuple[list, list, bool, bool]:
    """Return (arrays, parents, any_tensor, any_history) of the arguments of an op.

    arrays: the array of each argument. parents: each argument that requires gradients, None in place of the others.
    any_tensor: whether one of them is a Tensor. any_history: whether one of them requires gradients.
    """
    arrays: list = []
    parents: list = []
    any_tensor = any_history = False
    for a in args:
        if isinstance(a, Tensor):
            any_tensor = True
            arrays.append(a._data)
            if a.requires_grad:
                any_history = True
                parents.append(a)
            else:
                parents.append(None)
        else:
            arrays.append(a)
            parents.append(None)
    return arrays, parents, any_tensor, any_history


def _narrowed(op: Any, args: Iterable, arrays: list, array: Array, const: Any) -> tuple[list, Array]:
    """Return (arrays, array) of a call of `op` as PyTorch has them: only float64 Tensors and arrays make a result float64.

    To NumPy, a float32 array times integers, or times the scalar that np.sqrt returns, is float64. A float64 Tensor without
    axes does not make one with axes float64.
    """
    if "dtype" in const:
        if array.dtype.char == "e":
            raise TypeError(HALF_REFUSED)
        return arrays, array
    for a in arrays:
        if getattr(a, "ndim", 0) and a.dtype.char == "d":  # nearly always the first
            return arrays, array
    axes = any(getattr(a, "ndim", 0) and a.dtype.kind == "f" for a in arrays)
    if not axes and any(isinstance(a, Tensor) and a.dtype.char == "d" for a in args):
        return arrays, array
    for i, (a, given) in enumerate(zip(arrays, args)):
        if hasattr(a, "dtype"):
            scalar = a.ndim == 0 and given is a  # NumPy's, not a Tensor's: as a Python number it has no type
            mask = type(op.vjps) is tuple and op.vjps[i] is None  # of `where`
            arrays[i] = a.item() if scalar else a if mask or a.dtype.char == "f" else a.astype(np.float32)
    return arrays, op.forward(*arrays, **const).astype(np.float32, copy=False)  # where(mask, 1.0, 0.0) has numbers alone


def _without_history(array: Array, args: Iterable, any_history: bool) -> Tensor:
    """Return a Tensor without history. It remembers, for an error's sake, whether that is due to no_grad or detach."""
    y = Tensor(array)
    if any_history:
        y.lost = "no_grad"
    else:
        for a in args:
            if isinstance(a, Tensor) and a.lost:
                y.lost = a.lost
    return y


class Op(Generic[P, R]):
    """A differentiable operation.

    forward(*arrays, **const) -> array; vjps[i](g, y, *args, **const) -> gradient of args[i].

    Called with arrays it returns an array, with a Tensor among its arguments a Tensor. Arguments beyond those that have
    a vjp are constants. A vjp is None for an argument without a gradient (a mask, an index). It sees (g, y, *args):
    it cannot close over an intermediate array and silently lose a second-order term.
    `broadcasts`: the engine sums the gradient back to the shape of an argument that was broadcast.
    `textbook`: the function made of ops that `forward` computes faster; without a kernel it is `forward` itself.
    """

    broadcasts = False
    vjps: Any

    def __init__(
        self, forward: Callable, *vjps: Callable | None, broadcasts: bool = False, textbook: Callable[P, R] | None = None
    ):
        self.forward, self.vjps, self.broadcasts = forward, vjps, broadcasts
        self._describe(textbook or forward, len(vjps))

    def _describe(self, textbook: Callable, arity: int) -> None:
        self.textbook = textbook
        self.__name__, self.__doc__, self.__module__ = textbook.__name__, textbook.__doc__, textbook.__module__
        self.shown = textbook.__name__.strip("_")  # to users; an op may set that of the function that they called
        self.__wrapped__ = textbook  # help() and inspect.signature show its arguments
        names = textbook.__code__.co_varnames[: textbook.__code__.co_argcount]
        self.arity, self.arg_names, self.const_names = arity, names[:arity], names[arity:]
        self._defaults = dict(zip(reversed(names), reversed(textbook.__defaults__ or ()), strict=False))

    def __call__(self, *args: P.args, **const: P.kwargs) -> R:
        if len(args) != self.arity:
            args, const = self._bind(args, const)
        arrays, parents, any_tensor, any_history = _split(args)
        try:
            array = self.forward(*arrays, **const) if const else self.forward(*arrays)
        except (AttributeError, IndexError, TypeError) as error:
            explain(self.shown, self, error, args, const)
            raise
        except ValueError:
            if self.broadcasts:
                _refuse_misfit(self.shown, arrays)
            raise
        if array.dtype is not FLOAT32 and any_tensor and array.dtype.char in "de":
            arrays, array = _narrowed(self, args, arrays, array, const)
        if any_history and (not _open_blocks() or is_grad_enabled()):
            return self._record(array, None, args, arrays, parents, const)
        return _without_history(array, args, any_history) if any_tensor else array

    def _bind(self, args: Any, const: Any) -> Any:
        """Return (args, const): `arity` arguments in order, named or by default, and the constants by name."""
        if len(args) > self.arity:
            if len(args) > self.arity + len(self.const_names):
                expected = ", ".join(self.arg_names + self.const_names)
                raise TypeError(f"{self.shown} takes ({expected}), but {len(args)} arguments were given")
            const |= zip(self.const_names, args[self.arity :], strict=False)
            return args[: self.arity], const
        args = list(args)
        for name in self.arg_names[len(args) :]:
            if name not in const and name not in self._defaults:
                raise TypeError(f"{self.shown} is missing its argument {name!r}")
            args.append(const.pop(name) if name in const else self._defaults[name])
        return tuple(args), const

    def _record(self, array: Array, saved: Any, args: Any, arrays: list, parents: list, const: Any) -> Any:
        """Return the Tensor for `array` with its history."""
        y = Tensor.__new__(Tensor)
        y._data, y.requires_grad, y.grad, y.number = array, True, None, next(numbers)
        y.op, y.args, y.arrays, y.parents, y.const, y.saved = self, args, arrays, parents, const, saved
        return y

    def pullback(self, g: Any, y: Tensor, useful: set, record: bool) -> list | tuple:
        """Return one gradient per argument, None for a parent that is not in `useful`: arrays, or Tensors if `record`."""
        args, out, const = y.args if record else y.arrays, y if record else y._data, y.const
        if const or len(args) != 2:
            return [vjp(g, out, *args, **const) if a in useful else None for vjp, a in zip(self.vjps, y.parents)]
        (left, right), (a, b) = self.vjps, args  # the commonest ops, spelled out: a call with * takes .2 us longer
        p, q = y.parents
        return left(g, out, a, b) if p in useful else None, right(g, out, a, b) if q in useful else None

    def __repr__(self) -> str:
        return f"<op {self.shown}({', '.join(self.arg_names + self.const_names)})>"


def _refuse_misfit(name: str, arrays: list) -> None:
    """Raise ValueError if the shapes of two arguments do not broadcast: both shapes, the rule, how to mend it."""
    shapes = [tuple(getattr(a, "shape", ())) for a in arrays]
    if name == "matmul":
        shapes = [shape[:-2] for shape in shapes]
    for a, b in combinations(shapes, 2):
        if any(m != n and 1 not in (m, n) for m, n in zip(reversed(a), reversed(b))):
            stacks = " of matrices" if name == "matmul" else ""
            raise ValueError(
                f"{name}: shapes {a} and {b}{stacks} do not fit: counted from the right, sizes must be equal or"
                f" 1{_how_to_fit(a, b)}"
            )


def _how_to_fit(a: tuple, b: tuple) -> str:
    """Return a proposal that makes shapes a and b fit, for the end of a sentence; nothing if there is none."""
    order, small, large = ("first", a, b) if len(a) < len(b) else ("second", b, a)
    if len(a) == len(b):
        return "; transpose the second?" if a == b[::-1] else ""
    for start in range(len(large) - len(small)):
        if large[start : start + len(small)] == small:
            shape = (*small, *(1,) * (len(large) - start - len(small)))
            return f"; reshape the {order} to {shape}?"
    return ""


def op(
    *vjps: Callable | None, broadcasts: bool = False, kernel: Callable | None = None, kind: type[Op] = Op
) -> Callable[[Callable[P, R]], Op[P, R]]:
    """Make a function and its vjps an Op: `@op(lambda g, y, x: g * y)` above `def exp(x)`.

    kernel: computes the same numbers faster; the decorated function is then the textbook form, made of ops.
    kind: a subclass of Op.
    """

    def decorate(function: Callable[P, R]) -> Op[P, R]:
        return kind(kernel or function, *vjps, broadcasts=broadcasts, textbook=function)

    return decorate


class VariadicOp(Op):
    """An Op of any number of arguments: vjps(need, g, y, *args, **const) -> the gradient of each of args that is needed.

    need[i] says whether that of args[i] is, others are None. One call makes all: one call for each would read g as often.
    """

    def __init__(self, forward: Callable, vjps: Callable):
        self.forward, self.vjps = forward, vjps
        self._describe(forward, 0)

    def __call__(self, *args: Any, **const: Any) -> Any:
        arrays, parents, any_tensor, any_history = _split(args)
        array = self.forward(*arrays, **const)
        if array.dtype is not FLOAT32 and any_tensor and array.dtype.char in "de":
            arrays, array = _narrowed(self, args, arrays, array, const)
        if any_history and (not _open_blocks() or is_grad_enabled()):
            return self._record(array, None, args, arrays, parents, const)
        return _without_history(array, args, any_history) if any_tensor else array

    def pullback(self, g: Any, y: Tensor, useful: set, record: bool) -> list:
        args, out = (y.args, y) if record else (y.arrays, y._data)
        return self.vjps([a in useful for a in y.parents], g, out, *args, **y.const)


class Fused(Op[P, R]):
    """An operation whose kernels compute both ways, beside its textbook form.

    run(*arrays, **const) -> (array, saved); backward(g, y, saved, need, *arrays, **const) -> one gradient per argument,
    need[i] saying whether it is wanted. Both work on arrays. textbook(*args, **const): the same function made of ops. First
    gradients use `backward`; gradients of gradients go through the textbook form.
    """

    def __init__(self, run: Callable, backward: Callable, textbook: Callable[P, R], arity: int):
        self.run, self.backward = run, backward
        self._describe(textbook, arity)

    def __call__(self, *args: P.args, **const: P.kwargs) -> R:
        if len(args) != self.arity:
            args, const = self._bind(args, const)
        arrays, parents, any_tensor, any_history = _split(args)
        try:
            array, saved = self.run(*arrays, **const)
        except (AttributeError, IndexError, TypeError) as error:
            explain(self.shown, self, error, args, const)
            raise
        if any_history and (not _open_blocks() or is_grad_enabled()):
            return self._record(array, saved, args, arrays, parents, const)
        return _without_history(array, args, any_history) if any_tensor else array

    def pullback(self, g: Any, y: Tensor, useful: set, record: bool) -> list:
        need = [a in useful for a in y.parents]
        if not record:
            return self.backward(g, y._data, y.saved, need, *y.arrays, **y.const)
        # aliases are distinct even where one Tensor was passed twice, so each argument gets its own gradient
        args = [alias(a) if n else a for a, n in zip(y.args, need)]
        wanted = [a for a, n in zip(args, need) if n]
        gradients = iter(grad(self.textbook(*args, **y.const), wanted, g, create_graph=True))
        return [next(gradients) if n else None for n in need]


def fused(run: Callable, backward: Callable, arity: int) -> Callable[[Callable[P, R]], Fused[P, R]]:
    """Make a function made of ops a Fused op, as a decorator. Its first `arity` arguments have gradients."""
    return lambda textbook: Fused(run, backward, textbook, arity)


class Pieces:
    """A gradient that is 0 except at some places, to be added to others like it: one array for all, not one for each.

    `pullback` of an op that reads only some places of its argument may return one, if nothing is recorded. first() is that
    gradient as an array, add_to(array) adds it to one.
    """

    __array_ufunc__ = None  # array + pieces is pieces.__radd__(array)

    def __init__(self, shape: tuple[int, ...], first: Callable[[], Array], add_to: Callable[[Array], None]):
        self.shape, self.first, self.add_to = shape, first, add_to
        self.others: list[Pieces | Array] = []

    def __add__(self, other: Pieces | Array) -> Pieces:
        self.others.append(other)
        return self

    __radd__ = __add__

    def total(self) -> Array:
        """Return the sum as an array."""
        total = self.first()
        for part in self.others:
            if type(part) is Pieces:
                part.add_to(total)
            else:
                total = total + part
        return total


def history(outputs: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Return (leaves, computed): the Tensors with gradients that `outputs` depend on, computed ones in order of creation."""
    leaves: list[Tensor] = []
    computed: list[Tensor] = []
    seen, stack = set(outputs), list(dict.fromkeys(outputs))
    while stack:  # not recursive: a chain of 100,000 ops is as good as one of ten
        t = stack.pop()
        (leaves if t.op is None else computed).append(t)
        for a in t.parents:
            if a is not None and a not in seen:
                seen.add(a)
                stack.append(a)
    computed.sort(key=_number)
    return leaves, computed


_number = attrgetter("number")


@with_remedies
def grad(
    outputs: Tensor | Iterable[Tensor], inputs: Tensor | Iterable[Tensor], g: Any = None, create_graph: bool = False
) -> tuple[Any, ...]:
    """Return the gradients of <g, outputs> with respect to each of `inputs`; keep no state and change nothing.

    outputs: a Tensor or several; inputs: a Tensor or several; g: the gradient of each output (may be left out for
    scalars). The result is a tuple, one gradient per input: arrays, or Tensors with a history if `create_graph`. An input
    that the outputs do not depend on gets zeros, and so does a frozen Parameter. The graph stays as it is: a second call
    is possible, and memory is let go of with the last Tensor that was computed from the graph's.

    Raises TypeError, ValueError or RuntimeError for outputs without a history, for an output of several elements without
    `g`, and for a leaf that got new data since the forward pass: `x.data = array` or `x.data -= array`. Writing into the
    array, `x.data[0] = 7`, is not seen, and the gradient may then mix old and new values.
    """
    if create_graph and not is_grad_enabled():  # create_graph asks for a history; it gets one under no_grad() as well
        with _enable_grad():
            return grad(outputs, inputs, g, create_graph)
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    if hasattr(inputs, "parameters"):
        raise TypeError(f"grad: inputs is a {type(inputs).__name__}: pass its parameters, grad(loss, module.parameters())")
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    grads = _seed(outputs, inputs, g, create_graph)
    leaves, computed = history(outputs)
    _refuse_changed(leaves, computed, create_graph)
    wanted, useful, path = set(inputs), set(inputs), []
    for t in computed:  # only what leads to an input: no other gradient is computed
        if not useful.isdisjoint(t.parents):
            useful.add(t)
            path.append(t)
    if not threads.primed:  # some of the graph: to look at all of it would cost a small step 2 %
        threads.prime_if_large((*inputs, *path[::16]))
    for t in reversed(path):  # the last computed first: when t comes, all that used it have added to its gradient
        g_t = grads.pop(t, None)  # a buffer is dropped as soon as it was used
        if g_t is None:
            continue
        if type(g_t) is Pieces:
            g_t = g_t.total()
        if t in wanted:
            grads[t] = g_t
        for a, g_a in zip(t.parents, t.op.pullback(g_t, t, useful, create_graph)):
            if g_a is not None:
                if g_a.shape != a._data.shape:
                    g_a = _fit(g_a, a, t)
                before = grads.get(a)
                grads[a] = g_a if before is None else before + g_a
    return tuple(_result(grads.get(x), x, create_graph) for x in inputs)


def backward(tensor: Tensor, g: Array | None = None) -> None:
    """Add d<g, tensor>/dx to `.grad` of every leaf x that requires it; `g` may be left out for a scalar."""
    if not tensor.requires_grad:
        raise RuntimeError(_no_history("backward()", tensor))
    leaves, _ = history([tensor])
    for leaf, gradient in zip(leaves, grad(tensor, leaves, g), strict=True):
        # a copy: of x + y both gradients are one array, and that of a sum is a read-only view
        leaf.grad = gradient.copy(order="K") if leaf.grad is None else leaf.grad + gradient


setattr(Tensor, "backward", with_remedies(backward))  # noqa: B010 - it is declared in tensors.py, which cannot import this file


def _seed(outputs: list[Tensor], inputs: list[Tensor], g: Any, create_graph: bool) -> dict[Tensor, Any]:
    """Check all arguments of `grad`; return the gradients that the traversal begins with."""
    for x in inputs:
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: an input is a {type(x).__name__}; wrap it: Tensor(x, requires_grad=True)")
        if not x.requires_grad and not x.trains:
            raise RuntimeError(
                f"grad: an input of shape {x.shape} has requires_grad=False, so nothing was recorded. Make it with"
                " Tensor(x, requires_grad=True) before it is used"
            )
    gs = list(g) if isinstance(g, list | tuple) else [g] * len(outputs) if g is None else [g]
    if len(gs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(gs)} gradients in g")
    grads: dict[Tensor, Any] = {}
    for y, g_y in zip(outputs, gs, strict=True):
        if not isinstance(y, Tensor):
            raise TypeError(
                "grad of a plain array: was it computed without Tensors, or a gradient without create_graph=True?"
            )
        if not y.requires_grad:
            raise RuntimeError(_no_history("grad", y))
        if g_y is None:
            if y._data.size != 1:
                raise ValueError(
                    f"grad of a Tensor of shape {y.shape}: pass g of that shape, or reduce it with sum or mean"
                )
            g_y = xp(y._data).ones(y.shape, y.dtype)
        if raw(g_y).shape != y.shape:
            raise ValueError(f"grad: g has shape {raw(g_y).shape}, the output has {y.shape}; they must be equal")
        g_y = g_y if create_graph and isinstance(g_y, Tensor) else Tensor(raw(g_y)) if create_graph else raw(g_y)
        grads[y] = grads[y] + g_y if y in grads else g_y
    return grads


def _no_history(name: str, y: Tensor) -> str:
    """Return the sentence that says why y has no history, and what to do about it."""
    why = {
        "no_grad": "it, or what it is made of, was computed under no_grad(), which records nothing; compute that outside",
        "detach": "detach() cut off what it is made of; use the Tensor that was detached",
        "": "nothing that it was computed from requires gradients. Make a leaf with Tensor(x, requires_grad=True); a"
        " frozen module learns again after module.requires_grad_(). If it is a gradient, take that with"
        " create_graph=True (where it is constant, as a linear function's, its own gradient is 0)",
    }
    return f"{name} of a Tensor without history, shape {y.shape}: {why[y.lost]}"


def _result(gradient: Any, x: Tensor, create_graph: bool) -> Any:
    """Return the gradient of the input x as `grad` returns it: whole, zeros if there is none, of x's type."""
    if type(gradient) is Pieces:
        gradient = gradient.total()
    if gradient is None:
        gradient = xp(x._data).zeros_like(x._data)
        return Tensor(gradient) if create_graph else gradient
    if gradient.dtype != x.dtype:  # float32 weights under a float64 input: the weight's gradient is float32
        gradient = cast(gradient, dtype=x.dtype)
    return gradient


def _refuse_changed(leaves: list[Tensor], computed: list[Tensor], record: bool) -> None:
    """Raise RuntimeError if a leaf got new data after it was used: its gradient would mix old and new values."""
    if not computed or not (record or any(leaf.number > computed[0].number for leaf in leaves)):
        return
    for t in computed:
        for a in t.args:
            if isinstance(a, Tensor) and a.op is None and a.number > t.number:
                raise RuntimeError(
                    f"a leaf of shape {a.shape} was changed after {t.op.shown} used it, so no gradient would be right:"
                    " compute the output again after the update, or take the gradient before it"
                )


def _fit(g: Any, a: Tensor, t: Tensor) -> Any:
    """Return the gradient g of t's argument a in the shape of a, if t's op broadcasts; raise ValueError otherwise."""
    if t.op.broadcasts:
        return sum_to(g, shape=a.shape)
    raise ValueError(
        f"{t.op.shown}: its vjp returned a gradient of shape {g.shape} for an argument of shape {a.shape};"
        " they must be equal (an op that broadcasts is declared with broadcasts=True)"
    )


# --- the few ops that the engine itself needs ------------------------------------------------------------------


@op(lambda g, y, x: g)
def alias(x: TensorLike) -> Tensor:
    """Return x itself, as a node of its own."""
    return x


@op(lambda g, y, x, dtype: cast(g, dtype=x.dtype))
def cast(x: TensorLike, dtype: Any) -> Tensor:
    """Return x with another floating-point type."""
    return x.astype(dtype)


@op(lambda g, y, x, shape: broadcast_to(g, shape=x.shape))
def sum_to(x: TensorLike, shape: tuple[int, ...]) -> Tensor:
    """Return x summed over the axes along which `shape` was repeated: the adjoint of broadcasting."""
    lead = x.ndim - len(shape)
    if x.ndim == 2 and lead == 1 and shape != (1,) and x.dtype.kind == "f" and is_numpy(x):
        return xp(x).ones(len(x), x.dtype) @ x  # a bias: as a product it takes a quarter of the time
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    return x.sum(axes, keepdims=True).reshape(shape)  # type: ignore[call-arg]  # an array's


@op(lambda g, y, x, shape: sum_to(g, shape=x.shape))
def broadcast_to(x: TensorLike, shape: tuple[int, ...]) -> Tensor:
    """Return x repeated along new axes and axes of size 1 to get `shape`."""
    if is_numpy(x) and math.prod(shape) < 10_000:  # BLAS cannot read what only looks repeated: 28 us a product, not 6
        y = np.empty(shape, x.dtype)
        y[...] = x
        return y
    return xp(x).broadcast_to(x, shape)

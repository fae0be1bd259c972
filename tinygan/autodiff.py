"""The engine: Tensor, Op, Fused, grad, backward, no_grad. Everything else in tinygan is made with these.

An operation is a forward and one vector-Jacobian product (vjp) per argument. The vjp of `y = f(a, b)` for `a` takes the
gradient `g` of some scalar with respect to `y` and returns the gradient with respect to `a`:

    @op(lambda g, y, a, b: g * b,        # dy/da = b
        lambda g, y, a, b: g * a)        # dy/db = a
    def mul(a, b):
        return a * b

The vjp is written with the same operators as everything else. Given arrays it is plain NumPy; given Tensors the same
line is recorded, so it has a gradient too: that is how WGAN-GP differentiates a gradient. Read `grad` for the
traversal. The operators themselves are in `ops/`, which gives Tensor its methods when it is loaded.
"""

import math
from contextlib import ContextDecorator
from itertools import count
from operator import attrgetter

import numpy as np

from tinygan.backend import device_of, is_numpy, to_device, to_numpy, xp

_numbers = count()  # every recorded Tensor takes the next one: sorting by number is a topological order
_recording = True


class Tensor:
    """An array that remembers how it was computed.

    Tensor(data, requires_grad=False, device=None): `data` is an array (kept, not copied) or a number or nested list
    (made float32, as in PyTorch; integers stay integers). TypeError when `requires_grad` is asked of integers.
    """

    # A computed Tensor knows its op, the args and const it was called with, the arrays those were at the time, what a
    # Fused op saved, and its parents: the args whose gradient may be asked for, None in the place of the others.
    # number counts up: when a Tensor was computed, or when a leaf's data was last replaced.
    __slots__ = (
        "_data", "requires_grad", "grad", "op", "args", "arrays", "parents", "const", "saved", "number", "__weakref__",
    )  # fmt: skip

    def __init__(self, data, requires_grad=False, device=None):
        if isinstance(data, Tensor):
            raise TypeError("Tensor(tensor): it is one already; use tensor.detach() for a copy without its history")
        if not hasattr(data, "dtype") and isinstance(data, bool | int | float | list | tuple | range):
            data = np.asarray(data)
            data = data.astype(np.float32) if data.dtype == np.float64 else data
            if data.dtype == object:
                raise TypeError("Tensor of a nested list: all rows must have the same length and hold numbers")
        library = xp(data)  # TypeError for anything that is not an array
        self._data = data if device is None else to_device(data, device)
        self.requires_grad = requires_grad
        self.grad = None
        self.op, self.parents, self.number = None, (), -1  # a leaf
        if requires_grad and not library.issubdtype(data.dtype, library.floating):
            raise TypeError(
                f"gradients of {data.dtype} do not exist: make it floating point, e.g. array.astype('float32')"
            )

    @property
    def data(self):
        """The array. Assigning to it replaces the values of a leaf, as an optimiser does."""
        return self._data

    @data.setter
    def data(self, array):
        if self.op is not None:
            raise TypeError("the data of a computed Tensor cannot be replaced: its history would be wrong; detach() it")
        self._data = array
        self.number = next(_numbers)  # `grad` sees what was computed before the change

    shape = property(lambda self: self._data.shape, doc="The sizes of its axes.")
    ndim = property(lambda self: self._data.ndim, doc="How many axes it has.")
    size = property(lambda self: self._data.size, doc="How many elements it holds.")
    dtype = property(lambda self: self._data.dtype, doc="The type of an element.")
    device = property(lambda self: device_of(self._data), doc='"cpu" or "cuda".')

    def item(self):
        """The value of a Tensor of one element, as a Python number."""
        if self.size != 1:
            raise ValueError(f"item() needs a Tensor of one element, this one has shape {self.shape}")
        return self._data.item()

    def numpy(self):
        """The values as a numpy.ndarray; shares memory with a Tensor on the CPU."""
        return to_numpy(self._data)

    def detach(self):
        """A Tensor with the same data and no history."""
        return Tensor(self._data)

    def requires_grad_(self, requires_grad=True):
        """Say whether gradients of this leaf are recorded from now on."""
        if self.op is not None:
            raise TypeError("requires_grad_ is for leaves; a computed Tensor's history cannot be changed, detach() it")
        self.requires_grad = requires_grad
        return self

    def backward(self, g=None):
        """Add d<g, self>/dx to `.grad` of every leaf x that requires it; `g` may be left out for a scalar."""
        leaves, _ = _history([self])
        for leaf, gradient in zip(leaves, grad(self, leaves, g), strict=True):
            # a copy: of x + y both gradients are one array, and that of a sum is a read-only view
            leaf.grad = gradient.copy(order="K") if leaf.grad is None else leaf.grad + gradient

    def __repr__(self):
        history = f", op={self.op.__name__}" if self.op else ", requires_grad=True" if self.requires_grad else ""
        values = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", precision=4)
        return f"Tensor({values}, shape={self.shape}, dtype={self.dtype}{history})"

    def __len__(self):
        if self.ndim == 0:
            raise TypeError("len() of a Tensor without axes")
        return self.shape[0]

    def __bool__(self):
        if self.size != 1:
            raise ValueError(
                f"the truth of a Tensor of shape {self.shape} is ambiguous: use (t > 0).data.any() or .all()"
            )
        return bool(self._data)

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __index__(self):
        if not np.issubdtype(self.dtype, np.integer):
            raise TypeError(f"only an integer Tensor can be an index, this one is {self.dtype}")
        return self.item()

    def __setitem__(self, key, value):
        raise TypeError("Tensors are not assigned to in place: build a new one with where, cat, stack or masked_fill")

    __hash__ = object.__hash__  # == is elementwise; a Tensor is found in a dict or set by identity

    # NumPy functions would quietly drop the gradient, so all of them refuse, and say what to use instead.
    def __array__(self, *_, **__):
        raise TypeError("a Tensor is not an array: use tensor.data for its array, or a function of tinygan.ops")

    def __array_function__(self, function, *_):
        raise TypeError(_numpy_refused(function.__name__))

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        operator = _NUMPY_OPERATORS.get(ufunc.__name__)
        if operator is None or method != "__call__" or options or inputs[-1] is not self:
            raise TypeError(_numpy_refused(ufunc.__name__))
        return getattr(self, operator)(inputs[0])  # array * tensor: Python asked the array first


_NUMPY_OPERATORS = {
    "add": "__radd__", "subtract": "__rsub__", "multiply": "__rmul__", "divide": "__rtruediv__", "power": "__rpow__",
    "matmul": "__rmatmul__", "less": "__gt__", "less_equal": "__ge__", "greater": "__lt__", "greater_equal": "__le__",
    "equal": "__eq__", "not_equal": "__ne__",
}  # fmt: skip
_NUMPY_NAMES = {"absolute": "abs", "concatenate": "cat", "clip": "clamp", "swapaxes": "transpose", "negative": "neg"}


def _numpy_refused(name):
    here = _NUMPY_NAMES.get(name, name)
    return f"np.{name} on a Tensor would lose its gradient: use tinygan.ops.{here} if there is one, or tensor.data"


def raw(value):
    """The array of a Tensor, anything else unchanged. In a vjp, for piecewise-constant masks only."""
    return value._data if isinstance(value, Tensor) else value


class no_grad(ContextDecorator):
    """Inside `with no_grad():` (or a function decorated with it) nothing is recorded."""

    records = False

    def __init__(self):
        self.before = []  # a stack: a decorated function may call itself

    def __enter__(self):
        global _recording
        self.before.append(_recording)
        _recording = self.records

    def __exit__(self, *_):
        global _recording
        _recording = self.before.pop()


class _enable_grad(no_grad):
    records = True


def is_grad_enabled():
    """Whether operations on Tensors are recorded: False inside `no_grad()`."""
    return _recording


def _apart(args):
    """(arrays, parents): the array of each, and itself if it requires gradients, None in the place of others.

    If none does, parents is False; if there is no Tensor among them, None.
    """
    arrays, parents, history = [], [], None
    for a in args:
        if isinstance(a, Tensor):
            arrays.append(a._data)
            parents.append(a if a.requires_grad else None)
            history = history or a.requires_grad
        else:
            arrays.append(a)
            parents.append(None)
    return arrays, parents if history else history


class Op:
    """forward(*arrays, **const) -> array; vjps[i](g, y, *args, **const) -> gradient of args[i].

    Called with arrays it returns an array, with a Tensor among its arguments a Tensor. Arguments beyond those that have
    a vjp are constants. A vjp is None for an argument without a gradient (a mask, an index). It sees (g, y, *args):
    it cannot close over an intermediate array and silently lose a second-order term.
    `broadcasts`: the engine sums the gradient back to the shape of an argument that was broadcast.
    """

    broadcasts = False

    def __init__(self, forward, *vjps, broadcasts=False):
        self.forward, self.vjps, self.broadcasts = forward, vjps, broadcasts
        self._describe(forward, len(vjps))

    def _describe(self, function, arity):
        self.__name__, self.__doc__, self.__module__ = function.__name__, function.__doc__, function.__module__
        self.__wrapped__ = function  # help() and inspect.signature show the forward's own
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        self.arity, self.arg_names, self.const_names = arity, names[:arity], names[arity:]
        self._defaults = dict(zip(reversed(names), reversed(function.__defaults__ or ()), strict=False))

    def __call__(self, *args, **const):
        if len(args) != self.arity:
            args, const = self._bind(args, const)
        arrays, parents = _apart(args)
        array = self.forward(*arrays, **const) if const else self.forward(*arrays)
        return self._record(array, None, args, arrays, parents, const)

    def _bind(self, args, const):
        """Positional arguments past the arity are constants; arguments may be named; a missing one is its default."""
        if len(args) > self.arity:
            if len(args) > self.arity + len(self.const_names):
                expected = ", ".join(self.arg_names + self.const_names)
                raise TypeError(f"{self.__name__} takes ({expected}), but {len(args)} arguments were given")
            const |= zip(self.const_names, args[self.arity :], strict=False)
            return args[: self.arity], const
        args = list(args)
        for name in self.arg_names[len(args) :]:
            if name not in const and name not in self._defaults:
                raise TypeError(f"{self.__name__} is missing its argument {name!r}")
            args.append(const.pop(name) if name in const else self._defaults[name])
        return tuple(args), const

    def _record(self, array, saved, args, arrays, parents, const):
        """The Tensor for `array`, with its history if that is wanted; `array` itself if no arg is a Tensor."""
        if not (parents and _recording):
            return array if parents is None else Tensor(array)
        y = Tensor.__new__(Tensor)
        y._data, y.requires_grad, y.grad, y.number = array, True, None, next(_numbers)
        y.op, y.args, y.arrays, y.parents, y.const, y.saved = self, args, arrays, parents, const, saved
        return y

    def pullback(self, g, y, useful, record):
        """One gradient per argument, None for a parent that is not in `useful`: arrays, or Tensors when `record`."""
        args, out, const = y.args if record else y.arrays, y if record else y._data, y.const
        if const or len(args) != 2:
            return [vjp(g, out, *args, **const) if a in useful else None for vjp, a in zip(self.vjps, y.parents)]
        (left, right), (a, b) = self.vjps, args  # the commonest ops, spelled out: a call with * costs .2 us more
        p, q = y.parents
        return left(g, out, a, b) if p in useful else None, right(g, out, a, b) if q in useful else None

    def __repr__(self):
        return f"<op {self.__name__}>"


def op(*vjps, broadcasts=False):
    """Decorator that makes a forward function and its vjps an Op: `@op(lambda g, y, x: g * y)` above `def exp(x)`."""
    return lambda forward: Op(forward, *vjps, broadcasts=broadcasts)


class VariadicOp(Op):
    """An Op of any number of arguments: vjps(need, g, y, *args, **const) -> the gradient of each of args that is needed.

    need[i] says whose, others are None. One call for all: with one for each, the gradient of cat grew as their square.
    """

    def __init__(self, forward, vjps):
        self.forward, self.vjps = forward, vjps
        self._describe(forward, 0)

    def __call__(self, *args, **const):
        arrays, parents = _apart(args)
        return self._record(self.forward(*arrays, **const), None, args, arrays, parents, const)

    def pullback(self, g, y, useful, record):
        args, out = (y.args, y) if record else (y.arrays, y._data)
        return self.vjps([a in useful for a in y.parents], g, out, *args, **y.const)


class Fused(Op):
    """A fast path beside its plain reference.

    run(*arrays, **const) -> (array, saved); backward(g, y, saved, need, *arrays, **const) -> one gradient per argument,
    all on arrays; reference(*args, **const): the same function made of ops. First gradients use `backward`, gradients
    of gradients are taken through the reference, and tests hold the two equal at orders 0, 1 and 2.
    """

    def __init__(self, run, backward, reference, arity):
        self.run, self.backward, self.reference = run, backward, reference
        self._describe(reference, arity)

    def __call__(self, *args, **const):
        if len(args) != self.arity:
            args, const = self._bind(args, const)
        arrays, parents = _apart(args)
        array, saved = self.run(*arrays, **const)
        return self._record(array, saved, args, arrays, parents, const)

    def pullback(self, g, y, useful, record):
        need = [a in useful for a in y.parents]
        if not record:
            return self.backward(g, y._data, y.saved, need, *y.arrays, **y.const)
        # aliases are distinct even where one Tensor was passed twice, so each argument gets its own gradient
        args = [alias(a) if n else a for a, n in zip(y.args, need)]
        wanted = [a for a, n in zip(args, need) if n]
        found = iter(grad(self.reference(*args, **y.const), wanted, g, create_graph=True))
        return [next(found) if n else None for n in need]


class Pieces:
    """A gradient in pieces, which are put together when all are known: one array for all, not one for each.

    An op whose argument gets a gradient at some places only may return it from `pullback`, if nothing is recorded.
    first() is that gradient as an array, add_to(array) adds it to one.
    """

    def __init__(self, shape, first, add_to):
        self.shape, self.first, self.rest = shape, first, []
        self.add_to = add_to

    def __add__(self, other):
        self.rest.append(other)
        return self

    def joined(self):
        """The sum, an array."""
        total = self.first()
        for part in self.rest:
            if type(part) is Pieces:
                part.add_to(total)
            else:
                total = total + part
        return total


def _history(outputs):
    """(leaves, computed): every Tensor that `outputs` depend on and that requires gradients, computed ones in order."""
    leaves, computed, seen, stack = [], [], set(outputs), list(dict.fromkeys(outputs))
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


def grad(outputs, inputs, g=None, create_graph=False):
    """Gradients of <g, outputs> with respect to each of `inputs`; keeps no state and changes nothing.

    outputs: a Tensor or several; inputs: a Tensor or several; g: the gradient of each output (may be left out for
    scalars). Returns a tuple, one gradient per input: arrays, or Tensors with a history when `create_graph`.
    An input that the outputs do not depend on gets zeros. Raises TypeError, ValueError or RuntimeError, naming what to
    mend, for outputs without a history, an output that is no scalar without `g`, a leaf changed since the forward pass.
    """
    if create_graph and not _recording:  # who asks for a graph wants it recorded, under no_grad() as well
        with _enable_grad():
            return grad(outputs, inputs, g, create_graph)
    outputs = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    grads = _seed(outputs, inputs, g, create_graph)
    leaves, computed = _history(outputs)
    _refuse_changed(leaves, computed, create_graph)
    wanted, useful, way = set(inputs), set(inputs), []
    for t in computed:  # on the way to an input: the gradient of anything else is never computed
        if not useful.isdisjoint(t.parents):
            useful.add(t)
            way.append(t)
    for t in reversed(way):  # the last computed first: by its turn, all that used t have added to its gradient
        g_t = grads.get(t) if t in wanted else grads.pop(t, None)  # a buffer is dropped as soon as it was used
        if g_t is None:
            continue
        if type(g_t) is Pieces:
            g_t = g_t.joined()
            if t in wanted:
                grads[t] = g_t
        for a, g_a in zip(t.parents, t.op.pullback(g_t, t, useful, create_graph)):
            if g_a is not None:
                if g_a.shape != a._data.shape:
                    g_a = _fit(g_a, a, t)
                before = grads.get(a)
                if type(g_a) is Pieces and type(before) is not Pieces and before is not None:
                    before, g_a = g_a, before
                grads[a] = g_a if before is None else before + g_a
    return tuple(_result(grads.get(x), x, create_graph) for x in inputs)


def _seed(outputs, inputs, g, create_graph):
    """The gradients the traversal begins with, after all arguments were checked."""
    for x in inputs:
        if not isinstance(x, Tensor):
            raise TypeError(f"grad: an input is a {type(x).__name__}; wrap it: Tensor(x, requires_grad=True)")
        if not x.requires_grad:
            raise RuntimeError(f"grad: an input of shape {x.shape} has requires_grad=False, nothing was recorded")
    gs = list(g) if isinstance(g, list | tuple) else [g] * len(outputs) if g is None else [g]
    if len(gs) != len(outputs):
        raise ValueError(f"grad: {len(outputs)} outputs but {len(gs)} gradients in g")
    grads = {}
    for y, g_y in zip(outputs, gs, strict=True):
        if not isinstance(y, Tensor):
            raise TypeError(
                "grad of a plain array: was it computed without Tensors, or a gradient without create_graph=True?"
            )
        if not y.requires_grad:
            raise RuntimeError(
                "grad of a Tensor without history: it was made under no_grad(), detached, or from Tensors that do not"
                " require gradients; a gradient to differentiate again needs create_graph=True, and has no history even so"
                " where it is constant, as a linear function's: its own gradient is 0"
            )
        if g_y is None:
            if y.size != 1:
                raise ValueError(
                    f"grad of a Tensor of shape {y.shape}: pass g of that shape, or reduce it with sum or mean"
                )
            g_y = xp(y._data).ones(y.shape, y.dtype)
        if raw(g_y).shape != y.shape:
            raise ValueError(f"grad: g has shape {raw(g_y).shape}, the output has {y.shape}; they must be equal")
        g_y = g_y if create_graph and isinstance(g_y, Tensor) else Tensor(raw(g_y)) if create_graph else raw(g_y)
        grads[y] = grads[y] + g_y if y in grads else g_y
    return grads


def _result(gradient, x, create_graph):
    if type(gradient) is Pieces:
        gradient = gradient.joined()
    if gradient is None:
        gradient = xp(x._data).zeros_like(x._data)
        return Tensor(gradient) if create_graph else gradient
    if gradient.dtype != x.dtype:  # float32 weights under a float64 input: the weight's gradient is float32
        gradient = cast(gradient, dtype=x.dtype)
    return gradient


def _refuse_changed(leaves, computed, record):
    """Raise if a leaf got new data after it was used: its gradient would mix old and new values."""
    if not computed or not (record or any(leaf.number > computed[0].number for leaf in leaves)):
        return
    for t in computed:
        for a in t.args:
            if isinstance(a, Tensor) and a.op is None and a.number > t.number:
                raise RuntimeError(
                    f"a leaf of shape {a.shape} was changed after {t.op.__name__} used it, there is no right gradient:"
                    " compute the output again after the update, or take the gradient before it"
                )


def _fit(g, a, t):
    if t.op.broadcasts:
        return sum_to(g, shape=a.shape)
    raise ValueError(
        f"{t.op.__name__}: its vjp returned a gradient of shape {g.shape} for an argument of shape {a.shape};"
        " they must be equal (an op that broadcasts is declared with broadcasts=True)"
    )


# --- the few ops that the engine itself needs ------------------------------------------------------------------


@op(lambda g, y, x: g)
def alias(x):
    """x itself, as a node of its own."""
    return x


@op(lambda g, y, x, dtype: cast(g, dtype=x.dtype))
def cast(x, dtype):
    """x with another floating-point type."""
    return x.astype(dtype)


@op(lambda g, y, x, shape: broadcast_to(g, shape=x.shape))
def sum_to(x, shape):
    """The adjoint of broadcasting: x summed over the axes along which `shape` was repeated."""
    lead = x.ndim - len(shape)
    if x.ndim == 2 and lead == 1 and shape != (1,) and x.dtype.kind == "f":
        return xp(x).ones(len(x), x.dtype) @ x  # a bias: as a product it takes a quarter of the time
    axes = tuple(range(lead)) + tuple(i + lead for i, n in enumerate(shape) if n == 1 and x.shape[i + lead] != 1)
    return x.sum(axes, keepdims=True).reshape(shape)


@op(lambda g, y, x, shape: sum_to(g, shape=x.shape))
def broadcast_to(x, shape):
    """x repeated along new axes and axes of size 1 to get `shape`."""
    if is_numpy(x) and math.prod(shape) < 10_000:  # BLAS cannot read what only looks repeated: 28 us a product, not 6
        y = np.empty(shape, x.dtype)
        y[...] = x
        return y
    return xp(x).broadcast_to(x, shape)

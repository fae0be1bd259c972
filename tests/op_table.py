"""What a row of the table of ops is made of: specs of inputs, a call, and what there is to know about checking it.

A row's inputs are made from its own name, so they never change unless the row does. `op_cases.py` has the rows.
"""

import math
import random
from dataclasses import dataclass

import numpy as np

# --- inputs ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spec:
    """How to make one input: kind(uniform random number in [0, 1)) -> element."""

    shape: tuple
    kind: object
    dtype: str = "float64"
    constant: bool = False  # a floating-point input that is not differentiated: weights of classes, running statistics
    channels_last: bool = False

    def make(self, rng):
        flat = [self.kind(rng.random()) for _ in range(int(np.prod(self.shape)))]
        array = np.array(flat, self.dtype).reshape(self.shape)
        if self.channels_last:
            array = np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        return array


def R(*shape, **options):
    """Real numbers between -1.6 and 1.6, none within 0.1 of 0."""
    return Spec(shape, lambda u: (3 * u - 1.5) + (0.1 if u > 0.5 else -0.1), **options)


def P(*shape, **options):
    """Positive numbers between 0.3 and 2."""
    return Spec(shape, lambda u: 0.3 + 1.7 * u, **options)


def U(*shape, **options):
    """Probabilities between 0.05 and 0.95."""
    return Spec(shape, lambda u: 0.05 + 0.9 * u, **options)


def I(high, *shape):  # noqa: E743 - the letter of integers
    """Integers from 0 to high - 1."""
    return Spec(shape, lambda u: int(u * high), "int64")


def B(*shape):
    """Truth values."""
    return Spec(shape, lambda u: u < 0.5, "bool")


def A(values, dtype="float64", **options):
    """These very numbers."""
    return Given(np.array(values, dtype), **options)


@dataclass(frozen=True)
class Given:
    """An input that is written out."""

    array: np.ndarray
    constant: bool = False

    def make(self, rng):
        return self.array.copy()


def image(*shape):
    """An image batch, channels-last in memory, as the layers pass it on."""
    return R(*shape, channels_last=True)


# --- rows ------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    op: str
    specs: tuple
    call: object
    id: str
    orders: int = 2  # finite differences to this order; fewer only with a reason
    why: str = ""
    golden: bool = True  # compared with PyTorch's numbers; if not, `holds` says what must be true of the value
    golden_gradients: bool = True
    holds: object = None
    kink: bool = False
    float32_tolerance: float = 2e-5  # of float32's numbers against float64's; None if chance gives them other numbers

    def inputs(self):
        rng = random.Random(self.id)
        return [spec.make(rng) if hasattr(spec, "make") else spec for spec in self.specs]

    def differentiable(self):
        """The places of the inputs whose gradient is checked."""
        return [
            i
            for i, spec in enumerate(self.specs)
            if getattr(spec, "dtype", getattr(getattr(spec, "array", None), "dtype", "")) == "float64"
            and not spec.constant
        ]

    def of(self, F, inputs):
        """The function of the differentiable inputs alone, the others held at `inputs`."""
        places = self.differentiable()

        def f(*chosen):
            given = list(inputs)
            for i, x in zip(places, chosen):
                given[i] = x
            return self.call(F, *given)

        return f

    def upstream(self, outputs):
        """A gradient for each output array, the same wherever the row runs."""
        rng = random.Random(self.id + " upstream")
        return [np.array([rng.random() - 0.4 for _ in range(math.prod(y.shape))]).reshape(y.shape) for y in outputs]

    def second_upstream(self, gradients):
        rng = random.Random(self.id + " second")
        return [np.array([rng.random() - 0.4 for _ in range(math.prod(g.shape))]).reshape(g.shape) for g in gradients]


CASES = []
_seen = {}


def row(op, *specs, call=None, tag="", orders=2, why="", golden=True, golden_gradients=True, holds=None, kink=False,
        float32_tolerance=2e-5, **const):  # fmt: skip
    """Add a row: op(*inputs, **const), or call(F, *inputs) where F has the op under PyTorch's name."""
    assert orders == 2 or why or kink, f"{op}: fewer than two orders need a reason"
    assert golden or (why and holds), f"{op}: without golden numbers a reason and `holds` are needed"
    assert golden_gradients or why, f"{op}: other gradients than PyTorch's need a reason"
    shapes = " ".join(_text(s) for s in specs)
    constants = " ".join(f"{k}={v}" for k, v in const.items())
    name = " ".join(part for part in (op, tag, shapes, constants) if part)
    _seen[name] = _seen.get(name, 0) + 1
    name += f" #{_seen[name]}" if _seen[name] > 1 else ""
    run = call or (lambda F, *xs: getattr(F, op)(*xs, **const))
    orders = 0 if kink else orders
    CASES.append(Case(op, specs, run, name, orders, why, golden, golden_gradients, holds, kink, float32_tolerance))


def _text(spec):
    shape = getattr(spec, "shape", None) or getattr(getattr(spec, "array", None), "shape", None)
    return "None" if spec is None else "x".join(map(str, shape)) if shape else "()"

"""The stand-in's ElementwiseKernel: the body of a kernel, as far as C and Python write the same, run on whole arrays."""

import re

import numpy as np

from cupy._array import NUMBERS, compute, ndarray, unwrap, wrap
from cupy._meter import launches

FUNCTIONS = {"tanh": np.tanh, "sqrt": np.sqrt, "exp": np.exp, "max": np.maximum, "min": np.minimum, "where": np.where}
STATEMENT = re.compile(r"^(?:T )?(\w+) (?:([-+*/])= |= )(.+)$")
CHOICE = re.compile(r"^(.+) \? (.+) : (.+)$")


class ElementwiseKernel:
    """kernel(*inputs, *outputs): `operation` for each element, in one launch; an output may be read before it is set.

    Parameters are "T name, ...": T is the type of the first array, and numbers become that.
    """

    def __init__(self, in_params, out_params, operation, name="kernel"):
        names = lambda params: [p.split()[-1] for p in params.split(",") if p]
        self.inputs, self.outputs, self.name = names(in_params), names(out_params), name
        if {"i", "n"} & {*self.inputs, *self.outputs}:
            raise ValueError("Can not use 'i' as a parameter name")
        body = [STATEMENT.match(line.strip()).groups() for line in operation.split(";") if line.strip()]
        self.statements = [
            (target, compile(f"{target} {sign} ({right})" if sign else right, name, "eval"))
            for target, sign, right in ((t, s, CHOICE.sub(r"where(\1, \2, \3)", r)) for t, s, r in body)
        ]

    def __call__(self, *args):
        given = len(self.inputs)
        if len(args) not in (given, given + len(self.outputs)):
            raise TypeError(f"Wrong number of arguments for {self.name!r}: {len(args)}")
        if any(not isinstance(a, (ndarray, *NUMBERS)) for a in args):
            raise TypeError(f"{self.name}: arguments {[type(a) for a in args]}")
        launches["elementwise"] += 1
        dtype = next(a.dtype for a in args if isinstance(a, ndarray))
        if any(isinstance(a, ndarray) and a.dtype != dtype for a in args):
            raise TypeError(f"{self.name}: arrays of types {[getattr(a, 'dtype', None) for a in args]}, all are T")
        values = {
            n: unwrap(a) if isinstance(a, ndarray) else dtype.type(a) for n, a in zip(self.inputs + self.outputs, args)
        }
        shape = np.broadcast_shapes(*map(np.shape, values.values()))
        for target, expression in self.statements:
            with np.errstate(all="ignore"):
                values[target] = np.broadcast_to(np.asarray(eval(expression, FUNCTIONS | values), dtype), shape)
        if any(a.shape != shape for a in args[given:]):
            raise ValueError("Out shape is mismatched")
        outs = args[given:] or [wrap(np.empty(shape, dtype)) for _ in self.outputs]
        for name, out in zip(self.outputs, outs):
            compute(np.copyto, out, wrap(values[name].copy()))
        return outs[0] if len(outs) == 1 else tuple(outs)

"""The stand-in's erf."""

import math

import numpy as np
from cupy._array import unwrap, wrap
from cupy._meter import launches

_erf = np.vectorize(math.erf, otypes=[float])


def erf(x):
    """Return the error function of an array."""
    launches["elementwise"] += 1
    return wrap(_erf(unwrap(x)).astype(x.dtype)) if x.size else x.copy()

"""tinygan: generative adversarial networks, hand-written on NumPy arrays (CuPy arrays on a GPU).

What is said on every page is here: `Tensor`, `grad`, `zeros`, `randn`, `cat`, `manual_seed`, `save`. The rest has its home:
`tinygan.ops` (exp, softmax, conv2d, ...), `tinygan.nn`, `tinygan.losses`, `tinygan.optim`, `tinygan.data`, `tinygan.gan`,
`tinygan.metrics`, `tinygan.plot`, which are there after `import tinygan` and are loaded when they are first used.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

from numpy import float32 as float32
from numpy import float64 as float64
from numpy import int64 as int64

from tinygan import ops
from tinygan.autodiff import Fused as Fused
from tinygan.autodiff import Op as Op
from tinygan.autodiff import Tensor, grad, is_grad_enabled, no_grad, op
from tinygan.creation import *
from tinygan.creation import __all__ as _creation
from tinygan.ops import cat, stack, where
from tinygan.remedies import of_module
from tinygan.saving import load, save
from tinygan.seeding import manual_seed

if TYPE_CHECKING:
    from . import (
        autodiff,
        backend,
        data,
        distributed,
        gan,
        gradcheck,
        losses,
        metrics,
        networks,
        nn,
        optim,
        plot,
        profile,
        recipes,
        run,
        text,
    )

__version__ = "0.1.0"

_PARTS = (
    "autodiff backend data distributed gan gradcheck losses metrics networks nn optim plot profile recipes run text"
).split()

__all__ = [
    "Tensor", "__version__", "cat", "grad", "is_grad_enabled", "load", "manual_seed", "no_grad", "op", "ops", "save",
    "stack", "where", *_creation,
]  # fmt: skip


if not TYPE_CHECKING:  # a type checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        """Import a part of the library when it is first asked for: `tinygan.nn.Linear` after `import tinygan`."""
        if name in _PARTS:
            return importlib.import_module(f"tinygan.{name}")
        raise AttributeError(of_module(name))


def __dir__() -> list[str]:
    return sorted({*globals(), *_PARTS})

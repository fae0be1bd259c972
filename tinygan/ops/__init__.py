"""Every differentiable function under PyTorch's name; Tensor's operators and methods are the same functions.

One family a file; read `elementwise.py` first. Called with arrays they return arrays, with Tensors a Tensor; annotations
name what comes of Tensors. The files hold textbook forms; what makes some of them fast is in `kernels/`.
"""

from typing import TYPE_CHECKING, Any

from tinygan import remedies
from tinygan.autodiff import Tensor, TensorLike, broadcast_to, cast, raw
from tinygan.ops import convert
from tinygan.ops.arrange import *
from tinygan.ops.attention import *
from tinygan.ops.convert import *
from tinygan.ops.convolution import *
from tinygan.ops.elementwise import *
from tinygan.ops.linalg import *
from tinygan.ops.normalisation import *
from tinygan.ops.pool import *
from tinygan.ops.recurrent import *
from tinygan.ops.reduce import *
from tinygan.ops.resizing import *
from tinygan.ops.sampling import *
from tinygan.ops.shapes import *
from tinygan.ops.steps import *


def glu(input: TensorLike, dim: int = -1) -> Tensor:
    """Return a * sigmoid(b) of the two halves a, b along `dim`: the gated linear unit. Dauphin et al. 2017."""
    if input.shape[dim] % 2:
        raise ValueError(f"glu: dim {dim} of {tuple(input.shape)} must be even")
    a, b = chunk(input, 2, dim)
    return a * sigmoid(b)


remedies.watch_functions(globals(), __name__)

METHODS = (
    "abs add all amax amin any argmax argmin argsort bmm ceil chunk clamp clone cos cumsum div dot eq erf exp expm1 flatten"
    " floor gather ge gt index_select isfinite isinf isnan le log log1p log_softmax logsumexp lt masked_fill matmul max"
    " maximum mean min minimum movedim mul ne neg norm pow prod reciprocal relu roll round rsqrt select sigmoid sign sin"
    " softmax sort split sqrt square squeeze std sub sum tanh topk transpose tril triu unbind unflatten unsqueeze var"
).split()
OF_SIZES = "expand flip permute repeat reshape tile".split()  # as in PyTorch: t.reshape(2, 3) or t.reshape((2, 3))
CONVERSIONS = "astype bool contiguous cpu cuda double float int long to".split()
OPERATORS = {
    "add": add, "sub": sub, "mul": mul, "truediv": div, "pow": pow, "matmul": matmul, "mod": remainder,
    "floordiv": floor_divide, "and": bitwise_and, "or": bitwise_or, "xor": bitwise_xor,
}  # fmt: skip
COMPARISONS = {"lt": lt, "le": le, "gt": gt, "ge": ge, "eq": eq, "ne": ne}


def _install_on_tensor() -> None:
    """Give Tensor its operators and methods: t + u is add(t, u), t.sum(dim) is sum(t, dim)."""
    methods: dict[str, Any] = {
        "__neg__": lambda self: neg(self),
        "__abs__": lambda self: abs(self),
        "__invert__": lambda self: bitwise_not(self),
        "__getitem__": lambda self, key: index(self, key),
        "__iter__": lambda self: (index(self, i) for i in range(len(self))),
        "mT": property(lambda self: mT(self), doc=mT.__doc__),
        "T": property(lambda self: transpose(self, 0, 1) if self.ndim == 2 else mT(self), doc="The transposed matrix."),
    }
    for name, f in OPERATORS.items():
        methods[f"__{name}__"], methods[f"__r{name}__"] = _operator(f)
    for name, f in COMPARISONS.items():
        methods[f"__{name}__"], _ = _operator(f)
    for name in METHODS:
        f = globals()[name]
        methods[name] = _method(f, lambda self, *args, f=f, **options: f(self, *args, **options))
    for name in OF_SIZES:
        f = globals()[name]
        methods[name] = _method(f, lambda self, *sizes, f=f: f(self, _listed(sizes)))
    for name in CONVERSIONS:
        methods[name] = getattr(convert, name)
    methods |= {"view": methods["reshape"], "ravel": methods["flatten"]}
    for name, method in methods.items():
        if getattr(method, "__name__", "") == "<lambda>":
            method.__name__ = name  # for help()
        setattr(Tensor, name, method)


def _operator(function: Any) -> tuple[Any, Any]:
    """Return the methods of an operator whose Tensor stands on the left, and on the right."""
    return lambda self, other: function(self, other), lambda self, other: function(other, self)


def _listed(sizes: tuple) -> Any:
    """Return sizes that were given one by one, or as one sequence."""
    return sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes


def _method(function: Any, method: Any) -> Any:
    """Give `method` the name, words and arguments, for help() and inspect.signature, of the function."""
    method.__name__, method.__doc__, method.__wrapped__ = function.__name__, function.__doc__, function
    return method


_install_on_tensor()


if not TYPE_CHECKING:  # a type checker would take any name for one of these
    __getattr__ = remedies.absent(__name__)

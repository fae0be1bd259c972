"""Every differentiable function under PyTorch's name; Tensor's operators and methods are the same functions.

One family a file; read `elementwise.py` first. Called with arrays they return arrays, with Tensors a Tensor; annotations
name what comes of Tensors. The files hold textbook forms; what makes some of them fast is in `kernels/`.
"""

from typing import Any

from tinygan.autodiff import Tensor, TensorLike, broadcast_to, cast, raw
from tinygan.ops.attention import *
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


def glu(input: TensorLike, dim: int = -1) -> Tensor:
    """Return a * sigmoid(b) of the two halves a, b along `dim`: the gated linear unit. Dauphin et al. 2017."""
    if input.shape[dim] % 2:
        raise ValueError(f"glu: dim {dim} of {tuple(input.shape)} must be even")
    a, b = chunk(input, 2, dim)
    return a * sigmoid(b)


METHODS = (
    "abs amax amin argmax argmin chunk clamp cos cumsum exp flatten gather index_select log log_softmax logsumexp"
    " masked_fill matmul max maximum mean min minimum movedim pow prod relu rsqrt select sigmoid sin softmax split sqrt"
    " square squeeze std sum tanh transpose tril triu unflatten unsqueeze var"
).split()
OPERATORS = {"add": add, "sub": sub, "mul": mul, "truediv": div, "pow": pow, "matmul": matmul}
COMPARISONS = ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__")


def _install_on_tensor() -> None:
    """Give Tensor its operators and methods: t + u is add(t, u), t.sum(dim) is sum(t, dim)."""
    methods: dict[str, Any] = {
        "__neg__": lambda a: neg(a),
        "__abs__": lambda a: abs(a),
        "__getitem__": lambda a, key: index(a, key),
        "__iter__": lambda a: (index(a, i) for i in range(len(a))),
        "mT": property(lambda self: mT(self), doc=mT.__doc__),
        "T": property(lambda self: transpose(self, 0, 1) if self.ndim == 2 else mT(self), doc="The transposed matrix."),
        "astype": lambda self, dtype: cast(self, dtype=dtype),
    }
    for name, f in OPERATORS.items():
        methods[f"__{name}__"] = lambda a, b, f=f: f(a, b)
        methods[f"__r{name}__"] = lambda a, b, f=f: f(b, a)
    for name in COMPARISONS:
        methods[name] = lambda a, b, name=name: Tensor(getattr(a.data, name)(raw(b)))
    functions = globals()
    for name in METHODS:
        methods[name] = _method(name, lambda self, *args, f=functions[name], **options: f(self, *args, **options))
    for name in ("reshape", "permute", "tile", "expand", "flip"):  # as in PyTorch: t.reshape(2, 3) or t.reshape((2, 3))
        methods[name] = _method(
            name,
            lambda self, *sizes, f=functions[name]: f(self, sizes[0] if isinstance(sizes[0], tuple | list) else sizes),
        )
    methods["view"] = methods["reshape"]
    for name, method in methods.items():
        setattr(Tensor, name, method)


def _method(name: str, method: Any) -> Any:
    """Give `method` the name, words and arguments, for help() and inspect.signature, of the function of this name."""
    method.__name__, method.__doc__, method.__wrapped__ = name, globals()[name].__doc__, globals()[name]
    return method


_install_on_tensor()

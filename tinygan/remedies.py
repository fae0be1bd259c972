"""What users of PyTorch and NumPy write, and what to write here: the last words of many errors.

`with_remedies` watches a function or a constructor and explains an argument of another library's name, a list where an
array is due, an index that is no integer. `of_method` and `of_module` answer for names that Tensor and the parts of
`tinygan` do not have. None of it costs anything until something has failed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from types import FunctionType
from typing import Any, TypeVar

C = TypeVar("C", bound=type)
F = TypeVar("F", bound=Callable[..., Any])

# --- arguments -------------------------------------------------------------------------------------------------

_ARGUMENTS = {  # elsewhere -> here; where nothing corresponds, a sentence
    "axis": "dim",
    "axes": "dim",
    "keepdims": "keepdim",
    "ddof": "correction",
    "unbiased": "correction",
    "a_min": "min",
    "a_max": "max",
    "newshape": "shape",
    "learning_rate": "lr",
    "wd": "weight_decay",
    "beta1": "betas",
    "beta2": "betas",
    "epsilon": "eps",
    "amsgrad": "leave it out",
    "maximize": "give it the gradient of the negative",
    "parameters": "params",
    "generator": "rng",
    "seed": "rng",
    "random_state": "rng",
    "size_average": "reduction",
    "grad_outputs": "g",
    "gradient": "g",
    "retain_graph": "graphs are kept for as long as their Tensors are: leave it out",
    "only_inputs": "leave it out",
    "allow_unused": "an input that is not used gets zeros: leave it out",
    "set_to_none": "leave it out",
    "map_location": "arrays come to the CPU, and module.to(device) moves them: leave it out",
    "weights_only": "there is never anything else in the file: leave it out",
    "reduce": "reduction",
    "out": "results are always new: assign what is returned",
    "inplace": "nothing is changed in place here: leave it out",
    "num_workers": "batches are made in this process: leave it out",
    "pin_memory": "leave it out",
    "collate_fn": "change the batches that it serves",
    "transform": "change the batches that it serves",
    "sampler": "give it the rows that are wanted: Loader(images[order], batch_size=64)",
    "persistent_workers": "leave it out",
    "data_range": "value_range",
    "nrow": "columns",
    "fps": "seconds_per_frame",
    "root": "the folder is named by the environment variable TINYGAN_DATA: leave it out",
    "download": "what is not there is downloaded: leave it out",
    "train": "split",
    "foreach": "parameters are always updated together: leave it out",
    "fused": "parameters are always updated together: leave it out",
}
_ARRAYS = set("input other weight target mask condition tensor query key value x index logits mat2 vec2".split())


def with_remedies(function: F, name: str = "") -> F:
    """Return the function with errors that say what to write instead, where it is known. `name`: what users call it."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        try:
            return function(*args, **options)
        except (AttributeError, IndexError, TypeError, ValueError) as error:
            explain(name or function.__name__, function, error, args, options)
            raise

    return call  # type: ignore[return-value]


def warn(message: str) -> None:
    """Warn at the line outside of tinygan that led here."""
    import warnings

    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("tinygan."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


def watch_functions(names: dict[str, Any], home: str) -> None:
    """Let the public functions of a module explain themselves: names is its globals(), home its name."""
    for name, function in list(names.items()):
        if isinstance(function, FunctionType) and not name.startswith("_") and function.__module__.startswith(home):
            names[name] = with_remedies(function)
            names[name].__module__ = home  # where pickle finds it


def watch(cls: C) -> C:
    """Let the constructor of a class explain itself: a decorator, and for `__init_subclass__`."""
    if "__init__" in vars(cls):
        setattr(cls, "__init__", with_remedies(vars(cls)["__init__"], cls.__name__))  # noqa: B010
    return cls


def explain(name: str, function: Callable, error: Exception, args: tuple, options: dict) -> None:
    """Raise an error with the remedy if that of function(*args, **options) is of a known kind."""
    import inspect  # here, as it takes 8 ms to load

    if function.__name__ == "__init__":  # perhaps one that the class inherits
        name = type(args[0]).__name__
    if type(error).__name__ == "AxisError":
        dim, ndim = error.axis, error.ndim  # type: ignore[attr-defined]
        raise IndexError(f"{name}: dim {dim} is out of range for {ndim} dimensions") from None
    if isinstance(error, IndexError) and "must be of integer" in str(error):
        raise TypeError(
            f"{name}: an index must be integers (or truth values): make it so, t.long() or array.astype('int64')"
        ) from None
    parameters = list(inspect.signature(function).parameters)
    if isinstance(error, IndexError | ValueError):
        if parameters[:1] == ["tensors"]:
            _check_array(name, "tensors", *args[:1])
        return
    for option in options:
        right = _ARGUMENTS.get(option)
        if right and option not in parameters and right in parameters:
            raise TypeError(f"{name}: {option}= is called {right}= here: {name}(..., {right}=...)") from None
        if right and option not in parameters and " " in right:
            raise TypeError(f"{name} has no {option}=: {right}") from None
    for parameter, value in (*zip(parameters, args), *options.items()):
        _check_array(name, parameter, value)
    nothing = next((value for value in args if value is None or isinstance(value, str)), 0)
    if "other" in parameters and nothing != 0:
        reason = "; a forward without return gives None" if nothing is None else ""
        raise TypeError(f"{name}: {nothing!r} is neither a number nor a Tensor{reason}") from None
    call = f"{getattr(function, '__qualname__', '')}()"
    if isinstance(error, TypeError) and str(error).startswith(call):
        takes = ", ".join(parameter for parameter in parameters if parameter != "self")
        raise TypeError(f"{name}:{str(error).removeprefix(call)} (its arguments: {takes})") from None


def _check_array(name: str, parameter: str, value: Any) -> None:
    """Raise TypeError if the argument is a list of numbers, or another library's tensor, where an array is due."""
    if parameter == "tensors":
        if not isinstance(value, list | tuple):
            raise TypeError(f"{name} takes its tensors as one list: {name}([a, b], dim)") from None
        for i, part in enumerate(value):
            _check_array(name, f"tensors[{i}]", part)
    elif parameter not in _ARRAYS and not parameter.startswith("tensors["):
        return
    elif _holds_numbers(value):
        raise TypeError(
            f"{name}: {parameter} is a {type(value).__name__}; make it a Tensor, tinygan.tensor({parameter}), or an array"
        ) from None
    elif isinstance(value, tuple) and hasattr(value[0] if value else None, "dtype"):
        raise TypeError(
            f"{name}: {parameter} is a tuple, as LSTM and GRU return it: take its first, output, state = lstm(x)"
        ) from None
    elif isinstance(value, list) and hasattr(value[0] if value else None, "dtype"):
        raise TypeError(f"{name}: {parameter} is a list of Tensors; join them, tinygan.stack({parameter})") from None
    elif type(value).__module__.split(".")[0] == "torch":
        raise TypeError(
            f"{name}: {parameter} is a torch.Tensor; bring it here with tinygan.from_numpy(t.detach().numpy())"
        ) from None


def _holds_numbers(value: Any) -> bool:
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, bool | int | float | list | tuple)


# --- settings of recipes ---------------------------------------------------------------------------------------

SETTINGS = {"lr": "learning_rate", "wd": "weight_decay", "epochs": "steps", "iterations": "steps", "bs": "batch_size"}


def of_setting(name: str, settings: list[str]) -> str:
    """Return a proposal for a setting that a recipe does not have, for the end of a sentence; nothing if none is near."""
    from difflib import get_close_matches

    known = [ours for ours in [SETTINGS.get(name)] if ours in settings]
    near = known or get_close_matches(name, settings, 1)
    return f"; did you mean {near[0]}?" if near else ""


# --- methods that Tensor does not have -------------------------------------------------------------------------

_METHODS = {
    "t": "t.T",
    "mm": "t @ u",
    "mv": "t @ u",
    "addmm": "b + t @ u",
    "half": "t.float(): numbers are float32 or float64 here",
    "type": 't.to("float64"), and t.dtype says what it is',
    "type_as": "t.to(u.dtype)",
    "view_as": "t.reshape(u.shape)",
    "reshape_as": "t.reshape(u.shape)",
    "expand_as": "t.expand(u.shape)",
    "nelement": "t.numel()",
    "ndimension": "t.dim()",
    "clip": "t.clamp(min, max)",
    "copy": "t.clone()",
    "swapaxes": "t.transpose(dim0, dim1)",
    "narrow": "a slice: t[:, start : start + length]",
    "masked_select": "t[mask]",
    "logical_and": "t & u",
    "logical_or": "t | u",
    "logical_xor": "t ^ u",
    "logical_not": "~t",
    "fmod": "t % u",
    "true_divide": "t / u",
    "lerp": "t + (u - t) * weight",
    "log2": "t.log() / math.log(2)",
    "log10": "t.log() / math.log(10)",
    "equal": "(t == u).all()",
    "allclose": "np.allclose(t.data, u.data)",
    "isclose": "np.isclose(t.data, u.data)",
    "bernoulli": "(tinygan.rand_like(t) < t).float()",
    "repeat_interleave": "t.index_select(dim, np.repeat(np.arange(n), k))",
    "scatter": "tinygan.ops.scatter_add, or where and a mask",
    "new_zeros": "tinygan.zeros(sizes)",
    "new_ones": "tinygan.ones(sizes)",
    "new_tensor": "tinygan.tensor(data)",
    "is_cuda": 't.device == "cuda"',
    "is_leaf": "t.op is None",
    "grad_fn": "t.op",
    "retain_grad": "tinygan.grad(loss, [t]), which returns the gradient of any Tensor",
    "register_hook": "tinygan.grad(loss, [t]), and change what it returns",
    "new_full": "tinygan.full(size, value)",
    "new_empty": "tinygan.zeros(sizes)",
    "byte": "t.to('uint8')",
    "short": "t.to('int16')",
    "trunc": "t.sign() * t.abs().floor()",
    "frac": "t - t.sign() * t.abs().floor()",
    "logit": "(t / (1 - t)).log()",
    "diag": "t[range(n), range(n)], or tinygan.ops.mul(t, np.eye(n))",
    "element_size": "t.dtype.itemsize",
    "storage": "t.data",
    "unfold": "tinygan.ops.stack([t[:, i : i + size] for i in range(0, n, step)], 1)",
    "histc": "np.histogram(t.data), which has no gradient",
    "where": "tinygan.ops.where(condition, t, other)",
    "broadcast_to": "t.expand(sizes)",
    "get_device": "t.device",
    "untyped_storage": "t.data",
    "nbytes": "t.data.nbytes",
    "stride": "t.data.strides",
    "pin_memory": "nothing: leave it out",
    **{
        name: f"np.{name}(t.data), which has no gradient"
        for name in "median quantile percentile unique histogram nonzero argwhere bincount cumprod diff trace".split()
    },
}
_IN_PLACE = {
    **{name: f"tinygan.nn.init.{name}(t), for a parameter" for name in ("normal_", "uniform_", "orthogonal_")},
    "zero_": "t.data = np.zeros_like(t.data); for gradients, optimizer.zero_grad()",
    "fill_": "t.data = np.full_like(t.data, value)",
    "copy_": "t.data = u.data.copy()",
}


def of_method(name: str, methods: Any) -> str:
    """Return what to write instead of t.name, where Tensor has only `methods`."""
    said = f"a Tensor has no {name!r}"
    if name in _METHODS:
        return f"{said}: write {_METHODS[name]}"
    if name.endswith("_") and not name.endswith("__"):
        other = f"t = t.{name[:-1]}(...)" if hasattr(methods, name[:-1]) else "t.data = array, a new one, for a leaf"
        return f"{said}: nothing is changed in place. Write {_IN_PLACE.get(name, other)}"
    if not name.startswith("_") and callable(vars(sys.modules["tinygan.ops"]).get(name)):
        return f"{said}: write tinygan.ops.{name}({_arguments_after_t(name)})"
    return said


def _arguments_after_t(name: str) -> str:
    """Return "t" and the names of the other arguments that the function tinygan.ops.name cannot do without."""
    import inspect

    _, *others = inspect.signature(getattr(sys.modules["tinygan.ops"], name)).parameters.values()
    return ", ".join(["t", *(p.name for p in others if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD)])


# --- names that `tinygan` and its parts do not have -------------------------------------------------------------

_MODULE = {
    "cuda": "tinygan.backend.cuda_problem() is None where a GPU can be used; `tinygan doctor` says more",
    "device": 'a device is "cpu" or "cuda", as it stands',
    "autograd": "tinygan.grad(outputs, inputs) returns gradients",
    "enable_grad": "gradients are recorded outside of tinygan.no_grad()",
    "inference_mode": "write tinygan.no_grad()",
    "set_grad_enabled": "write `with tinygan.no_grad():` around what is not to be recorded",
    "utils": "batches are tinygan.data.Loader's",
    "functional": "write tinygan.nn.functional",
    "Generator": "write np.random.default_rng(seed)",
    "seed": "write tinygan.manual_seed(0)",
    "empty": "write tinygan.zeros(sizes)",
    "as_tensor": "write tinygan.Tensor(array)",
    "asarray": "write tinygan.Tensor(array)",
    "bernoulli": "write (tinygan.rand_like(p) < p).float()",
    "is_tensor": "write isinstance(x, tinygan.Tensor)",
    "concat": "write tinygan.cat",
    "concatenate": "write tinygan.cat",
    "clip": "write tinygan.ops.clamp",
    "mm": "write a @ b",
    "normal": "write mean + std * tinygan.randn(sizes)",
    "allclose": "write np.allclose(a.data, b.data)",
    "equal": "write (a == b).all()",
    "set_num_threads": "set OPENBLAS_NUM_THREADS before Python starts",
    "compile": "there is nothing to compile: leave it out",
    "jit": "there is nothing to compile: leave it out",
    "backends": "there is nothing to set: leave it out",
    "get_default_dtype": "numbers are float32 unless dtype= says otherwise",
    "set_default_dtype": "write dtype=np.float64 where it is to hold, or module.double()",
    "get_rng_state": "draw from a Generator that you keep, tinygan.randn(3, rng=rng): its state is rng.bit_generator.state",
    "set_rng_state": "draw from a Generator that you keep, tinygan.randn(3, rng=rng): its state is rng.bit_generator.state",
    "FloatTensor": "write tinygan.tensor(data)",
    "LongTensor": "write tinygan.tensor(data)",
    **{
        name: f"types are NumPy's: np.{kind}, or {kind!r}"
        for name, kind in {
            "float": "float32", "double": "float64", "int": "int32", "long": "int64", "bool": "bool", "uint8": "uint8",
            "int32": "int32", "int8": "int8", "float16": "float32",
        }.items()
    },
}  # fmt: skip
_LOADER = "write tinygan.data.Loader(images, labels, batch_size=64): it takes the arrays themselves"
_SHOW = "write plot.save_image(plot.image_grid(pictures), 'pictures.png')"
_NAMES = {  # part -> names that are not there -> what to write
    "tinygan": _MODULE,
    "tinygan.data": {
        "DataLoader": _LOADER, "Dataset": _LOADER, "TensorDataset": _LOADER, "Subset": _LOADER,
        "random_split": "write order = rng.permutation(len(images)), and index with parts of it",
        "transforms": "change the batches that a Loader serves, with functions of tinygan.ops: pad, flip, roll",
        "MNIST": "write images, labels = tinygan.data.mnist('train')",
    },
    "tinygan.gan": {
        "EMA": "it is tinygan.optim.EMA",
        "gradient_penalty": "it is tinygan.gan.penalties.one_centred",
    },
    "tinygan.gan.penalties": {"gradient_penalty": "write one_centred(verdicts, samples)"},
    "tinygan.losses": {"bce": "write binary_cross_entropy", "mse": "write mse_loss", "ce": "write cross_entropy"},
    "tinygan.nn.functional": {
        "pairwise_distance": "write (x - y).norm(dim=-1)", "fold": "write ops.conv_transpose2d",
        "unfold": "write ops.conv2d, or stack slices",
    },
    "tinygan.metrics": {
        "FID": "write frechet_distance(features, real_features)", "fid": "write frechet_distance(features, real_features)",
        "accuracy": "write (logits.argmax(1) == labels).float().mean()",
    },
    "tinygan.nn.init": {"trunc_normal_": "write normal_(weight, mean, std)"},
    "tinygan.plot": {
        "make_grid": "write image_grid(pictures, columns=8)", "imshow": _SHOW, "show": _SHOW, "plot": _SHOW,
        "imsave": _SHOW,
    },
}  # fmt: skip
_HOMES = (
    "ops nn nn.init losses optim data gan.objectives gan.penalties gan.players metrics plot gradcheck backend".split()
)


def of_module(name: str, part: str = "tinygan") -> str:
    """Return what to write instead of part.name: from a list, from where else it is, or from a name that looks like it."""
    import importlib
    from difflib import get_close_matches

    said = f"{part} has no {name!r}"
    if name in _NAMES.get(part, ()):
        return f"{said}: {_NAMES[part][name]}"
    if name.startswith("_"):
        return said
    for home in (f"tinygan.{home}" for home in _HOMES):
        if _is_of_tinygan(vars(importlib.import_module(home)).get(name)) and home != part:
            return f"{said}: it is {home}.{name}"
    of_layers = {layer.lower(): instead for layer, instead in importlib.import_module("tinygan.nn").INSTEAD.items()}
    if (layer := name.replace("_", "").lower()) in of_layers:  # relu6 is ReLU6 as a function
        return f"{said}: write {of_layers[layer]}"
    for table in (_METHODS, _MODULE):
        if name in table:
            return f"{said}: {'write ' * (table is _METHODS)}{table[name]}"
    public = [key for key, value in vars(sys.modules[part]).items() if _is_of_tinygan(value) and not key.startswith("_")]
    near = get_close_matches(name, public, 1, 0.7)
    return f"{said}; did you mean {near[0]}?" if near else said


def _is_of_tinygan(value: Any) -> bool:
    return (getattr(value, "__module__", None) or "").startswith("tinygan.")


def absent(part: str) -> Callable[[str], Any]:
    """Return a module's `__getattr__` that says what to write instead."""

    def __getattr__(name: str) -> Any:
        raise AttributeError(of_module(name, part))

    return __getattr__
